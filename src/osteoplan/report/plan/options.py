"""The options table of the first page, and everything on each option behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from osteoplan.arrays import Point
from osteoplan.model.comparison import NOT_APPLICABLE, Column, Difference
from osteoplan.model.evidence import Verdict
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Act, Deliver, Expand, Inject, Measure, Option, Place, Remove, Sample, Wait
from osteoplan.model.result import PlanResult
from osteoplan.model.technique import TechniqueCard
from osteoplan.report.drawing.charts import ChartAxis, axis_for
from osteoplan.report.drawing.pictures import Picture
from osteoplan.report.plan.nouns import (
    ColumnView,
    OptionDetail,
    OptionRow,
    OptionsTable,
    OutcomeView,
    Plot,
    cites,
)
from osteoplan.report.views import Line
from osteoplan.report.words import (
    Value,
    absolute,
    clause,
    joined,
    name_of,
    number,
    signed_points,
    tag,
    value_of,
)

__all__ = ["act_words", "first", "mark_of", "option_detail", "options_table", "told"]

WITHHELD = "withheld: uncalibrated"

_STATUS = {
    "ranked": "ranked",
    "excluded_by_rule": "excluded by rule",
    "refer_elsewhere": "refer elsewhere",
    "infeasible": "infeasible",
    "exceeds_limit": "exceeds a limit",
    "failed": "simulation failed",
    "comparator": "comparator",
}
_REJECTED = frozenset({"excluded_by_rule", "refer_elsewhere", "infeasible", "exceeds_limit", "failed"})


def options_table(result: PlanResult) -> OptionsTable:
    """Options side by side, in the order of the result: ranked, rejected, comparators."""
    ranked, *beside = (column for column in result.comparison.columns if column.kind != "against")
    now = first(result.simulations.now, result.comparison.ranked_by)
    marks = [100.0] if now is None else [now.value, 100.0]
    axis = axis_for(_estimates(result, ranked), at_least=110.0, width=130.0, marks=marks)
    return OptionsTable(
        axis=axis,
        ranked_word=ranked.title,
        strength_tag=_column_tag(result, ranked),
        columns=tuple(
            ColumnView(column.title, _basis_of(result, column), _column_tag(result, column))
            for column in beside
        ),
        rows=tuple(_row(result, option, axis, ranked, beside) for option in result.simulations.options),
        notes=(*_ties(result), *_levels(result), *result.comparison.notes),
    )


def told(result: PlanResult, estimate: Estimate) -> Value:
    """An outcome as it is printed; a share in per cent, where its outcome is told so."""
    return value_of(estimate, per_cent=result.wordings.outcomes[estimate.id].format == "per_cent")


def _estimates(result: PlanResult, column: Column) -> list[Estimate]:
    """Every estimate of a column."""
    return [e for option in result.simulations.options for e in column.cell(option).estimates]


def _basis_of(result: PlanResult, column: Column) -> str:
    """``simulated`` or ``published``, under a column's title."""
    return " and ".join(sorted({estimate.basis for estimate in _estimates(result, column)}))


def _column_tag(result: PlanResult, column: Column) -> str:
    """The review tag that every value of a column carries: said once, in the head of the column."""
    found = {tag(estimate.status) for estimate in _estimates(result, column)}
    return found.pop() if len(found) == 1 else ""


def _levels(result: PlanResult) -> tuple[str, ...]:
    """What the brackets hold."""
    levels = {e.level for o in result.simulations.options for e in o.outcomes if e.low is not None}
    shares = ", ".join(f"{100 * level:.0f} %" for level in sorted(levels))
    return (f"in brackets: {shares} intervals",) if levels else ()


