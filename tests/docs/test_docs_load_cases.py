"""docs/load-cases.md keeps up with the load cases of every bone that is no vertebra."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteoplan.knowledge.loads import load_case, load_cases

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "load-cases.md").read_text(encoding="utf-8")
ROWS = {line.split("`")[1]: line for line in PAGE.splitlines() if line.startswith("| `")}
OTHERS = [id for id, case in load_cases().items() if case.bones != ("vertebra",)]


@pytest.mark.parametrize("id", OTHERS)
def test_every_load_case_says_how_it_holds_and_what_it_does_not_claim(id: str) -> None:
    cells = [cell.strip() for cell in ROWS[id].strip("|").split("|")]
    assert len(cells) == 5
    assert all(len(cell) > 5 for cell in cells)
    ranks = load_case(id).rank_by
    word = "stiffness" if ranks.startswith("stiffness") else "strain-limit"
    assert word in cells[3] or cells[3] == "as above"


def test_the_page_names_no_load_case_that_does_not_exist() -> None:
    assert set(ROWS) == set(OTHERS)


def test_the_limits_on_the_page_are_those_of_the_data() -> None:
    case = load_case("femur_stance")
    for name in ("failing_mm3", "dense_mg_cm3"):
        assert f"{case.known(name).number:g} m" in PAGE
    for name in ("tension", "compression"):
        assert f"{100 * case.known(f'bone.strain_limit_{name}').number:.2f} per" in " ".join(PAGE.split())
