"""Calibration by a phantom that was scanned with the patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from osteoplan.anatomy.calibration_fit import Curve, accepted, fit_rods, fit_rods_in_water, plain
from osteoplan.anatomy.calibration_rods import find_rods, measure_rod
from osteoplan.anatomy.structures import body_surface
from osteoplan.arrays import Mask
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.density_phantoms import DensityPhantom, Insert, density_phantom
from osteoplan.knowledge.materials import conversions
from osteoplan.knowledge.values import number
from osteoplan.model.calibration import Calibration, ReferenceRegion
from osteoplan.model.evidence import worst
from osteoplan.model.volume import Volume

__all__ = ["as_K2HPO4", "by_phantom", "phantom_asked"]


def by_phantom(
    request: Mapping[str, Any], ct: Volume, *, patient: Mask | None, kvp: float | None
) -> Calibration:
    """Rods, pointed at or found; hydroxyapatite becomes K2HPO4 where the tube voltage allows it.

    Raises:
        BadInput: rods that are not found, not uniform, or do not fit.
        UnknownName: a phantom or key that does not exist.
    """
    phantom, rods, places = phantom_asked(request)
    if places is None:
        points, curve = _found_rods(phantom, rods, ct, patient)
    else:
        points, curve = _measured_rods(phantom, rods, places, ct)
    coefficients, covariance = plain(curve, number("calibration.phantom_slope_sd_relative"))
    result = Calibration(
        "phantom", coefficients, covariance, calibrated=True, kvp=kvp, cite=phantom.cite,
        status=phantom.status, density_kind=phantom.density_kind,
        method="mindways" if phantom.form == "mindways" else "rods",
        residual_sd=curve.residual_sd, points=points,
        notes=(
            f"phantom {phantom.title}: R2 {curve.r2:.5f}, scatter {curve.residual_sd:.1f} mg/cm3; "
            "check the rods' values against the phantom's certificate",
        ),
    )  # fmt: skip
    return as_K2HPO4(result, kvp)


def phantom_asked(
    request: Mapping[str, Any],
) -> tuple[DensityPhantom, tuple[Insert, ...], list[Sequence[float]] | None]:
    """The phantom that is asked for, its rods, and where they lie; None: look for them.

    Raises:
        BadInput: none is named, or rods that it has not.
        UnknownName: a phantom or key that does not exist.
    """
    if "phantom" not in request:
        raise BadInput(
            "calibration 'phantom': which one? write phantom: mindways, qrm, qrm_3, intable or bmas200"
        )
    phantom = density_phantom(str(request["phantom"]))
    return phantom, *_rods(phantom, request.get("rods"))


def as_K2HPO4(factors: Calibration, kvp: float | None) -> Calibration:
    """Hydroxyapatite as K2HPO4 by the cited ratio for the tube voltage; untouched where there is none."""
    if factors.density_kind != "HA":
        return factors
    step = None if kvp is None else conversions().get(f"goodsitt_1992_{kvp:g}kvp")
    if step is None:
        tube = "the tube voltage is not known" if kvp is None else f"no ratio is known for {kvp:g} kV"
        note = f"density stays hydroxyapatite-equivalent: {tube} (80, 120 and 140 kV have one); write kvp: N"
        return replace(factors, notes=(*factors.notes, note))
    note = f"hydroxyapatite taken as K2HPO4 by {step.id}: {step.slope:g} HA"
    converted = factors.scaled(step.slope, 1000.0 * step.intercept, "K2HPO4")
    cite = tuple(dict.fromkeys((*factors.cite, *step.cite)))
    return replace(
        converted, notes=(*factors.notes, note), cite=cite, status=worst(step.status, "unverified")
    )


def _rods(phantom: DensityPhantom, given: object) -> tuple[tuple[Insert, ...], list[Sequence[float]] | None]:
    """The rods with the certificate's values, and where they lie; None: look for them."""
    if given is None:
        return phantom.rods, None
    if not isinstance(given, list | tuple) or len(given) != len(phantom.rods):
        raise BadInput(
            f"images.calibration.rods: {phantom.title} has {len(phantom.rods)} rods, in the phantom's order"
        )
    allowed = ("at_mm", "density_mg_cm3", "water_mg_cm3")
    rods, places = [], []
    for rod, row in zip(phantom.rods, given, strict=True):
        for key in sorted(set(row) - set(allowed)):
            raise UnknownName("key", str(key), allowed, "images.calibration.rods")
        rods.append(rod.model_copy(update={key: float(row[key]) for key in allowed[1:] if key in row}))
        if "at_mm" in row:
            places.append(row["at_mm"])
    if places and len(places) != len(rods):
        raise BadInput(
            "images.calibration.rods: point at every rod (at_mm), or at none to have them looked for"
        )
    return tuple(rods), places or None


def _measured_rods(
    phantom: DensityPhantom, rods: Sequence[Insert], places: Sequence[Sequence[float]], ct: Volume
) -> tuple[tuple[ReferenceRegion, ...], Curve]:
    points = tuple(
        measure_rod(ct, rod.name, at, rod.density_mg_cm3) for rod, at in zip(rods, places, strict=True)
    )
    means = [point.mean_HU for point in points]
    densities = [rod.density_mg_cm3 for rod in rods]
    if phantom.form == "mindways":
        curve = fit_rods_in_water(means, densities, [rod.water_mg_cm3 or 0.0 for rod in rods])
    else:
        curve = fit_rods(means, densities)
    most = number("calibration.phantom_residual_max_mg_cm3")
    accepted(curve, what=phantom.title, residual_max=most, names=[rod.name for rod in rods])
    return points, curve


def _found_rods(
    phantom: DensityPhantom, rods: Sequence[Insert], ct: Volume, patient: Mask | None
) -> tuple[tuple[ReferenceRegion, ...], Curve]:
    """The one row of circles, read from right or from left, whose CT numbers fit the phantom."""
    if patient is None:
        patient = body_surface(ct, number("vertebra.skin_threshold_HU"))
    fits, why = [], ""
    for row in find_rods(ct, patient, len(rods)):
        for places in (row, row[::-1]):
            try:
                points, curve = _measured_rods(phantom, rods, places.tolist(), ct)
            except BadInput as no:
                why = str(no)
            else:
                fits.append((points, curve))
    if fits:
        best = min(fits, key=lambda fit: fit[1].residual_sd)
        if all(_same_place(best[0], points) for points, _ in fits):
            return best
    told = f"none fits ({why})" if not fits else f"{len(fits)} fit"
    raise BadInput(
        f"the rods of {phantom.title} are not clear: of the rows of circles behind the patient {told}; "
        "point at them: rods: [{at_mm: [x, y, z]}, ...] in the phantom's order"
    )


def _same_place(one: Sequence[ReferenceRegion], other: Sequence[ReferenceRegion]) -> bool:
    """Every rod lies within its own measured cylinder, or nearly, in both."""
    gaps = [
        np.linalg.norm(np.subtract(a.at_mm or 0.0, b.at_mm or 0.0)) for a, b in zip(one, other, strict=True)
    ]
    return bool(max(gaps) < 2.0 * number("calibration.rod_radius_mm"))
