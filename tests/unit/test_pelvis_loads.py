"""Sacrum and pelvic ring on the real pelvis (3 mm): where they are held and loaded, and what they lose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteoplan.errors import NotAvailable
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import scheme
from osteoplan.mechanics.cases import pelvic_ring, sacrum
from osteoplan.mechanics.load import solve, tissue_of
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.labels import LabelMap
from tests.pelvic_ring_made import pelvis_of, ring_in_a_mirror

LAW = "keyak_falkinstein_2003"
COARSE = MechanicsSettings(spacing_mm=4.0, laws=(LAW,))


@pytest.fixture(scope="module")
def bones(data: Path) -> dict[str, Anatomy]:
    folder = data / "pelvis_hip"
    ct = read_nifti(folder / "example_ct.nii.gz", "HU")
    labels = read_nifti(folder / "example_seg_fast_force_split.nii.gz", "label")
    found = LabelMap(labels, scheme("totalsegmentator"))
    return {
        "sacrum": pelvis_of(ct, found, "sacrum", at=(15.0, 12.0, -20.0)),
        "hip": pelvis_of(ct, found, "hemipelvis_right", at=(-90.0, 40.0, 10.0)),
    }


def stiffness(specimen: Specimen, state: str = "intact") -> float:
    tissue = tissue_of(specimen, state)  # type: ignore[arg-type]
    return solve(specimen, modulus(tissue, central_sample(specimen.anatomy.calibration, LAW))).stiffness


def test_a_joint_layer_fills_a_gap_and_no_bone() -> None:
    one, other = np.zeros((6, 5, 3), dtype=bool), np.zeros((6, 5, 3), dtype=bool)
    one[0], other[3] = True, True
    layer = pelvic_ring.joint_layer(one | other, one, other, gap_mm=6.0, edge_mm=2.0)
    assert layer[1:3].all()
    assert layer.sum() == layer[1:3].sum()
    assert not pelvic_ring.joint_layer(one | other, one, other, gap_mm=5.0, edge_mm=2.0).any()


@pytest.mark.slow
def test_the_sacrum_is_pressed_on_its_endplate_and_held_at_both_joints(bones: dict[str, Anatomy]) -> None:
    anatomy = bones["sacrum"]
    specimen, frame = sacrum.build_endplate(anatomy, COARSE), anatomy.frames["sacrum"]
    assert np.abs(frame.local(specimen.loaded_mm)[:, 0]).max() < 0.55 * frame.lengths_mm["s1_endplate_width"]
    across = frame.local(specimen.held_mm)[:, 0]
    assert (across < -25.0).sum() > 12
    assert (across > 25.0).sum() > 12
    assert specimen.push == pytest.approx(-frame.superior, abs=1e-6)
    intact = stiffness(specimen)
    assert 0.5 < stiffness(specimen, "now") / intact < 1.0
    assert stiffness(sacrum.build_endplate(ring_in_a_mirror(anatomy), COARSE)) == pytest.approx(
        intact, rel=1e-5
    )


@pytest.mark.slow
def test_a_sacrum_without_one_hip_bone_is_not_held(bones: dict[str, Anatomy]) -> None:
    anatomy = bones["sacrum"]
    alone = replace(anatomy, structures=tuple(one for one in anatomy.structures if one.name != "hip_right"))
    with pytest.raises(NotAvailable, match="right sacroiliac joint"):
        sacrum.build_endplate(alone, COARSE)
    with pytest.raises(NotAvailable, match="hip right is not found"):
        pelvic_ring.build_gait(alone, COARSE)


@pytest.mark.parametrize("bone", ["sacrum", "hip"])
@pytest.mark.slow
def test_the_ring_stands_on_one_hip_and_is_held_on_the_other_side(
    bones: dict[str, Anatomy], bone: str
) -> None:
    both = bones[bone], ring_in_a_mirror(bones[bone])
    here, there = (pelvic_ring.build_gait(one, COARSE) for one in both)
    side = {"sacrum": "left", "hip": "right"}[bone]  # the lesion of the sacrum lies left of its middle
    sign = 1.0 if side == "left" else -1.0
    assert here.counted["loaded_side"] == side != there.counted["loaded_side"]
    assert (sign * here.loaded_mm[:, 0] > 40.0).all()
    assert (sign * here.held_mm[:, 0]).min() < -60.0
    assert int(here.counted["joint_elements"]) > 50
    assert len(here.mesh.cells) == len(there.mesh.cells)
    assert here.end_cap.sum() == there.end_cap.sum()
