"""Chosen needle paths are measured brick by brick, and searched again where a margin is missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.knowledge.approaches import approach
from osteoplan.knowledge.devices import device
from osteoplan.knowledge.guidance import guidance
from osteoplan.model.trajectory import Gap, Trajectory
from osteoplan.trajectory.needles.exact import SPARE_MM, kept, measured_exactly, missed_mm
from osteoplan.trajectory.needles.limits import NeedleTask, needle_rules
from osteoplan.trajectory.surroundings import Surroundings, distance_maps, surroundings
from tests.slow_checker import Capsule, gap_to, masks_of, wall_around
from tests.synthetic_vertebra import Grid, vertebra

GRIDS: tuple[Grid, ...] = ("straight", "oblique", "left_handed")


def task_for(id: str = "transpedicular") -> NeedleTask:
    return NeedleTask(
        approach(id), "left", "prone", device("cannula_11g"), (guidance("robot"),), needle_rules()
    )


def read_way(around: Surroundings, task: NeedleTask, left: float, name: str = "one") -> Trajectory:
    """A needle straight back from the body, ``left`` mm from the midline, its gaps as the maps read them."""
    frame, maps, radius = around.anatomy.frame, distance_maps(around), task.diameter_mm / 2.0
    tip, entry = frame.world([[left, 0.0, 3.0], [left, 58.0, 3.0]])
    places = tip + np.linspace(0, 1, 581)[:, None] * (entry - tip)
    gaps = []
    for kind in ("canal", "vessel", "pleura", "organ"):
        values = maps.at(kind, places) - radius
        at = places[int(values.argmin())]
        gaps.append(Gap(maps.nearest(kind, at).name, kind, float(values.min()), tuple(at), 2.0))
    return Trajectory(
        name, name, "needle", task.approach.id, "fits", side="left", entry_mm=tuple(entry),
        target_mm=tuple(tip), diameter_mm=task.diameter_mm, gaps=tuple(gaps),
        measures={"free_diameter_mm": 3.0},
    )  # fmt: skip


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("left", [11.7, 12.6, 14.5])
def test_exact_gaps_are_those_of_the_slow_checker(grid: Grid, left: float) -> None:
    around, task = surroundings(vertebra(grid)), task_for()
    read = read_way(around, task, left)
    way = measured_exactly(
        around, task, replace(read, gaps=(*read.gaps, Gap("b", "wall", 0.9, (0, 0, 0), 1.0)))
    )
    capsule = Capsule(way.entry_mm, way.target_mm, task.diameter_mm / 2.0)  # type: ignore[arg-type]
    slow = {
        kind: min(gap_to(mask, around.grid.affine, capsule) for mask in masks.values())
        for kind, masks in masks_of(around).items()
    }
    for gap in way.gaps:
        if gap.kind == "wall":
            # the isthmus lies some 14 to 24 mm behind the body's middle, so the stretch ends there
            assert gap.gap_mm >= wall_around(around.bones[around.target], around.grid.affine, capsule) - 1e-6
        elif gap.gap_mm < gap.needed_mm + 3.0:
            assert gap.gap_mm == pytest.approx(slow[gap.kind], abs=0.06)
        assert gap.needed_mm == (
            task.rules.wall_mm if gap.kind == "wall" else task.rules.clearance_mm[gap.kind]
        )
    worst = min(gap.gap_mm - gap.needed_mm for gap in way.gaps)
    assert way.measures["free_diameter_mm"] == pytest.approx(max(0.0, task.diameter_mm + 2.0 * worst))


def test_a_search_is_repeated_with_larger_margins_until_every_way_keeps_the_ones_asked_for() -> None:
    around, task = surroundings(vertebra("oblique")), task_for()
    asked: list[float] = []

    def search(stricter: NeedleTask) -> tuple[Trajectory, ...]:
        asked.append(stricter.rules.clearance_mm["canal"])
        places = np.arange(12.0, 16.0, 0.2)
        ways = [read_way(around, stricter, left, f"at {left:.1f}") for left in places]
        return tuple(way for way in ways if way.gaps[0].gap_mm >= asked[-1])[:1]

    (way,) = kept(around, task, search)
    assert missed_mm(way) == {}
    assert asked[0] == task.rules.clearance_mm["canal"]
    assert asked == sorted(asked)
    capsule = Capsule(way.entry_mm, way.target_mm, task.diameter_mm / 2.0)  # type: ignore[arg-type]
    canal = around.anatomy.structure("spinal_canal").mask
    assert gap_to(canal, around.grid.affine, capsule) >= task.rules.clearance_mm["canal"]
    assert all(gap.needed_mm == task.rules.clearance_mm[gap.kind] for gap in way.gaps)


def test_a_path_that_never_keeps_a_margin_is_refused_with_the_exact_number() -> None:
    around, task = surroundings(vertebra("oblique")), task_for()
    (way,) = kept(around, task, lambda _: (read_way(around, task, 12.0),))
    assert way.status == "none"
    missed = missed_mm(way)["canal"]
    assert way.reasons == (
        f"the best path passes {2.0 - missed:.2f} mm from the spinal canal, 2.00 mm needed",
    )


def test_what_the_search_could_not_find_is_passed_on() -> None:
    around, task = surroundings(vertebra("straight")), task_for()
    none = Trajectory("t", "t", "needle", "transpedicular", "none", reasons=("no pedicle",))
    assert kept(around, task, lambda _: (none,)) == (none,)


def test_each_search_asks_for_more_by_what_was_missed_of_that_kind_alone() -> None:
    around, task = surroundings(vertebra("oblique")), task_for()
    missed = missed_mm(measured_exactly(around, task, read_way(around, task, 12.0)))
    assert set(missed) == {"canal"}
    asked = []
    kept(around, task, lambda stricter: (asked.append(stricter.rules), (read_way(around, task, 12.0),))[1])
    assert len(asked) > 1
    for n, rules in enumerate(asked):
        more = n * (missed["canal"] + SPARE_MM)
        assert rules.clearance_mm == pytest.approx(
            {kind: mm + (more if kind == "canal" else 0.0) for kind, mm in task.rules.clearance_mm.items()}
        )
        assert rules.wall_mm == task.rules.wall_mm


def test_only_measures_that_were_told_are_told_again() -> None:
    around, task = surroundings(vertebra("straight")), task_for()
    read = read_way(around, task, 12.6)
    assert measured_exactly(around, task, replace(read, gaps=())).measures == read.measures
    assert measured_exactly(around, task, replace(read, measures={})).measures == {}
    walled = replace(
        read, gaps=(*read.gaps, Gap("b", "wall", 0.9, (0, 0, 0), 1.0)), measures={"wall_mm": 0.9}
    )
    told = measured_exactly(around, task, walled)
    assert told.measures["wall_mm"] == next(gap.gap_mm for gap in told.gaps if gap.kind == "wall")
