"""Label schemes: numbers, spellings and parts, and the approaches that rest on their names."""

import numpy as np
import pytest

from osteoplan.errors import BadInput, UnknownName
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.approaches import (
    approach,
    approaches,
    approaches_of,
    derived_families,
    names_for,
)
from osteoplan.knowledge.sites import planned_bones
from osteoplan.knowledge.structures import SPINE_LEVELS, canonical, canonical_names, kind_of, scheme, schemes
from osteoplan.techniques.registry import planned_for


def test_every_scheme_gives_each_number_one_name():
    for name in schemes():
        table = scheme(name)
        assert len(set(table.values())) == len(table)


def test_verse_numbers_hold_thirteen_thoracic_and_six_lumbar_vertebrae():
    verse = scheme("verse")
    assert verse["vertebrae_C1"] == 1
    assert verse["vertebrae_T1"] == 8
    assert verse["vertebrae_L3"] == 22
    assert verse["vertebrae_L6"] == 25
    assert verse["vertebrae_T13"] == 28
    assert kind_of("vertebrae_T13") == kind_of("vertebrae_L6") == "bone"
    assert SPINE_LEVELS.index("T13") == SPINE_LEVELS.index("L1") - 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("L3", "vertebrae_L3"), ("vertebra t12", "vertebrae_T12"), ("Vertebrae-T13", "vertebrae_T13"),
        ("vertebrae_L6", "vertebrae_L6"), ("HIP_LEFT", "hip_left"), ("left hip", "hip_left"),
        ("Hemipelvis right", "hip_right"), ("T14", "T14"), ("sci", "sci"), ("IVC", "inferior_vena_cava"),
    ],
)  # fmt: skip
def test_a_name_is_read_as_it_is_meant_and_never_guessed(written, meant):
    assert canonical(written) == meant


def test_two_names_for_one_structure_are_refused():
    assert canonical_names({"L3": 22, "aorta": 1}) == {"vertebrae_L3": 22, "aorta": 1}
    with pytest.raises(BadInput, match="'L3' and 'vertebra L3' both mean vertebrae_L3"):
        canonical_names({"L3": 1, "vertebra L3": 2})
    with pytest.raises(UnknownName, match="totalsegmentator"):
        scheme("totalsegmenter")


@pytest.mark.data
def test_parts_of_a_real_vertebra_lie_where_their_names_say(data):
    folder = data / "vertebra_parts"
    whole = read_nifti(folder / "sub-ct_seg-vert_label-22_msk.nii.gz", "label")
    parts = read_nifti(folder / "sub-ct_seg-subreg_label-22_msk.nii.gz", "label")
    table, l3 = scheme("spine_parts"), scheme("verse")["vertebrae_L3"]

    def at(name):
        mask = (parts.array == table[f"vertebra_part_{name}"]) & (whole.array == l3)
        return whole.positions_mm(np.argwhere(mask).mean(axis=0))

    for what in ("costal_process", "articular_process_superior", "articular_process_inferior"):
        assert at(f"{what}_left")[0] > at(f"{what}_right")[0] + 15.0
    for side in ("left", "right"):
        above, below = at(f"articular_process_superior_{side}"), at(f"articular_process_inferior_{side}")
        assert above[2] > below[2] + 10
    assert at("spinous_process")[1] > at("arch")[1] > at("corpus")[1]


def test_every_need_of_an_approach_is_a_derived_family_or_a_label():
    labels = scheme("totalsegmentator")
    for one in approaches().values():
        for need in one.needs:
            assert need in derived_families() or any(n == need or n.startswith(f"{need}_") for n in labels), (
                need
            )


def test_every_planned_bone_can_be_reached_and_every_approach_reaches_one():
    for bone in planned_bones():
        assert bool(approaches_of(bone)) is planned_for(bone), bone
    for one in approaches().values():
        assert any(one.serves(bone) for bone in planned_bones())
    assert "transforaminal_posterolateral" not in {one.id for one in approaches_of("vertebra_T8")}
    with pytest.raises(UnknownName, match="femoral_neck"):
        approach("femoral_nek")


def test_a_need_is_answered_by_the_right_side_and_level_only():
    roots = ["nerve_root_T12_left", "nerve_root_T12_right", "nerve_root_T11_left"]
    assert set(names_for("nerve_root", "vertebra_T12", roots)) == set(roots[:2])
    assert names_for("nerve_root", "vertebra_T11", roots) == ()
    assert names_for("hip_joint", "femur_right", ["hip_joint_left"]) == ()
    assert names_for("nerve_root", "vertebra_T1", ["nerve_root_T11_left", "nerve_root_T11_right"]) == ()
    present = ["hip_joint_left", "femoral_neurovascular_left"]
    needs = approach("femoral_neck").needs
    assert sum(not names_for(need, "femur_left", present) for need in needs) == len(needs) - 2
    assert names_for("sciatic_nerve", "femur_left", present) == ()
