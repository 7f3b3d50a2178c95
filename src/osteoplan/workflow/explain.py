"""Explain: what scores and rules say on what is known, what they cannot say yet, and on whose word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from osteoplan.knowledge.refs import citation
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import Citation, Question, ScoreResult, Verdict
from osteoplan.model.findings import Findings
from osteoplan.model.outcome import Estimate
from osteoplan.pathway.rules import questions, verdicts
from osteoplan.pathway.scores import applicable_scores

__all__ = ["Explanation", "cited", "explain"]


@dataclass(frozen=True)
class Explanation:
    """Scores, verdicts and open questions."""

    scores: tuple[ScoreResult, ...]
    verdicts: tuple[Verdict, ...]
    questions: tuple[Question, ...]


def explain(findings: Findings) -> Explanation:
    """Score what applies to this site, hand the totals (as ranges) to the rules, and run them.

    A total that a person gave wins over one computed here.
    """
    # Measurements that no rule asks about (a mean density, an axis) stay findings.
    facts = {name: value for name, value in findings.facts().items() if name in vocabulary()}
    scores = applicable_scores(facts)
    known: dict[str, object] = {score.id: score.total for score in scores}
    spoken = verdicts({**known, **facts})
    return Explanation(scores, spoken, questions(spoken, scores))


def cited(
    scores: Sequence[ScoreResult],
    rules: Sequence[Verdict],
    outcomes: Iterable[Estimate],
    others: Iterable[str] = (),
) -> tuple[Citation, ...]:
    """Every source behind what is shown, once, in order of first use."""
    keys: dict[str, None] = {}
    for score in scores:
        keys.update(dict.fromkeys(score.cite))
    for verdict in rules:
        keys.update(dict.fromkeys(verdict.cite))
    for outcome in outcomes:
        keys.update(dict.fromkeys(key for key in outcome.because if " " not in key))
    keys.update(dict.fromkeys(others))
    return tuple(citation(key) for key in keys)
