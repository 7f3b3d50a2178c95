"""A leaning stack of slices (gantry tilt) resampled onto a straight grid.

The planes stay where they are: slice k of the straight grid is slice k of the scan, moved within its own
plane.  So nothing is interpolated between slices, and within them between neighbouring pixels only.
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F32, F64, Array

__all__ = ["straightened"]


def straightened(values: Array, affine: F64, outside: float) -> tuple[Array, F64]:
    """Values and affine on a grid at right angles that holds the whole scan.

    Args:
        values: (ni, nj, nk).
        affine: (4, 4) index -> LPS [mm]; the third axis leans, the first two are at right angles.
        outside: written where the grid reaches beyond the scan.

    Returns:
        (mi, mj, nk) values of the same type with mi >= ni and mj >= nj, and their (4, 4) affine.
    """
    from scipy.ndimage import shift

    spacing = np.linalg.norm(affine[:3, :2], axis=0)
    axes = affine[:3, :2] / spacing
    normal = np.cross(axes[:, 0], axes[:, 1])
    step = affine[:3, 2]
    lean = (axes.T @ step) / spacing  # pixels along (i, j) that each slice lies further than the one before
    nk = values.shape[2]
    first = np.floor(np.minimum(lean * (nk - 1), 0))
    last = np.ceil(np.maximum(lean * (nk - 1), 0))
    grown = (np.array(values.shape[:2]) + (last - first).astype(int)).tolist()
    straight: Array = np.full((nk, grown[1], grown[0]), outside, values.dtype).transpose(2, 1, 0)
    room = np.full(grown, outside, np.float32)
    for k in range(nk):
        moved = lean * k - first
        whole = np.floor(moved).astype(int)
        room.fill(outside)
        box = tuple(slice(w, w + n) for w, n in zip(whole, values.shape[:2], strict=True))
        room[box] = values[:, :, k]
        slid = shift(room, moved - whole, order=1, mode="constant", cval=outside, prefilter=False)
        rim = shift(_inside(grown, box), moved - whole, order=1, mode="constant", cval=0.0, prefilter=False)
        slid = np.where(rim > 1 - 1e-6, slid, outside)  # no mixture of scan and padding at the rim
        straight[:, :, k] = np.rint(slid) if np.issubdtype(values.dtype, np.integer) else slid
    square = np.eye(4)
    square[:3, :2] = affine[:3, :2]
    square[:3, 2] = (step @ normal) * normal
    square[:3, 3] = affine[:3, 3] + (axes * spacing) @ first
    return straight, square


def _inside(shape: list[int], box: tuple[slice, ...]) -> F32:
    inside = np.zeros(shape, np.float32)
    inside[box] = 1.0
    return inside
