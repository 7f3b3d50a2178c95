"""A lesion of one half of the pelvis: its region, and the roof of the acetabulum.

The Harrington class and protrusio are never measured: they stay unknown until a person states them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from osteoplan.anatomy.measure.joint import Joint, sphere_of
from osteoplan.anatomy.measure.result import Result, measured, soft_tissue, unmeasured
from osteoplan.arrays import F64
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = ["measure_pelvis"]

FACE_MM = 4.0  # beyond the smallest gap to the sacrum: still its face
LEAST_ROOF = 0.25  # of the roof must be left beside the lesion
NEAR_MM = 12.0  # a sacrum further off is cut or not labelled


def measure_pelvis(anatomy: Anatomy, frames: Mapping[str, BoneFrame]) -> Result:
    """Region, and the share of the dome's subchondral bone that is lost."""
    frame = frames.get("acetabulum")
    sphere = None if frame is None else sphere_of(frame)
    if frame is None or sphere is None:
        return unmeasured("region of the pelvis is not measured: the acetabulum was not found; state it")
    inside = anatomy.lesion_mask & anatomy.bone_mask
    if not inside.any():
        return unmeasured("region of the pelvis is not measured: no part of the lesion lies in the bone")
    points = anatomy.image.positions_mm(np.argwhere(inside))
    return _region(anatomy, points, sphere) + _dome(anatomy, frame, sphere)


def _region(anatomy: Anatomy, points: F64, sphere: Joint) -> Result:
    least, reach = number("measure.region_min_pct"), number("measure.acetabulum_reach_mm")
    beyond = sphere.beyond_mm(points)
    share = 100.0 * float((beyond <= reach).mean())
    near = f"{share:.0f} % of the lesion is within {reach:.0f} mm of the acetabulum's sphere"
    if share >= least:
        return Result((measured("region", "acetabulum", "1", near),))
    joint = _sacroiliac(anatomy)
    if joint is None:
        return unmeasured(
            f"region of the pelvis is not measured: {near}; the sacroiliac joint was not found; state it"
        )
    width = number("measure.load_path_radius_mm")
    on_path = 100.0 * float((_off_line(points, joint, sphere.centre_mm) <= width).mean())
    words = (
        f"{near}, {on_path:.0f} % within {width:.0f} mm of the line from the sacroiliac joint to its centre, "
        "which is taken as the path of load"
    )
    region = "pelvic_ring" if on_path >= least else "pelvis_nonload"
    return Result((measured("region", region, "1", words),))


def _sacroiliac(anatomy: Anatomy) -> F64 | None:
    """Middle of the bone's face to the sacrum: at the joint where it is known, else nearest to it."""
    image, bone = anatomy.image, np.argwhere(anatomy.bone_mask)
    for name, reach in (("sacroiliac", 2.0), ("sacrum", FACE_MM)):
        masks = [s.mask for s in anatomy.structures if name in s.name and s.mask.any()]
        if not masks:
            continue
        away, _ = cKDTree(np.argwhere(np.any(masks, axis=0)) * image.spacing_mm).query(
            bone * image.spacing_mm
        )
        if away.min() <= NEAR_MM:
            face: F64 = image.positions_mm(bone[away <= away.min() + reach]).mean(axis=0)
            return face
    return None


def _off_line(points: F64, start: F64, end: F64) -> F64:
    """(n,) distance of points from the straight piece between two others."""
    along = end - start
    share = np.clip((points - start) @ along / (along @ along), 0.0, 1.0)
    away: F64 = np.linalg.norm(points - start - share[:, None] * along, axis=1)
    return away


def _dome(anatomy: Anatomy, frame: BoneFrame, sphere: Joint) -> Result:
    """Share of the roof's subchondral bone that is lost."""
    indices = np.argwhere(anatomy.bone_mask)
    positions = anatomy.image.positions_mm(indices)
    beyond = sphere.beyond_mm(positions)
    gap, thick = number("measure.subchondral_gap_mm"), number("measure.subchondral_mm")
    up = (positions - sphere.centre_mm) @ frame.superior
    angle = number("measure.dome_half_angle_deg")
    roof = up >= np.cos(np.radians(angle)) * (beyond + sphere.radius_mm)
    chosen = roof & (beyond >= -gap) & (beyond <= thick)
    at = tuple(indices[chosen].T)
    lesion = anatomy.lesion_mask[at]
    rest = ~lesion
    if not chosen.any() or rest.mean() < LEAST_ROOF:
        return unmeasured(
            "the dome's loss is not measured: too little of the roof is left to compare it with"
        )
    height = anatomy.image.array[at].astype(np.float64) - soft_tissue(anatomy.image)
    # The rest of the roof is what stood here: bone filled in from beside the joint is never as dense.
    sound = float(height[rest].mean())
    lost = 100.0 * float((1.0 - height[lesion] / sound).sum()) / len(lesion) if sound > 0 else 0.0
    because = (
        f"share of the bone within {thick:.0f} mm of the joint's sphere and {angle:.0f} degrees of up, "
        "against the rest of it"
    )
    return Result((measured("dome_lost_pct", float(np.clip(lost, 0.0, 100.0)), "%", because),))
