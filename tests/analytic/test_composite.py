"""Composite grids of porous bodies: rigid motions, energy, symmetry, and the steps that sponges need."""

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from osteoplan.kernels.composite import _spectrum
from osteoplan.kernels.composite_grids import Grid, coarser
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import Hierarchy, equilibrium

EDGES = (0.9, 1.0, 1.1)
BODIES = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "bodies.py"))


def _sponge(shape, seed=0):
    """A random sponge that a path crosses from the lowest plane to the highest; a third is solid."""
    noise = np.random.default_rng(seed).normal(size=shape)
    noise = ndimage.gaussian_filter(noise, 1.5, mode="wrap")
    solid = noise > np.quantile(noise, 0.65)
    labels, _ = ndimage.label(solid)
    through = np.intersect1d(labels[:, :, 0], labels[:, :, -1])
    largest = max(through[through > 0], key=lambda one: (labels == one).sum())
    return np.where(labels == largest, 18000.0, 0.0)


def _squeezed(E, edges=EDGES):
    """(stiffness, fixed, prescribed): the lowest plane is held, the highest one moved."""
    mesh = Bricks.of(E > 0)
    low, high = mesh.nodes[:, 2] == 0, mesh.nodes[:, 2] == E.shape[2]
    fixed = np.repeat((low | high)[:, None], 3, axis=1)
    prescribed = np.where(high[:, None], [0.0, 0.0, -0.01], 0.0)
    A = Stiffness.uniform(mesh, brick_stiffness(edges, 0.3), mesh.of_box(E), dtype=np.float64)
    return A, fixed, prescribed


def _ways(grid):
    return tuple(2 if n > 1 else 1 for n in grid.shape)


def _interpolation(transfer, coarse):
    """(nodes, coarse nodes) P."""
    P = np.zeros((len(transfer.first) - 1, len(coarse.nodes)))
    for n in range(len(P)):
        reads = transfer.reads[transfer.first[n] : transfer.first[n + 1]]
        P[n, reads] = 1.0 / len(reads)
    return P


def test_values_add_up_and_linear_motions_are_exact_on_every_composite_grid():
    grid = Grid.of(Bricks.of(_sponge((18, 15, 20)) > 0))
    while grid.shape != (1, 1, 1):
        ways = _ways(grid)
        below, transfer = coarser(grid, ways)
        P = _interpolation(transfer, below)
        np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-14)
        np.testing.assert_allclose(P @ (below.nodes * np.array(ways)), grid.nodes, atol=1e-12)
        grid = below


def test_struts_that_do_not_touch_stay_apart_until_they_meet():
    """Two columns a voxel apart, joined by a bar on top: two bricks in a cell, and one above the bar."""
    solid = np.zeros((4, 4, 8), dtype=bool)
    solid[0, 0], solid[3, 3], solid[:, 0, 7], solid[3, :, 7] = True, True, True, True
    once, _ = coarser(Grid.of(Bricks.of(solid)), (2, 2, 2))
    twice, _ = coarser(once, (2, 2, 2))
    assert (twice.cells == [0, 0, 0]).all(axis=1).sum() == 2
    assert (twice.cells == [0, 0, 1]).all(axis=1).sum() == 1
    foot = np.flatnonzero((twice.nodes == [1, 1, 0]).all(axis=1))
    assert len(foot) == 2  # where one averaged brick would have one


def test_a_composite_brick_has_the_energy_of_the_grid_above_it():
    A, fixed, _ = _squeezed(_sponge((12, 14, 15)))
    top, first, second, *_ = Hierarchy.composite(A, fixed).levels
    u = np.random.default_rng(0).standard_normal(second.z.shape).astype(np.float32)
    u[second.inverse == 0] = 0.0
    energies = []
    for level in (second, first, top):
        level.d[:], level.rest[:] = u, 0.0
        level.take_off()
        energies.append(-float((level.d.astype(np.float64) * level.rest).sum()))
        if level is not top:
            above = first if level is second else top
            level.z[:], above.z[:], above.d[:] = u, 0.0, 0.0
            level.spread(above)
            u = above.d.copy()
    assert energies[0] > 0
    np.testing.assert_allclose(energies[1:], energies[0], rtol=1e-5)


def _small():
    """Struts and a plate in bricks with three different edges, held below: (stiffness, fixed)."""
    E = np.zeros((5, 4, 9))
    E[0, 0], E[4, 3], E[2:4, 1] = 900.0, 70.0, 3.0
    E[:, :, 4], E[1, 2, 5:] = 400.0, 5000.0
    A, fixed, _ = _squeezed(E, (0.7, 1.1, 1.9))
    fixed[A.mesh.nodes[:, 2] > 0] = False
    fixed[np.flatnonzero(A.mesh.nodes[:, 2] == 9)[0], 0] = True  # one component of one node as well
    return A, fixed


