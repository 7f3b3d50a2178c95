"""A vertebra of the neck: its frame by shape, no way through its pedicles, vessels that nobody labelled."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from osteoplan.anatomy.aligned import depth_map
from osteoplan.anatomy.facing import Facing, facing
from osteoplan.anatomy.frame import vertebra_frame
from osteoplan.anatomy.read import build_anatomy
from osteoplan.anatomy.vertebra import read_vertebra
from osteoplan.errors import BadInput
from osteoplan.knowledge.approaches import approach, approaches_of
from osteoplan.knowledge.corridors import templates
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Place
from osteoplan.model.volume import Volume
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from osteoplan.techniques.violations import violations
from tests.cervical_made import FRAME, GRIDS, cervical_anatomy, cervical_case, cervical_mask, turned_about
from tests.made_setting import setting_of
from tests.synthetic_vertebra import vertebra

neck = cache(cervical_anatomy)


def off_deg(found, truth):
    return np.degrees(np.arccos(np.clip((found.axes * truth.axes).sum(axis=1), -1.0, 1.0))).max()


@pytest.mark.parametrize("grid", GRIDS)
def test_a_neck_faces_by_its_canal_though_its_pillars_are_deeper_than_its_body(grid):
    mask = cervical_mask(grid)
    depth = depth_map(mask)
    deepest = FRAME.local(depth.positions_mm(np.unravel_index(depth.array.argmin(), depth.shape)))
    assert abs(deepest[0]) > 15.0  # the deepest place is no body here
    assert off_deg(vertebra_frame(depth), FRAME) < 2.0
    found = read_vertebra(mask)
    assert off_deg(found.frame, FRAME) < 2.0
    assert np.abs(FRAME.local(found.frame.origin_mm)).max() < 1.0
    assert found.canal.front_mm > 0.0
    arch = mask.positions_mm(np.argwhere(found.parts["arch"]))
    assert found.frame.local(arch)[:, 1].max() > found.canal.back_mm + 8.0  # the spinous process


def test_a_vertebra_back_to_front_is_read_by_its_shape_and_refused_in_a_plan():
    about = turned_about(FRAME)
    assert off_deg(read_vertebra(cervical_mask("straight", frame=about)).frame, about) < 2.0
    mask = cervical_mask("straight")
    flipped = Volume(mask.array, np.diag([1.0, -1.0, 1.0, 1.0]) @ mask.affine, "mask")
    assert read_vertebra(flipped).frame.posterior[1] < -0.9
    case = cervical_case(frame=about)
    with pytest.raises(BadInput, match="away from the patient's back"):
        build_anatomy(case, case.target)


def test_from_c1_to_c6_nothing_goes_through_a_pedicle():
    for level in ("C1", "C2", "C3", "C4", "C5", "C6"):
        assert not approach("transpedicular").serves(f"vertebra_{level}"), level
        assert level not in templates()["pedicle"].levels
    assert approach("transpedicular").serves("vertebra_C7")
    assert {"anterolateral_cervical"} == {one.id for one in approaches_of("vertebra_C4") if one.needle}


def test_vertebroplasty_of_a_neck_says_which_way_there_is_and_what_lies_in_it():
    setting = setting_of(neck(), "vertebroplasty")
    (plan,) = Vertebroplasty().propose(setting, Findings())
    assert plan.steps == ()
    assert violations(plan, setting) == ()
    (said,) = Vertebroplasty().violations(plan, setting)
    assert "C5 is not reached through its pedicles" in said.text
    assert "from the front and side of the neck" in said.text
    assert "vertebral artery" in said.text


def test_vessels_of_the_neck_that_nobody_labelled_are_named_on_the_first_page():
    (said,) = neck().alerts
    assert "No gap is known to common carotid artery, vertebral artery" in said
    (less,) = neck(carotids=True).alerts
    assert "carotid" not in less
    assert "vertebral artery" in less
    assert vertebra("straight").alerts == ()


def test_a_way_named_left_enters_left_and_from_behind_or_is_refused():
    setting = setting_of(vertebra("oblique"), "vertebroplasty")
    plan = next(p for p in Vertebroplasty().propose(setting, Findings()) if p.id.endswith("_left"))
    act = plan.steps[0].act
    assert isinstance(act, Place)
    frame = setting.anatomy.frame
    limits = {v.limit for v in violations(plan, setting)}
    assert "aspect" not in limits
    mirrored = frame.world(frame.local(act.entry_mm) * [-1.0, 1.0, 1.0])
    before = np.asarray(act.entry_mm) * [1.0, 0.0, 1.0] + [0.0, act.target_mm[1] - 60.0, 0.0]
    for entry, limit in ((mirrored, "aspect"), (before, "skin")):
        moved = replace(act, entry_mm=tuple(entry.tolist()))
        wrong = replace(plan, steps=(replace(plan.steps[0], act=moved), *plan.steps[1:]))
        said = [v.text for v in violations(wrong, setting) if v.limit == limit]
        assert said, limit
        assert limit != "aspect" or "from another side of the patient than named" in said[0]
    about = replace(setting.anatomy, frame=turned_about(frame))  # by the patient's axes, whatever the frame
    assert "aspect" not in {v.limit for v in violations(plan, setting_of(about, "vertebroplasty"))}


def test_what_looks_alike_on_all_sides_faces_the_front():
    """A ring of bone: only where the patient's front is tells which side is the body's."""
    affine = np.diag([-1.0, 1.0, 1.2, 1.0])
    affine[:3, 3] = (30.0, -30.0, 0.0)
    grid = Volume(np.zeros((61, 61, 21)), affine, "mm")
    x, y, _ = np.moveaxis(grid.positions_mm(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    depth = grid.with_array((np.abs(np.hypot(x, y) - 14.0) - 5.0).astype(np.float32))
    found = facing(depth, np.array([0.0, 0.0, 1.0]))
    assert found is not None
    assert np.allclose(found.towards, (0.0, -1.0, 0.0), atol=0.01)


def test_a_body_agrees_where_it_lies_before_the_canal_and_its_back_points_behind():
    found = Facing(np.zeros(3), np.array([0.0, -1.0, 0.0]))
    before, behind = np.array([2.0, -20.0, 3.0]), np.array([2.0, 20.0, 3.0])
    back, front = np.array([0.0, 1.0, 0.0]), np.array([0.0, -1.0, 0.0])
    assert found.agrees(before, back)
    assert not found.agrees(before, front)
    assert not found.agrees(behind, back)
