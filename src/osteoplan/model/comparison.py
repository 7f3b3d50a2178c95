"""Options side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osteoplan.model.outcome import Estimate

__all__ = ["Cell", "Comparison", "Difference"]


@dataclass(frozen=True, eq=False)
class Cell:
    """One outcome of one option; ``estimate`` None means *no comparable evidence* or *not applicable*."""

    option: str
    outcome: str
    target: str
    estimate: Estimate | None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Difference:
    """A paired difference of an option to another one (``reference``).

    ``supported`` is False where the interval, widened by what the model resolves, holds zero: the page greys
    it and says *not told apart*.
    """

    option: str
    reference: str
    outcome: str
    estimate: Estimate
    supported: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the meeting sees.

    Attributes:
        reference: option id that differences are taken against (best supportive care).
        ranking: option ids, best first, by ``ranked_by``; empty where a stop or route rule spoke.
        between: paired differences of every two ranked options, better less worse.
        ties: pairs in the ranking that the uncertainty does not tell apart.
    """

    reference: str
    ranked_by: str
    ranking: tuple[str, ...]
    cells: tuple[Cell, ...]
    differences: tuple[Difference, ...]
    ties: tuple[tuple[str, str], ...] = ()
    emptied_by: str = ""
    notes: tuple[str, ...] = ()
    kind: Literal["single_outcome"] = "single_outcome"
    between: tuple[Difference, ...] = ()
