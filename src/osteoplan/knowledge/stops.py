"""When to stop, as sentences for the procedure sheet (``data/sheet/stops.yaml``)."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from osteoplan.knowledge.load import Cited, Strict, document

__all__ = ["StopFile", "StopRow", "stops"]

Moment = Literal["always", "needle", "screw", "wire", "cement", "heat", "cold"]


class StopRow(Cited):
    """One sentence; attributes are told in the file."""

    id: str = Field(pattern=r"^[a-z]+$")
    at: Moment
    where: Literal["", "spine"] = ""
    text: str = Field(min_length=3)


class StopFile(Strict):
    """The whole of ``sheet/stops.yaml``; rows without a day of their own take that of the file."""

    date: datetime.date
    stops: tuple[StopRow, ...]

    @model_validator(mode="before")
    @classmethod
    def _dated(cls, content: Any) -> Any:
        rows = [{"date": content.get("date"), **row} for row in content.get("stops", ())]
        return {**content, "stops": rows}


def stops() -> tuple[StopRow, ...]:
    """Every sentence, in the order of the file."""
    return document("sheet/stops.yaml", StopFile).stops
