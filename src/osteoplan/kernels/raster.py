"""How much of each voxel a straight rod fills.

A voxel that the surface may cross is cut into cells of about a fifth of the radius, whatever its own edges
are; a cell at signed distance d from the surface counts as clip(1/2 - d/w, 0, 1), w the cube root of its
volume.  Voxels whose centre is further from the surface than half their diagonal are full or empty uncut.

    a, b   ends of the axis [mm]        r   radius [mm]        s   place along the axis, 0 at a
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64
from osteoplan.boxes import Box, box_of

__all__ = ["cylinder_fraction"]


def cylinder_fraction(
    shape: tuple[int, int, int], affine: F64, *, start_mm: F64, end_mm: F64, radius_mm: float
) -> F64:
    """Share of each voxel inside a cylinder with flat ends.

    Args:
        shape: voxels along (i, j, k).
        affine: (4, 4), index -> position [mm]; oblique, left-handed and brick grids are ordinary.
        start_mm, end_mm: (3,) centres of the two end discs.
        radius_mm: of the cylinder.

    Returns:
        ``shape`` array, 0..1; its sum times the voxel's volume is the cylinder's volume.

    Raises:
        ValueError: the cylinder has no length.
    """
    a, b = np.asarray(start_mm, dtype=np.float64), np.asarray(end_mm, dtype=np.float64)
    if not np.linalg.norm(b - a) > 0:
        raise ValueError("a rod needs two different ends")
    fraction = np.zeros(shape)
    box = _box(shape, affine, a, b, radius_mm)
    indices = np.moveaxis(np.mgrid[box], 0, -1)
    distance = _distance(_positions(affine, indices), a, b, radius_mm)
    edges = affine[:3, :3]
    half_diagonal = 0.5 * max(float(np.linalg.norm(edges @ corner)) for corner in _CORNERS)
    filled = (distance < 0).astype(np.float64)
    cut = np.abs(distance) <= half_diagonal
    cells, width = _cells(edges, radius_mm / 5.0)
    for chosen in np.array_split(np.argwhere(cut), max(1, cut.sum() * len(cells) // 2_000_000)):
        at = tuple(chosen.T)
        d = _distance(_positions(affine, indices[at])[:, None, :] + cells, a, b, radius_mm)
        filled[at] = np.clip(0.5 - d / width, 0.0, 1.0).mean(axis=1)
    fraction[box] = filled
    return fraction


_CORNERS = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -1.0], [1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])


def _cells(edges: F64, target_mm: float) -> tuple[F64, float]:
    """Centres of a voxel's cells, relative to its own, and the cube root of a cell's volume [mm]."""
    counts = np.maximum(1, np.ceil(np.linalg.norm(edges, axis=0) / target_mm)).astype(int)
    offsets = [(np.arange(n) + 0.5) / n - 0.5 for n in counts]
    points = np.stack(np.meshgrid(*offsets, indexing="ij"), axis=-1).reshape(-1, 3)
    return points @ edges.T, float((abs(np.linalg.det(edges)) / counts.prod()) ** (1 / 3))


def _positions(affine: F64, indices: npt.NDArray[np.int_]) -> F64:
    return indices @ affine[:3, :3].T + affine[:3, 3]


def _box(shape: tuple[int, int, int], affine: F64, a: F64, b: F64, r: float) -> Box:
    """Index box around the rod, clipped to the grid."""
    inverse = np.linalg.inv(affine)
    ends = np.stack([a, b]) @ inverse[:3, :3].T + inverse[:3, 3]
    # A ball of radius r reaches r |row of the inverse| along each index axis.
    reach = r * np.linalg.norm(inverse[:3, :3], axis=1) + 1.0
    low = np.clip(np.floor(ends.min(axis=0) - reach).astype(int), 0, shape)
    high = np.clip(np.ceil(ends.max(axis=0) + reach).astype(int) + 1, low, shape)
    return box_of(low, high)


def _distance(points: F64, a: F64, b: F64, r: float) -> F64:
    """Signed distance to the cylinder's surface, negative inside; a lower bound near the rims."""
    length = float(np.linalg.norm(b - a))
    axis = (b - a) / length
    along = (points - a) @ axis
    radial = np.linalg.norm(points - a - along[..., None] * axis, axis=-1) - r
    beyond = np.maximum(-along, along - length)
    flat: F64 = np.maximum(radial, beyond)
    return flat
