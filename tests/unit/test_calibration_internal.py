"""Air, fat, muscle, blood and cortex of the patient: made scans with known truth, and the real ones."""

import numpy as np
import pytest

from osteoplan.anatomy.calibrate import calibrate
from osteoplan.anatomy.calibration_fit import fit_physics
from osteoplan.anatomy.calibration_kernel import named_sharp, noise
from osteoplan.anatomy.calibration_tissue import tissues
from osteoplan.errors import BadInput, UnknownName
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import scheme
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume
from tests.unit.test_calibration_phantom import GRIDS, affine, made_scan

NAMES = scheme("totalsegmentator")
LINE, PHYSICS = {"kind": "internal", "method": "line"}, {"kind": "internal", "method": "physics"}
KNOWN = Acquisition(kvp=120.0, contrast=False, kernel="B", manufacturer="Philips")


@pytest.mark.parametrize("name", GRIDS)
def test_tissues_are_found_without_labels_on_every_grid(name):
    found = tissues(made_scan(GRIDS[name]))
    assert found["air"].mean_HU == pytest.approx(-1000.0, abs=2.0)
    assert found["adipose"].mean_HU == pytest.approx(-98.0, abs=3.0)
    assert found["muscle"].mean_HU == pytest.approx(55.0, abs=3.0)
    assert found["bone"].mean_HU == pytest.approx(1305.0, abs=10.0)
    assert "blood" not in found


def test_the_line_through_made_tissues_is_the_line_of_their_references():
    exact = {"air": -1000.0, "fat": -1000.0 + 760.0 / 0.824, "muscle": -1000.0 + 870.0 / 0.824}
    found = calibrate(LINE, made_scan(affine(), tissue=exact, noise=4.0), acquisition=KNOWN)
    assert found.slope == pytest.approx(0.824, rel=0.01)
    assert found.density(np.array([-1000.0])) == pytest.approx([-840.0], abs=3.0)
    assert found.calibrated
    assert "bone: the straight line has no reference for it" in found.notes
    assert {p.name for p in found.points if p.used} == {"air", "adipose", "muscle"}


def test_padding_is_never_air():
    scan = made_scan(affine())
    padded = scan.with_array(np.where(scan.array < -900.0, -2048.0, scan.array).astype(np.float32))
    assert "air" not in tissues(padded)
    with pytest.raises(BadInput, match=r"three tissues, found were: adipose, muscle; air"):
        calibrate(LINE, padded)


@pytest.mark.parametrize("fill", [-1000.0, -1024.0])
def test_constant_fill_that_looks_like_air_is_not_air(fill):
    scan = made_scan(affine())
    filled = scan.with_array(np.where(scan.array < -900.0, fill, scan.array).astype(np.float32))
    assert "air" not in tissues(filled)


def test_a_region_that_is_pointed_at_in_padding_is_refused():
    regions = {"air": {"at_mm": [-120.0, -120.0, 0.0]}}
    with pytest.raises(BadInput, match="holds padding"):
        calibrate({**LINE, "regions": regions}, made_scan(affine()))


@pytest.mark.parametrize("name", GRIDS)
def test_regions_that_are_pointed_at_are_measured_where_they_are(name):
    regions = {
        "air": {"at_mm": [0.0, -108.0, 0.0], "radius_mm": 6},
        "adipose": {"at_mm": [0.0, -65.0, 0.0], "radius_mm": 4},
        "muscle": {"at_mm": [45.0, 0.0, 0.0], "radius_mm": 6},
    }
    found = calibrate({**LINE, "regions": regions}, made_scan(GRIDS[name]))
    means = {p.name: p.mean_HU for p in found.points}
    assert means == pytest.approx({"air": -1000.0, "adipose": -98.0, "muscle": 55.0}, abs=4.0)


def test_wrong_tissues_and_keys_are_named():
    scan = made_scan(affine())
    with pytest.raises(UnknownName, match="did you mean 'muscle'"):
        calibrate({**LINE, "regions": {"muscles": {"at_mm": [0, 0, 0]}}}, scan)
    with pytest.raises(UnknownName, match="did you mean 'radius_mm'"):
        calibrate({**LINE, "regions": {"air": {"at_mm": [0, 0, 0], "radius": 3}}}, scan)


def test_lesion_metal_and_thin_cortex_are_left_out():
    scan = made_scan(affine())
    nail = scan.array.copy()
    nail[112:118, 130:136, :] = 3000.0
    assert tissues(scan.with_array(nail))["bone"].mean_HU < 1400.0
    exclude = scan.array > 700.0
    assert "bone" not in tissues(scan, exclude=exclude)
    thin = tissues(made_scan(affine(), tissue={"bone": 950.0}))["bone"]
    assert not thin.used
    assert "partial volume" in thin.note


def test_a_scan_without_air_has_no_energy():
    crop = made_scan(affine()).crop((60, 60, 0), (170, 150, 16))
    with pytest.raises(BadInput, match="air"):
        calibrate(PHYSICS, crop)


def test_another_tube_voltage_widens_the_line():
    scan = made_scan(affine())
    at = np.array([200.0])
    known = calibrate(LINE, scan, acquisition=KNOWN).sd(at)
    other = calibrate(LINE, scan, acquisition=Acquisition(kvp=140.0, contrast=False))
    assert other.sd(at) > 1.2 * known
    assert any("140 kV" in note for note in other.notes)


