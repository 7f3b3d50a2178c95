"""Tiers: what supports, what shuts, what is presumed, what a card waits for.  Rules of our own making."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.ruleset import RuleSet, rule_set
from osteoplan.knowledge.expression import parse
from osteoplan.knowledge.rules import Rule, RuleRow
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Recommendation
from osteoplan.pathway.assess import Assessor
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.presume import stood_in
from osteoplan.pathway.settle import settled

KNOWN = {"region": "spine", "age": 60, "ecog": 1}


def rule(id: str, when: str, effect: str, *about: str, **more: object) -> Rule:
    row = {
        "id": id, "when": when, "effect": effect, "then": f"text of {id}", "about": about, "tag": "D",
        "date": "2026-11-30", "examples": [], **more,
    }  # fmt: skip
    return Rule("spine", RuleRow.model_validate(row), parse(when))


def assessor(*rules: Rule, centre: Centre | None = None) -> Assessor:
    return Assessor(RuleSet("0", "0", None, rules), centre)


def told(*rules: Rule, centre: Centre | None = None, **facts: object) -> dict[str, Recommendation]:
    found = assessor(*rules, centre=centre).recommendations(Facts({**KNOWN, **facts}))
    return {one.technique: one for one in found}


def test_prefer_is_first_choice_consider_is_reasonable_and_the_rest_has_no_tier() -> None:
    found = told(rule("A1", "age >= 18", "prefer", "rfa"), rule("A2", "age >= 18", "consider", "mwa"))
    assert (found["rfa"].tier, found["mwa"].tier, found["laser"].tier) == (1, 2, None)
    assert (found["rfa"].prefer, found["mwa"].consider) == (("A1",), ("A2",))


@pytest.mark.parametrize("effect", ["caution", "info", "require"])
def test_nothing_but_prefer_and_consider_supports(effect: str) -> None:
    found = told(rule("A1", "age >= 18", effect, "rfa"))
    assert found["rfa"].tier is None
    assert getattr(found["rfa"], effect) == ("A1",)


def test_a_caution_moves_no_tier_and_rules_are_not_counted() -> None:
    one, three = (
        rule("A1", "age >= 18", "prefer", "mwa"),
        [rule(f"B{n}", "age >= 18", "prefer", "rfa") for n in (1, 2, 3)],
    )
    found = told(one, *three, rule("C1", "age >= 18", "caution", "rfa"))
    assert found["rfa"].tier == found["mwa"].tier == 1
    assert found["rfa"].caution == ("C1",)


def test_exclusion_beats_support_whatever_the_order_and_both_are_listed() -> None:
    for rules in (
        [rule("A1", "age >= 18", "prefer", "rfa"), rule("B1", "age >= 18", "exclude", "thermal")],
        [rule("B1", "age >= 18", "exclude", "thermal"), rule("A1", "age >= 18", "prefer", "rfa")],
    ):
        found = told(*rules)
        assert (found["rfa"].tier, found["rfa"].status) == (4, "excluded_by_rule")
        assert (found["rfa"].prefer, found["rfa"].exclude) == (("A1",), ("B1",))
        assert found["rfa"].because == ("B1: text of B1",)


def test_a_stop_shuts_all_that_it_does_not_leave_other_treatments_too_and_names_the_first_step() -> None:
    stop = rule("S1", "infection", "stop", first="treat it", remains=["nerve_block", "best_supportive_care"])
    found = told(stop, rule("A1", "age >= 18", "prefer", "ebrt", "nerve_block"), infection=True)
    assert (found["radiotherapy"].tier, found["radiotherapy"].status) == (4, "excluded_by_rule")
    assert (found["radiotherapy"].exclude, found["radiotherapy"].first) == (("S1",), "treat it")
    assert (found["nerve_block"].tier, found["nerve_block"].first) == (1, "")


def test_what_several_stops_leave_is_what_all_of_them_leave_but_a_route_can_insist() -> None:
    """An abscess that paralyses is still decompressed: *only if*, with the other stop's text."""
    infected = rule("S3", "infection", "stop", first="treat it", remains=["nerve_block"])
    cord = rule(
        "S2", "new_neuro_deficit", "route", first="MRI", remains=["ebrt", "nerve_block"], despite=["ebrt"]
    )
    child = rule("B1", "age < 18", "exclude", "ebrt")
    facts = {"infection": True, "new_neuro_deficit": True}
    found = told(infected, cord, child, **facts)
    assert found["radiotherapy"].tier == 3
    assert found["radiotherapy"].because == ("S3: text of S3",)
    assert found["rfa"].tier == 4
    assert told(infected, cord, child, **{**facts, "new_neuro_deficit": False})["radiotherapy"].tier == 4
    assert told(infected, cord, child, **{**facts, "age": 12})["radiotherapy"].tier == 4


