"""Patients whom a good board would treat in one way only: the list says the same, tier by tier."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from osteoplan.model.evidence import Recommendation
from osteoplan.model.result import Explanation
from osteoplan.pathway.facts import Facts
from osteoplan.workflow.explain import explain_facts

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "patients.yaml").read_text("utf-8"))
BY_NAME = {case["name"]: case for case in CASES}
KEYS = {"name", "base", "facts", "says", "tiers", "below", "stops", "routes", "kept", "asks", "waits",
        "conditions", "told"}  # fmt: skip


def facts_of(case: dict[str, Any]) -> dict[str, object]:
    base = BY_NAME[case["base"]]["facts"] if "base" in case else {}
    return {**base, **case["facts"]}


@cache
def explained_of(name: str) -> Explanation:
    return explain_facts(Facts(facts_of(BY_NAME[name])))


def heard(case: dict[str, Any]) -> tuple[Explanation, dict[str, Recommendation]]:
    explained = explained_of(case["name"])
    return explained, {one.technique: one for one in explained.recommendations}


@pytest.mark.parametrize("case", CASES, ids=list(BY_NAME))
def test_the_list_says_what_a_good_board_would(case: dict[str, Any]) -> None:
    assert set(case) <= KEYS
    explained, found = heard(case)
    assert {card: found[card].tier for card in case["tiers"]} == case["tiers"]
    for card, tier in case.get("below", {}).items():
        assert card not in found or found[card].tier is None or found[card].tier > tier, card
    first = {v.rule: v for v in explained.verdicts if v.truth and v.effect in ("stop", "route")}
    assert {*case.get("stops", []), *case.get("routes", [])} <= set(first)
    assert all(first[rule].first and first[rule].remains for rule in first)
    assert all(found[card].tier != 4 for card in case.get("kept", []))
    assert set(case.get("asks", [])) <= {question.fact for question in explained.questions}
    for card, facts in case.get("waits", {}).items():
        assert list(found[card].open) == facts
    for card, rule in case.get("conditions", {}).items():
        assert rule in found[card].require
        assert any(line.startswith(f"{rule}: ") for line in found[card].because)
    for card, rule in case.get("told", {}).items():
        assert rule in (*found[card].caution, *found[card].info)


@pytest.mark.parametrize("case", CASES, ids=list(BY_NAME))
def test_what_is_listed_has_support_and_says_what_it_leans_on(case: dict[str, Any]) -> None:
    explained, found = heard(case)
    presumed = {one.fact for one in explained.presumed if one.kind == "presumed"}
    for one in found.values():
        if one.tier in (1, 2) and one.technique != "best_supportive_care":
            assert one.prefer or one.consider or one.open
        assert set(one.presumed) <= presumed
        assert one.tier != 4 or one.exclude or one.because
        assert (one.tier == 5) <= bool(one.open)
    assert len(explained.questions) <= 7


def test_no_first_choice_is_counted_a_fit_patient_without_facts_is_told_nothing() -> None:
    explained = explain_facts(Facts({"region": "spine"}))
    assert all(one.tier not in (1, 3) for one in explained.recommendations)
    assert explained.questions
