"""Clinical scores as tables: items, levels with points, bands, and what published work says of them.

A file in ``data/scores`` is a whole score; ``pathway.scores`` adds it up on what is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import Field

from osteoplan.errors import UnknownName
from osteoplan.knowledge.load import Cited, KnownRow, Strict, documents

__all__ = [
    "Band",
    "Item",
    "Level",
    "Reading",
    "RiskRow",
    "ScoreExample",
    "ScoreTable",
    "score_table",
    "score_tables",
]


class Level(Strict):
    """One answer to an item.

    Attributes:
        also: other ways to type it.
        when: expression over the vocabulary that says the same; empty where no fact does.
    """

    points: int
    text: str
    also: tuple[str, ...] = ()
    when: str = ""


class Item(Strict):
    """One question of a score, its levels, and what to say while the answer is missing."""

    label: str
    ask: str = Field(pattern=r"\?$")
    levels: dict[str, Level] = Field(min_length=2)
    while_missing: str = ""


class Band(Strict):
    """Totals from ``low`` to ``high`` and what they are taken to mean."""

    id: str
    low: int
    high: int
    text: str


class Reading(Cited):
    """One convention of reading the total, with its own source."""

    name: str
    bands: tuple[Band, ...]


class RiskRow(KnownRow):
    """A published figure for totals from ``low_total`` to ``high_total``."""

    low_total: int
    high_total: int


class Performance(KnownRow):
    """How well the score did in one study."""

    what: str


class ScoreExample(Strict):
    """Answers and what must come out; every one is run as a test."""

    items: dict[str, str | None]
    total: tuple[int, int]
    bands: tuple[str, ...]
    missing: tuple[str, ...] = ()


class ScoreTable(Cited):
    """A whole score.

    Attributes:
        applies: expression over the vocabulary: the site that the score was made for.
        range: smallest and largest total.
        readings: conventions by id; with more than one, bands are called ``reading/band``.
        risk_of: what ``risk`` is the share of.
        risk: published figures by total.
    """

    id: str
    name: str
    applies: str
    range: tuple[int, int]
    items: dict[str, Item]
    readings: dict[str, Reading]
    risk_of: str = ""
    risk: tuple[RiskRow, ...] = ()
    performance: tuple[Performance, ...] = ()
    examples: tuple[ScoreExample, ...] = ()

    def bands(self, low: int, high: int) -> tuple[tuple[str, Band], ...]:
        """Every band that totals from low to high reach, with its id, reading by reading."""
        several = len(self.readings) > 1
        return tuple(
            (f"{key}/{band.id}" if several else band.id, band)
            for key, reading in self.readings.items()
            for band in reading.bands
            if band.low <= high and band.high >= low
        )


@cache
def score_tables(root: Path | None = None) -> Mapping[str, ScoreTable]:
    """Every score by id."""
    return {table.id: table for table in documents("scores", ScoreTable, root).values()}


def score_table(id: str) -> ScoreTable:
    """The score of that id.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    tables = score_tables()
    if id not in tables:
        raise UnknownName("score", id, tables)
    return tables[id]
