"""What the technical version says beside the choice: model, proof, credibility, evidence, rules, sources.

``shared`` are sections of the HTML too; ``technical`` adds what the HTML tells with pictures of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import yaml

from osteoplan.model.outcome import Estimate
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.boundary_conditions import boundary_lines, measured_lines
from osteoplan.report.facts_in_words import fact_words, label_of
from osteoplan.report.plan.appendix import Appendix
from osteoplan.report.plan.choosing import choosing
from osteoplan.report.plan.clinical import knowledge_words
from osteoplan.report.plan.heat import heat_parts
from osteoplan.report.plan.nouns import Chart, Part, ReportSection, Table, TableRow, Words
from osteoplan.report.plan.rows import near_to, sources_of
from osteoplan.report.plan.uncertainty import shared_words
from osteoplan.report.rendering import source
from osteoplan.report.words import joined, link_of, study_words

__all__ = ["shared", "technical", "verified_section"]

_ON_PAPER = 3  # figures of a technique that the printed report holds; the rest stands on the screen


def shared(result: PlanResult) -> tuple[ReportSection, ...]:
    """Sections of the HTML and of the technical PDF."""
    return _said(*choosing(result), _evidence(result), _credibility())


def technical(
    result: PlanResult, charts: Mapping[str, str], common: Sequence[ReportSection] | None = None
) -> tuple[ReportSection, ...]:
    """Every section of the technical PDF; the verification is added when it is printed.

    Args:
        charts: as ``draw`` made them, by title.
        common: the ``shared`` ones, where they were made already.
    """
    common = shared(result) if common is None else common
    last = [one for one in common if one.id in ("evidence", "credibility")]
    return (
        *(one for one in common if one not in last),
        *_said(_outcomes(result), *_heat(result, charts), _loads(result, charts), _model(result)),
        *(one for one in last if one.id == "credibility"),
        *_said(_certainty(result, charts)),
        *(one for one in last if one.id == "evidence"),
        *_said(_rules(result), _sources(result)),
    )


def _said(*sections: ReportSection) -> tuple[ReportSection, ...]:
    """Those that say something, without parts that say nothing."""
    found = [
        replace(one, parts=tuple(p for p in one.parts if getattr(p, "rows", getattr(p, "lines", True))))
        for one in sections
    ]
    return tuple(one for one in found if one.parts)


def verified_section(cases: Sequence[Mapping[str, Any]], seconds: float, day: str) -> ReportSection:
    """Cases of ``osteoplan verify`` that concern a plan: expected, got, tolerance."""
    rows = []
    for case in cases:
        unit = "" if case["unit"] == "1" else case["unit"]
        got = "" if case["got"] is None else f"{case['got']:.6g} {unit}".strip()
        state = {
            True: "within",
            False: "FAILS",
            None: "told, not judged" if case["got"] is not None else "not run",
        }
        allowed = "–" if case["tolerance"] is None else f"{case['tolerance']:g}"
        if case["got"] is None:  # why names paths
            got, allowed = "–", "not run: data not here"
        expected = f"{case['expected']:.6g} {unit}".strip()
        cells = (case["id"], case["title"], expected, got, allowed, state[case["ok"]], case["source"])
        rows.append(TableRow(cells))
    note = (
        f"'osteoplan verify', {len(rows)} cases that concern this plan, computed on {day} in {seconds:.0f} s"
    )
    heads = ("case", "what", "expected", "got", "tolerance", "", "source")
    return ReportSection(
        "verification",
        "Verification",
        (Words("", (note,)), Table("", heads, (9, 34, 12, 15, 8, 9, 21), tuple(rows))),
    )


def _evidence(result: PlanResult) -> ReportSection:
    """Every published figure of the first page's techniques, how sure it is, and how near to this patient."""
    told, rows = Appendix(result), []
    for one in told.listed:
        for n, estimate in enumerate(one.published):
            rows.append(_figure(told, estimate, one.recommendation.title if n == 0 else "", n < _ON_PAPER))
    heads = ("option", "outcome", "value, n", "how sure, how near", "what was done, to whom", "source")
    widths = (12, 12, 16, 22, 28, 10)
    compared = tuple(TableRow((line.label, line.text), paper=False) for line in told.compared)
    parts = (
        Table("", heads, widths, tuple(rows)),
        Table("what can be compared between the techniques left", ("", ""), (24, 76), compared),
    )
    return ReportSection("evidence", "Evidence on the options of the first page", parts, screen=False)


def _figure(told: Appendix, estimate: Estimate, title: str, paper: bool) -> TableRow:
    study, value = estimate.study, told.value(estimate)
    words, whom = joined(value), told.texts(estimate)
    if study is not None and study.n and " of " not in value.text:  # none of a few says it already
        words += f", {f'{study.events} of' if study.events is not None else 'n'} {study.n} {study.of}"
    if study is not None and study.population:
        whom = f"other population: {study.population}; {whom}"
    cells = (title, told.title(estimate), words, study_words(study), whom, value.tag)
    return TableRow(cells, sources_of(told.result, estimate.because), paper)


@cache
def _credible() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(source("credibility.yaml"))
    return found


