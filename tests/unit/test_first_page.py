"""What nobody checked stands on every first page, and a grown bone is outlined on every picture."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from osteoplan.anatomy.read import build_anatomy
from osteoplan.errors import BadInput
from osteoplan.model.anatomy import Anatomy
from osteoplan.report.drawing.pictures import Scenery, stamps_of
from osteoplan.report.plan.meeting import first_page
from osteoplan.report.sheet.view import sheet_view
from osteoplan.report.ways.page import render_ways
from osteoplan.workflow import sheet as sheets
from tests.made_case import made_case
from tests.report_fixture import plan_result
from tests.synthetic_vertebra import vertebra
from tests.unit.test_ways_pictures import _result as ways_result

SAID = "vertebra_T12 was grown from a point, not checked: look at its outline on every slice."


@cache
def unsure() -> Anatomy:
    return replace(vertebra(), seeded=True, alerts=(SAID,))


def test_a_plan_a_sheet_and_the_ways_say_first_what_nobody_checked():
    result = plan_result(unsure())
    assert SAID.removesuffix(".") in [flag.text for flag in first_page(result).flags]
    option = result.simulations.options[0]
    stamp = {"created": "2026-11-28T10:00:00", "program": "0.1.0"}
    asked = sheets.asked_of(
        {"id": result.id, "stamp": stamp, "wordings": None}, option, result.reading.case, unsure()
    )
    assert SAID in sheet_view(asked).alarms
    assert SAID in render_ways(replace(ways_result(), anatomy=unsure()))


def test_the_bone_that_was_used_is_outlined_on_every_picture_and_a_grown_one_is_stamped():
    case = plan_result(unsure()).reading.case
    assert "bone grown from a point" in stamps_of(case, unsure())
    for anatomy in (unsure(), vertebra()):
        scenery = Scenery.of(case.ct, anatomy)
        assert [layer.legend.words for layer in scenery.layers].count("bone") == 1
        alone = scenery.with_lesion_alone()
        assert [layer.legend.words for layer in alone.layers] == ["bone", "lesion"]


def alone(bone: str, *, seeded: bool, named: str | None = None):
    """A femur's case whose label map holds that bone alone, under its own name or another."""
    case = made_case(bone).case
    value = case.structures[bone]
    labels = case.labels.with_array(np.where(case.labels.array == value, 1, 0).astype(np.uint8))
    called = named or bone
    lesion = replace(case.lesions[0], bone=called, side=called.rpartition("_")[2])
    return replace(
        case, labels=labels, structures={called: 1}, lesions=(lesion,), seeded=(called,) if seeded else ()
    )


@pytest.mark.slow
def test_a_femur_alone_is_told_by_its_shape_and_refused_under_the_other_name():
    case = alone("femur_right", seeded=False)
    anatomy, _ = build_anatomy(case, case.target)
    assert anatomy.alerts == ()
    wrong = alone("femur_right", seeded=False, named="femur_left")
    with pytest.raises(BadInput, match="right bone"):
        build_anatomy(wrong, wrong.target)


@pytest.mark.slow
def test_what_was_grown_says_so():
    case = alone("femur_left", seeded=True)
    anatomy, _ = build_anatomy(case, case.target)
    assert anatomy.seeded
    assert "femur_left was grown from a point, not checked" in anatomy.alerts[0]
