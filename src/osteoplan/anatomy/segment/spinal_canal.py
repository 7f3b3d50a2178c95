"""The spinal canal as a path: the tube of soft tissue that bone stands around.

For every voxel, sixteen rays within the axial slice tell which share of directions meets bone at a canal's
distance.  The path of lowest cost from the lowest to the highest slice, moving at most one voxel sideways per
slice, follows the canal through the gaps between the arches: marrow and lesions are closed by endplates.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.segment.bone_voxels import sampled
from osteoplan.arrays import F32, F64, Mask
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["canal_path"]

STEP_MM = 2.0
RAYS = 16
SIDEWAYS = 0.15  # cost of one voxel sideways, against 1 for a voxel without any wall
_MOVES = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
_BEFORE_SEED_MM, _BEHIND_SEED_MM, _BESIDE_SEED_MM = 70.0, 90.0, 54.0


def canal_path(ct: Volume, seed_mm: F64) -> F64:
    """(n, 3) LPS points [mm] along the canal, upwards, one per 2 mm of height, where the scan reaches."""
    reach = number("segment.spine_window_mm")
    levels = _levels_in_scan(ct, seed_mm, reach)
    across = np.arange(-_BESIDE_SEED_MM, _BESIDE_SEED_MM + 1, STEP_MM)
    depth = np.arange(-_BEHIND_SEED_MM, _BEFORE_SEED_MM + 1, STEP_MM)
    grid = np.stack(np.meshgrid(across, depth, levels, indexing="ij"), axis=-1) + seed_mm
    values = ndimage.gaussian_filter(sampled(ct, grid), 0.5)
    bone = values > number("segment.canal_wall_HU")
    cost = np.where(bone | (values < -100.0), 1.5, 1.0 - _walled(bone)).astype(np.float32)
    cost = (cost + ndimage.uniform_filter(cost, (3, 3, 5))) / 2
    return np.asarray([grid[i, j, k] for i, j, k in _cheapest(cost)])


def _levels_in_scan(ct: Volume, seed_mm: F64, reach: float) -> F64:
    """Heights over the seed at which the scan holds the seed's own column."""
    heights = np.arange(-reach, reach + 1, STEP_MM)
    column = ct.indices(seed_mm + heights[:, None] * np.array([0.0, 0.0, 1.0]))
    inside = ((column >= -0.5) & (column <= np.array(ct.shape) - 0.5)).all(axis=1)
    return heights[inside]


def _walled(bone: Mask) -> F32:
    """Share of directions within the slice that meet bone at a canal's distance."""
    near, far = number("segment.canal_wall_near_mm"), number("segment.canal_wall_far_mm")
    share = np.zeros(bone.shape, dtype=np.float32)
    for angle in np.arange(RAYS) * 2 * np.pi / RAYS:
        met = np.zeros_like(bone)
        for radius in np.arange(near, far + 0.1, STEP_MM) / STEP_MM:
            _or_shifted(met, bone, round(np.cos(angle) * radius), round(np.sin(angle) * radius))
        share += met
    share /= np.float32(RAYS)
    return share


def _or_shifted(into: Mask, of: Mask, di: int, dj: int) -> None:
    ni, nj = of.shape[:2]
    into[max(-di, 0) : ni - max(di, 0), max(-dj, 0) : nj - max(dj, 0)] |= of[
        max(di, 0) : ni - max(-di, 0), max(dj, 0) : nj - max(-dj, 0)
    ]


def _cheapest(cost: F32) -> list[tuple[int, int, int]]:
    """Indices of the path of least cost through all slices of the last axis."""
    ni, nj, nk = cost.shape
    total = cost[..., 0].copy()
    came = np.zeros(cost.shape, dtype=np.int8)
    for k in range(1, nk):
        best = np.full((ni, nj), np.inf, dtype=np.float32)
        for m, (a, b) in enumerate(_MOVES):
            moved = np.full((ni, nj), np.inf, dtype=np.float32)
            moved[max(a, 0) : ni + min(a, 0), max(b, 0) : nj + min(b, 0)] = total[
                max(-a, 0) : ni + min(-a, 0), max(-b, 0) : nj + min(-b, 0)
            ]
            moved += SIDEWAYS * float(np.hypot(a, b))
            better = moved < best
            best[better], came[..., k][better] = moved[better], m
        total = best + cost[..., k]
    i, j = (int(n) for n in np.unravel_index(np.argmin(total), (ni, nj)))
    path = [(i, j, nk - 1)]
    for k in range(nk - 1, 0, -1):
        a, b = _MOVES[came[i, j, k]]
        i, j = i - a, j - b
        path.append((i, j, k - 1))
    return path[::-1]
