"""What theory promises of balls and tubes: a hole, an inclusion, thin holes; a tube pressed and twisted.

    A5   hole: hoop stress at its equator and pole, (27 - 15 nu) / k and -(3 + 15 nu) / k, k = 2 (7 - 5 nu)
    A6   ball of another modulus: the stress inside is uniform
    A7   thinly scattered holes: E / E0 = 1 - 2.0045 c  (nu 0.3)
    A8   Lame: hoop stress and widening of a thick tube under inner pressure, its ends free
         hoop = p a^2 (1 + b^2 / r^2) / (b^2 - a^2)        u(a) E / p = a ((a^2 + b^2) / (b^2 - a^2) + nu)
    A9   twist of a tube: G J with J = pi (ro^4 - ri^4) / 2

One eighth of the ball lies in a box pulled along z; the outer faces are moved exactly as the infinite block
moves there, so no correction for the size of the box is needed.  At the hole of A5 a brick keeps its solid
share of the modulus; in A6 and A7 a brick is wholly ball or wholly block, as its larger part is.

    a          radius            c        modulus of the ball over that of the block, or share of holes
    strain*    the eigenstrain that turns the block's matter into the ball's (Eshelby's equivalence)
    alpha, beta    (1 + nu) / 3 (1 - nu) and 2 (4 - 5 nu) / 15 (1 - nu): what a ball's eigenstrain keeps of
                   its volume change and of its distortion

The true surface of a tube carries the pressure; ``spread_on`` hands it to the steps without losing force or
moment, and the work of those forces is the mean widening of the true surface.  A cube that a wall cuts keeps
its share of the modulus, as a voxel of CT does; ``np.round`` as ``shares`` shows what whole cubes would give.

Sources: Goodier 1933 (hole); Eshelby 1957 (ball); Mura 1987, ch. 2 (field outside); Timoshenko & Goodier,
Theory of Elasticity, art. 28 and 109 (tubes).
Tests: tests/analytic/test_verification.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.verification.blocks import Block, share_inside, spread_on

__all__ = ["Ball", "cavity_hoop", "inclusion_stress", "lame_tube", "twist_stiffness", "void_slope"]

Hoop = tuple[float, float, float]

VOID = 1e-9  # a brick with less modulus than this share of the block's is left out


@dataclass(frozen=True)
class Ball:
    """A ball of radius 1 and modulus c in an infinite block of modulus 1 under unit tension along z."""

    c: float
    poisson: float = 0.3

    def _parts(self) -> tuple[float, float, float, float, float, float]:
        """(alpha, beta, far volume strain, far distortion zz, volume and distortion zz of strain*)."""
        nu = self.poisson
        alpha, beta = (1 + nu) / (3 * (1 - nu)), 2 * (4 - 5 * nu) / (15 * (1 - nu))
        volume, distortion = 1 - 2 * nu, 2 * (1 + nu) / 3
        keep = 1 - self.c
        return (
            alpha, beta, volume, distortion, keep * volume / (1 - alpha * keep),
            keep * distortion / (1 - beta * keep),
        )  # fmt: skip

    def stress_inside(self) -> tuple[float, float]:
        """(zz, xx) stress everywhere in the ball, over the far tension."""
        alpha, beta, volume, distortion, volume_star, distortion_star = self._parts()
        mean = self.c * (volume + alpha * volume_star) / (3 * (1 - 2 * self.poisson))
        rest = self.c * (distortion + beta * distortion_star) / (1 + self.poisson)
        return mean + rest, mean - rest / 2

    def displacement(self, x: F64) -> F64:
        """(n, 3) displacement at points x (n, 3)."""
        alpha, beta, volume, distortion, volume_star, distortion_star = self._parts()
        far = _tensor(volume, distortion)
        r = np.linalg.norm(x, axis=1)[:, None]
        inner = far + _tensor(alpha * volume_star, beta * distortion_star)
        outer = x @ far + self._outside(x, np.maximum(r, 1.0), _tensor(volume_star, distortion_star))
        return np.where(r < 1.0, x @ inner, outer)

    def _outside(self, x: F64, r: F64, star: F64) -> F64:
        """Displacement that strain* in the ball gives the block outside."""
        nu, trace, pulled = self.poisson, float(np.trace(star)), x @ star
        q = (pulled * x).sum(axis=1)[:, None]
        both = trace * x + 2 * pulled
        psi = -both / r**3 + 3 * q * x / r**5 + (3 * both / r**5 - 15 * q * x / r**7) / 5
        found: F64 = (psi + (2 * nu * trace * x + 4 * (1 - nu) * pulled) / r**3) / (6 * (1 - nu))
        return found


def cavity_hoop(n: int = 10, *, box: float = 3.0) -> tuple[Hoop, Hoop]:
    """A5: hoop stress over the far tension at (equator, pole): each at the wall, one brick off, exact there.

    ``n`` bricks to the radius.  At the wall: 1 + p / r^3 + q / r^5 (equator; without the 1 at the pole)
    through the five bricks that begin one brick off.
    """
    block, u = _pulled(Ball(0.0), n, box)
    stress, at, h = block.stress(u), block.centres_mm, 1.0 / n
    found = []
    for axis, component, far in ((0, 2, 1.0), (2, 0, 0.0)):
        others = [b for b in range(3) if b != axis]
        line = (at[:, others] < h).all(axis=1) & (at[:, axis] > 1 + h) & (at[:, axis] < 1 + 6 * h)
        r, seen = at[line, axis], stress[line, component]
        powers = np.stack([r**-3, r**-5], axis=1)
        wall = far + float(np.linalg.lstsq(powers, seen - far, rcond=None)[0].sum())
        found.append((wall, float(seen[0]), _goodier(float(r[0]), axis)))
    return found[0], found[1]


def inclusion_stress(c: float, n: int = 20, *, box: float = 2.0) -> tuple[float, float]:
    """A6: (zz, xx) stress at the centre of a ball of modulus c over the far tension."""
    block, u = _pulled(Ball(c), n, box, whole=True)
    middle = (block.mesh.cells < 2).all(axis=1)
    zz, xx = block.stress(u)[middle].mean(axis=0)[[2, 0]]
    return float(zz), float(xx)


def void_slope(n: int = 32) -> tuple[float, tuple[float, float]]:
    """A7: (1 - E / E0) / c, carried from shares of 2 and 1 % to c = 0; and the two slopes it comes from."""
    (c1, one), (c2, two) = (_array_of_holes(share, n) for share in (0.01, 0.02))
    return one + (one - two) / (c2 - c1) * c1, (one, two)


def _array_of_holes(share: float, n: int) -> tuple[float, float]:
    """(c, (1 - E / E0) / c) of a cubic array of holes, each in a cell of 2 n bricks.

    Faces of the cell stay plane by symmetry: one pull with held flanks gives C11 and C12,
    E = C11 - 2 C12^2 / (C11 + C12).
    """
    radius = n * (6 * share / np.pi) ** (1 / 3)
    hole = share_inside((n, n, n), (1.0, 1.0, 1.0), lambda x: np.linalg.norm(x, axis=1) < radius) >= 0.5
    block = Block(np.where(hole, 0.0, 1.0), (1.0, 1.0, 1.0))
    faces = block.mesh.nodes == n
    moved = np.where(faces, np.array([0.0, 0.0, 1.0]), 0.0)
    reaction = block.solve(block.mirrored((0, 1, 2)) | faces, prescribed_mm=moved).reaction_N
    C12, C11 = (float(reaction[faces[:, axis], axis].sum()) / n for axis in (0, 2))
    c = float(hole.mean())
    return c, (1.0 - (C11 - 2 * C12**2 / (C11 + C12))) / c


def _pulled(ball: Ball, n: int, box: float, *, whole: bool = False) -> tuple[Block, F64]:
    """(an eighth of the ball in its box, the displacement of its nodes), ``n`` bricks to the radius."""
    h = 1.0 / n
    side = round(box * n)
    share = share_inside((side,) * 3, (h,) * 3, lambda x: np.linalg.norm(x, axis=1) < 1.0)
    E = 1.0 + (np.round(share) if whole else share) * (ball.c - 1.0)
    block = Block(np.where(E < VOID, 0.0, E), (h, h, h), ball.poisson)
    fixed = block.mirrored((0, 1, 2))
    fixed[block.on_far_faces()] = True
    return block, block.solve(fixed, prescribed_mm=ball.displacement(block.nodes_mm)).displacement_mm


def _tensor(volume: float, distortion: float) -> F64:
    """Strain of that trace, and that distortion along z."""
    return np.diag([volume / 3 - distortion / 2] * 2 + [volume / 3 + distortion])


def _goodier(r: float, axis: int, nu: float = 0.3) -> float:
    """Hoop stress on the equator (axis 0) or above the pole (axis 2) of a hole of radius 1."""
    below = 2 * (7 - 5 * nu)
    if axis == 0:
        return 1 + (4 - 5 * nu) / below / r**3 + 9 / below / r**5
    return (9 - 15 * nu) / below / r**3 - 12 / below / r**5


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

    def between(x: F64) -> Bool:
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
