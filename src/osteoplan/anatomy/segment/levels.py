"""Where one vertebra ends and the next begins, on a straightened spine.

In front, a disc is bounded by two endplates: along every column through it, half-way between the plates'
brightness and the darkest value between them.  Behind, neighbouring arches overlap like tiles: the boundary
is the smooth surface through the least bone, found as the cheapest height at every (left, behind), steps
between neighbours being paid for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.anatomy.segment.discs import BEHIND_MM, LEFT_MM, Discs
from osteoplan.arrays import F32, F64, Mask
from osteoplan.kernels.surface import cheapest_surface

__all__ = ["Levels", "levels"]

_LEAST_DEPTH_HU = 6.0  # by which a disc is darker than its plates


@dataclass(frozen=True, eq=False)
class Levels:
    """Boundaries on the grid of the straightened spine.

    Attributes:
        zone: (nu, nv, n) number of boundaries at or below the voxel; a whole vertebra has 1 .. discs - 1.
        disc: between two endplates.
    """

    zone: npt.NDArray[np.int16]
    disc: Mask


def levels(smooth: F32, bodies: Mask, discs: Discs, soft_HU: float) -> Levels:
    """Boundaries of every level.

    Args:
        smooth: HU, lightly smoothed.
        bodies: the column of bodies and discs.
        discs: from below upwards.
        soft_HU: below this there is no bone.
    """
    along = np.arange(smooth.shape[2])[None, None]
    zone = np.zeros(smooth.shape, dtype=np.int16)
    disc = np.zeros(smooth.shape, dtype=bool)
    front = bodies.any(axis=2) & (BEHIND_MM[None] < -8.0)
    bone = np.clip((smooth - soft_HU) / 250.0, 0.0, 1.0).astype(np.float32)
    plates = ndimage.gaussian_filter(smooth, (3.0, 3.0, 0.5))
    last: F64 | None = None
    for height, tilt in zip(discs.heights, discs.tilts, strict=True):
        lower, upper = _endplates(plates, float(height), float(tilt), discs)
        disc |= (along > lower[..., None]) & (along < upper[..., None])
        boundary = _boundary(bone, front, 0.5 * (lower + upper), float(height), float(tilt), discs)
        if last is not None:
            boundary = np.maximum(boundary, last + 2.0)
        zone += along >= boundary[..., None]
        last = boundary
    return Levels(zone, disc)


def _endplates(plates: F32, height: float, tilt: float, discs: Discs) -> tuple[F64, F64]:
    """(nu, nv) heights of the lower and upper edge of a disc."""
    reach = max(9.0, 0.33 * discs.pitch)
    offsets = np.arange(-reach, reach + 0.1, 0.5)
    middle = height + (BEHIND_MM[None] - discs.body_mm) * tilt + np.zeros((len(LEFT_MM), 1))
    profile = _columns(plates, middle[..., None] + offsets)
    half = len(offsets) // 2
    below = profile[..., : half + 1].argmax(axis=-1)
    above = half + profile[..., half:].argmax(axis=-1)
    n = np.arange(len(offsets))
    between = np.where((n >= below[..., None]) & (n <= above[..., None]), profile, np.inf)
    valley, depth = between.argmin(axis=-1), between.min(axis=-1)
    peaks = [np.take_along_axis(profile, at[..., None], -1)[..., 0] for at in (below, above)]
    deep = np.minimum(*peaks) - depth > _LEAST_DEPTH_HU
    edges = []
    for peak, side in zip(peaks, (-1, 1), strict=True):
        high = profile >= 0.5 * (peak + depth)[..., None]
        high &= n <= valley[..., None] if side < 0 else n >= valley[..., None]
        first = len(offsets) - 1 - high[..., ::-1].argmax(axis=-1) if side < 0 else high.argmax(axis=-1)
        at = offsets[np.where(deep & high.any(axis=-1), first, valley)]
        at = np.minimum(at, offsets[valley] - 0.7) if side < 0 else np.maximum(at, offsets[valley] + 0.7)
        edges.append(middle + ndimage.gaussian_filter(ndimage.median_filter(at, 9), 1.0))
    return edges[0], edges[1]


def _boundary(bone: F32, front: Mask, disc_middle: F64, height: float, tilt: float, discs: Discs) -> F64:
    """(nu, nv) height of the surface through the least bone: the disc in front, between the arches behind."""
    pitch = discs.pitch
    offsets = np.arange(-int(pitch), int(0.35 * pitch) + 1)
    plane = (
        height + (np.minimum(BEHIND_MM, 0.0) - discs.body_mm) * tilt
    )  # follows the disc as far as the canal
    heights = plane[None, :, None] + offsets + np.zeros((len(LEFT_MM), 1, 1))
    cost = _columns(bone, heights)
    drop = np.where(BEHIND_MM > 4.0, -np.minimum(0.7 * (BEHIND_MM - 4.0), 0.55 * pitch), 0.0)
    cost += 0.0015 * np.abs(offsets[None, None] - drop[None, :, None])
    cost += 2.0 * ((offsets < -0.3 * pitch)[None, None] & (BEHIND_MM < 5.0)[None, :, None])
    off_disc = np.minimum(np.abs(heights - disc_middle[..., None]), 8.0) * 0.5
    cost = np.where(front[..., None], off_disc, cost).astype(np.float32)
    chosen = cheapest_surface(cost)
    surface: F64 = plane[None] + ndimage.median_filter(offsets[chosen], 5)
    return surface


def _columns(values: F32, heights: F64) -> F64:
    """Values of every column (left, behind) at (nu, nv, m) heights along the spine."""
    low = np.clip(np.floor(heights).astype(np.intp), 0, values.shape[2] - 2)
    part = np.clip(heights - low, 0.0, 1.0)
    return np.take_along_axis(values, low, 2) * (1.0 - part) + np.take_along_axis(values, low + 1, 2) * part
