"""A cohort between states, strategies that change its course, and what came of them.

A ratio of cost to effect (ICER) belongs to a cohort: it stands here and nowhere in ``model.value``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osteoplan.model.certainty import Bar
from osteoplan.model.outcome import Estimate
from osteoplan.model.value import AcceptableAt, WorthKnowing

__all__ = ["CohortResult", "FrontierPlace", "StrategyValue"]

FrontierPlace = Literal["on the frontier", "same cost and effect", "dominated", "extendedly dominated"]


@dataclass(frozen=True, eq=False)
class StrategyValue:
    """One strategy of a cohort.

    Attributes:
        cost, qaly: discounted, per head, with every input at its value; draws where an input is uncertain.
        place, icer: among all strategies (*same cost and effect*: as one on the frontier); the
            ratio to the one before it on the frontier.
    """

    strategy: str
    cost: Estimate
    qaly: Estimate
    place: FrontierPlace
    icer: float | None


@dataclass(frozen=True, eq=False)
class CohortResult:
    """A model that was run: a table of strategies and, where inputs are uncertain, what that means.

    ``one_at_a_time`` tells the net benefit of the two best strategies (``leading``), the first less the
    second, at the first threshold.
    """

    name: str
    currency: str
    thresholds: tuple[float, ...]
    states: tuple[str, ...]
    strategies: tuple[StrategyValue, ...]
    leading: tuple[str, ...] = ()
    acceptability: tuple[AcceptableAt, ...] = ()
    perfect_information: float | None = None
    worth: tuple[WorthKnowing, ...] = ()
    one_at_a_time: tuple[Bar, ...] = ()
    draws: int = 0
