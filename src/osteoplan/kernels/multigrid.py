"""Elastic equilibrium by conjugate gradients with geometric multigrid.

    A u = f,  u = g where fixed            A of ``kernels.elasticity``

    pcg (double)     z = M r;  beta = z.(r - r_old) / (z_old.r_old);  p = z + beta p;  alpha = z.r / p.A p
    cycle (single)   smooth;  repeat: x += P cycle(P^T (r - A x));  smooth
                     one coarse visit below the finest grid, two below every other (W), one where it is exact
    coarse grids     the mean of the moduli below, bricks twice as large (along short edges first), where a
                     support cuts them the energy below (``kernels.cut_bricks``); below a porous body
                     composite bricks (``kernels.composite``), which weld nothing together
    smoother         Chebyshev polynomial of D^-1 A on [lambda / ratio, lambda], D = diag A; degree 3 on the
                     finest grid, 5 below; 6 and 12 with composite grids
    coarsest         its inverse, as far as its rank goes; of composite grids the finest that is cheap to
                     factorise (``kernels.factored``)

The finest grid and averaged ones run on lines of nodes (``kernels.rows``); voids carry no unknowns.

Which coarse grids serve is known before anything is solved.  A body whose first coarse cells are less than
``FULL`` solid (trabeculae, thin walls) gets composite ones: the mean of the moduli joins what does not touch.
Of every other body the averaged grids are built and tried by themselves (``Hierarchy.slowest``): where a
cycle takes less than ``SLOW`` off their slowest error, composite ones take their place.  A body that needs
them and is small is factorised.

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
from scipy import ndimage, sparse

from osteoplan.arrays import F32, F64, I32, I64, U8, Bool, Indices
from osteoplan.errors import Cancelled, NotConverged, OnStep, OsteoplanError
from osteoplan.kernels.beams import Tie
from osteoplan.kernels.composite import Composite, Packed, take_off_layers
from osteoplan.kernels.composite_grids import Grid, coarser
from osteoplan.kernels.cut_bricks import CutBricks, cut_below
from osteoplan.kernels.elasticity import CORNERS, Bricks, Stiffness, assembled, brick_stiffness
from osteoplan.kernels.factored import Factored
from osteoplan.kernels.islands import Deflation, Island, islands
from osteoplan.kernels.krylov import require_goal, total
from osteoplan.kernels.rigid_motions import free_motions
from osteoplan.kernels.rod_motions import RodMotions
from osteoplan.kernels.rows import Rows, add_planes, add_stiffness, brick_of, modal_blocks
from osteoplan.kernels.simd import lanes
from osteoplan.kernels.smoother import Smoother, chebyshev, chebyshev_step
from osteoplan.kernels.transfers import averaged, held_below, inverse_diagonal, prolong, restrict

__all__ = ["Equilibrium", "Hierarchy", "equilibrium", "not_positive"]

Preconditioner = Callable[[F64], F64]

# Shape of the cycle: numbers of mathematics, tuned once (benchmarks/solver.py).
DEGREES, RATIOS = (3, 5), (12.0, 20.0)  # of the polynomials on the finest grid and on those below
POROUS_DEGREE, POROUS_RATIO = 6, 30.0  # above composite grids
COARSEST_NODES = 150
FULL = 0.85
FACTORISED_NODES, SLOW_SMALL = 2200, 0.7  # 0.3 s; what grids of so few nodes find hard takes them no less
MOST_PIECES = 50
SHIFT = 1e-7  # of D, on composite grids: their entries are known to single precision
RESISTED = 5e-7  # of an unknown's own stiffness; the entries are known to single precision
TRIALS = 3
SLOW = 0.35  # slowest error after so many; below, composite grids (more work a step) take fewer seconds
ALIKE = 1.5  # edges that differ by less are coarsened together


@dataclass(frozen=True, eq=False)
class GridLevel(Smoother):
    """One grid of lines: its operator, its smoother, and room to work in.

    Attributes:
        E: cells, 0 where ``cut`` bricks stand instead.
        inverse: (3, nodes) 1 / D, 0 where nothing may move; bound: of the spectrum of D^-1 A.
        z, d, rest: (3, nodes) correction, last step, what is left of the right-hand side.
    """

    rows: Rows
    blocks: F64
    E: F32
    inverse: F32
    bound: float
    z: F32
    d: F32
    rest: F32
    degree: int
    ratio: float
    cut: CutBricks | None = None

    @classmethod
    def of(
        cls, rows: Rows, blocks: F64, E: F32, inverse: F32, bound: float, degree: int, ratio: float,
        cut: CutBricks | None = None,
    ) -> GridLevel:  # fmt: skip
        """With room of its own."""
        z, d, rest = (rows.zeros(np.float32) for _ in range(3))
        return cls(rows, blocks, E, inverse, bound, z, d, rest, degree, ratio, cut)

    def take_off(self) -> None:
        """rest -= A d."""
        add_stiffness(self.rows, self.blocks, self.E, self.d, self.rest, factor=-1.0)
        if self.cut is not None:
            self.cut.take_off(self.d, self.rest)

    def smooth(self, *, last: bool) -> None:
        """At once where the grid is too small for a second thread."""
        if self.rows.parts > 1:
            super().smooth(last=last)
            return
        rows = self.rows
        _smooth(
            chebyshev(self.bound, self.degree, self.ratio), last, rows.planes, rows.at, *rows.of_cells,
            self.E, self._taken_off, lanes(np.float32), *self._of_cut, self.inverse, self.rest, self.d,
            self.z,
        )  # fmt: skip

    @cached_property
    def _of_cut(self) -> tuple[I64, I32, F32]:
        """(layers, corners, matrices) of the cut bricks."""
        if self.cut is None:
            return (
                np.zeros(1, dtype=np.int64),
                np.zeros((0, 8, 1), dtype=np.int32),
                np.zeros(0, dtype=np.float32),
            )
        return self.cut.packed.layers, self.cut.packed.corners, self.cut.packed.K

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

    ``equilibrium`` deflates its islands and the motions of its rods; called by others it balances the rods
    itself.  Its grids carry room to work in: one thread of control at a time.
    """

    def __init__(
        self, A: Stiffness, fixed: Bool, levels: Sequence[GridLevel | Composite],
        coarsest: Coarsest | Factored,
    ) -> None:  # fmt: skip
        self.A, self.mesh, self.fixed = A, A.mesh, fixed
        self.levels = tuple(levels)
        self.coarsest = coarsest

    @cached_property
    def stiff(self) -> tuple[Island, ...]:
        """Islands, with the rigid motions that their supports leave them; a factor of all needs none."""
        if len(self.levels) == 1:
            return ()
        edges, _ = brick_of(modal_blocks(self.A.K0))
        return tuple(islands(self.mesh, edges, self.A.modulus, self.fixed))

    @cached_property
    def rods(self) -> RodMotions | None:
        """Motions of the rods."""
        return RodMotions.of(self.A, self.fixed)

    @classmethod
    def of(cls, A: Stiffness, fixed: Bool) -> Hierarchy:
        """Build the levels below A (n_nodes) with the unknowns ``fixed`` (n_nodes, 3) held."""
        porous, small = _is_porous(A), len(A.mesh.nodes) <= FACTORISED_NODES
        if not porous:
            averaged = cls.averaged(A, fixed)
            if averaged.slowest() >= (SLOW_SMALL if small else SLOW):
                return averaged
        if small:
            return cls.factorised(A, fixed)
        if _has_many_pieces(A.mesh):
            return cls.averaged(A, fixed) if porous else averaged
        return cls.composite(A, fixed)

    @classmethod
    def composite(cls, A: Stiffness, fixed: Bool) -> Hierarchy:
        """With composite bricks below A."""
        mesh, K0 = A.mesh, A.K0
        edges, _ = brick_of(modal_blocks(K0))
        E = mesh.lines_of_cells(A.modulus.astype(np.float32))
        free = mesh.lines_of_nodes((~fixed).astype(np.uint8))
        inverse = inverse_diagonal(A.rows, E, np.diag(K0)[:3].copy(), free)
        top = GridLevel.of(
            A.rows, modal_blocks(K0), E, inverse, _element_bound(K0), POROUS_DEGREE, POROUS_RATIO
        )
        levels: list[Composite] = []
        grid = Grid.of(mesh)
        place = mesh.rows.at[grid.nodes[:, 0], grid.nodes[:, 1]] + grid.nodes[:, 2]
        matrices: tuple[F64, F64] | Packed = A.modulus.astype(np.float64), K0
        while len(grid.nodes) > COARSEST_NODES and grid.shape != (1, 1, 1):
            ways = _factors(edges, grid.shape)
            below, transfer = coarser(grid, ways)
            above = levels[-1] if levels else top
            levels.append(Composite.below(above, grid, place, below, transfer, ways, matrices))
            grid, edges, matrices = below, edges * ways, levels[-1].packed
            place = np.arange(len(grid.nodes))
        coarsest = Factored.of(*levels[-1].matrix(), shift=SHIFT)
        while coarsest.thin and len(levels) > 2:  # the first coarse grid would take too much memory
            levels.pop()
            coarsest = Factored.of(*levels[-1].matrix(), shift=SHIFT)
        return cls(A, fixed, [top, *levels], coarsest)

    @classmethod
    def factorised(cls, A: Stiffness, fixed: Bool) -> Hierarchy:
        """One grid alone, factorised."""
        rows, K0 = A.rows, A.K0
        E = A.mesh.lines_of_cells(A.modulus.astype(np.float32))
        free = A.mesh.lines_of_nodes((~fixed).astype(np.uint8))
        inverse = inverse_diagonal(rows, E, np.diag(K0)[:3].copy(), free)
        top = GridLevel.of(rows, modal_blocks(K0), E, inverse, _element_bound(K0), DEGREES[0], RATIOS[0])
        return cls(A, fixed, [top], Factored.of(*_free_part(A, fixed)))

    @classmethod
    def averaged(cls, A: Stiffness, fixed: Bool) -> Hierarchy:
        """With averaged bricks below A, on lines of nodes."""
        rows, K0 = A.rows, A.K0
        edges, poisson = brick_of(modal_blocks(K0))
        E = A.mesh.lines_of_cells(A.modulus.astype(np.float32))
        free = 1 - A.mesh.lines_of_nodes(fixed.astype(np.uint8))  # what is no node is not held either
        levels: list[GridLevel] = []
        cut: CutBricks | None = None
        while True:
            own = np.diag(K0)[:3].copy()
            bare = E if cut is None else cut.carved(rows, E)
            inverse, bound = inverse_diagonal(rows, bare, own, free), _element_bound(K0)
            if cut is not None:
                inverse, bound = cut.with_diagonal(inverse, free), max(bound, cut.bound)
            shape = DEGREES[min(len(levels), 1)], RATIOS[min(len(levels), 1)]
            levels.append(GridLevel.of(rows, modal_blocks(K0), bare, inverse, bound, *shape, cut))
            if rows.used_nodes <= COARSEST_NODES:
                break
            factors = _factors(edges, rows.shape)
            below, wider = rows.coarser(factors), edges * factors
            used = (inverse_diagonal(rows, E, own, np.ones_like(free))[0] > 0).astype(np.uint8)
            free_below = held_below(rows, below, free, used)
            cut = cut_below(rows, below, E, K0, inverse, free, free_below, cut)
            E = averaged(rows, below, E)
            rows, free, edges = below, free_below, wider
            K0 = brick_stiffness(list(edges), poisson)
        return cls(A, fixed, levels, Coarsest.of(levels[-1], K0))

    def slowest(self) -> float:
        """How much of its slowest error one cycle takes off, as ``TRIALS`` steps see it; 1 is all of it.

        The least Ritz value of M A (Lanczos, in the inner product of M^-1) on the first coarse grid, which
        has an eighth of the unknowns and every fault of those below; on the finest of two.  0 where the cycle
        is not even positive.
        """
        depth = 1 if len(self.levels) > 2 else 0
        level = self.levels[depth]
        moves = level.inverse > 0
        r = np.where(moves, np.random.default_rng(0).standard_normal(level.rest.shape, np.float32), 0)
        p, gains, betas, old = np.zeros_like(r), [], [], 1.0
        for n in range(TRIALS):
            level.rest[:] = r
            self.cycle(depth)
            zr = total(level.z, r)
            betas.append(zr / old if n else 0.0)
            p = level.z + np.float32(betas[n]) * p
            level.d[:], level.rest[:] = p, 0.0
            level.take_off()
            pq = -total(p, level.rest)
            if not (zr > 0.0 and pq > 0.0):
                return 0.0
            gains.append(zr / pq)
            r, old = r + np.where(moves, np.float32(gains[n]) * level.rest, 0), zr
        gain, beta = np.array(gains), np.array(betas)
        side = np.sqrt(beta[1:]) / gain[:-1]
        T = np.diag(1.0 / gain + beta / np.roll(gain, 1)) + np.diag(side, 1) + np.diag(side, -1)
        return float(np.linalg.eigvalsh(T)[0])

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
        below = self.levels[depth + 1]
        level.smooth(last=False)
        exact = depth == len(self.levels) - 2 and isinstance(self.coarsest, Factored)
        for _ in range(1 if depth == 0 or exact else 2):
            below.gather(level)
            self.cycle(depth + 1)
            below.spread(level)
            level.take_off()
        level.smooth(last=True)


