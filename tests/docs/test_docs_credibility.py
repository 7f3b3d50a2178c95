"""What the pages on verification and credibility say is what a run says, and their links lead somewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from osteoplan.report.rendering import source
from osteoplan.verification.cases import VerificationCase, ids
from tests.docs.verification_page import verification_rows, with_table

DOCS = Path(__file__).resolve().parents[2] / "docs"
CREDIBILITY = (DOCS / "credibility.md").read_text(encoding="utf-8")
VERIFICATION = (DOCS / "verification.md").read_text(encoding="utf-8")

CASE = VerificationCase("A0", "a bar", 2.0, 0.1, 2.05, "N", "us")


def test_the_table_of_the_page_holds_every_case_in_order_and_none_that_is_gone():
    table = VERIFICATION.split("<!-- from a run: start -->")[1].split("<!-- from a run: end -->")[0]
    assert re.findall(r"^\| ([^ |]+) \|", table, re.MULTILINE)[1:] == list(ids())
    assert "**fails**" not in table


def test_a_case_that_fails_says_so_in_the_table_and_an_open_one_tells_why():
    assert "| 2.05 |" in verification_rows([CASE])
    assert "| 3 **fails** |" in verification_rows([replace(CASE, got=3.0)])
    assert "| no data |" in verification_rows([replace(CASE, got=None, reason="no data")])


def test_only_what_stands_between_the_marks_is_replaced():
    page = "before <!-- from a run: start -->old<!-- from a run: end --> after"
    assert with_table(page, "new") == "before <!-- from a run: start -->\nnew\n<!-- from a run: end --> after"


@pytest.mark.parametrize("page", ["credibility.md", "verification.md"])
def test_every_link_leads_to_a_page(page):
    for target in re.findall(r"\]\(([^)#]+)\)", (DOCS / page).read_text(encoding="utf-8")):
        assert (DOCS / target).is_file(), target


@pytest.mark.parametrize(
    ("said", "run"),
    [
        ("adds 0.7 % of intact, a column 59 %, a full fill 89 %", "core 0.7 .*mm 59.1 .*full 88.6 "),
        ("ours 13 % by a strain criterion", "criterion 13 % higher"),
        ("reproduced: +1.1 %, +2.1 %", "cement 1.0106 .*wires 1.0206 "),
        ("takes 1005 W/m where theory takes 1000", "took 1005 W/m of 1000"),
        ("2.14 (smooth) and 1.27 (front)", "V4-order .* 1.27\\d+ (?s:.*)V9 .* 2.138"),
        ("0.13 mm at worst", "worst 0.128 mm"),
    ],
)
def test_a_number_of_the_credibility_page_stands_in_the_run(said, run):
    assert said in CREDIBILITY
    assert re.search(run, VERIFICATION)


def test_the_eight_kinds_of_evidence_and_what_is_missing_stand_on_the_page():
    rows = re.findall(r"^\| (\d) [^|]+\|[^|]+\|[^|]+\|([^|]+)\|", CREDIBILITY, re.MULTILINE)
    assert [number for number, _ in rows] == [str(n) for n in range(1, 9)]
    assert "R2 only .22 to .25" in CREDIBILITY


def test_what_the_technical_report_says_of_credibility_stands_on_the_page():
    told, page = yaml.safe_load(source("credibility.yaml")), " ".join(CREDIBILITY.split())
    for row in told["adequate"]:
        assert f"| {row['for']} | {row['is']} | {row['why']} |" in CREDIBILITY
    for line in told["not_validated"]:
        assert f"- {line}" in page
