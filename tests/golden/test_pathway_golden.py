"""Published cases through scores and rules: what must be said, what must not, and what must stay open."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from osteoplan.pathway.rules import blocking, questions, verdicts
from osteoplan.pathway.scores import applicable_scores, score

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "pathway_cases.yaml").read_text("utf-8")
)
KEYS = {"case", "stated", "read_as", "fires", "not", "open", "sins", "total"}
BY_NAME = pytest.mark.parametrize(
    "case", CASES, ids=[case["case"].split(":")[0].split(",")[0] for case in CASES]
)


def heard(case: dict[str, Any]) -> tuple[Any, Any]:
    """Scores and verdicts of a case, totals handed to the rules as the workflow hands them."""
    facts = {**case["stated"], **case.get("read_as", {})}
    scores = applicable_scores(facts)
    return scores, verdicts({**{s.id: s.total for s in scores}, **facts})


@BY_NAME
def test_rules_of_a_published_case_fire_and_stay_silent_as_they_must(case: dict[str, Any]) -> None:
    assert set(case) <= KEYS
    truth = {verdict.rule: verdict.truth for verdict in heard(case)[1]}
    assert [rule for rule in case.get("fires", []) if truth.get(rule) is not True] == []
    assert [rule for rule in case.get("not", []) if truth.get(rule) is True] == []


@BY_NAME
def test_what_a_report_does_not_state_stays_open_and_is_asked_for(case: dict[str, Any]) -> None:
    said = {verdict.rule: verdict for verdict in heard(case)[1]}
    for rule, asked in case.get("open", {}).items():
        assert said[rule].truth is None, rule
        assert set(asked) <= set(said[rule].ask), rule


@BY_NAME
def test_the_level_settles_the_items_of_sins_that_it_can(case: dict[str, Any]) -> None:
    scores = {s.id: s for s in heard(case)[0]}
    for item, points in case.get("sins", {}).items():
        assert scores["sins"].items[item] == (points, points)
    if "total" in case:
        assert list(scores["sins"].total) == case["total"]


def test_the_sins_vector_of_the_reference_is_14_of_18_and_unstable() -> None:
    items = {"location": "T12", "pain": "mechanical", "lesion": "lytic", "alignment": "normal",
             "collapse": "over_50", "posterolateral": "bilateral"}  # fmt: skip
    result = score("sins", items)
    assert (result.total, result.maximum, result.band) == ((14, 14), 18, ("unstable",))


def test_the_demo_persona_is_ranked_asks_for_the_missing_items_and_is_stabilised_first() -> None:
    """The persona of the spine demo: nothing stops it, and what is not known is asked for."""
    facts = {
        "region": "spine", "vertebra": "T12", "matrix": "lytic", "pain_nrs": 7, "pain_type": "mech",
        "bilsky": "0", "fx": "impending", "analgesia_failed": True, "primary": "breast", "solitary": False,
        "suspected_primary_bone_tumour": False, "ecog": 1, "rs": "moderate", "le_weeks": 60,
        "infection": False,
        "cement_allergy": False, "pacemaker": False, "pregnant": False, "new_neuro_deficit": False,
        "rt_failed": False, "rt_contraindicated": False, "inr": 1.1, "plt": 210, "intent": "palliative",
        "collapse_pct": 0, "body_involved_pct": 24, "age": 63,
    }  # fmt: skip
    scores = applicable_scores(facts)
    said = verdicts({**facts, "sins": scores[0].total})
    truth = {verdict.rule: verdict.truth for verdict in said}
    assert blocking(said) == ()
    assert [rule for rule, true in truth.items() if true] == ["L6"]
    assert truth["SP1"] is None
    assert truth["SP3"] is None
    asked = [question.fact for question in questions(said, scores)]
    assert {"alignment", "posterolateral", "posterior_wall_defect"} <= set(asked)
    assert "sins" not in asked
