"""CT numbers to density: what is known about this scan, with honest standard deviations.

density = slope * image + intercept          K2HPO4 equivalent [mg/cm3]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.anatomy_values import known, number
from osteoplan.model.case import Calibration
from osteoplan.model.evidence import Known, worst

__all__ = ["calibration"]

_KEYS = {"fixed": {"kind", "kvp"}, "density": {"kind"}}
_LATER = {"phantom": "rods of a phantom", "internal": "air, fat, blood and muscle in the scan"}


def calibration(request: Mapping[str, Any]) -> Calibration:
    """The calibration that a case file asks for.

    ``{kind: fixed, kvp: 120}``: a prior for the tube voltage, not calibrated.  ``{kind: density}``: the image
    holds K2HPO4-equivalent density already.

    Raises:
        BadInput: a kind that this version cannot do, or a tube voltage without a known prior.
        UnknownName: a kind or key that does not exist.
    """
    kind = request.get("kind")
    if kind in _LATER:
        raise BadInput(
            f"calibration '{kind}' (from {_LATER[kind]}) is not in this version: use "
            "{kind: fixed, kvp: 120}, or calibrate the scan elsewhere and use {kind: density}"
        )
    if kind not in _KEYS:
        raise UnknownName("calibration kind", str(kind), _KEYS, "images.calibration")
    for key in set(request) - _KEYS[kind]:
        raise UnknownName("key", str(key), _KEYS[kind], "images.calibration")
    return _fixed(request.get("kvp")) if kind == "fixed" else _density()


def _fixed(kvp: object) -> Calibration:
    if isinstance(kvp, bool) or not isinstance(kvp, int | float) or kvp != 120:
        what = "no tube voltage is given" if kvp is None else f"no prior is known for kvp {kvp}"
        raise BadInput(
            f"calibration 'fixed': {what}; only 120 kV has one: write {{kind: fixed, kvp: 120}} if that is "
            "what was used, or calibrate the scan and use {kind: density}"
        )
    names = ("slope", "intercept", "slope_sd", "intercept_sd")
    rows = _rows(*(f"fixed_120kvp_{name}" for name in names))
    slope, intercept, slope_sd, intercept_sd = (number("calibration", name) for name in rows)
    return Calibration(
        "fixed", slope, intercept, slope_sd, intercept_sd, calibrated=False, kvp=float(kvp),
        cite=tuple(dict.fromkeys(key for row in rows.values() for key in row.cite)),
        status=worst(*(row.status for row in rows.values())),
    )  # fmt: skip


def _density() -> Calibration:
    rows = _rows("density_slope_sd", "density_intercept_sd")
    slope_sd, intercept_sd = (number("calibration", name) for name in rows)
    status = worst(*(row.status for row in rows.values()))
    return Calibration("density", 1.0, 0.0, slope_sd, intercept_sd, calibrated=True, status=status)


def _rows(*names: str) -> dict[str, Known]:
    return {name: known("calibration", name) for name in names}
