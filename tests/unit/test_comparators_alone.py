"""That a bone has comparators alone is said from its name, before any image is read."""

import time

import pytest

from osteoplan.knowledge.sites import label_of, planned_bones
from osteoplan.techniques.registry import techniques
from osteoplan.workflow.options import comparators_alone


@pytest.mark.parametrize("bone", ["clavicle_left", "tibia_right"])
def test_a_bone_that_no_technique_serves_is_told_at_once(bone):
    techniques()
    begun = time.perf_counter()
    said = comparators_alone(bone)
    assert time.perf_counter() - begun < 1.0
    assert said.startswith(
        f"{bone}: no technique of this version is planned for it; a plan compares radiotherapy"
    )


@pytest.mark.parametrize(
    "bone",
    [
        "vertebra_T12", "vertebra_C4", "hemipelvis_left", "femur_right", "humerus_left", "sacrum", "sternum",
        "rib_left_6", "scapula_left",
    ],
)  # fmt: skip
def test_of_a_bone_that_a_technique_serves_nothing_is_said(bone):
    assert comparators_alone(bone) == ""


def test_what_is_said_is_what_techniques_do():
    """Every technique that is planned names its bones, by labels of bones that exist."""
    kinds = {label_of(bone).split("_")[0] for bone in planned_bones()}
    for one in techniques().values():
        if one.kind == "plan":
            assert set(one.bones) <= kinds, one.id
