"""What is left to choose from: one candidate a technique, with all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from osteoplan.model.evidence import Recommendation, Tier
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option

__all__ = ["TIER_ORDER", "Candidate"]

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
        return not self.shut and (said.tier in (1, 2, 3) or said.family == "support")

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
