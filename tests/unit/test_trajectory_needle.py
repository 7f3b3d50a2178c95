"""Needle paths through the pedicles of a vertebra of known shape."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import NotAvailable
from osteoplan.model.anatomy import Anatomy, Structure
from osteoplan.model.ensemble import Ensemble
from osteoplan.trajectory.needles.pedicle_path import (
    NeedleLimits,
    NeedlePath,
    PediclePathTask,
    best_path,
    measure,
    placed,
    shortfalls,
)
from osteoplan.trajectory.pedicle import PedicleSide, pedicle
from osteoplan.trajectory.placement_error import PlacementError
from osteoplan.trajectory.surroundings import distance_maps, surroundings
from tests.synthetic_vertebra import Grid, vertebra, with_structure

GRIDS: tuple[Grid, ...] = ("straight", "oblique", "left_handed")
HALF_DIAGONAL = 1.3  # of a brick [mm]: what a slanted wall of bricks may take from a clearance
LIMITS = NeedleLimits({"canal": 2.0, "pleura": 2.0, "vessel": 2.0, "organ": 2.0}, 1.0, 140.0, 60.0, 70.0)


@pytest.fixture(scope="module", params=GRIDS)
def anatomy(request: pytest.FixtureRequest) -> Anatomy:
    return vertebra(request.param)


def task(anatomy: Anatomy, side: PedicleSide, **changes: object) -> PediclePathTask:
    aim = tuple(float(x) for x in anatomy.frame.world([0.0, -7.0, 0.0]))
    return replace(PediclePathTask(side, aim, 2.4, LIMITS, comfort_mm=5.0, reach_mm=10.0), **changes)  # type: ignore[arg-type]


def along_the_pedicle(anatomy: Anatomy, side: PedicleSide, diameter: float = 2.4):
    """The line through the middle of a pedicle, straight back from the middle of the body's depth."""
    sign = 1.0 if side == "left" else -1.0
    tip, back = anatomy.frame.world([[sign * 14.5, 0.0, 3.0], [sign * 14.5, 60.0, 3.0]])
    return measure(surroundings(anatomy), tip[None], (back - tip)[None], diameter_mm=diameter, side=side)


