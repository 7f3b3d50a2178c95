"""Boundary conditions of one load case, summed up: where the bone was held and loaded, and loads of life."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.arrays import F64
from osteoplan.model.evidence import ReviewStatus

__all__ = ["BoundarySummary", "LifeLoad", "Measured", "PublishedLimit"]


@dataclass(frozen=True)
class LifeLoad:
    """A load of life with its source.

    Attributes:
        value, low, high: of this patient, in ``unit``; None where weight or height is needed and unknown, or
            where the source gives no range.
        formula: what it was computed from.
    """

    id: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    formula: str
    cite: tuple[str, ...]
    status: ReviewStatus
    note: str = ""


@dataclass(frozen=True)
class PublishedLimit:
    """A limit of an outcome that others published for their own models: shown, never used to decide."""

    outcome: str
    title: str
    value: float
    unit: str
    cite: tuple[str, ...]
    status: ReviewStatus
    note: str = ""


@dataclass(frozen=True)
class Measured:
    """What others measured in cadavers, beside what this program says of a bone like theirs; no gate.

    Attributes:
        published, ours: in ``unit``; ours None where it does not come about.
        of: the bone that ours was computed on.
    """

    title: str
    published: float
    ours: float | None
    unit: str
    of: str
    cite: tuple[str, ...]
    status: ReviewStatus
    note: str = ""


@dataclass(frozen=True, eq=False)
class BoundarySummary:
    """Boundary conditions of one load case as it was run.

    Attributes:
        id, title: of the load case; held, loaded, direction: in words.
        body_mm, cap_mm: (n, 3) LPS centres of the elements: of the bone, and of what the machine adds.
        held_mm, loaded_mm: (n, 3) LPS nodes.
        load_axis: (3,) LPS unit vector: where a force points, or the axis that a moment turns about by the
            right hand.
        unit: of the load: N, or N mm where it turns.
        shown_at: load at which strain is shown.
        loads: sizes of this load in life for this bone; empty where no source was found.
        thresholds: limits that others published for it; measured: what they found, beside ours.
    """

    id: str
    title: str
    held: str
    loaded: str
    direction: str
    body_mm: F64
    cap_mm: F64
    held_mm: F64
    loaded_mm: F64
    load_axis: F64
    unit: str
    shown_at: float
    loads: tuple[LifeLoad, ...] = ()
    thresholds: tuple[PublishedLimit, ...] = ()
    measured: tuple[Measured, ...] = ()

    @property
    def turns(self) -> bool:
        """Whether the load is a moment."""
        return self.unit == "N mm"
