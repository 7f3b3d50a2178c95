"""The pathway's rules: every example holds, and every part of every condition is pinned by some example."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.expression import (
    AllOf,
    Among,
    AnyOf,
    Compare,
    Expression,
    Has,
    Is,
    Not,
    Operator,
    names,
    parse,
)
from osteoplan.knowledge.rules import Rule, RuleExample, rules
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import Verdict
from osteoplan.pathway.expression import deciders, evaluate, samples, told_apart, tried_deciders
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.rules import blocking, verdicts
from osteoplan.pathway.rules import excluding as true_exclusions
from osteoplan.pathway.scores import applicable_scores
from osteoplan.pathway.vocabulary import Value

RULES = rules()
EXAMPLES = [(rule, example) for rule in RULES for example in rule.row.examples]
TRUTH = {True: True, False: False, "unknown": None}


def excluding(said, technique, uses=()):
    """Ids of the rules that take a technique out."""
    used = {technique, *uses}
    shut = (verdict for verdict in blocking(said) if not used & set(verdict.remains))
    return tuple(verdict.rule for verdict in (*shut, *true_exclusions(said, used)))


def spoken(**facts: object) -> dict[str, Verdict]:
    return {verdict.rule: verdict for verdict in verdicts(Facts(facts))}


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[rule.id for rule, _ in EXAMPLES])
def test_every_example_of_every_rule_comes_out_as_written(rule: Rule, example: RuleExample) -> None:
    facts = Facts(example.given)
    assert evaluate(rule.when, facts) is TRUTH[example.fires]
    verdict = {v.rule: v for v in verdicts(Facts(example.given))}.get(rule.id)
    if verdict is None:  # the rule is for another region: then it must be false
        assert example.fires is False
    else:
        assert verdict.truth is TRUTH[example.fires]
        assert verdict.ask == example.ask


def mutants(tree: Expression) -> Iterator[Expression]:
    """Each way of getting one part of a condition slightly wrong."""
    match tree:
        case Is() | Has():
            yield Not(tree)
        case Not(part):
            yield part
            yield from (Not(m) for m in mutants(part))
        case Compare(name, op, literal):
            others: tuple[Operator, ...] = ("==", "!=", "<", "<=", ">=", ">")
            others = others[:2] if isinstance(literal, str) else others
            yield from (Compare(name, other, literal) for other in others if other != op)
        case Has():
            yield Not(tree)
        case Among(name, literals):
            yield from (Among(name, literals[:i] + literals[i + 1 :]) for i in range(len(literals)))
        case AllOf(parts) | AnyOf(parts):
            same, other = (AllOf, AnyOf) if isinstance(tree, AllOf) else (AnyOf, AllOf)
            yield other(parts)
            yield from (same(parts[:i] + parts[i + 1 :]) for i in range(len(parts)))
            yield from (
                same((*parts[:i], m, *parts[i + 1 :])) for i, part in enumerate(parts) for m in mutants(part)
            )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_examples_of_a_rule_catch_every_small_mistake_in_its_condition(rule: Rule) -> None:
    cases = [(Facts(e.given), TRUTH[e.fires]) for e in rule.row.examples]
    for mutant in mutants(rule.when):
        if all(evaluate(mutant, facts) is truth for facts, truth in cases):
            assert says_the_same(mutant, rule.when), mutant


def says_the_same(one: Expression, two: Expression) -> bool:
    """Whether two conditions agree on every patient: 'ecog == 4' and 'ecog >= 4' do, there is no 5."""
    both = AllOf((one, two))
    facts = names(both)
    every = itertools.product(*(told_apart(both, name, None) for name in facts))
    return all(
        evaluate(one, f) is evaluate(two, f) for f in (dict(zip(facts, v, strict=True)) for v in every)
    )


def test_a_missing_score_never_reads_as_stable() -> None:
    """The trap: without SINS nothing may say 'observe'; the rules on it stay open and ask."""
    for facts in (
        {"region": "spine"},
        {"region": "spine", "sins": None},
        {"region": "spine", "pain_type": "nonmech"},
    ):
        said = spoken(**facts)
        for rule in ("SP1", "SP2", "SP5"):
            assert said[rule].truth is None
            assert "sins" in said[rule].ask
    assert spoken(region="femur_shaft")["T4"].truth is None


@pytest.mark.parametrize("value", ["9", float("nan"), True, 9.5, [9]])
def test_a_score_that_is_not_a_number_is_refused_before_any_rule_speaks(value: object) -> None:
    with pytest.raises(BadInput):
        verdicts(Facts({"region": "spine", "sins": value}))


def test_an_unknown_fact_is_refused_with_its_neighbour() -> None:
    with pytest.raises(UnknownName, match=r"unknown fact 'regoin' in facts; did you mean 'region'\?"):
        verdicts(Facts({"regoin": "spine"}))


def test_rules_of_another_region_are_left_out_and_all_others_are_told() -> None:
    here, sacrum = spoken(region="spine"), spoken(region="sacrum")
    assert {"SP1", "SP9"} <= set(here)
    assert "SP10" not in here
    assert "SP10" in sacrum
    assert "SP1" not in sacrum
    assert {"S1", "S10", "L1", "T6"} <= set(here) & set(sacrum)
    assert {"SP1", "SP10", "C3"} <= set(spoken())


def test_false_rules_of_this_region_are_told_too_with_what_they_read() -> None:
    said = spoken(region="spine", sins=14)
    assert said["SP2"].truth is False
    assert said["SP2"].trace == {"region": "spine", "sins": 14, "benign": None}
    assert said["SP2"].ask == ()


def test_rules_speak_in_order_of_precedence_safety_first() -> None:
    blocks = [verdict.block for verdict in verdicts(Facts({}))]
    assert blocks[0] == "safety"
    assert blocks == sorted(blocks, key=list(dict.fromkeys(blocks)).index)


def test_a_total_that_covers_a_range_enters_the_rules_as_that_range() -> None:
    said = spoken(region="spine", benign=False, sins=[9, 15])
    assert said["SP1"].truth is None
    assert said["SP2"].truth is None
    assert said["SP1"].trace["sins"] == (9, 15)
    high = spoken(region="spine", benign=False, sins=[13, 15])
    assert high["SP1"].truth is True
    assert high["SP5"].truth is False
    assert spoken(region="spine", benign=False, sins=(7, 12))["SP2"].truth is True


def test_scores_and_rules_meet_in_one_mapping() -> None:
    facts = {"region": "spine", "vertebra": "T12", "matrix": "lytic", "pain_type": "mech", "benign": False,
             "alignment": "normal", "collapse_pct": 0, "body_involved_pct": 30}  # fmt: skip
    sins = {score.id: score for score in applicable_scores(Facts(facts))}["sins"]
    assert sins.total == (8, 11)
    assert spoken(**facts, sins=sins.total)["SP2"].truth is True


def test_a_primary_that_is_named_is_a_known_primary() -> None:
    assert spoken(primary="breast")["S1"].trace["primary_known"] is True
    assert spoken(primary="unknown")["S1"].trace["primary_known"] is False
    assert spoken(primary="unknown", solitary=True, benign=False)["S1"].truth is True
    assert spoken()["S1"].trace["primary_known"] is None


@pytest.mark.parametrize(("primary", "known"), [("breast", False), ("unknown", True)])
def test_a_primary_that_contradicts_whether_it_is_known_is_refused(primary: str, known: bool) -> None:
    said = f"primary_known: {str(known).lower()} contradicts primary: {primary}; one of them is wrong"
    with pytest.raises(BadInput, match=said):
        verdicts(Facts({"primary": primary, "primary_known": known, "solitary": True}))


def test_an_allergy_excludes_whatever_uses_cement_and_nothing_else() -> None:
    said = verdicts(Facts({"cement_allergy": True, "le_weeks": 20}))
    assert excluding(said, "vertebroplasty", ("pmma",)) == ("S6",)
    assert excluding(said, "screws", ("fixation",)) == ()
    assert excluding(said, "radiotherapy", ("ebrt",)) == ()


def test_an_unknown_or_false_exclusion_excludes_nothing() -> None:
    assert excluding(verdicts(Facts({})), "vertebroplasty", ("pmma",)) == ()
    assert excluding(verdicts(Facts({"cement_allergy": False})), "vertebroplasty", ("pmma",)) == ()


def test_a_rule_can_exclude_a_technique_by_its_id() -> None:
    said = tuple(
        replace(v, techniques=("vertebroplasty",)) if v.rule == "S6" else v
        for v in verdicts(Facts({"cement_allergy": True}))
    )
    assert excluding(said, "vertebroplasty") == ("S6",)
    assert excluding(said, "kyphoplasty", ("pmma",)) == ()


def test_only_true_stop_and_route_rules_block() -> None:
    assert [v.rule for v in blocking(verdicts(Facts({"infection": True})))] == ["S3"]
    assert [v.rule for v in blocking(verdicts(Facts({"region": "spine", "new_neuro_deficit": True})))] == [
        "S2"
    ]
    assert [v.rule for v in blocking(verdicts(Facts({"region": "tibia", "new_neuro_deficit": True})))] == []
    unstable = Facts({"region": "spine", "sins": 14, "benign": False})
    assert [v.rule for v in blocking(verdicts(unstable))] == ["SP1"]
    assert blocking(verdicts(Facts({"cement_allergy": True, "inr": 5}))) == ()
    assert blocking(verdicts(Facts({}))) == ()


def test_a_short_life_expectancy_excludes_fixation_and_surgery_and_leaves_ablation_and_cement() -> None:
    said = verdicts(Facts({"le_weeks": 3, "benign": False}))
    assert excluding(said, "screws", ("fixation",)) == ("S9",)
    assert excluding(said, "vertebroplasty", ("pmma",)) == ()
    assert excluding(said, "ablation", ("thermal",)) == ()
    assert excluding(said, "osteosynthesis", ("surgery",)) == ("E2",)
    assert {v.rule: v.effect for v in said if v.truth}["E1"] == "prefer"


def test_every_verdict_carries_its_sources_and_review_status() -> None:
    for verdict in verdicts(Facts({})):
        assert verdict.status in ("verified", "unverified", "design_default")
        assert verdict.text
    assert spoken()["S10"].status == "design_default"
    assert spoken()["S1"].cite == ("BOAST2022",)


def test_a_new_rule_is_one_entry_and_is_parsed_when_it_is_loaded() -> None:
    for rule in RULES:
        assert parse(rule.row.when) == rule.when


EVERY_FACT = {
    name: samples(AnyOf(tuple(rule.when for rule in RULES if name in names(rule.when))), name, None, row)
    for name, row in vocabulary().items()
    if row.kind != "several" and any(name in names(rule.when) for rule in RULES)
}
DRUGS = st.frozensets(st.sampled_from(list(vocabulary()["antithrombotics"].levels)), max_size=3)


@st.composite
def patients(draw: st.DrawFn) -> dict[str, object]:
    """Some facts of one patient, any of the values that rules tell apart; never two that contradict."""
    chosen = draw(st.lists(st.sampled_from(sorted(EVERY_FACT)), unique=True, max_size=25))
    facts: dict[str, object] = {name: draw(st.sampled_from(EVERY_FACT[name])) for name in chosen}
    for name, row in vocabulary().items():  # what follows from other facts could only contradict them
        if row.follows_from and any(other in facts for other in names(parse(row.follows_from))):
            facts.pop(name, None)
    if draw(st.booleans()):
        facts["antithrombotics"] = draw(DRUGS)
    return facts


def vaguer(name: str, value: object) -> st.SearchStrategy[object]:
    """The same value, or a range that has it inside."""
    if vocabulary()[name].range is None:
        return st.just(value)
    numbers = [number for number in EVERY_FACT[name] if isinstance(number, int | float)]
    assert isinstance(value, int | float)
    low = st.sampled_from([number for number in numbers if number <= value])
    high = st.sampled_from([number for number in numbers if number >= value])
    return st.just(value) | st.tuples(low, high).map(list)


def truths(facts: dict[str, object]) -> dict[str, bool | None]:
    return {verdict.rule: verdict.truth for verdict in verdicts(Facts(facts))}


@settings(max_examples=150, deadline=None)
@given(whole=patients(), data=st.data())
def test_adding_facts_never_turns_a_known_verdict_round(
    whole: dict[str, object], data: st.DataObject
) -> None:
    part = {name: data.draw(vaguer(name, value)) for name, value in whole.items() if data.draw(st.booleans())}
    before, after = truths(part), truths(whole)
    for rule, truth in before.items():
        # a rule of another region is told no longer: that is a false one
        assert truth is None or after.get(rule, False) is truth, rule


@settings(max_examples=60, deadline=None)
@given(facts=patients(), data=st.data())
def test_the_order_of_facts_changes_nothing(facts: dict[str, object], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(facts.items()))))
    assert verdicts(Facts(shuffled)) == verdicts(Facts(facts))


@settings(max_examples=60, deadline=None)
@given(facts=patients())
def test_what_an_undetermined_rule_asks_for_is_what_trying_every_value_finds(
    facts: dict[str, object],
) -> None:
    known = Facts(facts)
    for rule in RULES:
        if evaluate(rule.when, known) is None:
            assert deciders(rule.when, known) == tried_deciders(rule.when, known), rule.id


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_quick_way_to_what_could_settle_a_rule_agrees_with_trying(
    rule: Rule, data: st.DataObject
) -> None:
    """On the rule's own facts, each known, unknown or (a number) known to lie between two others."""
    facts: dict[str, Value] = {}
    for name in names(rule.when):
        row = vocabulary()[name]
        found = samples(rule.when, name, None, row)
        ranges = itertools.combinations(found, 2) if row.range else ()
        facts[name] = data.draw(st.sampled_from([None, *found, *ranges]), label=name)
    assert deciders(rule.when, facts) == tried_deciders(rule.when, facts)


