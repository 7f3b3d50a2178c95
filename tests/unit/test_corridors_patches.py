"""Where a corridor may begin and end: boxes, the ends of a bone, points that are thinned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.knowledge.corridors import RegionRow
from osteoplan.knowledge.values import number
from osteoplan.trajectory.corridors.bone import read_field
from osteoplan.trajectory.corridors.regions import (
    EVERYWHERE,
    Missing,
    inside_points,
    region,
    surface_points,
    thinned,
)
from tests.corridor_made import GRIDS, Grid, Made

NAMES = {"side": "left"}
TILT = np.array([0.2, 0.35, 1.0]) / np.linalg.norm([0.2, 0.35, 1.0])


def bar(grid: Grid = GRIDS[2]):
    """A bar of 60 mm along TILT, 16 mm thick."""

    def inside(points):
        along = points @ TILT
        return (np.linalg.norm(points - along[..., None] * TILT, axis=-1) < 8.0) & (np.abs(along) < 30.0)

    return Made(inside, (20.0, 24.0, 32.0), 8.0).on(grid)


def row(**more):
    return RegionRow(**{"bone": "hip_left", "frame": "acetabulum", "within": 200.0, **more})


def test_a_box_counts_from_its_landmark_along_the_axes_of_its_side() -> None:
    around = bar()
    asked = row(landmark="centre", lateral=(2.0, 6.0), posterior=(-5.0, 1.0), within=6.5)
    points = np.array([
        [4.0, 0.0, 0.0], [4.0, -5.0, 0.0], [6.0, 1.0, 0.0], [1.9, 0.0, 0.0], [6.1, 0.0, 0.0], [4.0, 1.1, 0.0],
        [4.0, 0.0, 5.1], [4.0, 0.0, 5.2],
    ])  # fmt: skip
    held = [True, True, True, False, False, False, True, False]
    assert region(around, asked, NAMES).holds(points).tolist() == held
    mirrored = region(around, asked, {"side": "right"})
    assert mirrored.holds(points * [-1, 1, 1]).tolist() == held
    assert not mirrored.holds(points[:3]).any()
    assert EVERYWHERE.holds(1e4 * points).all()
    assert region(around, None, NAMES) is EVERYWHERE
    with pytest.raises(Missing, match="asis"):
        region(around, row(landmark="asis"), NAMES)
    with pytest.raises(Missing, match=r"axes .* were not read"):
        region(around, row(frame="hemipelvis"), NAMES)
    with pytest.raises(Missing, match="sacrum is not on this scan"):
        region(around, row(bone="sacrum"), NAMES)


def test_a_segment_crosses_a_box_where_it_comes_nearest_to_its_landmark() -> None:
    box = region(bar(), row(lateral=(-3.0, 3.0), posterior=(-3.0, 3.0)), NAMES)
    starts = np.array([[-20.0, 1.0, 0.0], [-20.0, 4.0, 0.0], [-20.0, -20.0, 5.0]])
    ends = np.array([[20.0, 1.0, 0.0], [20.0, 4.0, 0.0], [20.0, 20.0, 5.0]])
    assert box.crossed(starts, ends).tolist() == [True, False, True]


@pytest.mark.parametrize("grid", GRIDS[:4])
def test_a_bone_has_axes_and_ends_of_its_own(grid: Grid) -> None:
    around = bar(grid)
    top, bottom = (region(around, row(frame="own", landmark=end), NAMES).box for end in ("top", "bottom"))
    axes = top[3:12].reshape(3, 3)
    assert abs(axes[2] @ TILT) == pytest.approx(1.0, abs=2e-3)
    assert axes[2] @ TILT > 0  # superior goes up
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    assert axes[1, 1] > 0.9  # as near to the patient's back as that allows
    for place, end in ((top[:3], 1.0), (bottom[:3], -1.0)):
        assert np.linalg.norm(place - end * 29.0 * TILT) < 2.0  # the middle of a cap of 2 mm
    flat = replace(around, bones={"hip_left": np.swapaxes(around.bones["hip_left"], 0, 0)})
    highest = region(flat, row(frame="patient", landmark="highest"), NAMES).box
    np.testing.assert_allclose(highest[3:12].reshape(3, 3), np.eye(3))
    assert highest[2] > top[2] - 1.0


def test_a_surface_is_taken_where_it_faces_the_right_way() -> None:
    around = bar()
    field = read_field(around.grid.with_array(around.bones["hip_left"], "mask"))
    up = region(around, row(frame="own", facing=(0.0, 0.0, 1.0), facing_deg=40.0), NAMES)
    found = surface_points(field, field, up)
    assert len(found) > 3
    assert (found @ TILT > 24.0).all()
    sides = region(around, row(frame="own", superior=(-10.0, 10.0)), NAMES)
    found = surface_points(field, field, sides)
    along = found @ TILT
    assert np.abs(along).max() < 11.0
    assert np.linalg.norm(found - along[:, None] * TILT, axis=1) == pytest.approx(8.0, abs=1.2)


def test_points_inside_lie_as_deep_as_asked() -> None:
    around = bar()
    field = read_field(around.grid.with_array(around.bones["hip_left"], "mask"))
    for depth in (2.0, 5.0):
        found = inside_points(field, field, EVERYWHERE, depth)
        along = found @ TILT
        axis = np.linalg.norm(found - along[:, None] * TILT, axis=1)
        assert axis.max() < 8.0 - depth + 1.0
        assert np.abs(along).max() < 30.0 - depth + 1.5
    assert len(inside_points(field, field, EVERYWHERE, 25.0)) == 0


def test_points_are_thinned_to_one_in_a_cube_and_to_the_most_that_are_wanted() -> None:
    spacing, most = number("corridor_search.patch_mm"), number("corridor_search.patch_points")
    few = np.array(
        [[0.1, 0.2, 0.3], [0.2, 0.1, 0.1], [spacing + 0.1, 0.2, 0.3], [0.1, -0.2, 0.3], [0.1, 0.2, -9.0]]
    )
    assert thinned(few).tolist() == few[[0, 2, 3, 4]].tolist()  # the first of each cube, in their order
    many = np.random.default_rng(2).uniform(-40.0, 40.0, (40000, 3))
    found = thinned(many)
    assert 0.4 * most < len(found) <= most
    assert np.ptp(found, axis=0).min() > 60.0  # spread over all of it
