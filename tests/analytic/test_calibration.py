"""Calibration against what is known: a stored example, exact physics, and how often its intervals hold."""

import numpy as np
import pytest

from osteoplan.anatomy.calibration_fit import (
    fit_line,
    fit_physics,
    fit_rods,
    fit_rods_in_water,
    widening,
)
from osteoplan.errors import BadInput
from osteoplan.knowledge.attenuation import attenuation_table, mass_attenuation
from osteoplan.knowledge.materials import Density, conversion

EXAMPLE = {"adipose": -82.6, "air": -956.8, "blood": 39.2, "bone": 1226.0, "muscle": 24.6}
SURE = dict.fromkeys(EXAMPLE, 0.0)
USUAL = {"adipose": 8.0, "air": 5.0, "blood": 8.0, "bone": 100.0, "muscle": 8.0}
Z90 = 1.6448536269514722
SCANS = 400


def at(curve, h):
    """Density and its sd at a CT number."""
    g = np.array([1.0, h, h * h])
    return float(g @ curve.coefficients), float(np.sqrt(g @ curve.covariance @ g))


def test_the_stored_example_of_the_physics_form():
    curve = fit_physics(EXAMPLE, SURE)
    best, low, high = curve.energy_keV
    assert best == 96.0, "97.0 is an artefact of straight lines between energies 20 keV apart (next test)"
    assert curve.r2 == pytest.approx(0.998965, abs=5e-5)
    assert low <= 97.0 <= high
    assert 1.0 < high - low < 6.0


def test_the_stored_example_is_met_to_its_digits_where_the_table_is_read_straight():
    table = attenuation_table()
    energies = np.arange(30.0, 140.5, 0.5)
    names = sorted(EXAMPLE)
    printed = [table.energies_keV.index(e) for e in table.printed_keV]
    mu = np.stack(
        [
            np.interp(energies, table.printed_keV, np.take(table.materials[n].mu_over_rho_cm2_g, printed))
            for n in names
        ]
    )
    r2 = [np.corrcoef([EXAMPLE[n] for n in names], mu[:, i])[0, 1] ** 2 for i in range(energies.size)]
    assert energies[int(np.argmax(r2))] == 97.0
    assert max(r2) == pytest.approx(0.998965, abs=3e-6)


def test_the_curve_is_the_two_material_formula():
    curve = fit_physics(EXAMPLE, SURE)
    names = sorted(EXAMPLE)
    h = np.array([EXAMPLE[n] for n in names])
    mu = mass_attenuation(names, curve.energy_keV[0])
    water, salt, fat = mass_attenuation(["water", "k2hpo4", "triglyceride"], curve.energy_keV[0])
    s1, i1 = np.polyfit(h, mu, 1)
    s2, i2 = np.polyfit(h, (h / 1000 + 1) * water / mu, 1)
    for x in (-100.0, 0.0, 150.0, 800.0):
        expected = 1000 * (s2 * x + i2) * (s1 * x + i1 - fat) / (salt - fat)
        assert at(curve, x)[0] == pytest.approx(expected, rel=1e-9)


def exact_scan(energy_keV):
    """CT numbers of the reference tissues in a beam of one energy."""
    materials = attenuation_table().materials
    water = mass_attenuation(["water"], energy_keV)[0]
    return {
        name: 1000.0 * (materials[name].density_g_cm3 * mass_attenuation([name], energy_keV)[0] / water - 1.0)
        for name in EXAMPLE
    }


def salt_in_water_HU(density_mg_cm3, energy_keV):
    """CT number of K2HPO4 (2.44 g/cm3) in water."""
    salt, water = mass_attenuation(["k2hpo4", "water"], energy_keV)
    k = density_mg_cm3 / 1000.0
    return 1000.0 * ((k * salt + (1.0 - k / 2.44) * water) / water - 1.0)


@pytest.mark.parametrize("energy", [60.0, 70.0, 80.0])
def test_the_physics_form_is_not_exact_and_its_stated_uncertainty_holds_that(energy):
    curve = fit_physics(exact_scan(energy), USUAL)
    assert curve.energy_keV[0] > energy + 10.0, "it finds energies far above the beam's"
    value, sd = at(curve, salt_in_water_HU(200.0, energy))
    stated = np.hypot(sd, np.hypot(0.20, 0.078) * value)
    assert 0.6 * 200.0 < value < 200.0, "low by a quarter to a third"
    assert abs(value - 200.0) < 2.58 * stated


def test_the_straight_line_holds_at_the_energy_of_120_kV():
    scan = exact_scan(70.0)
    line = fit_line([scan["air"], scan["adipose"], scan["muscle"]], [-840.0, -80.0, 30.0], [10.0, 10.0, 10.0])
    value, _ = at(line, salt_in_water_HU(200.0, 70.0))
    assert value == pytest.approx(200.0, rel=0.1)


