"""A result is frozen: a page prints what was handed in, and asks no other room for anything."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import osteoplan

REPORT = Path(osteoplan.__file__).parent / "report"
ABOUT_KNOWLEDGE = ("knowledge_", "rule_")  # pages whose subject is the data themselves
PAGES = sorted(path for path in REPORT.glob("*.py") if not path.name.startswith(ABOUT_KNOWLEDGE))
ROOMS = ("knowledge", "pathway", "anatomy", "techniques", "mechanics", "cement", "decide")
PURE = {"osteoplan.trajectory.reach"}  # angles of a line as a C-arm sees it


def asked(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return [name for name in found if name.split(".")[:1] == ["osteoplan"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_of_a_result_asks_no_room(page: Path) -> None:
    of_rooms = [name for name in asked(page) if name.split(".")[1] in (*ROOMS, "trajectory")]
    assert set(of_rooms) <= PURE
