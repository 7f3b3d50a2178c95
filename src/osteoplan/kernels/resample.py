"""Values of one grid at the voxel centres of another.

A grid is a shape and a 4x4 affine, index -> position; oblique and left-handed ones are ordinary.  With A the
affine of the source and B that of the target, target index b lies at source index A^-1 B b.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F32, F64, Array

__all__ = ["gather_linear", "gather_nearest"]


def gather_linear(
    array: Array, affine: F64, onto_affine: F64, onto_shape: tuple[int, int, int], *, outside: float
) -> F32:
    """Trilinear values on the target grid; ``outside`` where the source does not reach.

    Args:
        array: (ni, nj, nk) of the source.
        affine, onto_affine: (4, 4) of source and target.
        onto_shape: voxels of the target.
        outside: value beyond the source's outermost voxel centres.
    """
    return _gather(array.astype(np.float32, copy=False), affine, onto_affine, onto_shape, 1, outside)


def gather_nearest(
    array: Array, affine: F64, onto_affine: F64, onto_shape: tuple[int, int, int], *, outside: float = 0
) -> Array:
    """The nearest voxel's value on the target grid, in the source's own type; for labels and masks."""
    if array.dtype == bool:
        return _gather(array.view(np.uint8), affine, onto_affine, onto_shape, 0, outside).astype(bool)
    return _gather(array, affine, onto_affine, onto_shape, 0, outside)


def _gather(
    array: Array, affine: F64, onto_affine: F64, onto_shape: tuple[int, int, int], order: int, outside: float
) -> Array:
    # Rounding to a nanovoxel: 1e-16 beyond the outermost voxel would count as outside the source.
    relative = np.round(np.linalg.solve(affine, onto_affine), 9)
    gathered: Array = ndimage.affine_transform(
        array, relative[:3, :3], relative[:3, 3], output_shape=onto_shape, order=order, mode="constant",
        cval=outside, prefilter=False,
    )  # fmt: skip
    return gathered
