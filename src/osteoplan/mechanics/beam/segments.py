"""Stretches of a bone that can be read as a beam: an axis, and what of the bone lies along it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import Bool
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = ["BoneSegment", "segments"]

NOT_BEAMS = frozenset({"hemipelvis", "acetabulum", "sacrum"})


@dataclass(frozen=True, eq=False)
class BoneSegment:
    """Part of a bone with an axis.

    Attributes:
        title: which part, in words; ``origin``: where it counts from.
        frame: superior runs along the axis.
        mask: bone of this part, on the anatomy's grid.
        between_mm: lowest and highest place on the axis.
        within_mm: radius about the axis that holds the part; None: everything.
    """

    anatomy: Anatomy
    title: str
    origin: str
    frame: BoneFrame
    mask: Bool
    between_mm: tuple[float, float] = (-np.inf, np.inf)
    within_mm: float | None = None


def segments(anatomy: Anatomy) -> tuple[BoneSegment, ...]:
    """Every segment of this bone that holds some of the lesion; none where the bone is no beam anywhere."""
    if anatomy.is_vertebra:
        body = anatomy.parts["body"] & anatomy.bone_mask
        return (
            BoneSegment(
                anatomy, "vertebral body", "the middle of the body (upward positive)", anatomy.frame, body
            ),
        )
    found = [_of_frame(anatomy, frame) for frame in (anatomy.frames or {"": anatomy.frame}).values()]
    return tuple(part for part in found if part is not None and _holds(part, anatomy.lesion_mask))


def _of_frame(anatomy: Anatomy, frame: BoneFrame) -> BoneSegment | None:
    bone = anatomy.bone_mask
    if frame.kind in NOT_BEAMS:
        return None
    if frame.kind == "proximal_femur":
        return _neck(anatomy, frame)
    name = frame.kind.replace("_", " ")
    if "axis_top" in frame.landmarks_mm and "axis_bottom" in frame.landmarks_mm:
        ends = sorted(float(frame.local(frame.landmarks_mm[f"axis_{end}"])[2]) for end in ("top", "bottom"))
        return BoneSegment(
            anatomy, name, f"the middle of the {name} (upward positive)", frame, bone, (ends[0], ends[1])
        )
    return BoneSegment(anatomy, name, f"the origin of the {name} (upward positive)", frame, bone)


def _neck(anatomy: Anatomy, frame: BoneFrame) -> BoneSegment | None:
    """From the centre of the head to as far beyond the narrowest section as that lies from the head."""
    marks = frame.landmarks_mm
    if not {"head_centre", "neck_centre"} <= set(marks) or "head_radius" not in frame.lengths_mm:
        return None
    out = marks["neck_centre"] - marks["head_centre"]
    length = float(np.linalg.norm(out))
    up = -out / length  # towards the head
    back = frame.posterior - (frame.posterior @ up) * up
    back /= np.linalg.norm(back)
    axes = np.stack([np.cross(back, up), back, up])
    axis = replace(frame, origin_mm=marks["neck_centre"], axes=axes, kind="femoral_neck")
    reach = number("rigidity.reach_of_neck") * frame.lengths_mm["head_radius"]
    return BoneSegment(
        anatomy, "femoral neck", "its narrowest section (towards the head positive)", axis,
        _near(anatomy, axis, (-length, length), reach), (-length, length), reach,
    )  # fmt: skip


def _near(anatomy: Anatomy, axis: BoneFrame, between: tuple[float, float], reach: float) -> Bool:
    """Bone around a segment of an axis, with a little beyond it."""
    at = np.argwhere(anatomy.bone_mask)
    local = axis.local(anatomy.image.positions_mm(at))
    spare = 2.0 * float(max(anatomy.image.spacing_mm))
    near = (local[:, 2] > between[0] - spare) & (local[:, 2] < between[1] + spare)
    near &= np.hypot(local[:, 0], local[:, 1]) < reach + spare
    mask = np.zeros_like(anatomy.bone_mask)
    mask[tuple(at[near].T)] = True
    return mask


def _holds(part: BoneSegment, lesion: Bool) -> bool:
    """Whether the lesion reaches into the segment."""
    at = np.argwhere(lesion & part.mask)
    if len(at) == 0:
        return False
    local = part.frame.local(part.anatomy.image.positions_mm(at))
    inside = (local[:, 2] >= part.between_mm[0]) & (local[:, 2] <= part.between_mm[1])
    if part.within_mm is not None:
        inside &= np.hypot(local[:, 0], local[:, 1]) <= part.within_mm
    return bool(inside.any())
