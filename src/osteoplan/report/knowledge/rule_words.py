"""Conditions of rules in plain words, so that a clinician reads them without their notation.

    region == 'spine' and 7 <= sins <= 12 and bilsky in ('0', '1a')

is *region of the lesion is vertebra C1 to L5 · SINS total 7 to 12 · epidural compression (Bilsky grade) is 0
or 1a*.  Words, levels and units are those of the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from osteoplan.knowledge.expression import (
    AllOf,
    Among,
    AnyOf,
    Compare,
    Expression,
    Has,
    Is,
    Leaf,
    Not,
    Operator,
)
from osteoplan.knowledge.vocabulary import FactRow
from osteoplan.report.words import unit_word

__all__ = [
    "Outlined", "conjuncts", "level_words", "listed", "outline", "phrase", "sentence", "unnegated",
    "with_unit",
]  # fmt: skip

Facts = Mapping[str, FactRow]

_OPPOSITE: dict[Operator, Operator] = {"<": ">=", "<=": ">", "==": "!=", "!=": "==", ">=": "<", ">": "<="}
_RELATION: dict[Operator, str] = {
    "<": "below", "<=": "at most", "==": "is", "!=": "is not", ">=": "at least", ">": "above",
}  # fmt: skip
# A level whose id is itself the name that clinicians use: a grade (0, 1a), a class (II), a vertebra (T12).
_CLINICAL_ID = re.compile(r"\d+[a-z]?|[IVX]+|[A-Z]\d+")

_EXPLAINED = re.compile(r"[,:]")


@dataclass(frozen=True)
class Outlined:
    """One line of an indented list; ``depth`` 0 is the outermost."""

    depth: int
    text: str


def sentence(expression: Expression, facts: Facts) -> str:
    """A whole condition in one line; its parts, all of which must hold, stand between middle dots."""
    parts = conjuncts(expression)
    return phrase(parts[0], facts) if len(parts) == 1 else " · ".join(_bracketed(p, facts) for p in parts)


def outline(expression: Expression, facts: Facts) -> tuple[Outlined, ...]:
    """A whole condition as an indented list: alternatives stand deeper, under *at least one of*."""
    return tuple(line for part in conjuncts(expression) for line in _outlined(part, facts, 0))


def phrase(part: Expression, facts: Facts) -> str:
    """One part of a condition: *INR above 1.8*; alternatives joined by *or*."""
    plain = unnegated(part)
    between = _between(plain, facts)
    if between:
        return between
    match plain:
        case AllOf(parts):
            return " and ".join(_bracketed(one, facts) for one in _merged(parts))
        case AnyOf(parts):
            return "; or ".join(_bracketed(one, facts) for one in parts)
        case Not(inner):
            assert not isinstance(inner, Not | AllOf | AnyOf), "unnegated() leaves a negation on leaves only"
            return _leaf(inner, facts, negated=True)
        case _:
            return _leaf(plain, facts, negated=False)


def conjuncts(expression: Expression) -> tuple[Expression, ...]:
    """The parts that must all hold, in order of appearance; the two ends of one range stay together."""
    plain = unnegated(expression)
    return _merged(plain.parts) if isinstance(plain, AllOf) and not _ends(plain) else (plain,)


def unnegated(expression: Expression) -> Expression:
    """The same condition with *not* on single yes-or-no facts and lists only (De Morgan).

    Kleene's three values obey De Morgan too, so the condition says the same on unknown facts.
    """
    match expression:
        case Not(part):
            return _opposite(part)
        case AllOf(parts):
            return AllOf(tuple(unnegated(part) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(unnegated(part) for part in parts))
        case _:
            return expression


def with_unit(value: float, unit: str) -> str:
    """A number exactly as it stands in the data, with its unit; never rounded."""
    text = f"{value:.12g}".replace("-", "−")
    return f"{text} {unit_word(unit)}".strip()


def level_words(row: FactRow, level: str) -> str:
    """What a level is called; its id first where that is a clinical name: *1c (cord touched)*.

    An explanation after a comma or colon is left out where the first words alone tell the levels apart.
    """
    text = row.levels.get(level, level)
    if text == level:
        return level
    if _CLINICAL_ID.fullmatch(level):
        return f"{level} ({text})"
    first = _EXPLAINED.split(text)[0]
    return first if [_EXPLAINED.split(one)[0] for one in row.levels.values()].count(first) == 1 else text


def listed(words: Sequence[str], last: str = "or") -> str:
    """*a*, *a or b*, *a, b or c*."""
    head, tail = words[:-1], words[-1]
    return f"{', '.join(head)} {last} {tail}" if head else tail


def _opposite(part: Expression) -> Expression:
    match part:
        case Not(inner):
            return unnegated(inner)
        case AllOf(parts):
            return AnyOf(tuple(_opposite(one) for one in parts))
        case AnyOf(parts):
            return AllOf(tuple(_opposite(one) for one in parts))
        case Compare(name, op, literal):
            return Compare(name, _OPPOSITE[op], literal)
        case _:
            return Not(part)


def _merged(parts: Sequence[Expression]) -> tuple[Expression, ...]:
    """Parts of a conjunction, nested ones unfolded; a lower and an upper end of one fact become one part."""
    flat: list[Expression] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, AllOf) and not _ends(part) else (part,))
    found: list[Expression] = []
    for part in flat:
        place = next((i for i, one in enumerate(found) if _ends(AllOf((one, part)))), None)
        if place is None:
            found.append(part)
        else:
            found[place] = AllOf((found[place], part))
    return tuple(found)


def _ends(part: Expression) -> tuple[Compare, Compare] | None:
    """Lower and upper end where a part says that one number lies between two."""
    match part:
        case AllOf((Compare(a, one), Compare(b, two))) if a == b and one[0] + two[0] in ("><", "<>"):
            first, second = part.parts
            assert isinstance(first, Compare)
            assert isinstance(second, Compare)
            return (first, second) if one[0] == ">" else (second, first)
    return None


def _between(part: Expression, facts: Facts) -> str:
    ends = _ends(part)
    if ends is None:
        return ""
    low, high = ends
    row = facts[low.name]
    top = _value(high.literal, row)
    if (low.op, high.op) == (">=", "<="):
        return f"{row.label} {_bare(low.literal)} to {top}"
    return f"{row.label} {_RELATION[low.op]} {_bare(low.literal)} and {_RELATION[high.op]} {top}"


def _bare(literal: float | int | str) -> str:
    return literal if isinstance(literal, str) else with_unit(literal, "1")


def _value(literal: float | int | str, row: FactRow) -> str:
    return level_words(row, literal) if isinstance(literal, str) else with_unit(literal, row.unit)


def _leaf(leaf: Leaf, facts: Facts, *, negated: bool) -> str:
    row = facts[leaf.name]
    match leaf:
        case Is():
            return f"{row.label}: {'no' if negated else 'yes'}"
        case Compare(_, op, literal):
            relation, value = _RELATION[_OPPOSITE[op] if negated else op], _value(literal, row)
            if relation == "is not" and value.split()[0] in ("no", "not", "none"):
                relation = "is other than"
            return f"{row.label} {relation} {value}"
        case Among(_, literals):
            return f"{row.label} {'is not' if negated else 'is'} {listed(_short(literals, row))}"
        case Has(_, literal):
            verb = "do not include" if negated else "include"
            return f"{row.label} {verb} {level_words(row, literal)}"


def _short(literals: Sequence[float | int | str], row: FactRow) -> list[str]:
    """Several levels: clinical ids alone, the rest in words; a unit once, at the end."""
    words = [
        literal
        if isinstance(literal, str) and _CLINICAL_ID.fullmatch(literal)
        else level_words(row, literal)
        if isinstance(literal, str)
        else _bare(literal)
        for literal in literals
    ]
    unit = unit_word(row.unit)
    return [*words[:-1], f"{words[-1]} {unit}".strip()]


def _bracketed(part: Expression, facts: Facts) -> str:
    """A part within a longer sentence: brackets round alternatives and groups."""
    text = phrase(part, facts)
    return f"({text})" if isinstance(part, AnyOf | AllOf) and not _ends(part) else text


def _outlined(part: Expression, facts: Facts, depth: int) -> list[Outlined]:
    match part:
        case AnyOf(parts):
            inner = [line for one in parts for line in _outlined(one, facts, depth + 1)]
            return [Outlined(depth, "at least one of"), *inner]
        case AllOf(parts) if not _ends(part):
            inner = [line for one in _merged(parts) for line in _outlined(one, facts, depth + 1)]
            return [Outlined(depth, "all of"), *inner]
        case _:
            return [Outlined(depth, phrase(part, facts))]
