"""Which part of a bone is read as a beam, and what a lesion in it takes: vertebra, femur, humerus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteoplan.mechanics.beam.section_rigidity import cut
from osteoplan.mechanics.beam.segments import segments
from osteoplan.workflow.certainty import rigidity_of
from osteoplan.workflow.settings import PlanSettings
from tests.femur_made import real_femur
from tests.synthetic_long_bone import tube
from tests.synthetic_vertebra import vertebra

FEW = PlanSettings(draws=6, spacing_mm=2.0)


def test_a_vertebra_is_its_body_and_a_lesion_is_weakest_where_it_lies():
    bone = vertebra("oblique", lesion_at=(0.0, 0.0, 4.0), lesion_radius=7.0)
    (part,), left_out = rigidity_of(bone, FEW)
    assert left_out == ()
    assert part.now.segment == "vertebral body"
    left = np.where(part.now.beam, part.now.EA_N / np.maximum(part.intact.EA_N, 1.0), 1.0)
    assert part.now.along_mm[left.argmin()] == pytest.approx(4.0, abs=3.0)
    axial = part.outcomes[0]
    assert axial.value == pytest.approx(100 * (1 - left.min()))
    assert 2.0 < axial.value < 60.0
    assert len(axial.draws) == FEW.draws


def test_a_shaft_without_landmarks_is_read_along_its_frame():
    whole = tube("oblique", name="humerus_left")
    (part,) = segments(replace(whole, frame=replace(whole.frame, kind="humeral_shaft")))
    assert part.title == "humeral shaft"
    sections = cut(part, 2.0)
    assert sections.along_mm[sections.section.max()] == pytest.approx(70.0, abs=3.0)


def test_a_bone_without_a_lesion_in_it_or_that_is_no_beam_has_no_section():
    whole = tube("straight")
    assert segments(replace(whole, lesion_mask=np.zeros_like(whole.lesion_mask))) == ()
    assert segments(replace(whole, frame=replace(whole.frame, kind="hemipelvis"))) == ()


@pytest.mark.data
def test_a_lesion_in_the_neck_of_a_real_femur_is_read_in_the_neck(data: Path):
    bone = real_femur(data)
    marks = bone.frames["proximal_femur"].landmarks_mm
    bone = real_femur(data, lesion_mm=tuple(bone.frame.local(marks["neck_centre"])), radius_mm=9.0)
    found, left_out = rigidity_of(bone, FEW)
    assert left_out == ()
    neck = next(part for part in found if part.now.segment == "femoral neck")
    # the intact neck: no wider than the head, and every section near the axis
    frame = bone.frames["proximal_femur"]
    radius = np.sqrt(neck.intact.area_mm2[neck.intact.beam] / np.pi)
    narrow = np.abs(neck.intact.along_mm[neck.intact.beam]) < 5.0
    assert 2 * radius[narrow].mean() == pytest.approx(frame.lengths_mm["neck_diameter"], rel=0.12)
    off = neck.intact.centroid_mm[np.abs(neck.intact.along_mm) < 8.0] - marks["neck_centre"]
    assert np.linalg.norm(off, axis=1).max() < 13.0
    axial, bending, twist = (loss.value for loss in neck.outcomes)
    # a ball in the spongy core: little of it, and least of what the rim bears
    assert 1.0 < twist < bending * 3.0
    assert 1.0 < bending < axial < 40.0
