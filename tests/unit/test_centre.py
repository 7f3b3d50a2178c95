"""What a centre owns: absent is unknown, a list is the whole list, what it lacks is for another centre."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from osteoplan.errors import BadInput, NotAvailable
from osteoplan.io.centre_file import CentreFile, CostFile, read_centre
from osteoplan.knowledge.centre.files import AddedRow, ChangeRow, LocalRulesFile, OffRow, ThresholdRow
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.marked import known_keys
from osteoplan.knowledge.refs import RefRow
from osteoplan.knowledge.rules import RuleExample
from osteoplan.knowledge.techniques import limits, technique_cards
from osteoplan.knowledge.vocabulary import resources
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Verdict
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Deliver, Option, Place, Plan, Segment, Step
from osteoplan.model.result import Reading
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.resources import described, lacking, refer
from osteoplan.techniques.effects import effects
from osteoplan.thermal.shaft import probe_of
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.explain import explain_facts
from osteoplan.workflow.inventory import inventory_elsewhere, inventory_for
from osteoplan.workflow.options import options
from osteoplan.workflow.read import input_digests
from tests.made_setting import ENSEMBLE
from tests.synthetic_vertebra import vertebra

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "centre"


def centre(folder: Path, text: str) -> Centre:
    (folder / "centre.yaml").write_text(text, encoding="utf-8")
    return read_centre(folder / "centre.yaml")


def case_of(owned: Centre) -> Case:
    return cast(Case, SimpleNamespace(centre=owned, procedure={}))


# --- what is stated


def test_a_centre_that_states_nothing_narrows_nothing() -> None:
    every = [name for rows in resources().values() for name in rows]
    assert {Centre().has(name) for name in every} == {None}
    for card in technique_cards().values():
        assert lacking(card.needs, Centre()) == ()
    assert dict(described(Centre()))["modalities"] == "not stated"


def test_a_list_is_the_whole_list_and_an_absent_one_says_nothing(tmp_path: Path) -> None:
    found = centre(tmp_path, "modalities: [cement]\nrt: []\n")
    assert (found.has("cement"), found.has("rfa"), found.has("ct")) == (True, False, None)
    assert (found.has("ebrt"), found.has("sbrt")) == (False, False)
    assert found.stated == {"modalities", "rt"}
    told = dict(described(found))
    assert (told["modalities"], told["rt"], told["guidance"]) == ("bone cement", "none", "not stated")


def test_limits_costs_and_signature_are_told_as_they_were_stated(tmp_path: Path) -> None:
    text = """name: Ours
