"""A technique's monograph read for one patient: what does not hold is left out, what only may is marked.

facts = Facts({"region": "spine", "posterior_wall_defect": True})
card = for_patient(technique_card("vertebroplasty"), facts)
[row.text for row in card.pearls if row.applies]        # those that hold for certain
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from osteoplan.knowledge.expression import parse
from osteoplan.model.technique import SECTIONS, Statement, TechniqueCard
from osteoplan.pathway.expression import deciders, evaluate
from osteoplan.pathway.vocabulary import Value

__all__ = ["applies", "for_patient"]

Row = TypeVar("Row", bound=Statement)


def applies(card: TechniqueCard, facts: Mapping[str, Value]) -> bool | None:
    """Whether a technique is an option at all at this site; None where the facts leave it open."""
    return evaluate(parse(card.applies), facts) if card.applies else True


def for_patient(card: TechniqueCard, facts: Mapping[str, Value]) -> TechniqueCard:
    """The card with only those rows that hold for the patient (``applies`` True) or may hold (None).

    A row that only may hold asks for the facts that would settle it.  The facts are checked ones
    (``pathway.facts``); a fact that is absent is unknown.
    """
    held: dict[str, Any] = {name: tuple(_held(card.section(name), facts)) for name in SECTIONS}
    return replace(card, **held)


def _held(rows: Iterable[Row], facts: Mapping[str, Value]) -> Iterable[Row]:
    for row in rows:
        if not row.when:
            yield row
            continue
        when = parse(row.when)
        truth = evaluate(when, facts)
        if truth is True:
            yield replace(row, applies=True, ask=())
        elif truth is None:
            yield replace(row, applies=None, ask=deciders(when, facts))
