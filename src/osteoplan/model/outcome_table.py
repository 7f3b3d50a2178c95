"""Outcomes side by side: what can be compared between the techniques left, and what lasts a lifetime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["NOTHING_COMPARABLE", "Compared", "Lasts", "OutcomeTable", "Verdict"]

NOTHING_COMPARABLE = "no comparable evidence"
Verdict = Literal["outlasts", "does not", "cannot say"]


@dataclass(frozen=True)
class Compared:
    """One outcome over the techniques left.

    Attributes:
        have: those that have it for the same target, in the same unit, on the same basis; lack: the others.
        notes: in what the figures differ that are compared: the time, how sure they are.
    """

    outcome: str
    have: tuple[str, ...]
    lack: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def words(self, technique: str) -> str:
        """What its cell says where it tells no number; empty where it does and another one has it too."""
        return "" if technique in self.have and len(self.have) > 1 else NOTHING_COMPARABLE


@dataclass(frozen=True)
class Lasts:
    """Whether what was done holds as long as this patient may live.

    Attributes:
        months: to which the published figure was followed.
        because: the figure and the time that is left, in words.
    """

    technique: str
    outcome: str
    verdict: Verdict
    months: float
    because: str


@dataclass(frozen=True)
class OutcomeTable:
    """What holds of the outcomes of all techniques left.

    Attributes:
        notes: (technique, sentence): a time that could not be added up, a fracture that no newton predicts.
    """

    compared: tuple[Compared, ...] = ()
    lasts: tuple[Lasts, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
