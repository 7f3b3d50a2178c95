"""A small solved body with three different edges, on a grid of any orientation."""

from __future__ import annotations

import numpy as np

import osteoplan

H = (0.7, 1.1, 1.9)
GRIDS = {"straight": np.eye(3), "oblique": None, "left-handed": np.diag([-1.0, 1.0, 1.0])}


def affine(name):
    """Voxel index -> LPS mm; ``oblique`` is turned about all axes."""
    turn = GRIDS[name]
    if turn is None:
        turn, _ = np.linalg.qr(np.array([[2.0, 1.0, -0.3], [-0.4, 1.7, 0.9], [0.5, -0.8, 2.2]]))
        turn *= np.sign(np.linalg.det(turn))
    out = np.eye(4)
    out[:3, :3] = turn * np.array(H)
    out[:3, 3] = (-31.0, 12.5, 400.0)
    return out


def mixed_body(shape=(2, 3, 5), *, void=True):
    """Every voxel another modulus, one corner column void, ends bonded, the upper one pushed and sheared."""
    E = 10.0 ** np.random.default_rng(7).uniform(1, 4, shape)
    if void:
        E[-1, -1] = 0.0
    held = np.full((*(n + 1 for n in shape), 3), np.nan)
    held[:, :, 0], held[:, :, -1] = 0.0, (0.01, -0.02, -0.05)
    return osteoplan.solve_voxels(E, H, held, poisson_ratio=0.3, tolerance=1e-11)


def linear_body(turned, shape=(2, 3, 5)):
    """u = G x in patient space, on the grid of ``turned``: (solution, G)."""
    G = np.array([[1.0, 2.0, -3.0], [0.5, -1.5, 4.0], [2.5, 1.0, 0.7]]) * 1e-3
    index = np.stack(np.meshgrid(*(np.arange(n + 1) for n in shape), indexing="ij"), -1) - 0.5
    axes = turned[:3, :3] / H
    places = index @ turned[:3, :3].T + turned[:3, 3]
    held = places @ G.T @ axes  # components along the array's axes
    held[1:-1, 1:-1, 1:-1] = np.nan
    return osteoplan.solve_voxels(np.full(shape, 900.0), H, held, poisson_ratio=0.25, tolerance=1e-12), G
