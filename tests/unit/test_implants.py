"""Metal, cement and stents: a real nail is found, simulated ones are named, contrast and cortex are not."""

import numpy as np
import pytest

from osteoplan.anatomy.implants import excluded_zone, find_implants
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import kind_of, scheme
from osteoplan.model.labels import LabelMap

NAMES = scheme("totalsegmentator")


def scan(folder, image, labels):
    ct = read_nifti(folder / image, "HU")
    table = LabelMap(read_nifti(folder / labels, "label"), NAMES)
    return ct, table, *(table.any_of(n for n in NAMES if kind_of(n) == kind) for kind in ("bone", "vessel"))


@pytest.fixture(scope="module")
def chest(data):
    return scan(data / "chest_spine", "T10-L2_ct.nii.gz", "T10-L2_mask.nii.gz")


def positions(ct):
    return ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1))


def with_cement(ct, labels, hu, radius):
    """A ball of cement in the body of T12."""
    from osteoplan.anatomy.vertebra import read_vertebra

    bone = labels.near("vertebrae_T12", 3.0)
    centre = read_vertebra(bone).frame.origin_mm
    ball = ((positions(ct) - centre) ** 2).sum(axis=-1) < radius**2
    return ct.with_array(np.where(ball, hu, ct.array).astype(np.float32)), ball


def with_tube(ct, labels, hu, *, wall_mm):
    """A stent in the aorta, or, with a wall as thick as the lumen, contrast that fills it."""
    points = ct.positions_mm(np.argwhere(labels.mask("aorta")))
    at = positions(ct)
    line = [np.polyval(np.polyfit(points[:, 2], points[:, a], 1), at[..., 2]) for a in (0, 1)]
    radius = np.hypot(at[..., 0] - line[0], at[..., 1] - line[1])
    low = points[:, 2].min()
    tube = (radius < 10.0) & (radius > 10.0 - wall_mm) & (at[..., 2] > low + 10) & (at[..., 2] < low + 50)
    return ct.with_array(np.where(tube, hu, ct.array).astype(np.float32)), tube


@pytest.mark.data
def test_a_real_nail_is_metal_and_nothing_else_is(data):
    ct, _, bones, vessels = scan(
        data / "pelvis_hip", "example_ct.nii.gz", "example_seg_fast_force_split.nii.gz"
    )
    (nail,) = find_implants(ct, bones=bones, vessels=vessels)
    assert nail.kind == "metal"
    assert nail.max_HU == 3382
    assert not ((ct.array > 2500) & ~nail.mask).any()
    assert ct.positions_mm(np.argwhere(nail.mask).mean(axis=0))[0] > 90  # the left femur
    assert nail.volume_mL == pytest.approx(15.1, abs=1.0)
    zone = excluded_zone([nail], ct)
    assert zone[nail.mask].all()
    assert 3 * nail.mask.sum() < zone.sum() < 0.01 * zone.size


@pytest.mark.data
def test_an_arterial_scan_without_implants_gives_none(chest):
    ct, _, bones, vessels = chest
    assert find_implants(ct, bones=bones, vessels=vessels) == ()


@pytest.mark.data
@pytest.mark.parametrize(("hu", "radius"), [(1800, 7.0), (2300, 9.0)])
def test_cement_in_a_vertebra_is_called_cement(chest, hu, radius):
    ct, labels, bones, vessels = chest
    image, truth = with_cement(ct, labels, hu, radius)
    (found,) = find_implants(image, bones=bones, vessels=vessels)
    assert found.kind == "cement"
    assert found.volume_mL == pytest.approx(truth.sum() * ct.voxel_volume_mm3 / 1000, rel=0.05)
    assert excluded_zone([found], ct)[truth].all()


@pytest.mark.data
def test_cement_that_the_label_leaves_out_of_the_bone_is_found_too(chest):
    ct, labels, bones, vessels = chest
    image, truth = with_cement(ct, labels, 1900, 6.0)
    (found,) = find_implants(image, bones=bones & ~truth, vessels=vessels)
    assert found.kind == "cement"


@pytest.mark.data
def test_a_hollow_tube_in_the_aorta_is_a_stent_and_a_filled_one_is_contrast(chest):
    ct, labels, bones, vessels = chest
    image, truth = with_tube(ct, labels, 1600, wall_mm=2.0)
    (found,) = find_implants(image, bones=bones, vessels=vessels)
    assert found.kind == "stent"
    assert found.mask[truth].mean() > 0.8
    image, _ = with_tube(ct, labels, 3071, wall_mm=10.0)
    assert find_implants(image, bones=bones, vessels=vessels) == ()


@pytest.mark.data
def test_without_bones_or_vessels_nothing_is_guessed(chest):
    ct, labels, _, _ = chest
    image, _ = with_cement(ct, labels, 2900, 7.0)
    assert find_implants(image, bones=None, vessels=None) == ()
    with pytest.raises(BadInput, match="in HU"):
        find_implants(ct.with_array(ct.array, "mgK2HPO4/cm3"), bones=None, vessels=None)


def test_no_implant_leaves_nothing_out(data):
    ct = read_nifti(data / "pelvis_hip" / "example_ct.nii.gz", "HU")
    assert not excluded_zone([], ct).any()
