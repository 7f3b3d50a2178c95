"""Published cases, the review's patients and a board's patients, from their facts to the choice."""

from functools import cache
from types import SimpleNamespace

import pytest

from osteoplan.decide.candidates import candidates
from osteoplan.knowledge.evidence import published_outcomes
from osteoplan.model.centre import Centre
from osteoplan.model.choice import Candidate, Choice
from osteoplan.model.comparison import Comparison
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.result import Explanation
from osteoplan.workflow.choose import choose
from tests.golden import test_pathway_golden as published
from tests.golden import test_patients as board

READING = SimpleNamespace(case=SimpleNamespace(centre=Centre()))
NOTHING = Comparison("best_supportive_care", "strength_ratio_to_intact", (), "strength", ())
PATIENTS = [f"board {name}" for name in board.BY_NAME]
PATIENTS += [f"published {n}" for n in range(len(published.CASES))]


@cache
def chosen(name: str) -> tuple[Explanation, tuple[Candidate, ...], Choice]:
    """By what rules and studies say alone: these patients have no scan here."""
    group, _, rest = name.partition(" ")
    told = board.explained_of(rest) if group == "board" else published.told(int(rest), True)
    site = str(told.facts.get("region") or "")
    studies = {one.technique: published_outcomes(one.technique, site) for one in told.recommendations}
    found = candidates(told.recommendations, (), (), studies)
    return told, found, choose(READING, told, found, NOTHING, None, Ensemble(1, 64), 0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PATIENTS)
def test_what_is_shut_is_no_choice_and_the_best_tier_stands_first(name: str) -> None:
    told, found, choice = chosen(name)
    left = {one.id for one in found if one.left}
    assert {one.technique for one in choice.placed} == left
    assert "best_supportive_care" in left or choice.place("best_supportive_care") is None
    shut = {one.technique for one in told.recommendations if one.tier == 4}
    assert not shut & {id for one in choice.above for id in (one.better, one.worse)}
    assert not shut & {one.by for one in choice.dominated}
    tiers = {one.technique: one.tier or 2 for one in told.recommendations}
    order = [tiers[one.technique] for one in choice.placed]
    assert order == sorted(order)
    assert all(tiers[id] == min(order) for id in choice.first)


@pytest.mark.parametrize("name", PATIENTS)
def test_two_are_told_apart_only_by_what_both_have(name: str) -> None:
    _, found, choice = chosen(name)
    by_id = {one.id: one for one in found}
    for told in choice.above:
        assert told.by == "safety"  # nothing was simulated and nobody answered
        better, worse = by_id[told.better], by_id[told.worse]
        shared = {e.id for e in better.outcomes} & {e.id for e in worse.outcomes}
        assert shared & {
            "nerve_injury_probability",
            "major_complication_probability",
            "complication_probability",
        }
    for one in choice.dominated:
        both = {e.id for e in by_id[one.by].outcomes} & {e.id for e in by_id[one.technique].outcomes}
        assert set(one.better) <= set(one.outcomes) <= both


def test_questions_that_would_change_what_stands_first_are_asked_of_most() -> None:
    """Of somebody of whom all is known nothing is asked; a report leaves much open."""
    asked = [name for name in PATIENTS if chosen(name)[2].next_questions]
    assert len(asked) > len(PATIENTS) // 2
