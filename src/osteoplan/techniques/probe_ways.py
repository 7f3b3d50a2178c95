"""Where ablation probes go: through cannulas, their active parts spread over the lesion.

The tip of a probe is moved along ways that fit, and to parallels of them, so that no part of the lesion lies
far from an active part.  How far is geometry and nothing else: what dies is told by the simulation alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64, Bool, Point
from osteoplan.errors import NotAvailable
from osteoplan.knowledge.applicators import Applicator, applicator_of
from osteoplan.knowledge.approaches import approach, approaches
from osteoplan.knowledge.values import number
from osteoplan.model.device import Device
from osteoplan.model.plan import Deliver, Place, Plan, Violation
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.filling import (
    cannulas,
    cement_ways,
    needle_task,
    needle_task_of,
    way_along,
)
from osteoplan.techniques.vertebroplasty import pedicle_first
from osteoplan.trajectory.needles.limits import NeedleTask
from osteoplan.trajectory.needles.search import recheck
from osteoplan.trajectory.placement_error import budgeted
from osteoplan.trajectory.probes.parallel import ProbePath, beside, probe_path_of, segment_distances
from osteoplan.trajectory.setting import Setting

__all__ = [
    "ProbeSet", "access_ways", "cannula_for", "farthest_mm", "probe_sets", "probe_violations",
]  # fmt: skip

DEPTH_MM = 2.0  # between the depths that are tried for a tip
POINTS = 250  # of the lesion's voxels that a set of probes is judged by
POWER = 6  # the mean of so high a power of the distances follows the farthest, and not it alone
BREACH_MM = 15.0  # what a sure breach weighs against distance: of ways that reach as far the safer one
OFF_MM = 1.0  # a tip farther beside its way, or beyond its end, is not where that way leads
SAME = 1e-6  # mm: parallels lie whole steps apart
FIRSTS = 20  # paths that are tried as the first of a set
ROUNDS = 3  # in which each probe is chosen anew beside the others


@dataclass(frozen=True)
class ProbeSet:
    """Probes that run together.

    Attributes:
        ways: of their cannulas, each to the tip of its probe.
        farthest_mm: from an active part to the part of the lesion that is farthest from all.
        cost_mm: by which sets are told apart: distances of the lesion, the far ones above all, and breach.
    """

    ways: tuple[Trajectory, ...]
    farthest_mm: float
    cost_mm: float


@dataclass(frozen=True)
class _Path:
    """A path that a probe may take, with the search that it keeps the limits of."""

    path: ProbePath
    task: NeedleTask
    name: str
    breach: float


@dataclass(frozen=True, eq=False)
class _Group:
    """Paths of which one is taken, and (n, m) how far points of the lesion lie from their active parts."""

    paths: tuple[_Path, ...]
    away_mm: F64


def cannula_for(probe: Applicator, setting: Setting) -> Device:
    """The thinnest cannula that the probe goes through.

    Raises:
        NotAvailable: none on the shelf is so wide.
    """
    wall = setting.inventory.limit("cannula_over_probe_mm").number
    for device in cannulas(setting.inventory):
        if device.values["outer_diameter_mm"].number >= probe.diameter_mm + wall:
            return device
    raise NotAvailable(
        f"no cannula on the shelf takes the {probe.name} of {probe.diameter_mm:g} mm: it must be "
        f"{wall:g} mm wider; add one to devices in centre.yaml"
    )


def access_ways(setting: Setting, needle: Device | None = None) -> tuple[Trajectory, ...]:
    """Ways of a cannula into the lesion; in a vertebra through the pedicles where they let it.

    Args:
        needle: another than the thinnest cannula.
    """
    if "body" in setting.anatomy.parts and approach("transpedicular").serves(setting.anatomy.bone):
        return tuple(way for side in ("left", "right") for way in pedicle_first(side, setting, needle))
    return cement_ways(setting, needle)


def probe_sets(
    probe: Applicator, needle: Device, setting: Setting, *, through: Sequence[Place] = ()
) -> tuple[ProbeSet, ...]:
    """The best single probe, and the fewest that leave no part of the lesion farther than the card says.

    Args:
        needle: the cannula that probes go through.
        through: places of cannulas that serve first, one probe each; more go beside them where that is not
            enough.  Empty where none of them keeps its limits with this cannula.
    """
    limit = setting.inventory.limit
    most, near = int(limit("probes_most").number), limit("farthest_wanted_mm").number
    given = [_along(place, needle, setting) for place in through]
    own = tuple(one for one in given if one)
    if through and not own:
        return ()
    free = _paths(needle, setting, apart=most > 1)
    if not own and not free:
        return ()
    lesion = setting.around.grid.positions_mm(np.argwhere(setting.around.lesion))
    points = lesion[:: max(1, len(lesion) // POINTS)]
    groups = [_group(probe, paths, points) for paths in (*own, free) if paths]
    found: list[ProbeSet] = []
    for count in range(max(1, len(own)), max(most, len(own)) + 1):
        asked = [groups[min(n, len(groups) - 1)] for n in range(count)]
        made = _spread(probe, asked, setting)
        if made is None or (found and made.farthest_mm >= found[-1].farthest_mm):
            continue
        found = [*found[:1], made]
        if made.farthest_mm <= near:
            break
    return tuple(found)


def farthest_mm(plan: Plan, setting: Setting) -> float:
    """From the active parts of a plan's probes to the part of the lesion that is farthest from all."""
    placed = {step.order: step.act for step in plan.steps if isinstance(step.act, Place)}
    lesion = setting.around.grid.positions_mm(np.argwhere(setting.around.lesion))
    away = []
    for act in (step.act for step in plan.steps if isinstance(step.act, Deliver)):
        one = applicator_of(act.device, setting.inventory.devices)
        for tip, order in zip(act.tips_mm, act.access, strict=True):
            back = np.subtract(placed[order].entry_mm, tip)
            back = back / np.linalg.norm(back)
            ends = np.array(tip) + np.outer([one.tip_mm + one.length_mm, one.tip_mm], back)
            away.append(segment_distances(ends[:1], ends[1:], lesion, lesion)[0])
    return float(np.min(away, axis=0).max()) if away else float("inf")


