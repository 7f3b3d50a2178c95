"""Chosen needle paths measured brick by brick, and searched again where that shows a margin to be missed.

The search reads distances between voxel centres, which are a little too long near edges of bricks.  So its
proposals are measured exactly; where one misses a margin by d the search is repeated with margins that are
larger by d, and what is told of the ways is the exact gap against the margin that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from osteoplan.arrays import F64, Mask
from osteoplan.model.trajectory import Gap, Trajectory
from osteoplan.trajectory.exact import distance_along
from osteoplan.trajectory.needles.candidates import Candidates, window_of
from osteoplan.trajectory.needles.limits import NeedleRules, NeedleTask
from osteoplan.trajectory.surroundings import Surroundings, point
from osteoplan.units import told_apart

__all__ = ["kept", "measured_exactly", "missed_mm"]

Search = Callable[[NeedleTask], tuple[Trajectory, ...]]

NEAR_MM = 3.0  # a gap that exceeds what is needed by more is as good as read: reading errs by less
SEARCHES = 4
SPARE_MM = 0.02  # beyond what was missed: the next proposal is another one


def kept(around: Surroundings, task: NeedleTask, search: Search) -> tuple[Trajectory, ...]:
    """Proposals of a search that keep every margin exactly; if none does, one that says what it misses.

    Args:
        around: the region.
        task: with the margins that are asked for.
        search: proposals for a task, the best first.
    """
    asked, first = task, tuple[Trajectory, ...]()
    for _ in range(SEARCHES):
        found = tuple(measured_exactly(around, task, way) for way in search(asked))
        first = first or found
        good = tuple(way for way in found if way.ok)
        if not good:
            break
        short = [missed_mm(way) for way in good]
        if not any(short):
            return good
        asked = replace(asked, rules=_stricter(asked.rules, short))
    whole = tuple(way for way in first if way.ok and not missed_mm(way))
    return whole or tuple(_refused(way) for way in first[:1])


def measured_exactly(around: Surroundings, task: NeedleTask, way: Trajectory) -> Trajectory:
    """The trajectory with the gaps that are near their limits measured against every brick.

    Each is told against the task's own margin, whatever the search asked for.
    """
    if way.entry_mm is None or way.target_mm is None or way.diameter_mm is None:
        return way
    rules = task.rules
    asked = [replace(g, needed_mm=rules.clearance_mm.get(g.kind, rules.wall_mm)) for g in way.gaps]
    gaps = [_exact(around, task, way, g) if g.gap_mm < g.needed_mm + NEAR_MM else g for g in asked]
    measures = dict(way.measures)
    if gaps and "free_diameter_mm" in measures:
        measures["free_diameter_mm"] = max(
            0.0, way.diameter_mm + 2.0 * min(gap.gap_mm - gap.needed_mm for gap in gaps)
        )
    wall = [gap.gap_mm for gap in gaps if gap.kind == "wall"]
    if wall and "wall_mm" in measures:
        measures["wall_mm"] = wall[0]
    ordered = tuple(sorted(gaps, key=lambda one: one.gap_mm - one.needed_mm))
    return replace(way, gaps=ordered, measures=measures)


def missed_mm(way: Trajectory) -> Mapping[str, float]:
    """Kind -> by how much a trajectory misses the margin to it; empty where it keeps all."""
    return {gap.kind: gap.needed_mm - gap.gap_mm for gap in way.gaps if gap.gap_mm < gap.needed_mm}


def _stricter(rules: NeedleRules, short: list[Mapping[str, float]]) -> NeedleRules:
    """Rules that ask for more by the most that any trajectory misses."""
    more = {kind: max(one.get(kind, 0.0) for one in short) + SPARE_MM for one in short for kind in one}
    clearance = {kind: mm + more.get(kind, 0.0) for kind, mm in rules.clearance_mm.items()}
    return replace(rules, clearance_mm=clearance, wall_mm=rules.wall_mm + more.get("wall", 0.0))


def _refused(way: Trajectory) -> Trajectory:
    """A trajectory that misses a margin, as one that does not fit, with the reason."""
    if not way.ok:
        return way
    said = tuple(
        "the best path passes {} mm from the {}, {} mm needed".format(
            near, gap.structure.replace("_", " "), far
        )
        if gap.kind != "wall"
        else f"{near} mm of bone beside the needle, {far} mm needed"
        for gap in way.gaps
        for near, far in (told_apart(gap.gap_mm, gap.needed_mm, 2),)
        if gap.gap_mm < gap.needed_mm
    )
    return replace(way, status="none", reasons=said)


def _exact(around: Surroundings, task: NeedleTask, way: Trajectory, gap: Gap) -> Gap:
    """One gap, to whichever structure of its kind is nearest; how deep inside one is stays as it was read."""
    radius = (way.diameter_mm or 0.0) / 2.0
    entry, target = np.asarray(way.entry_mm), np.asarray(way.target_mm)
    outward = (entry - target) / np.linalg.norm(entry - target)
    end = target + _inside_mm(around, task, target, outward) * outward if gap.kind == "wall" else entry
    within = max(gap.gap_mm, gap.needed_mm) + radius + NEAR_MM
    best, least = gap, np.inf
    for name, mask, derived in _of_kind(around, task, gap.kind):
        distance, at = distance_along(mask, around.grid, target, end, within_mm=within)
        if distance < least:
            least = distance
            size = distance - radius if distance > 0 else min(gap.gap_mm, -radius)
            place = point(target + at * outward)
            best = replace(gap, structure=name or gap.structure, gap_mm=size, at_mm=place, derived=derived)
    return best


def _of_kind(around: Surroundings, task: NeedleTask, kind: str) -> Iterator[tuple[str, Mask, bool]]:
    """Name, mask and origin of every thing of a kind; what is not bone, for the wall."""
    way = task.approach.needle
    if kind == "wall":
        yield "", ~around.bones[around.target], False
    elif kind == "metal":
        yield "", around.metal, False
    else:
        crossed = way.joints_crossed if way is not None and kind == "joint" else ()
        for one in around.structures:
            if one.kind == kind and one.mask.any() and not (crossed and one.name.startswith(crossed)):
                yield one.name, one.mask, not one.given


def _inside_mm(around: Surroundings, task: NeedleTask, target: F64, outward: F64) -> float:
    """Way from the tip on which the needle must stay in the bone [mm]."""
    window = window_of(around, task)
    if window is None:
        return 0.0
    return float(window.held_mm(Candidates(target[None], outward[None]))[0])
