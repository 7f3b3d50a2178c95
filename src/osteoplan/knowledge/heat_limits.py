"""What heat and cold may not do to structures, and what is called dead (``data/heat_limits``)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache
from typing import Literal

from osteoplan.knowledge.load import KnownRow, Strict, all_known, document
from osteoplan.model.evidence import Known

__all__ = [
    "LethalCriterion", "StructureLimit", "heat_distances",
    "isotherms_drawn", "lethal_criteria", "limit_of", "structure_limits",
]  # fmt: skip

CriterionKind = Literal["CEM43", "Arrhenius", "above", "below"]
FILE = "heat_limits/limits.yaml"


class _LethalRow(Strict):
    id: str
    title: str
    kind: CriterionKind
    cold: bool
    level: KnownRow
    set: str = ""


class _LimitRow(Strict):
    id: str
    title: str
    kinds: tuple[str, ...]
    low_degC: KnownRow | None = None
    high_degC: KnownRow | None = None
    cem43_min: KnownRow | None = None
    strict_cem43_min: KnownRow | None = None


class _LimitsFile(Strict):
    date: datetime.date | None = None
    lethal: tuple[_LethalRow, ...]
    limits: tuple[_LimitRow, ...]
    distances: dict[str, KnownRow]
    drawn: dict[str, KnownRow]


@dataclass(frozen=True)
class LethalCriterion:
    """When tissue is called dead: a dose, an integral, or a temperature that was passed.

    Attributes:
        set: of the Arrhenius integral.
    """

    id: str
    title: str
    kind: CriterionKind
    cold: bool
    level: Known
    set: str = ""


@dataclass(frozen=True)
class StructureLimit:
    """Between which temperatures, and below which dose, structures of some kinds are to stay."""

    id: str
    title: str
    kinds: tuple[str, ...]
    low_degC: Known | None = None
    high_degC: Known | None = None
    cem43_min: Known | None = None
    strict_cem43_min: Known | None = None


@cache
def lethal_criteria(*, cold: bool) -> tuple[LethalCriterion, ...]:
    """The criteria of heat, or of cold, in the order in which they are told."""
    rows = document(FILE, _LimitsFile).lethal
    return tuple(
        LethalCriterion(
            row.id, row.title, row.kind, row.cold, row.level.known(f"'{row.id}' in {FILE}"), row.set
        )
        for row in rows
        if row.cold == cold
    )


@cache
def structure_limits() -> tuple[StructureLimit, ...]:
    """Limits by kinds of structure."""
    return tuple(
        StructureLimit(
            row.id, row.title, row.kinds,
            *(
                None if one is None else one.known(f"'{row.id}' in {FILE}")
                for one in (row.low_degC, row.high_degC, row.cem43_min, row.strict_cem43_min)
            ),
        )
        for row in document(FILE, _LimitsFile).limits
    )  # fmt: skip


def limit_of(kind: str) -> StructureLimit | None:
    """The limit of a kind of structure; None where none is known."""
    return next((one for one in structure_limits() if kind in one.kinds), None)


@cache
def heat_distances() -> tuple[Known, Known]:
    """(usual, protected) distance of cord or root from what is dead [mm]."""
    rows = all_known(document(FILE, _LimitsFile).distances, FILE)
    return rows["usual_mm"], rows["protect_mm"]


def isotherms_drawn(*, cold: bool) -> tuple[tuple[float, ...], float]:
    """(of the lethal criteria, outermost first; of the edge): isotherms that a picture draws [degC]."""
    levels = [one.level.number for one in lethal_criteria(cold=cold) if one.kind in ("above", "below")]
    edge = all_known(document(FILE, _LimitsFile).drawn, FILE)["ice_edge_degC" if cold else "warm_edge_degC"]
    return tuple(sorted(levels, reverse=cold)), edge.number
