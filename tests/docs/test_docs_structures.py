"""docs/structures.md keeps up with schemes, derived structures, approaches and their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from osteoplan.knowledge.approaches import approaches, derived_families
from osteoplan.knowledge.structures import schemes
from osteoplan.knowledge.values import values
from osteoplan.model.anatomy import ImplantKind

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "structures.md").read_text(encoding="utf-8")
VALUES = [(name, row) for file in ("derived", "implants") for name, row in values(file).items()]


@pytest.mark.parametrize("name", schemes())
def test_every_label_scheme_is_on_the_page(name: str) -> None:
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("name", sorted(derived_families()))
def test_every_derived_structure_is_on_the_page_with_rule_and_limits(name: str) -> None:
    family = derived_families()[name]
    needs = ", ".join(family.needs)
    assert f"| `{name}` | {family.kind} | {family.rule} | {needs} | {family.limits} |" in PAGE


@pytest.mark.parametrize("name", sorted(approaches()))
def test_every_approach_is_on_the_page_with_its_needs(name: str) -> None:
    one = approaches()[name]
    needs = ", ".join(f"`{need}`" for need in one.needs)
    assert f"| `{name}` | {one.title} | {needs} |" in PAGE


@pytest.mark.parametrize("kind", get_args(ImplantKind))
def test_every_kind_of_implant_is_on_the_page(kind: str) -> None:
    assert f"| {kind} |" in PAGE


@pytest.mark.parametrize(("name", "row"), VALUES, ids=[name for name, _ in VALUES])
def test_every_size_and_threshold_is_on_the_page(name: str, row) -> None:
    assert f"| `{name}` | {row.value:g} | {row.unit} | {row.status.replace('_', ' ')} | {row.note} |" in PAGE


def test_the_page_names_no_size_that_is_gone() -> None:
    below = PAGE.split("## Sizes and thresholds")[1].split("## Cost")[0]
    listed = {line.split("`")[1] for line in below.splitlines() if line.startswith("| `")}
    assert listed == {name for name, _ in VALUES}
