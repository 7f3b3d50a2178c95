"""Vertebroplasty: what is proposed, what is forbidden and why, what it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import BadInput, NotAvailable, UnknownName
from osteoplan.knowledge.approaches import approach
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.findings import Findings
from osteoplan.model.plan import (
    Deliver,
    Expand,
    Inject,
    Measure,
    Place,
    Plan,
    Remove,
    Sample,
    Segment,
    Step,
    Wait,
)
from osteoplan.techniques.effects import effects
from osteoplan.techniques.filling import ways_by
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from osteoplan.techniques.violations import violations
from osteoplan.trajectory.setting import Setting
from tests.made_setting import setting_of
from tests.synthetic_vertebra import Grid, vertebra

TECHNIQUE = Vertebroplasty()


@pytest.fixture(scope="module")
def setting() -> Setting:
    return setting_of(vertebra("oblique"), "vertebroplasty")


@pytest.fixture(scope="module")
def anatomy(setting: Setting) -> Anatomy:
    return setting.anatomy


@pytest.fixture(scope="module")
def plans(setting: Setting) -> dict[str, Plan]:
    return {plan.id: plan for plan in TECHNIQUE.propose(setting, Findings())}


def places(plan: Plan) -> list[Place]:
    return [step.act for step in plan.steps if isinstance(step.act, Place)]


def moved(plan: Plan, **changes: object) -> Plan:
    """The plan with its first cannula changed."""
    first = plan.steps[0]
    assert isinstance(first.act, Place)
    act = replace(first.act, **changes)  # type: ignore[arg-type]
    return replace(plan, steps=(replace(first, act=act), *plan.steps[1:]))


def set_limit(setting: Setting, name: str, value: float) -> Setting:
    """The setting with one number changed: of the technique, or of the ways of every needle."""
    own = setting.inventory
    if name not in own.limits:
        return setting.with_inventory(replace(own, way_limits={**own.way_limits, name: value}))
    changed = {**own.limits, name: replace(own.limits[name], value=value)}
    return setting.with_inventory(replace(own, limits=changed))


def test_left_right_and_both_pedicles_are_proposed(plans: dict[str, Plan]) -> None:
    assert list(plans) == ["vertebroplasty_left", "vertebroplasty_right", "vertebroplasty_both"]
    assert [len(places(plan)) for plan in plans.values()] == [1, 1, 2]
    assert all(plan.lesion == "L1" and plan.uses == ("pmma",) for plan in plans.values())


def test_the_left_path_enters_on_the_patients_left(anatomy: Anatomy, plans: dict[str, Plan]) -> None:
    entries = {name: places(plan)[0].entry_mm for name, plan in plans.items()}
    assert entries["vertebroplasty_left"][0] > anatomy.frame.origin_mm[0] > entries["vertebroplasty_right"][0]
    left, right = places(plans["vertebroplasty_both"])
    assert (left.through, right.through) == ("transpedicular_left", "transpedicular_right")
    assert anatomy.frame.local(left.target_mm)[0] > anatomy.frame.local(right.target_mm)[0]


def test_tips_end_in_the_lesion_or_beside_it_and_never_in_the_cortex(
    anatomy: Anatomy, setting: Setting, plans: dict[str, Plan]
) -> None:
    maps, tips = setting.maps, [place.target_mm for plan in plans.values() for place in places(plan)]
    assert (maps.at("lesion", np.array(tips)) < 8.0 + 0.5).all()  # tip_beside_mm
    assert (maps.at("bone", np.array(tips)) < -3.0 + 0.5).all()  # tip_bone_min_mm; half a voxel to read
    assert maps.at("lesion", np.array(places(plans["vertebroplasty_left"])[0].target_mm)) < 0.0


@pytest.mark.parametrize("grid", ["straight", "oblique", "left_handed"])
def test_what_is_called_transpedicular_runs_inside_the_pedicle_over_its_whole_length(grid: Grid) -> None:
    """The pedicles are boxes: a needle that comes through a side of one breaks the box."""
    made = vertebra(grid)
    for plan in TECHNIQUE.propose(setting_of(made, "vertebroplasty"), Findings()):
        for place in places(plan):
            entry, tip = (made.frame.local(end) for end in (place.entry_mm, place.target_mm))
            outward = (entry - tip) / np.linalg.norm(entry - tip)
            sign = 1.0 if place.through == "transpedicular_left" else -1.0
            for back in np.arange(15.0, 25.0, 0.5):  # from the body's back wall to the back of the box
                left, _, up = tip + (back - tip[1]) / outward[1] * outward
                assert 10.0 + 1.2 < sign * left < 19.0 - 1.2, (plan.id, back)
                assert -4.0 + 1.2 < up < 10.0 - 1.2, (plan.id, back)


def test_a_needle_through_the_side_of_a_pedicle_is_not_transpedicular(
    anatomy: Anatomy, setting: Setting, plans: dict[str, Plan]
) -> None:
    """Through the isthmus, but 41 degrees off the pedicle: it enters the bone through its lateral wall."""
    tip, skin = anatomy.frame.world([[2.0, -1.0, 3.0], [2.0 + 80.0 * np.sin(0.52), 80.0 * np.cos(0.52), 3.0]])
    wrong = moved(plans["vertebroplasty_left"], entry_mm=tuple(skin.tolist()), target_mm=tuple(tip.tolist()))
    assert "wall_depth_min_mm" in {v.limit for v in violations(wrong, setting)}


def test_steps_come_in_the_order_of_the_procedure(plans: dict[str, Plan]) -> None:
    kinds = [type(step.act) for step in plans["vertebroplasty_both"].steps]
    assert kinds == [Place, Place, Measure, Inject, Inject, Wait, Remove, Remove, Measure]


def test_the_volume_is_the_asked_share_of_the_body_and_split_between_ports(
    anatomy: Anatomy, setting: Setting, plans: dict[str, Plan]
) -> None:
    body = anatomy.parts["body"].sum() * anatomy.image.voxel_volume_mm3 / 1000.0
    for plan in plans.values():
        ports = effects(plan, setting.inventory.devices).ports
        assert sum(port.volume_mL for port in ports) == pytest.approx(0.2 * body)
        assert len({port.volume_mL for port in ports}) == 1
        assert [port.at_mm for port in ports] == [place.target_mm for place in places(plan)]


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"), [(5.0, 6.0, 5.0), (0.5, 1.5, 1.5), (9.0, 12.0, 5.8)]
)
def test_the_volume_is_held_between_its_bounds_and_below_the_largest_share(
    anatomy: Anatomy, setting: Setting, lowest: float, highest: float, expected: float
) -> None:
    bounded = set_limit(
        set_limit(setting, "fill_volume_lowest_mL", lowest), "fill_volume_highest_mL", highest
    )
    parts = {name: mask for name, mask in anatomy.parts.items() if name != "pedicle_left"}
    bounded = Setting.of(replace(anatomy, parts=parts), bounded.inventory, bounded.ensemble)
    (plan,) = TECHNIQUE.propose(bounded, Findings())
    assert effects(plan, bounded.inventory.devices).ports[0].volume_mL == pytest.approx(expected, abs=0.1)
    assert violations(plan, bounded) == ()


def test_a_plan_within_its_limits_has_no_violation(
    anatomy: Anatomy, setting: Setting, plans: dict[str, Plan]
) -> None:
    for plan in plans.values():
        assert violations(plan, setting) == ()


def test_a_path_through_the_canal_is_told_with_its_number(
    anatomy: Anatomy, setting: Setting, plans: dict[str, Plan]
) -> None:
    wrong = moved(
        plans["vertebroplasty_left"], entry_mm=tuple(float(x) for x in anatomy.frame.world([2.0, 69.0, 0.0]))
    )
    texts = {v.limit: v for v in violations(wrong, setting)}
    canal = texts["canal_clearance_min_mm"]
    assert "the left needle enters the spinal canal (derived) by" in canal.text
    assert canal.value is not None
    assert canal.value < 0 < canal.bound == 2.0
    assert "wall_depth_min_mm" in texts


def test_a_stricter_centre_makes_the_same_plan_infeasible(
    anatomy: Anatomy, setting: Setting, plans: dict[str, Plan]
) -> None:
    strict = set_limit(setting, "canal_clearance_min_mm", 6.0)
    (violation,) = violations(plans["vertebroplasty_left"], strict)
    assert not any(way.ok for way in ways_by(approach("transpedicular"), "left", strict))
    assert violation.text.startswith("the left needle passes ")
    assert violation.text.endswith(" mm from the spinal canal (derived), 6.0 mm needed")


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("skin_angle_max_deg", 0.5, "meets the skin"),
        ("cortex_angle_max_deg", 1.0, "meets the bone"),
        ("hub_allowance_mm", 100.0, "mm long"),
        ("pleura_clearance_min_mm", 25.0, "from the lung left"),
        ("vessel_clearance_min_mm", 25.0, "from the aorta"),
        ("wall_depth_min_mm", 6.0, "of bone beside"),
        ("fill_share_max_pct", 10.0, "% of the vertebral body"),
    ],
)
def test_every_limit_can_reject(
    anatomy: Anatomy, setting: Setting, plans: dict[str, Plan], limit: str, value: float, words: str
) -> None:
    found = violations(plans["vertebroplasty_left"], set_limit(setting, limit, value))
    assert [words in violation.text for violation in found] == [True]


def test_an_entry_off_the_skin_and_a_tip_outside_the_lesion_are_told(
    anatomy: Anatomy, setting: Setting, plans: dict[str, Plan]
) -> None:
    place = places(plans["vertebroplasty_left"])[0]
    entry, tip = np.array(place.entry_mm), np.array(place.target_mm)
    deep = moved(plans["vertebroplasty_left"], entry_mm=tuple(entry + 0.2 * (tip - entry)))
    assert {v.limit for v in violations(deep, setting)} == {"skin"}
    short = moved(plans["vertebroplasty_left"], target_mm=tuple(tip + 0.5 * (entry - tip)))
    assert "tip_depth_min_mm" in {v.limit for v in violations(short, setting)}


def test_a_pedicle_too_narrow_gives_the_next_approach_under_its_own_name() -> None:
    narrow = setting_of(vertebra("oblique", pedicle_half_width=1.6), "vertebroplasty")
    for plan in TECHNIQUE.propose(narrow, Findings()):
        assert {place.through.rpartition("_")[0] for place in places(plan)} == {
            "parapedicular_costovertebral"
        }
        assert plan.short_title.endswith("parapedicular")
        assert violations(plan, narrow) == ()


def test_a_side_without_any_way_stays_listed_with_the_reasons(setting: Setting) -> None:
    shut = set_limit(setting, "canal_clearance_min_mm", 25.0)
    plans = TECHNIQUE.propose(shut, Findings())
    assert [plan.title for plan in plans] == [
        f"vertebroplasty, {side}: no way in" for side in ("left side", "right side", "both sides")
    ]
    for plan in plans:
        told = [v.text for v in TECHNIQUE.violations(plan, shut)]
        assert any("spinal canal (derived)" in text and "25.0 mm needed" in text for text in told)
        assert all(plan.id.endswith("both") or plan.id.rpartition("_")[2] in text for text in told)


def test_a_kind_of_structure_that_nobody_labelled_is_called_unchecked(plans: dict[str, Plan]) -> None:
    assert "not checked against nerve root" in plans["vertebroplasty_left"].steps[0].why
    assert not any("nerve" in estimate.target for estimate in plans["vertebroplasty_left"].clearances)


def test_clearances_carry_intervals_of_needles_that_stray(plans: dict[str, Plan]) -> None:
    canal = next(e for e in plans["vertebroplasty_left"].clearances if "spinal canal" in e.target)
    assert canal.unit == "mm"
    assert canal.low is not None
    assert canal.high is not None
    assert canal.low < canal.value < canal.high
    assert "stray" in canal.because[0]
    assert canal.status == "design_default"
    one, both = plans["vertebroplasty_left"], plans["vertebroplasty_both"]
    breach = [e for e in both.clearances if e.id == "breach_probability"]
    assert both.breach == pytest.approx(1.0 - (1.0 - breach[0].value) * (1.0 - breach[1].value))
    assert one.breach is not None
    assert 0.0 < one.breach < both.breach < 1.0
    assert (one.nearest.structure, one.nearest.kind) == ("spinal_canal", "canal")
    assert one.nearest.gap_mm == canal.value


def test_nothing_is_proposed_outside_a_vertebra_or_without_pedicles(anatomy: Anatomy) -> None:
    femur = setting_of(replace(anatomy, bone="femur_left"), "vertebroplasty")
    assert TECHNIQUE.propose(femur, Findings()) == ()
    parts = {name: mask for name, mask in anatomy.parts.items() if name != "pedicle_left"}
    (only,) = TECHNIQUE.propose(setting_of(replace(anatomy, parts=parts), "vertebroplasty"), Findings())
    assert only.id == "vertebroplasty_right"


def test_an_empty_shelf_is_an_error_not_a_default(setting: Setting) -> None:
    own = setting.inventory
    with pytest.raises(NotAvailable, match="no cannula on the shelf"):
        TECHNIQUE.propose(
            setting.with_inventory(replace(own, devices={"pmma": own.devices["pmma"]})), Findings()
        )
    with pytest.raises(UnknownName, match="unknown limit"):
        replace(own, limits={}).limit("fill_share_max_pct")
    with pytest.raises(UnknownName, match="unknown device 'pma'"):
        own.device("pma")


def test_an_edited_plan_is_measured_and_has_effects_without_its_technique(
    setting: Setting, plans: dict[str, Plan]
) -> None:
    plan = replace(plans["vertebroplasty_left"], technique="drawn_by_hand")
    port = effects(plan, setting.inventory.devices).ports[0]
    steps = [
        replace(s, act=replace(s.act, volume_mL=20.0)) if isinstance(s.act, Inject) else s for s in plan.steps
    ]
    more = replace(plan, steps=tuple(steps))
    assert effects(more, setting.inventory.devices).ports[0] == replace(port, volume_mL=20.0)
    assert {v.limit for v in violations(more, setting)} == {"fill_share_max_pct", "fill_volume_highest_mL"}


def test_every_act_has_its_effect_or_none(setting: Setting, plans: dict[str, Plan]) -> None:
    at = (0.0, 0.0, 0.0)
    added = (
        Sample("cannula_13g", at),
        Deliver("probe", "rf", (Segment(300.0, 20.0),), (at,), (1,)),
        Expand("balloon", at, 3.0),
    )
    plan = plans["vertebroplasty_left"]
    odd = replace(plan, steps=(*plan.steps, *(Step(90 + n, act) for n, act in enumerate(added))))
    before, found = (effects(one, setting.inventory.devices) for one in (plan, odd))
    assert found.ports == before.ports
    (source,), (cavity,) = found.sources, found.cavities
    assert (source.kind, source.segments, source.step) == ("rf", (Segment(300.0, 20.0),), 91)
    assert source.entries_mm == (plan.steps[0].act.entry_mm,)  # type: ignore[union-attr]
    assert (cavity.volume_mL, cavity.step) == (3.0, 92)


def test_a_device_that_stays_and_is_not_at_hand_is_named(setting: Setting, plans: dict[str, Plan]) -> None:
    plan = plans["vertebroplasty_left"]
    left = replace(plan, steps=(Step(1, Place("nail", (0.0, 9.0, 0.0), (0.0, 0.0, 0.0), stays=True)),))
    with pytest.raises(UnknownName, match="unknown device 'nail'"):
        effects(left, setting.inventory.devices)


def test_gas_parts_tissues_and_fills_no_bone(setting: Setting, plans: dict[str, Plan]) -> None:
    plan = plans["vertebroplasty_left"]
    parted = replace(plan, steps=(Step(0, Inject("gas", (1.0, 2.0, 3.0), 60.0)), *plan.steps))
    before, found = (effects(one, setting.inventory.devices) for one in (plan, parted))
    assert found.ports == before.ports
    assert [(one.agent, one.volume_mL) for one in found.layers] == [("gas", 60.0)]
    assert not violations(parted, setting)


def test_a_probe_without_a_way_in_is_refused(setting: Setting, plans: dict[str, Plan]) -> None:
    plan, tip = plans["vertebroplasty_left"], (0.0, 0.0, 0.0)
    lost = Deliver("probe", "rf_bipolar", (Segment(300.0, 20.0),), (tip,), (77,))
    with pytest.raises(BadInput, match="goes through step 77, which places nothing"):
        effects(replace(plan, steps=(*plan.steps, Step(90, lost))), setting.inventory.devices)
    with pytest.raises(BadInput, match="2 probes and 1 ways in"):
        Deliver("probe", "rf_bipolar", (Segment(300.0, 20.0),), (tip, tip), (1,))
    for wrong in (
        {"duration_s": 0.0},
        {"duration_s": 9.0, "power_W": -1.0},
        {"duration_s": 9.0, "duty": 2.0},
    ):
        with pytest.raises(BadInput):
            Segment(**wrong)
