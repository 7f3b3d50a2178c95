"""docs/ways.md keeps up with the approaches of needles and their limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteoplan.knowledge.approaches import Approach, approaches
from osteoplan.knowledge.values import values
from osteoplan.model.evidence import Known

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "ways.md").read_text(encoding="utf-8")
NEEDLES = [one for one in approaches().values() if one.needle is not None]


@pytest.mark.parametrize("one", NEEDLES, ids=[one.id for one in NEEDLES])
def test_every_needle_approach_is_on_the_page_with_cone_and_positions(one: Approach) -> None:
    way = one.needle
    assert way is not None
    cone = ", ".join(f"{x:g}" for x in way.outward) + f"; {way.within_deg:g} deg"
    row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{one.id}` |")), "")
    assert cone in row
    assert ", ".join(p.replace("_", " ") for p in way.positions) in row
    if way.through is not None:
        assert (way.through.part or way.through.landmark).replace("_", " ") in row
    for joint in way.joints_crossed:
        assert joint.replace("_", " ") in row


@pytest.mark.parametrize(("name", "known"), values("needle").items(), ids=list(values("needle")))
def test_every_limit_is_on_the_page_with_value_and_status(name: str, known: Known) -> None:
    status = known.status.replace("_", " ")
    assert f"| `{name}` | {known.value:g} | {known.unit} | {status} | {known.note} |" in PAGE


def test_the_page_names_no_approach_and_no_limit_that_is_gone() -> None:
    listed = {
        line.split("`")[1]
        for line in PAGE.splitlines()
        if line.startswith("| `") and not line.startswith("| `ways.")
    }
    assert listed == {*(one.id for one in NEEDLES), *values("needle")}
