"""``osteoplan ablate``: a block of tissue, probes as they lie, and files that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from osteoplan.cli.app import run
from osteoplan.errors import BadInput
from osteoplan.knowledge.applicators import applicator_of
from osteoplan.workflow.ablate import heat_model

MODEL = """
tissue: muscle
edge_mm: 2
half_mm: 30
perfused: {perfused}
device: generic_microwave
probes: [{{tip_mm: [0, 0, 0], entry_mm: [0, 100, 0]}}]
segments: [{{minutes: 2, power_W: {power}}}, {{minutes: 1}}]
watch: {{beside: [8, 6, 0], far: [16, 6, 0]}}
"""


def model(folder: Path, *, perfused: str = "true", power: float = 20.0, more: str = "") -> Path:
    path = folder / "block.yaml"
    path.write_text(MODEL.format(perfused=perfused, power=power) + more)
    return path


def test_a_block_tells_its_points_its_energy_and_what_dies_by_every_criterion(tmp_path: Path) -> None:
    found = heat_model(model(tmp_path))
    assert found["seconds"] == pytest.approx(180.0)
    near, far = (max(found["watched_degC"][name]) for name in ("beside", "far"))
    assert near > far > 37.0
    assert len(found["times_s"]) == len(found["watched_degC"]["far"])
    assert len(found["dead_mL"]) == 4
    taken = applicator_of("generic_microwave").efficiency.number  # type: ignore[union-attr]
    # the outermost cubes keep their temperature and take none
    assert found["heat_J"] == pytest.approx(taken * 20.0 * 120.0, rel=0.02)
    parts = sum(found[name] for name in ("heat_J", "probes_J", "perfusion_J", "edge_J"))
    assert found["stored_J"] == pytest.approx(parts, rel=1e-3)
    assert found["perfusion_J"] < 0.0
    still = heat_model(model(tmp_path, perfused="false"))
    assert max(still["watched_degC"]["far"]) > far
    assert still["perfusion_J"] == 0.0


def test_the_command_prints_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = model(tmp_path)
    assert run(["ablate", "--model", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == heat_model(path)
    assert run(["ablate", "--model", str(path)]) == 0
    assert "beside" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "power", "says"),
    [
        ("colour: red\n", 20.0, "unknown key 'colour'"),
        ("", 900.0, "900 W is outside"),
        ("start_degC: 90\n", 20.0, "start_degC"),
    ],
)
def test_a_block_that_means_nothing_is_refused_in_one_line(
    tmp_path: Path, more: str, power: float, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        heat_model(model(tmp_path, power=power, more=more))


def test_a_probe_or_a_point_outside_the_block_is_refused(tmp_path: Path) -> None:
    path = model(tmp_path)
    path.write_text(path.read_text().replace("far: [16, 6, 0]", "far: [160, 6, 0]"))
    with pytest.raises(BadInput, match="outside the block"):
        heat_model(path)


def test_neither_case_nor_model_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ablate"]) == 2
    assert "needs a case folder" in capsys.readouterr().err
