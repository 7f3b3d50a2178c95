"""The load that a yielding body bears: Newton's method on bricks of ``yielding``, step by step.

    f_int(u) = load F,  u = t g where fixed        t: displacement of the machine, grown step by step

    newton    T du = r, r the force out of balance; T the consistent tangent, or T + km F F^T (below)
              inexact (krylov), preconditioned by the multigrid of bricks with moduli E sqrt(r), built anew
              in every step: between the bulk of a yielded brick, which is E's, and its shear, which is E r's
    search    where r.du has not fallen, back to where it crosses zero: with beta = alpha the increment is
              the minimum of a convex energy along du
    step      halved where Newton stops short, doubled again after two that went well
    gauge     the way may be measured on the body instead of at the machine (g.u): then a step is as long as
              the last one says that it takes, and solved again where the body gave way by half more
    loaded by a given force F (work-averaged displacement F.u): through a spring km, load = km (t - F.u), so
              that a body at its limit is still held; km is the stiffness of the body itself

With softening the yield stress of an element falls by sqrt(1 - w / (G / s)), w its dissipated energy per
volume, G the energy per area that a crack or crush band takes, s the edge: stress falls in a straight line to
eps_0 + 2 G / (strength s), and what a band dissipates does not depend on the edge (crack band, Bazant & Oh
1983).  Within a step the yield stress is that of the middle of the step, extrapolated from the last one
(Oliver et al. 2008): every step stays a convex problem, and the step must be small.  Softening is carried as
permanent strain, not as lost stiffness; a body that is only loaded cannot tell the two apart.

Sources: Simo & Hughes 1998; Eisenstat & Walker 1996 (forcing); Bazant & Oh 1983; Oliver, Huespe & Cante 2008.
Tests: tests/analytic/test_plasticity.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import Cancelled, NotConverged, OnStep
from osteoplan.kernels.beams import Tie
from osteoplan.kernels.elasticity import Bricks, Stiffness
from osteoplan.kernels.krylov import conjugate_gradients, gmres, total
from osteoplan.kernels.multigrid import Hierarchy, equilibrium
from osteoplan.kernels.rows import add_stiffness, modal_blocks
from osteoplan.kernels.yielding import Brick, Elements, Tangent

__all__ = ["Body", "Boundary", "LoadPath", "Point", "follow"]

MANY = 0.05  # share of the elements that measures a step where no end is given
MOST_NEWTON = 15
MOST_CG = 120
SOFTEST = 1e-3  # share of E that a yielded element keeps in T, not in the forces: T stays invertible
REMNANT = 1e-6  # share of k^2 that a wholly softened element keeps
SMALLEST = 1.0 / 256.0  # of a step
TOO_FAR = 1.5  # a step that the gauge finds that much longer than asked is solved again
BEYOND = 1.02  # of what is left of the way, where only a rate tells how far that is
FUTILE = (
    4.0  # the machine has gone that many times the elastic way and the gauge has not: something else gives
)


@dataclass(frozen=True, eq=False)
class Body:
    """Bricks with yield surfaces; arrays are (n_elements,).

    Attributes:
        E: Young's modulus [MPa]; k, alpha, beta: of ``yielding``.
        energy_N_mm: G of each element [N/mm], infinite where nothing softens; None: nothing does.
        ties: rods in the mesh; they stay elastic.
    """

    mesh: Bricks
    edges_mm: tuple[float, float, float]
    poisson: float
    E: F64
    k: F64
    alpha: F64
    beta: F64
    energy_N_mm: F64 | None = None
    ties: tuple[Tie, ...] = ()


@dataclass(frozen=True, eq=False)
class Boundary:
    """How the body is held and driven; arrays are (n_nodes, 3).

    Attributes:
        fixed: held or moved by the machine; unit_mm: its displacement where fixed, at t = 1.
        force: load at 1 N (or N mm) of the machine, on free unknowns; None where it moves the body itself.
        gauge: weights; gauge.u [mm] is the way that ``follow`` goes; None: that of the machine.
    """

    fixed: Bool
    unit_mm: F64
    force: F64 | None = None
    gauge: F64 | None = None


@dataclass(frozen=True)
class Point:
    """One state of equilibrium.

    Attributes:
        displacement_mm: of the machine (work average over the load); force_N: work-conjugate to it.
        gauge_mm: of the gauge; the machine's own where there is none.
        yielded: share of the elements that have ever yielded.
        newton, products: steps and products with the tangent that it took; residual: relative.
    """

    displacement_mm: float
    force_N: float
    gauge_mm: float
    yielded: float
    newton: int
    products: int
    residual: float


@dataclass(frozen=True, eq=False)
class LoadPath:
    """States from rest to the end, the first at first yield.

    Attributes:
        stiffness: elastic, N/mm; displacement_mm: (n_nodes, 3) at the end.
        step_mm: of the gauge, in a whole step; 0 where nothing yields.
        strain: (n_elements,) plastic strain; work: (n_elements,) dissipated energy [N/mm2].
    """

    points: tuple[Point, ...]
    stiffness: float
    displacement_mm: F64
    strain: F64
    work: F64
    step_mm: float

    @property
    def peak_N(self) -> float:
        """Largest force."""
        return max(point.force_N for point in self.points)

    @property
    def slope(self) -> float:
        """Of the last step [N/mm]; elastic where nothing yields."""
        return _slope(self.points) if len(self.points) > 1 else self.stiffness

    def force_at(self, gauge_mm: float) -> float:
        """Force where the gauge tells that, straight between states; from rest on."""
        d, F = zip((0.0, 0.0), *((p.gauge_mm, p.force_N) for p in self.points), strict=True)
        if not gauge_mm <= d[-1] * (1 + 1e-9):
            raise ValueError(f"the path ends at {d[-1]:g} mm, before {gauge_mm:g} mm")
        return float(np.interp(gauge_mm, d, F))

    def rise(self, gauge_mm: float, step_mm: float) -> float:
        """Share of the force there that the way of one step before it brought."""
        here = self.force_at(gauge_mm)
        return 1.0 - self.force_at(max(gauge_mm - step_mm, 0.0)) / here if here > 0.0 else 0.0


def follow(
    body: Body,
    boundary: Boundary,
    *,
    to_mm: float | None = None,
    steps: int,
    plateau: float = -np.inf,
    tolerance: float = 1e-4,
    on_step: OnStep | None = None,
) -> LoadPath:
    """Load the body from rest until the gauge tells ``to_mm``.

    Args:
        to_mm: of the gauge; a body that does not yield before is computed there alone.  None: as far as
            ``steps`` go when each is as long as the way to where ``MANY`` of the elements would yield.
        steps: equal increments from first yield to the end.
        plateau: share of the elastic stiffness; the path ends where the last step rose less steeply.
        tolerance: force out of balance over the force of supports and load.

    Returns:
        The path; it ends short of ``to_mm`` where the machine moves on and the gauge does not.

    Raises:
        ValueError: the gauge does not grow while the body is elastic.
        NotConverged: a step failed even when it was cut to 1/256.
        Cancelled: ``on_step(newton steps so far, residual)`` returned False.
    """
    walk = _Walk(body, boundary, tolerance, on_step)
    per = walk.gauge_mm(walk.virgin, 1.0)
    if not per > 0.0:
        raise ValueError(
            f"the gauge tells {per:g} mm where the machine moves by 1 mm: it cannot say how far to go"
        )
    yields = walk.yields_at()
    first = float(yields.min(initial=np.inf))
    if to_mm is None:
        if first == np.inf:  # it bears any load
            return walk.path([walk.elastic_point(1.0, per)], walk.virgin, 0.0)
        reach = yields[yields <= np.quantile(yields, MANY, method="lower")]
        to_mm = per * (first + steps * float(reach[np.isfinite(reach)].max()))
    if first * per >= to_mm:
        return walk.path([walk.elastic_point(to_mm / per, per)], to_mm / per * walk.virgin, 0.0)
    u, points = first * walk.virgin, [walk.elastic_point(first, per)]
    before, whole = np.zeros_like(u), (to_mm - first * per) / steps
    t = walk.machine_at(points[0])
    last, rate, share, easy = t, per, 1.0, 0
    while points[-1].gauge_mm < to_mm * (1 - 1e-9) and t * per < FUTILE * to_mm:
        wanted = share * whole
        if boundary.force is None:
            wanted = min(wanted, (1.0 if boundary.gauge is None else BEYOND) * (to_mm - points[-1].gauge_mm))
        dt = wanted / rate
        found = walk.step(t + dt, u + (dt / last) * (u - before), dt / last)
        if found is None:
            share, easy = share / 2, 0
            if share < SMALLEST:
                raise NotConverged(
                    "the yielding body", residual=walk.residual, tolerance=tolerance, iterations=walk.newton
                )
            continue
        if boundary.gauge is not None:
            gain = walk.gauge_mm(found[0], 0.0) - points[-1].gauge_mm
            rate = max(gain / dt, 0.1 * per)
            if gain > TOO_FAR * wanted and dt * per > SMALLEST * whole:
                continue
        points.append(walk.settled(t + dt, *found))
        before, u = u, found[0]
        if _slope(points) < plateau * walk.stiffness:
            break
        t, last, easy = t + dt, dt, easy + 1
        if easy >= 2 and share < 1.0:
            share, easy = min(2 * share, 1.0), 0
    return walk.path(points, u, whole)


def _slope(points: Sequence[Point]) -> float:
    """Of the last step [N/mm]."""
    one, two = points[-2], points[-1]
    return (two.force_N - one.force_N) / (two.displacement_mm - one.displacement_mm)


class _Walk:
    """A body on its way, everything on lines of nodes; one thread of control."""

    def __init__(self, body: Body, boundary: Boundary, tolerance: float, on_step: OnStep | None) -> None:
        mesh = body.mesh
        self.body, self.boundary, self.tolerance, self.on_step = body, boundary, tolerance, on_step
        self.brick = Brick.of(body.edges_mm, body.poisson)
        self.blocks = modal_blocks(self.brick.whole)
        self.free = mesh.lines_of_nodes((~boundary.fixed).astype(np.float64))
        self.unit = mesh.lines_of_nodes(np.where(boundary.fixed, boundary.unit_mm, 0.0))
        self.F = None if boundary.force is None else self.free * mesh.lines_of_nodes(boundary.force)
        self.gauge = None if boundary.gauge is None else mesh.lines_of_nodes(boundary.gauge)
        at = np.broadcast_to(np.arange(mesh.rows.nodes, dtype=np.int32), (3, mesh.rows.nodes))
        places = mesh.of_lines(np.ascontiguousarray(at))[:, 0][mesh.corners].astype(np.int32)
        self.elements = Elements.of(self.brick, mesh.layers, places, body.E, body.alpha, body.beta)
        self.ties = mesh.ties_on_lines(body.ties)
        self.hierarchy: Hierarchy | None = None
        self.before = np.zeros_like(body.E)  # work done in the last step
        self.newton = self.products = 0
        self.residual = np.inf
        self.symmetric = bool(np.array_equal(body.alpha, body.beta))
        self.k = body.k
        self.virgin, self.stiffness = self._elastic()
        self.spring = 10.0 * self.stiffness

    def _elastic(self) -> tuple[F64, float]:
        """(displacement of lines at 1 mm of the machine, stiffness)."""
        body, boundary = self.body, self.boundary
        A = self._bricks(body.E)
        moved_mm = boundary.unit_mm if self.F is None else np.zeros_like(boundary.unit_mm)
        found = equilibrium(
            A, fixed=boundary.fixed, prescribed_mm=moved_mm, force_N=boundary.force,
            tolerance=min(1e-6, 0.01 * self.tolerance),
        )  # fmt: skip
        u = body.mesh.lines_of_nodes(found.displacement_mm)
        if self.F is not None:
            moved = total(self.F, u)
            return u / moved, 1.0 / moved
        return u, float((found.reaction_N * boundary.unit_mm)[boundary.fixed].sum())

    def _bricks(self, moduli: F64) -> Stiffness:
        return Stiffness.uniform(
            self.body.mesh, self.brick.whole, moduli, dtype=np.float64, ties=self.body.ties
        )

    def yields_at(self) -> F64:
        """(n_elements,) displacement of the machine at which each element would yield, were none to."""
        demand = self.elements.demand(self.virgin, self.k)
        # squeezed from all sides more than it is sheared, an element never meets the cone: demand is below 0
        at = np.full_like(demand, np.inf)
        return np.divide(1.0, demand, out=at, where=demand > 0.0)

    def gauge_mm(self, u: F64, moved: float) -> float:
        """What the gauge tells at displacements u of lines; ``moved``: of the machine."""
        return moved if self.gauge is None else total(self.gauge, u)

    def elastic_point(self, d: float, per: float) -> Point:
        """The state before anything yields; ``per``: of the gauge at 1 mm."""
        return Point(d, d * self.stiffness, d * per, 0.0, 0, 0, 0.0)

    def machine_at(self, point: Point) -> float:
        """Displacement of the machine, its spring included."""
        return point.displacement_mm + (0.0 if self.F is None else point.force_N / self.spring)

    def step(self, t: float, guess: F64, growth: float) -> tuple[F64, F64] | None:
        """(displacements, forces of the elements) at t, not settled; None where Newton stopped short."""
        self.k = self._cohesion(growth)
        return self._newton(t, guess)

    def settled(self, t: float, u: F64, y: F64) -> Point:
        """The state that a step found, taken for the end of it."""
        work = self.elements.work.copy()
        self.elements.settle(u, self.k)
        self.before = self.elements.work - work
        load, moved = self._measured(t, u, y)
        yielded = float(np.count_nonzero(self.elements.strain) / len(self.body.E))
        told = self.gauge_mm(u, moved)
        return Point(moved, load, told, yielded, self.newton, self.products, self.residual)

    def _measured(self, t: float, u: F64, y: F64) -> tuple[float, float]:
        """(force, displacement) of the load."""
        if self.F is None:
            return total(y, self.unit), t
        moved = total(self.F, u)
        return self.spring * (t - moved), moved

    def path(self, points: list[Point], u: F64, step_mm: float) -> LoadPath:
        """What the caller gets."""
        return LoadPath(
            tuple(points),
            self.stiffness,
            self.body.mesh.of_lines(u),
            self.elements.strain,
            self.elements.work,
            step_mm,
        )

    def _cohesion(self, growth: float) -> F64:
        """(n_elements,) k in the middle of the step to come."""
        energy = self.body.energy_N_mm
        if energy is None:
            return self.body.k
        edge = self.brick.volume ** (1.0 / 3.0)
        spent = (self.elements.work + 0.5 * growth * self.before) * edge / energy
        k: F64 = self.body.k * np.sqrt(np.clip(1.0 - spent, REMNANT, 1.0))
        return k

    def _out_of_balance(self, t: float, u: F64) -> tuple[F64, F64, Tangent, float]:
        """(forces out of balance where free, forces of the elements, tangent, relative size)."""
        y, tangent = self.elements.respond(u, self.k)
        for tie in self.ties:
            tie.add(u.T, y.T)
        r = -y * self.free
        held = y * (1.0 - self.free)
        scale = np.sqrt(total(held, held))
        if self.F is not None:
            outer = self.spring * (t - total(self.F, u)) * self.F
            r += outer
            scale = max(scale, np.sqrt(total(outer, outer)))
        return r, y, tangent, float(np.sqrt(total(r, r)) / scale) if scale > 0.0 else 0.0

    def _newton(self, t: float, guess: F64) -> tuple[F64, F64] | None:
        u = guess * self.free + t * self.unit
        r, y, tangent, size = self._out_of_balance(t, u)
        forcing, self.hierarchy = 0.1, None
        for _ in range(MOST_NEWTON):
            self.residual = size
            if self.on_step is not None and not self.on_step(self.newton, size):
                raise Cancelled(f"the yielding body was stopped at step {self.newton}")
            if size <= self.tolerance:
                return u, y
            if not np.isfinite(size):
                return None
            self.newton += 1
            du = self._direction(tangent, r, max(forcing, 0.3 * self.tolerance / size))
            before, slope = size, total(r, du)
            u, r, y, tangent, size = self._searched(t, u, du, slope)
            if slope <= 0.0 and size >= before:
                return None  # the flow is not normal and the guess too far: no way leads on from here
            forcing = min(max(0.5 * (size / before) ** 2, 0.01), 0.1)
        return None

    def _searched(self, t: float, u: F64, du: F64, slope: float) -> tuple[F64, F64, F64, Tangent, float]:
        """The best of a few points along du."""
        s = 1.0
        for _ in range(4):
            r, y, tangent, size = self._out_of_balance(t, u + s * du)
            here = total(r, du)
            if slope <= 0.0 or abs(here) <= 0.8 * slope or not np.isfinite(here):
                break
            s *= min(max(slope / (slope - here), 0.1), 0.7) if here < 0.0 else 1.0
            if here >= 0.0:
                break
        return u + s * du, r, y, tangent, size

    def _direction(self, tangent: Tangent, r: F64, forcing: float) -> F64:
        """T^-1 r, nearly."""
        mesh, rows = self.body.mesh, self.body.mesh.rows
        soft = self.body.E * np.maximum(tangent.ratio, SOFTEST)
        moduli = mesh.lines_of_cells(soft)
        if self.hierarchy is None:
            between = self._bricks(np.sqrt(self.body.E * soft))
            self.hierarchy = Hierarchy.of(between, self.boundary.fixed)
        hierarchy = self.hierarchy

        def apply(x: F64) -> F64:
            y = np.zeros_like(x)
            add_stiffness(rows, self.blocks, moduli, x, y)
            for tie in self.ties:
                tie.add(x.T, y.T)
            self.elements.add_yielded(tangent, x, y)
            if self.F is not None:
                y += self.spring * total(self.F, x) * self.F
            y *= self.free
            return y

        def precondition(x: F64) -> F64:
            return mesh.lines_of_nodes(hierarchy(mesh.of_lines(x)))

        solve = conjugate_gradients if self.symmetric else gmres
        du, products = solve(apply, precondition, r, goal=forcing * np.sqrt(total(r, r)), most=MOST_CG)
        self.products += products
        return du
