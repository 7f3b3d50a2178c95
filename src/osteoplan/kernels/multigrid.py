"""Elastic equilibrium by conjugate gradients with geometric multigrid.

    A u = f,  u = g where fixed            A of ``kernels.elasticity``

    pcg (double)     z = M r;  beta = z.(r - r_old) / (z_old.r_old);  p = z + beta p;  alpha = z.r / p.A p
    cycle (single)   smooth;  repeat: x += P cycle(P^T (r - A x));  smooth
                     one coarse visit below the finest grid, two below every other (W)
    coarse grids     the mean of the moduli below, bricks twice as large (along short edges first); below a
                     porous body composite bricks (``kernels.composite``), which weld nothing together
    smoother         Chebyshev polynomial of D^-1 A on [lambda / ratio, lambda], D = diag A; degree 3 on the
                     finest grid, 5 below, 9 on composite grids
    coarsest         its inverse

The finest grid and averaged ones run on lines of nodes (``kernels.rows``); voids carry no unknowns.

A body is porous where the coarse cells that it touches are less than ``FULL`` solid: trabeculae, thin walls.
There the mean of the moduli makes bricks that are too soft for a strain that gathers in one corner (the cycle
may even lose its positivity), and it joins what does not touch; composite grids have the energy of the grid
above.

Sources: Brandt 1977; Adams, Brezina, Hu & Tuminaro 2003 (Chebyshev smoothing); Wathen 1987 (eigenvalues
bounded element by element); Golub & Ye 1999 (beta for an inexact preconditioner).
Tests: tests/analytic/test_elasticity.py, test_multigrid.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from scipy import ndimage

from osteoplan.arrays import F32, F64, U8, Bool, Indices
from osteoplan.errors import Cancelled, NotConverged, OnStep, OsteoplanError
from osteoplan.kernels.beams import Tie
from osteoplan.kernels.composite import Composite, Packed
from osteoplan.kernels.composite_grids import Grid, coarser
from osteoplan.kernels.elasticity import CORNERS, Stiffness, brick_stiffness
from osteoplan.kernels.islands import Deflation, Island, islands
from osteoplan.kernels.rod_motions import RodMotions
from osteoplan.kernels.rows import Rows, add_planes, add_stiffness, brick_of, modal_blocks
from osteoplan.kernels.simd import lanes
from osteoplan.kernels.smoother import Smoother, chebyshev, chebyshev_step
from osteoplan.kernels.transfers import averaged, held_below, inverse_diagonal, prolong, restrict

__all__ = ["Equilibrium", "Hierarchy", "equilibrium"]

Preconditioner = Callable[[F64], F64]

# Shape of the cycle: numbers of mathematics, tuned once (benchmarks/solver.py).
DEGREES = (3, 5)
RATIOS = (12.0, 20.0)
COARSEST_NODES = 150
FULL = 0.85
MOST_PIECES = 50  # each keeps a brick of its own on the coarsest grid, which is inverted
ALIKE = 1.5  # edges that differ by less are coarsened together


@dataclass(frozen=True, eq=False)
class GridLevel(Smoother):
    """One grid of lines: its operator, its smoother, and room to work in.

    Attributes:
        E: cells; inverse: (3, nodes) 1 / D, 0 where nothing may move; bound: of the spectrum of D^-1 A.
        z, d, rest: (3, nodes) correction, last step, what is left of the right-hand side.
    """

    degree = DEGREES[1]
    ratio = RATIOS[1]

    rows: Rows
    blocks: F64
    E: F32
    inverse: F32
    bound: float
    z: F32
    d: F32
    rest: F32

    @classmethod
    def of(cls, rows: Rows, blocks: F64, E: F32, inverse: F32, bound: float) -> GridLevel:
        """With room of its own."""
        z, d, rest = (rows.zeros(np.float32) for _ in range(3))
        return cls(rows, blocks, E, inverse, bound, z, d, rest)

    def take_off(self) -> None:
        """rest -= A d."""
        add_stiffness(self.rows, self.blocks, self.E, self.d, self.rest, factor=-1.0)

    def smooth(self, degree: int, ratio: float, *, last: bool) -> None:
        """At once where the grid is too small for a second thread."""
        if self.rows.parts > 1:
            super().smooth(degree, ratio, last=last)
            return
        rows = self.rows
        _smooth(
            chebyshev(self.bound, degree, ratio), last, rows.planes, rows.at, *rows.of_cells, self.E,
            self._taken_off, lanes(np.float32), self.inverse, self.rest, self.d, self.z,
        )  # fmt: skip

    @cached_property
    def _taken_off(self) -> F32:
        """Entries of -A."""
        return -self.blocks.astype(np.float32)

    def each_part(self, work: Callable[[int, int], None]) -> None:
        """Pieces of the planes."""
        planes = self.rows.planes
        self.rows.each_plane(lambda i0, i1: work(planes[i0], planes[i1]))

    def gather(self, above: Smoother) -> None:
        """rest = P^T (rest of the finer grid)."""
        assert isinstance(above, GridLevel)
        restrict(above.rows, self.rows, above.rest, above.inverse, self.rest)

    def spread(self, above: Smoother) -> None:
        """On the finer grid: d = P z, and z += d."""
        assert isinstance(above, GridLevel)
        prolong(above.rows, self.rows, self.z, above.inverse, above.z, above.d)


class Hierarchy:
    """Multigrid W-cycle of a stiffness with supports, as a preconditioner.

    ``stiff`` holds its islands (``kernels.islands``) and ``rods`` the motions of its rods, which
    ``equilibrium`` deflates; called by others it balances the rods itself.  Its grids
    carry room to work in: one thread of control at a time.
    """

    def __init__(
        self, A: Stiffness, fixed: Bool, levels: Sequence[GridLevel | Composite], coarsest: Coarsest
    ) -> None:
        self.A, self.mesh = A, A.mesh
        edges, _ = brick_of(modal_blocks(A.K0))
        self.stiff = tuple(Island.of(A.mesh, nodes, edges) for nodes in islands(A.mesh, A.modulus, fixed))
        self.rods = RodMotions.of(A, fixed)
        self.levels = tuple(levels)
        self.coarsest = coarsest

    @classmethod
    def of(cls, A: Stiffness, fixed: Bool) -> Hierarchy:
        """Build the levels below A (n_nodes) with the unknowns ``fixed`` (n_nodes, 3) held."""
        return cls.composite(A, fixed) if _is_porous(A) else cls.averaged(A, fixed)

    @classmethod
    def composite(cls, A: Stiffness, fixed: Bool) -> Hierarchy:
        """With composite bricks below A."""
        mesh, K0 = A.mesh, A.K0
        edges, _ = brick_of(modal_blocks(K0))
        E = mesh.lines_of_cells(A.modulus.astype(np.float32))
        free = mesh.lines_of_nodes((~fixed).astype(np.uint8))
        inverse = inverse_diagonal(A.rows, E, np.diag(K0)[:3].copy(), free)
        top = GridLevel.of(A.rows, modal_blocks(K0), E, inverse, _element_bound(K0))
        levels: list[GridLevel | Composite] = [top]
        grid = Grid.of(mesh)
        place = mesh.rows.at[grid.nodes[:, 0], grid.nodes[:, 1]] + grid.nodes[:, 2]
        matrices: tuple[F64, F64] | Packed = A.modulus.astype(np.float64), K0
        while len(grid.nodes) > COARSEST_NODES and grid.shape != (1, 1, 1):
            ways = _factors(edges, grid.shape)
            below, transfer = coarser(grid, ways)
            level = Composite.below(levels[-1], grid, place, below, transfer, ways, matrices)
            levels.append(level)
            grid, edges, matrices = below, edges * ways, level.packed
            place = np.arange(len(grid.nodes))
        assert isinstance(level, Composite)
        return cls(A, fixed, levels, Coarsest.inverted(*level.matrix()))

    @classmethod
    def averaged(cls, A: Stiffness, fixed: Bool) -> Hierarchy:
        """With averaged bricks below A, on lines of nodes."""
        rows, K0 = A.rows, A.K0
        edges, poisson = brick_of(modal_blocks(K0))
        E = A.mesh.lines_of_cells(A.modulus.astype(np.float32))
        free = 1 - A.mesh.lines_of_nodes(fixed.astype(np.uint8))  # what is no node is not held either
        levels: list[GridLevel] = []
        while True:
            own = np.diag(K0)[:3].copy()
            inverse = inverse_diagonal(rows, E, own, free)
            levels.append(GridLevel.of(rows, modal_blocks(K0), E, inverse, _element_bound(K0)))
            if rows.used_nodes <= COARSEST_NODES:
                break
            factors = _factors(edges, rows.shape)
            below, wider = rows.coarser(factors), edges * factors
            used = (inverse_diagonal(rows, E, own, np.ones_like(free))[0] > 0).astype(np.uint8)
            free_below = held_below(rows, below, free, used)
            E = averaged(rows, below, E, free, free_below, _laplacian(edges), _laplacian(wider))
            rows, free, edges = below, free_below, wider
            K0 = brick_stiffness(list(edges), poisson)
        return cls(A, fixed, levels, Coarsest.of(levels[-1], K0))

    def __call__(self, r: F64) -> F64:
        """(n_nodes, 3) residual -> (n_nodes, 3) correction."""
        # A common factor keeps single precision away from its smallest numbers.
        size = float(np.abs(r).max())
        if size == 0.0:
            return np.zeros_like(r)
        if self.rods is None:
            return self._voxels(r / size) * size
        # rods are balanced first (exactly), then the voxels, then the rods again
        lines = self.mesh.lines_of_nodes(r / size)
        motion = self.rods.correction(lines)
        self.rods.take_off(lines, motion)
        z = self.mesh.lines_of_nodes(self._voxels(self.mesh.of_lines(lines)))
        self.rods.move(z, motion - self.rods.excess(z))
        return self.mesh.of_lines(z) * size

    def _voxels(self, r: F64) -> F64:
        """The same without rods."""
        self.levels[0].rest[:] = self.mesh.lines_of_nodes(r.astype(np.float32))
        self.cycle()
        return self.mesh.of_lines(self.levels[0].z).astype(np.float64)

    def cycle(self, depth: int = 0) -> None:
        """The correction ``z`` of a level from its ``rest``."""
        level = self.levels[depth]
        level.z[:] = 0.0
        if depth == len(self.levels) - 1:
            self.coarsest(level)
            return
        finest = depth == 0
        degree, ratio = (DEGREES[0], RATIOS[0]) if finest else (level.degree, level.ratio)
        below = self.levels[depth + 1]
        level.smooth(degree, ratio, last=False)
        for _ in range(1 if finest else 2):
            below.gather(level)
            self.cycle(depth + 1)
            below.spread(level)
            level.take_off()
        level.smooth(degree, ratio, last=True)


@dataclass(frozen=True, eq=False)
class Coarsest:
    """A grid small enough to invert: ``at`` (n,) places of its unknowns in memory, ``inverse`` (n, n)."""

    at: Indices
    inverse: F32

    @classmethod
    def of(cls, level: GridLevel, K0: F64) -> Coarsest:
        """Assemble and invert; directions that nothing resists are given a tiny stiffness."""
        rows = level.rows
        nodes = rows.nodes
        moves = level.inverse.ravel() > 0
        at = np.flatnonzero(moves)
        number = np.full(moves.size, -1)
        number[at] = np.arange(at.size)
        cells = np.array(
            [(i, j, k) for i, j in np.argwhere(rows.cell_high > rows.cell_low)
             for k in range(rows.cell_low[i, j], rows.cell_high[i, j])]
        ).reshape(-1, 3)  # fmt: skip
        E = level.E[rows.cell_at[cells[:, 0], cells[:, 1]] + cells[:, 2]].astype(np.float64)
        corner = cells[:, None, :] + CORNERS
        place = rows.at[corner[..., 0], corner[..., 1]] + corner[..., 2]
        dofs = number[(place[:, :, None] + nodes * np.arange(3)).reshape(-1, 24)]
        A = np.zeros((at.size + 1, at.size + 1))  # the last row gathers what is held
        np.add.at(A, (dofs[:, :, None], dofs[:, None, :]), E[:, None, None] * K0)
        return cls.inverted(at, A[:-1, :-1])

    @classmethod
    def inverted(cls, at: Indices, A: F64) -> Coarsest:
        """Of the stiffness A (n, n) of the unknowns at these places."""
        A[np.diag_indices_from(A)] *= 1.0 + 1e-7
        _invert(A)
        return cls(at, A.astype(np.float32))

    def __call__(self, level: Smoother) -> None:
        """z = A^-1 rest."""
        level.z.reshape(-1)[self.at] = _times(self.inverse, level.rest.reshape(-1)[self.at])


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """Displacements that balance the forces.

    Attributes:
        displacement_mm: (n_nodes, 3).
        reaction_N: (n_nodes, 3) forces of the supports on the body; zero where free.
        iterations: conjugate-gradient steps.
        residual: ||f - A u|| / ||f - A g|| over free unknowns, recomputed in double at the end.
    """

    displacement_mm: F64
    reaction_N: F64
    iterations: int
    residual: float


def equilibrium(
    A: Stiffness,
    *,
    fixed: Bool,
    prescribed_mm: F64,
    force_N: F64 | None = None,
    preconditioner: Preconditioner | None = None,
    start_mm: F64 | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 200,
    on_step: OnStep | None = None,
) -> Equilibrium:
    """Solve A u = f with u = g on fixed unknowns.

    Args:
        A: the stiffness, in double precision.
        fixed: (n_nodes, 3) True where the displacement is prescribed.
        prescribed_mm: (n_nodes, 3); read where fixed.
        force_N: (n_nodes, 3) outer forces on free unknowns, or None.
        preconditioner: residual -> correction; a multigrid ``Hierarchy`` of A where None.
        start_mm: a displacement to begin from, e.g. that of a similar modulus field.
        tolerance: of the relative residual, measured against the state with only the supports moved.

    Raises:
        NotConverged: the true residual is above the tolerance after ``max_iterations``.
        Cancelled: ``on_step(iteration, residual)`` returned False.
    """
    M = preconditioner or Hierarchy.of(A, fixed)
    system = _System.of(A, fixed, force_N)
    if isinstance(M, Hierarchy) and (M.stiff or A.ties):
        system = system.deflated(M.stiff, M.rods if M.A is A else RodMotions.of(A, fixed))
    u = A.mesh.lines_of_nodes(np.where(fixed, prescribed_mm, 0.0))
    scale = system.rest(u)
    if scale == 0.0:
        return system.result(u, 0, 0.0)
    if start_mm is not None:
        u = A.mesh.lines_of_nodes(np.where(fixed, prescribed_mm, start_mm))
    iterations = 0
    # Restarted from the true residual: drift of the recursion cannot pass for convergence.
    while True:
        residual = system.rest(u) / scale
        if residual <= tolerance or iterations >= max_iterations:
            break
        iterations += system.improve(
            u, M, goal=tolerance * scale, scale=scale, first=iterations, last=max_iterations, on_step=on_step
        )
    if not residual <= tolerance:
        raise NotConverged(
            "elastic equilibrium", residual=residual, tolerance=tolerance, iterations=iterations
        )
    return system.result(u, iterations, residual)


@dataclass(frozen=True, eq=False)
class _System:
    """A and f on lines of nodes, in double, with the vectors of the iteration.

    Attributes:
        r, p, q: residual, direction, A times direction; what is held stays 0 in r and p.
    """

    A: Stiffness
    blocks: F64
    E: F64
    free: U8
    force: F64 | None
    r: F64
    p: F64
    q: F64
    ties: tuple[Tie, ...] = ()
    deflation: Deflation | None = None

    @classmethod
    def of(cls, A: Stiffness, fixed: Bool, force_N: F64 | None) -> _System:
        mesh, rows = A.mesh, A.rows
        K0 = A.K0
        return cls(
            A, modal_blocks(K0), mesh.lines_of_cells(A.modulus.astype(np.float64)),
            mesh.lines_of_nodes((~fixed).astype(np.uint8)),
            None if force_N is None else mesh.lines_of_nodes(np.asarray(force_N, dtype=np.float64)),
            rows.zeros(np.float64), rows.zeros(np.float64), rows.zeros(np.float64),
            mesh.ties_on_lines(A.ties),
        )  # fmt: skip

    def deflated(self, stiff: tuple[Island, ...], rods: RodMotions | None) -> _System:
        """The same without the rigid motions of islands and the motions of rods."""
        found = Deflation.of(
            self.A.mesh.rows, stiff, blocks=self.blocks, E=self.E, free=self.free, ties=self.ties, rods=rods,
            w=self.p, y=self.q,
        )  # fmt: skip
        return replace(self, deflation=found)

    def times(self, u: F64, y: F64) -> None:
        """y = A u."""
        y[:] = 0.0
        add_stiffness(self.A.rows, self.blocks, self.E, u, y)
        for tie in self.ties:
            tie.add(u.T, y.T)

    def rest(self, u: F64) -> float:
        """r = f - A u where free; its norm."""
        self.times(u, self.r)
        np.negative(self.r, out=self.r)
        if self.force is not None:
            np.add(self.r, self.force, out=self.r)
        np.multiply(self.r, self.free, out=self.r)
        return float(np.sqrt(self._sums(_dots, self.r, self.r)))

    def improve(
        self, u: F64, M: Preconditioner, *, goal: float, scale: float, first: int, last: int,
        on_step: OnStep | None,
    ) -> int:  # fmt: skip
        """Conjugate gradients from the residual at hand; steps made until ``goal``, or until ``last``."""
        p, q, r = self.p, self.q, self.r
        zr = alpha = 1.0
        size = float(np.sqrt(self._sums(_dots, r, r)))
        if self.deflation is not None:
            self.deflation.move(u, self.deflation.correction(r))
            if self.rest(u) <= goal:
                return 0
        for step in range(1, last - first + 1):
            z = self._preconditioned(M, size)
            zr, old = self._sums(_dots, z, r), zr
            beta = 0.0 if step == 1 else -alpha * self._sums(_dots, z, q) / old
            self._planes(_direct, z, p, beta)
            if self.deflation is not None:
                self.deflation.move(p, -self.deflation.excess(z))
            self.times(p, q)
            pq = self._sums(_dots, p, q)
            if not (pq > 0.0 and np.isfinite(pq)):
                raise OsteoplanError(
                    "the stiffness is not positive on the free unknowns: a part of the mesh is not supported"
                )
            alpha = zr / pq
            size = float(np.sqrt(self._sums(_advance, u, r, p, q, self.free, alpha)))
            if self.deflation is not None:
                self.deflation.cleanse(u, r)
            if on_step is not None and not on_step(first + step, size / scale):
                raise Cancelled(f"elastic equilibrium was stopped at step {first + step}")
            if size <= 0.9 * goal:  # a little below, so that the true residual passes too
                break
        return step

    def result(self, u: F64, iterations: int, residual: float) -> Equilibrium:
        """Back on the nodes of the mesh."""
        mesh = self.A.mesh
        self.times(u, self.q)
        if self.force is not None:
            np.subtract(self.q, self.force, out=self.q)
        np.multiply(self.q, 1 - self.free, out=self.q)
        return Equilibrium(mesh.of_lines(u), mesh.of_lines(self.q), iterations, residual)

    def _preconditioned(self, M: Preconditioner, size: float) -> F32 | F64:
        """(3, nodes) M r, up to a common factor; ``size`` is the norm of r."""
        mesh = self.A.mesh
        if not isinstance(M, Hierarchy):
            return mesh.lines_of_nodes(M(mesh.of_lines(self.r)))
        top = M.levels[0]
        self._planes(_scaled, self.r, top.rest, 1.0 / (size or 1.0))
        M.cycle()
        return top.z

    def _planes(self, work: Any, *args: Any) -> None:
        rows = self.A.rows
        rows.each_plane(lambda i0, i1: work(rows.planes[i0], rows.planes[i1], *args))

    def _sums(self, work: Any, *args: Any) -> float:
        """Sum over the planes, each plane's share in its own place: the same for every count of threads."""
        rows = self.A.rows
        shares = np.zeros(rows.shape[0] + 1)
        rows.each_plane(lambda i0, i1: work(i0, i1, rows.planes, shares, *args))
        return float(shares.sum())


