"""What is known about a technique, as a meeting reads it: a monograph of cited statements, and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from osteoplan.model.evidence import Known, ReviewStatus

__all__ = [
    "SECTIONS", "Anaesthesia", "Bleeding", "Complication", "Contraindication", "Family", "FollowUp",
    "Section", "Statement", "TechniqueCard",
]  # fmt: skip

Family = Literal[
    "cement", "expansion", "fixation", "ablation", "injection", "embolisation", "radiotherapy", "surgery",
    "support", "combination", "drugs", "bone drugs", "diagnosis", "observation",
]  # fmt: skip
Bleeding = Literal["high", "low", "none"]
Anaesthesia = Literal["none", "local", "sedation", "general"]
Section = Literal[
    "indications", "contraindications", "advantages", "limitations", "pearls", "complications", "order",
    "aftercare", "follow_up",
]  # fmt: skip
SECTIONS: tuple[Section, ...] = get_args(Section)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A cited sentence of a monograph.

    Attributes:
        when: for whom it holds, as an expression over the vocabulary; empty for everybody.
        applies: True where it holds for certain, None where it may; ``pathway.monographs`` settles it for a
            patient and leaves out what does not hold.
        ask: the unknown facts that would settle it.
        tag: how the source was read (``knowledge.load.Cited``).
        date: day on which it was last looked at, ISO 8601.
    """

    text: str
    when: str = ""
    applies: Literal[True] | None = True
    ask: tuple[str, ...] = ()
    cite: tuple[str, ...] = ()
    tag: str = ""
    status: ReviewStatus
    date: str
    reviewer: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Contraindication(Statement):
    """A reason against a technique; ``rule`` is the id of the pathway rule that acts on it, or empty."""

    kind: Literal["absolute", "relative"]
    rule: str = ""


@dataclass(frozen=True, kw_only=True)
class Complication(Statement):
    """A harm: its rate (``value`` in ``unit``, out of ``n`` of ``of``) where one was published, else None."""

    value: float | None = None
    unit: str = ""
    n: int | None = None
    of: str = "patients"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class FollowUp(Statement):
    """What is looked at (``text``), and when (``at``)."""

    at: str


@dataclass(frozen=True)
class TechniqueCard:
    """What is known about a technique.

    Attributes:
        family: what kind of treatment it is.
        applies: where it is an option at all, as an expression over the vocabulary; empty for everywhere.
        uses: what it depends on, in the words of the vocabulary's ``uses``; a rule can exclude a use.
        bleeding: risk of bleeding, in the classes of the guideline on clotting.
        anaesthesia: the least that it can be done under.
        position: ``prone`` where that is usual, else empty.
        min_weeks: weeks of life expectancy below which it comes too late; 0 sets no limit.
        needs_fitness: whether only a patient who is fit for open surgery can have it.
        needs: what a centre must have: of each group one, in the words of the vocabulary's ``resources``.
        parts: of a combination, in their order: of each group one technique.
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
    bleeding: Bleeding
    anaesthesia: Anaesthesia
    position: Literal["", "prone"]
    min_weeks: float
    needs_fitness: bool
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
    parts: tuple[tuple[str, ...], ...] = ()

    def section(self, name: Section) -> tuple[Statement, ...]:
        """The statements of one section."""
        found: tuple[Statement, ...] = getattr(self, name)
        return found

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Every statement, section by section."""
        return tuple(one for name in SECTIONS for one in self.section(name))
