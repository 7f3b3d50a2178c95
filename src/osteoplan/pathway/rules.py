"""What the pathway says about a patient: a verdict for every rule that could apply, and what to ask.

facts = Facts({"region": "spine", "sins": [9, 12], "bilsky": "1b"})
spoken = verdicts(facts)
questions(spoken)

A rule that lacks a fact is *unknown*, never false, and names the facts that could settle it.  A total that
covers a range (a score with items missing) enters as that range.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from osteoplan.knowledge.centre.ruleset import RuleSet, rule_set
from osteoplan.knowledge.expression import AllOf, Expression, names, parse
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.scores import score_table
from osteoplan.model.evidence import Question, ScoreResult, Verdict
from osteoplan.pathway.expression import deciders, evaluate
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.vocabulary import fact_row

__all__ = ["blocking", "forbidding", "questions", "verdicts"]

_GATE = "region"


def verdicts(facts: Facts, asked: RuleSet | None = None) -> tuple[Verdict, ...]:
    """Every rule that could apply to the region, in order of precedence: true, unknown and false ones.

    ``asked``: whose rules; the package's own, in force today, where none is given.
    """
    return tuple(_verdict(rule, facts) for rule in (asked or rule_set()).rules if _could_apply(rule, facts))


def questions(verdicts: Iterable[Verdict], scores: Sequence[ScoreResult] = ()) -> tuple[Question, ...]:
    """What to ask, each question once, with the rules that ask it; the first block's questions come first.

    With ``scores``, a question for a total becomes the questions for the items that it misses.
    """
    asked: dict[str, dict[str, None]] = {}
    for verdict in verdicts:
        for fact in verdict.ask:
            for name in _items(fact, scores):
                asked.setdefault(name, {})[verdict.rule] = None
    return tuple(Question(name, fact_row(name).ask, tuple(by)) for name, by in asked.items())


def forbidding(verdicts: Sequence[Verdict], technique: str, uses: Iterable[str] = ()) -> tuple[Verdict, ...]:
    """True verdicts that forbid a technique: those that empty the ranking, then those that exclude it.

    A rule excludes it by its id, or by something that it uses.  Nothing else decides this.
    """
    concerned = {technique, *uses}
    excluding = (v for v in verdicts if v.effect == "exclude" and concerned & set(v.techniques))
    return (*blocking(verdicts), *(v for v in excluding if v.truth is True))


def blocking(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """True ``stop`` and ``route`` verdicts: any of them empties the ranking."""
    return tuple(v for v in verdicts if v.effect in ("stop", "route") and v.truth is True)


def _verdict(rule: Rule, known: Facts) -> Verdict:
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
        line=rule.row.line or "",
        tag=rule.row.tag,
        origin=rule.origin,
    )


def _could_apply(rule: Rule, known: Facts) -> bool:
    """False where the rule is for another region than the patient's."""
    parts: tuple[Expression, ...] = rule.when.parts if isinstance(rule.when, AllOf) else (rule.when,)
    return all(evaluate(part, known) is not False for part in parts if names(part) == (_GATE,))


def _items(fact: str, scores: Sequence[ScoreResult]) -> tuple[str, ...]:
    """A total's missing items as facts; any other fact as itself."""
    missing = next((score.missing for score in scores if score.id == fact and score.kind == "sum"), ())
    if not missing:
        return (fact,)
    levels = [level for item in missing for level in score_table(fact).items[item].levels.values()]
    found = [name for level in levels if level.when for name in names(parse(level.when)) if name != _GATE]
    return tuple(dict.fromkeys(found)) or (fact,)
