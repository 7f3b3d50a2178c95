"""What heat does to tissue: minutes at 43 degC, and two Arrhenius integrals."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.kernels.bioheat import Bioheat
from osteoplan.kernels.damage import ARRHENIUS, arrhenius, cem43
from osteoplan.verification import heat


@pytest.mark.parametrize(
    ("degC", "minutes"),
    [(38.9, 0.0), (39.5, 4.0**-3.5), (42.0, 0.25), (43.0, 1.0), (47.0, 16.0), (60.0, 2.0**17)],
)
def test_minutes_of_one_temperature_are_exact(degC, minutes):
    assert cem43(np.array([0.0, 60.0]), np.array([degC, degC])) == pytest.approx(minutes, rel=1e-12)


def test_minutes_of_a_ramp_are_exact_with_any_steps():
    # 37 to 47 degC, one degree a minute: (1 - 4^-4) / ln 4 + (16 - 1) / ln 2
    exact = (1 - 4.0**-4) / np.log(4.0) + 15.0 / np.log(2.0)
    assert exact == pytest.approx(22.36, abs=5e-3)
    for pieces in (1, 7, 600):
        times = np.linspace(0.0, 600.0, pieces + 1)
        assert cem43(times, 37.0 + times / 60.0) == pytest.approx(exact, rel=1e-12)


def test_minutes_add_up_over_cooling_and_over_many_places():
    times = np.array([0.0, 30.0, 90.0])
    degC = np.array([[37.0, 50.0], [45.0, 38.0], [37.0, 44.0]])
    each = [cem43(times, degC[:, n]) for n in range(2)]
    np.testing.assert_allclose(cem43(times, degC), each, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("soft_tissue", {43: 513, 45: 277, 50: 61, 55: 14, 60: 3.5}),
        ("skin", {43: 1.9e5, 45: 4.2e4, 50: 1.1e3, 55: 30, 60: 0.95}),
    ],
)
def test_times_to_an_integral_of_one_are_those_of_the_reference(name, seconds):
    for degC, expected in seconds.items():
        rate = arrhenius(np.array([0.0, 1.0]), np.array([degC, degC], float), *ARRHENIUS[name])
        assert 1.0 / rate == pytest.approx(expected, rel=0.1)


def test_an_integral_over_a_ramp_is_that_of_many_small_steps():
    A, energy = ARRHENIUS["soft_tissue"]
    few, many = (np.linspace(0.0, 60.0, n) for n in (13, 6001))
    assert arrhenius(few, 40.0 + few / 6.0, A, energy) == pytest.approx(
        arrhenius(many, 40.0 + many / 6.0, A, energy), rel=2e-3
    )


def test_a_field_gathers_what_the_functions_say():
    body = Bioheat(heat.medium((4, 4, 4), perfusion=0.0), 46.0, edge="insulated")
    body.run(120.0)
    times, degC = np.array([0.0, 120.0]), np.array([46.0, 46.0])
    assert body.cem43 == pytest.approx(np.full((4, 4, 4), cem43(times, degC)), rel=1e-4)
    for n, (A, energy) in enumerate(body.sets.values()):
        assert body.omega[n] == pytest.approx(np.full((4, 4, 4), arrhenius(times, degC, A, energy)), rel=1e-3)
