"""The fast kernel against the plain one: assembled with SciPy from exact integrals, factorised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.linalg import splu

from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import equilibrium
from osteoplan.kernels.reference import assembled, plain_brick, plain_nodes
from osteoplan.verification.elements import BRICK, random_bone


def plain_equilibrium(E, edges_mm, poisson, *, fixed, prescribed_mm, force_N):
    """(displacement [mm], reaction [N]), both (n_nodes, 3), nodes as ``plain_nodes`` numbers them.

    Raises:
        BadInput: the supports leave a rigid motion.
    """
    held = fixed.ravel()
    if np.linalg.matrix_rank(_rigid_motions(plain_nodes(E > 0)[0])[held]) < 6:
        raise BadInput("the supports leave a rigid motion: hold more unknowns")
    K = assembled(E, edges_mm, poisson)
    u = np.where(held, prescribed_mm.ravel(), 0.0)
    f = force_N.ravel()
    u[~held] = splu(K[~held][:, ~held].tocsc()).solve(f[~held] - K[~held] @ u)
    reaction = np.where(held, K @ u - f, 0.0)
    return u.reshape(-1, 3), reaction.reshape(-1, 3)


def _rigid_motions(nodes):
    """(3 n_nodes, 6) three translations and three turns, in units of the lattice."""
    moves = [np.tile(axis, (len(nodes), 1)) for axis in np.eye(3)]
    turns = [np.cross(axis, nodes - nodes.mean(axis=0)) for axis in np.eye(3)]
    return np.stack([move.ravel() for move in moves + turns], axis=1)


def both(E, fixed_at, *, poisson=0.3, seed=0, tolerance=1e-13):
    """(fast, plain displacement, fast, plain reaction): random motion where held, random force elsewhere."""
    mesh = Bricks.of(E > 0)
    rng = np.random.default_rng(seed)
    fixed = fixed_at(mesh.nodes)
    prescribed = np.where(fixed, rng.standard_normal(fixed.shape), 0.0)
    force = np.where(fixed, 0.0, rng.standard_normal(fixed.shape) * np.median(E[E > 0]))
    A = Stiffness.uniform(mesh, brick_stiffness(BRICK, poisson), mesh.of_box(E), dtype=np.float64)
    fast = equilibrium(
        A, fixed=fixed, prescribed_mm=prescribed, force_N=force, tolerance=tolerance, max_iterations=500
    )
    u, reaction = plain_equilibrium(E, BRICK, poisson, fixed=fixed, prescribed_mm=prescribed, force_N=force)
    return fast.displacement_mm, u, fast.reaction_N, reaction


def assert_equal(found):
    fast, plain, reaction, plain_reaction = found
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-9 * np.abs(plain).max())
    np.testing.assert_allclose(reaction, plain_reaction, rtol=0, atol=1e-9 * np.abs(plain_reaction).max())


def ends(nodes):
    return np.repeat(((nodes[:, 2] == 0) | (nodes[:, 2] == nodes[:, 2].max()))[:, None], 3, axis=1)


@pytest.mark.parametrize("poisson", [0.0, 0.3, 0.45])
def test_exact_integrals_and_gauss_points_make_one_brick(poisson):
    K = plain_brick(BRICK, poisson)
    np.testing.assert_allclose(brick_stiffness(BRICK, poisson), K, rtol=0, atol=1e-13 * np.abs(K).max())


def test_both_number_the_nodes_of_bone_with_voids_alike():
    mesh = Bricks.of(random_bone() > 0)
    nodes, corners = plain_nodes(random_bone() > 0)
    np.testing.assert_array_equal(mesh.nodes, nodes)
    np.testing.assert_array_equal(mesh.corners, corners)


def test_the_product_equals_the_assembled_matrix_on_bone_with_voids():
    E = random_bone()
    mesh = Bricks.of(E > 0)
    u = np.random.default_rng(5).standard_normal((len(mesh.nodes), 3))
    y = Stiffness.uniform(mesh, brick_stiffness(BRICK, 0.3), mesh.of_box(E), dtype=np.float64)(u).ravel()
    K = assembled(E, BRICK, 0.3)
    np.testing.assert_allclose(y, K @ u.ravel(), rtol=0, atol=1e-12 * np.abs(y).max())


def test_fast_and_plain_agree_on_bone_with_voids_pressed_and_pulled_at_its_ends():
    assert_equal(both(random_bone(), ends))


def test_fast_and_plain_agree_with_titanium_in_marrow():
    """A rod of modulus 1e5 in marrow of modulus 1, none of its nodes held.

    In double precision the residual itself is only known to about 1e-16 times the contrast.
    """
    E = np.ones((8, 7, 9))
    E[3:5, 2:5, 2:7] = 1e5
    assert_equal(both(E, ends, tolerance=5e-11))


def test_fast_and_plain_agree_with_nodes_prescribed_inside_the_bone():
    def inside(nodes):
        """The lower end, and single components of a plate that no coarse node meets."""
        fixed = np.repeat((nodes[:, 2] == 0)[:, None], 3, axis=1)
        plate = (nodes[:, 0] == 5) & (nodes[:, 1] > 2) & (nodes[:, 2] > 3)
        fixed[plate, 0] = True
        fixed[plate & (nodes[:, 1] == 7), 2] = True
        return fixed

    assert_equal(both(random_bone(), inside))


def test_a_bone_that_can_drift_is_refused_by_the_plain_solver():
    E = np.ones((2, 3, 4))
    free = np.zeros((60, 3), dtype=bool)
    free[0, 0] = True
    with pytest.raises(BadInput, match="hold more"):
        plain_equilibrium(
            E, BRICK, 0.3, fixed=free, prescribed_mm=np.zeros((60, 3)), force_N=np.ones((60, 3))
        )
