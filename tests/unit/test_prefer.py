"""Answers kept in a case: earlier ones stay, other lines of the case file too.  And problems from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from osteoplan.cli import main
from osteoplan.errors import BadInput
from osteoplan.io.answers_file import read_preferences
from osteoplan.io.case_file import read_case_file
from osteoplan.io.smaa_file import read_problem
from osteoplan.workflow.preference import prefer, remarks, smaa_of
from tests.unit.test_answers_file import SET, SWING

CASE = """# of a patient
id: one  # a name
images: {ct: ct.nii.gz, calibration: {kind: internal}}
PREFERENCES
lesions: []  # none yet
"""


def case(folder: Path, preferences: str = "") -> Path:
    folder.joinpath("case.yaml").write_text(CASE.replace("PREFERENCES\n", preferences), encoding="utf-8")
    return folder


def answers(folder: Path, **more: Any) -> Path:
    path = folder / "given.yaml"
    path.write_text(yaml.safe_dump({**SWING, **more}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "before",
    [
        "",
        "preferences: {}\n",
        "preferences: {}   # nobody was asked\n",
        "preferences: {kind: you_decide, by: patient,\n  date: 2025-01-01, language: de}\n",
        "preferences:\n  kind: you_decide\n  by: patient\n\n  date: 2025-01-01\n  language: de\n",
        "preferences:\n- kind: you_decide\n  by: patient\n  date: 2025-01-01\n  language: de\n",
    ],
)
def test_answers_are_added_and_every_other_line_of_the_case_stays(before: str, tmp_path: Path) -> None:
    folder = case(tmp_path, before)
    kept, said = prefer(folder, answers(tmp_path))
    assert [one.date.year for one in kept] == ([2025] if "you" in before else []) + [2026]
    assert said == ()
    text = (folder / "case.yaml").read_text(encoding="utf-8")
    assert "# of a patient\nid: one  # a name\n" in text
    assert "lesions: []  # none yet\n" in text
    assert read_preferences(folder, read_case_file(folder).preferences, "one") == kept


def test_the_same_answers_twice_are_kept_once_and_later_ones_beside_them(tmp_path: Path) -> None:
    folder = case(tmp_path)
    prefer(folder, answers(tmp_path))
    assert len(prefer(folder, answers(tmp_path))[0]) == 1
    after = {"sure": {"after": dict.fromkeys(("sure", "informed", "weighed", "supported"), True)}}
    kept, _ = prefer(folder, answers(tmp_path, date="2026-12-02", choice="radiotherapy", **after))
    assert [one.choice for one in kept] == ["", "radiotherapy"]
    assert kept[-1].sure_after is not None
    assert kept[-1].sure_after.conflict is False


def test_bad_answers_leave_the_case_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = case(tmp_path)
    before = (folder / "case.yaml").read_bytes()
    assert main(["prefer", str(folder), str(answers(tmp_path, choice="radiotherpy"))]) == 2
    assert "did you mean 'radiotherapy'?" in " ".join(capsys.readouterr().err.split())
    assert (folder / "case.yaml").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["case.yaml", "given.yaml"]


def test_the_command_tells_sure_and_contradictions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = case(tmp_path)
    turned = {**SET, "best": "nerve_harm", "worst": "less_pain"}
    given = answers(tmp_path, kind="best_worst", points={}, sets=[SET, turned])
    assert main(["prefer", str(folder), str(given)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "patient best worst 1-2 -" in told
    assert "contradictory, kept as it was said: what matters more goes in a circle" in told
    assert main(["prefer", str(folder), str(given), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answers"][0]["kind"] == "best_worst"


FLAT = {"worst": 1, "best": 1, "unit": "%"}
AB = {"shown": ["a", "b"], "best": "a", "worst": "b"}
PROBLEM: dict[str, Any] = {
    "attributes": {"a": {"worst": 0, "best": 100, "unit": "%"}, "b": {"worst": 10, "best": 0}},
    "options": {"x": {"a": {"events": 8, "n": 10}, "b": 3}, "y": {"a": 50, "b": {"draws": [1, 2]}}},
}


def problem(folder: Path, **more: Any) -> Path:
    path = folder / "problem.yaml"
    path.write_text(yaml.safe_dump({**PROBLEM, **more}), encoding="utf-8")
    return path


def test_names_settle_the_draws_of_a_problem_not_places(tmp_path: Path) -> None:
    one = smaa_of(problem(tmp_path), 2000)
    turned = {"options": dict(reversed(PROBLEM["options"].items()))}
    two = smaa_of(problem(tmp_path, **turned), 2000)
    assert {o["id"]: o["first"] for o in one["options"]} == {o["id"]: o["first"] for o in two["options"]}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"options": {"x": {"aa": 1}}}, "unknown attribute 'aa'"),
        ({"options": {"x": {"a": {"value": 1}}}}, "value with low and high, events with n, or draws"),
        ({"options": {"x": {"a": {"events": 3, "n": 2}}}}, "more events than n"),
        ({"points": {"a": 1}, "sets": [AB]}, "give one of them"),
        ({"points": {"a": -1}}, "points 0 or more"),
        ({"attributes": {**PROBLEM["attributes"], "a": FLAT}}, "a: a range has two"),
        ({"options": {"x": {"a": {"value": 50, "low": 0, "high": 100}}}}, "an interval from none to all"),
        ({"options": {"x": {"a": {"value": 30, "low": 1, "high": 7}}}}, "must rise in this order"),
        ({"options": {"x": {"a": {"value": 3, "low": 7, "high": 1}}}}, "must rise in this order"),
        ({"options": {"x": {"b": {"events": 4, "n": 6}}}}, "give the attribute in unit '%'"),
        ({"options": {"x": {"a": float("nan")}}}, "none or endless"),
        ({"options": {"x": {"b": "3,5"}}}, "write a decimal point: 3.5"),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)  # fmt: skip
def test_problems_that_cannot_be_meant_are_refused_in_one_line(
    more: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as why:
        smaa_of(problem(tmp_path, **more), 100)
    assert said in str(why.value)
    assert "\n" not in str(why.value)


def test_sets_of_a_problem_are_read_as_those_of_a_patient(tmp_path: Path) -> None:
    found = read_problem(problem(tmp_path, sets=[AB]))
    assert found.sets[0].best == "a"


def test_a_figure_outside_its_range_is_extrapolated_and_said(tmp_path: Path) -> None:
    assert smaa_of(problem(tmp_path), 1000)["warnings"] == []
    far = {"options": {"x": {"a": 50, "b": 12}, "y": {"a": 50}}}
    assert smaa_of(problem(tmp_path, **far), 1000)["warnings"] == [
        "x: b: 12 lies outside 10 to 0: extrapolated"
    ]


def test_answers_of_another_case_are_refused(tmp_path: Path) -> None:
    folder = case(tmp_path)
    with pytest.raises(BadInput, match=r"answers of the case 'two', and this one is 'one'"):
        prefer(folder, answers(tmp_path, case="two"))
    kept, _ = prefer(folder, answers(tmp_path, case="one"))
    assert kept[-1].case == "one"
    assert read_preferences(folder, read_case_file(folder).preferences, "one")[-1].case == "one"


def test_a_case_that_names_the_answers_of_another_is_refused(tmp_path: Path) -> None:
    answers(tmp_path, case="two")
    with pytest.raises(BadInput, match="answers of the case 'two', and this one is 'one'"):
        read_preferences(tmp_path, "given.yaml", "one")


def test_answers_without_a_case_and_a_choice_that_is_not_left_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {"preference": {"options": [{"technique": "cement"}]}}
    monkeypatch.setattr("osteoplan.workflow.preference.read_plan", lambda _: left)
    folder = case(tmp_path)
    (folder / "plan").mkdir()
    (folder / "plan" / "plan.json").touch()
    kept, _ = prefer(folder, answers(tmp_path, choice="radiotherapy"))
    bare, chosen = remarks(folder, kept)
    assert bare.startswith("answers of 2026-12-01 name no case")
    assert chosen == "the choice radiotherapy is not among what the plan leaves: cement"
    (folder / "case.yaml").write_text(CASE.replace("PREFERENCES\n", ""), encoding="utf-8")
    (folder / "preferences.yaml").unlink()
    kept, _ = prefer(folder, answers(tmp_path, choice="later", case="one"))
    assert remarks(folder, kept) == ()


def test_a_figure_at_an_end_of_its_range_is_not_called_extrapolated(tmp_path: Path) -> None:
    at = {"a": {"events": 10, "n": 10}, "b": {"value": 0, "low": -1, "high": 1}}
    assert smaa_of(problem(tmp_path, options={"x": at, "y": {"a": 50}}), 1000)["warnings"] == []
