"""The widest straight cylinder between two regions of a bone: pairs of points, then the best ones moved.

Source of the scheme: coarse pairs, then refinement in four degrees of freedom, as in published planners of
sacroiliac and ramus screws (Noser 2011; Mendel 2013).  What counts is told in ``kernels.corridor``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F32, F64, I64
from osteoplan.kernels.corridor import NEVER, pair_scores, refined
from osteoplan.kernels.distance import signed_distance
from osteoplan.knowledge.corridors import Template
from osteoplan.knowledge.values import number
from osteoplan.trajectory.corridors.bone import BoneField, Gate, bone_field
from osteoplan.trajectory.corridors.regions import (
    Missing,
    Region,
    inside_points,
    region,
    surface_points,
)
from osteoplan.trajectory.surroundings import AVOIDED, REACH_MM, Surroundings, distance_maps

__all__ = ["Axis", "Clear", "CorridorOnScan", "axes_of", "clear_of", "place_of"]


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis, from face to face or from face to tip.

    Attributes:
        score: radius that keeps every margin; below 0 where a margin is not met even by a line.
        bone_mm: radius of the widest cylinder in bone.
        bone_at_mm: where along the axis the bone is narrowest.
        clear_mm: least distance to all else, less its margin.
        clear_at_mm: where along the axis.
        entry_mm, exit_mm: (3,) ends.
        by_bone: True where bone limits the score.
        whole: False where the axis leaves the bone on its way.
    """

    score: float
    bone_mm: float
    bone_at_mm: float
    clear_mm: float
    clear_at_mm: float
    entry_mm: F64
    exit_mm: F64
    by_bone: bool
    whole: bool = True

    @property
    def length_mm(self) -> float:
        """From end to end."""
        return float(np.linalg.norm(self.exit_mm - self.entry_mm))

    @property
    def way(self) -> F64:
        """(3,) unit vector from entry to exit."""
        return (self.exit_mm - self.entry_mm) / self.length_mm

    @property
    def narrowest_mm(self) -> F64:
        """(3,) place on the axis that limits it."""
        return self.entry_mm + (self.bone_at_mm if self.by_bone else self.clear_at_mm) * self.way


@dataclass(frozen=True, eq=False)
class Clear:
    """Distance to everything but bone, less its margin, on a grid of its own."""

    field: F32
    affine: F64


@dataclass(frozen=True, eq=False)
class CorridorOnScan:
    """One template on one side of this scan, before the search.

    Attributes:
        bones: labels that it runs in here.
        crossed: joints that are crossed on purpose.
        field: the bone that it may run in.
        clear: all else.
        starts, ends: (n, 3) points of the regions [mm].
        regions: of entry, exit and waist.
    """

    template: Template
    bones: tuple[str, ...]
    crossed: tuple[str, ...]
    field: BoneField
    clear: Clear
    starts: F64
    ends: F64
    regions: tuple[Region, Region, Region]


def place_of(around: Surroundings, template: Template, names: Mapping[str, str]) -> CorridorOnScan:
    """What a template comes to on this scan.

    Args:
        around: the bones, their frames, and what to avoid.
        template: the corridor.
        names: what stands for ``{side}``, ``{other}`` and ``{level}``.

    Raises:
        Missing: a bone, a landmark or a region is not on this scan; the message says which.
    """
    also = {a: b.format(**names) for a, b in template.also.items() if a in around.bones}
    bones = (*(label.format(**names) for label in template.bones), *also)
    gates = _gates(template, names, also)
    regions = (
        region(around, template.entry, names),
        region(around, template.exit, names),
        region(around, template.waist, names),
    )
    field = bone_field(around, tuple(sorted(bones)), gates)
    crossed = tuple(bridge.joint.format(**names) for bridge in template.bridges)
    start, end = (
        bone_field(around, _same(row.bone.format(**names), also)) for row in (template.entry, template.exit)
    )
    starts = surface_points(field, start, regions[0])
    if template.exit_kind == "inside":
        ends = inside_points(field, end, regions[1], template.exit.depth_mm)
    else:
        ends = surface_points(field, end, regions[1])
    for what, points in (("entry", starts), ("exit", ends)):
        if not len(points):
            raise Missing(f"nothing of the {what}'s place is on this scan, or the bone is too thin there")
    margins = {kind: mm for kind, mm in template.margins_mm.items() if kind != "wall"}
    clear = clear_of(around, field, tuple(sorted(margins.items())), crossed)
    return CorridorOnScan(template, bones, crossed, field, clear, starts, ends, regions)


