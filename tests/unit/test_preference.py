"""The patient's answers over candidates: what is asked, what is counted, what is said."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from osteoplan.decide.preference import preference_of
from osteoplan.model.choice import Candidate
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Recommendation
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.plan import Option, Plan
from osteoplan.model.preference import Answers, BestWorst, PairShare, PreferenceResult, Sure, Swing

PAIN, HARM, AGAIN = (
    "pain_response_probability",
    "major_complication_probability",
    "reintervention_probability",
)
ENSEMBLE = Ensemble(5, 40)
RANGES = {"less_pain": Swing(40.0, 80.0), "serious_harm": Swing(20.0, 2.0)}


def share(id: str, events: int, n: int = 100, **more: Any) -> Estimate:
    study = Study(n=n, events=events)
    return Estimate(id, "any", 100.0 * events / n, None, None, "%", "published", study=study, **more)


def candidate(id: str, *outcomes: Estimate, tier: Any = 2) -> Candidate:
    said = Recommendation(id, id.upper(), "plan", "cement", "ranked", tier)
    own = [e for e in outcomes if e.basis != "published"]
    options = (Option(Plan(f"{id}_left", id, id, "L1"), "plan", "ranked", (), tuple(own)),) if own else ()
    return Candidate(said, options, tuple(e for e in outcomes if e.basis == "published"))


A = candidate("a", share(PAIN, 78), share(HARM, 15))
B = candidate("b", share(PAIN, 45), share(HARM, 3))
C = candidate("c", share(PAIN, 99), share(HARM, 1), share(AGAIN, 30))
D = candidate("d", share(AGAIN, 5))


def answers(kind: Any = "swing", **more: Any) -> Answers:
    given: dict[str, Any] = {"ranges": RANGES, **more}
    if kind == "swing":
        given.setdefault("points", {"less_pain": 100.0, "serious_harm": 50.0})
    return Answers(kind, "patient", datetime.date(2026, 12, 1), "en", **given)


def of(*candidates: Candidate, said: Answers | None = None) -> PreferenceResult:
    return preference_of(candidates, said, ENSEMBLE, samples=4000)


def pair(result: PreferenceResult, one: str, other: str) -> PairShare:
    return next(p for p in result.pairs if (p.one, p.other) == (one, other))


def test_only_what_differs_is_asked_over_the_range_of_its_figures() -> None:
    same = share(AGAIN, 5)
    near = share("fracture_probability", 10)
    found = of(
        candidate("a", *A.published, same, near),
        candidate("b", *B.published, same, replace(near, value=11.0, study=Study(n=100, events=11))),
    )
    assert found.asked == ("less_pain", "serious_harm")
    assert found.ranges == {"less_pain": Swing(45.0, 78.0), "serious_harm": Swing(15.0, 3.0)}
    reasons = {one.attribute: one.reason for one in found.left_out}
    assert reasons["broken_bone"] == "not told apart"
    assert reasons["nerve_harm"] == "no comparable evidence"


def test_the_same_draws_in_all_are_the_same_in_all() -> None:
    found = of(*(candidate(id, *A.published, simulated([90.0] * 40)) for id in "ab"))
    assert {one.attribute: one.reason for one in found.left_out}["stronger_bone"] == "same in all"


def test_a_figure_without_counted_patients_and_without_an_interval_is_not_compared_and_that_is_said() -> None:
    bare = Estimate(PAIN, "any", 60.0, None, None, "%", "published", study=Study(n=30))
    found = of(candidate("a", bare), B)
    (told,) = [one for one in found.left_out if one.attribute == "less_pain"]
    assert told.reason == "no comparable evidence"
    assert told.because == ("A: 60 %, without counted patients or an interval: not compared",)
    assert any("A: 60 %" in line for line in of(candidate("a", bare), B, C, said=answers()).warnings)


def test_a_figure_of_another_population_is_never_compared() -> None:
    other = replace(share(PAIN, 99), study=Study(n=100, events=99, population="fragility fractures"))
    assert of(candidate("a", other), B, C).values["a"] == {}


def test_points_decide_between_pain_and_harm() -> None:
    pain = answers(points={"less_pain": 100.0, "serious_harm": 10.0})
    harm = answers(points={"less_pain": 10.0, "serious_harm": 100.0})
    assert of(A, B, said=pain).leader == "a"
    assert of(A, B, said=harm).leader == "b"
    assert of(A, B, said=pain).weights == pytest.approx({"less_pain": 10 / 11, "serious_harm": 1 / 11})


def test_best_worst_keeps_the_order_and_you_decide_keeps_all_weights() -> None:
    sets = (BestWorst(("less_pain", "serious_harm"), "serious_harm", "less_pain"),)
    ordered = of(A, B, said=answers("best_worst", sets=sets))
    assert ordered.order == (("serious_harm", "less_pain"),)
    assert ordered.weights["serious_harm"] == pytest.approx(0.75, abs=0.02)
    free, nobody = of(A, B, said=answers("you_decide")), of(A, B)
    assert free.weights == nobody.weights
    assert free.weights["less_pain"] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    "said",
    [
        answers(),
        answers("you_decide"),
        answers("best_worst", sets=(BestWorst(("less_pain", "serious_harm"), "less_pain", "serious_harm"),)),
    ],
)
def test_another_option_moves_nothing_between_two_others(said: Answers) -> None:
    before, after = of(A, B, said=said), of(C, A, B, D, said=said)
    assert pair(before, "a", "b") == pair(after, "a", "b")
    assert before.weights == after.weights


def test_what_lies_outside_the_range_that_was_asked_is_extrapolated_and_said() -> None:
    found = of(A, B, C, said=answers())
    assert any(
        line == "C: less_pain of 99 lies outside the range that was asked (40 to 80): extrapolated"
        for line in found.warnings
    )
    assert not any(line.startswith(("A:", "B:")) for line in found.warnings)
    assert found.ranges["less_pain"] == Swing(40.0, 80.0)


def test_what_differs_and_was_not_answered_is_said_and_not_counted() -> None:
    found = of(A, B, C, D, said=answers())
    assert found.unasked == ("done_again",)
    assert "done_again differs between the options, but was not answered: it is not counted" in found.warnings
    assert pair(found, "c", "d").shared == ()


def test_no_option_wins_on_what_its_rival_lacks() -> None:
    found = of(C, D, B)
    assert pair(found, "d", "b").shared == ()
    assert (
        found.undecided == 1.0
    )  # d is better than c on the one thing both have, c than b, and d has nothing of b
    assert {one.technique: one.first for one in found.options} == {"b": 0.0, "c": 0.0, "d": 0.0}


def card(level: float) -> Estimate:
    return Estimate(
        "anaesthesia_level", "procedure", level, None, None, "1", "published", study=Study(tag="D")
    )


def test_what_all_have_by_their_cards_settles_nothing_that_matters_more() -> None:
    awake, asleep = candidate("a", card(0.0)), candidate("b", card(3.0), share(PAIN, 78))
    ranges = {**RANGES, "awake_or_asleep": Swing(3.0, 0.0)}
    for points, wins in (
        ({"less_pain": 100.0, "awake_or_asleep": 20.0}, 0.0),
        ({"awake_or_asleep": 20.0}, 1.0),
    ):
        found = of(awake, asleep, said=answers(ranges=ranges, points=points))
        assert (pair(found, "a", "b").one_wins, pair(found, "a", "b").other_wins) == (wins, 0.0)
    free = {one.technique: one.text for one in of(awake, asleep, C).would_win}
    assert free["b"] == "Too few figures to say: it cannot be compared with every other one."


def test_what_shares_nothing_stands_beside() -> None:
    found = of(A, B, D, said=answers())
    assert {one.technique for one in found.options if not one.compared} == {"d"}
    assert found.undecided < 0.2
    assert not any("one attribute in common" in line for line in found.warnings)
    few = of(candidate("a", A.published[0]), B, C, said=answers())
    assert any(line.startswith("2 of 3 pairs that can be compared") for line in few.warnings)
    assert "D shares no figure with any other: it stands beside the order" in found.warnings


def test_contradictory_answers_are_shown_and_all_weights_count() -> None:
    sets = (
        BestWorst(("less_pain", "serious_harm"), "less_pain", "serious_harm"),
        BestWorst(("less_pain", "serious_harm"), "serious_harm", "less_pain"),
    )
    said = answers("best_worst", sets=sets)
    found = of(A, B, said=said)
    assert found.answers == said
    assert found.warnings[0].startswith(
        "contradictory answers, left as they are: what matters more goes in a circle"
    )
    assert found.pairs == of(A, B, said=answers("you_decide")).pairs


def test_a_choice_that_is_shut_and_a_conflict_are_said() -> None:
    unsure, settled = Sure(sure=False), Sure(True, True, True, True)
    said = of(A, B, said=answers(choice="x", sure_before=unsure)).warnings
    assert "the patient chose x, which is not among what is left" in said
    assert "decisional conflict before the page: SURE 3 of 4 at most" in said
    assert of(A, B, said=answers(choice="a", sure_before=unsure, sure_after=settled)).warnings == ()


def test_what_would_have_to_matter_is_told_for_those_behind() -> None:
    found = of(A, B, said=answers(points={"less_pain": 100.0, "serious_harm": 10.0}))
    told = {one.technique: one for one in found.would_win}
    assert told["a"].text == ""
    assert told["b"].weights["serious_harm"] > 0.5
    assert told["b"].text.startswith('First where "Less pain" matters less: ') or told["b"].text.startswith(
        'First where "Serious harm from the treatment" matters more: '
    )
    better = candidate("e", share(PAIN, 99), share(HARM, 0))
    never = {
        one.technique: one.text
        for one in of(better, candidate("f", share(PAIN, 1), share(HARM, 60))).would_win
    }
    assert never["f"] == "Nothing that may matter puts it first."


def simulated(draws: list[float]) -> Estimate:
    return Estimate.from_draws(
        "strength_ratio_to_intact", "bending", value=float(np.mean(draws)), draws=np.array(draws), unit="%"
    )


def test_simulated_figures_are_compared_in_the_same_draw() -> None:
    base = np.random.default_rng(1).normal(80.0, 15.0, 40)
    found = of(*(candidate(id, simulated(list(base + gain))) for id, gain in (("a", 1.0), ("b", 0.0))))
    assert found.asked == ("stronger_bone",)  # one per cent in every draw, under a spread of fifteen
    assert pair(found, "a", "b").one_wins == 1.0


def test_simulated_figures_are_those_of_the_worst_load_case_and_of_the_same_cases() -> None:
    both = [simulated([80.0] * 40), replace(simulated([60.0] * 20 + [90.0] * 20), target="compression")]
    found = of(candidate("a", *both), candidate("b", *both[::-1]), candidate("c", both[0]))
    assert found.values["a"] == found.values["b"] == {"stronger_bone": 70.0}  # half 60, half 80
    assert found.ends["a"]["stronger_bone"] == (60.0, 80.0)
    assert pair(found, "a", "c").shared == ()
    assert {one.attribute: one.reason for one in found.left_out}["stronger_bone"] == "same in all"


def test_figures_of_two_times_are_not_held_against_each_other() -> None:
    soon, late = (share(PAIN, events) for events in (78, 45))
    soon = replace(soon, study=Study(n=100, events=78, months=1.0))
    late = replace(late, study=Study(n=100, events=45, months=6.0))
    found = of(candidate("a", soon), candidate("b", late), candidate("c", share(PAIN, 10)))
    assert pair(found, "a", "b").shared == ()
    assert pair(found, "a", "c").shared == pair(found, "b", "c").shared == ("less_pain",)


def test_only_what_is_left_to_choose_is_weighed_and_nothing_left_is_no_error() -> None:
    assert [one.technique for one in of(A, candidate("x", *B.published, tier=4)).options] == ["a"]
    alone = of()
    assert (alone.undecided, alone.options, alone.leader) == (1.0, (), "")


def test_names_settle_the_draws_not_places() -> None:
    one, two = of(A, B, C, said=answers()), of(C, B, A, said=answers())
    assert {o.technique: o.first for o in one.options} == {o.technique: o.first for o in two.options}


def test_a_result_is_plain_json() -> None:
    from pydantic import TypeAdapter

    kind = TypeAdapter(PreferenceResult)
    text = json.dumps(kind.dump_python(of(A, B, C, D, said=answers()), mode="json"), allow_nan=False)
    assert json.loads(text)["ranges"]["less_pain"] == {"worst": 40.0, "best": 80.0}
    assert kind.validate_json(text).leader == of(A, B, C, D, said=answers()).leader


def test_a_choice_that_is_not_left_is_told_and_one_that_is_still_open_is_not() -> None:
    said = "the patient chose c, which is not among what is left"
    assert said in of(A, B, said=answers(choice="c")).warnings
    for choice in ("a", "later", "talk"):
        assert not [one for one in of(A, B, said=answers(choice=choice)).warnings if "chose" in one]
