"""Conjugate gradients and GMRES on small systems whose answers, step counts and residuals are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from osteoplan.kernels.krylov import RESTART, conjugate_gradients, gmres, total

SHAPE = (3, 4, 5)
SIZE = 60


def same(r):
    return r.copy()


def on(matrix):
    """The product of a matrix with arrays of SHAPE."""
    return lambda x: (matrix @ x.ravel()).reshape(SHAPE)


def turned(eigenvalues, seed=2):
    """A symmetric matrix with these eigenvalues."""
    Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((SIZE, SIZE)))
    return Q @ np.diag(eigenvalues) @ Q.T


def right_hand_side(seed=5):
    return np.random.default_rng(seed).standard_normal(SHAPE)


def norm(r):
    return float(np.linalg.norm(r))


def skewed(seed=3):
    """Not symmetric; its symmetric part is positive, so restarted GMRES converges (Saad 1993)."""
    S = np.random.default_rng(seed).standard_normal((SIZE, SIZE))
    return turned(np.linspace(1.0, 40.0, SIZE)) + 2.0 * (S - S.T)


def test_a_dot_product_runs_over_every_axis():
    a, b = right_hand_side(0), right_hand_side(1)
    assert total(a, b) == pytest.approx(float((a * b).sum()), rel=1e-13)


def test_conjugate_gradients_need_one_step_for_each_eigenvalue():
    A = turned(np.repeat([1.0, 7.0, 30.0, 400.0], SIZE // 4))
    r = right_hand_side()
    kept = r.copy()
    x, steps = conjugate_gradients(on(A), same, r, goal=1e-9 * norm(r), most=50)
    assert steps == 4
    assert norm(r - on(A)(x)) <= 1e-8 * norm(r)
    np.testing.assert_allclose(x.ravel(), np.linalg.solve(A, r.ravel()), rtol=1e-8)
    assert (r == kept).all()  # the caller's residual is its own


def test_a_perfect_preconditioner_leaves_one_step():
    A = turned(np.geomspace(1.0, 1e4, SIZE))
    r = right_hand_side()
    x, steps = conjugate_gradients(on(A), on(np.linalg.inv(A)), r, goal=1e-9 * norm(r), most=50)
    assert steps == 1
    assert norm(r - on(A)(x)) <= 1e-9 * norm(r)


def test_directions_stay_conjugate_under_a_preconditioner_that_changes():
    """Golub & Ye: beta makes p.A p_old = 0 for any z; Fletcher and Reeves' needs a fixed, symmetric M."""
    A = turned(np.geomspace(1.0, 300.0, SIZE))
    rng = np.random.default_rng(8)
    directions = []

    def spied(p):
        directions.append(p.copy())
        return on(A)(p)

    r = right_hand_side()
    conjugate_gradients(spied, lambda z: z * rng.uniform(0.5, 1.5, SHAPE), r, goal=1e-9 * norm(r), most=25)
    for old, new in itertools.pairwise(directions):
        scale = np.sqrt(total(old, on(A)(old)) * total(new, on(A)(new)))
        assert abs(total(new, on(A)(old))) < 1e-9 * scale


def test_conjugate_gradients_stop_where_they_are_told_to():
    A = turned(np.geomspace(1.0, 1e4, SIZE))
    r = right_hand_side()
    count = []

    def counted(p):
        count.append(1)
        return on(A)(p)

    x, steps = conjugate_gradients(counted, same, r, goal=0.0, most=7)
    assert steps == len(count) == 7
    # of all x in the Krylov space it has the least error in energy: 7 steps beat 6 (Hestenes & Stiefel)
    before, _ = conjugate_gradients(on(A), same, r, goal=0.0, most=6)
    exact = np.linalg.solve(A, r.ravel()).reshape(SHAPE)
    energy = [total(exact - one, on(A)(exact - one)) for one in (before, x)]
    assert energy[1] < energy[0]


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_a_direction_without_resistance_ends_the_search(bad):
    r = right_hand_side()
    x, steps = conjugate_gradients(lambda p: bad * p, lambda z: 3.0 * z, r, goal=1e-9, most=9)
    assert steps == 1
    assert (x == 3.0 * r).all()  # nothing was found yet: the preconditioner's word
    A = turned(np.append(np.linspace(1.0, 2.0, SIZE - 1), -1e-3))
    x, steps = conjugate_gradients(on(A), same, r, goal=1e-12, most=500)
    assert 1 < steps < 500
    assert total(x, on(A)(x)) / 2 - total(r, x) < 0.0  # every step that was taken went down


def test_gmres_has_the_least_residual_of_its_space():
    A, r, m = skewed(), right_hand_side(), 6
    x, products = gmres(on(A), same, r, goal=0.0, most=m)
    space = [r.ravel()]
    for _ in range(m - 1):
        space.append(A @ space[-1])
    space = np.linalg.qr(np.stack(space, axis=1))[0]
    best = np.linalg.lstsq(A @ space, r.ravel(), rcond=None)[0]
    least = np.linalg.norm(r.ravel() - A @ space @ best)
    assert norm(r - on(A)(x)) == pytest.approx(least, rel=1e-9)
    assert products == m + 1  # one more for the true residual


def test_gmres_restarts_until_the_true_residual_is_small():
    A, r = skewed(), right_hand_side()
    x, products = gmres(on(A), same, r, goal=1e-8 * norm(r), most=2000)
    assert products > RESTART + 1
    assert norm(r - on(A)(x)) <= 1.1e-8 * norm(r)
    np.testing.assert_allclose(x.ravel(), np.linalg.solve(A, r.ravel()), atol=1e-7 * norm(r))


def test_gmres_bears_a_preconditioner_that_changes():
    A, r = skewed(), right_hand_side()
    rng, inverse = np.random.default_rng(8), np.linalg.inv(A)
    x, products = gmres(
        on(A), lambda v: on(inverse)(v) * rng.uniform(0.9, 1.1, SHAPE), r, goal=1e-9 * norm(r), most=200
    )
    assert products < RESTART
    assert norm(r - on(A)(x)) <= 1.1e-9 * norm(r)


def test_gmres_is_done_where_the_space_holds_the_answer():
    values, vectors = np.linalg.eigh(turned(np.linspace(1.0, 40.0, SIZE)))
    A = vectors @ np.diag(values) @ vectors.T
    r = vectors[:, 3].reshape(SHAPE)
    x, products = gmres(on(A), same, r, goal=1e-12, most=40)
    assert products == 2
    np.testing.assert_allclose(x, r / values[3], atol=1e-12)
    x, products = gmres(lambda v: 2.0 * v, same, r, goal=0.0, most=1)  # nothing is left of the last vector
    np.testing.assert_allclose(x, r / 2.0, rtol=1e-12)
    assert products == 2
