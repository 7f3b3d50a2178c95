"""What every page says: what it is for, and a label with what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["INTENDED_USE", "Line"]

INTENDED_USE = "Research use only. Not a medical device."


@dataclass(frozen=True)
class Line:
    """A label and what stands beside it; ``link`` is the place in the page that it rests on."""

    label: str
    text: str
    tag: str = ""
    note: str = ""
    link: str = ""
