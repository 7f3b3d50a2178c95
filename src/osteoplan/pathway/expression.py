"""What an expression says on facts that may be unknown: true, false or unknown (Kleene's three values).

    not unknown = unknown
    false and unknown = false,  true and unknown = unknown
    true or unknown = true,     false or unknown = unknown

A fact is a value, unknown (None), or a closed range (lowest, highest); a comparison is decided by a range
only where every number in it agrees.  Source: Kleene, Introduction to Metamathematics, 1952, section 64.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from osteoplan.knowledge.expression import (
    AllOf,
    Among,
    AnyOf,
    Compare,
    Expression,
    Has,
    Is,
    Not,
    Operator,
    holds,
    leaves,
    literals,
    names,
)
from osteoplan.knowledge.vocabulary import FactRow, vocabulary
from osteoplan.model.case import Fact
from osteoplan.pathway.vocabulary import Range, Value

__all__ = ["deciders", "evaluate", "samples", "told_apart", "tried_deciders"]

Truth = bool | None


def evaluate(expression: Expression, facts: Mapping[str, Value]) -> Truth:
    """Truth of an expression on checked facts; a name that is absent is unknown."""
    match expression:
        case Is(name):
            value = facts.get(name)
            return value if isinstance(value, bool) else None
        case Compare(name, op, literal):
            return _compared(facts.get(name), op, literal)
        case Among(name, several):
            return _any(_compared(facts.get(name), "==", literal) for literal in several)
        case Has(name, literal):
            value = facts.get(name)
            return literal in value if isinstance(value, frozenset) else None
        case Not(part):
            inner = evaluate(part, facts)
            return None if inner is None else not inner
        case AllOf(parts):
            return _all(evaluate(part, facts) for part in parts)
        case AnyOf(parts):
            return _any(evaluate(part, facts) for part in parts)


def deciders(expression: Expression, facts: Mapping[str, Value]) -> tuple[str, ...]:
    """The unknown facts whose value could still change what the expression says, in order of appearance.

    A fact is a decider if, with some values of the other unknown facts, two of its values give two answers.
    Where every unknown fact stands in one part of its own, each part can be made to hold or to fail, so each
    of them decides; otherwise all combinations are tried (``tried_deciders``).
    """
    parts = list(_open_parts(expression, facts))
    own = [name for name, _ in parts]
    if len(set(own)) == len(own) and all(_both(name, part, facts) for name, part in parts):
        return tuple(name for name in names(expression) if name in own)
    return tried_deciders(expression, facts)


def tried_deciders(expression: Expression, facts: Mapping[str, Value]) -> tuple[str, ...]:
    """As ``deciders``, by trying every combination of values that the expression tells apart."""
    unknown = [name for name in names(expression) if _open(facts.get(name))]
    choices = [told_apart(expression, name, facts.get(name)) for name in unknown]
    answers = {
        values: evaluate(expression, {**facts, **dict(zip(unknown, values, strict=True))})
        for values in itertools.product(*choices)
    }
    return tuple(name for place, name in enumerate(unknown) if _changes(answers, place))


def _open_parts(expression: Expression, facts: Mapping[str, Value]) -> Iterator[tuple[str, Expression]]:
    """The undetermined parts that hang on one unknown fact each, in order of appearance."""
    if evaluate(expression, facts) is not None:
        return
    unknown = [name for name in names(expression) if _open(facts.get(name))]
    if len(unknown) == 1:
        yield unknown[0], expression
        return
    match expression:
        case Not(part):
            yield from _open_parts(part, facts)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _open_parts(part, facts)


def _both(name: str, part: Expression, facts: Mapping[str, Value]) -> bool:
    """Whether values of the fact can make the part hold, and others make it fail."""
    tried = samples(part, name, facts.get(name), vocabulary()[name])
    return {evaluate(part, {**facts, name: value}) for value in tried} == {True, False}


def told_apart(expression: Expression, name: str, known: Value) -> tuple[Fact, ...]:
    """Values of a fact, one for each way in which the parts that read it can come out."""
    reading = [leaf for leaf in leaves(expression) if leaf.name == name]
    tried = samples(expression, name, known, vocabulary()[name])
    return tuple({tuple(evaluate(leaf, {name: one}) for leaf in reading): one for one in tried}.values())


def samples(expression: Expression, name: str, known: Value, row: FactRow) -> tuple[Fact, ...]:
    """Values of a fact that stand for all its values, as far as the expression can tell them apart."""
    if row.kind == "bool":
        return (True, False)
    against = literals(expression, name)
    if row.kind == "level":
        # levels that the expression does not name are all alike to it
        other = [level for level in row.levels if level not in against][:1]
        return (*(str(level) for level in against), *other)
    if row.kind == "several":
        words = [str(level) for level in against]
        subsets = (itertools.combinations(words, count) for count in range(len(words) + 1))
        return tuple(frozenset(chosen) for size in subsets for chosen in size)
    assert row.range is not None
    low, high = known if isinstance(known, tuple) else row.range
    return _numbers([float(t) for t in against], low, high, whole=row.kind == "integer")


def _numbers(thresholds: list[float], low: float, high: float, *, whole: bool) -> tuple[float, ...]:
    """Both ends, every threshold between them, and a number on each side of each threshold."""
    inside = sorted({low, high, *(t for t in thresholds if low < t < high)})
    if whole:
        near = {t + step for t in inside for step in (-1, 0, 1)}
    else:
        near = {*inside, *((a + b) / 2.0 for a, b in itertools.pairwise(inside))}
    return tuple(sorted(number for number in near if low <= number <= high))


def _changes(answers: Mapping[tuple[Fact, ...], Truth], place: int) -> bool:
    """Whether two combinations that differ in one place only give two answers."""
    seen: dict[tuple[Fact, ...], Truth] = {}
    for values, answer in answers.items():
        rest = values[:place] + values[place + 1 :]
        if seen.setdefault(rest, answer) != answer:
            return True
    return False


def _open(value: Value) -> bool:
    return value is None or isinstance(value, tuple)


def _compared(value: Value, op: Operator, literal: float | int | str) -> Truth:
    if value is None:
        return None
    if not isinstance(value, tuple | frozenset):
        return holds(op, value, literal)
    assert isinstance(value, tuple), "the linter lets no comparison reach a fact of several levels"
    assert not isinstance(literal, str)
    return _range_compared(value, op, literal)


def _range_compared(value: Range, op: Operator, literal: float) -> Truth:
    """A range against a number: an order is decided where both ends agree, equality where it is outside."""
    low, high = value
    if op in ("==", "!="):
        if low <= literal <= high:
            return None
        return op == "!="
    ends = {holds(op, low, literal), holds(op, high, literal)}
    return ends.pop() if len(ends) == 1 else None


def _all(truths: Iterable[Truth]) -> Truth:
    found = set(truths)
    return False if False in found else None if None in found else True


def _any(truths: Iterable[Truth]) -> Truth:
    found = set(truths)
    return True if True in found else None if None in found else False
