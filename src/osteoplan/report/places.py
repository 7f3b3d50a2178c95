"""Where a path lies, as a person beside the table measures it: from the midline, by slice, by angles.

Angles are those of the patient, not of the table: *in plane* is the angle between the path and a straight
line from front to back, seen along the body; *cranio-caudal* is its angle to the axial plane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import Point
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case
from osteoplan.model.volume import Volume
from osteoplan.trajectory.reach import LEAST_DEG, view_angles

__all__ = ["Angles", "Midline", "angles", "midline", "skin_to_bone_mm", "slice_words"]

_STEP_MM = 0.2
_STRAIGHT = np.cos(np.radians(3.0))  # slices tilted by more have no one height


@dataclass(frozen=True)
class Midline:
    """How far a point lies to a side of the midline, along the patient's left-right axis.

    Attributes:
        offset_mm: positive to the patient's left.
        words: which midline.
    """

    offset_mm: float
    words: str

    @property
    def side(self) -> str:
        """``left``, ``right``, or ``midline`` within half a millimetre."""
        return "midline" if abs(self.offset_mm) < 0.5 else "left" if self.offset_mm > 0 else "right"


def midline(
    case: Case, anatomy: Anatomy, at_mm: Point, middle_of_body: Callable[[Point], float | None]
) -> Midline | None:
    """From the mirror plane of a vertebra or sacrum; else from the sacrum's middle; else from the body's.

    None where the scan shows none of them: a scan of one hip has no midline.
    """
    point = np.asarray(at_mm, dtype=np.float64)
    frame = anatomy.frame
    if frame.kind in ("vertebra", "sacrum"):
        offset = float((point - frame.origin_mm) @ frame.left) / float(frame.left[0])
        of = f"{anatomy.level} (line of the spinous processes)" if frame.kind == "vertebra" else "the sacrum"
        return Midline(offset, f"mid-plane of {of}")
    labels = case.label_map
    if labels is not None and labels.has("sacrum"):
        sacrum = labels.near("sacrum", 0.0)
        middle = sacrum.positions_mm(np.argwhere(sacrum.array)).mean(axis=0)
        return Midline(float(point[0] - middle[0]), "middle of the sacrum")
    middle_mm = middle_of_body(at_mm)
    if middle_mm is None:
        return None
    return Midline(float(point[0]) - middle_mm, "middle of the body in this slice")


def slice_words(ct: Volume, at_mm: Point) -> str:
    """Height in the scan's own coordinates, and which image that is; image 1 is nearest to the feet."""
    height = f"z {at_mm[2]:.1f} mm".replace("-", "−")
    axis = int(np.argmax(np.abs(ct.direction[2])))
    along = float(ct.direction[2, axis])
    if abs(along) < _STRAIGHT:
        return height
    index = int(np.rint(ct.indices(at_mm)[axis]))
    count = ct.shape[axis]
    from_feet = index + 1 if along > 0 else count - index
    return f"{height}, image {from_feet} of {count}"


@dataclass(frozen=True)
class Angles:
    """Directions of a path; in degrees.

    Attributes:
        in_plane_deg: off the front-to-back line, seen along the body.
        tip_to: side that the tip leans to, seen from the entry; empty where it leans to none.
        cranio_caudal_deg: off the axial plane.
        points_to: ``head`` or ``feet``; empty where the path lies in the axial plane.
        view: where a C-arm's detector stands to look down the path.
    """

    in_plane_deg: float
    tip_to: str
    cranio_caudal_deg: float
    points_to: str
    view: str


def angles(entry_mm: Point, target_mm: Point) -> Angles:
    """Angles of the path from an entry to a target (``trajectory.reach.view_angles`` in words)."""
    outward = np.subtract(entry_mm, target_mm)
    seen = view_angles(outward)
    around, along = float(seen.lao_rao_deg), float(seen.cra_cau_deg)
    oblique = f"{'LAO' if around > 0 else 'RAO'} {abs(around):.0f}°"
    tilted = f"{'CRA' if along > 0 else 'CAU'} {abs(along):.0f}°"
    sides = [words for words, angle in ((oblique, around), (tilted, along)) if abs(angle) >= LEAST_DEG]
    return Angles(
        in_plane_deg=abs(around),
        tip_to="" if abs(around) < LEAST_DEG else "right" if around > 0 else "left",
        cranio_caudal_deg=abs(along),
        points_to="" if abs(along) < LEAST_DEG else "feet" if along > 0 else "head",
        view=f"{', '.join(sides) or 'straight'}, detector {'behind' if outward[1] > 0 else 'in front'}",
    )


def skin_to_bone_mm(anatomy: Anatomy, entry_mm: Point, target_mm: Point) -> float | None:
    """Length from the entry to the first voxel of the bone on the path; None where it meets none."""
    start, end = np.asarray(entry_mm, dtype=np.float64), np.asarray(target_mm, dtype=np.float64)
    length = float(np.linalg.norm(end - start))
    run = np.arange(0.0, length + _STEP_MM, _STEP_MM)
    points = start + run[:, None] * (end - start) / length
    indices = np.rint(anatomy.image.indices(points)).astype(int)
    inside = ((indices >= 0) & (indices < anatomy.image.shape)).all(axis=1)
    bone = np.zeros(len(run), dtype=bool)
    bone[inside] = anatomy.bone_mask[tuple(indices[inside].T)]
    return float(run[np.argmax(bone)]) if bone.any() else None