def test_a_condition_caps_only_where_the_rule_says_so_and_is_printed_either_way() -> None:
    support, when = rule("A1", "age >= 18", "prefer", "rfa"), "age >= 18"
    printed = told(support, rule("SP2", when, "require", "rfa"))["rfa"]
    capped = told(support, rule("D1", when, "require", "rfa", caps=True))["rfa"]
    assert (printed.tier, printed.because) == (1, ("SP2: text of SP2",))
    assert (capped.tier, capped.because) == (3, ("D1: text of D1",))


def test_within_only_if_what_is_preferred_stands_first() -> None:
    rules = [rule("A1", "age >= 18", "consider", "cryoablation"), rule("A2", "age >= 18", "prefer", "rfa"),
             rule("D1", "age >= 18", "require", "thermal", caps=True)]  # fmt: skip
    order = [one.technique for one in assessor(*rules).recommendations(Facts(KNOWN)) if one.tier == 3]
    assert order == ["rfa", "cryoablation"]


def test_an_open_exclusion_leaves_a_supported_technique_unknown_and_names_the_fewest_facts() -> None:
    found = told(
        rule("A1", "age >= 18", "prefer", "rfa"),
        rule("B1", "displaced or (cortical_erosion and size_mm >= 30)", "exclude", "rfa"),
        fx="pathological", region="tibia",
    )["rfa"]  # fmt: skip
    assert (found.tier, found.open) == (5, ("displaced", "cortical_erosion"))


def test_an_open_check_list_fact_never_moves_a_tier() -> None:
    found = told(
        rule("A1", "age >= 18", "prefer", "rfa"), rule("S4", "inr > 1.8 or plt < 50", "exclude", "rfa")
    )
    assert found["rfa"].tier == 1
    lacking = told(
        rule("A1", "age >= 18", "prefer", "rfa"), rule("S4", "inr > 1.8 or plt < 50", "exclude", "rfa"), inr=3
    )
    assert lacking["rfa"].tier == 4


def test_one_plain_fact_short_is_reasonable_if_but_a_diagnosis_is_waited_for() -> None:
    plain = told(rule("A1", "age >= 18 and matrix == 'lytic'", "prefer", "rfa"))["rfa"]
    assert (plain.tier, plain.open, plain.because) == (
        2,
        ("matrix",),
        ("reasonable if matrix of the lesion: lytic, bone-destroying",),
    )
    cord = told(rule("A1", "age >= 18 and bilsky == '0'", "prefer", "rfa"))["rfa"]
    assert (cord.tier, cord.open) == (5, ("bilsky",))
    two = told(rule("A1", "size_mm >= 3 and matrix == 'lytic'", "prefer", "rfa"))["rfa"]
    assert (two.tier, two.open) == (5, ("size_mm", "matrix"))
    held = told(
        rule("A1", "age >= 18 and matrix == 'lytic'", "prefer", "rfa"),
        rule("B1", "displaced", "exclude", "rfa"),
        fx="pathological",
        region="tibia",
    )["rfa"]
    assert (held.tier, set(held.open)) == (5, {"matrix", "displaced"})


def test_what_is_presumed_supports_and_stands_on_the_row_until_it_is_typed() -> None:
    fit = rule("A1", "fit_for_surgery", "prefer", "rfa")
    assert (told(fit)["rfa"].tier, told(fit)["rfa"].presumed) == (1, ("fit_for_surgery",))
    assert (told(fit, fit_for_surgery=True)["rfa"].tier, told(fit, fit_for_surgery=True)["rfa"].presumed) == (
        1,
        (),
    )
    assert told(fit, fit_for_surgery=False)["rfa"].tier is None
    assert told(fit, ecog=3)["rfa"].tier == 2, "not presumed of the frail: reasonable if"


def test_support_reaches_a_combination_by_its_id_alone_and_exclusion_by_what_it_uses() -> None:
    parts = [id for id, card in technique_cards().items() if card.family == "combination"]
    for id in parts:
        card = technique_cards()[id]
        use = card.uses[0]
        found = told(rule("A1", "age >= 18", "prefer", use), region="acetabulum")
        assert found[id].tier is None
        assert told(rule("B1", "age >= 18", "exclude", use), region="acetabulum")[id].tier == 4


def test_supportive_care_stands_beside_the_list_unless_nothing_else_stands() -> None:
    assert told(rule("A1", "age >= 18", "prefer", "rfa"))["best_supportive_care"].tier is None
    assert told()["best_supportive_care"].tier == 2
    assert (
        told(rule("A1", "matrix == 'lytic' and size_mm > 3", "prefer", "rfa"))["best_supportive_care"].tier
        is None
    )
    assert told(rule("E1", "age >= 18", "prefer", "best_supportive_care"))["best_supportive_care"].tier == 1