def _assembled(A, fixed):
    """(3 nodes, 3 nodes) the stiffness with what is held taken out, by a plain loop."""
    whole = np.zeros((3 * len(A.mesh.nodes),) * 2)
    for E, corners in zip(A.modulus, A.mesh.corners, strict=True):
        at = (3 * corners[:, None] + np.arange(3)).ravel()
        whole[np.ix_(at, at)] += E * A.K0
    whole[fixed.ravel()] = whole[:, fixed.ravel()] = 0.0
    return whole


def test_a_composite_grid_is_the_galerkin_product_of_the_one_above_it(monkeypatch):
    """A_coarse = P^T A P, grid after grid, against dense matrices; its product and diagonal agree with it."""
    monkeypatch.setattr("osteoplan.kernels.multigrid.COARSEST_NODES", 12)
    monkeypatch.setattr("osteoplan.kernels.factored.THIN", 0)  # down to the last grid
    A, fixed = _small()
    dense, grid, edges = _assembled(A, fixed), Grid.of(A.mesh), np.array([0.7, 1.1, 1.9])
    for level in Hierarchy.composite(A, fixed).levels[1:]:
        ways = tuple(2 if n > 1 and h <= 1.5 * edges[np.array(grid.shape) > 1].min() else 1
                     for h, n in zip(edges, grid.shape, strict=True))  # fmt: skip
        below, transfer = coarser(grid, ways)
        P = np.kron(_interpolation(transfer, below), np.eye(3))
        dense, grid, edges = P.T @ dense @ P, below, edges * ways
        at, own = level.matrix()
        component, node = np.divmod(at, level.inverse.shape[1])
        picked = 3 * node + component
        np.testing.assert_allclose(own.toarray(), dense[np.ix_(picked, picked)], atol=1e-6 * dense.max())
        still = np.setdiff1d(np.arange(len(dense)), picked)
        assert np.abs(dense[still]).max(initial=0.0) < 1e-6 * dense.max()
        d = np.random.default_rng(2).standard_normal((len(below.nodes), 3))
        level.d[:], level.rest[:] = d.T, 1.0
        level.take_off()
        np.testing.assert_allclose(level.rest.T.ravel(), 1.0 - dense @ d.ravel(), atol=2e-6 * dense.max())
        diagonal = np.diag(dense)[picked]
        np.testing.assert_allclose(level.inverse[component, node], 1.0 / diagonal, rtol=1e-5)


def test_what_goes_down_is_the_transpose_of_what_comes_up():
    """gather(r).x = r.spread(x) for every r and x, on grids of lines and on composite ones."""
    A, fixed = _small()
    levels = Hierarchy.composite(A, fixed).levels
    rng = np.random.default_rng(6)
    for above, level in itertools.pairwise(levels):
        above.rest[:], level.z[:] = (rng.standard_normal(x.shape) for x in (above.rest, level.z))
        level.z[:, -1] = 0.0
        above.z[:] = 5.0
        level.gather(above)
        level.spread(above)
        down, up = (level.rest * level.z).sum(), (above.rest * above.d).sum()
        assert down == pytest.approx(up, rel=1e-4)
        assert (above.z == 5.0 + above.d).all()
        assert not above.d[above.inverse == 0].any()


def test_the_bound_of_a_brick_lies_close_above_its_largest_eigenvalue():
    """The 16th root of the sum of the 16th powers of 24 eigenvalues: above the largest, by 22 % at most."""
    K = brick_stiffness((0.7, 1.1, 1.9), 0.3)
    K += 40.0 * np.outer(np.arange(24), np.arange(24)) / 24
    half = np.zeros((2, 24, 24), dtype=np.float32)
    scale = np.sqrt(np.diag(K))
    values = np.linalg.eigvalsh(K / np.outer(scale, scale))
    assert _spectrum(K, *half) == pytest.approx((values**16).sum() ** (1 / 16), rel=1e-5)
    K[3], K[:, 3] = 0.0, 0.0  # held
    assert np.isfinite(_spectrum(K, *half))


def test_the_preconditioner_is_symmetric_and_positive():
    A, fixed, _ = _squeezed(_sponge((16, 14, 18), seed=1))
    M = Hierarchy.composite(A, fixed)
    rng = np.random.default_rng(3)
    a, b = (np.where(fixed, 0.0, rng.standard_normal(fixed.shape)) for _ in range(2))
    one, other = float((a * M(b)).sum()), float((b * M(a)).sum())
    size = np.sqrt(float((a * M(a)).sum()) * float((b * M(b)).sum()))
    assert (a * M(a)).sum() > 0
    assert one == pytest.approx(other, abs=1e-4 * size)


