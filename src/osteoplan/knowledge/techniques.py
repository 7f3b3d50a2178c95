"""What is known about each technique: its monograph, what it depends on, its limits (``data/techniques``).

How a technique finds its ways is code in the room ``techniques``; every number that it holds them to is here,
and so is what a meeting should know before it chooses it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from osteoplan.errors import UnknownName
from osteoplan.knowledge.load import KnownRow, Strict, all_known, documents
from osteoplan.knowledge.monographs import (
    SECTIONS,
    Complication,
    ComplicationRow,
    Contraindication,
    ContraindicationRow,
    FollowUp,
    FollowUpRow,
    Section,
    Statement,
    StatementRow,
    statement,
)
from osteoplan.knowledge.refs import citation
from osteoplan.model.evidence import Citation, Known

__all__ = [
    "Contraindication",
    "Family",
    "TechniqueCard",
    "TechniqueFile",
    "limits",
    "technique_card",
    "technique_cards",
]

Family = Literal[
    "cement", "expansion", "fixation", "ablation", "injection", "embolisation", "radiotherapy", "surgery",
    "support",
]  # fmt: skip


class TechniqueFile(Strict):
    """One technique as written; the attributes are those of ``TechniqueCard``."""

    id: str
    title: str
    kind: Literal["plan", "comparator"]
    family: Family
    what: str
    applies: str = ""
    uses: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()
    date: datetime.date | None = None
    limits: dict[str, KnownRow] = {}
    indications: tuple[StatementRow, ...] = ()
    contraindications: tuple[ContraindicationRow, ...] = ()
    advantages: tuple[StatementRow, ...] = ()
    limitations: tuple[StatementRow, ...] = ()
    pearls: tuple[StatementRow, ...] = ()
    complications: tuple[ComplicationRow, ...] = ()
    order: tuple[StatementRow, ...] = ()
    aftercare: tuple[StatementRow, ...] = ()
    follow_up: tuple[FollowUpRow, ...] = ()
    nothing_found: dict[Section, str] = {}


@dataclass(frozen=True)
class TechniqueCard:
    """What is known about a technique.

    Attributes:
        family: what kind of treatment it is.
        applies: where it is an option at all, as an expression over the vocabulary; empty for everywhere.
        uses: what it depends on, in the words of the vocabulary's ``uses``; a rule can exclude a use.
        needs: what a centre must have: of each group one, in the words of the vocabulary's ``resources``.
        limits: name (unit in it) -> value.
        order: its place beside other treatments of the same lesion.
        nothing_found: for each section without rows, a sentence that says so.
    """

    id: str
    title: str
    kind: Literal["plan", "comparator"]
    family: Family
    what: str
    applies: str
    uses: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    limits: Mapping[str, Known]
    indications: tuple[Statement, ...]
    contraindications: tuple[Contraindication, ...]
    advantages: tuple[Statement, ...]
    limitations: tuple[Statement, ...]
    pearls: tuple[Statement, ...]
    complications: tuple[Complication, ...]
    order: tuple[Statement, ...]
    aftercare: tuple[Statement, ...]
    follow_up: tuple[FollowUp, ...]
    nothing_found: Mapping[Section, str]

    def section(self, name: Section) -> tuple[Statement, ...]:
        """The statements of one section."""
        found: tuple[Statement, ...] = getattr(self, name)
        return found

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Every statement, section by section."""
        return tuple(one for name in SECTIONS for one in self.section(name))

    @property
    def sources(self) -> tuple[Citation, ...]:
        """Every source behind the card, once."""
        keys = [key for known in self.limits.values() for key in known.cite]
        keys += [key for one in self.statements for key in one.cite]
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
    return TechniqueCard(
        id=file.id,
        title=file.title,
        kind=file.kind,
        family=file.family,
        what=file.what,
        applies=file.applies,
        uses=file.uses,
        needs=file.needs,
        limits=all_known(file.limits, f"knowledge/data/techniques/{file.id}.yaml"),
        nothing_found=file.nothing_found,
        **{name: tuple(statement(row) for row in getattr(file, name)) for name in SECTIONS},
    )
