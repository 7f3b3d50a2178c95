"""Published lengths of survival that hang on no score (``data/outlook``)."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path

from osteoplan.knowledge.load import KnownRow, Strict, documents

__all__ = ["OutlookRow", "outlook"]


class OutlookRow(KnownRow):
    """How long patients like this one lived in one series.

    Attributes:
        series: whom it is about, and when they were treated.
        when: expression over the vocabulary: this patient is like them.
        what: what the value is, of which patients.
    """

    series: str = ""
    when: str
    what: str


class OutlookFile(Strict):
    """One series."""

    date: datetime.date
    series: str
    rows: tuple[OutlookRow, ...]


@cache
def outlook(root: Path | None = None) -> tuple[OutlookRow, ...]:
    """Every row of every series, each with the name of its series."""
    files = documents("outlook", OutlookFile, root).values()
    return tuple(row.model_copy(update={"series": file.series}) for file in files for row in file.rows)
