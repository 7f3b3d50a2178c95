"""CT numbers to density: what is known about this scan, with honest standard deviations.

{kind: fixed, kvp: 120}                                       a prior for the tube voltage, not calibrated
{kind: density, density: K2HPO4}                              the image is density already
{kind: phantom, phantom: qrm, rods: [{at_mm: [x, y, z]}, ..]} rods; without ``rods`` they are looked for
{kind: internal, method: line, regions: {air: {at_mm: ..}}} tissues, found or pointed at
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from osteoplan.anatomy.calibration_internal import by_tissues
from osteoplan.anatomy.calibration_kernel import kernel_note
from osteoplan.anatomy.calibration_phantom import by_phantom, phantom_asked
from osteoplan.anatomy.calibration_tissue import contrast_seen
from osteoplan.arrays import Mask
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.values import known, number
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.calibration import Calibration, DensityKind, covariance_of
from osteoplan.model.evidence import Known, worst
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["calibrate", "require_request"]

_KEYS = {
    "fixed": {"kind", "kvp"},
    "density": {"kind", "density"},
    "phantom": {"kind", "phantom", "rods", "kvp"},
    "internal": {"kind", "method", "regions", "kvp"},
}


def calibrate(
    request: Mapping[str, Any],
    ct: Volume,
    *,
    labels: LabelMap | None = None,
    acquisition: Acquisition | None = None,
    exclude: Mask | None = None,
    patient: Mask | None = None,
) -> Calibration:
    """The calibration that a case file asks for, measured in the scan where it must be.

    Args:
        request: ``images.calibration`` of the case file.
        ct: the whole scan, not a crop of the bone: air and phantom lie outside the patient.
        labels: on the CT's grid; bones, vessels and muscles are measured there.
        acquisition: tube voltage, kernel and contrast as the scanner recorded them.
        exclude: lesion and cement, on the CT's grid; metal is found here.
        patient: the patient without table and phantom; found where it is not given.

    Raises:
        BadInput: a kind without its keys, a tube voltage without a prior or other than recorded, rods or
            tissues that are not found, a fit that does not hold.
        UnknownName: a kind, key, phantom, method or tissue that does not exist.
    """
    kind = _kind(request)
    kvp = _tube_voltage(request.get("kvp"), acquisition)
    if kind == "density":
        return _density(request.get("density", "K2HPO4"))
    if ct.meaning != "HU":
        raise BadInput(
            f"calibration '{kind}' needs an image in HU, this one holds {ct.meaning}: use {{kind: density}}"
        )
    contrast, sign = contrast_seen(ct, labels, acquisition)
    sharp = kernel_note(ct, acquisition)
    if kind == "fixed":
        return _told(_fixed(kvp), contrast, sign, sharp)
    if kind == "phantom":
        factors = by_phantom(request, ct, patient=patient, kvp=kvp)
    else:
        factors = by_tissues(
            request, ct, labels=labels, contrast=contrast, exclude=exclude, patient=patient, kvp=kvp
        )
    return _with_kernel(_with_contrast(factors, contrast, sign), sharp)


def require_request(request: Mapping[str, Any], acquisition: Acquisition | None) -> None:
    """Refuse what no scan could answer, before anything is measured; as ``calibrate`` does.

    Raises:
        BadInput, UnknownName: the key, kind, phantom or tube voltage.
    """
    kind, kvp = _kind(request), _tube_voltage(request.get("kvp"), acquisition)
    if kind == "density":
        _density(request.get("density", "K2HPO4"))
    elif kind == "fixed":
        _fixed(kvp)
    elif kind == "phantom":
        phantom_asked(request)


def _kind(request: Mapping[str, Any]) -> str:
    kind = str(request.get("kind"))
    if kind not in _KEYS:
        raise UnknownName("calibration kind", kind, _KEYS, "images.calibration")
    for key in sorted(set(request) - _KEYS[kind], key=str):
        raise UnknownName("key", str(key), _KEYS[kind], "images.calibration")
    return kind


def _tube_voltage(asked: object, acquisition: Acquisition | None) -> float | None:
    """[kV] as asked, else as recorded; None unknown."""
    recorded = None if acquisition is None else acquisition.kvp
    if asked is None:
        return recorded
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        raise BadInput(f"images.calibration.kvp is a number of kilovolts, not '{asked}'")
    if recorded is not None and abs(recorded - asked) > 0.5:
        raise BadInput(
            f"images.calibration.kvp is {asked:g}, the scanner recorded {recorded:g} kV: "
            "write what was used, or calibrate by {kind: internal}"
        )
    return float(asked)


def _fixed(kvp: object) -> Calibration:
    name = f"fixed_{kvp:g}kvp" if isinstance(kvp, int | float) and not isinstance(kvp, bool) else ""
    try:
        rows = _rows(*(f"{name}_{key}" for key in ("slope", "intercept", "slope_sd", "intercept_sd")))
    except UnknownName as why:
        what = "no tube voltage is given" if kvp is None else f"no prior is known for kvp {kvp}"
        raise BadInput(
            f"calibration 'fixed': {what}; only 120 kV has one: write {{kind: fixed, kvp: 120}} if that is "
            "what was used, or calibrate the scan and use {kind: density}"
        ) from why
    slope, intercept, slope_sd, intercept_sd = (number(f"calibration.{row}") for row in rows)
    return Calibration.line(
        "fixed", slope, intercept, slope_sd, intercept_sd, calibrated=False, kvp=float(str(kvp)),
        cite=tuple(dict.fromkeys(key for row in rows.values() for key in row.cite)),
        status=worst(*(row.status for row in rows.values())), method="prior of the tube voltage",
    )  # fmt: skip


def _density(kind: object) -> Calibration:
    kinds = get_args(DensityKind)
    if kind not in kinds:
        raise UnknownName("density", str(kind), kinds, "images.calibration")
    rows = _rows("density_slope_sd", "density_intercept_sd")
    slope_sd, intercept_sd = (number(f"calibration.{name}") for name in rows)
    status = worst(*(row.status for row in rows.values()))
    return Calibration.line(
        "density", 1.0, 0.0, slope_sd, intercept_sd, calibrated=True, status=status,
        density_kind=kind, method="calibrated elsewhere",
    )  # fmt: skip


def _rows(*names: str) -> dict[str, Known]:
    return {name: known(f"calibration.{name}") for name in names}


def _told(factors: Calibration, contrast: bool | None, sign: str, sharp: str) -> Calibration:
    """A prior keeps its numbers, which are wide already; what speaks against it is told."""
    notes = []
    if contrast:
        high = known("calibration.contrast_shift_mg_cm3").high
        notes.append(
            f"contrast was given ({sign}): density of marrow may read up to {high:g} mg/cm3 too high"
        )
    notes += [sharp] if sharp else []
    return replace(factors, notes=(*factors.notes, *notes))


def _with_contrast(factors: Calibration, given: bool | None, sign: str) -> Calibration:
    """Under contrast marrow reads too dense by 0 to ``contrast_shift``: lowered by half, and widened."""
    if given is None:
        note = "whether contrast was given is not known: no vessel is labelled and the scanner says nothing"
        return replace(factors, notes=(*factors.notes, note))
    if not given:
        return factors
    row = known("calibration.contrast_shift_mg_cm3")
    low, high = row.range
    shift, sd = (low + high) / 2.0, (high - low) / np.sqrt(12.0)
    matrix = np.array(factors.covariance)
    matrix[0, 0] += sd**2
    c0, c1, c2 = factors.coefficients
    note = (
        f"contrast was given ({sign}): blood is not used, and density is lowered by {shift:g} "
        f"± {sd:.1f} mg/cm3, because contrast in marrow reads as mineral"
    )
    return replace(
        factors, coefficients=(c0 - shift, c1, c2), covariance=covariance_of(matrix),
        notes=(*factors.notes, note),
    )  # fmt: skip


def _with_kernel(factors: Calibration, sharp: str) -> Calibration:
    """A sharp kernel widens the calibration and is told."""
    if not sharp:
        return factors
    c = np.array(factors.coefficients)
    share = number("calibration.sharp_kernel_sd_relative")
    matrix = np.array(factors.covariance) + share**2 * np.outer(c, c)
    return replace(factors, covariance=covariance_of(matrix), notes=(*factors.notes, sharp))
