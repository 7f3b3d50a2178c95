"""What each part of the page says, as typed nouns built from a ``PlanResult``; the template only loops.

Sentences are made here, numbers are formatted in ``words``, pictures come from ``pictures`` and ``scene``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.case import Fact
from osteoplan.model.comparison import Difference
from osteoplan.model.evidence import ScoreResult, Verdict
from osteoplan.model.findings import Finding
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
from osteoplan.report.charts import Axis, Whisker, axis_for
from osteoplan.report.pictures import Picture
from osteoplan.report.words import Value, absolute, clause, name_of, number, plain, signed_points, tag, value_of

__all__ = [
    "INTENDED_USE",
    "Cite",
    "ColourBar",
    "Line",
    "NowBar",
    "OptionDetail",
    "OptionRow",
    "OptionsTable",
    "Page",
    "Plot",
    "RuleView",
    "Running",
    "ScoreView",
    "StrainPage",
    "page_view",
]

INTENDED_USE = "Research use only. Not a medical device."
RANKED_BY = "strength_ratio_to_intact"
NO_EVIDENCE = "no comparable evidence"
WITHHELD = "withheld: uncalibrated"

_COLUMNS = (
    ("cement_volume_mL", "cement", True),
    ("leak_probability_canal", "canal leak", True),
    ("tumour_coverage_pct", "tumour covered", False),
    ("nerve_temperature_max_C", "hottest nerve", False),
    ("pain_response_probability", "pain better", True),
    ("stay_days", "hospital", True),
    ("procedure_time_min", "procedure", True),
)
_NEEDS_A_NEEDLE = frozenset({"cement_volume_mL", "leak_probability_canal", "procedure_time_min"})
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
_LESION_LINES = (
    "size_mm",
    "lesion_volume_mL",
    "body_involved_pct",
    "cortex_lost_pct",
    "canal_mm",
    "posterior_wall_defect",
    "collapse_pct",
    "fx",
)


@dataclass(frozen=True)
class Running:
    """The line on top of every printed page."""

    program: str
    case: str
    level: str
    level_note: str
    date: str
    plan: str
    use: str = INTENDED_USE


@dataclass(frozen=True)
class Line:
    """A label and what stands beside it."""

    label: str
    text: str
    tag: str = ""
    note: str = ""


@dataclass(frozen=True)
class Cite:
    """A source by its number in the list; number 0 is a source that the list does not hold."""

    key: str
    number: int


@dataclass(frozen=True)
class Plot:
    """A whisker on an axis."""

    axis: Axis
    whisker: Whisker


@dataclass(frozen=True)
class NowBar:
    """Strength before treatment: per cent of intact first, newtons behind."""

    ratio: Value | None
    plot: Plot | None
    newtons: str
    basis: str


@dataclass(frozen=True)
class ScoreView:
    """A score with its items; ``headline`` is what the first page says."""

    id: str
    name: str
    headline: str
    bands: tuple[str, ...]
    missing: tuple[str, ...]
    items: tuple[Line, ...]
    tag: str
    cites: tuple[Cite, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class OptionRow:
    """One line of the options table; a rejected one has a ``reason`` instead of cells."""

    anchor: str
    mark: str
    title: str
    kind: str
    strength: Value | None
    plot: Plot | None
    change: Value | None
    cells: tuple[Value, ...]
    against: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class OptionsTable:
    """Options side by side."""

    axis: Axis
    columns: tuple[tuple[str, str], ...]
    rows: tuple[OptionRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RuleView:
    """One rule: what it says here and on what."""

    rule: str
    block: str
    effect: str
    text: str
    short: str
    tag: str
    facts: tuple[Line, ...]
    ask: tuple[str, ...]
    cites: tuple[Cite, ...]


@dataclass(frozen=True)
class StepView:
    """One act in its order."""

    order: int
    session: int
    text: str
    why: str


@dataclass(frozen=True)
class OutcomeView:
    """One outcome with its basis."""

    name: str
    target: str
    value: Value
    level: str
    basis: str
    because: tuple[str, ...]
    cites: tuple[Cite, ...]


@dataclass(frozen=True, eq=False)
class OptionDetail:
    """Everything on one option."""

    anchor: str
    mark: str
    title: str
    status: str
    kind: str
    approach: str
    reasons: tuple[str, ...]
    pictures: tuple[Picture, ...]
    before_after: tuple[Line, ...]
    steps: tuple[StepView, ...]
    clearances: tuple[OutcomeView, ...]
    outcomes: tuple[OutcomeView, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ColourBar:
    """A map from 0 to the top: data URI of the ramp, tick labels as (per cent of length, text)."""

    image: str
    ticks: tuple[tuple[float, str], ...]
    title: str


@dataclass(frozen=True, eq=False)
class StrainPage:
    """Strain in every state, on one range."""

    bar: ColourBar
    states: tuple[tuple[str, tuple[Picture, ...]], ...]
    because: tuple[str, ...]


@dataclass(frozen=True)
class SourceView:
    """One citation; ``link`` is empty or a plain https address."""

    number: int
    key: str
    text: str
    link: str
    link_text: str


@dataclass(frozen=True, eq=False)
class Drawings:
    """The pictures that the page shows."""

    planes: tuple[Picture, ...]
    scene: Picture
    shown: str
    bone: tuple[Picture, ...]
    soft: tuple[Picture, ...]
    options: Mapping[str, tuple[Picture, ...]]
    strain: StrainPage | None


@dataclass(frozen=True, eq=False)
class Page:
    """The whole report."""

    running: Running
    banners: tuple[str, ...]
    lesion_title: str
    lesion: tuple[Line, ...]
    drawings: Drawings
    now: NowBar
    scores: tuple[ScoreView, ...]
    options: OptionsTable
    spoke: tuple[RuleView, ...]
    cannot: tuple[RuleView, ...]
    silent: tuple[RuleView, ...]
    details: tuple[OptionDetail, ...]
    findings: tuple[Line, ...]
    overruled: tuple[Line, ...]
    questions: tuple[Line, ...]
    warnings: tuple[str, ...]
    sources: tuple[SourceView, ...]
    stamp: tuple[Line, ...]
    credits: tuple[str, ...]


def page_view(result: PlanResult, drawings: Drawings) -> Page:
    """Everything that the template loops over."""
    rules = [_rule(result, verdict) for verdict in result.verdicts]
    truths = [verdict.truth for verdict in result.verdicts]
    return Page(
        running=_running(result),
        banners=_banners(result),
        lesion_title=_lesion_title(result),
        lesion=_lesion(result),
        drawings=drawings,
        now=_now(result),
        scores=tuple(_score(result, score) for score in result.scores),
        options=_table(result),
        spoke=tuple(rule for rule, truth in zip(rules, truths, strict=True) if truth is True),
        cannot=tuple(rule for rule, truth in zip(rules, truths, strict=True) if truth is None),
        silent=tuple(rule for rule, truth in zip(rules, truths, strict=True) if truth is False),
        details=tuple(_detail(result, option, drawings) for option in result.options),
        findings=tuple(_finding(found) for found in result.findings),
        overruled=tuple(_finding(found) for found in result.findings.overruled),
        questions=tuple(
            Line(_label(q.fact), q.text, note="asked by " + ", ".join(q.asked_by)) for q in result.questions
        ),
        warnings=result.warnings,
        sources=_sources(result),
        stamp=_stamp(result),
        credits=tuple(dict.fromkeys((*result.credits, *result.case.credits))),
    )


def mark_of(result: PlanResult, option: Option) -> str:
    """Rank, or the sign that says why there is none: colour is never the only carrier."""
    if option.id in result.comparison.ranking:
        return str(result.comparison.ranking.index(option.id) + 1)
    if option.kind == "comparator":
        return "·"
    return "✕" if option.status in _REJECTED else "–"


def _running(result: PlanResult) -> Running:
    lesion = result.anatomy.lesion
    return Running(
        program=f"osteoplan {result.stamp.program}",
        case=result.case.id,
        level=result.anatomy.level.replace("_", " "),
        level_note="level confirmed" if lesion.level_confirmed else "level NOT confirmed",
        date=result.stamp.created or "date not recorded",
        plan=result.id[:8],
    )


def _banners(result: PlanResult) -> tuple[str, ...]:
    """What must be read before any number."""
    found = []
    if result.comparison.emptied_by:
        found.append(f"No ranking: {result.comparison.emptied_by} speaks first. " + _emptying(result))
    if result.case.phantom:
        found.append("Generated phantom: these images are not a patient.")
    if not result.anatomy.calibration.calibrated:
        found.append("Uncalibrated: ratios only. Newtons are not shown, because this scan cannot give them.")
    return tuple(found)


def _emptying(result: PlanResult) -> str:
    rules = {rule.strip() for rule in result.comparison.emptied_by.split(",")}
    return " ".join(v.text for v in result.verdicts if v.rule in rules)


def _lesion_title(result: PlanResult) -> str:
    lesion = result.anatomy.lesion
    words = [lesion.matrix or "matrix unknown", "simulated" if lesion.simulated else "", lesion.side]
    return ", ".join(word for word in words if word)


def _lesion(result: PlanResult) -> tuple[Line, ...]:
    """Lesion first, then the patient; what nobody knows is said to be unknown."""
    lines = []
    for name in _LESION_LINES:
        found = result.findings.items.get(name)
        text = "unknown" if found is None else _fact(name, found.value)
        lines.append(Line(_label(name), text, note="" if found is None else found.source))
    return (*lines, *_patient(result))


def _patient(result: PlanResult) -> tuple[Line, ...]:
    patient = result.case.patient
    age = "age unknown" if patient.age_y is None else f"{patient.age_y:.0f} y"
    persona = " (invented persona)" if patient.invented else ""
    lines = [Line("patient" + persona, f"{age}, {patient.sex or 'sex unknown'}")]
    for name in ("primary", "ecog", "pain_nrs", "pain_type"):
        lines.append(Line(_label(name), _fact(name, result.findings.value(name))))
    return tuple(lines)


def _now(result: PlanResult) -> NowBar:
    ratio = _first(result.now, RANKED_BY)
    force = _first(result.now, "strength_N")
    newtons = "newtons withheld: uncalibrated"
    if result.anatomy.calibration.calibrated:
        newtons = "" if force is None else _joined(value_of(force))
    plot = None
    if ratio is not None:
        axis = axis_for([ratio], at_least=110.0, width=340.0, marks=(100.0,))
        plot = Plot(axis, axis.whisker(ratio))
    basis = result.anatomy.intact_basis
    return NowBar(None if ratio is None else value_of(ratio), plot, newtons, f"intact: {basis}" if basis else "")


def _score(result: PlanResult, score: ScoreResult) -> ScoreView:
    low, high = score.total
    total = str(low) if low == high else f"{low}–{high}"
    items = tuple(
        Line(_label(item), f"{a}" if a == b else f"{a}–{b}", note="missing" if item in score.missing else "")
        for item, (a, b) in score.items.items()
    )
    return ScoreView(
        id=score.id,
        name=score.name,
        headline=f"{score.name} {total} of {score.maximum}",
        bands=score.band_text or score.band,
        missing=tuple(_label(item) for item in score.missing),
        items=items,
        tag=tag(score.status),
        cites=_cites(result, score.cite),
        notes=score.notes,
    )


def _table(result: PlanResult) -> OptionsTable:
    strengths = [e for o in result.options if (e := o.outcome(RANKED_BY)) is not None]
    now = _first(result.now, RANKED_BY)
    marks = [100.0] if now is None else [now.value, 100.0]
    axis = axis_for(strengths, at_least=110.0, width=150.0, marks=marks)
    columns = [
        (id, title)
        for id, title, always in _COLUMNS
        if always or any(option.outcome(id) is not None for option in result.options)
    ]
    return OptionsTable(
        axis=axis,
        columns=tuple((title, _basis_of(result, id)) for id, title in columns),
        rows=tuple(_row(result, option, axis, [id for id, _ in columns]) for option in result.options),
        notes=(*_ties(result), *result.comparison.notes),
    )


def _basis_of(result: PlanResult, id: str) -> str:
    """``simulated`` or ``published`` under a column's title, where it is one of them."""
    found = {e.basis for o in result.options if (e := o.outcome(id)) is not None}
    return " and ".join(sorted(found))


