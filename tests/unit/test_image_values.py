"""Numbers that cannot be HU or density are refused in one sentence; odd but right ones pass."""

import numpy as np
import pytest

from osteoplan.anatomy.image_values import gas_in_bone, require_bone_size, require_plausible
from osteoplan.errors import BadInput
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume
from tests.ct_made import body_HU
from tests.unit.test_volume import affine

SHAPE = (40, 36, 22)
CT = body_HU(SHAPE).astype(np.int32)
CORNER = np.zeros(SHAPE, bool)
CORNER[:8, :, :] = True


def judged(array, meaning="HU"):
    require_plausible(Volume(array, affine(flip=(1, -1, 1)), meaning))


def slice_shifted(by):
    array = CT.copy()
    array[:, :, 11] += by
    return array


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (CT + 1024, "offset .* was lost"),
        (np.where(CORNER, -2000, CT + 1024), "offset .* was lost"),
        (np.where(CORNER, -1024, CT + 1024), "offset .* was lost"),  # padding that reads like air
        (np.where(CT > 300, CT + 1024, -1024), "offset .* was lost"),  # cut to its bone
        (CT + 8192, "offset .* was lost"),
        (CT[:, 10:] + 1024, "offset .* was lost"),  # no air in it
        (CT - 1024, "darker than air"),
        (np.clip(CT, -160, 240), "exactly -160 HU, the lowest value"),
        (np.clip(CT[:, 10:], -160, 240), "exactly 240 HU, the highest value"),
        (((np.clip(CT, -160, 240) + 160) * 255 // 400).astype(np.uint8), "8 bit picture"),
        (np.clip(CT, 0, None), "exactly 0 HU"),
        (CT.astype(np.int16).astype(np.uint16).astype(np.int32), "signed values under an unsigned header"),
        (CT / 1000, "no voxel is brighter"),
        (slice_shifted(1024), "slice 12 along k lies 1[0-9]+ above both"),
        (slice_shifted(-700), "slice 12 along k lies [67][0-9]+ below both"),
        (CT + np.arange(SHAPE[2]).clip(0, 1) * 300, "slices were rescaled differently"),
        (np.full(SHAPE, -2048), "every voxel is padding"),
    ],
)
def test_what_no_CT_reads_is_refused(array, said):
    with pytest.raises(BadInput, match=said):
        judged(array)


def slice_set(by):
    array = CT.copy()
    array[:, :, 7] = by
    return array


@pytest.mark.parametrize("value", [-1024, 0, 3071])
def test_a_blank_slice_within_the_body_is_refused(value):
    with pytest.raises(BadInput, match="slice 8 along k is blank"):
        judged(slice_set(value))


@pytest.mark.parametrize(
    "array",
    [
        CT,
        CT[8:, 10:, 3:],  # a crop inside the body
        CT[13:26, 12:24, 7:14],  # bone alone
        np.where(CORNER, -2048, CT),
        np.where(CORNER, -1024, CT),
        np.where(CORNER, -32768, CT),
        np.where(CT > 300, CT, -1024),  # cut to its bone
        np.clip(CT, -1000, 3071),
        CT + np.random.default_rng(1).normal(0, 120, SHAPE),  # a low dose, not cut off at -1024
        np.where(CT > 430, 20 * CT, CT),  # metal
        np.concatenate([np.full((40, 36, 3), -1024), CT], axis=2),  # empty slices
    ],
)
def test_what_is_odd_and_right_passes(array):
    judged(array)


def test_an_mr_given_as_the_ct_is_refused():
    tissue = np.random.default_rng(3).gamma(2.0, 150.0, (60, 50, 40)).astype(np.int16)
    with pytest.raises(BadInput, match="no voxel reads below 0 HU"):
        judged(tissue)


def test_slices_are_asked_along_the_patient_and_not_across():
    gap = CT.copy()
    gap[20] = -1000 + np.arange(36)[:, None] % 5  # two legs
    judged(gap)
    along = Volume(slice_shifted(1024).transpose(2, 0, 1), affine()[:, [2, 0, 1, 3]], "HU")
    with pytest.raises(BadInput, match="slice 12 along i lies"):
        require_plausible(along)


def test_a_density_in_another_unit_is_refused():
    density = np.clip(0.8 * CT, -800, None)
    judged(density, "mgK2HPO4/cm3")
    with pytest.raises(BadInput, match="is it in g/cm3"):
        judged(density / 1000, "mgHA/cm3")
    with pytest.raises(BadInput, match="denser than 3000"):
        judged(density * 1000, "mgash/cm3")
    zeroed = np.pad(np.where(CT > 300, CT, 0), 4).repeat(2, 0).repeat(2, 1)  # as bones are published
    judged(zeroed, "mgK2HPO4/cm3")
    zeroed[:, :, 15] = 0
    with pytest.raises(BadInput, match="slice 16 along k is blank"):
        judged(zeroed, "mgK2HPO4/cm3")
    judged(CT / 1000, "MR")  # no CT: nobody knows what its numbers should be


def test_metal_that_wrapped_to_air_in_a_bone_is_told():
    label = np.where(CT > 300, 32, 0)
    ct = Volume(CT.copy(), affine(), "HU")
    labels = LabelMap(ct.with_array(label, "label"), {"vertebrae_T12": 32, "aorta": 52})
    assert gas_in_bone(ct, labels) == ()
    ct.array[16:22, 15:21, 9:12] = -1024
    (said,) = gas_in_bone(ct, labels)
    assert said.startswith(
        f"vertebrae_T12 holds {6 * 6 * 3 * ct.voxel_volume_mm3 / 1000:.1f} mL that read as air"
    )


@pytest.mark.parametrize(("scale", "refused"), [(0.1, True), (1, False), (10, True)])
def test_a_bone_of_another_size_is_of_another_unit(scale, refused):
    label = np.where(CT > 300, 32, 0)
    label[0, 0, 0] = 33  # a stray voxel of a bone that the scan cuts
    lengths = np.diag([scale, scale, scale, 1])
    image = Volume(label, lengths @ affine((1.5, 2, 2.5), flip=(1, -1, 1)), "label")
    labels = LabelMap(image, {"vertebrae_T12": 32, "vertebrae_T11": 33, "aorta": 52})
    if refused:
        with pytest.raises(BadInput, match=r"^l\.nii: vertebrae_T12, its largest bone, holds .* mL"):
            require_bone_size(labels, what="l.nii")
    else:
        require_bone_size(labels, what="l.nii")
    require_bone_size(LabelMap(image, {"aorta": 32}), what="l.nii")
