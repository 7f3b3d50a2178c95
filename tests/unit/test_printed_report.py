"""On paper: one A4 page for the meeting whatever it has to say, then six at most; read back from Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteoplan.model.result import PlanResult
from osteoplan.report.plan.page import render
from tests.printed import LEAST_PT, first_page_holds, printed
from tests.report_fixture import busy, plan_result, uncalibrated


@pytest.mark.parametrize("made", [busy, uncalibrated])
def test_the_first_page_is_one_page_however_much_it_says(made, tmp_path: Path) -> None:
    result: PlanResult = made(plan_result())
    paper = printed(render(result), tmp_path)
    first_page_holds(paper)
    page = paper.pages[0]
    if made is busy:
        assert page.count("stabilisation of the") + page.count("treatment without a simulation") >= 7
        assert page.count("kept from the canal by live view and a stop rule, and only where the") == 3
        assert "97 discs – 118 caps" in page
    assert not any("Digests and settings" in one for one in paper.pages), "hashes stay on the screen"


def test_pages_that_are_shrunk_to_hold_a_wide_one_are_found(tmp_path: Path) -> None:
    wide = render(plan_result()).replace(".stamp td {", ".stamp { width: 1200px } .stamp td {", 1)
    assert printed(wide, tmp_path).least_pt < LEAST_PT


def test_what_sticks_out_of_the_page_is_found(tmp_path: Path) -> None:
    page = render(plan_result())
    wide = page.replace(".first { font-size: 10.8px", ".top { width: 1400px } .first { font-size: 9px", 1)
    paper = printed(wide, tmp_path)
    assert paper.cut
    assert paper.least_pt < LEAST_PT
