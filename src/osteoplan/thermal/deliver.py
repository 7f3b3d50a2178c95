"""One or several deliveries in a scene, from the first segment until what is at risk has turned back.

A driver says every ``control_s`` what its probes do, from the temperatures that it is shown: the heat that
its field leaves in every cube, or walls that are held.  What each structure at risk feels is looked at as
often: of all its cubes the one that strays farthest from the body's temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from osteoplan.arrays import F32, F64, Indices, Mask
from osteoplan.errors import Cancelled, OnStep
from osteoplan.kernels.bioheat import Audit, Bioheat, LineProbe
from osteoplan.model.plan import Segment
from osteoplan.thermal.run import HeatRun, Hottest, Watch
from osteoplan.thermal.scene import HeatScene
from osteoplan.thermal.tissue import Matter
from osteoplan.trajectory.surroundings import point

__all__ = ["Checkpoint", "Driven", "Driver", "deliver"]

TAIL_S, TAIL_CHECK_S = (
    300.0,
    30.0,
)  # the longest wait for what still strays after the end, and how often it is asked


@dataclass(frozen=True, eq=False)
class Driven:
    """What probes do until they are asked again.

    Attributes:
        heat: (ni, nj, nk) that tissue takes up [W/m3]; None: nothing.
        probes: whose walls are held.
    """

    heat: F32 | None = None
    probes: tuple[LineProbe, ...] = ()


Checkpoint = Callable[[int, float, Bioheat], bool]


class Driver(Protocol):
    """A generator or a machine of cold with its probes in one scene.

    Attributes:
        control_s: how long an answer holds.
    """

    control_s: float

    @property
    def notes(self) -> tuple[str, ...]:
        """What happened on the way, in sentences."""
        ...

    def act(self, T: F32, into_s: float, segment: Segment) -> Driven:
        """What the probes do now; ``into_s`` since the segment began."""
        ...


def deliver(
    scene: HeatScene,
    matter: Matter,
    deliveries: Sequence[tuple[Driver, Sequence[Segment]]],
    *,
    at_risk: Mapping[str, Mask],
    keep_moments: bool = True,
    start: F32 | None = None,
    threads: int = 0,
    tail: bool = True,
    checkpoint: Checkpoint | None = None,
    on_step: OnStep | None = None,
) -> HeatRun:
    """Run the deliveries one after the other.

    Args:
        at_risk: structure -> its cubes.
        keep_moments: keep the field at which each structure strayed farthest.
        start: temperatures to begin with; by default the body's everywhere.
        threads: at most; 0 for every core.
        tail: go on until what is at risk has turned back.
        checkpoint: called after every look with (index of the segment, seconds into it, the temperatures and
            doses so far); True ends all driving at once.
        on_step: called with (segments done, share of the planned time); False stops.

    Raises:
        Cancelled: ``on_step`` returned False.
    """
    body = matter.medium.blood_degC
    heat = Bioheat(matter.medium, body if start is None else start, threads=threads)
    looks = _Looks(at_risk, body, keep_moments)
    looks.at(0.0, heat.T)
    audit = _Ledger()
    total = sum(segment.duration_s for _, segments in deliveries for segment in segments)
    done, enough = 0, False
    for driver, segments in deliveries:
        for segment in segments:
            if enough:
                break
            into = 0.0
            while into < segment.duration_s - 1e-6:
                length = min(driver.control_s, segment.duration_s - into)
                driven = Driven() if segment.passive else driver.act(heat.T, into, segment)
                audit.add(
                    heat.run(length, heat=driven.heat, probes=driven.probes),
                    length,
                    driving=not segment.passive,
                )
                into += length
                looks.at(heat.time_s, heat.T)
                if on_step is not None and not on_step(done, heat.time_s / total):
                    raise Cancelled("a simulation of heat was stopped")
                if checkpoint is not None and checkpoint(done, into, heat):
                    enough = True
                    break
            done += 1
    while tail and looks.farther and heat.time_s < total + TAIL_S:
        looks.farther = False
        for _ in range(int(TAIL_CHECK_S / TAIL_STEP_S)):
            audit.add(heat.run(TAIL_STEP_S), TAIL_STEP_S, driving=False)
            looks.at(heat.time_s, heat.T)
    watch, hottest = looks.told(scene)
    return HeatRun(
        scene, heat.T.copy(), heat.T_max, heat.T_min, np.minimum(heat.cem43, _DOSE_MOST).astype(np.float32),
        dict(zip(heat.sets, np.minimum(heat.omega, _DOSE_MOST).astype(np.float32), strict=True)), watch,
        hottest, heat.time_s,
        audit.power_W, audit.error, tuple(note for driver, _ in deliveries for note in driver.notes),
    )  # fmt: skip


TAIL_STEP_S = 5.0
_DOSE_MOST = 1e30  # what single precision holds


@dataclass
class _Ledger:
    """Energy over all pieces of a run: the worst unaccounted share is that of the whole."""

    missing_J: float = 0.0
    largest_J: float = 0.0
    given_J: float = 0.0
    driven_s: float = 0.0

    def add(self, piece: Audit, seconds: float, *, driving: bool) -> None:
        stored, heat, perfusion = piece.stored_J, piece.heat_J, piece.perfusion_J
        edge, probes, wall = piece.edge_J, piece.probes_J, piece.wall_J
        self.missing_J += stored - heat - perfusion - edge - probes - wall
        self.largest_J += max(abs(part) for part in (stored, heat, perfusion, edge, probes, wall))
        if driving:
            self.given_J += heat + probes
            self.driven_s += seconds

    @property
    def error(self) -> float:
        return abs(self.missing_J) / self.largest_J if self.largest_J else 0.0

    @property
    def power_W(self) -> float:
        return self.given_J / self.driven_s if self.driven_s else 0.0


@dataclass
class _Looks:
    """What each structure at risk feels: at every look its cube that strays farthest from the body."""

    at_risk: Mapping[str, Mask]
    body_degC: float
    keep_moments: bool
    farther: bool = False  # whether any went farther than ever since this was last set to False
    times: list[float] = field(default_factory=list)
    seen: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cubes: dict[str, Indices] = {
            name: np.flatnonzero(mask) for name, mask in self.at_risk.items() if mask.any()
        }
        self.farthest = dict.fromkeys(self.cubes, 0.0)
        self.where: dict[str, int] = {}
        self.moments: dict[str, Hottest] = {}

    def at(self, time_s: float, T: F32) -> None:
        flat = T.ravel()
        row = []
        kept: Hottest | None = None
        for name, cubes in self.cubes.items():
            away = np.abs(flat[cubes] - self.body_degC)
            n = int(away.argmax())
            row.append(float(flat[cubes[n]]))
            if away[n] > self.farthest[name] + 0.05:
                self.farthest[name], self.where[name], self.farther = float(away[n]), int(cubes[n]), True
                if self.keep_moments:
                    kept = kept or Hottest(time_s, T.astype(np.float16))  # one copy for all
                    self.moments[name] = kept
        self.times.append(time_s)
        self.seen.append(row)

    def told(self, scene: HeatScene) -> tuple[Watch, Mapping[str, Hottest]]:
        names = tuple(self.cubes)
        points = []
        for name in names:
            cube = self.where.get(name, int(self.cubes[name][0]))
            ijk = np.array(np.unravel_index(cube, scene.grid.shape), float)
            points.append(point(scene.grid.positions_mm(ijk)))
        degC: F64 = np.array(self.seen).reshape(len(self.times), len(names))
        moments = {
            name: Hottest(one.time_s, one.degC.astype(np.float32)) for name, one in self.moments.items()
        }
        return Watch(names, tuple(points), np.array(self.times), degC), moments
