"""Numbers behind the hold of a thread, and which strength law a bone takes (``data/constructs``)."""

from __future__ import annotations

from collections.abc import Mapping

from osteoplan.errors import UnknownName
from osteoplan.knowledge.load import KnownRow, Strict, document
from osteoplan.model.evidence import Known

__all__ = ["law_of_bone", "purchase_number", "purchase_numbers"]


class PurchaseFile(Strict):
    """``constructs/purchase.yaml``."""

    date: str
    numbers: dict[str, KnownRow]
    laws: dict[str, str]


def purchase_numbers() -> Mapping[str, Known]:
    """Every number by name."""
    return {name: row.known() for name, row in _file().numbers.items()}


def purchase_number(name: str) -> float:
    """One number.

    Raises:
        UnknownName: there is none of that name.
    """
    numbers = _file().numbers
    if name not in numbers:
        raise UnknownName("number", name, numbers, "knowledge/data/constructs/purchase.yaml")
    value = numbers[name].value
    assert isinstance(value, int | float)
    return float(value)


def law_of_bone(label: str) -> str | None:
    """Id of the strength law for a bone's canonical label; None where none is named for it."""
    return _file().laws.get(label.split("_")[0])


def _file() -> PurchaseFile:
    return document("constructs/purchase.yaml", PurchaseFile)
