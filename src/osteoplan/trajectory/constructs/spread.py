"""Screws moved apart, or to the lesion, each within the room that its own corridor leaves.

The widest cylinder that keeps every margin has diameter f; a screw of diameter d may be shifted across by
(f - d) / 2 and keeps them all.  Where two screws are too near both are pushed along the line between their
nearest points, half of what lacks each, as far as their room goes, until all are far enough or nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.construct import Screw
from osteoplan.model.trajectory import Trajectory
from osteoplan.trajectory.constructs.checks import ConstructLimits
from osteoplan.trajectory.geometry import angle_deg, nearest_points
from osteoplan.trajectory.surroundings import Surroundings, distance_maps, point

__all__ = ["moved_way", "shifts", "towards_lesion"]

ROUNDS = 100
AIM_MM = 0.05  # more than is asked for, so that a bound that is approached is met
ENOUGH_MM = 1e-3
STEP_MM = 0.25
REACH_MM = 400.0  # to the skin of any patient
FACE_MM = 25.0  # along the axis: where the bone's face is looked for beside the old entry


def shifts(
    screws: Sequence[Screw], ways: Mapping[str, Trajectory], limits: ConstructLimits
) -> list[F64] | None:
    """(3,) shift of each screw [mm] that keeps all far enough apart; None where corridors leave no room.

    Nearly parallel screws are brought as near to the wanted spread as there is room.
    """
    screws = [_whole(screw, ways[screw.way]) for screw in screws]
    axes = [np.subtract(s.tip_mm, s.head_mm) / s.length_mm for s in screws]
    room = [_room(screw, ways[screw.way]) for screw in screws]
    moved: list[F64] = [np.zeros(3) for _ in screws]
    for _ in range(ROUNDS):
        pushed = [_push(screws, axes, room, moved, pair, limits) for pair in _pairs(screws)]
        if not any(pushed):
            break
    near = [_gap(screws, moved, pair)[0] for pair in _pairs(screws)]
    return moved if not near or min(near) >= limits.between_mm else None


def towards_lesion(around: Surroundings, screw: Screw, way: Trajectory) -> F64:
    """(3,) shift across a screw [mm] to the middle of the lesion beside it, as far as its corridor allows."""
    head, axis = np.array(screw.head_mm), np.subtract(screw.tip_mm, screw.head_mm) / screw.length_mm
    at = around.grid.positions_mm(np.argwhere(around.lesion)) - head
    along = at @ axis
    beside = at[(along >= 0.0) & (along <= screw.length_mm)]
    if not len(beside):
        return np.zeros(3)
    return _within(beside.mean(axis=0), axis, _room(screw, way))


def moved_way(around: Surroundings, way: Trajectory, shift: F64, device: str) -> Trajectory | None:
    """A corridor's trajectory shifted across, for one device; None where it then misses bone or skin.

    Its entry lies where the shifted axis meets the bone.
    """
    assert way.entry_mm is not None
    assert way.target_mm is not None
    entry, target = np.array(way.entry_mm) + shift, np.array(way.target_mm) + shift
    axis = (target - entry) / np.linalg.norm(target - entry)
    face = entry + _face(around, entry, axis) * axis
    skin = None if way.skin_mm is None else _skin(around, face, -axis)
    if way.skin_mm is not None and skin is None:
        return None
    free = way.measures.get("free_diameter_mm", 0.0) - 2.0 * float(np.linalg.norm(shift))
    return replace(
        way, entry_mm=point(face), target_mm=point(target), skin_mm=skin, fits=(device,),
        measures={**way.measures, "free_diameter_mm": free},
    )  # fmt: skip


def _whole(screw: Screw, way: Trajectory) -> Screw:
    """A screw as long as its corridor: a shifted one may end anywhere in it."""
    assert way.entry_mm is not None
    assert way.target_mm is not None
    length = float(np.linalg.norm(np.subtract(way.target_mm, way.entry_mm)))
    return replace(screw, head_mm=way.entry_mm, tip_mm=way.target_mm, length_mm=length)


def _face(around: Surroundings, entry: F64, axis: F64) -> float:
    """Where an axis goes into bone, from a point near there [mm]; 0 where it does not."""
    maps, s = distance_maps(around), np.arange(-FACE_MM, FACE_MM, STEP_MM)
    track = entry + s[:, None] * axis
    away = [maps.at(name, track) for name in ("bone", "other_bone") if maps.has(name)]
    outside = np.min(away, axis=0) > 0.0
    into = np.flatnonzero(outside[:-1] & ~outside[1:])
    return float(s[into[int(np.argmin(np.abs(s[into])))] + 1]) if len(into) else 0.0


def _pairs(screws: Sequence[Screw]) -> list[tuple[int, int]]:
    return list(combinations(range(len(screws)), 2))


def _room(screw: Screw, way: Trajectory) -> float:
    """How far a screw may be shifted across [mm]."""
    free = way.measures.get("free_diameter_mm", screw.outer_diameter_mm)
    return max(0.5 * (free - screw.outer_diameter_mm), 0.0)


def _gap(screws: Sequence[Screw], moved: Sequence[F64], pair: tuple[int, int]) -> tuple[float, F64]:
    """Gap of two shifted screws, and the direction from the first to the second."""
    i, j = pair
    a, b = screws[i], screws[j]
    on_a, on_b = nearest_points(
        np.array(a.head_mm) + moved[i], np.array(a.tip_mm) + moved[i],
        np.array(b.head_mm) + moved[j], np.array(b.tip_mm) + moved[j],
    )  # fmt: skip
    between = on_b - on_a
    apart = float(np.linalg.norm(between))
    if apart < 1e-6:  # axes that meet: across both
        between = np.cross(np.subtract(a.tip_mm, a.head_mm), np.subtract(b.tip_mm, b.head_mm))
    direction: F64 = between / max(float(np.linalg.norm(between)), 1e-12)
    return apart - 0.5 * (a.outer_diameter_mm + b.outer_diameter_mm), direction


def _push(
    screws: Sequence[Screw], axes: Sequence[F64], room: Sequence[float], moved: list[F64],
    pair: tuple[int, int], limits: ConstructLimits,
) -> bool:  # fmt: skip
    """Push two screws apart; False where they are far enough, or neither has room left."""
    i, j = pair
    gap, direction = _gap(screws, moved, pair)
    radii = 0.5 * (screws[i].outer_diameter_mm + screws[j].outer_diameter_mm)
    parallel = angle_deg(axes[i], axes[j]) < limits.angle_deg
    lacking = max(limits.between_mm, limits.spread_mm - radii if parallel else 0.0) + AIM_MM - gap
    if lacking <= ENOUGH_MM:
        return False
    before = moved[i], moved[j]
    for n, sense in ((i, -1.0), (j, 1.0)):
        moved[n] = _within(moved[n] + sense * 0.5 * lacking * direction, axes[n], room[n])
    return any(float(np.linalg.norm(moved[n] - old)) > ENOUGH_MM for n, old in zip(pair, before, strict=True))


def _within(shift: F64, axis: F64, room: float) -> F64:
    """A shift across the axis, no longer than the room."""
    across = shift - (shift @ axis) * axis
    length = float(np.linalg.norm(across))
    return across if length <= room else across * (room / length)


def _skin(around: Surroundings, start: F64, outward: F64) -> tuple[float, float, float] | None:
    """Where a line leaves the skin; None where the image ends before."""
    maps = distance_maps(around)
    track = start + np.arange(0.0, REACH_MM, STEP_MM)[:, None] * outward
    seen = maps.inside_grid(track)
    track = track[: len(track) if seen.all() else int(np.argmin(seen))]
    if not maps.has("skin") or not len(track):
        return None
    out = np.flatnonzero(maps.at("skin", track) >= 0.0)
    return point(track[out[0]]) if len(out) else None
