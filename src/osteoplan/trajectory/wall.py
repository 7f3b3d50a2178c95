"""The bone that must stay around a device: how deep in it any point is, and on which stretch that counts.

A device has to break the cortex where it goes in, and a screw may break it where it comes out.  So the wall
is held from where the axis is first as deep as its corridor is wide, to where it last is so; a device that
strays meets a slanted surface earlier or later, and its own stretch is moved by no more than its shift times
the slope of that surface.  A needle whose approach stays inside is held from the pedicle's back to its tip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F32, F64, Mask
from osteoplan.kernels.paths import path_minima, path_values
from osteoplan.knowledge.approaches import approaches
from osteoplan.knowledge.corridors import templates
from osteoplan.model.trajectory import Trajectory
from osteoplan.trajectory.corridors.bone import Gate, bone_field
from osteoplan.trajectory.pedicle import pedicle
from osteoplan.trajectory.surroundings import Surroundings, distance_maps

__all__ = ["Intraosseous", "Wall", "intraosseous_of", "own_intraosseous", "wall_bones", "wall_of"]

Bones = tuple[str, ...]

AROUND_MM = 20.0  # of the map around the bones; a breach is never graded as deeper than that
STEP_MM = 0.5  # of the search for the stretch
SLOPE_MAX = float(np.tan(np.radians(75.0)))  # steeper than that an entry is no entry
_PARALLEL = 1e-6  # cosine below which an axis never comes through a plane
SAMPLES = 16  # of each device's own stretch where it begins and ends


@dataclass(frozen=True, eq=False)
class Wall:
    """Depth below the surface of the bones that a trajectory may run in, negative outside [mm].

    A corridor's is that of the smooth body that corridors are searched in, a needle's that of the label's
    bricks.

    Attributes:
        stack: (ni, nj, nk, 1) on a grid around the bones.
        affine: (4, 4) index -> LPS of that grid.
    """

    stack: F32
    affine: F64

    def depth(self, positions_mm: npt.ArrayLike) -> F64:
        """(..., 3) positions -> (...) depth [mm]."""
        return path_values(self.stack, self.affine, positions_mm)[..., 0]

    def least(self, starts_mm: F64, ends_mm: F64) -> F64:
        """(n, 3) starts and ends -> (n,) least depth on the way between them [mm]."""
        return path_minima(self.stack, self.affine, starts_mm, ends_mm, step_mm=STEP_MM)[0][:, 0]


@dataclass(frozen=True, eq=False)
class Intraosseous:
    """Where along n trajectories the wall is held, from the entry [mm], and how the surface lies at its ends.

    Attributes:
        first, last: (n,) ways from the entry.
        slope_first, slope_last: (n,) tangent of the angle between the way and the surface's normal; 0 where
            the stretch does not begin or end at a surface.
    """

    first: F64
    last: F64
    slope_first: F64
    slope_last: F64


def wall_bones(around: Surroundings, way: Trajectory) -> Bones:
    """Bones that a trajectory must stay in: a corridor's, the vertebra of a pedicle's, or none."""
    if way.kind == "corridor":
        return tuple(bone for bone in (way.bones or (around.target,)) if bone in around.bones)
    known = approaches().get(way.approach)
    part = around.parts.get(f"pedicle_{way.side}")
    inside = known is not None and known.needle is not None and known.needle.inside
    return (around.target,) if inside and part is not None and part.any() else ()


def wall_of(around: Surroundings, way: Trajectory) -> Wall | None:
    """The wall of a trajectory; None where it need not stay in bone.  Made once for the bones of a region."""
    bones = wall_bones(around, way)
    if not bones:
        return None
    if way.kind == "corridor":
        also, gates = _bridges(around, way)
        field = bone_field(around, tuple(sorted({*bones, *also})), gates)
        return Wall(field.depth[..., None], field.affine)
    return around.memo.once("wall", lambda: _wall(around))


def intraosseous_of(
    around: Surroundings, way: Trajectory, wall: Wall, entries_mm: F64, targets_mm: F64
) -> Intraosseous:
    """Where the wall is held along n trajectories of one kind, (n, 3) each from entry to target.

    Args:
        around: the region.
        way: of which the others are neighbours; its diameter, side and approach hold for all.
        wall: the bone that they must stay in.
        entries_mm, targets_mm: ends of the axes.
    """
    length = np.linalg.norm(targets_mm - entries_mm, axis=1)
    inward = (targets_mm - entries_mm) / length[:, None]
    if way.kind == "needle":
        narrow = pedicle(around, "left" if way.side == "left" else "right")
        back = np.array(narrow.isthmus_mm) + narrow.behind_mm * np.array(narrow.backward)
        # where each axis comes through the plane across the pedicle at its back
        slope = np.minimum(inward @ np.array(narrow.backward), -_PARALLEL)
        first = np.clip(((back - entries_mm) @ np.array(narrow.backward)) / slope, 0.0, length)
        return Intraosseous(first, length, np.zeros_like(first), np.zeros_like(first))
    radius = (way.diameter_mm or 0.0) / 2.0
    s = np.linspace(0.0, 1.0, int(np.ceil(length.max() / STEP_MM)) + 1)
    depth = wall.depth(entries_mm[:, None] + (s[:, None] * length[:, None, None]) * inward[:, None])
    # Near its ends the axis is less deep than the corridor is anywhere between: the face, not a wall.
    level = max(radius, way.measures.get("width_mm", 0.0) / 2.0)
    deep = depth >= np.minimum(level, depth.max(axis=1))[:, None]
    begin, end = s[deep.argmax(axis=1)] * length, s[s.size - 1 - deep[:, ::-1].argmax(axis=1)] * length
    # the corridor's own rule of how far the bone's face may cut into a screw at its ends
    skip = np.minimum(way.measures.get("end_skip_mm", 0.0), length / 2.0)
    first = np.where(begin > 0, np.maximum(begin, skip), begin)
    last = np.where(end < length, np.minimum(end, length - skip), end)
    return Intraosseous(
        first, np.maximum(last, first),
        np.where(begin > 0, _slope(wall, entries_mm, inward, begin), 0.0),
        np.where(end < length, _slope(wall, entries_mm, inward, end), 0.0),
    )  # fmt: skip


def own_intraosseous(
    wall: Wall, held: Intraosseous, radius_mm: float, starts_mm: F64, inward: F64, shift_mm: F64
) -> tuple[F64, F64]:
    """Ends of the intraosseous length on (n, draws, 3) displaced axes: own surface, within shift times slope.

    Args:
        wall: the bone.
        held: that of the n trajectories as planned.
        radius_mm: of the device.
        starts_mm: (n, draws, 3) where the displaced axes begin, level with the planned entries.
        inward: (n, draws, 3) unit vectors.
        shift_mm: (n, draws, 2) how far each is off across, at the first and at the last.

    Returns:
        ``(first, last)``, (n, draws) each, from the start.
    """
    ends = []
    for planned, slope, shift, sense in (
        (held.first, held.slope_first, shift_mm[..., 0], 1.0),
        (held.last, held.slope_last, shift_mm[..., 1], -1.0),
    ):
        if not slope.any():
            ends.append(np.broadcast_to(planned[:, None], shift.shape))
            continue
        offset = np.linspace(0.0, 1.0, SAMPLES) * (shift * slope[:, None])[..., None]
        s = planned[:, None, None] + sense * offset
        depth = wall.depth(starts_mm[:, :, None] + s[..., None] * inward[:, :, None])
        inside = depth >= radius_mm
        index = np.where(inside.any(axis=-1), inside.argmax(axis=-1), SAMPLES - 1)
        ends.append(np.take_along_axis(s, index[..., None], axis=-1)[..., 0])
    return ends[0], np.maximum(ends[0], ends[1])


def _bridges(around: Surroundings, way: Trajectory) -> tuple[Bones, tuple[Gate, ...]]:
    """What counts as a corridor's bones besides them, and the gaps that it crosses on purpose."""
    known = templates().get(way.approach)
    if known is None:
        return (), ()
    names = known.names(way.side)
    same = {label: bone.format(**names) for label, bone in known.also.items() if label in around.bones}
    alike = {bone: [bone, *(label for label, one in same.items() if one == bone)] for bone in way.bones}
    gates = [
        (one, other, bridge.gap_mm)
        for bridge in known.bridges
        for one in sorted(alike.get(bridge.between[0].format(**names), []))
        for other in sorted(alike.get(bridge.between[1].format(**names), []))
    ]
    return tuple(same), tuple(gates)


