"""Rods of a phantom in made scans: oblique and flipped grids, pointed at or found."""

import numpy as np
import pytest

from osteoplan.anatomy.calibrate import calibrate
from osteoplan.anatomy.calibration_fit import fit_rods, fit_rods_in_water
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.density_phantoms import density_phantom
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.volume import Volume

SLOPE, OFFSET = 1.24, -3.0  # HU of a rod = SLOPE * HA + OFFSET
HA = [rod.density_mg_cm3 for rod in density_phantom("qrm").rods]
RODS_HU = [SLOPE * rho + OFFSET for rho in HA]
WHERE = [(-75.0 + 30.0 * i, 90.0, 0.0) for i in range(6)]


def affine(*, flip=(1, 1, 1), spacing=(1.1, 1.1, 2.5), shape=(230, 230, 16), tilt_deg=0.0, swap=False):
    """A grid centred on the patient; ``swap`` makes it left-handed with x and y exchanged."""
    t = np.radians(tilt_deg)
    turn = np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1.0]])
    axes = turn @ np.diag(flip) @ np.diag(spacing)
    if swap:
        axes = axes[:, [1, 0, 2]]
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = -axes @ ((np.array(shape) - 1) / 2.0)
    return matrix


def made_scan(grid, *, rods=RODS_HU, shape=(230, 230, 16), noise=8.0, seed=1, tissue=None, gap_mm=4.0):
    """Air, padding, an elliptical patient with fat, muscle and a vertebra-like bone, and a phantom behind."""
    hu = {"air": -1000.0, "fat": -98.0, "muscle": 55.0, "bone": 1300.0, "marrow": 150.0, **(tissue or {})}
    empty = Volume(np.zeros(shape, dtype=np.float32), grid, "HU")
    x, y, _ = np.moveaxis(empty.positions_mm(np.moveaxis(np.indices(shape), 0, -1)), -1, 0)
    image = np.full(shape, hu["air"])
    back = 78.0 - gap_mm  # y of the skin of the back
    r = np.hypot(x / 105.0, (y - (back - 75.0)) / 75.0)
    image[r < 1.0] = hu["fat"]
    image[r < 0.75] = hu["muscle"]
    bone = np.hypot(x, y - 20.0)
    image[bone < 20.0] = hu["bone"]
    image[bone < 14.0] = hu["marrow"]
    image[(np.abs(x) < 100.0) & (np.abs(y - 90.0) < 12.0)] = -60.0  # the phantom's body
    for value, (rx, ry, _) in zip(rods, WHERE, strict=False):
        image[np.hypot(x - rx, y - ry) < 8.0] = value
    image += np.random.default_rng(seed).normal(0.0, noise, shape)
    image[np.hypot(x, y) > 124.0] = -2048.0
    return empty.with_array(image.astype(np.float32))


POINTED = {"kind": "phantom", "phantom": "qrm", "rods": [{"at_mm": list(at)} for at in WHERE]}
FOUND = {"kind": "phantom", "phantom": "qrm"}
GRIDS = {
    "straight": affine(),
    "flipped": affine(flip=(-1, -1, 1)),
    "left-handed": affine(swap=True),
    "oblique": affine(flip=(-1, 1, -1), tilt_deg=9.0),
}


@pytest.mark.parametrize("name", GRIDS)
def test_rods_that_are_pointed_at_give_the_line_they_were_made_with(name):
    found = calibrate(POINTED, made_scan(GRIDS[name]))
    assert found.density_kind == "HA", "no tube voltage: no conversion is made up"
    assert found.slope == pytest.approx(1.0 / SLOPE, rel=0.003)
    assert found.intercept == pytest.approx(-OFFSET / SLOPE, abs=1.5)
    assert [p.name for p in found.points] == list("ABCDEF")
    assert all(p.mean_HU == pytest.approx(hu, abs=3.0) for p, hu in zip(found.points, RODS_HU, strict=True))
    assert "no tube voltage" in " ".join(found.notes) or "not known" in " ".join(found.notes)


@pytest.mark.parametrize("name", GRIDS)
def test_rods_are_found_behind_the_patient_without_pointing(name):
    scan = made_scan(GRIDS[name])
    found = calibrate(FOUND, scan, acquisition=Acquisition(kvp=120.0))
    places = np.array([p.at_mm for p in found.points])
    assert np.abs(places[:, :2] - np.array(WHERE)[:, :2]).max() < 2.0
    assert found.density_kind == "K2HPO4"
    assert found.slope == pytest.approx(0.83 / SLOPE, rel=0.003)
    assert any("goodsitt_1992_120kvp" in note for note in found.notes)


def test_a_phantom_laid_the_other_way_round_is_read_the_other_way_round():
    found = calibrate(FOUND, made_scan(GRIDS["straight"], rods=RODS_HU[::-1]))
    assert found.slope == pytest.approx(1.0 / SLOPE, rel=0.003)
    assert found.points[0].at_mm[0] > found.points[-1].at_mm[0]


