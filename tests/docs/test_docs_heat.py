"""The page on ablation: its blocks are run, and what it says of modules and names exists."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from osteoplan.workflow.ablate import heat_model

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "heat.md").read_text(encoding="utf-8")
FREEZING, FIELD = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_ice_of_the_page_is_a_ball_around_its_probe(capsys: pytest.CaptureFixture[str]) -> None:
    exec(FREEZING, {})
    (said,) = re.findall(r"([\d.]+) mL of ice, (-?\d+) W, (\S+) missing", capsys.readouterr().out)
    assert 3.0 < float(said[0]) < 30.0
    assert float(said[1]) < 0.0
    assert float(said[2]) < 1e-3


def test_the_field_of_the_page_leaves_as_heat_what_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    exec(FIELD, {})
    ((_, given, left),) = re.findall(r"(\d+) ohm; ([\d.]+) W given, ([\d.]+) W left", capsys.readouterr().out)
    assert float(left) == pytest.approx(float(given), rel=0.01)


def test_the_block_of_tissue_of_the_page_is_run(tmp_path: Path) -> None:
    (model,) = re.findall(r"```yaml\n(tissue:.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "block.yaml"
    path.write_text(model.replace("edge_mm: 1 ", "edge_mm: 2 "), encoding="utf-8")
    told = heat_model(path)
    assert set(told["watched_degC"]) == {"beside", "canal"}
    assert max(told["watched_degC"]["beside"]) > max(told["watched_degC"]["canal"]) > 40.0


@pytest.mark.parametrize("block", [FREEZING, FIELD])
def test_a_block_has_twelve_lines_at_most(block: str) -> None:
    assert len([line for line in block.splitlines() if line.strip()]) <= 12


def test_every_module_of_the_page_exists() -> None:
    table = PAGE[PAGE.index("## Where things are") :]
    told = []
    for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        names = re.findall(r"`([\w.]+)`", cell)
        folder = names[0].rpartition(".")[0]
        told += [name if "." in name else f"{folder}.{name}" for name in names]
    assert len(told) > 15
    assert [name for name in told if find_spec(f"osteoplan.{name}") is None] == []
