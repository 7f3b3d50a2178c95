"""Maximum projections: a whole bone, or a whole spine, in one picture, with named points on it.

Each pixel is the largest CT number along the line of sight, through the voxels of a mask alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from osteoplan.arrays import F64, Mask
from osteoplan.kernels.resample import gather_linear
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume
from osteoplan.report.drawing.colours import FRAME, NEEDLE
from osteoplan.report.drawing.pictures import Greys, Legend, Mark, Picture, Stroke
from osteoplan.report.drawing.plane import Cut, Plane, fit
from osteoplan.report.rendering import data_uri
from osteoplan.report.words import name_of

__all__ = ["frame_pictures", "projected"]

MIP_WINDOW = Greys("maximum projection", 1600.0, 500.0)
_AIR = -1024.0
_ARM_MM = 25.0  # length of a drawn axis


def projected(
    ct: Volume,
    mask: Mask,
    cut: Cut,
    what: str,
    *,
    width: float,
    pixel_mm: float,
    points_mm: Mapping[str, F64],
    stamps: Sequence[str] = (),
    margin_mm: float = 10.0,
) -> tuple[Picture, Plane]:
    """The masked scan seen along the normal of a patient-axis cut, and the plane that was drawn on.

    Args:
        ct: image; ``mask`` is on its grid.
        what: begins the title.
        pixel_mm: edge of a pixel; the line of sight is sampled at the same step.
        points_mm: name -> LPS point, marked and named.
    """
    indices = np.argwhere(mask)
    low, high = indices.min(axis=0), indices.max(axis=0) + 1
    near = ct.crop(low, high)
    inside = mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    bone = near.with_array(np.where(inside, near.array, np.asarray(_AIR, near.array.dtype)))
    ends = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in near.shape])).reshape(3, -1).T
    hold = near.positions_mm(ends)
    plane = fit(cut, what, hold.mean(axis=0), hold, margin_mm=margin_mm, pixel_mm=pixel_mm)
    grey = MIP_WINDOW.grey(_highest(bone, plane, hold))
    unit = width / plane.cols
    picture = Picture(
        title=f"{cut}, {what}",
        window=MIP_WINDOW.words,
        image=data_uri(grey),
        width=width,
        height=plane.rows * unit,
        letters=plane.letters(),
        scale_bar=10.0 / plane.pixel_mm * unit,
        stamps=tuple(stamps),
        marks=tuple(Mark(name, _at(plane, point, unit), NEEDLE) for name, point in points_mm.items()),
    )
    return picture, plane


def frame_pictures(
    ct: Volume,
    mask: Mask,
    frames: Sequence[BoneFrame],
    what: str,
    *,
    width: float,
    stamps: Sequence[str] = (),
) -> tuple[Picture, ...]:
    """The bone from the front and from its side with the axes and landmarks of its frames."""
    points = {name_of(name): point for frame in frames for name, point in frame.landmarks_mm.items()}
    pixel_mm = float(np.clip(ct.spacing_mm.min(), 0.7, 1.5))
    pictures = []
    cuts: tuple[Cut, Cut] = ("coronal", "sagittal")
    for cut in cuts:
        picture, plane = projected(
            ct, mask, cut, what, width=width, pixel_mm=pixel_mm, points_mm=points, stamps=stamps
        )
        unit = width / plane.cols
        arms = [_arms(plane, frame, unit) for frame in frames]
        legend = (Legend("axes of the bone: left, posterior, superior", FRAME), Legend("landmark", NEEDLE))
        outlines = tuple(arm for pair in arms for arm in pair)
        pictures.append(replace(picture, outlines=outlines, legend=legend))
    return tuple(pictures)


def _highest(bone: Volume, plane: Plane, hold_mm: F64) -> F64:
    """(rows, cols) largest value along the plane's normal."""
    normal = np.cross(plane.right, plane.down)
    depth = (hold_mm - plane.origin_mm) @ normal
    onto = np.eye(4)
    onto[:3, :3] = np.stack([plane.down, plane.right, normal], axis=1) * plane.pixel_mm
    onto[:3, 3] = plane.origin_mm + depth.min() * normal
    count = int(np.ceil(np.ptp(depth) / plane.pixel_mm)) + 1
    values = gather_linear(bone.array, bone.affine, onto, (plane.rows, plane.cols, count), outside=_AIR)
    highest: F64 = values.max(axis=2).astype(np.float64)
    return highest


def _arms(plane: Plane, frame: BoneFrame, unit: float) -> tuple[Stroke, ...]:
    """Two sides of every axis that does not point at the viewer; positive ends are drawn thicker."""
    arms = []
    for axis in range(3):
        ends = np.stack([frame.origin_mm, frame.origin_mm + _ARM_MM * frame.axes[axis]])
        (x0, y0), (x1, y1) = ((plane.pixel(ends) + 0.5) * unit).tolist()
        if np.hypot(x1 - x0, y1 - y0) > 0.25 * _ARM_MM / plane.pixel_mm * unit:
            arms.append(Stroke(f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}", FRAME, width=1.2))
    return tuple(arms)


def _at(plane: Plane, point_mm: F64, unit: float) -> tuple[float, float]:
    column, row = ((plane.pixel(point_mm) + 0.5) * unit).tolist()
    return round(column, 1), round(row, 1)
