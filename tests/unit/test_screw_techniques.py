"""Screws, cement and wires as plans for the neck of a generated femur, and for no vertebra."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from osteoplan.knowledge.approaches import approaches
from osteoplan.knowledge.devices import devices
from osteoplan.model.effects import Cylinder
from osteoplan.model.findings import Findings
from osteoplan.model.plan import SHORT, Inject, Measure, Place, Remove, Wait, short_of
from osteoplan.pathway.order import check_order, sequence_of
from osteoplan.techniques.effects import effects, rod_of
from osteoplan.techniques.fixation import placed_screws
from osteoplan.techniques.registry import techniques
from osteoplan.techniques.violations import violations
from osteoplan.trajectory.constructs.fit import corridor_of
from osteoplan.trajectory.geometry import segment_distance
from osteoplan.trajectory.surroundings import distance_maps, surroundings
from tests.made_case import made_case
from tests.made_setting import setting_of
from tests.synthetic_vertebra import vertebra

NAMES = ("percutaneous_screws", "cemented_screws", "cementoplasty", "reinforced_cement")


@pytest.fixture(scope="module")
def anatomy():
    return made_case("femur_left", spacing=(3.0, 2.7, 3.4)).anatomy


def at_hand(anatomy, name, **changed):
    """The setting of a technique; what was worked out of the anatomy is shared."""
    made = setting_of(anatomy, name, **changed)
    return replace(made, around=AROUND.setdefault(id(anatomy), made.around))


AROUND = {}


@pytest.fixture(scope="module")
def plans(anatomy):
    return {name: techniques()[name].propose(at_hand(anatomy, name), Findings()) for name in NAMES}


def acts(plan, kind):
    return [step.act for step in plan.steps if isinstance(step.act, kind)]


def screws(plan):
    return [act for act in acts(plan, Place) if act.stays and act.device.startswith("screw")]


def with_act(plan, old, **changes):
    """The plan with one act changed."""
    new = replace(old, **changes)
    return replace(plan, steps=tuple(replace(s, act=new) if s.act == old else s for s in plan.steps))


def broken(name, plan, anatomy, **changed):
    setting = at_hand(anatomy, name, **changed)
    found = (*violations(plan, setting), *techniques()[name].violations(plan, setting))
    return {v.limit: v for v in found}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_proposed_for_a_vertebra(name):
    assert techniques()[name].propose(setting_of(vertebra("left_handed"), name), Findings()) == ()


@pytest.mark.parametrize("name", NAMES)
def test_the_best_plan_breaks_no_limit(name, plans, anatomy):
    best = plans[name][0]
    assert best.steps
    assert broken(name, best, anatomy) == {}


def test_the_femoral_neck_gets_several_screws_that_do_not_collide(plans, anatomy):
    best = plans["percutaneous_screws"][0]
    placed = placed_screws(best, at_hand(anatomy, "percutaneous_screws"))
    assert len(placed) >= 2
    for a, b in combinations(placed, 2):
        apart = segment_distance(a.head_mm, a.tip_mm, b.head_mm, b.tip_mm)
        assert apart >= 2.0 + 0.5 * (a.outer_diameter_mm + b.outer_diameter_mm)
    maps = distance_maps(surroundings(anatomy))
    for screw in placed:
        assert screw.length_mm % 5.0 == 0.0
        assert maps.at("joint", np.array([screw.tip_mm]))[0] >= 5.0
        assert screw.lesion_gap_mm <= 5.0


def test_wires_come_first_then_lengths_then_screws_then_cement(plans):
    plan = plans["cemented_screws"][0]
    kinds = []
    for step in plan.steps:
        match step.act:
            case Place(device=device):
                kinds.append(devices()[device].kind)
            case Measure(what=what):
                kinds.append("length" if what.startswith("length") else "CT")
            case other:
                kinds.append(type(other).__name__)
    count = len(screws(plan))
    expected = ["wire"] * count + ["CT"] + ["length"] * count + ["screw"] * count + ["Remove"] * count
    expected += ["CT", "needle", "CT", "Inject", "Wait", "Remove", "CT"]
    assert kinds == expected
    assert not {r.effect for r in check_order(sequence_of(plan.steps))} & {"warn", "forbid", "unusual"}


def test_a_screw_stays_over_its_wire_and_names_its_corridor(plans):
    for plan in plans["percutaneous_screws"]:
        wires = [act for act in acts(plan, Place) if not act.stays]
        for wire, screw in zip(wires, screws(plan), strict=True):
            assert (wire.entry_mm, wire.target_mm) == (screw.entry_mm, screw.target_mm)
            assert corridor_of(screw.through) is not None
            assert devices()[screw.device].values["wire_device"].value == wire.device


def test_a_screw_that_is_turned_leaves_its_bone_and_is_told_with_a_number(plans, anatomy):
    plan = plans["percutaneous_screws"][0]
    first = screws(plan)[0]
    entry = tuple(np.add(first.entry_mm, (0.0, 40.0, 0.0)))
    said = broken("percutaneous_screws", with_act(plan, first, entry_mm=entry), anatomy)
    assert "wall_min_mm" in said
    assert said["wall_min_mm"].value < said["wall_min_mm"].bound == 1.0


def test_a_length_between_two_steps_is_not_offered(plans, anatomy):
    plan = plans["percutaneous_screws"][0]
    first = screws(plan)[0]
    said = broken("percutaneous_screws", with_act(plan, first, length_mm=first.length_mm - 2.0), anatomy)
    assert "steps of 5 mm" in said["length_mm"].text


def test_a_tip_that_is_pushed_to_the_joint_is_told(plans, anatomy):
    plan = plans["percutaneous_screws"][0]
    first = screws(plan)[0]
    along = np.subtract(first.target_mm, first.entry_mm)
    tip = tuple(np.add(first.target_mm, 20.0 * along / np.linalg.norm(along)))
    changed = with_act(plan, first, target_mm=tip, length_mm=first.length_mm + 20.0)
    said = broken("percutaneous_screws", changed, anatomy)
    assert said["tip_joint_min_mm"].value < 5.0


def test_two_screws_in_one_place_collide(plans, anatomy):
    plan = plans["percutaneous_screws"][0]
    first, second = screws(plan)[:2]
    changed = with_act(plan, second, entry_mm=first.entry_mm, target_mm=first.target_mm)
    said = broken("percutaneous_screws", changed, anatomy)
    assert said["between_screws_min_mm"].value == pytest.approx(-7.0, abs=0.1)


def test_an_entry_that_is_not_on_the_skin_is_refused(plans, anatomy):
    plan = plans["percutaneous_screws"][0]
    first = screws(plan)[0]
    along = np.subtract(first.entry_mm, first.target_mm)
    entry = tuple(np.add(first.entry_mm, 15.0 * along / np.linalg.norm(along)))
    assert "skin" in broken("percutaneous_screws", with_act(plan, first, entry_mm=entry), anatomy)


def test_screws_stay_as_rods_of_their_root_and_cement_leaves_in_the_lesion(plans, anatomy):
    name = "cemented_screws"
    plan = plans[name][0]
    done = effects(plan, devices())
    assert len(done.solids) == len(screws(plan))
    for rod, act in zip(done.solids, screws(plan), strict=True):
        assert rod.end_mm == act.target_mm
        assert np.linalg.norm(np.subtract(rod.start_mm, rod.end_mm)) == pytest.approx(act.length_mm)
        assert rod.inner_diameter_mm < rod.root_diameter_mm < rod.outer_diameter_mm
        assert rod.material in ("316L", "ti6al4v")
    maps = distance_maps(surroundings(anatomy))
    for port in done.ports:
        assert maps.at("lesion", np.array([port.at_mm]))[0] < 0.0


@pytest.mark.parametrize(
    ("device", "root", "bore"),
    [
        ("screw_7_0_full", 4.5, 2.0),  # the shaft stands in for the root, the wire for the bore
        ("screw_8_0_nominal", 8.0 * 0.648, 0.0),  # nothing was found
        ("screw_6_4_root_4_2", 4.2, 0.0),
    ],
)
def test_a_root_that_nobody_told_is_the_shafts_or_the_usual_share(device, root, bore, plans, anatomy):
    screw = placed_screws(plans["percutaneous_screws"][0], at_hand(anatomy, "percutaneous_screws"))[0]
    rod = rod_of(devices()[device], screw.head_mm, screw.tip_mm)
    assert rod.root_diameter_mm == pytest.approx(root)
    assert rod.inner_diameter_mm == bore


@pytest.mark.parametrize("name", ["cemented_screws", "cementoplasty", "reinforced_cement"])
def test_cement_is_a_share_of_the_lesion_and_no_more_than_the_upper_end(name, plans, anatomy):
    inside = np.count_nonzero(anatomy.lesion_mask & anatomy.bone_mask)
    lesion = inside * anatomy.image.voxel_volume_mm3 / 1000.0
    technique = techniques()[name]
    for plan in plans[name]:
        assert sum(act.volume_mL for act in acts(plan, Inject)) == pytest.approx(0.548 * lesion)
    (first, *_) = technique.propose(at_hand(anatomy, name, fill_volume_highest_mL=1.0), Findings())
    assert sum(act.volume_mL for act in acts(first, Inject)) == pytest.approx(1.0)
    said = broken(name, plans[name][0], anatomy, fill_share_max_pct=50.0)
    assert said["fill_share_max_pct"].value == pytest.approx(54.8, abs=0.1)


@pytest.mark.parametrize("name", ["cemented_screws", "reinforced_cement"])
def test_the_cement_needle_keeps_clear_of_the_metal(name, plans, anatomy):
    for plan in plans[name]:
        rods = effects(plan, devices()).solids
        for act in acts(plan, Place):
            if devices()[act.device].kind == "needle":
                radius = 0.5 * devices()[act.device].values["outer_diameter_mm"].number
                for rod in rods:
                    apart = segment_distance(act.entry_mm, act.target_mm, rod.start_mm, rod.end_mm)
                    assert apart - radius - 0.5 * rod.outer_diameter_mm >= 2.0 - 1e-6


def test_a_needle_through_metal_is_told(plans, anatomy):
    name = "cemented_screws"
    plan = plans[name][0]
    needle = next(a for a in acts(plan, Place) if devices()[a.device].kind == "needle")
    screw = screws(plan)[0]
    changed = with_act(plan, needle, entry_mm=screw.entry_mm, target_mm=screw.target_mm)
    assert broken(name, changed, anatomy)["needle_screw_min_mm"].value < 0


@pytest.mark.parametrize("apart", [3.0, 10.0])
def test_several_needles_end_apart(anatomy, apart):
    own = at_hand(anatomy, "cementoplasty", needle_tips_apart_mm=apart)
    found = techniques()["cementoplasty"].propose(own, Findings())
    several = [plan for plan in found if len(acts(plan, Inject)) > 1]
    for plan in several:
        tips = [np.array(act.at_mm) for act in acts(plan, Inject)]
        assert min(np.linalg.norm(a - b) for a, b in combinations(tips, 2)) >= apart
    assert several or apart > 3.0


def test_wires_stay_and_the_plan_says_that_their_benefit_is_not_shown(plans, anatomy):
    name = "reinforced_cement"
    plan = plans[name][0]
    wires = [act for act in acts(plan, Place) if act.stays]
    assert len(wires) == 3
    assert any("Cazzato 2018" in remark for remark in plan.remarks)
    rods = effects(plan, devices()).solids
    assert all(isinstance(rod, Cylinder) and rod.outer_diameter_mm == 2.0 for rod in rods)
    assert [r.end_mm for r in rods] == [w.target_mm for w in wires]


@pytest.mark.parametrize("name", ["percutaneous_screws", "cemented_screws"])
def test_without_a_screw_that_fits_one_plan_says_why(name, anatomy):
    only_thick = {
        id: device for id, device in devices().items() if device.kind != "screw" or id.startswith("pedicle")
    }
    here = at_hand(anatomy, name)
    bare = here.with_inventory(replace(here.inventory, devices=only_thick))
    (plan,) = techniques()[name].propose(bare, Findings())
    assert plan.steps == ()
    said = techniques()[name].violations(plan, bare)
    assert said
    assert all(v.limit == "corridor" and len(v.text.split()) > 4 for v in said)


def test_each_limit_of_a_needle_has_its_own_sentence(plans, anatomy):
    plan = plans["cementoplasty"][0]
    needle = acts(plan, Place)[0]
    short = with_act(plan, needle, target_mm=tuple(np.add(needle.target_mm, (0.0, 0.0, 40.0))))
    found = violations(short, at_hand(anatomy, "cementoplasty"))
    assert len({v.limit for v in found}) >= 2
    for violation in found:
        words = {"tip_depth_min_mm": "deep in the lesion", "length_mm": "mm long", "reach": "followed"}
        assert words.get(violation.limit, "") in violation.text


def test_needles_come_out_after_the_cement_has_set(plans):
    for plan in plans["cementoplasty"]:
        kinds = [type(step.act) for step in plan.steps]
        assert kinds.index(Inject) < kinds.index(Wait) < kinds.index(Remove)


@pytest.mark.parametrize("approach", [one for one in approaches().values() if one.needle is not None])
def test_every_needle_way_has_room_in_a_short_title(approach):
    """A twelfth way of the longest name: a title that is too long would end the whole plan."""
    longest = f"wires+cement, {approach.short_title} 12, right"
    assert len(longest) <= SHORT


def test_a_title_made_of_parts_never_ends_a_plan():
    long = "vertebroplasty, both, posterolateral and transpedicular"
    assert short_of("cement, left", long) == "cement, left"
    assert short_of(long, "vertebroplasty, both, two approaches") == "vertebroplasty, both, two approaches"
    for cut in (short_of(long), short_of(40 * "a" + "b")):
        assert len(cut) <= SHORT
        assert cut.endswith(" …")
    assert short_of(long) == "vertebroplasty, both, posterolateral …"
