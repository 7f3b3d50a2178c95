"""Check: what was read, what is missing, what is wrong, what to do about it.

A case folder is read as a plan would read it; a DICOM folder or zip is listed series by series.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import osteoplan
from osteoplan.anatomy.counting import LevelRow, count_levels
from osteoplan.errors import BadInput
from osteoplan.io.case import CaseImages, read_images
from osteoplan.io.case_file import read_case_file
from osteoplan.io.documents import INTENDED_USE
from osteoplan.io.images import is_dicom
from osteoplan.io.yaml import write_text
from osteoplan.knowledge.structures import kind_of
from osteoplan.model.case import Case
from osteoplan.model.checked import Checked, Level
from osteoplan.model.evidence import few
from osteoplan.model.findings import Findings
from osteoplan.model.labels import LabelMap
from osteoplan.model.result import Reading
from osteoplan.model.volume import Volume
from osteoplan.report.check.page import render_check
from osteoplan.workflow.explain import explain
from osteoplan.workflow.needs import needs_of, needs_without_lesion
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.read import read
from osteoplan.workflow.wordings import labels

__all__ = ["check_case", "check_document", "is_case", "list_series", "write_check_page"]


def is_case(path: Path) -> bool:
    """True for a case folder; False for a DICOM folder or zip, which is listed instead.

    Raises:
        BadInput: neither.
    """
    if (path / "case.yaml").is_file():
        return True
    if path.exists() and (path.is_file() or any(path.iterdir())) and is_dicom(path):
        return False
    raise BadInput(f"{path}: no case.yaml here and no images; make a case with 'osteoplan init'")


def list_series(path: Path, *, progress: Progress = quiet) -> dict[str, Any]:
    """Every series of a DICOM folder or zip, with what would become of it.

    Raises:
        BadInput: nothing in there is DICOM.
    """
    from osteoplan.io.dicom.series import find_series

    on_step = stage(progress, "reading DICOM headers", 0.0, 1.0)
    found = find_series(path, on_step=on_step)
    return {"intended_use": INTENDED_USE, "series": [asdict(one) for one in found]}


def check_case(folder: Path, *, lesion: str | None = None, progress: Progress = quiet) -> Checked:
    """What a plan of this folder would start from.

    Raises:
        BadInput: what is wrong, in one sentence that says what to do.
    """
    file = read_case_file(folder)
    if not file.lesions or file.images.labels is None:
        stage(progress, "reading the images", 0.0, 0.8)
        images = read_images(folder, file, file.images.ct)
        label_map = _label_map(images)
        levels, count = _levels(label_map)
        needs = needs_without_lesion(
            labels=images.labels is not None, lesion=bool(file.lesions), folder=str(folder)
        )
        return Checked(
            file.id, osteoplan.__version__, None, None, Findings(), needs, _read_images(images), images.notes,
            levels=levels, count=count, bones=_bones(label_map), ct=images.ct, label_map=label_map,
            seeded=tuple(file.images.labels.seeded) if file.images.labels else (),
        )  # fmt: skip
    reading = read(folder, lesion=lesion, progress=progress)
    explained = explain(reading)
    levels, count = _levels(reading.case.label_map)
    return Checked(
        id=reading.case.id,
        program=osteoplan.__version__,
        case=reading.case,
        anatomy=reading.anatomy,
        findings=reading.findings,
        needs=needs_of(reading, explained.scores),
        read=_read(reading.case, reading),
        warnings=(*reading.case.warnings, *reading.anatomy.warnings),
        questions=tuple(f"{q.fact}: {q.text} (asked by {few(q.asked_by)})" for q in explained.questions),
        levels=levels if reading.anatomy.is_vertebra else (),
        count=count if reading.anatomy.is_vertebra else (),
        frames=reading.anatomy.frames,
        labels=labels(),
        bones=_bones(reading.case.label_map),
        ct=reading.case.ct,
        label_map=reading.case.label_map,
        seeded=reading.case.seeded,
    )


def check_document(checked: Checked) -> dict[str, Any]:
    """The same for programs."""
    return {
        "intended_use": INTENDED_USE,
        "case": checked.id,
        "complete": checked.complete,
        "read": list(checked.read),
        "needs": [asdict(need) for need in checked.needs],
        "findings": [asdict(finding) for finding in checked.findings],
        "warnings": list(checked.warnings),
        "missing": list(checked.questions),
        "levels": [
            {
                "name": level.name,
                "z_mm": round(float(level.centre_mm[2]), 1),
                "whole": level.whole,
                "ribs": level.ribs,
            }
            for level in checked.levels
        ],
        "count": list(checked.count),
        "frames": {
            kind: {
                "origin_mm": np.round(frame.origin_mm, 2).tolist(),
                "axes": np.round(frame.axes, 6).tolist(),
                "landmarks_mm": {name: np.round(at, 2).tolist() for name, at in frame.landmarks_mm.items()},
                "lengths": {name: round(float(value), 2) for name, value in frame.lengths_mm.items()},
            }
            for kind, frame in checked.frames.items()
        },
        "calibration": None if checked.anatomy is None else checked.anatomy.calibration.record(),
    }


def write_check_page(checked: Checked, out: Path, *, progress: Progress = quiet) -> Path:
    """Write ``check.html`` into a folder: pictures to approve, the needs, what was measured."""
    stage(progress, "drawing the check page", 0.8, 1.0)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "check.html", render_check(checked))
    return out / "check.html"


def _label_map(images: CaseImages) -> LabelMap | None:
    return None if images.labels is None else LabelMap(images.labels, images.structures)


def _bones(labels: LabelMap | None) -> tuple[str, ...]:
    return () if labels is None else tuple(name for name in labels.present() if kind_of(name) == "bone")


def _levels(labels: LabelMap | None) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """Vertebrae from above to below, and what the counting aid says."""
    counted = count_levels(labels)
    levels = tuple(
        Level(f"vertebrae_{row.level}", row.centre_mm, row.whole, _ribs(row)) for row in counted.rows
    )
    anchors = (
        f"counting can start from: {', '.join(counted.anchors)}"
        if counted.anchors
        else ("nothing on this scan to count from: no C2, no first rib, no sacrum")
    )
    return levels, (anchors, *counted.sentences)


def _ribs(row: LevelRow) -> tuple[str, ...]:
    sides = (("left", row.rib_left), ("right", row.rib_right))
    return tuple(f"rib_{side}_{number}" for side, number in sides if number is not None)


def _read_images(images: CaseImages) -> tuple[str, ...]:
    names = f"labels: {len(images.structures)} names" if images.labels is not None else "labels: none"
    return f"CT {_grid(images.ct)}, {images.ct.meaning}", names


def _read(case: Case, reading: Reading) -> tuple[str, ...]:
    lesion, anatomy = reading.lesion, reading.anatomy
    derived = [s.name for s in anatomy.structures if not s.given]
    given = [s.name for s in anatomy.structures if s.given]
    return (
        f"case {case.id}: CT {_grid(case.ct)}, {case.ct.meaning}",
        *_taken(case),
        f"labels: {len(case.structures)} names" if case.labels else "labels: none",
        f"lesion {lesion.id} in {lesion.bone}, {lesion.side}, {lesion.matrix or 'matrix unknown'}",
        f"to avoid, given: {', '.join(given) or 'nothing'}",
        f"to avoid, derived: {', '.join(derived) or 'nothing'}",
        f"intact bone: {anatomy.intact_basis}",
        *(f"other scan: {other.words}" for other in case.others),
        *(f"{implant.kind} in the image: {implant.volume_mL:.1f} mL" for implant in anatomy.implants),
    )


def _taken(case: Case) -> tuple[str, ...]:
    """How the scan was taken, where it is recorded."""
    a = case.acquisition
    if a is None:
        return ()
    contrast = {True: "contrast given", False: "no contrast", None: "contrast not recorded"}[a.contrast]
    parts = [f"{a.kvp:.0f} kV" if a.kvp else "", f"kernel {a.kernel}" if a.kernel else "", contrast]
    return (f"{a.modality}: " + ", ".join(part for part in parts if part), *a.repaired)


def _grid(volume: Volume) -> str:
    spacing = " x ".join(f"{edge:.2f}" for edge in volume.spacing_mm)
    return f"{' x '.join(map(str, volume.shape))} voxels of {spacing} mm"
