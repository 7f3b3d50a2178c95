"""The procedure sheet of one option of a plan, drawn from ``plan.json`` and its case folder.

made = sheet(Path("plan/plan.json"), "vertebroplasty_left")
write_paper(made.pdf, Path("sheet.pdf"))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteoplan.anatomy.flanks import flanks
from osteoplan.errors import AlreadyExists, BadInput, named
from osteoplan.io.plan_json import heat_peaks, option_noun, read_plan, wordings_noun
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.order import order
from osteoplan.knowledge.stops import stops
from osteoplan.knowledge.structures import kind_of
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case
from osteoplan.model.plan import Option
from osteoplan.report.sheet.nouns import Asked, Stop
from osteoplan.report.sheet.page import render_sheet, sheet_document
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.read import input_digests, read
from osteoplan.workflow.wordings import probe_stamps

__all__ = ["MadeSheet", "asked_of", "sheet", "write_paper"]

Json = dict[str, Any]


@dataclass(frozen=True, eq=False)
class MadeSheet:
    """A sheet: what it says, and the page."""

    says: Json
    pdf: bytes


def sheet(plan: Path, option: str, *, case: Path | None = None, progress: Progress = quiet) -> MadeSheet:
    """Draw the sheet of one option.

    Raises:
        BadInput: no such plan, case or option; an option without a step; a case that is no longer the one
            that was planned.
    """
    document = read_plan(plan)
    chosen = _chosen(document, option)
    folder = case or (plan.parent / document["case_folder"]).resolve()
    _require_same_case(document, folder)
    reading = read(folder, lesion=document["lesion"], progress=progress)
    stage(progress, "drawing the sheet", 0.9, 1.0)
    asked = asked_of(document, chosen, reading.case, reading.anatomy)
    return MadeSheet(sheet_document(asked), render_sheet(asked))


def asked_of(document: Json, option: Option, case: Case, anatomy: Anatomy) -> Asked:
    """An option of a plan with everything that its sheet says beside it; devices are those of its day."""
    words = wordings_noun(document)
    return Asked(
        option=option,
        case=case,
        anatomy=anatomy,
        plan=document["id"],
        date=document["stamp"]["created"],
        program=f"osteoplan {document['stamp']['program']}",
        devices=devices() if words is None else words.devices,
        stops=tuple(Stop(row.at, row.where, row.text, row.status) for row in stops()),
        elsewhere=frozenset(str(kind_of(name)) for name in anatomy.on_scan),
        spacers=frozenset(order().no_part),
        cold=frozenset(order().kinds["ablate_cold"].sources),
        felt=heat_peaks(document, option.id),
        probe_stamps=probe_stamps(devices()) if words is None else words.probe_stamps,
        middle_of_body=lambda at_mm: flanks(case.ct, at_mm).middle_mm,
    )


def write_paper(page: bytes, path: Path, *, force: bool = False) -> bool:
    """Write a page; False where the same page is there already.

    Raises:
        AlreadyExists: another file is there.
    """
    if path.exists():
        if path.read_bytes() == page:
            return False
        if not force:
            raise AlreadyExists(f"{path}: another file is there; --force replaces it, --out goes elsewhere")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(page)
    beside.replace(path)
    return True


def _chosen(document: Json, id: str) -> Option:
    """The option of that id, if there is something to do in the room."""
    options = {one["id"]: one for one in document["options"]}
    found = option_noun(named("option", id, options, "this plan"))
    if not found.plan.steps:
        others = ", ".join(one["id"] for one in options.values() if one["steps"]) or "none"
        raise BadInput(f"option {id} has no step to carry out in the room; options with steps: {others}")
    return found


def _require_same_case(document: Json, folder: Path) -> None:
    """Entries are places in one scan: on another scan they would be wrong without looking wrong."""
    if not (folder / "case.yaml").is_file():
        raise BadInput(f"{folder}: the case of this plan is not there; say where it is with --case")
    made, today = document["stamp"]["inputs"], input_digests(folder)
    changed = sorted(name for name in {*made, *today} if made.get(name) != today.get(name))
    if changed:
        raise BadInput(f"{folder}: {', '.join(changed)} changed since the plan was made: plan the case again")
