"""What the procedure sheet says, as typed nouns; the page only arranges them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from osteoplan.arrays import Point
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case
from osteoplan.model.device import Device
from osteoplan.model.heat import HeatPeak
from osteoplan.model.plan import Option
from osteoplan.report.places import Midline, midline

__all__ = ["Asked", "FeltView", "Moment", "NearView", "PathView", "Sheet", "SheetLine", "Stop"]

Moment = Literal["always", "needle", "screw", "wire", "cement", "heat", "cold"]


@dataclass(frozen=True)
class Stop:
    """When to stop, in a sentence; it belongs to a moment of the plan, and perhaps to the spine alone."""

    at: Moment
    where: Literal["", "spine"]
    text: str
    status: str


@dataclass(frozen=True, eq=False)
class Asked:
    """What a sheet is made from.

    Attributes:
        plan: id of the plan.
        date: day on which the plan was made.
        program: name and version.
        devices: device files by id, with the centre's own.
        stops: every sentence on when to stop; elsewhere: kinds of structure labelled anywhere on the scan.
        spacers: agents that push organs away; cold: sources that freeze.
        felt: what structures felt in the simulation, nearest to its limit first in each delivery; empty
            where none was run.
        probe_stamps: by device, what stands wherever a probe is told: *generic applicator*, *unverified*.
        middle_of_body: x of the middle between the flanks in the slice of a point [LPS mm]; None unseen.
    """

    option: Option
    case: Case
    anatomy: Anatomy
    plan: str
    date: str
    program: str
    devices: Mapping[str, Device]
    stops: tuple[Stop, ...]
    elsewhere: frozenset[str]
    spacers: frozenset[str]
    cold: frozenset[str]
    felt: tuple[HeatPeak, ...]
    probe_stamps: Mapping[str, tuple[str, ...]]
    middle_of_body: Callable[[Point], float | None]

    def midline(self, at_mm: Point) -> Midline | None:
        """Which midline a point is measured from, and how far off it is; None where the scan shows none."""
        return midline(self.case, self.anatomy, at_mm, self.middle_of_body)


@dataclass(frozen=True)
class SheetLine:
    """A label and what stands beside it; ``short`` where a table of many paths has a narrow column for it."""

    label: str
    text: str
    short: str = ""


@dataclass(frozen=True)
class PathView:
    """One straight device: how to find its entry, how to hold it, how deep it goes.

    Attributes:
        mark: circled number, the same on the pictures.
        lines: label -> words, the same labels for every path of a sheet, so that they make a table.
    """

    mark: str
    title: str
    lines: tuple[SheetLine, ...]


@dataclass(frozen=True)
class NearView:
    """What could be hit, and how near."""

    structure: str
    gap_mm: float
    gap: str
    note: str


@dataclass(frozen=True)
class FeltView:
    """What heat or cold does to a structure: the temperature, its interval, and the limit beside its name."""

    structure: str
    degC: str
    note: str


@dataclass(frozen=True)
class Sheet:
    """One page for the room.

    Attributes:
        side: where the devices go in; ``LEFT``, ``RIGHT``, ``LEFT + RIGHT`` or ``MIDLINE``.
        level: of a vertebra; the bone otherwise.
        level_note: said beside the level where nobody has counted it.
        alarms: what must be read first.
        stamps: what holds of every picture and number: simulated, coarse.
        path_note: what the numbers of the paths are counted from.
        materials: what goes in and what stays: screws, wires, cement, energy.
        steps: acts in their order, as sentences.
        felt: what heat or cold does to the structures that come nearest to their limits.
        unchecked: what no distance is known to, and temperatures that nobody simulated.
        terse: True where reasons were left out to keep it on one page.
    """

    program: str
    use: str
    case: str
    plan: str
    date: str
    side: str
    level: str
    level_note: str
    title: str
    position: str
    lesion: str
    alarms: tuple[str, ...]
    stamps: tuple[str, ...]
    paths: tuple[PathView, ...]
    path_note: str
    materials: tuple[SheetLine, ...]
    steps: tuple[str, ...]
    near: tuple[NearView, ...]
    near_note: str
    felt: tuple[FeltView, ...]
    unchecked: tuple[str, ...]
    stops: tuple[str, ...]
    stops_note: str
    shopping: tuple[str, ...]
    shopping_left: bool
    credits: tuple[str, ...] = field(default=())
    terse: bool = False
