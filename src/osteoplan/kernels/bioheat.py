"""Heat and cold in perfused tissue: Pennes' equation by explicit steps of enthalpy.

    dH/dt = div(k grad T) + W (T_blood - T) + q        H(T): latent heats of freezing and of boiling inside

    H       piecewise linear: frozen, a mushy band, unfrozen, boiling between 100 and 102 degC, beyond it;
            every latent heat is given back on the way back
    flux    Kirchhoff's potential inside a material, so that a front that steps from cell to cell does not
            change what flows; harmonic across materials
    W       0 below the upper end of the band, and for good where CEM43 has passed what tissue survives
    metal   conducts within itself implicitly, with the whole step: no step is short because of a screw
    gas     a wall with a Robin coefficient, never a cell that conducts
    probe   thinner than the grid: cells within 1.5 voxels of its line follow the logarithmic profile between
            its wall and a ring of cells outside of these, lifted by the heat that is left among them; what
            they lose and what flows into them it takes
    steps   cells around what is frozen take short steps, all others long ones; what flows between the two is
            counted once, so that energy is kept.  The window of cells that move at all grows with them.

Single precision in memory, relative to blood temperature; the audit sums in double.  The same bits for any
count of threads.

Sources: Pennes 1948; Voller & Cross 1981 (enthalpy); Berger & Colella 1989 (counting a flux once).
Tests: tests/analytic/test_bioheat.py, tests/unit/test_heat_damage.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil, inf

import numpy as np

from osteoplan.arrays import F32, F64, I64, U8, Bool, Indices, Point, Real
from osteoplan.errors import BadInput, Cancelled, OnStep
from osteoplan.kernels import bioheat_steps as steps
from osteoplan.kernels.damage import ARRHENIUS, DEAD_CEM43_MIN
from osteoplan.kernels.threads import in_parts, worth

__all__ = ["HELD", "METAL", "TISSUE", "WALL", "Audit", "Bioheat", "HeatMedium", "LineProbe"]

TISSUE, WALL, HELD, METAL = range(4)

SAFETY = 0.9  # of the longest step at which every new temperature is a mean of old ones
LOOK_S = 2.0  # extremes and damage are taken at least that often, or with every long step
STILL_K = 1e-4  # cells nearer than this to blood temperature do not move the window
MARGIN = 4  # cells that the window is wider than what moves
COLD_MARGIN = 3  # cells of short steps around what is frozen
CORE, RING = 1.5, 2.5  # voxels from a probe's line: cells that follow it, cells that it is coupled to
NOT_COUNTED = np.zeros(0)  # energies that nobody added up yet
WORTH = 20_000  # cells that are worth a thread
SLUGGISH = 1e12  # J/(m3 K) of cells that keep their T: their e counts what flows in


@dataclass(frozen=True, eq=False)
class HeatMedium:
    """What heat meets; arrays are (ni, nj, nk).

    Attributes:
        k, k_frozen: conductivity [W/(m K)].
        c, c_frozen: volumetric heat capacity [J/(m3 K)].
        freezing_J, boiling_J: latent heats [J/m3]; boiling_J 0 does not boil.
        perfusion: of Pennes, w rho_b c_b [W/(m3 K)].
        kind: TISSUE; WALL, gas behind a Robin coefficient; HELD, keeps its temperature (a vessel); METAL.
        spacing_mm: voxel edges.
        blood_degC: of blood that arrives.
        band_degC: between which tissue freezes, the same for all.
        wall_h, wall_degC: Robin coefficient [W/(m2 K)] and temperature of gas.
        dried: share of its conductivity that tissue keeps above 102 degC.
    """

    k: Real
    k_frozen: Real
    c: Real
    c_frozen: Real
    freezing_J: Real
    boiling_J: Real
    perfusion: Real
    kind: U8
    spacing_mm: Point
    blood_degC: float = 37.0
    band_degC: tuple[float, float] = (-8.0, -1.0)
    wall_h: float = 10.0
    wall_degC: float = 37.0
    dried: float = 1.0

    def __post_init__(self) -> None:
        shape = np.shape(self.kind)
        for name in ("k", "k_frozen", "c", "c_frozen", "freezing_J", "boiling_J", "perfusion"):
            values = np.asarray(getattr(self, name))
            if values.shape != shape or len(shape) != 3:
                raise BadInput(
                    f"{name} is {values.shape}, kind is {shape}: one shape of three axes is needed"
                )
            least = 0.0 if name in ("freezing_J", "boiling_J", "perfusion") else np.nextafter(0.0, 1.0)
            if not (np.isfinite(values).all() and (values >= least).all()):
                raise BadInput(f"{name} must be finite and {'not negative' if least == 0.0 else 'positive'}")
        if not self.band_degC[0] < self.band_degC[1] < self.blood_degC:
            raise BadInput(
                f"tissue freezes between two temperatures below that of blood, not {self.band_degC}"
            )
        if not (min(self.spacing_mm) > 0.0 and self.wall_h >= 0.0 and 0.0 < self.dried <= 1.0):
            raise BadInput("spacing must be positive, wall_h not negative, dried in (0, 1]")


@dataclass(frozen=True, eq=False)
class LineProbe:
    """A probe thinner than the grid, whose wall is held at one temperature.

    Attributes:
        start, end: of its active length, in voxel indices (not rounded).
        radius_mm: of its wall.
        wall_degC: of its wall.
        cooling_W: the most that it takes away (or gives); then its wall is as cold as that allows.
    """

    start: Point
    end: Point
    radius_mm: float
    wall_degC: float
    cooling_W: float | None = None


@dataclass(frozen=True)
class Audit:
    """Energy [J] of one run; what flows into the tissue is positive.

    Attributes:
        stored_J: change of the enthalpy of all that is free to change.
        heat_J, perfusion_J, edge_J, probes_J, wall_J: from sources, blood, held cells, probes and gas.
        error: what is not accounted for, as a share of the largest of these.
        walls_degC: of each probe at the end: warmer than asked where its power was too small.
    """

    stored_J: float
    heat_J: float
    perfusion_J: float
    edge_J: float
    probes_J: float
    wall_J: float
    error: float
    walls_degC: tuple[float, ...] = ()


class Bioheat:
    """Temperature and damage of a medium as they go on; arrays are (ni, nj, nk).

    Attributes:
        T, T_max, T_min: temperature and its extremes [degC], float32, as of the last look.
        cem43: equivalent minutes [min], float64.
        omega: (sets, ni, nj, nk) Arrhenius integrals, float64, in the order of ``sets``.
        sets: names of these.
        time_s: since the beginning.
    """

    def __init__(
        self,
        medium: HeatMedium,
        start_degC: float | Real = 37.0,
        *,
        edge: str = "held",
        sets: Mapping[str, tuple[float, float]] = ARRHENIUS,
        threads: int = 0,
    ) -> None:
        """
        Args:
            medium: what heat meets.
            start_degC: a number or (ni, nj, nk); of HELD cells, what they keep.
            edge: "held" keeps the outermost cells at their start; "insulated" lets nothing through.
            sets: rate [1/s] and energy [J/mol] of Arrhenius integrals by name.
            threads: at most; 0 for all cores.

        Raises:
            BadInput: a start of another shape or not finite, or an edge that does not exist.
        """
        if edge not in ("held", "insulated"):
            raise BadInput(f"edge is 'held' or 'insulated', not '{edge}'")
        self.medium, self.threads, self.sets = medium, threads, dict(sets)
        self.time_s, self._now = 0.0, np.int64(0)
        self._kind = _edged(medium.kind, edge)
        self.T = np.broadcast_to(np.asarray(start_degC, np.float32), self._kind.shape).copy()
        if not np.isfinite(self.T).all():
            raise BadInput("start_degC must be finite")
        self.T[self._kind == WALL] = medium.wall_degC
        self.T_max, self.T_min = self.T.copy(), self.T.copy()
        self.cem43 = np.zeros(self.T.shape)
        self.omega = np.zeros((len(self.sets), *self.T.shape))
        self._watched: Indices = np.zeros((0, 3), np.intp)
        self._seen: list[tuple[float, F32]] = []
        self._prepare()
        self.set_temperature(self.T)

    @property
    def dead(self) -> Bool:
        """(ni, nj, nk) where no blood flows any more because CEM43 has passed what tissue survives."""
        return self.cem43 > DEAD_CEM43_MIN

    @property
    def watched(self) -> tuple[F64, F32]:
        """(t,) times [s] and (t, points) temperatures [degC] of the watched points."""
        times = np.array([time for time, _ in self._seen])
        return times, np.array([seen for _, seen in self._seen], np.float32).reshape(len(times), -1)

    def watch(self, indices: Iterable[tuple[int, int, int]]) -> None:
        """Keep the temperatures of these voxels at every look from now on; they are read by ``watched``."""
        self._watched = np.asarray(list(indices), np.intp).reshape(-1, 3)
        self._seen = []
        self._keep_watch()

    def set_temperature(self, degC: Real) -> None:
        """Start from another field (ni, nj, nk) [degC]; HELD cells keep what it says from now on."""
        inside = _inside(self.T.shape)
        self.T[...] = degC
        T = np.full(self._e.shape, self.medium.blood_degC, np.float32)
        T[inside] = self.T
        steps.enthalpies(
            T.ravel(), *(part.ravel() for part in self._thermal), *self._heads(), self._e.ravel()
        )
        self._e[self._keeps > 0] = 0.0
        self._joules, self._window = NOT_COUNTED, self._whole
        split = np.clip(self._band[1] - T, 0, self._band[1] - self._band[0])
        self._B[...] = -(split**2) / (2 * (self._band[1] - self._band[0])) - np.maximum(self._band[0] - T, 0)
        dry = np.maximum(T - np.float32(steps.STEAM), 0) * np.float32(1.0 - self.medium.dried)
        self._A[...] = T - self._B - dry
        self._An[...], self._Bn[...] = self._A, self._B

    def run(
        self,
        seconds: float,
        *,
        heat: Real | None = None,
        probes: Iterable[LineProbe] = (),
        on_step: OnStep | None = None,
    ) -> Audit:
        """Go on for some time.

        Args:
            seconds: how long.
            heat: (ni, nj, nk) source [W/m3], the same all the time; HELD and WALL cells take none.
            probes: held during this run; where they were, tissue is tissue again after it.
            on_step: called with (long steps done, time_s) at every look, False stops.

        Raises:
            BadInput: a time that is not positive, heat of another shape, a probe outside the grid.
            Cancelled: ``on_step`` returned False; what was reached by then stands.
        """
        if not (np.isfinite(seconds) and seconds > 0.0):
            raise BadInput(f"a run lasts a positive time, not {seconds} s")
        run = _Run(self, seconds, heat, tuple(probes))
        run.go(on_step)
        return run.audit()

    def _prepare(self) -> None:
        """Lay out what the steps read, with one cell more on every side."""
        medium, kind = self.medium, self._kind
        self._band = np.array(medium.band_degC, np.float32)
        self._blood = np.float32(medium.blood_degC)
        dx, dy, dz = (edge * 1e-3 for edge in medium.spacing_mm)
        self._cell_m3 = dx * dy * dz
        fixed = (kind == WALL) | (kind == HELD)
        c = np.where(fixed, SLUGGISH, medium.c)
        c_frozen = np.where(fixed, SLUGGISH, medium.c_frozen)
        wide = medium.band_degC[1] - medium.band_degC[0]
        self._keeps = _padded(np.select([kind == HELD, kind == WALL], [1, 2]).astype(np.uint8), 0)
        self._free = _padded((kind == TISSUE).astype(np.uint8), 0)
        self._c = _padded(c, SLUGGISH, np.float64)
        self._gain = _padded(1.0 / c, 0.0)
        self._thermal = (
            _padded((medium.freezing_J / wide + 0.5 * (c + c_frozen)) / c, 1.0),
            _padded(c / c_frozen, 1.0),
            _padded(medium.boiling_J / c, 0.0),
        )
        self._k, self._k_frozen = _padded(medium.k, 1.0), _padded(medium.k_frozen, 1.0)
        self._W = _padded(np.where(kind == TISSUE, medium.perfusion, 0.0), 0.0)
        self._faces = tuple(_faces(medium, kind, medium.k, axis) for axis in range(3))
        self._frozen_faces = tuple(_faces(medium, kind, medium.k_frozen, axis) for axis in range(3))
        self._e = np.zeros(self._gain.shape, np.float32)
        self._A, self._B, self._An, self._Bn = (np.zeros_like(self._e) for _ in range(4))
        self._A[...] = self._An[...] = self._blood
        self._cold = np.full(self._e.shape[:2], steps.NEVER)
        free = self._free > 0
        mild, stiff = _around(self._faces), _around(self._frozen_faces)
        self._rate = np.where(free, self._gain * (mild + self._W), 0.0)
        frozen = self._gain * self._thermal[1] * np.maximum(mild, stiff)
        self._stiff = np.where(free, np.maximum(self._rate, frozen), 0.0)
        self._whole = np.array([part for n in kind.shape for part in (1, n + 1)], np.int64)
        self._q, self._heated = np.zeros_like(self._e), False
        self._joules = NOT_COUNTED
        self._laid: tuple[object, _Layout] | None = None
        self._lump: _Metal | None = None
        self._nk = len(self._e[0, 0])  # of a row, with its two outer cells
        self._metal = np.flatnonzero(_padded(kind == METAL, False))

    def _heads(self) -> tuple[np.float32, F32]:
        return self._blood, self._band

    def _keep_watch(self) -> None:
        if len(self._watched):
            self._seen.append((self.time_s, self.T[tuple(self._watched.T)]))

    def _energies(self) -> F64:
        """J in free cells, and what has flowed into held cells and into gas."""
        if self._joules is NOT_COUNTED:
            sums = np.zeros((len(self.T), 3))
            self._share(
                lambda first, last: steps.joules(first, last, self._e, self._c, self._keeps, sums),
                self._whole,
            )
            self._joules = sums.sum(axis=0) * self._cell_m3
        return self._joules

    def _share(self, rows: Callable[[int, int], None], region: I64) -> None:
        """Call ``rows(first, last)`` on pieces of the i of a region."""
        n = int(region[1] - region[0])
        in_parts(rows, n, min(n, worth(_cells(region), WORTH, self.threads)))

    def _take(self, heat: Real | None) -> tuple[float, I64]:
        """Lay out a source; its sum over all cells [W/m3], and the box where it is."""
        sums, rows = np.zeros(len(self.T)), np.zeros((len(self.T), 4), np.int64)
        if heat is not None:
            given = np.asarray(heat)
            if given.shape != self.T.shape:
                raise BadInput(f"heat is {given.shape}, the medium is {self.T.shape}")
            self._share(
                lambda first, last: steps.take(first, last, given, self._keeps, self._q, sums, rows),
                self._whole,
            )
        elif self._heated:
            self._q[...] = 0.0
        self._heated = heat is not None
        return float(sums.sum()), _joined(rows, 1)


class _Layout:
    """Cells that probes hold, and what these leave."""

    def __init__(self, b: Bioheat, probes: tuple[LineProbe, ...]) -> None:
        self.probes = [_Held(b, probe) for probe in probes]
        core = np.unique(np.concatenate([np.zeros(0, np.int64), *(probe.flat for probe in self.probes)]))
        fixed = b._keeps > 0
        fixed.ravel()[core] = fixed.ravel()[b._metal] = True
        self.fixed_at, self.fixed = _by_row(fixed)
        self.free, self.rate, self.stiff, self.box = b._free, b._rate, b._stiff, NOTHING
        if len(core):
            self.free, self.rate, self.stiff = self.free.copy(), self.rate.copy(), self.stiff.copy()
            for part in (self.free, self.rate, self.stiff):
                part.ravel()[core] = 0
            at = np.unravel_index(core, b._e.shape)
            self.box = np.array([part for n in at for part in (n.min(), n.max() + 1)], np.int64)


class _Run:
    """One run: its window, its long and short steps, and what its probes took."""

    def __init__(self, b: Bioheat, seconds: float, heat: Real | None, probes: tuple[LineProbe, ...]) -> None:
        self.b, self.seconds, self.taken_J, self.fastest = b, seconds, 0.0, -1.0
        places = tuple((probe.start, probe.end, probe.radius_mm) for probe in probes)
        if b._laid is None or b._laid[0] != places:
            b._laid = places, _Layout(b, probes)
        self.layout = b._laid[1]
        self.probes = self.layout.probes
        for held, probe in zip(self.probes, probes, strict=True):
            held.probe = probe
        self.icy = any(probe.wall_degC < b.medium.band_degC[1] for probe in probes)
        self.heat_W, heated = b._take(heat)
        for held in self.probes:
            held.heated()
        self.blood_in = np.zeros(b._cold.shape)
        self.before = b._energies()
        b._joules = NOT_COUNTED
        b._cold[...] = steps.NEVER
        then = b._window
        rows = np.zeros((int(then[1] - then[0]), 4), np.int64)
        b._share(
            lambda first, last: steps.survey(
                first,
                last,
                then,
                b._A,
                b._B,
                b._An,
                b._Bn,
                b._blood,
                np.float32(STILL_K),
                b._now,
                b._cold,
                rows,
            ),
            then,
        )
        moving = _both(_both(_joined(rows, then[0]), heated), self.layout.box)
        b._window = _grown(moving, MARGIN, b._whole) if _cells(moving) else b._whole

    def go(self, on_step: OnStep | None) -> None:
        """Take the steps."""
        b = self.b
        done, since, count = 0.0, 0.0, 0
        for probe in self.probes:
            self.taken_J += probe.hold(b._A, b._B, inf if probe.probe.cooling_W is None else 0.0)
        while done < self.seconds * (1.0 - 1e-12):
            dt = self._long_step(self.seconds - done)
            cold = self._step(dt)
            b._A, b._An, b._B, b._Bn = b._An, b._A, b._Bn, b._B
            done, since, count = done + dt, since + dt, count + 1
            if cold or count % 2 == 0:
                self._follow()
            if since >= LOOK_S or done >= self.seconds * (1.0 - 1e-12):
                b.time_s += since
                self._look(since)
                since = 0.0
                if on_step is not None and not on_step(count, b.time_s):
                    raise Cancelled(f"stopped after {b.time_s:.1f} s of heat or cold")

    def audit(self) -> Audit:
        """What went where."""
        b = self.b
        stored, edge, wall = (float(part) for part in b._energies() - self.before)
        heat = self.heat_W * b._cell_m3 * self.seconds
        perfusion = float(self.blood_in.sum()) * b._cell_m3
        parts = (stored, -heat, -perfusion, edge, wall, self.taken_J)
        error = abs(sum(parts)) / max(max(map(abs, parts)), 1e-12)
        walls = tuple(probe.wall for probe in self.probes)
        return Audit(stored, heat, perfusion, -edge, -self.taken_J, -wall, error, walls)

    def _long_step(self, left: float) -> float:
        if self.fastest < 0.0:
            self.fastest = float(self.layout.rate[_slices(self.b._window)].max(initial=0.0))
        longest = SAFETY / self.fastest if self.fastest > 0.0 else left
        return left / ceil(left / longest - 1e-9)

    def _step(self, dt: float) -> bool:
        """One long step of the window, and within it short ones of what is frozen; whether anything is."""
        b = self.b
        box = self._cold_box()
        self._metal(dt)
        if box is None:
            self._stir(self.b._window, NOTHING, dt, b._A, b._B, b._An, b._Bn)
            self._hold(dt, b._An, b._Bn)
            return False
        fastest = float(self.layout.stiff[_slices(box)].max())
        short = max(1, ceil(dt * fastest / (2.0 * SAFETY) - 1e-9)) * 2
        out = np.zeros(2 * sum(_area(box)))
        old, new = (b._A, b._B), (b._An, b._Bn)
        steps.copy_rim(box, *old, *new)
        for _ in range(short):
            steps.exchange(box, dt / short, *old, b._faces, b._frozen_faces, out)
            self._stir(box, NOTHING, dt / short, *old, *new)
            self._hold(dt / short, *new)
            old, new = new, old
        self._stir(self.b._window, box, dt, *old, *new)
        steps.reflux(
            box, dt, *old, *new, b._e, b._gain, b._faces, b._frozen_faces, out, self.layout.free, b._cold,
            b._now, b._thermal, b._blood, b._band, np.float32(b.medium.dried),
        )  # fmt: skip
        for a, c in zip(old, new, strict=True):
            c[_slices(box)] = a[_slices(box)]
        return True

    def _stir(self, region: I64, hole: I64, dt: float, A: F32, B: F32, An: F32, Bn: F32) -> None:
        b, layout = self.b, self.layout
        b._now += 1

        def rows(first: int, last: int) -> None:
            steps.stir(
                region[0] + first, region[0] + last, region, hole, b._now, np.float32(dt), b._blood, A, B, An,
                Bn, b._e, b._gain, b._W, b._q, b._faces, b._frozen_faces, b._cold, layout.fixed_at,
                layout.fixed, b._thermal, b._band, np.float32(b.medium.dried), self.blood_in,
            )  # fmt: skip

        b._share(rows, region)

    def _hold(self, dt: float, A: F32, B: F32) -> None:
        for probe in self.probes:
            most = inf if probe.probe.cooling_W is None else probe.probe.cooling_W * dt
            self.taken_J += probe.hold(A, B, most)

    def _metal(self, dt: float) -> None:
        """Temperatures that metal has at the end of a step: it conducts within itself implicitly."""
        if len(self.b._metal) == 0:
            return
        if self.b._lump is None or self.b._lump.dt != dt:
            self.b._lump = _Metal(self.b, dt)
        self.b._lump.solve(self.b)

    def _cold_box(self) -> I64 | None:
        """Where steps are short; None: nowhere."""
        box = self.layout.box.copy()
        if not (self.icy and _cells(box)):
            box[::2] = self.b._whole[1::2]
        steps.cold_box(self.b._window, self.b._B, self.b._cold, box)
        return _grown(box, COLD_MARGIN, self.b._window) if _cells(box) else None

    def _follow(self) -> None:
        """Widen the window where something moves near its sides."""
        if (self.b._window == self.b._whole).all():
            return
        b = self.b
        if steps.stirs_near_a_side(self.b._window, self.b._whole, b._A, b._B, b._blood, np.float32(STILL_K)):
            self.b._window, self.fastest = _grown(self.b._window, MARGIN, self.b._whole), -1.0

    def _look(self, seconds: float) -> None:
        b = self.b
        sets = np.array([(np.log(A), energy) for A, energy in b.sets.values()]).reshape(-1, 2)

        def rows(first: int, last: int) -> None:
            steps.look(
                b._window[0] + first, b._window[0] + last, b._window, seconds, b._A, b._B, b._W, b.T, b.T_max,
                b.T_min, b.cem43, b.omega, sets, DEAD_CEM43_MIN, np.float32(b.medium.dried),
            )  # fmt: skip

        b._share(rows, self.b._window)
        b._keep_watch()


class _Held:
    """Cells that a probe holds, and those that it is coupled to."""

    def __init__(self, b: Bioheat, probe: LineProbe) -> None:
        self.b, self.probe, self.wall = b, probe, probe.wall_degC
        spacing = np.asarray(b.medium.spacing_mm, np.float64)
        start, end = (np.asarray(tip, np.float64) * spacing for tip in (probe.start, probe.end))
        length = float(np.linalg.norm(end - start))
        if not (length > 0.0 and probe.radius_mm > 0.0):
            raise BadInput("a probe has a length and a radius")
        edge = float(spacing.max())
        if probe.radius_mm >= CORE * edge:
            raise BadInput(
                f"a probe of radius {probe.radius_mm} mm is not thinner than {CORE} voxels of {edge} mm"
            )
        shape = np.array(b.T.shape)
        low = np.clip(np.floor((np.minimum(start, end)) / spacing - RING - 1).astype(int), 0, shape)
        high = np.clip(np.ceil((np.maximum(start, end)) / spacing + RING + 2).astype(int), 0, shape)
        at = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1).reshape(-1, 3)
        along = (at * spacing - start) @ (end - start) / length
        away = np.linalg.norm(at * spacing - start - np.outer(along, (end - start) / length), axis=1)
        tissue = b._kind[tuple(at.T)] == TISSUE
        beside = (along >= 0.0) & (along <= length) & tissue
        sections = max(1, round(length / edge))
        section = np.clip((along / length * sections).astype(int), 0, sections - 1)
        core, ring = beside & (away < CORE * edge), beside & (away >= CORE * edge) & (away < RING * edge)
        seen = np.unique(section[ring])
        if not core.any() or len(seen) == 0:
            raise BadInput("a probe has no tissue around it on this grid")
        nearest = np.abs(section[:, None] - seen).argmin(axis=1)
        logs = np.log(np.maximum(away, probe.radius_mm) / probe.radius_mm)
        count = np.bincount(nearest[ring], minlength=len(seen))
        ring_log = np.bincount(nearest[ring], logs[ring], minlength=len(seen)) / count
        self.core = np.column_stack([at[core] + 1, nearest[core]]).astype(np.int64)
        self.ring = np.column_stack([at[ring] + 1, nearest[ring]]).astype(np.int64)
        self.weight = logs[core] / ring_log[nearest[core]]
        self.flat = np.ravel_multi_index(tuple(self.core[:, :3].T), b._e.shape)
        self.heat_J = b._c.ravel()[self.flat] * b._cell_m3
        self.sections = np.zeros((len(seen), 3))
        # of a source that falls as 1/r^2, C in W/m: (C / 2) s (S - s), s = ln(r / a), S = ln(ring / a)
        metres = 1e-3 * length / sections
        cells = np.bincount(self.core[:, 3], minlength=len(seen))
        wide = np.sqrt(cells * b._cell_m3 / (np.pi * metres)) / (1e-3 * probe.radius_mm)
        spread = np.where(wide > 1.1, 2.0 * np.pi * metres * np.log(np.maximum(wide, 1.1)), inf)
        across = ring_log[self.core[:, 3]]
        self.lift = 0.5 * across**2 * self.weight * (1.0 - self.weight) / spread[self.core[:, 3]]
        self.bump = np.zeros(len(self.core))

    def heated(self) -> None:
        """Take up what a source leaves in the cells that it holds."""
        watts = (
            np.bincount(self.core[:, 3], self.b._q.ravel()[self.flat], len(self.sections)) * self.b._cell_m3
        )
        self.bump = self.lift * watts[self.core[:, 3]]

    def hold(self, A: F32, B: F32, most_J: float) -> float:
        """Set the cells; J taken away."""
        b = self.b
        taken, self.wall = steps.hold_probe(
            self.probe.wall_degC, most_J, self.core, self.weight, self.bump, self.heat_J, self.ring,
            b._k, b._k_frozen, self.sections, A, B, b._e, b._cold, b._now, b._thermal, b._blood, b._band,
        )  # fmt: skip
        return float(taken)


class _Metal:
    """Heat within metal over one step: (C / dt + K) T' = C T / dt + h T_around, factored once."""

    def __init__(self, b: Bioheat, dt: float) -> None:
        from scipy.sparse import csc_matrix
        from scipy.sparse.linalg import splu

        self.dt = dt
        cells = b._metal
        number = np.full(b._e.size, -1)
        number[cells] = np.arange(len(cells))
        self.store = b._c.ravel()[cells] / dt
        diagonal = self.store.copy()
        entries = []
        self.around: list[tuple[Indices, Indices, F64]] = []
        for axis, stride in enumerate(np.array(b._e.strides) // 4):
            for way in (-1, 1):
                other = cells + way * stride
                face = cells if way > 0 else other
                h = np.maximum(b._faces[axis].ravel()[face], b._frozen_faces[axis].ravel()[face]).astype(
                    np.float64
                )
                diagonal += h
                metal = number[other] >= 0
                entries.append((np.flatnonzero(metal), number[other[metal]], -h[metal]))
                self.around.append((np.flatnonzero(~metal), other[~metal], h[~metal]))
        rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
        n = np.arange(len(cells))
        matrix = csc_matrix(
            (np.r_[diagonal, values], (np.r_[n, rows], np.r_[n, columns])), shape=(len(n), len(n))
        )
        self.solver = splu(matrix)

    def solve(self, b: Bioheat) -> None:
        """Set A and B of metal; its e counts what really flows."""
        A, B = b._A.ravel(), b._B.ravel()
        right = self.store * (b._blood + b._e.ravel()[b._metal].astype(np.float64))
        for rows, other, h in self.around:
            right[rows] += h * (A[other] + B[other])
        T = self.solver.solve(right)
        below, above = b._band
        drop = np.clip(above - T, 0.0, above - below)
        split = -(drop**2) / (2.0 * (above - below)) - np.maximum(below - T, 0.0)
        A[b._metal], B[b._metal] = T - split, split
        rows = b._metal[split < 0.0] // b._nk
        cold = b._cold.ravel()
        cold[rows] = np.minimum(cold[rows], b._now)


NOTHING = np.zeros(6, np.int64)


def _edged(kind: U8, edge: str) -> U8:
    """Kinds with the outermost cells held."""
    out = np.array(kind, np.uint8)
    if edge == "held":
        shell = np.ones(out.shape, dtype=bool)
        shell[1:-1, 1:-1, 1:-1] = False
        out[shell & (out != WALL)] = HELD
    return out


def _padded(values: Real | Bool | U8, outside: float, dtype: type = np.float32) -> Real:
    """With one cell more on every side."""
    values = np.asarray(values)
    kind = values.dtype if values.dtype in (np.bool_, np.uint8) else dtype
    out = np.full([n + 2 for n in values.shape], outside, kind)
    out[_inside(values.shape)] = values
    return out


def _inside(shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(1, n + 1) for n in shape)


def _faces(medium: HeatMedium, kind: U8, k: Real, axis: int) -> F32:
    """W/(m3 K) between a cell and the next along an axis, padded; 0 between cells that keep their T."""
    dx = medium.spacing_mm[axis] * 1e-3
    robin = 1.0 / medium.wall_h if medium.wall_h > 0.0 else inf
    resists = np.moveaxis(np.where(kind == WALL, robin, 0.5 * dx / np.asarray(k, np.float64)), axis, 0)
    keeps = np.moveaxis((kind == WALL) | (kind == HELD), axis, 0)
    through = 1.0 / (resists[:-1] + resists[1:]) / dx
    through[keeps[:-1] & keeps[1:]] = 0.0
    out = np.zeros([n + 2 for n in k.shape], np.float32)
    np.moveaxis(out, axis, 0)[1:-2, 1:-1, 1:-1] = through
    return out


def _around(faces: tuple[F32, ...]) -> F32:
    """Sum of a cell's six faces."""
    total = np.zeros_like(faces[0])
    for axis, face in enumerate(faces):
        total += face
        along, to = np.moveaxis(face, axis, 0), np.moveaxis(total, axis, 0)
        to[1:] += along[:-1]
    return total


def _by_row(fixed: Bool) -> tuple[I64, I64]:
    """k of the cells that keep their T, row by row, and where each row (i, j) starts: (ni, nj + 1)."""
    ni, nj, nk = fixed.shape
    flat = np.flatnonzero(fixed)
    starts = np.r_[0, np.cumsum(fixed.sum(axis=2).ravel())]
    at = np.empty((ni, nj + 1), np.int64)
    at[:, :nj], at[:, nj] = starts[:-1].reshape(ni, nj), starts[nj::nj]
    return at, flat % nk


def _joined(rows: I64, first: int) -> I64:
    """(6,) box of (n, 4) first and last + 1 of j and k of rows i from ``first``; 0 where nothing is."""
    there = np.flatnonzero(rows[:, 1])
    if len(there) == 0:
        return NOTHING
    low, high = rows[there].min(axis=0), rows[there].max(axis=0)
    return np.array([first + there[0], first + there[-1] + 1, low[0], high[1], low[2], high[3]], np.int64)


def _both(box: I64, other: I64) -> I64:
    """The box around two."""
    if not (_cells(box) and _cells(other)):
        return box if _cells(box) else other
    out = np.minimum(box, other)
    out[1::2] = np.maximum(box[1::2], other[1::2])
    return out


def _cells(box: I64) -> int:
    """How many cells a box holds."""
    return int(np.prod(np.maximum(box[1::2] - box[::2], 0)))


def _grown(box: I64, by: int, within: I64) -> I64:
    out = box.copy()
    out[::2] = np.maximum(box[::2] - by, within[::2])
    out[1::2] = np.minimum(box[1::2] + by, within[1::2])
    return out


def _slices(box: I64) -> tuple[slice, ...]:
    return tuple(slice(*box[2 * axis : 2 * axis + 2]) for axis in range(3))


def _area(box: I64) -> tuple[int, int, int]:
    """Cells of a side of a box, across each axis."""
    i, j, k = (int(n) for n in box[1::2] - box[::2])
    return j * k, i * k, i * j
