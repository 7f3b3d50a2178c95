"""What is left to choose from: one candidate a technique, with all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from osteoplan.model.evidence import Recommendation, Tier
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option

__all__ = [
    "ABOVE_WORDS", "TIER_ORDER", "Above", "AboveBy", "Candidate", "Choice", "Dominated", "NextQuestion",
    "Placed",
]  # fmt: skip

# what is not known comes before what no rule supports, and that before what is not here
TIER_ORDER: Mapping[Tier | None, int] = {1: 1, 2: 2, 3: 3, 5: 4, None: 5, 4: 6}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A technique with what the rules make of it, its ways, and what is published on it.

    Attributes:
        options: its ways, the first of the comparison first; empty where it was not planned here.
        published: outcomes that studies tell of it; those of another population among them.
    """

    recommendation: Recommendation
    options: tuple[Option, ...]
    published: tuple[Estimate, ...]

    @property
    def id(self) -> str:
        """The technique's id."""
        return self.recommendation.technique

    @property
    def open(self) -> tuple[Option, ...]:
        """Its ways that can be gone here."""
        return tuple(o for o in self.options if o.status in ("ranked", "comparator"))

    @property
    def shut(self) -> bool:
        """Whether a rule, a limit or the scan keeps it from this patient."""
        return self.recommendation.tier == 4 or (bool(self.options) and not self.open)

    @property
    def left(self) -> bool:
        """Whether it is among what a patient may choose: tiers 1 to 3 and supportive care, where not shut."""
        said = self.recommendation
        return not self.shut and not self.beside and (said.tier in (1, 2, 3) or said.family == "support")

    @property
    def beside(self) -> bool:
        """Whether it goes with any of the others and stands in nobody's place: bone drugs, a biopsy."""
        return self.recommendation.family in ("bone drugs", "diagnosis")

    @property
    def plan(self) -> Option | None:
        """The way that stands for it; None where no way of it was planned or can be gone."""
        return next((o for o in self.open if o.kind == "plan"), None)

    @property
    def outcomes(self) -> tuple[Estimate, ...]:
        """What is simulated of its way and published on it, without figures of another population."""
        shown = self.plan or next(iter(self.open), None)
        simulated = () if shown is None else tuple(e for e in shown.outcomes if e.basis != "published")
        told = (e for e in self.published if not (e.study and e.study.population))
        return (*simulated, *told)

    def outcome(self, id: str) -> Estimate | None:
        """The first outcome of that id; None where there is none."""
        return next((one for one in self.outcomes if one.id == id), None)


AboveBy = Literal["preference", "strength", "safety"]
ABOVE_WORDS: Mapping[AboveBy, str] = {
    "preference": "by what matters to the patient", "strength": "by simulated strength",
    "safety": "by safety",
}  # fmt: skip


@dataclass(frozen=True)
class Above:
    """Of two techniques of one tier the one that is told above the other, and by what.

    Attributes:
        because: in words, with the number behind it.
    """

    better: str
    worse: str
    by: AboveBy
    because: str


@dataclass(frozen=True)
class Dominated:
    """A technique that another one of its tier beats: nowhere worse on what both have, and told better.

    Attributes:
        outcomes: ids of all outcomes that both have; ``better``: those that are told apart.
    """

    technique: str
    by: str
    outcomes: tuple[str, ...]
    better: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """Where a technique stands within its tier: 1 first; those that nothing tells apart share a place."""

    technique: str
    tier: Tier | None
    place: int


@dataclass(frozen=True)
class NextQuestion:
    """What is not known, taken for granted or uncertain, and would change what stands first.

    Attributes:
        kind: an open fact, a presumed fact, an input of the physics, or what matters to the patient.
        id: of the fact, input or attribute.
        text: the question.
        share: of the answers, ends or weights that were tried, how many change what stands first.
        tried: how many that were.
        then: ids of what would stand first as well or instead, by any of them; ``lost``: of what no longer.
    """

    kind: Literal["fact", "presumed", "physics", "preference"]
    id: str
    text: str
    share: float
    tried: int
    then: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """What the meeting has left to choose from: tiers first, then what is told apart within them.

    Attributes:
        placed: every candidate that is left, by tier and place.
        first: ids of those that share the first place of the best tier.
        above: of every two of a tier that are told apart, which one is better, and by what.
        dominated: kept in the list, and marked.
        disagreements: where rules, simulation and preference point apart, in sentences.
        next_questions: three at most, the one that changes most often first.
        axes: outcome ids that tell most candidates of a tier apart, for a drawing; none or two.
    """

    placed: tuple[Placed, ...]
    first: tuple[str, ...]
    above: tuple[Above, ...] = ()
    dominated: tuple[Dominated, ...] = ()
    disagreements: tuple[str, ...] = ()
    next_questions: tuple[NextQuestion, ...] = ()
    axes: tuple[str, ...] = ()
