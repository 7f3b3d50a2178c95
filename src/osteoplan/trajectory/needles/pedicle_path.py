"""Straight needle paths from the skin through a pedicle into the vertebral body.

A path is a tip and an outward direction.  It is sampled every millimetre from the tip to the skin, and every
sample looks up signed distance maps; what counts is the cannula's surface, so its radius is taken off.

Source of the scheme (hard limits first, then a weighted sum of soft criteria): Essert and others, SCITEPRESS
2009; Seitel and others, Med Phys 2011.  The limits and comfort distances are knowledge, not code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

import numpy as np

from osteoplan.arrays import F64, Bool, Point
from osteoplan.errors import NotAvailable
from osteoplan.kernels.paths import path_minima
from osteoplan.model.anatomy import StructureKind
from osteoplan.model.ensemble import Ensemble
from osteoplan.trajectory.pedicle import Pedicle, PedicleSide, pedicle
from osteoplan.trajectory.placement_error import PlacementError, placements
from osteoplan.trajectory.surroundings import DistanceMaps, Surroundings, distance_maps, point

__all__ = [
    "Measures", "NeedleLimits", "NeedlePath", "PediclePathTask", "best_path", "measure", "placed",
    "shortfalls",
]  # fmt: skip

STEP_MM = 1.0  # of a path's samples; the maps are smooth over it
BATCH = 4000  # paths measured at once: bounds the memory


@dataclass(frozen=True)
class NeedleLimits:
    """Hard limits of a path, for the cannula's surface.

    Attributes:
        clearance_mm: smallest distance to each kind of structure.
        wall_mm: smallest depth below the bone's surface, from the pedicle's isthmus to the tip.
        length_mm: longest way from skin to tip; None where no needle length is known.
        skin_angle_deg, cortex_angle_deg: largest angle to the normal of skin and of bone at the entry.
    """

    clearance_mm: Mapping[StructureKind, float]
    wall_mm: float
    length_mm: float | None
    skin_angle_deg: float
    cortex_angle_deg: float


@dataclass(frozen=True)
class PediclePathTask:
    """What a path is searched for.

    Attributes:
        side: the pedicle to go through.
        aim_mm: where the tip would best lie.
        diameter_mm: outer diameter of the cannula.
        limits: hard limits.
        comfort_mm: clearance beyond which more is no better.
        reach_mm: distance of the tip from ``aim_mm`` that counts as much as no clearance at all.
    """

    side: PedicleSide
    aim_mm: Point
    diameter_mm: float
    limits: NeedleLimits
    comfort_mm: float
    reach_mm: float


@dataclass(frozen=True, eq=False)
class Measures:
    """What n paths meet; every array has n rows.

    Attributes:
        entry_mm: (n, 3) where the path crosses the skin.
        bone_entry_mm: (n, 3) where it first meets the bone.
        clearance_mm: kind -> surface clearance; a kind without any structure here is absent (unknown).
        closest_mm: kind -> (n, 3) point of the axis where that clearance is smallest.
        wall_mm: depth of the cannula's surface inside the bone, isthmus to tip; negative is a breach.
        length_mm: skin to tip.
        skin_angle_deg, cortex_angle_deg: to the normal, where it enters.
        other_bone_mm: way through ribs and neighbouring vertebrae.
        reaches_skin: False where the image ends before the skin.
    """

    entry_mm: F64
    bone_entry_mm: F64
    clearance_mm: Mapping[StructureKind, F64]
    closest_mm: Mapping[StructureKind, F64]
    wall_mm: F64
    length_mm: F64
    skin_angle_deg: F64
    cortex_angle_deg: F64
    other_bone_mm: F64
    reaches_skin: Bool


@dataclass(frozen=True)
class NeedlePath:
    """One chosen path, from the skin to the tip."""

    side: PedicleSide
    entry_mm: Point
    target_mm: Point
    diameter_mm: float
    feasible: bool
    tried: int


def measure(
    around: Surroundings,
    tips_mm: F64,
    outward: F64,
    *,
    diameter_mm: float,
    side: PedicleSide,
    step_mm: float = STEP_MM,
) -> Measures:
    """What paths meet between tip and skin.

    Args:
        around: the bone and its neighbourhood.
        tips_mm: (n, 3) tips.
        outward: (n, 3) directions from the tip to the skin, any length.
        diameter_mm: of the cannula.
        side: the pedicle that they go through.
        step_mm: between the samples of a path.
    """
    narrow = pedicle(around, side)
    outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    batches = [slice(at, at + BATCH) for at in range(0, len(tips_mm), BATCH)]
    pieces = [_measure(around, narrow, tips_mm[b], outward[b], diameter_mm / 2, step_mm) for b in batches]
    names = [one.name for one in fields(Measures)]
    return Measures(**{name: _joined([getattr(piece, name) for piece in pieces]) for name in names})


def _joined(parts: Sequence[Any]) -> Any:
    """Arrays of n rows, or such arrays by kind, one after the other."""
    if isinstance(parts[0], Mapping):
        return {kind: np.concatenate([part[kind] for part in parts]) for kind in parts[0]}
    return np.concatenate(parts)


def shortfalls(found: Measures, limits: NeedleLimits) -> Mapping[str, F64]:
    """How far each path is from meeting each limit [mm or deg]; 0 where it does."""
    short = {
        f"{kind}_clearance": np.maximum(bound - found.clearance_mm[kind], 0.0)
        for kind, bound in limits.clearance_mm.items()
        if kind in found.clearance_mm
    }
    short["wall"] = np.maximum(limits.wall_mm - found.wall_mm, 0.0)
    if limits.length_mm is not None:
        short["length"] = np.maximum(found.length_mm - limits.length_mm, 0.0)
    short["skin_angle"] = np.maximum(found.skin_angle_deg - limits.skin_angle_deg, 0.0)
    short["cortex_angle"] = np.maximum(found.cortex_angle_deg - limits.cortex_angle_deg, 0.0)
    return short


def best_path(around: Surroundings, task: PediclePathTask) -> NeedlePath:
    """The best path through one pedicle; where none meets the hard limits, the one that misses them least.

    Raises:
        NotAvailable: there is no such pedicle, or the body has no place for a tip near the aim.
    """
    tips, through = _coarse(around, task)
    tried = 0
    for halvings in range(3):
        step = 2.0 * STEP_MM if halvings == 0 else STEP_MM
        found = measure(
            around, tips, through - tips, diameter_mm=task.diameter_mm, side=task.side, step_mm=step
        )
        missed = np.sum(list(shortfalls(found, task.limits).values()), axis=0)
        missed += np.where(found.reaches_skin, 0.0, _NO_SKIN)
        soft = _cost(found, tips, task)
        order = np.lexsort((soft, np.round(missed, 6)))[:6]
        tried, first = tried + len(tips), order[0]
        chosen = NeedlePath(
            task.side, point(found.entry_mm[first]), point(tips[first]), task.diameter_mm,
            bool(missed[first] == 0), tried,
        )  # fmt: skip
        tips, through = _around(tips[order], through[order], around, task, 1.5 / 2**halvings)
    return chosen


def placed(around: Surroundings, path: NeedlePath, error: PlacementError, ensemble: Ensemble) -> Measures:
    """What the path meets in each draw of the hand, in which it strays and nobody corrects it.

    The place on the bone shifts across the path, and the direction turns about that place.
    """
    tip, entry = np.array(path.target_mm), np.array(path.entry_mm)
    nominal = measure(around, tip[None], (entry - tip)[None], diameter_mm=path.diameter_mm, side=path.side)
    at_bone = nominal.bone_entry_mm[0]
    axis = (entry - tip) / np.linalg.norm(entry - tip)
    places, directions = placements(at_bone[None], axis[None], error, ensemble)
    start, outward = places[0], directions[0]
    tips = start - np.linalg.norm(at_bone - tip) * outward
    return measure(around, tips, outward, diameter_mm=path.diameter_mm, side=path.side)


_NO_SKIN = 1000.0  # worse than any other shortfall: such a path cannot be judged


def _coarse(around: Surroundings, task: PediclePathTask) -> tuple[F64, F64]:
    """Tips around the aim, and points of the isthmus plane that lie inside the bone: all pairs."""
    maps = distance_maps(around)
    frame, narrow = around.anatomy.frame, pedicle(around, task.side)
    aim, centre = frame.local(task.aim_mm), frame.local(narrow.isthmus_mm)
    tips = frame.world(aim + _box((-9, 10, 3), (-3, 10, 3), (-6, 7, 3)))
    tips = tips[-maps.at("body", tips) > task.diameter_mm / 2]
    if not len(tips):
        raise NotAvailable(f"no place for a tip near the aim of the {task.side} path: is the body collapsed?")
    through = frame.world(centre + _box((-4, 5, 1), (0, 1, 1), (-6, 7, 1.5)))
    inside = -maps.at("bone", through) > task.diameter_mm / 2
    through = through[inside] if inside.any() else np.array([narrow.isthmus_mm])
    return np.repeat(tips, len(through), axis=0), np.tile(through, (len(tips), 1))


def _around(
    tips: F64, through: F64, around: Surroundings, task: PediclePathTask, step_mm: float
) -> tuple[F64, F64]:
    """Pairs a step or none from the given ones, with the tip still in the body."""
    maps = distance_maps(around)
    axes, three = around.anatomy.frame.axes, (-1, 2, 1)
    tip_steps = step_mm * _box(three, three, three) @ axes
    through_steps = 0.5 * step_mm * _box(three, (0, 1, 1), three) @ axes
    moved = np.repeat(tips[:, None] + tip_steps, len(through_steps), axis=1).reshape(-1, 3)
    aimed = np.tile(through[:, None] + through_steps, (1, len(tip_steps), 1)).reshape(-1, 3)
    keep = -maps.at("body", moved) > task.diameter_mm / 2
    return moved[keep], aimed[keep]


def _box(*ranges: tuple[float, float, float]) -> F64:
    """(n, 3) grid of (start, stop, step) along left, posterior, superior."""
    return (
        np.stack(np.meshgrid(*[np.arange(*r) for r in ranges], indexing="ij"), -1)
        .reshape(-1, 3)
        .astype(float)
    )


def _cost(found: Measures, tips: F64, task: PediclePathTask) -> F64:
    """Sum of what is uncomfortable, each term 0 (fine) to 1 (as bad as no clearance), equal weights."""
    want = task.comfort_mm
    terms = [np.clip(1.0 - clearance / want, 0.0, 1.0) for clearance in found.clearance_mm.values()]
    terms.append(np.clip(1.0 - found.wall_mm / want, 0.0, 1.0))
    terms.append(np.clip(found.other_bone_mm / want, 0.0, 1.0))
    terms.append(np.linalg.norm(tips - np.array(task.aim_mm), axis=1) / task.reach_mm)
    terms.append(found.length_mm / found.length_mm.min() - 1.0)
    terms.append(found.skin_angle_deg / task.limits.skin_angle_deg)
    total: F64 = np.sum(terms, axis=0)
    return total


def _measure(
    around: Surroundings, narrow: Pedicle, tips: F64, outward: F64, radius: float, step: float
) -> Measures:
    maps, frame = distance_maps(around), around.anatomy.frame
    found, length = _to_skin(maps, tips, outward, step)
    entry = tips + length[:, None] * outward
    least, where = path_minima(maps.stack, maps.grid.affine, tips, entry, step_mm=step)
    clearance: dict[StructureKind, F64] = {}
    closest: dict[StructureKind, F64] = {}
    for kind in get_args(StructureKind):
        if maps.has(kind) and kind != "bone":
            n = maps.channels.index(kind)
            clearance[kind] = least[:, n] - radius
            closest[kind] = tips + where[:, n, None] * outward
    s = np.arange(0.0, length.max() + step, step)
    points = tips[:, None, :] + s[:, None] * outward[:, None, :]
    under_skin = s < length[:, None]
    crossed = np.zeros(len(tips))
    if maps.has("other_bone"):
        gap = np.where(under_skin, maps.at("other_bone", points), np.inf)
        crossed = step * (gap < radius).sum(axis=1).astype(np.float64)
    depth = np.where(under_skin, -maps.at("bone", points), -np.inf)
    behind = frame.local(points)[..., 1] > frame.local(narrow.isthmus_mm)[1]
    rows = np.arange(len(tips))
    bone_entry = points[rows, s.size - 1 - (depth > 0)[:, ::-1].argmax(axis=1)]
    return Measures(
        entry_mm=entry,
        bone_entry_mm=bone_entry,
        clearance_mm=clearance,
        closest_mm=closest,
        wall_mm=np.where(behind, np.inf, depth).min(axis=1) - radius,
        length_mm=length,
        skin_angle_deg=_angle(maps.gradient("skin", entry, step_mm=5.0), outward),
        cortex_angle_deg=_angle(maps.gradient("bone", bone_entry), outward),
        other_bone_mm=crossed,
        reaches_skin=found & maps.inside_grid(entry),
    )


def _to_skin(maps: DistanceMaps, tips: F64, outward: F64, step: float) -> tuple[Bool, F64]:
    """Whether each path comes out of the skin inside the image, and the way to there [mm]."""
    s = np.arange(0.0, _longest(maps), step)
    if not maps.has("skin"):
        return np.zeros(len(tips), dtype=bool), np.full(len(tips), s[-1])
    skin = -maps.at("skin", tips[:, None, :] + s[:, None] * outward[:, None, :])
    outside = skin < 0
    found = np.asarray(outside.any(axis=1))
    after = np.where(found, outside.argmax(axis=1), s.size - 1).clip(1)
    rows = np.arange(len(tips))
    inner, outer = skin[rows, after - 1], skin[rows, after]
    share = np.where(found, inner / np.where(found, inner - outer, 1.0), 1.0)
    return found, s[after - 1] + share * step


def _longest(maps: DistanceMaps) -> float:
    """Diagonal of the image [mm]: no path inside it is longer."""
    return float(np.linalg.norm((np.asarray(maps.grid.shape) - 1) * maps.grid.spacing_mm))


def _angle(one: F64, two: F64) -> F64:
    """(n,) angles between unit vectors [deg]."""
    degrees: F64 = np.degrees(np.arccos(np.clip(np.sum(one * two, axis=1), -1.0, 1.0)))
    return degrees
