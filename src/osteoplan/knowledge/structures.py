"""Names of label numbers, and what a needle must take a structure for (``data/structures``)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from functools import cache

from osteoplan.errors import BadInput, named
from osteoplan.knowledge.load import Strict, documents
from osteoplan.model.anatomy import StructureKind

__all__ = ["SPINE_LEVELS", "canonical", "canonical_names", "is_known", "kind_of", "scheme", "schemes"]

# From above to below, with the variants: a 13th thoracic and a 6th lumbar vertebra.
SPINE_LEVELS = (
    *(f"C{n}" for n in range(1, 8)), *(f"T{n}" for n in range(1, 14)), *(f"L{n}" for n in range(1, 7)), "S1",
)  # fmt: skip


class StructureRow(Strict):
    """One label: its name, and its kind where a needle must not cross it."""

    name: str
    kind: StructureKind | None = None


class SchemeFile(Strict):
    """A labelling scheme: label number -> structure.

    Attributes:
        companion: scheme of a second map on the same grid that says which bone a part belongs to.
        also: other spelling -> canonical name, for names that come from the case's own table.
        kinds: name -> kind of structures that no scheme numbers, for the same names.
    """

    id: str
    title: str
    url: str
    date: datetime.date
    companion: str = ""
    structures: dict[int, StructureRow]
    also: dict[str, str] = {}
    kinds: dict[str, StructureKind] = {}


def schemes() -> tuple[str, ...]:
    """Every labelling scheme that is known."""
    return tuple(_schemes())


def scheme(name: str) -> dict[str, int]:
    """Canonical structure name -> label number in a labelling scheme; empty for ``plain``.

    Raises:
        UnknownName: there is no such scheme.
    """
    scheme = named("label scheme", name, _schemes())
    return {row.name: number for number, row in scheme.structures.items()}


def canonical(name: str) -> str:
    """The canonical name of a structure as somebody wrote it; a name that nobody knows stays as it is.

    ``L3``, ``vertebra L3`` and ``Vertebrae-L3`` are ``vertebrae_L3``; a root is not guessed.
    """
    plain = re.sub(r"[\s\-]+", "_", name.strip())
    level = re.fullmatch(r"(?:vertebrae?_)?([ctls]\d{1,2})", plain, re.IGNORECASE)
    if level and level[1].upper() in SPINE_LEVELS:
        return f"vertebrae_{level[1].upper()}"
    if plain in _kinds():
        return plain
    lower = plain.lower()
    return _spellings().get(lower, name)


def canonical_names(names: Mapping[str, int]) -> dict[str, int]:
    """The same table with canonical names.

    Raises:
        BadInput: two names mean the same structure.
    """
    found: dict[str, int] = {}
    written: dict[str, str] = {}
    for name, number in names.items():
        read = canonical(name)
        if read in found:
            raise BadInput(
                f"the label names '{written[read]}' and '{name}' both mean {read}: give each one number"
            )
        found[read], written[read] = number, name
    return found


def kind_of(structure: str) -> StructureKind | None:
    """What a needle must take a structure for; None for muscle and for a name that no scheme has."""
    return _kinds().get(structure)


def is_known(structure: str) -> bool:
    """True where some scheme has the canonical name, muscle included."""
    return structure in _kinds()


@cache
def _schemes() -> dict[str, SchemeFile]:
    return {file.id: file for file in documents("structures", SchemeFile).values()}


@cache
def _kinds() -> dict[str, StructureKind | None]:
    numbered = {row.name: row.kind for file in _schemes().values() for row in file.structures.values()}
    return numbered | {name: kind for file in _schemes().values() for name, kind in file.kinds.items()}


@cache
def _spellings() -> dict[str, str]:
    """Lower-case spelling -> canonical name."""
    also = {spelling: name for file in _schemes().values() for spelling, name in file.also.items()}
    return {name.lower(): name for name in _kinds()} | also
