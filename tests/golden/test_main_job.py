"""The main job from the shell, end to end: on the generated phantom, and on the real scan."""

import html
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest
import yaml

import osteoplan
from osteoplan.cli import main
from osteoplan.io.nifti import read_nifti
from osteoplan.io.plan_json import json_schema
from osteoplan.model.plan import Inject
from osteoplan.workflow import options, read, replay, rooms
from osteoplan.workflow.cache import Cache
from tests.printed import first_page_holds, printed

ROOT = Path(__file__).resolve().parents[2]
COARSE = ("--spacing", "2", "--draws", "40")
SETTINGS = osteoplan.PlanSettings(draws=40, spacing_mm=2.0)


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """A machine without a registry and with an empty cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", "")
        patch.setenv("OSTEOPLAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield patch


@pytest.fixture(scope="module")
def phantom(offline, tmp_path_factory):
    """The demo without a network, its folder and what was printed."""
    out = tmp_path_factory.mktemp("phantom") / "demo"
    assert main(["demo", "--out", str(out), *COARSE]) == 0
    return out


@pytest.fixture(scope="module")
def real(offline, data, tmp_path_factory):
    """The demo's case from the real scan (packed as the registry packs it), planned coarsely."""
    made = tmp_path_factory.mktemp("real")
    case = made / "case"
    source = data / "chest_spine"
    labels = ["--labels", source / "mask.nii.gz", "--names", source / "structures.csv"]
    assert (
        run("init", case, "--ct", source / "cxr.nii.gz", *labels, "--calibration", "fixed", "--kvp", 120) == 0
    )
    lesion = ["--bone", "vertebra_T12", "--axes", "22,18,17", "--wall", "0", "--seed", "12"]
    assert run("simulate-lesion", case, *lesion) == 0
    assert run("plan", case, *COARSE) == 0
    return case


def run(*arguments):
    return main([str(argument) for argument in arguments])


def document(folder):
    return json.loads((folder / "plan.json").read_text())


def option(plan, id):
    return next(o for o in plan["options"] if o["id"] == id)


def outcome(option, id):
    return next(o for o in option["outcomes"] if o["id"] == id)


def test_without_a_network_the_demo_uses_a_phantom_and_says_so_on_the_page(phantom):
    page = (phantom / "report.html").read_text()
    assert "generated phantom" in page
    assert any("generated phantom" in warning for warning in document(phantom)["warnings"])


def test_the_plan_is_valid_against_the_published_schema(phantom):
    assert list(jsonschema.Draft202012Validator(json_schema()).iter_errors(document(phantom))) == []


def test_comparators_and_every_way_in_are_listed(phantom):
    ids = {o["id"] for o in document(phantom)["options"]}
    assert ids >= {
        "vertebroplasty_left", "vertebroplasty_right", "vertebroplasty_both", "radiotherapy",
        "spinal_surgery", "best_supportive_care",
    }  # fmt: skip


def test_a_rerun_reuses_the_plan_and_other_settings_never_overwrite_it(phantom, offline, capsys):
    before = (phantom / "plan.json").read_bytes()
    assert run("demo", "--out", phantom, *COARSE) == 0
    assert "reused" in capsys.readouterr().out
    assert run("demo", "--out", phantom, "--spacing", 2, "--draws", 41) == 2
    assert "--force" in capsys.readouterr().err
    assert (phantom / "plan.json").read_bytes() == before


class Computed(Exception):
    """Something was computed that had been before."""


@pytest.fixture
def nothing_computed(monkeypatch):
    """Images, ways, physics and pictures raise where anybody makes them anew."""

    def refuse(*_, **__):
        raise Computed

    monkeypatch.setattr(read, "read_case", refuse)
    monkeypatch.setattr(read, "build_anatomy", refuse)
    monkeypatch.setattr(options, "violations", refuse)
    monkeypatch.setattr(rooms, "fill", refuse)
    monkeypatch.setattr("osteoplan.workflow.load_case_runner.load", refuse)
    monkeypatch.setattr("osteoplan.workflow.plan.draw", refuse)


def changed(case, tmp_path, change):
    copy = tmp_path / "case"
    shutil.copytree(case, copy)
    content = yaml.safe_load((copy / "case.yaml").read_text())
    change(content)
    (copy / "case.yaml").write_text(yaml.safe_dump(content))
    return copy