def test_rods_in_the_wrong_order_are_refused():
    with pytest.raises(BadInput, match=r"wrong order|does not fit"):
        calibrate({**POINTED, "rods": POINTED["rods"][::-1]}, made_scan(GRIDS["straight"]))


def test_a_missing_phantom_is_told_and_points_are_asked_for():
    scan = made_scan(GRIDS["straight"], rods=[-60.0] * 6)
    with pytest.raises(BadInput, match=r"point at them: rods: \[\{at_mm"):
        calibrate(FOUND, scan)


def test_a_point_beside_the_rod_and_a_point_off_the_scan_are_refused():
    beside = [{"at_mm": [x + 7.0, y, z]} for x, y, z in WHERE]
    with pytest.raises(BadInput, match="not uniform"):
        calibrate({**POINTED, "rods": beside}, made_scan(GRIDS["straight"]))
    off = [{"at_mm": [x, y, 500.0]} for x, y, _ in WHERE]
    with pytest.raises(BadInput, match="0 slices"):
        calibrate({**POINTED, "rods": off}, made_scan(GRIDS["straight"]))


def test_rods_need_three_slices():
    with pytest.raises(BadInput, match="three are needed"):
        calibrate(POINTED, made_scan(affine(shape=(230, 230, 2)), shape=(230, 230, 2)))


def test_the_number_of_rods_and_their_keys_are_checked():
    scan = made_scan(GRIDS["straight"])
    with pytest.raises(BadInput, match="has 6 rods"):
        calibrate({**POINTED, "rods": POINTED["rods"][:5]}, scan)
    with pytest.raises(UnknownName, match="did you mean 'at_mm'"):
        calibrate({**POINTED, "rods": [{"at": [0, 0, 0]}] * 6}, scan)
    with pytest.raises(BadInput, match="which one"):
        calibrate({"kind": "phantom"}, scan)


def test_the_certificate_of_the_phantom_replaces_the_stored_values():
    own = [{"at_mm": list(at), "density_mg_cm3": 1.1 * rho} for at, rho in zip(WHERE, HA, strict=True)]
    found = calibrate({**POINTED, "rods": own}, made_scan(GRIDS["straight"]))
    assert found.slope == pytest.approx(1.1 / SLOPE, rel=0.003)


def test_scattered_rods_are_refused():
    scattered = [hu + 12.0 * (-1) ** i for i, hu in enumerate(RODS_HU)]
    with pytest.raises(BadInput, match="does not fit"):
        calibrate(POINTED, made_scan(GRIDS["straight"], rods=scattered))


def mindways_rods(sigma_CT=1.35, beta_CT=8.0):
    """(HU, density, water) of rods made so that HU = sigma_CT rho + beta_CT holds for bone."""
    rods = density_phantom("mindways").rods
    rho = np.array([rod.density_mg_cm3 for rod in rods])
    water = np.array([rod.water_mg_cm3 for rod in rods])
    sigma_ref, beta_ref = sigma_CT + 0.2174, beta_CT - 999.6
    return water + sigma_ref * rho + beta_ref, rho, water


def test_salt_in_water_gives_the_line_of_the_bone_and_not_of_the_rods():
    HU, rho, water = mindways_rods()
    curve = fit_rods_in_water(HU, rho, water)
    assert curve.coefficients == pytest.approx([-8.0 / 1.35, 1.0 / 1.35, 0.0], rel=1e-9)
    assert not np.allclose(fit_rods(HU, rho).coefficients, curve.coefficients, rtol=0.05)


def test_the_sign_of_the_intercept_is_not_the_one_that_a_public_helper_had():
    HU, rho, water = mindways_rods(beta_CT=8.0)
    curve = fit_rods_in_water(HU, rho, water)
    # A voxel whose CT number is beta_CT holds no mineral; with +beta/sigma it would hold 11.9 mg/cm3.
    assert curve.coefficients[0] + curve.coefficients[1] * 8.0 == pytest.approx(0.0, abs=1e-9)
    assert abs(8.0 / 1.35 + 8.0 / 1.35) > 10.0


def test_a_mindways_phantom_in_a_scan():
    HU, _, _ = mindways_rods()
    where = WHERE[:5]
    scan = made_scan(GRIDS["oblique"], rods=[*HU])
    request = {"kind": "phantom", "phantom": "mindways", "rods": [{"at_mm": list(at)} for at in where]}
    found = calibrate(request, scan)
    assert found.density_kind == "K2HPO4"
    assert found.slope == pytest.approx(1.0 / 1.35, rel=0.01)
    assert found.density(np.array([8.0]))[0] == pytest.approx(0.0, abs=2.0)
