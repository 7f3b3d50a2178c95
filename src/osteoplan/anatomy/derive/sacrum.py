"""Sacral canal and foramina: the openings that a closing of the sacrum's label fills.

Openings near the midline are canal.  Those to the sides are foramina with the tunnels that lead to them;
along the sacrum their volume has a peak at every level, and the valleys between the peaks part the levels.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.derive.canvas import Canvas, Derived, not_derived
from osteoplan.anatomy.derive.joints import SACRUM
from osteoplan.anatomy.pieces import largest_piece
from osteoplan.arrays import F64, Mask
from osteoplan.boxes import Box
from osteoplan.kernels.distance import closed, distance_to
from osteoplan.kernels.vectors import unit
from osteoplan.knowledge.values import number

__all__ = ["sacral_openings"]

LEVELS = ("S1", "S2", "S3")
BODY_HALF_MM = 12.0  # bone this close to the midline is bodies and median crest


def sacral_openings(canvas: Canvas) -> Derived:
    """``sacral_canal`` and ``sacral_foramen_S1_left`` ... ``S3_right``."""
    names = [name for name in SACRUM if canvas.labels.has(name)]
    if "sacrum" not in names:
        return not_derived("sacral canal and foramina are not derived: sacrum not labelled on this scan")
    closing = number("derived.sacral_closing_mm")
    box = canvas.widened(canvas.points_box(names), 2.0 * closing)
    sacrum = canvas.any_of(names, box)
    beside, along = _coordinates(canvas, box, sacrum)
    opening = _openings(canvas, box, sacrum, closing) & (along <= _roof(beside, along, sacrum, canvas))
    middle = number("derived.sacral_canal_half_mm")
    inner = opening & (np.abs(beside) <= middle)
    found = Derived()
    if inner.any():
        because = "opening of the sacrum near its midline, after a closing of its label"
        found += canvas.put("sacral_canal", "canal", box, largest_piece(inner), because)
    else:
        found += not_derived("sacral_canal is not derived: the sacrum's label has no opening in the midline")
    aside = opening & (np.abs(beside) > middle) & (np.abs(beside) <= number("derived.sacral_side_max_mm"))
    aside = _without_crumbs(aside, number("derived.sacral_level_min_mm3") / canvas.ct.voxel_volume_mm3)
    return found + _foramina(canvas, box, aside, beside, along)


def _coordinates(canvas: Canvas, box: Box, sacrum: Mask) -> tuple[F64, F64]:
    """Distance to the left of the midline and height along the sacrum [mm], of every voxel of the box."""
    at = canvas.positions_mm(box)
    bone = at[sacrum]
    # Longest axis across the patient's left-right: from the tail to the promontory.
    flat = (bone - bone.mean(axis=0))[:, 1:]
    _, _, axes = np.linalg.svd(flat[:: max(1, len(flat) // 20000)], full_matrices=False)
    upward = axes[0] if axes[0][1] > 0 else -axes[0]
    up = unit(np.array([0.0, float(upward[0]), float(upward[1])]))
    along: F64 = np.asarray((at - bone.mean(axis=0)) @ up, dtype=np.float64)
    return at[..., 0] - _midline(at, sacrum, along), along


def _midline(at: F64, sacrum: Mask, along: F64) -> F64:
    """Left coordinate of the midline at every voxel: a straight line through the middles of the slabs."""
    heights, lefts = along[sacrum], at[..., 0][sacrum]
    edges = np.linspace(heights.min(), heights.max(), 13)
    slab = np.clip(np.digitize(heights, edges) - 1, 0, 11)
    rows = [(heights[slab == n].mean(), np.mean(np.percentile(lefts[slab == n], [2, 98])), (slab == n).sum())
            for n in range(12) if (slab == n).sum() > 20]  # fmt: skip
    height, middle, weight = np.array(rows).T
    slope, start = np.polyfit(height, middle, 1, w=np.sqrt(weight))
    return float(slope) * along + float(start)


def _openings(canvas: Canvas, box: Box, sacrum: Mask, closing: float) -> Mask:
    spacing = canvas.ct.spacing_mm
    # Room all around: at the scan's edge the closing would stay open and grow over the bone.
    room = [(int(n), int(n)) for n in np.ceil(2.0 * closing / spacing)]
    filled = closed(np.pad(sacrum, room), spacing, closing)
    filled = filled[tuple(slice(low, -high) for low, high in room)]
    axial = int(np.argmax(np.abs(canvas.ct.direction[2])))
    for at in range(filled.shape[axial]):  # the ring of body and laminae holds the canal slice by slice
        here = tuple(at if axis == axial else slice(None) for axis in range(3))
        filled[here] |= ndimage.binary_fill_holes(sacrum[here])
    return filled & ~canvas.bones(box)


def _roof(beside: F64, along: F64, sacrum: Mask, canvas: Canvas) -> float:
    """Height of the sacrum's upper end near the midline: above it are the joints with L5."""
    middle = along[sacrum & (np.abs(beside) <= BODY_HALF_MM)]
    return float(np.percentile(middle, 97))


def _without_crumbs(mask: Mask, least: float) -> Mask:
    """Pieces of at least this many voxels."""
    names, _ = ndimage.label(mask)
    large = np.bincount(names.ravel()) >= least
    large[0] = False
    kept: Mask = large[names]
    return kept


def _foramina(canvas: Canvas, box: Box, aside: Mask, beside: F64, along: F64) -> Derived:
    found = Derived()
    edges = _levels(along[aside], canvas.ct.voxel_volume_mm3)
    margin = number("derived.sacral_nerve_margin_mm")
    bones = canvas.bones(box)
    for level, (low, high) in zip(LEVELS, edges, strict=False):
        for side, sign in (("left", 1.0), ("right", -1.0)):
            here = aside & (along >= low) & (along < high) & (sign * beside > 0)
            name = f"sacral_foramen_{level}_{side}"
            if here.sum() * canvas.ct.voxel_volume_mm3 < number("derived.sacral_level_min_mm3"):
                found += not_derived(f"{name} is not derived: no opening of the sacrum's label is seen there")
                continue
            wide = (distance_to(here, canvas.ct.spacing_mm) <= margin) & ~bones
            because = (
                f"opening of the sacrum beside the midline, number {level[1]} from above; count it again"
            )
            found += canvas.put(name, "nerve", box, wide, because)
    for level in LEVELS[len(edges) :]:
        found += not_derived(f"sacral_foramen_{level} is not derived: no such opening of the sacrum is seen")
    return found


def _levels(heights: F64, voxel_mm3: float) -> list[tuple[float, float]]:
    """Lowest and highest coordinate of each level along the sacrum, from above to below."""
    from scipy.signal import find_peaks  # imported late: 0.7 s

    if not len(heights):
        return []
    step = 2.0
    edges = np.arange(heights.min() - 5 * step, heights.max() + 6 * step, step)
    volume = ndimage.gaussian_filter1d(np.histogram(heights, edges)[0] * voxel_mm3, 2.0)
    gap = number("derived.sacral_level_gap_mm")
    peaks, _ = find_peaks(volume, distance=gap / step, prominence=0.05 * volume.max())
    peaks = peaks[::-1]
    cuts = [edges[-1]]
    for upper, lower in pairwise(peaks):
        cuts.append(edges[lower + int(np.argmin(volume[lower : upper + 1]))])
    cuts.append(edges[0])
    return [(float(low), float(high)) for high, low in pairwise(cuts)] if len(peaks) else []
