"""Small checks that every part of the linter shares: sentences on expressions, repeated words and units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from osteoplan.errors import BadInput
from osteoplan.knowledge.expression import lint_findings, parse
from osteoplan.knowledge.vocabulary import FactRow
from osteoplan.units import ucum

__all__ = ["expression_findings", "twice", "unit_known"]


def expression_findings(text: str, facts: Mapping[str, FactRow]) -> tuple[str, ...]:
    """What is wrong with an expression as written: one sentence each, none if it is sound."""
    try:
        return lint_findings(parse(text), facts)
    except BadInput as why:
        return (str(why),)


def twice(what: str, words: Iterable[str]) -> Iterator[str]:
    """A sentence for each word that came before."""
    seen: set[str] = set()
    for word in words:
        if word in seen:
            yield f"the {what} '{word}' stands twice"
        seen.add(word)


def unit_known(unit: str) -> bool:
    """Whether ``osteoplan.units`` knows the unit."""
    try:
        ucum(unit)
    except KeyError:
        return False
    return True
