"""Radiofrequency: the field of the electrodes, and the generator that feeds them.

    div(sigma(T) grad V) = 0        q = sigma |grad V|^2, V the root mean square

    monopolar   one electrode; its current leaves the grid for a pad that is far away
    bipolar     two electrodes on one shaft, +V/2 and -V/2; of several shafts each is its own pair in the sum
                of the fields' heat, so that what one shaft lends the other is not counted

    sigma(T) = sigma_37 (1 + 0.02 (T - 37)) to 100 degC, then a hundredth of it within 5 K: vapour

The field is solved for 1 V, and again where conductivity has changed by 5 % as the mean over the heat;
between, it is scaled.  The generator holds the hottest tissue at its set temperature with no more than its
power, or gives a set power; above its impedance limit it pauses and says so.

A cooled shaft is a wall of radius a at the coolant's temperature.  Cells within a ring of radius R around it
follow a logarithmic profile (``kernels.bioheat``), so the heat that arises among them is shared out between
wall and ring as a steady profile does it: of what arises at r, ln(r/a) / ln(R/a) goes out to the ring.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.arrays import F32, F64, I64, Point
from osteoplan.errors import BadInput
from osteoplan.kernels.bioheat import CORE, RING, LineProbe
from osteoplan.kernels.potential import Conductor, edge_leak, line_leak
from osteoplan.knowledge.applicators import Applicator
from osteoplan.knowledge.values import number
from osteoplan.model.plan import Segment
from osteoplan.model.volume import Volume
from osteoplan.thermal.deliver import Driven
from osteoplan.thermal.shaft import active_ends, on_grid_indices
from osteoplan.thermal.tissue import Matter
from osteoplan.trajectory.surroundings import point

__all__ = ["Electrodes", "Radiofrequency"]

CHANGED = 0.05  # of the conductivity, as the mean over the heat
CARRIES = 1e-3  # of the densest heat: cells with less do not ask for a new field
TOLERANCE = 1e-4
LEAST_S_m = 1e-5  # of what insulates: metal, bone and gas stay within what the solver takes well
CONTROL_S = 1.0
GAIN_1_K = 0.3  # share by which the power changes for every kelvin that the hottest tissue is off
PAUSE_S = 15.0  # after the impedance limit was met


class Electrodes:
    """The electrodes of one shaft in a scene, and the heat of 1 V across them.

    Args:
        sigma: (ni, nj, nk) conductivity at body temperature [S/m].
        ends_mm: LPS of each electrode, one or two.
    """

    def __init__(
        self, grid: Volume, sigma: F32, ends_mm: Sequence[tuple[Point, Point]], radius_mm: float, *,
        cooled: bool, body_degC: float,
    ) -> None:  # fmt: skip
        self.grid, self.sigma, self.body = grid, np.maximum(sigma, LEAST_S_m), body_degC
        self.radius = radius_mm
        self.ends = [(on_grid_indices(grid, near), on_grid_indices(grid, far)) for near, far in ends_mm]
        self.per_K = number("heat.electric_per_K")
        self.solved, self.used = 0, np.zeros(0, np.float32)
        self.V: F64 | None = None
        self.ring = _Ring(grid, ends_mm[0][0], ends_mm[-1][1], radius_mm) if cooled else None
        self.heat_W_m3: F32 = np.zeros(grid.shape, np.float32)
        self.conductance_S = 0.0

    def field(self, T: F32) -> None:
        """Solve again where what carries the heat has changed."""
        now = self.at(T)
        if self.V is not None:
            change = np.abs(now.ravel()[self.carriers] / self.used - 1.0)
            if float(change @ self.weights) < CHANGED:
                return
        self._solve(now)

    def at(self, T: F32) -> F32:
        """(ni, nj, nk) conductivity at these temperatures."""
        warm = 1.0 + self.per_K * (np.minimum(T, BOIL) - self.body)
        dry = np.clip((T - BOIL) / VAPOUR_K, 0.0, 1.0)
        found: F32 = np.maximum(self.sigma * np.maximum(warm, 0.1) * VAPOUR_SHARE**dry, LEAST_S_m).astype(
            np.float32
        )
        return found

    def _solve(self, sigma: F32) -> None:
        h = self.grid.spacing_mm
        middle = np.mean(np.array(self.ends).reshape(-1, 3), axis=0)
        leads = [line_leak(sigma, h, near, far, self.radius) for near, far in self.ends]
        leak: F64 = np.sum(leads, axis=0)
        if len(leads) == 1:
            leak = leak + edge_leak(sigma, h, far_from=middle)
        volts = leads[0] if len(leads) == 1 else 0.5 * leads[0] - 0.5 * leads[1]
        shares = np.divide(volts, leak, out=np.zeros_like(leak), where=leak > 0.0)
        conductor = Conductor(sigma, h, leak=leak)
        found = conductor.solve(leak_volts=shares, start=self.V, tolerance=TOLERANCE)
        self.V, self.solved = found.V, self.solved + 1
        self.heat_W_m3 = (found.heat_W / (self.grid.voxel_volume_mm3 * 1e-9)).astype(np.float32)
        if len(leads) == 1:  # heat of what leaves the grid is made beyond it
            outer = edge_leak(sigma, h, far_from=middle)
            lost = np.where(leak > leads[0], outer * found.V**2, 0.0)
            self.heat_W_m3 -= (lost / (self.grid.voxel_volume_mm3 * 1e-9)).astype(np.float32)
        lead = leads[0]
        into = np.divide(found.currents_A * lead, leak, out=np.zeros_like(leak), where=leak > 0.0)
        self.conductance_S = float(into.sum())
        self.carriers = np.flatnonzero(self.heat_W_m3 > CARRIES * self.heat_W_m3.max())
        self.used = sigma.ravel()[self.carriers]
        self.weights = self.heat_W_m3.ravel()[self.carriers] / self.heat_W_m3.ravel()[self.carriers].sum()
        if self.ring is not None:
            self.ring.share_out(self.heat_W_m3)
            self.carriers_felt = np.setdiff1d(self.carriers, self.ring.core)
        else:
            self.carriers_felt = self.carriers


BOIL, VAPOUR_K, VAPOUR_SHARE = 100.0, 5.0, 0.01  # degC; K over which vapour forms; share that then conducts


class _Ring:
    """Cells around a cooled shaft: those that follow its profile, and the ring that they are coupled to."""

    def __init__(self, grid: Volume, near: Point, far: Point, radius_mm: float) -> None:
        edge = float(grid.spacing_mm.max())
        length = float(np.linalg.norm(np.subtract(far, near)))
        way = np.subtract(far, near) / length
        low, high = grid.indices(np.array([near, far])), RING * edge / grid.spacing_mm + 1.0
        first = np.maximum(np.floor(low.min(axis=0) - high), 0).astype(int)
        last = np.minimum(np.ceil(low.max(axis=0) + high) + 1, grid.shape).astype(int)
        at = np.stack(np.meshgrid(*map(np.arange, first, last), indexing="ij"), -1).reshape(-1, 3)
        from_near = grid.positions_mm(at) - near
        along = from_near @ way
        away = np.linalg.norm(from_near - np.outer(along, way), axis=1)
        beside = (along >= 0.0) & (along <= length)
        sections = max(1, round(length / edge))
        section = np.clip(along / length * sections, 0, sections - 1).astype(int)
        flat: I64 = np.asarray(np.ravel_multi_index(tuple(at.T), grid.shape))
        core, ring = beside & (away < CORE * edge), beside & (away >= CORE * edge) & (away < RING * edge)
        self.core, self.ring = flat[core], flat[ring]
        self.of_core, self.of_ring = section[core], section[ring]
        self.count = np.maximum(np.bincount(self.of_ring, minlength=sections), 1)
        far_mm = np.bincount(self.of_ring, away[ring], minlength=sections) / self.count
        far_mm = np.where(far_mm > radius_mm, far_mm, 0.5 * (CORE + RING) * edge)
        outward = np.log(np.maximum(away[core], radius_mm) / radius_mm)
        self.out = outward / np.log(far_mm[self.of_core] / radius_mm)

    def share_out(self, heat: F32) -> None:
        """Heat of the core in place: its share goes out to the ring, the rest is the coolant's."""
        flat = heat.ravel()
        moved = np.bincount(self.of_core, self.out * flat[self.core], minlength=len(self.count))
        flat[self.core] = 0.0
        flat[self.ring] += (moved / self.count)[self.of_ring]


