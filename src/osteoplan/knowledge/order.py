"""Which act comes before which, as data: rows, and examples that prove them (``data/order``).

``pathway.order`` reads a sequence of acts, or the steps of a plan, against these rows.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from osteoplan.knowledge.load import Cited, Strict, document

__all__ = ["ActKind", "OrderEffect", "OrderExample", "OrderFile", "OrderRow", "order", "order_kinds"]

OrderEffect = Literal["usual", "legal", "warn", "forbid"]


class ActKind(Strict):
    """What an act can be.

    Attributes:
        meaning: in words (``is`` in YAML).
        counts_as: another kind that it also is.
        sources: words of ``Deliver.source`` that mean it.
        agents: words of ``Inject.agent``, or kinds of the device that the agent names, that mean it.
    """

    meaning: str = Field(alias="is")
    counts_as: str = ""
    sources: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


class OrderRow(Cited):
    """One act before another.

    Attributes:
        first, second: kinds of act; any of the first before any of the second.
        unless: kinds of act that, standing between the two, settle it.
        then: what follows, for people.
        when: for whom it holds, as an expression over the vocabulary; empty for everybody.
    """

    id: str = Field(pattern=r"^O\d+$")
    first: tuple[str, ...] = Field(min_length=1)
    second: tuple[str, ...] = Field(min_length=1)
    effect: OrderEffect
    unless: tuple[str, ...] = ()
    then: str
    when: str = ""


class OrderExample(Strict):
    """A sequence of acts, facts, and the ids of the rows that must speak; ``!`` marks one turned round."""

    acts: tuple[str, ...]
    given: dict[str, bool | int | float | str | None] = {}
    says: tuple[str, ...]
    note: str = ""


class OrderFile(Strict):
    """The whole of ``order/acts.yaml``."""

    date: datetime.date
    kinds: dict[str, ActKind]
    no_part: tuple[str, ...] = ()
    rows: tuple[OrderRow, ...]
    examples: tuple[OrderExample, ...]

    def meanings(self, acts: Sequence[str]) -> list[str]:
        """What kinds of act are, in words."""
        return [self.kinds[act].meaning for act in acts]


def order(root: Path | None = None) -> OrderFile:
    """Kinds of act, rows and examples."""
    return document("order/acts.yaml", OrderFile, root)


@cache
def order_kinds(root: Path | None = None) -> Mapping[str, frozenset[str]]:
    """Every kind of act with all that it counts as, itself included."""
    kinds = order(root).kinds
    return {name: frozenset({name, *filter(None, [kind.counts_as])}) for name, kind in kinds.items()}
