"""The bone that a corridor may run in, finer than its voxels: depth, surface points, normals.

A mask on a CT is a heap of bricks.  A distance to bricks is too short by up to half a voxel's diagonal on a
slanted surface, and a distance map between voxel centres is blunt along the middle of a narrow bone.  So the
mask is blurred by half a voxel (half of the blur is a smooth surface), long voxels are divided, and points
are read off that surface: a cylinder's radius is then a distance to points, not to bricks.  Blurring draws a
round bone of radius R in by about s^2 / (2 R), s half a voxel: the radius is rather told too small.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtr

from osteoplan.arrays import F32, F64, I64, Bool, Mask
from osteoplan.kernels.distance import distance_to, signed_distance
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume
from osteoplan.trajectory.surroundings import Surroundings

__all__ = ["BoneField", "Gate", "allowed_bone", "bone_field", "read_field"]

Gate = tuple[str, str, float]  # two labels, and how far apart what lies between them still counts as bone

MARGIN = 6  # voxels of nothing around the bone
CLIP_MM = 30.0  # depth is told as far as this, inside and outside


@dataclass(frozen=True, eq=False)
class BoneField:
    """One or several bones as a smooth body.

    Attributes:
        affine: (4, 4) index -> position [mm] of the maps.
        level: (ni, nj, nk) positive in the bone, 0 on its surface.
        depth: (ni, nj, nk) depth below the surface [mm], a lower bound; negative outside.
        points: (n, 3) on the surface [mm].
        normals: (n, 3) outward unit normals there.
        edge: (n,) True where the image ends: no surface of the bone, the bone may go on.
        voxel_mm: longest edge of the maps' voxels.
    """

    affine: F64
    level: F32
    depth: F32
    points: F64
    normals: F64
    edge: Bool
    voxel_mm: float

    def at(self, field: F32, positions_mm: F64) -> F64:
        """(..., 3) positions -> (...) trilinear values of one map."""
        inverse = np.linalg.inv(self.affine)
        index = positions_mm @ inverse[:3, :3].T + inverse[:3, 3]
        flat = np.moveaxis(index, -1, 0)
        values: F64 = ndimage.map_coordinates(field, flat, order=1, mode="nearest").astype(np.float64)
        return values

    def positions_mm(self, indices: npt.ArrayLike) -> F64:
        """(..., 3) indices of the maps -> positions [mm]."""
        return np.asarray(indices, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]


def allowed_bone(around: Surroundings, labels: Iterable[str], bridges: Iterable[Gate] = ()) -> Mask:
    """(ni, nj, nk) True in the bones and the gaps that are crossed on purpose, metal left out.

    Args:
        around: the bones and the metal.
        labels: bones that are there.
        bridges: two labels, and the greatest sum of the distances to both that still counts as bone.
    """
    bone = np.zeros(around.grid.shape, dtype=bool)
    for label in labels:
        bone |= around.bones[label]
    spacing = around.grid.spacing_mm
    for one, other, gap in bridges:
        box = _box(around.bones[one] | around.bones[other], MARGIN)
        near = distance_to(around.bones[one][box], spacing) + distance_to(around.bones[other][box], spacing)
        bone[box] |= near <= gap
    return bone & ~around.metal


def bone_field(around: Surroundings, labels: tuple[str, ...], bridges: tuple[Gate, ...] = ()) -> BoneField:
    """The smooth body of bones of a neighbourhood; remembered while that lives."""
    return around.memo.once(
        ("bone field", labels, bridges),
        lambda: read_field(around.grid.with_array(allowed_bone(around, labels, bridges), "mask")),
    )


def read_field(mask: Volume) -> BoneField:
    """The smooth body of a boolean mask that is not empty."""
    bone = np.asarray(mask.array, dtype=bool)
    tight = ndimage.find_objects(bone.view(np.uint8))[0]
    low = np.array([side.start for side in tight]) - MARGIN
    parts = np.maximum(1, np.ceil(mask.spacing_mm / number("corridor_search.fine_mm") - 1e-9)).astype(int)
    level = _blurred(np.pad(bone[tight], MARGIN), parts, number("corridor_search.smooth_voxels"))
    affine = mask.affine.copy()
    affine[:3, 3] = mask.positions_mm(low)
    affine[:3, :3] = affine[:3, :3] / parts
    spacing = mask.spacing_mm / parts
    depth = -signed_distance(level > 0, spacing, reach_mm=CLIP_MM)
    index, normals = _crossings(level, affine)
    points = index @ affine[:3, :3].T + affine[:3, 3]
    at = mask.indices(points)
    edge = np.asarray(((at < 0.5) | (at > np.array(mask.shape) - 1.5)).any(axis=1))
    return BoneField(
        affine, level, np.ascontiguousarray(np.maximum(depth, -CLIP_MM), dtype=np.float32), points, normals,
        edge, float(spacing.max()),
    )  # fmt: skip


def _blurred(bone: Mask, parts: I64, sd: float) -> F32:
    """Share of bone after a Gaussian blur of the bricks, less one half, at ``parts`` points per voxel.

    The blur is exact and goes axis by axis: brick i gives Phi((x - i + 1/2) / sd) - Phi((x - i - 1/2) / sd).
    """
    share = bone.astype(np.float32)
    for axis, (n, divided) in enumerate(zip(bone.shape, parts, strict=True)):
        x = np.arange((n - 1) * divided + 1) / divided
        edges = ndtr((x[:, None] - np.arange(-0.5, n)) / sd)
        weights = (edges[:, :-1] - edges[:, 1:]).astype(np.float32)
        share = np.moveaxis(np.tensordot(weights, share, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(share - 0.5, dtype=np.float32)


def _crossings(level: F32, affine: F64) -> tuple[F64, F64]:
    """Indices (n, 3) where edges between neighbouring voxels cross the surface, and outward unit normals."""
    inside = level > 0
    found, normals = [], []
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        first = [slice(None)] * 3
        second = [slice(None)] * 3
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        at = np.argwhere(inside[tuple(first)] != inside[tuple(second)])
        here, there = level[tuple(at.T)].astype(np.float64), level[tuple((at + step).T)].astype(np.float64)
        share = here / (here - there)
        found.append(at + share[:, None] * step)
        normals.append((1 - share)[:, None] * _slope(level, at) + share[:, None] * _slope(level, at + step))
    normal = -np.concatenate(normals) @ np.linalg.inv(affine[:3, :3])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.concatenate(found), normal / np.maximum(length, 1e-12)


def _slope(level: F32, at: I64) -> F64:
    """(n, 3) rise of the level per index at voxels that are not on the border."""
    slope = np.empty(at.shape)
    for axis, step in enumerate(np.eye(3, dtype=int)):
        slope[:, axis] = level[tuple((at + step).T)] - level[tuple((at - step).T)]
    return slope


def _box(mask: Mask, margin: int) -> tuple[slice, slice, slice]:
    tight = ndimage.find_objects(mask.view(np.uint8))[0]
    i, j, k = (
        slice(max(0, side.start - margin), min(n, side.stop + margin))
        for side, n in zip(tight, mask.shape, strict=True)
    )
    return i, j, k