def _row(result: PlanResult, option: Option, axis: Axis, columns: Sequence[str]) -> OptionRow:
    strength = option.outcome(RANKED_BY)
    change = _difference(result, option)
    rejected = option.status in _REJECTED
    return OptionRow(
        anchor=f"option-{option.id}",
        mark=mark_of(result, option),
        title=option.plan.title,
        kind="rejected" if rejected else option.kind,
        strength=None if strength is None else value_of(strength),
        plot=None if strength is None else Plot(axis, axis.whisker(strength)),
        change=change,
        cells=tuple(_cell(option, id) for id in columns),
        against=() if rejected else _against(result, option),
        reason=_reason(option) if rejected else "",
    )


def _cell(option: Option, id: str) -> Value:
    estimate = option.outcome(id)
    if estimate is not None:
        return value_of(estimate)
    if not option.plan.steps and option.kind == "comparator" and id in _NEEDS_A_NEEDLE:
        return Value("–", note="not applicable")
    return Value("", note=NO_EVIDENCE)


def _difference(result: PlanResult, option: Option) -> Value | None:
    """Paired change against untreated; grey where the uncertainty does not support it."""
    for difference in result.comparison.differences:
        if difference.option == option.id and difference.outcome == RANKED_BY:
            return _shown(difference)
    return None


