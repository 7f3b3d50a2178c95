"""Clinical scores as tables: items with points, classes, decision rows, and what published work says of them.

A file in ``data/scores`` is a whole score; ``pathway.scores`` works it out on what is known.  Three kinds:

    sum     points of the answers to items, added up; bands of the total are read by one or more conventions
    class   exactly one of the classes holds (a grade, a type, a response)
    table   every row that holds is given (a framework whose advice can have several parts)

``data/conversions``: what one fact says of another that nobody gave (two scales, or a count that follows).
Scores read these in place of an unknown; rules do not, because most are coarser than a finding.
``data/outlook``: published lengths of survival that hang on no score.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from osteoplan.errors import named
from osteoplan.knowledge.load import Cited, KnownRow, Strict, documents

__all__ = [
    "Band", "ClassRow", "ConflictRow", "Item", "ItemLevel", "OutlookRow", "RiskRow", "ScoreExample",
    "ScoreReading", "ScoreTable", "StandIn", "conversions", "outlook", "score_table", "score_tables",
]  # fmt: skip


class ItemLevel(Strict):
    """One answer to an item.

    Attributes:
        also: other ways to type it.
        when: expression over the vocabulary that says the same; empty where no fact does.
        note: what must be known of its points; told with every result that rests on this level.
    """

    points: int | float
    text: str
    also: tuple[str, ...] = ()
    when: str = ""
    note: str = ""


class Item(Strict):
    """One question of a score, its levels, and what to say while the answer is missing."""

    label: str
    ask: str = Field(pattern=r"\?$")
    levels: dict[str, ItemLevel] = Field(min_length=2)
    while_missing: str = ""


class Band(Strict):
    """Totals from ``low`` to ``high`` and what they are taken to mean.

    Attributes:
        months: of a survival score: from and to how many months; None is open.
    """

    id: str
    low: int | float
    high: int | float
    text: str
    months: tuple[float | None, float | None] | None = None


class ClassRow(Strict):
    """One class, or one row of a decision table: what it is, and when it holds (over the vocabulary)."""

    text: str
    when: str


class ConflictRow(Cited):
    """Where sources disagree, and what is done about it here."""

    text: str = Field(min_length=8)


class ScoreReading(Cited):
    """One convention of reading the total, with its own source."""

    name: str
    bands: tuple[Band, ...]


class RiskRow(KnownRow):
    """A published figure for totals from ``low_total`` to ``high_total``.

    Attributes:
        what: what it is the share or length of; empty where the table's ``risk_of`` says it for all.
        at_months: of a share still alive: how long after the start.
    """

    low_total: int | float
    high_total: int | float
    what: str = ""
    at_months: float | None = None


class Performance(KnownRow):
    """How well the score did in one study."""

    what: str


class ScoreExample(Strict):
    """Answers (of a class or table: facts) and what must come out; every one is run as a test.

    ``total`` may be left out of a class or table, whose bands say it all.
    """

    items: dict[str, bool | int | float | str | list[float] | list[str] | None]
    total: tuple[int | float, int | float] | None = None
    bands: tuple[str, ...]
    missing: tuple[str, ...] = ()


class ScoreTable(Cited):
    """A whole score.

    Attributes:
        applies: expression over the vocabulary: the site that the score was made for; empty for one that is
            worked out only when somebody asks for it.
        unless: expression over the vocabulary: where it holds, the score is not worked out unasked.
        shown_only: made for another disease: shown, and no rule may read it.
        start, digits: of a sum: what the points are added to, and decimals of the total.
        range: of a sum: smallest and largest total.
        readings: conventions by id; with more than one, bands are called ``reading/band``.
        shorthand: name -> items: one word whose signs are the levels of these items, in this order.
        per_cent: of a sum: the total is also told as per cent of the largest.
        classes: of a class or table: rows by id, in order of rank.
        risk_of: what ``risk`` is the share of.
        risk: published figures by total.
        conflicts: where sources disagree.
    """

    id: str
    name: str
    kind: Literal["sum", "class", "table"] = "sum"
    applies: str = ""
    unless: str = ""
    shown_only: bool = False
    unit: str = "1"
    start: int | float = 0
    digits: int = 0
    range: tuple[int | float, int | float] = (0, 0)
    items: dict[str, Item] = {}
    readings: dict[str, ScoreReading] = {}
    shorthand: dict[str, tuple[str, ...]] = {}
    per_cent: bool = False
    classes: dict[str, ClassRow] = {}
    conflicts: tuple[ConflictRow, ...] = ()
    risk_of: str = ""
    risk: tuple[RiskRow, ...] = ()
    performance: tuple[Performance, ...] = ()
    examples: tuple[ScoreExample, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> ScoreTable:
        """A sum has items and a range; a class or table has classes; neither has the other's."""
        if self.kind == "sum" and (not self.items or self.classes or self.range[0] >= self.range[1]):
            raise ValueError("a sum needs 'items' and a 'range' that rises, and has no 'classes'")
        if self.kind != "sum" and (len(self.classes) < 2 or self.items or self.readings):
            raise ValueError(f"a {self.kind} needs two or more 'classes', and has no 'items' or 'readings'")
        strangers = [item for items in self.shorthand.values() for item in items if item not in self.items]
        if strangers:
            raise ValueError(f"'shorthand' names {strangers[0]}, which is no item")
        return self

    def bands(self, low: float, high: float) -> tuple[tuple[str, Band], ...]:
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
    return named("score", id, score_tables())


class StandIn(Cited):
    """What stands in for unknown facts where ``when`` holds.

    Attributes:
        when: what must hold; empty for always.
        unless: what must not be known to hold.
        reads: who reads what stands in: scores alone; every rule too (it follows); or only the tiers of the
            recommendations, which say so (it is presumed).
        gives: fact -> value as a user would write it: a number, ``[lowest, highest]``, a level, a truth.
        then: from what, or what is presumed, for people.
        certain: it cannot be otherwise: a typed fact that says so is a contradiction.
    """

    when: str = ""
    unless: str = ""
    certain: bool = False
    reads: Literal["scores", "rules", "tiers"] = "scores"
    then: str = ""
    gives: dict[str, bool | int | float | str | list[float]]


class ConversionFile(Strict):
    """A file of conversions."""

    date: datetime.date
    conversions: tuple[StandIn, ...]


@cache
def conversions(root: Path | None = None) -> tuple[StandIn, ...]:
    """Every conversion in the order of files and lines; a later one may rest on an earlier one."""
    files = documents("conversions", ConversionFile, root).values()
    return tuple(row for file in files for row in file.conversions)


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
