"""What to ask: the unknown facts whose answers would move a tier, the most telling first, seven at most.

Each open fact is tried at its levels, a number on both sides of every literal that a rule holds it against;
what an answer moves is counted in techniques, a first choice three times, at its worst level.  A fact that
can fire a stop or a route stands before the others; one that neither fires nor moves anything is not asked.
The check list is apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from osteoplan.errors import BadInput
from osteoplan.knowledge.expression import AnyOf, names, parse
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.scores import score_table
from osteoplan.knowledge.vocabulary import FactRow, vocabulary
from osteoplan.model.evidence import Question, ScoreResult, Tier
from osteoplan.pathway.assess import Assessor
from osteoplan.pathway.expression import evaluate, samples
from osteoplan.pathway.facts import Facts, definitions
from osteoplan.pathway.presume import stood_in
from osteoplan.pathway.settle import undetermined
from osteoplan.pathway.vocabulary import Value

__all__ = ["MOST", "answered", "questions"]

MOST = 7  # questions that a meeting answers
_FIRST_CHOICE = 3  # what a move into or out of tier 1 weighs


@dataclass(frozen=True)
class _Weighed:
    """What the answers to one fact can move."""

    fact: str
    fires: bool
    weight: int
    techniques: tuple[str, ...]


def questions(
    assessor: Assessor, facts: Facts, scores: Sequence[ScoreResult] = ()
) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """The questions that could change what is recommended, and the check list.

    Args:
        assessor: the rules and techniques.
        facts: given and derived ones.
        scores: a question for a total becomes the questions for the items that it misses.
    """
    leaned, _ = stood_in(facts, "tiers")
    listed = (id for id, one in assessor.tiers(leaned).items() if one.tier in (1, 2, 3))
    in_play = {name for id in listed for name in assessor.reach(id)}
    settled = assessor.settled(leaned)
    asked_by = _open(assessor.rules, leaned)
    wanted = [name for name in asked_by if _wanted(vocabulary()[name], leaned, in_play)]
    checklist = [
        name
        for name in wanted
        if vocabulary()[name].checklist and _reaches(assessor, asked_by[name], in_play)
    ]
    weighed = [
        _weigh(assessor, name, facts, settled)
        for name in wanted
        if not vocabulary()[name].checklist and vocabulary()[name].kind != "several"
    ]
    telling = sorted(
        (one for one in weighed if one.weight or one.fires), key=lambda one: (not one.fires, -one.weight)
    )
    found: dict[str, Question] = {}
    for one in telling:
        for item in _items(one.fact, scores):
            asked = _question(item, one.techniques, asked_by[one.fact])
            found.setdefault(item, replace(asked, weighed_as=one.fact))
    return tuple(found.values())[:MOST], tuple(_question(name, (), asked_by[name]) for name in checklist)


def answered(
    assessor: Assessor, facts: Facts, name: str
) -> tuple[tuple[Value, Mapping[str, Tier | None]], ...]:
    """What each answer to a fact would make of every technique: (answer, tier by technique).

    Args:
        facts: given and derived ones; what is presumed gives way to the answer.
    """
    _, whens = _reading(assessor, name)
    return tuple(
        (value, {id: one.tier for id, one in assessor.tiers(leaned).items()})
        for value, leaned in _answers(name, facts, whens)
    )


def _open(rules: Iterable[Rule], facts: Facts) -> dict[str, tuple[Rule, ...]]:
    """Facts that undetermined rules lack, in order of precedence, each with those rules.

    What follows from another open fact is asked by that one: the kind of lesion settles whether it is benign.
    """
    found: dict[str, dict[str, Rule]] = {}
    for rule in rules:
        for name in undetermined(rule.when, facts):
            by = dict(definitions()).get(name)
            settling = () if by is None else tuple(one for one in names(by) if facts.get(one) is None)
            for one in settling or (name,):
                found.setdefault(one, {})[rule.id] = rule
    return {name: tuple(by.values()) for name, by in found.items()}


def _wanted(row: FactRow, facts: Facts, in_play: set[str]) -> bool:
    """Whether it makes sense to ask it of this patient."""
    if row.ask_when and evaluate(parse(row.ask_when), facts) is not True:
        return False
    return not row.ask_for or bool(set(row.ask_for) & in_play)


def _reaches(assessor: Assessor, rules: Iterable[Rule], in_play: set[str]) -> bool:
    """Whether a rule that lacks the fact decides a stop, or speaks about something in play."""
    return any(rule.row.effect in ("stop", "route") or set(rule.row.about) & in_play for rule in rules)


def _weigh(assessor: Assessor, name: str, facts: Facts, now: Mapping[str, Tier]) -> _Weighed:
    """Every answer tried: what it moves, and whether it fires a stop or route."""
    reading, whens = _reading(assessor, name)
    given, _ = stood_in(facts, "tiers")
    silent = [
        rule for rule in reading if rule.row.effect in ("stop", "route") and not assessor.truth(rule, given)
    ]
    weight, fires, moves = 0, False, dict[str, None]()
    for _, leaned in _answers(name, facts, whens):
        fires = fires or any(assessor.truth(rule, leaned) for rule in silent)
        then = assessor.settled(leaned)
        moved = [id for id in {**now, **then} if now.get(id) != then.get(id)]
        weight = max(weight, sum(_FIRST_CHOICE if 1 in (now.get(id), then.get(id)) else 1 for id in moved))
        moves.update(dict.fromkeys(moved))
    return _Weighed(name, fires, weight, tuple(moves))


def _reading(assessor: Assessor, name: str) -> tuple[list[Rule], AnyOf]:
    """The rules that read a fact, or what it defines, and every condition on it."""
    settled = {one: when for one, when in definitions() if name in names(when)}
    reading = [rule for rule in assessor.rules if {name, *settled} & set(names(rule.when))]
    return reading, AnyOf((*(rule.when for rule in reading), *settled.values()))


def _answers(name: str, facts: Facts, whens: AnyOf) -> Iterator[tuple[Value, Facts]]:
    """Every answer that conditions tell apart, with all that is then known and presumed."""
    bare = facts.without(name)
    for value in samples(whens, name, facts.get(name), vocabulary()[name]):
        try:
            known, _ = stood_in(bare.filled({name: value}), "rules")
        except BadInput:
            continue  # what was typed rules it out
        yield value, stood_in(known, "tiers")[0]


def _question(name: str, moves: tuple[str, ...], rules: Iterable[Rule]) -> Question:
    return Question(name, vocabulary()[name].ask, moves, tuple(rule.id for rule in rules))


def _items(fact: str, scores: Sequence[ScoreResult]) -> tuple[str, ...]:
    """A total's missing items as facts; any other fact as itself."""
    missing = next((score.missing for score in scores if score.id == fact and score.kind == "sum"), ())
    if not missing:
        return (fact,)
    levels = [level for item in missing for level in score_table(fact).items[item].levels.values()]
    found = [name for level in levels if level.when for name in names(parse(level.when)) if name != "region"]
    return tuple(dict.fromkeys(found)) or (fact,)
