"""Single numbers of the data by file and name: the one door to them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import RootModel, model_validator

from osteoplan.errors import UnknownName
from osteoplan.knowledge.load import KnownRow, all_known, document
from osteoplan.model.evidence import Known

__all__ = ["ValueFile", "known", "number", "values"]


class ValueFile(RootModel[dict[str, KnownRow]]):
    """Values by name; a ``date`` on top is the date of every value that has none of its own."""

    @model_validator(mode="before")
    @classmethod
    def _without_the_date(cls, content: Any) -> Any:
        if isinstance(content, Mapping):
            return {name: row for name, row in content.items() if name != "date"}
        return content


@cache
def values(file: str) -> Mapping[str, Known]:
    """Every value of ``knowledge/data/FILE.yaml`` by name."""
    return all_known(document(f"{file}.yaml", ValueFile).root, f"knowledge/data/{file}.yaml")


def known(file: str, name: str) -> Known:
    """One value with its unit, source and status.

    Raises:
        UnknownName: the file does not hold it; the message names the nearest.
    """
    rows = values(file)
    if name not in rows:
        raise UnknownName("value", name, rows, f"knowledge/data/{file}.yaml")
    return rows[name]


def number(file: str, name: str) -> float:
    """The same as a plain number, in its unit.

    Raises:
        UnknownName: the file does not hold it.
        BadInput: it is not a number.
    """
    return known(file, name).number
