"""The page on applicators cannot lag behind the rows, the keys and the rules."""

import re
from pathlib import Path

import pytest

from osteoplan.knowledge.applicators import (
    LABEL,
    ApplicatorFile,
    ZoneRow,
    applicators,
    load_applicators,
)
from osteoplan.knowledge.values import known
from osteoplan.trajectory.probes.plan import COVERAGE_WORDS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "applicators.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("id", applicators().rows)
def test_every_zone_stands_in_the_table_with_its_size(id: str) -> None:
    row = applicators().row(id)
    size = f"{row.width_mm:g}" + (f" x {row.length_mm:g}" if row.length_mm else "")
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{id}` |")]
    assert line.endswith(f"| {size} | {'yes' if row.placeable else 'no'} |")
    assert f"| {row.setting} |" in line
    assert row.energy in line


def test_every_key_of_a_centre_s_table_is_in_the_example_and_the_example_can_be_read(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert example
    path = tmp_path / "zones.yaml"
    path.write_text(example[1], encoding="utf-8")
    assert load_applicators(path).rows
    keys = {*ApplicatorFile.model_fields, *ZoneRow.model_fields}
    optional = {"cite", "tag", "reviewer", "since", "until"}  # of every cited piece (docs/knowledge.md)
    assert [key for key in keys - optional if not re.search(rf"\b{key}:", example[1])] == []


def test_the_page_says_what_the_zones_are_not_and_what_was_not_found() -> None:
    assert LABEL in TEXT.replace("\n", " ")
    assert COVERAGE_WORDS in TEXT.replace("\n", " ")
    for name in ("OsteoCool", "STAR", "IceRod", "IceSphere", "IceForce", "IcePearl"):
        assert name in TEXT
    assert "kill" not in TEXT.lower()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("margin_curative_mm", "{} mm when the intent is cure"),
        ("entry_gap_min_mm", "entries {} mm apart"),
        ("tube_gap_min_mm", "{} mm between two probes"),
        ("cryo_spacing_min_mm", "cold probes at least {} mm apart"),
        ("cryo_spacing_max_mm", "neighbour within {} mm"),
        ("cryo_spacing_usual_max_mm", "({} mm is usual"),
        ("rf_metal_gap_min_mm", "radiofrequency probe {} mm from any metal"),
        ("cell_mm", "cells of {} mm"),
        ("columns_max", "at most {},"),
        ("healthy_weight", "1 + {} x the share"),
        ("worth_pct", "adds {} % of the target"),
        ("refine_shift_mm", "by up to {} mm"),
    ],
)
def test_the_numbers_of_the_rules_are_those_of_the_data(name: str, said: str) -> None:
    assert said.format(f"{known(f'placement.{name}').value:g}") in re.sub(r"\s+", " ", TEXT)
