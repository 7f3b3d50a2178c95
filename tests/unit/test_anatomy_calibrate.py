import numpy as np
import pytest

from osteoplan.anatomy.calibrate import calibration
from osteoplan.errors import BadInput, UnknownName


def test_a_fixed_calibration_is_a_prior_and_says_that_it_is_not_calibrated():
    fixed = calibration({"kind": "fixed", "kvp": 120})
    assert not fixed.calibrated
    assert fixed.status == "unverified"
    assert (fixed.slope, fixed.intercept, fixed.kvp) == (0.8, 0.0, 120.0)
    assert fixed.slope_sd == pytest.approx(0.08 * fixed.slope)
    assert fixed.density(np.array([100.0])) == pytest.approx([80.0])


def test_a_density_image_is_taken_as_it_is():
    density = calibration({"kind": "density"})
    assert density.calibrated
    assert (density.slope, density.intercept) == (1.0, 0.0)
    assert 0 < density.slope_sd < calibration({"kind": "fixed", "kvp": 120}).slope_sd


@pytest.mark.parametrize("kind", ["internal", "phantom"])
def test_kinds_of_later_versions_say_what_to_do_meanwhile(kind):
    with pytest.raises(BadInput, match=r"not in this version: use \{kind: fixed"):
        calibration({"kind": kind})


@pytest.mark.parametrize("kvp", [80, 140, None, "120", True])
def test_no_prior_is_made_up_for_another_tube_voltage(kvp):
    with pytest.raises(BadInput, match="only 120 kV"):
        calibration({"kind": "fixed", "kvp": kvp})


def test_unknown_kinds_and_keys_name_their_neighbour():
    with pytest.raises(UnknownName, match="did you mean 'fixed'"):
        calibration({"kind": "fixd", "kvp": 120})
    with pytest.raises(UnknownName, match="did you mean 'kvp'"):
        calibration({"kind": "fixed", "kpv": 120})