def test_sharp_kernels_are_known_by_name():
    def sharp(maker, kernel):
        return named_sharp(Acquisition(manufacturer=maker, kernel=kernel))

    assert sharp("Philips", "D")
    assert sharp("GE MEDICAL SYSTEMS", "BONEPLUS")
    assert sharp("SIEMENS", "B70f")
    assert sharp("Siemens Healthineers", "Br64d")
    assert sharp("TOSHIBA", "FC81")
    assert not sharp("GE MEDICAL SYSTEMS", "SOFT")
    assert not sharp("Philips", "B")
    assert not sharp("SIEMENS", "B31f")
    assert not sharp("TOSHIBA", "FC18")
    assert not sharp("", "D")


def test_a_sharp_kernel_widens_and_is_told():
    scan = made_scan(affine())
    soft = calibrate(LINE, scan, acquisition=KNOWN)
    named = calibrate(
        LINE, scan, acquisition=Acquisition(kvp=120.0, contrast=False, kernel="D", manufacturer="Philips")
    )
    at = np.array([200.0])
    assert named.coefficients == soft.coefficients
    assert named.sd(at) > soft.sd(at)
    assert any("kernel 'D'" in note and "20 per cent" in note for note in named.notes)


@pytest.fixture(scope="module")
def chest(data):
    """The arterial chest scan, every other voxel in plane, with its labels."""
    ct = read_nifti(data / "chest_spine" / "cxr.nii.gz", "HU")
    labels = read_nifti(data / "chest_spine" / "mask.nii.gz", "label")
    return _thin(ct), LabelMap(_thin(labels), NAMES)


def _thin(volume):
    affine_ = volume.affine.copy()
    affine_[:3, :2] *= 2.0
    return Volume(np.ascontiguousarray(volume.array[::2, ::2]), affine_, volume.meaning)


@pytest.mark.parametrize("request_", [LINE, PHYSICS])
def test_contrast_in_the_arterial_scan_is_detected_and_blood_left_out(chest, request_):
    ct, labels = chest
    found = calibrate(request_, ct, labels=labels, acquisition=Acquisition(kvp=120.0))
    blood = next(p for p in found.points if p.name == "blood")
    assert blood.mean_HU > 350.0
    assert not blood.used
    assert any("contrast was given (aorta reads" in note and "lowered by 10" in note for note in found.notes)
    air = next(p for p in found.points if p.name == "air")
    assert -1030.0 < air.mean_HU < -990.0, "the padding of -2048 is not in it"
    assert 120.0 < found.density(np.array([200.0]))[0] < 170.0


def test_blood_under_contrast_would_bend_the_calibration(chest):
    ct, labels = chest
    as_if_none = tissues(ct, labels=labels, contrast=False)
    assert as_if_none["blood"].used
    means = {name: region.mean_HU for name, region in as_if_none.items()}
    spread = dict.fromkeys(means, 10.0)
    with_blood = fit_physics(means, spread)
    without = fit_physics({k: v for k, v in means.items() if k != "blood"}, spread)
    assert with_blood.r2 < 0.99 < without.r2, "the fit itself would be refused"
    at = np.array([1.0, 200.0, 200.0**2])
    assert at @ with_blood.coefficients < 0.75 * (at @ without.coefficients)


def test_the_contrast_tag_alone_is_enough_and_a_silent_scanner_is_told(chest):
    ct, _ = chest
    tagged = calibrate(LINE, ct, acquisition=Acquisition(contrast=True))
    assert any("the scanner recorded a contrast agent" in note for note in tagged.notes)
    silent = calibrate(LINE, ct)
    assert any("whether contrast was given is not known" in note for note in silent.notes)
    assert tagged.intercept == pytest.approx(silent.intercept - 10.0)


def test_a_fixed_prior_keeps_its_numbers_under_contrast_and_says_so(chest):
    ct, labels = chest
    found = calibrate({"kind": "fixed", "kvp": 120}, ct, labels=labels)
    assert found.coefficients == (0.0, 0.8, 0.0)
    assert any("up to 20 mg/cm3 too high" in note for note in found.notes)


def test_the_pelvis_with_a_nail_has_blood_without_contrast(data):
    ct = read_nifti(data / "pelvis_hip" / "example_ct.nii.gz", "HU")
    labels = read_nifti(data / "pelvis_hip" / "example_seg_fast_force_split.nii.gz", "label")
    found = calibrate(PHYSICS, ct, labels=LabelMap(labels, NAMES))
    blood = next(p for p in found.points if p.name == "blood")
    assert blood.used
    assert 30.0 < blood.mean_HU < 60.0
    assert any("no cortical bone was used" in note for note in found.notes), "3 mm voxels, and a nail"
    at = np.array([200.0])
    assert found.sd(at)[0] > 0.2 * found.density(at)[0]


def test_the_look_of_the_noise_tells_the_sharp_scan_from_the_soft_one(data):
    sharp = read_nifti(data / "thoracic_dicom" / "lidc0314_lower_thoracic_crop.nii.gz", "HU")
    soft = read_nifti(data / "chest_spine" / "T10-L2_ct.nii.gz", "HU")
    sd, correlation = noise(sharp)
    assert sd > 20.0
    assert correlation < 0.25
    assert noise(soft)[0] < 20.0
