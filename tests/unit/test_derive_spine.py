"""Canal, foramina and roots of a spine made of equal vertebrae, on any grid."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from osteoplan.anatomy.derive.canvas import Canvas
from osteoplan.anatomy.derive.spine import (
    _follows,
    _next,
    _root_of,
    canal,
    foramina_and_roots,
    read_levels,
)
from osteoplan.knowledge.structures import scheme
from osteoplan.knowledge.values import number
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume
from tests.synthetic_vertebra import CANAL_CENTRE_P, CANAL_HALF, PEDICLE_UP, _bone_parts, rotation

NAMES = scheme("totalsegmentator")
APART = 31.0  # from body to body; they are 22 mm high
UPPER = -(7.0 - PEDICLE_UP)  # lower edge of a pedicle, from its body's middle
LOWER = -APART + PEDICLE_UP + 7.0  # upper edge of the one below
GRIDS = {
    "straight": np.eye(3),
    "oblique": rotation((8.0, -6.0, 11.0)),
    "left_handed": rotation((-5.0, 3.0, 4.0)) @ np.diag([-1.0, 1.0, 1.0]),
}
SPACING = (1.5, 1.3, 1.9)
TOP = np.array([5.0, -12.0, 70.0])


@cache
def spine(grid="oblique", names=("T11", "T12", "L1")):
    """(canvas, bone coordinates from the middle of the first body) of vertebrae under each other."""
    axes = GRIDS[grid]
    half = np.array([44.0, 46.0, 24.0 + APART * len(names) / 2])
    middle = TOP + np.array([0.0, 16.0, -APART * (len(names) - 1) / 2])
    shape = np.ceil(2 * (np.abs(axes.T) @ half) / SPACING).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = axes * SPACING
    affine[:3, 3] = middle - affine[:3, :3] @ (shape - 1) / 2
    ct = Volume(np.zeros(tuple(shape), dtype=np.int16), affine, "HU")
    at = ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1)) - TOP
    array = np.zeros(ct.shape, dtype=np.uint8)
    down = np.array([0.0, 0.0, APART])
    for n, name in enumerate(names):
        left, back, up = np.moveaxis(at + n * down, -1, 0)
        array[_bone_parts(left, back, up, 4.5)[2]] = NAMES[f"vertebrae_{name}"]
    whole = tuple(slice(0, n) for n in ct.shape)
    return Canvas(ct, LabelMap(ct.with_array(array, "label"), NAMES), whole), at


@cache
def read(grid="oblique", names=("T11", "T12", "L1")):
    canvas, at = spine(grid, names)
    levels, notes = read_levels(canvas, names)
    assert notes == ()
    return canvas, at, levels


def by_name(derived):
    return {one.name: one for one in derived.structures}


@pytest.mark.parametrize("grid", GRIDS)
def test_the_canal_is_the_hole_of_every_ring_and_goes_on_between_them(grid):
    canvas, at, levels = read(grid)
    assert list(levels) == ["T11", "T12", "L1"]
    (found,) = canal(canvas, levels).structures
    left, back, up = np.moveaxis(at, -1, 0)
    hole = (left / CANAL_HALF[0]) ** 2 + ((back - CANAL_CENTRE_P) / CANAL_HALF[1]) ** 2 < 1
    bone = canvas.labels.volume.array > 0
    assert not (found.mask & bone).any()
    for n in range(3):  # within each ring
        here = np.abs(up + APART * n) < 8.0
        both = 2 * (found.mask & hole & here).sum()
        assert both / ((found.mask & here).sum() + (hole & here).sum()) > 0.85
    for height in np.arange(-2 * APART, 0.0, 3.0):  # and no gap between them
        here = np.abs(up - height) < 1.5
        assert (found.mask & here & hole).sum() > 0.5 * (hole & here).sum(), height
    assert found.kind == "canal"
    assert "T11, T12, L1" in found.because


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("side", "sign"), [("left", 1.0), ("right", -1.0)])
def test_a_foramen_is_the_space_between_two_pedicles(grid, side, sign):
    canvas, at, levels = read(grid)
    found = by_name(foramina_and_roots(canvas, levels))
    for n, (one, two) in enumerate((("T11", "T12"), ("T12", "L1"))):
        mask = found[f"neural_foramen_{one}_{two}_{side}"].mask
        assert not (mask & (canvas.labels.volume.array > 0)).any()
        left, back, up = (at[mask] + [0.0, 0.0, APART * n]).T
        assert 8.0 < (sign * left).min() < (sign * left).max() < 25.0
        assert np.mean(up) == pytest.approx((UPPER + LOWER) / 2, abs=2.0)
        assert LOWER - 3.0 < up.min() < up.max() < UPPER + 3.0
        assert np.ptp(up) > 0.7 * (UPPER - LOWER)
        assert back.min() > 0.0  # behind the middle of the bodies
        assert "assumed" not in found[f"neural_foramen_{one}_{two}_{side}"].because


@pytest.mark.parametrize(("side", "sign"), [("left", 1.0), ("right", -1.0)])
def test_a_root_runs_from_the_canal_close_below_its_pedicle_to_its_own_side(side, sign):
    canvas, at, levels = read()
    found = by_name(foramina_and_roots(canvas, levels))
    tube = canal(canvas, levels).structures[0].mask
    for n, name in enumerate(("T11", "T12", "L1")):
        one = found[f"nerve_root_{name}_{side}"]
        left, _, up = (at[one.mask] + [0.0, 0.0, APART * n]).T
        assert (one.mask & tube).any()
        assert (sign * left).min() > 0.0
        assert (sign * left).max() > 19.0 + 0.5 * number("derived.root_beyond_mm")
        inside = (sign * left > 11.0) & (sign * left < 18.0)
        radius = number("derived.root_radius_mm")
        assert up[inside].max() == pytest.approx(UPPER, abs=2.0)
        assert np.ptp(up[inside]) < 2 * radius + 3.0
        outer = sign * left > 24.0
        assert up[outer].mean() < up[inside].mean()  # a root goes down
        assert one.kind == "nerve"
        assert "template" in one.because
    # thoracic ones go back, lumbar ones forward
    back = {name: at[found[f"nerve_root_{name}_{side}"].mask] for name in ("T12", "L1")}
    ends = {name: p[sign * p[:, 0] > 26.0][:, 1].mean() - p[np.abs(p[:, 0]) < 16.0][:, 1].mean()
            for name, p in back.items()}  # fmt: skip
    assert ends["L1"] < 0.0 < ends["T12"]


def test_below_the_last_level_the_height_is_assumed_and_said_so():
    canvas, at, levels = read()
    found = by_name(foramina_and_roots(canvas, levels))
    last = found["neural_foramen_L1_L2_left"]
    assert "its height is assumed (L2 not read)" in last.because
    up = (at[last.mask] + [0.0, 0.0, 2 * APART])[:, 2]
    height = number("derived.foramen_height_mm")
    assert up.mean() == pytest.approx(UPPER - height / 2, abs=2.0)
    assert "assumed" in found["nerve_root_L1_left"].because


def test_a_level_that_is_not_labelled_is_no_neighbour():
    canvas, _, levels = read("straight", ("T9", "T12"))
    found = by_name(foramina_and_roots(canvas, levels))
    assert {name for name in found if "foramen" in name} == {
        f"neural_foramen_{two}_{side}" for two in ("T9_T10", "T12_L1") for side in ("left", "right")
    }
    (tube,) = canal(canvas, levels).structures
    assert tube.mask.any()


def test_a_level_that_the_scan_cuts_or_that_is_no_ring_is_told_and_the_others_stand():
    whole, at = spine("straight", ("T11", "T12"))
    last = int(np.flatnonzero(at[0, 0, :, 2] > 0.0)[0])  # through the middle of the upper one
    low, high = np.zeros(3, dtype=int), np.array([*whole.ct.shape[:2], last])
    labels = LabelMap(whole.labels.volume.crop(low, high), NAMES)
    canvas = Canvas(whole.ct.crop(low, high), labels, (*whole.near[:2], slice(0, last)))
    levels, notes = read_levels(canvas, ("T11", "T12", "S1"))
    assert list(levels) == ["T12"]
    assert notes == ("canal, foramina and roots of T11 are not derived: it is cut by the scan's edge",)
    canvas, at = spine("straight", ("T12", "L1"))
    array = canvas.labels.volume.array.copy()
    array[(array == NAMES["vertebrae_L1"]) & (at[..., 1] > 14.0)] = 0  # its body alone
    bare = Canvas(canvas.ct, LabelMap(canvas.labels.volume.with_array(array), NAMES), canvas.near)
    levels, notes = read_levels(bare, ("T12", "L1"))
    assert list(levels) == ["T12"]
    assert "L1 are not derived" in notes[0]
    assert canal(bare, {}).structures == ()


def test_which_level_follows_which_and_whose_root_leaves_below():
    """Eleven to thirteen thoracic, four to six lumbar; a cervical root is named after the level below."""
    assert _follows("C6", "C7")
    assert _follows("C7", "T1")
    assert _follows("T12", "L1")
    assert _follows("T11", "L1")
    assert _follows("T13", "L1")
    assert _follows("L4", "S1")
    assert _follows("L6", "S1")
    for upper, lower in (
        ("T10", "L1"),
        ("L3", "S1"),
        ("T11", "L2"),
        ("C6", "T1"),
        ("T4", "T6"),
        ("T5", "T4"),
    ):
        assert not _follows(upper, lower), (upper, lower)
    assert [_next(level) for level in ("C7", "T4", "T12", "T13", "L2", "L5", "L6")] == [
        "T1", "T5", "L1", "L1", "L3", "S1", "S1",
    ]  # fmt: skip
    assert [_root_of(level) for level in ("C5", "C7", "T1", "L4")] == ["C6", "C8", "T1", "L4"]
