"""Elastic equilibrium by conjugate gradients with geometric multigrid.

    A u = f,  u = g where fixed            A of ``kernels.elasticity``

    pcg (double)        z = V(r);  beta = z.(r - r_old) / (z_old.r_old);  p = z + beta p;  alpha = z.r / p.A p
    V-cycle (single)    smooth;  r_c = P^T (r - A x);  x += P V_c(r_c);  smooth
    coarse operator     A_c = P^T A P, element by element (Galerkin), P trilinear with its fixed rows struck
                        out: a support inside the grid is felt on every level
    smoother            Chebyshev polynomial of D^-1 A on [lambda / ratio, lambda], D = diag A
    coarsest            sparse LU

Voids carry no unknowns.  Sources: Brandt 1977; Adams, Brezina, Hu & Tuminaro 2003 (Chebyshev smoothing);
Wathen 1987 (eigenvalues bounded element by element); Golub & Ye 1999 (beta for an inexact preconditioner).
Tests: tests/analytic/test_elasticity.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import splu

from osteoplan.errors import Cancelled, NotConverged, OsteoplanError
from osteoplan.kernels.elasticity import CORNERS, Bricks, Stiffness

__all__ = ["Equilibrium", "Hierarchy", "OnStep", "equilibrium"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
OnStep = Callable[[int, float], bool]
Preconditioner = Callable[[F64], F64]

# Shape of the cycle: numbers of mathematics, tuned once on a vertebra (benchmarks/solver.py).
DEGREE = 3
RATIO = 12.0
COARSEST_NODES = 500
POWER_STEPS = 40


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
    free = ~fixed
    held = np.where(fixed, prescribed_mm, 0.0)
    outer = np.zeros_like(held) if force_N is None else np.asarray(force_N, dtype=np.float64)
    scale = _norm(np.where(free, outer - A(held), 0.0))
    if scale == 0.0:
        return Equilibrium(held, A(held) - outer, 0, 0.0)
    u = held if start_mm is None else np.where(fixed, prescribed_mm, start_mm)
    M = preconditioner or Hierarchy.of(A, fixed)
    iterations = 0
    residual = np.inf
    # Restarted from the true residual: drift of the recursion cannot pass for convergence.
    while True:
        r = np.where(free, outer - A(u), 0.0)
        residual = _norm(r) / scale
        if residual <= tolerance or iterations >= max_iterations:
            break
        step, done = _conjugate_gradients(
            A, M, r, free, goal=tolerance * scale, scale=scale, first=iterations, last=max_iterations,
            on_step=on_step,
        )  # fmt: skip
        u, iterations = u + step, iterations + done
    if not residual <= tolerance:
        raise NotConverged(
            "elastic equilibrium", residual=residual, tolerance=tolerance, iterations=iterations
        )
    return Equilibrium(u, np.where(fixed, A(u) - outer, 0.0), iterations, residual)


def _conjugate_gradients(
    A: Stiffness, M: Preconditioner, r: F64, free: Bool, *, goal: float, scale: float, first: int, last: int,
    on_step: OnStep | None,
) -> tuple[F64, int]:  # fmt: skip
    """(correction, steps) that bring the recursive residual below ``goal``, or end at ``last``."""
    x, r = np.zeros_like(r), r.copy()
    z = M(r)
    p, zr = z, _dot(z, r)
    for step in range(1, last - first + 1):
        q = np.where(free, A(p), 0.0)
        pq = _dot(p, q)
        if not (pq > 0.0 and np.isfinite(pq)):
            raise OsteoplanError(
                "the stiffness is not positive on the free unknowns: a part of the mesh is not supported"
            )
        alpha = zr / pq
        x += alpha * p
        change = alpha * q
        r -= change
        size = _norm(r)
        if on_step is not None and not on_step(first + step, size / scale):
            raise Cancelled(f"elastic equilibrium was stopped at step {first + step}")
        if size <= 0.9 * goal:  # a little below, so that the true residual passes too
            break
        z = M(r)
        beta = -_dot(z, change) / zr
        zr = _dot(z, r)
        p = z + beta * p
    return x, step


@dataclass(frozen=True, eq=False)
class _Level:
    """One grid: its operator, its smoother, and the way down from it."""

    A: Stiffness
    inverse_diagonal: F32  # (n_nodes, 3), 0 where nothing may move
    bound: float  # largest eigenvalue of D^-1 A, or above
    down: sparse.csr_matrix  # (coarse nodes, nodes) trilinear
    up: sparse.csr_matrix
    free: F32  # (n_nodes, 3) 1 or 0


class Hierarchy:
    """Multigrid V-cycle of a stiffness with supports, as a preconditioner."""

    def __init__(self, levels: Sequence[_Level], coarsest: Callable[[F64], F64]) -> None:
        self.levels = tuple(levels)
        self.coarsest = coarsest

    @classmethod
    def of(cls, A: Stiffness, fixed: Bool) -> Hierarchy:
        """Build the levels below A (n_nodes) with the unknowns ``fixed`` (n_nodes, 3) held."""
        levels: list[_Level] = []
        fine, free = A, ~fixed
        while len(fine.mesh.nodes) > COARSEST_NODES:
            coarse_mesh, up = _coarsen(fine.mesh)
            coarse = _galerkin(fine, free, coarse_mesh)
            levels.append(_level(fine, free, up))
            fine = coarse
            free = coarse.diagonal() > 0.0
        return cls(levels, _direct(fine, free))

    def __call__(self, r: F64) -> F64:
        """(n_nodes, 3) residual -> (n_nodes, 3) correction."""
        # A common factor keeps single precision away from its smallest numbers.
        size = float(np.abs(r).max())
        if size == 0.0:
            return np.zeros_like(r)
        return self._cycle(0, (r / size).astype(np.float32)).astype(np.float64) * size

    def _cycle(self, depth: int, b: F32) -> F32:
        if depth == len(self.levels):
            return self.coarsest(b.astype(np.float64)).astype(np.float32)
        level = self.levels[depth]
        x, r = _smooth(level, b * level.free)
        x += (level.up @ self._cycle(depth + 1, level.down @ r)) * level.free
        r = (b - level.A(x)) * level.free
        return x + _smooth(level, r, residual=False)[0]


def _smooth(level: _Level, r: F32, *, residual: bool = True) -> tuple[F32, F32]:
    """(correction, what is left of r) by a Chebyshev polynomial in D^-1 A; the rest only where asked for."""
    high, low = level.bound, level.bound / RATIO
    middle, half = (high + low) / 2, (high - low) / 2
    rho = half / middle
    d: Any = level.inverse_diagonal * r / middle
    x = d
    rest: Any = r
    for _ in range(1, DEGREE):
        rest = rest - level.A(d) * level.free
        rho, old = 1 / (2 * middle / half - rho), rho
        d = rho * old * d + (2 * rho / half) * (level.inverse_diagonal * rest)
        x = x + d
    return x, (rest - level.A(d) * level.free) if residual else rest


def _level(A: Stiffness, free: Bool, up: sparse.csr_matrix) -> _Level:
    diagonal = A.diagonal()
    moves = free & (diagonal > 0.0)
    inverse = np.where(moves, 1.0 / np.where(moves, diagonal, 1.0), 0.0)
    single = replace(A, matrices=A.matrices.astype(np.float32), scale=A.scale.astype(np.float32))
    level = _Level(
        single, inverse.astype(np.float32), 0.0, up.T.tocsr().astype(np.float32), up.astype(np.float32),
        free.astype(np.float32),
    )  # fmt: skip
    return replace(level, bound=_element_bound(A) if len(A.matrices) == 1 else 1.1 * _power(level))


def _element_bound(A: Stiffness) -> float:
    """Upper bound of the spectrum of D^-1 A from one element: x.A x = sum x.K_e x <= lambda sum x.D_e x."""
    d = np.sqrt(np.diagonal(A.matrices[0]).astype(np.float64))
    return float(np.linalg.eigvalsh(A.matrices[0] / np.outer(d, d)).max())


def _power(level: _Level) -> float:
    """Largest eigenvalue of D^-1 A by power iterations (too few of them cost more than they save)."""
    x: F32 = np.random.default_rng(0).standard_normal(level.free.shape).astype(np.float32) * level.free
    growth = 1.0
    for _ in range(POWER_STEPS):
        x /= np.float32(_norm(x.astype(np.float64)))
        x = level.inverse_diagonal * level.A(x)
        growth = _norm(x.astype(np.float64))
    return growth


def _coarsen(mesh: Bricks) -> tuple[Bricks, sparse.csr_matrix]:
    """Twice as coarse a mesh that covers this one, and trilinear interpolation (nodes, coarse nodes)."""
    shape = tuple((n + 1) // 2 for n in mesh.shape)
    solid = np.zeros(shape, dtype=bool)
    solid[tuple((mesh.cells // 2).T)] = True
    coarse = Bricks.of(solid)
    lattice = tuple(n + 1 for n in shape)
    number = np.full(lattice, -1, dtype=np.int64)
    number[tuple(coarse.nodes.T)] = np.arange(len(coarse.nodes))
    odd = mesh.nodes % 2
    rows, columns, weights = [], [], []
    for corner in CORNERS:
        reached = ((corner == 0) | (odd == 1)).all(axis=1)  # an even index takes its own coarse node alone
        at = mesh.nodes[reached] // 2 + corner
        rows.append(np.flatnonzero(reached))
        columns.append(number[tuple(at.T)])
        weights.append(0.5 ** odd[reached].sum(axis=1))
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return coarse, sparse.csr_matrix(entries, shape=(len(mesh.nodes), len(coarse.nodes)))


def _galerkin(fine: Stiffness, free: Bool, coarse: Bricks) -> Stiffness:
    """P^T A P as element matrices of the coarse mesh."""
    cells = fine.mesh.cells
    number = np.full(coarse.shape, -1, dtype=np.int64)
    number[tuple(coarse.cells.T)] = np.arange(len(coarse.cells))
    parent = number[tuple((cells // 2).T)]
    octant = (cells % 2) @ np.array([4, 2, 1])
    total = np.zeros((len(coarse.cells), 24, 24))
    whole = free[fine.mesh.corners].all(axis=(1, 2))
    for o in range(8):
        T = _octant(o)
        here = octant == o
        if len(fine.matrices) == 1:
            plain = here & whole
            total[parent[plain]] += fine.scale[plain, None, None] * (T.T @ fine.matrices[0] @ T)
            here &= ~whole
        moves = free[fine.mesh.corners[here]].reshape(-1, 24, 1) * T  # rows of fixed unknowns struck out
        K = fine.scale[here, None, None] * fine.matrices[fine.which[here]]
        total[parent[here]] += moves.transpose(0, 2, 1) @ (K @ moves)
    return Stiffness(coarse, total, np.arange(len(total), dtype=np.int32), np.ones(len(total)), fine.threads)


def _octant(o: int) -> F64:
    """(24, 24) displacements of the corners of one octant from those of the whole brick."""
    points = (CORNERS + CORNERS[o]) / 2.0
    weights = np.stack([np.where(c == 1, points, 1 - points).prod(axis=1) for c in CORNERS], axis=1)
    return np.kron(weights, np.eye(3))


def _direct(A: Stiffness, free: Bool) -> Callable[[F64], F64]:
    """Solver of a small system; directions that no fine unknown can follow are given a tiny stiffness."""
    dofs = (3 * A.mesh.corners[:, :, None] + np.arange(3)).reshape(-1, 24)
    K = A.scale[:, None, None].astype(np.float64) * A.matrices[A.which]
    rows = np.repeat(dofs, 24, axis=1).ravel()
    columns = np.tile(dofs, (1, 24)).ravel()
    n = 3 * len(A.mesh.nodes)
    whole = sparse.csc_matrix((K.ravel(), (rows, columns)), shape=(n, n))
    keep = np.flatnonzero(free.ravel())
    if keep.size == 0:
        return lambda b: np.zeros_like(b)
    matrix = whole[keep][:, keep]
    matrix = matrix + sparse.diags(1e-9 * matrix.diagonal())
    factors = splu(matrix.tocsc())

    def solve(b: F64) -> F64:
        x = np.zeros(n)
        x[keep] = factors.solve(b.reshape(-1)[keep])
        return x.reshape(-1, 3)

    return solve


def _dot(a: F64, b: F64) -> float:
    """Sum of products in numpy's fixed pairwise order (BLAS may split it among threads)."""
    return float((a * b).sum())


def _norm(a: F64) -> float:
    return float(np.sqrt(_dot(a, a)))
