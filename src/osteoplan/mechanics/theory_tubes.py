"""What theory promises of tubes in a mesh of cubes: pressed from inside, and twisted.

    A8   Lame: hoop stress and widening of a thick tube under inner pressure, its ends free
         hoop = p a^2 (1 + b^2 / r^2) / (b^2 - a^2)        u(a) E / p = a ((a^2 + b^2) / (b^2 - a^2) + nu)
    A9   twist of a tube: G J with J = pi (ro^4 - ri^4) / 2

The true surface carries the pressure; ``spread_on`` hands it to the steps without losing force or moment, and
the work of those forces is the mean widening of the true surface.  A cube that a wall cuts keeps its share of
the modulus, as a voxel of CT does; ``np.round`` as ``shares`` shows what whole cubes would give.

Source: Timoshenko & Goodier, Theory of Elasticity, art. 28 and 109.  Tests: tests/analytic/test_solids.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from osteoplan.mechanics.theory_blocks import Block, share_inside, spread_on

__all__ = ["lame_tube", "twist_stiffness"]

F64 = npt.NDArray[np.float64]
Shares = Callable[[F64], F64]

INNER, OUTER = 10.0, 20.0  # mm, A8
RING = (6.0, 12.0)  # mm, A9: about the wall and width of a human diaphysis
CORTEX_MPa = 17000.0


def lame_tube(h: float = 1.0, shares: Shares = np.positive) -> tuple[float, float, float]:
    """A8: (hoop at the inner wall, at the outer wall, u(a) E / p) of a quarter in cubes of h, at p = 1.

    Stress at a wall: A + B / r^2 through all bricks at least one edge away from both walls.
    """
    n = round(OUTER / h)
    block = Block(shares(_ring((n, n, 1), h, INNER, OUTER, middle=0.0)), (h, h, h))
    angle = (np.arange(400) + 0.5) / 400 * np.pi / 2
    way = np.stack([np.cos(angle), np.sin(angle), np.zeros(400)], axis=1)
    points = INNER * way + np.array([0.0, 0.0, h / 2])
    area = np.pi / 2 * INNER * h
    force = spread_on(block, points, way * area / 400)
    u = block.solve(block.mirrored((0, 1, 2)), force_N=force).displacement_mm
    r, hoop = _hoop(block, u)
    inner = (r > INNER + h) & (r < OUTER - h)
    columns = np.stack([np.ones(inner.sum()), r[inner] ** -2.0], axis=1)
    A, B = np.linalg.lstsq(columns, hoop[inner], rcond=None)[0]
    return float(A + B / INNER**2), float(A + B / OUTER**2), float((force * u).sum()) / area


def twist_stiffness(h: float = 1.0, shares: Shares = np.positive, *, length_mm: float = 20.0) -> float:
    """A9: moment [N m] that twists 100 mm of the tube by one degree; ends turn in their planes."""
    side, layers = round(2 * RING[1] / h), round(length_mm / h)
    E = CORTEX_MPa * shares(_ring((side, side, layers), h, *RING, middle=RING[1]))
    block = Block(E, (h, h, h))
    end = np.isin(block.mesh.nodes[:, 2], (0, layers))
    fixed = block.nothing_held()
    fixed[end, :2] = True
    fixed[0, 2] = True  # stops the drift along the axis
    x, y = (block.nodes_mm[:, axis] - RING[1] for axis in (0, 1))
    turn = np.where(block.mesh.nodes[:, 2] == layers, np.pi / 180 * length_mm / 100.0, 0.0)
    moved = np.stack([-turn * y, turn * x, np.zeros_like(x)], axis=1)
    reaction = block.solve(fixed, prescribed_mm=moved).reaction_N
    top = block.mesh.nodes[:, 2] == layers
    return float((x * reaction[:, 1] - y * reaction[:, 0])[top].sum()) / 1000.0


def _ring(shape: tuple[int, int, int], h: float, inner: float, outer: float, *, middle: float) -> F64:
    """(ni, nj, nk) share of each cube between two radii around the line x = y = middle."""

    def between(x: F64) -> npt.NDArray[np.bool_]:
        r = np.hypot(x[:, 0] - middle, x[:, 1] - middle)
        return np.asarray((r > inner) & (r < outer))

    layer = share_inside((shape[0], shape[1], 1), (h, h, h), between)
    return np.repeat(layer, shape[2], axis=2)


def _hoop(block: Block, u: F64) -> tuple[F64, F64]:
    """(distance from the axis, hoop stress) of each brick of a quarter."""
    x, y = block.centres_mm[:, 0], block.centres_mm[:, 1]
    r = np.hypot(x, y)
    s = block.stress(u)
    hoop: F64 = (s[:, 0] * y**2 + s[:, 1] * x**2 - 2 * s[:, 5] * x * y) / r**2
    return r, hoop