def test_the_set_is_closed_by_the_region() -> None:
    assert "vertebroplasty" in told()
    assert "vertebroplasty" not in told(region="femur_shaft")
    assert set(told(region="femur_shaft")) >= {"best_supportive_care", "radiotherapy", "sbrt"}


def test_what_the_centre_lacks_is_referred_with_its_tier_and_what_it_did_not_state_is_left_alone() -> None:
    support = rule("A1", "age >= 18", "prefer", "rfa", "mwa")
    assert told(support, centre=Centre())["rfa"].status == "ranked"
    found = told(support, centre=Centre(resources={"rfa": False}))
    assert (found["rfa"].status, found["rfa"].tier) == ("refer_elsewhere", 1)
    assert "radiofrequency" in found["rfa"].because[0]
    assert found["mwa"].status == "ranked"


def test_equals_stand_in_the_order_of_the_alphabet() -> None:
    tiers = [(one.tier, one.title) for one in assessor().recommendations(Facts(KNOWN)) if one.tier is None]
    assert tiers == sorted(tiers, key=lambda pair: pair[1])


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(["region", "pain_type", "fx", "cement_allergy", "le_weeks", "matrix"]))
def test_the_order_of_facts_is_irrelevant(order: list[str]) -> None:
    facts = {"region": "spine", "pain_type": "mech", "fx": "impending", "cement_allergy": False,
             "le_weeks": 3, "matrix": "blastic"}  # fmt: skip
    real = Assessor(rule_set())
    assert real.recommendations(Facts({name: facts[name] for name in order})) == real.recommendations(
        Facts(facts)
    )


def test_a_gate_that_is_certainly_shut_is_not_here_and_an_open_one_shuts_nothing() -> None:
    late = told(rule("A1", "age >= 18", "prefer", "sbrt"), le_weeks=3)["sbrt"]
    assert (late.tier, late.because) == (4, ("needs a life expectancy of 4 weeks or more",))
    assert told(rule("A1", "age >= 18", "prefer", "sbrt"), le_weeks=[3, 9])["sbrt"].tier == 1
    unfit = told(rule("A1", "age >= 18", "prefer", "surgery"), region="prox_femur", fit_for_surgery=False)
    assert unfit["arthroplasty"].tier == 4
    assert "fit for open surgery" in unfit["arthroplasty"].because[0]


def test_what_may_be_excluded_is_decompressed_all_the_same_but_not_irradiated() -> None:
    kept = ["ebrt", "spinal_surgery"]
    found = told(
        rule("S3", "infection", "stop", first="treat it", remains=["nerve_block"]),
        rule("S2", "new_neuro_deficit", "route", first="MRI", remains=kept, despite=kept),
        rule("B1", "cortical_erosion", "exclude", *kept), infection=True, new_neuro_deficit=True,
    )  # fmt: skip
    assert (found["radiotherapy"].tier, found["spinal_surgery"].tier) == (4, 3)


@pytest.mark.parametrize(("when", "fact"), [("mirels >= 8", "mirels"), ("sbrt_gy_fx >= 24", "sbrt_gy_fx")])
def test_a_score_of_strength_or_a_dose_that_nobody_chose_is_waited_for(when: str, fact: str) -> None:
    found = told(rule("A1", f"age >= 18 and {when}", "prefer", "rfa"))["rfa"]
    assert (found.tier, found.open) == (5, (fact,))


def test_nothing_waits_for_the_check_list_alone() -> None:
    assert told(rule("I1", "infection", "prefer", "biopsy"))["biopsy"].tier is None
    assert told(rule("I1", "infection", "prefer", "biopsy"), infection=True)["biopsy"].tier == 1


def test_parts_that_want_one_fact_two_ways_are_settled_by_nothing() -> None:
    assert settled(parse("fx == 'none' and fx == 'pathological'"), True, {}) is None
    found = settled(parse("pain_nrs >= 4 and (rt_failed or fx == 'none')"), True, {"fx": "none"})
    assert found is not None
    assert {name: one.words for name, one in found.items()} == {"pain_nrs": "worst pain: 4 or more"}


@pytest.mark.parametrize(("stated", "said"), [
    ({"pain_type": "none", "pain_nrs": 8}, "pain_nrs: 8"),
    ({"solitary": True, "n_mets": 5}, "n_mets: 5"),
    ({"fx": "none", "displaced": True}, "displaced: true"),
    ({"rt_failed": True, "prior_rt": False}, "prior_rt: false"),
])  # fmt: skip
def test_a_typed_fact_that_cannot_be_is_refused(stated, said):
    with pytest.raises(BadInput, match=f"{said} contradicts what follows for certain"):
        stood_in(Facts(stated), "rules")


def test_a_range_that_holds_what_follows_is_no_contradiction():
    known, _ = stood_in(Facts({"solitary": True, "n_mets": [1, 5]}), "rules")
    assert known["n_mets"] == (1, 5)