def _wall(around: Surroundings) -> Wall:
    """Depth in the target bone, as the needles' distance maps have it."""
    box = _box(around.bones[around.target], np.ceil(AROUND_MM / around.grid.spacing_mm).astype(int))
    affine = around.grid.affine.copy()
    affine[:3, 3] = around.grid.positions_mm([side.start for side in box])
    return Wall(np.ascontiguousarray(-distance_maps(around).of("bone")[box][..., None]), affine)


def _box(mask: Mask, pad: npt.NDArray[np.int_]) -> tuple[slice, ...]:
    """Index box of a mask with so many voxels around it."""
    found = []
    for axis in range(3):
        along = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        low, high = (int(along[0]), int(along[-1]) + 1) if along.size else (0, 1)
        found.append(slice(max(low - int(pad[axis]), 0), min(high + int(pad[axis]), mask.shape[axis])))
    return tuple(found)


def _slope(wall: Wall, entries_mm: F64, inward: F64, at_mm: F64) -> F64:
    """(n,) tangent of the angle between the trajectories and the normal of the surface near ``at_mm``."""
    here = entries_mm + at_mm[:, None] * inward
    steps = np.eye(3)
    slope = np.stack([wall.depth(here + h) - wall.depth(here - h) for h in steps], axis=-1)
    along = np.abs(np.einsum("nx,nx->n", slope, inward))
    size = np.linalg.norm(slope, axis=1)
    tangent: F64 = np.sqrt(np.maximum(size**2 - along**2, 0.0)) / np.maximum(along, 1e-9)
    return np.minimum(tangent, SLOPE_MAX)
