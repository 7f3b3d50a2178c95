"""The comparison set: closed, ranked by rules, nothing hidden, nothing decided on what is unknown."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteoplan.knowledge.rules import rules
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Recommendation, Verdict
from osteoplan.pathway.assess import conflicts, line_of_therapy, recommendations
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.rules import verdicts

COMPARATORS = {"best_supportive_care", "radiotherapy", "sbrt", "open_surgery"}


def recommendation(centre: Centre | None = None, **facts: object) -> dict[str, Recommendation]:
    known = Facts(facts)
    return {one.technique: one for one in recommendations(verdicts(known), known, centre)}


def verdict(rule: str, effect: str, about: str, truth: bool | None = True, block: str = "spine") -> Verdict:
    return Verdict(rule, block, truth, effect, f"text of {rule}", (), (), "unverified", {}, (about,))  # type: ignore[arg-type]


def judged(*said: Verdict) -> dict[str, Recommendation]:
    return {one.technique: one for one in recommendations(said, Facts({"region": "spine"}))}


def test_without_any_fact_every_technique_stands_and_none_is_preferred() -> None:
    """No catch-all: of a patient of whom nothing is known, nothing is recommended."""
    found = recommendation()
    assert set(found) == set(technique_cards())
    assert {one.rank for one in found.values()} == {1}, "nothing tells one from another"
    assert all(not (one.prefer or one.consider or one.exclude) for one in found.values())
    assert found["vertebroplasty"].open


def test_the_set_is_closed_by_the_region_and_comparators_always_stand() -> None:
    spine, femur = recommendation(region="spine"), recommendation(region="femur_shaft")
    assert "vertebroplasty" in spine
    assert "vertebroplasty" not in femur
    assert set(spine) & set(femur) >= COMPARATORS
    assert {femur[id].status for id in COMPARATORS} == {"comparator"}


@pytest.mark.parametrize("facts", [{"infection": True}, {"region": "spine", "sins": 14}, {"pregnant": True}])
def test_a_stop_or_route_empties_the_ranking_and_names_its_rule(facts: dict[str, object]) -> None:
    found = recommendation(**facts)
    assert {one.rank for one in found.values()} == {None}
    plans = [one for one in found.values() if one.kind == "plan"]
    assert plans
    assert {one.status for one in plans} == {"excluded_by_rule"}
    assert all(one.reasons for one in plans)
    assert all(one.status == "comparator" for one in found.values() if one.kind == "comparator")


def test_an_excluded_technique_stays_with_its_rule_and_without_a_rank() -> None:
    found = recommendation(cement_allergy=True, region="spine")
    one = found["vertebroplasty"]
    assert (one.status, one.rank, one.exclude) == ("excluded_by_rule", None, ("S6",))
    assert one.reasons[0].startswith("S6: ")
    assert found["rfa"].rank is not None


@pytest.mark.parametrize("rule", [r for r in rules() if r.row.effect == "exclude"], ids=lambda r: r.id)
def test_each_exclude_removes_its_techniques_from_the_set_and_no_other(rule: object) -> None:
    about = set(rule.row.about)  # type: ignore[attr-defined]
    said = Verdict(rule.id, rule.block, True, "exclude", "text", (), (), "unverified", {}, rule.row.about)  # type: ignore[attr-defined]
    found = {one.technique: one for one in recommendations([said], Facts({}))}
    removed = {id for id, one in found.items() if rule.id in one.exclude}  # type: ignore[attr-defined]
    assert removed == {id for id, card in technique_cards().items() if {id, *card.uses} & about}
    assert removed
    assert all(found[id].rank is None for id in removed)
    kept = {one.technique: one for one in recommendations([replace(said, truth=None)], Facts({}))}
    assert all(not one.exclude and one.rank == 1 for one in kept.values())


def test_preferred_stands_before_considered_before_unsaid_and_equals_share_a_place() -> None:
    found = judged(verdict("A1", "prefer", "rfa"), verdict("A2", "consider", "mwa"))
    assert (found["rfa"].rank, found["mwa"].rank, found["laser"].rank) == (1, 2, 3)
    assert found["laser"].rank == found["cryoablation"].rank


def test_an_earlier_block_outranks_a_later_one() -> None:
    found = judged(
        verdict("A1", "prefer", "rfa", block="spine"), verdict("B1", "prefer", "mwa", block="technique_fit")
    )
    assert (found["rfa"].rank, found["mwa"].rank) == (1, 2)


def test_what_a_later_block_prefers_outranks_what_an_earlier_one_only_considers() -> None:
    found = judged(
        verdict("A1", "consider", "rfa", block="spine"), verdict("B1", "prefer", "mwa", block="technique_fit")
    )
    assert (found["mwa"].rank, found["rfa"].rank) == (1, 2)


def test_two_rules_that_prefer_outweigh_one_warning() -> None:
    found = judged(
        verdict("A1", "prefer", "rfa"), verdict("A2", "prefer", "rfa"), verdict("A3", "warn", "rfa"),
        verdict("A1", "prefer", "mwa"),
    )  # fmt: skip
    assert (found["rfa"].rank, found["mwa"].rank) == (1, 2)


def test_among_equals_the_one_with_fewer_warnings_comes_first() -> None:
    found = judged(
        verdict("A1", "prefer", "rfa"), verdict("A1", "prefer", "mwa"), verdict("A2", "warn", "rfa")
    )
    assert found["mwa"].rank == 1
    assert found["rfa"].rank == 2


def test_rules_that_point_opposite_ways_stand_side_by_side() -> None:
    said = [verdict("A1", "prefer", "rfa"), verdict("A2", "warn", "rfa"), verdict("A3", "exclude", "mwa")]
    (found,) = conflicts(recommendations(said, Facts({"region": "spine"})))
    assert (found.technique, found.supports, found.against) == ("rfa", ("A1",), ("A2",))


def test_an_undetermined_rule_neither_supports_nor_excludes_and_is_counted() -> None:
    found = judged(verdict("A1", "exclude", "rfa", truth=None), verdict("A2", "prefer", "rfa", truth=None))
    assert (found["rfa"].open, found["rfa"].exclude, found["rfa"].prefer) == (("A1", "A2"), (), ())


def test_what_the_centre_lacks_is_referred_not_hidden_and_what_it_did_not_state_is_left_alone() -> None:
    nothing = recommendation(Centre(), region="spine")
    assert nothing["rfa"].status == "ranked"
    found = recommendation(Centre(resources={"rfa": False, "sbrt": False}), region="spine")
    assert (found["rfa"].status, found["rfa"].rank) == ("refer_elsewhere", None)
    assert "radiofrequency" in found["rfa"].reasons[0]
    assert found["sbrt"].status == "comparator"
    assert any("stereotactic" in reason for reason in found["sbrt"].reasons)
    assert found["mwa"].status == "ranked"


def test_the_lines_of_therapy_are_told_apart_and_stay_open_without_facts() -> None:
    def lines(**facts: object) -> dict[str, bool | None]:
        return {line: truth for line, (truth, _) in line_of_therapy(verdicts(Facts(facts))).items()}

    assert lines() == {"first": None, "second": None, "third": None}
    fresh = lines(pain_type="nonmech", fx="none", rt_failed=False, rt_contraindicated=False, pain_nrs=6)
    assert fresh == {"first": True, "second": False, "third": False}
    failed = lines(pain_type="nonmech", fx="none", rt_failed=True, reirradiation_possible=False, pain_nrs=6)
    assert failed == {"first": False, "second": True, "third": True}


@settings(max_examples=40)
@given(order=st.permutations(["region", "pain_type", "fx", "cement_allergy", "le_weeks", "matrix"]))
def test_the_order_of_facts_is_irrelevant(order: list[str]) -> None:
    facts = {"region": "spine", "pain_type": "mech", "fx": "impending", "cement_allergy": False,
             "le_weeks": 3, "matrix": "blastic"}  # fmt: skip
    assert recommendation(**{name: facts[name] for name in order}) == recommendation(**facts)
