"""What the section on supports shows."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.report.words import Value

__all__ = ["SupportView"]


@dataclass(frozen=True)
class SupportView:
    """One load case: its picture, what it says in words, outcomes of the untreated bone by name."""

    title: str
    image: str
    lines: tuple[str, ...]
    outcomes: tuple[tuple[str, Value], ...]
