"""Options side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osteoplan.model.outcome import Estimate

__all__ = ["Comparison", "Difference"]


@dataclass(frozen=True, eq=False)
class Difference:
    """A paired difference of an option to another one (``reference``).

    ``supported`` is False where the interval, widened by what the model resolves, holds zero: the page greys
    it and says *not told apart*.
    """

    option: str
    reference: str
    estimate: Estimate
    supported: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the meeting sees.

    Attributes:
        reference: option id that differences are taken against (best supportive care).
        ranked_word: that outcome in a word: strength, or stiffness where no strength is claimed.
        ranking: option ids, best first, by ``ranked_by``; empty where a stop or route rule spoke.
        groups: the ranking, cut where all before is told above all behind: within a group nothing is above
            anything else, and safety orders.
        between: paired differences of every two ranked options, better less worse.
        ties: neighbours in the ranking that the uncertainty does not tell apart.
    """

    reference: str
    ranked_by: str
    ranking: tuple[str, ...]
    ranked_word: str
    differences: tuple[Difference, ...]
    ties: tuple[tuple[str, str], ...] = ()
    emptied_by: str = ""
    notes: tuple[str, ...] = ()
    kind: Literal["single_outcome"] = "single_outcome"
    between: tuple[Difference, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()

    def place(self, option: str) -> int | None:
        """Place of an option, 1 the best; all of a group share theirs; None where it is not ranked."""
        before = 0
        for group in self.groups:
            if option in group:
                return before + 1
            before += len(group)
        return None
