"""The loop over rooms: a third one joins without touching it, acts in the order of the steps, fails alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from osteoplan.errors import BadInput, Cancelled
from osteoplan.knowledge.devices import devices
from osteoplan.model.case import Case
from osteoplan.model.effects import Effects
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from osteoplan.model.findings import Findings
from osteoplan.model.heat import HeatRecord
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Deliver, Option, Plan, Segment, Step
from osteoplan.model.result import Reading, Simulations
from osteoplan.model.simulated import Simulated
from osteoplan.techniques.effects import effects
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.rooms import ROOMS, CementRoom, run_rooms
from osteoplan.workflow.settings import PlanSettings
from osteoplan.workflow.simulate import simulate
from tests.made_setting import setting_of
from tests.synthetic_vertebra import vertebra

SETTINGS = PlanSettings(spacing_mm=3.0, draws=3, seed=5)


@dataclass
class ToyHeat:
    """A room of a test: warms what is delivered to, and tells what it was handed."""

    saw: list[tuple[str, ...]] = field(default_factory=list)
    fails: bool = False
    id: str = "toy heat"
    doing: str = "heating"
    reads: frozenset[str] = frozenset({"sources"})
    fields_read: frozenset[str] = frozenset({"cement_fraction"})
    settings: object = 1.0

    def first_step(self, effects: Effects) -> int | None:
        return min((source.step for source in effects.sources), default=None)

    def run(self, setting: Setting, effects: Effects, fields: tuple[Field, ...], on_step) -> Simulated:
        on_step(0, 1.0)
        if self.fails:
            raise BadInput("the toy is out of order: mend it")
        self.saw.append(tuple(one.quantity for one in fields))
        draws = 60.0 + setting.ensemble.stream("toy heat").standard_normal(setting.ensemble.n)
        hot = Estimate.from_draws("nerve_temperature_max_C", "nerve", value=60.0, draws=draws, unit="degC")
        image = setting.anatomy.image
        warm = Field("temperature", image.with_array(np.full(image.shape, 60.0), "mm"), "degC")
        kept = HeatRecord("probe", "rf", effects.sources[0].step, (60.0,), 41.0, *(warm.volume,) * 4)
        return Simulated((hot,), (warm,), {}, ("only a toy",), heat=(kept,))


@pytest.fixture(scope="module")
def setting() -> Setting:
    return setting_of(vertebra("oblique"), "vertebroplasty", ensemble=SETTINGS.ensemble)


@pytest.fixture(scope="module")
def plan(setting: Setting) -> Plan:
    """Cement through the left pedicle, then heat at the tip."""
    left, *_ = Vertebroplasty().propose(setting, Findings())
    at = left.steps[0].act.target_mm  # type: ignore[union-attr]
    return replace(
        left, steps=(*left.steps, Step(20, Deliver("probe", "rf", (Segment(300.0, 20.0),), (at,), (1,))))
    )


@pytest.fixture(scope="module")
def simulated(setting: Setting, plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Simulations:
    options = [Option(plan, "plan", "ranked"), Option(replace(plan, id="right"), "plan", "infeasible")]
    cache = Cache(tmp_path_factory.mktemp("kept"))
    return simulated_in(setting, options, SETTINGS, cache, rooms=(*ROOMS, ToyHeat()))


def simulated_in(setting, options, settings, cache, **more):
    anatomy = setting.anatomy
    case = Case("made", anatomy.image, (anatomy.lesion,), {"kind": "fixed"})
    reading = Reading(case, anatomy.lesion, anatomy, Findings())
    return simulate(reading, options, settings, setting=setting, cache=cache, **more)


def walk(rooms, setting, plan, cache, progress=lambda *_: True):
    done = effects(plan, devices())
    return run_rooms(rooms, setting, done, cache, title="x", progress=progress, span=(0.0, 1.0))


def before_cement(plan: Plan) -> Plan:
    """The same acts, heat first."""
    heat = replace(plan.steps[-1], order=0)
    return replace(plan, steps=(heat, *plan.steps[:-1]))


def test_a_third_room_adds_its_outcomes_fields_and_warnings(simulated: Simulations) -> None:
    option, untouched = simulated.options
    hot = option.outcome("nerve_temperature_max_C")
    assert hot is not None
    assert option.outcome("cement_volume_mL") is not None
    assert option.outcome("strength_ratio_to_intact") is not None
    assert "only a toy" in option.warnings
    assert [one.quantity for one in simulated.fields[option.id]] == [
        "cement_fraction", "temperature", "effective_strain",
    ]  # fmt: skip
    assert untouched.outcomes == ()


def test_a_record_of_heat_names_the_step_of_the_plan_whether_it_was_kept_or_not(
    setting: Setting, plan: Plan, tmp_path
) -> None:
    cache, toy = Cache(tmp_path), ToyHeat()
    for order in (20, 31, 31):
        moved = replace(plan, steps=(*plan.steps[:-1], replace(plan.steps[-1], order=order)))
        assert [one.step for one in walk((toy,), setting, moved, cache)[0].heat] == [order]
    assert len(toy.saw) == 1, "what is kept does not hang on the number of the step"


def test_every_simulated_outcome_carries_the_draws_so_any_two_have_a_difference(
    simulated: Simulations, plan: Plan
) -> None:
    found = [o for o in simulated.options[0].outcomes if o.basis == "simulated"]
    assert len(found) > 5
    for one in (*found, *simulated.now, *simulated.intact, *plan.clearances):
        assert one.draws is not None, one.id
        assert one.draws.shape == (SETTINGS.draws,), one.id
    by_id = {one.id: one for one in (*found, *plan.clearances)}
    cement, strength = by_id["cement_volume_mL"], by_id["strength_ratio_to_intact"]
    breach, heat = by_id["breach_probability"], by_id["nerve_temperature_max_C"]
    for one, other in ((cement, strength), (strength, breach), (breach, heat)):
        gap = one.minus(other)
        assert gap.value == pytest.approx(one.value - other.value)
        assert np.array_equal(gap.draws, one.draws - other.draws)


@pytest.mark.parametrize("heat_first", [False, True])
def test_rooms_act_in_the_order_of_the_steps_and_read_what_came_before(
    setting: Setting, plan: Plan, tmp_path, heat_first: bool
) -> None:
    toy = ToyHeat()
    asked = before_cement(plan) if heat_first else plan
    for rooms in ((CementRoom(), toy), (toy, CementRoom())):  # the list's order does not matter
        toy.saw.clear()
        results = walk(rooms, setting, asked, Cache(tmp_path / str(rooms[0].id)))
        quantities = [one.fields[0].quantity for one in results]
        assert quantities == (
            ["temperature", "cement_fraction"] if heat_first else ["cement_fraction", "temperature"]
        )
        assert toy.saw == [() if heat_first else ("cement_fraction",)]


def test_a_result_is_kept_by_all_that_it_was_made_from(setting: Setting, plan: Plan, tmp_path) -> None:
    toy, cache = ToyHeat(), Cache(tmp_path)
    first, again = (walk((CementRoom(), toy), setting, plan, cache) for _ in range(2))
    assert len(toy.saw) == 1  # the second time nothing was computed
    for one, two in zip(first, again, strict=True):
        for a, b in zip(one.outcomes, two.outcomes, strict=True):
            assert np.array_equal(a.draws, b.draws)
        assert np.array_equal(one.fields[0].volume.array, two.fields[0].volume.array)
        assert len(one.fields[0].samples) == len(two.fields[0].samples)
    walk((CementRoom(), toy), replace(setting, ensemble=Ensemble(6, 12)), plan, cache)
    walk((CementRoom(), replace(toy, settings=2.0)), setting, plan, cache)
    walk((CementRoom(), toy), setting, before_cement(plan), cache)
    assert len(toy.saw) == 4


def test_a_room_that_fails_fails_its_option_alone(setting: Setting, plan: Plan, tmp_path) -> None:
    cold = replace(plan, id="cold", steps=plan.steps[:-1])
    options = [Option(one, "plan", "ranked") for one in (plan, cold)]
    rooms = (*ROOMS, ToyHeat(fails=True))
    found = simulated_in(setting, options, SETTINGS, Cache(tmp_path), rooms=rooms).options
    assert [one.status for one in found] == ["failed", "ranked"]
    assert found[0].reasons[-1].text == "the toy is out of order: mend it"
    assert found[1].outcome("strength_ratio_to_intact") is not None


def test_what_no_room_acts_on_is_said(setting: Setting, plan: Plan, tmp_path) -> None:
    (option,) = simulated_in(setting, [Option(plan, "plan", "ranked")], SETTINGS, Cache(tmp_path)).options
    assert any(told.startswith("heat or cold is not simulated: unknown probe") for told in option.warnings)


def test_a_walk_can_be_cancelled_and_leaves_nothing_of_the_room_that_was_stopped(
    setting: Setting, plan: Plan, tmp_path
) -> None:
    toy = ToyHeat()
    with pytest.raises(Cancelled):
        walk((toy,), setting, plan, Cache(tmp_path), progress=lambda what, share: False)
    assert not list(tmp_path.iterdir())


def test_a_scenario_weakens_the_treated_bone_and_leaves_the_untreated_as_it_is(
    setting: Setting, plan: Plan, tmp_path
) -> None:
    """Cement in a cavity is stiffer than cement between dead trabeculae, so removal is not the weakest."""
    option, ratio = Option(plan, "plan", "ranked"), "strength_ratio_to_intact"
    asked = {"none": {}, "killed": {"scenario": "killed"}, "removed": {"scenario": "removed"}}
    asked["layer"] = {"bond": "layer"}
    treated, now = {}, {}
    for name, given in asked.items():
        found = simulated_in(setting, [option], replace(SETTINGS, **given), Cache(tmp_path))
        treated[name] = found.options[0].outcome(ratio).value  # type: ignore[union-attr]
        now[name] = [one.value for one in found.now]
    assert treated["killed"] <= treated["none"]  # this lesion is soft throughout: no bone is left to die
    assert treated["removed"] != treated["none"]
    assert treated["layer"] < treated["none"]
    assert now["killed"] == now["removed"] == now["none"]


def test_what_a_room_does_not_read_never_makes_it_work_again(setting: Setting, plan: Plan, tmp_path) -> None:
    """The same cement after heat, or one step later, is the same cement."""
    cache, later = (
        Cache(tmp_path),
        replace(plan, steps=tuple(replace(s, order=s.order + 7) for s in plan.steps)),
    )
    steps = {step.order: step.order + 7 for step in plan.steps}
    moved = tuple(
        replace(s, act=replace(s.act, access=tuple(steps[a] for a in s.act.access)))
        if isinstance(s.act, Deliver)
        else s
        for s in later.steps
    )
    toy = ToyHeat()
    (cement, _) = walk((CementRoom(), toy), setting, plan, cache)
    (again, _) = walk((CementRoom(), toy), setting, replace(later, steps=moved), cache)
    assert len(toy.saw) == 1
    (_, first) = walk((CementRoom(), toy), setting, before_cement(plan), cache)
    assert len(toy.saw) == 2  # it reads cement, and now there was none before it
    kept = [one.fields[0].volume.array for one in (cement, again, first)]
    assert all(np.array_equal(kept[0], one) for one in kept)
