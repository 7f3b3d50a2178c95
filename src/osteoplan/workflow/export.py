"""A plan as other files: its report as PDF, from what was kept when the plan was made.

pdf(Path("plan/plan.json"), "meeting")
"""

from __future__ import annotations

import json
from pathlib import Path

from osteoplan.errors import BadInput
from osteoplan.io.plan_json import read_plan
from osteoplan.report.plan.paper import SCHEMA, To, printed

__all__ = ["PAGES", "pdf"]

PAGES = "report.json"  # beside plan.json: what the pages of its report say


def pdf(plan: Path, to: To) -> bytes:
    """A version of the report of a plan.

    Raises:
        BadInput: no such plan; its pages are not beside it, or are another plan's or another version's.
    """
    document, beside = read_plan(plan), plan.with_name(PAGES)
    if not beside.is_file():
        raise BadInput(f"{beside}: no such file; 'osteoplan plan' writes it beside plan.json")
    try:
        pages = json.loads(beside.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as why:
        raise BadInput(f"{beside}: not valid JSON ({why}); plan the case again") from why
    told = (pages.get("schema"), pages.get("plan")) if isinstance(pages, dict) else ()
    if told != (SCHEMA, document["id"]):
        raise BadInput(f"{beside}: not the pages of this plan and version; plan the case again with --force")
    return printed(pages, to)
