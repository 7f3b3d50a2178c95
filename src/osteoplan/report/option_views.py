"""The options table of the first page, and everything on each option behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from osteoplan.model.comparison import Difference
from osteoplan.model.evidence import Verdict
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import (
    Act,
    Deliver,
    Expand,
    Inject,
    Measure,
    Option,
    Place,
    Point,
    Remove,
    Sample,
    Step,
    Wait,
)
from osteoplan.model.result import PlanResult
from osteoplan.report.charts import Axis, axis_for
from osteoplan.report.cited import cites
from osteoplan.report.pictures import Picture
from osteoplan.report.views import (
    Column,
    Line,
    OptionDetail,
    OptionRow,
    OptionsTable,
    OutcomeView,
    Plot,
    StepView,
)
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

__all__ = ["act_words", "first", "mark_of", "option_detail", "options_table", "ranked_word"]

NO_EVIDENCE = "no comparable evidence"
WITHHELD = "withheld: uncalibrated"

# title, outcome ids that share the column, whether it stands there without any evidence
_COLUMNS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("cement", ("cement_volume_mL",), True),
    ("canal leak", ("leak_probability_canal",), True),
    ("tumour covered", ("tumour_coverage_pct",), False),
    ("hottest nerve", ("nerve_temperature_max_C",), False),
    ("pain better", ("pain_response_probability",), True),
    ("stay, time", ("stay_days", "procedure_time_min"), True),
)
_OF_A_VERTEBRA = ("leak_probability_canal",)  # no other bone has a canal to leak into
_NEEDS_A_NEEDLE = frozenset({"cement_volume_mL", "leak_probability_canal"})
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


def ranked_word(result: PlanResult) -> str:
    """What the options are ranked by: strength, or stiffness where no strength is claimed."""
    return result.comparison.ranked_by.partition("_")[0]


def options_table(result: PlanResult) -> OptionsTable:
    """Options side by side, in the order of the result: ranked, rejected, comparators."""
    strengths = [e for o in result.options if (e := o.outcome(result.comparison.ranked_by)) is not None]
    now = first(result.now, result.comparison.ranked_by)
    marks = [100.0] if now is None else [now.value, 100.0]
    axis = axis_for(strengths, at_least=110.0, width=130.0, marks=marks)
    asked = [column for column in _COLUMNS if result.anatomy.is_vertebra or column[1] != _OF_A_VERTEBRA]
    columns = [(title, ids) for title, ids, always in asked if always or _estimates(result, ids)]
    return OptionsTable(
        axis=axis,
        ranked_word=ranked_word(result),
        strength_tag=_column_tag(result, (result.comparison.ranked_by,)),
        columns=tuple(
            Column(title, _basis_of(result, ids), _column_tag(result, ids)) for title, ids in columns
        ),
        rows=tuple(_row(result, option, axis, [ids for _, ids in columns]) for option in result.options),
        notes=(*_ties(result), *_levels(result), *result.comparison.notes),
    )


def _estimates(result: PlanResult, ids: Sequence[str]) -> list[Estimate]:
    """Every estimate of a column."""
    return [e for option in result.options for id in ids if (e := option.outcome(id)) is not None]


def _basis_of(result: PlanResult, ids: Sequence[str]) -> str:
    """``simulated`` or ``published``, under a column's title."""
    return " and ".join(sorted({estimate.basis for estimate in _estimates(result, ids)}))


def _column_tag(result: PlanResult, ids: Sequence[str]) -> str:
    """The review tag that every value of a column carries: said once, in the head of the column."""
    found = {tag(estimate.status) for estimate in _estimates(result, ids)}
    return found.pop() if len(found) == 1 else ""


def _levels(result: PlanResult) -> tuple[str, ...]:
    """What the brackets hold."""
    levels = {e.level for o in result.options for e in o.outcomes if e.low is not None}
    shares = ", ".join(f"{100 * level:.0f} %" for level in sorted(levels))
    return (f"in brackets: {shares} intervals",) if levels else ()


def _row(result: PlanResult, option: Option, axis: Axis, columns: Sequence[Sequence[str]]) -> OptionRow:
    strength = option.outcome(result.comparison.ranked_by)
    change = _difference(result, option)
    rejected = option.status in _REJECTED
    return OptionRow(
        anchor=f"option-{option.id}",
        mark=mark_of(result, option),
        title=option.plan.title,
        kind="rejected" if rejected else option.kind,
        strength=None
        if strength is None
        else _untagged(result, (result.comparison.ranked_by,), value_of(strength)),
        plot=None if strength is None else Plot(axis, axis.whisker(strength)),
        change=change,
        no_strength=NO_EVIDENCE,
        cells=tuple(tuple(_untagged(result, ids, value) for value in _cell(option, ids)) for ids in columns),
        against=() if rejected else _against(result, option),
        reason=_reason(option) if rejected else "",
    )


def _untagged(result: PlanResult, ids: Sequence[str], value: Value) -> Value:
    """The value without the tag that the head of its column shows."""
    return replace(value, tag="") if value.tag == _column_tag(result, ids) else value


