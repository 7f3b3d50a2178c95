"""Strength before treatment, alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from osteoplan.io.plan_json import INTENDED_USE, outcome_document
from osteoplan.provenance import cache_folder
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.progress import Progress, quiet
from osteoplan.workflow.read import read
from osteoplan.workflow.settings import PlanSettings
from osteoplan.workflow.simulate import Bench, strength

__all__ = ["strength_of"]


def strength_of(folder: Path, settings: PlanSettings, *, progress: Progress = quiet) -> dict[str, Any]:
    """``{"outcomes": [...now...], "intact": [...], "now": [...], "warnings": [...]}`` of a case folder.

    Raises:
        NotAvailable: this version has no load case for the bone, or its supports are not seen.
    """
    reading = read(folder, lesion=settings.lesion, progress=progress)
    bench = Bench(reading.anatomy, settings, Cache(cache_folder() / "results"))
    found = strength(bench, progress=progress, span=(0.2, 1.0))
    warnings = [*reading.case.warnings, *reading.anatomy.warnings, *found.now.warnings]
    if not reading.anatomy.calibration.calibrated:
        warnings.insert(0, "uncalibrated density: read ratios only, newtons are not absolute")
    now = [outcome_document(outcome) for outcome in found.now.outcomes]
    return {
        "intended_use": INTENDED_USE,
        "outcomes": now,
        "now": now,
        "intact": [outcome_document(outcome) for outcome in found.intact.outcomes],
        "diagnostics": dict(found.now.diagnostics),
        "warnings": warnings,
    }
