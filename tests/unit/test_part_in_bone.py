"""Of a mass beside a bone the part in the bone is planned; what touches none is refused."""

import numpy as np
import pytest

from osteoplan.anatomy.target import part_in_bone, require_some_in_bone
from osteoplan.errors import LesionError
from osteoplan.model.case import Case, Lesion
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume
from tests.unit.test_volume import affine

SHAPE = (60, 50, 40)
VALUES = {"femur_left": 1, "hip_left": 2}


def scene(first: int, *, flip=(1, -1, 1)):
    """Two bones on an oblique, left-handed grid of 1 mm, and a mass from slice ``first`` on along i."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:20, 10:40, 5:35] = 1
    labels[45:58, 10:40, 5:35] = 2
    mask = np.zeros(SHAPE, bool)
    mask[first : first + 25, 15:35, 10:30] = True
    grid = Volume(labels, affine((1.0, 1.0, 1.0), flip=flip), "label")
    lesion = Lesion("L1", "femur_left", "left", grid.with_array(mask, "mask"))
    return LabelMap(grid, VALUES), lesion, mask, labels == 1


def judged(first: int):
    labels, lesion, mask, bone = scene(first)
    return part_in_bone(lesion, mask, bone, labels, int(mask.sum()))


def test_a_lesion_that_lies_in_its_bone_is_planned_whole():
    planned, said = judged(0)
    assert planned.sum() == 25 * 20 * 20
    assert said == ()


def test_of_a_mass_beside_the_bone_its_part_in_the_bone_is_planned_and_the_rest_is_told():
    planned, (said,) = judged(19)  # one of 25 layers lies in the bone
    assert planned.sum() == 20 * 20
    assert "4 % of it lies in femur_left (0.4 mL)" in said
    assert "9.6 mL beside the bone are not" in said


def test_a_lesion_that_is_in_another_bone_is_refused_by_that_bones_name():
    with pytest.raises(LesionError, match="48 % in hip_left: name the bone that it is in"):
        judged(32)


def test_a_lesion_that_touches_no_bone_is_refused_at_the_first_door():
    labels, lesion, *_ = scene(20)
    ct = labels.volume.with_array(np.zeros(SHAPE, np.int16), "HU")
    with pytest.raises(LesionError, match="0 % of it lies in femur_left"):
        require_some_in_bone(Case("p", ct, (lesion,), {"kind": "internal"}, labels.volume, VALUES), lesion)
    labels, lesion, *_ = scene(19)
    require_some_in_bone(Case("p", ct, (lesion,), {"kind": "internal"}, labels.volume, VALUES), lesion)