def probe_violations(plan: Plan, setting: Setting) -> Iterator[Violation]:
    """Probes that end where their way does not take them: beside its axis, or beyond its end.

    The way itself is measured with every limit of a needle, or of a screw.  Out of the tip of a cannulated
    screw a probe goes on, as long as it stays in the bone.
    """
    placed = {step.order: step.act for step in plan.steps if isinstance(step.act, Place)}
    delivered = (step.act for step in plan.steps if isinstance(step.act, Deliver))
    for act in delivered:
        for tip, order in zip(act.tips_mm, act.access, strict=True):
            if order not in placed:
                continue  # ``effects`` refuses it
            way, at = placed[order], np.array(tip)
            end = np.array(way.target_mm)
            inward = (end - np.array(way.entry_mm)) / np.linalg.norm(np.subtract(way.target_mm, way.entry_mm))
            along = float((at - end) @ inward)
            off = float(np.linalg.norm(at - end - along * inward))
            in_bone = float(setting.maps.at("bone", at)) < 0.0
            beyond = along > OFF_MM and not (way.stays and in_bone)
            if off > OFF_MM or beyond:
                text = f"{act.device}: its tip lies {off:.1f} mm beside the axis of step {order}"
                text += f", and {along:.1f} mm beyond its end" if beyond else ""
                yield Violation("probe", f"{text}; move it onto the way", max(off, along), OFF_MM, "mm")
            if way.stays:
                yield from _bore(act, way, setting)


