"""What the pathway says about a patient: a verdict for every rule that could apply.

facts = Facts({"region": "spine", "sins": [9, 12], "bilsky": "1b"})
spoken = verdicts(facts)

A rule that lacks a fact is *unknown*, never false, and names the facts that could settle it.  A total that
covers a range (a score with items missing) enters as that range.
"""

from __future__ import annotations

from collections.abc import Iterable

from osteoplan.knowledge.centre.ruleset import RuleSet, rule_set
from osteoplan.knowledge.expression import AllOf, Expression, names
from osteoplan.knowledge.rules import Rule
from osteoplan.model.evidence import Verdict
from osteoplan.pathway.expression import deciders, evaluate
from osteoplan.pathway.facts import Facts

__all__ = ["blocking", "excluding", "verdicts"]

_GATE = "region"


def verdicts(facts: Facts, asked: RuleSet | None = None, leaned: Facts | None = None) -> tuple[Verdict, ...]:
    """Every rule that could apply to the region, in order of precedence: true, unknown and false ones.

    Args:
        facts: given and derived ones.
        asked: whose rules; the package's own, in force today, where none is given.
        leaned: the facts with what is presumed, for ``supposed``; the same facts where nothing is.
    """
    supposed = facts if leaned is None else leaned
    return tuple(
        _verdict(rule, facts, supposed) for rule in (asked or rule_set()).rules if _could_apply(rule, facts)
    )


def excluding(verdicts: Iterable[Verdict], uses: Iterable[str]) -> tuple[Verdict, ...]:
    """True verdicts that exclude something that is used."""
    used = set(uses)
    return tuple(v for v in verdicts if v.effect == "exclude" and v.spoke and used & set(v.techniques))


def blocking(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """True ``stop`` and ``route`` verdicts: each names the first step and what remains."""
    return tuple(v for v in verdicts if v.effect in ("stop", "route") and v.truth is True)


def _verdict(rule: Rule, known: Facts, leaned: Facts) -> Verdict:
    truth = evaluate(rule.when, known)
    return Verdict(
        rule=rule.id,
        block=rule.block,
        truth=truth,
        effect=rule.row.effect,
        text=rule.row.then,
        ask=deciders(rule.when, known) if truth is None else (),
        cite=rule.row.cite,
        status=rule.row.status,
        trace={name: known.get(name) for name in names(rule.when)},
        techniques=rule.row.about,
        first=rule.row.first,
        remains=rule.row.remains,
        supposed=truth if truth is not None else evaluate(rule.when, leaned),
        tag=rule.row.tag,
        origin=rule.origin,
    )


def _could_apply(rule: Rule, known: Facts) -> bool:
    """False where the rule is for another region than the patient's."""
    parts: tuple[Expression, ...] = rule.when.parts if isinstance(rule.when, AllOf) else (rule.when,)
    return all(evaluate(part, known) is not False for part in parts if names(part) == (_GATE,))
