"""The code of the page on arrays runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "array-api.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """Every name of the page's code after it ran."""
    found: dict[str, Any] = {}
    for code in CODE:
        exec(code, found)
    return found


def test_every_example_is_about_a_dozen_lines() -> None:
    assert len(CODE) == 3
    assert all(len([line for line in code.splitlines() if line.strip()]) <= 14 for code in CODE)


def test_the_body_is_solved(names: dict[str, Any]) -> None:
    assert names["found"].residual < 1e-8


def test_the_probe_freezes_and_energy_is_accounted_for(names: dict[str, Any]) -> None:
    assert 3000 < names["ice_mm3"] < 6000
    assert names["audit"].error < 1e-3


def test_what_the_current_leaves_is_what_the_electrodes_put_in(names: dict[str, Any]) -> None:
    assert names["field"].heat_W.sum() == pytest.approx(40.0 * names["current_A"], rel=1e-4)
    assert names["warm"].T_max.max() > 60.0
