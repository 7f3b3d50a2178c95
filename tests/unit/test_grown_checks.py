"""What grows from a point is held against what such a bone is; blood with contrast is no bone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from osteoplan.anatomy.phantom import make_phantom
from osteoplan.anatomy.segment import segment_bone
from osteoplan.anatomy.segment.checks import Grown, check_volume, checked_vertebra, part_of_spine, touching
from osteoplan.anatomy.segment.contrast import contrast_filled
from osteoplan.anatomy.segment.discs import BEHIND_MM, LEFT_MM
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti
from osteoplan.model.volume import Volume

SHAPE = (len(LEFT_MM), len(BEHIND_MM), 60)
LEFT, BACK, UP = np.meshgrid(LEFT_MM, BEHIND_MM, np.arange(60.0), indexing="ij")
BODY_MM = -22.0


def straightened(*blood) -> np.ndarray:
    """A body with cortex and a disc at each end, and balls of blood (left, behind, up, radius)."""
    hu = np.full(SHAPE, 40.0)
    body = np.hypot(LEFT / 19.0, (BACK - BODY_MM) / 14.0)
    inside = (body < 1.0) & (np.abs(UP - 30.0) < 12.0)
    hu[inside] = 600.0
    hu[(body < 0.88) & (np.abs(UP - 30.0) < 10.5)] = 190.0
    for left, behind, up, radius in blood:
        ball = np.sqrt((LEFT - left) ** 2 + (BACK - behind) ** 2 + (UP - up) ** 2) < radius
        hu[ball & ~inside] = 380.0
    noisy = hu + 25.0 * np.random.default_rng(3).standard_normal(SHAPE)
    return ndimage.gaussian_filter(noisy, 0.6).astype(np.float32)


@pytest.mark.parametrize(
    "blood", [(6.0, -50.0, 30.0, 14.5), (33.0, -25.0, 22.0, 14.5), (-30.0, -40.0, 40.0, 16.0)]
)
def test_blood_beside_a_body_is_told_from_its_marrow(blood):
    left, behind, up, radius = blood
    found = contrast_filled(straightened(blood), 120.0, BODY_MM)
    core = np.sqrt((LEFT - left) ** 2 + (BACK - behind) ** 2 + (UP - up) ** 2) < radius - 3.0
    body = (np.hypot(LEFT / 19.0, (BACK - BODY_MM) / 14.0) < 1.0) & (np.abs(UP - 30.0) < 12.0)
    assert found[core & ~body].mean() > 0.9
    assert found[body].mean() < 0.02


def test_a_body_without_contrast_beside_it_holds_no_blood():
    assert not contrast_filled(straightened(), 120.0, BODY_MM).any()


def test_marrow_around_a_lytic_hole_is_no_blood():
    values = straightened()
    hole = np.sqrt((LEFT - 2.0) ** 2 + (BACK - BODY_MM + 3.0) ** 2 + (UP - 30.0) ** 2) < 8.0
    assert not contrast_filled(np.where(hole, 40.0, values).astype(np.float32), 120.0, BODY_MM).any()


def grown(*, scale=1.0, front_mm=0.0) -> Grown:
    parted = np.zeros(SHAPE, np.int16)
    for n, middle in enumerate((12.0, 30.0, 48.0), start=1):
        much = scale if n == 2 else 1.0
        body = np.hypot(LEFT / (14.0 * much), (BACK - BODY_MM) / (10.0 * much)) < 1.0
        body |= (np.abs(LEFT) < 17.0) & (BACK < BODY_MM) & (BODY_MM - front_mm < BACK) if n == 2 else False
        parted[body & (np.abs(UP - middle) < 8.0)] = n
    return Grown(parted, 2, BODY_MM)


def checked(one: Grown, bone: str = "vertebra_T8", times: float = 1.0):
    mask = np.zeros((60, 60, 60), dtype=bool)
    mask[10:-10, 10:-10, 10 : 10 + round(times * 12)] = True
    ct = Volume(np.zeros(mask.shape), np.diag([1.0, 1.0, 1.0, 1.0]), "HU")
    return checked_vertebra(ct, mask, bone, one)


def test_a_growth_that_no_such_bone_can_be_is_refused_and_an_unusual_one_is_told():
    assert checked(grown()) == ()
    assert any("of its neighbours" in said for said in checked(grown(scale=1.4)))
    assert any("in front of" in said for said in checked(grown(front_mm=30.0)))
    with pytest.raises(BadInput, match="where no vertebral body reaches"):
        checked(grown(front_mm=55.0))
    assert any("outside 10 to 35 mL" in said for said in checked(grown(), times=2.0))  # 38 mL for a T8
    with pytest.raises(BadInput, match="ran into something else"):
        checked(grown(), times=3.0)
    assert any("of the neck" in said for said in checked(grown(), "vertebra_C5", times=0.5))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("end", [0, -1])
def test_a_bone_at_the_edge_of_the_scan_may_be_cut(axis, end):
    mask = np.zeros((5, 6, 7), bool)
    mask[2, 3, 3] = True
    assert touching(mask) == ()
    np.moveaxis(mask, axis, 0)[end, 2, 2] = True
    assert touching(mask) == ("it touches the edge of the scan: it may be cut",)


@pytest.mark.parametrize("end", [1, -2])
def test_a_bone_at_the_end_of_the_stretch_may_be_cut(end):
    one, told = grown(), "it touches the end of the stretch that was looked at: it may be cut"
    assert told not in checked(one)
    where = np.argwhere(one.parted == one.which)[0]
    one.parted[where[0], where[1], end] = one.which
    assert told in checked(one)


def test_every_level_and_every_bone_that_is_grown_has_its_volumes():
    mask = Volume(np.ones((30, 30, 15), dtype=bool), np.eye(4), "mask")
    for level in ("C3", "C7", "T1", "T4", "T5", "T8"):
        assert check_volume(mask, level, part_of_spine(f"vertebra_{level}")) == (), level
    for kind in ("hemipelvis", "femur", "humerus", "lumbar"):
        (said,) = check_volume(mask, kind, kind) or ("",)
        assert said == "" or "look at the outline" in said


@pytest.mark.slow
def test_contrast_painted_beside_a_phantoms_vertebra_does_not_grow_with_it():
    phantom = make_phantom("spine", seed=4, grid="left_handed")
    truth = phantom.labels.mask("vertebrae_T12")
    seed = phantom.ct.positions_mm(np.argwhere(truth).mean(axis=0)) + np.array([0.0, -14.0, 0.0])
    at = phantom.ct.positions_mm(np.moveaxis(np.indices(truth.shape), 0, -1))
    centre = seed + np.array([-8.0, -34.0, 0.0])
    blood = (np.linalg.norm(at - centre, axis=-1) < 19.0) & (phantom.labels.volume.array == 0)
    ct = phantom.ct.with_array(np.where(blood, 380, phantom.ct.array).astype(np.int16))
    found = segment_bone(ct, "vertebra_T12", seed).mask
    assert (found & blood).sum() * ct.voxel_volume_mm3 < 300.0
    assert 2.0 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.78


@pytest.fixture(scope="module")
def chest(data):
    folder = data / "chest_spine"
    return read_nifti(folder / "cxr.nii.gz", "HU"), read_nifti(folder / "mask.nii.gz", "label").array


def core_of(ct, mask):
    """The deepest place of a mask."""
    low, high = np.argwhere(mask).min(axis=0), np.argwhere(mask).max(axis=0) + 1
    depth = ndimage.distance_transform_edt(mask[tuple(map(slice, low, high))], sampling=ct.spacing_mm)
    return ct.positions_mm(np.array(np.unravel_index(depth.argmax(), depth.shape)) + low)


@pytest.mark.slow
@pytest.mark.parametrize(("bone", "number"), [("vertebra_T5", 39), ("vertebra_T8", 36), ("vertebra_T11", 33)])
def test_on_an_arterial_scan_a_vertebra_holds_no_aorta(chest, bone, number):
    ct, labels = chest
    found = segment_bone(ct, bone, core_of(ct, labels == number)).mask
    assert (found & (labels == 52)).sum() * ct.voxel_volume_mm3 < 100.0


@pytest.mark.slow
def test_a_chamber_of_contrast_beside_t8_does_not_grow_with_it(chest):
    """As in a thoracic CTA whose T8 grew to 38 mL: before, 7.3 mL of a ball of contrast grew with it."""
    ct, labels = chest
    truth = labels == 36
    seed = core_of(ct, truth)
    at = ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1))
    front = seed[1] - ct.positions_mm(np.argwhere(truth))[:, 1].min()
    ball = np.linalg.norm(at - seed - np.array([4.0, -front - 21.0, 0.0]), axis=-1) < 22.0
    blood = ball & ~((labels >= 26) & (labels <= 50)) & ~((labels >= 92) & (labels <= 115))
    noisy = 380.0 + 25.0 * np.random.default_rng(1).standard_normal(ct.shape)
    painted = ct.with_array(np.where(blood, noisy, ct.array).astype(np.int16))
    found = segment_bone(painted, "vertebra_T8", seed).mask
    assert (found & blood).sum() * ct.voxel_volume_mm3 < 300.0


@pytest.mark.slow
def test_a_vertebra_that_is_not_seen_whole_is_not_taken_for_its_neighbour(chest):
    ct, labels = chest
    with pytest.raises(BadInput, match=r"not seen whole|every vertebra seen whole"):
        segment_bone(ct, "vertebra_T1", core_of(ct, labels == 44 - 1))
