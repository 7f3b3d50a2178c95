"""Outcomes that somebody published, by technique and site (``data/evidence``).

Where nothing comparable was found there is no row, and the page says *no comparable evidence*; the file says
why in ``nothing_found``.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from osteoplan.knowledge.certainty import certainty_of
from osteoplan.knowledge.load import Cited, Strict, documents
from osteoplan.model.outcome import Design, Estimate, Study, exact_interval, limit_of_none, none_or_all

__all__ = ["EvidenceFile", "OutcomeRow", "evidence", "published_outcomes", "study_of"]


class OutcomeRow(Cited):
    """One published outcome.

    Attributes:
        id: outcome id shared by all rooms, e.g. ``leak_probability_canal``.
        target: what it is for (``for`` in YAML and plan.json).
        site: region of the vocabulary that was studied, several of them, or ``any``.
        regimen: what was done, to whom: printed beside the number.
        low, high: the published interval at ``level``; absent where none was published.
        n, of: how many of what it rests on; none or all of them get their exact limit (``model.outcome``).
        population: why it tells of other patients or of another procedure than the technique's own; such a
            number stands apart from every comparison.
        against: what the other arm of the same trial had, for a number that is never told alone.
        events: how many of the n had it; the exact interval then follows (our arithmetic, and said so).
        sd: the spread that was printed beside a mean, read as a standard deviation over the n; the interval
            of the mean then follows from Student's t.
        months, followed: when it was told, and how many of the n were still there.
        design: "" is told as such, and has no certainty.
        grade, kinds, primaries, intent: see ``model.outcome.Study``.
    """

    id: str
    target: str = Field(alias="for")
    site: str | tuple[str, ...]
    regimen: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int | None = Field(default=None, gt=0)
    of: str = "patients"
    population: str = ""
    against: str = ""
    events: int | None = Field(default=None, ge=0)
    sd: float | None = Field(default=None, gt=0.0)
    months: float | None = Field(default=None, ge=0.0)
    followed: int | None = Field(default=None, gt=0)
    design: Design = ""
    grade: str = ""
    kinds: tuple[str, ...] = ()
    primaries: tuple[str, ...] = ()
    intent: Literal["", "palliative", "curative"] = ""

    @property
    def sites(self) -> tuple[str, ...]:
        """The regions that were studied, or ``any``."""
        return (self.site,) if isinstance(self.site, str) else self.site


class EvidenceFile(Strict):
    """What is published on one technique."""

    technique: str
    date: datetime.date | None = None
    nothing_found: str = ""
    outcomes: tuple[OutcomeRow, ...] = ()


@cache
def evidence(root: Path | None = None) -> dict[str, EvidenceFile]:
    """Published outcomes by technique id."""
    return {file.technique: file for file in documents("evidence", EvidenceFile, root).values()}


def published_outcomes(technique_id: str, site: str) -> tuple[Estimate, ...]:
    """Published outcomes of a technique at a site: those of the site first, then those of any site.

    Every estimate says what was done to whom, then its citation keys, in ``because``.  An empty tuple means
    that nothing comparable was found.
    """
    file = evidence().get(technique_id)
    if file is None:
        return ()
    rows = [row for row in file.outcomes if site in row.sites]
    rows += [row for row in file.outcomes if "any" in row.sites]
    return tuple(_estimate(row) for row in rows)


def _estimate(row: OutcomeRow) -> Estimate:
    words = (row.regimen, row.note) if row.note else (row.regimen,)
    low, high, ours = _interval(row)
    return Estimate(
        row.id, row.target, row.value, low, high, row.unit, "published", (*words, *row.cite), row.level,
        None, row.status, study=study_of(row, ours=ours),
    )  # fmt: skip


def study_of(row: OutcomeRow, *, ours: bool = False) -> Study:
    """What a row rests on, with its certainty."""
    study = Study(
        row.n, row.of, row.population, row.against, row.tag, row.events, row.months, row.followed,
        row.design, row.grade, () if row.site == "any" else row.sites, row.kinds, row.primaries, row.intent,
        ours,
    )  # fmt: skip
    certainty, because = certainty_of(study)
    return replace(study, certainty=certainty, certainty_because=because)


def _interval(row: OutcomeRow) -> tuple[float | None, float | None, bool]:
    """The printed interval, or ours: exact of a share whose events are known, t of a mean with its spread."""
    if row.low is not None or row.n is None:
        return row.low, row.high, False
    if row.events is not None:
        return *exact_interval(row.events, row.n, row.level), True
    if none_or_all(row.value, row.unit, row.n):
        limit = limit_of_none(row.n)
        return (0.0, limit, True) if row.value == 0.0 else (100.0 - limit, 100.0, True)
    if row.sd is not None and row.n > 1:
        from scipy.special import stdtrit  # late: most rows need none

        half = float(stdtrit(row.n - 1, 0.5 + 0.5 * row.level)) * row.sd / math.sqrt(row.n)
        if half < row.value or row.value < 0.0:  # what cannot be negative is no mean of that kind
            return row.value - half, row.value + half, True
    return None, None, False