def _same(label: str, also: Mapping[str, str]) -> tuple[str, ...]:
    """A bone and the labels that count as it."""
    return tuple(sorted((label, *(a for a, bone in also.items() if bone == label))))


def _gates(template: Template, names: Mapping[str, str], also: Mapping[str, str]) -> tuple[Gate, ...]:
    """Bridges of a template, those to a bone also to what counts as it."""
    gates: list[Gate] = []
    for bridge in template.bridges:
        ends = [_same(name.format(**names), also) for name in bridge.between]
        gates += [(one, other, bridge.gap_mm) for one in ends[0] for other in ends[1]]
    return tuple(gates)


def axes_of(place: CorridorOnScan) -> tuple[Axis, ...]:
    """Axes of a place, the widest first; at least one where the regions are far enough apart."""
    pairs = _pairs(place)
    if not len(pairs):
        return ()
    pairs = _best_pairs(place, pairs)
    rows = _refine(
        place, place.starts[pairs[:, 0]], place.ends[pairs[:, 1]], "refine_from_mm", "refine_then_mm"
    )
    good = rows[rows[:, 0] > NEVER]
    if not len(good):
        a, b = place.starts[pairs[0, 0]], place.ends[pairs[0, 1]]
        return (_broken(place, a, b, number("corridor_search.coarse_step_mm")),)
    good = good[np.argsort(-good[:, 0], kind="stable")]
    best = good[: int(number("corridor_search.finished_pairs"))]
    good[: len(best)] = _refine(place, best[:, 6:9], best[:, 9:12], "refine_then_mm", "refine_to_mm")
    good = good[np.argsort(-good[:, 0], kind="stable")]
    return tuple(
        Axis(
            score=float(r[0]), bone_mm=float(r[1]), bone_at_mm=float(r[2]), clear_mm=float(r[3]),
            clear_at_mm=float(r[4]), entry_mm=r[6:9].copy(), exit_mm=r[9:12].copy(), by_bone=bool(r[13]),
        )
        for r in good
    )  # fmt: skip


def _pairs(place: CorridorOnScan) -> I64:
    """(n, 2) pairs of points of the regions that are long enough and pass the waist."""
    i, j = np.meshgrid(np.arange(len(place.starts)), np.arange(len(place.ends)), indexing="ij")
    pairs = np.stack([i.ravel(), j.ravel()], axis=1)
    a, b = place.starts[pairs[:, 0]], place.ends[pairs[:, 1]]
    fine = np.linalg.norm(b - a, axis=1) >= place.template.least_length_mm
    if place.template.waist is not None:
        fine &= place.regions[2].crossed(a, b)
    return np.ascontiguousarray(pairs[fine])


