"""What every technique keeps to, the built-in ones and those of other packages alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from importlib.metadata import EntryPoint
from typing import assert_never

import numpy as np
import pytest

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.findings import Findings
from osteoplan.model.plan import (
    Deliver,
    Expand,
    Inject,
    Measure,
    Place,
    Plan,
    Point,
    Remove,
    Sample,
    Step,
    Wait,
)
from osteoplan.pathway.order import check_order, sequence_of
from osteoplan.provenance import digest
from osteoplan.techniques import registry
from osteoplan.techniques.effects import effects
from osteoplan.techniques.protocol import Technique
from osteoplan.techniques.registry import techniques
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from osteoplan.techniques.violations import violations
from osteoplan.trajectory.setting import Setting
from osteoplan.trajectory.surroundings import DistanceMaps
from tests.made_case import made_case
from tests.made_setting import setting_of
from tests.synthetic_vertebra import vertebra

# the card of open surgery is split; its class goes when the entry points are installed anew
NAMES = sorted(set(techniques()) - {"open_surgery"})
OUTSIDE_THE_SPINE = {"percutaneous_screws", "cemented_screws", "cementoplasty", "reinforced_cement"}


@pytest.fixture(scope="module")
def settings() -> dict[str, Setting]:
    """For each technique a bone that it serves, and what the program hands to it."""
    spine, limb = vertebra("left_handed"), made_case("humerus_left", spacing=(3.0, 2.7, 3.4)).anatomy
    made = {"spine": setting_of(spine, NAMES[0]), "limb": setting_of(limb, NAMES[0])}
    if "sacroplasty" in NAMES:  # not before the entry points are installed anew
        made["sacrum"] = setting_of(made_case("sacrum", spacing=(3.0, 2.7, 3.4)).anatomy, NAMES[0])
    bones = {name: "limb" if name in OUTSIDE_THE_SPINE else "spine" for name in NAMES}
    bones |= {"sacroplasty": "sacrum"}
    own = {name: setting_of(limb, name).inventory for name in NAMES}
    return {name: made[bones[name]].with_inventory(own[name]) for name in NAMES}


@pytest.fixture
def setting(name: str, settings: dict[str, Setting]) -> Setting:
    return settings[name]


@pytest.fixture(scope="module")
def proposals(settings: dict[str, Setting]) -> dict[str, tuple[Plan, ...]]:
    return {name: techniques()[name].propose(settings[name], Findings()) for name in NAMES}


def points(step: Step) -> list[Point]:
    """Every place that an act names; a ninth act would not type-check here."""
    match step.act:
        case Place(entry_mm=entry, target_mm=target):
            return [entry, target]
        case Expand(at_mm=at) | Deliver(at_mm=at) | Inject(at_mm=at) | Sample(at_mm=at):
            return [at]
        case Measure(at_mm=maybe):
            return [] if maybe is None else [maybe]
        case Remove() | Wait():
            return []
        case _:
            assert_never(step.act)


def depth_below_skin(maps: DistanceMaps, point: Point) -> float:
    return float(-maps.at("skin", np.array([point]))[0])


def in_bone(maps: DistanceMaps, point: Point) -> bool:
    """In the target bone or a neighbour: a screw may end in the next bone."""
    return any(maps.at(c, np.array([point]))[0] < 0.0 for c in ("bone", "other_bone") if maps.has(c))


def test_the_built_in_techniques_come_through_the_plug_in_door() -> None:
    assert set(NAMES) >= {"vertebroplasty"} | OUTSIDE_THE_SPINE
    assert all(technique.kind == "plan" for technique in techniques().values()), "the others are cards"
    assert all(isinstance(technique, Technique) for technique in techniques().values())


def test_every_technique_has_a_card_of_the_same_title_and_kind() -> None:
    for name in NAMES:
        card, technique = technique_cards()[name], techniques()[name]
        assert (card.title, card.kind) == (technique.title, technique.kind)


def test_a_plan_uses_nothing_that_its_card_does_not_name(proposals: dict[str, tuple[Plan, ...]]) -> None:
    for name, plans in proposals.items():
        for plan in plans:
            assert set(plan.uses) <= set(technique_cards()[name].uses)


def test_the_acts_of_every_plan_stand_in_an_order_that_nothing_forbids(
    proposals: dict[str, tuple[Plan, ...]],
) -> None:
    for plans in proposals.values():
        for plan in plans:
            said = {remark.effect for remark in check_order(sequence_of(plan.steps))}
            assert not said & {"warn", "forbid", "unusual"}


@pytest.mark.parametrize("name", NAMES)
def test_what_this_package_proposes_follows_from_the_setting_alone(
    name: str, setting: Setting, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    """So it can be kept by the setting; no finding is asked for."""
    again = techniques()[name].propose(setting, None)  # type: ignore[arg-type]
    assert [plan.id for plan in again] == [plan.id for plan in proposals[name]]


@pytest.mark.parametrize("name", NAMES)
def test_plans_have_unique_ids_and_name_their_technique_and_lesion(
    name: str, setting: Setting, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    everything = [plan.id for plans in proposals.values() for plan in plans]
    assert len(everything) == len(set(everything))
    assert proposals[name]
    for plan in proposals[name]:
        assert (plan.technique, plan.lesion) == (name, setting.anatomy.lesion.id)
        assert plan.id.startswith(name)
        assert plan.title


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_numbered_from_one_and_sessions_never_go_back(
    name: str, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    for plan in proposals[name]:
        assert [step.order for step in plan.steps] == list(range(1, len(plan.steps) + 1))
        sessions = [step.session for step in plan.steps]
        assert sessions == sorted(sessions)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_placed_comes_from_the_skin_into_the_bone(
    name: str, setting: Setting, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    maps = setting.maps
    for plan in proposals[name]:
        for step in plan.steps:
            assert all(np.isfinite(points(step)).ravel())
            if isinstance(step.act, Place):
                assert step.act.device in devices()
                assert abs(depth_below_skin(maps, step.act.entry_mm)) < 1.0
                assert in_bone(maps, step.act.target_mm)
            if isinstance(step.act, Inject):
                assert step.act.agent in devices()
                assert step.act.volume_mL > 0


@pytest.mark.parametrize("name", NAMES)
def test_proposals_are_the_same_every_time(
    name: str, setting: Setting, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    again = techniques()[name].propose(setting, Findings())
    assert digest(again) == digest(proposals[name])


@pytest.mark.parametrize("name", NAMES)
def test_violations_are_pure_and_speak_in_sentences_with_numbers(
    name: str, setting: Setting, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    technique, anatomy = techniques()[name], setting.anatomy
    before = digest(anatomy.image.array, anatomy.bone_mask, dict(anatomy.parts))
    for plan in proposals[name]:
        first, second = ((*violations(plan, setting), *technique.violations(plan, setting)) for _ in range(2))
        assert first == second
        for violation in first:
            assert violation.limit
            assert len(violation.text.split()) >= 4
    assert digest(anatomy.image.array, anatomy.bone_mask, dict(anatomy.parts)) == before


@pytest.mark.parametrize("name", NAMES)
def test_effects_have_no_grid_and_begin_inside_the_bone(
    name: str, setting: Setting, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    maps = setting.maps
    for plan in proposals[name]:
        done = effects(plan, devices())
        things = [thing for field in fields(done) for thing in getattr(done, field.name)]
        assert not any(isinstance(value, np.ndarray) for thing in things for value in vars(thing).values())
        inside = [port.at_mm for port in done.ports] + [
            tip for source in done.sources for tip in source.tips_mm
        ]
        inside += [solid.end_mm for solid in done.solids]
        assert all(in_bone(maps, point) for point in inside)
        injected = sum(step.act.volume_mL for step in plan.steps if isinstance(step.act, Inject))
        assert sum(port.volume_mL for port in done.ports) == pytest.approx(injected)


@pytest.mark.parametrize("value", ["no_such_module:Thing", "osteoplan.errors:NoSuchName", "builtins:dict"])
def test_a_broken_plug_in_raises_and_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint(name="broken", value=value, group=registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    with pytest.raises(NotAvailable, match="plug-in 'broken'"):
        techniques()


class OfYesterday(Vertebroplasty):
    """A plug-in written for the doors of yesterday."""

    def propose(self, anatomy, findings, shelf):  # type: ignore[no-untyped-def, override]
        return ()


@pytest.mark.parametrize(
    ("loaded", "words"),
    [
        (
            lambda: exec("from osteoplan.techniques.protocol import Shelf"),
            "Shelf is osteoplan.model.inventory.Inv",
        ),
        (lambda: exec("import osteoplan.model.way"), "osteoplan.model.way is osteoplan.model.trajectory now"),
        (lambda: OfYesterday, r"propose takes \(setting, findings\), not \(anatomy, findings, shelf\)"),
    ],
)
def test_a_plug_in_that_uses_a_renamed_word_gets_the_new_one(
    loaded: Callable[[], object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Point(EntryPoint):
        def load(self) -> object:
            return loaded()

    monkeypatch.setattr(
        registry, "entry_points", lambda group: [Point("vertebroplasty", "x:Y", registry.GROUP)]
    )
    with pytest.raises(NotAvailable, match=words):
        techniques()


def test_two_techniques_of_one_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [
        EntryPoint(name, "osteoplan.techniques.vertebroplasty:Vertebroplasty", registry.GROUP)
        for name in ("vertebroplasty", "rfa")
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: twice)
    with pytest.raises(NotAvailable, match="calls itself 'vertebroplasty'"):
        techniques()
