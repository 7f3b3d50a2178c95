"""What a monograph is made of: cited statements, each of which may hold for some patients only.

A monograph (``data/techniques``) has the same nine sections for every technique.  A section without rows must
say in ``nothing_found`` that nothing was found; silence would read as "nothing to know".
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal

from pydantic import Field, model_validator

from osteoplan.knowledge.load import Cited
from osteoplan.model.technique import Complication, Contraindication, FollowUp, Statement

__all__ = ["ComplicationRow", "ContraindicationRow", "FollowUpRow", "StatementRow", "statement"]


class StatementRow(Cited):
    """A sentence as written.

    Attributes:
        when: expression over the vocabulary: for whom it holds; empty for everybody.
    """

    text: str = Field(min_length=3)
    when: str = ""


class ContraindicationRow(StatementRow):
    """A reason against the technique; ``rule`` is the pathway rule that acts on it, if one does."""

    kind: Literal["absolute", "relative"]
    rule: str = ""


class ComplicationRow(StatementRow):
    """A harm, with its published rate where there is one.

    Attributes:
        value, unit: the rate; absent where the source gives none.
        n, of: number of patients, or of what else, behind the rate.
        low, high: the published range or interval.
    """

    value: float | None = None
    unit: str = ""
    n: int | None = Field(default=None, gt=0)
    of: str = "patients"
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _rate_complete(self) -> ComplicationRow:
        """A rate has a value and a unit, or there is none of it at all."""
        if (self.value is None) != (not self.unit):
            raise ValueError("a rate needs both 'value' and 'unit'")
        if self.value is None and (self.low, self.high) != (None, None):
            raise ValueError("'low' and 'high' belong to a 'value'")
        return self


class FollowUpRow(StatementRow):
    """What is looked at, and when (``at``, in words)."""

    at: str


_NOUNS: dict[type[StatementRow], type[Statement]] = {
    StatementRow: Statement,
    ContraindicationRow: Contraindication,
    ComplicationRow: Complication,
    FollowUpRow: FollowUp,
}


def statement(row: StatementRow) -> Any:
    """The noun of a row as written: same fields, and ``applies`` open where it has a condition."""
    noun = _NOUNS[type(row)]
    shared = {field.name: getattr(row, field.name) for field in fields(noun) if hasattr(row, field.name)}
    return noun(**{**shared, "date": row.date.isoformat(), "applies": None if row.when else True})
