"""Facts that nobody need be asked: those that follow from others, and those presumed of most patients.

    known, derived = stood_in(facts, "rules")    # a kidney primary is resistant and hypervascular
    leaned, presumed = stood_in(known, "tiers")  # fit for surgery, until somebody says otherwise

The rows are data (``knowledge/data/conversions``).  Whatever somebody typed wins; a row that would contradict
it is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from osteoplan.errors import BadInput
from osteoplan.knowledge.expression import parse
from osteoplan.knowledge.scores import StandIn, conversions
from osteoplan.model.evidence import Presumed
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.vocabulary import Value

__all__ = ["stands_in", "stood_in"]


def stands_in(row: StandIn, facts: Mapping[str, Value]) -> bool:
    """Whether the row speaks of these facts: its ``when`` is true, and its ``unless`` is not."""
    if row.unless and evaluate(parse(row.unless), facts) is True:
        return False
    return not row.when or evaluate(parse(row.when), facts) is True


def stood_in(
    facts: Facts, reads: Literal["rules", "tiers"], *, without: str = ""
) -> tuple[Facts, tuple[Presumed, ...]]:
    """The facts with what stands in for unknown ones, and what that was, in the order of the rows.

    Args:
        reads: which rows: those that every rule reads, or those that only tiers lean on.
        without: a fact for which nothing stands in.

    Raises:
        BadInput: a typed fact contradicts what follows for certain.
    """
    found: list[Presumed] = []
    for row in conversions():
        if row.reads != reads or not stands_in(row, facts):
            continue
        for name, value in row.gives.items():
            known = facts.get(name)
            if row.certain and known is not None and not _agree(known, value):
                raise BadInput(
                    f"{name}: {_words(known)} contradicts what follows for certain ({row.then}: {name}: "
                    f"{_words(value)}); one of them is wrong"
                )
            if name == without or known is not None:
                continue
            try:
                facts = facts.filled({name: value})
            except BadInput:
                continue  # a definition that was typed says otherwise
            noun = (float(value[0]), float(value[1])) if isinstance(value, list) else value
            kind: Literal["derived", "presumed"] = "derived" if reads == "rules" else "presumed"
            found.append(Presumed(name, noun, kind, row.then, row.cite, row.tag))
    return facts, tuple(found)


def _agree(known: Value, value: object) -> bool:
    """Whether a typed fact, or a range of it, can be what follows."""
    if isinstance(known, tuple) and isinstance(value, int | float):
        return bool(known[0] <= value <= known[1])
    return known == value


def _words(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
