"""Outlines of a long bone and the cortex under them, on lines whose answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.anatomy.measure.outline import _closed_lines, _even, _lost, _solid, sections
from osteoplan.kernels.distance import signed_distance
from tests.synthetic_long_bone import GRIDS, RADIUS, SPACING, THICK, frame, notch, tube

HALF_MM = 0.5  # between the values of a line


def line(*runs):
    """A line of values: (value, how many) after each other."""
    return np.concatenate([np.full(n, float(value)) for value, n in runs])[None, :]


def test_a_cortex_is_the_run_around_the_peak_above_half_of_it():
    intact = line((0, 4), (1000, 10), (300, 16))
    nothing = np.zeros(intact.shape, dtype=bool)
    lost, thick = _lost(intact, intact, nothing, 200.0)
    assert (lost[0], thick[0]) == (0.0, 10 * HALF_MM)
    # a second cortex on the far side is not this one
    both = line((0, 4), (1000, 6), (100, 8), (900, 6), (0, 6))
    assert _lost(both, both, np.zeros(both.shape, dtype=bool), 200.0)[1][0] == 6 * HALF_MM
    # trabecular bone above half of the peak belongs to the run, at half or below not
    soft = line((0, 4), (1000, 6), (501, 5), (499, 15))
    assert _lost(soft, soft, np.zeros(soft.shape, dtype=bool), 200.0)[1][0] == 11 * HALF_MM


def test_what_is_lost_is_height_times_thickness_of_the_part_in_the_lesion():
    intact = line((0, 4), (1000, 10), (100, 16))
    gone = line((0, 4), (0, 4), (1000, 6), (100, 16))
    inside = line((0, 2), (1, 6), (0, 22)) > 0
    assert _lost(intact, gone, inside, 200.0)[0][0] == pytest.approx(0.4)
    half = np.where(inside, intact / 2, intact)
    assert _lost(intact, half, inside, 200.0)[0][0] == pytest.approx(0.2)
    # what changed outside the lesion is noise, and more bone than before is no negative loss
    assert _lost(intact, gone, np.zeros_like(inside), 200.0)[0][0] == 0.0
    assert _lost(intact, 2 * intact, inside, 200.0)[0][0] == 0.0
    # a hole below soft tissue takes no more than all of it
    assert _lost(intact, intact - 5000.0, np.ones_like(inside), 200.0)[0][0] == 1.0


def test_where_no_cortex_is_seen_nothing_is_lost_and_no_thickness_told():
    faint = line((0, 4), (150, 10), (40, 16))
    lost, thick = _lost(faint, 0 * faint, np.ones(faint.shape, dtype=bool), 200.0)
    assert lost[0] == 0.0
    assert np.isnan(thick[0])


def test_a_closed_line_is_cut_into_equal_pieces():
    corners = np.array([[0.0, 0.0], [8.0, 0.0], [8.0, 4.0], [0.0, 4.0], [0.0, 0.0]])
    middles, lengths = _even(corners, 0.7)
    assert len(middles) == 24  # about a step each
    assert lengths.sum() == pytest.approx(24.0 * 0.7)
    assert np.ptp(lengths) == pytest.approx(0.0, abs=1e-12)
    on_edge = (
        np.isclose(middles[:, 0], 0) | np.isclose(middles[:, 0], 8)
        | np.isclose(middles[:, 1], 0) | np.isclose(middles[:, 1], 4)
    )  # fmt: skip
    assert on_edge.all()
    assert len(_even(0.1 * corners, 0.7)[0]) == 8  # however short


def test_a_marrow_that_the_label_leaves_out_has_no_outline():
    at = np.stack(np.meshgrid(np.arange(31.0), np.arange(27.0), np.arange(3.0), indexing="ij"), -1)
    r = np.hypot(at[..., 0] - 15.0, at[..., 1] - 13.0)
    hollow = signed_distance((r < 11.0) & (r > 6.0), np.ones(3))
    assert len(_closed_lines(hollow[:, :, 1])) == 2
    solid = _solid(hollow)
    (outer,) = _closed_lines(solid[:, :, 1])
    assert np.hypot(outer[:, 0] - 15.0, outer[:, 1] - 13.0).mean() == pytest.approx(11.0, abs=0.5)
    assert (solid[r > 6.0] == hollow[r > 6.0]).all()
    assert (solid[r < 5.5] < 0.0).all()
    cut = signed_distance((r < 11.0) & (at[..., 0] < 12.0), np.ones(3))[:14]
    assert all(len(one) > 8 for one in _closed_lines(cut[:, :, 1]))


@pytest.mark.parametrize("name", GRIDS)
def test_sections_of_a_tube_are_circles_over_the_lesions_length_and_a_little_more(name):
    anatomy = tube(name, notch(120.0, 30.0))
    found = sections(anatomy, frame())
    heights = np.array([one.height_mm for one in found.outlines])
    assert heights.min() == pytest.approx(-20.0, abs=1.5)
    assert heights.max() == pytest.approx(20.0, abs=1.5)
    assert len(np.unique(heights)) == len(heights)  # one outline each
    for one in found.outlines:
        assert one.lengths_mm.sum() == pytest.approx(2 * np.pi * RADIUS, rel=0.03)
        assert len(one.lengths_mm) == len(one.lost) == len(one.cortex_mm)
    middle = next(one for one in found.outlines if abs(one.height_mm) < 0.6)
    assert np.nanmedian(middle.cortex_mm) == pytest.approx(THICK, abs=0.7)
    share = middle.lengths_mm[middle.lost > 0.5].sum() / middle.lengths_mm.sum()
    assert share == pytest.approx(120.0 / 360.0, abs=max(SPACING) / (2 * np.pi * RADIUS))
    away = next(one for one in found.outlines if one.height_mm > 18.0)
    assert away.lost.max() < 0.1
    inside = found.grid.depth < 0
    volume = found.lesion.sum() * found.grid.step**3
    assert volume == pytest.approx(30.0 * np.pi * RADIUS**2 / 3, rel=0.06)
    assert not (found.lesion & ~inside).sum() > 0.05 * found.lesion.sum()