def _credibility() -> ReportSection:
    """What the strength part is good for, and what was never held against a broken bone."""
    rows = tuple(TableRow((one["for"], one["is"], one["why"])) for one in _credible()["adequate"])
    parts = (
        Table(
            "is the strength part good enough for this question?",
            ("for", "adequate?", "why"),
            (36, 16, 48),
            rows,
        ),
        Words("not validated", tuple(_credible()["not_validated"])),
        Words(
            "", ("'osteoplan verify' computes the verification cases; docs/credibility.md tells the rest",)
        ),
    )
    return ReportSection("credibility", "How far the strength part can be believed", parts)


def _outcomes(result: PlanResult) -> ReportSection:
    """What was simulated, load case by load case, the options side by side; then what it rests on, once."""
    told, all_ = Appendix(result), result.simulations
    states = {"now": all_.now}
    for one in told.listed:
        if one.plan is not None:
            states[one.plan.plan.short_title] = (*one.plan.plan.clearances, *one.plan.outcomes)
    cells: dict[tuple[str, str], dict[str, str]] = {}
    why: dict[str, None] = {}
    for state, found in states.items():
        for e in (e for e in found if e.basis == "simulated"):
            if words := joined(told.value(e)):  # newtons of an uncalibrated scan are withheld
                # a path is of one option: what it passes is compared
                cells.setdefault((told.title(e), near_to(e)), {}).setdefault(state, words)
                why |= dict.fromkeys((*told.texts(e).split("; "), *filter(None, [e.criterion])))
    rows = tuple(TableRow((*key, *(own.get(state, "") for state in states))) for key, own in cells.items())
    heads, share = ("outcome", "for", *states), 60.0 / len(states)
    table = Table("", heads, (20, 20, *(share for _ in states)), rows)
    return ReportSection(
        "outcomes",
        "What was simulated",
        (table, Words("what these numbers rest on", tuple(filter(None, why)))),
    )


def _heat(result: PlanResult, charts: Mapping[str, str]) -> Iterator[ReportSection]:
    """What heat or cold does, plan by plan."""
    for one in Appendix(result).listed:
        if one.plan is not None and one.plan.id in result.simulations.heat:
            title = f"Heat and cold: {one.plan.plan.short_title}"
            yield ReportSection(f"heat-{one.plan.id}", title, heat_parts(result, one.plan, charts))


def _loads(result: PlanResult, charts: Mapping[str, str]) -> ReportSection:
    """Where each load case held and loaded the bone."""
    told, parts = Appendix(result), list[Part]()
    for title, one in told.loads.items():
        now = tuple(
            f"{told.title(e)}, now: {joined(told.value(e)) or told.value(e).note}" for e in told.now(title)
        )
        if one is None:
            parts.append(Words(title, now))
            continue
        lines = (*boundary_lines(one), *measured_lines(one), *now)
        parts.append(Chart(title, charts[one.title], "\n".join(lines), title))
    return ReportSection("supports", "How the bone was held and loaded, and what it bears now", tuple(parts))


def _model(result: PlanResult) -> ReportSection:
    """Mesh, solver, residual, laws; settings and digests that a replay is checked against."""
    told = Appendix(result)
    rows = tuple(TableRow((line.label, line.text)) for line in (*told.stamp, *told.digests))
    return ReportSection("model", "Mesh, solver, laws, stamp", (Table("", ("", ""), (24, 76), rows),))


def _certainty(result: PlanResult, charts: Mapping[str, str]) -> ReportSection:
    """Paired differences, one input at a time, the bone as a beam."""
    told = Appendix(result)
    pairs = tuple(
        TableRow((one, other, f"{joined(gap)} {gap.note}".strip())) for one, other, gap in told.pairs()
    )
    parts: list[Part] = []
    if pairs:
        head = f"options against each other, in points of intact {result.comparison.ranked_word}"
        parts.append(Table(head, ("this", "less that", "difference"), (36, 36, 28), pairs))
    for t in result.tornadoes:
        says = "; ".join(f"{bar.title} {bar.low:.1f} to {bar.high:.1f}" for bar in t.bars[:3])
        note = "each bar: this input alone at the ends of its range; black line: the stated value"
        parts.append(Chart(f"one input at a time: {t.title}", charts[t.title], note, says))
    for r in result.rigidity:
        title = f"the {r.now.segment} as a beam, beside the finite elements"
        lost = "; ".join(f"{told.title(e)} {joined(told.value(e))}" for e in r.outcomes)
        parts.append(Chart(title, charts[r.now.segment], "; ".join((lost, *shared_words(r))), lost))
    return ReportSection("certainty", "How sure this is", tuple(parts))


def _rules(result: PlanResult) -> ReportSection:
    told, labels = Appendix(result), result.wordings.labels
    rows = []
    for rule in told.rules(True):
        read = "; ".join(
            f"{label_of(name, labels)}: {fact_words(name, fact, labels)}" for name, fact in rule.trace.items()
        )
        cells = (rule.rule, rule.effect, rule.text, told.about(rule), read)
        rows.append(TableRow(cells, sources_of(result, rule.cite)))
    table = Table("", ("rule", "effect", "what it says", "of", "read from"), (8, 10, 34, 20, 28), tuple(rows))
    whose = Words("whose rules these are", knowledge_words(result))
    return ReportSection("rules", "Rules that spoke", (table, whose))


def _sources(result: PlanResult) -> ReportSection:
    rows = tuple(
        TableRow((str(n), " ".join(filter(None, (one.text, link_of(one)[1])))))
        for n, one in enumerate(result.citations, 1)
    )
    return ReportSection("sources", "Sources", (Table("", ("", ""), (5, 95), rows),))
