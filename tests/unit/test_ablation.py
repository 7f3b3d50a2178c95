"""Ablation as plans: where probes go, what drives them, what forbids them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.implants import Implant
from osteoplan.errors import NotAvailable
from osteoplan.knowledge.applicators import applicator_of
from osteoplan.knowledge.values import number
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Deliver, Inject, Place, Plan, Remove, Wait
from osteoplan.pathway.order import check_order, sequence_of
from osteoplan.techniques.ablation import (
    Ablation,
    Cryoablation,
    LaserAblation,
    MicrowaveAblation,
    RadiofrequencyAblation,
)
from osteoplan.techniques.effects import effects
from osteoplan.techniques.violations import violations
from osteoplan.trajectory.setting import Setting
from tests.made_case import made_case
from tests.made_setting import setting_of
from tests.synthetic_vertebra import vertebra

ALL: tuple[Ablation, ...] = (RadiofrequencyAblation(), MicrowaveAblation(), Cryoablation(), LaserAblation())


def handed(setting: Setting, technique: Ablation, **changed: float) -> Setting:
    """The same patient with the limits of a technique."""
    return setting.with_inventory(setting_of(setting.anatomy, technique.id, **changed).inventory)


def without(setting: Setting, *words: str) -> Setting:
    """The setting without the devices whose id holds one of these words."""
    own = setting.inventory
    kept = {id: one for id, one in own.devices.items() if not any(word in id for word in words)}
    return setting.with_inventory(replace(own, devices=kept))


@pytest.fixture(scope="module")
def spine() -> Setting:
    return setting_of(vertebra("oblique"), "rfa")


@pytest.fixture(scope="module")
def hip() -> Setting:
    return setting_of(made_case("hemipelvis_left", spacing=(3.0, 2.7, 3.4)).anatomy, "rfa")


@pytest.fixture(scope="module")
def plans(spine: Setting) -> dict[str, tuple[Plan, ...]]:
    return {one.id: one.propose(handed(spine, one), Findings()) for one in ALL}


def delivered(plan: Plan) -> Deliver:
    (found,) = (step.act for step in plan.steps if isinstance(step.act, Deliver))
    return found


def active(act: Deliver, plan: Plan) -> np.ndarray:
    """(probes, 50, 3) places along the active parts."""
    probe, placed = applicator_of(act.device), {step.order: step.act for step in plan.steps}
    found = []
    for tip, order in zip(act.tips_mm, act.access, strict=True):
        place = placed[order]
        assert isinstance(place, Place)
        outward = np.subtract(place.entry_mm, tip) / np.linalg.norm(np.subtract(place.entry_mm, tip))
        found.append(tip + (probe.tip_mm + np.linspace(0.0, probe.length_mm, 50))[:, None] * outward)
    return np.array(found)


def farthest_mm(plan: Plan, setting: Setting) -> float:
    """From the active parts to the farthest voxel of the lesion, by trying all."""
    lesion = setting.around.grid.positions_mm(np.argwhere(setting.around.lesion))
    places = active(delivered(plan), plan).reshape(-1, 3)
    return float(np.linalg.norm(lesion[:, None] - places[None], axis=2).min(axis=1).max())


@pytest.mark.parametrize("technique", ALL, ids=lambda one: one.id)
def test_every_probe_goes_through_a_cannula_that_is_placed_and_comes_out_again(
    technique: Ablation, plans: dict[str, tuple[Plan, ...]]
) -> None:
    for plan in plans[technique.id]:
        act, placed = delivered(plan), {step.order: step.act for step in plan.steps}
        assert act.source in technique.energies
        assert len(act.tips_mm) == len(act.access) == sum(isinstance(a, Place) for a in placed.values())
        for tip, order in zip(act.tips_mm, act.access, strict=True):
            place = placed[order]
            assert isinstance(place, Place)
            assert place.device.startswith("cannula")
            assert place.target_mm == tip
        assert sum(isinstance(a, Remove) for a in placed.values()) == len(act.tips_mm)


def test_no_plan_of_them_breaks_a_limit(spine: Setting, plans: dict[str, tuple[Plan, ...]]) -> None:
    for technique in ALL:
        setting = handed(spine, technique)
        for plan in plans[technique.id]:
            assert plan.steps
            assert violations(plan, setting) == ()
            assert technique.violations(plan, setting) == ()


def test_a_second_plan_has_more_probes_and_leaves_less_of_the_lesion_far_away(
    spine: Setting, plans: dict[str, tuple[Plan, ...]]
) -> None:
    single, several = plans["rfa"]
    assert (len(delivered(single).tips_mm), len(delivered(several).tips_mm)) == (1, 2)
    assert farthest_mm(several, spine) < farthest_mm(single, spine)
    assert farthest_mm(single, spine) > handed(spine, ALL[0]).inventory.limit("farthest_wanted_mm").number


def test_the_distance_that_is_told_is_that_of_the_farthest_part(
    spine: Setting, plans: dict[str, tuple[Plan, ...]]
) -> None:
    for plan in (*plans["rfa"], *plans["mwa"]):
        why = next(step.why for step in plan.steps if isinstance(step.act, Deliver))
        told = float(why.partition("part of the lesion is ")[2].partition(" mm")[0])
        assert told == pytest.approx(farthest_mm(plan, spine), abs=1.5)  # a sample of the voxels, whole mm


def test_one_probe_is_enough_where_all_of_the_lesion_is_near(spine: Setting) -> None:
    technique = ALL[0]
    (plan,) = technique.propose(handed(spine, technique, farthest_wanted_mm=60.0), Findings())
    assert len(delivered(plan).tips_mm) == 1


def test_cold_is_freeze_thaw_freeze_and_nothing_comes_out_before_the_thaw(
    plans: dict[str, tuple[Plan, ...]],
) -> None:
    plan = plans["cryoablation"][0]
    first, thaw, second = delivered(plan).segments
    assert first == second
    assert (thaw.passive, thaw.duration_s, first.duration_s) == (True, 480.0, 600.0)
    assert first.set_degC == applicator_of(delivered(plan).device).wall_degC.number
    kinds = [type(step.act) for step in plan.steps]
    assert kinds.index(Deliver) < kinds.index(Wait) < kinds.index(Remove)
    assert sequence_of(plan.steps) == ("ablate_cold", "thaw")


def test_power_and_held_temperature_are_those_of_the_probe(plans: dict[str, tuple[Plan, ...]]) -> None:
    act = delivered(plans["rfa"][0])
    probe = applicator_of(act.device)
    assert (act.segments[0].power_W, act.segments[0].set_degC) == (
        probe.power_W.number,
        probe.set_degC.number,
    )
    (heated,) = delivered(plans["mwa"][0]).segments
    assert (heated.duration_s, heated.set_degC) == (300.0, None)


def test_several_cold_probes_keep_their_spacing(hip: Setting) -> None:
    plan = Cryoablation().propose(handed(hip, Cryoablation(), farthest_wanted_mm=1.0), Findings())[-1]
    lines = active(delivered(plan), plan)
    assert len(lines) > 1
    gaps = [
        [
            np.linalg.norm(lines[a][:, None] - lines[b][None], axis=2).min()
            for b in range(len(lines))
            if b != a
        ]
        for a in range(len(lines))
    ]
    least, most = number("placement.cryo_spacing_min_mm"), number("placement.cryo_spacing_max_mm")
    assert min(min(row) for row in gaps) >= least - 1e-6
    assert max(min(row) for row in gaps) <= most + 1.0  # of places half a millimetre apart


def test_bipolar_comes_before_monopolar_and_monopolar_is_named_as_a_use(spine: Setting) -> None:
    technique = ALL[0]
    own = handed(spine, technique)
    assert {probe.energy for probe in technique.probes(own.inventory)} == {"rf_bipolar"}
    plan = technique.propose(without(own, "bipolar"), Findings())[0]
    assert (delivered(plan).source, "rfa_monopolar" in plan.uses) == ("rf_monopolar", True)


def test_a_probe_that_no_cannula_takes_and_a_shelf_without_one_are_refused_with_what_to_do(
    spine: Setting,
) -> None:
    own = handed(spine, Cryoablation())
    with pytest.raises(NotAvailable, match=r"no cannula on the shelf takes .*add one to devices in centre"):
        Cryoablation().propose(without(own, "cannula_10g", "cannula_11g"), Findings())
    with pytest.raises(NotAvailable, match="no probe for cryoablation on the shelf"):
        Cryoablation().propose(without(own, "cryo"), Findings())


def test_every_picture_of_a_generic_probe_says_that_it_is_one(plans: dict[str, tuple[Plan, ...]]) -> None:
    for plan in (plan for made in plans.values() for plan in made):
        assert any("generic applicator, unverified" in remark for remark in plan.remarks)


def test_a_tip_off_its_way_or_beyond_it_is_told_with_its_number(
    spine: Setting, plans: dict[str, tuple[Plan, ...]]
) -> None:
    plan = plans["rfa"][0]
    act, (tip,) = delivered(plan), delivered(plan).tips_mm
    inward = np.subtract(tip, plan.steps[0].act.entry_mm)
    inward /= np.linalg.norm(inward)
    for moved, said in (
        (3.0 * np.cross(inward, [0, 0, 1.0]), "beside the axis"),
        (4.0 * inward, "beyond its end"),
    ):
        at = tuple(float(x) for x in np.add(tip, moved))
        steps = tuple(
            replace(step, act=replace(act, tips_mm=(at,))) if step.act is act else step for step in plan.steps
        )
        found = violations(replace(plan, steps=steps), handed(spine, ALL[0]))
        assert [one.limit for one in found] == ["probe"]
        assert said in found[0].text


def test_metal_beside_the_active_end_is_told_for_current_and_microwaves_and_not_for_cold(
    hip: Setting,
) -> None:
    plan = MicrowaveAblation().propose(handed(hip, MicrowaveAblation()), Findings())[0]
    grid = hip.anatomy.image
    away = np.linalg.norm(
        grid.positions_mm(np.moveaxis(np.indices(grid.shape), 0, -1)) - delivered(plan).at_mm, axis=-1
    )
    metal = (away > 7.0) & (away < 9.0)
    near = replace(hip.anatomy, implants=(Implant("metal", metal, 3000.0, 1.0),))
    made = Setting.of(near, hip.inventory, hip.ensemble)
    for technique, told in ((MicrowaveAblation(), True), (Cryoablation(), False)):
        found = technique.propose(handed(made, technique), Findings())
        assert (
            any("metal lies" in remark for plan in found for remark in plan.remarks) is told
            or not found[0].steps
        )


def test_a_bone_that_no_needle_reaches_has_no_plan_and_one_without_a_way_says_why(spine: Setting) -> None:
    own = handed(spine, ALL[0])
    strict = own.with_inventory(
        replace(own.inventory, way_limits={**own.inventory.way_limits, "canal_clearance_min_mm": 60.0})
    )
    (plan,) = ALL[0].propose(strict, Findings())
    assert plan.steps == ()
    told = ALL[0].violations(plan, strict)
    assert told
    assert all(len(one.text.split()) > 3 for one in told)


def test_what_it_does_to_the_body_is_one_source_with_the_axes_of_its_probes(
    plans: dict[str, tuple[Plan, ...]], spine: Setting
) -> None:
    plan = plans["rfa"][-1]
    (source,) = effects(plan, spine.inventory.devices).sources
    assert source.tips_mm == delivered(plan).tips_mm
    assert source.entries_mm == tuple(s.act.entry_mm for s in plan.steps if isinstance(s.act, Place))
    assert not any(isinstance(step.act, Inject) for step in plan.steps)
    assert {remark.effect for remark in check_order(sequence_of(plan.steps))} <= {"usual", "legal"}