def straight_path(anatomy: Anatomy) -> NeedlePath:
    """The same line, on the left, as a chosen path."""
    tip, back = anatomy.frame.world([[14.5, 0.0, 3.0], [14.5, 60.0, 3.0]])
    return NeedlePath("left", tuple(back), tuple(tip), 2.4, True, 1)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_isthmus_is_as_wide_as_the_pedicle_and_on_its_side(anatomy: Anatomy, side: PedicleSide) -> None:
    found = pedicle(surroundings(anatomy), side)
    left, _, up = anatomy.frame.local(found.isthmus_mm)
    # Bricks 1.0 x 1.2 x 2.0 mm across a slanted wall take up to half their diagonal from either side.
    assert 9.0 - 2.6 <= 2 * found.radius_mm <= 9.0 + 0.5
    assert left == pytest.approx(14.5 if side == "left" else -14.5, abs=1.0)
    assert up == pytest.approx(3.0, abs=2.5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_clearances_of_a_known_line_are_its_distances_less_the_radius(
    anatomy: Anatomy, side: PedicleSide
) -> None:
    found = along_the_pedicle(anatomy, side)
    for clearance in (found.clearance_mm["canal"][0], found.wall_mm[0]):
        assert 4.5 - 1.2 - HALF_DIAGONAL <= clearance <= 4.5 - 1.2 + 0.3
    assert found.other_bone_mm[0] == 0.0


def test_a_thicker_cannula_is_closer_to_everything_by_the_radius_it_gained(anatomy: Anatomy) -> None:
    thin, thick = along_the_pedicle(anatomy, "left", 2.0), along_the_pedicle(anatomy, "left", 4.0)
    for kind, clearance in thin.clearance_mm.items():
        assert clearance[0] - thick.clearance_mm[kind][0] == pytest.approx(1.0)
    assert thin.wall_mm[0] - thick.wall_mm[0] == pytest.approx(1.0)


def test_a_path_ends_on_the_skin(anatomy: Anatomy) -> None:
    found = along_the_pedicle(anatomy, "left")
    left, back, _ = anatomy.frame.local(found.entry_mm[0])
    assert (left / 120.0) ** 2 + ((back + 10.0) / 80.0) ** 2 == pytest.approx(1.0, abs=0.02)
    assert found.length_mm[0] == pytest.approx(back, abs=1.0)
    assert found.reaches_skin[0]
    assert found.skin_angle_deg[0] < 15.0


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_best_path_keeps_every_limit_and_its_side(anatomy: Anatomy, side: PedicleSide) -> None:
    path = best_path(surroundings(anatomy), task(anatomy, side))
    entry, tip = np.array(path.entry_mm), np.array(path.target_mm)
    found = measure(surroundings(anatomy), tip[None], (entry - tip)[None], diameter_mm=2.4, side=side)
    assert path.feasible
    assert sum(short[0] for short in shortfalls(found, LIMITS).values()) == 0.0
    assert path.tried > 5_000
    assert np.sign(anatomy.frame.local(entry)[0]) == (1 if side == "left" else -1)
    # Patient's left is +x of LPS, whatever the grid: this fails where an image axis is taken for the patient.
    assert np.sign(entry[0] - anatomy.frame.origin_mm[0]) == (1 if side == "left" else -1)


def test_the_search_gives_the_same_path_twice() -> None:
    whole = vertebra("oblique")
    assert best_path(surroundings(whole), task(whole, "left")) == best_path(
        surroundings(whole), task(whole, "left")
    )


def test_a_pedicle_thinner_than_the_cannula_gives_the_least_bad_path() -> None:
    narrow = vertebra("oblique", pedicle_half_width=1.6)
    path = best_path(surroundings(narrow), task(narrow, "right", diameter_mm=4.0))
    assert not path.feasible
    tip, entry = np.array(path.target_mm), np.array(path.entry_mm)
    found = measure(surroundings(narrow), tip[None], (entry - tip)[None], diameter_mm=4.0, side="right")
    assert found.wall_mm[0] < LIMITS.wall_mm


def test_a_rib_in_the_way_costs_but_does_not_forbid() -> None:
    free = vertebra("straight")
    path = best_path(surroundings(free), task(free, "right"))
    entry, tip = np.array(path.entry_mm), np.array(path.target_mm)
    positions = free.image.positions_mm(np.moveaxis(np.indices(free.image.shape), 0, -1))
    middle = entry + 0.3 * (tip - entry)
    rib = Structure("rib_right_12", "bone", np.linalg.norm(positions - middle, axis=-1) < 4.0, given=True)
    blocked = with_structure(free, rib)
    found = measure(surroundings(blocked), tip[None], (entry - tip)[None], diameter_mm=2.4, side="right")
    assert 5.0 < found.other_bone_mm[0] < 12.0
    assert all(short[0] == 0 for short in shortfalls(found, LIMITS).values())
    assert best_path(surroundings(blocked), task(blocked, "right")).entry_mm != path.entry_mm


def test_a_vessel_in_the_way_is_gone_round_or_reported() -> None:
    free = vertebra("straight")
    path = best_path(surroundings(free), task(free, "right"))
    entry, tip = np.array(path.entry_mm), np.array(path.target_mm)
    positions = free.image.positions_mm(np.moveaxis(np.indices(free.image.shape), 0, -1))
    middle = entry + 0.3 * (tip - entry)
    on_it = np.linalg.norm(positions - middle, axis=-1) < 6.0
    blocked = with_structure(free, Structure("artery", "vessel", on_it, given=True))
    assert best_path(surroundings(blocked), task(blocked, "right")).entry_mm != path.entry_mm
    found = measure(surroundings(blocked), tip[None], (entry - tip)[None], diameter_mm=2.4, side="right")
    # Coarse bricks take up to half a diagonal from the ball's depth, and from that of its deepest voxel.
    assert -6.0 - 1.2 - 0.3 <= found.clearance_mm["vessel"][0] <= -6.0 - 1.2 + 2 * HALF_DIAGONAL
    assert (
        distance_maps(surroundings(blocked)).nearest("vessel", found.closest_mm["vessel"][0]).name == "artery"
    )


def test_a_path_that_leaves_the_image_before_the_skin_says_so() -> None:
    whole = vertebra("straight")
    deep = replace(whole, body_surface=np.ones(whole.image.shape, dtype=bool))
    found = along_the_pedicle(deep, "left")
    assert not found.reaches_skin[0]
    assert not best_path(surroundings(deep), task(deep, "left")).feasible


def test_a_missing_pedicle_is_not_invented() -> None:
    whole = vertebra("straight")
    parts = {name: mask for name, mask in whole.parts.items() if name != "pedicle_left"}
    with pytest.raises(NotAvailable, match="no left pedicle"):
        pedicle(surroundings(replace(whole, parts=parts)), "left")


def test_a_needle_that_does_not_stray_meets_what_was_planned(anatomy: Anatomy) -> None:
    nominal = along_the_pedicle(anatomy, "left")
    still = placed(surroundings(anatomy), straight_path(anatomy), PlacementError(0.0, 0.0, 5), Ensemble(0, 1))
    assert still.clearance_mm["canal"] == pytest.approx(
        np.full(5, nominal.clearance_mm["canal"][0]), abs=1e-6
    )


def test_straying_further_breaches_more_often(anatomy: Anatomy) -> None:
    path = straight_path(anatomy)
    shares = [
        np.mean(placed(surroundings(anatomy), path, PlacementError(sd, sd, 300), Ensemble(0, 1)).wall_mm < 0)
        for sd in (0.5, 2.0, 5.0)
    ]
    assert shares[0] < shares[1] < shares[2]


def test_strays_shift_across_the_path_with_the_asked_spread() -> None:
    whole = vertebra("oblique")
    found = placed(surroundings(whole), straight_path(whole), PlacementError(2.0, 0.0, 2000), Ensemble(0, 1))
    local = whole.frame.local(found.entry_mm)
    assert local[:, [0, 2]].std(axis=0) == pytest.approx([2.0, 2.0], rel=0.08)
    assert local[:, [0, 2]].mean(axis=0) == pytest.approx([14.5, 3.0], abs=0.2)


def test_distance_maps_are_made_once_and_let_go_with_their_surroundings() -> None:
    around = surroundings(vertebra("straight"))
    maps = distance_maps(around)
    assert distance_maps(around) is maps
    gone = weakref.ref(around)
    del around, maps
    gc.collect()
    assert gone() is None
