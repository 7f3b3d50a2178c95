"""Bone by a threshold that follows the scan: half-way from soft tissue up to the densest bone nearby.

A fixed threshold draws thick cortex too fat (blur spreads it) and loses thin trabecular bone.  Here

    t(x) = clip((s + max over |y - x| <= r of I(y)) / 2, floor, ceiling)

with I the lightly smoothed image, s soft tissue and r a reach of a few millimetres.  The half-way value is
where the edge of a blurred step stands.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F32, F64, Mask
from osteoplan.boxes import ends, widened
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["AIR_HU", "bone_voxels", "closed", "sampled", "within"]

AIR_HU = -1024.0


def sampled(ct: Volume, positions_mm: F64) -> F32:
    """Trilinear values at (..., 3) LPS positions; air where the scan does not reach, padding read as air."""
    indices = ct.indices(positions_mm.reshape(-1, 3)).T
    box = widened(ct.box(positions_mm.reshape(-1, 3)), 1, ct.shape)
    block = ct.array[box]
    if block.size == 0:
        return np.full(positions_mm.shape[:-1], AIR_HU, dtype=np.float32)
    values: F32 = ndimage.map_coordinates(
        np.maximum(block, AIR_HU).astype(np.float32), indices - ends(box)[0][:, None],
        order=1, mode="constant", cval=AIR_HU, prefilter=False,
    )  # fmt: skip
    return values.reshape(positions_mm.shape[:-1])


def bone_voxels(smooth: F32, step_mm: float, floor_HU: float | None = None) -> Mask:
    """Bone of a lightly smoothed image on a grid of equal edges; marrow is not filled here."""
    floor = number("segment.bone_floor_HU") if floor_HU is None else floor_HU
    size = 2 * max(1, round(number("segment.ridge_reach_mm") / step_mm)) + 1
    densest = ndimage.gaussian_filter(ndimage.maximum_filter(smooth, size), 1.0)
    half = (densest + number("segment.soft_tissue_HU")) / 2
    bone: Mask = smooth > np.clip(half, floor, max(floor, number("segment.bone_ceiling_HU")))
    return bone


def closed(mask: Mask, radius: float) -> Mask:
    """Closing by a ball of that many voxels, by distances: far faster than by a structuring element."""
    if not mask.any():
        return mask
    pad = int(np.ceil(radius)) + 1
    wide = np.pad(mask, pad)
    grown = ndimage.distance_transform_edt(~wide) <= radius
    shrunk: Mask = ndimage.distance_transform_edt(grown) > radius
    inner = (slice(pad, -pad),) * mask.ndim
    return shrunk[inner] | mask


def within(mask: Mask, radius: float) -> Mask:
    """Voxels not farther than that many voxels from the mask."""
    if not mask.any():
        return mask
    near: Mask = ndimage.distance_transform_edt(~mask) <= radius
    return near
