"""What is asked: only what moves a tier, the most telling first, and never what cannot matter here."""

from osteoplan.knowledge.centre.ruleset import RuleSet
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.evidence import Question
from osteoplan.pathway.assess import Assessor
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.questions import MOST, questions
from osteoplan.pathway.scores import applicable_scores
from tests.unit.test_assess import rule

ADULT = "age >= 18"


def asked(*rules: Rule, **facts: object) -> tuple[list[str], list[str]]:
    first, checklist = ask(*rules, **facts)
    return [one.fact for one in first], [one.fact for one in checklist]


def ask(*rules: Rule, **facts: object) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    known = Facts({"region": "spine", "age": 60, **facts})
    scores = applicable_scores(known)
    totals = {one.id: one.total for one in scores if one.kind == "sum" and one.id == "sins"}
    return questions(Assessor(RuleSet("0", "0", None, rules)), known.filled(totals), scores)


def test_a_fact_that_moves_more_is_asked_first_and_one_that_moves_nothing_is_not_asked() -> None:
    first, _ = ask(
        rule("A1", ADULT, "prefer", "rfa"), rule("A2", ADULT, "consider", "mwa"),
        rule("B1", "matrix == 'blastic'", "exclude", "thermal"),
        rule("B2", "size_mm >= 30", "exclude", "mwa"),
        rule("C1", "nerve_mm < 10", "caution", "rfa"),
    )  # fmt: skip
    assert [one.fact for one in first] == ["matrix", "size_mm"]
    assert {"rfa", "mwa"} <= set(first[0].techniques)
    assert first[1].techniques == ("mwa",)
    assert first[0].asked_by == ("B1",)
    assert first[0].text == "Is the lesion lytic, mixed or blastic?"


def test_what_can_fire_a_stop_or_route_comes_before_the_rest() -> None:
    first, _ = asked(
        rule("A1", ADULT, "prefer", "rfa", "mwa", "laser", "cryoablation"),
        rule("B1", "matrix == 'blastic'", "exclude", "thermal"),
        rule("S2", "new_neuro_deficit", "route", remains=["thermal"], first="MRI"),
    )
    assert first[0] == "new_neuro_deficit"


def test_a_total_is_asked_by_the_items_that_it_misses() -> None:
    first, _ = asked(
        rule("A1", ADULT, "prefer", "rfa"), rule("SP1", "sins >= 13", "exclude", "rfa"),
        vertebra="T12", matrix="lytic", collapse_pct=20,
    )  # fmt: skip
    assert first == ["pain_type", "alignment", "posterolateral"]


def test_the_check_list_stands_apart_and_only_for_what_is_in_play() -> None:
    gate = rule("S4", "inr > 1.8", "exclude", "rfa")
    assert asked(rule("A1", ADULT, "prefer", "rfa"), gate) == ([], ["inr"])
    assert asked(rule("A1", ADULT, "prefer", "mwa"), gate) == ([], [])
    assert asked(rule("A1", ADULT, "prefer", "rfa"), gate, inr=1.0) == ([], [])


def test_what_is_presumed_is_not_asked() -> None:
    assert asked(rule("A1", "fit_for_surgery", "prefer", "rfa"))[0] == []


def test_seven_at_most() -> None:
    names = ("matrix == 'lytic'", "size_mm >= 30", "nerve_mm >= 10", "cortical_erosion", "hypervascular",
             "displaced", "planned_open_surgery", "baseline_vcf", "deformity")  # fmt: skip
    rules = [rule(f"A{n}", f"{when} and skin_mm >= 0", "prefer", "rfa") for n, when in enumerate(names)]
    first, _ = asked(*rules, skin_mm=20)
    assert len(first) == MOST == 7


def test_an_answer_that_a_typed_fact_rules_out_is_not_tried() -> None:
    """A primary that is not known would contradict what was typed."""
    kidney = rule("X1", "primary == 'kidney' or primary == 'unknown'", "prefer", "vertebroplasty")
    found, _ = asked(kidney, primary_known=True)
    assert "primary" in found


def test_what_follows_from_one_fact_is_asked_by_that_one() -> None:
    """The kind of lesion settles whether it is benign, and whether it could be a primary bone tumour."""
    benign = rule("X1", "benign", "exclude", "vertebroplasty")
    primary = rule("X2", "suspected_primary_bone_tumour", "exclude", "kyphoplasty")
    held = rule("X3", ADULT, "prefer", "vertebroplasty", "kyphoplasty")
    found, _ = ask(benign, primary, held)
    assert [(one.fact, one.asked_by) for one in found] == [("lesion_kind", ("X1", "X2"))]
    assert set(found[0].techniques) >= {"vertebroplasty", "kyphoplasty"}
    assert asked(benign, held, benign=False)[0] == []


def test_what_fires_a_route_is_asked_though_no_tier_moves() -> None:
    """The first step changes, if nothing else does."""
    route = rule("S2", "new_neuro_deficit", "route", first="MRI", remains=list(technique_cards()))
    first, _ = ask(rule("A1", ADULT, "prefer", "rfa"), route)
    assert [(one.fact, one.techniques) for one in first] == [("new_neuro_deficit", ())]