BELOW_15 = {"H22a", "H22b"}  # a creatinine clearance that the guideline does not cover
HELD_BY_KIDNEY = {"fondaparinux", "apixaban", "dabigatran", "rivaroxaban"}


def said_of_drugs(**facts: object) -> list[Verdict]:
    return [v for v in verdicts(Facts(facts)) if v.block == "holds" and "antithrombotics" in v.trace]


@pytest.mark.parametrize("crcl", [15, 25, 29.5, 30, 49.9, 50, 120])
@pytest.mark.parametrize("drug", vocabulary()["antithrombotics"].levels)
def test_each_drug_has_one_line_whatever_the_kidneys_and_cilostazol_has_none(drug: str, crcl: float) -> None:
    said = said_of_drugs(antithrombotics=[drug], crcl_ml_min=crcl, inr=1.0)
    assert [v.truth for v in said if v.truth is not False] == ([] if drug == "cilostazol" else [True])


@pytest.mark.parametrize("drug", vocabulary()["antithrombotics"].levels)
def test_without_the_creatinine_clearance_only_the_lines_that_hang_on_it_stay_open(drug: str) -> None:
    held = [v for v in said_of_drugs(antithrombotics=[drug], inr=1.0) if v.rule not in BELOW_15]
    if drug in HELD_BY_KIDNEY:
        assert {v.ask for v in held if v.truth is None} == {("crcl_ml_min",)}
        assert not any(v.truth for v in held)
    else:
        assert all(v.truth is not None for v in held)


@pytest.mark.parametrize("drug", sorted(HELD_BY_KIDNEY))
def test_below_the_clearance_that_the_guideline_covers_a_decision_stands_in_place_of_a_hold(
    drug: str,
) -> None:
    said = [v for v in said_of_drugs(antithrombotics=[drug], crcl_ml_min=14.9, inr=1.0) if v.truth]
    assert [(v.rule, v.effect) for v in said] == [("H22a", "require")]


def test_no_drugs_settles_every_drug_line_and_only_three_of_them_reach_low_risk_work() -> None:
    assert {v.truth for v in said_of_drugs(antithrombotics=[])} == {False}
    assert {v.ask for v in said_of_drugs(crcl_ml_min=90, inr=1.0) if v.truth is None} == {
        ("antithrombotics",)
    }
    low = [v.rule for v in said_of_drugs() if "bleeding_low" in v.techniques]
    assert low == ["H19", "H20", "H21"]
