"""The data: loaded strictly, cited throughout, and faults told in sentences before they reach a patient."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.devices import device, devices
from osteoplan.knowledge.evidence import evidence, published_outcomes
from osteoplan.knowledge.lint.lint import lint
from osteoplan.knowledge.load import data_root, document, version
from osteoplan.knowledge.refs import citation, citations
from osteoplan.knowledge.scores import ScoreTable
from osteoplan.knowledge.structures import kind_of, scheme
from osteoplan.knowledge.techniques import limits, technique_card, technique_cards
from osteoplan.knowledge.values import values
from osteoplan.model.plan import Option, Plan
from osteoplan.units import ucum


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the data that a test may spoil."""
    root = tmp_path / "data"
    shutil.copytree(str(data_root()), root)
    return root


def spoil(root: Path, name: str, old: str, new: str) -> tuple[str, ...]:
    """Faults found after one change in one file."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return lint(root)


def test_the_data_of_the_package_are_sound() -> None:
    assert lint() == ()


def test_an_untouched_copy_is_sound_too(copy: Path) -> None:
    assert lint(copy) == ()


PATHWAY, SINS, MIRELS = "pathways/safety.yaml", "scores/sins.yaml", "scores/mirels.yaml"
SPINE, FIT = "pathways/spine.yaml", "pathways/practice.yaml"
CEMENT, CARD, WORDS = "devices/vertebroplasty.yaml", "techniques/vertebroplasty.yaml", "vocabulary/core.yaml"


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (PATHWAY, "cite: [BOAST2022]", "cite: [BOAST2032]", "the citation 'BOAST2032' is in no file of refs"),
        (PATHWAY, 'when: "infection"', 'when: "infectoin"', "vocabulary; did you mean 'infection'?"),
        (PATHWAY, 'when: "infection"', 'when: "infection and"', "is not an expression"),
        (PATHWAY, 'when: "infection"', 'when: "print(infection)"', "outside the grammar"),
        (SPINE, "sins >= 13", "sins >= 19", "the threshold 19 of 'sins' cannot be crossed in 0 to 18"),
        (PATHWAY, "bilsky in ('2', '3')", "bilsky in ('2', '4')", "'bilsky' is never '4'"),
        (PATHWAY, "about: [pmma]", "about: [cement]", "'about' names 'cement'"),
        (PATHWAY, "about: [pmma]", "about: []", "rule S6: excludes nothing"),
        (PATHWAY, "{infection: true}, fires: yes", "{}, fires: unknown", "rule S3: no example that fires"),
        (PATHWAY, "{infection: false}, fires: no", "{}, fires: unknown", "rule S3: no example that does not"),
        (PATHWAY, "{le_weeks: 4, benign: false}", "{le_weeks: 5, benign: false}", "has le_weeks at 4"),
        (FIT, "{age: 71}, fires: yes", "{age: 70}, fires: yes", "no example shows age > 70 True"),
        (PATHWAY, "id: S3", "id: S2", "the rule 'S2' stands twice"),
        (PATHWAY, "remains: [biopsy, ", "remains: [biopsie, ", "'remains' names 'biopsie', neither"),
        (PATHWAY, "first: tumour board with obst", "first: ''  # ", "S8: a stop or route says 'first'"),
        (SINS, "points: 4", "points: 5", "the points add up to 0..19"),
        (SINS, "low: 7, high: 12", "low: 8, high: 12", "leave a gap"),
        (SINS, "when: \"matrix == 'mixed'\"", "when: \"\"", "lesion.mixed can be reached by no fact"),
        (SINS, "when: \"matrix == 'mixed'\"", "when: \"matrix == 'mixt'\"", "'matrix' is never 'mixt'"),
        (SINS, "also: [translation]", "also: [normal]", "the way to type alignment 'normal' stands twice"),
        (SINS, "total: [6, 6]", "total: [5, 5]", "no example has a total of 6"),
        (MIRELS, "    tag: F~", "    tag: F~\n    cite_2: x", "extra inputs are not permitted"),
        (MIRELS, "cite: [Jawad2010]", "cite: []", "no 'cite', and no 'note' that says why"),
        (CEMENT, "3.40, unit: mm", "3.40, unit: inch", "the unit 'inch' is not one of osteoplan.units"),
        (CEMENT, "value: 3.40, unit: mm, ", "value: 3.40, ", "unit: field required"),
        (CEMENT, "status: design_default, ", "", "status: field required"),
        (CEMENT, "status: verified", "status: sure", "input should be 'verified'"),
        (CEMENT, "cite: [CementHardening2011]", "cite: []", "verified, but by nobody"),
        (CARD, "uses: [pmma, ", "uses: [glue, ", "uses 'glue', which is not in the vocabulary's uses"),
        (CARD, "rule: S3", "rule: S99", "leans on the rule S99: no such rule"),
        (WORDS, "primary != 'unknown'", "primary != 'none'", "'primary' is never 'none'"),
        (WORDS, "range: [0.5, 20], ", "", "a number needs 'range: [lowest, highest]'"),
        (WORDS, "unit: a, ", "unit: years, ", "the unit 'years' is not one of osteoplan.units"),
        (WORDS, 'ask: "What is the INR?"', 'ask: "the INR"', "inr.ask: string should match"),
        (WORDS, "    inr: {", "    age: {", "the key 'age' stands twice"),
        ("conversions/scores.yaml", 'when: "ecog == 0"', 'when: "ecog == 9"', "cannot be crossed"),
        ("conversions/scores.yaml", "gives: {ecog: 0}", "gives: {ecogg: 0}", "gives 'ecogg'"),
        ("outlook/spine_medians.yaml", "primary == 'breast'", "primary == 'brest'", "is never 'brest'"),
        ("refs/clinical.yaml", "NG234: {", "CG75: {", "the key 'CG75' stands twice"),
        ("scores/bauer.yaml", "tag: F~", "tag: F", "none of its sources was itself read"),
    ],
)  # fmt: skip
def test_lint_tells_each_fault(copy: Path, name: str, old: str, new: str, said: str) -> None:
    found = spoil(copy, name, old, new)
    assert any(said in fault for fault in found), found


def test_a_citation_key_in_two_files_is_told(copy: Path) -> None:
    (copy / "refs" / "more.yaml").write_text('NG234: {text: "the same key again"}\n')
    assert any("the key 'NG234' is already in another file" in fault for fault in lint(copy))


def test_a_fact_in_any_folder_must_have_unit_status_and_date(copy: Path) -> None:
    (copy / "cement" / "more.yaml").write_text("speed: {value: 3, note: a guess}\n")
    told = [fault for fault in lint(copy) if fault.startswith("cement/more.yaml")]
    assert [fault.split(": ", 2)[2] for fault in told] == [
        "no 'status'",
        "no 'date'",
        "the unit '' is not one of osteoplan.units",
    ]


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"knowledge/data/scores/none.yaml: no such file; .* install it again"):
        document("scores/none.yaml", ScoreTable, tmp_path)


def test_the_version_is_a_digest_of_every_data_file() -> None:
    assert re.fullmatch(r"\d{4}\.\d{2}(\.\d+)?\+[0-9a-f]{64}", version())
    assert version() == version()


def test_every_citation_can_be_found_by_its_sentence_and_an_unknown_key_names_its_neighbour() -> None:
    for key, source in citations().items():
        assert " " not in key, "outcomes tell keys from sentences by the blank"
        assert source.key == key
        assert source.text
    assert citation("Sahgal2013").doi == "10.1200/JCO.2013.50.1411"
    with pytest.raises(UnknownName, match=r"unknown citation key 'Sahgal2031'.*did you mean 'Sahgal20"):
        citation("Sahgal2031")


@pytest.mark.parametrize(("gauge", "inch"), [("10g", 0.134), ("11g", 0.120), ("13g", 0.095)])
def test_outer_diameters_are_the_nominal_inches_in_millimetres(gauge: str, inch: float) -> None:
    needle = device(f"cannula_{gauge}")
    assert needle.kind == "needle"
    assert needle.values["outer_diameter_mm"].number == pytest.approx(25.4 * inch, abs=0.005)
    assert needle.values["outer_diameter_mm"].status == "design_default"


def test_devices_carry_units_and_dates_and_an_unknown_one_names_its_neighbour() -> None:
    for one in devices().values():
        for known in one.values.values():
            assert ucum(known.unit)
            assert known.date
    with pytest.raises(UnknownName, match="did you mean 'cannula_1"):
        device("canula_11g")
    assert devices()["pmma"].values["working_window_min"].value is None


def test_vertebroplasty_has_its_limits_and_they_are_our_own_defaults() -> None:
    known = limits("vertebroplasty")
    assert known["tip_beside_mm"].value == 8.0
    assert not set(known) & set(values("needle")), "limits of needles stand in one place"
    assert (known["fill_share_target_pct"].low, known["fill_share_target_pct"].high) == (15, 30)
    assert known["tip_beside_mm"].status == "design_default"
    assert known["cement_device"].value in devices()
    card = technique_card("vertebroplasty")
    assert "pmma" in card.uses
    assert {reason.rule for reason in card.contraindications if reason.kind == "absolute"} >= {
        "S3",
        "S4",
        "S6",
    }
    assert "Tsoumakidou2017" in {key for statement in card.statements for key in statement.cite}


def test_every_comparator_has_a_card_and_an_evidence_file() -> None:
    comparators = {id for id, card in technique_cards().items() if card.kind == "comparator"}
    assert comparators == {
        "best_supportive_care", "radiotherapy", "sbrt", "biopsy", "observation", "systemic_therapy",
        "bone_modifying_agents", "denosumab", "curettage", "resection", "arthroplasty", "osteosynthesis",
        "spinal_surgery", "sclerotherapy",
    }  # fmt: skip
    assert set(technique_cards()) == set(evidence())


def test_published_outcomes_of_the_site_come_before_those_of_any_site() -> None:
    found = published_outcomes("radiotherapy", "spine")
    pain = [e for e in found if e.id == "pain_response_probability"]
    assert [(e.value, e.status) for e in pain] == [
        (36.0, "unverified"),
        (60.5, "unverified"),
        (67.0, "unverified"),
    ]
    assert "PMC6817531" in pain[2].because
    assert all(e.basis == "published" and e.draws is None for e in found)
    assert [e.value for e in published_outcomes("radiotherapy", "rib") if e.id == pain[0].id] == [67.0]


def test_a_published_outcome_has_an_interval_only_where_one_was_printed() -> None:
    printed = {
        (file.technique, row.id): (row.low, row.high)
        for file in evidence().values()
        for row in file.outcomes
        if row.low is not None
    }
    assert printed == {
        ("ablation_with_stabilisation", "major_complication_probability"): (2.0, 6.0),
        ("kyphoplasty", "disability_change_points"): (-10.2, -6.4),
        ("osteosynthesis", "implant_failure_probability"): (0.0, 14.0),
    }


def test_none_of_a_few_has_its_exact_interval_in_the_json_too() -> None:
    none = next(e for e in published_outcomes("cementoplasty", "acetabulum") if e.value == 0.0)
    assert (none.low, round(none.high or 0.0, 1), none.level) == (0.0, 13.7, 0.95)


def test_a_number_of_another_population_is_told_and_never_compared() -> None:
    found = published_outcomes("vertebroplasty", "spine")
    time = next(e for e in found if e.id == "procedure_time_min")
    assert time.study is not None
    assert time.study.population.startswith("osteoporotic fractures")
    option = Option(Plan("a", "vertebroplasty", "a", "lesion", ()), "plan", "ranked", outcomes=found)
    assert option.outcome("procedure_time_min") is None
    assert option.outcome("leak_probability_any") is not None


def test_a_number_of_a_trial_with_two_arms_is_never_told_alone() -> None:
    rows = [row for file in evidence().values() for row in file.outcomes]
    arms = {"RTOG0631", "Sahgal2021", "SBRTpool", "Tian2022", "Cox2025", "Hurwitz2014", "HumerusNailPlate"}
    told = [row for row in rows if arms & set(row.cite)]
    assert {key for row in told for key in row.cite} == arms
    assert all(row.against for row in told)


def test_what_was_published_on_the_combination_stands_under_no_part() -> None:
    combined = {key for row in evidence()["ablation_with_stabilisation"].outcomes for key in row.cite}
    assert combined >= {"JOSR2023", "Hartung2016", "AORIF", "Levy2020", "Wang2023", "PTA2023", "Khan2018"}
    for part in ("rfa", "mwa", "cryoablation", "cemented_screws", "cementoplasty", "percutaneous_screws"):
        assert not combined & {key for row in evidence()[part].outcomes for key in row.cite}, part


def test_every_source_of_a_published_outcome_resolves() -> None:
    for file in evidence().values():
        for estimate in published_outcomes(file.technique, "spine"):
            keys = [word for word in estimate.because if " " not in word]
            assert keys
            assert all(citation(key) for key in keys)
            assert ucum(estimate.unit)


def test_where_nothing_was_found_there_is_no_number_and_the_file_says_so() -> None:
    for technique in ("resection", "best_supportive_care"):
        assert published_outcomes(technique, "spine") == ()
        assert evidence()[technique].nothing_found
    assert published_outcomes("no_such_technique", "spine") == ()


def test_published_numbers_of_vertebroplasty_are_those_of_the_papers() -> None:
    found = {e.id: (e.value, e.unit, e.target) for e in published_outcomes("vertebroplasty", "spine")}
    assert found == {
        "leak_probability_canal": (15.9, "%", "canal"),
        "leak_probability_any": (56.6, "%", "body"),
        "death_probability": (0.5, "%", "any"),
        "major_complication_probability": (2.0, "%", "any"),
        "procedure_time_min": (31.8, "min", "procedure"),
    }
    assert published_outcomes("vertebroplasty", "rib") == ()


def test_the_label_scheme_names_every_structure_once() -> None:
    names = scheme("totalsegmentator")
    assert len(names) == 117
    assert sorted(names.values()) == list(range(1, 118))
    assert (names["spleen"], names["vertebrae_T12"], names["spinal_cord"], names["rib_right_1"]) == (
        1,
        32,
        79,
        104,
    )
    assert kind_of("aorta") == "vessel"
    assert kind_of("lung_lower_lobe_left") == "pleura"
    assert kind_of("autochthon_left") is None
    with pytest.raises(UnknownName, match="did you mean 'totalsegmentator'"):
        scheme("totalsegmenter")


@pytest.mark.data
def test_the_label_scheme_agrees_with_the_table_of_the_public_scan(data: Path) -> None:
    lines = (data / "chest_spine" / "structures.csv").read_text().splitlines()[1:]
    table = {row.split(",")[2]: int(row.split(",")[3]) for row in lines}
    ours = scheme("totalsegmentator")
    assert {n: v for n, v in table.items() if v <= 116} == {n: v for n, v in ours.items() if v <= 116}


def test_yaml_files_are_plain_enough_for_any_reader() -> None:
    """No tags, anchors or merges: what a clinician reads is what is meant."""
    root = Path(str(data_root()))
    for path in root.rglob("*.yaml"):
        for token in yaml.scan(path.read_text(encoding="utf-8")):
            assert not isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken), path
