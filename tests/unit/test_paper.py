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
from osteoplan.io.documents import VerificationDocument, as_json
from osteoplan.io.plan_json import plan_document, write_plan
from osteoplan.knowledge.patient import patient_words
from osteoplan.report.plan.drawings import draw
from osteoplan.report.plan.meeting import first_page
from osteoplan.report.plan.nouns import ReportSection, Table, TableRow
from osteoplan.report.plan.paper import Json, paper, printed
from osteoplan.report.plan.technical import verified_section
from osteoplan.verification.cases import VerificationCase
from osteoplan.workflow.export import PAGES, _verified, pdf
from osteoplan.workflow.patient import patient_paper
from osteoplan.workflow.progress import quiet
from osteoplan.workflow.verify import Verified
from tests.patient_made import plan_for_patient
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


def test_the_technical_version_says_model_proof_credibility_evidence_rules_and_sources() -> None:
    case = VerificationCase("A1", "patch test", 0.0, 1e-10, 3e-11, "1", "linear fields")
    failed = replace(case, id="A2", got=2.0)
    proof = as_json(VerificationDocument, Verified((case, failed), 4.0))
    verified = verified_section(proof["cases"], 4.0, "2026-11-30")
    words = _words(printed(_pages(), "technical", verified))
    for said in ("patch test", "3e-11", "FAILS", "will it break", "Rules that spoke", "Sources"):
        assert said in words
    assert words.index("Mesh, solver, laws") < words.index("Verification") < words.index("can be believed")
    for source in plan_result().citations:
        assert source.text in words
    for verdict in (one for one in busy(plan_result()).explanation.verdicts if one.spoke):
        assert verdict.text in words


def test_the_technical_version_leaves_no_page_half_empty_but_the_last() -> None:
    sheets = pypdf.PdfReader(io.BytesIO(printed(_pages(), "technical"))).pages
    for sheet in sheets[:-1]:
        assert _lowest(sheet) < 0.5 * float(sheet.mediabox[3])


def _lowest(sheet: pypdf.PageObject) -> float:
    """Where the last word above the foot stands [pt from below]."""
    found: list[float] = []

    def note(text: str, cm: list[float], tm: list[float], font: object, size: float) -> None:
        at = tm[5] * cm[3] + cm[5]
        if text.strip() and at > 40.0:
            found.append(at)

    sheet.extract_text(visitor_text=note)
    return min(found)


def test_only_cases_that_concern_the_bone_stand_in_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTEOPLAN_CACHE", str(tmp_path))
    case = VerificationCase("A1", "patch test", 0.0, 1e-10, 3e-11, "1", "linear fields")
    made = Verified((case, replace(case, id="L2-core"), replace(case, id="order-screw-cement")), 1.0)
    monkeypatch.setattr("osteoplan.workflow.export.verify", lambda progress: made)
    spine = [row.cells[0] for row in _rows(_verified("spine", quiet))]
    assert spine == ["A1", "L2-core"]
    monkeypatch.setattr("osteoplan.workflow.export.verify", None)  # computed once
    assert [row.cells[0] for row in _rows(_verified("pelvis", quiet))] == ["A1", "order-screw-cement"]


def _rows(section: ReportSection) -> tuple[TableRow, ...]:
    return next(part.rows for part in section.parts if isinstance(part, Table))


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_patient_reads_on_paper_what_the_screen_says_but_not_the_time_that_is_left(language: str) -> None:
    words, page = _words(patient_paper(plan_for_patient(), language)), patient_words(language).page
    for said in ("title", "choice", "choose", "how_to_read", "unknown", "matters", "teach_back", "my_choice"):
        assert page[said] in words
    for technique in ("vertebroplasty", "radiotherapy", "best_supportive_care"):
        assert patient_words(language).techniques[technique].what in words
    assert page["time_before"] not in words
    for rule in ("rfa", "QALY", "GBP"):
        assert rule not in words


def test_no_patient_page_is_made_where_a_stop_rule_spoke() -> None:
    stop = {**plan_for_patient()["verdicts"][0], "effect": "stop", "truth": True}
    with pytest.raises(BadInput, match="no patient's page"):
        patient_paper({**plan_for_patient(), "verdicts": [stop]})


def test_a_case_that_was_not_run_prints_no_path() -> None:
    case = {
        "id": "V1", "title": "t", "unit": "1", "got": None, "reason": "set OSTEOPLAN_DATA to /some/place",
        "tolerance": 0.1, "expected": 1.0, "ok": None, "source": "s",
    }  # fmt: skip
    table = verified_section([case], 1.0, "2026-11-30").parts[1]
    (row,) = table.rows  # type: ignore[union-attr]
    assert row.cells[3:6] == ("–", "not run: data not here", "not run")