def planned(case, out):
    osteoplan.write(osteoplan.plan(case, SETTINGS), case, out=out)
    return document(out)


def simulated(plan):
    found = {"intact": plan["intact"], "now": plan["now"]}
    for option in plan["options"]:
        own = [one for one in option["outcomes"] if one["basis"] == "simulated"]
        found[option["id"]] = [own, option["clearances"], option["steps"]]
    return found


def test_a_fact_that_enters_no_physics_computes_nothing_anew(phantom, tmp_path, nothing_computed):
    def other(content):
        content["facts"] |= {"ecog": 3, "le_weeks": 6}
        content["goals"] = {"treatment_goals": ["walking"]}
        content["patient"]["age_y"] = 81

    before = document(phantom)
    after = planned(changed(phantom / "case", tmp_path, other), tmp_path / "out")
    assert simulated(after) == simulated(before)
    facts = {one["name"]: one["value"] for one in after["findings"]}
    assert (facts["ecog"], facts["le_weeks"], facts["age"]) == (3, 6, 81)
    assert after["standings"] != before["standings"]
    assert "data:image" in (tmp_path / "out" / "report.html").read_text()


def test_a_plan_made_again_is_the_same_to_the_last_byte(phantom, tmp_path, nothing_computed):
    before = document(phantom)
    after = planned(phantom / "case", tmp_path / "out")
    assert {**after, "case_folder": ""} == {**before, "case_folder": ""}
    page = (tmp_path / "out" / "report.html").read_text()
    assert page == (phantom / "report.html").read_text()


@pytest.mark.parametrize("key", ["matrix", "level_confirmed"])
def test_what_is_said_of_the_lesion_itself_is_looked_at_again(phantom, tmp_path, nothing_computed, key):
    def other(content):
        content["lesions"][0][key] = {"matrix": "mixed", "level_confirmed": True}[key]

    with pytest.raises(Computed):
        osteoplan.plan(changed(phantom / "case", tmp_path, other), SETTINGS)


def test_another_image_is_read_again(phantom, tmp_path, nothing_computed):
    copy = changed(phantom / "case", tmp_path, lambda _: None)
    mask = next(copy.glob("lesion*"))
    mask.write_bytes(mask.read_bytes() + b"\0")
    with pytest.raises(Computed):
        osteoplan.plan(copy, SETTINGS)


