"""Outcomes that somebody published, by technique and site (``data/evidence``).

Where nothing comparable was found there is no row, and the page says *no comparable evidence*; the file says
why in ``nothing_found``.
"""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path

from pydantic import Field

from osteoplan.knowledge.load import Cited, Strict, documents
from osteoplan.model.outcome import Estimate, Study, limit_of_none, none_or_all

__all__ = ["EvidenceFile", "OutcomeRow", "evidence", "published_outcomes"]


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
    low, high = row.low, row.high
    if low is None and row.n is not None and none_or_all(row.value, row.unit, row.n):
        limit = limit_of_none(row.n)
        low, high = (0.0, limit) if row.value == 0.0 else (100.0 - limit, 100.0)
    return Estimate(
        row.id, row.target, row.value, low, high, row.unit, "published", (*words, *row.cite), row.level,
        None, row.status, study=Study(row.n, row.of, row.population, row.against, row.tag),
    )  # fmt: skip
