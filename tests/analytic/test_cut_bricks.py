"""Bricks that a support cuts: their energy is that of the grid above, and nothing that is held is lost."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import Coarsest, Hierarchy, equilibrium
from osteoplan.kernels.transfers import prolong

EDGES = (0.7, 1.1, 1.9)
SHAPE = (8, 12, 16)


def _patches(mesh):
    """A patch that holds all components, a pad that holds one, a pin inside, a plane of one component."""
    x, y, z = mesh.nodes.T
    fixed = np.zeros((len(mesh.nodes), 3), dtype=bool)
    fixed[(z == 0) & (x >= 1) & (x < 4) & (y >= 5) & (y < 8)] = True
    fixed[(x == SHAPE[0]) & (y >= 3) & (y < 6) & (z >= 9) & (z < 12), 0] = True
    fixed[(x == 3) & (y == 7) & (z == 11), 1:] = True
    fixed[z == SHAPE[2], 2] = True
    return fixed


def _hierarchy(E, fixed=None):
    mesh = Bricks.of(E > 0)
    A = Stiffness.uniform(mesh, brick_stiffness(EDGES, 0.3), mesh.of_box(E), dtype=np.float64)
    fixed = _patches(mesh) if fixed is None else fixed
    return A, fixed, Hierarchy.averaged(A, fixed)


def _energy(level, v):
    level.d[:], level.rest[:] = v, 0.0
    level.take_off()
    return -float((level.rest.astype(np.float64) * v).sum())


def test_every_coarse_grid_of_an_even_body_has_the_energy_of_the_one_above_on_any_support():
    _, _, M = _hierarchy(np.full(SHAPE, 1000.0))
    rng, tried = np.random.default_rng(0), 0
    for above, level in zip(M.levels, M.levels[1:], strict=False):
        assert level.cut is not None
        for _ in range(3):
            v = (rng.standard_normal(level.z.shape) * (level.inverse > 0)).astype(np.float32)
            d, z = (above.rows.zeros(np.float32) for _ in range(2))
            prolong(above.rows, level.rows, v, above.inverse, z, d)
            assert _energy(level, v) == pytest.approx(_energy(above, d), rel=2e-5)
            tried += 1
    assert tried >= 6


def test_whole_even_planes_cut_nothing_and_cost_nothing():
    E = np.full(SHAPE, 1000.0)
    mesh = Bricks.of(E > 0)
    fixed = np.repeat(((mesh.nodes[:, 2] == 0) | (mesh.nodes[:, 2] == SHAPE[2]))[:, None], 3, axis=1)
    _, _, M = _hierarchy(E, fixed)
    assert M.levels[1].cut is None


def test_a_cut_brick_has_the_energy_above_where_moduli_differ_too():
    """Only cut bricks move, so that the mean moduli of the others are not asked."""
    E = 10.0 ** np.random.default_rng(3).uniform(0.0, 4.0, SHAPE)
    _, _, M = _hierarchy(E)
    above, level = M.levels[:2]
    at = level.cut.packed.corners_of_bricks
    counts = np.zeros(level.rows.nodes)
    np.add.at(counts, at, 1.0)
    around = np.zeros(level.rows.nodes)
    rows = level.rows
    for i, j, k in np.ndindex(*rows.shape):
        for a, b, c in np.ndindex(2, 2, 2):
            around[rows.at[i + a, j + b] + k + c] += 1.0
    whole = (counts == around) & (counts > 0)  # every brick around them is cut
    assert whole.sum() >= 4
    v = np.random.default_rng(4).standard_normal(level.z.shape) * whole * (level.inverse > 0)
    v = v.astype(np.float32)
    d, z = (above.rows.zeros(np.float32) for _ in range(2))
    prolong(above.rows, rows, v, above.inverse, z, d)
    assert _energy(level, v) == pytest.approx(_energy(above, d), rel=2e-5)


def test_the_numbers_do_not_depend_on_the_count_of_threads(monkeypatch):
    E = 10.0 ** np.random.default_rng(5).uniform(2.0, 3.0, (30, 28, 33))
    got = []
    for threads in (1, 2, 3):
        monkeypatch.setattr("osteoplan.kernels.threads.cores", lambda threads=threads: threads)
        A, fixed, M = _hierarchy(E)
        prescribed = np.where(fixed, 0.01, 0.0)
        found = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, preconditioner=M)
        got.append(found.displacement_mm)
    np.testing.assert_array_equal(got[0], got[1])
    np.testing.assert_array_equal(got[0], got[2])


def test_the_coarsest_solve_leaves_alone_what_nothing_resists():
    """A X A = A, and nothing is made of the motion that A does not know."""
    rng = np.random.default_rng(6)
    half = rng.standard_normal((9, 6)) * np.logspace(0, 2, 9)[:, None]
    A = half @ half.T  # rank 6 of 9
    X = Coarsest.inverted(np.arange(9), A.copy()).inverse.astype(np.float64)
    np.testing.assert_allclose(A @ X @ A, A, atol=2e-5 * np.abs(A).max())
    assert (np.abs(X).sum(axis=0) == 0.0).sum() == 3
    assert np.linalg.eigvalsh(X).min() > -1e-6 * np.abs(X).max()


def test_grids_that_fail_are_found_before_they_are_used():
    """A sponge of short voxels: its first coarse bricks are well filled, the next are not."""
    rng = np.random.default_rng(33)
    smooth = rng.standard_normal((20, 28, 14))
    for axis in range(3):
        smooth = smooth + np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis)
    E = np.where(smooth > np.quantile(smooth, 0.5), 1000.0, 0.0)
    _, _, M = _hierarchy(E)
    even = _hierarchy(np.full(SHAPE, 1000.0))[2]
    assert M.slowest() < 0.4 < 0.6 < even.slowest() <= 1.0
