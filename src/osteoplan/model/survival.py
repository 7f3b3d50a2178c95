"""What is said about the time that is left, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osteoplan.model.evidence import ReviewStatus

__all__ = ["Survival", "SurvivalRow"]


@dataclass(frozen=True)
class SurvivalRow:
    """What one source says.

    Attributes:
        model: who says it.
        text: what, in words.
        at_months: how long after now the share is meant; None where no time is meant.
        low, high: share still alive [%]; equal where it is one number, None where the source gives no share.
        months: where a source gives a length of life: from and to; None is open at that end.
        basis: published for a score's band, typed from a model, or the team's own estimate.
    """

    model: str
    text: str
    basis: Literal["published", "typed", "estimate"]
    at_months: float | None = None
    low: float | None = None
    high: float | None = None
    cite: tuple[str, ...] = ()
    status: ReviewStatus = "unverified"
    months: tuple[float | None, float | None] | None = None


@dataclass(frozen=True)
class Survival:
    """Every source that has something to say, and where they point apart."""

    rows: tuple[SurvivalRow, ...] = ()
    disagreements: tuple[str, ...] = ()