def _shown(difference: Difference) -> Value:
    value = signed_points(difference.estimate)
    note = "" if difference.supported else "not told apart"
    return Value(value.text, value.interval, value.tag, note, grey=not difference.supported)


def _reason(option: Option) -> str:
    texts = [reason.text for reason in option.reasons] or ["no reason was recorded"]
    return f"{_STATUS[option.status]}: {'; '.join(texts)}"


def _against(result: PlanResult, option: Option) -> tuple[str, ...]:
    """Reasons, rules that name the technique, warnings and harms; the first three, then a count."""
    harm = option.outcome("major_complication_probability")
    found = [reason.text for reason in option.reasons]
    found += [
        f"{verdict.rule}: {clause(verdict.text)}"
        for verdict in result.verdicts
        if verdict.truth and verdict.effect in ("warn", "require", "exclude") and _names(verdict, option)
    ]
    if harm is not None:
        found.append(f"major complication {_joined(value_of(harm))}")
    found += [clause(warning) for warning in option.warnings]
    if len(found) > 3:
        return (*found[:3], f"and {len(found) - 3} more, in detail below")
    return tuple(found)


def _names(verdict: Verdict, option: Option) -> bool:
    return option.plan.technique in verdict.techniques


def _ties(result: PlanResult) -> tuple[str, ...]:
    marks = {option.id: mark_of(result, option) for option in result.options}
    return tuple(
        f"{marks[one]} and {marks[two]} are not told apart by the uncertainty"
        for one, two in result.comparison.ties
    )


