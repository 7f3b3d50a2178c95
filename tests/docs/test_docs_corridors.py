"""docs/corridors.md keeps up with the templates of corridors, their sources and the numbers of the search."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osteoplan.knowledge.corridors import (
    PublishedSize,
    Template,
    corridor_sets,
    load_template,
    templates,
)
from osteoplan.knowledge.values import values
from osteoplan.model.evidence import how_read

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "corridors.md").read_text(encoding="utf-8")


def row(one: Template) -> str:
    needs = ", ".join(f"`{need}`" for need in one.needs)
    least, most = one.diameters_mm
    sides = ", ".join(one.sides)
    told = f"{one.title} | {sides} | {one.exit_kind} | {least:g} to {most:g} | {needs}"
    return f"| `{one.id}` | {told} | {how_read(one.status)} |"


def size(one: PublishedSize) -> str:
    if one.value is None and one.low is None:
        told = "no number"
    elif one.value is None:
        told = f"{one.low:g} to {one.high:g} {one.unit}"
    else:
        span = "" if one.low is None else f" ({one.low:g} to {one.high:g})"
        told = f"{one.value:g}{span} {one.unit}"
    return f"{one.what} {told} [{', '.join(one.cite) or 'memory'}]"


@pytest.mark.parametrize("name", sorted(templates()))
def test_every_corridor_is_on_the_page_with_its_needs_and_published_sizes(name: str) -> None:
    one = templates()[name]
    assert row(one) in PAGE
    for published in one.published:
        assert f"| `{name}` | {size(published)} | {how_read(published.status, published.tag)} |" in PAGE


@pytest.mark.parametrize("name", sorted(templates()))
def test_the_margins_of_every_corridor_are_on_the_page(name: str) -> None:
    margins = ", ".join(f"{kind} {mm:g}" for kind, mm in templates()[name].margins_mm.items())
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {margins} |"))
    assert f"`{name}`" in line


@pytest.mark.parametrize("name", sorted(corridor_sets()))
def test_every_set_is_on_the_page(name: str) -> None:
    one = corridor_sets()[name]
    members = ", ".join(f"`{member}`" for member in one.members)
    assert f"| `{name}` | {one.title} | {members} |" in PAGE


def test_every_number_of_the_search_is_on_the_page_and_none_that_is_gone() -> None:
    rows = values("corridor_search")
    for name, one in rows.items():
        status = how_read(one.status)
        assert f"| `{name}` | {one.value:g} | {one.unit} | {status} | {one.note} |" in PAGE
    below = PAGE.split("## Numbers of the search")[1].split("## Your own corridor")[0]
    assert {line.split("`")[1] for line in below.splitlines() if line.startswith("| `")} == set(rows)


def test_the_example_of_a_centres_own_corridor_can_be_loaded(tmp_path: Path) -> None:
    example = PAGE.split("```yaml")[1].split("```")[0]
    path = tmp_path / "own.yaml"
    path.write_text(example, encoding="utf-8")
    assert load_template(path).id == yaml.safe_load(example)["id"]
