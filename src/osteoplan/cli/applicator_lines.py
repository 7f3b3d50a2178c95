"""The fit of a centre's own probes as lines for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, isnan
from textwrap import wrap
from typing import Any

from osteoplan.thermal.charted import Charted, ChartedZone, FittedProbe
from osteoplan.workflow.fit_applicator import ProbeFit

__all__ = ["as_json", "fit_lines"]

Json = dict[str, Any]
_WIDTH = 98
_UNITS = {"efficiency": "", "wall_degC": " degC", "cooling_W": " W"}
_WORDS = {
    "efficiency": "share of the power that tissue takes",
    "active_mm": "active length",
    "tip_mm": "from the tip to the active part",
    "wall_degC": "coldest wall",
    "cooling_W": "most heat taken away",
}


def fit_lines(one: ProbeFit) -> Iterator[str]:
    """What was fitted, to what, and how far off it is on rows that were left out."""
    yield f"{one.name} ({one.device})"
    if one.fitted is None:
        yield from _wrapped(f"not fitted: {one.why_not}")
    else:
        yield from _fitted_lines(one.fitted)
    for row, why in one.not_used.items():
        yield from _wrapped(f"not used    {row}: {why}")


def _fitted_lines(fit: FittedProbe) -> Iterator[str]:
    if not fit.parameters:
        yield "  nothing to fit: the model of this kind of probe is held against every row as it is"
    for name, (before, after) in fit.parameters.items():
        unit = _UNITS.get(name, " mm")
        end = "; AT THE END OF WHAT IS TRIED: the model cannot make this chart" if name in fit.at_end else ""
        was = "not known" if isnan(before) else f"was {before:.3g}{unit}"
        yield f"  {_WORDS[name]} ({name}): {after:.3g}{unit}, {was}{end}"
    if fit.parameters:
        yield f"  {_count(len(fit.parameters), 'parameter')} fitted to {_count(fit.numbers, 'number')}"
    for title, rows in (("fitted to", fit.used), ("left out", fit.left_out)):
        for row, made in rows:
            yield from _wrapped(f"{title:<11} {row.row.id}: {_row_words(row, made)}")
    if not fit.testable:
        yield "  not testable: no row was left out of the fit"
    else:
        off = fit.misfit_mm(fit.left_out)
        yield (
            f"  on rows left out the model is off by {off.mean():+.1f} mm on average, {abs(off).max():.1f} "
            f"mm at most ({_count(len(off), 'number')})"
        )
    media = sorted({row.medium.name for row, _ in (*fit.used, *fit.left_out)})
    yield f"  unverified; charted in {', '.join(media)}: nothing of it was measured in bone"


def _wrapped(line: str) -> list[str]:
    return wrap(line, _WIDTH, initial_indent="  ", subsequent_indent=" " * 14)


def _row_words(one: Charted, made: ChartedZone) -> str:
    taken = f"; taken for granted: {', '.join(one.taken_for)}" if one.taken_for else ""
    there = _size(made) if isfinite(made.width_mm) else "no zone"
    return f"printed {_size(one.zone)}; the model {there}; {one.row.energy} in {one.medium.name}{taken}"


def _size(zone: ChartedZone) -> str:
    beyond = f", {zone.beyond_tip_mm:.1f} beyond the tip" if isfinite(zone.beyond_tip_mm) else ""
    if isnan(zone.length_mm):
        return f"{zone.width_mm:.1f} mm wide{beyond}"
    return f"{zone.width_mm:.1f} x {zone.length_mm:.1f} mm{beyond}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def as_json(one: ProbeFit) -> Json:
    """The same with every number; what is not told is null."""
    told: Json = {"device": one.device, "name": one.name, "not_used": one.not_used, "why_not": one.why_not}
    fit = one.fitted
    if fit is None:
        return {**told, "fitted": None}
    return {**told, "fitted": {
        "parameters": {
            name: {"before": _or_none(before), "after": after, "at_end": name in fit.at_end}
            for name, (before, after) in fit.parameters.items()
        },
        "numbers": fit.numbers,
        "testable": fit.testable,
        "used": [_row_json(*pair) for pair in fit.used],
        "left_out": [_row_json(*pair) for pair in fit.left_out],
        "misfit_left_out_mm": fit.misfit_mm(fit.left_out).round(3).tolist(),
        "stamps": list(fit.applicator.stamps),
    }}  # fmt: skip


def _row_json(one: Charted, made: ChartedZone) -> Json:
    return {
        "row": one.row.id, "medium": one.medium.id, "edge": one.dead, "taken_for": list(one.taken_for),
        "printed": _zone_json(one.zone), "model": _zone_json(made),
    }  # fmt: skip


def _zone_json(zone: ChartedZone) -> Json:
    return {name: _or_none(value) for name, value in vars(zone).items()}


def _or_none(value: float) -> float | None:
    return value if isfinite(value) else None
