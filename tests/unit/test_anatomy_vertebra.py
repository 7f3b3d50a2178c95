"""Frame, parts, canal and wall: on a vertebra of known shapes, on a labelled one, and on a real spine."""

import numpy as np
import pytest

from osteoplan.anatomy.aligned import depth_map
from osteoplan.anatomy.frame import vertebra_frame
from osteoplan.anatomy.vertebra import read_vertebra
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti
from osteoplan.model.volume import Volume
from tests.synthetic_vertebra import BODY_HALF, CANAL_HALF, vertebra

GRIDS = ("straight", "oblique", "left_handed")


def dice(one, two):
    return 2.0 * (one & two).sum() / (one.sum() + two.sum())


def bone_of(anatomy):
    return anatomy.image.with_array(anatomy.bone_mask, "mask")


def reordered(volume):
    """The same image stored the other way round: axes permuted and two of them reversed."""
    array = np.ascontiguousarray(np.transpose(volume.array, (1, 2, 0))[::-1, :, ::-1])
    turn = np.zeros((4, 4))
    turn[1, 0], turn[2, 1], turn[0, 2], turn[3, 3] = -1, 1, -1, 1
    turn[1, 3], turn[0, 3] = volume.shape[1] - 1, volume.shape[0] - 1
    return Volume(array, volume.affine @ turn, volume.meaning)


@pytest.mark.parametrize("grid", GRIDS)
def test_axes_are_found_on_any_grid(grid):
    truth = vertebra(grid)
    found = read_vertebra(bone_of(truth)).frame
    angles = np.degrees(np.arccos(np.clip((found.axes * truth.frame.axes).sum(axis=1), -1, 1)))
    assert angles.max() < 1.5
    assert found.axes @ found.axes.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(found.axes) == pytest.approx(1.0)
    assert np.abs(truth.frame.local(found.origin_mm)).max() < 0.8


def test_left_is_the_patients_left_whatever_the_order_of_indices():
    truth = vertebra("oblique")
    one, two = vertebra_frame(depth_map(bone_of(truth))), vertebra_frame(depth_map(reordered(bone_of(truth))))
    assert one.left[0] > 0.9
    assert two.axes == pytest.approx(one.axes, abs=0.02)
    assert two.origin_mm == pytest.approx(one.origin_mm, abs=0.3)


@pytest.mark.parametrize("tilt", [-30.0, 30.0])
def test_a_strongly_tilted_vertebra_is_read_without_its_neighbours(tilt):
    truth = vertebra("oblique")
    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    turn = np.eye(4)
    turn[1:3, 1:3] = [[c, -s], [s, c]]
    bone = bone_of(truth)
    found = vertebra_frame(depth_map(Volume(bone.array, turn @ bone.affine, "mask")))
    assert found.axes == pytest.approx(truth.frame.axes @ turn[:3, :3].T, abs=0.04)


@pytest.mark.parametrize("grid", GRIDS)
def test_body_arch_and_pedicles_are_told_apart(grid):
    truth = vertebra(grid)
    found = read_vertebra(bone_of(truth)).parts
    assert dice(found["body"], truth.parts["body"]) > 0.95
    assert dice(found["arch"], truth.parts["arch"]) > 0.93
    for side, sign in (("left", 1), ("right", -1)):
        pedicle = found[f"pedicle_{side}"]
        left = truth.frame.local(truth.image.positions_mm(np.argwhere(pedicle)))[:, 0]
        assert (sign * left > 0).all()
        assert dice(pedicle, truth.parts[f"pedicle_{side}"]) > 0.65
    assert not (found["body"] & found["arch"]).any()
    assert ((found["body"] | found["arch"]) == truth.bone_mask).all()
    assert not ((found["pedicle_left"] | found["pedicle_right"]) & ~found["arch"]).any()


