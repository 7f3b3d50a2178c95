"""What the pathway says about a patient: a verdict for every rule that could apply, and what to ask.

facts = parse_values({"region": "spine", "sins": [9, 12], "bilsky": "1b"})
spoken = verdicts(facts)
questions(spoken)

A rule that lacks a fact is *unknown*, never false, and names the facts that could settle it.  A total that
covers a range (a score with items missing) enters as that range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.ruleset import Book, book
from osteoplan.knowledge.expression import AllOf, Expression, names, parse
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.scores import score_table
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import Question, ScoreResult, Verdict
from osteoplan.pathway.expression import deciders, evaluate
from osteoplan.pathway.vocabulary import Value, fact_row, parse_values

__all__ = ["blocking", "excluded", "questions", "settled", "verdicts"]

_GATE = "region"


def verdicts(facts: Mapping[str, object], asked: Book | None = None) -> tuple[Verdict, ...]:
    """Every rule that could apply to the region, in order of precedence: true, unknown and false ones.

    Args:
        facts: names of the vocabulary -> value, None, [lowest, highest] for a number, or a list of levels.
        asked: whose rules; the package's own, in force today, where none is given.

    Raises:
        UnknownName, BadInput: a fact that cannot be what it says (``pathway.vocabulary``).
    """
    known = settled(parse_values(facts))
    return tuple(_verdict(rule, known) for rule in (asked or book()).rules if _could_apply(rule, known))


def settled(facts: Mapping[str, Value]) -> dict[str, Value]:
    """The facts, and those yes-or-no facts that follow from them and that nobody gave.

    Raises:
        BadInput: somebody gave a fact, and others that say the opposite.
    """
    known = dict(facts)
    for name, row in vocabulary().items():
        if not row.follows_from:
            continue
        truth = evaluate(parse(row.follows_from), known)
        if known.get(name) is None and truth is not None:
            known[name] = truth
        elif truth is not None and known[name] is not truth:
            others = ", ".join(f"{other}: {known[other]}" for other in names(parse(row.follows_from)))
            raise BadInput(
                f"facts: {name}: {str(known[name]).lower()} contradicts {others}; one of them is wrong"
            )
    return known


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


def excluded(verdicts: Iterable[Verdict], technique: str, uses: Iterable[str] = ()) -> tuple[str, ...]:
    """Ids of the true rules that exclude a technique, by its id or by something that the plan uses."""
    concerned = {technique, *uses}
    return tuple(
        verdict.rule
        for verdict in verdicts
        if verdict.effect == "exclude" and verdict.truth is True and concerned & set(verdict.techniques)
    )


def blocking(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """True ``stop`` and ``route`` verdicts: any of them empties the ranking."""
    return tuple(v for v in verdicts if v.effect in ("stop", "route") and v.truth is True)


def _verdict(rule: Rule, known: Mapping[str, Value]) -> Verdict:
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


def _could_apply(rule: Rule, known: Mapping[str, Value]) -> bool:
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
