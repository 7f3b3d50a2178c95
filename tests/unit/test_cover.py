"""Probes that cover a lesion of known shape, on brick, oblique and left-handed grids."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import osteoplan.trajectory.probes.cover as cover_module
import osteoplan.trajectory.probes.plan as plan_module
from osteoplan.errors import BadInput, LesionError
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.applicators import ApplicatorTable, ZoneRow, applicators
from osteoplan.model.anatomy import Structure
from osteoplan.model.device import Device
from osteoplan.model.effects import Cylinder
from osteoplan.model.evidence import Known
from osteoplan.model.trajectory import Trajectory
from osteoplan.model.volume import Volume
from osteoplan.trajectory.probes.cover import cover
from osteoplan.trajectory.probes.parallel import ProbePath, beside, probe_path_of, segment_distances
from osteoplan.trajectory.probes.placed import Danger, cover_limits, dangers
from osteoplan.trajectory.probes.plan import COVERAGE_WORDS, CoverPlan
from osteoplan.trajectory.probes.target import Target, target_of
from osteoplan.trajectory.probes.zones import contains, zone_at
from tests.synthetic_vertebra import rotation

F64 = npt.NDArray[np.float64]
CENTRE = np.array([12.0, -40.0, 210.0])
GRIDS = {
    "straight": np.eye(3),
    "oblique": rotation((14.0, -9.0, 21.0)),
    "left_handed": rotation((-8.0, 6.0, -12.0)) @ np.diag([-1.0, 1.0, 1.0]),
}


def zone(modality: str = "mwa", width: float = 30.0, length: float = 40.0, **more: object) -> ZoneRow:
    """A made-up zone whose middle is at the tip, unless told otherwise."""
    content = {
        "id": "made_up", "device": "probe", "modality": modality, "medium": "a test", "organ": "none",
        "setting": "phantom", "edge": "made up", "time_min": 10, "width_mm": width, "length_mm": length,
        "tip_offset_mm": length / 2, "document": "none", "status": "unverified", "date": "2026-11-28",
    }  # fmt: skip
    return ZoneRow.model_validate({**content, **more})


def table(*rows: ZoneRow, diameter: float | None = 2.0) -> ApplicatorTable:
    values = {} if diameter is None else {"outer_diameter_mm": Known(diameter, "mm")}
    return ApplicatorTable(
        "a test", {row.id: row for row in rows}, {"probe": Device("probe", "probe", "p", values)}
    )


def grid(kind: str, spacing: tuple[float, float, float] = (1.0, 1.3, 2.5)) -> Volume:
    """A box of 110 x 110 x 110 mm about CENTRE."""
    shape = tuple(round(110.0 / h) for h in spacing)
    affine = np.eye(4)
    affine[:3, :3] = GRIDS[kind] * np.asarray(spacing)
    affine[:3, 3] = CENTRE - affine[:3, :3] @ (np.asarray(shape) - 1) / 2
    return Volume(np.zeros(shape, np.uint8), affine, "mask")


def at(x: float, y: float, z: float) -> tuple[float, float, float]:
    """A point, told from CENTRE."""
    return (CENTRE[0] + x, CENTRE[1] + y, CENTRE[2] + z)


def balls(on: Volume, radius: float, *centres: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """A lesion of balls; centres are told from CENTRE."""
    positions = on.positions_mm(np.moveaxis(np.indices(on.shape), 0, -1))
    inside = [np.linalg.norm(positions - CENTRE - np.asarray(c), axis=-1) <= radius for c in centres]
    return np.logical_or.reduce(inside)


def ways(*tips: npt.ArrayLike, along: npt.ArrayLike = (0.0, -1.0, 0.0)) -> list[ProbePath]:
    """Ways from behind (or against ``along``) to tips that are told from CENTRE."""
    axis = np.asarray(along) / np.linalg.norm(along)
    made = []
    for number, tip in enumerate(tips):
        end = CENTRE + np.asarray(tip, dtype=np.float64)
        made.append(ProbePath(f"way_{number}", tuple(end - 100.0 * axis), tuple(end)))
    return made


def everywhere(entries: F64, tips: F64) -> npt.NDArray[np.bool_]:
    return np.ones(len(tips), dtype=bool)


def planned(target: Target, offers: list[ProbePath], row: ZoneRow, n: int = 4, **more: object) -> CoverPlan:
    rules = {name: more.pop(name) for name in ("screws", "structures", "keep_out") if name in more}
    limits = more.pop("limits", None) or cover_limits(n, **rules)  # type: ignore[arg-type]
    return cover(target, offers, table(row), [row], limits, **more)  # type: ignore[arg-type]


# the target


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("spacing", [(1.0, 1.3, 2.5), (0.8, 3.0, 5.0)])
def test_a_target_has_the_volume_of_the_lesion_and_of_its_margin(
    kind: str, spacing: tuple[float, float, float]
) -> None:
    on = grid(kind, spacing)
    lesion = balls(on, 15.0, (3, 2, -4))
    target = target_of(lesion, on, 5.0)
    voxels = lesion.sum() * on.voxel_volume_mm3
    assert target.in_lesion.sum() * target.brick_volume_mm3 == pytest.approx(voxels)
    assert len(target.bricks_mm) * target.brick_volume_mm3 == pytest.approx(target.cell_volumes_mm3.sum())
    away = np.linalg.norm(target.bricks_mm - CENTRE - (3, 2, -4), axis=1)
    # the lesion is its voxels as bricks, so that the margin never falls short; it is whole voxels too
    assert away.max() <= 20.0 + np.linalg.norm(spacing)
    every = on.positions_mm(np.argwhere(np.ones(on.shape, bool))) - CENTRE - (3, 2, -4)
    assert target.cell_volumes_mm3.sum() >= (
        (np.linalg.norm(every, axis=1) <= 19.9).sum() * on.voxel_volume_mm3
    )
    surface = np.linalg.norm(target.surface_mm - CENTRE - (3, 2, -4), axis=1)
    assert np.abs(surface - 15.0).max() < np.linalg.norm(spacing)


def test_a_margin_reaches_beyond_the_image_and_spares_what_it_is_told_to() -> None:
    on = grid("oblique")
    lesion = np.zeros(on.shape, dtype=bool)
    lesion[:4, 30:40, 20:26] = True  # at the image's border
    whole = target_of(lesion, on, 5.0)
    assert on.indices(whole.bricks_mm)[:, 0].min() < -3.0
    canal = np.zeros(on.shape, dtype=bool)
    canal[2:, :, 23:] = True
    spared = target_of(lesion, on, 5.0, sparing=canal)
    where = np.rint(on.indices(spared.bricks_mm)).astype(int)
    beyond = where[~spared.in_lesion]
    assert not ((beyond[:, 0] >= 2) & (beyond[:, 2] >= 23)).any()
    assert spared.in_lesion.sum() == whole.in_lesion.sum()


def test_an_empty_lesion_and_a_negative_margin_are_told() -> None:
    on = grid("straight")
    with pytest.raises(LesionError, match="no voxel"):
        target_of(np.zeros(on.shape, bool), on, 5.0)
    with pytest.raises(BadInput, match="margin"):
        target_of(balls(on, 5, (0, 0, 0)), on, -1.0)
    with pytest.raises(BadInput, match="one shape"):
        target_of(np.ones((2, 2, 2), bool), on, 1.0)


# the choice


@pytest.mark.parametrize("kind", GRIDS)
def test_a_ball_within_one_zone_takes_one_probe(kind: str) -> None:
    on = grid(kind)
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 5.0)
    offers = ways((0, 0, 0), (9, 0, 0), (-9, 0, 0), (0, 0, 9), along=(1, -2, 0.5))
    plan = planned(target, offers, zone(width=34.0, length=44.0))
    assert [probe.way for probe in plan.probes] == ["way_0"]
    assert plan.status == "optimal"
    assert plan.gap == 0.0
    assert plan.coverage_pct == plan.lesion_pct == 100.0
    assert plan.uncovered_points == 0
    assert plan.margin_min_mm == pytest.approx(17.0 - 8.0, abs=2.0)
    assert plan.margin_reached_pct[5.0] == 100.0


@pytest.mark.parametrize("kind", GRIDS)
def test_two_balls_far_apart_take_two_probes(kind: str) -> None:
    on = grid(kind)
    lesion = balls(on, 7.0, (-20, 0, 5), (20, 4, -5))
    target = target_of(lesion, on, 3.0)
    offers = ways((-20, 0, 5), (-10, 0, 0), (0, 0, 0), (10, 0, 0), (20, 4, -5))
    plan = planned(target, offers, zone(width=26.0, length=36.0))
    assert [probe.way for probe in plan.probes] == ["way_0", "way_4"]
    assert plan.coverage_pct == 100.0
    assert len(plan.spacing) == 1
    assert plan.spacing[0].surfaces_mm == pytest.approx(np.hypot(40, 10) - 2.0, abs=0.1)


def test_one_probe_for_two_balls_leaves_half_and_says_so() -> None:
    on = grid("straight")
    target = target_of(balls(on, 7.0, (-20, 0, 0), (20, 0, 0)), on, 0.0)
    plan = planned(target, ways((-20, 0, 0), (20, 0, 0)), zone(width=26.0, length=36.0), n=1)
    assert len(plan.probes) == 1
    assert plan.lesion_pct == pytest.approx(50.0, abs=3.0)
    assert 0 < plan.uncovered_points < plan.points
    assert plan.margin_min_mm < 0
    assert plan.margin_reached_pct[0.0] == pytest.approx(50.0, abs=3.0)


def test_of_two_zones_that_cover_the_lesion_the_one_with_less_around_it_is_chosen() -> None:
    on = grid("straight")
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    small, large = zone(width=22.0, length=24.0, id="small"), zone(width=50.0, length=60.0, id="large")
    plan = cover(target, ways((0, 0, 0)), table(small, large), [large, small], cover_limits(3))
    assert [probe.row.id for probe in plan.probes] == ["small"]


def test_the_lesion_is_covered_wherever_its_points_are_checked_one_by_one() -> None:
    on = grid("oblique")
    target = target_of(balls(on, 12.0, (0, 0, 0), (14, 5, -8)), on, 5.0)
    offers = beside(
        ways((0, 0, 0), along=(0.3, -1, 0.2)), allowed=everywhere, reach_mm=25.0, depths_mm=(-10.0, 0.0, 10.0)
    )
    plan = planned(target, list(offers), zone(width=34.0, length=40.0))
    inside = np.zeros(len(target.bricks_mm), dtype=bool)
    for probe in plan.probes:
        # the independent check: the formula of the ellipsoid, written out
        axis = np.subtract(probe.tip_mm, probe.entry_mm)
        axis /= np.linalg.norm(axis)
        away = target.bricks_mm - probe.tip_mm  # the middle of the zone is the tip
        along = away @ axis
        inside |= (np.sum(away**2, axis=1) - along**2) / 17.0**2 + along**2 / 20.0**2 <= 1.0
    assert plan.coverage_pct == pytest.approx(100.0 * inside.mean())
    assert plan.coverage_pct > 97.0
    assert 0.0 <= plan.gap < 1.0


# conflicts


def rows_of_tips(step: float, n: int) -> list[tuple[float, float, float]]:
    return [(step * i - step * (n - 1) / 2, 0.0, 0.0) for i in range(n)]


def test_entries_and_tubes_keep_their_distance() -> None:
    on = grid("straight")
    target = target_of(balls(on, 9.0, (-12, 0, 0), (0, 0, 0), (12, 0, 0)), on, 3.0)
    plan = planned(target, ways(*rows_of_tips(2.0, 25)), zone(width=24.0, length=40.0), n=8)
    assert len(plan.probes) >= 2
    assert min(spacing.entries_mm for spacing in plan.spacing) >= 10.0
    assert min(spacing.surfaces_mm for spacing in plan.spacing) >= 2.0


@pytest.mark.parametrize(("apart", "used"), [(8.0, 1), (12.0, 2)])
def test_two_entries_nearer_than_10_mm_exclude_each_other_though_the_probes_spread(
    apart: float, used: int
) -> None:
    on = grid("straight")
    target = target_of(balls(on, 7.0, (-18, 0, 0), (18, 0, 0)), on, 0.0)
    offers = [
        ProbePath("a", at(-apart / 2, 100, 0), at(-18, 0, 0)),
        ProbePath("b", at(apart / 2, 100, 0), at(18, 0, 0)),
    ]
    assert len(planned(target, offers, zone(width=26.0, length=34.0)).probes) == used


def test_tubes_that_cross_under_the_skin_exclude_each_other() -> None:
    on = grid("straight")
    target = target_of(balls(on, 7.0, (-16, 0, 0), (16, 0, 0)), on, 0.0)
    crossing = [
        ProbePath("a", at(40, 60, 0), at(-16, 0, 0)),
        ProbePath("b", at(-40, 60, 0), at(16, 0, 0)),
    ]
    assert len(planned(target, crossing, zone(width=26.0, length=30.0)).probes) == 1
    lifted = dataclasses.replace(
        crossing[1],
        entry_mm=tuple(np.add(crossing[1].entry_mm, (0, 0, 6))),
        tip_mm=tuple(np.add(crossing[1].tip_mm, (0, 0, 6))),
    )
    assert len(planned(target, [crossing[0], lifted], zone(width=26.0, length=30.0)).probes) == 2


def test_cold_probes_stand_at_least_10_and_have_a_neighbour_within_20_mm() -> None:
    on = grid("straight")
    target = target_of(balls(on, 12.0, (-20, 0, 0), (-7, 0, 0), (7, 0, 0), (20, 0, 0)), on, 0.0)
    offers = beside(ways((0, 0, 0)), allowed=everywhere, reach_mm=30.0, depths_mm=(0.0, 8.0), shift_mm=4.0)
    plan = planned(target, list(offers), zone("cryo", width=20.0, length=36.0), n=6)
    apart = np.full((len(plan.probes), len(plan.probes)), np.inf)
    for pair in plan.spacing:
        apart[pair.a, pair.b] = apart[pair.b, pair.a] = pair.active_mm
    assert len(plan.probes) >= 3
    assert apart.min() >= 10.0
    assert (apart.min(axis=1) <= 20.0).all()


def test_two_cold_probes_too_far_apart_to_join_are_not_both_used() -> None:
    on = grid("straight")
    target = target_of(balls(on, 7.0, (-20, 0, 0), (20, 0, 0)), on, 0.0)
    offers = ways((-20, 0, 0), (20, 0, 0))
    assert len(planned(target, offers, zone("cryo", width=26.0, length=36.0)).probes) == 1
    assert len(planned(target, offers, zone("mwa", width=26.0, length=36.0)).probes) == 2


def test_cold_probes_beyond_the_usual_distance_are_told() -> None:
    on = grid("straight")
    target = target_of(balls(on, 7.0, (-9, 0, 0), (9, 0, 0)), on, 0.0)
    plan = planned(target, ways((-9, 0, 0), (9, 0, 0)), zone("cryo", width=20.0, length=30.0))
    assert len(plan.probes) == 2
    assert any("18 mm away; 10 to 15 mm is usual" in said for said in plan.cautions)


def test_no_probe_touches_a_screw_of_the_same_session() -> None:
    on = grid("straight")
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    offers = ways((0, 0, 0), (5, 0, 0))
    row = zone(width=32.0, length=40.0)
    assert planned(target, offers, row).probes[0].way == "way_0"
    # radii 1 and 3, 2 between: the axis must keep 6 away; the screw runs along z, 3 from the first way
    screw = Cylinder(at(-3, 40, -50), at(-3, 40, 50), 6.0, 0.0, "titanium")
    plan = planned(target, offers, row, screws=[screw])
    assert [probe.way for probe in plan.probes] == ["way_1"]
    assert any("1 of 2 placements were left out" in said for said in plan.cautions)


@pytest.mark.parametrize(("away", "free"), [(9.5, False), (14.5, True)])
def test_an_active_radiofrequency_probe_stays_10_mm_from_metal(away: float, free: bool) -> None:
    on = grid("straight")
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    # beside the tip, across the axis: radii 1 and 3, so 14 mm are needed
    screw = Cylinder(at(away, 0, -50), at(away, 0, 50), 6.0, 0.0, "titanium")
    rf = planned(target, ways((0, 0, 0)), zone("rfa", width=26.0, length=30.0), screws=[screw])
    assert bool(rf.probes) is free
    heat = zone("mwa", width=26.0, length=30.0)
    assert len(planned(target, ways((0, 0, 0)), heat, screws=[screw]).probes) == 1
    nail = Danger("nail", "metal", CENTRE + np.array([[away - 3.0, 0, 0]]), 0.0)
    of_the_patient = planned(target, ways((0, 0, 0)), zone("rfa", width=26.0, length=30.0), structures=[nail])
    assert bool(of_the_patient.probes) is free
    coarse = dataclasses.replace(nail, reach_mm=1.0)  # its voxels may be that much nearer
    nearer = planned(target, ways((0, 0, 0)), zone("rfa", width=26.0, length=30.0), structures=[coarse])
    assert not nearer.probes


def test_metal_beside_the_shaft_far_from_the_zone_does_not_stop_radiofrequency() -> None:
    on = grid("straight")
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    screw = Cylinder(at(8, 70, -50), at(8, 70, 50), 6.0, 0.0, "titanium")
    assert planned(target, ways((0, 0, 0)), zone("rfa", width=26.0, length=30.0), screws=[screw]).probes


# structures


@pytest.mark.parametrize("kind", GRIDS)
def test_structures_in_a_zone_are_told_with_their_distance_and_kept_out_of_on_demand(kind: str) -> None:
    on = grid(kind)
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    canal = Structure("spinal_canal", "canal", balls(on, 5.0, (0, 0, 18)), given=True)
    root = Structure("nerve_root", "nerve", balls(on, 3.0, (0, 0, -40)), given=False)
    told = dangers([canal, root, dataclasses.replace(root, mask=np.zeros(on.shape, bool))], on)
    assert [danger.derived for danger in told] == [False, True]
    offers = ways((0, 0, 0), (0, 0, -5))
    plan = planned(target, offers, zone(width=30.0, length=34.0), structures=told)
    assert [reached.structure for reached in plan.reached] == ["spinal_canal"]
    # zone to 15, canal from 13: 2 inside, half a voxel's diagonal (1.5) deeper at most by its bricks
    assert plan.reached[0].gap_mm == pytest.approx(-2.0, abs=2.0)
    assert plan.reached[0].gap_mm < -1.0
    kept = planned(
        target, offers, zone(width=30.0, length=34.0), structures=told, keep_out=["canal"]
    )  # fmt: skip
    assert [probe.way for probe in kept.probes] == ["way_1"]
    assert kept.reached == ()


# candidates


def test_ways_beside_a_way_are_parallel_on_the_grid_and_each_is_asked_for() -> None:
    given = ways((0, 0, 0), along=(0.2, -1.0, 0.4))[0]
    asked = []

    def right_half(entries: F64, tips: F64) -> npt.NDArray[np.bool_]:
        asked.append(len(tips))
        return tips[:, 0] >= CENTRE[0] - 1e-9

    made = beside([given], allowed=right_half, reach_mm=10.0, depths_mm=(-5.0, 0.0, 5.0))
    assert asked == [13 * 3]  # 5 mm grid in a disc of 10 mm
    assert 13 < len(made) < 39
    axis = np.asarray(given.direction)
    for candidate in made:
        assert np.allclose(candidate.direction, axis)
        assert candidate.way == given.way
        off = np.subtract(candidate.tip_mm, given.tip_mm)
        assert np.linalg.norm(off - (off @ axis) * axis) <= 10.0 + 1e-9
        assert round(float(off @ axis), 6) in (-5.0, 0.0, 5.0)
        assert candidate.tip_mm[0] >= CENTRE[0] - 1e-9


def test_a_way_that_does_not_fit_is_no_candidate() -> None:
    fits = Trajectory("w", "w", "needle", "a", "fits", entry_mm=(0, 90, 0), target_mm=(0, 0, 0))
    assert probe_path_of(fits).direction == (0.0, -1.0, 0.0)
    with pytest.raises(BadInput, match="too narrow"):
        probe_path_of(dataclasses.replace(fits, status="none", reasons=("too narrow",)))


def test_distances_between_segments_are_those_of_a_fine_search() -> None:
    rng = np.random.default_rng(5)
    a0, a1, b0, b1 = (rng.normal(scale=10.0, size=(9, 3)) for _ in range(4))
    a1[0], b1[0] = a0[0] + (b1[1] - b0[1]), b0[0]  # parallel to another one; a point
    t = np.linspace(0.0, 1.0, 401)
    on_a = a0[:, None] + t[:, None] * (a1 - a0)[:, None]
    on_b = b0[:, None] + t[:, None] * (b1 - b0)[:, None]
    found = segment_distances(a0, a1, b0, b1)
    for i in range(9):
        for j in range(9):
            fine = np.linalg.norm(on_a[i][:, None] - on_b[j][None], axis=-1).min()
            assert fine - 0.06 <= found[i, j] <= fine + 1e-9


# refinement and repetition


def test_tips_are_moved_along_the_axis_where_that_covers_more_and_only_where_it_is_allowed() -> None:
    on = grid("straight")
    target = target_of(balls(on, 13.0, (0, 0, 0)), on, 0.0)
    offers = ways((0, 2.5, 0))  # 2.5 mm short of the middle
    row = zone(width=30.0, length=30.0)
    fixed = planned(target, offers, row)
    moved = planned(target, offers, row, allowed=everywhere)
    assert fixed.probes[0].tip_mm == offers[0].tip_mm
    assert moved.probes[0].tip_mm[1] == pytest.approx(CENTRE[1], abs=0.6)
    assert moved.coverage_pct > fixed.coverage_pct
    assert moved.margin_min_mm > fixed.margin_min_mm + 1.0
    assert moved.probes[0].zone == zone_at(moved.probes[0].tip_mm, offers[0].direction, row)
    stopped = planned(target, offers, row, allowed=lambda entries, tips: tips[:, 1] > CENTRE[1] + 1.9)
    assert stopped.probes[0].tip_mm[1] == pytest.approx(CENTRE[1] + 2.0)


def test_a_tip_is_not_moved_to_where_its_zone_reaches_what_it_must_keep_out_of() -> None:
    on = grid("straight")
    target = target_of(balls(on, 13.0, (0, 0, 0)), on, 0.0)
    offers, row = ways((0, 2.5, 0)), zone(width=30.0, length=30.0)
    # 14 mm beyond the middle: the zone reaches to 12.5 now, and to 14 with its tip 1.5 mm deeper
    canal = Danger("canal", "canal", CENTRE + np.array([[0.0, -14.2, 0.0]]), 0.0)
    kept = planned(
        target,
        offers,
        row,
        allowed=everywhere,
        structures=[canal],
        keep_out=["canal"],
    )
    assert kept.probes[0].tip_mm[1] == pytest.approx(CENTRE[1] + 1.0)
    assert kept.reached == ()
    free = planned(target, offers, row, allowed=everywhere, structures=[canal])
    assert free.reached[0].gap_mm == pytest.approx(-0.3, abs=0.5)
    assert free.probes[0].tip_mm[1] < kept.probes[0].tip_mm[1]


def test_refinement_breaks_no_rule() -> None:
    on = grid("oblique")
    target = target_of(balls(on, 10.0, (-8, 0, 0), (8, 0, 0)), on, 4.0)
    offers = list(beside(ways((0, 0, 0)), allowed=everywhere, reach_mm=20.0, depths_mm=(-6.0, 0.0, 6.0)))
    canal = Danger("canal", "canal", CENTRE + np.array([[0.0, -26.0, 0.0]]), 1.0)
    plan = planned(
        target, offers, zone("cryo", width=22.0, length=34.0), allowed=everywhere, structures=[canal],
        keep_out=["canal"],
    )  # fmt: skip
    assert plan.reached == ()
    assert all(pair.active_mm >= 10.0 and pair.entries_mm >= 10.0 for pair in plan.spacing)


def test_the_same_input_gives_the_same_plan() -> None:
    on = grid("left_handed")
    target = target_of(balls(on, 8.0, (-8, 0, 0), (9, 4, 2)), on, 3.0)
    offers = list(beside(ways((0, 0, 0)), allowed=everywhere, reach_mm=15.0, depths_mm=(-5.0, 5.0)))
    plans = [planned(target, offers, zone(), allowed=everywhere) for _ in range(2)]
    assert plans[0].status == "optimal"
    assert len(plans[0].probes) == 2
    assert plans[0] == plans[1]


def test_most_placements_are_left_out_when_there_are_too_many_and_it_is_told() -> None:
    on = grid("straight")
    target = target_of(balls(on, 14.0, (-9, 0, 0), (9, 0, 0)), on, 0.0)
    offers = list(
        beside(ways((0, 0, 0)), allowed=everywhere, reach_mm=24.0, depths_mm=(-8.0, 0.0, 8.0), shift_mm=3.0)
    )
    limits = dataclasses.replace(cover_limits(4), columns_max=120)
    plan = planned(target, offers, zone(width=34.0, length=40.0), limits=limits)
    assert plan.columns <= 120 + 200  # the best of all, and one for each part of the target
    assert any("placements were possible" in said for said in plan.cautions)
    assert plan.lesion_pct > 97.0


# what is said


def test_where_no_probe_can_be_placed_there_is_a_plan_that_says_so() -> None:
    on = grid("straight")
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    for offers in ([], ways((60, 60, 60))):
        plan = planned(target, offers, zone())
        assert plan.status == "none"
        assert plan.probes == ()
        assert plan.coverage_pct == plan.lesion_pct == 0.0
        assert plan.uncovered_points == plan.points
        assert any("no probe can be placed" in said for said in plan.cautions)


def test_coverage_is_called_geometric_and_nothing_is_called_a_kill() -> None:
    on = grid("straight")
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    row = applicators().row("neuwave_pr_liver_65W_10min_chart")
    plan = cover(target, ways((0, -12, 0)), applicators(), [row], cover_limits(2))
    assert plan.words == COVERAGE_WORDS == "geometric, zones unverified, not measured in bone"
    assert set(row.cautions) <= set(plan.cautions)
    assert any(COVERAGE_WORDS in said for said in plan.cautions)
    assert any("liver" in said for said in plan.cautions)
    for module in (cover_module, plan_module):
        text = inspect.getsource(module).lower()
        assert "kill" not in text
        assert "lethal" not in text


def test_a_probe_of_unknown_diameter_is_taken_thick_and_told() -> None:
    on = grid("straight")
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    row = zone()
    plan = cover(target, ways((0, 0, 0)), table(row, diameter=None), [row], cover_limits(1))
    assert plan.probes[0].diameter_mm == 2.41
    assert any("diameter not known, 2.41 mm taken" in said for said in plan.cautions)


def test_a_zone_gives_its_outline_for_a_picture() -> None:
    on = grid("straight")
    target = target_of(balls(on, 8.0, (0, 0, 0)), on, 0.0)
    solid = planned(target, ways((0, 0, 0)), zone(width=30.0, length=40.0)).probes[0].zone
    assert (solid.half_width_mm, solid.half_length_mm) == (15.0, 20.0)
    assert np.allclose(solid.centre_mm, CENTRE)
    t = np.linspace(0, 2 * np.pi, 50)[:, None]
    outline = CENTRE + 0.9999 * (20.0 * np.cos(t) * np.array(solid.axis) + 15.0 * np.sin(t) * [1.0, 0.0, 0.0])
    assert contains(outline, solid).all()


def test_no_probes_at_all_is_bad_input() -> None:
    with pytest.raises(BadInput, match="0 probes"):
        cover_limits(0)


def test_a_lesion_in_a_real_pelvis_is_covered_and_the_vessels_that_are_reached_are_told(data: Path) -> None:
    labels = read_nifti(data / "pelvis_hip" / "example_seg_fast_force_split.nii.gz", "label")
    hip = labels.array == 77
    bone = labels.positions_mm(np.argwhere(hip))
    low, high = bone.min(axis=0), bone.max(axis=0)
    above_socket = bone[np.abs(bone[:, 2] - (low[2] + 0.55 * (high[2] - low[2]))) < 6.0]
    middle = above_socket[np.argmin(np.linalg.norm(above_socket - above_socket.mean(axis=0), axis=1))]
    near = np.linalg.norm(bone - middle, axis=1) < 14.0
    lesion = np.zeros(labels.shape, dtype=bool)
    lesion[tuple(np.argwhere(hip)[near].T)] = True
    vessels = [
        Structure(f"vessel_{label}", "vessel", labels.array == label, given=True) for label in (65, 67)
    ]
    assert all(vessel.mask.any() for vessel in vessels)
    lateral = np.array([120.0, 0.0, 0.0])
    given = ProbePath("lateral", tuple(middle + lateral), tuple(middle - lateral / 12.0))
    offers = beside([given], allowed=everywhere, reach_mm=5.0, depths_mm=(0.0, 10.0, 20.0))
    target = target_of(lesion, labels, 5.0)
    rows = [applicators().row("emprint_100W_10min")]
    plan = cover(
        target, offers, applicators(), rows, cover_limits(3, structures=dangers(vessels, labels)),
        allowed=everywhere,
    )  # fmt: skip
    assert plan.lesion_pct > 98.0
    assert plan.coverage_pct > 90.0
    told = {reached.structure for reached in plan.reached}
    for vessel in vessels:  # every voxel of it, not its shell
        voxels = labels.positions_mm(np.argwhere(vessel.mask))
        if any(contains(voxels, probe.zone).any() for probe in plan.probes):
            assert vessel.name in told
