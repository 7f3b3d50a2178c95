"""A plan as other files: its report as PDF, from what was kept when the plan was made.

pdf(Path("plan/plan.json"), "meeting")
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any, Literal

import osteoplan
from osteoplan.errors import BadInput
from osteoplan.io.documents import VerificationDocument, as_json
from osteoplan.io.plan_json import read_plan
from osteoplan.io.yaml import write_text
from osteoplan.knowledge.load import version as knowledge_version
from osteoplan.provenance import cache_folder, digest
from osteoplan.report.plan.nouns import ReportSection
from osteoplan.report.plan.paper import SCHEMA, To, printed
from osteoplan.report.plan.technical import verified_section
from osteoplan.workflow.patient import patient_paper
from osteoplan.workflow.progress import Progress, quiet
from osteoplan.workflow.verify import data_folder, verify

__all__ = ["PAGES", "pdf"]

PAGES = "report.json"  # beside plan.json: what the pages of its report say
# cases that speak of some bones alone: ids of these sites, and how the cases' ids begin
_ALONE = (
    (("spine", "thoracolumbar_spine"),
     ("L2", "L4", "order-bridging", "order-lytic-size", "order-pmma-disc", "molloy-fill", "lytic-filled")),
    (("pelvis",), ("order-screw-cement", "order-cortex-stress")),
    (("femur", "humerus"), ("order-neutral-axis",)),
)  # fmt: skip


def pdf(
    plan: Path, to: To | Literal["patient"], *, language: str = "en", progress: Progress = quiet
) -> bytes:
    """A version of the report of a plan; the technical one with the proof of this program on this machine.

    Args:
        language: of the patient's page.

    Raises:
        BadInput: no such plan; its pages are not beside it, or are another plan's or another version's.
    """
    document, beside = read_plan(plan), plan.with_name(PAGES)
    if to == "patient":  # from plan.json alone
        return patient_paper(document, language)
    if not beside.is_file():
        raise BadInput(f"{beside}: no such file; 'osteoplan plan' writes it beside plan.json")
    try:
        pages = json.loads(beside.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as why:
        raise BadInput(f"{beside}: not valid JSON ({why}); plan the case again") from why
    told = (pages.get("schema"), pages.get("plan")) if isinstance(pages, dict) else ()
    if told != (SCHEMA, document["id"]):
        raise BadInput(f"{beside}: not the pages of this plan and version; plan the case again with --force")
    if to == "meeting":
        return printed(pages, to)
    return printed(pages, to, _verified((document["wordings"] or {}).get("site", ""), progress))


def _verified(site: str, progress: Progress) -> ReportSection:
    """The cases that concern a kind of bone, computed once for a version of program and knowledge."""
    key = digest(osteoplan.__version__, knowledge_version(), data_folder().is_dir())
    kept = cache_folder() / f"verified-{key[:32]}.json"
    found: dict[str, Any]
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
    else:
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        found = {"day": day, **as_json(VerificationDocument, verify(progress=progress))}
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(kept, json.dumps(found))
    others = tuple(start for sites, starts in _ALONE if site not in sites for start in starts)
    return verified_section(
        [case for case in found["cases"] if not case["id"].startswith(others)], found["seconds"], found["day"]
    )
