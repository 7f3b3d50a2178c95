"""The languages of the data: yes-or-no expressions over the vocabulary, formulas over numbers, nothing else.

    region == 'spine' and 7 <= sins <= 12 and bilsky in ('0', '1a', '1b') and not infection
    0.5 * body_weight_N * (height_cm / 170) ** 2

A text is read by Python's own parser; anything outside the grammar (a call, arithmetic in an expression, one
fact against another) is refused.  What an expression says on a patient's facts, unknown ones included, is
told by ``pathway.expression``; a formula that reads a name without a value has none.

    expression := expression 'and' | 'or' expression  |  'not' expression  |  fact
                | fact < <= == != >= > literal  (also chained)  |  fact [not] 'in' (literal, literal, ...)
                | literal [not] 'in' fact  (a fact of the kind ``several``)
    formula    := formula + - * / ** formula  |  number  |  name
"""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from osteoplan.errors import BadInput, nearest
from osteoplan.knowledge.vocabulary import FactRow

__all__ = [
    "AllOf", "Among", "AnyOf", "Compare", "Expression", "Has", "Is", "Leaf", "Not", "Operator", "evaluated",
    "holds", "leaves", "lint_findings", "literals", "names", "names_in", "parse", "renumbered",
]  # fmt: skip

Operator = Literal["<", "<=", "==", "!=", ">=", ">"]
Value = float | int | str


@dataclass(frozen=True)
class Is:
    """A yes-or-no fact."""

    name: str


@dataclass(frozen=True)
class Compare:
    """A fact against a literal."""

    name: str
    op: Operator
    literal: Value


@dataclass(frozen=True)
class Among:
    """A fact that is one of several literals."""

    name: str
    literals: tuple[Value, ...]


@dataclass(frozen=True)
class Has:
    """A fact of several levels that has this one among them."""

    name: str
    literal: str


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Expression


@dataclass(frozen=True)
class AllOf:
    """Every part."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one part."""

    parts: tuple[Expression, ...]


Leaf = Is | Compare | Among | Has
Expression = Leaf | Not | AllOf | AnyOf

_OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!=", ast.GtE: ">=", ast.Gt: ">",
}  # fmt: skip
_HOLDS: dict[Operator, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq,
    "!=": operator.ne, ">=": operator.ge, ">": operator.gt,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
_MIRRORED: dict[Operator, Operator] = {"<": ">", "<=": ">=", "==": "==", "!=": "!=", ">=": "<=", ">": "<"}


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """The tree of a ``when``.

    Raises:
        BadInput: not an expression of the grammar; the sentence quotes the piece.
    """
    return _parsed(_syntax(text, "an expression"))


def holds(op: Operator, value: Value, literal: Value) -> bool:
    """Whether a known value stands in that relation to a literal."""
    return _HOLDS[op](value, literal)


def leaves(expression: Expression) -> tuple[Leaf, ...]:
    """The parts that read one fact each, in order of appearance."""
    match expression:
        case Is() | Compare() | Among() | Has():
            return (expression,)
        case Not(part):
            return leaves(part)
        case AllOf(parts) | AnyOf(parts):
            return tuple(leaf for part in parts for leaf in leaves(part))


def names(expression: Expression) -> tuple[str, ...]:
    """The facts that an expression reads, once each, in order of appearance."""
    return tuple(dict.fromkeys(leaf.name for leaf in leaves(expression)))


def literals(expression: Expression, name: str) -> tuple[Value, ...]:
    """The literals that a fact is held against, once each, in order of appearance."""
    found: dict[Value, None] = {}
    for leaf in leaves(expression):
        if leaf.name == name and not isinstance(leaf, Is):
            found.update(dict.fromkeys(_literals(leaf)))
    return tuple(found)


def lint_findings(expression: Expression, vocabulary: Mapping[str, FactRow]) -> tuple[str, ...]:
    """What is wrong with an expression against the vocabulary: one sentence each, none if it is sound."""
    return tuple(fault for leaf in leaves(expression) for fault in _leaf_findings(leaf, vocabulary))


def renumbered(text: str, name: str, changes: Mapping[float, float]) -> str:
    """A condition with numbers that one fact is held against replaced, all at once, wherever they stand.

    Args:
        text: the condition as written; it must parse.
        name: the fact.
        changes: number as it stands -> number instead.
    """
    tree = ast.parse(text.strip(), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for one, two in itertools.pairwise(sides):
                for fact, number in ((one, two), (two, one)):
                    if isinstance(fact, ast.Name) and fact.id == name:
                        _renumber(number, changes)
    return ast.unparse(tree)


def _renumber(node: ast.expr, changes: Mapping[float, float]) -> None:
    for constant in node.elts if isinstance(node, ast.Tuple) else (node,):
        if isinstance(constant, ast.Constant) and isinstance(constant.value, int | float):
            constant.value = changes.get(constant.value, constant.value)


def evaluated(text: str, names: Mapping[str, float | None]) -> float | None:
    """The value of a formula; None where a name in it is unknown.

    Raises:
        BadInput: not a formula, or a name that nobody defined.
    """
    return _value(_syntax(text, "a formula"), names, text)


def names_in(text: str) -> tuple[str, ...]:
    """The names that a formula reads, once each.

    Raises:
        BadInput: not a formula.
    """
    tree = _syntax(text, "a formula")
    found = dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    _value(tree, found, text)  # refuses anything outside the grammar
    return tuple(found)


def _syntax(text: str, what: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as why:
        raise BadInput(f"'{text.strip()}' is not {what}: {why.msg}") from why


def _value(node: ast.expr, names: Mapping[str, float | None], text: str) -> float | None:
    match node:
        case ast.Constant(int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id) if id in names:
            return names[id]
        case ast.Name(id):
            raise BadInput(f"'{text}': nobody defines {id}; known: {', '.join(names)}")
        case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
            one, two = _value(left, names, text), _value(right, names, text)
            return None if one is None or two is None else _ARITHMETIC[type(op)](one, two)
    raise BadInput(f"'{text}': '{ast.unparse(node)}' is no formula: write + - * / ** and names")


def _literals(leaf: Compare | Among | Has) -> tuple[Value, ...]:
    return leaf.literals if isinstance(leaf, Among) else (leaf.literal,)


def _parsed(node: ast.expr) -> Expression:
    match node:
        case ast.BoolOp(op, values):
            parts = tuple(_parsed(value) for value in values)
            return AllOf(parts) if isinstance(op, ast.And) else AnyOf(parts)
        case ast.UnaryOp(ast.Not(), operand):
            return Not(_parsed(operand))
        case ast.Name(id):
            return Is(id)
        case ast.Compare(left, ops, comparators):
            sides = [_signed(side) for side in (left, *comparators)]
            links = tuple(_link(a, op, b) for a, op, b in zip(sides, ops, sides[1:], strict=False))
            return links[0] if len(links) == 1 else AllOf(links)
    raise BadInput(
        f"'{ast.unparse(node)}' is outside the grammar of rules: see osteoplan.knowledge.expression"
    )


def _signed(node: ast.expr) -> ast.expr:
    """A number with a minus sign as one literal; anything else as it is."""
    match node:
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as number)) if not isinstance(number, bool):
            return ast.copy_location(ast.Constant(-number), node)
    return node


def _link(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Expression:
    """One comparison of a chain, the fact on its left."""
    match left, op, right:
        case ast.Name(id), ast.In(), ast.Tuple(elts) if elts:
            return Among(id, tuple(_literal(item) for item in elts))
        case ast.Name(id), ast.NotIn(), ast.Tuple(elts) if elts:
            return Not(Among(id, tuple(_literal(item) for item in elts)))
        case ast.Constant(str(word)), ast.In(), ast.Name(id):
            return Has(id, word)
        case ast.Constant(str(word)), ast.NotIn(), ast.Name(id):
            return Not(Has(id, word))
        case ast.Name(id), _, ast.Constant() if type(op) in _OPERATORS:
            return Compare(id, _OPERATORS[type(op)], _literal(right))
        case ast.Constant(), _, ast.Name(id) if type(op) in _OPERATORS:
            return Compare(id, _MIRRORED[_OPERATORS[type(op)]], _literal(left))
    shown = ast.unparse(ast.Compare(left, [op], [right]))
    raise BadInput(
        f"'{shown}' is outside the grammar of rules: compare one fact with numbers or quoted words"
    )


def _literal(node: ast.expr) -> Value:
    # True is a kind of int in Python, and no literal here
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool):
        value = node.value
        if isinstance(value, int | float | str):
            return value
    raise BadInput(f"'{ast.unparse(node)}' is not a number or a quoted word")


def _leaf_findings(leaf: Leaf, vocabulary: Mapping[str, FactRow]) -> tuple[str, ...]:
    row = vocabulary.get(leaf.name)
    if row is None:
        return (f"'{leaf.name}' is not in the vocabulary; {nearest(leaf.name, vocabulary)}",)
    if isinstance(leaf, Is):
        return () if row.kind == "bool" else (f"'{leaf.name}' is a {row.kind}: compare it with something",)
    if row.kind == "bool":
        return (f"'{leaf.name}' is yes or no: write '{leaf.name}' or 'not {leaf.name}'",)
    if isinstance(leaf, Has) != (row.kind == "several"):
        return (
            f"'{leaf.name}' is a {row.kind}: only a fact of several levels is asked with 'level' in fact",
        )
    values = _literals(leaf)
    if row.kind in ("level", "several"):
        if isinstance(leaf, Compare) and leaf.op not in ("==", "!="):
            return (f"'{leaf.name}' is a level and has no order: use ==, != or in",)
        bad = [value for value in values if value not in row.levels]
        return tuple(f"'{leaf.name}' is never {value!r}; {nearest(str(value), row.levels)}" for value in bad)
    assert not isinstance(leaf, Has)
    return tuple(fault for value in values for fault in _number_findings(leaf, value, row))


def _number_findings(leaf: Compare | Among, value: Value, row: FactRow) -> tuple[str, ...]:
    """A threshold must be a number inside the range, where both sides of it can happen."""
    if isinstance(value, str):
        return (f"'{leaf.name}' is a number and is held against {value!r}",)
    assert row.range is not None
    low, high = row.range
    reachable = low <= value <= high
    if isinstance(leaf, Compare):
        empty = {"<": value <= low, ">=": value <= low, ">": value >= high, "<=": value >= high}
        reachable = reachable and not empty.get(leaf.op, False)
    return (
        ()
        if reachable
        else (f"the threshold {value} of '{leaf.name}' cannot be crossed in {low:g} to {high:g}",)
    )