def _bore(act: Deliver, screw: Place, setting: Setting) -> Iterator[Violation]:
    """Whether a probe goes through a screw; a bore that nobody told is at least its wire's."""
    values = setting.inventory.device(screw.device).values
    told = (values[key].number for key in ("bore_diameter_mm", "wire_diameter_mm") if key in values)
    bore, wide = next(told, 0.0), setting.inventory.device(act.device).values["outer_diameter_mm"].number
    if bore < wide:
        text = f"{act.device} of {wide:.1f} mm does not go through {screw.device}: its bore is {bore:.1f} mm"
        yield Violation("probe", text, wide, bore, "mm")


def _paths(needle: Device, setting: Setting, *, apart: bool) -> tuple[_Path, ...]:
    """Ways of the cannula that fit, at several depths; and parallels of them where several run together."""

    def make() -> tuple[_Path, ...]:
        # ways of the thinnest cannula are known already, and mostly let a wider one through
        return along(access_ways(setting)) or along(access_ways(setting, needle))

    def along(ways: Sequence[Trajectory]) -> tuple[_Path, ...]:
        found: list[_Path] = []
        for way in ways:
            if way.ok and way.skin_mm is not None:
                task = _task(way.approach, way.side, needle, setting)
                breach = 1.0 if way.budget is None else way.budget.breach.get("any", 1.0)
                found += _shifted(_Path(probe_path_of(way), task, way.name, breach), setting, apart=apart)
        return tuple(found)

    told = (needle.id, apart, setting.inventory.limit("tip_beside_mm").number, *setting.inventory.conditions)
    return setting.memo.once(("probe paths", *told, setting.ensemble), make)


def _along(place: Place, needle: Device, setting: Setting) -> tuple[_Path, ...]:
    """The axis of a placed needle for another cannula, at several depths."""
    task = needle_task_of(replace(place, device=needle.id), setting)
    if task is None:
        return ()
    name = f"{task.approach.title}, {task.side}" if task.side else task.approach.title
    path = ProbePath(place.through, place.entry_mm, place.target_mm)
    return _shifted(_Path(path, task, name, 0.0), setting, apart=False)


def _task(approach: str, side: str, needle: Device, setting: Setting) -> NeedleTask:
    aside = setting.inventory.limit("tip_beside_mm").number
    return needle_task(approaches()[approach], side, needle, setting, aside)


def _shifted(one: _Path, setting: Setting, *, apart: bool) -> tuple[_Path, ...]:
    """A path at several depths, and its parallels, as far as they keep every limit."""

    def allowed(entries: F64, tips: F64) -> Bool:
        return recheck(setting.around, one.task, entries, tips)

    at = setting.around.grid.positions_mm(np.argwhere(setting.around.lesion))
    radius = 0.5 * float(np.ptp(at, axis=0).max())
    depths = np.arange(-radius, radius + DEPTH_MM, DEPTH_MM).tolist()
    made = beside([one.path], allowed=allowed, reach_mm=radius if apart else 0.0, depths_mm=[0.0, *depths])
    return tuple(replace(one, path=path) for path in made)


def _group(probe: Applicator, paths: Sequence[_Path], points: F64) -> _Group:
    """Of the paths on one line that with the depth at which the lesion lies nearest."""
    starts, ends = _active(probe, paths)
    away = segment_distances(starts, ends, points, points)
    best: dict[tuple[str, Point], tuple[float, int]] = {}
    for n, (one, cost) in enumerate(zip(paths, _cost(away, paths).tolist(), strict=True)):
        line = (one.path.way, one.path.entry_mm)
        if line not in best or cost < best[line][0]:
            best[line] = (cost, n)
    kept = [n for _, n in best.values()]
    return _Group(tuple(paths[n] for n in kept), away[kept])


