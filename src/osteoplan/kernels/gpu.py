"""Elastic equilibrium on a CUDA device: the twin of ``multigrid.equilibrium``.

The averaged grids are built and tried on the processor and carried over once, with the bricks that supports
cut; every product, smoothing, transfer and sum of the iteration runs on the device, in double outside and
single inside.  Displacements agree with the processor's to the solver's tolerance, not bit by bit: sums have
another order.

Rods are not carried over (refused); the rigid motions of stiff islands are not taken out, so that metal in
marrow may need more steps.  Chosen on request only.  It has run in numba's simulator and never on a device.
Tests: tests/unit/test_gpu.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from osteoplan.arrays import F64, Array, Bool
from osteoplan.errors import Cancelled, NotAvailable, NotConverged, OnStep
from osteoplan.kernels.composite import Packed
from osteoplan.kernels.elasticity import Stiffness, brick_stiffness
from osteoplan.kernels.krylov import require_goal
from osteoplan.kernels.multigrid import SLOW, Coarsest, Equilibrium, GridLevel, Hierarchy, not_positive
from osteoplan.kernels.rows import Rows, brick_of

__all__ = ["GpuHierarchy", "GpuSystem", "equilibrium_on_gpu", "require_gpu"]

Device = Any  # an array on the device

BLOCK = (32, 4, 1)  # threads along k, j, i
FLAT = 256


def require_gpu() -> None:
    """Refuse to go on without a device.

    Raises:
        NotAvailable: numba finds none.
    """
    from numba import cuda

    if not cuda.is_available():
        raise NotAvailable(
            "no CUDA device is usable here: take device='cpu', or install a driver and "
            "pip install 'osteoplan[gpu]' on a machine that has one"
        )


def equilibrium_on_gpu(
    A: Stiffness,
    *,
    fixed: Bool,
    prescribed_mm: F64,
    force_N: F64 | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 200,
    on_step: OnStep | None = None,
) -> Equilibrium:
    """Solve A u = f with u = g on fixed unknowns; arguments are those of ``multigrid.equilibrium``.

    Raises:
        BadInput: a tolerance or a count of steps that means nothing.
        NotAvailable: no device, a body with rods, or one that needs composite grids.
        NotConverged: the true residual is above the tolerance after ``max_iterations``.
        Cancelled: ``on_step(iteration, residual)`` returned False.
    """
    require_goal(tolerance, max_iterations)
    require_gpu()
    if A.ties:
        raise NotAvailable("rods are not solved on the GPU: take device='cpu'")
    grids = Hierarchy.averaged(A, fixed)
    if grids.slowest() < SLOW:
        raise NotAvailable(
            "this body needs composite grids, as sponges and thin walls do, and those are not carried "
            "over to the GPU: take device='cpu'"
        )
    M = GpuHierarchy.of(grids)
    system = GpuSystem.of(A, fixed, force_N)
    u = _put(A.mesh.lines_of_nodes(np.where(fixed, prescribed_mm, 0.0)))
    scale = system.rest(u)
    iterations, residual = 0, 0.0 if scale == 0.0 else 1.0
    while residual > tolerance and iterations < max_iterations:
        iterations = system.improve(
            u, M, goal=tolerance * scale, scale=scale, first=iterations, last=max_iterations, on_step=on_step
        )
        residual = system.rest(u) / scale
    if not residual <= tolerance:
        raise NotConverged(
            "elastic equilibrium", residual=residual, tolerance=tolerance, iterations=iterations
        )
    return system.result(u, iterations, residual)


class Lines:
    """Lines of nodes and cells of one grid, on the device; sums and products over them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.nodes = tuple(_put(part) for part in rows.of_nodes)
        self.cells = tuple(_put(part) for part in rows.of_cells)
        ni, nj, nk = (n + 1 for n in rows.shape)
        self.shares = _put(np.zeros((ni, nj)))
        self.by_node = ((_over(nk, BLOCK[0]), _over(nj, BLOCK[1]), ni), BLOCK)
        self.by_line = ((_over(nj, BLOCK[1]), ni), (BLOCK[1], 1))
        self.by_place = (_over(rows.nodes, FLAT), FLAT)

    def dot(self, a: Device, b: Device) -> float:
        """a . b in double, the same for every run."""
        from osteoplan.kernels.gpu_kernels import dots

        dots[self.by_line](self.nodes, a, b, self.shares)
        return float(self.shares.copy_to_host().sum())


