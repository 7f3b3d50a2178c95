"""The page's nouns from a ``PlanResult``: lesion, strength now, scores, rules, questions, sources, stamp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from osteoplan.model.evidence import Effect, ScoreResult, Verdict, few
from osteoplan.model.findings import Label
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.boundary_conditions import boundary_lines, boundary_uri
from osteoplan.report.drawing.charts import axis_for
from osteoplan.report.facts_in_words import calibration_words, fact_words, finding_line, found_words, label_of
from osteoplan.report.plan.nouns import (
    BoundaryView,
    Drawings,
    NowBar,
    OptionDetail,
    PlanPage,
    Plot,
    RuleView,
    Running,
    ScoreView,
    cites,
)
from osteoplan.report.plan.options import WITHHELD, first, option_detail, options_table, told
from osteoplan.report.plan.uncertainty import certainty_view
from osteoplan.report.views import Line
from osteoplan.report.words import Value, absolute, clause, joined, tag

__all__ = ["boundary_views", "page_view"]

# What the lesion box says, in the few words that fit beside a number.
_EVERY_LESION = {"axes_mm": "size", "lesion_volume_mL": "volume"}
_LESION_LINES = {
    "spine": {
        "body_involved_pct": "share of the body",
        "cortex_lost_pct": "cortex lost",
        "canal_mm": "to the canal",
        "posterior_wall_defect": "posterior wall defect",
        "collapse_pct": "collapse",
        "fx": "fracture",
    },
    "sacrum": {
        "bone_involved_pct": "share of the bone",
        "denis_zone": "zone",
        "canal_mm": "to the canal",
        "nerve_mm": "to a nerve",
        "joint_mm": "to the joint",
        "fx": "fracture",
    },
    "pelvis": {
        "region": "region",
        "bone_involved_pct": "share of the bone",
        "dome_lost_pct": "dome lost",
        "joint_mm": "to the joint",
        "nerve_mm": "to a nerve",
        "harrington": "Harrington class",
        "fx": "fracture",
    },
    "long bone": {
        "region": "region",
        "axial_mm": "cortex, along",
        "circ_pct": "cortex, around",
        "bone_diameter_pct": "share of the diameter",
        "joint_mm": "to the joint",
        "fx": "fracture",
    },
}
_PATIENT_LINES = {
    "primary": "primary",
    "ecog": "ECOG",
    "pain_nrs": "worst pain, 0 to 10",
    "pain_type": "kind of pain",
}
_WEIGHT: tuple[Effect, ...] = ("stop", "route", "exclude", "require", "prefer", "consider", "caution", "info")
_FIRST_RULES = 7
Labels = Mapping[str, Label]


def page_view(result: PlanResult, drawings: Drawings) -> PlanPage:
    """Everything that the template loops over."""
    labels = result.wordings.labels
    spoke, cannot = _rules(result, True), _rules(result, None)
    read = {
        name for verdict in result.explanation.verdicts for name in verdict.trace
    }  # what rules hang on comes first
    scores = tuple(
        _score(result, one) for one in sorted(result.explanation.scores, key=lambda one: one.id not in read)
    )
    return PlanPage(
        result=result,
        running=_running(result),
        banners=_banners(result),
        lesion_title=_lesion_title(result),
        lesion=_lesion(result),
        drawings=drawings,
        now=_now(result),
        scores=scores,
        first_scores=tuple(score for score in scores if not score.silent),
        silent_scores=", ".join(_abbreviation(score.name) for score in scores if score.silent),
        options=options_table(result),
        spoke=spoke,
        cannot=cannot,
        silent=_rules(result, False),
        first_spoke=spoke[:_FIRST_RULES],
        first_cannot=_asked(result),
        rules_note=_rules_note(len(spoke)),
        details=_details(result, drawings),
        boundary_summaries=boundary_views(result),
        certainty=certainty_view(result),
        findings=tuple(finding_line(found, labels) for found in result.reading.findings),
        overruled=tuple(finding_line(found, labels) for found in result.reading.findings.overruled),
        questions=tuple(
            Line(label_of(q.fact, labels), q.text, note="asked by " + few(q.asked_by))
            for q in result.explanation.questions
        ),
        stamp=_stamp(result),
    )


def _details(result: PlanResult, drawings: Drawings) -> tuple[OptionDetail, ...]:
    """Every option; a technique's monograph stands beside the first option that uses it."""
    found = []
    cards = dict(result.wordings.cards)
    for option in result.simulations.options:
        pictures, card = drawings.options.get(option.id, ()), cards.pop(option.plan.technique, None)
        found.append(option_detail(result, option, pictures, card))
    return tuple(found)


def _running(result: PlanResult) -> Running:
    return Running(
        program=f"osteoplan {result.stamp.program}",
        case=result.reading.case.id,
        level=result.reading.anatomy.level,
        level_note=_level_note(result),
        date=result.stamp.created or "date not recorded",
        plan=result.id[:8],
    )


