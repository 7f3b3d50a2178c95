"""Numbers and names as people read them.

Two significant digits unless the third is real, one number of decimals within a value and its interval, a
true minus sign, and units said once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from osteoplan.model.outcome import Estimate

__all__ = [
    "Value",
    "absolute",
    "clause",
    "joined",
    "name_of",
    "number",
    "plain",
    "signed_points",
    "tag",
    "unit_word",
    "value_of",
]

_NAMES = {
    "strength_N": "strength",
    "strength_ratio_to_intact": "strength, share of intact",
    "strength_ratio_to_now": "strength, share of untreated",
    "strength_to_load": "strength to load",
    "screw_stress_share_of_yield": "stress in a screw, share of yield",
    "stiffness_N_per_mm": "stiffness",
    "stiffness_ratio_to_intact": "stiffness, share of intact",
    "stiffness_ratio_to_now": "stiffness, share of untreated",
    "strength_Nmm": "strength, as a moment",
    "stiffness_Nmm_per_deg": "stiffness against turning",
    "axial_rigidity_loss_pct": "axial rigidity lost, weakest section",
    "bending_rigidity_loss_pct": "bending rigidity lost, weak axis, weakest section",
    "torsional_rigidity_loss_pct": "torsional rigidity lost, weakest section",
    "cement_volume_mL": "cement",
    "leak_probability_canal": "leak into the canal",
    "tumour_coverage_pct": "tumour covered",
    "margin_min_mm": "least margin",
    "nerve_temperature_max_C": "hottest nerve",
    "breach_probability": "breach",
    "procedure_time_min": "procedure",
    "stay_days": "stay",
    "pain_response_probability": "pain better",
    "major_complication_probability": "major complication",
    "cost": "cost",
    "qaly": "QALY",
    "clearance_mm": "clearance",
    "wall_depth_mm": "bone around the path",
    "path_length_mm": "path length",
    "entry_angle_deg": "entry angle",
    "pistoia_load_N": "load at the Pistoia criterion",
    "cement_fill_pct": "share of the body filled",
    "cement_left_pct": "share of the cement on the left",
    "cement_to_canal_mm": "cement to the canal",
    "cement_escape_mL": "cement outside the bone",
    "endplate_contact_pct": "endplate touched by cement",
}
_UNIT_WORDS = {
    "1": "",
    "d": "days",
    "wk": "weeks",
    "a": "years",
    "deg": "°",
    "degC": "°C",
    "mm2": "mm²",
    "mm3": "mm³",
    "mg/cm3": "mg/cm³",
    "10*9/L": "× 10⁹/L",
}
_ABSOLUTE_UNITS = frozenset({"N", "N/mm", "MPa", "N mm", "N mm/deg", "mJ"})
_TAGS = {"unverified": "unverified", "design_default": "design default"}


@dataclass(frozen=True)
class Value:
    """A number with its interval, as it is printed; ``tag`` is what must be said about its source."""

    text: str
    interval: str = ""
    tag: str = ""
    note: str = ""
    grey: bool = False


def value_of(estimate: Estimate) -> Value:
    """Value, interval and review tag of an outcome; shares and probabilities in per cent."""
    factor, unit = _scale(estimate)
    numbers = [x * factor for x in (estimate.value, estimate.low, estimate.high) if x is not None]
    whole = all(float(x).is_integer() and abs(x) < 1000.0 for x in numbers)
    digits = 0 if whole else _decimals(max(abs(x) for x in numbers))
    text = f"{_fixed(numbers[0], digits)} {unit}".strip()
    text = "1 day" if text == "1 days" else text.replace(" °", "°")
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"({_fixed(estimate.low * factor, digits)}–{_fixed(estimate.high * factor, digits)})"
    return Value(text, interval, tag(estimate.status))


def signed_points(estimate: Estimate) -> Value:
    """A difference of two per cents, in points, with its sign."""
    digits = _decimals(max(abs(x) for x in (estimate.value, estimate.low, estimate.high) if x is not None))
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"({_signed(estimate.low, digits)} to {_signed(estimate.high, digits)})"
    return Value(f"{_signed(estimate.value, digits)} points", interval, tag(estimate.status))


def tag(status: str) -> str:
    """What must be printed beside a fact of that review status; nothing beside a verified one."""
    return _TAGS.get(status, "")


def absolute(estimate: Estimate) -> bool:
    """True for a force, stiffness or stress, which an uncalibrated scan cannot give."""
    return estimate.unit in _ABSOLUTE_UNITS


def name_of(id: str) -> str:
    """What people call an outcome, structure or device; the side comes first: *left pedicle*."""
    if id in _NAMES:
        return _NAMES[id]
    thing, _, side = id.rpartition("_")
    if side in ("left", "right"):
        return f"{side} {thing.replace('_', ' ')}"
    return id.replace("_", " ")


def number(value: float, unit: str = "") -> str:
    """A measured number with its unit."""
    return f"{_fixed(value, _decimals(abs(value)))} {_UNIT_WORDS.get(unit, unit)}".strip()


def plain(value: bool | int | float | str | None, unit: str = "1") -> str:
    """A fact of any kind."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value} {_UNIT_WORDS.get(unit, unit)}".strip()
    if isinstance(value, float):
        return number(value, unit)
    return value


def unit_word(unit: str) -> str:
    """A unit as people write it: *years* for ``a``; empty for a bare number."""
    return _UNIT_WORDS.get(unit, unit)


def clause(text: str, longest: int = 90, *, at: str = ";") -> str:
    """The first clause of a sentence, whole words only; ``at`` holds the signs that end a clause."""
    first = re.split(f"[{re.escape(at)}]", text)[0].strip().rstrip(".")
    if len(first) <= longest:
        return first
    return first[:longest].rsplit(" ", 1)[0] + " …"


def joined(value: Value) -> str:
    """Value and interval in one breath."""
    return f"{value.text} {value.interval}".strip()


def _scale(estimate: Estimate) -> tuple[float, str]:
    """Factor and unit for the page."""
    share = estimate.unit == "1" and ("probability" in estimate.id or "ratio" in estimate.id)
    return (100.0, "%") if share else (1.0, _UNIT_WORDS.get(estimate.unit, estimate.unit))


def _decimals(largest: float) -> int:
    """Decimals that leave two significant digits of the largest number, three of hundreds.

    Thousands are rounded to hundreds.
    """
    if largest == 0.0:
        return 0
    if largest >= 1000.0:
        return -2
    return max(0, min(4, 1 - math.floor(math.log10(largest))))


def _fixed(value: float, decimals: int) -> str:
    rounded = round(value, decimals) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:,.{max(decimals, 0)}f}".replace(",", " ").replace("-", "−")


def _signed(value: float, decimals: int) -> str:
    text = _fixed(value, decimals)
    return text if text.startswith("−") or float(round(value, decimals)) == 0.0 else "+" + text
