"""Steady flow: closed forms as ``osteoplan verify`` has them, a plain twin, and what must never break."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from osteoplan.errors import BadInput, NotConverged
from osteoplan.kernels.potential import Conductor, edge_leak, line_leak, potential
from osteoplan.verification.cases import theory_case
from osteoplan.verification.potential import POTENTIAL, needle

EDGES = (1.0, 0.8, 1.25)


@pytest.mark.parametrize("id", [row.id for row in POTENTIAL])
def test_every_case_of_theory_holds(id):
    case = theory_case(id)
    assert case.ok, f"{case.got} for {case.expected}: {case.note}"


def test_a_needle_has_one_resistance_on_every_grid():
    assert needle(2.0) == pytest.approx(needle(1.0), rel=0.01)


# a plain twin


def bits(seed: int = 5, shape: tuple[int, int, int] = (7, 6, 5)) -> dict:
    """Insulators, held cells, leaks to several potentials and sources."""
    r = np.random.default_rng(seed)
    sigma = 10.0 ** r.uniform(-3.0, 3.0, shape)
    sigma[r.random(shape) < 0.1] = 0.0
    held = (r.random(shape) < 0.1) & (sigma > 0.0)
    leak = np.where(r.random(shape) < 0.2, 10.0 ** r.uniform(-6.0, -2.0, shape), 0.0)
    leak[0] += 1e-5  # every cell leads somewhere
    return {
        "sigma": sigma,
        "spacing_mm": EDGES,
        "held": held,
        "leak": leak,
        "volts": r.normal(size=shape),
        "leak_volts": r.normal(size=shape),
        "source_A": np.where(sigma > 0.0, r.normal(size=shape) * 1e-4, 0.0),
    }


def twin(sigma, spacing_mm, held, leak, volts, leak_volts, source_A):
    """V by a sparse factorisation, and the conductance of every face as a row of (a, b, G)."""
    number = np.arange(sigma.size).reshape(sigma.shape)
    h = np.array(spacing_mm) * 1e-3
    faces = []
    for axis in range(3):
        a, b = (np.moveaxis(number, axis, 0)[cut].ravel() for cut in (slice(-1), slice(1, None)))
        s, t = sigma.ravel()[a], sigma.ravel()[b]
        with np.errstate(divide="ignore"):
            faces.append(np.stack([a, b, h.prod() / h[axis] / (0.5 * h[axis] * (1 / s + 1 / t))], axis=1))
    a, b, G = np.concatenate(faces).T
    a, b = a.astype(int), b.astype(int)
    size = sigma.size
    rows, columns = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
    A = coo_array((np.concatenate([G, G, -G, -G]), (rows, columns)), shape=(size, size)).tolil()
    rhs = (leak * leak_volts + source_A).ravel()
    A.setdiag(A.diagonal() + leak.ravel())
    alone = A.diagonal() == 0.0
    for n in np.flatnonzero(held.ravel() | alone):
        A[n, :] = 0.0
        A[n, n], rhs[n] = 1.0, 0.0 if alone[n] else volts.ravel()[n]
    return spsolve(A.tocsc(), rhs).reshape(sigma.shape), (a, b, G)


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_a_sparse_factorisation_finds_the_same(seed):
    case = bits(seed)
    got = potential(**case, tolerance=1e-12)
    V, (a, b, G) = twin(**case)
    np.testing.assert_allclose(got.V, V, atol=2e-6 * np.abs(V).max())  # conductances are single precision
    into = np.where(case["held"], 0.0, case["leak"] * (case["leak_volts"] - V)).ravel()
    held = case["held"].ravel()
    for own, other in ((a, b), (b, a)):
        np.add.at(into, own, np.where(held[own] & ~held[other], G * (V.ravel()[own] - V.ravel()[other]), 0.0))
    np.testing.assert_allclose(got.currents_A.ravel(), into, atol=2e-6 * np.abs(into).max())
    free = ~held & (case["sigma"].ravel() > 0.0)
    assert into.sum() == pytest.approx(-case["source_A"].ravel()[free].sum(), abs=1e-6 * np.abs(into).sum())


def test_what_flows_in_leaves_as_heat():
    sigma = 10.0 ** np.random.default_rng(1).uniform(-2, 0, (24, 20, 16))
    middle = (np.array(sigma.shape) - 1) / 2
    half = np.array([5, 3, 2])
    own = line_leak(sigma, EDGES, middle - half, middle + half, 0.7)
    got = potential(
        sigma,
        EDGES,
        leak=own + edge_leak(sigma, EDGES, far_from=middle),
        leak_volts=np.where(own > 0, 12.0, 0),
    )
    assert got.heat_W.sum() == pytest.approx(12.0 * got.currents_A[own > 0].sum(), rel=1e-5)
    assert got.currents_A.sum() == pytest.approx(0.0, abs=1e-5 * np.abs(got.currents_A).sum())


def plates(shape: tuple[int, int, int]) -> dict:
    held = np.zeros(shape, dtype=bool)
    held[0] = held[-1] = True
    volts = np.zeros(shape)
    volts[0] = 1.0
    return {"spacing_mm": EDGES, "held": held, "volts": volts}


def test_layers_stand_in_series():
    sigma = np.ones((10, 6, 5))
    sigma[4:7] = 1e-3
    got = potential(sigma, **plates(sigma.shape))
    area, metres = 6 * 0.8e-3 * 5 * 1.25e-3, 1e-3
    ohm = (6 * metres / 1.0 + 3 * metres / 1e-3) / area  # two half cells of the plates stand for one
    assert 1.0 / got.currents_A[0].sum() == pytest.approx(ohm, rel=1e-5)


def test_pieces_of_a_million_to_one_converge():
    r = np.random.default_rng(0)
    sigma = 10.0 ** r.uniform(-3, 3, (6, 6, 6))
    for axis in range(3):
        sigma = sigma.repeat(8, axis)
    got = potential(sigma, **plates(sigma.shape))
    assert got.residual <= 1e-6
    assert got.iterations <= 15


def test_noise_of_a_million_to_one_from_cell_to_cell_converges():
    got = potential(10.0 ** np.random.default_rng(0).uniform(-3, 3, (32, 30, 28)), **plates((32, 30, 28)))
    assert got.residual <= 1e-6
    with pytest.raises(NotConverged):
        potential(np.ones((32, 30, 28)), **plates((32, 30, 28)), max_iterations=1)


def test_threads_change_no_bit():
    r = np.random.default_rng(2)
    sigma = 10.0 ** r.uniform(-2, 2, (64, 50, 48))
    one, two = (potential(sigma, **plates(sigma.shape), threads=n) for n in (1, 2))
    assert one.V.tobytes() == two.V.tobytes()
    assert one.heat_W.tobytes() == two.heat_W.tobytes()


def test_a_good_guess_saves_steps_and_one_conductor_answers_twice():
    sigma = 10.0 ** np.random.default_rng(2).uniform(-1, 1, (24, 24, 24))
    case = plates(sigma.shape)
    conductor = Conductor(sigma, EDGES, held=case["held"])
    first = conductor.solve(volts=case["volts"])
    again = conductor.solve(volts=case["volts"], start=first.V)
    assert again.iterations == 0
    doubled = conductor.solve(volts=2.0 * case["volts"])
    np.testing.assert_allclose(doubled.V, 2.0 * first.V, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"sigma": -np.ones((4, 4, 4))}, "none below 0"), ({"sigma": np.full((4, 4, 4), np.nan)}, "finite"),
     ({"leak": np.ones((3, 4, 4))}, "4 x 4 x 4"), ({"tolerance": 2.0}, "tolerance")],
)  # fmt: skip
def test_numbers_that_mean_nothing_are_refused(change, said):
    with pytest.raises(BadInput, match=said):
        potential(**{"sigma": np.ones((4, 4, 4)), "spacing_mm": EDGES, **change})


@pytest.mark.parametrize(
    ("start", "end", "radius"),
    [((2, 2, 2), (2, 2, 2), 0.5), ((2, 2, 2), (5, 5, 5), 0.0), ((90, 90, 90), (95, 90, 90), 0.5)],
)
def test_an_electrode_without_a_surface_or_a_place_is_refused(start, end, radius):
    with pytest.raises(BadInput, match="electrode"):
        line_leak(np.ones((8, 8, 8)), EDGES, start, end, radius)