def _level_note(result: PlanResult) -> str:
    """A vertebra is counted by somebody; a bone with a name and a side is declared."""
    if not result.reading.anatomy.is_vertebra:
        return "bone and side as declared"
    return "level confirmed" if result.reading.anatomy.lesion.level_confirmed else "level NOT confirmed"


def _banners(result: PlanResult) -> tuple[str, ...]:
    """What must be read before any number."""
    found = []
    if result.comparison.emptied_by:
        found.append(f"No ranking: {result.comparison.emptied_by} speaks first. " + _emptying(result))
    if result.reading.case.phantom:
        found.append("Generated phantom: these images are not a patient.")
    if not result.reading.anatomy.calibration.calibrated:
        found.append("Uncalibrated: ratios only. Newtons are not shown, because this scan cannot give them.")
    return (*found, *result.reading.anatomy.alerts)


def _emptying(result: PlanResult) -> str:
    rules = {rule.strip() for rule in result.comparison.emptied_by.split(",")}
    return " ".join(v.text for v in result.explanation.verdicts if v.rule in rules)


def _lesion_title(result: PlanResult) -> str:
    lesion = result.reading.anatomy.lesion
    words = [lesion.matrix or "matrix unknown", "simulated" if lesion.simulated else "", lesion.side]
    return ", ".join(word for word in words if word)


def _lesion(result: PlanResult) -> tuple[Line, ...]:
    """Lesion first, then the patient; what nobody knows is said to be unknown."""
    lines, labels = [], result.wordings.labels
    own = _LESION_LINES.get(result.wordings.site, _LESION_LINES["long bone"])
    for name, label in (_EVERY_LESION | own).items():
        found = result.reading.findings.items.get(name)
        text = "unknown" if found is None else clause(found_words(found, labels), at=",")
        text = text.removesuffix(f" {label}")
        lines.append(Line(label, text, note="" if found is None else found.source))
    return (*lines, *_patient(result))


def _patient(result: PlanResult) -> tuple[Line, ...]:
    patient = result.reading.case.patient
    age = "age unknown" if patient.age_y is None else f"{patient.age_y:.0f} y"
    person = "invented persona" if patient.invented else "patient"
    lines = [Line(person, f"{age}, {patient.sex or 'sex unknown'}")]
    for name, label in _PATIENT_LINES.items():
        lines.append(
            Line(
                label,
                clause(fact_words(name, result.reading.findings.value(name), result.wordings.labels), at=","),
            )
        )
    return tuple(lines)


def _now(result: PlanResult) -> NowBar:
    ratio = first(result.simulations.now, result.comparison.ranked_by)
    force = first(result.simulations.now, "strength_N")
    newtons = "newtons withheld: uncalibrated"
    if result.reading.anatomy.calibration.calibrated:
        newtons = "" if force is None else joined(told(result, force))
    if force is None and ratio is not None:
        newtons = "relative stiffness under one load case: no strength is claimed"
    plot = None
    if ratio is not None:
        axis = axis_for([ratio], at_least=110.0, width=340.0, marks=(100.0,))
        plot = Plot(axis, axis.whisker(ratio))
    basis = result.reading.anatomy.intact_basis
    return NowBar(
        None if ratio is None else told(result, ratio), plot, newtons, f"intact: {basis}" if basis else ""
    )


def _score(result: PlanResult, score: ScoreResult) -> ScoreView:
    bands = [clause(text) for text in score.band_text or score.band]
    labels = result.wordings.labels
    items = tuple(
        Line(
            label_of(item, labels),
            f"{a}" if a == b else f"{a}–{b}",
            note="missing" if item in score.missing else score.sources.get(item, ""),
        )
        for item, (a, b) in score.items.items()
    )
    return ScoreView(
        id=score.id,
        name=score.name,
        headline=f"{_abbreviation(score.name)}{_total(score)}{_bands(score, bands)}",
        silent=score.silent,
        bands=score.band_text or score.band,
        missing=tuple(label_of(item, labels) for item in score.missing),
        items=items,
        tag=tag(score.status),
        cites=cites(result, score.cite),
        notes=score.notes,
        conflicts=score.conflicts,
    )


def _total(score: ScoreResult) -> str:
    """`` 9–12 of 18: `` of a sum; a class has no number worth reading."""
    if score.kind != "sum":
        return ": "
    low, high = score.total
    return f" {low if low == high else f'{low}–{high}'} of {score.maximum}: "


def _bands(score: ScoreResult, texts: Sequence[str]) -> str:
    """Neighbouring bands from the first to the last; classes, and conventions of reading, one by one."""
    if not texts:
        return "nothing for certain"
    if score.kind != "sum":
        return " or ".join(texts)
    several = any("/" in band for band in score.band)
    return "; ".join(texts) if several else " to ".join(dict.fromkeys((texts[0], texts[-1])))


