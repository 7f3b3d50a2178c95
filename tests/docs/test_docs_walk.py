"""The page that walks a plan verb by verb runs as it stands, and ends where ``osteoplan.plan`` ends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import osteoplan
from osteoplan.workflow.demo import make_demo_case

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "walk.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Every name of the page's code, after it ran beside a generated phantom."""
    folder = tmp_path_factory.mktemp("walk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", "")
        patch.setenv("OSTEOPLAN_CACHE", str(folder / "cache"))
        make_demo_case(folder / "case1", "spine")
        patch.chdir(folder)
        names: dict[str, Any] = {}
        exec("".join(CODE), names)
        names["planned"] = osteoplan.plan("case1", names["quick"])
        yield names


def test_a_dozen_lines_walk_from_a_folder_to_a_ranking(walked: dict[str, Any]) -> None:
    lines = [line for line in "".join(CODE).splitlines() if line.strip()]
    assert len(lines) <= 13
    assert walked["comparison"].ranking


def test_the_walk_ends_where_a_plan_ends(walked: dict[str, Any]) -> None:
    planned, compared = walked["planned"], walked["comparison"]
    assert planned.comparison.ranking == compared.ranking
    ours = {o.id: [(e.id, e.target, e.value) for e in o.outcomes] for o in walked["simulated"].options}
    theirs = {o.id: [(e.id, e.target, e.value) for e in o.outcomes] for o in planned.simulations.options}
    assert ours == theirs


def test_every_verb_that_the_page_names_is_public() -> None:
    named = set(re.findall(r"osteoplan\.([a-zA-Z_]+)", PAGE))
    assert named <= set(osteoplan.__all__)
    verbs = {"read", "options", "simulate", "compare", "explain", "strength", "ways", "verify"}
    assert verbs <= named