def test_voxels_are_read_when_somebody_looks_at_them(phantom):
    first = read.read(phantom / "case")
    again = read.read(phantom / "case", cache=Cache())
    assert "array" not in again.case.ct.__dict__
    assert (again.case.ct.array == first.case.ct.array).all()
    assert (again.lesion.mask.array == first.lesion.mask.array).all()
    assert again.case.ct.same_grid(first.case.ct)


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_replay_computes_every_number_bit_for_bit_on_any_number_of_threads(phantom, threads):
    command = [sys.executable, "-m", "osteoplan", "replay", str(phantom / "plan.json"), "--json"]
    done = subprocess.run(
        command, env={**os.environ, "NUMBA_NUM_THREADS": threads}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["identical"]
    assert found["same"]
    assert found["largest"] == 0.0
    assert found["compared"] > 1500


def test_a_replay_finds_a_number_that_moved_wherever_it_stands(phantom):
    before = document(phantom)
    for part in ("now", "options", "sensitivity", "value", "preference", "choice", "published"):
        after = json.loads(json.dumps(before))
        assert moved(after[part]), part
        largest, where, _ = replay._largest(before, after)
        assert largest == pytest.approx(0.1 / 1.1), part
        assert where.startswith(part)


def moved(value):
    """Change the first number that is not 0, in place; False where there is none."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        if isinstance(one, int | float) and not isinstance(one, bool) and one:
            value[key] = 1.1 * one
            return True
        if moved(one):
            return True
    return False


@pytest.mark.slow
def test_a_replay_says_what_changed_since(phantom, offline, tmp_path, capsys):
    copy = tmp_path / "demo"
    shutil.copytree(phantom, copy)
    path = copy / "case" / "case.yaml"
    case = yaml.safe_load(path.read_text())
    case["facts"]["cement_allergy"] = True
    path.write_text(yaml.safe_dump(case))
    assert run("replay", copy / "plan.json", "--json") == 3
    assert json.loads(capsys.readouterr().out)["changed"] == ["case.yaml"]


def replanned(case_folder, tmp_path, **facts):
    """The case planned again with other facts about the patient."""
    copy = tmp_path / "case"
    shutil.copytree(case_folder, copy)
    case = yaml.safe_load((copy / "case.yaml").read_text())
    case["facts"].update(facts)
    (copy / "case.yaml").write_text(yaml.safe_dump(case))
    return osteoplan.plan(copy, SETTINGS)


@pytest.mark.slow
def test_a_rule_that_excludes_cement_removes_it_and_keeps_it_listed(phantom, offline, tmp_path):
    plan = replanned(phantom / "case", tmp_path, cement_allergy=True)
    plans = [option for option in plan.simulations.options if option.kind == "plan"]
    assert {option.id for option in plans} >= {"vertebroplasty_left", "vertebroplasty_right"}
    cemented = [option for option in plans if any(isinstance(s.act, Inject) for s in option.plan.steps)]
    assert cemented
    assert all(option.status in ("excluded_by_rule", "infeasible") for option in cemented)
    assert any(reason.rule == "S6" for option in plans for reason in option.reasons)
    assert not set(plan.comparison.ranking) & {option.id for option in cemented}


@pytest.mark.slow
def test_a_stop_rule_empties_the_ranking_and_keeps_the_comparators(phantom, offline, tmp_path):
    plan = replanned(phantom / "case", tmp_path, infection=True)
    assert plan.comparison.ranking == ()
    assert "S3" in plan.comparison.emptied_by
    assert {option.id for option in plan.simulations.options if option.status == "comparator"} == {
        "best_supportive_care", "biopsy",
    }  # fmt: skip
    assert {one.tier for one in plan.explanation.recommendations if one.exclude == ("S3",)} == {4}


@pytest.mark.slow
def test_a_centre_without_cement_refers_elsewhere_and_every_page_says_whose_rules_spoke(
    phantom, offline, tmp_path
):
    shutil.copytree(ROOT / "docs" / "examples" / "centre", tmp_path / "centre")
    centre = yaml.safe_load((tmp_path / "centre" / "centre.yaml").read_text())
    centre = {**centre, "modalities": ["screws", "mwa"], "cements": []}
    (tmp_path / "centre" / "centre.yaml").write_text(yaml.safe_dump(centre))
    case = yaml.safe_load((phantom / "case" / "case.yaml").read_text())
    copy = tmp_path / "case"
    shutil.copytree(phantom / "case", copy)
    earlier = [{"kind": "ebrt", "gy": 20, "fractions": 5}]
    facts = {name: value for name, value in case["facts"].items() if name != "prior_rt"}
    case = {**case, "facts": facts, "centre": "../centre/centre.yaml", "prior_treatment": earlier}
    (copy / "case.yaml").write_text(yaml.safe_dump(case))
    plan = osteoplan.plan(copy, SETTINGS)
    plans = [option for option in plan.simulations.options if option.kind == "plan"]
    assert plans
    assert {option.status for option in plans} <= {"refer_elsewhere", "infeasible"}
    assert any("bone cement" in reason.text for option in plans for reason in option.reasons)
    assert plan.explanation.knowledge.overrides
    assert plan.reading.findings.value("prior_rt") is True
    assert plan.reading.findings.value("prior_rt_gy") == 20
    osteoplan.write(plan, copy, out=tmp_path / "plan")
    page = (tmp_path / "plan" / "report.html").read_text(encoding="utf-8")
    told = json.loads((tmp_path / "plan" / "plan.json").read_text(encoding="utf-8"))
    assert told["knowledge"]["local"] in page
    for override in told["knowledge"]["overrides"]:
        assert html.escape(override, quote=False).split("'")[0] in page
    assert str(tmp_path) not in page + json.dumps(told), "no machine path leaves the planner"


def test_an_archive_that_is_not_the_pinned_one_is_refused(offline, tmp_path, capsys):
    wrong = tmp_path / "wrong.whl"
    with zipfile.ZipFile(wrong, "w") as archive:
        archive.writestr("x", "y")
    assert run("demo", "--out", tmp_path / "demo", "--archive", wrong) == 2
    assert "SHA-256 differs" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
def test_the_real_scan_is_planned_with_strength_before_and_after(real):
    plan = document(real / "plan")
    now = next(o for o in plan["now"] if o["id"] == "strength_ratio_to_intact")
    assert 40 < now["low"] <= now["value"] <= now["high"] < 98
    assert plan["simulated"]
    assert not plan["calibrated"]
    treated = [o for o in plan["options"] if o["status"] == "ranked"]
    assert treated
    for one in treated:
        cement = any(step["act"] == "inject" for step in one["steps"])
        treated_ratio = outcome(one, "strength_ratio_to_intact")["value"]
        # heat and cold alone leave the bone as stiff as it was
        assert treated_ratio > now["value"] if cement else treated_ratio == pytest.approx(now["value"])
        entry = next(step for step in one["steps"] if step["act"] == "place")["entry_mm"]
        target = next(step for step in one["steps"] if step["act"] == "place")["target_mm"]
        assert entry[1] > target[1] + 30  # from behind: +y is posterior


@pytest.mark.slow
def test_the_page_of_the_spine_is_one_page_on_paper(real, tmp_path):
    page = (real / "plan" / "report.html").read_text(encoding="utf-8")
    first_page_holds(printed(page, tmp_path))


@pytest.mark.slow
def test_the_left_way_in_enters_on_the_patients_left(real):
    plan = document(real / "plan")
    entries = {}
    for side in ("left", "right"):
        step = next(s for s in option(plan, f"vertebroplasty_{side}")["steps"] if s["act"] == "place")
        entries[side] = step["entry_mm"]
    assert entries["left"][0] > entries["right"][0] + 30


@pytest.mark.slow
def test_strength_and_check_speak_json_alone_on_stdout(real, capsys):
    capsys.readouterr()
    assert run("strength", real, *COARSE, "--json") == 0
    ids = {o["id"] for o in json.loads(capsys.readouterr().out)["outcomes"]}
    assert {"strength_N", "strength_ratio_to_intact", "stiffness_N_per_mm"} <= ids
    assert run("check", real, "--json") == 0
    names = {f["name"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert {"region", "size_mm", "posterior_wall_defect", "matrix"} <= names


@pytest.mark.slow
def test_the_original_scan_stays_as_it_was(real, data):
    kept = read_nifti(real / "ct.nii.gz", "HU")
    original = read_nifti(data / "chest_spine" / "cxr.nii.gz", "HU")
    assert (kept.array == original.array).all()
    assert kept.same_grid(original)
    case = yaml.safe_load((real / "case.yaml").read_text())
    assert case["images"]["ct_before"] == "ct.nii.gz"
    truth = json.loads((real / case["lesions"][0]["truth"]).read_text())
    assert truth["matrix"] == "lytic"
    assert "Research use only" in truth["intended_use"]


@pytest.mark.slow
def test_a_lesion_outside_its_bone_is_refused(real, tmp_path, capsys):
    copy = copied(real, tmp_path)
    edit(copy, lambda lesion: lesion.update(bone="vertebra_L1"))
    assert run("plan", copy, *COARSE) == 2
    assert "vertebra_L1" in capsys.readouterr().err
    assert not (copy / "plan").exists()


@pytest.mark.slow
def test_a_side_that_contradicts_the_mask_is_refused(real, tmp_path, capsys):
    copy = copied(real, tmp_path)
    case = yaml.safe_load((copy / "case.yaml").read_text())
    case["lesions"][0]["mask"] = {"ellipsoid": {"centre_mm": left_of_body(real), "axes_mm": [8, 8, 8]}}
    case["lesions"][0]["side"] = "right"
    (copy / "case.yaml").write_text(yaml.safe_dump(case))
    assert run("plan", copy, *COARSE) == 2
    assert "right" in capsys.readouterr().err


def copied(real, tmp_path) -> Path:
    copy = tmp_path / "case"
    shutil.copytree(real, copy, ignore=shutil.ignore_patterns("plan"), copy_function=shutil.copyfile)
    return copy


def edit(folder, change):
    path = folder / "case.yaml"
    case = yaml.safe_load(path.read_text())
    change(case["lesions"][0])
    path.write_text(yaml.safe_dump(case))


def left_of_body(real):
    """A point in the left half of the vertebral body: 12 mm to the patient's left of the lesion's centre."""
    case = yaml.safe_load((real / "case.yaml").read_text())
    truth = json.loads((real / case["lesions"][0]["truth"]).read_text())
    x, y, z = truth["centre_mm"]
    return [x + 12.0, y, z]
