"""Boxes of indices: which part of an array is meant, one slice along each of three axes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import Indices, Mask

__all__ = ["Box", "around", "bounding_box", "box_of", "ends", "relative", "shared", "widened"]

Box = tuple[slice, slice, slice]


def box_of(low: npt.ArrayLike, high: npt.ArrayLike) -> Box:
    """From the lowest index along each axis to one past the highest."""
    i, j, k = (slice(int(a), int(b)) for a, b in zip(np.asarray(low), np.asarray(high), strict=True))
    return i, j, k


def ends(box: Box) -> tuple[Indices, Indices]:
    """(3,) lowest indices, and one past the highest."""
    return np.array([side.start for side in box]), np.array([side.stop for side in box])


def bounding_box(mask: Mask) -> tuple[Indices, Indices]:
    """Lowest index and one past the highest, (3,) each, of the True voxels.

    Raises:
        ValueError: the mask is empty.
    """
    low, high = np.zeros(3, dtype=np.intp), np.zeros(3, dtype=np.intp)
    for axis in range(3):
        along = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if len(along) == 0:
            raise ValueError("an empty mask has no bounding box")
        low[axis], high[axis] = along[0], along[-1] + 1
    return low, high


def around(mask: Mask, margin: Indices | int = 0) -> Box:
    """The True voxels with a margin of so many voxels, clipped to the array.

    Raises:
        ValueError: the mask is empty.
    """
    return widened(box_of(*bounding_box(mask)), margin, mask.shape)


def widened(box: Box, margin: Indices | int, shape: tuple[int, ...]) -> Box:
    """A box with a margin of so many voxels, clipped to an array of that shape."""
    low, high = ends(box)
    return box_of(np.maximum(low - margin, 0), np.minimum(high + margin, shape))


def shared(one: Box, other: Box) -> Box | None:
    """What two boxes have in common; None where that is nothing."""
    low, high = np.maximum(ends(one)[0], ends(other)[0]), np.minimum(ends(one)[1], ends(other)[1])
    return box_of(low, high) if (high > low).all() else None


def relative(box: Box, outer: Box) -> Box:
    """The same voxels, counted from the corner of a box that holds them."""
    i, j, k = (slice(b.start - o.start, b.stop - o.start) for b, o in zip(box, outer, strict=True))
    return i, j, k