def test_the_bound_of_the_spectrum_is_kept_on_every_grid():
    A, fixed, _ = _squeezed(_sponge((16, 14, 18), seed=2))
    for level in Hierarchy.composite(A, fixed).levels[1:]:
        x = np.random.default_rng(1).standard_normal(level.z.shape).astype(np.float32)
        for _ in range(60):
            level.d[:], level.rest[:] = np.where(level.inverse > 0, x, 0.0), 0.0
            level.take_off()
            y = -level.rest * level.inverse
            found = np.linalg.norm(y) / np.linalg.norm(level.d)
            x = y / np.linalg.norm(y)
        assert found < level.bound < 2.0 * found


def test_a_sponge_needs_few_steps_and_its_answer_is_that_of_averaged_grids():
    A, fixed, prescribed = _squeezed(_sponge((32, 32, 32)))
    M = Hierarchy.of(A, fixed)
    assert type(M.levels[1]).__name__ == "Composite"
    ours = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, preconditioner=M)
    plain = equilibrium(
        A, fixed=fixed, prescribed_mm=prescribed, preconditioner=Hierarchy.averaged(A, fixed),
        max_iterations=400,
    )  # fmt: skip
    assert ours.iterations < 60
    assert 3 * ours.iterations < 2 * plain.iterations
    np.testing.assert_allclose(ours.displacement_mm, plain.displacement_mm, atol=1e-6)


# Steps with every coarse grid down to the last (9 steps of smoothing on each) in brackets.
@pytest.mark.parametrize(
    ("kind", "seed", "most"),
    [
        ("rods and plates", 1, 22),  # (25)
        ("rods, sparse", 1, 24),  # (30)
        ("sheets, 1.5 voxels", 1, 24),  # (26)
        ("trabeculae 20 %", 0, 38),  # (46)
        ("trabeculae 40 %, fine", 1, 32),  # (34)
    ],
)
def test_sponges_of_every_kind_need_few_steps(kind, seed, most):
    A, fixed, prescribed = _squeezed(BODIES["sponge"](kind, 32, seed=seed), (1.0, 1.0, 1.0))
    assert equilibrium(A, fixed=fixed, prescribed_mm=prescribed).iterations <= most


@pytest.mark.slow
@pytest.mark.parametrize("kind", BODIES["SPONGES"])
def test_larger_sponges_of_every_kind_need_few_steps(kind):
    A, fixed, prescribed = _squeezed(BODIES["sponge"](kind, 64), (1.0, 1.0, 1.0))
    assert equilibrium(A, fixed=fixed, prescribed_mm=prescribed).iterations <= 45


def test_the_coarsest_grid_is_solved_exactly():
    A, fixed, _ = _squeezed(_sponge((24, 22, 26)))
    M = Hierarchy.composite(A, fixed)
    level = M.levels[-1]
    level.d[:] = np.where(level.inverse > 0, np.random.default_rng(4).standard_normal(level.z.shape), 0.0)
    level.rest[:] = 0.0
    level.take_off()
    size = np.linalg.norm(level.rest)
    M.coarsest(level)
    level.d[:] = level.z
    level.take_off()
    # 24 entries of single precision, and the shift of what hardly resists
    assert np.linalg.norm(level.rest[level.inverse > 0]) < 1e-5 * size


def test_thin_struts_are_factorised_two_grids_down_and_what_fills_the_box_on_the_last():
    struts, fixed, _ = _squeezed(BODIES["sponge"]("rods, sparse", 40))
    M = Hierarchy.composite(struts, fixed)
    assert len(M.levels) == 3
    assert len(M.coarsest.at) > 2000
    cube, fixed, _ = _squeezed(np.full((40, 40, 40), 500.0))
    M = Hierarchy.composite(cube, fixed)
    assert len(M.levels) == 4
    assert len(M.coarsest.at) < 1000


def test_a_dense_body_keeps_averaged_bricks():
    E = np.full((12, 14, 16), 500.0)
    E[3:6, 4:7, 5:9] = 0.0
    A, fixed, _ = _squeezed(E)
    assert type(Hierarchy.of(A, fixed).levels[1]).__name__ == "GridLevel"


def test_a_thread_more_does_not_change_one_bit(monkeypatch):
    A, fixed, _ = _squeezed(_sponge((24, 40, 40)))
    r = np.where(fixed, 0.0, np.random.default_rng(0).standard_normal(fixed.shape))
    found = []
    for n in (1, 2, 5):
        monkeypatch.setattr("osteoplan.kernels.threads.cores", lambda n=n: n)
        monkeypatch.setattr("osteoplan.kernels.composite.WORTH", 100)
        found.append(Hierarchy.composite(A, fixed)(r))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
