"""Frames of half a pelvis: the bone, and its acetabulum.  Everything here sees a left hip bone.

The frame is the anterior pelvic plane: the plane through both anterior superior iliac spines and the middle
of both pubic tubercles.  Without the other side, this side's landmarks are mirrored at the patient's own
sagittal plane, so that the frame turns about the left axis only, and says so (``both_sides`` is 0).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.frames.fit import Sphere, farthest, find_sphere, fit_sphere
from osteoplan.anatomy.frames.surface import BoneSurface
from osteoplan.arrays import F64
from osteoplan.errors import BadInput
from osteoplan.kernels.vectors import across, square, unit
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame

__all__ = ["cup_of", "hemipelvis_frames", "pelvic_landmarks"]

TURNS = 5
UP, LEFT, BACK = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
PIXEL_MM = 1.0
AZIMUTHS = 72


def hemipelvis_frames(
    bone: BoneSurface, *, other: BoneSurface | None = None, head: Sphere | None = None
) -> dict[str, BoneFrame]:
    """``hemipelvis`` and ``acetabulum``, as far as the mask shows them.

    Args:
        other: the other hip bone, mirrored to a left one; makes the pelvic plane a true one.
        head: the femoral head in this joint, where the femur is labelled; narrows the search for the cup.

    Raises:
        BadInput: no acetabulum is found, which every other landmark is found from.
    """
    cup = cup_of(bone, head)
    if cup is None:
        raise BadInput(
            "no acetabulum is found in the hip bone's mask (cut off, destroyed, or filled?): "
            "show the whole joint, or repair the label"
        )
    axes = np.stack([LEFT, BACK, UP])
    opposite = None if other is None else cup_of(other, None)
    points: dict[str, F64] = {}
    for _ in range(TURNS):
        points = pelvic_landmarks(bone, cup, axes)
        mirrored = axes * [[-1], [1], [1]] * [-1, 1, 1]
        facing = {} if other is None or opposite is None else pelvic_landmarks(other, opposite, mirrored)
        turned = _pelvic_axes(points, facing)
        if turned is None:
            break
        axes = turned
    both = float(bool(facing) and {"asis", "pubic_tubercle"} <= facing.keys() & points.keys())
    whole = {"both_sides": both, "plane_found": float({"asis", "pubic_tubercle"} <= points.keys())}
    lengths = {**whole, **_spans(points)}
    origin = points.get("asis", cup.centre_mm)
    return {
        "hemipelvis": BoneFrame(origin, axes, "hemipelvis", points, lengths),
        "acetabulum": _acetabulum(bone, cup, axes, whole),
    }


def cup_of(bone: BoneSurface, head: Sphere | None) -> Sphere | None:
    """The sphere through the lunate surface; None where too little of a cup is there."""
    radii = (number("frames.head_radius_least_mm"), number("frames.head_radius_most_mm"))
    if head is None:
        cup = find_sphere(bone.surface_mm, bone.normals, hollow=True, radii_mm=radii)
    else:
        start = head.radius_mm + number("frames.joint_space_mm")
        cup = fit_sphere(bone.surface_mm, bone.normals, head.centre_mm, start, hollow=True)
    if cup is None or cup.share < number("frames.cup_share"):
        return None
    return cup if cup.roundness >= number("frames.sphere_roundness") else None


def pelvic_landmarks(bone: BoneSurface, cup: Sphere, axes: F64) -> dict[str, F64]:
    """Landmarks of a left hip bone as seen along given axes; what the scan's edge cuts is left out.

    ``asis`` and ``pubic_tubercle``: farthest to anterior, of the wing and of the pubis; ``psis``: farthest to
    posterior of the wing; ``iliac_crest``: highest; ``symphysis``: middle of the pubis' medial face;
    ``ischial_tuberosity``: lowest; ``greater_sciatic_notch``: its deepest point.
    """
    frame = BoneFrame(cup.centre_mm, axes)
    points, local = bone.surface_mm, frame.local(bone.surface_mm)
    radius = cup.radius_mm
    wing = local[:, 2] > 1.5 * radius
    pubis = (local[:, 2] < 0.5 * radius) & (local[:, 0] < -radius) & (local[:, 1] < 0.3 * radius)
    seat = (local[:, 2] < -radius) & (local[:, 1] > -0.5 * radius)
    wanted = {
        "asis": (wing, -frame.posterior),
        "psis": (wing, frame.posterior),
        "iliac_crest": (wing, frame.superior),
        "pubic_tubercle": (pubis, -frame.posterior),
        "ischial_tuberosity": (seat, -frame.superior),
    }
    found = {
        name: farthest(points[part], way, within_mm=number("frames.landmark_cap_mm"))
        for name, (part, way) in wanted.items()
        if part.sum() > 30
    }
    if pubis.sum() > 30:
        # a flat face has no tip: the mean of all of it
        face = pubis & (local[:, 0] < local[pubis, 0].min() + number("frames.face_mm"))
        found["symphysis"] = points[face].mean(axis=0)
    near = number("frames.cut_near_voxels") * bone.voxel_mm
    found = {k: p for k, p in found.items() if not bone.cut_at(p, near)}

    notch = _notch(bone, frame, found, radius)
    return found | notch


def _pelvic_axes(own: Mapping[str, F64], facing: Mapping[str, F64]) -> F64 | None:
    """Rows left, posterior, superior of the pelvic plane; None where this side's points are missing.

    ``facing`` holds the other side's landmarks, mirrored at x = 0.
    """
    if not {"asis", "pubic_tubercle"} <= own.keys():
        return None
    if {"asis", "pubic_tubercle"} <= facing.keys():
        flip = np.array([-1.0, 1.0, 1.0])
        asis, tubercle = facing["asis"] * flip, facing["pubic_tubercle"] * flip
        left = unit(own["asis"] - asis)
        rise = 0.5 * (own["asis"] + asis) - 0.5 * (own["pubic_tubercle"] + tubercle)
    else:
        left, rise = LEFT, own["asis"] - own["pubic_tubercle"]
    up = square(rise, left)
    return np.stack([left, np.cross(up, left), up])


def _spans(points: Mapping[str, F64]) -> dict[str, float]:
    pairs = {
        "asis_to_psis": ("asis", "psis"),
        "asis_to_tubercle": ("asis", "pubic_tubercle"),
        "crest_to_tuberosity": ("iliac_crest", "ischial_tuberosity"),
    }
    return {
        name: float(np.linalg.norm(points[a] - points[b]))
        for name, (a, b) in pairs.items()
        if a in points and b in points
    }


def _notch(bone: BoneSurface, frame: BoneFrame, found: Mapping[str, F64], radius: float) -> dict[str, F64]:
    """The deepest point of the posterior border, below the PSIS, from the hull of the sagittal outline."""
    if "psis" not in found:
        return {}
    local = frame.local(bone.inside_mm)
    high = float(frame.local(found["psis"])[2])
    low = max(float(local[:, 2].min()), -2.0 * radius)
    part = local[(local[:, 2] <= high) & (local[:, 2] >= low)]
    start = part[:, 1:].min(axis=0)
    at = np.round((part[:, 1:] - start) / PIXEL_MM).astype(int)
    outline = np.zeros(at.max(axis=0) + 1, dtype=bool)
    outline[tuple(at.T)] = True
    outline = ndimage.binary_closing(np.pad(outline, 3), iterations=2)[3:-3, 3:-3]
    edge = np.array([np.flatnonzero(column).max(initial=-1) for column in outline.T])
    rows = np.arange(len(edge))
    # the chord from the PSIS to the most posterior bone below the joint's centre (spine or body of ischium)
    lower = rows[start[1] + rows * PIXEL_MM < 0.0]
    if len(lower) < 5:
        return {}
    foot = int(lower[edge[lower].argmax()])
    chord = unit(np.array([edge[-1] - edge[foot], len(edge) - 1 - foot], dtype=float))
    inward = np.array([-chord[1], chord[0]])
    between = rows[(rows > foot)]
    # seen from behind a hook of the PIIS can hide the notch's roof: every background pixel counts, not the
    # edge
    empty = np.argwhere(~outline[:, between])
    empty[:, 1] += foot + 1
    names, _ = ndimage.label(~outline)
    open_back = names[-1, between[len(between) // 3]] if len(between) else 0
    empty = empty[(names[tuple(empty.T)] == open_back) & (open_back > 0)]
    if len(empty) == 0:
        return {}
    depth = (empty - np.array([edge[foot], foot])) @ inward
    if depth.max() * PIXEL_MM < number("frames.notch_depth_mm"):
        return {}
    tip = start + PIXEL_MM * empty[depth > depth.max() - 1.5].mean(axis=0)
    on = frame.local(bone.surface_mm)
    near = np.linalg.norm(on[:, 1:] - tip, axis=1)
    near_points = bone.surface_mm[near < near.min() + 2.0]
    return {"greater_sciatic_notch": near_points.mean(axis=0)}


def _acetabulum(bone: BoneSurface, cup: Sphere, axes: F64, whole: Mapping[str, float]) -> BoneFrame:
    """Origin in the cup's centre, axes of the pelvis.

    Landmarks ``centre``, ``dome`` (the cup's highest point), ``opening`` (centre + radius along the opening
    axis).  Angles as a radiograph shows them (Murray 1993): inclination between the opening axis in the
    coronal plane and the longitudinal axis, anteversion between the axis and the coronal plane.
    """
    opening, rim = _opening(bone, cup, unit((cup.centre_mm - bone.surface_mm[cup.used]).mean(axis=0)))
    lateral, back, up = axes @ opening
    points = {
        "centre": cup.centre_mm,
        "dome": cup.centre_mm + cup.radius_mm * axes[2],
        "opening": cup.centre_mm + cup.radius_mm * opening,
    }
    lengths = {
        "radius": cup.radius_mm,
        "fit_residual": cup.residual_mm,
        "share_seen": cup.share,
        "rim_residual": rim,
        "inclination_deg": float(np.degrees(np.arctan2(lateral, -up))),
        "anteversion_deg": float(np.degrees(np.arcsin(np.clip(-back, -1.0, 1.0)))),
        **whole,
    }
    return BoneFrame(cup.centre_mm, axes, "acetabulum", points, lengths)


def _opening(bone: BoneSurface, cup: Sphere, axis: F64) -> tuple[F64, float]:
    """Normal of the plane through the rim, and the rim's median distance from it [mm].

    Around the axis, in each of 72 half planes, the rim is where the bone beside the sphere ends.  The notch
    below has no rim and stands out of the plane: distances count absolutely, not squared.
    """
    rim_mm = np.zeros((0, 3))
    for _ in range(TURNS):
        u, v = across(axis)
        rim_mm = np.array([p for a in range(AZIMUTHS) if (p := _rim(bone, cup, axis, u, v, a)) is not None])
        if len(rim_mm) < AZIMUTHS // 3:
            return axis, float("nan")
        weight = np.ones(len(rim_mm))
        for _ in range(20):
            middle = (weight[:, None] * rim_mm).sum(axis=0) / weight.sum()
            _, _, rows = np.linalg.svd((rim_mm - middle) * np.sqrt(weight)[:, None], full_matrices=False)
            normal = rows[2] if rows[2] @ axis > 0 else -rows[2]
            weight = 1.0 / np.maximum(np.abs((rim_mm - middle) @ normal), 0.5)
        axis = normal
    gap = np.abs((rim_mm - middle) @ axis)
    return axis, float(np.median(gap))


def _rim(bone: BoneSurface, cup: Sphere, axis: F64, u: F64, v: F64, a: int) -> F64 | None:
    turn = 2.0 * np.pi * a / AZIMUTHS
    side = np.cos(turn) * u + np.sin(turn) * v
    polar = np.radians(np.arange(30.0, 150.0, 2.0))  # from the opening axis to the floor
    ways = np.cos(polar)[:, None] * axis + np.sin(polar)[:, None] * side
    out = cup.radius_mm + np.arange(0.5, number("frames.rim_beyond_mm"), 1.0)
    at = cup.centre_mm + out[None, :, None] * ways[:, None, :]
    bony = (bone.depth_at(at) < 0).any(axis=1)
    # from the floor towards the opening, the wall is followed until it stops for good
    solid = np.flatnonzero(bony)
    if len(solid) == 0 or np.degrees(polar[solid[0]]) > 125.0:
        return None
    first = int(solid[0])
    if bone.beyond(at[max(0, first - 1), 0][None])[0]:
        return None
    rim: F64 = cup.centre_mm + cup.radius_mm * ways[first]
    return rim
