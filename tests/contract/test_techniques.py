"""What every technique keeps to, the built-in ones and those of other packages alike."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import EntryPoint
from typing import assert_never

import numpy as np
import pytest

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.techniques import limits, technique_cards
from osteoplan.model.anatomy import Anatomy
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
from osteoplan.techniques.protocol import Shelf, Technique
from osteoplan.techniques.registry import techniques
from osteoplan.trajectory.surroundings import DistanceMaps, distance_maps, surroundings
from tests.made_case import made_case
from tests.synthetic_vertebra import vertebra

NAMES = sorted(techniques())
OUTSIDE_THE_SPINE = {"percutaneous_screws", "cemented_screws", "cementoplasty", "reinforced_cement"}


@pytest.fixture(scope="module")
def anatomies() -> dict[str, Anatomy]:
    """A bone that each technique serves."""
    spine, limb = vertebra("left_handed"), made_case("humerus_left", spacing=(3.0, 2.7, 3.4)).anatomy
    return {name: limb if name in OUTSIDE_THE_SPINE else spine for name in NAMES}


@pytest.fixture
def anatomy(name: str, anatomies: dict[str, Anatomy]) -> Anatomy:
    return anatomies[name]


def shelf(name: str) -> Shelf:
    """The shelf that the program gives to a technique."""
    return Shelf(devices(), limits(name))


@pytest.fixture(scope="module")
def proposals(anatomies: dict[str, Anatomy]) -> dict[str, tuple[Plan, ...]]:
    return {
        name: technique.propose(anatomies[name], Findings(), shelf(name))
        for name, technique in techniques().items()
    }


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


def depth_below_skin(anatomy: Anatomy, point: Point) -> float:
    maps = distance_maps(surroundings(anatomy))
    return float(-maps.at("skin", np.array([point]))[0])


def in_bone(maps: DistanceMaps, point: Point) -> bool:
    """In the target bone or a neighbour: a screw may end in the next bone."""
    return any(maps.at(c, np.array([point]))[0] < 0.0 for c in ("bone", "other_bone") if maps.has(c))


def test_the_built_in_techniques_come_through_the_plug_in_door() -> None:
    own = {"best_supportive_care", "open_surgery", "radiotherapy", "sbrt", "vertebroplasty"}
    assert set(NAMES) >= own | OUTSIDE_THE_SPINE
    assert all(isinstance(technique, Technique) for technique in techniques().values())


def test_every_technique_has_a_card_of_the_same_title_and_kind() -> None:
    for name, technique in techniques().items():
        card = technique_cards()[name]
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
def test_plans_have_unique_ids_and_name_their_technique_and_lesion(
    name: str, anatomy: Anatomy, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    everything = [plan.id for plans in proposals.values() for plan in plans]
    assert len(everything) == len(set(everything))
    assert proposals[name]
    for plan in proposals[name]:
        assert (plan.technique, plan.lesion) == (name, anatomy.lesion.id)
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
    name: str, anatomy: Anatomy, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    maps = distance_maps(surroundings(anatomy))
    for plan in proposals[name]:
        for step in plan.steps:
            assert all(np.isfinite(points(step)).ravel())
            if isinstance(step.act, Place):
                assert step.act.device in shelf(name).devices
                assert abs(depth_below_skin(anatomy, step.act.entry_mm)) < 1.0
                assert in_bone(maps, step.act.target_mm)
            if isinstance(step.act, Inject):
                assert step.act.agent in shelf(name).devices
                assert step.act.volume_mL > 0


@pytest.mark.parametrize("name", NAMES)
def test_proposals_are_the_same_every_time(
    name: str, anatomy: Anatomy, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    again = techniques()[name].propose(anatomy, Findings(), shelf(name))
    assert digest(again) == digest(proposals[name])


@pytest.mark.parametrize("name", NAMES)
def test_violations_are_pure_and_speak_in_sentences_with_numbers(
    name: str, anatomy: Anatomy, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    technique = techniques()[name]
    before = digest(anatomy.image.array, anatomy.bone_mask, dict(anatomy.parts))
    for plan in proposals[name]:
        first, second = (technique.violations(plan, anatomy, shelf(name)) for _ in range(2))
        assert first == second
        for violation in first:
            assert violation.limit
            assert len(violation.text.split()) >= 4
    assert digest(anatomy.image.array, anatomy.bone_mask, dict(anatomy.parts)) == before


@pytest.mark.parametrize("name", NAMES)
def test_effects_have_no_grid_and_begin_inside_the_bone(
    name: str, anatomy: Anatomy, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    technique, maps = techniques()[name], distance_maps(surroundings(anatomy))
    for plan in proposals[name]:
        effects = technique.effects(plan, anatomy, shelf(name))
        things = [thing for field in fields(effects) for thing in getattr(effects, field.name)]
        assert not any(isinstance(value, np.ndarray) for thing in things for value in vars(thing).values())
        inside = [port.at_mm for port in effects.ports] + [source.at_mm for source in effects.sources]
        inside += [solid.end_mm for solid in effects.solids]
        assert all(in_bone(maps, point) for point in inside)
        injected = sum(step.act.volume_mL for step in plan.steps if isinstance(step.act, Inject))
        assert sum(port.volume_mL for port in effects.ports) == pytest.approx(injected)


@pytest.mark.parametrize("name", [n for n in NAMES if techniques()[n].kind == "comparator"])
def test_a_comparator_has_one_plan_without_steps_effects_or_violations(
    name: str, anatomy: Anatomy, proposals: dict[str, tuple[Plan, ...]]
) -> None:
    (plan,) = proposals[name]
    effects = techniques()[name].effects(plan, anatomy, shelf(name))
    assert plan.steps == ()
    assert (effects.solids, effects.sources, effects.ports) == ((), (), ())
    assert techniques()[name].violations(plan, anatomy, shelf(name)) == ()


@pytest.mark.parametrize("value", ["no_such_module:Thing", "osteoplan.errors:NoSuchName", "builtins:dict"])
def test_a_broken_plug_in_raises_and_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint(name="broken", value=value, group=registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    with pytest.raises(NotAvailable, match="plug-in 'broken'"):
        techniques()


def test_two_techniques_of_one_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [
        EntryPoint(name, "osteoplan.techniques.comparators:Radiotherapy", registry.GROUP)
        for name in ("radiotherapy", "sbrt")
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: twice)
    with pytest.raises(NotAvailable, match="calls itself 'radiotherapy'"):
        techniques()
