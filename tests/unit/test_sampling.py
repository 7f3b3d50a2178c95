"""Latin-hypercube draws: strata, spreads, pairing."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.mechanics.uncertainty.latin_hypercube import cone, log_uniform, normal, one_of, strata, uniform
from osteoplan.mechanics.uncertainty.samples import parameter_samples
from osteoplan.model.case import Calibration
from osteoplan.model.ensemble import Ensemble

UNSURE = Calibration.line("density", 1.0, 0.0, 0.05, 6.0, calibrated=True)
LAWS = ("kopperdahl_2002_power", "kopperdahl_2002_linear", "morgan_2003_vertebra")


@pytest.mark.parametrize("n", [1, 7, 64])
def test_every_stratum_of_every_column_holds_one_draw(n):
    u = strata(Ensemble(4, n), "anything", 3)
    assert u.shape == (n, 3)
    for column in u.T:
        assert sorted(np.floor(column * n).astype(int)) == list(range(n))


def test_streams_are_named_and_seeded():
    assert np.array_equal(strata(Ensemble(4, 9), "law"), strata(Ensemble(4, 9), "law"))
    assert not np.array_equal(strata(Ensemble(4, 9), "law"), strata(Ensemble(5, 9), "law"))
    assert not np.array_equal(strata(Ensemble(4, 9), "law"), strata(Ensemble(4, 9), "lytic_modulus"))


def test_every_input_of_the_worlds_is_stratified():
    n = 30
    drawn = parameter_samples(UNSURE, LAWS, Ensemble(3, n))
    counts = [sum(w.law.id == law for w in drawn) for law in LAWS]
    assert counts == [10, 10, 10]
    for value, low, high in (
        ([w.porosity for w in drawn], 0.05, 0.25),
        ([w.interface for w in drawn], 0.6, 0.8),
        ([w.pmma_MPa for w in drawn], 2000.0, 2700.0),
        (np.log10([w.lytic_MPa for w in drawn]), 0.0, 1.0),
        ([w.edge_mm for w in drawn], -0.5, 0.5),
    ):
        place = (np.array(value) - low) / (high - low)
        assert sorted(np.floor(place * n).astype(int)) == list(range(n))


def test_a_mean_is_surer_than_that_of_independent_draws():
    """Of a sum of functions of single inputs: an error of n^-3/2 against n^-1/2."""

    def spread(draw):
        return np.std([np.exp(draw(seed)).sum(axis=1).mean() for seed in range(60)])

    stratified = spread(lambda seed: strata(Ensemble(seed, 64), "x", 3))
    independent = spread(lambda seed: np.random.default_rng(seed).uniform(size=(64, 3)))
    assert stratified < 0.05 * independent


def test_numbers_have_the_spread_that_was_asked_for():
    u = strata(Ensemble(2, 4000), "x")[:, 0]
    assert normal(u).mean() == pytest.approx(0.0, abs=1e-3)
    assert normal(u).std() == pytest.approx(1.0, abs=5e-3)
    assert np.median(log_uniform(u, 1.0, 100.0)) == pytest.approx(10.0, rel=2e-3)
    assert uniform(u, 3.0, 5.0).mean() == pytest.approx(4.0, abs=1e-3)
    assert np.bincount(one_of(u, 3)).tolist() == pytest.approx([4000 / 3] * 3, abs=1)
    assert one_of(np.array([1.0]), 3).tolist() == [2]


def test_directions_fill_the_cone_evenly():
    u = strata(Ensemble(6, 8000), "x", 2)
    slopes = cone(u, 10.0)
    polar = np.arctan(np.hypot(*slopes.T))
    assert np.degrees(polar.max()) <= 10.0
    assert np.degrees(polar.max()) > 9.9
    # even over the sphere: the cosine is uniform between cos 10 deg and 1
    assert np.median(np.cos(polar)) == pytest.approx((1 + np.cos(np.radians(10))) / 2, abs=1e-4)
    assert slopes.mean(axis=0) == pytest.approx([0.0, 0.0], abs=2e-3)
