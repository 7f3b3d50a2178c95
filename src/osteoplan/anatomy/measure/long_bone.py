"""A lesion of femur or humerus: region, destroyed length and circumference of the cortex, size as a fraction.

Axial and circumferential involvement have their names from van der Linden 2004 (more than 30 mm, more than
half), who read radiographs; here the CT is read: see docs/measurements.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from osteoplan.anatomy.measure.outline import LesionSections, Outline, sections
from osteoplan.anatomy.measure.region import region_of_long_bone
from osteoplan.anatomy.measure.result import Result, measured, unmeasured
from osteoplan.arrays import F64
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.findings import Finding

__all__ = ["measure_long_bone"]

SHAFTS = ("femoral_shaft", "humeral_shaft", "proximal_femur", "proximal_humerus")
TURNS = 36  # directions of view, 5 degrees apart
THIRDS = ((100.0 / 3.0, "under_third"), (200.0 / 3.0, "third_to_two_thirds"), (np.inf, "over_two_thirds"))
_SHORTEST_MM = 30.0  # an outline shorter than this is no section of a shaft


def measure_long_bone(anatomy: Anatomy, frames: Mapping[str, BoneFrame]) -> Result:
    """Region, ``axial_mm``, ``circ_pct`` and the size as a fraction, by both definitions."""
    region = region_of_long_bone(anatomy, frames)
    frame = _shaft(frames)
    if frame is None:
        return region + unmeasured(
            f"cortex of {anatomy.bone} is not measured: the axis of its shaft was not found"
        )
    if not (anatomy.lesion_mask & anatomy.bone_mask).any():
        return region + unmeasured("cortex is not measured: no part of the lesion lies in the bone")
    cut = sections(anatomy, frame)
    outlines = tuple(o for o in cut.outlines if o.lengths_mm.sum() >= _SHORTEST_MM)
    if not any(np.isfinite(o.cortex_mm).any() for o in outlines):
        return region + unmeasured("cortex is not measured: none is seen in the sections through the lesion")
    basis = f"in sections across the shaft's axis, against the intact bone ({anatomy.intact_basis})"
    return region + Result((_axial(outlines, basis), _around(outlines, basis), *_size(cut, outlines)))


def _shaft(frames: Mapping[str, BoneFrame]) -> BoneFrame | None:
    """The first frame whose superior axis is a shaft's; the end of a bone without shaft has none."""
    for kind in SHAFTS:
        if kind in frames and (kind.endswith("_shaft") or "shaft_axis_top" in frames[kind].landmarks_mm):
            return frames[kind]
    return None


def _destroyed(outline: Outline) -> F64:
    """(n,) lengths of the pieces whose cortex is destroyed."""
    return outline.lengths_mm * (outline.lost >= number("measure.cortex_destroyed_loss_pct") / 100.0)


def _axial(outlines: tuple[Outline, ...], basis: str) -> Finding:
    """Longest run of sections in which cortex is destroyed."""
    step, least = number("measure.section_step_mm"), number("measure.destroyed_arc_min_mm")
    heights = sorted({o.height_mm for o in outlines if _destroyed(o).sum() >= least})
    longest, start, last = 0.0, None, None
    for height in heights:
        if last is None or height - last > number("measure.axial_gap_max_mm") + step + 1e-6:
            start = height
        last = height
        assert start is not None
        longest = max(longest, last - start + step)
    because = f"longest stretch along the shaft over which cortex is destroyed ({_half()}), {basis}"
    return measured("axial_mm", longest, "mm", because)


def _around(outlines: tuple[Outline, ...], basis: str) -> Finding:
    """Largest share of an outline whose cortex is destroyed."""
    share = max(100.0 * float(_destroyed(o).sum() / o.lengths_mm.sum()) for o in outlines)
    because = f"largest share of the outline whose cortex is destroyed ({_half()}), {basis}"
    return measured("circ_pct", share, "%", because)


def _half() -> str:
    return f"{number('measure.cortex_destroyed_loss_pct'):.0f} % or more of it lost"


def _size(cut: LesionSections, outlines: tuple[Outline, ...]) -> tuple[Finding, ...]:
    """Lesion's width over the bone's, as the size; the lost share of cortical thickness beside it."""
    across = _diameter_share(cut)
    thick = max(_window(outline) for outline in outlines)
    third, other = _third(across), _third(thick)
    window = number("measure.thickness_window_mm")
    agree = "which gives the same third" if third == other else f"which would say {other.replace('_', ' ')}"
    both = (
        f"{across:.0f} % of the bone's diameter; the other definition, cortical thickness, "
        f"reads {thick:.0f} %, {agree}"
    )
    return (
        measured("bone_diameter_pct", across, "%",
                 "the lesion's width over the bone's, in the section and direction where it is largest"),
        measured("cortex_thickness_lost_pct", thick, "%",
                 f"largest loss of cortical thickness, mean of {window:.0f} mm of outline"),
        measured("size_fraction", third, "1", both),
        measured("size_definition", "bone_diameter", "1",
                 f"sources disagree on what the size is a fraction of; measured here: {both}"),
    )  # fmt: skip


def _third(share: float) -> str:
    return next(name for limit, name in THIRDS if share < limit)


def _diameter_share(cut: LesionSections) -> float:
    """Largest ratio of widths, lesion to bone, over all sections and directions [%]."""
    turn = np.pi * np.arange(TURNS) / TURNS
    around = np.stack([np.cos(turn), np.sin(turn)])
    best = 0.0
    for k in range(cut.lesion.shape[2]):
        lesion = np.argwhere(cut.lesion[:, :, k])
        if len(lesion) == 0:
            continue
        bone = np.argwhere((cut.grid.depth[:, :, k] < 0) | cut.lesion[:, :, k])
        ratio = (np.ptp(lesion @ around, axis=0) + 1.0) / (np.ptp(bone @ around, axis=0) + 1.0)
        best = max(best, 100.0 * float(ratio.max()))
    return min(best, 100.0)


def _window(outline: Outline) -> float:
    """Largest loss of thickness, averaged along the closed outline [%]."""
    n = max(round(number("measure.thickness_window_mm") / outline.lengths_mm[0]), 1)
    wrapped = np.concatenate([outline.lost, outline.lost[: n - 1]])
    return 100.0 * float(np.convolve(wrapped, np.full(n, 1.0 / n), mode="valid").max())
