import numpy as np
import pytest

from osteoplan.kernels.elasticity import Bricks, brick_stiffness
from osteoplan.kernels.rows import add_stiffness, brick_of, modal_blocks
from osteoplan.kernels.transfers import averaged, held_below, inverse_diagonal, prolong, restrict

BRICKS = [(2.0, 3.0, 5.0), (0.7, 0.7, 2.5), (1.0, 1.0, 1.0)]


def _porous(shape, seed=0):
    rng = np.random.default_rng(seed)
    solid = rng.random(shape) < 0.55
    solid[0, 1, :] = True
    return solid, np.where(solid, 10.0 ** rng.uniform(-1, 4, shape), 0.0)


@pytest.mark.parametrize("edges", BRICKS)
@pytest.mark.parametrize("poisson", [0.0, 0.3, 0.45])
def test_sums_and_differences_give_the_forces_of_the_assembled_element(edges, poisson):
    solid, E = _porous((7, 5, 37))
    mesh = Bricks.of(solid)
    K0 = brick_stiffness(edges, poisson)
    u = np.random.default_rng(1).normal(size=(len(mesh.nodes), 3))
    y = mesh.rows.zeros(np.float64)
    add_stiffness(mesh.rows, modal_blocks(K0), mesh.lines_of_cells(mesh.of_box(E)), mesh.lines_of_nodes(u), y)
    plain = np.zeros_like(u)
    for corners, modulus in zip(mesh.corners, mesh.of_box(E), strict=True):
        plain[corners] += (modulus * K0 @ u[corners].ravel()).reshape(8, 3)
    np.testing.assert_allclose(mesh.of_lines(y), plain, atol=1e-13 * np.abs(plain).max())


@pytest.mark.parametrize("edges", BRICKS)
def test_a_brick_is_known_again_by_its_blocks(edges):
    found, poisson = brick_of(modal_blocks(brick_stiffness(edges, 0.27)))
    np.testing.assert_allclose(found, edges, rtol=1e-12)
    assert poisson == pytest.approx(0.27, rel=1e-12)


def test_a_matrix_of_no_isotropic_brick_is_refused():
    K0 = brick_stiffness((1, 1, 1), 0.3)
    K0[0, 5] += 0.1
    K0[5, 0] += 0.1
    with pytest.raises(ValueError, match="isotropic brick"):
        modal_blocks(K0)


def test_forces_do_not_depend_on_who_adds_which_planes():
    solid, E = _porous((9, 6, 40))
    mesh = Bricks.of(solid)
    rows, blocks = mesh.rows, modal_blocks(brick_stiffness((1, 2, 3), 0.3))
    cells = mesh.lines_of_cells(mesh.of_box(E).astype(np.float32))
    u = mesh.lines_of_nodes(np.random.default_rng(1).normal(size=(len(mesh.nodes), 3)).astype(np.float32))
    whole, parts = rows.zeros(np.float32), rows.zeros(np.float32)
    add_stiffness(rows, blocks, cells, u, whole, planes=(0, 10))
    for planes in ((0, 3), (3, 4), (4, 10)):
        add_stiffness(rows, blocks, cells, u, parts, planes=planes)
    np.testing.assert_array_equal(whole, parts)


def _two_grids(factors, *, edges=(1.0, 1.0, 1.0)):
    solid, E = _porous((9, 8, 21))
    mesh = Bricks.of(solid)
    rows = mesh.rows
    coarse = rows.coarser(factors)
    free = np.ones((3, rows.nodes), dtype=np.uint8)
    own = np.diag(brick_stiffness(edges, 0.3))[:3].copy()
    cells = mesh.lines_of_cells(mesh.of_box(E).astype(np.float32))
    return mesh, rows, coarse, free, inverse_diagonal(rows, cells, own, free), cells


