"""The cohort kernel: probability is kept, theory's life expectancies, and the rules of integration."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.kernels.cohort import cycle_weights, discount, state_times, traces

RNG = np.random.default_rng(7)


def moves(n: int = 3, states: int = 4, phases: int = 2) -> np.ndarray:
    P = RNG.random((n, phases, states, states))
    P[:, :, -1] = 0.0
    P[:, :, -1, -1] = 1.0
    return P / P.sum(axis=-1, keepdims=True)


def test_nobody_is_lost_and_the_dead_stay_dead():
    P, start = moves(), RNG.dirichlet(np.ones(4), size=3)
    alive = RNG.random((3, 9))
    trace = traces(P, start, 9, phase=np.arange(9) % 2, alive=alive)
    assert trace.sum(axis=2) == pytest.approx(1.0, abs=1e-14)
    assert (np.diff(trace[:, :, -1]) >= 0.0).all()


def test_a_trace_is_the_product_of_its_matrices():
    P, start = moves(), RNG.dirichlet(np.ones(4), size=3)
    trace = traces(P, start, 2, phase=np.array([1, 0]))
    assert trace[:, 2] == pytest.approx(np.einsum("ni,nij,njk->nk", start, P[:, 1], P[:, 0]))


def test_weighted_times_are_the_trace_weighted():
    P, start, w = moves(600), RNG.dirichlet(np.ones(4), size=1), RNG.random((3, 10))
    found = state_times(P, start, w, phase=np.arange(9) % 2)
    assert found == pytest.approx(np.einsum("kt,nts->nks", w, traces(P, start, 9, phase=np.arange(9) % 2)))


def test_the_half_cycle_correction_gives_the_life_expectancy_of_a_constant_hazard():
    """Trapezoids of exp(-r t) over h: r h / 12 of a relative error at first order in r h squared."""
    rate, h, cycles = 0.08, 1.0, 400
    alive = np.full((1, cycles), np.exp(-rate * h))
    times = state_times(
        np.eye(2)[None, None], np.array([[1.0, 0.0]]), cycle_weights(cycles)[None], alive=alive
    )
    assert times[0, 0, 0] * rate == pytest.approx(1.0 + (rate * h) ** 2 / 12.0, abs=1e-5)


def test_simpson_is_exact_for_a_cubic_and_refuses_an_odd_number_of_cycles():
    x = np.arange(7.0)
    assert cycle_weights(6, "simpson") @ x**3 == pytest.approx(6.0**4 / 4)
    assert cycle_weights(6) @ x == pytest.approx(18.0)
    with pytest.raises(BadInput, match="needs an even number of cycles, not 75"):
        cycle_weights(75, "simpson")


def test_the_tutorials_weights_start_with_two_thirds():
    assert cycle_weights(5, "tutorial") * 3 == pytest.approx([1, 2, 4, 2, 4, 1])
    assert cycle_weights(4, "simpson") * 3 == pytest.approx([1, 4, 2, 4, 1])


def test_a_unit_after_two_half_years_is_discounted_by_one_year():
    assert discount(2, 0.035, 0.5)[2] == pytest.approx(1 / 1.035)