@dataclass(frozen=True, eq=False)
class GpuLevel:
    """One grid on the device; attributes are those of ``multigrid.GridLevel``."""

    lines: Lines
    K0: Device
    E: Device
    inverse: Device
    bound: float
    z: Device
    d: Device
    rest: Device
    degree: int
    ratio: float
    cut: tuple[Device, Device] | None

    @classmethod
    def of(cls, level: GridLevel) -> GpuLevel:
        """Carry a grid over, with room of its own."""
        edges, poisson = brick_of(level.blocks)
        K0 = brick_stiffness(list(edges), poisson).astype(np.float32)
        z, d, rest = (_put(level.rows.zeros(np.float32)) for _ in range(3))
        cut = None if level.cut is None else _bricks(level.cut.packed)
        return cls(
            Lines(level.rows), _put(K0), _put(level.E), _put(level.inverse), level.bound, z, d, rest,
            level.degree, level.ratio, cut,
        )  # fmt: skip

    def take_off(self) -> None:
        """rest -= A d."""
        from osteoplan.kernels.gpu_kernels import add_stiffness, take_off_bricks

        lines = self.lines
        add_stiffness[lines.by_node](
            lines.nodes, lines.cells, self.E, self.K0, self.d, self.rest, np.float32(-1.0)
        )
        if self.cut is not None:
            corners, matrices = self.cut
            take_off_bricks[_over(len(corners), FLAT), FLAT](corners, matrices, self.d, self.rest)

    def smooth(self, *, last: bool) -> None:
        """z += p(D^-1 A) rest."""
        from osteoplan.kernels.gpu_kernels import chebyshev

        high, low = self.bound, self.bound / self.ratio
        middle, half = (high + low) / 2, (high - low) / 2
        rho, keep, gain = half / middle, 0.0, 1.0 / middle
        for step in range(self.degree):
            if step:
                self.take_off()
                rho, old = 1 / (2 * middle / half - rho), rho
                keep, gain = rho * old, 2 * rho / half
            chebyshev[self.lines.by_place](
                np.float32(keep), np.float32(gain), self.inverse, self.rest, self.d, self.z
            )
        if not last:
            self.take_off()


class GpuHierarchy:
    """The W-cycle of ``multigrid.Hierarchy`` on the device."""

    def __init__(self, levels: list[GpuLevel], at: Device, inverse: Device) -> None:
        self.levels, self.at, self.inverse = levels, at, inverse

    @classmethod
    def of(cls, hierarchy: Hierarchy) -> GpuHierarchy:
        """Carry the grids over."""
        coarsest = hierarchy.coarsest
        levels = [GpuLevel.of(level) for level in hierarchy.levels if isinstance(level, GridLevel)]
        if len(levels) < len(hierarchy.levels) or not isinstance(coarsest, Coarsest):
            raise TypeError("composite grids and factors are not carried over: take Hierarchy.averaged")
        return cls(levels, _put(np.asarray(coarsest.at)), _put(coarsest.inverse))

    def cycle(self, depth: int = 0) -> None:
        """The correction ``z`` of a level from its ``rest``."""
        from osteoplan.kernels.gpu_kernels import prolong, restrict, scaled, solve_coarsest

        level = self.levels[depth]
        scaled[level.lines.by_place](level.z, level.z, np.float32(0.0))
        if depth == len(self.levels) - 1:
            if self.at.size:
                solve_coarsest[_over(self.at.size, FLAT), FLAT](
                    self.at, self.inverse, level.rest.reshape(level.rest.size), level.z.reshape(level.z.size)
                )
            return
        below = self.levels[depth + 1]
        ways, fine, coarse = below.lines.rows.factors, level.lines.nodes, below.lines.nodes
        level.smooth(last=False)
        for _ in range(1 if depth == 0 else 2):
            restrict[below.lines.by_node](ways, fine, coarse, level.rest, level.inverse, below.rest)
            self.cycle(depth + 1)
            prolong[level.lines.by_node](ways, fine, coarse, below.z, level.inverse, level.z, level.d)
            level.take_off()
        level.smooth(last=True)


