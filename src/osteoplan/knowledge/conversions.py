"""What one fact says of another that nobody gave: two scales, or a count that follows (``data/conversions``).

Scores read these in place of an unknown; rules do not, because most are coarser than a finding.
"""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path

from osteoplan.knowledge.load import Cited, Strict, documents

__all__ = ["Conversion", "conversions"]


class Conversion(Cited):
    """What stands in for unknown facts where ``when`` holds.

    Attributes:
        gives: fact -> value as a user would write it: a number, ``[lowest, highest]``, a level, a truth.
    """

    when: str
    gives: dict[str, bool | int | float | str | list[float]]


class ConversionFile(Strict):
    """A file of conversions."""

    date: datetime.date
    conversions: tuple[Conversion, ...]


@cache
def conversions(root: Path | None = None) -> tuple[Conversion, ...]:
    """Every conversion in the order of files and lines; a later one may rest on an earlier one."""
    files = documents("conversions", ConversionFile, root).values()
    return tuple(row for file in files for row in file.conversions)
