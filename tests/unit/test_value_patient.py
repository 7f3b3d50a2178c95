"""What options are worth to a patient like this one: told apart only where the interval allows it."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteoplan.decide.value.cases import utility_of
from osteoplan.decide.value.curve import alive_at, curve_of, median_curve
from osteoplan.decide.value.patient import value_of
from osteoplan.errors import BadInput
from osteoplan.knowledge.value import value_sets
from osteoplan.model.centre import Centre
from osteoplan.model.choice import Candidate
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Known, Recommendation, Survival, SurvivalRow
from osteoplan.model.outcome import Estimate, Study

FEW = Ensemble(5, 400)
FACTS = {"eq5d_5l": 31342, "region": "spine"}
TEAM = Survival((SurvivalRow("the team's estimate", "26 to 52 weeks", "estimate", months=(6.0, 12.0)),))
RELIEF, FRACTURE, AGAIN = "pain_response_probability", "fracture_probability", "reintervention_probability"


def share(id: str, events: int, n: int = 60, **study: object) -> Estimate:
    told = Study(n, events=events, **study)
    return Estimate(
        id, "x", 100.0 * events / n, None, None, "%", "published", ("series of ours",), study=told
    )


def candidate(id: str, *published: Estimate, tier: int = 2) -> Candidate:
    return Candidate(Recommendation(id, id, "comparator", "cement", "comparator", tier), (), published)


def centre(**costs: float) -> Centre:
    return Centre(
        costs={name: Known(value, "GBP", (), "unverified", "2026-01-01") for name, value in costs.items()}
    )


def value(*candidates: Candidate, facts=FACTS, survival=TEAM, costs=None, ensemble=FEW, **more):
    return value_of(candidates, facts, survival, centre(**(costs or {})), ensemble, **more)


def test_a_better_treatment_of_the_same_price_is_told_and_an_equal_one_is_not():
    many = [candidate(id, share(RELIEF, events, 600)) for id, events in (("a", 480), ("b", 240), ("c", 245))]
    found = value(*many, costs={"a": 900, "b": 900, "c": 900})
    assert found.pair("a", "b").told == "better"
    assert found.pair("b", "a").told == "worse"
    assert found.pair("b", "c").told == "cannot say"
    assert found.pair("b", "c").because == "the 90 % interval holds zero"
    assert found.acceptability[0].shares["a"] == 1.0
    assert (found.unit, found.thresholds) == ("GBP", (20000.0, 30000.0))


def test_one_that_is_valued_alone_is_said_to_have_nothing_to_be_compared_with():
    told = "a alone has a quality-adjusted life: nothing to compare it with"
    assert value(candidate("a", share(RELIEF, 30)), candidate("b")).missing == (told,)
    assert value(candidate("b")).missing == ("no technique has a quality-adjusted life: nothing to compare",)
    assert value(candidate("a", share(RELIEF, 30)), candidate("b", share(RELIEF, 20))).missing == ()


def test_no_ratio_stands_anywhere_in_the_value_of_one_patient():
    found = value(
        candidate("a", share(RELIEF, 30)), candidate("b", share(RELIEF, 20)), costs={"a": 1, "b": 2}
    )
    assert not [
        name for noun in (found, *found.pairs, *found.techniques) for name in vars(noun) if "icer" in name
    ]


def lives(months: float) -> Survival:
    return Survival((SurvivalRow("the team's estimate", "", "estimate", months=(months, months)),))


def test_a_price_that_only_one_threshold_accepts_cannot_be_said():
    many = [candidate("a", share(RELIEF, 5990, 6000)), candidate("b", share(RELIEF, 10, 6000))]
    gained = value(*many, survival=lives(9.0)).pair("a", "b").qaly.value
    for paid, told in ((10000.0, "better"), (25000.0, "cannot say"), (40000.0, "worse")):
        costs = {"a": paid * gained, "b": 0.0}
        assert value(*many, survival=lives(9.0), costs=costs).pair("a", "b").told == told


def test_an_input_that_the_rival_lacks_decides_nothing():
    harmed = candidate("a", share(RELIEF, 30), share(FRACTURE, 30))
    spared = candidate("b", share(RELIEF, 30))
    with_rival, without = value(harmed, spared), value(candidate("a", share(RELIEF, 30)), spared)
    assert with_rival.pair("a", "b").qaly.value == without.pair("a", "b").qaly.value
    assert with_rival.of("a").qaly.value < without.of("a").qaly.value
    assert "no published share of fracture" in with_rival.of("b").missing[0]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.booleans(), st.floats(0, 1e5))
def test_another_option_changes_no_pair(relief, broken, dies, price):
    two = [
        candidate("a", share(RELIEF, 30), share(AGAIN, 6)),
        candidate("b", share(RELIEF, 22), share(AGAIN, 3)),
    ]
    lost = (share("death_probability", 1),) if dies else ()
    more, few = candidate("c", share(RELIEF, relief), share(FRACTURE, broken), *lost), Ensemble(3, 60)
    costs = {"a": 900.0, "b": 700.0, "c": price}
    before, after = value(*two, costs=costs, ensemble=few), value(more, *two, costs=costs, ensemble=few)
    assert before.pair("a", "b").told == after.pair("a", "b").told
    assert np.array_equal(before.pair("a", "b").nmb.draws, after.pair("a", "b").nmb.draws)


def test_equal_draws_give_no_difference():
    same = candidate("a", share(RELIEF, 30), share(FRACTURE, 4))
    pair = value(same, replace(same)).pairs[0]
    assert np.ptp(pair.qaly.draws) == 0.0
    assert pair.qaly.value == 0.0
    assert pair.told == "cannot say"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 39), st.integers(1, 20), st.integers(0, 40), st.floats(0, 5000))
def test_no_option_loses_by_getting_better(events, more, fractures, saved):
    """More relief, fewer fractures and a lower price never lower its net benefit, in any draw."""
    few = Ensemble(3, 40)

    def nmb(relief: int, broken: int, price: float) -> np.ndarray:
        one = candidate("a", share(RELIEF, relief), share(FRACTURE, broken))
        return value(one, costs={"a": price}, ensemble=few).of("a").nmb.draws

    worse = nmb(events, fractures, 6000.0)
    assert (nmb(events + more, fractures, 6000.0) >= worse - 1e-9).all()
    assert (nmb(events, max(0, fractures - more), 6000.0) >= worse - 1e-9).all()
    assert nmb(events, fractures, 6000.0 - saved) == pytest.approx(worse + saved)


def test_a_study_whose_size_nobody_read_tells_nothing_apart():
    unsized = Estimate(RELIEF, "x", 95.0, None, None, "%", "published", ("a review",), study=Study())
    found = value(candidate("a", unsized), candidate("b", share(RELIEF, 3)))
    assert found.pair("a", "b").told == "cannot say"
    assert "how sure the relief of pain after a is was not read" in found.pair("a", "b").because
    assert found.acceptability == ()


def test_a_figure_of_another_population_enters_nothing():
    other = share(RELIEF, 55, population="osteoporotic fractures")
    found = value(candidate("a", other), candidate("b", share(RELIEF, 30)))
    assert found.of("a").qaly is None
    assert "no comparable evidence of relief of pain" in found.of("a").missing[0]
    assert found.pairs == ()


def test_what_is_shut_is_not_valued():
    assert value(candidate("a", share(RELIEF, 30), tier=4)).techniques == ()


def test_without_a_profile_or_a_survival_the_section_says_so_and_costs_stand():
    one = candidate("kyphoplasty", share(RELIEF, 30))
    found = value(one, facts={"region": "spine"}, survival=None)
    assert len(found.missing) == 2
    assert "EQ-5D profile (eq5d_5l) is not known; 0.47" in found.missing[0]
    assert "give le_weeks" in found.missing[1]
    assert (found.of("kyphoplasty").qaly, found.of("kyphoplasty").cost.value) == (None, 7246.0)
    with pytest.raises(BadInput, match="'31362'"):
        value(one, facts={"eq5d_5l": 31362})


def test_prices_of_different_countries_are_never_subtracted():
    many = [candidate(id, share(RELIEF, 30)) for id in ("kyphoplasty", "sbrt", "vertebroplasty")]
    found = value(*many)
    assert found.pair("kyphoplasty", "sbrt").cost is None
    assert found.pair("kyphoplasty", "vertebroplasty").cost.value == 7246 - 3870
    assert "no threshold in CAD is known" in found.pair("kyphoplasty", "vertebroplasty").because
    own = value(*many, costs={"sbrt": 4000.0})
    assert own.of("sbrt").base.words == "GBP of 2026, this centre"


def test_a_named_scenario_scales_fractures_and_is_told():
    one = candidate("a", share(RELIEF, 30), share(FRACTURE, 12))
    found = value(one, scenario={"a": 0.5})
    assert found.of("a").qaly.value > value(one).of("a").qaly.value
    assert "scenario, not published: fractures after a times 0.5" in found.assumptions[-1]


def test_a_cord_is_compressed_in_a_spine_alone():
    one = candidate("a", share(RELIEF, 30), share("cord_compression_probability", 6))
    assert any("compression of the cord" in line for line in value(one).of("a").rests_on)
    hip = value(one, facts={**FACTS, "region": "prox_femur"})
    assert not any("cord" in line for line in hip.of("a").rests_on)


PATHFX = tuple(
    SurvivalRow("PathFx", "typed", "typed", months, alive, alive)
    for months, alive in ((1.0, 92.0), (3.0, 71.0), (6.0, 44.0), (12.0, 20.0), (18.0, 9.0), (24.0, 4.0))
)


def test_this_patients_survival_is_reproduced_at_every_known_point():
    curve, said = curve_of(Survival((*TEAM.rows, *PATHFX)), FEW)
    months = np.array([row.at_months for row in PATHFX])
    assert 100 * alive_at(curve, months)[0] == pytest.approx([row.low for row in PATHFX], abs=0.5)
    found = value(candidate("a", share(RELIEF, 30)), survival=Survival(PATHFX))
    assert "PathFx, shares alive at 1, 3, 6, 12, 18, 24 months" in found.assumptions[0]
    assert "not used: the team's estimate" in said[0]


def test_the_alive_share_of_the_model_is_the_curve_to_half_a_per_cent():
    from osteoplan.decide.value.bone import DEAD, BoneCohort, Course, _moves, _start
    from osteoplan.kernels.cohort import traces

    curve, _ = curve_of(Survival(PATHFX), FEW)
    setting = BoneCohort(curve, 0.5, 0.2, {})
    course = Course(np.array([0.6]), {"fracture": (np.array([0.2]), 12.0)})
    trace = traces(
        _moves(course), _start(course), 24, phase=np.ones(24, dtype=np.int64), alive=setting.outlives
    )
    at = [int(row.at_months) for row in PATHFX]
    assert 100 * (1.0 - trace[0, at, DEAD]) == pytest.approx([row.low for row in PATHFX], abs=0.5)


def test_shares_that_rise_with_time_are_no_curve_and_the_next_source_is_used():
    odd = tuple(
        replace(row, low=row.low + 60.0, high=row.high + 60.0) if row.at_months == 24.0 else row
        for row in PATHFX
    )
    curve, said = curve_of(Survival((*odd, *TEAM.rows)), FEW)
    assert "PathFx is not used" in " ".join(said)
    assert curve.fact == "le_weeks"


def test_half_are_alive_at_the_median_and_it_is_drawn_within_its_span():
    assert alive_at(median_curve(9.0), np.array([9.0, 18.0]))[0] == pytest.approx([0.5, 0.25])
    curve, _ = curve_of(TEAM, FEW)
    at = alive_at(curve, np.array([6.0, 12.0]))
    assert at[:, 0].min() >= 0.5
    assert at[:, 1].max() <= 0.5


def test_a_longer_life_lets_a_gain_count_for_more():
    short, long = lives(3.0), lives(12.0)
    many = [candidate("a", share(RELIEF, 40)), candidate("b", share(RELIEF, 20))]
    gaps = [value(*many, survival=s).pair("a", "b").qaly.value for s in (short, long)]
    assert gaps[1] > 2.0 * gaps[0] > 0.0


def test_the_fact_worth_getting_is_named_and_none_is_worth_more_than_all():
    many = [candidate("a", share(RELIEF, 12, 20)), candidate("b", share(RELIEF, 280, 500))]
    found = value(*many, ensemble=Ensemble(5, 4000))
    assert found.worth[0].input == "a/response"
    assert 0.0 < found.worth[0].value <= 1.05 * found.perfect_information
    assert {one.fact for one in found.worth if one.input == "survival"} == {"le_weeks"}
    assert {"pain_level_after", "fading", "survival", "a/response"} <= {
        one.input for one in found.one_at_a_time
    }


def test_ten_options_and_ten_thousand_draws_are_valued_while_a_person_waits():
    """Processor time: 0.9 s on two cores of a server; ``benchmarks/value.py`` has the wall clock."""
    ten = [
        candidate(f"t{k}", share(RELIEF, 30 + k), share(FRACTURE, 3 + k), share(AGAIN, 6)) for k in range(10)
    ]
    start = time.process_time()
    found = value(*ten, ensemble=Ensemble(1, 10_000))
    assert time.process_time() - start < 4.0
    assert (len(found.pairs), found.draws) == (90, 10_000)


def test_two_studies_that_nobody_compared_are_named_as_such():
    ours, theirs = share(RELIEF, 590, 600), replace(share(RELIEF, 10, 600), because=("another series",))
    assert value(candidate("a", ours), candidate("b", share(RELIEF, 10, 600))).pairs[0].because == ""
    found = value(candidate("a", ours), candidate("b", theirs)).pairs[0]
    assert (found.told, found.because) == (
        "better",
        "from two studies that nobody compared in the same patients",
    )


def test_no_interval_is_told_of_a_difference_to_a_study_of_unknown_size():
    unsized = Estimate(RELIEF, "x", 95.0, None, None, "%", "published", ("a review",), study=Study())
    pair = value(candidate("a", unsized), candidate("b", share(RELIEF, 3))).pair("b", "a")
    assert (pair.qaly.low, pair.qaly.high, pair.qaly.draws) == (None, None, None)
    assert pair.qaly.value < 0.0


def test_events_count_within_the_shorter_of_two_studies():
    """20 % in 3 months is more than 20 % in a year, over the 3 months that both tell."""
    early = candidate("a", share(RELIEF, 30), share(FRACTURE, 12, months=3.0))
    late = candidate("b", share(RELIEF, 30), share(FRACTURE, 12, months=12.0))
    both_late = candidate("a", share(RELIEF, 30), share(FRACTURE, 12, months=12.0))
    assert value(late, early).pair("b", "a").qaly.value > 0.01
    assert value(late, both_late).pair("b", "a").qaly.value == pytest.approx(0.0, abs=1e-12)


def test_a_gain_fades_to_nothing_however_long_the_life():
    """Whole for one year, then half of two: at most two years of it, discounted a little."""
    many = [candidate("a", share(RELIEF, 60)), candidate("b", share(RELIEF, 0))]
    utility, _ = utility_of(FACTS, Centre())
    gained = value(*many, survival=lives(400.0)).pair("a", "b").qaly.value
    assert 1.75 * utility.gain < gained < 2.0 * utility.gain


def test_a_second_treatment_is_paid_again():
    """A share of half is a rate of ln 2 in its time, for those who live."""
    found = value(
        candidate("a", share(RELIEF, 30), share(AGAIN, 30)), costs={"a": 1000.0}, survival=lives(60.0)
    )
    assert 1500.0 < found.of("a").cost.value < 1000.0 * (1.0 + np.log(2.0))


def test_the_profile_gives_utility_and_the_rejected_set_no_gain():
    """31342 by the UK set .444; pain 4 to 2 gives .371 - .056, by the USA's .318 - .060."""
    utility, missing = utility_of(FACTS, Centre())
    assert (utility.in_pain, utility.gain) == pytest.approx((0.444, 0.315))
    assert utility.by_set == pytest.approx((0.258, 0.315))
    assert utility.by_level == pytest.approx((0.371 - 0.066, 0.371))
    assert missing == ()
    assert value_sets()["england"].standing == "rejected"
