"""The intact twin from the other side or a neighbour level, and when it is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from osteoplan.anatomy.intact import filled_in
from osteoplan.anatomy.target import target_bone, up
from osteoplan.anatomy.twin import from_neighbour, from_other_side
from osteoplan.anatomy.vertebra import read_vertebra
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import scheme
from osteoplan.model.case import Case, Lesion
from tests.made_case import made_case


@pytest.fixture(scope="module")
def made():
    return made_case("hemipelvis_left", spacing=(2.6, 2.2, 3.0))


def mirrored(made, case=None):
    anatomy, case = made.anatomy, case or made.case
    target = target_bone(case, anatomy.bone)
    return from_other_side(case, target, anatomy.frame, anatomy.image, anatomy.bone_mask, anatomy.lesion_mask)


@pytest.mark.slow
def test_the_other_hip_fills_the_lesion_closer_to_the_truth_than_the_bone_around_it(made):
    twin, words = mirrored(made)
    anatomy = made.anatomy
    inside = anatomy.bone_mask & anatomy.lesion_mask
    truth = anatomy.image_intact.array[inside].astype(float)
    around = filled_in(anatomy.image, anatomy.bone_mask, anatomy.lesion_mask).array[inside]
    off, otherwise = (np.sqrt(((x - truth) ** 2).mean()) for x in (twin.array[inside], around))
    assert off < 0.6 * otherwise
    assert (twin.array[~inside] == anatomy.image.array[~inside]).all()
    assert words.startswith("lesion filled from the right hemipelvis, mirrored")


def without(case, label):
    return replace(case, structures={k: v for k, v in case.structures.items() if k != label})


@pytest.mark.slow
def test_another_side_that_is_absent_or_diseased_is_refused_with_its_reason(made):
    with pytest.raises(
        BadInput, match=r"hip_right is not labelled on this scan: choose another intact\.from"
    ):
        mirrored(made, without(made.case, "hip_right"))
    own = made.case.target
    both = replace(made.case, lesions=(own, replace(own, id="L2", bone="hemipelvis_right", side="right")))
    with pytest.raises(BadInput, match=r"hemipelvis_right has a lesion itself \(L2\)"):
        mirrored(made, both)


@pytest.mark.slow
def test_a_bone_unlike_its_other_side_is_refused(made):
    grown = made.case.labels.array.copy()
    other = grown == made.case.structures["hip_right"]
    grown[ndimage.binary_dilation(other, iterations=4) & (grown == 0)] = made.case.structures["hip_right"]
    swollen = replace(made.case, labels=made.case.labels.with_array(grown))
    with pytest.raises(BadInput, match=r"hemipelvis_right is unlike it: surfaces are .* apart"):
        mirrored(made, swollen)


@pytest.mark.slow
def test_a_hip_has_no_neighbour_level(made):
    anatomy, target = made.anatomy, target_bone(made.case, made.anatomy.bone)
    with pytest.raises(BadInput, match="hemipelvis_left has no neighbour level"):
        from_neighbour(
            made.case, target, anatomy.frame, anatomy.image, anatomy.bone_mask, anatomy.lesion_mask, None
        )


@pytest.mark.data
@pytest.mark.slow
def test_the_level_below_fills_a_real_vertebra_and_the_one_above_where_that_is_diseased(data):
    folder = data / "chest_spine"
    ct = read_nifti(folder / "cxr.nii.gz", "HU")
    labels = read_nifti(folder / "mask.nii.gz", "label")
    names = scheme("totalsegmentator")
    case = Case("real", ct, (), {"kind": "fixed", "kvp": 120}, labels, names)
    target = target_bone(case, "vertebra_T12")
    frame = read_vertebra(target.mask_near, up=up(target)).frame
    grid = target.near
    image = ct.crop(*_box_of(ct, grid))
    bone = target.mask_near.array
    at = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))
    ball = np.linalg.norm(at - frame.origin_mm, axis=-1) < 8.0
    hole = image.with_array(np.where(ball & bone, 30, image.array).astype(image.array.dtype))
    twin, words = from_neighbour(case, target, frame, hole, bone, ball, up(target))
    assert words.startswith("lesion filled from the neighbour level L1")
    inside = ball & bone
    assert np.median(twin.array[inside]) == pytest.approx(np.median(image.array[inside]), abs=40.0)
    sick = Lesion("L2", "vertebra_L1", "midline", ct.with_array(labels.array < 0, "mask"))
    _, words = from_neighbour(replace(case, lesions=(sick,)), target, frame, hole, bone, ball, up(target))
    assert words.startswith("lesion filled from the neighbour level T11")


def _box_of(ct, grid):
    low = np.round(ct.indices(grid.positions_mm(np.zeros(3)))).astype(int)
    return low, low + np.array(grid.shape)
