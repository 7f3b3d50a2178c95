"""Commands that make papers: the sheet for the room, the report for the meeting."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from osteoplan.cli.root import DONE, USE, Force, Json, app
from osteoplan.io.places import require_writable

__all__ = ["export", "sheet"]


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
    from osteoplan.workflow.sheet import write_pdf

    path = out or plan.parent / f"sheet_{option}.pdf"
    require_writable(path.parent)
    with watching() as progress:
        made = make_sheet(plan, option, case=case, progress=progress)
    new = write_pdf(made.pdf, path, force=force)
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
    page: Literal["meeting", "technical"] = "meeting",
    out: Path | None = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """A plan as other files: its report as PDF.

    The page of the meeting is one A4 landscape sheet.  The technical version holds what stands behind it:
    load cases, mesh and solver, verification, uncertainty, evidence, rules, sources.

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
    out
        the PDF (default PAGE.pdf beside the plan)
    """
    from osteoplan.cli.console import out as console
    from osteoplan.cli.console import print_json, watching
    from osteoplan.workflow.export import pdf
    from osteoplan.workflow.sheet import write_pdf

    path = out or plan.parent / f"{page}.pdf"
    require_writable(path.parent)
    with watching() as progress:
        made = pdf(plan, page, progress=progress)
    new = write_pdf(made, path, force=force)
    if json:
        print_json({"page": page, "file": str(path), "new": new})
        return DONE
    console.print(f"{'wrote' if new else 'unchanged'} {path}", markup=False)
    console.print(USE, style="dim")
    return DONE
