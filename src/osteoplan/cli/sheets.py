"""Commands that make papers for the room: sheet."""

from __future__ import annotations

from pathlib import Path

from osteoplan.cli.root import DONE, USE, Force, Json, app
from osteoplan.io.places import require_writable

__all__ = ["sheet"]


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
    from osteoplan.workflow.sheet import write_sheet

    path = out or plan.parent / f"sheet_{option}.pdf"
    require_writable(path.parent)
    with watching() as progress:
        made = make_sheet(plan, option, case=case, progress=progress)
    new = write_sheet(made, path, force=force)
    if json:
        print_json(made.says)
        return DONE
    for alarm in made.says["alarms"]:
        console.print(f"warning: {alarm}", markup=False)
    console.print(f"{'wrote' if new else 'unchanged'} {path}", markup=False)
    console.print(USE, style="dim")
    return DONE
