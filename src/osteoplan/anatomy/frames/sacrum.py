"""Frame of the sacrum.

Left is at right angles to the plane in which the bone mirrors itself best; superior is the normal of the
first
sacral endplate, in that plane; the origin is the endplate's centre.  Some label schemes keep the first sacral
vertebra apart: it must be part of the mask.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, optimize

from osteoplan.anatomy.frames.fit import farthest
from osteoplan.anatomy.frames.surface import BoneSurface
from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput
from osteoplan.kernels.vectors import square, unit
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame

__all__ = ["mirror_normal", "sacrum_frame"]

UP, LEFT, BACK = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
TURNS = 5
ALIKE = 0.6  # cosine between the endplate's normal and a surface normal on it
EDGE_MM = 60.0  # half width of the plane in which the endplate's extent is read


def sacrum_frame(bone: BoneSurface, left: F64, middle_mm: F64) -> BoneFrame:
    """Frame of the sacrum from its mirror plane (``mirror_normal``).

    Landmarks: ``promontory``, ``s1_endplate_centre``, ``ala_left``, ``ala_right``, ``apex`` (lowest
    point near the midline).  Lengths: ``s1_endplate_width``, ``s1_endplate_depth``, ``ala_width``, ``height``
    (endplate centre to apex), ``sacral_slope_deg`` (endplate against the patient's transverse
    plane as scanned, positive when it faces forward).

    Raises:
        BadInput: no endplate is found at the top of the bone.
    """
    posterior = square(BACK, left)
    up = np.cross(left, posterior)
    promontory, centre, plate = np.zeros(3), np.zeros(3), (0.0, 0.0)
    strip = np.abs((bone.surface_mm - middle_mm) @ left) < number("frames.strip_mm")
    points, normals = bone.surface_mm[strip], bone.normals[strip]
    normal = unit(0.87 * up - 0.5 * posterior)  # 30 degrees: a start, from the middle of what is usual
    for _ in range(TURNS):
        back = np.cross(normal, left)
        promontory = farthest(points, unit(0.5 * normal - back))
        normal = _endplate_normal(points, normals, promontory, normal, left)
    promontory = promontory - ((promontory - middle_mm) @ left) * left
    on_plane = _on_endplate(points, normals, promontory, normal, left)
    axes = np.stack([left, np.cross(normal, left), normal])
    level = float(np.median((points[on_plane] - promontory) @ normal))
    centre, plate = _extent(bone, BoneFrame(promontory + level * normal, axes))
    frame = BoneFrame(centre, axes, "sacrum")
    return _with_landmarks(bone, frame, promontory, middle_mm, plate)


def mirror_normal(bone: BoneSurface) -> tuple[F64, F64]:
    """Unit normal (to the left) and one point of the plane in which the bone mirrors itself best.

    Least squares of depth(x) - depth(mirrored x) over voxels of the bone, from the patient's sagittal
    plane on.
    """
    # one voxel of 27, on a lattice that is its own mirror image
    lattice = np.round(bone.inside_mm / bone.grid.step).astype(int) % 3 == 0
    points = bone.inside_mm[lattice.all(axis=1)]
    middle = 0.5 * (bone.inside_mm.min(axis=0) + bone.inside_mm.max(axis=0))
    clip = number("frames.mirror_clip_mm")
    here = np.clip(bone.depth_at(points), -clip, clip)

    def misfit(plane: F64) -> float:
        normal = unit(LEFT + plane[0] * BACK + plane[1] * UP)
        gap = (points - middle) @ normal - 10.0 * plane[2]
        there = np.clip(bone.depth_at(points - 2.0 * gap[:, None] * normal), -clip, clip)
        return float(((here - there) ** 2).mean())

    # the simplex lies symmetric to the start, so that a mirrored bone is searched in mirrored steps
    start = np.vstack([np.zeros(3), 0.15 * np.eye(3)])
    found = [
        optimize.minimize(
            misfit, way * start[0], method="Nelder-Mead",
            options={"initial_simplex": way * start, "xatol": 1e-4, "fatol": 1e-6},
        ).x
        for way in (1.0, -1.0)
    ]  # fmt: skip
    best = np.mean(found, axis=0)
    normal = unit(LEFT + best[0] * BACK + best[1] * UP)
    return normal, middle + 10.0 * best[2] * normal


def _on_endplate(points: F64, normals: F64, promontory: F64, normal: F64, left: F64) -> Bool:
    offset = points - promontory
    back = offset @ np.cross(normal, left)
    below = offset @ normal
    return (
        (back > 3.0)
        & (back < number("frames.endplate_reach_mm"))
        & (np.abs(below) < 6.0)
        & (normals @ normal > ALIKE)
    )


def _endplate_normal(points: F64, normals: F64, promontory: F64, start: F64, left: F64) -> F64:
    """Normal, in the mirror plane, of the line along the endplate: median of pairwise slopes."""
    normal = start
    for _ in range(TURNS):
        on = _on_endplate(points, normals, promontory, normal, left)
        if on.sum() < number("frames.endplate_least_points"):
            raise BadInput(
                "no endplate is found at the top of the sacrum's mask: is the first sacral vertebra a "
                "label of "
                "its own (vertebrae_S1)? Add it to the mask"
            )
        back = np.cross(normal, left)
        t, h = (points[on] - promontory) @ back, (points[on] - promontory) @ normal
        layer = np.floor(t / 2.0).astype(int)
        profile = np.array([[2.0 * k + 1.0, np.median(h[layer == k])] for k in np.unique(layer)])
        i, j = np.triu_indices(len(profile), k=max(1, len(profile) // 3))
        slope = float(
            np.median((profile[j, 1] - profile[i, 1]) / (profile[j, 0] - profile[i, 0])) if len(i) else 0
        )
        normal = unit(normal - slope * back)
    return normal


def _extent(bone: BoneSurface, plane: BoneFrame) -> tuple[F64, tuple[float, float]]:
    """Centre of the endplate in the midline, and its width and depth [mm].

    Where bone lies just below the plane and none just above it, there the endplate is; the piece around a
    point
    behind the promontory counts.
    """
    ticks = np.arange(-EDGE_MM, EDGE_MM + 0.5)
    a, b = np.meshgrid(ticks, ticks, indexing="ij")
    gap = number("frames.endplate_gap_mm")
    under = bone.depth_at(plane.world(np.stack([a, b, np.full_like(a, -gap)], axis=-1))) < 0
    over = bone.depth_at(plane.world(np.stack([a, b, np.full_like(a, gap)], axis=-1))) < 0
    here = under & ~over
    names, _ = ndimage.label(here)
    zero, ahead = int(EDGE_MM), int(EDGE_MM) + 12
    piece = names == names[zero, ahead]
    if names[zero, ahead] == 0:
        return plane.world([0.0, 0.5 * number("frames.endplate_reach_mm"), 0.0]), (float("nan"), float("nan"))
    column = ticks[piece[zero]]
    middle = 0.5 * (column.min() + column.max())
    row = ticks[piece[:, round(middle + EDGE_MM)]]
    return plane.world([0.0, middle, 0.0]), (float(np.ptp(row)) + 1.0, float(np.ptp(column)) + 1.0)


def _with_landmarks(
    bone: BoneSurface, frame: BoneFrame, promontory: F64, middle_mm: F64, plate: tuple[float, float]
) -> BoneFrame:
    points = bone.surface_mm
    high = (points - frame.origin_mm) @ UP > -number("frames.ala_reach_mm")
    near = np.abs((points - middle_mm) @ frame.left) < 2.0 * number("frames.strip_mm")
    apex = farthest(points[near], -UP)
    found = {
        "promontory": promontory,
        "s1_endplate_centre": frame.origin_mm,
        "ala_left": farthest(points[high], frame.left),
        "ala_right": farthest(points[high], -frame.left),
    }
    lengths = {
        "ala_width": float((found["ala_left"] - found["ala_right"]) @ frame.left),
        "sacral_slope_deg": float(
            np.degrees(np.arctan2(-(frame.superior @ np.cross(UP, frame.left)), frame.superior @ UP))
        ),
    }
    if not bone.cut_at(apex, number("frames.cut_near_voxels") * bone.voxel_mm):
        found["apex"] = apex
        lengths["height"] = float(np.linalg.norm(apex - frame.origin_mm))
    names = ("s1_endplate_width", "s1_endplate_depth")
    lengths |= {n: v for n, v in zip(names, plate, strict=True) if np.isfinite(v)}
    return BoneFrame(frame.origin_mm, frame.axes, "sacrum", found, lengths)
