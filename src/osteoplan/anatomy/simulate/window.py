"""Windows through the cortex, what is spared, the part of a lesion beyond the bone; what was destroyed."""

from __future__ import annotations

from typing import Any

import numpy as np

from osteoplan.anatomy.simulate.recipe import Breach, Toward
from osteoplan.arrays import F64, Mask

__all__ = ["AXES", "axis_point", "destroyed", "window"]

AXES: dict[Toward, tuple[float, float, float]] = {
    "left": (1.0, 0.0, 0.0), "right": (-1.0, 0.0, 0.0), "posterior": (0.0, 1.0, 0.0),
    "anterior": (0.0, -1.0, 0.0), "superior": (0.0, 0.0, 1.0), "inferior": (0.0, 0.0, -1.0),
}  # fmt: skip

_GAP_MM = 3.0  # as wide a gap parts one wall from the next part of the bone


def axis_point(local: F64, bone: Mask, half_mm: float) -> F64:
    """(2,) left and posterior of the bone's own axis at the lesion's height, from the lesion's centre."""
    section = local[bone & (np.abs(local[..., 2]) < max(half_mm, 3.0))]
    middle: F64 = section[:, :2].mean(axis=0)
    return middle


def window(local: F64, bone: Mask, breach: Breach) -> tuple[F64, F64]:
    """Signed gap to the window [mm], negative inside, and q: 0 in its middle, 1 on its rim."""
    n = np.array(AXES[breach.toward])
    if breach.circumference_deg is not None:
        return _sector(local, bone, breach, n)
    assert breach.width_mm is not None
    along = np.array(AXES["posterior" if breach.toward in ("superior", "inferior") else "superior"])
    out, a, w = (
        local @ n,
        local @ along / (breach.axial_mm / 2),
        local @ np.cross(n, along) / (breach.width_mm / 2),
    )
    q = np.hypot(a, w)
    gap = (q - 1.0) * min(breach.axial_mm, breach.width_mm) / 2
    end = _exit(out[bone & (q < 1.0) & (out > 0)])
    beyond = out > end + breach.soft_tissue_mm + _GAP_MM
    return np.maximum(np.maximum(gap, -out), out - end), np.where((out > 0) & ~beyond, q, np.inf)


def _exit(out: F64) -> float:
    """How far a tunnel goes until it has left the bone for the first time: past it lies another part."""
    ordered = np.sort(out)
    breaks = np.flatnonzero(np.diff(ordered) > _GAP_MM)
    if len(ordered) == 0:
        return 0.0
    return float(ordered[breaks[0] if len(breaks) else -1]) + 0.5 * _GAP_MM


def _sector(local: F64, bone: Mask, breach: Breach, n: F64) -> tuple[F64, F64]:
    half_turn, half = np.radians(breach.circumference_deg or 0.0) / 2, breach.axial_mm / 2
    flat = local[..., :2] - axis_point(local, bone, half)
    r = np.linalg.norm(flat, axis=-1)
    turn = np.arctan2(flat[..., 1], flat[..., 0]) - np.arctan2(n[1], n[0])
    turn = np.abs(np.angle(np.exp(1j * turn)))
    height = np.abs(local[..., 2])
    gap = np.maximum(height - half, (turn - half_turn) * r if half_turn < np.pi else -r)
    return gap, np.maximum(height / half, turn / half_turn)


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
