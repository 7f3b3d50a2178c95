"""Where a simulated lesion goes: in bone coordinates, against a wall, in the depth or at the cortex."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.simulate.window import AXES
from osteoplan.anatomy.vertebra import Vertebra
from osteoplan.arrays import F64, Bool, Point
from osteoplan.errors import LesionError, UnknownName
from osteoplan.kernels.distance import signed_distance
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["Where", "centre_at_wall", "centre_in"]

Where = Literal["centre", "left", "right", "anterior", "posterior", "superior", "inferior"]

_STEP_MM = 0.25
_FAR_MM = 200.0


def centre_at_wall(vertebra: Vertebra, axes_mm: Point, *, wall_mm: float, left_mm: float = 0.0) -> Point:
    """Centre [LPS mm] of an ellipsoid with its back ``wall_mm`` before the posterior wall, at mid height.

    Args:
        vertebra: as read from its mask.
        axes_mm: full axes along left, posterior and superior of the bone.
        wall_mm: gap to the posterior wall; 0 touches it, negative reaches through it.
        left_mm: offset to the patient's left.
    """
    height = 0.5 * sum(vertebra.wall.heights)
    back = float(vertebra.wall.posterior_mm(np.array([left_mm]), np.array([height]))[0])
    x, y, z = vertebra.frame.world((left_mm, back - wall_mm - 0.5 * axes_mm[1], height))
    return float(x), float(y), float(z)


def centre_in(
    bone: Volume,
    frame: BoneFrame,
    where: Where = "centre",
    *,
    height_mm: float | None = None,
    inset_mm: float = 0.0,
) -> Point:
    """Centre [LPS mm] of a lesion in any bone: deep in it, or on its surface towards a side.

    Args:
        bone: its mask, marrow included.
        frame: of the bone; a shaft's own frame for a place along a shaft.
        where: ``centre`` is the deepest place; the others lie where the line from there leaves the bone.
        height_mm: superior coordinate in the frame; default wherever the bone is deepest.
        inset_mm: how far below the surface.

    Raises:
        UnknownName: no such direction.
        LesionError: no bone at this height.
    """
    if where not in get_args(Where):
        raise UnknownName("place in a bone", where, get_args(Where))
    low, high = (np.array(v) for v in zip(*_extent(bone.array), strict=True))
    near = bone.crop(low - 2, high + 2)
    depth = near.with_array(signed_distance(near.array.astype(bool), near.spacing_mm), "mm")
    indices = np.argwhere(near.array)
    local = frame.local(near.positions_mm(indices))
    at = np.ones(len(local), dtype=bool)
    if height_mm is not None:
        thick = float(np.abs(frame.axes[2] @ near.direction) @ near.spacing_mm)
        at = np.abs(local[:, 2] - height_mm) <= max(thick, 1.0)
        if not at.any():
            reach = f"{local[:, 2].min():.0f} to {local[:, 2].max():.0f} mm"
            raise LesionError(
                f"the bone does not reach {height_mm:.0f} mm in its frame: give a height of {reach}"
            )
    deep = depth.array[tuple(indices[at].T)]
    # the middle of all places nearly as deep: a shaft is deepest along a line, not at one voxel
    start = local[at][deep <= deep.min() + 0.25 * float(near.spacing_mm.min())].mean(axis=0)
    if height_mm is not None:
        start[2] = height_mm
    elif _depth_at(depth, frame, start[None])[0] >= 0:
        start = local[at][np.argmin(deep)]
    if where != "centre":
        start = _surface(depth, frame, start, np.array(AXES[where]), inset_mm)
    x, y, z = frame.world(start)
    return float(x), float(y), float(z)


def _surface(depth: Volume, frame: BoneFrame, start: F64, toward: F64, inset_mm: float) -> F64:
    """Where the line from ``start`` first leaves the bone, less the inset."""
    steps = np.arange(0.0, _FAR_MM, _STEP_MM)
    found = _depth_at(depth, frame, start + steps[:, None] * toward)
    out = np.flatnonzero(found >= 0)
    way = steps[out[0]] if len(out) else 0.0
    return start + max(way - inset_mm, 0.0) * toward


def _depth_at(depth: Volume, frame: BoneFrame, local: F64) -> F64:
    at = depth.indices(frame.world(local)).T
    found: F64 = ndimage.map_coordinates(depth.array, at, order=1, mode="nearest", output=np.float64)
    return found


def _extent(mask: Bool) -> list[tuple[int, int]]:
    found = ndimage.find_objects(mask.astype(np.uint8))
    if not found:
        raise LesionError("the bone's mask is empty: give the mask of a bone that is on the scan")
    return [(side.start, side.stop) for side in found[0]]