def _is_porous(A: Stiffness) -> bool:
    """Whether coarse cells are badly filled, and the body does not fall into too many pieces."""
    if len(A.mesh.nodes) <= COARSEST_NODES:
        return False
    grid = Grid.of(A.mesh)
    edges, _ = brick_of(modal_blocks(A.K0))
    ways = _factors(edges, grid.shape)
    ci, cj, ck = (grid.cells // np.array(ways, dtype=np.int32)).T
    hit = np.zeros(grid.shape, dtype=bool)
    hit[ci, cj, ck] = True
    if len(grid.cells) > FULL * np.prod(ways) * np.count_nonzero(hit):
        return False
    _, pieces = ndimage.label(A.mesh.solid, np.ones((3, 3, 3)))
    return bool(pieces <= MOST_PIECES)


def _factors(edges_mm: F64, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Along which axes the next grid is twice as coarse: the short edges first, until all are alike."""
    least = min(h for h, n in zip(edges_mm, shape, strict=True) if n > 1)
    i, j, k = (
        2 if n > 1 and h <= ALIKE * least else 1 for h, n in zip(edges_mm, shape, strict=True)
    )  # fmt: skip
    return i, j, k


def _laplacian(edges_mm: F64) -> F32:
    """(8, 8) integral of grad v . grad w over a brick."""
    mass = np.array([[2.0, 1.0], [1.0, 2.0]]) / 6.0
    slope = np.array([[1.0, -1.0], [-1.0, 1.0]])
    out = np.zeros((8, 8))
    for axis, h in enumerate(edges_mm):
        x, y, z = (slope if a == axis else mass for a in range(3))
        out += np.kron(np.kron(x, y), z) * edges_mm.prod() / h**2
    return out.astype(np.float32)


def _element_bound(K0: F64) -> float:
    """Upper bound of the spectrum of D^-1 A from one element: x.A x = sum x.K_e x <= lambda sum x.D_e x."""
    d = np.sqrt(np.diagonal(K0))
    return float(np.linalg.eigvalsh(K0 / np.outer(d, d)).max())


@njit(cache=True, nogil=True, error_model="numpy")
def _smooth(  # type: ignore[no-untyped-def]
    steps, last, planes, at, cell_low, cell_high, cell_at, E, m, width, inverse, rest, d, z
):
    """``Smoother.smooth`` of one grid by one thread; m: the entries of -A."""
    for n in range(len(steps)):
        if n > 0:
            add_planes(0, len(at), at, cell_low, cell_high, cell_at, E, m, d, rest, width)
        chebyshev_step(planes[0], planes[-1], steps[n, 0], steps[n, 1], inverse, rest, d, z)
    if not last:
        add_planes(0, len(at), at, cell_low, cell_high, cell_at, E, m, d, rest, width)


@njit(cache=True, nogil=True, error_model="numpy")
def _scaled(first, last, r, out, factor):  # type: ignore[no-untyped-def]
    for c in range(3):
        a, b = r[c, first:last], out[c, first:last]
        for n in range(last - first):
            b[n] = a[n] * factor


@njit(cache=True, nogil=True, error_model="numpy")
def _direct(first, last, z, p, beta):  # type: ignore[no-untyped-def]
    """p = z + beta p."""
    for c in range(3):
        a, b = z[c, first:last], p[c, first:last]
        for n in range(last - first):
            b[n] = a[n] + beta * b[n]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _dots(i0, i1, planes, shares, a, b):  # type: ignore[no-untyped-def]
    for i in range(i0, i1):
        total = 0.0
        for c in range(3):
            x, y = a[c, planes[i] : planes[i + 1]], b[c, planes[i] : planes[i + 1]]
            for n in range(len(x)):
                total += x[n] * y[n]
        shares[i] = total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _advance(i0, i1, planes, shares, u, r, p, q, free, alpha):  # type: ignore[no-untyped-def]
    """u += alpha p;  q becomes the force on free unknowns;  r -= alpha q;  squares of r."""
    for i in range(i0, i1):
        total = 0.0
        for c in range(3):
            part = slice(planes[i], planes[i + 1])
            ui, ri, pi, qi, f = u[c, part], r[c, part], p[c, part], q[c, part], free[c, part]
            for n in range(len(ui)):
                ui[n] += alpha * pi[n]
                qi[n] *= f[n]
                v = ri[n] - alpha * qi[n]
                ri[n] = v
                total += v * v
        shares[i] = total


@njit(cache=True, nogil=True, error_model="numpy")
def _invert(A):  # type: ignore[no-untyped-def]
    """Invert a symmetric positive matrix in place (Gauss and Jordan), in an order of its own."""
    n = len(A)
    for k in range(n):
        pivot = A[k]
        scale = 1.0 / pivot[k]
        pivot[k] = 1.0
        for m in range(n):
            pivot[m] *= scale
        for i in range(n):
            if i != k:
                row = A[i]
                factor = row[k]
                row[k] = 0.0
                for m in range(n):
                    row[m] -= factor * pivot[m]


@njit(cache=True, nogil=True, error_model="numpy")
def _times(matrix, x):  # type: ignore[no-untyped-def]
    """Symmetric matrix times vector, in an order of its own."""
    y = np.zeros_like(x)
    for m in range(len(x)):
        row, v = matrix[m], x[m]
        for n in range(len(x)):
            y[n] += row[n] * v
    return y
