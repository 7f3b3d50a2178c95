"""What a page keeps of one delivery of heat or cold: temperatures in space and time, and what dies by each
criterion.

A result is frozen, so all that a picture or table of heat needs is here; no page asks the room again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from osteoplan.arrays import F64, Point
from osteoplan.model.volume import Volume

__all__ = ["STILL_K", "HeatClock", "HeatLimit", "HeatMoment", "HeatPeak", "HeatRecord"]


STILL_K = 0.5  # a structure that strays less is as it was


@dataclass(frozen=True)
class HeatLimit:
    """Between which temperatures a watched structure is to stay; None where no limit is known."""

    low_degC: float | None = None
    high_degC: float | None = None
    cite: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class HeatClock:
    """Temperatures of structures against time: of each the one that is farthest from the body's.

    Attributes:
        names: of the structures.
        points_mm: LPS, where each is told.
        times_s: (t,) from the start of the first segment.
        degC: (t, names).
        limits: one a name.
    """

    names: tuple[str, ...] = ()
    points_mm: tuple[Point, ...] = ()
    times_s: F64 = field(default_factory=lambda: np.zeros(0))
    degC: F64 = field(default_factory=lambda: np.zeros((0, 0)))
    limits: tuple[HeatLimit, ...] = ()


@dataclass(frozen=True)
class HeatPeak:
    """How far a structure strayed from the temperature at which it began: to what, where and when.

    Attributes:
        at_mm: LPS, where a thermocouple would read it.
        colder: True where it fell.
    """

    structure: str
    at_mm: Point
    time_s: float
    degC: float
    colder: bool
    limit: HeatLimit

    @property
    def bound_degC(self) -> float | None:
        """The limit on the side to which it strayed."""
        return self.limit.low_degC if self.colder else self.limit.high_degC

    @property
    def room_K(self) -> float:
        """How far that limit is; negative beyond it, endless where none is known."""
        bound = self.bound_degC
        if bound is None:
            return math.inf
        return self.degC - bound if self.colder else bound - self.degC


@dataclass(frozen=True, eq=False)
class HeatMoment:
    """The temperatures at the moment at which a structure was farthest from the body's."""

    structure: str
    time_s: float
    degC: Volume


@dataclass(frozen=True, eq=False)
class HeatRecord:
    """One delivery as a page tells it.

    Attributes:
        device, source: of the probes, and what they brought.
        step: order of the step that brought it.
        lethal_degC: isotherms that kill, drawn solid, outermost first; edge_degC: the one at which tissue
            begins to suffer, or at which ice is seen, drawn dashed.
        end, hottest, coldest: temperature at the end, and the extremes of every cube [degC].
        cem43: cumulative equivalent minutes at 43 degC.
        lethal: criterion -> what it calls dead; criteria are never mixed.
        clock: of the watched structures.
        moments: of those that a picture shows.
        stamps: what stands on every picture and table of it: *generic applicator*, *unverified*.
        not_judged: what the scan does not show, so that no limit was judged there.
        seconds: that were simulated; ``power_W``: mean that tissue took up while something was driven;
            ``audit``: share of the energy that is not accounted for.
        notes: what happened on the way, in sentences.
    """

    device: str
    source: str
    step: int
    lethal_degC: tuple[float, ...]
    edge_degC: float
    end: Volume
    hottest: Volume
    coldest: Volume
    cem43: Volume
    lethal: Mapping[str, Volume] = field(default_factory=dict)
    clock: HeatClock = field(default_factory=HeatClock)
    moments: tuple[HeatMoment, ...] = ()
    stamps: tuple[str, ...] = ()
    not_judged: tuple[str, ...] = ()
    seconds: float = 0.0
    power_W: float = 0.0
    audit: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def cold(self) -> bool:
        """True where it freezes."""
        return self.source == "cold"

    @property
    def peaks(self) -> tuple[HeatPeak, ...]:
        """Of every watched structure, nearest to its limit first; those that hardly strayed come last."""
        clock, found = self.clock, []
        for n, name in enumerate(clock.names):
            own, point = clock.degC[:, n], clock.points_mm[n]
            at = int(np.argmax(np.abs(own - own[0])))
            time_s, degC = float(clock.times_s[at]), float(own[at])
            found.append(HeatPeak(name, point, time_s, degC, bool(own[at] < own[0]), clock.limits[n]))
        still = {name for n, name in enumerate(clock.names) if np.ptp(clock.degC[:, n]) < STILL_K}
        return tuple(sorted(found, key=lambda one: (one.structure in still, one.room_K)))
