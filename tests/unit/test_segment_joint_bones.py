"""Hip bone, femur and humerus from a point: near the label map, and only on the side that was named."""

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.phantom import make_phantom
from osteoplan.anatomy.segment import segment_bone
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti


def dice(a, b):
    return 2.0 * (a & b).sum() / (a.sum() + b.sum())


def inside(ct, mask):
    """The voxel of the mask nearest to its centroid."""
    at = np.argwhere(mask)
    return ct.positions_mm(at[np.abs(at - at.mean(axis=0)).sum(axis=1).argmin()])


@pytest.fixture(scope="module")
def pelvis(data):
    folder = data / "pelvis_hip"
    labels = read_nifti(folder / "example_seg_fast_force_split.nii.gz", "label")
    return read_nifti(folder / "example_ct.nii.gz", "HU"), labels.array


# What was reached, less 0.03; the scan is 3 mm, cuts the femora, and a nail lies in the left one.
@pytest.mark.parametrize(
    ("bone", "number", "least"), [("hemipelvis_right", 78, 0.86), ("femur_right", 76, 0.81)]
)
@pytest.mark.slow
def test_a_bone_of_the_pelvis_scan_is_as_labelled(pelvis, bone, number, least):
    ct, labels = pelvis
    truth = labels == number
    found = segment_bone(ct, bone, inside(ct, truth))
    assert dice(found.mask, truth) > least
    assert "parted at a joint" in found.because


@pytest.mark.slow
def test_a_humerus_of_a_phantom_is_as_built():
    phantom = make_phantom("humerus", seed=1)
    truth = phantom.labels.mask("humerus_left")
    found = segment_bone(phantom.ct, "humerus_left", inside(phantom.ct, truth))
    assert dice(found.mask, truth) > 0.84


def test_a_point_on_the_other_side_than_the_bone_is_refused(pelvis):
    ct, labels = pelvis
    with pytest.raises(BadInput, match="lies on the patient's right"):
        segment_bone(ct, "femur_left", inside(ct, labels == 76))


def test_a_sacrum_is_refused_with_what_to_do(pelvis):
    ct, labels = pelvis
    with pytest.raises(BadInput, match="give a label map"):
        segment_bone(ct, "sacrum", inside(ct, labels == 25))


def one_side(pelvis, side):
    """The scan and its labels on one side of the sacrum's middle: a hip alone."""
    ct, labels = pelvis
    x = ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1))[..., 0]
    middle = ct.positions_mm(np.argwhere(labels == 25))[:, 0].mean()
    kept = np.argwhere(x < middle - 12.0 if side == "right" else x > middle + 12.0)
    low, high = kept.min(axis=0), kept.max(axis=0) + 1
    return ct.crop(low, high), labels[tuple(map(slice, low, high))]


def shifted(ct, by_mm):
    return replace(ct, affine=ct.affine + np.outer([by_mm, 0, 0, 0], [0, 0, 0, 1.0]))


@pytest.mark.parametrize("by_mm", [0.0, -300.0])
def test_on_a_scan_of_one_hip_the_edge_of_the_image_is_no_flank(pelvis, by_mm):
    """Before, the middle of the image was taken for the patient's: the right name was refused."""
    ct, labels = one_side(pelvis, "right")
    ct = shifted(ct, by_mm)
    with pytest.raises(BadInput, match="lies on the patient's right"):
        segment_bone(ct, "hemipelvis_left", inside(ct, labels == 78))


@pytest.mark.slow
@pytest.mark.parametrize(("bone", "number", "least"), [("hemipelvis", 78, 0.85), ("femur", 76, 0.81)])
def test_a_bone_of_one_hip_alone_is_grown_under_its_own_name_and_no_other(pelvis, bone, number, least):
    ct, labels = one_side(pelvis, "right")
    ct = shifted(ct, -300.0)
    seed = inside(ct, labels == number)
    found = segment_bone(ct, f"{bone}_right", seed)
    assert dice(found.mask, labels == number) > least
    assert not any("not checkable" in said for said in found.cautions)
    with pytest.raises(BadInput, match="lies on the patient's right"):
        segment_bone(ct, f"{bone}_left", seed)


@pytest.mark.slow
def test_a_hip_beside_a_nail_that_shows_no_side_is_not_refused_but_told(pelvis):
    """The nail hides the head: neither name can be told from the other, and both say so."""
    ct, labels = one_side(pelvis, "left")
    for name in ("femur_left", "femur_right"):
        said = segment_bone(ct, name, inside(ct, labels == 75)).cautions
        assert "its side is not checkable on this scan" in said[0]


@pytest.mark.slow
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_phantom_wholly_at_negative_x_is_grown_under_its_own_name(side):
    phantom = make_phantom("femur", seed=1, side=side)
    ct = shifted(phantom.ct, -500.0)
    truth = phantom.labels.mask(f"femur_{side}")
    found = segment_bone(ct, f"femur_{side}", inside(ct, truth))
    assert dice(found.mask, truth) > 0.8
    other = "right" if side == "left" else "left"
    with pytest.raises(BadInput, match=f"lies on the patient's {side}"):
        segment_bone(ct, f"femur_{other}", inside(ct, truth))
