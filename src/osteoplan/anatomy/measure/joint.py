"""The joint surface of hip or shoulder as points on the sphere that was fitted to its head or socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, Bool
from osteoplan.kernels.vectors import directions
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = ["Joint", "JointPoints", "joint_points", "sphere_of"]

_POINTS = 4000  # on the whole sphere: 1.5 mm apart on a femoral head


@dataclass(frozen=True, eq=False)
class Joint:
    """Centre (LPS) and radius [mm]."""

    centre_mm: F64
    radius_mm: float

    def beyond_mm(self, positions_mm: F64) -> F64:
        """(n,) distance of positions (n, 3) beyond the sphere, negative inside."""
        away: F64 = np.linalg.norm(positions_mm - self.centre_mm, axis=1) - self.radius_mm
        return away


@dataclass(frozen=True, eq=False)
class JointPoints:
    """Points of a joint's surface, and what they are in words."""

    positions_mm: F64
    because: str


def sphere_of(frame: BoneFrame) -> Joint | None:
    """The sphere of a head (``head_centre``, ``head_radius``) or socket (``centre``, ``radius``)."""
    for centre, radius in (("head_centre", "head_radius"), ("centre", "radius")):
        if centre in frame.landmarks_mm and radius in frame.lengths_mm:
            return Joint(np.asarray(frame.landmarks_mm[centre], dtype=np.float64), frame.lengths_mm[radius])
    return None


def joint_points(anatomy: Anatomy, frames: Mapping[str, BoneFrame]) -> JointPoints | None:
    """The articular part of the sphere; None where no frame has one."""
    for kind, words in (
        ("acetabulum", "the acetabulum, taken as a sphere"),
        ("proximal_femur", "the hip joint's surface, the femoral head taken as a sphere"),
        ("proximal_humerus", "the shoulder joint's surface, the humeral head taken as a sphere"),
    ):
        if kind not in frames:
            continue
        sphere = sphere_of(frames[kind])
        if sphere is None:
            continue
        points = sphere.centre_mm + sphere.radius_mm * directions(_POINTS)
        kept = _socket(anatomy, sphere, points) if kind == "acetabulum" else _head(anatomy, sphere, points)
        if kept.any():
            return JointPoints(points[kept], f"{words} of radius {sphere.radius_mm:.0f} mm")
    return None


def _head(anatomy: Anatomy, sphere: Joint, points: F64) -> Bool:
    """Points of a head that do not face its neck: the neck lies where the bone goes on beyond the sphere."""
    outward = points - sphere.centre_mm
    bone = _in_bone(anatomy, sphere.centre_mm + 1.4 * outward)
    if not bone.any():
        return np.ones(len(points), dtype=bool)
    neck = outward[bone].mean(axis=0)
    neck /= np.linalg.norm(neck)
    facing = outward @ neck / sphere.radius_mm
    kept: Bool = facing < np.cos(np.radians(number("measure.articular_away_deg")))
    return kept


def _socket(anatomy: Anatomy, sphere: Joint, points: F64) -> Bool:
    """Points of a sphere with the socket's bone just outside."""
    outward = (points - sphere.centre_mm) / sphere.radius_mm
    found = np.zeros(len(points), dtype=bool)
    reach = number("measure.subchondral_gap_mm")
    for step in np.arange(0.0, reach + 1.01, 1.0):
        found |= _in_bone(anatomy, points + step * outward)
    return found


def _in_bone(anatomy: Anatomy, positions_mm: F64) -> Bool:
    at = anatomy.image.indices(positions_mm).T
    inside: Bool = ndimage.map_coordinates(anatomy.bone_mask.view(np.uint8), at, order=0, mode="constant") > 0
    return inside
