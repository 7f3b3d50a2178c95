"""What goes into the patient's page, and what stands on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from osteoplan.knowledge.patient import PlainTechnique
from osteoplan.model.choice import Candidate
from osteoplan.model.evidence import Citation, Survival
from osteoplan.model.outcome import Estimate
from osteoplan.report.drawing.icon_array import IconArray

__all__ = ["Figure", "ForPatient", "NumberedSource", "PlainOption", "PlainSection", "Weighed"]


@dataclass(frozen=True)
class Weighed:
    """Something that differs between the ways: the two ends that were found, in words and in its unit."""

    id: str
    name: str
    worst_words: str
    best_words: str
    worst: float
    best: float


@dataclass(frozen=True, eq=False)
class ForPatient:
    """A plan as the page reads it.

    Attributes:
        left: what can be chosen, supportive care among it.
        beside: what can go with any of them and is no choice of its own: ids.
        now: how firm the bone is before anything is done [% of intact]; None where nobody computed it.
        bears: the same with each treatment, as the plan's preferences weigh it: median and ends of the draws.
        weighed: what the questions are about; empty where nothing differs.
        named: whether it is known what the lesion is.
        level_open: nobody has counted the level.
        made_up: a simulated lesion, or a generated phantom.
        facts_open: whether the team still has to find something out that can change what is left.
        program, date: who made the plan, and when; release, facts_date: of the knowledge.
    """

    case: str
    bone: str
    left: tuple[Candidate, ...]
    beside: tuple[str, ...]
    now: Estimate | None
    bears: Mapping[str, tuple[float, float, float]]
    weighed: tuple[Weighed, ...]
    survival: Survival
    citations: Mapping[str, Citation]
    named: bool
    level_open: bool
    made_up: bool
    facts_open: bool
    program: str
    date: str
    release: str
    facts_date: str


@dataclass(frozen=True)
class Figure:
    """One thing that is told of a way: icons where it is of so many people, sentences, its sources."""

    title: str
    sentences: tuple[str, ...]
    icons: IconArray | None = None
    sources: tuple[int, ...] = ()
    wide: bool = False


@dataclass(frozen=True)
class PlainSection:
    """A heading, a plain sentence, what is known, and titles of what nobody knows and what cannot be here."""

    title: str
    lead: str
    figures: tuple[Figure, ...]
    unknown: tuple[str, ...]
    not_here: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlainOption:
    """A treatment, or none, as the page tells it.

    Attributes:
        waiting: nothing is done to the bone now.
        others_out: whether figures of other patients or of another procedure were left out.
    """

    id: str
    plain: PlainTechnique
    waiting: bool
    sections: tuple[PlainSection, ...]
    others_out: bool

    @property
    def gaps(self) -> tuple[str, ...]:
        """Titles of all that nobody knows of it."""
        return tuple(title for section in self.sections for title in section.unknown)


@dataclass(frozen=True)
class NumberedSource:
    """A numbered source: its words, how it was read, and the link."""

    number: int
    text: str
    link: tuple[str, str] = field(default=("", ""))
