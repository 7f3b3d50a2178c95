"""Strength before treatment, alone: every load case of the bone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from osteoplan.anatomy.neighbours import with_neighbours
from osteoplan.io.certainty_json import rigidity_document, tornado_document
from osteoplan.io.plan_json import INTENDED_USE, outcome_document
from osteoplan.knowledge.loads import Magnitude
from osteoplan.model.case import Patient
from osteoplan.provenance import cache_folder
from osteoplan.workflow.bench import Bench
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.certainty import rigidity_of, tornado_of
from osteoplan.workflow.ladder import ladder_document
from osteoplan.workflow.load_cases import LoadCase
from osteoplan.workflow.progress import Progress, quiet
from osteoplan.workflow.read import read
from osteoplan.workflow.settings import PlanSettings
from osteoplan.workflow.simulate import strength
from osteoplan.workflow.solved_files import write_solved, write_supports

__all__ = ["strength_of"]


def strength_of(
    folder: Path,
    settings: PlanSettings,
    *,
    load_case: str | None = None,
    ladder: str = "L0",
    out: Path | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Strength of a case folder's bone, as a document.

    ``intact`` and ``now`` hold outcomes (``outcomes`` is ``now`` again), ``load_cases`` how the bone is held
    and loaded in each case, how large its loads are in life, and thresholds that others published.

    Args:
        load_case: id of one load case; None runs all of this bone's.
        ladder: L0 for the linear solution alone; L1, L2 to let the bone yield too (``mechanics.ladder``).
        out: folder for VTK files, CalculiX decks and pictures of what was solved; None writes nothing.

    Raises:
        NotAvailable: this version has no load case for the bone, or its supports are not seen.
        UnknownName: the bone has no such load case.
    """
    reading = read(folder, lesion=settings.lesion, progress=progress)
    # the other hip bone and the sacrum, for a ring
    patient, anatomy = reading.case.patient, with_neighbours(reading.anatomy, reading.case)
    cache = Cache(cache_folder() / "results")
    bench = Bench(anatomy, settings, cache, patient=patient, which=load_case or "all")
    found = strength(bench, progress=progress, span=(0.2, 1.0 if out is None else 0.7))
    files: tuple[Path, ...] = ()
    if out is not None:
        stamps = ("the lesion is simulated",) if anatomy.lesion.simulated else ()
        files = (
            *write_solved(bench, out, progress=progress, span=(0.7, 1.0)),
            *write_supports(bench, out, stamps),
        )
    warnings = [*reading.case.warnings, *anatomy.warnings, *bench.warnings, *found.now.warnings]
    if not anatomy.calibration.calibrated:
        warnings.insert(0, "uncalibrated density: read ratios only, newtons are not absolute")
    yielding = None if ladder == "L0" else ladder_document(bench, ladder, progress=progress)
    sections, left_out = rigidity_of(anatomy, settings)
    now = [outcome_document(outcome) for outcome in found.now.outcomes]
    return {
        "intended_use": INTENDED_USE,
        "outcomes": now,
        "now": now,
        "intact": [outcome_document(outcome) for outcome in found.intact.outcomes],
        "intact_basis": anatomy.intact_basis,
        "load_cases": [_described(case, anatomy.bone, patient) for case in bench.cases],
        "diagnostics": dict(found.now.diagnostics),
        "sensitivity": [
            tornado_document(tornado_of(outcome, "now, share of intact", bench.case.resolution_pct))
            for outcome in found.now.outcomes
            if outcome.id == bench.case.ratio and outcome.target == bench.case.case.title
        ],
        "rigidity": [
            rigidity_document(part, [outcome_document(o) for o in part.outcomes]) for part in sections
        ],
        "ladder": yielding,
        "files": [str(file) for file in files],
        "warnings": [*warnings, *left_out],
    }


def _described(case: LoadCase, bone: str, patient: Patient) -> dict[str, Any]:
    """How the bone is held and loaded, and what others say of the size of loads and strengths."""
    known = case.case
    return {
        "id": known.id,
        "for": known.title,
        "held": known.held,
        "loaded": known.loaded,
        "direction": known.direction,
        "loads": [_load(one, patient) for one in known.magnitudes if one.applies(bone)],
        "thresholds": [
            {**one.model_dump(include={"outcome", "title", "value", "unit", "status", "note"}),
             "cite": list(one.cite)}
            for one in known.thresholds
        ],
    }  # fmt: skip


def _load(magnitude: Magnitude, patient: Patient) -> dict[str, Any]:
    """A load of this patient; null where weight or height is needed and unknown."""
    amount = magnitude.of(patient)
    return {
        "id": magnitude.id,
        "title": magnitude.title,
        "value": None if amount is None else amount.value,
        "low": None if amount is None else amount.low,
        "high": None if amount is None else amount.high,
        "unit": magnitude.unit,
        "formula": magnitude.value,
        "cite": list(magnitude.cite),
        "status": magnitude.status,
        "note": magnitude.note,
    }
