"""The table of ``osteoplan plan`` follows the page: short titles, tiers, 100 columns, two lines a row."""

from __future__ import annotations

import io
from itertools import pairwise

from rich.console import Console

from osteoplan.cli.tables import option_table
from osteoplan.io.plan_json import plan_document
from osteoplan.model.result import PlanResult
from tests.report_fixture import busy, plan_result


def printed(result: PlanResult) -> list[str]:
    """Lines of the table in a terminal of 100 columns."""
    told = io.StringIO()
    Console(file=told, width=100).print(option_table(plan_document(result, case_folder="case")))
    return [line.rstrip() for line in told.getvalue().splitlines()]


def test_techniques_stand_by_tier_and_their_ways_beneath_by_what_tells_them_apart():
    lines = printed(plan_result())
    assert [line.split("  ")[0] for line in lines if not line.startswith(" ")][1:] == [
        "first choice", "beside the list", "not known",
    ]  # fmt: skip
    at = next(n for n, line in enumerate(lines) if line.startswith("first choice"))
    assert lines[at + 1].split() == ["both", "pedicles", "92", "(82-100)"]
    assert "does not fit: passes 1.1 mm from" in next(line for line in lines if "right pedicle" in line)


def test_a_table_that_says_much_fits_100_columns_and_takes_two_lines_a_row_at_most():
    lines = printed(busy(plan_result()))
    assert max(map(len, lines)) <= 100
    option = lines[0].index("option")
    broken = [not line[option : option + 40].strip() for line in lines[1:]]
    assert not any(one and two for one, two in pairwise(broken))
    assert any("breach of the sacroiliac" in line for line in lines)
