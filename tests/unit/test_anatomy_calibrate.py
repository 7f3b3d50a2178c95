import json

import numpy as np
import pytest
from pydantic import TypeAdapter

from osteoplan.anatomy.calibrate import calibrate
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.materials import Density, modulus_law
from osteoplan.mechanics.uncertainty.samples import Tissue, central_sample, modulus
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.calibration import Calibration
from osteoplan.model.volume import Volume
from osteoplan.provenance import rng

AIR = Volume(np.full((12, 12, 12), -1000.0, dtype=np.float32), np.diag([1.0, 2.0, 3.0, 1.0]), "HU")


def test_a_fixed_calibration_is_a_prior_and_says_that_it_is_not_calibrated():
    fixed = calibrate({"kind": "fixed", "kvp": 120}, AIR)
    assert not fixed.calibrated
    assert fixed.status == "unverified"
    assert (fixed.slope, fixed.intercept, fixed.kvp) == (0.8, 0.0, 120.0)
    assert fixed.slope_sd == pytest.approx(0.08 * fixed.slope)
    assert fixed.density(np.array([100.0])) == pytest.approx([80.0])


def test_a_density_image_is_taken_as_it_is():
    density = calibrate({"kind": "density"}, AIR)
    assert density.calibrated
    assert (density.slope, density.intercept) == (1.0, 0.0)
    assert 0 < density.slope_sd < calibrate({"kind": "fixed", "kvp": 120}, AIR).slope_sd


@pytest.mark.parametrize("kvp", [80, 140, None])
def test_no_prior_is_made_up_for_another_tube_voltage(kvp):
    with pytest.raises(BadInput, match="only 120 kV"):
        calibrate({"kind": "fixed", "kvp": kvp}, AIR)


@pytest.mark.parametrize("kvp", ["120", True])
def test_a_tube_voltage_is_a_number(kvp):
    with pytest.raises(BadInput, match="number of kilovolts"):
        calibrate({"kind": "fixed", "kvp": kvp}, AIR)


def test_unknown_kinds_and_keys_name_their_neighbour():
    with pytest.raises(UnknownName, match="did you mean 'fixed'"):
        calibrate({"kind": "fixd", "kvp": 120}, AIR)
    with pytest.raises(UnknownName, match="did you mean 'kvp'"):
        calibrate({"kind": "fixed", "kpv": 120}, AIR)
    with pytest.raises(UnknownName, match="did you mean 'mindways'"):
        calibrate({"kind": "phantom", "phantom": "mindway"}, AIR)
    with pytest.raises(UnknownName, match="did you mean 'physics'"):
        calibrate({"kind": "internal", "method": "physic"}, AIR)
    with pytest.raises(UnknownName, match="did you mean 'K2HPO4'"):
        calibrate({"kind": "density", "density": "K2HPO"}, AIR)


def test_a_tube_voltage_other_than_recorded_is_refused():
    with pytest.raises(BadInput, match="recorded 140 kV"):
        calibrate({"kind": "fixed", "kvp": 120}, AIR, acquisition=Acquisition(kvp=140.0))


def test_the_recorded_tube_voltage_serves_where_none_is_asked_for():
    assert calibrate({"kind": "fixed"}, AIR, acquisition=Acquisition(kvp=120.0)).kvp == 120.0
    with pytest.raises(BadInput, match="no tube voltage is given"):
        calibrate({"kind": "fixed"}, AIR)


def test_an_image_of_density_is_not_calibrated_again():
    density = AIR.with_array(AIR.array, "mgK2HPO4/cm3")
    with pytest.raises(BadInput, match="needs an image in HU"):
        calibrate({"kind": "fixed", "kvp": 120}, density)


@pytest.mark.parametrize("kind", ["HA", "ash", "app"])
def test_a_law_refuses_the_density_that_it_was_not_fitted_to(kind):
    other = calibrate({"kind": "density", "density": kind}, AIR)
    voxels = np.array([100.0, 200.0])
    with pytest.raises(BadInput, match=f"takes K2HPO4 density, not {kind}"):
        modulus_law("kopperdahl_2002_power")(Density.of_mg(other.density(voxels), other.density_kind))
    no = np.zeros(2, dtype=bool)
    with pytest.raises(BadInput, match=f"not {kind}"):
        modulus(Tissue(voxels, no, no, np.zeros(2)), central_sample(other, "kopperdahl_2002_power"))
    with pytest.raises(BadInput, match=f"gives {kind} density where K2HPO4 is needed"):
        other.density_as("K2HPO4", voxels)
    assert other.density_as(kind, voxels) == pytest.approx(voxels)


def test_the_draws_of_a_line_take_slope_then_intercept_from_the_normal_numbers():
    line = Calibration.line("fixed", 0.8, 3.0, 0.064, 10.0, calibrated=False)
    z = rng(7, "calibration").standard_normal((50, 3))
    draws = line.draws(z)
    assert [d.slope for d in draws] == pytest.approx(0.8 + 0.064 * z[:, 0])
    assert [d.intercept for d in draws] == pytest.approx(3.0 + 10.0 * z[:, 1])
    assert {d.coefficients[2] for d in draws} == {0.0}


def test_draws_of_a_parabola_have_its_covariance():
    root = np.array([[9.0, 0.0, 0.0], [0.02, 0.03, 0.0], [1e-6, -2e-6, 4e-6]])
    matrix = root @ root.T
    curve = Calibration(
        "internal", (30.0, 0.5, 4e-4), tuple(tuple(row) for row in matrix.tolist()), calibrated=True
    )
    draws = np.array([d.coefficients for d in curve.draws(rng(3).standard_normal((40_000, 3)))])
    scale = np.sqrt(np.diag(matrix))
    assert np.cov(draws, rowvar=False) / np.outer(scale, scale) == pytest.approx(
        matrix / np.outer(scale, scale), abs=0.02
    )
    at = np.array([0.0, 200.0, 900.0])
    spread = np.array([draws @ (1.0, h, h * h) for h in at]).std(axis=1)
    assert curve.sd(at) == pytest.approx(spread, rel=0.02)


def test_the_residual_widens_what_is_predicted_and_not_what_is_drawn():
    rods = Calibration.line("phantom", 0.8, 0.0, 0.0, 3.0, calibrated=True, residual_sd=4.0)
    assert rods.sd(np.array([100.0])) == pytest.approx([5.0])
    assert {d.residual_sd for d in rods.draws(rng(1).standard_normal((3, 3)))} == {0.0}


def test_the_covariance_keeps_all_its_digits_through_json():
    third = 1.0 / 3.0
    covariance = (
        (2.0 / 7.0, 1e-9 * third, -1e-12),
        (1e-9 * third, 1.6e-5 * third, 0.0),
        (-1e-12, 0.0, 1e-17),
    )
    given = Calibration(
        "internal", (third, 0.1 + 0.2, 1e-7 * third), covariance, calibrated=True, notes=("a", "b")
    )
    assert TypeAdapter(Calibration).validate_json(json.dumps(given.record())) == given
