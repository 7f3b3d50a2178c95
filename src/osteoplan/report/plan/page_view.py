"""The whole report from a ``PlanResult``: the first page, the appendix that prints, what folds away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from osteoplan.model.evidence import Effect, ScoreResult, Verdict
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.boundary_conditions import boundary_lines, boundary_uri
from osteoplan.report.facts_in_words import calibration_words, fact_words, finding_line, label_of
from osteoplan.report.plan.meeting import first_page, total_words
from osteoplan.report.plan.nouns import (
    BoundaryView,
    Drawings,
    EvidenceRow,
    PlanPage,
    RuleView,
    ScoreView,
    cites,
)
from osteoplan.report.plan.options import WITHHELD, details, followed
from osteoplan.report.plan.rows import Listed, chosen, in_order, told
from osteoplan.report.plan.uncertainty import certainty_view
from osteoplan.report.views import Line
from osteoplan.report.words import Value, absolute, few_words, tag

__all__ = ["boundary_views", "page_view"]

_WEIGHT: tuple[Effect, ...] = (
    "stop", "route", "exclude", "require", "prefer", "consider", "caution", "info",
)  # fmt: skip


def page_view(result: PlanResult, drawings: Drawings) -> PlanPage:
    """Everything that the template loops over."""
    labels = result.wordings.labels
    listed = tuple(one for part in chosen(in_order(result)) for one in part)
    spoke = _rules(result, True, listed)
    read = {name for verdict in result.explanation.verdicts for name in verdict.trace}
    scores = sorted(result.explanation.scores, key=lambda one: one.id not in read)
    evidence = tuple(_evidence(result, listed))
    options = {option.id: option for option in result.simulations.options}
    return PlanPage(
        result=result,
        first=first_page(result),
        drawings=drawings,
        followed=tuple(
            followed(result, options[id], shown) for id, shown in drawings.ways.items() if id in options
        ),
        boundary_summaries=boundary_views(result),
        certainty=certainty_view(result),
        evidence=evidence,
        spoke=tuple(rule for rule in spoke if rule.about),
        cannot=_rules(result, None, listed),
        silent=(*(rule for rule in spoke if not rule.about), *_rules(result, False, listed)),
        scores=tuple(_score(result, one) for one in scores),
        details=details(result),
        findings=tuple(finding_line(found, labels) for found in result.reading.findings),
        overruled=tuple(finding_line(found, labels) for found in result.reading.findings.overruled),
        printed_sources=frozenset(c.number for part in (evidence, spoke) for one in part for c in one.cites),
        stamp=_stamp(result),
        digests=_digests(result),
    )


def _evidence(result: PlanResult, listed: Iterable[Listed]) -> Iterable[EvidenceRow]:
    """What was published on the techniques of the first page; other patients and procedures stand apart."""
    keys = {citation.key for citation in result.citations}
    for one in listed:
        for n, estimate in enumerate(one.published, 1):
            study = estimate.study
            yield EvidenceRow(
                technique=one.recommendation.title,
                nth=n,
                outcome=result.wordings.outcomes[estimate.id].title,
                value=told(result, estimate),
                n="" if study is None or study.n is None else f"{study.n} {study.of}",
                who=next((why for why in estimate.because if why not in keys), ""),
                apart=bool(study and study.population),
                cites=cites(result, [why for why in estimate.because if why in keys]),
            )


def _rules(result: PlanResult, truth: bool | None, listed: Iterable[Listed]) -> tuple[RuleView, ...]:
    """The rules that say so, the weightiest effect first."""
    said = [verdict for verdict in result.explanation.verdicts if verdict.truth is truth]
    said.sort(key=lambda verdict: _WEIGHT.index(verdict.effect))
    return tuple(_rule(result, verdict, listed) for verdict in said)


def _rule(result: PlanResult, verdict: Verdict, listed: Iterable[Listed]) -> RuleView:
    labels = result.wordings.labels
    named = [one.recommendation.title for one in listed if verdict.rule in _spoke(one)]
    first = "everything" if verdict.effect in ("stop", "route") and verdict.truth else ""
    return RuleView(
        rule=verdict.rule,
        effect=verdict.effect,
        text=verdict.text,
        about=few_words(named, 60) or first,
        facts=tuple(
            Line(label_of(name, labels), fact_words(name, value, labels))
            for name, value in verdict.trace.items()
        ),
        ask=tuple(label_of(name, labels) for name in verdict.ask),
        tag=tag(verdict.status, verdict.tag),
        cites=cites(result, verdict.cite),
    )


def _spoke(one: Listed) -> frozenset[str]:
    """Ids of the rules that spoke about a technique."""
    said = one.recommendation
    return frozenset((*said.prefer, *said.consider, *said.require, *said.exclude, *said.caution))


def _score(result: PlanResult, score: ScoreResult) -> ScoreView:
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
        name=score.name,
        headline=f"{total_words(score)}{_bands(score)}",
        silent=score.silent,
        bands=score.band_text or score.band,
        missing=tuple(label_of(item, labels) for item in score.missing),
        items=items,
        tag=tag(score.status),
        cites=cites(result, score.cite),
        notes=score.notes,
        conflicts=score.conflicts,
    )


def _bands(score: ScoreResult) -> str:
    """What a total means: neighbouring bands from first to last, conventions of reading one by one."""
    if score.kind != "sum" or score.silent:
        return ""
    several, texts = any("/" in band for band in score.band), score.band_text or score.band
    return ": " + ("; ".join(texts) if several else " to ".join(dict.fromkeys((texts[0], texts[-1]))))


def _stamp(result: PlanResult) -> tuple[Line, ...]:
    """What made the plan, in words."""
    stamp = result.stamp
    return (
        Line("plan", result.id[:16]),
        Line("program", f"osteoplan {stamp.program}"),
        Line("knowledge", stamp.knowledge[:24]),
        Line("overrides", _overrides(result)),
        Line("seed", str(stamp.seed)),
        Line("made", stamp.created or "date not recorded"),
        Line("calibration", calibration_words(result.reading.anatomy.calibration)),
        *_numerics(result.simulations.numerics),
    )


def _digests(result: PlanResult) -> tuple[Line, ...]:
    """What a replay is checked against."""
    stamp = result.stamp
    return (
        Line("plan", result.id),
        Line("knowledge", stamp.knowledge),
        *(Line(f"input {name}", value) for name, value in stamp.inputs.items()),
        *(Line(f"setting {name}", str(value)) for name, value in stamp.settings.items()),
    )


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