limits: {canal_clearance_min_mm: 3.5, vertebroplasty: {fill_share_max_pct: 25}}
costs: {vertebroplasty: {value: 1000, unit: EUR, note: made up}}
signed_by: A. Body
"""
    told = dict(described(centre(tmp_path, text)))
    assert told["costs"] == "vertebroplasty 1000 EUR"
    assert set(told["limits"].split("; ")) >= {"vertebroplasty fill_share_max_pct 25"}
    assert "canal_clearance_min_mm 3.5" in told["limits"]
    assert (told["name"], told["signed by"]) == ("Ours", "A. Body")
    assert (told["devices"], told["date"]) == ("not stated", "not stated")
    empty = dict(described(Centre()))
    assert [empty[key] for key in ("name", "limits", "costs", "date")] == ["not stated"] * 4
    assert empty["signed by"] == "not signed"


def test_a_group_is_lacking_only_when_none_of_it_can_be_there() -> None:
    some = Centre(resources={"ct": False, "cbct": False, "rfa": False, "cement": True})
    assert lacking([["ct", "cbct"]], some) == ("CT or cone-beam CT",)
    assert lacking([["ct", "fluoroscopy"]], some) == ()
    assert lacking([["ct", "cement"]], some) == ()
    assert lacking([["rfa"], ["cement"], ["ct", "cbct"], []], some) == (
        "radiofrequency ablation",
        "CT or cone-beam CT",
    )
    assert refer([["rfa"]], some) == ("not at this centre: radiofrequency ablation; refer elsewhere",)


@pytest.mark.parametrize(
    ("lists", "left"),
    [
        ("", None),
        ("devices: [cannula_11g, pmma]", {"cannula_11g", "pmma"}),
        ("devices: [cannula_11g]\ncements: [pmma]", {"cannula_11g", "pmma"}),
        ("devices: []", set()),
        ("cements: []", {d for d in devices() if devices()[d].kind != "cement"}),
        ("cements: [pmma]", {d for d in devices() if devices()[d].kind != "cement"} | {"pmma"}),
        ("probes: []", {d for d in devices() if devices()[d].kind != "probe"}),
    ],
)
def test_a_list_of_devices_narrows_the_kinds_that_it_covers(
    tmp_path: Path, lists: str, left: set[str] | None
) -> None:
    assert centre(tmp_path, f"name: here\n{lists}\n").devices == left


def test_a_list_of_cements_settles_whether_there_is_cement(tmp_path: Path) -> None:
    assert centre(tmp_path, "cements: []\n").has("cement") is False
    assert centre(tmp_path, "cements: [pmma]\n").has("cement") is True
    assert centre(tmp_path, "devices: [pmma]\n").has("cement") is None
    assert centre(tmp_path, "screws: []\n").has("screws") is False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\nmodalitys: []\n", ":2: unknown key 'modalitys'; did you mean 'modalities'?"),
        ("name: x\nrt:\n", ":2: rt: write a list, [] for none, or leave the key out (found None)"),
        ("rt: ebrt\n", ":1: rt: write a list, [] for none, or leave the key out (found 'ebrt')"),
        ("rt: [ebrt, {}]\n", ":1: rt: input should be a valid string"),
        ("name: x\nrt:\n  - ebrt\n  - sbtr\n", ":4: rt: unknown resource 'sbtr'; did you mean 'sbrt'?"),
        ("rt: [ebrt, ebrt]\n", ":1: rt: 'ebrt' stands twice"),
        ("rt: [cement]\n", ":1: rt: unknown resource 'cement'"),
        ("cements:\n  - pmna\n", ":2: cements: unknown device 'pmna'; did you mean 'pmma'?"),
        ("cements: [cannula_11g]\n", ":1: cements: 'cannula_11g' is a needle; list it under devices"),
        (
            "modalities: [cement]\ncements: []\n",
            ":2: cements: 'cement' is in modalities, and this list is empty",
        ),
        (
            "modalities: []\ncements: [pmma]\n",
            ":2: cements: 'cement' is not in modalities, and this list is not",
        ),
        (
            "limits: {canal_clearence_min_mm: 3}\n",
            ":1: limits: unknown limit 'canal_clearence_min_mm'; did you",
        ),
        (
            "limits:\n  vertebroplasti: {a: 3}\n",
            ":2: limits: unknown technique 'vertebroplasti'; did you mean 'v",
        ),
        (
            "limits:\n  vertebroplasty:\n    fill_share_pct: 3\n",
            ":3: limits: vertebroplasty has no limit 'fill_share_pct'; did you mean 'fill_share_max_pct'?",
        ),
        (
            "limits:\n  ways:\n    skin_angle_deg: 3\n",
            ":3: limits: ways have no limit 'skin_angle_deg'; did you mean 'skin_angle_max_deg'?",
        ),
        (
            "limits:\n  hub_allowance_mm: '3'\n",
            ":2: limits: hub_allowance_mm: input should be a valid number",
        ),
        (
            "limits:\n  hub_allowance_mm: yes\n",
            ":2: limits: hub_allowance_mm: input should be a valid number",
        ),
        (
            "limits: {hub_allowance_mm: .nan}\n",
            ":1: limits: hub_allowance_mm: input should be a finite",
        ),
        (
            "limits: {cement_device: 3}\n",
            ":1: limits: 'cement_device' of cemented_screws is no number: it is 'pmma'",
        ),
        ("costs:\n  rfaa: {value: 1, unit: EUR, note: x}\n", ":2: costs: unknown technique 'rfaa'"),
        (
            "costs: {vertebroplasty: {value: 1, unit: EUR}}\n",
            ":1: costs: vertebroplasty: no 'cite', and no 'note'",
        ),
        ("costs: {vertebroplasty: {value: 1, note: x}}\n", ":1: costs: vertebroplasty: 'unit' is missing"),
        (
            "costs: {vertebroplasty: {value: 1, unit: euro, note: x}}\n",
            ":1: costs: vertebroplasty: unit: string",
        ),
        (
            "costs: {vertebroplasty: {value: -1, unit: EUR, note: x}}\n",
            ":1: costs: vertebroplasty: value: input",
        ),
        (
            "costs: {vertebroplasty: {value: 1, unit: EUR, cite: [Chew2012]}}\n",
            ":1: costs: unknown source 'Chew2012'; did you mean 'Chow2012'?",
        ),
        ("rt: []\nrt: [ebrt]\n", ":2: not valid YAML: the key 'rt' stands twice"),
        ("name: x\nrt: [ebrt\n", ": not valid YAML: "),
        ("- 1\n", ":1: expected 'key: value' lines, found list"),
        ("knowledge: rules\n", "rules: no such folder"),
    ],
)
def test_each_fault_is_one_line_with_file_line_and_reason(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInput) as refusal:
        centre(tmp_path, text)
    told = str(refusal.value)
    assert "\n" not in told
    assert words in told
    assert told.startswith(str(tmp_path))


def test_a_broken_rule_of_the_centre_stops_reading_the_centre(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "rules.yaml").write_text("id: us\ndate: 2026-11-24\noff: [{rule: T4}]\n")
    with pytest.raises(BadInput, match=r"own/rules.yaml:3: off: 'because' is missing"):
        centre(tmp_path, "knowledge: own\n")


# --- the shelf


def test_limits_come_from_the_technique_that_is_asked(tmp_path: Path) -> None:
    free = case_of(Centre())
    assert inventory_for(free, "vertebroplasty").limits == limits("vertebroplasty")
    assert inventory_for(free, "radiotherapy").limits == limits("radiotherapy")
    assert inventory_for(free, "somebody_elses_plugin").limits == {}
    assert inventory_for(free, "vertebroplasty").devices == devices()


def test_a_limit_for_one_technique_wins_over_one_for_all(tmp_path: Path) -> None:
    name = "fill_volume_highest_mL"
    text = f"date: 2026-11-24\nlimits: {{vertebroplasty: {{{name}: 4}}, {name}: 3}}\n"
    owned = centre(tmp_path, text)
    assert owned.limits["vertebroplasty"] == {name: 4.0}
    others = {id for id, card in technique_cards().items() if name in card.limits}
    assert set(owned.limits) == others > {"vertebroplasty"}
    assert all(owned.limits[id][name] == 3.0 for id in others - {"vertebroplasty"})
    shelf = inventory_for(case_of(owned), "vertebroplasty")
    assert shelf.limit(name).number == 4.0
    other = "fill_volume_lowest_mL"
    assert shelf.limit(other).number == limits("vertebroplasty")[other].value
    assert name not in inventory_for(case_of(owned), "best_supportive_care").limits


def test_a_limit_of_needles_is_for_the_ways_of_every_technique(tmp_path: Path) -> None:
    owned = centre(tmp_path, "limits: {canal_clearance_min_mm: 3, ways: {wall_depth_min_mm: 2}}\n")
    assert owned.limits == {"ways": {"canal_clearance_min_mm": 3.0, "wall_depth_min_mm": 2.0}}
    for technique in ("vertebroplasty", "cementoplasty"):
        assert inventory_for(case_of(owned), technique).way_limits == owned.limits["ways"]
    both = centre(tmp_path, "limits: {ways: {wall_depth_min_mm: 2}, wall_depth_min_mm: 3}\n")
    assert both.limits == {"ways": {"wall_depth_min_mm": 2.0}}  # the nearer word wins


def test_a_centres_number_does_not_keep_the_source_of_ours(tmp_path: Path) -> None:
    owned = centre(tmp_path, "date: 2026-12-01\nlimits: {fill_share_max_pct: 25}\n")
    assert limits("vertebroplasty")["fill_share_max_pct"].cite
    known = inventory_for(case_of(owned), "vertebroplasty").limits["fill_share_max_pct"]
    assert (known.value, known.cite, known.note) == (25.0, (), "set by this centre")
    assert (known.status, known.date, known.unit) == ("design_default", "2026-12-01", "%")


OWN_PROBE = """\
date: 2026-12-01
devices:
  our_rf_15mm:
    kind: probe
    name: radiofrequency probe of this hospital
    values:
      energy: {value: rf_bipolar, unit: "1", status: unverified, note: instructions for use}
      outer_diameter_mm: {value: 1.8, unit: mm, status: unverified, note: instructions for use}
      active_mm: {value: 6, unit: mm, status: unverified, note: instructions for use}
      gap_mm: {value: 3, unit: mm, status: unverified, note: instructions for use}
      power_W: {value: 12, unit: W, low: 1, high: 15, status: unverified, note: instructions for use}
