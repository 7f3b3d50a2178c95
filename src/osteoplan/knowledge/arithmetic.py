"""Arithmetic in the data: sums, products and powers of named numbers, and nothing else.

    2.38 * body_weight_N          0.5 * body_weight_N * (height_cm / 170) ** 2

Unknown stays unknown: a formula that reads a name without a value has none.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

from osteoplan.errors import BadInput

__all__ = ["evaluated", "names_in"]

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip


def evaluated(text: str, names: Mapping[str, float | None]) -> float | None:
    """The value of a formula; None where a name in it is unknown.

    Raises:
        BadInput: not a formula, or a name that nobody defined.
    """
    return _value(_parsed(text), names, text)


def names_in(text: str) -> tuple[str, ...]:
    """The names that a formula reads, once each.

    Raises:
        BadInput: not a formula.
    """
    found: dict[str, float | None] = {
        node.id: None for node in ast.walk(_parsed(text)) if isinstance(node, ast.Name)
    }
    _value(_parsed(text), found, text)  # refuses anything outside the grammar
    return tuple(found)


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as why:
        raise BadInput(f"'{text.strip()}' is not a formula: {why.msg}") from why


def _value(node: ast.expr, names: Mapping[str, float | None], text: str) -> float | None:
    match node:
        case ast.Constant(int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id) if id in names:
            return names[id]
        case ast.Name(id):
            raise BadInput(f"'{text}': nobody defines {id}; known: {', '.join(names)}")
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            one, two = _value(left, names, text), _value(right, names, text)
            return None if one is None or two is None else _OPERATORS[type(op)](one, two)
    raise BadInput(f"'{text}': '{ast.unparse(node)}' is no formula: write + - * / ** and names")
