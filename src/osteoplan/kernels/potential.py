"""The potential of a steady flow through cells of any conductivity: electric field, or pressure in marrow.

    sum over faces of G (V_n - V) + leak (V_e - V) + source = 0      G = A / (h/(2 sigma_a) + h/(2 sigma_b))

Cell-centred, seven points, harmonic across faces, any three edges.  Cells may be *held* at a potential,
*leak* to one through a conductance of their own (a thin electrode, a body that goes on beyond the grid) or
hold a source; no flow leaves the outer edge but by a leak.

Conjugate gradients with a multigrid of blocks of cells: one red-black sweep down, one up, W-cycle.  Constants
per block make a coarse flow too stiff by two in an even medium and right where blocks are pieces of metal in
gas: a coarse face takes the cells' resistance in series, and at least half of its faces' sum (Braess 1995,
Computing 55:379-393 for the factor).  Single precision inside, double outside; every cell is written by one
thread, and sums run in one order, so that the count of threads changes no bit.
Tests: tests/analytic/test_potential.py (twin in SciPy's sparse matrices).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from numba import njit

from osteoplan.arrays import F32, F64, Mask, Real
from osteoplan.errors import BadInput, NotConverged
from osteoplan.kernels.krylov import conjugate_gradients, require_goal, total
from osteoplan.kernels.threads import shared_out

__all__ = ["Conductor", "Potential", "edge_leak", "line_leak", "potential"]

SMALLEST = 64  # cells: smoothed to the end instead of coarsened
COARSEST_SWEEPS = 8  # of so few cells
STRETCH = 1.5  # an axis with longer cells waits until the others have caught up
THREAD_CELLS = 40_000  # fewer are done before a second thread has woken up
RIM = 0.75  # voxels around a thin electrode over which its current enters: see ``line_leak``
PARTS = 4  # per axis: samples of a cell for its share of a cylinder

Faces = tuple[Real, Real, Real]


@dataclass(frozen=True, eq=False)
class Potential:
    """A solution.

    Attributes:
        V: (ni, nj, nk) potential [V] of cell centres.
        currents_A: (ni, nj, nk) current that enters each cell by its leak or, in a held cell, leaves the
            held cell for its neighbours; an electrode's current is the sum over its cells.
        heat_W: (ni, nj, nk) what the flow turns into heat in each cell; a face's share goes by resistance.
        iterations, residual: steps taken, and the true relative residual.
    """

    V: F64
    currents_A: F64
    heat_W: F64
    iterations: int
    residual: float


def potential(
    sigma: Real,
    spacing_mm: npt.ArrayLike,
    *,
    held: Mask | None = None,
    volts: Real | float = 0.0,
    leak: Real | None = None,
    leak_volts: Real | float = 0.0,
    source_A: Real | None = None,
    tolerance: float = 1e-6,
    start: Real | None = None,
    max_iterations: int = 100,
    threads: int = 0,
) -> Potential:
    """Solve once; arguments are those of ``Conductor`` and ``Conductor.solve``."""
    conductor = Conductor(sigma, spacing_mm, held=held, leak=leak, threads=threads)
    return conductor.solve(
        volts=volts, leak_volts=leak_volts, source_A=source_A, tolerance=tolerance, start=start,
        max_iterations=max_iterations,
    )  # fmt: skip


class Conductor:
    """Cells, what holds them, and the grids that solve for them; several potentials can be asked of one.

    Args:
        sigma: (ni, nj, nk) conductivity [S/m] (or mobility [m2/(Pa s)]); 0 insulates.
        spacing_mm: (3,) edges of a cell.
        held: (ni, nj, nk) cells whose potential is given.
        leak: (ni, nj, nk) conductance [S] from a cell to a given potential.
        threads: how many at most; 0 for every core.

    Raises:
        BadInput: shapes that differ, or numbers that are not finite or below 0.
    """

    def __init__(
        self,
        sigma: Real,
        spacing_mm: npt.ArrayLike,
        *,
        held: Mask | None = None,
        leak: Real | None = None,
        threads: int = 0,
    ) -> None:
        spacing = np.asarray(spacing_mm, dtype=np.float64)
        self.shape, self.threads = sigma.shape, threads
        self._sigma = _padded(_good("conductivity", sigma, sigma.shape))
        self._held = np.zeros(self._sigma.shape, dtype=bool)
        if held is not None:
            self._held[1:-1, 1:-1, 1:-1] = _good("held", held, sigma.shape)
        self._leak = _padded(np.zeros(sigma.shape) if leak is None else _good("leak", leak, sigma.shape))
        self._leak[self._held] = 0.0
        metres = spacing * 1e-3
        areas = metres.prod() / metres**2  # face over distance
        self._faces = _faces(self._sigma, areas)
        free, self._to_held = _free_faces(self._faces, self._held)
        self._grids = _grids(free, (self._leak + self._to_held).astype(np.float32), spacing, threads)

    def solve(
        self,
        *,
        volts: Real | float = 0.0,
        leak_volts: Real | float = 0.0,
        source_A: Real | None = None,
        tolerance: float = 1e-6,
        start: Real | None = None,
        max_iterations: int = 100,
    ) -> Potential:
        """The potential for these values.

        Args:
            volts: (ni, nj, nk) or one: of the held cells.
            leak_volts: (ni, nj, nk) or one: what a cell's leak leads to.
            source_A: (ni, nj, nk) current put into a cell.
            tolerance: relative residual.
            start: (ni, nj, nk) guess, such as the last potential.

        Raises:
            BadInput: a tolerance that means nothing, or numbers that are not finite.
            NotConverged: the residual is above the tolerance after ``max_iterations``.
        """
        require_goal(tolerance, max_iterations)
        whole = self._over_all
        V = np.where(self._held, whole("volts", volts), 0.0)
        ends = whole("leak_volts", leak_volts)
        fine = self._grids[0]
        b = (
            self._leak * ends
            - fine.off(V, self._faces)
            + whole("source", 0.0 if source_A is None else source_A)
        )
        b[(fine.inverse == 0.0)] = 0.0  # held, or joined to nothing
        scale = float(np.sqrt(total(b, b)))
        x = np.zeros_like(b)
        if start is not None:
            x[1:-1, 1:-1, 1:-1] = _good("start", start, self.shape, signed=True)
            x[fine.inverse == 0.0] = 0.0
        done, rest = 0, b - fine.times(x)
        while (norm := float(np.sqrt(total(rest, rest)))) > tolerance * scale and done < max_iterations:
            dx, steps = conjugate_gradients(
                fine.times, self._improve, rest, goal=tolerance * scale, most=max_iterations - done
            )
            x, done = x + dx, done + steps
            rest = b - fine.times(x)
        residual = norm / scale if scale else 0.0
        if not residual <= tolerance:
            raise NotConverged("potential", residual=residual, tolerance=tolerance, iterations=done)
        return self._result(V + x, ends, done, residual)

    def _result(self, V: F64, ends: F64, iterations: int, residual: float) -> Potential:
        into = self._leak * (ends - V)
        heat = into * (ends - V)
        Gx, Gy, Gz = self._faces
        out = np.zeros_like(V)
        _dissipate(self._sigma, Gx, Gy, Gz, V, self._held, heat, out)
        into += out
        inner = (slice(1, -1),) * 3
        V, into, heat = (np.ascontiguousarray(a[inner]) for a in (V, into, heat))
        return Potential(V, into, heat, iterations, residual)

    def _improve(self, r: F64) -> F32:
        """One W-cycle."""
        fine = self._grids[0]
        fine.r[...] = r
        _cycle(self._grids, 0, fresh=True)
        return fine.x

    def _over_all(self, what: str, values: Real | float) -> F64:
        return _padded(_good(what, np.broadcast_to(np.asarray(values), self.shape), self.shape, signed=True))


def edge_leak(sigma: Real, spacing_mm: npt.ArrayLike, *, far_from: npt.ArrayLike | None = None) -> F64:
    """(ni, nj, nk) conductance [S] from each outermost cell through its outer faces.

    Args:
        sigma: (ni, nj, nk) conductivity [S/m].
        spacing_mm: (3,) edges.
        far_from: (3,) voxel indices; the medium goes on beyond the grid without end and the potential falls
            as 1/r from there, sigma V (r.n)/r^2 through a face.  None: the faces themselves are held.
    """
    h = np.asarray(spacing_mm, dtype=np.float64) * 1e-3
    out = np.zeros(sigma.shape)
    for axis in range(3):
        area = h.prod() / h[axis]
        for end in (0, -1):
            at: list[slice | int] = [slice(None)] * 3
            at[axis] = end
            if far_from is None:
                gain: F64 | float = 2.0 / h[axis]
            else:
                corner = np.array([0 if a != axis or end == 0 else n - 1 for a, n in enumerate(sigma.shape)])
                away = [
                    (np.arange(n if a != axis else 1) + corner[a] - far) * h[a]
                    + (0.0 if a != axis else h[a] * (0.5 if end else -0.5))
                    for a, (n, far) in enumerate(zip(sigma.shape, np.asarray(far_from, float), strict=True))
                ]
                x, y, z = np.meshgrid(*away, indexing="ij")
                square = x * x + y * y + z * z
                own = np.abs((x, y, z)[axis])
                gain = (own / (square + 0.5 * own * h[axis])).squeeze(axis)  # with half a cell in series
            out[tuple(at)] += area * gain * sigma[tuple(at)]
    return out


def line_leak(
    sigma: Real,
    spacing_mm: npt.ArrayLike,
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    radius_mm: float | Callable[[F64], F64],
) -> F64:
    """(ni, nj, nk) conductance [S] by which a straight electrode feeds the cells around it.

    A cell on a line would act as a wire of 0.2 voxels whatever the electrode's radius a.  Here each cell
    leaks to the electrode with sigma (x/rho)^2 per volume inside a radius rho = a + 0.75 voxels, which solves
    as I0(x r/rho); the field outside is that of a held cylinder of radius a where

        x I1(x) / I0(x) = 1 / ln(rho / a)

    Args:
        sigma: (ni, nj, nk) conductivity [S/m].
        spacing_mm: (3,) edges.
        start, end: (3,) voxel indices of the electrode's two ends, between cells too.
        radius_mm: a; or of the place along it, 0 to 1, for one that is not a cylinder.

    Raises:
        BadInput: no length, no radius, or an electrode that meets no cell.
    """
    h = np.asarray(spacing_mm, dtype=np.float64)
    ends = np.array([start, end], dtype=np.float64) * h
    of = radius_mm if callable(radius_mm) else (lambda t: np.full_like(t, radius_mm))
    rim = RIM * float(np.cbrt(h.prod()))
    thickest = float(of(np.linspace(0.0, 1.0, 65)).max())
    if not (np.isfinite(thickest) and thickest > 0.0 and (ends[0] != ends[1]).any()):
        raise BadInput(
            f"an electrode of radius {thickest:g} mm between {ends[0]} and {ends[1]} mm: it has no surface"
        )
    near, t, r = _samples(sigma.shape, h, ends, thickest + rim)
    a = of(t.clip(0.0, 1.0))
    rho = a + rim
    inside = (r <= rho) & (t >= 0.0) & (t <= 1.0)
    if not inside.any():
        raise BadInput("an electrode lies outside the grid")
    x = _order_of(rho / np.maximum(a, 1e-3 * rim))
    density = np.where(inside, (x / rho) ** 2, 0.0).mean(axis=-1)  # 1/mm2
    out = np.zeros(sigma.shape)
    out[near] = sigma[near] * density * h.prod() * 1e-3
    return out


def _samples(shape: tuple[int, ...], h: F64, ends: F64, reach: float) -> tuple[tuple[slice, ...], F64, F64]:
    """Cells near a line, and of samples within each: place along it (0 to 1) and distance from its axis."""
    low = np.maximum(np.floor((ends.min(axis=0) - reach) / h), 0).astype(int)
    high = np.minimum(np.ceil((ends.max(axis=0) + reach) / h) + 1, shape).astype(int)
    if (high <= low).any():
        raise BadInput("an electrode lies outside the grid")
    within = (np.arange(PARTS) + 0.5) / PARTS - 0.5
    along = [(np.arange(a, b)[:, None] + within).ravel() * d for a, b, d in zip(low, high, h, strict=True)]
    points = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1) - ends[0]
    way = ends[1] - ends[0]
    length = float(np.linalg.norm(way))
    t = points @ way / length**2
    r = np.linalg.norm(points - t[..., None] * way, axis=-1)
    n = high - low

    def by_cell(values: F64) -> F64:
        cut = values.reshape(n[0], PARTS, n[1], PARTS, n[2], PARTS)
        return cut.transpose(0, 2, 4, 1, 3, 5).reshape(*n, PARTS**3)

    return tuple(slice(a, b) for a, b in zip(low, high, strict=True)), by_cell(t), by_cell(r)


def _order_of(ratio: F64) -> F64:
    """The x with x I1(x) / I0(x) = 1 / ln(ratio); x - 1/2 far out."""
    from scipy.special import i0e, i1e  # late: a kernel loads without scipy

    x = np.linspace(0.0, 30.0, 3001)
    quotient = x * i1e(x) / i0e(x)
    wanted = 1.0 / np.log(ratio)
    return np.asarray(np.where(wanted < quotient[-1], np.interp(wanted, quotient, x), wanted + 0.5))


@dataclass(frozen=True, eq=False)
class _Grid:
    """One grid; arrays have a rim of one empty cell, and a face of [i] lies between i and i + 1."""

    faces: Faces
    inverse: F32  # of the sum of a cell's conductances; 0: held, or joined to nothing
    leak: F32
    x: F32
    r: F32
    factors: tuple[int, int, int]  # to the next grid
    threads: int

    @property
    def cells(self) -> int:
        return self.x.size

    def each_plane(self, work: Callable[[int, int], None], planes: int) -> None:
        shared_out(work, planes, least=max(1, THREAD_CELLS * planes // self.cells), threads=self.threads)

    def times(self, x: F64) -> F64:
        """A x."""
        out = np.zeros_like(x)
        self.each_plane(
            lambda a, b: _times(a, b, *self.faces, self.inverse, self.leak, x, out), x.shape[0] - 2
        )
        return out

    def off(self, V: F64, faces: Faces) -> F64:
        """What the held cells' potentials give to the others, with a minus sign."""
        out = np.zeros_like(V)
        none = np.zeros_like(self.leak)
        self.each_plane(lambda a, b: _times(a, b, *faces, self.inverse, none, V, out), V.shape[0] - 2)
        return out

    def smooth(self, *, up: bool) -> None:
        """A red-black sweep; black before red on the way up, so that the cycle is its own mirror image."""
        for colour in (1, 0) if up else (0, 1):
            self.each_plane(partial(self._sweep, colour), self.x.shape[0] - 2)

    def _sweep(self, colour: int, first: int, last: int) -> None:
        _sweep(first, last, colour, *self.faces, self.inverse, self.r, self.x)


