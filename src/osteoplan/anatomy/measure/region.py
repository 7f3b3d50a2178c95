"""In which region of a long bone a lesion lies, by its frame's landmarks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from osteoplan.anatomy.measure.joint import sphere_of
from osteoplan.anatomy.measure.result import Result, measured, unmeasured
from osteoplan.arrays import F64
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = ["region_of_long_bone"]

CONDYLES = ("condyle_medial", "condyle_lateral")


def region_of_long_bone(anatomy: Anatomy, frames: Mapping[str, BoneFrame]) -> Result:
    """Proximal end or shaft; of a femur also whether the lesion lies about the trochanters."""
    inside = anatomy.lesion_mask & anatomy.bone_mask
    points = anatomy.image.positions_mm(np.argwhere(inside if inside.any() else anatomy.lesion_mask))
    if anatomy.bone.startswith("femur"):
        return _femur(points, frames)
    return _humerus(points, frames)


def _femur(points: F64, frames: Mapping[str, BoneFrame]) -> Result:
    frame = frames.get("proximal_femur")
    if frame is None:
        return unmeasured("region of the femur is not measured: its upper end was not found; state it")
    lesser = frame.landmarks_mm.get("lesser_trochanter")
    if lesser is None:
        return _above_trochanters(points, frame)
    end = number("measure.prox_femur_below_lesser_mm")
    above = (points - lesser) @ frames.get("femoral_shaft", frame).superior
    middle = float(above.mean())
    if middle >= -end:
        words = (
            f"its centre is {_off(middle)} the lesser trochanter; the proximal femur ends {end:.0f} mm below"
        )
        return Result((measured("region", "prox_femur", "1", words),)) + _trochanters(points, frame)
    lower = [frame.landmarks_mm[name] for name in CONDYLES if name in frame.landmarks_mm]
    words = f"its centre is {-middle:.0f} mm below the lesser trochanter"
    if lower:
        up = float(((points - np.mean(lower, axis=0)) @ frame.superior).mean())
        words += f" and {up:.0f} mm above the backs of the condyles"
        if up < number("measure.distal_femur_above_condyles_mm"):
            return Result((measured("region", "distal_femur", "1", words),))
    else:
        words += "; the condyles are not seen, so it is not checked that this is not the distal femur"
    return Result((measured("region", "femur_shaft", "1", words),))


def _above_trochanters(points: F64, frame: BoneFrame) -> Result:
    """Without a lesser trochanter on the scan: proximal if the lesion lies above where any could be."""
    radii = number("measure.prox_femur_sure_radii")
    sphere = sphere_of(frame)
    if sphere is not None:
        below = -float(((points - sphere.centre_mm) @ frame.superior).mean())
        if below <= radii * sphere.radius_mm:
            words = (
                f"its centre is {_off(-below)} the centre of the head, above any lesser trochanter "
                f"({radii:.1f} radii of the head below), which was not found itself"
            )
            return Result((measured("region", "prox_femur", "1", words),)) + _trochanters(points, frame)
    return unmeasured("region of the femur is not measured: its lesser trochanter was not found; state it")


def _trochanters(points: F64, frame: BoneFrame) -> Result:
    """Share of the lesion below the neck, between the greater trochanter and the subtrochanteric end."""
    needed = ("head_centre", "neck_centre", "greater_trochanter")
    if any(name not in frame.landmarks_mm for name in needed) or "neck_diameter" not in frame.lengths_mm:
        return unmeasured(
            "whether the lesion lies about the trochanters is not measured: landmarks were not found"
        )
    lesser = frame.landmarks_mm.get("lesser_trochanter")
    head, neck, greater = (frame.landmarks_mm[name] for name in needed)
    outward = (neck - head) / np.linalg.norm(neck - head)
    base = number("measure.neck_base_diameters") * frame.lengths_mm["neck_diameter"]
    below = number("measure.prox_femur_below_lesser_mm")
    within = (points - neck) @ outward >= base
    within &= (points - greater) @ frame.superior <= number("measure.peritrochanteric_above_mm")
    if lesser is not None:
        within &= (points - lesser) @ frame.superior >= -below
    share = 100.0 * float(within.mean())
    because = (
        f"{share:.0f} % of the lesion lies lateral of the neck's base, from the greater trochanter to "
        f"{below:.0f} mm below the lesser"
    )
    about = share >= number("measure.peritrochanteric_min_pct")
    return Result((measured("peritrochanteric", about, "1", because),))


def _humerus(points: F64, frames: Mapping[str, BoneFrame]) -> Result:
    frame = frames.get("proximal_humerus")
    sphere = None if frame is None else sphere_of(frame)
    if frame is None or sphere is None:
        return unmeasured("region of the humerus is not measured: its head was not found; state it")
    end = number("measure.prox_humerus_below_head_mm")
    axis = frames.get("humeral_shaft", frame).superior
    middle = float(((points - sphere.centre_mm) @ axis).mean())
    region = "prox_humerus" if middle >= -end else "humerus_shaft"
    words = (
        f"its centre is {_off(middle)} the centre of the head; the proximal humerus ends {end:.0f} mm below"
    )
    return Result((measured("region", region, "1", words),))


def _off(up_mm: float) -> str:
    return f"{abs(up_mm):.0f} mm {'above' if up_mm >= 0 else 'below'}"
