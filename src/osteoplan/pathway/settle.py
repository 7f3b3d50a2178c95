"""The fewest unknown facts that would settle an expression, and values that do.

    settled(parse("pain_nrs >= 4 and (rt_failed or fx == 'none')"), True, {"fx": "none"})  # {"pain_nrs": 4}

Parts are settled one after another on what the earlier ones took, so two parts never take one fact two ways.
No combination of facts is tried: a sparse patient leaves thirty of them open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from osteoplan.knowledge.expression import AllOf, AnyOf, Expression, Not
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.case import Fact
from osteoplan.pathway.expression import evaluate, samples
from osteoplan.pathway.vocabulary import Value

__all__ = ["fewest", "settled", "undetermined"]

Answers = Mapping[str, Fact]


def settled(expression: Expression, truth: bool, facts: Mapping[str, Value]) -> Answers | None:
    """Values of the fewest unknown facts with which the expression has that truth; None where none do.

    A fact of the check list counts for nothing: it is confirmed before anything is done.
    """
    now = evaluate(expression, facts)
    if now is not None:
        return {} if now is truth else None
    match expression:
        case Not(part):
            return settled(part, not truth, facts)
        case AllOf(parts) | AnyOf(parts):
            if isinstance(expression, AllOf) is truth:
                return _every(parts, truth, facts)
            return fewest(settled(part, truth, facts) for part in parts)
        case _:
            row, name = vocabulary()[expression.name], expression.name
            for value in samples(expression, name, facts.get(name), row):
                if evaluate(expression, {**facts, name: value}) is truth:
                    return {name: value}
            return None


def fewest(answers: Iterable[Answers | None]) -> Answers | None:
    """The answers that need the fewest facts, the first of equals; None where there are none."""
    return min((one for one in answers if one is not None), key=cost, default=None)


def cost(answers: Iterable[str]) -> int:
    """How many facts a person has to find out; the check list is gone through anyway."""
    return sum(not vocabulary()[name].checklist for name in answers)


def undetermined(expression: Expression, facts: Mapping[str, Value]) -> tuple[str, ...]:
    """The unknown facts of those parts that are undetermined, once each."""
    if evaluate(expression, facts) is not None:
        return ()
    match expression:
        case Not(part):
            return undetermined(part, facts)
        case AllOf(parts) | AnyOf(parts):
            return tuple(dict.fromkeys(name for part in parts for name in undetermined(part, facts)))
        case _:
            return (expression.name,)


def _every(parts: Iterable[Expression], truth: bool, facts: Mapping[str, Value]) -> Answers | None:
    taken: dict[str, Fact] = {}
    for part in parts:
        more = settled(part, truth, {**facts, **taken})
        if more is None:
            return None
        taken.update(more)
    return taken
