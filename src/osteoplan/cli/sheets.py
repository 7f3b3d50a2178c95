"""Commands that make papers: the sheet for the room, the report for the meeting, the patient's page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from osteoplan.cli.root import DONE, INCOMPLETE, USE, Force, Json, app
from osteoplan.io.places import require_writable

__all__ = ["export", "patient", "sheet"]


@app.command
def sheet(
    plan: Path,
    option: str,
    *,
    out: Path | None = None,
    case: Path | None = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """The one-page procedure sheet of one option, as PDF.

    Example: osteoplan sheet osteoplan-demo/plan.json vertebroplasty_left

    Parameters
    ----------
    plan
        a plan.json
    option
        id of an option in it
    out
        the PDF (default sheet_OPTION.pdf beside the plan)
    case
        case folder, where it has moved
    """
    from osteoplan.cli.console import out as console
    from osteoplan.cli.console import print_json, watching
    from osteoplan.workflow.sheet import sheet as make_sheet
    from osteoplan.workflow.sheet import write_paper

    path = out or plan.parent / f"sheet_{option}.pdf"
    require_writable(path.parent)
    with watching() as progress:
        made = make_sheet(plan, option, case=case, progress=progress)
    new = write_paper(made.pdf, path, force=force)
    if json:
        print_json(made.says)
        return DONE
    for alarm in made.says["alarms"]:
        console.print(f"warning: {alarm}", markup=False)
    console.print(f"{'wrote' if new else 'unchanged'} {path}", markup=False)
    console.print(USE, style="dim")
    return DONE


@app.command
def export(
    plan: Path,
    *,
    to: Literal["pdf"] = "pdf",
    page: Literal["meeting", "technical", "patient"] = "meeting",
    language: str = "en",
    out: Path | None = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """A plan as other files: its report as PDF.

    The page of the meeting is one A4 landscape sheet.  The technical version holds what stands behind it:
    load cases, mesh and solver, verification, uncertainty, evidence, rules, sources.  The patient's page is
    that of 'osteoplan patient', for paper.

    Example: osteoplan export osteoplan-demo/plan.json --to pdf

    Example: osteoplan export osteoplan-demo/plan.json --to pdf --page technical

    Parameters
    ----------
    plan
        a plan.json; report.json, which 'osteoplan plan' wrote with it, must stand beside it
    to
        which kind of file
    page
        which version of the report
    language
        of the patient's page: en or de
    out
        the PDF (default PAGE.pdf beside the plan)
    """
    from osteoplan.cli.console import out as console
    from osteoplan.cli.console import print_json, watching
    from osteoplan.workflow.export import pdf
    from osteoplan.workflow.sheet import write_paper

    path = out or plan.parent / f"{page}.pdf"
    require_writable(path.parent)
    with watching() as progress:
        made = pdf(plan, page, language=language, progress=progress)
    new = write_paper(made, path, force=force)
    if json:
        print_json({"page": page, "file": str(path), "new": new})
        return DONE
    console.print(f"{'wrote' if new else 'unchanged'} {path}", markup=False)
    console.print(USE, style="dim")
    return DONE


@app.command
def patient(
    plan: Path,
    *,
    language: str = "en",
    out: Path | None = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """The patient's page of a plan: what can be chosen, in plain words, and what matters to the patient.

    Example: osteoplan patient case1 --language de

    Parameters
    ----------
    plan
        a plan.json, or a case folder that was planned
    language
        of the page: en or de
    out
        the HTML file (default patient.html beside the plan, patient_de.html in another language)
    """
    from osteoplan.cli.console import err, print_json
    from osteoplan.cli.console import out as console
    from osteoplan.io.plan_json import read_plan
    from osteoplan.workflow.patient import page_name, patient_page, plan_of, why_no_page
    from osteoplan.workflow.sheet import write_paper

    source = plan_of(plan)
    document = read_plan(source)
    if why := why_no_page(document):
        err.print(why, markup=False)
        if json:
            print_json({"page": None, "why_not": why})
        return INCOMPLETE
    path = out or source.parent / page_name(language)
    page = patient_page(document, language)
    require_writable(path.parent)
    new = write_paper(page.encode(), path, force=force)
    if json:
        print_json({"page": str(path), "why_not": ""})
        return DONE
    console.print(f"{'wrote' if new else 'unchanged'} {path}", markup=False)
    console.print(USE, style="dim")
    return DONE
