"""Radiofrequency: the field of electrodes in tissue that conducts more as it warms, and the generator.

    div(sigma(T) grad V) = 0       q = sigma |grad V|^2       sigma = sigma_37 (1 + a (T - 37)) up to boiling,
                                                              then down to what dried tissue keeps

A monopolar electrode's current goes to a pad far away: the medium goes on beyond the grid without end.  A
bipolar probe's goes from one electrode of its shaft to the other; several probes are driven each as its own
pair in one medium, so that their heat adds.  A field is solved in a box around its probe, and anew where
conductivity has changed by 5 % since; until then it is scaled.

Not modelled: the voltage that a generator can give, and what a probe's shaft does to another's field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from osteoplan.arrays import F32, F64, Mask, Point
from osteoplan.boxes import Box, box_of
from osteoplan.errors import BadInput
from osteoplan.kernels.bioheat import CORE, LineProbe
from osteoplan.kernels.potential import Conductor, edge_leak, line_leak
from osteoplan.knowledge.applicators import Applicator
from osteoplan.knowledge.values import number
from osteoplan.model.plan import Segment
from osteoplan.model.volume import Volume
from osteoplan.thermal.deliver import Driven
from osteoplan.thermal.shaft import active_ends, on_grid_indices
from osteoplan.thermal.tissue import Matter, quantile

__all__ = ["ElectricField", "Heating", "Radiofrequency", "conductivity_factor"]

CONTROL_S = 2.0
REACH_MM = 20.0  # around the active part: what is solved
CHANGED = 0.05  # of conductivity, since the field was solved
MATTERS = 0.01  # of the densest heat: what takes less counts for no refresh
WARMS = 1e-3  # of the densest heat: what takes less is not what the generator holds
WIDEST_MM = 2.5  # cubes around a cooled shaft: on wider ones all its heat falls where its wall is held
DRIES_degC = 97.0  # no tissue is made hotter while a temperature is held: it would boil and stop the current
SHORT_K = 2.0  # missing at full power: the set temperature was not reached
TOLERANCE = 1e-4
BOILS_degC, DRY_degC = 100.0, 105.0
FAST_S = 6.0  # in which the control would make up for what is missing if no heat flowed off
SLOW_S = {
    False: 8.0,
    True: 20.0,
}  # in which it makes up for what flows off; held tissue off a cooled wall lags


@dataclass(frozen=True, eq=False)
class Heating:
    """What one volt between the electrodes does.

    Attributes:
        heat: of the cells of ``box`` [W/m3].
        conductance_S: of the tissue between the electrodes; power is V^2 times this.
        solved: False where the last field still holds.
    """

    box: Box
    heat: F32
    conductance_S: float
    solved: bool


class ElectricField:
    """The field of one probe.

    Args:
        grid: of the scene.
        sigma: (ni, nj, nk) conductivity at 37 degC [S/m].
        start, end: LPS ends of the active part, the one nearer to the entry first.
        per_K: rise of conductivity; dried: the share that dried tissue keeps.

    Raises:
        BadInput: the electrode meets no cell of the grid.
    """

    def __init__(
        self, grid: Volume, sigma: F32, applicator: Applicator, start: Point, end: Point, *, per_K: float,
        dried: float, threads: int = 0,
    ) -> None:  # fmt: skip
        h = np.asarray(grid.spacing_mm)
        ends = grid.indices(np.array([start, end]))
        low = np.maximum(np.floor(ends.min(axis=0) - REACH_MM / h), 0).astype(int)
        high = np.minimum(np.ceil(ends.max(axis=0) + REACH_MM / h) + 1, grid.shape).astype(int)
        self.box = box_of(low, high)
        self.name, self.h, self.threads = applicator.name, h, threads
        self.per_K, self.dried = per_K, dried
        self.sigma, self.cell_m3 = sigma[self.box].astype(np.float64), grid.voxel_volume_mm3 * 1e-9
        self.middle = ends.mean(axis=0) - low
        a, b = ends - low
        radius = 0.5 * applicator.diameter_mm
        ones = np.ones(self.sigma.shape)
        self.leaks: tuple[F64, ...]
        self.volts: tuple[float, ...]
        self.bipolar = applicator.energy == "rf_bipolar"
        if self.bipolar:
            share = applicator.active_mm / applicator.length_mm
            near, far = a + share * (b - a), b - share * (b - a)
            self.leaks = (line_leak(ones, h, a, near, radius), line_leak(ones, h, far, b, radius))
            self.volts = (0.5, -0.5)
        else:
            self.leaks, self.volts = (line_leak(ones, h, a, b, radius),), (1.0,)
        self.factor: F64 | None = None
        self.V: F64 | None = None
        self.solves = 0

    def at(self, T: F32) -> Heating:
        """For these temperatures (ni, nj, nk) of the whole grid."""
        factor = conductivity_factor(T[self.box], self.per_K, self.dried)
        if self.factor is None or _changed(factor[self.matters], self.factor[self.matters]):
            self._solve(factor)
            return Heating(self.box, self.heat, self.conductance, True)
        return Heating(self.box, self.heat, self.conductance, False)

    def _solve(self, factor: F64) -> None:
        sigma = self.sigma * factor
        own = [sigma * leak for leak in self.leaks]
        total = np.sum(own, axis=0)
        ends = np.divide(
            sum(leak * volts for leak, volts in zip(own, self.volts, strict=True)), total,
            out=np.zeros_like(total), where=total > 0.0,
        )  # fmt: skip
        far = 0.0 if self.bipolar else edge_leak(sigma, self.h, far_from=self.middle)
        conductor = Conductor(sigma, self.h, leak=total + far, threads=self.threads)
        solved = conductor.solve(leak_volts=ends, tolerance=TOLERANCE, start=self.V)
        heat = solved.heat_W
        if self.bipolar:  # a cell that both electrodes feed
            both = np.divide(own[0] * own[1], total, out=np.zeros_like(total), where=total > 0.0)
            heat = heat + both * (self.volts[0] - self.volts[1]) ** 2
        else:  # what is left beyond the box is not in its outermost cells
            heat = heat - far * solved.V**2
        given = sum(
            volts * float((leak * (volts - solved.V)).sum())
            for leak, volts in zip(own, self.volts, strict=True)
        )
        if given <= 0.0:
            raise BadInput(
                f"{self.name}: an electrode lies where nothing conducts (gas, cement); move the probe"
            )
        self.conductance = given
        self.heat: F32 = (heat / self.cell_m3).astype(np.float32)
        self.matters: Mask = self.heat > MATTERS * self.heat.max()
        self.factor, self.V = factor, solved.V
        self.solves += 1


def _changed(now: F64, then: F64) -> bool:
    return bool(np.abs(now / then - 1.0).max() > CHANGED)


def conductivity_factor(T: F32, per_K: float, dried: float) -> F64:
    """Conductivity over that at 37 degC."""
    warm = 1.0 + per_K * (np.clip(T, 0.0, BOILS_degC).astype(np.float64) - 37.0)
    hot = BOILS_degC < T
    if hot.any():
        warm[hot] *= dried ** np.clip((T[hot] - BOILS_degC) / (DRY_degC - BOILS_degC), 0.0, 1.0)
    return warm


class _Shaft:
    """A cooled wall, and what the generator sees: not what follows the wall."""

    def __init__(
        self, electric: ElectricField, grid: Volume, ends: tuple[Point, Point], radius_mm: float, degC: float
    ) -> None:
        first, last = (on_grid_indices(grid, place) for place in ends)
        self.probe = LineProbe(first, last, radius_mm, degC)
        start, way = np.array(first), np.subtract(last, first)
        h = electric.h
        if h.max() > WIDEST_MM:
            raise BadInput(
                f"{electric.name}: cubes of {h.max():g} mm do not show what its coolant does; take "
                f"{WIDEST_MM:g} mm or less"
            )
        at = np.indices(electric.sigma.shape).reshape(3, -1).T + [part.start for part in electric.box] - start
        along = (at * h) @ (way * h) / ((way * h) @ (way * h))
        off = np.linalg.norm((at - np.clip(along, 0.0, 1.0)[:, None] * way) * h, axis=1)
        follows = (off < CORE * h.max()) & (along >= 0.0) & (along <= 1.0)
        self.seen = ((off >= number("heat.rf_held_mm")) & ~follows).reshape(electric.sigma.shape)


@dataclass(eq=False)
class _Channel:
    """What a generator knows of one probe."""

    electric: ElectricField
    shaft: _Shaft | None
    heat: F32 = field(default_factory=lambda: np.zeros(0, np.float32))  # of one volt
    power_W: float = 0.0
    missing_K: float = 0.0
    off_until_s: float = -1.0
    short: bool = False  # the set temperature is not reached at full power
    hot: Mask = field(default_factory=lambda: np.zeros(0, bool))  # cells of which the hottest is held
    warms_K_s: float = 0.0  # the fastest of all cells, at one volt

    def take(self, heating: Heating, c: F32) -> None:
        """A new field; c: (ni, nj, nk) volumetric heat capacity [J/(m3 K)] of its box."""
        self.heat, free = heating.heat, heating.heat > WARMS * heating.heat.max()
        self.hot = free
        if self.shaft is not None:
            self.hot = free & self.shaft.seen
        if not self.hot.any():
            raise BadInput(
                f"{self.electric.name}: there is no tissue around it that its current warms; move it"
            )
        self.warms_K_s = float((self.heat[free] / c[free]).max())


class Radiofrequency:
    """A generator with its probes, each a channel of its own.

    It holds the hottest tissue at the segment's temperature with at most the segment's power (or the
    device's), or gives the segment's power; where impedance is too high it pauses.

    Args:
        output: quantile of the share of power that tissue takes up.
    """

    control_s = CONTROL_S

    def __init__(
        self, grid: Volume, matter: Matter, applicator: Applicator, probes: Sequence[tuple[Point, Point]], *,
        output: float = 0.5, threads: int = 0,
    ) -> None:  # fmt: skip
        self.grid, self.applicator = grid, applicator
        self.efficiency = 1.0 if applicator.efficiency is None else quantile(applicator.efficiency, output)
        self.ohm = None if applicator.impedance_max_ohm is None else applicator.impedance_max_ohm.number
        self.c = np.asarray(matter.medium.c)
        self.paused = False
        self.power_W, self.time_s = 0.0, 0.0
        self.pause_s = number("heat.rf_pause_s")
        self.channels = []
        coolant = applicator.coolant_degC
        for tip, entry in probes:
            ends = active_ends(applicator, tip, entry)
            electric = ElectricField(
                grid, matter.electric_S_m, applicator, *ends, per_K=number("heat.electric_per_K"),
                dried=number("heat.electric_dried"), threads=threads,
            )  # fmt: skip
            shaft = (
                None if coolant is None
                else _Shaft(electric, grid, ends, 0.5 * applicator.diameter_mm, coolant.number)
            )  # fmt: skip
            self.channels.append(_Channel(electric, shaft))
        self.shafts = tuple(one.shaft.probe for one in self.channels if one.shaft is not None)

    @property
    def notes(self) -> tuple[str, ...]:
        """Of pauses, and of a set temperature that the power does not reach."""
        told = {
            f"the generator paused for {self.pause_s:g} s a time, its impedance too high": self.paused,
            "the set temperature was not reached at full power": any(one.short for one in self.channels),
        }
        return tuple(f"{self.applicator.name}: {said}" for said, so in told.items() if so)

    def act(self, T: F32, into_s: float, segment: Segment) -> Driven:
        """Fields and powers for these temperatures; coolant runs as long as the generator is on."""
        q = np.zeros(self.grid.shape, np.float32)
        self.time_s += CONTROL_S
        self.power_W = 0.0
        for channel in self.channels:
            heating = channel.electric.at(T)
            if heating.solved:
                channel.take(heating, self.c[heating.box])
            power = self._power(channel, heating, T, into_s, segment)
            q[heating.box] += channel.heat * np.float32(power / heating.conductance_S)
            self.power_W += power
        return Driven(q, self.shafts)

    def _power(self, channel: _Channel, heating: Heating, T: F32, into_s: float, segment: Segment) -> float:
        """W that tissue takes up until the next look."""
        if (
            self.ohm is not None
            and self.time_s > channel.off_until_s
            and 1.0 / heating.conductance_S > self.ohm
        ):
            channel.off_until_s = self.time_s + self.pause_s
            self.paused = True
        if self.time_s <= channel.off_until_s:
            return 0.0
        most = segment.power_W
        if most is None and self.applicator.power_W is not None:
            device = self.applicator.power_W
            most = device.number if device.high is None else device.high
        most = (most or np.inf) * segment.duty * self.efficiency
        if segment.set_degC is None:
            if not np.isfinite(most):
                raise BadInput(f"{self.applicator.name}: neither a temperature nor a power is given")
            return most
        here = T[heating.box]
        missing = min(segment.set_degC - float(here[channel.hot].max()), DRIES_degC - float(here.max()))
        if into_s <= 0.0:
            channel.missing_K = 0.0
        change = (missing - channel.missing_K) + missing * CONTROL_S / SLOW_S[channel.shaft is not None]
        warms = channel.warms_K_s / heating.conductance_S  # K/s a watt
        channel.power_W = float(np.clip(channel.power_W + change / (FAST_S * warms), 0.0, most))
        channel.missing_K = missing
        channel.short = channel.power_W >= most and missing > SHORT_K
        return channel.power_W
