"""Published cases, the review's patients and a board's patients, from their facts to the choice."""

import datetime
import math
from functools import cache
from types import SimpleNamespace

import pytest

from osteoplan.decide.candidates import candidates
from osteoplan.decide.choice import HARM
from osteoplan.decide.outcomes import published_on
from osteoplan.decide.preference import preference_of
from osteoplan.decide.value.patient import value_of
from osteoplan.model.centre import Centre
from osteoplan.model.choice import Candidate, Choice
from osteoplan.model.comparison import Comparison
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.preference import Answers, PreferenceResult
from osteoplan.model.result import Explanation
from osteoplan.model.value import ValueResult
from osteoplan.workflow.choose import choose
from tests.golden import test_pathway_golden as published
from tests.golden import test_patients as board

READING = SimpleNamespace(case=SimpleNamespace(centre=Centre()))
NOTHING = Comparison("best_supportive_care", "strength_ratio_to_intact", (), "strength", ())
ENSEMBLE = Ensemble(1, 64)
DECIDE = Answers("you_decide", "patient", datetime.date(2026, 11, 30), "en")
PATIENTS = [f"board {name}" for name in board.BY_NAME]
PATIENTS += [f"published {n}" for n in range(len(published.CASES))]


@cache
def chosen(
    name: str,
) -> tuple[Explanation, tuple[Candidate, ...], Choice, PreferenceResult, ValueResult]:
    """By what rules and studies say alone: these patients have no scan here."""
    group, _, rest = name.partition(" ")
    told = board.explained_of(rest) if group == "board" else published.told(int(rest), True)
    studies = {one.technique: published_on(one.technique, told.facts) for one in told.recommendations}
    found = candidates(told.recommendations, (), (), studies)
    liked = preference_of(found, DECIDE, ENSEMBLE, samples=2000)
    worth = value_of(
        found, {"eq5d_5l": 21232, "le_weeks": 60, **told.facts}, told.survival, Centre(), ENSEMBLE
    )
    made = choose(READING, told, found, NOTHING, liked, ENSEMBLE, 0.0)  # type: ignore[arg-type]
    return told, found, made, liked, worth


@pytest.mark.parametrize("name", PATIENTS)
def test_what_is_shut_is_no_choice_and_the_best_tier_stands_first(name: str) -> None:
    told, found, choice, liked, worth = chosen(name)
    left = {one.id for one in found if one.left}
    assert {one.technique for one in choice.placed} == left
    assert {one.technique for one in liked.options} == {one.technique for one in worth.techniques} == left
    shut = {one.technique for one in told.recommendations if one.tier == 4}
    assert not shut & {id for one in choice.above for id in (one.better, one.worse)}
    assert not shut & {one.by for one in choice.dominated}
    tiers = {one.technique: one.tier or 2 for one in told.recommendations}
    order = [tiers[one.technique] for one in choice.placed]
    assert order == sorted(order)
    assert all(tiers[id] == min(order) for id in choice.first)


@pytest.mark.parametrize("name", PATIENTS)
def test_two_are_told_apart_only_by_what_both_have(name: str) -> None:
    _, found, choice, liked, _ = chosen(name)
    by_id = {one.id: one for one in found}
    for told in choice.above:
        shared = {e.id for e in by_id[told.better].outcomes} & {e.id for e in by_id[told.worse].outcomes}
        if told.by == "preference":
            pair = next(p for p in liked.pairs if {p.one, p.other} == {told.better, told.worse})
            assert {liked.attributes[id].outcome for id in pair.shared} <= shared
        else:
            assert told.by == "safety"  # nothing was simulated
            assert shared & set(HARM)
    for one in choice.dominated:
        both = {e.id for e in by_id[one.by].outcomes} & {e.id for e in by_id[one.technique].outcomes}
        assert set(one.better) <= set(one.outcomes) <= both


def test_questions_that_would_change_what_stands_first_are_asked_of_most() -> None:
    """Of somebody of whom all is known nothing is asked; a report leaves much open."""
    asked = [name for name in PATIENTS if chosen(name)[2].next_questions]
    assert len(asked) > len(PATIENTS) // 2


def told_kind(name: str) -> object:
    return chosen(name)[0].facts.get("lesion_kind")


def test_a_value_is_told_of_some_and_what_is_missing_of_the_rest() -> None:
    """Quality-adjusted life never exceeds life, and what cannot be valued says why."""
    valued = 0
    for name in PATIENTS:
        for one in chosen(name)[4].techniques:
            assert one.qaly is not None or one.missing or chosen(name)[4].missing
            if one.qaly is not None:
                valued += 1
                assert told_kind(name) in (None, "metastasis", "haematological")
                assert one.qaly.low is None or one.qaly.low < one.qaly.high
                lived = chosen(name)[4].survival.months[-1] / 12.0 / math.log(2.0)  # by the last point's rate
                assert 0.0 < one.qaly.value < lived
    assert valued