@pytest.mark.parametrize("grid", GRIDS)
def test_the_canal_is_the_hole_of_the_ring_and_never_bone(grid):
    truth = vertebra(grid)
    found = read_vertebra(bone_of(truth))
    canal = found.canal_mask(truth.image, truth.bone_mask)
    assert not (canal & truth.bone_mask).any()
    assert found.canal.left_mm - found.canal.right_mm == pytest.approx(2 * CANAL_HALF[0], abs=2.0)
    assert found.canal.back_mm - found.canal.front_mm == pytest.approx(2 * CANAL_HALF[1], abs=2.0)
    indices = np.moveaxis(np.indices(truth.image.shape), 0, -1)
    at_body = np.abs(truth.frame.local(truth.image.positions_mm(indices))[..., 2]) < BODY_HALF[2] - 2
    assert dice(canal & at_body, truth.structure("spinal_canal").mask & at_body) > 0.88


@pytest.mark.parametrize("grid", GRIDS)
def test_the_posterior_wall_is_the_back_of_the_body(grid):
    truth = vertebra(grid)
    left, back, _ = truth.frame.local(read_vertebra(bone_of(truth)).wall_mm()).T
    expected = BODY_HALF[1] * np.sqrt(1 - (left / BODY_HALF[0]) ** 2)
    assert np.abs(back - expected).max() < 2.5  # at the edge of an endplate, cut by slices 2 mm apart
    assert np.percentile(np.abs(back - expected), 90) < 0.7
    assert abs((back - expected).mean()) < 0.5


def test_a_body_without_an_arch_is_refused_in_one_sentence():
    truth = vertebra("straight")
    with pytest.raises(BadInput, match="closes around no canal"):
        read_vertebra(truth.image.with_array(truth.parts["body"], "mask"))


@pytest.fixture(scope="module")
def l3(data):
    """Masks of a real L3: the whole, and its body as labelled part by part."""
    folder = data / "vertebra_parts"
    whole = read_nifti(folder / "sub-ct_seg-vert_label-22_msk.nii.gz", "label")
    parts = read_nifti(folder / "sub-ct_seg-subreg_label-22_msk.nii.gz", "label")
    return whole.with_array(whole.array == 22, "mask"), parts


@pytest.mark.data
def test_body_against_arch_agrees_with_labelled_parts(l3):
    whole, parts = l3
    found = read_vertebra(whole).parts
    assert dice(found["body"], whole.array & np.isin(parts.array, (49, 50))) > 0.95
    assert dice(found["arch"], whole.array & ~np.isin(parts.array, (49, 50))) > 0.95


@pytest.mark.data
def test_left_costal_process_lies_to_the_left_and_spinous_process_behind(l3):
    whole, parts = l3
    found = read_vertebra(whole)

    def centre(label):
        mask = whole.array & (parts.array == label)
        return found.frame.local(whole.positions_mm(np.argwhere(mask)).mean(axis=0))

    assert centre(43)[0] > 20.0
    assert centre(44)[0] < -20.0
    assert centre(42)[1] > 40.0
    assert centre(45)[2] > 5.0 > -5.0 > centre(47)[2]


@pytest.fixture(scope="module")
def thoracolumbar(data):
    """Label map of T10 to L2 of a real, arterial chest CT at 0.7 x 0.7 x 2.5 mm, left-handed."""
    return read_nifti(data / "chest_spine" / "T10-L2_mask.nii.gz", "label")


@pytest.mark.data
@pytest.mark.parametrize(("above", "value", "below"), [(34, 33, 32), (33, 32, 31), (32, 31, 30)])
def test_a_real_spine_agrees_with_itself(thoracolumbar, above, value, below):
    labels = thoracolumbar
    found = read_vertebra(labels.with_array(labels.array == value, "mask"))

    def centre(mask):
        return labels.positions_mm(np.argwhere(mask)).mean(axis=0)

    assert found.frame.left[0] > 0.95
    assert centre(found.parts["pedicle_left"])[0] > centre(found.parts["pedicle_right"])[0] + 18.0
    along = centre(labels.array == above) - centre(labels.array == below)
    assert found.frame.superior @ along / np.linalg.norm(along) > np.cos(np.radians(8.0))
    canal = found.canal_mask(labels, labels.array == value)
    cord = labels.array == 79
    if cord.any():
        height = found.frame.local(labels.positions_mm(np.argwhere(cord)))[:, 2]
        assert canal[cord][np.abs(height) < 8.0].mean() > 0.9
