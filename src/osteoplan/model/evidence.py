"""Facts with a source, and what rules and scores say on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Citation", "Effect", "Known", "Question", "ReviewStatus", "ScoreResult", "Verdict", "worst"]

ReviewStatus = Literal["verified", "unverified", "design_default"]
Effect = Literal["stop", "route", "require", "exclude", "prefer", "consider", "warn"]


@dataclass(frozen=True)
class Citation:
    """Where a fact was published."""

    key: str
    text: str
    doi: str = ""
    pmid: str = ""
    url: str = ""


@dataclass(frozen=True)
class Known:
    """One fact from ``knowledge``: value, unit, source, review status, date.

    ``low`` and ``high`` bound the value where the source gives a range.
    """

    value: float | int | str | bool | None
    unit: str = "1"
    cite: tuple[str, ...] = ()
    status: ReviewStatus = "unverified"
    date: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Question:
    """An unknown that could change a verdict."""

    fact: str
    text: str
    asked_by: tuple[str, ...]


@dataclass(frozen=True)
class ScoreResult:
    """A clinical score on what is known.

    Attributes:
        total: (lowest, highest) possible total; equal when nothing is missing.
        band: ids of every band that the range reaches.
        missing: items without a finding.
        items: item -> (lowest, highest) points.
    """

    id: str
    name: str
    total: tuple[int, int]
    maximum: int
    band: tuple[str, ...]
    band_text: tuple[str, ...]
    missing: tuple[str, ...]
    items: Mapping[str, tuple[int, int]]
    cite: tuple[str, ...]
    status: ReviewStatus
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What one rule says: true, false, or unknown (None) with the facts to ask for.

    ``trace`` holds the facts that the rule read, with their values (None is unknown, a pair is a range).
    """

    rule: str
    block: str
    truth: bool | None
    effect: Effect
    text: str
    ask: tuple[str, ...]
    cite: tuple[str, ...]
    status: ReviewStatus
    trace: Mapping[str, bool | int | float | str | tuple[float, float] | None]
    techniques: tuple[str, ...] = ()
    stage: str = ""


def worst(*statuses: ReviewStatus) -> ReviewStatus:
    """The least certain of several review statuses."""
    order: tuple[ReviewStatus, ...] = ("verified", "design_default", "unverified")
    return max(statuses, key=order.index, default="verified")
