from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteoplan.decide.choice import choose, told_better
from osteoplan.model.choice import Candidate, NextQuestion
from osteoplan.model.comparison import Comparison, Difference
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Recommendation
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.plan import Option, Plan, Reason
from osteoplan.model.preference import PairShare, PreferenceResult, RankShare

N = Ensemble(3, 200)
PAIN = SimpleNamespace(outcome="pain_response_probability")
NOBODY = Comparison("care", "strength_ratio_to_intact", (), "strength", ())


def published(id, events, n=100):
    value = 100.0 * events / n
    return Estimate(id, "any", value, None, None, "%", "published", study=Study(n=n, events=events))


def candidate(id, tier, *outcomes, family="cement", breach=None, status="ranked"):
    kind = "plan" if breach is not None else "comparator"
    said = Recommendation(id, id, kind, family, kind if kind != "plan" else "ranked", tier)
    if breach is None:
        return Candidate(said, (), outcomes)
    told = Estimate("breach_probability", "any, way", breach, None, None, "1", "simulated")
    plan = Plan(f"{id}_left", id, f"{id}, left", "L1", clearances=(told,))
    return Candidate(said, (Option(plan, "plan", status, (Reason("too narrow"),), outcomes),), outcomes)


def gap(better, worse, value, supported=True, **ends):
    estimate = Estimate(
        "strength_ratio_to_intact", "worst", value, value - 1.0, value + 1.0, "%", "simulated",
        one_at_a_time=ends,
    )  # fmt: skip
    return Difference(f"{better}_left", f"{worse}_left", estimate, supported)


def answered(*pairs, leader="a", chosen=""):
    """A preference result with nothing in it but its pairs and who is first."""
    ids = dict.fromkeys([leader, *(id for pair in pairs for id in pair[:2])])
    return PreferenceResult(
        answers=SimpleNamespace(choice=chosen), asked=("pain",), attributes={"pain": PAIN},
        ranges={}, values={}, left_out=(), unasked=(),
        weights={}, fixed=False, order=(),
        options=tuple(RankShare(id, id, 0.5, ()) for id in ids),
        pairs=tuple(PairShare(one, two, wins, 1.0 - wins, ("pain",)) for one, two, wins in pairs),
        undecided=0.0, would_win=(), samples=1000, draws=200,
    )  # fmt: skip


def places(choice):
    return {one.technique: (one.tier, one.place) for one in choice.placed}


def test_no_preference_moves_a_technique_out_of_its_tier():
    found = choose(
        [candidate("a", 2), candidate("b", 1)], NOBODY, N, answered(("a", "b", 1.0)),
    )  # fmt: skip
    assert places(found) == {"b": (1, 1), "a": (2, 1)}
    assert found.first == ("b",)
    assert any("answers are met best by a" in said and "below b" in said for said in found.disagreements)


@pytest.mark.parametrize(("share", "told"), [(0.9, True), (0.89, False)])
def test_answers_tell_two_apart_in_nine_of_ten_samples(share, told):
    pain = published("pain_response_probability", 50)
    found = choose([candidate("a", 1, pain), candidate("b", 1, pain)], NOBODY, N, answered(("a", "b", share)))
    assert bool(found.above) is told
    assert places(found)["b"] == (1, 2 if told else 1)


def test_where_somebody_answered_strength_does_not_order():
    ways = [candidate("a", 1, breach=0.3), candidate("b", 1, breach=0.1)]
    stronger = replace(NOBODY, ranking=("a_left", "b_left"), between=(gap("a", "b", 20.0),))
    assert choose(ways, stronger, N).above[0].by == "strength"
    asked = choose(ways, stronger, N, answered(("a", "b", 0.6)))
    assert [(one.better, one.by) for one in asked.above] == [("b", "safety")]


def test_what_strength_does_not_tell_apart_goes_by_safety():
    ways = [candidate("a", 1, breach=0.3), candidate("b", 1, breach=0.1)]
    found = choose(ways, replace(NOBODY, between=(gap("a", "b", 20.0, supported=False),)), N)
    assert found.first == ("b",)


def test_published_harm_orders_only_where_both_have_it():
    few, many = (
        published("major_complication_probability", 1),
        published("major_complication_probability", 30),
    )
    assert choose([candidate("a", 2, many), candidate("b", 2, few)], NOBODY, N).first == ("b",)
    assert choose([candidate("a", 2, many), candidate("b", 2)], NOBODY, N).first == ("a", "b")


def test_another_population_is_neither_harm_nor_dominance():
    many = published("major_complication_probability", 30)
    other = replace(many, study=replace(many.study, population="osteoporotic fractures"))
    few = published("major_complication_probability", 1)
    assert choose([candidate("a", 2, other), candidate("b", 2, few)], NOBODY, N).above == ()


def test_the_dominated_is_kept_and_marked_with_what_beats_it():
    worse = (published("pain_response_probability", 40), published("major_complication_probability", 30))
    better = (published("pain_response_probability", 80), published("major_complication_probability", 2))
    found = choose([candidate("a", 1, *worse), candidate("b", 1, *better)], NOBODY, N)
    assert [(one.technique, one.by) for one in found.dominated] == [("a", "b")]
    assert set(found.dominated[0].better) == {"pain_response_probability", "major_complication_probability"}
    assert set(places(found)) == {"a", "b"}
    mixed = (published("pain_response_probability", 90), published("major_complication_probability", 30))
    assert choose([candidate("a", 1, *mixed), candidate("b", 1, *better)], NOBODY, N).dominated == ()
    for n in (0, 1):  # gains alone, harms alone
        one_alone = choose([candidate("a", 1, worse[n]), candidate("b", 1, better[n])], NOBODY, N)
        assert one_alone.dominated == ()


