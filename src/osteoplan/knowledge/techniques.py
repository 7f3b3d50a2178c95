"""What is known about each technique: its monograph, what it depends on, its limits (``data/techniques``).

How a technique finds its ways is code in the room ``techniques``; every number that it holds them to is here,
and so is what a meeting should know before it chooses it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from osteoplan.errors import named
from osteoplan.knowledge.load import KnownRow, Strict, all_known, document, documents
from osteoplan.knowledge.monographs import (
    ComplicationRow,
    ContraindicationRow,
    FollowUpRow,
    StatementRow,
    statement,
)
from osteoplan.model.evidence import Known
from osteoplan.model.technique import (
    SECTIONS,
    Anaesthesia,
    Bleeding,
    Family,
    Section,
    TechniqueCard,
)

__all__ = ["TechniqueFile", "aims", "limits", "technique_card", "technique_cards", "unsimulated"]


# What a technique uses by its gates: a rule on one of these words reaches all that share the gate.
_FOLLOWING = {
    ("position", "prone"): "prone",
    ("anaesthesia", "general"): "general_anaesthesia",
    ("bleeding", "high"): "bleeding_high",
    ("bleeding", "low"): "bleeding_low",
}


class TechniqueFile(Strict):
    """One technique as written; the attributes are those of ``TechniqueCard``."""

    id: str
    title: str
    kind: Literal["plan", "comparator"]
    family: Family
    what: str
    applies: str = ""
    uses: tuple[str, ...] = ()
    bleeding: Bleeding
    anaesthesia: Anaesthesia
    position: Literal["", "prone"] = ""
    min_weeks: float = Field(default=0.0, ge=0.0)
    needs_fitness: bool = False
    needs: tuple[tuple[str, ...], ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()
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

    @model_validator(mode="before")
    @classmethod
    def _uses_follow(cls, content: Any) -> Any:
        """The gates add their words to ``uses``, where nobody may write them."""
        if not isinstance(content, Mapping):
            return content
        typed = tuple(content.get("uses") or ())
        if found := set(typed) & set(_FOLLOWING.values()):
            raise ValueError(f"'{min(found)}' follows from a gate: leave it out of 'uses'")
        following = (word for (gate, at), word in _FOLLOWING.items() if content.get(gate) == at)
        return {**content, "uses": (*typed, *following)}


class _AimsFile(Strict):
    """What each family is for; a technique that differs from its family stands by itself."""

    families: dict[Family, tuple[str, ...]]
    techniques: dict[str, tuple[str, ...]] = {}


@cache
def aims() -> Mapping[str, tuple[str, ...]]:
    """What each technique is for, the first aim first."""
    said = document("aims/aims.yaml", _AimsFile)
    return {id: said.techniques.get(id, said.families[card.family]) for id, card in technique_cards().items()}


class _NotSimulatedFile(Strict):
    """Why nothing of a technique is simulated, by family, by technique, and where a bone is not served."""

    families: dict[Family, str]
    techniques: dict[str, str] = {}
    elsewhere: dict[str, str] = {}


@cache
def unsimulated(technique: str, *, planned: bool) -> str:
    """Why nothing of a technique is simulated in a plan, in a sentence; a plug-in without a card has none.

    Args:
        planned: plans of it are made, but not in the bone that is asked about.
    """
    said, card = document("aims/not_simulated.yaml", _NotSimulatedFile), technique_cards().get(technique)
    if card is None or planned:
        return said.elsewhere.get(technique, "it is not planned in this bone")
    return said.techniques.get(technique, said.families[card.family])


@cache
def technique_cards(root: Path | None = None) -> Mapping[str, TechniqueCard]:
    """Every technique by id."""
    return {file.id: _card(file) for file in documents("techniques", TechniqueFile, root).values()}


def technique_card(id: str) -> TechniqueCard:
    """The card of a technique.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    return named("technique", id, technique_cards())


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
        bleeding=file.bleeding,
        anaesthesia=file.anaesthesia,
        parts=file.parts,
        position=file.position,
        min_weeks=file.min_weeks,
        needs_fitness=file.needs_fitness,
        needs=file.needs,
        limits=all_known(file.limits, f"knowledge/data/techniques/{file.id}.yaml"),
        nothing_found=file.nothing_found,
        **{name: tuple(statement(row) for row in getattr(file, name)) for name in SECTIONS},
    )