def _row(
    result: PlanResult, option: Option, axis: ChartAxis, ranked: Column, beside: Sequence[Column]
) -> OptionRow:
    strength, *others = (_cell(result, option, column) for column in (ranked, *beside))
    known = option.outcome(result.comparison.ranked_by)
    rejected = option.status in _REJECTED
    return OptionRow(
        anchor=f"option-{option.id}",
        mark=mark_of(result, option),
        title=option.plan.title,
        kind="rejected" if rejected else option.kind,
        strength=None if known is None else strength[0],
        plot=None if known is None else Plot(axis, axis.whisker(known)),
        change=_difference(result, option),
        no_strength=strength[0].note,
        cells=tuple(others),
        against=() if rejected else _against(result, option),
        reason=_reason(option) if rejected else "",
    )


def _cell(result: PlanResult, option: Option, column: Column) -> tuple[Value, ...]:
    """What is known, without the tag that the head of its column shows; else why there is nothing."""
    cell, shared = column.cell(option), _column_tag(result, column)
    if not cell.estimates:
        return (Value("–" if cell.note == NOT_APPLICABLE else "", note=cell.note),)
    values = (told(result, estimate) for estimate in cell.estimates)
    return tuple(replace(value, tag="") if value.tag == shared else value for value in values)


def _difference(result: PlanResult, option: Option) -> Value | None:
    """Paired change against untreated; grey where the uncertainty does not support it."""
    for difference in result.comparison.differences:
        if difference.option == option.id:
            shown = _shown(difference)
            shared = _column_tag(result, result.comparison.columns[0])
            return replace(shown, tag="") if shown.tag == shared else shown
    return None


def _shown(difference: Difference) -> Value:
    value = signed_points(difference.estimate)
    note = "" if difference.supported else "not told apart"
    return Value(value.text, value.interval, value.tag, note, grey=not difference.supported)


def _reason(option: Option) -> str:
    texts = [reason.text for reason in option.reasons] or ["no reason was recorded"]
    return "; ".join(texts) if option.not_judged else f"{_STATUS[option.status]}: {'; '.join(texts)}"


def _against(result: PlanResult, option: Option) -> tuple[str, ...]:
    """Reasons, rules that name the technique, warnings and harms; one or two, else the first and a count."""
    found = [reason.text for reason in option.reasons]
    found += [
        f"{verdict.rule}: {clause(verdict.text, 60, at=';:')}"
        for verdict in result.explanation.verdicts
        if verdict.truth and verdict.effect in ("caution", "require", "exclude") and _names(verdict, option)
    ]
    found += [clause(warning, 60, at=";:") for warning in option.warnings]
    for column in result.comparison.columns:
        if column.kind == "against":
            harms = column.cell(option).estimates
            found += [f"{column.title} {joined(told(result, harm))}" for harm in harms]
    if len(found) > 2:
        return found[0], f"{len(found) - 1} more in detail"
    return tuple(found)


def _names(verdict: Verdict, option: Option) -> bool:
    return option.plan.technique in verdict.techniques


def _ties(result: PlanResult) -> tuple[str, ...]:
    marks = {option.id: mark_of(result, option) for option in result.simulations.options}
    return tuple(
        f"{marks[one]} and {marks[two]} are not told apart by the uncertainty"
        for one, two in result.comparison.ties
    )


def mark_of(result: PlanResult, option: Option) -> str:
    """Rank, or the sign that says why there is none: colour is never the only carrier."""
    place = result.comparison.place(option.id)
    if place is not None:
        return str(place)
    if option.kind == "comparator":
        return "·"
    return "✕" if option.status in _REJECTED else "–"


def option_detail(
    result: PlanResult, option: Option, pictures: tuple[Picture, ...], card: TechniqueCard | None
) -> OptionDetail:
    """Everything on one option."""
    return OptionDetail(
        option=option,
        anchor=f"option-{option.id}",
        mark=mark_of(result, option),
        status=_STATUS[option.status],
        kind="rejected" if option.status in _REJECTED else option.kind,
        reasons=tuple(
            f"{reason.text} [{reason.rule.replace('_', ' ')}]" if reason.rule else reason.text
            for reason in option.reasons
        ),
        pictures=pictures,
        before_after=_before_after(result, option),
        clearances=tuple(_outcome(result, estimate) for estimate in option.plan.clearances),
        clearances_because=tuple(dict.fromkeys(why for e in option.plan.clearances for why in e.because)),
        outcomes=tuple(_outcome(result, estimate) for estimate in option.outcomes),
        card=card,
    )


