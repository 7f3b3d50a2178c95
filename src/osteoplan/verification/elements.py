"""What theory promises of the elasticity kernel, as errors that must vanish and an order that must hold.

    A1   patch test                        A13  order of convergence on a manufactured solution
    A2   rigid motions of a brick          A14  residual, energy, balance, symmetry, scaling, threads
    A3   bars in series and in parallel    A15  stiffness never falls where the modulus rises

Shared by ``verification`` and the tests, so that both ask the same.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64
from osteoplan.kernels.elasticity import CORNERS, Bricks, Stiffness, brick_stiffness, element_energy
from osteoplan.kernels.multigrid import Equilibrium, equilibrium
from osteoplan.verification.blocks import Block

__all__ = [
    "BRICK", "bar_error", "convergence_order", "monotony_error", "patch_error", "random_bone",
    "rigid_motion_error", "solver_error", "squeeze",
]  # fmt: skip

BRICK = (0.7, 1.1, 1.9)  # three different edges [mm]: a swapped axis shows


def patch_error() -> float:
    """A1: a linear displacement on the surface of 2 x 3 x 5 equal bricks must fill the inside."""
    block = Block(np.full((2, 3, 5), 700.0), BRICK)
    exact = block.nodes_mm @ np.random.default_rng(1).standard_normal((3, 3)).T
    u = block.solve(block.all_faces(), prescribed_mm=exact, tolerance=1e-13).displacement_mm
    return float(np.abs(u - exact).max() / np.abs(exact).max())


def rigid_motion_error() -> float:
    """A2: K0 is symmetric, has exactly six zero eigenvalues, and they are translations and rotations."""
    K0 = brick_stiffness(BRICK, 0.3)
    at = CORNERS * np.array(BRICK)
    moves = [np.tile(axis, 8) for axis in np.eye(3)] + [np.cross(axis, at).ravel() for axis in np.eye(3)]
    force = max(float(np.abs(K0 @ move).max()) for move in moves)
    values = np.linalg.eigvalsh(K0)
    seventh = 0.0 if values[6] > 1e-3 * values[-1] else 1.0  # no more than six (no hourglass)
    worst = (force / values[-1], np.abs(K0 - K0.T).max(), -values[0] / values[-1], seventh)
    return float(max(worst))


def bar_error() -> float:
    """A3: two materials one behind the other, and side by side; no Poisson effect, so the answer is exact."""
    shape, E1, E2 = (4, 3, 6), 2.0, 2e4
    area, length = 4 * BRICK[0] * 3 * BRICK[1], 6 * BRICK[2]
    series, parallel = np.full(shape, E1), np.full(shape, E1)
    series[:, :, 2:] = E2
    parallel[:3] = E2
    exact = (area / (length / 3 / E1 + 2 * length / 3 / E2), area / length * (E1 + 3 * E2) / 4)
    got = (squeeze(series, poisson=0.0)[0], squeeze(parallel, poisson=0.0)[0])
    return max(abs(g / e - 1) for g, e in zip(got, exact, strict=True))


def solver_error() -> float:
    """A14: the worst of six promises, on bricks of random modulus with voids."""
    E = random_bone()
    K, found, mesh, energy = squeeze(E)
    k = abs(K)
    flips = [squeeze(np.flip(E, axis))[0] for axis in range(3)]
    larger = random_bone((24, 21, 20))  # enough elements to be shared out
    alone, shared = (squeeze(larger, threads=n, tolerance=1e-8)[1].displacement_mm for n in (1, 3))
    return max(
        found.residual,
        abs(float((mesh.of_box(E) * energy).sum()) - K) / k,
        float(np.abs(found.reaction_N.sum(axis=0)).max()) / k,
        *(abs(other - K) / k for other in flips),
        abs(squeeze(1e3 * E)[0] / 1e3 - K) / k,
        0.0 if np.array_equal(alone, shared) else 1.0,
    )


def monotony_error() -> float:
    """A15: stiffening any part of the bone may not soften the whole (0 where it holds)."""
    E = random_bone()
    K = squeeze(E)[0]
    fall = 0.0
    for seed in range(3):
        stiffer = E * np.random.default_rng(seed).uniform(1.0, 5.0, E.shape)
        fall = max(fall, K - squeeze(stiffer)[0])
    return float(fall / K)


def convergence_order() -> float:
    """A13: observed order between bricks of h and h/2, u = sin sin sin with its body force."""
    errors = [_manufactured_error(n) for n in (1, 2)]
    return float(np.log2(errors[0] / errors[1]))


def random_bone(shape: tuple[int, int, int] = (9, 12, 10)) -> F64:
    """Moduli over three decades with voids, full planes at both ends, in one piece."""
    rng = np.random.default_rng(7)
    E = 10.0 ** rng.uniform(0.0, 3.0, shape)
    E[rng.uniform(size=E.shape) < 0.15] = 0.0
    E[:, :, [0, -1]] = 2500.0
    pieces, _ = ndimage.label(E > 0)
    return np.where(pieces == pieces[0, 0, 0], E, 0.0)


def squeeze(
    E: F64, *, edges: tuple[float, float, float] = BRICK, poisson: float = 0.3, threads: int = 0,
    tolerance: float = 1e-11,
) -> tuple[float, Equilibrium, Bricks, F64]:  # fmt: skip
    """(stiffness [N/mm], solution, mesh, element energies) of a box between two bonded plates along k."""
    mesh = Bricks.of(E > 0)
    low, high = mesh.nodes[:, 2] == 0, mesh.nodes[:, 2] == mesh.shape[2]
    fixed = np.zeros((len(mesh.nodes), 3), dtype=bool)
    fixed[low | high] = True
    prescribed = np.zeros(fixed.shape)
    prescribed[high, 2] = -1.0
    K0 = brick_stiffness(edges, poisson)
    A = Stiffness.uniform(
        mesh, K0, np.asarray(mesh.of_box(E), dtype=np.float64), dtype=np.float64, threads=threads
    )
    found = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=tolerance)
    K = -float(found.reaction_N[high, 2].sum())
    return K, found, mesh, element_energy(mesh, K0, found.displacement_mm)


def _manufactured_error(n: int) -> float:
    """L2 error on the box 3 x 4 x 5 in bricks of 1/(2n) x 1/(3n) x 1/(4n); the force is lumped at nodes."""
    edges = np.array([1 / (2 * n), 1 / (3 * n), 1 / (4 * n)])
    shape = [round(side / h) for side, h in zip((3, 4, 5), edges, strict=True)]
    block = Block(np.ones(shape), tuple(edges))
    wave, x = np.pi / np.array([3.0, 4.0, 5.0]), block.nodes_mm
    exact = np.outer(np.prod(np.sin(x * wave), axis=1), [1.0, -0.5, 0.25])
    force = _body_force(x, wave, exact, poisson=0.3) * edges.prod()
    u = block.solve(block.all_faces(), force_N=force, tolerance=1e-10).displacement_mm
    return float(np.sqrt(((u - exact) ** 2).sum() * edges.prod()))


def _body_force(x: F64, wave: F64, exact: F64, *, poisson: float) -> F64:
    """-div sigma of u = c prod sin(w x) at E = 1: mu |w|^2 u - (lambda + mu) grad(div u)."""
    first = poisson / ((1 + poisson) * (1 - 2 * poisson))
    shear = 0.5 / (1 + poisson)
    c = np.array([1.0, -0.5, 0.25])
    s, t = np.sin(x * wave), np.cos(x * wave)
    grad_div = np.zeros_like(exact)
    for a in range(3):
        for b in range(3):
            if a == b:
                shape = -(wave[a] ** 2) * s.prod(axis=1)
            else:
                rest = 3 - a - b
                shape = wave[a] * wave[b] * t[:, a] * t[:, b] * s[:, rest]
            grad_div[:, a] += c[b] * shape
    force: F64 = shear * (wave**2).sum() * exact - (first + shear) * grad_div
    return force