@dataclass(frozen=True, eq=False)
class Coarsest:
    """A grid small enough to invert: ``at`` (n,) places of its unknowns in memory, ``inverse`` (n, n)."""

    at: Indices
    inverse: F32

    @classmethod
    def of(cls, level: GridLevel, K0: F64) -> Coarsest:
        """Assemble and invert."""
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
        if level.cut is not None:
            corners = level.cut.packed.corners_of_bricks
            dofs = number[(corners[:, :, None] + nodes * np.arange(3)).reshape(-1, 24)]
            np.add.at(A, (dofs[:, :, None], dofs[:, None, :]), level.cut.packed.whole(np.arange(len(dofs))))
        return cls.inverted(at, A[:-1, :-1])

    @classmethod
    def inverted(cls, at: Indices, A: F64) -> Coarsest:
        """Of the stiffness A (n, n) of the unknowns at these places; what nothing resists is left alone."""
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
        BadInput: a tolerance or a count of steps that nothing can meet.
        OsteoplanError: the body can still move (its free motion is named), or its moduli lie too far apart.
        NotConverged: the true residual is above the tolerance after ``max_iterations``.
        Cancelled: ``on_step(iteration, residual)`` returned False.
    """
    require_goal(tolerance, max_iterations)
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
    iterations, residual, rounded = 0, np.inf, False
    # Restarted from the true residual: drift of the recursion cannot pass for convergence.
    while True:
        before, residual = residual, system.rest(u) / scale
        if residual <= tolerance or iterations >= max_iterations:
            break
        if rounded := residual > 0.5 * before:
            break
        iterations += system.improve(
            u, M, goal=tolerance * scale, scale=scale, first=iterations, last=max_iterations, on_step=on_step
        )
    if not residual <= tolerance:
        _require_held(A, fixed)
        way_out = rounded * "; double precision rounds more away with this body: ask for a larger tolerance"
        raise NotConverged(
            "elastic equilibrium", residual=min(residual, before), tolerance=tolerance, iterations=iterations,
            way_out=way_out,
        )  # fmt: skip
    return system.result(u, iterations, residual)


def not_positive(A: Stiffness, fixed: Bool) -> OsteoplanError:
    """Why a direction costs no energy where the body is held: its moduli lie too far apart.

    Raises:
        OsteoplanError: it is not held; its free motion is named.
    """
    _require_held(A, fixed)
    low, high = float(A.modulus.min()), float(A.modulus.max())
    return OsteoplanError(
        f"the moduli reach from {low:.3g} to {high:.3g} MPa, too far apart to be solved in double precision "
        "as this body is shaped and held: raise the softest, or make the softest parts voids"
    )


def _require_held(A: Stiffness, fixed: Bool) -> None:
    mesh = A.mesh
    held = np.zeros((*(n + 1 for n in mesh.shape), 3), dtype=bool)
    held[tuple(mesh.nodes.T)] = fixed
    edges, _ = brick_of(modal_blocks(A.K0))
    free = free_motions(mesh.cells, held, edges)
    if free:
        raise OsteoplanError(f"nothing holds the body: it {free.words(tuple(edges))}; hold more components")


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
                raise not_positive(self.A, self.A.mesh.of_lines(self.free) == 0)
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


def _free_part(A: Stiffness, fixed: Bool) -> tuple[Indices, sparse.csc_array]:
    """(n,) places in memory of what may move, and its stiffness (n, n)."""
    free = np.flatnonzero(~fixed.ravel())
    K = assembled(A.mesh.corners, A.modulus.astype(np.float64), A.K0, len(fixed))
    of_dof = np.arange(3 * A.rows.nodes).reshape(3, -1)
    return A.mesh.of_lines(of_dof).ravel()[free], sparse.csc_array(K[free][:, free])


def _is_porous(A: Stiffness) -> bool:
    """Whether the first coarse cells are badly filled."""
    if len(A.mesh.nodes) <= COARSEST_NODES:
        return False
    grid = Grid.of(A.mesh)
    edges, _ = brick_of(modal_blocks(A.K0))
    ways = _factors(edges, grid.shape)
    ci, cj, ck = (grid.cells // np.array(ways, dtype=np.int32)).T
    hit = np.zeros(grid.shape, dtype=bool)
    hit[ci, cj, ck] = True
    return bool(len(grid.cells) <= FULL * int(np.prod(ways)) * np.count_nonzero(hit))


def _has_many_pieces(mesh: Bricks) -> bool:
    """Whether the coarsest of composite grids would be large: each piece keeps a brick of its own."""
    _, pieces = ndimage.label(mesh.solid, np.ones((3, 3, 3)))
    return bool(pieces > MOST_PIECES)


def _factors(edges_mm: F64, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Along which axes the next grid is twice as coarse: the short edges first, until all are alike."""
    least = min(h for h, n in zip(edges_mm, shape, strict=True) if n > 1)
    i, j, k = (
        2 if n > 1 and h <= ALIKE * least else 1 for h, n in zip(edges_mm, shape, strict=True)
    )  # fmt: skip
    return i, j, k


