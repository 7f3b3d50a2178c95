"""Needle paths of an approach: hard limits first, then comfort, then a few genuinely different proposals.

    found = needle_ways(around, task)
    found.ways       proposals that keep every limit, most robust first; or one that says why none fits
    found.rejected   limit -> how many of the tried paths break it

Comfort is told in three parts, each 0 (fine) to 1:

    risk      how likely an uncorrected hand breaches anything, from gaps and the guidance's error alone
    miss      how far the needle passes from the lesion's middle, against the lesion's own radius
    effort    length, angles to skin and bone, angle out of the slice, bones crossed; the mean

Paths that are beaten in all three by another are left (Pareto); of the rest those that differ by entry or
direction are taken, the smallest sum first, each is shifted to where it is best, and they are put in the
order in which a needle that strays forgives most.

Source of the scheme: Essert and others, SCITEPRESS 2009; Seitel and others, Med Phys 2011.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from osteoplan.arrays import F64, Bool, Indices
from osteoplan.errors import NotAvailable
from osteoplan.kernels.paths import path_values
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.trajectory import Trajectory
from osteoplan.trajectory.needles.candidates import Candidates, candidates, neighbours, window_of
from osteoplan.trajectory.needles.exact import kept
from osteoplan.trajectory.needles.limits import NeedleRules, NeedleTask
from osteoplan.trajectory.needles.measure import PathMeasurements, Scene, meet, shortfalls
from osteoplan.trajectory.needles.report import none_of, numbered, way_of
from osteoplan.trajectory.placement_error import budgeted, most_robust
from osteoplan.trajectory.surroundings import REACH_MM, Surroundings, distance_maps

__all__ = ["NeedleSearch", "needle_ways", "once_each", "recheck"]

FRONT = 2000  # paths that the Pareto front is taken of
TRIES = 200  # paths of the front that are looked at for proposals
ROUNDS = ((2.0, 2.0), (1.0, 1.0), (0.5, 0.5))  # shifts [mm] and turns [deg] of the refinement
RISK = 3.0  # what a breach weighs against missing the middle or the greatest effort
WALL_MM = 10.0  # about how deep in the bone a pedicle's isthmus lies: only the estimate of a risk takes it
EFFORT_PLANE_DEG = 30.0  # angle out of the slice that counts as much as the largest angle to the skin


@dataclass(frozen=True, eq=False)
class NeedleSearch:
    """What one search found.

    Attributes:
        ways: proposals; where none fits, one way that says why.
        rejected: limit -> count of tried paths that break it; a path may break several.
        tried: paths that were measured in the first round.
    """

    ways: tuple[Trajectory, ...]
    rejected: Mapping[str, int]
    tried: int


@dataclass(frozen=True, eq=False)
class _Judged:
    """Measured paths with what they miss and how comfortable they are."""

    tried: Candidates
    measured: PathMeasurements
    missing: Mapping[str, F64]
    soft: F64  # (n, 3)

    @property
    def total(self) -> F64:
        """(n,) sum of all shortfalls; 0 where every limit is kept."""
        return np.asarray(np.sum(list(self.missing.values()), axis=0))


def needle_ways(around: Surroundings, task: NeedleTask, ensemble: Ensemble) -> NeedleSearch:
    """Search one approach on one side.

    An approach that this bone or scan does not allow gives one way of status ``none`` with the reason.  Ways
    that are proposed keep their margins to every brick, not only to distances as read between voxels.
    """
    first = _search(around, task, ensemble)

    def again(asked: NeedleTask) -> tuple[Trajectory, ...]:
        return first.ways if asked is task else _search(around, asked, ensemble).ways

    ways = kept(around, task, again)
    return replace(first, ways=ways)


def once_each(ways: Sequence[Trajectory], rules: NeedleRules) -> tuple[Trajectory, ...]:
    """The trajectories, those of two approaches that come to one way told once, with both names.

    The first of them stays, so the better ones should stand first.
    """
    told: list[Trajectory] = []
    for way in ways:
        same = next((n for n, one in enumerate(told) if _one_way(one, way, rules)), None)
        if same is None:
            told.append(way)
        else:
            also = f"also found as: {way.name}"
            told[same] = replace(told[same], reasons=(*told[same].reasons, also))
    return tuple(told)


def _one_way(one: Trajectory, other: Trajectory, rules: NeedleRules) -> bool:
    """True for two ways that fit and do not differ as much as two proposals of one search do."""
    if not (one.ok and other.ok and one.entry_mm and one.target_mm and other.entry_mm and other.target_mm):
        return False
    ends = np.array([[way.entry_mm, way.target_mm] for way in (one, other)], dtype=np.float64)
    outward = ends[:, 0] - ends[:, 1]
    outward /= np.linalg.norm(outward, axis=1)[:, None]
    return bool(
        np.linalg.norm(ends[0] - ends[1], axis=1).max() < rules.different_mm
        and np.degrees(np.arccos(np.clip(outward[0] @ outward[1], -1.0, 1.0))) < rules.different_deg
    )


def _search(around: Surroundings, task: NeedleTask, ensemble: Ensemble) -> NeedleSearch:
    """Proposals by the distance maps alone."""
    maps = distance_maps(around)
    try:
        window = window_of(around, task)
        tried = candidates(around, maps, task)
    except NotAvailable as why:
        return NeedleSearch((none_of(around, task, (str(why),)),), {}, 0)
    if not len(tried):
        why_none = "no straight line from the lesion lies within the approach's directions"
        return NeedleSearch((none_of(around, task, (why_none,)),), {}, 0)
    scene = Scene.of(around, maps, task, window)
    judged = _judge(scene, tried)
    rejected = {name: int((short > 0).sum()) for name, short in judged.missing.items()}
    if not (judged.total == 0).any():
        judged = _nearest_miss(scene, judged)
    good = np.flatnonzero(judged.total == 0)
    if not len(good):
        return NeedleSearch((_why_none(scene, judged),), rejected, len(tried))
    ways = _proposals(scene, judged, _front(judged.soft, good))
    return NeedleSearch(_steady_first(around, task, ways, ensemble), rejected, len(tried))


def recheck(around: Surroundings, task: NeedleTask, entries_mm: F64, tips_mm: F64) -> Bool:
    """(n,) True where a path from entry to tip keeps every limit of the task, the waypoint included."""
    line = np.asarray(entries_mm, dtype=np.float64) - np.asarray(tips_mm, dtype=np.float64)
    tried = Candidates(np.asarray(tips_mm, dtype=np.float64), line / np.linalg.norm(line, axis=1)[:, None])
    scene = Scene.of(around, distance_maps(around), task, window_of(around, task))
    return np.asarray(_judge(scene, tried).total == 0)


def _judge(scene: Scene, tried: Candidates) -> _Judged:
    measured = meet(scene, tried)
    return _Judged(tried, measured, shortfalls(scene, measured), _soft(scene, tried, measured))


def _soft(scene: Scene, tried: Candidates, measured: PathMeasurements) -> F64:
    """(n, 3) risk as it weighs, miss, effort."""
    rules, task = scene.task.rules, scene.task
    middle, radius = _lesion(scene.around)
    foot = np.einsum("ij,ij->i", middle - tried.tips_mm, tried.outward)
    along = np.clip(foot, 0.0, measured.length_mm)
    off = np.linalg.norm(tried.tips_mm + along[:, None] * tried.outward - middle, axis=1)
    reach = task.reach_mm or float(np.max(measured.length_mm))
    plane = np.degrees(np.arcsin(np.clip(np.abs(tried.outward[:, 2]), 0.0, 1.0)))
    effort = np.mean(
        [
            np.clip(measured.length_mm / reach, 0.0, 1.0),
            np.clip(measured.skin_angle_deg / rules.skin_angle_deg, 0.0, 1.0),
            np.clip(measured.cortex_angle_deg / rules.cortex_angle_deg, 0.0, 1.0),
            np.clip(plane / EFFORT_PLANE_DEG, 0.0, 1.0),
            np.clip(_other_bone_mm(scene, tried, measured) / rules.comfort_mm, 0.0, 1.0),
        ],
        axis=0,
    )
    return np.stack([RISK * _risk(task, measured), np.clip(off / radius, 0.0, 1.0), effort], axis=1)


def _risk(task: NeedleTask, measured: PathMeasurements) -> F64:
    """(n,) chance of a breach under the guidance that errs least of those that can follow a path.

    A gap g is breached by a Gaussian shift of sd s across the path with chance F(-g / s), a wall on both
    sides with twice that; s grows with the way from where the needle meets the bone.  Kinds count as
    independent.  What is proposed is then measured with hands that stray (``placement_error``).
    """
    in_bone = np.linalg.norm(np.nan_to_num(measured.entry_mm - measured.bone_mm), axis=1)
    to_bone = measured.length_mm - in_bone
    least = np.ones(len(to_bone))
    for one in task.guidances:
        lateral, turn = one.lateral_sd_mm, np.tan(np.radians(one.angle_sd_deg))
        free = np.ones(len(to_bone))
        for kind, gap in measured.gap_mm.items():
            sd = np.hypot(lateral, turn * (to_bone - measured.at_mm[kind]))
            free *= 1.0 - ndtr(-gap / sd)
        free *= np.maximum(1.0 - 2.0 * ndtr(-measured.wall_mm / np.hypot(lateral, turn * WALL_MM)), 0.0)
        followed = measured.reach[one.id].ok if one.id in measured.reach else True
        least = np.where(followed, np.minimum(least, 1.0 - free), least)
    return least


def _lesion(around: Surroundings) -> tuple[F64, float]:
    """Middle of the lesion, and the radius of the ball of its volume [mm]."""
    at = around.grid.positions_mm(np.argwhere(around.lesion))
    volume = len(at) * around.grid.voxel_volume_mm3
    return at.mean(axis=0), float((3.0 * volume / (4.0 * np.pi)) ** (1.0 / 3.0))


def _other_bone_mm(scene: Scene, tried: Candidates, measured: PathMeasurements) -> F64:
    """(n,) way through ribs and neighbours, told from their nearest point: 0 where none is touched."""
    if not scene.maps.has("other_bone"):
        return np.zeros(len(tried))
    s = np.linspace(0.0, 1.0, 40)
    at = tried.tips_mm[:, None] + (s * measured.length_mm[:, None])[..., None] * tried.outward[:, None]
    n = scene.maps.channels.index("other_bone")
    gap = path_values(scene.maps.stack[..., n : n + 1], scene.maps.grid.affine, at)[..., 0]
    inside = (gap < scene.task.diameter_mm / 2.0).mean(axis=1)
    return np.asarray(inside * measured.length_mm)


def _front(soft: F64, good: Indices) -> Indices:
    """Rows that no other row beats in all of risk, miss and effort; the smallest sums first."""
    order = good[np.argsort(soft[good].sum(axis=1), kind="stable")][:FRONT]
    values = soft[order]
    no_worse = np.all(values[None] <= values[:, None] + 1e-12, axis=2)
    better = np.any(values[None] < values[:, None] - 1e-12, axis=2)
    beaten = np.any(no_worse & better, axis=1)
    front: Indices = order[~beaten]
    return front


def _proposals(scene: Scene, judged: _Judged, order: Indices) -> tuple[Trajectory, ...]:
    """Paths of the front, in its order, each at its best nearby, that lie apart by entry or direction."""
    rules, ends, ways = scene.task.rules, list[tuple[F64, F64]](), list[Trajectory]()
    for row in order[:TRIES].tolist():
        if not _apart(judged.measured.entry_mm[row], judged.tried.outward[row], ends, scene.task):
            continue
        best, at = _settled(scene, judged, row)
        if not _apart(best.measured.entry_mm[at], best.tried.outward[at], ends, scene.task):
            continue  # it slid to where another stands already
        ends.append((best.measured.entry_mm[at], best.tried.outward[at]))
        ways.append(_way(scene, best, at))
        if len(ways) == rules.proposals:
            break
    return tuple(ways)


def _apart(entry: F64, outward: F64, taken: list[tuple[F64, F64]], task: NeedleTask) -> bool:
    """True where a path differs from all that are taken."""
    rules = task.rules
    return all(
        np.linalg.norm(entry - other) >= rules.different_mm
        or np.degrees(np.arccos(np.clip(outward @ along, -1.0, 1.0))) >= rules.different_deg
        for other, along in taken
    )


def _settled(scene: Scene, judged: _Judged, row: int) -> tuple[_Judged, int]:
    """A path shifted and turned to where it is most comfortable nearby; the measured set and its row."""
    best, at = judged, row
    for step, turn in ROUNDS:
        around = _judge(scene, neighbours(best.tried.take(np.array([at])), step, turn))
        cost = np.where(around.total == 0, around.soft.sum(axis=1), np.inf)
        found = int(np.argmin(cost))
        if cost[found] < best.soft[at].sum():
            best, at = around, found
    return best, at


def _nearest_miss(scene: Scene, judged: _Judged) -> _Judged:
    """Where no path keeps every limit: the neighbours of those that miss least."""
    for step, turn in ROUNDS:
        least = np.argsort(judged.total, kind="stable")[:8]
        around = _judge(scene, neighbours(judged.tried.take(least), step, turn))
        if around.total.min() < judged.total.min():
            judged = around
    return judged


def _why_none(scene: Scene, judged: _Judged) -> Trajectory:
    """The path that misses least, with a sentence for each limit that it breaks."""
    row = int(np.argmin(judged.total))
    broken = {name: float(short[row]) for name, short in judged.missing.items() if short[row] > 0}
    one = judged.tried.take(np.array([row]))
    return way_of(scene, one, meet(scene, one, beyond_mm=REACH_MM), broken=broken)


def _way(scene: Scene, judged: _Judged, row: int) -> Trajectory:
    one = judged.tried.take(np.array([row]))
    told = way_of(scene, one, meet(scene, one, beyond_mm=REACH_MM))
    risk, miss, effort = (float(x) for x in judged.soft[row])
    return replace(told, measures={**told.measures, "risk": risk / RISK, "miss": miss, "effort": effort})


def _steady_first(
    around: Surroundings, task: NeedleTask, ways: tuple[Trajectory, ...], ensemble: Ensemble
) -> tuple[Trajectory, ...]:
    """The trajectories with their breach probabilities, numbered from the most robust on."""
    found = budgeted(around, ways, task.guidances, ensemble)
    return tuple(numbered(way, n) for n, way in enumerate(most_robust(found), start=1))