def test_the_attenuation_table_is_that_of_its_compositions():
    # Values of the NIST table that are printed with the tissues; the generator checks all of them.
    assert mass_attenuation(["water", "bone", "air"], 60.0) == pytest.approx([0.2059, 0.3148, 0.1875])
    assert mass_attenuation(["bone"], 70.0)[0] == pytest.approx(0.25705, rel=3e-4), "from the composition"
    between = mass_attenuation(["bone"], [62.5, 77.5, 93.0])[:, 0]
    assert between == pytest.approx([0.29710, 0.22999, 0.19569], rel=2e-3), "the same, between the energies"


def test_an_energy_that_the_tissues_do_not_tell_is_refused():
    with pytest.raises(BadInput, match="cannot be told"):
        fit_physics({"adipose": -59.0, "muscle": 45.0, "bone": 1395.0}, dict.fromkeys(USUAL, 8.0))


def covered(truth, scans, where):
    """Share of scans whose 90 % interval holds the truth, at each CT number."""
    hits = np.zeros(len(where))
    for curve in scans:
        for i, h in enumerate(where):
            value, sd = at(curve, h)
            hits[i] += abs(value - truth(h)) <= Z90 * sd
    return hits / len(scans)


def test_rods_are_covered_as_often_as_is_said():
    rho = np.array([0.0, 100.0, 200.0, 400.0, 600.0, 800.0])
    stream = np.random.default_rng(11)
    scans = [fit_rods(1.24 * rho - 3.0 + stream.normal(0.0, 3.0, 6), rho) for _ in range(SCANS)]
    share = covered(lambda h: (h + 3.0) / 1.24, scans, (0.0, 150.0, 400.0))
    assert ((share > 0.85) & (share < 0.95)).all(), share


def test_three_rods_are_covered_too_because_few_points_are_widened():
    rho = np.array([0.0, 75.0, 150.0])
    stream = np.random.default_rng(12)
    # An offset of 300 HU: slope and intercept of the turned-round line then err together.
    scans = [fit_rods(1.3 * rho + 300.0 + stream.normal(0.0, 1.0, 3), rho) for _ in range(SCANS)]
    share = covered(lambda h: (h - 300.0) / 1.3, scans, (300.0, 400.0))
    assert ((share > 0.85) & (share < 0.95)).all(), share
    assert widening(1) > 14.0


def test_rods_of_salt_in_water_are_covered():
    rho = np.array([-51.83, -53.40, 58.88, 157.05, 375.83])
    water = np.array([1012.25, 1056.95, 1103.57, 1119.52, 923.20])
    stream = np.random.default_rng(13)
    HU = water + (1.35 + 0.2174) * rho + 8.0 - 999.6
    scans = [fit_rods_in_water(HU + stream.normal(0.0, 2.0, 5), rho, water) for _ in range(SCANS)]
    share = covered(lambda h: (h - 8.0) / 1.35, scans, (0.0, 150.0, 400.0))
    assert ((share > 0.85) & (share < 0.95)).all(), share


def test_tissues_on_a_line_are_covered():
    sd = np.array([10.0, 12.0, 12.0])
    HU = np.array([-1000.0, -100.0, 55.0])
    stream = np.random.default_rng(14)
    scans = [fit_line(HU, 0.82 * HU - 8.0 + sd * stream.standard_normal(3), sd) for _ in range(SCANS)]
    share = covered(lambda h: 0.82 * h - 8.0, scans, (0.0, 150.0, 400.0))
    assert ((share > 0.85) & (share <= 0.97)).all(), share


def test_the_physics_form_covers_what_it_would_give_without_the_persons_own_tissues():
    truth = fit_physics(EXAMPLE, SURE, samples=50)
    stream = np.random.default_rng(15)
    scans = [
        fit_physics(
            {name: h + USUAL[name] * stream.standard_normal() for name, h in EXAMPLE.items()},
            USUAL,
            samples=400,
        )
        for _ in range(200)
    ]
    share = covered(lambda h: at(truth, h)[0], scans, (50.0, 150.0, 400.0))
    assert (share > 0.85).all(), share  # above 95 %: the regression's own misfit is in the interval as well


@pytest.mark.parametrize(("kvp", "ratio"), [(80, 0.86), (120, 0.83), (140, 0.81)])
def test_hydroxyapatite_becomes_k2hpo4_by_the_cited_ratio(kvp, ratio):
    step = conversion(f"goodsitt_1992_{kvp}kvp")
    assert step(Density.of_mg([0.0, 200.0], "HA")).values == pytest.approx([0.0, 0.2 * ratio])


def test_the_table_itself_gives_about_the_same_ratio_of_salts():
    water, salt, apatite = mass_attenuation(["water", "k2hpo4", "hydroxyapatite"], 65.0)
    k2hpo4 = salt / water - 1.0 / 2.44
    hydroxyapatite = apatite / water - 1.0 / 3.16
    assert hydroxyapatite / k2hpo4 == pytest.approx(1 / 0.83, rel=0.1)
