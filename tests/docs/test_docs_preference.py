"""Every block of the page on preferences is run: its answers, its problem, its arrays."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from osteoplan.cli import main
from osteoplan.io.answers_file import read_answers

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "preference.md").read_text(encoding="utf-8")
ANSWERS, PROBLEM = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(TABLE,) = re.findall(r"```\n\$ osteoplan smaa problem.yaml --weights 100000\n(.*?)```", PAGE, re.DOTALL)


def test_the_answers_of_the_page_are_answers(tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text(ANSWERS, encoding="utf-8")
    (said,) = read_answers(tmp_path / "answers.yaml")
    assert said.sure_before is not None
    assert (said.sure_before.conflict, said.choice) == (True, "radiotherapy")


def test_the_problem_of_the_page_gives_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "problem.yaml"
    path.write_text(PROBLEM, encoding="utf-8")
    assert len(PROBLEM.strip().splitlines()) <= 12
    assert main(["smaa", str(path)]) == 0
    assert capsys.readouterr().out.startswith(TABLE)
    assert main(["smaa", str(path), "--weights", "1000", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(one["first"] for one in told["options"]) + told["undecided"] == pytest.approx(1.0)
    assert {(one["one"], one["other"]): one["shared"] for one in told["pairs"]}["cement", "radiotherapy"] == [
        "less_pain",
        "nerve_harm",
    ]


def test_the_arrays_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    exec(CODE, names)
    assert len(CODE.strip().splitlines()) <= 12
    found = names["found"]
    assert np.array_equal(found.first, [1.0, 0.0, 0.0])  # type: ignore[attr-defined]
