"""How much cortex a lesion destroyed, read from its mask: share, axial length, circumference."""

from __future__ import annotations

from typing import Any

import numpy as np

from osteoplan.anatomy.simulate.window import axis_point
from osteoplan.arrays import F64, Mask

__all__ = ["destroyed"]

_BIN_DEG = 5.0


def destroyed(local: F64, bone: Mask, depth: F64, lesion: Mask, edges_mm: F64) -> dict[str, Any]:
    """What of the bone's outermost voxels the lesion holds.

    Args:
        local: (..., 3) left, posterior, superior from the lesion's centre [mm].
        depth: signed distance to the bone's surface [mm].
        edges_mm: (3,) extent of a voxel along left, posterior, superior.

    Length and circumference are None where no cortex is destroyed; the circumference, about the middle of the
    bone, is the greatest over the lesion's height and means something for a long bone only.
    """
    outer = bone & (depth > -0.75 * edges_mm.max())
    gone = outer & lesion
    truth: dict[str, Any] = {
        "outer_voxels_destroyed": int(gone.sum()),
        "axial_mm": None,
        "circumference_deg": None,
    }
    if not gone.any():
        return truth
    heights = local[gone][:, 2]
    truth["axial_mm"] = float(np.ptp(heights) + edges_mm[2])
    truth["circumference_deg"] = float(_turn(local, outer, lesion, heights, edges_mm[2]))
    return truth


def _turn(local: F64, outer: Mask, lesion: Mask, heights: F64, edge: float) -> float:
    middle = axis_point(local, outer, max(float(np.abs(heights).max()), 3.0))
    points, hit = local[outer], lesion[outer]
    slabs = np.floor(points[:, 2] / max(edge, 2.0)).astype(int)
    angle = np.degrees(np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0])) % 360.0
    bins, best = (angle // _BIN_DEG).astype(int), 0.0
    for slab in np.unique(slabs[hit]):
        here = slabs == slab
        count = np.bincount(bins[here], minlength=72)
        taken = np.bincount(bins[here & hit], minlength=72)
        best = max(best, float((taken[count > 0] / count[count > 0]).sum() * 360.0 / (count > 0).sum()))
    return best
