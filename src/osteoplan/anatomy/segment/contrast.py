"""Vessels and heart chambers that hold contrast, on a straightened spine: as bright as bone, but even.

Blood is even over a width that bone is even over only in the marrow of a body, and marrow lies about the
column's axis.  So: brighter than soft tissue, without an edge inside, as wide as a great vessel, and in the
main not about the axis of the bodies.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.segment.bone_voxels import within
from osteoplan.anatomy.segment.discs import BEHIND_MM, LEFT_MM
from osteoplan.arrays import F32, Mask
from osteoplan.knowledge.values import number

__all__ = ["contrast_filled"]

_SMOOTH_MM = 1.5  # over which noise is averaged before an edge is looked for


def contrast_filled(values: F32, soft_HU: float, body_mm: float) -> Mask:
    """(nu, nv, n) what is wide, even and as bright as bone, and no marrow.

    Args:
        values: HU on the grid of the straightened spine, 1 mm.
        soft_HU: below this there is no bone.
        body_mm: where the middle of the bodies lies behind the canal; negative, in front.
    """
    smooth = ndimage.gaussian_filter(values, _SMOOTH_MM)
    edge = np.sqrt(np.sum([np.square(step) for step in np.gradient(smooth)], axis=0))
    even = (smooth > max(soft_HU, number("segment.blood_least_HU"))) & (
        edge < number("segment.blood_edge_HU")
    )
    radius = number("segment.blood_radius_mm")
    core: Mask = ndimage.distance_transform_edt(np.pad(even, 1))[1:-1, 1:-1, 1:-1] > radius
    names, count = ndimage.label(core)
    if count == 0:
        return core
    wide, deep = number("segment.marrow_wide_mm"), number("segment.marrow_deep_mm")
    marrow = np.hypot(LEFT_MM[:, None] / wide, (BEHIND_MM[None] - body_mm) / deep) < 1.0
    size = np.bincount(names.ravel(), minlength=count + 1)
    inside = np.bincount(names[marrow].ravel(), minlength=count + 1)
    blood = 100.0 * inside < number("segment.marrow_share_pct") * size
    blood[0] = False
    found: Mask = within(blood[names], radius) & even
    return found
