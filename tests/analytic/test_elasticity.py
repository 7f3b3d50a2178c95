"""The elasticity kernel against theory (cases A1, A2, A3, A13, A14, A15 of the verification table)."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.errors import Cancelled, NotConverged, OsteoplanError
from osteoplan.kernels.elasticity import (
    CORNERS,
    Bricks,
    Stiffness,
    brick_stiffness,
    effective_strain,
    element_energy,
)
from osteoplan.kernels.multigrid import Hierarchy, equilibrium
from osteoplan.verification import elements
from osteoplan.verification.elements import BRICK, random_bone, squeeze


def test_a_linear_displacement_is_reproduced_exactly_on_bricks_with_three_edges():
    assert elements.patch_error() < 1e-10


def test_a_brick_has_six_rigid_motions_and_no_hourglass():
    assert elements.rigid_motion_error() < 1e-12


def test_bars_in_series_and_in_parallel_follow_the_textbook():
    assert elements.bar_error() < 1e-8


def test_the_error_falls_with_the_square_of_the_edge():
    assert elements.convergence_order() == pytest.approx(2.0, abs=0.1)


def test_forces_balance_and_symmetry_scaling_and_threads_change_nothing():
    assert elements.solver_error() < 1e-8


def test_stiffness_never_falls_where_the_modulus_rises():
    assert elements.monotony_error() == 0.0


def test_the_matrix_free_product_equals_the_assembled_matrix():
    solid = np.random.default_rng(3).uniform(size=(3, 4, 5)) < 0.7
    mesh = Bricks.of(solid)
    E = np.random.default_rng(4).uniform(1, 1e3, len(mesh.cells))
    K0 = brick_stiffness(BRICK, 0.3)
    assembled = np.zeros((3 * len(mesh.nodes),) * 2)
    for corners, modulus in zip(mesh.corners, E, strict=True):
        dofs = (3 * corners[:, None] + np.arange(3)).ravel()
        assembled[np.ix_(dofs, dofs)] += modulus * K0
    A = Stiffness.uniform(mesh, K0, E, dtype=np.float64)
    u = np.random.default_rng(5).standard_normal((len(mesh.nodes), 3))
    np.testing.assert_allclose(
        A(u).ravel(), assembled @ u.ravel(), rtol=0, atol=1e-11 * np.abs(assembled).max()
    )
    np.testing.assert_allclose(A.diagonal().ravel(), np.diag(assembled), rtol=1e-13)


def test_a_thread_more_does_not_change_one_bit_of_the_product():
    mesh = Bricks.of(np.ones((23, 20, 21), dtype=bool))
    E = np.random.default_rng(0).uniform(1, 1e3, len(mesh.cells))
    u = np.random.default_rng(1).standard_normal((len(mesh.nodes), 3))
    products = [
        Stiffness.uniform(mesh, brick_stiffness(BRICK, 0.3), E, dtype=np.float32, threads=n)(u)
        for n in (1, 2, 5)
    ]
    assert np.array_equal(products[0], products[1])
    assert np.array_equal(products[0], products[2])


def test_bricks_number_the_solid_voxels_of_an_odd_box_and_no_others():
    solid = np.zeros((2, 3, 5), dtype=bool)
    solid[1, 2, 4] = solid[0, 0, 0] = True
    mesh = Bricks.of(solid)
    assert len(mesh.nodes) == 16
    assert mesh.cells.tolist() == [[0, 0, 0], [1, 2, 4]]
    np.testing.assert_array_equal(mesh.nodes[mesh.corners[1]], CORNERS + np.array([1, 2, 4]))
    assert mesh.box(np.array([7.0, 8.0]))[1, 2, 4] == 8.0
    assert mesh.of_box(solid).all()


def test_uniaxial_strain_has_the_effective_strain_of_its_energy():
    mesh = Bricks.of(np.ones((2, 3, 5), dtype=bool))
    u = np.zeros((len(mesh.nodes), 3))
    u[:, 2] = 0.01 * mesh.nodes[:, 2] * BRICK[2]
    s = element_energy(mesh, brick_stiffness(BRICK, 0.3), u)
    confined = 0.7 / (1.3 * 0.4)  # (1 - nu) / ((1 + nu)(1 - 2 nu))
    np.testing.assert_allclose(
        effective_strain(s, float(np.prod(BRICK))), 0.01 * np.sqrt(confined), rtol=1e-12
    )


def test_a_support_inside_the_grid_is_felt_on_every_level():
    """The cap ends on odd planes, so that no coarse node lies on it."""
    E = np.zeros((13, 15, 21))
    E[1:12, 2:13, 3:18] = 1000.0
    mesh = Bricks.of(E > 0)
    low, high = mesh.nodes[:, 2] == 3, mesh.nodes[:, 2] == 18
    fixed = np.repeat((low | high)[:, None], 3, axis=1)
    prescribed = np.zeros(fixed.shape)
    prescribed[high, 2] = -1.0
    A = Stiffness.uniform(mesh, brick_stiffness(BRICK, 0.3), mesh.of_box(E), dtype=np.float64)
    assert len(Hierarchy.of(A, fixed).levels) >= 1
    assert equilibrium(A, fixed=fixed, prescribed_mm=prescribed).iterations <= 15


def test_multigrid_needs_a_fraction_of_the_steps_of_jacobi():
    E = 10.0 ** np.random.default_rng(2).uniform(0, 3, (20, 22, 24))
    mesh = Bricks.of(E > 0)
    fixed = np.repeat(((mesh.nodes[:, 2] == 0) | (mesh.nodes[:, 2] == 24))[:, None], 3, axis=1)
    prescribed = np.zeros(fixed.shape)
    prescribed[mesh.nodes[:, 2] == 24, 2] = -1.0
    A = Stiffness.uniform(mesh, brick_stiffness(BRICK, 0.3), mesh.of_box(E), dtype=np.float64)
    inverse = np.where(fixed, 0.0, 1.0 / A.diagonal())
    jacobi = equilibrium(
        A, fixed=fixed, prescribed_mm=prescribed, preconditioner=lambda r: inverse * r, max_iterations=2000,
        tolerance=1e-8,
    )  # fmt: skip
    multigrid = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-8)
    assert multigrid.iterations < 40
    assert multigrid.iterations * 5 < jacobi.iterations
    np.testing.assert_allclose(multigrid.displacement_mm, jacobi.displacement_mm, atol=1e-6)


def test_a_good_start_needs_no_steps():
    E = random_bone()
    _, found, mesh, _ = squeeze(E, tolerance=1e-10)
    fixed = np.repeat(((mesh.nodes[:, 2] == 0) | (mesh.nodes[:, 2] == 10))[:, None], 3, axis=1)
    A = Stiffness.uniform(mesh, brick_stiffness(BRICK, 0.3), mesh.of_box(E), dtype=np.float64)
    again = equilibrium(
        A, fixed=fixed, prescribed_mm=found.displacement_mm, start_mm=found.displacement_mm, tolerance=1e-9
    )
    assert again.iterations == 0


def test_an_iteration_that_ends_early_says_so_with_its_residual():
    with pytest.raises(NotConverged, match="after 2 iterations") as caught:
        _bonded(max_iterations=2)
    assert caught.value.iterations == 2
    assert caught.value.residual > caught.value.tolerance


def test_the_caller_can_stop_it():
    seen: list[tuple[int, float]] = []

    def stop(step: int, residual: float) -> bool:
        seen.append((step, residual))
        return step < 3

    with pytest.raises(Cancelled, match="step 3"):
        _bonded(on_step=stop)
    assert [step for step, _ in seen] == [1, 2, 3]


def test_a_floating_piece_is_refused_or_left_without_load():
    """Two bars, only one of them held: the other one must not make the solver lie."""
    E = np.zeros((5, 3, 4))
    E[:2], E[3:] = 10.0, 10.0
    mesh = Bricks.of(E > 0)
    fixed = np.zeros((len(mesh.nodes), 3), dtype=bool)
    held = mesh.nodes[:, 0] <= 2
    fixed[held & ((mesh.nodes[:, 2] == 0) | (mesh.nodes[:, 2] == 4))] = True
    force = np.zeros(fixed.shape)
    force[mesh.nodes[:, 0] == 5, 2] = 1.0
    A = Stiffness.uniform(mesh, brick_stiffness(BRICK, 0.3), mesh.of_box(E), dtype=np.float64)
    with pytest.raises(OsteoplanError):
        equilibrium(A, fixed=fixed, prescribed_mm=np.zeros(fixed.shape), force_N=force, max_iterations=50)


def _bonded(**kwargs):
    E = 10.0 ** np.random.default_rng(2).uniform(0, 3, (14, 12, 13))
    mesh = Bricks.of(E > 0)
    fixed = np.repeat(((mesh.nodes[:, 2] == 0) | (mesh.nodes[:, 2] == 13))[:, None], 3, axis=1)
    prescribed = np.zeros(fixed.shape)
    prescribed[mesh.nodes[:, 2] == 13, 2] = -1.0
    A = Stiffness.uniform(mesh, brick_stiffness(BRICK, 0.3), mesh.of_box(E), dtype=np.float64)
    return equilibrium(A, fixed=fixed, prescribed_mm=prescribed, **kwargs)
