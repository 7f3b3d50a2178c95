"""Strayed devices against closed forms: tunnels, half-spaces, slanted surfaces, on any grid."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from scipy.stats import norm

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.corridors import templates
from osteoplan.knowledge.guidance import SD_PER_MEAN, Guidance, guidance, guidances
from osteoplan.model.anatomy import Anatomy, Structure
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.trajectory import ErrorBudget, Gap, Trajectory
from osteoplan.model.volume import Volume
from osteoplan.trajectory import placement_error
from osteoplan.trajectory.placement_error import (
    SCALE,
    PlacementError,
    across,
    budgeted,
    error_budget,
    grades,
    most_robust,
    placement_gaps,
    placements,
)
from osteoplan.trajectory.surroundings import DistanceMaps, Surroundings, distance_maps, surroundings
from osteoplan.trajectory.wall import Wall, wall_of
from tests.synthetic_vertebra import Grid, rotation, vertebra

GRIDS: tuple[Grid, ...] = ("straight", "oblique", "left_handed")
DIRECTIONS = {
    "straight": np.eye(3),
    "oblique": rotation((14.0, -9.0, 21.0)),
    "left_handed": rotation((-8.0, 6.0, -12.0)) @ np.diag([-1.0, 1.0, 1.0]),
}
CENTRE = np.array([31.0, -17.0, 240.0])
AXIS = np.array([0.36, 0.48, 0.8])  # outward
HANDS = Ensemble(seed=0, n=1)  # as many hands as each test asks for


def brick_grid(
    grid: Grid, spacing: tuple[float, float, float], shape: tuple[int, int, int]
) -> tuple[Volume, np.ndarray]:
    """An empty image around CENTRE, and the LPS positions of its voxels."""
    affine = np.eye(4)
    affine[:3, :3] = DIRECTIONS[grid] * np.asarray(spacing)
    affine[:3, 3] = CENTRE - affine[:3, :3] @ (np.asarray(shape) - 1) / 2
    image = Volume(np.zeros(shape, dtype=np.uint8), affine, "mask")
    return image, image.positions_mm(np.moveaxis(np.indices(shape), 0, -1))


class Nobody:
    """Stands for an anatomy that nothing is asked of."""


def scene(image: Volume, bone: np.ndarray, *structures: Structure) -> Surroundings:
    """A region with one bone and what to avoid."""
    none = np.zeros(image.shape, dtype=bool)
    return Surroundings(
        anatomy=cast(Anatomy, Nobody()), grid=image, target="hip_left", bones={"hip_left": bone}, lesion=none,
        parts={}, frames={}, structures=structures, metal=none, skin=~none,
    )  # fmt: skip


def corridor(length: float = 80.0, diameter: float = 6.5, **changes: object) -> Trajectory:
    """A screw along AXIS, its middle at CENTRE."""
    entry, target = CENTRE + 0.5 * length * AXIS, CENTRE - 0.5 * length * AXIS
    way = Trajectory(
        "superior_ramus_left", "a screw", "corridor", "own", "fits", entry_mm=tuple(entry),
        target_mm=tuple(target), diameter_mm=diameter, bones=("hip_left",),
    )  # fmt: skip
    return replace(way, **changes)  # type: ignore[arg-type]


def with_error(lateral: float, angle: float) -> Guidance:
    """A guidance that strays so far: sd per direction."""
    one = guidance("fluoroscopy")
    return replace(
        one,
        place=one.place.model_copy(update={"value": lateral / SD_PER_MEAN[one.place.of]}),
        angle=one.angle.model_copy(update={"value": angle / SD_PER_MEAN[one.angle.of]}),
    )


def from_axis(positions: np.ndarray) -> np.ndarray:
    """Distance from the line through CENTRE along AXIS."""
    offset = positions - CENTRE
    return np.linalg.norm(offset - (offset @ AXIS)[..., None] * AXIS, axis=-1)


def chance(p: float, draws: int) -> float:
    """Three standard errors of a share."""
    return 3.0 * np.sqrt(p * (1.0 - p) / draws)


# -- the drawn hands --


def test_strayed_places_lie_across_the_axis_with_the_asked_spread() -> None:
    places, turned = placements(CENTRE[None], AXIS[None], PlacementError(2.0, 3.0, 20_000), Ensemble(3, 1))
    shift = places[0] - CENTRE
    assert np.abs(shift @ AXIS).max() < 1e-9
    assert np.linalg.norm(shift, axis=1).mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2), rel=0.02)
    angle = np.degrees(np.arccos(np.clip(turned[0] @ AXIS, -1, 1)))
    assert angle.mean() == pytest.approx(3.0 * np.sqrt(np.pi / 2), rel=0.02)
    assert np.corrcoef(np.linalg.norm(shift, axis=1), angle)[0, 1] == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("outward", [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (0.6, -0.8, 0.0), tuple(AXIS)])
def test_the_two_directions_across_are_square_to_the_axis_and_to_each_other(
    outward: tuple[float, ...],
) -> None:
    axis = np.array(outward)
    one, two = across(axis[None])[0]
    frame = np.stack([one, two, axis])
    assert frame @ frame.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1.0)


def test_ways_that_differ_little_stray_alike_and_other_seeds_are_other_hands() -> None:
    near = AXIS + np.array([0.001, 0.0, 0.0])
    near /= np.linalg.norm(near)
    error = PlacementError(2.0, 2.0, 200)
    both, _ = placements(np.stack([CENTRE, CENTRE]), np.stack([AXIS, near]), error, HANDS)
    assert np.abs(both[0] - both[1]).max() < 0.05
    other, _ = placements(CENTRE[None], AXIS[None], error, Ensemble(1, 1))
    assert np.abs(both[0] - other[0]).max() > 1.0


# -- closed forms --


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("sd", [1.0, 2.5])
def test_a_screw_shifted_in_a_round_tunnel_breaches_as_rayleigh_says(
    grid: Grid, sd: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, positions = brick_grid(grid, (1.2, 1.0, 1.5), (90, 100, 80))
    radius, draws, screw = 6.0, 4000, corridor(length=60.0)
    exact = np.float32(radius - from_axis(positions))[..., None]
    monkeypatch.setattr(placement_error, "wall_of", lambda *_: Wall(exact, image.affine))
    budget = error_budget(scene(image, exact[..., 0] > 0), screw, with_error(sd, 0.0), HANDS, draws=draws)
    expected = np.exp(-((radius - 6.5 / 2) ** 2) / (2 * sd**2))
    assert budget.breach["wall"] == pytest.approx(expected, abs=chance(expected, draws) + 0.005)
    assert budget.breach["any"] == budget.breach["wall"]
    assert sum(budget.grades.values()) == pytest.approx(1.0)
    assert budget.grades["A"] == pytest.approx(1.0 - budget.breach["wall"])
    # grade E: 6 mm or more out
    deep = np.exp(-((radius - 6.5 / 2 + 6.0) ** 2) / (2 * sd**2))
    assert budget.grades["E"] == pytest.approx(deep, abs=chance(deep, draws) + 0.003)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_tunnel_of_bricks_breaches_between_its_inscribed_and_its_drawn_radius(grid: Grid) -> None:
    image, positions = brick_grid(grid, (0.8, 0.6, 1.0), (70, 95, 60))
    radius, sd, draws = 6.0, 2.0, 2000
    around = scene(image, from_axis(positions) < radius)
    budget = error_budget(around, corridor(length=40.0), with_error(sd, 0.0), HANDS, draws=draws)
    half = 0.5 * float(np.linalg.norm(image.spacing_mm))
    low, high = (np.exp(-((r - 6.5 / 2) ** 2) / (2 * sd**2)) for r in (radius, radius - half))
    assert low - chance(low, draws) <= budget.breach["wall"] <= high + chance(high, draws)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_tilted_needle_meets_a_plane_beside_it_as_the_normal_tail_says(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, positions = brick_grid(grid, (1.2, 1.0, 1.5), (90, 100, 80))
    side = across(AXIS[None])[0, 0]
    gap, length, sd, draws, diameter = 4.0, 80.0, 2.0, 4000, 2.4
    away = (gap - (positions - CENTRE) @ side).astype(np.float32)
    nerve = Structure("root", "nerve", away < 0, given=True)
    around = scene(image, np.ones(image.shape, dtype=bool), nerve)
    exact = DistanceMaps(image, ("nerve",), np.ascontiguousarray(away[..., None]), (nerve,))
    monkeypatch.setattr(placement_error, "distance_maps", lambda _: exact)
    needle = corridor(length, diameter, kind="needle", approach="posterolateral")
    budget = error_budget(around, needle, with_error(0.0, sd), HANDS, draws=draws)
    # the needle turns about its entry, so its tip strays farthest: length sin(angle) > gap - radius
    slope = np.tan(np.arcsin((gap - diameter / 2) / length))
    expected = norm.sf(slope / np.tan(np.radians(sd)))
    assert budget.breach["nerve"] == pytest.approx(expected, abs=chance(expected, draws) + 0.005)
    assert "wall" not in budget.breach
    assert budget.grades == {}
    assert budget.scale == ""
    low, middle, high = budget.gap_mm["nerve"]
    assert middle == pytest.approx(gap - diameter / 2, abs=0.3)
    spread = length * np.tan(np.radians(sd)) * norm.ppf(0.95)
    assert low == pytest.approx(gap - diameter / 2 - spread, abs=0.4)
    assert high == pytest.approx(gap - diameter / 2, abs=0.05)  # the entry stays where it was


def test_a_plane_of_bricks_gives_the_normal_tail_of_the_shift() -> None:
    image, positions = brick_grid("straight", (1.0, 1.2, 2.0), (60, 60, 60))
    axis, entry = np.array([0.0, 1.0, 0.0]), CENTRE + np.array([0.0, 30.0, 0.0])
    face = float(positions[40, 0, 0, 0]) - 0.5  # of the first brick of the structure
    wall = np.zeros(image.shape, dtype=bool)
    wall[40:] = True
    around = scene(image, np.ones(image.shape, dtype=bool), Structure("vena", "vessel", wall, given=True))
    tip = tuple(entry - 50 * axis)
    needle = Trajectory(
        "n", "n", "needle", "iliac", "fits", entry_mm=tuple(entry), target_mm=tip, diameter_mm=3.0
    )
    draws, sd = 4000, 5.0
    expected = norm.sf((face - CENTRE[0] - 1.5) / sd)
    budget = error_budget(around, needle, with_error(sd, 0.0), HANDS, draws=draws)
    assert budget.breach["vessel"] == pytest.approx(expected, abs=chance(expected, draws))


def test_a_screw_that_enters_a_slanted_surface_is_not_a_breach_of_the_wall() -> None:
    image, positions = brick_grid("oblique", (1.2, 1.0, 1.5), (90, 100, 80))
    normal = AXIS + 1.2 * across(AXIS[None])[0, 1]  # 50 deg from the axis
    normal /= np.linalg.norm(normal)
    bone = (positions - (CENTRE + 25.0 * AXIS)) @ normal < 0
    screw = corridor(
        diameter=4.0, entry_mm=tuple(CENTRE + 25.0 * AXIS), target_mm=tuple(CENTRE - 15.0 * AXIS)
    )
    budget = error_budget(scene(image, bone), screw, with_error(2.0, 2.0), HANDS, draws=1000)
    assert budget.breach["wall"] < 0.02


def test_a_screw_whose_tip_leaves_the_bone_too_early_is_a_breach() -> None:
    image, positions = brick_grid("oblique", (1.2, 1.0, 1.5), (90, 100, 80))
    # a cone that narrows towards the tip: 12 mm at the entry, 4 mm at the tip
    along = (positions - CENTRE) @ AXIS
    bone = (from_axis(positions) < 8.0 + 0.1 * along) & (np.abs(along) < 45)
    budget = error_budget(scene(image, bone), corridor(diameter=4.0), with_error(0.0, 4.0), HANDS, draws=1000)
    assert budget.breach["wall"] > 0.3


# -- what is reported --


def test_grades_change_exactly_at_the_thresholds_of_the_scale() -> None:
    assert grades([-3.0, 1.99, 2.0, 4.0, 6.0]) == {"A": 0.2, "B": 0.2, "C": 0.2, "D": 0.2, "E": 0.2}
    assert grades([0.0]) == {"A": 1.0, "B": 0.0, "C": 0.0, "D": 0.0, "E": 0.0}
    assert SCALE == "gertzbein_robbins"


def test_a_device_that_does_not_stray_meets_what_was_planned() -> None:
    image, positions = brick_grid("oblique", (1.2, 1.0, 1.5), (90, 100, 80))
    ball = np.linalg.norm(positions - (CENTRE - (-14.0, 6.0, 0.0)), axis=-1) < 6.0
    around = scene(image, from_axis(positions) < 9.0, Structure("root", "nerve", ball, given=True))
    budget = error_budget(around, corridor(), with_error(0.0, 0.0), HANDS, draws=5)
    assert budget.breach == {"nerve": 0.0, "wall": 0.0, "any": 0.0}
    low, middle, high = budget.gap_mm["nerve"]
    assert low == middle == high
    points = CENTRE + np.linspace(-40, 40, 801)[:, None] * AXIS
    gap = distance_maps(around).at("nerve", points).min() - 3.25
    assert middle == pytest.approx(gap, abs=0.3)


def test_what_a_way_crosses_on_purpose_is_told_and_does_not_count_as_any() -> None:
    image, positions = brick_grid("straight", (1.2, 1.0, 1.5), (90, 100, 80))
    joint = Structure("sacroiliac_joint_left", "joint", np.abs((positions - CENTRE) @ AXIS) < 2.0, given=True)
    around = scene(image, from_axis(positions) < 30.0, joint)
    budget = error_budget(around, corridor(), with_error(1.0, 1.0), HANDS, draws=100)
    assert budget.breach["joint"] == 1.0
    assert budget.breach["any"] == 0.0
    refused = error_budget(around, corridor(status="none"), with_error(1.0, 1.0), HANDS, draws=100)
    assert refused.breach["any"] == 1.0


def test_any_is_never_less_than_the_worst_nor_more_than_the_sum() -> None:
    whole = surroundings(vertebra("oblique"))
    budget = error_budget(whole, through_pedicle(whole), with_error(3.0, 3.0), HANDS, draws=500)
    parts = [share for kind, share in budget.breach.items() if kind != "any"]
    assert max(parts) <= budget.breach["any"] <= sum(parts)
    assert budget.breach["canal"] > 0
    assert budget.draws == 500


def test_a_short_screw_does_not_reach_what_a_long_one_breaks() -> None:
    image, positions = brick_grid("straight", (1.2, 1.0, 1.5), (90, 100, 80))
    along = (positions - CENTRE) @ AXIS
    bone = from_axis(positions) < np.where(along > 0, 15.0, 4.0)
    around = scene(image, bone)
    whole = corridor(diameter=5.0)
    along_it = np.subtract(whole.target_mm, whole.entry_mm)
    end = np.array(whole.entry_mm) + 35.0 * along_it / np.linalg.norm(along_it)
    long, short = (
        error_budget(around, way, with_error(2.0, 0.0), HANDS)
        for way in (whole, replace(whole, target_mm=tuple(end)))
    )
    assert short.breach["wall"] < 0.01 < 0.3 < long.breach["wall"]


def test_a_way_without_ends_or_device_is_refused_or_left_alone() -> None:
    image, positions = brick_grid("straight", (1.2, 1.0, 1.5), (90, 100, 80))
    around = scene(image, from_axis(positions) < 9.0)
    missing = Trajectory("ramus", "no way", "corridor", "superior_ramus", "none")
    with pytest.raises(BadInput, match="ramus: a way without entry"):
        error_budget(around, missing, guidance("robot"), HANDS)
    with pytest.raises(BadInput, match="no diameter"):
        error_budget(around, corridor(diameter_mm=None), guidance("robot"), HANDS)
    one, other = budgeted(around, [missing, corridor()], (guidance("robot"),), HANDS)
    assert one is missing
    assert other.budget is not None
    assert other.budget.guidance == "robot"


# -- through a pedicle --


def through_pedicle(around: Surroundings, diameter: float = 2.4) -> Trajectory:
    """The line through the middle of the left pedicle of the synthetic vertebra, from the skin."""
    skin = -10.0 + 80.0 * np.sqrt(1.0 - (14.5 / 120.0) ** 2)  # an ellipse about (0, -10)
    tip, back = around.anatomy.frame.world([[14.5, 0.0, 3.0], [14.5, skin, 3.0]])
    return Trajectory(
        "transpedicular_left_1", "through the left pedicle", "needle", "transpedicular", "fits", side="left",
        entry_mm=tuple(back.tolist()), target_mm=tuple(tip.tolist()), diameter_mm=diameter,
    )  # fmt: skip


def test_a_narrow_pedicle_is_broken_more_often_than_a_wide_one() -> None:
    shares = []
    for half_width in (2.5, 3.5, 4.5):
        around = surroundings(vertebra("oblique", pedicle_half_width=half_width))
        shares.append(error_budget(around, through_pedicle(around), guidance("robot"), HANDS).breach["wall"])
    assert shares[0] > shares[1] > shares[2]


def test_a_budget_costs_less_than_a_tenth_of_a_second() -> None:
    around = surroundings(vertebra("oblique"))
    way = through_pedicle(around)
    error_budget(around, way, guidance("robot"), HANDS)  # maps and compiled code are made once
    start = time.process_time()
    for _ in range(5):
        error_budget(around, way, guidance("robot"), HANDS, draws=500)
    assert (time.process_time() - start) / 5 < 0.1


# -- the robust choice --


def test_neighbours_meet_the_same_hands_and_the_middle_of_the_tunnel_breaches_least() -> None:
    image, positions = brick_grid("left_handed", (1.2, 1.0, 1.5), (90, 100, 80))
    around = scene(image, from_axis(positions) < 8.0)
    one, two = across(AXIS[None])[0]
    offsets = np.array([x * one + y * two for x in (-2.0, 0.0, 2.0) for y in (-2.0, 0.0, 2.0)])
    way, error = corridor(), PlacementError(2.0, 1.0, 200)
    entries, targets = np.array(way.entry_mm) + offsets, np.array(way.target_mm) + offsets
    shares = placement_gaps(around, way, entries, targets, error, HANDS).breached.mean(axis=1)
    assert shares.argmin() == 4
    assert np.argmax(shares) in (0, 2, 6, 8)
    alone = placement_gaps(around, way, entries[3:4], targets[3:4], error, HANDS).breached.mean(axis=1)
    assert alone[0] == shares[3]  # the same hands, whoever else is measured


def test_a_neighbour_that_touches_what_the_way_does_not_is_not_forgiven() -> None:
    image, positions = brick_grid("straight", (1.2, 1.0, 1.5), (90, 100, 80))
    one = across(AXIS[None])[0, 0]
    beside = Structure("root", "nerve", (positions - CENTRE) @ one > 9.0, given=True)
    around = scene(image, np.ones(image.shape, dtype=bool), beside)
    way = corridor()
    entries, targets = (
        np.array([np.array(end), np.array(end) + 7.0 * one]) for end in (way.entry_mm, way.target_mm)
    )
    error = PlacementError(0.5, 0.1, 200)
    shares = placement_gaps(around, way, entries, targets, error, HANDS).breached.mean(axis=1)
    assert shares[0] == 0.0
    assert shares[1] > 0.9


def test_a_budget_keeps_the_hands_of_the_plan_first_and_tries_more() -> None:
    whole = surroundings(vertebra("oblique"))
    way, error = through_pedicle(whole), with_error(3.0, 3.0)
    few, many = (error_budget(whole, way, error, Ensemble(7, n)) for n in (40, 800))
    assert (few.draws, many.draws) == (500, 800)
    assert few.breached is not None
    assert many.breached is not None
    assert np.array_equal(few.breached, many.breached[:40])
    assert np.array_equal(few.gap_draws_mm["canal"], many.gap_draws_mm["canal"][:40])
    assert many.breach["any"] == many.breached.mean()


def test_ways_are_ordered_by_breach_then_by_the_nearest_gap_and_those_that_do_not_fit_are_left_out() -> None:
    def budget(share: float) -> ErrorBudget:
        return ErrorBudget("robot", 1.0, 1.0, 100, {"any": share}, {}, "", {})

    def gap(mm: float) -> tuple[Gap, ...]:
        return (Gap("root", "nerve", mm, (0.0, 0.0, 0.0), 2.0),)

    near = corridor(id="near", budget=budget(0.1), gaps=gap(2.0))
    far = corridor(id="far", budget=budget(0.1), gaps=gap(5.0))
    safest = corridor(id="safest", budget=budget(0.02), gaps=gap(2.5))
    unknown, closed = corridor(id="unknown"), corridor(id="closed", status="none", budget=budget(0.0))
    assert [way.id for way in most_robust([unknown, near, closed, far, safest])] == [
        "safest", "far", "near", "unknown",
    ]  # fmt: skip


# -- guidance as data --


@pytest.mark.parametrize(("span", "directions"), [("line", 1), ("plane", 2), ("space", 3)])
def test_a_gaussian_of_the_derived_sd_has_the_published_mean(span: str, directions: int) -> None:
    z = np.random.default_rng(5).standard_normal((200_000, directions)) * 4.0 * SD_PER_MEAN[span]  # type: ignore[index]
    assert np.linalg.norm(z, axis=1).mean() == pytest.approx(4.0, rel=0.01)


def test_every_guidance_has_an_error_a_source_or_says_that_it_has_none() -> None:
    for one in guidances().values():
        assert one.lateral_sd_mm > 0
        assert one.angle_sd_deg > 0
        assert all(row.cite or row.note for row in one.published)
    freehand = guidance("freehand_ct")
    assert freehand.lateral_sd_mm == pytest.approx(6.3 / np.sqrt(np.pi / 2))
    assert freehand.angle_sd_deg == pytest.approx(3.4 / np.sqrt(np.pi / 2))
    assert guidance("robot").lateral_sd_mm == pytest.approx(3.5 * np.sqrt(np.pi / 8))


def test_a_better_guidance_breaches_less() -> None:
    around = surroundings(vertebra("oblique"))
    order = ("tracked_robot", "robot", "freehand_ct")
    shares = [
        error_budget(around, through_pedicle(around), guidance(id), HANDS).breach["any"] for id in order
    ]
    assert shares[0] < shares[1] < shares[2]


def test_a_way_is_told_under_the_guidance_at_hand_that_can_follow_it_and_breaches_least() -> None:
    around = surroundings(vertebra("oblique"))
    guided = (guidance("freehand_ct"), guidance("cbct_navigation"))
    way = through_pedicle(around)
    (best,) = budgeted(around, [way], guided, HANDS)
    assert best.budget.guidance == "cbct_navigation"
    assert best.budget.breach["any"] < error_budget(around, way, guided[0], HANDS).breach["any"]
    reach = {"freehand_ct": "", "cbct_navigation": "the C-arm would have to turn 130 deg"}
    (only,) = budgeted(around, [replace(way, reach=reach)], guided, HANDS)
    assert only.budget.guidance == "freehand_ct"


def test_an_unknown_guidance_names_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="did you mean 'freehand_ct'"):
        guidance("freehand")


def test_the_wall_of_two_bones_bridges_their_joint_only_where_the_template_says_so() -> None:
    image, positions = brick_grid("straight", (1.2, 1.0, 1.5), (90, 100, 80))
    along = (positions - CENTRE) @ AXIS
    hip, sacrum = (
        (from_axis(positions) < 15.0) & (along > 2.0),
        (from_axis(positions) < 15.0) & (along < -2.0),
    )
    around = replace(scene(image, hip), bones={"hip_left": hip, "sacrum": sacrum})
    crossing = next(t.id for t in templates().values() if any("sacrum" in b.between for b in t.bridges))
    screw = corridor(bones=("hip_left", "sacrum"), side="left", approach=crossing)
    bridged, open_ = wall_of(around, screw), wall_of(around, replace(screw, approach="own"))
    assert bridged is not None
    assert open_ is not None
    assert bridged.depth(CENTRE) > 5.0
    assert open_.depth(CENTRE) < 0.0
