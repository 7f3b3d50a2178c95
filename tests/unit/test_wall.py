"""On which stretch of a way the wall around it counts, in a slab of bone between two flat faces."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from osteoplan.trajectory.wall import (
    SLOPE_MAX,
    STEP_MM,
    Intraosseous,
    Wall,
    intraosseous_of,
    own_intraosseous,
)
from tests.corridor_made import Grid

HALF = 10.0  # of the slab, across x
GRID = Grid((0.9, 1.1, 1.4), (14.0, -8.0, 25.0), left_handed=True)


def slab():
    image = GRID.volume((26.0, 26.0, 8.0))
    at = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))
    return Wall((HALF - np.abs(at[..., 0])).astype(np.float32)[..., None], image.affine)


def corridor(diameter=6.0, width=8.0, **measures):
    return SimpleNamespace(
        kind="corridor", diameter_mm=diameter, side="left", measures={"width_mm": width, **measures}
    )


def ends(*angles, half=20.0):
    """Axes through the middle of the slab that lean so far off its normal [deg]."""
    a = np.radians(np.array(angles, dtype=float))
    way = np.stack([np.cos(a), np.sin(a), 0 * a], axis=1)
    return -half * way, half * way


@pytest.mark.parametrize(
    ("diameter", "width", "level"), [(6.0, 8.0, 4.0), (6.0, 2.0, 3.0), (2.0, 99.0, 10.0)]
)
def test_a_wall_counts_where_the_axis_is_as_deep_as_the_corridor_is_wide(diameter, width, level):
    """At x = -(10 - level) for the first time and at x = 10 - level for the last, or in the middle."""
    angles = (0.0, 20.0, 35.0)
    found = intraosseous_of(None, corridor(diameter, width), slab(), *ends(*angles))
    cosine = np.cos(np.radians(angles))
    assert found.first == pytest.approx(20.0 - (HALF - level) / cosine, abs=STEP_MM)
    assert found.last == pytest.approx(20.0 + (HALF - level) / cosine, abs=STEP_MM)
    # both ends alike: neither is a step nearer to the middle than the other
    assert found.first + found.last == pytest.approx(40.0, abs=1e-6 if level < 10.0 else STEP_MM)
    if level < 10.0:
        assert found.slope_first == pytest.approx(np.tan(np.radians(angles)), abs=0.03)
        assert found.slope_last == pytest.approx(np.tan(np.radians(angles)), abs=0.03)


def test_ends_in_deep_bone_are_held_to_the_last_millimetre_and_have_no_surface():
    found = intraosseous_of(None, corridor(), slab(), *ends(0.0, half=4.0))
    assert (found.first[0], found.last[0]) == (0.0, 8.0)
    assert (found.slope_first[0], found.slope_last[0]) == (0.0, 0.0)


def test_the_corridors_own_skip_moves_its_ends_inward_and_no_farther_than_the_middle():
    wall, (start, end) = slab(), ends(0.0)
    bare = intraosseous_of(None, corridor(), wall, start, end)
    skipped = intraosseous_of(None, corridor(end_skip_mm=17.0), wall, start, end)
    assert (skipped.first[0], skipped.last[0]) == (17.0, 23.0)
    near = intraosseous_of(None, corridor(end_skip_mm=3.0), wall, start, end)
    assert (near.first[0], near.last[0]) == (bare.first[0], bare.last[0])
    middle = intraosseous_of(None, corridor(end_skip_mm=90.0), wall, start, end)
    assert (middle.first[0], middle.last[0]) == (20.0, 20.0)


def test_a_way_along_the_surface_is_not_steeper_than_an_entry_can_be():
    start = np.array([[-HALF + 3.5, -20.0, 0.0]])
    found = intraosseous_of(None, corridor(width=7.4), slab(), start, start + np.array([2.5, 40.0, 0.0]))
    assert found.slope_first[0] == pytest.approx(min(SLOPE_MAX, 40.0 / 2.5), rel=1e-6)


def test_a_strayed_device_meets_its_own_surface_within_its_shift_times_the_slope():
    """Moved across by t it meets a face that leans by theta t tan(theta) earlier or later, not more."""
    wall, radius, theta = slab(), 3.0, np.radians(30.0)
    start, end = ends(30.0)
    inward = (end - start) / np.linalg.norm(end - start)
    held = intraosseous_of(None, corridor(6.0, 6.0), wall, start, end)
    across = np.array([-np.sin(theta), np.cos(theta), 0.0])
    moved = start[:, None] + np.array([[-2.0], [0.0], [2.0]])[None] * across
    ways = np.broadcast_to(inward[:, None], moved.shape)
    shift = np.array([[[2.0, 2.0], [0.0, 0.0], [2.0, 2.0]]])
    first, last = own_intraosseous(wall, held, radius, moved, ways, shift)
    true = np.array([-2.0, 0.0, 2.0]) * np.tan(theta)
    # held from as planned, or deeper where the surface is met later; never before the plan
    assert first[0] - held.first[0] == pytest.approx(np.maximum(true, 0.0), abs=0.6)
    assert held.last[0] - last[0] == pytest.approx(np.maximum(-true, 0.0), abs=0.6)
    level = Intraosseous(held.first, held.last, np.zeros(1), np.zeros(1))
    first, last = own_intraosseous(wall, level, radius, moved, ways, shift)
    assert (first == held.first[0]).all()
    assert (last == held.last[0]).all()