"""


def test_a_centres_own_probe_is_planned_with_in_place_of_the_generic_ones_of_its_energy(
    tmp_path: Path,
) -> None:
    (tmp_path / "zones.yaml").write_text(OWN_PROBE, encoding="utf-8")
    case = case_of(centre(tmp_path, "applicators: zones.yaml\n"))
    shelf = inventory_for(case, "rfa").devices
    assert {id for id in shelf if "rf" in id} == {"our_rf_15mm", "generic_rf_monopolar"}
    assert "generic_microwave" in shelf
    tip, entry = (0.0, 0.0, 0.0), (0.0, 80.0, 0.0)
    deliver = Deliver("our_rf_15mm", "rf_bipolar", (Segment(60.0, 12.0),), (tip,), (0,))
    steps = (Step(0, Place("our_rf_15mm", entry, tip)), Step(1, deliver))
    (source,) = effects(Plan("a", "rfa", "by our own probe", "lesion", steps), shelf).sources
    one = probe_of(source)
    assert (one.length_mm, one.diameter_mm, one.stamps) == (15.0, 1.8, ("unverified",))
    broken = OWN_PROBE.replace("      power_W", "      power")
    (tmp_path / "zones.yaml").write_text(broken, encoding="utf-8")
    with pytest.raises(BadInput, match="this hospital: 'rf_bipolar' needs power_W; enter it"):
        inventory_for(case, "rfa")


# --- options


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return vertebra("oblique")


def found(anatomy: Anatomy, owned: Centre, verdicts: tuple[Verdict, ...] = ()) -> dict[str, Option]:
    reading = Reading(case_of(owned), anatomy.lesion, anatomy, Findings())
    setting = Setting.of(anatomy, inventory_elsewhere(""), ENSEMBLE)
    explained = replace(explain_facts(Facts({})), verdicts=verdicts)
    return {option.id: option for option in options(reading, explained, setting)}


PLANS = ("vertebroplasty_left", "vertebroplasty_right", "vertebroplasty_both")


def test_without_cement_a_vertebroplasty_is_for_another_centre_and_stays_listed(anatomy: Anatomy) -> None:
    free = found(anatomy, Centre())
    owned = Centre(resources={"cement": False}, devices=frozenset({"cannula_11g"}))
    here = found(anatomy, owned)
    assert list(here) == list(free)
    for name in PLANS:
        assert free[name].status == "ranked"
        assert here[name].status == "refer_elsewhere"
        assert [r.text for r in here[name].reasons] == ["not at this centre: bone cement; refer elsewhere"]
        acts = [[type(step.act) for step in one[name].plan.steps] for one in (here, free)]
        assert acts[0] == acts[1]  # drawn with the shelf of another centre


def test_an_empty_shelf_at_the_centre_is_a_reason_and_an_empty_inventory_of_ours_an_error(
    anatomy: Anatomy, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = found(anatomy, Centre(devices=frozenset({"pmma"})))
    assert {here[name].status for name in PLANS} == {"refer_elsewhere"}
    assert "no cannula on the shelf" in here[PLANS[0]].reasons[0].text
    bare = "osteoplan.workflow.options.inventory_for"
    monkeypatch.setattr(bare, lambda case, id: replace(inventory_for(case, id), devices={}))
    with pytest.raises(NotAvailable, match=r"no (cannula|probe)"):
        found(anatomy, Centre())


def test_nobody_is_referred_for_what_a_rule_forbids_or_no_path_allows(anatomy: Anatomy) -> None:
    verdict = Verdict("S6", "safety", True, "exclude", "no bone cement", (), (), "unverified", {}, ("pmma",))
    lacking_cement = Centre(resources={"cement": False})
    forbidden = found(anatomy, lacking_cement, (verdict,))
    assert {forbidden[name].status for name in PLANS} == {"excluded_by_rule"}
    strict: Any = {"ways": {"canal_clearance_min_mm": 40.0}}
    narrow = found(anatomy, Centre(limits=strict))
    assert {narrow[name].status for name in PLANS} == {"infeasible"}


def test_the_centres_own_limit_rejects_at_home_and_not_elsewhere(anatomy: Anatomy) -> None:
    strict: Any = {"ways": {"canal_clearance_min_mm": 40.0}}
    assert found(anatomy, Centre(limits=strict))[PLANS[0]].status == "infeasible"
    away = found(anatomy, Centre(limits=strict, resources={"cement": False}))
    assert away[PLANS[0]].status == "refer_elsewhere"


def test_a_comparator_stays_a_comparator_and_says_that_the_centre_must_refer(anatomy: Anatomy) -> None:
    here = found(anatomy, Centre(resources={"ebrt": False, "sbrt": False, "spine": True}))
    assert here["radiotherapy"].status == "comparator"
    assert "conventional radiotherapy" in here["radiotherapy"].reasons[0].text
    assert here["best_supportive_care"].reasons == ()
    assert found(anatomy, Centre())["radiotherapy"].reasons == ()


def test_what_is_simulated_finds_its_devices_wherever_they_lie(anatomy: Anatomy) -> None:
    owned = Centre(
        limits={"vertebroplasty": {"fill_share_max_pct": 12.0}}, devices=frozenset({"cannula_11g", "pmma"})
    )
    here = inventory_for(case_of(owned), "vertebroplasty")
    assert (here.limit("fill_share_max_pct").number, set(here.devices)) == (12.0, {"cannula_11g", "pmma"})
    assert set(here.devices) < set(inventory_elsewhere("").devices) == set(devices())
    plan = found(anatomy, owned)[PLANS[0]].plan
    assert effects(plan, inventory_elsewhere("").devices).ports


# --- stamp


def test_the_stamp_changes_with_the_centre_and_with_its_rules(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(
        "id: a\nimages: {ct: ct.nii.gz, calibration: {kind: fixed}}\nlesions: []\ncentre: centre.yaml\n"
    )
    own = tmp_path / "own"
    own.mkdir()
    (own / "rules.yaml").write_text("id: us\ndate: 2026-11-24\n")
    (own / "readme.txt").write_text("not read")
    (tmp_path / "centre.yaml").write_text("knowledge: own\n")
    first = input_digests(tmp_path)
    assert {"centre.yaml", "centre.yaml: knowledge"} <= set(first)
    (own / "readme.txt").write_text("still not read")
    assert input_digests(tmp_path) == first
    (own / "rules.yaml").write_text("id: us\ndate: 2026-11-25\n")
    second = input_digests(tmp_path)
    assert {name for name in first if first[name] != second[name]} == {"centre.yaml: knowledge"}
    (tmp_path / "centre.yaml").write_text("name: here\n")
    assert "centre.yaml: knowledge" not in input_digests(tmp_path)


# --- the page


def test_the_example_folder_loads_and_refers_for_what_it_lacks() -> None:
    owned = read_centre(EXAMPLE / "centre.yaml")
    assert owned.knowledge == EXAMPLE / "knowledge"
    assert refer([["rfa"]], owned)
    assert owned.limits["vertebroplasty"]["fill_share_max_pct"] == 25.0
    assert owned.costs["vertebroplasty"].unit == "EUR"


def test_the_page_shows_the_examples_and_names_every_key() -> None:
    page = (DOCS / "centre.md").read_text(encoding="utf-8")
    for file in ("centre.yaml", "knowledge/rules.yaml"):
        assert f"```yaml\n{(EXAMPLE / file).read_text(encoding='utf-8')}```" in page
    schemas = (
        CentreFile, CostFile, LocalRulesFile, ThresholdRow, ChangeRow, OffRow, AddedRow, RuleExample, RefRow,
    )  # fmt: skip
    named = set(re.findall(r"`(\w+)`", page))
    for schema in schemas:
        assert set(known_keys(schema, [])) <= named, schema.__name__
