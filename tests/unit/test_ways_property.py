"""Every way that is proposed in a real bone keeps its margins, as a checker says that shares no code with it.

Lesions are random.  A way that does not exist says why; what is proposed has no hard violation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from osteoplan.knowledge.approaches import approaches_of
from osteoplan.knowledge.corridors import templates
from osteoplan.knowledge.guidance import guidance
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.trajectory import Trajectory
from osteoplan.trajectory.corridors.find import corridors
from osteoplan.trajectory.needles.limits import NeedleTask, needle_rules
from osteoplan.trajectory.needles.search import needle_ways
from osteoplan.trajectory.pedicle import PedicleSide, pedicle
from osteoplan.trajectory.placement_error import error_budget
from osteoplan.trajectory.surroundings import Surroundings, surroundings
from tests.made_setting import ENSEMBLE
from tests.real_ways import cannula, chest, moved, pelvis, with_lesion
from tests.slow_checker import Capsule, check_kinds, inside, wall_across, wall_around

pytestmark = [pytest.mark.data, pytest.mark.slow]

SIDES: tuple[PedicleSide, ...] = ("left", "right")
GUIDED = (guidance("freehand_ct"), guidance("cbct_navigation"))
OWN_STEP = 0.06  # mm, of the checker
READ = 0.01  # mm, of what the checker compares


def needles(
    around: Surroundings, diameter_mm: float, position: str = ""
) -> Iterator[tuple[NeedleTask, Trajectory]]:
    """Every proposal of every approach to a bone."""
    own = around.target.rpartition("_")[2]
    for approach in approaches_of(around.anatomy.bone):
        if approach.needle is None:
            continue
        for side in (own,) if own in SIDES else SIDES:
            lies = position or approach.needle.positions[0]
            task = NeedleTask(
                approach, side, lies, cannula(diameter_mm), GUIDED, needle_rules(),  # type: ignore[arg-type]
                around.anatomy.isocentre_mm,
            )  # fmt: skip
            for way in needle_ways(around, task, ENSEMBLE).ways:
                yield task, way


def capsule(way: Trajectory) -> Capsule:
    assert way.entry_mm is not None
    assert way.target_mm is not None
    assert way.diameter_mm is not None
    return Capsule(way.entry_mm, way.target_mm, way.diameter_mm / 2.0)


def require_kept(around: Surroundings, task: NeedleTask, way: Trajectory) -> None:
    """No hard violation of a proposed needle path."""
    device, rules = capsule(way), task.rules
    crossed = task.approach.needle.joints_crossed if task.approach.needle else ()
    left_out = frozenset(s.name for s in around.structures if crossed and s.name.startswith(crossed))
    needed = {kind: mm - OWN_STEP for kind, mm in rules.clearance_mm.items()}
    assert check_kinds(around, device, needed, leave_out=left_out) == ()
    assert inside(around.lesion, around.grid.affine, way.target_mm)
    skin = [inside(around.skin, around.grid.affine, place) for place in device.points(np.array([2.0, -4.0]))]
    assert skin[0]
    assert task.reach_mm is None or device.length_mm <= task.reach_mm + 0.1


def through_the_pedicle(anatomy: Anatomy, way: Trajectory) -> float:
    """Bone beside a needle from the isthmus to the tip, as the slow checker finds it [mm]."""
    device = capsule(way)
    isthmus = np.array(pedicle(surroundings(anatomy), "left" if way.side == "left" else "right").isthmus_mm)
    entry = np.array(way.entry_mm)
    from_mm = float((isthmus - entry) @ (np.array(way.target_mm) - entry) / device.length_mm)
    return wall_around(anatomy.bone_mask, anatomy.image.affine, device, from_mm=from_mm)


@pytest.fixture(scope="module")
def t12(data: Path) -> Anatomy:
    return with_lesion(chest(data, "T12"), "vertebra_T12", "midline", 1)


@pytest.mark.parametrize("seed", [1, 3])
def test_needle_paths_to_random_lesions_of_a_real_vertebra_keep_every_margin(t12: Anatomy, seed: int) -> None:
    anatomy = moved(t12, seed)
    around, proposed = surroundings(anatomy), 0
    for task, way in needles(around, 2.4):
        if not way.ok:
            assert way.reasons
            continue
        proposed += 1
        require_kept(around, task, way)
        if way.approach == "transpedicular":
            assert through_the_pedicle(anatomy, way) >= 0.0
    assert proposed > 0


@pytest.mark.parametrize("level", ["T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"])
def test_a_cannula_of_3_mm_through_a_real_pedicle_breaks_no_cortex_or_none_fits(
    data: Path, level: str
) -> None:
    """T10 to L1 of the chest scan; below it ends, and the others are those of the pelvis scan (3 mm)."""
    case = pelvis(data) if level in ("L2", "L3", "L4", "L5") else chest(data, level)
    anatomy = with_lesion(case, f"vertebra_{level}", "midline", 7)
    around = surroundings(anatomy)
    found = [(t, w) for t, w in needles(around, 3.0) if w.approach == "transpedicular"]
    assert {way.side for _, way in found} == set(SIDES)
    for task, way in found:
        if way.ok:
            require_kept(around, task, way)
            assert through_the_pedicle(anatomy, way) >= 0.0
            budget = error_budget(around, way, guidance("robot"), ENSEMBLE)
            assert sum(budget.grades.values()) == pytest.approx(1.0)
        else:
            assert way.reasons


@pytest.fixture(scope="module")
def hemipelvis(data: Path) -> Anatomy:
    return with_lesion(pelvis(data), "hemipelvis_left", "left", 3)


@pytest.mark.parametrize("seed", [3, 4])
def test_needle_paths_to_random_lesions_of_a_real_hemipelvis_keep_every_margin(
    hemipelvis: Anatomy, seed: int
) -> None:
    around, proposed = surroundings(moved(hemipelvis, seed)), 0
    for task, way in needles(around, 3.4):
        assert way.ok or way.reasons
        if way.ok:
            proposed += 1
            require_kept(around, task, way)
    assert proposed > 0


def test_screws_of_a_real_pelvis_keep_their_margins_with_half_a_millimetre_of_bone_around(
    hemipelvis: Anatomy,
) -> None:
    around, fitting = surroundings(hemipelvis), 0
    for way in corridors(around):
        assert way.reasons
        if not way.ok:
            continue
        fitting += 1
        device, template = capsule(way), templates()[way.approach]
        names = template.names(way.side)
        crossed = frozenset(bridge.joint.format(**names) for bridge in template.bridges)
        margins = {k: mm - READ for k, mm in template.margins_mm.items() if k != "wall"}
        assert check_kinds(around, device, margins, leave_out=crossed) == ()  # type: ignore[arg-type]
        if not crossed:  # what bridges a joint has no wall there
            labels = [*way.bones, *(label for label in template.also if label in around.bones)]
            bone = np.logical_or.reduce([around.bones[label] for label in labels])
            skip = way.measures["end_skip_mm"]
            end = device.length_mm - (skip if template.exit_kind == "through" else 0.0)
            wall = wall_across(bone, around.grid.affine, device, from_mm=skip, to_mm=end)
            assert wall >= 0.5, way.id
    assert fitting >= 4


def test_the_nail_in_the_femur_blocks_what_it_occupies(data: Path) -> None:
    anatomy = with_lesion(pelvis(data), "femur_left", "left", 5)
    around = surroundings(anatomy)
    assert around.metal.any()
    for way in corridors(around):
        if way.ok and "femur_left" in way.bones:
            assert check_kinds(around, capsule(way), {"metal": 0.0}) == ()