def _cell(option: Option, ids: Sequence[str]) -> tuple[Value, ...]:
    """What is known, or that nothing comparable is; a dash where the question does not arise."""
    known = tuple(value_of(e) for id in ids if (e := option.outcome(id)) is not None)
    if known:
        return known
    if option.kind == "comparator" and _NEEDS_A_NEEDLE.issuperset(ids):
        return (Value("–", note="not applicable"),)
    return (Value("", note=NO_EVIDENCE),)


def _difference(result: PlanResult, option: Option) -> Value | None:
    """Paired change against untreated; grey where the uncertainty does not support it."""
    for difference in result.comparison.differences:
        if difference.option == option.id and difference.outcome == result.comparison.ranked_by:
            return _untagged(result, (result.comparison.ranked_by,), _shown(difference))
    return None


def _shown(difference: Difference) -> Value:
    value = signed_points(difference.estimate)
    note = "" if difference.supported else "not told apart"
    return Value(value.text, value.interval, value.tag, note, grey=not difference.supported)


def _reason(option: Option) -> str:
    texts = [reason.text for reason in option.reasons] or ["no reason was recorded"]
    return f"{_STATUS[option.status]}: {'; '.join(texts)}"


def _against(result: PlanResult, option: Option) -> tuple[str, ...]:
    """Reasons, rules that name the technique, warnings and harms; one or two, else the first and a count."""
    harm = option.outcome("major_complication_probability")
    found = [reason.text for reason in option.reasons]
    found += [
        f"{verdict.rule}: {clause(verdict.text, 60, at=';:')}"
        for verdict in result.verdicts
        if verdict.truth and verdict.effect in ("warn", "require", "exclude") and _names(verdict, option)
    ]
    found += [clause(warning, 60, at=";:") for warning in option.warnings]
    if harm is not None:
        found.append(f"major complication {joined(value_of(harm))}")
    if len(found) > 2:
        return found[0], f"{len(found) - 1} more in detail"
    return tuple(found)


def _names(verdict: Verdict, option: Option) -> bool:
    return option.plan.technique in verdict.techniques


def _ties(result: PlanResult) -> tuple[str, ...]:
    marks = {option.id: mark_of(result, option) for option in result.options}
    return tuple(
        f"{marks[one]} and {marks[two]} are not told apart by the uncertainty"
        for one, two in result.comparison.ties
    )


def mark_of(result: PlanResult, option: Option) -> str:
    """Rank, or the sign that says why there is none: colour is never the only carrier."""
    if option.id in result.comparison.ranking:
        return str(result.comparison.ranking.index(option.id) + 1)
    if option.kind == "comparator":
        return "·"
    return "✕" if option.status in _REJECTED else "–"


def option_detail(result: PlanResult, option: Option, pictures: tuple[Picture, ...]) -> OptionDetail:
    """Everything on one option."""
    return OptionDetail(
        anchor=f"option-{option.id}",
        mark=mark_of(result, option),
        title=option.plan.title,
        status=_STATUS[option.status],
        kind="rejected" if option.status in _REJECTED else option.kind,
        approach=option.plan.approach,
        reasons=tuple(
            f"{reason.text} [{reason.rule.replace('_', ' ')}]" if reason.rule else reason.text
            for reason in option.reasons
        ),
        pictures=pictures,
        before_after=_before_after(result, option),
        steps=tuple(_step(step) for step in option.plan.steps),
        clearances=tuple(_outcome(result, estimate) for estimate in option.plan.clearances),
        clearances_because=tuple(dict.fromkeys(why for e in option.plan.clearances for why in e.because)),
        outcomes=tuple(_outcome(result, estimate) for estimate in option.outcomes),
        warnings=option.warnings,
    )


def _before_after(result: PlanResult, option: Option) -> tuple[Line, ...]:
    """Per cent of intact first, newtons behind, before and after; nothing where nothing was simulated."""
    if option.kind == "comparator" or option.outcome(result.comparison.ranked_by) is None:
        return ()
    states = (
        ("intact", result.intact, "100 %"),
        ("now", result.now, ""),
        ("after", option.outcomes, ""),
    )
    lines = []
    for name, outcomes, fixed in states:
        ratio, force = first(outcomes, result.comparison.ranked_by), first(outcomes, "strength_N")
        text = fixed or ("" if ratio is None else joined(value_of(ratio)))
        shown = force is not None and result.anatomy.calibration.calibrated
        lines.append(Line(name, text, note=joined(value_of(force)) if shown and force is not None else ""))
    return tuple(lines)


def _step(step: Step) -> StepView:
    return StepView(step.order, step.session, act_words(step.act), step.why)


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
    hidden = absolute(estimate) and not result.anatomy.calibration.calibrated
    keys = {citation.key for citation in result.citations}
    return OutcomeView(
        name=name_of(estimate.id),
        target=name_of(estimate.target),
        value=Value("", note=WITHHELD) if hidden else value_of(estimate),
        level=f"{100 * estimate.level:.0f} %" if estimate.low is not None else "",
        basis=estimate.basis,
        because=tuple(text for text in estimate.because if text not in keys),
        cites=cites(result, [text for text in estimate.because if text in keys]),
    )


def first(outcomes: Sequence[Estimate], id: str) -> Estimate | None:
    """The first outcome of that id."""
    return next((estimate for estimate in outcomes if estimate.id == id), None)