def _abbreviation(name: str) -> str:
    """``SINS`` of a name that ends with it in brackets; else the name."""
    return name[name.rindex("(") + 1 : -1] if name.endswith(")") and "(" in name else name


def _rules(result: PlanResult, truth: bool | None) -> tuple[RuleView, ...]:
    """The rules that say so, the weightiest effect first."""
    said = [verdict for verdict in result.explanation.verdicts if verdict.truth is truth]
    return tuple(_rule(result, verdict) for verdict in sorted(said, key=lambda v: _WEIGHT.index(v.effect)))


def _rules_note(spoke: int) -> str:
    """What the first page leaves to the page of rules."""
    return f"{spoke - _FIRST_RULES} more spoke: see the page of rules" if spoke > _FIRST_RULES else ""


def _asked(result: PlanResult) -> tuple[Line, ...]:
    """Unknown facts, each with the rules that wait for it; the fact that most wait for comes first.

    The open questions already resolve a missing score into its missing items; a mute rule that no question
    mentions is listed by its own unknowns.
    """
    waiting = {question.fact: list(question.asked_by) for question in result.explanation.questions}
    heard = {rule for rules in waiting.values() for rule in rules}
    for verdict in result.explanation.verdicts:
        if verdict.truth is None and verdict.rule not in heard:
            for fact in verdict.ask:
                waiting.setdefault(fact, []).append(verdict.rule)
    order = sorted(waiting, key=lambda fact: -len(waiting[fact]))
    return tuple(Line(label_of(fact, result.wordings.labels), few(waiting[fact])) for fact in order)


def _rule(result: PlanResult, verdict: Verdict) -> RuleView:
    labels = result.wordings.labels
    return RuleView(
        rule=verdict.rule,
        block=verdict.block.replace("_", " "),
        effect=verdict.effect,
        text=verdict.text,
        short=clause(verdict.text, 80),
        tag=tag(verdict.status, verdict.tag),
        facts=tuple(
            Line(label_of(name, labels), fact_words(name, value, labels))
            for name, value in verdict.trace.items()
        ),
        ask=tuple(label_of(name, labels) for name in verdict.ask),
        cites=cites(result, verdict.cite),
    )


def _stamp(result: PlanResult) -> tuple[Line, ...]:
    stamp = result.stamp
    lines = [
        Line("plan", result.id),
        Line("program", f"osteoplan {stamp.program}"),
        Line("knowledge", stamp.knowledge),
        Line("overrides", _overrides(result)),
        Line("seed", str(stamp.seed)),
        Line("made", stamp.created or "date not recorded"),
        Line("calibration", calibration_words(result.reading.anatomy.calibration)),
    ]
    lines += _numerics(result.simulations.numerics)
    lines += [Line(f"input {name}", value) for name, value in stamp.inputs.items()]
    lines += [Line(f"setting {name}", str(value)) for name, value in stamp.settings.items()]
    return tuple(lines)


def _numerics(found: Mapping[str, Any]) -> list[Line]:
    """How the strength before treatment was computed; nothing where it was not."""
    if "elements" not in found:
        return []
    mesh = f"{found['elements']} cubes of {found['spacing_mm']:g} mm, {3 * found['nodes']} unknowns"
    solver = f"relative residual {found['residual']:.1e} after {found['iterations']} steps"
    balance = (
        f"forces balance to {found['reaction_against_load']:.1e} of the load, reaction and energy agree to "
        f"{found['reaction_against_energy']:.1e}"
    )
    return [
        Line("strength, mesh", mesh),
        Line("strength, held and loaded", str(found["boundary_condition"])),
        Line("strength, density laws", str(found["laws"])),
        Line("strength, solver", f"{solver}; {balance}"),
    ]


def _overrides(result: PlanResult) -> str:
    used = result.explanation.knowledge
    if not used.local:
        return "none"
    return f"{used.local}, signed by {used.signed_by or 'nobody'}: {len(used.overrides)}"


def boundary_views(result: PlanResult) -> tuple[BoundaryView, ...]:
    """Every load case that was run, the one that ranks first."""
    return tuple(
        BoundaryView(
            one.title,
            boundary_uri(result.reading.anatomy, one),
            boundary_lines(one),
            _outcomes(result, one.title),
        )
        for one in result.simulations.boundary_summaries
    )


def _outcomes(result: PlanResult, title: str) -> tuple[tuple[str, Value], ...]:
    """Of the bone now, shares of intact first; a ratio to a load of life says which load."""
    found = []
    for estimate in sorted(result.simulations.now, key=lambda one: one.unit != "%"):
        case, _, load = estimate.target.partition(": ")
        if case != title:
            continue
        name = ", ".join(filter(None, (result.wordings.outcomes[estimate.id].title, load)))
        hidden = absolute(estimate) and not result.reading.anatomy.calibration.calibrated
        found.append((name, Value("", note=WITHHELD) if hidden else told(result, estimate)))
    return tuple(found)
