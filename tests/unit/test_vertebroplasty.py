"""Vertebroplasty: what is proposed, what is forbidden and why, what it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import NotAvailable, OsteoplanError, UnknownName
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.techniques import limits
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Inject, Measure, Place, Plan, Remove, Sample, Step, Wait
from osteoplan.techniques.protocol import Shelf
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from tests.synthetic_vertebra import vertebra

TECHNIQUE = Vertebroplasty()


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf(devices(), limits("vertebroplasty"))


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return vertebra("oblique")


@pytest.fixture(scope="module")
def plans(anatomy: Anatomy, shelf: Shelf) -> dict[str, Plan]:
    return {plan.id: plan for plan in TECHNIQUE.propose(anatomy, Findings(), shelf)}


def places(plan: Plan) -> list[Place]:
    return [step.act for step in plan.steps if isinstance(step.act, Place)]


def moved(plan: Plan, **changes: object) -> Plan:
    """The plan with its first cannula changed."""
    first = plan.steps[0]
    assert isinstance(first.act, Place)
    act = replace(first.act, **changes)  # type: ignore[arg-type]
    return replace(plan, steps=(replace(first, act=act), *plan.steps[1:]))


def set_limit(shelf: Shelf, name: str, value: float) -> Shelf:
    return replace(shelf, limits={**shelf.limits, name: replace(shelf.limits[name], value=value)})


def test_left_right_and_both_pedicles_are_proposed(plans: dict[str, Plan]) -> None:
    assert list(plans) == ["vertebroplasty_left", "vertebroplasty_right", "vertebroplasty_both"]
    assert [len(places(plan)) for plan in plans.values()] == [1, 1, 2]
    assert all(plan.lesion == "L1" and plan.uses == ("pmma",) for plan in plans.values())


def test_the_left_path_enters_on_the_patients_left(anatomy: Anatomy, plans: dict[str, Plan]) -> None:
    entries = {name: places(plan)[0].entry_mm for name, plan in plans.items()}
    assert entries["vertebroplasty_left"][0] > anatomy.frame.origin_mm[0] > entries["vertebroplasty_right"][0]
    left, right = places(plans["vertebroplasty_both"])
    assert (left.through, right.through) == ("pedicle_left", "pedicle_right")
    assert anatomy.frame.local(left.target_mm)[0] > 3.0 > -3.0 > anatomy.frame.local(right.target_mm)[0]


def test_the_tip_lies_in_the_front_half_near_the_lesions_height(
    anatomy: Anatomy, plans: dict[str, Plan]
) -> None:
    for plan in plans.values():
        for place in places(plan):
            _, back, up = anatomy.frame.local(place.target_mm)
            assert -12.0 < back < 0.0
            assert abs(up) < 6.0


def test_steps_come_in_the_order_of_the_procedure(plans: dict[str, Plan]) -> None:
    kinds = [type(step.act) for step in plans["vertebroplasty_both"].steps]
    assert kinds == [Place, Place, Measure, Inject, Inject, Wait, Remove, Remove, Measure]


def test_the_volume_is_the_asked_share_of_the_body_and_split_between_ports(
    anatomy: Anatomy, shelf: Shelf, plans: dict[str, Plan]
) -> None:
    body = anatomy.parts["body"].sum() * anatomy.image.voxel_volume_mm3 / 1000.0
    for plan in plans.values():
        ports = TECHNIQUE.effects(plan, anatomy, shelf).ports
        assert sum(port.volume_mL for port in ports) == pytest.approx(0.2 * body)
        assert len({port.volume_mL for port in ports}) == 1
        assert [port.at_mm for port in ports] == [place.target_mm for place in places(plan)]


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"), [(5.0, 6.0, 5.0), (0.5, 1.5, 1.5), (9.0, 12.0, 5.8)]
)
def test_the_volume_is_held_between_its_bounds_and_below_the_largest_share(
    anatomy: Anatomy, shelf: Shelf, lowest: float, highest: float, expected: float
) -> None:
    bounded = set_limit(set_limit(shelf, "fill_volume_lowest_mL", lowest), "fill_volume_highest_mL", highest)
    parts = {name: mask for name, mask in anatomy.parts.items() if name != "pedicle_left"}
    (plan,) = TECHNIQUE.propose(replace(anatomy, parts=parts), Findings(), bounded)
    assert TECHNIQUE.effects(plan, anatomy, bounded).ports[0].volume_mL == pytest.approx(expected, abs=0.1)
    assert TECHNIQUE.violations(plan, anatomy, bounded) == ()


def test_a_plan_within_its_limits_has_no_violation(
    anatomy: Anatomy, shelf: Shelf, plans: dict[str, Plan]
) -> None:
    for plan in plans.values():
        assert TECHNIQUE.violations(plan, anatomy, shelf) == ()


def test_a_path_through_the_canal_is_told_with_its_number(
    anatomy: Anatomy, shelf: Shelf, plans: dict[str, Plan]
) -> None:
    wrong = moved(
        plans["vertebroplasty_left"], entry_mm=tuple(float(x) for x in anatomy.frame.world([2.0, 69.0, 0.0]))
    )
    texts = {v.limit: v for v in TECHNIQUE.violations(wrong, anatomy, shelf)}
    canal = texts["canal_clearance_min_mm"]
    assert "enters the spinal canal by" in canal.text
    assert canal.value is not None
    assert canal.value < 0 < canal.bound == 2.0
    assert "wall_depth_min_mm" in texts


def test_a_stricter_centre_makes_the_same_plan_infeasible(
    anatomy: Anatomy, shelf: Shelf, plans: dict[str, Plan]
) -> None:
    strict = set_limit(shelf, "canal_clearance_min_mm", 6.0)
    (violation,) = TECHNIQUE.violations(plans["vertebroplasty_left"], anatomy, strict)
    assert violation.text.startswith("left cannula passes ")
    assert violation.text.endswith(" mm from the spinal canal, 6.0 mm needed")


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("skin_angle_max_deg", 0.5, "meets the skin"),
        ("cortex_angle_max_deg", 1.0, "meets the cortex"),
        ("hub_allowance_mm", 100.0, "mm long"),
        ("pleura_clearance_min_mm", 40.0, "from the lung left"),
        ("vessel_clearance_min_mm", 40.0, "from the aorta"),
        ("organ_clearance_min_mm", 90.0, "from the kidney right"),
        ("wall_depth_min_mm", 6.0, "of bone beside"),
        ("fill_share_max_pct", 10.0, "% of the vertebral body"),
    ],
)
def test_every_limit_can_reject(
    anatomy: Anatomy, shelf: Shelf, plans: dict[str, Plan], limit: str, value: float, words: str
) -> None:
    found = TECHNIQUE.violations(plans["vertebroplasty_left"], anatomy, set_limit(shelf, limit, value))
    assert [words in violation.text for violation in found] == [True]


def test_an_entry_off_the_skin_and_a_tip_outside_the_body_are_told(
    anatomy: Anatomy, shelf: Shelf, plans: dict[str, Plan]
) -> None:
    place = places(plans["vertebroplasty_left"])[0]
    entry, tip = np.array(place.entry_mm), np.array(place.target_mm)
    deep = moved(plans["vertebroplasty_left"], entry_mm=tuple(entry + 0.2 * (tip - entry)))
    assert {v.limit for v in TECHNIQUE.violations(deep, anatomy, shelf)} == {"entry"}
    short = moved(plans["vertebroplasty_left"], target_mm=tuple(tip + 0.5 * (entry - tip)))
    assert "target" in {v.limit for v in TECHNIQUE.violations(short, anatomy, shelf)}


def test_a_narrow_pedicle_is_proposed_and_reported_as_too_narrow(shelf: Shelf) -> None:
    narrow = vertebra("oblique", pedicle_half_width=2.0)
    plans = TECHNIQUE.propose(narrow, Findings(), shelf)
    assert len(plans) == 3
    assert "too narrow for any cannula" in plans[0].steps[0].why
    for plan in plans:
        assert "wall_depth_min_mm" in {v.limit for v in TECHNIQUE.violations(plan, narrow, shelf)}


def test_a_kind_of_structure_that_nobody_labelled_is_called_unknown(plans: dict[str, Plan]) -> None:
    assert "clearance unknown: bowel" in plans["vertebroplasty_left"].steps[0].why
    assert not any("bowel" in estimate.target for estimate in plans["vertebroplasty_left"].clearances)


def test_clearances_carry_intervals_of_needles_that_stray(plans: dict[str, Plan]) -> None:
    canal = next(e for e in plans["vertebroplasty_left"].clearances if "spinal canal" in e.target)
    assert canal.unit == "mm"
    assert canal.low is not None
    assert canal.high is not None
    assert canal.low < canal.value < canal.high
    assert "stray" in canal.because[0]
    assert canal.status == "design_default"
    breach = [e for e in plans["vertebroplasty_left"].clearances if e.id == "breach_probability"]
    assert [0.0 <= e.value <= 1.0 for e in breach] == [True, True]


def test_nothing_is_proposed_outside_a_vertebra_or_without_pedicles(anatomy: Anatomy, shelf: Shelf) -> None:
    assert TECHNIQUE.propose(replace(anatomy, bone="femur_left"), Findings(), shelf) == ()
    parts = {name: mask for name, mask in anatomy.parts.items() if name != "pedicle_left"}
    (only,) = TECHNIQUE.propose(replace(anatomy, parts=parts), Findings(), shelf)
    assert only.id == "vertebroplasty_right"


def test_an_empty_shelf_is_an_error_not_a_default(anatomy: Anatomy, shelf: Shelf) -> None:
    with pytest.raises(NotAvailable, match="no cannula on the shelf"):
        TECHNIQUE.propose(anatomy, Findings(), replace(shelf, devices={"pmma": shelf.devices["pmma"]}))
    with pytest.raises(UnknownName, match="unknown limit"):
        replace(shelf, limits={}).limit("canal_clearance_min_mm")
    with pytest.raises(UnknownName, match="unknown device 'pma'"):
        shelf.device("pma")


def test_an_act_that_is_not_part_of_it_is_refused(
    anatomy: Anatomy, shelf: Shelf, plans: dict[str, Plan]
) -> None:
    plan = plans["vertebroplasty_left"]
    odd = replace(plan, steps=(*plan.steps, Step(99, Sample("cannula_13g", (0.0, 0.0, 0.0)))))
    with pytest.raises(OsteoplanError, match="Sample is no act of a vertebroplasty"):
        TECHNIQUE.effects(odd, anatomy, shelf)