def _rule(result: PlanResult, verdict: Verdict) -> RuleView:
    return RuleView(
        rule=verdict.rule,
        block=verdict.block.replace("_", " "),
        effect=verdict.effect,
        text=verdict.text,
        short=clause(verdict.text, 110),
        tag=tag(verdict.status),
        facts=tuple(Line(_label(name), _fact(name, value)) for name, value in verdict.trace.items()),
        ask=tuple(_label(name) for name in verdict.ask),
        cites=_cites(result, verdict.cite),
    )


def _detail(result: PlanResult, option: Option, drawings: Drawings) -> OptionDetail:
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
        pictures=drawings.options.get(option.id, ()),
        before_after=_before_after(result, option),
        steps=tuple(_step(step) for step in option.plan.steps),
        clearances=tuple(_outcome(result, estimate) for estimate in option.plan.clearances),
        outcomes=tuple(_outcome(result, estimate) for estimate in option.outcomes),
        warnings=option.warnings,
    )


def _before_after(result: PlanResult, option: Option) -> tuple[Line, ...]:
    """Per cent of intact first, newtons behind, before and after; nothing where nothing was simulated."""
    if option.outcome(RANKED_BY) is None:
        return ()
    states = (
        ("intact", result.intact, "100 %"),
        ("now", result.now, ""),
        ("after", option.outcomes, ""),
    )
    lines = []
    for name, outcomes, fixed in states:
        ratio, force = _first(outcomes, RANKED_BY), _first(outcomes, "strength_N")
        text = fixed or ("" if ratio is None else _joined(value_of(ratio)))
        shown = force is not None and result.anatomy.calibration.calibrated
        lines.append(Line(name, text, note=_joined(value_of(force)) if shown and force is not None else ""))
    return tuple(lines)


def _step(step: Step) -> StepView:
    return StepView(step.order, step.session, _act(step.act), step.why)


