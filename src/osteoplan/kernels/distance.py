"""Signed distance to the surface of a mask, voxels taken as solid bricks.

A mask on a CT is a heap of bricks h_0 x h_1 x h_2 mm.  A voxel's centre x is from the nearest brick

    d(x)^2 = min over bricks y of  sum_a max(|x_a - y_a| - h_a/2, 0)^2

It is separable: one pass along each axis, each a lower envelope of parabolas (Felzenszwalb and Huttenlocher
2012), here with two parabolas per brick, standing on its two faces.  Distances between voxel *centres* (the
usual distance transform) are wrong by half a voxel, 1.25 mm between slices 2.5 mm apart: too much for a
clearance of 2 mm.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["distance_to", "signed_distance"]

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FAR = 1e12  # mm2; beyond any body, and finite so that differences stay numbers


def signed_distance(mask: Mask, spacing_mm: npt.ArrayLike) -> F32:
    """Distance [mm] of every voxel centre to the mask's surface: negative inside, positive outside.

    Args:
        mask: (ni, nj, nk).
        spacing_mm: (3,) voxel edges.

    The image's border is not a surface: what lies beyond it is unknown.  An empty mask is infinitely far
    everywhere, a full one infinitely deep.
    """
    outside, inside = distance_to(mask, spacing_mm), distance_to(~mask, spacing_mm)
    return np.where(mask, -inside, outside)


def distance_to(mask: Mask, spacing_mm: npt.ArrayLike) -> F32:
    """Distance [mm] of every voxel centre to the mask's nearest brick; 0 inside, inf if there is none."""
    if not mask.any():
        return np.full(mask.shape, np.inf, dtype=np.float32)
    squared = np.where(mask, 0.0, FAR)
    for axis, h in enumerate(np.asarray(spacing_mm, dtype=np.float64)):
        lines = np.ascontiguousarray(np.moveaxis(squared, axis, -1))
        _along(lines.reshape(-1, lines.shape[-1]), float(h))
        squared = np.moveaxis(lines, -1, axis)
    return np.ascontiguousarray(np.sqrt(squared), dtype=np.float32)


@numba.njit(cache=True, nogil=True)
def _along(lines: F64, h: float) -> None:
    """Replace every row f by x -> min over y of f(y) + max(|x - y| h - h/2, 0)^2."""
    n = lines.shape[1]
    foot = np.empty(2 * n)  # position of a parabola's foot, in voxels
    height = np.empty(2 * n)
    start = np.empty(2 * n + 1)  # where a parabola becomes the lowest
    for row in range(lines.shape[0]):
        f = lines[row]
        last = -1
        for y in range(n):
            if f[y] >= FAR:
                continue
            for face in (-0.5, 0.5):
                q = y + face
                crossing = -np.inf
                while last >= 0:
                    # equal height: f(p) + h^2 (x-p)^2 = f(q) + h^2 (x-q)^2
                    p = foot[last]
                    if q == p:  # a face shared by two bricks: keep the lower
                        crossing = -np.inf if f[y] < height[last] else np.inf
                    else:
                        crossing = ((f[y] - height[last]) / (h * h) + q * q - p * p) / (2.0 * (q - p))
                    if crossing > start[last]:
                        break
                    last -= 1
                    crossing = -np.inf
                if crossing < np.inf:
                    last += 1
                    foot[last], height[last], start[last] = q, f[y], crossing
        if last < 0:
            continue
        start[last + 1] = np.inf
        here = 0
        for x in range(n):
            while start[here + 1] < x:
                here += 1
            f[x] = min(f[x], height[here] + (h * (x - foot[here])) ** 2)
