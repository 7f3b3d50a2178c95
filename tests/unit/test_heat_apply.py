"""Heat and cold of a plan on a made vertebra: what is told, what is never told, grids that are turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.knowledge.outcomes import outcomes
from osteoplan.model.effects import Layer, Source
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.plan import Segment
from osteoplan.model.simulated import Simulated
from osteoplan.thermal.apply import HeatSettings, apply_heat
from osteoplan.trajectory.surroundings import Surroundings, surroundings
from tests.synthetic_vertebra import vertebra

ENSEMBLE = Ensemble(3, 12)
QUICK = HeatSettings(edge_mm=None, search_mm=2.5, samples=4)
MICROWAVE = Segment(180.0, power_W=30.0)


def source(around: Surroundings, segments: tuple[Segment, ...], device: str, kind: str) -> Source:
    """One probe from behind into the lesion's middle, along the bone's own axis."""
    middle = around.grid.positions_mm(np.argwhere(around.lesion)).mean(axis=0)
    back = around.anatomy.frame.posterior
    tip, entry = middle, middle + 45.0 * back
    return Source(kind, device, (tuple(tip.tolist()),), (tuple(entry.tolist()),), segments, 2)


def heated(around: Surroundings, **changed: object) -> Simulated:
    settings = changed.pop("settings", QUICK)
    layers = changed.pop("layers", ())
    one = source(around, (MICROWAVE,), "generic_microwave", "microwave")
    return apply_heat(around, [replace(one, **changed)], layers, ENSEMBLE, settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def around() -> Surroundings:
    return surroundings(vertebra())


@pytest.fixture(scope="module")
def told(around: Surroundings) -> Simulated:
    return heated(around)


def value(told: Simulated, id: str, target: str) -> float:
    return next(one.value for one in told.outcomes if (one.id, one.target) == (id, target))


def test_every_criterion_stands_alone_and_every_outcome_is_listed(told: Simulated) -> None:
    criteria = {one.target for one in told.outcomes if one.id == "ablation_coverage_pct"}
    assert criteria == {"CEM43 of 240 min", "60 degC", "Arrhenius, soft tissue", "Arrhenius, Henriques"}
    for one in told.outcomes:
        assert one.unit in outcomes()[one.id].units
        assert one.draws is None or one.draws.shape == (ENSEMBLE.n,)
    assert told.diagnostics["energy_error"] < 1e-3


def test_no_probability_is_0_or_1_and_each_has_the_exact_interval_of_its_samples(told: Simulated) -> None:
    shares = [one for one in told.outcomes if one.id == "beyond_limit_probability"]
    for one in shares:
        assert 0.0 < one.value < 100.0
        assert one.low < one.high  # type: ignore[operator]
        assert any("of 4 sampled patients" in line for line in one.because)


def test_canal_is_told_as_margin_and_cord_and_what_was_not_seen_is_not_judged(told: Simulated) -> None:
    names = {one.target for one in told.outcomes if one.id == "hottest_degC"}
    assert {"epidural_margin", "cord_or_cauda"} <= names
    assert value(told, "hottest_degC", "epidural_margin") >= value(told, "hottest_degC", "cord_or_cauda")
    assert any(line.startswith("not judged: joint") for line in told.warnings)
    (record,) = told.heat
    assert "generic applicator" in record.stamps
    assert "search model" in record.stamps
    words = " ".join([*told.warnings, *(line for one in told.outcomes for line in one.because)])
    assert "safe" not in words
    assert "within limits" not in words


@pytest.mark.parametrize("grid", ["straight", "left_handed"])
def test_a_turned_grid_tells_the_same(told: Simulated, grid: str) -> None:
    again = heated(surroundings(vertebra(grid)))  # type: ignore[arg-type]
    share = ("ablation_coverage_pct", "CEM43 of 240 min")
    assert value(again, *share) == pytest.approx(value(told, *share), abs=8.0)
    # beside the antenna the temperature falls by 10 K a cube: the place of the cubes tells
    for name in ("epidural_margin", "cord_or_cauda"):
        rises = [value(one, "hottest_degC", name) - 37.0 for one in (again, told)]
        assert rises[0] == pytest.approx(rises[1], rel=0.2)


def test_draws_differ_by_the_patient_and_the_same_seed_tells_the_same(
    around: Surroundings, told: Simulated
) -> None:
    again = heated(around)
    for one, two in zip(told.outcomes, again.outcomes, strict=True):
        assert one.value == two.value
        if one.draws is not None:
            assert (one.draws == two.draws).all()
    hot = next(one for one in told.outcomes if (one.id, one.target) == ("hottest_degC", "epidural_margin"))
    assert np.unique(hot.draws).size == 4
    assert hot.low < hot.value < hot.high or hot.low <= hot.value <= hot.high  # type: ignore[operator]


def test_gas_between_keeps_a_structure_cooler(around: Surroundings, told: Simulated) -> None:
    """Gas in the soft tissue behind the lesion changes what is around; volume that is not free stays away."""
    middle = around.grid.positions_mm(np.argwhere(around.lesion)).mean(axis=0)
    beside = heated(
        around, layers=(Layer(tuple((middle + np.array([0, -30.0, 0])).tolist()), "gas", 10.0, 1),)
    )
    assert {one.target for one in beside.outcomes} >= {"epidural_margin"}
    assert beside.heat[0].hottest.array.shape == told.heat[0].hottest.array.shape


def test_what_a_probe_cannot_do_is_refused_in_one_line(around: Surroundings) -> None:
    with pytest.raises(BadInput, match="900 W is outside"):
        heated(around, segments=(Segment(60.0, power_W=900.0),))
    one = source(around, (MICROWAVE,), "generic_microwave", "microwave")
    tips = (one.tips_mm[0], tuple(np.add(one.tips_mm[0], 0.5).tolist()))
    with pytest.raises(BadInput, match="two probes"):
        heated(around, tips_mm=tips, entries_mm=one.entries_mm * 2)
    far = tuple(np.add(one.tips_mm[0], [0, 400.0, 0]).tolist())
    with pytest.raises(BadInput, match="outside the body or the scan"):
        heated(around, tips_mm=(far,), entries_mm=(tuple(np.add(far, [0, 45.0, 0]).tolist()),))


def test_a_probe_without_numbers_leaves_the_plan_and_says_so(around: Surroundings) -> None:
    told = heated(around, device="microwave_emprint")
    assert told.outcomes == ()
    assert told.warnings[0].startswith("heat or cold is not simulated")


def test_the_search_model_alone_tells_no_interval_and_no_probability(around: Surroundings) -> None:
    told = heated(around, settings=HeatSettings(edge_mm=None, search_mm=2.5, samples=0))
    assert not [one for one in told.outcomes if one.id == "beyond_limit_probability"]
    for one in told.outcomes:
        assert one.low is None
        assert one.draws is None or np.ptp(one.draws) == 0.0
    assert any("search model alone" in line for one in told.outcomes for line in one.because)
