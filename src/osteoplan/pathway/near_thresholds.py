"""What would change a verdict: for each number, the nearest threshold that flips a rule, and how far it is.

    near_thresholds(rule_set().rules, facts)   # SP1: SINS 12 of 18 is 1 below 13, where it would be true

A platelet count of 55 passes a gate at 50 today and may not tomorrow: a reader sees both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from osteoplan.knowledge.expression import literals, names
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.vocabulary import FactRow, vocabulary
from osteoplan.model.evidence import NearThreshold
from osteoplan.pathway.expression import evaluate, samples
from osteoplan.pathway.vocabulary import Value

__all__ = ["near_thresholds"]


def near_thresholds(rules: Iterable[Rule], facts: Mapping[str, Value]) -> tuple[NearThreshold, ...]:
    """For every decided rule and every number that it reads: the nearest value that changes the verdict.

    Args:
        rules: rules of a set.
        facts: checked facts, settled ones included; a number may be a range.

    Returns:
        one for each rule and number that can change it alone, nearest first; distances of unlike
        facts are compared as shares of the threshold.
    """
    known = dict(facts)
    found = [change for rule in rules for change in _of_rule(rule, known)]
    return tuple(sorted(found, key=lambda change: change.distance / max(abs(change.threshold), 1.0)))


def _of_rule(rule: Rule, facts: Mapping[str, Value]) -> Iterator[NearThreshold]:
    truth = evaluate(rule.when, facts)
    if truth is None:
        return
    for name in names(rule.when):
        value, row = facts.get(name), vocabulary()[name]
        if row.range is None or value is None or isinstance(value, bool | str | frozenset):
            continue
        flips = [
            (_distance(value, other), other)
            for other in samples(rule.when, name, None, row)
            if isinstance(other, int | float)
            and evaluate(rule.when, {**facts, name: other}) is not truth
            and _distance(value, other) > 0
        ]
        if flips:
            _, beyond = min(flips)
            threshold = _threshold(rule, name, value, beyond, row)
            becomes = evaluate(rule.when, {**facts, name: beyond})
            yield NearThreshold(
                rule.id, name, value, threshold, _distance(value, threshold), row.unit, truth, becomes,
                rule.row.effect,
            )  # fmt: skip


def _threshold(
    rule: Rule, name: str, value: float | tuple[float, float], beyond: float, row: FactRow
) -> float:
    """The literal between the value and the value that flips; of whole numbers, the one that flips itself."""
    if row.kind == "integer":
        return beyond
    low, high = value if isinstance(value, tuple) else (value, value)
    between = [
        float(t) for t in literals(rule.when, name) if min(low, beyond) <= float(t) <= max(high, beyond)
    ]
    return min(between, key=lambda t: abs(t - beyond))


def _distance(value: float | tuple[float, float], other: float) -> float:
    """From a number, or from the nearer end of a range, to another number; 0 inside the range."""
    low, high = value if isinstance(value, tuple) else (value, value)
    return max(low - other, other - high, 0.0)
