"""When a fact is asked: conditions and uses of the vocabulary; and the values that a rule tells apart."""

from __future__ import annotations

import pytest

from osteoplan.knowledge.expression import parse
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.pathway.expression import evaluate, told_apart
from osteoplan.pathway.facts import Facts

FACTS = vocabulary()


@pytest.mark.parametrize(
    ("fact", "of", "not_of"),
    [
        ("sins", {"region": "spine"}, {"region": "sacrum"}),
        ("bilsky", {"region": "sacrum"}, {"region": "rib"}),
        ("mirels", {"region": "tibia", "fx": "none"}, {"region": "tibia", "fx": "pathological"}),
        ("axial_mm", {"region": "prox_femur", "fx": "impending"}, {"region": "rib", "fx": "impending"}),
        ("harrington", {"region": "acetabulum"}, {"region": "pelvic_ring"}),
        ("can_lie_prone", {"region": "pelvic_ring"}, {"region": "tibia"}),
        ("tumour_type", {"benign": True}, {"benign": False}),
        ("hormone_naive", {"primary": "prostate"}, {"primary": "breast"}),
        ("pregnant", {"age": 55, "primary": "breast"}, {"age": 56, "primary": "breast"}),
        ("pregnant", {"age": 40, "primary": "breast"}, {"age": 40, "primary": "prostate"}),
        ("femoral_neck_fracture", {"region": "prox_femur", "fx": "pathological"}, {"fx": "none"}),
        ("fibrinogen_mg_dl", {"cirrhosis": True}, {"cirrhosis": False}),
        ("crcl_ml_min", {"antithrombotics": ["apixaban"]}, {"antithrombotics": ["warfarin"]}),
    ],
)  # fmt: skip
def test_a_fact_is_asked_only_of_whom_it_makes_sense(
    fact: str, of: dict[str, object], not_of: dict[str, object]
) -> None:
    when = parse(FACTS[fact].ask_when)
    assert evaluate(when, Facts(of)) is True
    assert evaluate(when, Facts(not_of)) is False
    assert evaluate(when, Facts({})) is None, "whom nothing is known of is asked"


def test_what_is_about_one_technique_is_asked_where_that_is_in_play_and_the_check_list_is_apart() -> None:
    assert FACTS["skin_mm"].ask_for == ("mrgfus",)
    assert FACTS["sbrt_gy_fx"].ask_for == ("sbrt",)
    assert FACTS["dental_check_done"].ask_for == ("bone_modifying_agents", "denosumab")
    assert {name for name, row in FACTS.items() if row.checklist} == {
        "cement_allergy", "pregnant", "pacemaker", "infection", "infection_suspected", "inr", "plt",
        "antithrombotics", "crcl_ml_min", "cirrhosis", "fibrinogen_mg_dl", "bleomycin_contraindicated",
    }  # fmt: skip


def test_levels_that_a_rule_does_not_tell_apart_are_tried_once() -> None:
    when = parse("region in ('tibia', 'rib') or (region == 'spine' and sins >= 13)")
    assert len(told_apart(when, "region", None)) == 3
    assert {value >= 13 for value in told_apart(when, "sins", None)} == {True, False}
    assert len(told_apart(when, "sins", None)) == 2
    assert {value >= 13 for value in told_apart(when, "sins", (13.0, 18.0))} == {True}