def _best_pairs(place: CorridorOnScan, pairs: I64) -> I64:
    """The best pairs that are not neighbours of a better one."""
    keep, most = int(number("corridor_search.kept_pairs")), int(number("corridor_search.refined_pairs"))
    # A share of all pairs, evenly drawn, bounds the score of those that are kept.
    some = pairs[:: max(1, len(pairs) // (10 * keep))]
    first = _scores(place, some, NEVER)
    floor = float(np.sort(first)[-keep]) if len(first) > keep else NEVER
    scores = _scores(place, pairs, floor)
    order = np.argsort(-scores, kind="stable")[:keep]
    a, b = place.starts[pairs[order, 0]], place.ends[pairs[order, 1]]
    chosen: list[int] = []
    for n in range(len(order)):
        apart = [max(np.linalg.norm(a[n] - a[m]), np.linalg.norm(b[n] - b[m])) for m in chosen]
        if not apart or min(apart) > number("corridor_search.apart_mm"):
            chosen.append(n)
        if len(chosen) == most:
            break
    return pairs[order[chosen]]


def _scores(place: CorridorOnScan, pairs: I64, floor: float) -> F64:
    template, cone = place.template, np.radians(number("corridor_search.end_cone_deg"))
    return pair_scores(
        place.field.depth, place.field.affine, place.clear.field, place.clear.affine, place.starts,
        place.ends, pairs, wall_mm=template.margins_mm["wall"], skip_mm=template.end_skip_mm,
        cone=float(np.cos(cone)), slop_mm=0.5 * place.field.voxel_mm, inside=template.exit_kind == "inside",
        step_mm=number("corridor_search.coarse_step_mm"), floor_mm=floor,
    )  # fmt: skip


def _refine(place: CorridorOnScan, starts: F64, ends: F64, first: str, last: str) -> F64:
    template, cone = place.template, np.radians(number("corridor_search.end_cone_deg"))
    return refined(
        place.field.level, place.field.depth, place.field.affine, place.clear.field, place.clear.affine,
        place.field.points, np.ascontiguousarray(starts), np.ascontiguousarray(ends),
        np.stack([r.box for r in place.regions]), wall_mm=template.margins_mm["wall"],
        skip_mm=template.end_skip_mm, cone=float(np.tan(cone)),
        inside=template.exit_kind == "inside", tip_depth_mm=template.exit.depth_mm,
        widest_mm=number("corridor_search.lateral_reach_mm"), least_length_mm=template.least_length_mm,
        first_mm=number(f"corridor_search.{first}"), last_mm=number(f"corridor_search.{last}"),
        reach_mm=number("corridor_search.refine_reach_mm"),
    )  # fmt: skip


def _broken(place: CorridorOnScan, start: F64, end: F64, step: float) -> Axis:
    """A pair whose axis leaves the bone: where that is worst."""
    length = float(np.linalg.norm(end - start))
    skip = place.template.end_skip_mm
    t = np.arange(skip, max(length - skip, skip + step), step)
    depth = place.field.at(place.field.depth, start + t[:, None] / length * (end - start))
    worst = int(np.argmin(depth))
    return Axis(
        score=float(min(depth[worst], 0.0)) - place.template.margins_mm["wall"], bone_mm=0.0,
        bone_at_mm=float(t[worst]), clear_mm=np.inf, clear_at_mm=0.0, entry_mm=start, exit_mm=end,
        by_bone=True, whole=False,
    )  # fmt: skip


def clear_of(
    around: Surroundings, field: BoneField, margins: tuple[tuple[str, float], ...], crossed: tuple[str, ...]
) -> Clear:
    """The map of all that is avoided around a bone; remembered while the neighbourhood lives."""
    key = ("clear of", id(field), margins, crossed)
    return around.memo.once(key, lambda: _clear(around, field, margins, crossed))


def _clear(
    around: Surroundings, field: BoneField, margins: tuple[tuple[str, float], ...], crossed: tuple[str, ...]
) -> Clear:
    maps = distance_maps(around)
    shape = np.array(field.level.shape) - 1
    corners = np.array(np.meshgrid(*[(0, n) for n in shape])).reshape(3, -1).T
    at = around.grid.indices(field.positions_mm(corners))
    low = np.clip(np.floor(at.min(axis=0)), 0, around.grid.shape).astype(int)
    high = np.clip(np.ceil(at.max(axis=0)) + 1, low + 1, around.grid.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    least = np.full(tuple(high - low), REACH_MM, dtype=np.float32)
    for kind, margin in margins:
        if kind == "joint" and crossed:
            least = np.minimum(least, _other_joints(around, crossed, box) - margin)
        elif kind in AVOIDED and maps.has(kind):
            least = np.minimum(least, maps.of(kind)[box] - margin)
    affine = around.grid.affine.copy()
    affine[:3, 3] = around.grid.positions_mm(low)
    return Clear(np.ascontiguousarray(least, dtype=np.float32), affine)


def _other_joints(around: Surroundings, crossed: tuple[str, ...], box: tuple[slice, ...]) -> F32:
    """Distance to the joints that are not crossed on purpose; a joint beyond the box is not near."""
    joints = np.zeros(around.grid.shape, dtype=bool)[box]
    for structure in around.structures:
        if structure.kind == "joint" and structure.name not in crossed:
            joints |= structure.mask[box]
    if not joints.any():
        return np.full(joints.shape, REACH_MM, dtype=np.float32)
    return np.clip(signed_distance(joints, around.grid.spacing_mm), -1e4, REACH_MM)
