"""Shape, name and place of a bone: what agrees, and what is caught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteoplan.anatomy.laterality import check_side, shape_side
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import scheme
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

BONES = {
    "femur_left": "femur_left",
    "femur_right": "femur_right",
    "hemipelvis_left": "hip_left",
    "hemipelvis_right": "hip_right",
}
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def pelvis(data: Path) -> LabelMap:
    volume = read_nifti(data / "pelvis_hip" / "example_seg_fast_force_split.nii.gz", "label")
    return LabelMap(volume, scheme("totalsegmentator"))


def turned(mask: Volume, matrix: np.ndarray) -> Volume:
    return Volume(mask.array, matrix @ mask.affine, "mask")


@pytest.mark.slow
def test_the_published_femur_that_is_called_left_is_caught_as_a_right_one(data: Path) -> None:
    bone = np.load(data / "femur" / "labels.npz")["labels_zyx"].transpose(2, 1, 0) == 2
    mask = Volume(bone, np.diag([-0.818, -0.818, 0.9, 1.0]), "mask")  # RAS by its source, here LPS
    shape = shape_side("femur_left", mask)
    assert (shape.side, shape.sureness) == ("right", "sure")
    assert "head points to the patient's left" in shape.because
    assert "lesser trochanter" in shape.because
    said = check_side("femur_left", mask)
    assert said is not None
    assert "shape is that of a right bone" in said
    assert check_side("femur_right", mask) is None
    assert shape_side("femur_left", turned(mask, MIRROR)).side == "left"


@pytest.mark.parametrize("bone", BONES)
@pytest.mark.slow
def test_the_pelvic_bones_are_from_the_side_that_they_are_named_after(pelvis: LabelMap, bone: str) -> None:
    mask = pelvis.near(BONES[bone], 8.0)
    assert shape_side(bone, mask).side == bone.rpartition("_")[2]
    assert check_side(bone, mask, pelvis) is None


@pytest.mark.parametrize("bone", BONES)
def test_a_wrong_name_is_told_by_shape_and_place(pelvis: LabelMap, bone: str) -> None:
    wrong = bone.replace("left", "?").replace("right", "left").replace("?", "right")
    said = check_side(wrong, pelvis.near(BONES[bone], 8.0), pelvis)
    side = bone.rpartition("_")[2]
    assert said is not None
    assert f"shape is that of a {side} bone" in said
    assert f"on the {side} of" in said


@pytest.mark.parametrize("bone", BONES)
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.slow
def test_front_and_back_or_head_and_foot_exchanged_contradict_themselves(
    pelvis: LabelMap, bone: str, axis: int
) -> None:
    flip = np.eye(4)
    flip[axis, axis] = -1.0
    mask = turned(pelvis.near(BONES[bone], 8.0), flip)
    shape = shape_side(bone, mask)
    assert shape.side is None
    assert shape.sureness == "contradictory"
    said = check_side(bone, mask)
    assert said is not None
    assert "contradicts itself" in said


def test_a_mirrored_bone_among_bones_that_are_not_is_told_apart(pelvis: LabelMap) -> None:
    mask = pelvis.near("hip_left", 8.0)
    there = MIRROR.copy()
    there[0, 3] = 2 * 75.0  # mirrored on the spot: right by shape, left by place
    said = check_side("hemipelvis_left", turned(mask, there), pelvis)
    assert said is not None
    assert "place and shape disagree" in said


def test_what_shows_no_side_is_undecided_and_not_guessed(pelvis: LabelMap) -> None:
    femur = pelvis.near("femur_left", 8.0)
    ball = femur.with_array(np.zeros(femur.shape, dtype=bool))
    at = ball.positions_mm(np.moveaxis(np.indices(ball.shape), 0, -1))
    ball.array[np.linalg.norm(at - at.mean(axis=(0, 1, 2)), axis=-1) < 24.0] = True
    shape = shape_side("femur_left", ball)
    assert shape.side is None
    assert shape.sureness == "undecided"
    assert shape_side("hemipelvis_left", femur).side is None
    assert check_side("sacrum", femur) is None
    with pytest.raises(BadInput, match="has no side"):
        shape_side("sacrum", femur)
