"""Frames of the humerus: its proximal end, and its shaft.  Everything here sees a left humerus.

Proximal end: origin in the centre of the head; superior along the shaft, towards the head, also where the
arm is
raised beside the patient's head; left away from the head as seen down the shaft.  The arm turns freely on the
table, so these are the bone's directions, not the patient's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from osteoplan.anatomy.frames.femur import end_and_shaft, head_of, upper_shaft
from osteoplan.anatomy.frames.fit import Sphere, farthest
from osteoplan.anatomy.frames.surface import BoneSurface
from osteoplan.arrays import F64
from osteoplan.kernels.vectors import axes_along, unit
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["humerus_frames"]

UP = np.array([0.0, 0.0, 1.0])
LEFT = np.array([1.0, 0.0, 0.0])
HANGS = 0.5  # cosine between the bone and the patient's axis: an arm raised by less hangs
FAR, BESIDE = 2.0, 1.15  # times the head's radius from its centre: shaft, and whatever is not head
LATERAL = 0.75  # times the head's radius: from there on bone is tuberosity


def humerus_frames(mask: Volume) -> dict[str, BoneFrame]:
    """``proximal_humerus`` and ``humeral_shaft``, as far as the mask shows them.

    Landmarks of ``proximal_humerus``: ``head_centre``, ``head_apex`` (middle of the joint surface),
    ``greater_tuberosity`` (farthest from the head, across the shaft), ``shaft_axis_top``,
    ``shaft_axis_bottom``.  Lengths: ``head_radius``, ``head_offset``, ``shaft_seen``,
    ``neck_shaft_angle_deg``
    (shaft axis against the middle of the joint surface).
    """
    bone = BoneSurface.of(mask)
    turn = _turn(bone, head_of(bone, region_mm=np.inf))
    if turn is not None:
        bone = BoneSurface.of(rotated(mask, turn))
    frames = _upright(bone)
    return frames if turn is None else {kind: _back(frame, turn) for kind, frame in frames.items()}


def _upright(bone: BoneSurface) -> dict[str, BoneFrame]:
    kinds, below = ("proximal_humerus", "humeral_shaft"), number("frames.humerus_shaft_below")
    return end_and_shaft(bone, head_of(bone, region_mm=np.inf), _proximal, kinds, below)


def _proximal(bone: BoneSurface, head: Sphere) -> BoneFrame:
    below = number("frames.humerus_shaft_below")
    shaft, seen = upper_shaft(bone, head, below, below)
    up = UP if shaft is None else shaft.axis.direction
    cap = _cap(bone, head)
    points = {"head_centre": head.centre_mm, "head_apex": head.centre_mm + head.radius_mm * cap}
    lengths = {"head_radius": head.radius_mm, "shaft_seen": seen, "head_residual": head.residual_mm}
    if shaft is not None:
        points["shaft_axis_top"], points["shaft_axis_bottom"] = shaft.ends_mm
        lengths["head_offset"] = float(np.linalg.norm(shaft.axis.at(head.centre_mm) - head.centre_mm))
        lengths["neck_shaft_angle_deg"] = float(np.degrees(np.arccos(np.clip(-cap @ up, -1.0, 1.0))))
    frame = BoneFrame(head.centre_mm, axes_along(up, -cap), "proximal_humerus", points, lengths)
    local = frame.local(bone.surface_mm) / head.radius_mm
    upper = (local[:, 2] > -1.5) & (local[:, 0] > LATERAL)
    if upper.sum() > 30:
        side = farthest(bone.surface_mm[upper], frame.left)
        if not bone.cut_at(side, 2 * bone.voxel_mm):
            points["greater_tuberosity"] = side
    return frame


def _turn(bone: BoneSurface, head: Sphere | None) -> F64 | None:
    """(3, 3) rotation that stands a raised arm's bone upright; None where it hangs, as the frames expect."""
    if head is None:
        return None
    away = np.linalg.norm(bone.inside_mm - head.centre_mm, axis=1)
    far = away > FAR * head.radius_mm
    rest = bone.inside_mm[far if far.any() else away > BESIDE * head.radius_mm]
    if len(rest) == 0:
        return None
    way = unit(head.centre_mm - rest.mean(axis=0))
    if way @ UP > (HANGS if far.any() else 0.0):
        return None
    axis = np.cross(way, UP)
    axis = LEFT if np.linalg.norm(axis) < 1e-6 else unit(axis)
    turn: F64 = Rotation.from_rotvec(np.arccos(np.clip(way @ UP, -1.0, 1.0)) * axis).as_matrix()
    return turn


def rotated(volume: Volume, turn: F64) -> Volume:
    """The same image turned about the patient's origin; only the affine changes."""
    affine = volume.affine.copy()
    affine[:3] = turn @ volume.affine[:3]
    return replace(volume, affine=affine)


def _back(frame: BoneFrame, turn: F64) -> BoneFrame:
    points = {name: point @ turn for name, point in frame.landmarks_mm.items()}
    return replace(frame, origin_mm=frame.origin_mm @ turn, axes=frame.axes @ turn, landmarks_mm=points)


def _cap(bone: BoneSurface, head: Sphere) -> F64:
    """Middle of the joint surface, as a unit vector from the head's centre.

    Of the surface that lies on the sphere; each direction counts once, however many points
    show it.
    """
    on = bone.surface_mm[head.used] - head.centre_mm
    return unit((on / np.linalg.norm(on, axis=1)[:, None]).mean(axis=0))
