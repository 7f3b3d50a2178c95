"""The axis of a tubular bone, through the centroids of its cross sections.

Sections are taken at right angles to the axis, which is found from the sections: the loop starts from slices
of the patient and settles in three or four turns, so a flexed limb is no special case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.anatomy.frames.fit import FittedLine, Sphere, fit_line
from osteoplan.anatomy.frames.surface import BoneSurface
from osteoplan.arrays import F64
from osteoplan.kernels.vectors import axes_along
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame

__all__ = ["Shaft", "radius_profile", "shaft_between", "shaft_frame", "tube_below", "tubular"]

TURNS = 4


@dataclass(frozen=True, eq=False)
class Shaft:
    """A stretch of a tubular bone.

    Attributes:
        axis: the line through the sections' centroids, pointing up.
        along_mm: (n,) positions of the sections on the axis, from ``axis.point_mm`` up.
        radius_mm: (n,) radius of the circle with the section's area (outer surface).
        centres_mm: (n, 3) LPS centroids.
    """

    axis: FittedLine
    along_mm: F64
    radius_mm: F64
    centres_mm: F64

    @property
    def length_mm(self) -> float:
        """Between the lowest and the highest section [mm]."""
        return float(np.ptp(self.along_mm)) if len(self.along_mm) else 0.0

    @property
    def ends_mm(self) -> tuple[F64, F64]:
        """(3,) LPS: highest and lowest point of the axis that is seen."""
        low, high = float(self.along_mm.min()), float(self.along_mm.max())
        return self.axis.point_mm + high * self.axis.direction, self.axis.point_mm + low * self.axis.direction


def shaft_between(bone: BoneSurface, origin_mm: F64, top_mm: float, bottom_mm: float) -> Shaft | None:
    """The axis from sections that lie between two heights above a point [mm], measured along the axis.

    None where fewer than ``shaft_least_mm`` of bone lie between them.
    """
    line = _first(bone, origin_mm, top_mm, bottom_mm)
    shaft = None
    for _ in range(TURNS):
        if line is None:
            return None
        shaft = _sections(bone, line, origin_mm, top_mm, bottom_mm)
        if shaft is None or shaft.length_mm < number("frames.shaft_least_mm"):
            return None
        line = shaft.axis
    return shaft


def tubular(shaft: Shaft) -> Shaft | None:
    """The longest run of sections that is tube: no wider than ``flare_ratio`` times the median."""
    wide = shaft.radius_mm > number("frames.flare_ratio") * np.median(shaft.radius_mm)
    runs = np.split(np.arange(len(wide)), np.flatnonzero(np.diff(wide.astype(int))) + 1)
    tube = max((run for run in runs if not wide[run[0]]), key=len, default=None)
    if tube is None or np.ptp(shaft.along_mm[tube]) < number("frames.tube_least_mm"):
        return None
    axis = fit_line(shaft.centres_mm[tube])
    along = (shaft.centres_mm[tube] - axis.point_mm) @ axis.direction
    return Shaft(axis, along, shaft.radius_mm[tube], shaft.centres_mm[tube])


def tube_below(bone: BoneSurface, head: Sphere | None, radii: float) -> Shaft | None:
    """The tube down from so many radii above a head's centre (negative: below); of all bone without one."""
    if head is None:
        whole = shaft_between(bone, bone.inside_mm.mean(axis=0), np.inf, -np.inf)
    else:
        whole = shaft_between(bone, head.centre_mm, radii * head.radius_mm, -np.inf)
    return None if whole is None else tubular(whole)


def shaft_frame(shaft: Shaft, kind: str, left: F64) -> BoneFrame:
    """Frame of a tube: origin in its middle, superior along its axis.

    Landmarks ``axis_top``, ``axis_bottom`` (ends of what is seen) and ``narrowest``.  Lengths ``seen``,
    ``outer_diameter_mean``, ``outer_diameter_least``, ``outer_diameter_most``, ``axis_residual``.

    Args:
        left: what to turn the frame's left to, at right angles to the axis.
    """
    up = shaft.axis.direction
    low, high = float(shaft.along_mm.min()), float(shaft.along_mm.max())
    top, bottom = shaft.ends_mm
    thin = shaft.axis.point_mm + float(shaft.along_mm[int(shaft.radius_mm.argmin())]) * up
    points = {"axis_top": top, "axis_bottom": bottom, "narrowest": thin}
    lengths = {
        "seen": high - low,
        "outer_diameter_mean": 2.0 * float(shaft.radius_mm.mean()),
        "outer_diameter_least": 2.0 * float(shaft.radius_mm.min()),
        "outer_diameter_most": 2.0 * float(shaft.radius_mm.max()),
        "axis_residual": shaft.axis.residual_mm,
    }
    middle = shaft.axis.point_mm + 0.5 * (low + high) * up
    return BoneFrame(middle, axes_along(up, left), kind, points, lengths)


def radius_profile(bone: BoneSurface, frame: BoneFrame) -> tuple[F64, F64]:
    """(n,) heights above a shaft frame's origin [mm] and (n,) outer radii there [mm]."""
    low, high = (frame.local(frame.landmarks_mm[end])[2] for end in ("axis_bottom", "axis_top"))
    heights = np.arange(low, high + 1e-6, number("frames.section_step_mm"))
    radii = [_radius(bone, frame.world([0.0, 0.0, h]), frame.superior) for h in heights]
    return heights, np.array(radii)


def _radius(bone: BoneSurface, point_mm: F64, normal: F64) -> float:
    section = bone.section(point_mm, normal, number("frames.section_reach_mm"))
    return float("nan") if section is None else float(np.sqrt(section.area_mm2 / np.pi))


def _first(bone: BoneSurface, origin_mm: F64, top_mm: float, bottom_mm: float) -> FittedLine | None:
    """A line through the centroids of the patient's own slices."""
    points = bone.inside_mm
    height = points[:, 2] - origin_mm[2]
    layer = np.floor((points[:, 2] + 1e-6) / number("frames.section_step_mm")).astype(int)
    used = (height <= top_mm) & (height >= bottom_mm)
    centres = [points[used & (layer == k)].mean(axis=0) for k in np.unique(layer[used])]
    return fit_line(np.array(centres)) if len(centres) > 2 else None


def _sections(bone: BoneSurface, line: FittedLine, origin_mm: F64, top: float, bottom: float) -> Shaft | None:
    zero = line.at(origin_mm)
    extent = (bone.inside_mm - zero) @ line.direction
    low, high = max(bottom, float(extent.min())), min(top, float(extent.max()))
    step = number("frames.section_step_mm")
    # half a step off the ends: a section in the cut itself is not a section of bone
    heights = np.arange(low + 0.5 * step, high, step)
    kept, radii, centres = [], [], []
    for h in heights:
        section = bone.section(zero + h * line.direction, line.direction, number("frames.section_reach_mm"))
        if section is None or section.touches_border:
            continue
        kept.append(h)
        radii.append(np.sqrt(section.area_mm2 / np.pi))
        centres.append(section.centroid_mm)
    if len(kept) < 3:
        return None
    axis = fit_line(np.array(centres))
    along = (np.array(centres) - axis.point_mm) @ axis.direction
    return Shaft(axis, along, np.array(radii), np.array(centres))
