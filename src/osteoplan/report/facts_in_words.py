"""Facts, findings and the calibration as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from osteoplan.model.calibration import Calibration
from osteoplan.model.case import Fact
from osteoplan.model.findings import Finding, Label
from osteoplan.model.technique import Section
from osteoplan.report.views import Line
from osteoplan.report.words import name_of, plain

__all__ = ["SECTION_TITLES", "calibration_words", "fact_words", "finding_line", "found_words", "label_of"]

Labels = Mapping[str, Label]

SECTION_TITLES: dict[Section, str] = {
    "indications": "use when",
    "contraindications": "do not use when",
    "advantages": "for it",
    "limitations": "against it",
    "pearls": "pearls",
    "complications": "complications",
    "order": "its place in the order of acts",
    "aftercare": "aftercare",
    "follow_up": "follow-up",
}


def finding_line(found: Finding, labels: Labels) -> Line:
    """A finding as the vocabulary calls it, with where it comes from."""
    return Line(label_of(found.name, labels), found_words(found, labels), found.source, found.because)


def found_words(found: Finding, labels: Labels) -> str:
    """Its value in words; of a defect that was looked for in vain, *none seen; slices of 1 mm*."""
    if found.value is False and found.because.startswith("none seen"):
        return found.because.partition(":")[0]
    return fact_words(found.name, found.value, labels, found.unit)


def label_of(name: str, labels: Labels) -> str:
    """What the vocabulary calls a fact."""
    return labels[name].label if name in labels else name_of(name)


def fact_words(name: str, value: Fact | Sequence[float], labels: Labels, unit: str = "1") -> str:
    """A fact in words: levels as the vocabulary explains them, ranges with a dash."""
    row = labels.get(name)
    if isinstance(value, frozenset):
        levels = {} if row is None else row.levels
        return ", ".join(sorted(levels.get(one, one) for one in value)) or "none"
    if not isinstance(value, bool | int | float | str | None):
        low, high = value
        return plain(low) if low == high else f"{plain(low)}–{plain(high)}"
    if row is not None and isinstance(value, str):
        return row.levels.get(value, value)
    if isinstance(value, str) and unit != "1":  # three axes in one breath
        return f"{value} {unit}"
    return plain(value, unit if row is None or unit != "1" else row.unit)


def calibration_words(c: Calibration) -> str:
    """A calibration as one sentence with its equation."""
    state = "calibrated" if c.calibrated else "uncalibrated, ratios only"
    tube = "" if c.kvp is None else f", {c.kvp:.0f} kV"
    method = f" ({c.method})" if c.method else ""
    square = f" + {c.coefficients[2]:.3g} x image²" if c.coefficients[2] else ""
    return (
        f"{c.kind}{method}{tube}: {c.density_kind} density = {c.slope:.4g} (± {c.slope_sd:.2g}) x image "
        f"+ {c.intercept:.4g} (± {c.intercept_sd:.2g}){square} mg/cm³; {state}"
    ).replace("+ -", "− ")
