"""Explain: what scores and rules say on what is known, what they cannot say yet, and on whose word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from osteoplan.knowledge.centre.ruleset import Book, book
from osteoplan.knowledge.refs import citation
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Citation, ScoreResult, Verdict
from osteoplan.model.findings import Findings
from osteoplan.model.outcome import Estimate
from osteoplan.model.result import Explanation
from osteoplan.pathway.assess import conflicts, line_of_therapy, standings
from osteoplan.pathway.changes import nearest_changes
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.rules import questions, verdicts
from osteoplan.pathway.scores import applicable_scores
from osteoplan.pathway.survival import survival

__all__ = ["cited", "explain", "explain_facts"]


def explain(findings: Findings, centre: Centre | None = None, asked: Book | None = None) -> Explanation:
    """As ``explain_facts``, from the findings of a case: what was measured is marked as measured."""
    # Measurements that no rule asks about (a mean density, an axis) stay findings.
    facts = Facts({name: value for name, value in findings.facts().items() if name in vocabulary()})
    sources = {finding.name: finding.source for finding in findings}
    return explain_facts(facts, sources=sources, centre=centre, asked=asked)


def explain_facts(
    facts: Facts,
    *,
    sources: Mapping[str, str] | None = None,
    centre: Centre | None = None,
    asked: Book | None = None,
) -> Explanation:
    """Score what applies to this site, hand the totals (as ranges) to the rules, and run them.

    A total that a person gave wins over one computed here.

    Args:
        facts: what is known.
        sources: where a fact came from: given, measured or derived; given where nothing is said.
        centre: what the centre has.
        asked: whose rules; the package's own, in force today, where none is given.
    """
    whose = asked or book()
    scores = applicable_scores(facts, sources)
    totals = {score.id: score.total for score in scores if score.kind == "sum" and score.id in vocabulary()}
    known = facts.filled(totals)
    spoken = verdicts(known, whose)
    standing = standings(spoken, known, centre)
    return Explanation(
        facts=dict(known),
        scores=scores,
        verdicts=spoken,
        questions=questions(spoken, scores),
        standings=standing,
        conflicts=conflicts(standing),
        changes=nearest_changes(whose.rules, known),
        line=line_of_therapy(spoken),
        survival=survival(known, scores),
        knowledge=whose.used,
    )


def cited(
    scores: Sequence[ScoreResult],
    rules: Sequence[Verdict],
    outcomes: Iterable[Estimate],
    others: Iterable[str] = (),
    own: Mapping[str, Citation] | None = None,
) -> tuple[Citation, ...]:
    """Every source behind what is shown, once, in order of first use; ``own`` holds a centre's sources."""
    keys: dict[str, None] = {}
    for score in scores:
        keys.update(dict.fromkeys(score.cite))
    for verdict in rules:
        keys.update(dict.fromkeys(verdict.cite))
    for outcome in outcomes:
        keys.update(dict.fromkeys(key for key in outcome.because if " " not in key))
    keys.update(dict.fromkeys(others))
    local = own or {}
    return tuple(local[key] if key in local else citation(key) for key in keys)
