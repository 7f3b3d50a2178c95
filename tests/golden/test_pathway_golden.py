"""Published cases through scores and rules: what must be said, what must not, and what must stay open.

What a report states and what we assume stand apart: on the stated facts alone a rule that lacks something
must ask for it, and only with the assumed ones must it speak.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from osteoplan.knowledge.rules import rules
from osteoplan.model.evidence import Verdict
from osteoplan.model.result import Explanation
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.presume import stood_in
from osteoplan.pathway.rules import blocking, verdicts
from osteoplan.pathway.scores import score
from osteoplan.workflow.explain import explain_facts

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "pathway_cases.yaml").read_text("utf-8")
)
KEYS = {"case", "stated", "assumed", "fires", "not", "open", "sins", "total"}
PUBLISHED = 16  # reports, some with more than one patient
BY_NAME = pytest.mark.parametrize("case", CASES, ids=[case["case"].split(":")[0][:48] for case in CASES])


def heard(case: dict[str, Any], *, assumed: bool) -> Explanation:
    return told(CASES.index(case), assumed)


@cache
def told(number: int, assumed: bool) -> Explanation:
    case = CASES[number]
    return explain_facts(Facts({**case["stated"], **(case.get("assumed", {}) if assumed else {})}))


def spoken(facts: dict[str, object]) -> dict[str, Verdict]:
    """What the rules alone say, without tiers and questions."""
    known, _ = stood_in(Facts(facts), "rules")
    return {verdict.rule: verdict for verdict in verdicts(known)}


def by_rule(explained: Explanation) -> dict[str, Verdict]:
    return {verdict.rule: verdict for verdict in explained.verdicts}


@BY_NAME
def test_with_what_we_assume_rules_fire_and_stay_silent_as_they_must(case: dict[str, Any]) -> None:
    assert set(case) <= KEYS
    said = by_rule(heard(case, assumed=True))
    assert [rule for rule in case.get("fires", []) if said[rule].truth is not True] == []
    # a rule that is for another region is not told, and its id must still be one
    assert [rule for rule in case.get("not", []) if rule in said and said[rule].truth is not False] == []
    assert set(case.get("not", [])) <= {rule.id for rule in rules()}


@BY_NAME
def test_on_stated_facts_alone_a_rule_that_lacks_something_asks_for_it(case: dict[str, Any]) -> None:
    said = by_rule(heard(case, assumed=False))
    given = set(case["stated"])
    for rule in case.get("fires", []):
        verdict = said[rule]
        assert verdict.truth is not False, rule
        if verdict.truth is None:
            assert verdict.ask, rule
            assert not set(verdict.ask) & given, rule
    for rule in case.get("not", []):
        assert rule not in said or said[rule].truth is not True, rule
    for rule, asked in case.get("open", {}).items():
        assert said[rule].truth is None, rule
        assert set(asked) <= set(said[rule].ask), rule


@BY_NAME
def test_what_is_assumed_is_needed_some_rule_is_open_without_it(case: dict[str, Any]) -> None:
    """An assumption that changes nothing would only hide what the report said."""
    if "assumed" not in case:
        return
    whole = {**case["stated"], **case["assumed"]}
    firing = [*case.get("fires", []), *case.get("not", [])]
    for fact in case["assumed"]:
        less = spoken({name: value for name, value in whole.items() if name != fact})
        assert any(rule in less and less[rule].truth is None and fact in less[rule].ask for rule in firing), (
            fact
        )


@BY_NAME
def test_a_rule_that_fires_only_by_an_assumption_is_open_on_what_is_stated(case: dict[str, Any]) -> None:
    """Such a rule asks for what was assumed, and for nothing more once that is given."""
    stated, both = by_rule(heard(case, assumed=False)), by_rule(heard(case, assumed=True))
    by_assumption = {rule for rule in case.get("fires", []) if stated[rule].truth is None}
    assert bool(by_assumption) <= ("assumed" in case)
    for rule in by_assumption:
        assert set(stated[rule].ask) & set(case["assumed"]), rule
        assert both[rule].ask == (), rule


def test_every_published_report_stands_in_the_file() -> None:
    reports = {
        case["case"].split(",")[0].split(" (")[0]
        for case in CASES
        if re.match(r"[A-Z].* \d{4}\b", case["case"])
    }
    assert len(reports - {"Deschamps 2012b"}) == PUBLISHED


@BY_NAME
def test_the_level_settles_the_items_of_sins_that_it_can(case: dict[str, Any]) -> None:
    scores = {s.id: s for s in heard(case, assumed=True).scores}
    for item, points in case.get("sins", {}).items():
        assert scores["sins"].items[item] == (points, points)
    if "total" in case:
        assert list(scores["sins"].total) == case["total"]


def test_the_sins_vector_of_the_reference_is_14_of_18_and_unstable() -> None:
    items = {"location": "T12", "pain": "mechanical", "lesion": "lytic", "alignment": "normal",
             "collapse": "over_50", "posterolateral": "bilateral"}  # fmt: skip
    result = score("sins", items)
    assert (result.total, result.maximum, result.band) == ((14, 14), 18, ("unstable",))


def test_the_demo_persona_is_told_what_a_board_would_and_asked_for_what_is_missing() -> None:
    """The persona of the spine demo: nothing stops it, and stability is asked before anything is cemented."""
    facts = {
        "region": "spine", "vertebra": "T12", "matrix": "lytic", "pain_nrs": 7, "pain_type": "mech",
        "bilsky": "0", "fx": "impending", "analgesia_failed": True, "primary": "breast", "solitary": False,
        "suspected_primary_bone_tumour": False, "ecog": 1, "rs": "moderate", "le_weeks": 60,
        "infection": False,
        "cement_allergy": False, "pacemaker": False, "pregnant": False, "new_neuro_deficit": False,
        "rt_failed": False, "rt_contraindicated": False, "inr": 1.1, "plt": 210, "intent": "palliative",
        "collapse_pct": 0, "body_involved_pct": 24, "age": 63,
    }  # fmt: skip
    explained = explain_facts(Facts(facts))
    truth = {verdict.rule: verdict.truth for verdict in explained.verdicts}
    assert blocking(explained.verdicts) == ()
    assert {"L1b", "L6", "K3"} <= {rule for rule, true in truth.items() if true}
    assert truth["SP1"] is None
    assert truth["SP3"] is None
    assert {"alignment", "posterolateral"} <= {question.fact for question in explained.questions}
    tiers = {one.technique: one for one in explained.recommendations}
    assert (tiers["vertebroplasty"].tier, tiers["vertebroplasty"].open) == (5, ("sins",))
    stable = {one.technique: one for one in explain_facts(Facts({**facts, "sins": 9})).recommendations}
    assert stable["vertebroplasty"].tier == 1
