"""Frames on the real pelvis (3 mm) and the real femur (0.8 mm): landmarks that were looked at on pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteoplan.anatomy.frames import bone_frames, cautions
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import scheme
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume


@pytest.fixture(scope="module")
def pelvis(data: Path) -> LabelMap:
    volume = read_nifti(data / "pelvis_hip" / "example_seg_fast_force_split.nii.gz", "label")
    return LabelMap(volume, scheme("totalsegmentator"))


@pytest.fixture(scope="module")
def femur(data: Path) -> Volume:
    bone = np.load(data / "femur" / "labels.npz")["labels_zyx"].transpose(2, 1, 0) == 2
    return Volume(bone, np.diag([-0.818, -0.818, 0.9, 1.0]), "mask")


@pytest.mark.slow
def test_the_real_pelvis_has_its_landmarks_where_a_reader_sees_them(pelvis: LabelMap) -> None:
    seen = {
        "hemipelvis_left": {
            "asis": (121, -201, 205),
            "psis": (46, -56, 229),
            "pubic_tubercle": (12, -198, 106),
        },
        "hemipelvis_right": {
            "asis": (-115, -206, 201),
            "psis": (-51, -56, 227),
            "pubic_tubercle": (-7, -197, 104),
        },
    }
    context = {
        name: pelvis.near(name, 8.0) for name in ("hip_left", "hip_right", "femur_left", "femur_right")
    }
    axes = []
    for bone, points in seen.items():
        mask = context[bone.replace("hemipelvis", "hip")]
        frames = bone_frames(bone, mask, context=context)
        hip, cup = frames["hemipelvis"], frames["acetabulum"]
        for name, where in points.items():
            assert np.linalg.norm(hip.landmarks_mm[name] - where) < 6.0, (bone, name)
        assert "ischial_tuberosity" not in hip.landmarks_mm  # the scan ends above it
        assert any("tuberosity" in s for s in cautions(bone, frames))
        assert 35 < cup.lengths_mm["inclination_deg"] < 55
        assert 10 < cup.lengths_mm["anteversion_deg"] < 30
        head = bone_frames(bone.replace("hemipelvis", "femur"), context[bone.replace("hemipelvis", "femur")])
        assert np.linalg.norm(head["proximal_femur"].origin_mm - cup.origin_mm) < 3.0
        axes.append(hip.axes)
    assert axes[0] == pytest.approx(axes[1], abs=1e-9)  # one pelvis, one pelvic plane


def test_the_real_sacrum_needs_its_first_vertebra_and_then_shows_its_endplate(pelvis: LabelMap) -> None:
    sacrum = pelvis.near("sacrum", 8.0)
    with pytest.raises(BadInput, match="vertebrae_S1"):
        bone_frames("sacrum", sacrum)
    frame = bone_frames("sacrum", sacrum, context={"vertebrae_S1": pelvis.near("vertebrae_S1", 8.0)})[
        "sacrum"
    ]
    assert np.linalg.norm(frame.landmarks_mm["promontory"] - [0, -132, 208]) < 5.0
    assert np.linalg.norm(frame.origin_mm - [0, -122, 222]) < 5.0
    assert frame.lengths_mm["sacral_slope_deg"] == pytest.approx(47, abs=5)
    left, right = frame.landmarks_mm["ala_left"], frame.landmarks_mm["ala_right"]
    assert left[0] > 50
    assert right[0] < -50
    mirrored = Volume(sacrum.array, np.diag([-1.0, 1, 1, 1]) @ sacrum.affine, "mask")
    first = pelvis.near("vertebrae_S1", 8.0)
    other = Volume(first.array, np.diag([-1.0, 1, 1, 1]) @ first.affine, "mask")
    twin = bone_frames("sacrum", mirrored, context={"vertebrae_S1": other})["sacrum"]
    assert twin.landmarks_mm["ala_right"] == pytest.approx(left * [-1, 1, 1], abs=1e-3)
    assert twin.superior == pytest.approx(frame.superior * [-1, 1, 1], abs=1e-5)


def test_the_real_femur_has_an_ordinary_neck(femur: Volume) -> None:
    frames = bone_frames("femur_right", femur)
    frame = frames["proximal_femur"]
    assert frame.lengths_mm["head_radius"] == pytest.approx(23.8, abs=0.5)
    assert 118 < frame.lengths_mm["neck_shaft_angle_deg"] < 135
    local = {name: frame.local(point) for name, point in frame.landmarks_mm.items()}
    assert local["lesser_trochanter"][1] > 10 > -50 > local["lesser_trochanter"][2]  # behind, below
    assert local["greater_trochanter"][0] < -40  # a right bone: lateral is to the right
    assert "femoral_shaft" not in frames
    assert any("of true shaft" in s for s in cautions("femur_right", frames))


@pytest.mark.slow
def test_the_real_femur_keeps_its_landmarks_on_a_permuted_flipped_grid(femur: Volume) -> None:
    here = bone_frames("femur_right", femur)["proximal_femur"]
    array = femur.array.transpose(2, 0, 1)[::-1, :, ::-1]
    affine = femur.affine[:, [2, 0, 1, 3]].copy()
    for a in (0, 2):
        affine[:3, 3] += affine[:3, a] * (array.shape[a] - 1)
        affine[:, a] = -affine[:, a]
    there = bone_frames("femur_right", Volume(array, affine, "mask"))["proximal_femur"]
    for name, point in here.landmarks_mm.items():
        assert there.landmarks_mm[name] == pytest.approx(point, abs=1e-3), name
