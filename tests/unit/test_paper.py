"""The report as PDF: one A4 page for the meeting, the same words as the HTML, the same bytes every time."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pypdf
import pytest

from osteoplan.cli.app import run
from osteoplan.errors import BadInput
from osteoplan.io.plan_json import plan_document, write_plan
from osteoplan.report.plan.drawings import draw
from osteoplan.report.plan.meeting import first_page
from osteoplan.report.plan.paper import Json, paper, printed
from osteoplan.workflow.export import PAGES, pdf
from tests.report_fixture import NASTY, busy, changed, plan_result

LEAST_PT = 7.0  # of DejaVu Sans: as high as Arial of 7.4 pt


@cache
def _pages() -> Json:
    return paper(busy(plan_result()), draw(busy(plan_result())))


def _words(made: bytes) -> str:
    sheets = pypdf.PdfReader(io.BytesIO(made)).pages
    return " ".join(" ".join(sheet.extract_text() for sheet in sheets).replace("\u00a0", " ").split())


def test_the_meeting_is_one_landscape_page_whatever_it_has_to_say() -> None:
    (sheet,) = pypdf.PdfReader(io.BytesIO(printed(_pages(), "meeting"))).pages
    assert [float(x) for x in sheet.mediabox[2:]] == pytest.approx([841.89, 595.28], abs=0.1)
    sizes = set()

    def note(text: str, cm: list[float], tm: list[float], font: object, size: float) -> None:
        if text.strip():
            sizes.add(size * abs(tm[3] * cm[3]))

    sheet.extract_text(visitor_text=note)
    assert min(sizes) >= LEAST_PT - 0.05


def test_the_pdf_says_what_the_first_page_says_and_numbers_its_sources() -> None:
    words, first = _words(printed(_pages(), "meeting")), first_page(busy(plan_result()))
    for row in first.rows:
        assert row.title in words
        for one in (*row.evidence, *row.risk, *row.burden):
            assert one.text + "".join(f" [{n}]" for n in one.sources) in words
        for one in (*row.bone, *row.against):
            assert one.text in words
    for told in (*first.flags, *first.questions):
        assert told.text in words
    assert "2 WJSO2022" in words
    assert "Research use only" in words


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert printed(_pages(), "meeting") == printed(json.loads(json.dumps(_pages())), "meeting")


def test_what_a_user_typed_is_text_and_never_markup() -> None:
    made = plan_result()
    typed = f"{NASTY} #strong[bold] *star* $x$"
    case = replace(made.reading.case, id=typed)
    found = changed(made, case=case)
    assert typed in _words(printed(paper(found, draw(found)), "meeting"))


def test_a_pdf_is_made_from_what_stands_beside_the_plan_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.json"
    write_plan(plan_document(plan_result(), case_folder="not-there"), plan)
    with pytest.raises(BadInput, match=f"{PAGES}: no such file"):
        pdf(plan, "meeting")
    beside = plan.with_name(PAGES)
    beside.write_text(json.dumps({**_pages(), "plan": 64 * "0"}), encoding="utf-8")
    with pytest.raises(BadInput, match="not the pages of this plan"):
        pdf(plan, "meeting")
    beside.write_text(json.dumps(_pages()), encoding="utf-8")
    assert run(["export", str(plan), "--to", "pdf"]) == 0
    assert (tmp_path / "meeting.pdf").read_bytes() == printed(_pages(), "meeting")
    assert "meeting.pdf" in " ".join(capsys.readouterr().out.split())