@pytest.mark.parametrize("factors", [(2, 2, 2), (2, 2, 1), (1, 2, 2), (2, 1, 1)])
def test_a_linear_field_passes_from_the_coarse_grid_unchanged(factors):
    mesh, rows, coarse, _, inverse, _ = _two_grids(factors)
    x = coarse.zeros(np.float32)
    for i in range(coarse.shape[0] + 1):
        for j in range(coarse.shape[1] + 1):
            for k in range(coarse.low[i, j], coarse.high[i, j]):
                at = np.array([i, j, k]) * factors
                x[:, coarse.at[i, j] + k] = 1.0 + at @ [0.1, 0.2, 0.3], at @ [0.5, -1, 2], at @ [1, 0, -0.25]
    z, d = rows.zeros(np.float32), rows.zeros(np.float32)
    prolong(rows, coarse, x, inverse, z, d)
    at = mesh.nodes - np.array(mesh.corner)
    want = np.stack([1.0 + at @ [0.1, 0.2, 0.3], at @ [0.5, -1, 2], at @ [1, 0, -0.25]], axis=1)
    np.testing.assert_allclose(mesh.of_lines(z), want, atol=1e-4)
    np.testing.assert_array_equal(z, d)


@pytest.mark.parametrize("factors", [(2, 2, 2), (2, 2, 1), (1, 2, 2)])
def test_restriction_is_the_transpose_of_prolongation(factors):
    mesh, rows, coarse, _, inverse, _ = _two_grids(factors)
    rng = np.random.default_rng(3)
    r = mesh.lines_of_nodes(rng.normal(size=(len(mesh.nodes), 3)).astype(np.float32))
    x, b = rng.normal(size=coarse.zeros(np.float32).shape).astype(np.float32), coarse.zeros(np.float32)
    z, d = rows.zeros(np.float32), rows.zeros(np.float32)
    prolong(rows, coarse, x, inverse, z, d)
    restrict(rows, coarse, r, inverse, b)
    assert float((r * z).sum()) == pytest.approx(float((b * x).sum()), rel=1e-4)


def test_a_coarse_modulus_is_the_mean_of_what_it_covers():
    _, rows, coarse, _, _, cells = _two_grids((2, 2, 1))
    out = averaged(rows, coarse, cells)
    assert float(out.sum()) * 4 == pytest.approx(float(cells.sum()), rel=1e-5)


@pytest.mark.parametrize("held", [0, 1, 2, 5])
def test_a_plane_of_supports_is_held_on_the_coarse_grid_wherever_it_lies(held):
    mesh = Bricks.of(np.ones((6, 6, 9), dtype=bool))
    rows = mesh.rows
    coarse = rows.coarser((2, 2, 2))
    free = np.ones((len(mesh.nodes), 3), dtype=np.uint8)
    free[mesh.nodes[:, 2] == held] = 0
    used = mesh.lines_of_nodes(np.ones((len(mesh.nodes), 3), dtype=np.uint8))[0]
    below = held_below(rows, coarse, mesh.lines_of_nodes(free), used)
    assert (below == 0).any(axis=1).all()


@pytest.mark.parametrize("ways", [(2, 2, 2), (1, 2, 2), (2, 1, 2)])
@pytest.mark.parametrize(("axis", "held"), [(0, 4), (1, 3), (1, 5), (2, 7)])
def test_a_coarse_node_is_held_where_the_weight_of_what_is_held_around_it_says_so(ways, axis, held):
    """At most 0.4 of the trilinear weight of the fine nodes around it may be held, component by component."""
    mesh = Bricks.of(np.ones((6, 7, 9), dtype=bool))
    coarse = mesh.rows.coarser(ways)
    free = np.ones((len(mesh.nodes), 3), dtype=np.uint8)
    free[mesh.nodes[:, axis] == held, axis] = 0
    free[mesh.nodes[:, axis] >= held + 1, (axis + 1) % 3] = 0
    used = mesh.lines_of_nodes(np.ones((len(mesh.nodes), 3), dtype=np.uint8))[0]
    below = held_below(mesh.rows, coarse, mesh.lines_of_nodes(free), used)
    f = np.array(ways)
    for at in np.ndindex(*(n + 1 for n in coarse.shape)):
        gap = np.abs(mesh.nodes - f * np.array(at)) / f
        weight = np.prod(np.maximum(1.0 - gap, 0.0), axis=1)
        share = weight @ (free == 0) / weight.sum()
        n = coarse.at[at[0], at[1]] + at[2]
        for c in range(3):
            if share[c] >= 0.4:
                assert below[c, n] == 0, (at, c)
            elif share[c] == 0.0:
                assert below[c, n] == 1, (at, c)  # only what would lose a support is held beside