def _act(act: Act) -> str:
    """An act as a sentence; every act has one."""
    match act:
        case Place():
            length = float(np.linalg.norm(np.subtract(act.target_mm, act.entry_mm)))
            way = f" through the {act.through}" if act.through else ""
            stays = ", it stays in" if act.stays else ""
            return (
                f"place {_words(act.device)}{way}: entry {_point(act.entry_mm)}, "
                f"tip {_point(act.target_mm)}, {length:.0f} mm from entry to tip{stays}"
            )
        case Remove():
            return f"remove {_words(act.what)}"
        case Expand():
            return f"expand {_words(act.device)} to {number(act.volume_mL, 'mL')} at {_point(act.at_mm)}"
        case Deliver():
            power = "" if act.power_W is None else f" at {number(act.power_W, 'W')}"
            return f"deliver {_words(act.source)}{power} for {number(act.duration_s, 's')} at {_point(act.at_mm)}"
        case Inject():
            return f"inject {number(act.volume_mL, 'mL')} {_words(act.agent)} at {_point(act.at_mm)}"
        case Wait():
            minutes = "" if act.minutes is None else f", {number(act.minutes, 'min')}"
            return f"wait: {_words(act.for_what)}{minutes}"
        case Sample():
            return f"sample with {_words(act.device)} at {_point(act.at_mm)}"
        case Measure():
            place = "" if act.at_mm is None else f" at {_point(act.at_mm)}"
            return f"measure: {_words(act.what)}{place}"


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
        target=_words(estimate.target),
        value=Value("", note=WITHHELD) if hidden else value_of(estimate),
        level=f"{100 * estimate.level:.0f} %" if estimate.low is not None else "",
        basis=estimate.basis,
        because=tuple(text for text in estimate.because if text not in keys),
        cites=_cites(result, [text for text in estimate.because if text in keys]),
    )


def _finding(found: Finding) -> Line:
    return Line(_label(found.name), _fact(found.name, found.value, found.unit), found.source, found.because)


def _label(name: str) -> str:
    """What the vocabulary calls a fact."""
    row = vocabulary().get(name)
    return name_of(name) if row is None else row.label


def _fact(name: str, value: Fact | Sequence[float], unit: str = "1") -> str:
    """A fact in words: levels as the vocabulary explains them, ranges with a dash."""
    row = vocabulary().get(name)
    if isinstance(value, list | tuple):
        low, high = value
        return plain(low) if low == high else f"{plain(low)}–{plain(high)}"
    if row is not None and isinstance(value, str):
        return row.levels.get(value, value)
    return plain(value, unit if row is None or unit != "1" else row.unit)


def _cites(result: PlanResult, keys: Iterable[str]) -> tuple[Cite, ...]:
    numbers = {citation.key: n for n, citation in enumerate(result.citations, 1)}
    return tuple(Cite(key, numbers.get(key, 0)) for key in keys)


def _sources(result: PlanResult) -> tuple[SourceView, ...]:
    found = []
    for n, citation in enumerate(result.citations, 1):
        link, text = "", ""
        if citation.doi:
            link, text = f"https://doi.org/{citation.doi}", f"doi:{citation.doi}"
        elif citation.pmid:
            link, text = f"https://pubmed.ncbi.nlm.nih.gov/{citation.pmid}/", f"PMID {citation.pmid}"
        elif citation.url.startswith(("https://", "http://")):
            link, text = citation.url, citation.url
        found.append(SourceView(n, citation.key, citation.text, link, text))
    return tuple(found)


def _stamp(result: PlanResult) -> tuple[Line, ...]:
    stamp = result.stamp
    lines = [
        Line("plan", result.id),
        Line("program", f"osteoplan {stamp.program}"),
        Line("knowledge", stamp.knowledge),
        Line("seed", str(stamp.seed)),
        Line("made", stamp.created or "date not recorded"),
        Line("calibration", _calibration(result)),
    ]
    lines += [Line(f"input {name}", value) for name, value in stamp.inputs.items()]
    lines += [Line(f"setting {name}", str(value)) for name, value in stamp.settings.items()]
    return tuple(lines)


def _calibration(result: PlanResult) -> str:
    c = result.anatomy.calibration
    state = "calibrated" if c.calibrated else "uncalibrated, ratios only"
    tube = "" if c.kvp is None else f", {c.kvp:.0f} kV"
    return (
        f"{c.kind}{tube}: density = {c.slope:.4g} (± {c.slope_sd:.2g}) x image + {c.intercept:.4g} "
        f"(± {c.intercept_sd:.2g}) mg/cm³; {state}"
    ).replace("+ -", "− ")


def _first(outcomes: Iterable[Estimate], id: str) -> Estimate | None:
    return next((estimate for estimate in outcomes if estimate.id == id), None)


def _joined(value: Value) -> str:
    return f"{value.text} {value.interval}".strip()


def _words(id: str) -> str:
    return id.replace("_", " ")
