"""Corridors through made anatomies whose widest straight cylinder is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.kernels.corridor import refined
from osteoplan.knowledge.corridors import template
from osteoplan.model.anatomy import Structure
from osteoplan.trajectory.corridors.find import corridors, suited
from osteoplan.trajectory.corridors.search import axes_of, place_of
from tests.corridor_made import (
    GRIDS,
    Grid,
    along_x,
    curved_ramus,
    hourglass,
    ring_with_foramina,
    screw,
    vertebra,
)

NAMES = [" x ".join(map(str, grid.edges)) + (" left" if grid.left_handed else "") for grid in GRIDS]
SCREWS = (screw(3.5), screw(5.0), screw(6.5), screw(8.0))


def widest(made, grid, one):
    return axes_of(place_of(made.on(grid), one, one.names("midline")))[0]


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
@pytest.mark.parametrize(("tube", "half"), [(7.0, 24.0), (5.5, 20.0)])
def test_the_widest_cylinder_through_a_curved_ramus_is_found(grid: Grid, tube: float, half: float) -> None:
    made = curved_ramus(tube_mm=tube, half_mm=half)
    axis = widest(made, grid, along_x(half + 16.0, 20.0))
    assert abs(axis.bone_mm - made.radius_mm) < 0.3 * max(grid.edges)
    # either the inner wall in the middle or the outer wall at an end: the three places that touch
    assert min(abs(axis.narrowest_mm[0]), abs(abs(axis.narrowest_mm[0]) - half)) < 11.0
    assert abs(axis.way[0]) > 0.99


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
def test_the_wider_side_of_two_foramina_is_taken(grid: Grid) -> None:
    made = ring_with_foramina()
    axis = widest(made, grid, along_x(60.0, 22.0))
    assert abs(axis.bone_mm - made.radius_mm) < 0.3 * max(grid.edges)
    assert axis.narrowest_mm[2] == pytest.approx(-11.5, abs=0.35 * max(grid.edges) + 0.3)


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_pedicle_is_as_wide_as_its_narrower_half_axis(grid: Grid, side: str) -> None:
    made, one = vertebra(), template("pedicle")
    around = made.on(grid, label="vertebrae_L3", kind="vertebra")
    axis = axes_of(place_of(around, one, one.names(side, "L3")))[0]
    assert abs(axis.bone_mm - made.radius_mm) < 0.3 * max(grid.edges)
    assert np.sign(axis.entry_mm[0]) == (1 if side == "left" else -1)  # LPS: x grows to the left
    assert axis.exit_mm[1] < 0 < axis.entry_mm[1]


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
def test_the_place_of_a_waist_is_told_and_its_width_is_never_told_too_large(grid: Grid) -> None:
    made = hourglass()
    axis = widest(made, grid, along_x(36.0, 16.0))
    # A round waist touches all around, so the roughness of its voxels counts in full: up to a third.
    assert -0.35 * max(grid.edges) < axis.bone_mm - made.radius_mm < 0.1 * max(grid.edges)
    assert axis.narrowest_mm[0] == pytest.approx(9.0, abs=8.0)


def test_screws_that_fit_are_those_no_thicker_than_the_free_diameter() -> None:
    (way,) = corridors(ring_with_foramina().on(GRIDS[1]), [along_x(60.0, 22.0)], screws=SCREWS)
    assert way.status == "fits"
    assert way.kind == "corridor"
    assert way.fits == ("screw_8", "screw_6.5", "screw_5", "screw_3.5")
    assert (way.device, way.diameter_mm) == ("screw_8", 8.0)
    wall = next(gap for gap in way.gaps if gap.kind == "wall")
    assert wall.gap_mm == pytest.approx(way.measures["width_mm"] / 2 - 4.0)
    assert way.measures["length_mm"] == pytest.approx(120.0, abs=2.0)
    assert way.unchecked == ("sacral foramen",)  # not labelled: not safe


def test_a_margin_to_nerves_moves_the_axis_away_from_them() -> None:
    # wall 1 mm, nerves 2 mm: free radius 7, axis at z = -12, bone around it 8
    one = along_x(60.0, 22.0, margins_mm={"wall": 1.0, "nerve": 2.0})
    axis = widest(ring_with_foramina(nerves=True), GRIDS[1], one)
    assert 7.0 - 0.5 * 2.5 < axis.score < 7.0 + 0.3  # bricks of a nerve are never nearer than drawn
    (way,) = corridors(ring_with_foramina(nerves=True).on(GRIDS[1]), [one], screws=SCREWS)
    nerve = next(gap for gap in way.gaps if gap.kind == "nerve")
    assert nerve.structure == "sacral_foramen_S1"
    assert nerve.gap_mm >= 2.0 - 1e-3
    assert way.unchecked == ()


def test_a_corridor_that_is_too_narrow_is_none_with_place_width_and_what_is_needed() -> None:
    made = hourglass(waist_mm=2.0)
    (way,) = corridors(made.on(GRIDS[0]), [along_x(36.0, 16.0)], screws=SCREWS)
    assert (way.status, way.fits) == ("none", ())
    assert way.bottleneck_mm is not None
    assert way.bottleneck_mm[0] == pytest.approx(9.0, abs=8.0)
    assert way.reasons[0].startswith("no straight corridor: ")
    assert "3.5 mm needed" in way.reasons[0]
    assert "the bone's wall" in way.reasons[0]
    assert way.measures["free_diameter_mm"] < 3.5


def test_a_bend_that_no_line_can_follow_is_none() -> None:
    made = curved_ramus(arc_mm=40.0, tube_mm=3.0, half_mm=30.0)
    (way,) = corridors(made.on(GRIDS[0]), [along_x(46.0, 20.0)], screws=SCREWS)
    assert way.status == "none"
    assert "every line leaves the bone" in way.reasons[0] or "0.0 mm" in way.reasons[0]


def test_metal_in_the_way_blocks_a_corridor() -> None:
    def nail(points):
        x, y, z = np.moveaxis(points, -1, 0)
        return (np.hypot(x, y) <= 6.0) & (np.abs(z) <= 30.0)

    # the nail stands across the lower bar; above the foramina 13 mm are left, but the nail goes there, too
    made = replace(ring_with_foramina(), metal=nail)
    (way,) = corridors(made.on(GRIDS[1]), [along_x(60.0, 22.0)], screws=SCREWS)
    free = corridors(ring_with_foramina().on(GRIDS[1]), [along_x(60.0, 22.0)], screws=SCREWS)[0]
    assert free.status == "fits"
    assert way.measures.get("free_diameter_mm", 0.0) < 8.0
    assert "metal" in way.reasons[0]


def test_a_way_from_the_skin_through_a_labelled_bowel_is_none() -> None:
    made = ring_with_foramina()
    around = made.on(GRIDS[0])
    points = around.grid.positions_mm(np.moveaxis(np.indices(around.grid.shape), 0, -1))
    gut = points[..., 0] < -62.0
    skin = points[..., 0] > -66.0
    label = Structure("colon", "bowel", gut, given=True)
    one = along_x(60.0, 22.0)
    blocked = corridors(replace(around, structures=(label,), skin=skin), [one], screws=SCREWS)[0]
    assert blocked.status == "none"
    assert "enters the colon" in blocked.reasons[0]
    # the same thing derived is told, and blocks nothing
    told = corridors(
        replace(around, structures=(replace(label, given=False),), skin=skin, anatomy=type(around.anatomy)()),
        [one], screws=SCREWS,
    )[0]  # fmt: skip
    assert told.status == "fits"
    assert any("colon (derived)" in reason for reason in told.reasons)
    assert told.skin_mm is not None
    assert told.skin_mm[0] == pytest.approx(-66.0, abs=2.0)


def test_a_label_that_is_no_bone_here_gives_no_way_and_a_missing_landmark_a_reason() -> None:
    around = ring_with_foramina().on(GRIDS[0])
    assert corridors(around, [template("pedicle"), template("odontoid")], screws=SCREWS) == ()
    left, right = template("posterior_column").sides
    assert (left, right) == ("left", "right")
    ways = corridors(around, [template("posterior_column")], screws=SCREWS)
    assert [way.side for way in ways] == ["left"]  # hip_left is the target, there is no hip_right
    assert ways[0].status == "none"
    assert "hip left" in ways[0].reasons[0]


def test_screws_are_chosen_by_what_they_are_made_for_and_how_thick_they_are() -> None:
    shelf = (
        screw(5.0, for_bones="vertebra"), screw(6.0, for_bones="pelvis and limbs"), screw(7.0), screw(20.0),
    )  # fmt: skip
    assert [one.id for one in suited(along_x(60.0, 22.0), shelf)] == ["screw_7", "screw_6"]
    (way,) = corridors(ring_with_foramina().on(GRIDS[0]), [along_x(60.0, 22.0)], screws=())
    assert way.status == "none"
    assert "shelf" in way.reasons[0]


def test_numbers_do_not_depend_on_the_count_of_threads() -> None:
    made, one = curved_ramus(), along_x(40.0, 20.0)
    place = place_of(made.on(GRIDS[1]), one, one.names("midline"))
    starts, ends = place.starts[:40:5].copy(), place.ends[:40:5].copy()
    boxes = np.stack([region.box for region in place.regions])

    def rows(threads: int) -> np.ndarray:
        return refined(
            place.field.level, place.field.depth, place.field.affine, place.clear.field, place.clear.affine,
            place.field.points, starts, ends, boxes, wall_mm=0.0, skip_mm=1.0, cone=1.7, inside=False,
            tip_depth_mm=0.0, widest_mm=16.0, least_length_mm=10.0, first_mm=2.0, last_mm=0.5, reach_mm=6.0,
            threads=threads,
        )  # fmt: skip

    one_thread, three = rows(1), rows(3)
    found = one_thread[:, 0] > -1e8
    assert np.array_equal(one_thread[:, 0], three[:, 0])
    assert np.array_equal(one_thread[found], three[found])


def test_an_axis_found_is_clear_of_every_voxel_that_is_not_bone() -> None:
    """The slow way: no outside voxel's centre lies in the cylinder, its ends left out."""
    made, grid = curved_ramus(), GRIDS[2]
    around = made.on(grid)
    one = along_x(40.0, 20.0)
    axis = axes_of(place_of(around, one, one.names("midline")))[0]
    outside = around.grid.positions_mm(np.argwhere(~around.bones["hip_left"]))
    t = (outside - axis.entry_mm) @ axis.way
    rho = np.linalg.norm(outside - axis.entry_mm - t[:, None] * axis.way, axis=1)
    skip = axis.bone_mm * np.tan(np.radians(60.0))
    between = (t > skip) & (t < axis.length_mm - skip)
    assert rho[between].min() > axis.bone_mm