def _cycle(grids: list[_Grid], level: int, *, fresh: bool) -> None:
    """x improved for the r of a grid; ``fresh``: from nothing."""
    own = grids[level]
    if fresh:
        own.x[...] = 0.0
    if level == len(grids) - 1:
        for up in (False, True) * COARSEST_SWEEPS:
            own.smooth(up=up)
        return
    coarse = grids[level + 1]
    own.smooth(up=False)
    coarse.each_plane(
        lambda a, b: _restrict(a, b, own.factors, *own.faces, own.inverse, own.r, own.x, coarse.r),
        coarse.x.shape[0] - 2,
    )
    for fresh_there in (True, False):
        _cycle(grids, level + 1, fresh=fresh_there)
    own.each_plane(lambda a, b: _prolong(a, b, own.factors, coarse.x, own.x), own.x.shape[0] - 2)
    own.smooth(up=True)


def _grids(faces: Faces, leak: F32, spacing: F64, threads: int) -> list[_Grid]:
    grids: list[_Grid] = []
    h = spacing.copy()
    while True:
        shape = np.array(leak.shape) - 2
        long = shape > 1
        least = h[long].min(initial=np.inf)
        factors = np.where(long & (h <= STRETCH * least), 2, 1)
        ways = (int(factors[0]), int(factors[1]), int(factors[2]))
        inverse = _inverses(*faces, leak)
        grids.append(_Grid(faces, inverse, leak, np.zeros_like(leak), np.zeros_like(leak), ways, threads))
        if shape.prod() <= SMALLEST or factors.max() == 1:
            return grids
        above = -(-shape // factors) + 2
        made = [np.zeros(above, dtype=np.float32) for _ in range(4)]
        _coarsen(ways, *faces, leak, *made)
        faces, leak, h = (made[0], made[1], made[2]), made[3], h * factors


def _faces(sigma: F64, areas: F64) -> Faces:
    """Conductances of the faces [S]; areas: (3,) of a face, over the distance across it [m]."""
    made = []
    for axis in range(3):
        other = np.roll(sigma, -1, axis=axis)
        with np.errstate(invalid="ignore", divide="ignore"):
            G = np.where((sigma > 0.0) & (other > 0.0), 2.0 * areas[axis] / (1.0 / sigma + 1.0 / other), 0.0)
        made.append(G.astype(np.float32))
    return made[0], made[1], made[2]


def _free_faces(faces: Faces, held: Mask) -> tuple[Faces, F64]:
    """The faces between cells that are free, and of each free cell what joins it to held ones."""
    free, joined = [], np.zeros(held.shape)
    for axis, G in enumerate(faces):
        other = np.roll(held, -1, axis=axis)
        free.append(np.where(held | other, np.float32(0.0), G))
        joined += np.where(~held & other, G, 0.0) + np.roll(np.where(held & ~other, G, 0.0), 1, axis=axis)
    return (free[0], free[1], free[2]), joined


def _padded(values: Real) -> F64:
    return np.pad(np.asarray(values, dtype=np.float64), 1)


def _good(what: str, values: Real, shape: tuple[int, ...], *, signed: bool = False) -> Real:
    if values.shape != shape or not (np.isfinite(values).all() and (signed or (values >= 0).all())):
        raise BadInput(
            f"{what}: give {' x '.join(map(str, shape))} finite numbers{'' if signed else ', none below 0'}; "
            f"got {' x '.join(map(str, values.shape))}, {np.min(values):g} to {np.max(values):g}"
        )
    return values


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(i0, i1, colour, Gx, Gy, Gz, inverse, r, x):  # type: ignore[no-untyped-def]
    nj, nk = x.shape[1] - 1, x.shape[2] - 1
    for i in range(i0 + 1, i1 + 1):
        for j in range(1, nj):
            for k in range(1 + (i + j + colour + 1) % 2, nk, 2):
                x[i, j, k] = inverse[i, j, k] * (
                    r[i, j, k]
                    + Gx[i - 1, j, k] * x[i - 1, j, k] + Gx[i, j, k] * x[i + 1, j, k]
                    + Gy[i, j - 1, k] * x[i, j - 1, k] + Gy[i, j, k] * x[i, j + 1, k]
                    + Gz[i, j, k - 1] * x[i, j, k - 1] + Gz[i, j, k] * x[i, j, k + 1]
                )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _times(i0, i1, Gx, Gy, Gz, inverse, leak, x, out):  # type: ignore[no-untyped-def]
    nj, nk = x.shape[1] - 1, x.shape[2] - 1
    for i in range(i0 + 1, i1 + 1):
        for j in range(1, nj):
            for k in range(1, nk):
                v = x[i, j, k]
                q = (
                    leak[i, j, k] * v
                    + Gx[i - 1, j, k] * (v - x[i - 1, j, k]) + Gx[i, j, k] * (v - x[i + 1, j, k])
                    + Gy[i, j - 1, k] * (v - x[i, j - 1, k]) + Gy[i, j, k] * (v - x[i, j + 1, k])
                    + Gz[i, j, k - 1] * (v - x[i, j, k - 1]) + Gz[i, j, k] * (v - x[i, j, k + 1])
                )  # fmt: skip
                out[i, j, k] = q if inverse[i, j, k] > 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _restrict(i0, i1, ways, Gx, Gy, Gz, inverse, r, x, out):  # type: ignore[no-untyped-def]
    """out = sum of the rest over each block; after the sweep down only the red cells have a rest."""
    ni, nj, nk = x.shape[0] - 1, x.shape[1] - 1, x.shape[2] - 1
    fi, fj, fk = ways
    for I in range(i0, i1):
        out[I + 1] = 0.0
        for i in range(fi * I + 1, min(fi * I + fi + 1, ni)):
            for j in range(1, nj):
                J = (j - 1) // fj + 1
                for k in range(1 + (i + j + 1) % 2, nk, 2):
                    if inverse[i, j, k] > 0.0:
                        out[I + 1, J, (k - 1) // fk + 1] += (
                            r[i, j, k] - x[i, j, k] / inverse[i, j, k]
                            + Gx[i - 1, j, k] * x[i - 1, j, k] + Gx[i, j, k] * x[i + 1, j, k]
                            + Gy[i, j - 1, k] * x[i, j - 1, k] + Gy[i, j, k] * x[i, j + 1, k]
                            + Gz[i, j, k - 1] * x[i, j, k - 1] + Gz[i, j, k] * x[i, j, k + 1]
                        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _prolong(i0, i1, ways, coarse, x):  # type: ignore[no-untyped-def]
    nj, nk = x.shape[1] - 1, x.shape[2] - 1
    fi, fj, fk = ways
    for i in range(i0 + 1, i1 + 1):
        for j in range(1, nj):
            for k in range(1, nk):
                x[i, j, k] += coarse[(i - 1) // fi + 1, (j - 1) // fj + 1, (k - 1) // fk + 1]


@njit(cache=True, nogil=True, error_model="numpy")
def _inverses(Gx, Gy, Gz, leak):  # type: ignore[no-untyped-def]
    out = np.zeros_like(leak)
    for i in range(1, leak.shape[0] - 1):
        for j in range(1, leak.shape[1] - 1):
            for k in range(1, leak.shape[2] - 1):
                d = (
                    leak[i, j, k] + Gx[i - 1, j, k] + Gx[i, j, k]
                    + Gy[i, j - 1, k] + Gy[i, j, k] + Gz[i, j, k - 1] + Gz[i, j, k]
                )  # fmt: skip
                if d > 0.0:
                    out[i, j, k] = 1.0 / d
    return out


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _in_series(cross, before, after):  # type: ignore[no-untyped-def]
    """A face between two blocks with half of the face inside each; at least half of it alone."""
    if cross == 0.0:
        return cross
    resistance = np.float32(1.0)
    if before > 0.0:
        resistance += np.float32(0.5) * cross / before
    else:
        resistance = np.float32(2.0)
    if after > 0.0:
        resistance += np.float32(0.5) * cross / after
    return cross / min(resistance, np.float32(2.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _coarsen(ways, Gx, Gy, Gz, leak, Cx, Cy, Cz, below):  # type: ignore[no-untyped-def]
    ni, nj, nk = leak.shape[0] - 1, leak.shape[1] - 1, leak.shape[2] - 1
    fi, fj, fk = ways
    for i in range(1, ni):
        I = (i - 1) // fi + 1
        for j in range(1, nj):
            J = (j - 1) // fj + 1
            for k in range(1, nk):
                K = (k - 1) // fk + 1
                below[I, J, K] += leak[i, j, k]
                if i % fi == 0 and i < ni - 1:
                    Cx[I, J, K] += (
                        Gx[i, j, k] if fi == 1 else _in_series(Gx[i, j, k], Gx[i - 1, j, k], Gx[i + 1, j, k])
                    )
                if j % fj == 0 and j < nj - 1:
                    Cy[I, J, K] += (
                        Gy[i, j, k] if fj == 1 else _in_series(Gy[i, j, k], Gy[i, j - 1, k], Gy[i, j + 1, k])
                    )
                if k % fk == 0 and k < nk - 1:
                    Cz[I, J, K] += (
                        Gz[i, j, k] if fk == 1 else _in_series(Gz[i, j, k], Gz[i, j, k - 1], Gz[i, j, k + 1])
                    )


@njit(cache=True, nogil=True, error_model="numpy")
def _share(G, V, W, own, other, held):  # type: ignore[no-untyped-def]
    """What a face turns into heat in its own cell: by the cells' resistances, all of it beside a held one."""
    if G == 0.0:
        return 0.0
    return G * (V - W) ** 2 * (1.0 if held else other / (own + other))


@njit(cache=True, nogil=True, error_model="numpy")
def _dissipate(sigma, Gx, Gy, Gz, V, held, heat, out):  # type: ignore[no-untyped-def]
    """heat += of the faces; out: current of held cells to those that are free."""
    for i in range(1, V.shape[0] - 1):
        for j in range(1, V.shape[1] - 1):
            for k in range(1, V.shape[2] - 1):
                for side in range(6):
                    axis, step = side // 2, 2 * (side % 2) - 1
                    x, y, z = i + step * (axis == 0), j + step * (axis == 1), k + step * (axis == 2)
                    a, b, c = min(i, x), min(j, y), min(k, z)
                    G = Gx[a, b, c] if axis == 0 else (Gy[a, b, c] if axis == 1 else Gz[a, b, c])
                    if not held[i, j, k]:
                        heat[i, j, k] += _share(
                            G, V[i, j, k], V[x, y, z], sigma[i, j, k], sigma[x, y, z], held[x, y, z]
                        )
                    elif not held[x, y, z]:
                        out[i, j, k] += G * (V[i, j, k] - V[x, y, z])