def _spread(probe: Applicator, asked: Sequence[_Group], setting: Setting) -> ProbeSet | None:
    """One path of each group, the active parts near all of the lesion; None where none go together.

    Where nothing goes beside the best first path, others are tried as the first.
    """
    firsts = np.argsort(_cost(asked[0].away_mm, asked[0].paths), kind="stable")
    for first in firsts[:: max(1, len(firsts) // FIRSTS)].tolist():
        found = _settled(probe, asked, first)
        if found is None:
            continue
        chosen, cost = found
        far = float(np.min([one.away_mm[at] for one, at in zip(asked, chosen, strict=True)], axis=0).max())
        ways = [_told(one.paths[at], setting) for one, at in zip(asked, chosen, strict=True)]
        if all(way.ok and way.skin_mm is not None for way in ways):
            return ProbeSet(_named(ways), far, cost)
    return None


def _settled(probe: Applicator, asked: Sequence[_Group], first: int) -> tuple[list[int], float] | None:
    """Rows of the groups, each chosen beside those before it, then each again beside all the others."""
    chosen, least = [first], float(_cost(asked[0].away_mm, asked[0].paths)[first])
    for turn in range(1, ROUNDS * len(asked)):
        n = turn % len(asked)
        others = [m for m in range(len(chosen)) if m != n]
        rest = np.min([asked[m].away_mm[chosen[m]] for m in others], axis=0) if others else None
        cost = _cost(asked[n].away_mm, asked[n].paths, rest)
        cost[~_together(probe, asked[n].paths, [asked[m].paths[chosen[m]] for m in others])] = np.inf
        best = int(np.argmin(cost))
        if not np.isfinite(cost[best]):
            return None
        chosen[n : n + 1], least = [best], float(cost[best])
    return chosen, least


def _cost(away_mm: F64, paths: Sequence[_Path], rest_mm: F64 | None = None) -> F64:
    """(n,) how far the lesion lies from each path and from the rest, the far parts above all; and breach."""
    near = away_mm if rest_mm is None else np.minimum(away_mm, rest_mm)
    cost = (near**POWER).mean(axis=1) ** (1.0 / POWER)
    found: F64 = cost + BREACH_MM * np.array([one.breach for one in paths])
    return found


def _active(probe: Applicator, paths: Sequence[_Path]) -> tuple[F64, F64]:
    """(n, 3) both ends of the active parts."""
    tips = np.array([one.path.tip_mm for one in paths])
    back = -np.array([one.path.direction for one in paths])
    return tips + (probe.tip_mm + probe.length_mm) * back, tips + probe.tip_mm * back


def _together(probe: Applicator, paths: Sequence[_Path], others: Sequence[_Path]) -> Bool:
    """(n,) which paths keep the rules between probes with all the others."""
    free = np.ones(len(paths), dtype=bool)
    if not others:
        return free
    entries, tips = (np.array([getattr(one.path, end) for one in paths]) for end in ("entry_mm", "tip_mm"))
    starts, ends = _active(probe, paths)
    near = np.zeros(len(paths), dtype=bool)
    for one in others:
        entry, tip = np.array([one.path.entry_mm]), np.array([one.path.tip_mm])
        free &= np.linalg.norm(entries - entry, axis=1) >= number("placement.entry_gap_min_mm") - SAME
        tubes = segment_distances(entries, tips, entry, tip)[:, 0] - one.task.diameter_mm
        free &= tubes >= number("placement.tube_gap_min_mm") - SAME
        between = segment_distances(starts, ends, *_active(probe, [one]))[:, 0]
        if probe.energy == "cold":
            free &= between >= number("placement.cryo_spacing_min_mm") - SAME
            near |= between <= number("placement.cryo_spacing_max_mm") + SAME
    return free & near if probe.energy == "cold" else free


def _told(one: _Path, setting: Setting) -> Trajectory:
    """The trajectory of a cannula to the tip of its probe, with its breach probability."""
    entry, tip = np.array(one.path.entry_mm), np.array(one.path.tip_mm)
    way = replace(way_along(entry, tip, one.task, setting)[0], id=one.path.way, name=one.name)
    return budgeted(setting.around, (way,), one.task.guidances, setting.ensemble)[0]


def _named(ways: Sequence[Trajectory]) -> tuple[Trajectory, ...]:
    """Ways with names of their own: several probes may run beside one way."""
    if len(ways) == 1:
        return tuple(ways)
    return tuple(replace(way, name=f"{way.name}, probe {n}") for n, way in enumerate(ways, start=1))
