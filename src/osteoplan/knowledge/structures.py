"""Names of label numbers, and what a needle must take a structure for (``data/structures``)."""

from __future__ import annotations

import datetime
from functools import cache

from pydantic import Field

from osteoplan.errors import UnknownName
from osteoplan.knowledge.load import Strict, documents
from osteoplan.model.anatomy import StructureKind

__all__ = ["kind_of", "scheme"]


class StructureRow(Strict):
    """One label: its name, and its kind where a needle must not cross it."""

    name: str
    kind: StructureKind | None = None


class SchemeFile(Strict):
    """A labelling scheme: label number -> structure."""

    id: str
    title: str
    url: str
    date: datetime.date
    structures: dict[int, StructureRow] = Field(min_length=1)


def scheme(name: str) -> dict[str, int]:
    """Structure name -> label number in a labelling scheme.

    Raises:
        UnknownName: there is no such scheme.
    """
    known = _schemes()
    if name not in known:
        raise UnknownName("label scheme", name, known)
    return {row.name: number for number, row in known[name].structures.items()}


def kind_of(structure: str) -> StructureKind | None:
    """What a needle must take a structure for; None for muscle and for a name that no scheme has."""
    return _kinds().get(structure)


@cache
def _schemes() -> dict[str, SchemeFile]:
    return {file.id: file for file in documents("structures", SchemeFile).values()}


@cache
def _kinds() -> dict[str, StructureKind | None]:
    return {row.name: row.kind for file in _schemes().values() for row in file.structures.values()}
