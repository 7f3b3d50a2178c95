"""When to stop, as sentences for the procedure sheet (``data/sheet/stops.yaml``)."""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field

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


def stops() -> tuple[StopRow, ...]:
    """Every sentence, in the order of the file."""
    return document("sheet/stops.yaml", StopFile).stops
