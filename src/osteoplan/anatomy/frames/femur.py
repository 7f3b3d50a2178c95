"""Frames of the femur: its proximal end, and its shaft.  Everything here sees a left femur.

Proximal end: origin in the centre of the head; superior along the shaft; left along the neck as seen down
the shaft, or along the backs of the condyles where they are on the scan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from osteoplan.anatomy.frames.fit import Sphere, farthest, find_sphere
from osteoplan.anatomy.frames.shaft import Shaft, shaft_between, shaft_frame, tube_below
from osteoplan.anatomy.frames.surface import BoneSurface
from osteoplan.arrays import F64
from osteoplan.kernels.vectors import axes_along, unit
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame

__all__ = ["Bump", "end_and_shaft", "femur_frames", "head_of", "lesser_trochanter", "neck_of", "upper_shaft"]

NECK_FROM, NECK_TO = 0.75, 1.9  # times the head's radius: where the narrowest section is looked for
NECK_TURNS = 8
UP = np.array([0.0, 0.0, 1.0])
LEFT = np.array([1.0, 0.0, 0.0])
LAYER_MM = 2.0


@dataclass(frozen=True, eq=False)
class Neck:
    """The narrowest section beside the head: centre (3,) LPS, direction from the head outward, area."""

    centre_mm: F64
    direction: F64
    area_mm2: float


@dataclass(frozen=True, eq=False)
class Bump:
    """A local prominence of a long bone: tip (3,) LPS, height above what surrounds it, angle [rad]."""

    tip_mm: F64
    prominence_mm: float
    angle: float


def femur_frames(bone: BoneSurface) -> dict[str, BoneFrame]:
    """``proximal_femur`` and ``femoral_shaft``, as far as the mask shows them.

    Landmarks of ``proximal_femur``: ``head_centre``, ``neck_centre`` (narrowest section),
    ``greater_trochanter`` (its tip), ``greater_trochanter_lateral``, ``lesser_trochanter``,
    ``shaft_axis_top``, ``shaft_axis_bottom``, ``condyle_medial``, ``condyle_lateral`` (their backs).
    Lengths: ``head_radius``, ``neck_diameter`` (of the circle of the narrowest section's area),
    ``neck_offset``
    (head centre to shaft axis), ``shaft_seen``; angles under ``neck_shaft_angle_deg``, ``anteversion_deg``.
    What the scan does not show is left out.
    """
    kinds, below = ("proximal_femur", "femoral_shaft"), number("frames.femur_shaft_below")
    return end_and_shaft(bone, head_of(bone), _proximal, kinds, below)


def end_and_shaft(
    bone: BoneSurface,
    head: Sphere | None,
    end: Callable[[BoneSurface, Sphere], BoneFrame],
    kinds: tuple[str, str],
    below: float,
) -> dict[str, BoneFrame]:
    """Frames of a long bone's upper end and of its shaft, by kind, as far as they are seen.

    Args:
        end: the frame of the upper end; it tells the shaft its left.
        below: radii of the head above its centre (negative: below) from which on bone is shaft.
    """
    frames: dict[str, BoneFrame] = {}
    if head is not None:
        frames[kinds[0]] = end(bone, head)
    shaft = tube_below(bone, head, below)
    if shaft is not None:
        left = LEFT if head is None else frames[kinds[0]].left
        frames[kinds[1]] = shaft_frame(shaft, kinds[1], left)
    return frames


def head_of(bone: BoneSurface, *, region_mm: float | None = None) -> Sphere | None:
    """The sphere through the head, in the upper end of the bone; None where too little of one is there."""
    region = number("frames.head_region_mm") if region_mm is None else region_mm
    upper = bone.surface_mm[:, 2] > bone.surface_mm[:, 2].max() - region
    head = find_sphere(
        bone.surface_mm[upper],
        bone.normals[upper],
        hollow=False,
        radii_mm=(number("frames.head_radius_least_mm"), number("frames.head_radius_most_mm")),
    )
    if head is None or head.share < number("frames.head_share"):
        return None
    return head if head.roundness >= number("frames.sphere_roundness") else None


def upper_shaft(bone: BoneSurface, head: Sphere, below: float, stump: float) -> tuple[Shaft | None, float]:
    """The shaft near the head, and how much of true shaft it rests on [mm]; 0 for a stump."""
    top, radius = below * head.radius_mm, head.radius_mm
    shaft = shaft_between(bone, head.centre_mm, top, top - number("frames.axis_span_mm"))
    if shaft is not None:
        return shaft, shaft.length_mm
    return shaft_between(bone, head.centre_mm, stump * radius, top - number("frames.axis_span_mm")), 0.0


def neck_of(bone: BoneSurface, head: Sphere) -> Neck | None:
    """The narrowest section beside the head, at right angles to the way to its own centre."""
    away = np.linalg.norm(bone.inside_mm - head.centre_mm, axis=1) / head.radius_mm
    beside = bone.inside_mm[(away > 1.3) & (away < 2.8)]
    if len(beside) == 0:
        return None
    direction = unit(beside.mean(axis=0) - head.centre_mm)
    neck = None
    for _ in range(NECK_TURNS):
        neck = _narrowest(bone, head, direction)
        if neck is None:
            return None
        direction = unit(neck.centre_mm - head.centre_mm)
    return neck


def lesser_trochanter(
    bone: BoneSurface, head: Sphere, frame: BoneFrame, angles: F64 | None = None
) -> Bump | None:
    """The bump below the neck, among directions from medial (0) to posterior (pi/2) of the shaft's axis.

    For each direction the outline of the bone is read down the shaft; the highest local prominence wins.
    """
    on = frame.local(bone.surface_mm)
    axis = frame.local(frame.landmarks_mm["shaft_axis_top"])
    on, height = on - [axis[0], axis[1], 0.0], on[:, 2] / head.radius_mm
    band = (height < -1.5) & (height > -4.2)
    if band.sum() < 50:
        return None
    best = None
    for angle in np.radians(np.arange(0, 91, 10)) if angles is None else angles:
        way = np.array([-np.cos(angle), np.sin(angle), 0.0])
        facing = band & (on @ way > 0.8 * np.linalg.norm(on[:, :2], axis=1))
        bump = _highest_bump(on[facing], way)
        if bump is not None and (best is None or bump[1] > best.prominence_mm):
            best = Bump(frame.world(bump[0] + [axis[0], axis[1], 0.0]), bump[1], float(angle))
    return best if best is not None and best.prominence_mm >= number("frames.lesser_prominence_mm") else None


def _highest_bump(on: F64, way: F64) -> tuple[F64, float] | None:
    from scipy.signal import find_peaks  # imported late: 0.7 s

    if len(on) < 30:
        return None
    layer = np.round(on[:, 2] / LAYER_MM).astype(int)
    layers = np.arange(layer.min(), layer.max() + 1)
    reach = np.array([(on[layer == k] @ way).max(initial=0.0) for k in layers])
    peaks, found = find_peaks(
        np.convolve(np.pad(reach, 1, "edge"), [0.25, 0.5, 0.25], "valid"), prominence=0.1
    )
    if len(peaks) == 0:
        return None
    best = int(found["prominences"].argmax())
    near = np.abs(on[:, 2] - LAYER_MM * layers[peaks[best]]) < 3 * LAYER_MM
    return farthest(on[near], way), float(found["prominences"][best])


def _proximal(bone: BoneSurface, head: Sphere) -> BoneFrame:
    whole, stump = number("frames.femur_shaft_below"), number("frames.femur_stump_below")
    shaft, seen = upper_shaft(bone, head, whole, stump)

    neck = neck_of(bone, head)
    up = UP if shaft is None else shaft.axis.direction
    outward = LEFT if neck is None else neck.direction
    points = {"head_centre": head.centre_mm}
    lengths = {"head_radius": head.radius_mm, "shaft_seen": seen, "head_residual": head.residual_mm}
    if neck is not None:
        points["neck_centre"] = neck.centre_mm
        lengths["neck_diameter"] = 2.0 * float(np.sqrt(neck.area_mm2 / np.pi))
    if shaft is not None:
        points["shaft_axis_top"], points["shaft_axis_bottom"] = shaft.ends_mm
        lengths["neck_offset"] = float(np.linalg.norm(shaft.axis.at(head.centre_mm) - head.centre_mm))
        if neck is not None:
            lengths["neck_shaft_angle_deg"] = float(
                np.degrees(np.arccos(np.clip(neck.direction @ up, -1, 1)))
            )
    frame = BoneFrame(head.centre_mm, axes_along(up, outward), "proximal_femur", points, lengths)
    points |= _trochanters(bone, head, frame)
    backs = _condyles(bone, frame)
    return frame if backs is None or neck is None else _on_condyles(frame, neck, backs)


def _trochanters(bone: BoneSurface, head: Sphere, frame: BoneFrame) -> dict[str, F64]:
    found: dict[str, F64] = {}
    local = frame.local(bone.surface_mm)
    lateral = local[:, 0] > number("frames.lateral_part") * head.radius_mm
    upper = lateral & (local[:, 2] > -2.5 * head.radius_mm)
    if upper.sum() > 30:
        tip = farthest(bone.surface_mm[upper], frame.superior)
        side = farthest(bone.surface_mm[upper], frame.left)
        if not bone.cut_at(tip, 2 * bone.voxel_mm):
            found["greater_trochanter"] = tip
        if not bone.cut_at(side, 2 * bone.voxel_mm):
            found["greater_trochanter_lateral"] = side
    lesser = None if "shaft_axis_top" not in frame.landmarks_mm else lesser_trochanter(bone, head, frame)
    if lesser is not None:
        found["lesser_trochanter"] = lesser.tip_mm
    return found


def _narrowest(bone: BoneSurface, head: Sphere, direction: F64) -> Neck | None:
    ways = np.arange(NECK_FROM, NECK_TO, 1.0 / head.radius_mm) * head.radius_mm
    cuts = [bone.section(head.centre_mm + t * direction, direction, 1.6 * head.radius_mm) for t in ways]
    areas = np.array([np.inf if c is None or c.touches_border else c.area_mm2 for c in cuts])
    at = int(areas.argmin())
    # the least must lie between two sections that are whole: beside the scan's edge it is no neck
    if at in (0, len(ways) - 1) or not np.isfinite(areas[at - 1 : at + 2]).all():
        return None
    # a neck that is tube for a while has no one narrowest section: the middle of all that are nearly as
    # narrow
    slim = areas <= number("frames.neck_slim") * areas[at]
    low, high = at, at
    while low > 0 and slim[low - 1]:
        low -= 1
    while high < len(ways) - 1 and slim[high + 1]:
        high += 1
    near = [c.centroid_mm for c in cuts[low : high + 1] if c is not None]
    return Neck(np.mean(near, axis=0), direction, float(areas[at]))


def _condyles(bone: BoneSurface, frame: BoneFrame) -> tuple[F64, F64] | None:
    """Backs of the medial and the lateral condyle; None where the scan does not reach them."""
    local = frame.local(bone.surface_mm)
    end = float(local[:, 2].min())
    if end > -number("frames.condyle_length_mm") or bone.cut_at(
        bone.surface_mm[int(local[:, 2].argmin())], 3 * bone.voxel_mm
    ):
        return None
    low = bone.surface_mm[local[:, 2] < end + number("frames.condyle_part_mm")]
    middle = low.mean(axis=0)
    left, back = frame.left, frame.posterior
    for _ in range(4):
        side = (low - middle) @ left
        medial, lateral = farthest(low[side < -5.0], back), farthest(low[side > 5.0], back)
        left, back, _ = axes_along(frame.superior, lateral - medial)
    return medial, lateral


def _on_condyles(frame: BoneFrame, neck: Neck, backs: tuple[F64, F64]) -> BoneFrame:
    """The frame turned to the condyles, with the neck's anteversion (positive to anterior)."""
    medial, lateral = backs
    axes = axes_along(frame.superior, lateral - medial)
    head_way = -neck.direction
    version = float(np.degrees(np.arctan2(-(head_way @ axes[1]), -(head_way @ axes[0]))))
    points = {**frame.landmarks_mm, "condyle_medial": medial, "condyle_lateral": lateral}
    lengths = {**frame.lengths_mm, "anteversion_deg": version}
    return BoneFrame(frame.origin_mm, axes, frame.kind, points, lengths)