@dataclass(frozen=True, eq=False)
class GpuSystem:
    """A and f in double on the device, with the vectors of the iteration."""

    A: Stiffness
    lines: Lines
    K0: Device
    E: Device
    free: Device
    force: F64
    r: Device
    p: Device
    q: Device

    @classmethod
    def of(cls, A: Stiffness, fixed: Bool, force_N: F64 | None) -> GpuSystem:
        """Carry the finest grid over, in double."""
        mesh = A.mesh
        force = np.zeros(fixed.shape) if force_N is None else np.where(fixed, 0.0, force_N)
        room = [_put(mesh.rows.zeros(np.float64)) for _ in range(3)]
        return cls(
            A, Lines(mesh.rows), _put(A.K0),
            _put(mesh.lines_of_cells(A.modulus.astype(np.float64))),
            _put(mesh.lines_of_nodes((~fixed).astype(np.float64))), mesh.lines_of_nodes(force), *room,
        )  # fmt: skip

    def times(self, u: Device, y: Device) -> None:
        """y = A u."""
        from osteoplan.kernels.gpu_kernels import add_stiffness, scaled

        lines = self.lines
        scaled[lines.by_place](y, y, 0.0)
        add_stiffness[lines.by_node](lines.nodes, lines.cells, self.E, self.K0, u, y, 1.0)

    def rest(self, u: Device) -> float:
        """r = f - A u where free; its norm."""
        from osteoplan.kernels.gpu_kernels import advance

        self.r.copy_to_device(self.force)
        self.times(u, self.q)
        none = _put(np.zeros_like(self.force))
        advance[self.lines.by_line](
            self.lines.nodes, none, self.r, none, self.q, self.free, 1.0, self.lines.shares
        )
        return float(np.sqrt(self.lines.shares.copy_to_host().sum()))

    def improve(
        self, u: Device, M: GpuHierarchy, *, goal: float, scale: float, first: int, last: int,
        on_step: OnStep | None,
    ) -> int:  # fmt: skip
        """Conjugate gradients from the residual at hand; the count of all steps so far."""
        from osteoplan.kernels.gpu_kernels import advance, direct, scaled

        lines, top = self.lines, M.levels[0]
        zr = alpha = 1.0
        size = float(np.sqrt(lines.dot(self.r, self.r)))
        for step in range(first + 1, last + 1):
            # A common factor keeps single precision away from its smallest numbers.
            scaled[lines.by_place](self.r, top.rest, 1.0 / size)
            M.cycle()
            zr, old = lines.dot(top.z, self.r), zr
            beta = 0.0 if step == first + 1 else -alpha * lines.dot(top.z, self.q) / old
            direct[lines.by_place](top.z, self.p, beta)
            self.times(self.p, self.q)
            pq = lines.dot(self.p, self.q)
            if not (pq > 0.0 and np.isfinite(pq)):
                raise not_positive(self.A, self.A.mesh.of_lines(self.free.copy_to_host()) == 0)
            alpha = zr / pq
            advance[lines.by_line](lines.nodes, u, self.r, self.p, self.q, self.free, alpha, lines.shares)
            size = float(np.sqrt(lines.shares.copy_to_host().sum()))
            if on_step is not None and not on_step(step, size / scale):
                raise Cancelled(f"elastic equilibrium was stopped at step {step}")
            if size <= 0.9 * goal:  # a little below, so that the true residual passes too
                break
        return step

    def result(self, u: Device, iterations: int, residual: float) -> Equilibrium:
        """Back on the nodes of the mesh."""
        self.times(u, self.q)
        held = 1.0 - self.free.copy_to_host()
        reaction = (self.q.copy_to_host() - self.force) * held
        mesh = self.A.mesh
        return Equilibrium(mesh.of_lines(u.copy_to_host()), mesh.of_lines(reaction), iterations, residual)


def _bricks(packed: Packed) -> tuple[Device, Device]:
    """(nodes (n, 8), matrices (n, 24, 24)) of bricks with matrices of their own."""
    matrices = packed.whole(np.arange(len(packed.lane)))
    return _put(packed.corners_of_bricks), _put(matrices.astype(np.float32))


def _over(count: int, size: int) -> int:
    return max(1, -(-count // size))


def _put(array: Array) -> Device:
    from numba import cuda

    return cuda.to_device(np.ascontiguousarray(array))