def test_what_is_counted_in_vertebrae_is_not_held_against_patients():
    worse, better = (
        published("major_complication_probability", 30),
        published("major_complication_probability", 2),
    )
    vertebrae = replace(worse, study=replace(worse.study, of="vertebrae"))
    assert choose([candidate("a", 1, vertebrae), candidate("b", 1, better)], NOBODY, N).above == ()


def test_drugs_stand_in_nobodys_place_and_the_shut_are_not_placed():
    found = choose(
        [candidate("pills", 1, family="bone drugs"), candidate("shut", 4), candidate("a", 2)], NOBODY, N
    )
    assert set(places(found)) == {"a"}


def test_a_first_choice_that_does_not_fit_is_said():
    found = choose([candidate("a", 1, breach=0.2, status="infeasible"), candidate("b", 2)], NOBODY, N)
    assert found.first == ("b",)
    assert found.disagreements == ("rules put a first, but it cannot be done here: too narrow",)


def test_a_circle_of_preference_shares_a_place():
    pairs = (("a", "b", 1.0), ("b", "c", 1.0), ("a", "c", 0.0))
    pain = published("pain_response_probability", 50)
    found = choose([candidate(id, 1, pain) for id in "abc"], NOBODY, N, answered(*pairs))
    assert len(found.above) == 3
    assert found.first == ("a", "b", "c")


def test_three_questions_at_most_the_most_telling_first():
    asked = [NextQuestion("fact", f"f{n}", "?", share, 4) for n, share in enumerate([0.2, 0.9, 0.5, 0.7])]
    found = choose([candidate("a", 1)], NOBODY, N, None, asked)
    assert [one.id for one in found.next_questions] == ["f1", "f3", "f2"]


harms = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=4)


@given(harms)
def test_another_option_changes_nothing_between_the_others(events):
    all_of_them = [
        candidate(
            f"t{n}", 1, published("major_complication_probability", harm),
            published("pain_response_probability", pain),
        )
        for n, (harm, pain) in enumerate(events)
    ]  # fmt: skip
    whole, less = choose(all_of_them, NOBODY, N), choose(all_of_them[:-1], NOBODY, N)
    last = all_of_them[-1].id
    assert [one for one in whole.above if last not in (one.better, one.worse)] == list(less.above)


@given(st.integers(1, 60), st.integers(1, 60))
def test_no_option_falls_below_another_by_doing_less_harm(mine, other):
    id = "major_complication_probability"
    rival = candidate("rival", 1, published(id, other))
    before = choose([candidate("a", 1, published(id, mine)), rival], NOBODY, N)
    after = choose([candidate("a", 1, published(id, mine - 1)), rival], NOBODY, N)
    assert places(after)["a"][1] <= places(before)["a"][1]


def test_equal_draws_tell_nothing_apart():
    draws = np.linspace(0.0, 1.0, 50)
    assert told_better(draws, draws, "more") == told_better(draws, draws, "less") == 0.5


def test_figures_of_two_times_are_not_held_against_each_other():
    early, late = (
        replace(one, study=replace(one.study, months=months))
        for one, months in (
            (published("major_complication_probability", 1), 1.0),
            (published("major_complication_probability", 30), 6.0),
        )
    )
    assert choose([candidate("a", 2, late), candidate("b", 2, early)], NOBODY, N).above == ()
    same = replace(late, study=replace(late.study, months=1.0))
    told = choose([candidate("a", 2, same), candidate("b", 2, early)], NOBODY, N).above
    assert "1 % against 30 %" in told[0].because


def test_defaults_of_ours_alone_order_nobody_by_preference():
    ours = replace(published("pain_response_probability", 50), status="design_default")
    found = choose([candidate("a", 1, ours), candidate("b", 1, ours)], NOBODY, N, answered(("a", "b", 1.0)))
    assert found.above == ()


@pytest.mark.parametrize(("chosen", "said"), [
    ("a", ()),
    ("c", ("the patient chose c; a, b stands first",)),
    ("shut", ("the patient chose shut, which is not among what is left; a, b stands first",)),
])  # fmt: skip
def test_a_choice_of_the_patient_that_does_not_stand_first_is_said(chosen, said):
    ways = [candidate("a", 1), candidate("b", 1), candidate("c", 2), candidate("shut", 4)]
    assert choose(ways, NOBODY, N, answered(("a", "b", 0.5), leader="a", chosen=chosen)).disagreements == said


def test_those_that_share_a_place_take_as_many():
    few, many = (
        published("major_complication_probability", 1),
        published("major_complication_probability", 40),
    )
    found = choose([candidate("a", 1, few), candidate("b", 1, few), candidate("c", 1, many)], NOBODY, N)
    assert {id: place for id, (_, place) in places(found).items()} == {"a": 1, "b": 1, "c": 3}
