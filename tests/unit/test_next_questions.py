"""What would change what stands first: open facts, presumptions, the physics, what matters."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from osteoplan.cli.tables import choice_lines
from osteoplan.decide.candidates import candidates
from osteoplan.model.centre import Centre
from osteoplan.model.comparison import Comparison
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.preference import RankShare
from osteoplan.pathway.facts import Facts
from osteoplan.workflow.choose import choose
from osteoplan.workflow.explain import explain_facts
from tests.unit.test_choice import answered, candidate, gap

READING = SimpleNamespace(case=SimpleNamespace(centre=Centre()))
NOBODY = Comparison("care", "strength_ratio_to_intact", (), "strength", ())
N = Ensemble(3, 200)
SPINE = {
    "region": "spine", "lesion_kind": "metastasis", "primary": "breast", "primary_known": True,
    "histology_confirmed": True, "pain_nrs": 7, "pain_type": "mech", "bilsky": "0", "sins": 9,
    "new_neuro_deficit": False, "infection_suspected": False, "le_weeks": 60, "ecog": 1,
}  # fmt: skip


def asked(facts=None, found=None, comparison=NOBODY, preference=None):
    told = explain_facts(Facts(facts or {}))
    if facts is None:
        told = replace(told, questions=(), presumed=())
    found = candidates(told.recommendations, ()) if found is None else found
    return choose(READING, told, found, comparison, preference, N, resolution=2.0)


def test_an_open_fact_is_asked_only_if_an_answer_changes_what_stands_first():
    found = asked(SPINE)
    assert 0 < len(found.next_questions) <= 3
    for one in found.next_questions:
        assert 0.0 < one.share <= 1.0
        assert one.then or one.lost
        assert not set(one.then) & set(found.first)
        assert set(one.lost) <= set(found.first)
    order = [(one.kind == "presumed", -one.share) for one in found.next_questions]
    assert order == sorted(order)


@pytest.mark.parametrize(("end", "asks"), [(1.0, True), (3.0, False)])
def test_an_input_of_the_physics_is_asked_where_its_end_leaves_the_resolution(end, asks):
    ways = [candidate("a", 1, breach=0.3), candidate("b", 1, breach=0.1)]
    told = replace(NOBODY, between=(gap("a", "b", 20.0, density=(end, 30.0)),))
    found = asked(found=ways, comparison=told)
    physics = [one for one in found.next_questions if one.kind == "physics"]
    assert [(one.id, one.share, one.then) for one in physics] == ([("density", 0.5, ("b",))] if asks else [])


def test_what_matters_is_asked_where_nobody_was_asked_and_it_decides():
    unasked = replace(
        answered(("a", "b", 0.5)), answers=None,
        options=(RankShare("a", "a", 0.7, ()), RankShare("b", "b", 0.3, ())),
    )  # fmt: skip
    ways = [candidate("a", 1), candidate("b", 1)]
    found = asked(found=ways, preference=unasked)
    assert [(one.kind, pytest.approx(one.share), one.then) for one in found.next_questions] == [
        ("preference", 0.3, ("b",))
    ]
    assert asked(found=ways, preference=answered(("a", "b", 0.5))).next_questions == ()


def test_the_terminal_tells_what_stands_first_and_what_would_change_it():
    found = asked(SPINE)
    titles = [{"technique": one.technique, "title": one.technique} for one in found.placed]
    titles += [{"technique": id, "title": id} for q in found.next_questions for id in (*q.then, *q.lost)]
    lines = list(choice_lines({"choice": asdict(found), "standings": titles}))
    assert lines[0].startswith("stands first: ")
    assert all(id in lines[0] for id in found.first)
    told = [line for line in lines if line.startswith("would change this: ")]
    assert len(told) == len(found.next_questions)
    assert list(choice_lines({"choice": None, "standings": []})) == []
