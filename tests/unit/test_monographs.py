"""Monographs: complete, cited, read for one patient; and every exclusion finds the techniques it is about."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from osteoplan.errors import UnknownName
from osteoplan.knowledge.evidence import evidence, published_outcomes
from osteoplan.knowledge.lint.lint import lint
from osteoplan.knowledge.load import data_root, status_of
from osteoplan.knowledge.refs import citation
from osteoplan.knowledge.rules import Rule, rules
from osteoplan.knowledge.techniques import technique_card, technique_cards
from osteoplan.knowledge.vocabulary import resources, uses, vocabulary
from osteoplan.model.technique import SECTIONS, Complication, Statement, TechniqueCard
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.monographs import applies, for_patient
from osteoplan.pathway.rules import excluding, verdicts
from osteoplan.units import ucum

CARDS = technique_cards()
CARD_LIST = list(CARDS.values())
REGIONS = list(vocabulary()["region"].levels)
NAMES = {
    "cementoplasty", "reinforced_cement", "vertebroplasty", "kyphoplasty", "vertebral_implant",
    "stent_screw_fixation", "sacroplasty", "percutaneous_screws", "cemented_screws",
    "augmented_pedicle_screws", "rfa", "mwa", "cryoablation", "laser", "mrgfus", "electrochemotherapy",
    "ethanol", "embolisation", "nerve_block", "radiotherapy", "sbrt", "best_supportive_care", "biopsy",
    "observation", "systemic_therapy", "bone_modifying_agents", "denosumab", "curettage", "resection",
    "arthroplasty", "osteosynthesis", "spinal_surgery", "sclerotherapy", "ablation_with_stabilisation",
}  # fmt: skip

each_card = pytest.mark.parametrize("card", CARD_LIST, ids=list(CARDS))


def texts(rows: tuple[Statement, ...]) -> str:
    return " | ".join(row.text for row in rows)


def patient(card: str, **facts: object) -> TechniqueCard:
    return for_patient(technique_card(card), Facts(facts))


# ---- completeness


def test_every_technique_of_the_field_has_a_monograph_and_an_evidence_file() -> None:
    assert set(CARDS) == NAMES
    assert set(evidence()) == NAMES
    with pytest.raises(UnknownName, match="did you mean 'kyphoplasty'"):
        technique_card("kyphoplasti")


@each_card
def test_every_section_has_rows_or_says_that_nothing_was_found(card: TechniqueCard) -> None:
    for section in SECTIONS:
        assert bool(card.section(section)) != (section in card.nothing_found), section


@each_card
def test_every_statement_has_a_source_or_says_why_not_and_its_tag_settles_its_status(
    card: TechniqueCard,
) -> None:
    assert card.statements
    for row in card.statements:
        assert row.cite or row.note
        assert row.status == status_of(row.tag)
        assert row.applies is (None if row.when else True)
        assert row.date in ("2026-11-24", "2026-11-30")
        if row.status == "verified":
            assert row.cite
    assert all(citation(key) for row in card.statements for key in row.cite)


@each_card
def test_rates_have_units_and_lie_between_their_ends(card: TechniqueCard) -> None:
    for row in card.complications:
        assert isinstance(row, Complication)
        if row.value is not None:
            assert ucum(row.unit)
            assert row.low is None or row.low <= row.value
            assert row.high is None or row.value <= row.high


@each_card
def test_what_a_technique_uses_and_needs_is_in_the_vocabulary(card: TechniqueCard) -> None:
    known = {id for rows in resources().values() for id in rows}
    assert set(card.uses) <= set(uses())
    assert all(group and set(group) <= known for group in card.needs)


@pytest.mark.parametrize(
    ("use", "carried_by"),
    [
        ("pmma", {"vertebroplasty", "kyphoplasty", "cementoplasty", "cemented_screws", "sacroplasty"}),
        ("cement_alone", {"cementoplasty"}),
        ("fixation", {"percutaneous_screws", "cemented_screws", "augmented_pedicle_screws"}),
        ("surgery", {"curettage", "resection", "arthroplasty", "osteosynthesis", "spinal_surgery"}),
        ("radiation", {"radiotherapy", "sbrt"}),
        ("thermal", {"rfa", "mwa", "cryoablation", "laser", "mrgfus", "ablation_with_stabilisation"}),
        ("heat", {"rfa", "mwa", "laser", "mrgfus"}),
        ("cryo", {"cryoablation"}),
        ("rfa_monopolar", {"rfa", "electrochemotherapy"}),
    ],
)
def test_techniques_carry_the_tags_that_rules_speak_of(use: str, carried_by: set[str]) -> None:
    found = {id for id, card in CARDS.items() if use in card.uses}
    assert carried_by <= found
    if use != "pmma" and use != "fixation":
        assert found == carried_by


@pytest.mark.parametrize(
    ("need", "use"),
    [("cement", "pmma"), ("screws", "fixation"), ("balloon", "expansion"), ("vertebral_implant", "expansion"),
     ("rfa", "heat"), ("mwa", "heat"), ("laser", "heat"), ("mrgfus", "heat"), ("cryo", "cryo"),
     ("ethanol", "injection"), ("embolisation", "embolisation"), ("ebrt", "ebrt"), ("sbrt", "sbrt"),
     ("ect", "rfa_monopolar")],
)  # fmt: skip
def test_what_a_technique_cannot_do_without_it_also_uses(need: str, use: str) -> None:
    needing = {id for id, card in CARDS.items() if (need,) in card.needs}
    assert needing
    assert needing <= {id for id, card in CARDS.items() if use in card.uses}


def test_every_ablation_by_heat_or_cold_is_thermal_and_only_those() -> None:
    for card in CARD_LIST:
        if card.family != "combination":  # of either
            assert bool({"heat", "cryo"} & set(card.uses)) == ("thermal" in card.uses)


def test_cement_in_a_vertebra_and_ablation_of_bone_bleed_high_and_nothing_bleeds_both_ways() -> None:
    for id, card in CARDS.items():
        high = {"augmentation", "fixation"} & set(card.uses) or (
            "thermal" in card.uses and id != "mrgfus"  # nothing is punctured
        )
        if card.kind == "plan" and high:
            assert "bleeding_high" in card.uses, id
        assert not {"bleeding_high", "bleeding_low"} <= set(card.uses)


def test_what_is_done_to_the_lesion_is_local_and_what_holds_through_the_skin_is_no_open_surgery() -> None:
    local = {"pmma", "fixation", "thermal", "rfa_monopolar", "embolisation", "radiation", "surgery"}
    for id, card in CARDS.items():
        uses = set(card.uses)
        assert ("local" in uses) == bool(local & uses or id in ("ethanol", "sclerotherapy")), id
        assert ("hold" in uses) == bool({"pmma", "fixation"} & uses), id
        if "surgery" in uses:
            assert not {"fixation", "hold"} & uses
            assert (card.bleeding, card.anaesthesia, card.min_weeks) == ("high", "general", 4)
        assert card.needs_fitness == ("surgery" in uses)


def test_gates_say_how_a_card_bleeds_lies_and_sleeps_and_a_rule_reaches_it_by_them() -> None:
    screws, block = technique_card("augmented_pedicle_screws"), technique_card("nerve_block")
    assert {"prone", "general_anaesthesia", "bleeding_high"} <= set(screws.uses)
    assert (screws.min_weeks, technique_card("sbrt").min_weeks) == (4, 4)
    assert (technique_card("radiotherapy").min_weeks, technique_card("radiotherapy").bleeding) == (0, "none")
    assert "bleeding_low" in block.uses
    assert not {"prone", "general_anaesthesia", "bleeding_high"} & set(block.uses)
    assert technique_card("electrochemotherapy").bleeding == "high"


# ---- numbers of the sources


def test_a_few_numbers_are_those_of_the_papers() -> None:
    rates = {(row.text, row.value) for card in CARD_LIST for row in card.complications}
    assert ("nerve injured by a leak, the commonest leak with symptoms", 0.6) in rates
    assert ("fracture within a year, proximal femur at high risk", 40.6) in rates
    assert ("infection, the commonest major complication; base not stated", 3.8) in rates
    assert ("fracture, after a mean of 71 days", 1.2) in rates
    assert {(row.value, row.n) for row in technique_card("sbrt").complications} == {(14.0, 410)}


def test_the_evidence_of_stereotactic_radiotherapy_stands_apart_from_the_conventional() -> None:
    def found(id: str) -> dict[str, float]:
        return {e.id: e.value for e in reversed(published_outcomes(id, "spine"))}

    assert found("sbrt") == {
        "pain_response_probability": 45.0,
        "complete_pain_response_probability": 35.0,
        "fracture_probability": 14.0,
    }
    assert found("radiotherapy")["complete_pain_response_probability"] == 14.0
    assert found("radiotherapy")["pain_response_probability"] == 36.0


def test_a_fall_of_the_mean_pain_is_negative_in_points_and_never_a_rate() -> None:
    for file in evidence().values():
        for row in file.outcomes:
            if row.id == "pain_change_nrs":
                assert row.unit == "1"
                assert -10 <= row.value < 0
            if row.id.endswith("_probability") or row.id.endswith("_pct"):
                assert row.unit == "%"
                assert 0 <= row.value <= 100


def test_an_outcome_of_several_sites_is_given_at_each_of_them_and_nowhere_else() -> None:
    at = {
        region
        for region in REGIONS
        if any(e.value == 64.6 for e in published_outcomes("ablation_with_stabilisation", region))
    }
    assert at == set(REGIONS) - {"spine", "sacrum"}
    assert published_outcomes("laser", "tibia") == ()


# ---- for one patient


def test_a_row_that_does_not_hold_is_left_out_one_that_may_is_marked_and_asks() -> None:
    known = patient("vertebroplasty", region="spine", posterior_wall_defect=True, infection=False)
    (wall,) = [row for row in known.contraindications if "posterior wall" in row.text]
    assert (wall.applies, wall.ask) == (True, ())
    assert "active infection" not in texts(known.contraindications)
    (levels,) = [row for row in known.contraindications if "more than 3 levels" in row.text]
    assert (levels.applies, levels.ask) == (None, ("levels",))
    assert "posterior wall" not in texts(
        patient("vertebroplasty", posterior_wall_defect=False).contraindications
    )


def test_the_card_of_nobody_in_particular_keeps_every_row_and_marks_the_conditional_ones() -> None:
    for card in CARD_LIST:
        nobody = for_patient(card, {})
        assert [row.text for row in nobody.statements] == [row.text for row in card.statements]
        assert all(row.applies is (None if row.when else True) for row in nobody.statements)
        assert all(bool(row.ask) == bool(row.when) for row in nobody.statements)
        assert (nobody.id, nobody.limits, nobody.uses) == (card.id, card.limits, card.uses)


def test_rows_of_long_bones_pelvis_and_intent_reach_only_those_patients() -> None:
    assert "later fracture, long bones" in texts(patient("cementoplasty", region="prox_femur").complications)
    assert "long bones" not in texts(patient("cementoplasty", region="acetabulum").complications)
    assert "curative" in texts(patient("rfa", intent="curative").indications)
    assert "curative" not in texts(patient("rfa", intent="palliative").indications)
    assert "older than 70" in texts(patient("cryoablation", age=71).contraindications)
    assert "older than 70" not in texts(patient("cryoablation", age=70).contraindications)


@each_card
def test_more_facts_never_bring_a_row_back_nor_loosen_a_certain_one(card: TechniqueCard) -> None:
    few = for_patient(card, Facts({"region": "prox_femur"}))
    more = for_patient(
        card, Facts({"region": "prox_femur", "infection": True, "matrix": "lytic", "le_weeks": 3})
    )
    certain = {row.text for row in few.statements if row.applies}
    assert {row.text for row in more.statements} <= {row.text for row in few.statements}
    assert certain <= {row.text for row in more.statements if row.applies}


def test_every_region_has_several_options_and_a_site_that_is_not_known_rules_nothing_out() -> None:
    for region in REGIONS:
        there = {c.id for c in CARD_LIST if applies(c, Facts({"region": region}))}
        assert {"rfa", "radiotherapy", "best_supportive_care"} <= there
        assert ("vertebroplasty" in there) == (region == "spine")
        assert ("sacroplasty" in there) == (region == "sacrum")
        assert ("cementoplasty" in there) == (region not in ("spine", "sacrum"))
    assert all(applies(card, {}) is not False for card in CARD_LIST)
    assert applies(technique_card("cemented_screws"), Facts({"region": "spine"})) is None
    assert applies(technique_card("cemented_screws"), Facts({"region": "rib"})) is False


# ---- rules against techniques

EXCLUSIONS = [rule for rule in rules() if rule.row.effect == "exclude"]
PAIRS = [
    (rule, card) for rule in EXCLUSIONS for card in CARD_LIST if set(rule.row.about) & {card.id, *card.uses}
]


def test_every_exclusion_is_about_some_technique() -> None:
    assert EXCLUSIONS
    assert {rule.id for rule, _ in PAIRS} == {rule.id for rule in EXCLUSIONS}


@pytest.mark.parametrize(("rule", "card"), PAIRS, ids=[f"{r.id}-{c.id}" for r, c in PAIRS])
def test_an_exclusion_removes_what_it_is_about_when_true_and_nothing_when_false_or_unknown(
    rule: Rule, card: TechniqueCard
) -> None:
    answers = set()
    for example in rule.row.examples:
        gone = rule.id in {v.rule for v in excluding(verdicts(Facts(example.given)), (card.id, *card.uses))}
        assert gone is (example.fires is True)
        answers.add(example.fires)
    assert answers == {True, False, "unknown"}


def test_an_exclusion_leaves_a_technique_alone_that_it_is_not_about() -> None:
    concerned = {(rule.id, card.id) for rule, card in PAIRS}
    for rule in EXCLUSIONS:
        fires = next(example.given for example in rule.row.examples if example.fires is True)
        said = verdicts(Facts(fires))
        for card in CARD_LIST:
            gone = rule.id in {v.rule for v in excluding(said, (card.id, *card.uses))}
            assert gone is ((rule.id, card.id) in concerned)


# ---- lint


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("techniques/rfa.yaml", "uses: [thermal", "uses: [termal", "uses 'termal', which is not in"),
        ("techniques/rfa.yaml", "needs: [[rfa]", "needs: [[rf]", "needs 'rf', which is not in"),
        ("techniques/rfa.yaml", "needs: [[rfa]", "needs: [[]", "a group in 'needs' is empty"),
        ("techniques/rfa.yaml", "rule: T1c", "rule: T99", "leans on the rule T99: no such rule"),
        ("techniques/rfa.yaml", "nerve_mm < 10", "nerve_mn < 10", "did you mean 'nerve_mm'"),
        ("techniques/rfa.yaml", "id: rfa", "id: rfb", "the id must be the name of the file"),
        ("techniques/rfa.yaml", "unit: '%'", "unit: pct", "the unit 'pct' is not one of osteoplan.units"),
        ("techniques/rfa.yaml", "unit: '%'", "low: 1", "needs both 'value' and 'unit'"),
        ("techniques/rfa.yaml", "pearls:", "nothing_found: {pearls: none}\npearls:", "pearls: give rows"),
        ("techniques/laser.yaml", "  complications: ", "  pearls: ", "complications: give rows, or else say"),
        ("techniques/sacroplasty.yaml", "region == 'sacrum'", "region == 'sacral'", "'region' is never"),
        ("techniques/electrochemotherapy.yaml", "anaesthesia: general", "anaesthesia: none", "but 'needs'"),
        ("techniques/nerve_block.yaml", "[injection]", "[injection, bleeding_low]", "follows from a gate"),
        ("vocabulary/core.yaml", "ask_when: \"benign\"", "ask_when: \"benine\"", "did you mean 'benign'"),
        ("vocabulary/core.yaml", "ask_for: [mrgfus]", "ask_for: [hifu]", "'ask_for' names 'hifu', neither"),
        ("evidence/rfa.yaml", "site: spine", "site: back", "the site 'back' is no region"),
        ("evidence/laser.yaml", "nothing_found:", "nothing_found: ''\n#", "give outcomes, or say in"),
        ("evidence/kyphoplasty.yaml", "    low: -10.2\n", "", "an interval has both ends"),
        ("evidence/rfa.yaml", "    design: pooled\n", "", "no 'design'"),
        ("evidence/rfa.yaml", "base not stated; ", "", "a share without 'n' says 'base not stated'"),
        ("evidence/rfa.yaml", "events: 3\n", "events: 56\n", "beside 'n' and not above it"),
        ("evidence/rfa.yaml", "events: 3\n", "events: 4\n", "5 % is not 4 of 55"),
        ("evidence/rfa.yaml", "months: 3\n", "followed: 20\n", "'followed' is of 'n' at 'months'"),
        ("evidence/rfa.yaml", "kinds: [metastasis]", "kinds: [mets]", "'mets' is no level of lesion_kind"),
        ("evidence/kyphoplasty.yaml", "sd: 7.84", "low: 1.0\n    high: 99.0\n    sd: 7.84", "'sd' stands"),
        ("evidence/kyphoplasty.yaml", "population: osteoporotic fractures, not tumours\n",
         "note: a trial\n", "other patients or another procedure"),
        ("order/acts.yaml", "second: [fix]", "second: [screw]", "'screw' is no kind of act"),
        ("order/acts.yaml", "id: O2\n", "id: O1\n", "the row 'O1' stands twice"),
        ("order/acts.yaml", 'says: ["!O2", O15]', "says: [O15]", "order O2: no example says !O2"),
        ("order/acts.yaml", "{acts: [cement], says: []}", "{acts: [cement], says: [O77]}", "says O77, which"),
        ("order/acts.yaml", 'when: "hypervascular"', 'when: "vascular"', "did you mean 'hypervascular'"),
    ],
)  # fmt: skip
def test_lint_tells_each_fault_of_techniques_evidence_and_order(
    tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    root = tmp_path / "data"
    shutil.copytree(str(data_root()), root)
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = lint(root)
    assert any(said in fault for fault in found), found


def test_a_technique_without_evidence_is_told(tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(str(data_root()), root)
    (root / "evidence" / "ethanol.yaml").unlink()
    assert "evidence: no file for ethanol" in lint(root)
    (root / "techniques" / "ethanol.yaml").unlink()
    (root / "evidence" / "rfa.yaml").rename(root / "evidence" / "x.yaml")
    assert not any(fault.startswith("evidence") and "ethanol" in fault for fault in lint(root))