def _element_bound(K0: F64) -> float:
    """Upper bound of the spectrum of D^-1 A from one element: x.A x = sum x.K_e x <= lambda sum x.D_e x."""
    d = np.sqrt(np.diagonal(K0))
    return float(np.linalg.eigvalsh(K0 / np.outer(d, d)).max())


@njit(cache=True, nogil=True, error_model="numpy")
def _smooth(  # type: ignore[no-untyped-def]
    steps,
    last,
    planes,
    at,
    cell_low,
    cell_high,
    cell_at,
    E,
    m,
    width,
    layers,
    corners,
    K,
    inverse,
    rest,
    d,
    z,
):
    """``Smoother.smooth`` of one grid by one thread; m: the entries of -A."""
    for n in range(len(steps) + (0 if last else 1)):
        if n > 0:
            add_planes(0, len(at), at, cell_low, cell_high, cell_at, E, m, d, rest, width)
            for parity in range(2):
                take_off_layers(parity, len(layers) - 1, layers, corners, K, d, rest)
        if n < len(steps):
            chebyshev_step(planes[0], planes[-1], steps[n, 0], steps[n, 1], inverse, rest, d, z)


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
    """Invert a symmetric matrix in place (Gauss and Jordan), in an order of its own, as far as its rank goes.

    The next pivot is the unknown of which most is left; where less than ``RESISTED`` is left of all of them,
    they follow the others without resistance and are set to 0: A X A = A, X symmetric and not negative.
    """
    n = len(A)
    own = np.diag(A).copy()
    left = np.ones(n, dtype=np.bool_)
    for _ in range(n):
        k, most = -1, RESISTED
        for i in range(n):
            if left[i] and A[i, i] > most * own[i]:
                k, most = i, A[i, i] / own[i]
        if k < 0:
            break
        left[k] = False
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
    for i in range(n):
        if left[i]:
            A[i, :] = 0.0
            A[:, i] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _times(matrix, x):  # type: ignore[no-untyped-def]
    """Symmetric matrix times vector, in an order of its own."""
    y = np.zeros_like(x)
    for m in range(len(x)):
        row, v = matrix[m], x[m]
        for n in range(len(x)):
            y[n] += row[n] * v
    return y