class Radiofrequency:
    """A generator and its shafts.

    Args:
        probes: tip and entry of each shaft.
        output: quantile of the efficiency, as of any other probe.

    Raises:
        BadInput: neither a temperature nor a power is known to hold.
    """

    control_s = CONTROL_S

    def __init__(
        self, grid: Volume, matter: Matter, applicator: Applicator, probes: Sequence[tuple[Point, Point]], *,
        output: float = 0.5,
    ) -> None:  # fmt: skip
        self.applicator, self.cell_m3 = applicator, grid.voxel_volume_mm3 * 1e-9
        radius = 0.5 * applicator.diameter_mm
        body = matter.medium.blood_degC
        self.shafts = [
            Electrodes(
                grid,
                matter.electric_S_m,
                _electrodes(applicator, tip, entry),
                radius,
                cooled=applicator.coolant_degC is not None,
                body_degC=body,
            )
            for tip, entry in probes
        ]
        self.walls: tuple[LineProbe, ...] = ()
        if applicator.coolant_degC is not None:
            coolant = applicator.coolant_degC.number
            ends = [active_ends(applicator, tip, entry) for tip, entry in probes]
            self.walls = tuple(
                LineProbe(on_grid_indices(grid, near), on_grid_indices(grid, far), radius, coolant)
                for near, far in ends
            )
        self.power_W = [0.0] * len(probes)
        self.paused_until, self.now, self.paused = 0.0, 0.0, 0
        self.held_low = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Of pauses, and of a set temperature that the power does not reach."""
        found = []
        if self.paused:
            found.append(f"the generator paused {self.paused} times at its impedance limit")
        if self.held_low:
            found.append("the set temperature was not reached at the generator's full power")
        return tuple(found)

    def act(self, T: F32, into_s: float, segment: Segment) -> Driven:
        """Heat of the next second at the power that the set temperature, or the segment, asks for."""
        self.now += self.control_s
        most = self._most(segment)
        goal = segment.set_degC
        if goal is None and segment.power_W is None:
            raise BadInput(f"{self.applicator.name}: a segment gives neither a temperature nor a power")
        heat = np.zeros(T.shape, np.float32)
        limit = self.applicator.impedance_max_ohm
        for n, shaft in enumerate(self.shafts):
            shaft.field(T)
            if (
                limit is not None
                and shaft.conductance_S * limit.number < 1.0
                and self.now >= self.paused_until
            ):
                self.paused, self.paused_until = self.paused + 1, self.now + PAUSE_S
            if self.now < self.paused_until:
                continue
            if goal is None:
                self.power_W[n] = most
            else:
                hottest = float(T.ravel()[shaft.carriers_felt].max())
                self._hold(n, hottest, goal, most)
            volts2 = self.power_W[n] / max(shaft.conductance_S, 1e-12)
            heat += shaft.heat_W_m3 * np.float32(volts2)
        return Driven(heat, self.walls)

    def _most(self, segment: Segment) -> float:
        stated = self.applicator.power_W
        power = (
            segment.power_W if segment.power_W is not None else (stated.number if stated is not None else 0.0)
        )
        return power * segment.duty

    def _hold(self, n: int, hottest: float, goal: float, most: float) -> None:
        """Proportional in the logarithm of the power, from an eighth of the most it gives."""
        before = self.power_W[n] or 0.125 * most
        self.power_W[n] = float(
            np.clip(before * np.exp(GAIN_1_K * np.clip(goal - hottest, -3.0, 1.0)), 0.0, most)
        )
        self.held_low = self.power_W[n] >= most and hottest < goal - 2.0


def _electrodes(applicator: Applicator, tip: Point, entry: Point) -> list[tuple[Point, Point]]:
    """LPS ends of each electrode, the one nearer to the entry first."""
    near, far = (np.array(end) for end in active_ends(applicator, tip, entry))
    if applicator.energy != "rf_bipolar":
        return [(point(near), point(far))]
    way = (far - near) / np.linalg.norm(far - near)
    first = near + applicator.active_mm * way
    second = far - applicator.active_mm * way
    return [(point(near), point(first)), (point(second), point(far))]
