"""Calibration by the patient's own tissues: a straight line, or the physics of attenuation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from osteoplan.anatomy.calibration_fit import Curve, accepted, fit_line, fit_physics, plain
from osteoplan.anatomy.calibration_tissue import pointed_at, tissues
from osteoplan.arrays import Mask
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.values import number
from osteoplan.model.calibration import Calibration, ReferenceRegion
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["by_tissues"]


def by_tissues(
    request: Mapping[str, Any],
    ct: Volume,
    *,
    labels: LabelMap | None,
    contrast: bool | None,
    exclude: Mask | None,
    patient: Mask | None,
    kvp: float | None,
) -> Calibration:
    """The straight line or the physics form, through tissues that are pointed at or found.

    Raises:
        BadInput: fewer than three tissues, or a fit that does not hold.
        UnknownName: a method or tissue that does not exist.
    """
    method = str(request.get("method", "line"))
    if method not in _METHODS:
        raise UnknownName("method", method, _METHODS, "images.calibration")
    if request.get("regions"):
        found = pointed_at(ct, request["regions"])
        if contrast and "blood" in found:
            found["blood"] = replace(found["blood"], used=False, note="contrast was given: left out")
    else:
        found = tissues(ct, labels=labels, contrast=contrast, exclude=exclude, patient=patient)
    return replace(_METHODS[method](found, kvp), kvp=kvp)


def _by_physics(found: Mapping[str, ReferenceRegion], kvp: float | None) -> Calibration:
    used = _enough({name: region for name, region in found.items() if region.used})
    curve = fit_physics(
        {name: region.mean_HU for name, region in used.items()},
        {name: _spread(name, region) for name, region in used.items()},
    )
    accepted(curve, what="internal calibration", residual_max=_loose(), names=list(used))
    best, low, high = curve.energy_keV or (0.0, 0.0, 0.0)
    notes = [
        f"internal calibration by {', '.join(used)}: effective energy {best:g} keV ({low:g} to {high:g} fit "
        f"as well), R2 {curve.r2:.5f}; the method finds energies far above the beam's, and water reads as "
        f"{curve.coefficients[0]:.0f} mg/cm3"
    ]
    relative = _together("internal_sd_relative", "physics_model_sd_relative")
    if "bone" not in used:
        relative = float(np.hypot(relative, number("calibration.internal_without_bone_sd_relative")))
        notes.append(
            "no cortical bone was used: density of bone is extrapolated from soft tissue, and widened"
        )
    return _from_tissues(
        "internal_physics", curve, relative, found, notes, ("Michalski2020", "NISTXray", "Ogo")
    )


def _by_line(found: Mapping[str, ReferenceRegion], kvp: float | None) -> Calibration:
    named = {
        name: replace(region, reference=number(f"calibration.line_{name}"))
        if name in _LINE
        else replace(region, used=False, note=region.note or "the straight line has no reference for it")
        for name, region in found.items()
    }
    used = _enough({name: region for name, region in named.items() if region.used})
    curve = fit_line(
        [region.mean_HU for region in used.values()],
        [number(f"calibration.line_{name}") for name in used],
        sd_mg_cm3=[
            float(np.hypot(number("calibration.line_reference_sd_mg_cm3"), 0.8 * _spread(name, region)))
            for name, region in used.items()
        ],
    )
    accepted(curve, what="internal calibration by a straight line", residual_max=_loose(), names=list(used))
    notes = [
        f"internal calibration by a straight line through {', '.join(used)}: R2 {curve.r2:.5f}, scatter "
        f"{curve.residual_sd:.0f} mg/cm3; its reference densities are unverified"
    ]
    other = kvp is None or kvp != number("calibration.line_kvp")
    if other:
        tube = "the tube voltage is not known" if kvp is None else f"the tube voltage is {kvp:g} kV"
        notes.append(f"{tube}, the references belong to 120 kV: the slope is widened")
    relative = _together(
        "internal_sd_relative", "line_other_kvp_sd_relative" if other else "line_energy_sd_relative"
    )
    return _from_tissues("internal_line", curve, relative, named, notes, ("Eggermont2019",))


_METHODS: Mapping[str, Callable[[Mapping[str, ReferenceRegion], float | None], Calibration]] = {
    "physics": _by_physics,
    "line": _by_line,
}
_LINE = ("air", "adipose", "muscle")


def _loose() -> float:
    return number("calibration.line_residual_max_mg_cm3")


def _enough(used: dict[str, ReferenceRegion]) -> dict[str, ReferenceRegion]:
    if len(used) < 3:
        raise BadInput(
            f"internal calibration needs three tissues, found were: {', '.join(used) or 'none'}; air must "
            "lie in the scan (a crop, or padding, holds none): give the whole scan, point at the tissues "
            "(regions: {air: {at_mm: [x, y, z]}, ...}), or use {kind: fixed, kvp: N}"
        )
    return used


def _spread(name: str, region: ReferenceRegion) -> float:
    """How well the region's CT number stands for the reference tissue [HU], 1 sd."""
    independent = max(1.0, region.voxels / 10.0)  # neighbouring voxels share their noise
    return float(np.hypot(number(f"calibration.{name}_sd_HU"), region.sd_HU / np.sqrt(independent)))


def _from_tissues(
    method: str,
    curve: Curve,
    relative: float,
    found: Mapping[str, ReferenceRegion],
    notes: Sequence[str],
    cite: tuple[str, ...],
) -> Calibration:
    told = [f"{region.name}: {region.note}" for region in found.values() if region.note]
    coefficients, covariance = plain(curve, relative)
    return Calibration(
        "internal", coefficients, covariance, calibrated=True, cite=(*cite, "PMC5359785"), method=method,
        notes=(*notes, *told), points=tuple(found.values()),
    )  # fmt: skip


def _together(*names: str) -> float:
    """Independent relative errors as one."""
    return float(np.linalg.norm([number(f"calibration.{name}") for name in names]))
