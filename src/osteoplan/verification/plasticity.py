"""Closed forms for yielding bodies: what ``kernels.plasticity`` must give (verification case A11).

    bar            yields everywhere at its strength; nothing after that
    cylinder       plane strain, pressure p inside, b = 2 a:   p / s = (2 / sqrt3) ln(b / a) = 0.8004
    sphere         the same:                                   p / s = 2 ln(b / a)           = 1.3863

A ring or shell of voxels is not round: pressure acts on the faces of its steps, and a and b are those of the
circle or sphere of the same area or volume.  The limit is approached from below, with the first power of the
edge: about -3.3 % at a = 10 edges, -1.7 % at 20, -0.9 % at 40 for the cylinder (its steps carry little).

Sources: Hill, The Mathematical Theory of Plasticity (1950), ch. 5 (cylinder, sphere).
Tests: tests/analytic/test_plasticity.py.
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.plasticity import Body, Boundary, LoadPath, follow
from osteoplan.kernels.yielding import cone, dilation

__all__ = ["bar", "bar_limit_error", "cylinder_limit", "sphere_limit", "vessel"]

BRICK = (0.7, 0.8, 1.1)  # three different edges
E, STRENGTH = 1000.0, 10.0  # MPa


def bar(
    shape: tuple[int, int, int], edges: tuple[float, float, float], *, strain: float, steps: int = 6,
    pulled: bool = False, tension: float = STRENGTH, psi: float | None = None, tolerance: float = 1e-6,
) -> tuple[LoadPath, float]:  # fmt: skip
    """(path, cross-section [mm2]) of a bar along k on sliding ends."""
    mesh = Bricks.of(np.ones(shape, dtype=bool))
    low, high = mesh.nodes[:, 2] == 0, mesh.nodes[:, 2] == shape[2]
    fixed = np.stack([mesh.nodes[:, 0] == 0, mesh.nodes[:, 1] == 0, low | high], axis=1)
    unit = np.zeros(fixed.shape)
    unit[high, 2] = 1.0 if pulled else -1.0
    one = np.ones(len(mesh.cells))
    alpha, k = cone(STRENGTH * one, tension * one)
    beta = alpha if psi is None else dilation(psi) * one
    body = Body(mesh, edges, 0.3, E * one, k, alpha, beta)
    reach = strain * shape[2] * edges[2]
    path = follow(body, Boundary(fixed, unit), to_mm=reach, steps=steps, tolerance=tolerance)
    return path, shape[0] * edges[0] * shape[1] * edges[1]


def bar_limit_error() -> float:
    """Plastic bar of bricks with three edges: worst relative error of stiffness and strength."""
    path, area = bar((3, 4, 5), BRICK, strain=0.03, tolerance=1e-9)
    stiffness = E * area / (5 * BRICK[2])
    forces = [point.force_N / (STRENGTH * area) - 1.0 for point in path.points]
    return max(abs(path.stiffness / stiffness - 1.0), *map(abs, forces))


def cylinder_limit(a: int) -> float:
    """Limit pressure over the closed form, a ring of inner radius a edges, b = 2 a, one quarter."""
    path, ratio = vessel(a, 2 * a, dimensions=2)
    return float(path.peak_N / (2.0 / np.sqrt(3.0) * np.log(ratio)))


def sphere_limit(a: int) -> float:
    """Limit pressure over the closed form, a shell of inner radius a edges, b = 2 a, one eighth."""
    path, ratio = vessel(a, 2 * a, dimensions=3)
    return float(path.peak_N / (2.0 * np.log(ratio)))


def vessel(a: int, b: int, *, dimensions: int) -> tuple[LoadPath, float]:
    """(path, its force the pressure over strength; b / a of the round body as large) of a vessel of cubes."""
    centre = np.indices((b, b, b if dimensions == 3 else 1)) + 0.5
    radius = np.sqrt((centre[:dimensions] ** 2).sum(axis=0))
    mesh = Bricks.of((radius > a) & (radius < b))
    fixed = mesh.nodes == 0
    fixed[:, 2] |= dimensions == 2
    force = np.where(fixed, 0.0, _pressure(mesh, radius <= a))
    strength = np.ones(len(mesh.cells))
    flat = np.zeros_like(strength)
    body = Body(mesh, (1.0, 1.0, 1.0), 0.3, E * strength, strength / np.sqrt(3.0), flat, flat)
    # volume opened over the inner face, about: the pressure has long levelled off there
    reach = 16.0 * a**dimensions / E
    inside, all = float((radius <= a).sum()), float((radius < b).sum())
    path = follow(body, Boundary(fixed, np.zeros(force.shape), force), to_mm=reach, steps=10)
    return path, (all / inside) ** (1.0 / dimensions)


def _pressure(mesh: Bricks, hollow: Bool) -> F64:
    """(n_nodes, 3) forces of a pressure of 1 on the faces from hollow to mesh, towards larger indices."""
    number, solid = mesh.node_numbers, mesh.solid
    force = np.zeros((len(mesh.nodes), 3))
    for axis in range(3):
        behind = np.insert(np.delete(hollow, -1, axis), 0, False, axis)
        faces = np.argwhere(behind & solid)
        one, other = (np.eye(3, dtype=int)[c] for c in range(3) if c != axis)
        for corner in (0 * one, one, other, one + other):
            np.add.at(force, (number[tuple((faces + corner).T)], axis), 0.25)
    return force
