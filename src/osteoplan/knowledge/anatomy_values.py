"""Numbers that anatomy is read with (``data/anatomy``), by name."""

from __future__ import annotations

from functools import cache

from pydantic import RootModel

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.load import KnownRow, document
from osteoplan.model.evidence import Known

__all__ = ["known", "number"]


class ValueFile(RootModel[dict[str, KnownRow]]):
    """Values by name."""


@cache
def known(file: str, name: str) -> Known:
    """The value called ``name`` of ``data/anatomy/FILE.yaml`` with its unit, source and status.

    Raises:
        UnknownName: the file does not hold it.
    """
    rows = document(f"anatomy/{file}.yaml", ValueFile).root
    if name not in rows:
        raise UnknownName("value", name, rows, f"knowledge/data/anatomy/{file}.yaml")
    return rows[name].known()


def number(file: str, name: str) -> float:
    """The same as a plain number.

    Raises:
        BadInput: the value is not a number.
    """
    value = known(file, name).value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"knowledge/data/anatomy/{file}.yaml: '{name}' is not a number; give it a value")
    return float(value)
