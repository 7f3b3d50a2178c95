"""What n needle paths meet between tip and skin, and how far each misses each hard limit.

Every limit is measured for every path, so that the count of paths that a limit rejects, and the sentence of
the path that misses least, come from the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F32, F64, Bool
from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.paths import first_crossing, path_minima
from osteoplan.knowledge.sites import side_of
from osteoplan.trajectory.needles.candidates import Candidates, Window, below_cortex_mm, deep_enough_mm
from osteoplan.trajectory.needles.limits import NeedleTask
from osteoplan.trajectory.reach import Reach, reachable
from osteoplan.trajectory.surroundings import AVOIDED, REACH_MM, DistanceMaps, Surroundings

__all__ = ["PathMeasurements", "Scene", "meet", "shortfalls"]

SPARE_MM = 1.0  # beyond the farthest gap that is asked for: a search strides over what is farther
STEP_MM = 1.0  # of a path's samples; the maps are smooth over it
ROUNDING_MM = 1e-4  # of a distance in single precision
NO_SKIN_MM = 1000.0  # worse than any other shortfall: such a path cannot be judged


@dataclass(frozen=True, eq=False)
class Scene:
    """Maps for one task: those of the region, and what the approach adds to them.

    Attributes:
        joints: (ni, nj, nk, 1) distance to the joints that the approach does not cross; None where none is.
        depth: (ni, nj, nk, 1) depth in the target bone; None where the needle need not stay inside.
        tip_mm, bone_mm: how deep in the lesion and in the bone a tip must lie.
    """

    around: Surroundings
    maps: DistanceMaps
    task: NeedleTask
    window: Window | None
    joints: F32 | None
    depth: F32 | None
    tip_mm: float
    bone_mm: float

    @classmethod
    def of(cls, around: Surroundings, maps: DistanceMaps, task: NeedleTask, window: Window | None) -> Scene:
        """Everything that one search looks up."""
        way = task.approach.needle
        inside = way is not None and way.inside
        depth = np.ascontiguousarray(-maps.of("bone")[..., None]) if inside else None
        tip = deep_enough_mm(maps, task.rules.tip_depth_mm)
        bone = below_cortex_mm(around, maps, task.rules.tip_bone_mm)
        return cls(around, maps, task, window, _joints(around, maps, task), depth, tip, bone)


@dataclass(frozen=True, eq=False)
class PathMeasurements:
    """What n paths meet; every array has n rows.

    Attributes:
        entry_mm, bone_mm: (n, 3) where the path crosses the skin and first meets the target bone; the bone is
            NaN where the path meets none.
        gap_mm: kind -> gap of the needle's surface.
        at_mm: kind -> way from the tip to where that gap is.
        length_mm: skin to tip.
        wall_mm: bone beside the needle, tip to behind its waypoint; inf where it need not stay inside.
        missed_mm: how far beside its waypoint it passes.
        tip_mm, tip_bone_mm: how deep in the lesion and in the bone its tip lies; negative outside.
        skin_angle_deg, cortex_angle_deg: to the normals where it enters.
        reaches_skin: False where the image ends first.
        reach: guidance id -> which paths it can follow.
        aspect_deg: how far the path comes from another side of the patient than its name says; 0 where it
            comes from there.
    """

    entry_mm: F64
    bone_mm: F64
    gap_mm: Mapping[str, F64]
    at_mm: Mapping[str, F64]
    length_mm: F64
    wall_mm: F64
    missed_mm: F64
    tip_mm: F64
    tip_bone_mm: F64
    skin_angle_deg: F64
    cortex_angle_deg: F64
    reaches_skin: Bool
    reach: Mapping[str, Reach]
    aspect_deg: F64


def meet(scene: Scene, tried: Candidates, *, beyond_mm: float | None = None) -> PathMeasurements:
    """Measure paths.

    Args:
        beyond_mm: gaps of the axis that exceed it are told as that; where None, what no limit and no comfort
            of the task asks beyond.
    """
    maps, task = scene.maps, scene.task
    radius, affine = task.diameter_mm / 2.0, maps.grid.affine
    if beyond_mm is None:
        beyond_mm = min(radius + SPARE_MM + task.rules.farthest_mm, REACH_MM)
    length, found = _to_skin(maps, tried)
    entry = tried.tips_mm + length[:, None] * tried.outward
    least, where = path_minima(maps.stack, affine, tried.tips_mm, entry, step_mm=STEP_MM, beyond_mm=beyond_mm)
    kinds = [kind for kind in AVOIDED if maps.has(kind)]
    gap = {kind: least[:, maps.channels.index(kind)] - radius for kind in kinds}
    at = {kind: where[:, maps.channels.index(kind)] for kind in kinds}
    if "joint" in gap and task.approach.needle and task.approach.needle.joints_crossed:
        gap, at = _without_crossed(scene, tried, entry, gap, at)
    to_bone = first_crossing(
        maps.of("bone"), affine, entry, -tried.outward, rising=False, longest_mm=float(length.max())
    )
    to_bone = np.where(to_bone <= length, to_bone, np.nan)
    bone = entry - to_bone[:, None] * tried.outward
    at_bone = np.where(np.isfinite(bone), bone, entry)
    cortex = _angle(maps.gradient("bone", at_bone), tried.outward)
    return PathMeasurements(
        entry_mm=entry, bone_mm=bone, gap_mm=gap, at_mm=at, length_mm=length,
        wall_mm=_wall(scene, tried) - radius,
        missed_mm=np.zeros(len(tried)) if scene.window is None else scene.window.missed_mm(tried),
        tip_mm=-maps.at("lesion", tried.tips_mm) if maps.has("lesion") else np.zeros(len(tried)),
        tip_bone_mm=-maps.at("bone", tried.tips_mm),
        skin_angle_deg=_angle(maps.gradient("skin", entry, step_mm=5.0), tried.outward)
        if maps.has("skin") else np.zeros(len(tried)),
        cortex_angle_deg=np.where(np.isfinite(to_bone), cortex, 0.0),
        reaches_skin=found,
        reach=_reach(task, tried, entry, length),
        aspect_deg=_beyond_aspect(scene, tried.outward, entry),
    )  # fmt: skip


def shortfalls(scene: Scene, measured: PathMeasurements) -> dict[str, F64]:
    """Limit -> (n,) by how much each path misses it [mm or deg]; 0 where it keeps it."""
    task, rules = scene.task, scene.task.rules
    missing = {
        f"{kind}_clearance_min_mm": np.maximum(rules.clearance_mm[kind] - gap, 0.0)
        for kind, gap in measured.gap_mm.items()
    }
    missing["wall_depth_min_mm"] = np.maximum(rules.wall_mm - measured.wall_mm, 0.0)
    missing["waypoint"] = measured.missed_mm
    missing["aspect"] = measured.aspect_deg
    missing["tip_depth_min_mm"] = np.maximum(scene.tip_mm - measured.tip_mm - ROUNDING_MM, 0.0)
    missing["tip_bone_min_mm"] = np.maximum(scene.bone_mm - measured.tip_bone_mm - ROUNDING_MM, 0.0)
    if task.reach_mm is not None:
        missing["length_mm"] = np.maximum(measured.length_mm - task.reach_mm, 0.0)
    missing["skin_angle_max_deg"] = np.maximum(measured.skin_angle_deg - rules.skin_angle_deg, 0.0)
    missing["cortex_angle_max_deg"] = np.maximum(measured.cortex_angle_deg - rules.cortex_angle_deg, 0.0)
    if measured.reach:
        # a path that one guidance can follow is followed with that one
        by = [np.sum(list(reach.short.values()), axis=0) for reach in measured.reach.values()]
        missing["reach"] = np.min(by, axis=0)
    missing["skin"] = np.where(measured.reaches_skin, 0.0, NO_SKIN_MM)
    return missing


def _to_skin(maps: DistanceMaps, tried: Candidates) -> tuple[F64, Bool]:
    """Way from each tip to the skin [mm], and whether the image holds it."""
    longest = float(np.linalg.norm((np.asarray(maps.grid.shape) - 1) * maps.grid.spacing_mm))
    if not maps.has("skin"):
        return np.full(len(tried), longest), np.zeros(len(tried), dtype=bool)
    way = first_crossing(
        maps.of("skin"), maps.grid.affine, tried.tips_mm, tried.outward, rising=True, longest_mm=longest
    )
    found = np.isfinite(way)
    # a path that the image cuts is measured as far as the image goes, so that its other faults are seen
    return np.where(found, np.maximum(way, 1.0), longest), found


def _without_crossed(
    scene: Scene, tried: Candidates, entry: F64, gap: dict[str, F64], at: dict[str, F64]
) -> tuple[dict[str, F64], dict[str, F64]]:
    """The gap to joints without those that the approach crosses on purpose."""
    if scene.joints is None:
        return {k: v for k, v in gap.items() if k != "joint"}, {k: v for k, v in at.items() if k != "joint"}
    least, where = path_minima(
        scene.joints, scene.maps.grid.affine, tried.tips_mm, entry, step_mm=STEP_MM, beyond_mm=REACH_MM
    )
    radius = scene.task.diameter_mm / 2.0
    return {**gap, "joint": least[:, 0] - radius}, {**at, "joint": where[:, 0]}


def _joints(around: Surroundings, maps: DistanceMaps, task: NeedleTask) -> F32 | None:
    """Distance to joints that are not crossed on purpose; None where there is none, or all are avoided."""
    crossed = task.approach.needle.joints_crossed if task.approach.needle else ()
    others = [s.mask for s in around.structures if s.kind == "joint" and not s.name.startswith(crossed)]
    if not crossed or not others:
        return None
    union = np.logical_or.reduce(others)
    if not union.any():
        return None
    return signed_distance(union, maps.grid.spacing_mm, reach_mm=REACH_MM)[..., None]


def _wall(scene: Scene, tried: Candidates) -> F64:
    """(n,) least depth of the axis in the bone from tip to where it is held; inf where that is not asked."""
    if scene.depth is None or scene.window is None:
        return np.full(len(tried), np.inf)
    ends = tried.tips_mm + scene.window.held_mm(tried)[:, None] * tried.outward
    return path_minima(scene.depth, scene.maps.grid.affine, tried.tips_mm, ends, step_mm=0.5)[0][:, 0]


def _reach(task: NeedleTask, tried: Candidates, entry: F64, length: F64) -> dict[str, Reach]:
    """What each guidance says of the paths."""
    # what is not in the patient stands out of the skin: the bore must hold it
    out = np.maximum(task.stands_out_mm - length, 0.0)
    outer = entry + out[:, None] * tried.outward
    middle = outer if task.isocentre_mm is None else np.asarray(task.isocentre_mm)
    return {
        one.id: reachable(one, tried.outward, position=task.position, outer_end_mm=outer, isocentre_mm=middle)
        for one in task.guidances
    }


def _beyond_aspect(scene: Scene, outward: F64, entry_mm: F64) -> F64:
    """(n,) angle by which a path comes from another side than its approach is named after [deg].

    By the patient's axes, not by the bone's, which would be wrong where the name is.  An approach tells front
    or back, and lateral, where its cone does not reach to the other side of them.  In a bone of the midline
    the skin is entered on the named side of the bone's middle.
    """
    way, side = scene.task.approach.needle, scene.task.side
    beyond = np.zeros(len(outward))
    if way is None:
        return beyond
    lateral, posterior, _ = np.asarray(way.outward) / np.linalg.norm(way.outward)
    to_left = {"left": 1.0, "right": -1.0}.get(side, 0.0)
    widest = np.sin(np.radians(min(way.within_deg, 90.0)))
    for part, axis in ((lateral * to_left, 0), (posterior, 1)):
        if abs(part) > widest:
            against = np.clip(-np.sign(part) * outward[:, axis], 0.0, 1.0)
            beyond = np.maximum(beyond, np.degrees(np.arcsin(against)))
    if to_left and side_of(scene.around.anatomy.bone) is None:
        frame = scene.around.anatomy.frame
        offset = entry_mm - frame.origin_mm
        across = -to_left * np.sign(frame.left[0]) * (offset @ frame.left)
        away = np.maximum(np.linalg.norm(offset, axis=1), 1.0)
        beyond = np.maximum(beyond, np.degrees(np.arcsin(np.clip(across / away, 0.0, 1.0))))
    return beyond


def _angle(one: F64, two: F64) -> F64:
    """(n,) angles between unit vectors [deg]."""
    degrees: F64 = np.degrees(np.arccos(np.clip(np.sum(one * two, axis=1), -1.0, 1.0)))
    return degrees
