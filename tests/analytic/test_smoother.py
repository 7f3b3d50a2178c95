"""The smoother against the Chebyshev polynomial that it is, on a grid whose spectrum is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.polynomial.chebyshev import Chebyshev

from osteoplan.kernels.smoother import Smoother

NODES = 40


class Diagonal(Smoother):
    """D^-1 A with given eigenvalues: A = D lambda, D another number for each unknown."""

    def __init__(self, eigenvalues, degree=3, ratio=12.0, *, held=(), cuts=(0, NODES)):
        self.degree, self.ratio = degree, ratio
        D = np.random.default_rng(1).uniform(2.0, 900.0, (3, NODES))
        self.A = (D * eigenvalues).astype(np.float32)
        self.inverse = (1.0 / D).astype(np.float32)
        self.inverse[:, list(held)] = 0.0
        self.bound = float(eigenvalues.max())
        self.z, self.d, self.rest = (np.zeros((3, NODES), dtype=np.float32) for _ in range(3))
        self.pieces = list(itertools.pairwise(cuts))
        self.products = 0

    def take_off(self):
        self.rest -= self.A * self.d
        self.products += 1

    def each_part(self, work):
        for first, last in self.pieces:
            work(first, last)

    def gather(self, above): ...

    def spread(self, above): ...


def spectrum(high=3.0):
    return np.linspace(0.01, high, 3 * NODES).reshape(3, NODES)


def started(grid, seed=4):
    grid.rest[:] = np.random.default_rng(seed).uniform(1.0, 2.0, (3, NODES))
    return grid.rest.astype(np.float64)


@pytest.mark.parametrize(("degree", "ratio"), [(1, 12.0), (2, 5.0), (3, 12.0), (9, 50.0)])
def test_what_is_left_is_the_chebyshev_polynomial_of_each_eigenvalue(degree, ratio):
    """rest = T_m((middle - lambda) / half) / T_m(middle / half) of what there was."""
    grid = Diagonal(spectrum(), degree, ratio)
    before = started(grid)
    grid.smooth(last=False)
    high, low = grid.bound, grid.bound / ratio
    middle, half = (high + low) / 2, (high - low) / 2
    T = Chebyshev.basis(degree)
    expected = T((middle - spectrum()) / half) / T(middle / half)
    np.testing.assert_allclose(grid.rest / before, expected, atol=3e-6 * degree**2)
    inside = spectrum() >= low
    assert np.abs(expected[inside]).max() <= 1.0 / T(middle / half) + 1e-9  # the least that can be had
    np.testing.assert_allclose(grid.A * grid.z + grid.rest, before, rtol=1e-5)


def test_the_last_product_is_left_out_where_nobody_asks_for_it():
    asked, spared = Diagonal(spectrum(), 4), Diagonal(spectrum(), 4)
    for grid, last in ((asked, False), (spared, True)):
        started(grid)
        grid.smooth(last=last)
    assert (asked.products, spared.products) == (4, 3)
    assert (asked.z == spared.z).all()


def test_a_correction_is_added_to_what_is_there_and_the_last_step_is_forgotten():
    grid, fresh = Diagonal(spectrum()), Diagonal(spectrum())
    for one in (grid, fresh):
        started(one)
    grid.z[:], grid.d[:] = 7.0, 1e6
    grid.smooth(last=True)
    fresh.smooth(last=True)
    np.testing.assert_allclose(grid.z - 7.0, fresh.z, atol=2e-6)


def test_what_is_held_stays_and_pieces_make_the_whole():
    whole, cut = (
        Diagonal(spectrum(), held=(0, 17)),
        Diagonal(spectrum(), held=(0, 17), cuts=(0, 7, 18, NODES)),
    )
    for grid in (whole, cut):
        started(grid)
        grid.smooth(last=True)
    assert not whole.z[:, [0, 17]].any()
    assert whole.z[:, 1:17].all()
    assert (whole.z == cut.z).all()
