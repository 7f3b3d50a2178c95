"""What a technique depends on, its limits, and when it should not be used (``data/techniques``).

How a technique finds its ways is code in the room ``techniques``; every number that it holds them to is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from osteoplan.errors import UnknownName
from osteoplan.knowledge.load import Cited, KnownRow, Strict, documents
from osteoplan.knowledge.refs import citation
from osteoplan.model.evidence import Citation, Known, ReviewStatus

__all__ = ["Contraindication", "TechniqueCard", "limits", "technique_card", "technique_cards"]


class ContraindicationRow(Cited):
    """A reason against the technique; ``rule`` is the pathway rule that acts on it, if one does."""

    text: str
    kind: Literal["absolute", "relative"]
    rule: str = ""


class TechniqueFile(Strict):
    """One technique as written."""

    id: str
    title: str
    kind: Literal["plan", "comparator"]
    what: str
    uses: tuple[str, ...] = ()
    limits: dict[str, KnownRow] = {}
    contraindications: tuple[ContraindicationRow, ...] = ()


@dataclass(frozen=True)
class Contraindication:
    """A reason against a technique, with its source."""

    text: str
    kind: Literal["absolute", "relative"]
    rule: str
    cite: tuple[str, ...]
    status: ReviewStatus


@dataclass(frozen=True)
class TechniqueCard:
    """What is known about a technique.

    Attributes:
        uses: what it depends on, in the words of the vocabulary's ``uses``.
        limits: name (unit in it) -> value.
    """

    id: str
    title: str
    kind: Literal["plan", "comparator"]
    what: str
    uses: tuple[str, ...]
    limits: Mapping[str, Known]
    contraindications: tuple[Contraindication, ...]

    @property
    def sources(self) -> tuple[Citation, ...]:
        """Every source behind the card, once."""
        keys = [key for known in self.limits.values() for key in known.cite]
        keys += [key for reason in self.contraindications for key in reason.cite]
        return tuple(citation(key) for key in dict.fromkeys(keys))


@cache
def technique_cards(root: Path | None = None) -> Mapping[str, TechniqueCard]:
    """Every technique by id."""
    return {file.id: _card(file) for file in documents("techniques", TechniqueFile, root).values()}


def technique_card(id: str) -> TechniqueCard:
    """The card of a technique.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    cards = technique_cards()
    if id not in cards:
        raise UnknownName("technique", id, cards)
    return cards[id]


def limits(id: str) -> Mapping[str, Known]:
    """The limits of a technique by name.

    Raises:
        UnknownName: no such technique.
    """
    return technique_card(id).limits


def _card(file: TechniqueFile) -> TechniqueCard:
    reasons = tuple(
        Contraindication(row.text, row.kind, row.rule, row.cite, row.status) for row in file.contraindications
    )
    known = {name: row.known() for name, row in file.limits.items()}
    return TechniqueCard(file.id, file.title, file.kind, file.what, file.uses, known, reasons)
