"""The fewest unknown facts that would settle an expression, and what each would have to be.

    settled(parse("pain_nrs >= 4 and (rt_failed or fx == 'none')"), True, {"fx": "none"})
    # {"pain_nrs": MissingFact(4, Compare("pain_nrs", ">=", 4), True)}

Parts are settled one after another on what the earlier ones took, so two parts never take one fact two ways.
No combination of facts is tried: a sparse patient leaves thirty of them open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from osteoplan.knowledge.expression import AllOf, Among, AnyOf, Compare, Expression, Has, Is, Leaf, Not
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.case import Fact
from osteoplan.pathway.expression import evaluate, samples
from osteoplan.pathway.vocabulary import Value

__all__ = ["MissingFact", "MissingFacts", "settled", "undetermined"]

_WORDS = {
    "<": "below {}",
    "<=": "{} or less",
    ">=": "{} or more",
    ">": "above {}",
    "==": "{}",
    "!=": "not {}",
}
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


@dataclass(frozen=True)
class MissingFact:
    """A value of an unknown fact, and the part of a condition that it makes hold or fail."""

    value: Fact
    leaf: Leaf
    truth: bool

    @property
    def words(self) -> str:
        """What the fact would have to be: *fracture displaced: no*."""
        row = vocabulary()[self.leaf.name]
        unit = "" if row.unit == "1" else f" {row.unit}"
        match self.leaf:
            case Is():
                said = "yes" if self.truth else "no"
            case Compare(_, op, literal):
                shown = row.levels.get(str(literal), f"{literal}{unit}")
                said = _WORDS[op if self.truth else _OPPOSITE[op]].format(shown)
            case Among(_, several):
                listed = " or ".join(row.levels.get(str(one), str(one)) for one in several)
                said = listed if self.truth else f"not {listed}"
            case Has(_, literal):
                said = f"{'' if self.truth else 'not '}{row.levels[literal]}"
        return f"{row.label}: {said}"


MissingFacts = Mapping[str, MissingFact]


def settled(expression: Expression, truth: bool, facts: Mapping[str, Value]) -> MissingFacts | None:
    """The fewest unknown facts with which the expression has that truth; None where none give it."""
    now = evaluate(expression, facts)
    if now is not None:
        return {} if now is truth else None
    match expression:
        case Not(part):
            return settled(part, not truth, facts)
        case AllOf(parts) | AnyOf(parts):
            if isinstance(expression, AllOf) is truth:
                return _every(parts, truth, facts)
            return _fewest(settled(part, truth, facts) for part in parts)
        case _:
            name = expression.name
            for value in samples(expression, name, facts.get(name), vocabulary()[name]):
                if evaluate(expression, {**facts, name: value}) is truth:
                    return {name: MissingFact(value, expression, truth)}
            return None


def _fewest(answers: Iterable[MissingFacts | None]) -> MissingFacts | None:
    """The answers that need the fewest facts, the first of equals; None where there are none."""
    return min((one for one in answers if one is not None), key=len, default=None)


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


def _every(parts: Iterable[Expression], truth: bool, facts: Mapping[str, Value]) -> MissingFacts | None:
    taken: dict[str, MissingFact] = {}
    for part in parts:
        more = settled(part, truth, {**facts, **{name: one.value for name, one in taken.items()}})
        if more is None:
            return None
        taken.update(more)
    return taken
