"""Check: what was read, what is missing, what is wrong, what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from osteoplan.model.case import Case
from osteoplan.model.volume import Volume
from osteoplan.workflow.explain import explain
from osteoplan.workflow.progress import Progress, quiet
from osteoplan.workflow.read import Reading, read

__all__ = ["check_case"]


def check_case(folder: Path, *, progress: Progress = quiet) -> dict[str, Any]:
    """What a plan of this folder would start from.

    Raises:
        BadInput: what is wrong, in one sentence that says what to do.
    """
    reading = read(folder, progress=progress)
    explained = explain(reading.findings)
    return {
        "case": reading.case.id,
        "read": _read(reading.case, reading),
        "findings": [asdict(finding) for finding in reading.findings],
        "warnings": [*reading.case.warnings, *reading.anatomy.warnings, *_cautions(reading)],
        "missing": [f"{q.fact}: {q.text} (asked by {', '.join(q.asked_by)})" for q in explained.questions],
    }


def _read(case: Case, reading: Reading) -> list[str]:
    lesion, anatomy = reading.lesion, reading.anatomy
    derived = [s.name for s in anatomy.structures if not s.given]
    given = [s.name for s in anatomy.structures if s.given]
    return [
        f"case {case.id}: CT {_grid(case.ct)}, {case.ct.meaning}",
        f"labels: {len(case.structures)} names" if case.labels else "labels: none",
        f"lesion {lesion.id} in {lesion.bone}, {lesion.side}, {lesion.matrix or 'matrix unknown'}",
        f"to avoid, given: {', '.join(given) or 'nothing'}",
        f"to avoid, derived: {', '.join(derived) or 'nothing'}",
        f"intact bone: {anatomy.intact_basis}",
    ]


def _cautions(reading: Reading) -> list[str]:
    found = []
    if not reading.lesion.level_confirmed:
        found.append(
            f"level {reading.anatomy.level} is not confirmed: count it, then set level_confirmed: true"
        )
    if not reading.anatomy.calibration.calibrated:
        found.append("density is uncalibrated: ratios only; give a calibrated density image for newtons")
    return found


def _grid(volume: Volume) -> str:
    spacing = " x ".join(f"{edge:.2f}" for edge in volume.spacing_mm)
    return f"{' x '.join(map(str, volume.shape))} voxels of {spacing} mm"
