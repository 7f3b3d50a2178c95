"""docs/techniques.md keeps up with the techniques, their limits and the acts."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.values import values
from osteoplan.model.evidence import Known
from osteoplan.model.plan import Act
from osteoplan.techniques.registry import techniques

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "techniques.md").read_text(encoding="utf-8")
LIMITS = [(name, known) for card in technique_cards().values() for name, known in card.limits.items()]
GROWTH = list(values("growth").items())


def row(name: str, known: Known) -> str:
    """The table row of a value; rerun this test and copy it from the failure when a value changes."""
    number = f"{known.value:g}" if isinstance(known.value, int | float) else str(known.value)
    span = "" if known.low is None else f" ({known.low:g} to {known.high:g})"
    source = ", ".join(known.cite) or "none"
    return f"| `{name}` | {number}{span} | {known.unit} | {source} | {known.status.replace('_', ' ')} |"


@pytest.mark.parametrize("name", sorted(techniques()))
def test_every_technique_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE
    assert techniques()[name].title in PAGE.lower()


@pytest.mark.parametrize("act", [kind.__name__.lower() for kind in get_args(Act)])
def test_every_act_is_on_the_page(act: str) -> None:
    assert f"| {act} |" in PAGE


@pytest.mark.parametrize(("name", "known"), LIMITS + GROWTH, ids=[name for name, _ in LIMITS + GROWTH])
def test_every_limit_is_on_the_page_with_value_source_and_status(name: str, known: Known) -> None:
    assert row(name, known) in PAGE


def test_the_page_names_no_limit_that_is_gone() -> None:
    listed = {
        line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `") and line.count("|") == 6
    }
    assert listed == {name for name, _ in LIMITS + GROWTH}
