"""How far a straight device really is from labelled voxels: every brick that could be nearest, one by one.

A distance read between voxel centres (trilinear) is too long near edges and corners of bricks: by more than
half a millimetre where voxels are 0.7 x 0.7 x 2.5 mm.  That is nothing for a choice among ten thousand paths,
and too much for a margin of 2 mm, so what is chosen is measured again here.  The distance from a point of the
axis to a box is a convex function of the way along the axis; its least value is closed in on by golden
sections, for all boxes at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64, Mask
from osteoplan.model.volume import Volume

__all__ = ["distance_along"]

GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
ROUNDS = 40  # of sections: 0.618^40 of the length is below a thousandth of a micrometre


def distance_along(
    mask: Mask, grid: Volume, start_mm: npt.ArrayLike, end_mm: npt.ArrayLike, *, within_mm: float
) -> tuple[float, float]:
    """Distance [mm] from a straight axis to the nearest brick of a mask, and the way to there from the start.

    Args:
        mask: on the grid.
        grid: where the voxels are.
        start_mm, end_mm: (3,) ends of the axis, LPS.
        within_mm: what is farther away is not looked for.

    Returns:
        ``(distance, at)``; the distance is 0 where the axis runs through a brick, and ``(inf, 0)`` where no
        brick lies within reach.
    """
    edges = grid.spacing_mm
    a, b = (grid.indices(np.asarray(end, dtype=np.float64)) for end in (start_mm, end_mm))
    pad = within_mm / edges + 1.0
    low = np.clip(np.floor(np.minimum(a, b) - pad), 0, grid.shape).astype(int)
    high = np.clip(np.ceil(np.maximum(a, b) + pad) + 1, low, grid.shape).astype(int)
    box = tuple(slice(i, j) for i, j in zip(low, high, strict=True))
    start, way = a * edges, (b - a) * edges
    centres = (np.argwhere(mask[box]) + low) * edges
    length = float(np.linalg.norm(way))
    near = centres[_to_axis(centres, start, way) <= within_mm + 0.5 * float(np.linalg.norm(edges))]
    if not len(near):
        return float("inf"), 0.0
    least, share = _least(near - start, way, 0.5 * edges)
    nearest = int(least.argmin())
    found = float(least[nearest])
    return (found, float(share[nearest]) * length) if found <= within_mm else (float("inf"), 0.0)


def _to_axis(points: F64, start: F64, way: F64) -> F64:
    """(n,) distance from points to a segment."""
    offset = points - start
    share = np.clip(offset @ way / max(float(way @ way), 1e-12), 0.0, 1.0)
    distance: F64 = np.linalg.norm(offset - share[:, None] * way, axis=1)
    return distance


def _least(centres: F64, way: F64, half: F64) -> tuple[F64, F64]:
    """(n,) least distance from boxes at ``centres`` (from the start) to the axis, and where, as a share."""

    def gap(share: F64) -> F64:
        off = np.maximum(np.abs(share[:, None] * way - centres) - half, 0.0)
        size: F64 = np.linalg.norm(off, axis=1)
        return size

    low, high = np.zeros(len(centres)), np.ones(len(centres))
    for _ in range(ROUNDS):
        one, two = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        left = gap(one) <= gap(two)
        low, high = np.where(left, low, one), np.where(left, two, high)
    ends = np.stack([gap(share) for share in (np.zeros_like(low), 0.5 * (low + high), np.ones_like(low))])
    which, shares = ends.argmin(axis=0), np.stack([np.zeros_like(low), 0.5 * (low + high), np.ones_like(low)])
    rows = np.arange(len(low))
    return ends[which, rows], shares[which, rows]