def _before_after(result: PlanResult, option: Option) -> tuple[Line, ...]:
    """Per cent of intact first, newtons behind, before and after; nothing where nothing was simulated."""
    if option.kind == "comparator" or option.outcome(result.comparison.ranked_by) is None:
        return ()
    states = (
        ("intact", result.simulations.intact, "100 %"),
        ("now", result.simulations.now, ""),
        ("after", option.outcomes, ""),
    )
    lines = []
    for name, outcomes, fixed in states:
        ratio, force = first(outcomes, result.comparison.ranked_by), first(outcomes, "strength_N")
        text = fixed or ("" if ratio is None else joined(told(result, ratio)))
        shown = force is not None and result.reading.anatomy.calibration.calibrated
        lines.append(
            Line(name, text, note=joined(told(result, force)) if shown and force is not None else "")
        )
    return tuple(lines)


def act_words(act: Act) -> str:
    """An act as a sentence; every act has one."""
    match act:
        case Place():
            length = float(np.linalg.norm(np.subtract(act.target_mm, act.entry_mm)))
            way = f" through the {name_of(act.through)}" if act.through else ""
            long = "" if act.length_mm is None else f", {number(act.length_mm, 'mm')} long"
            stays = f"{long}, it stays in" if act.stays else long
            return (
                f"place {name_of(act.device)}{way}: entry {_point(act.entry_mm)}, "
                f"tip {_point(act.target_mm)}, {length:.0f} mm from entry to tip{stays}"
            )
        case Remove():
            return f"remove {name_of(act.what)}"
        case Expand():
            return f"expand {name_of(act.device)} to {number(act.volume_mL, 'mL')} at {_point(act.at_mm)}"
        case Deliver():
            power = "" if act.power_W is None else f" at {number(act.power_W, 'W')}"
            time = number(act.duration_s, "s")
            return f"deliver {name_of(act.source)}{power} for {time} at {_point(act.at_mm)}"
        case Inject():
            return f"inject {number(act.volume_mL, 'mL')} {name_of(act.agent)} at {_point(act.at_mm)}"
        case Wait():
            minutes = "" if act.minutes is None else f", {number(act.minutes, 'min')}"
            return f"wait: {name_of(act.for_what)}{minutes}"
        case Sample():
            return f"sample with {name_of(act.device)} at {_point(act.at_mm)}"
        case Measure():
            place = "" if act.at_mm is None else f" at {_point(act.at_mm)}"
            return f"measure: {name_of(act.what)}{place}"


def _point(point: Point) -> str:
    """LPS position with letters instead of signs, e.g. ``L 12.0 P 95.3 F 512.5``."""
    letters = (("L", "R"), ("P", "A"), ("H", "F"))
    return " ".join(
        f"{plus if value >= 0 else minus} {abs(value):.1f}"
        for value, (plus, minus) in zip(point, letters, strict=True)
    )


def _outcome(result: PlanResult, estimate: Estimate) -> OutcomeView:
    hidden = absolute(estimate) and not result.reading.anatomy.calibration.calibrated
    keys = {citation.key for citation in result.citations}
    return OutcomeView(
        name=result.wordings.outcomes[estimate.id].title,
        target=name_of(estimate.target),
        value=Value("", note=WITHHELD) if hidden else told(result, estimate),
        level=f"{100 * estimate.level:.0f} %" if estimate.low is not None else "",
        basis=estimate.basis,
        because=tuple(text for text in estimate.because if text not in keys),
        cites=cites(result, [text for text in estimate.because if text in keys]),
    )


def first(outcomes: Sequence[Estimate], id: str) -> Estimate | None:
    """The first outcome of that id."""
    return next((estimate for estimate in outcomes if estimate.id == id), None)
