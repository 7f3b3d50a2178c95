"""An ablation and a stabilisation in one plan: order of their acts, and one cannula where it serves both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.findings import Findings
from osteoplan.model.plan import (
    SHORT,
    Deliver,
    Inject,
    Measure,
    Option,
    Place,
    Plan,
    Reason,
    Remove,
    Segment,
    Wait,
)
from osteoplan.model.result import Reading
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.order import check_order, sequence_of
from osteoplan.techniques.ablation import Ablation, Cryoablation, MicrowaveAblation, RadiofrequencyAblation
from osteoplan.techniques.cemented_screws import CementedScrews
from osteoplan.techniques.cementoplasty import Cementoplasty
from osteoplan.techniques.combination import COOLING, joined, needles_of
from osteoplan.techniques.effects import effects
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from osteoplan.techniques.violations import violations
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.combine import combined
from osteoplan.workflow.options import embolised_first
from tests.made_case import MadeCase, made_case
from tests.made_setting import setting_of
from tests.synthetic_vertebra import vertebra

ID = "ablation_with_stabilisation"


def with_limits(setting: Setting, *ids: str) -> Setting:
    """The setting with the limits of some techniques."""
    own = {
        name: known for id in ids for name, known in setting_of(setting.anatomy, id).inventory.limits.items()
    }
    return setting.with_inventory(replace(setting.inventory, limits=own))


@pytest.fixture(scope="module")
def spine() -> Setting:
    return setting_of(vertebra("oblique"), "vertebroplasty")


@pytest.fixture(scope="module")
def cement(spine: Setting) -> dict[str, Plan]:
    return {plan.id: plan for plan in Vertebroplasty().propose(spine, Findings())}


def both(ablation: Ablation, held: Plan, setting: Setting) -> tuple[Plan, Setting]:
    """An ablation through the needles of a plan, joined with it; and the setting with the limits of both."""
    own = with_limits(setting, ablation.id, held.technique)
    return joined(ID, ablation.through(needles_of(held), own)[0], held), own


def kinds(plan: Plan) -> list[type]:
    return [type(step.act) for step in plan.steps]


def acts(plan: Plan, kind: type) -> list:
    return [step.act for step in plan.steps if isinstance(step.act, kind)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("ablation", [RadiofrequencyAblation(), MicrowaveAblation()], ids=lambda one: one.id)
def test_one_cannula_through_one_pedicle_serves_heat_and_then_cement(
    ablation: Ablation, side: str, spine: Setting, cement: dict[str, Plan]
) -> None:
    held = cement[f"vertebroplasty_{side}"]
    plan, own = both(ablation, held, spine)
    assert violations(plan, own) == ()
    (place,), (probe,), (inject,) = acts(plan, Place), acts(plan, Deliver), acts(plan, Inject)
    assert place.through == f"transpedicular_{side}"
    assert probe.access == (1,)
    assert inject == acts(held, Inject)[0]
    found = kinds(plan)
    assert found.index(Deliver) < found.index(Inject) < found.index(Remove)
    assert [act.what for act in acts(plan, Remove)] == [f"{place.device}, {place.through}"]
    assert [step.order for step in plan.steps] == list(range(1, len(plan.steps) + 1))


def test_after_heat_the_cement_waits_for_it_to_go_and_after_cold_for_the_thaw(
    spine: Setting, cement: dict[str, Plan]
) -> None:
    for ablation, what, other in (
        (RadiofrequencyAblation(), COOLING, "thaw"), (Cryoablation(), "thaw", COOLING),
    ):  # fmt: skip
        plan, _ = both(ablation, cement["vertebroplasty_left"], spine)
        waits = [act.for_what for act in acts(plan, Wait)]
        assert what in waits
        assert other not in waits
        order = [
            step.order for step in plan.steps if isinstance(step.act, Wait) and step.act.for_what == what
        ]
        assert order[0] < next(step.order for step in plan.steps if isinstance(step.act, Inject))
        assert {one.effect for one in check_order(sequence_of(plan.steps))} <= {"usual", "legal"}


def test_the_shared_cannula_goes_as_deep_as_the_deeper_of_both_and_is_told_once(
    spine: Setting, cement: dict[str, Plan]
) -> None:
    held = cement["vertebroplasty_left"]
    plan, _ = both(RadiofrequencyAblation(), held, spine)
    (place,) = acts(plan, Place)
    depth = [
        float(np.linalg.norm(np.subtract(at, place.entry_mm)))
        for at in (place.target_mm, acts(plan, Deliver)[0].at_mm, acts(plan, Inject)[0].at_mm)
    ]
    assert depth[0] == pytest.approx(max(depth[1:]), abs=0.1)
    back = float(np.linalg.norm(np.subtract(place.target_mm, acts(plan, Inject)[0].at_mm)))
    told_back = [act.what for act in acts(plan, Measure) if "drawn back" in act.what]
    assert told_back == ([f"CT: cannula drawn back {back:.0f} mm for the cement"] if back > 1.0 else [])
    told = [(one.id, one.target) for one in plan.clearances]
    assert len(told) == len(set(told))
    assert (
        sum(one.id == "breach_probability" and one.target.startswith("any,") for one in plan.clearances) == 1
    )


def test_two_needles_of_the_cement_take_a_probe_each(spine: Setting, cement: dict[str, Plan]) -> None:
    plan, own = both(RadiofrequencyAblation(), cement["vertebroplasty_both"], spine)
    assert len(acts(plan, Place)) == len(acts(plan, Deliver)[0].tips_mm) == len(acts(plan, Inject)) == 2
    assert violations(plan, own) == ()


def test_cannulas_that_do_not_serve_the_cement_come_out_before_it(
    spine: Setting, cement: dict[str, Plan]
) -> None:
    held = cement["vertebroplasty_left"]
    right = RadiofrequencyAblation().through(
        needles_of(cement["vertebroplasty_right"]), with_limits(spine, "rfa")
    )
    plan = joined(ID, right[0], held)
    found = kinds(plan)
    assert len(acts(plan, Place)) == len(acts(plan, Remove)) == 2
    assert found.index(Remove) < found.index(Inject)
    assert acts(plan, Remove)[0].what.endswith("transpedicular_right")
    assert {(one.id, one.target) for one in held.clearances} <= {(o.id, o.target) for o in plan.clearances}


def test_it_is_named_by_both_and_uses_what_both_use(spine: Setting, cement: dict[str, Plan]) -> None:
    plan, _ = both(MicrowaveAblation(), cement["vertebroplasty_left"], spine)
    assert plan.id == f"{ID}_mwa_vertebroplasty_left"
    assert (plan.technique, plan.short_title) == (ID, "microwave + cement, left pedicle")
    assert set(plan.uses) == {"thermal", "heat", "pmma", "mwa", "vertebroplasty"}
    assert any("generic applicator" in remark for remark in plan.remarks)
    two, _ = both(MicrowaveAblation(), cement["vertebroplasty_both"], spine)
    assert two.id == f"{ID}_mwa_vertebroplasty_both_2"
    assert two.short_title == "microwave ×2 + cement, both pedicles"


@pytest.fixture(scope="module")
def hip() -> MadeCase:
    return made_case("hemipelvis_left", spacing=(3.0, 2.7, 3.4))


def test_a_socket_is_frozen_then_screwed_then_cemented(hip: MadeCase) -> None:
    setting = setting_of(hip.anatomy, "cemented_screws")
    held = next(one for one in CementedScrews().propose(setting, Findings()) if one.steps and needles_of(one))
    plan, own = both(Cryoablation(), held, setting)
    assert sequence_of(plan.steps) == ("ablate_cold", "thaw", *("fix",) * len(acts_that_stay(plan)), "cement")
    assert {one.effect for one in check_order(sequence_of(plan.steps))} == {"usual"}
    assert effects(plan, own.inventory.devices).solids == effects(held, own.inventory.devices).solids
    assert len(plan.short_title) <= SHORT
    (said,) = embolised_first(plan, Facts({"hypervascular": True}))
    assert said.startswith("before it: embolise up to 24 hours before screws")
    assert embolised_first(plan, Facts({"hypervascular": False})) == embolised_first(plan, Facts({})) == ()


def acts_that_stay(plan: Plan) -> list[Place]:
    return [act for act in acts(plan, Place) if act.stays]


def test_a_needle_that_is_out_before_a_screw_need_not_keep_clear_of_it(hip: MadeCase) -> None:
    setting = setting_of(hip.anatomy, "cemented_screws")
    held = next(one for one in CementedScrews().propose(setting, Findings()) if one.steps and needles_of(one))
    screw = acts_that_stay(held)[0]
    through = replace(needles_of(held)[0], target_mm=screw.target_mm, entry_mm=screw.entry_mm)

    def told(plan: Plan) -> bool:
        return any(one.limit == "needle_screw_min_mm" for one in violations(plan, setting))

    place, out = (
        replace(held.steps[0], act=act) for act in (through, Remove(f"{through.device}, {through.through}"))
    )
    rest = held.steps[1:]
    before = (place, out, *rest)
    numbered = [replace(step, order=n) for n, step in enumerate(before, start=1)]
    assert not told(replace(held, steps=tuple(numbered)))
    numbered = [replace(step, order=n) for n, step in enumerate((place, *rest, out), start=1)]
    assert told(replace(held, steps=tuple(numbered)))


def test_a_bipolar_probe_through_a_screw_is_legal_as_long_as_it_fits_and_stays_in_bone(hip: MadeCase) -> None:
    setting = setting_of(hip.anatomy, "cemented_screws")
    held = next(one for one in CementedScrews().propose(setting, Findings()) if one.steps and needles_of(one))
    at, screw = next((s.order, s.act) for s in held.steps if isinstance(s.act, Place) and s.act.stays)
    inward = np.subtract(screw.target_mm, screw.entry_mm)
    inward /= np.linalg.norm(inward)

    def told(beyond_mm: float, device: str = "generic_rf_bipolar_20mm", source: str = "rf_bipolar") -> Plan:
        tip = tuple(float(x) for x in np.add(screw.target_mm, beyond_mm * inward))
        probe = Deliver(device, source, (Segment(600.0, 20.0),), (tip,), (at,))
        later = tuple(replace(s, order=s.order + 1) for s in held.steps if s.order > at)
        return replace(
            held, steps=(*held.steps[:at], replace(held.steps[0], order=at + 1, act=probe), *later)
        )

    def probe_of(plan: Plan) -> list[str]:
        return [one.text for one in violations(plan, setting) if one.limit == "probe"]

    assert probe_of(told(2.0)) == []
    assert "O9" in {one.row for one in check_order(sequence_of(told(2.0).steps))}
    assert "beyond its end" in probe_of(told(300.0))[0]
    assert "does not go through" in probe_of(told(2.0, "generic_cryoprobe_2_4mm", "cold"))[0]
    warned = check_order(sequence_of(told(2.0, "generic_microwave", "microwave").steps))
    assert {one.row for one in warned if one.effect == "warn"} == {"O16"}


def test_a_card_joins_what_its_parts_propose_through_one_access_first(hip: MadeCase) -> None:
    setting = setting_of(hip.anatomy, "rfa")
    known = {one.id: one for one in (Cryoablation(), MicrowaveAblation(), Cementoplasty())}
    options = [
        Option(plan, "plan", "infeasible" if violations(plan, own) or not plan.steps else "ranked")
        for id, one in known.items()
        for own in [with_limits(setting, id)]
        for plan in one.propose(own, Findings())
    ]
    reading = Reading(hip.case, hip.anatomy.lesion, hip.anatomy, Findings())
    card = technique_cards()[ID]
    made = list(combined(card, options, known, reading, setting))
    plans = [one.plan for one in made]
    assert 2 <= len(made) <= card.limits["plans_most"].number
    assert {plan.id.split("_cementoplasty")[0].removeprefix(f"{ID}_") for plan in plans[:2]} == {
        "mwa", "cryoablation",
    }  # fmt: skip
    assert len({plan.id for plan in plans}) == len(made)
    for one in made:
        assert violations(one.plan, setting.with_inventory(one.inventory)) == ()
        assert one.elsewhere == ()
    none = [option for option in options if option.plan.technique != "cementoplasty"]
    assert list(combined(card, none, known, reading, setting)) == []
    away = [
        replace(o, status="refer_elsewhere", reasons=(Reason("no cement here"),))
        if o.plan.technique == "cementoplasty" and o.status == "ranked" else o
        for o in options
    ]  # fmt: skip
    assert {one.elsewhere for one in combined(card, away, known, reading, setting)} == {("no cement here",)}
