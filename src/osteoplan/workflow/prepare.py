"""Prepare: make a case folder from images, and look at one before planning."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteoplan.errors import AlreadyExists, BadInput
from osteoplan.io.case import read_case, read_case_file, read_images
from osteoplan.io.yaml import write_yaml
from osteoplan.model.case import Case

__all__ = ["Ellipsoid", "NewCase", "init_case"]


@dataclass(frozen=True)
class Ellipsoid:
    """A lesion drawn as centre [LPS mm] and full axes [mm] along the patient's axes."""

    centre_mm: tuple[float, float, float]
    axes_mm: tuple[float, float, float]


@dataclass(frozen=True)
class NewCase:
    """What ``init`` was told."""

    ct: Path
    labels: Path | None = None
    scheme: str | None = None
    names: Path | None = None
    lesion: Path | Ellipsoid | None = None
    bone: str | None = None
    side: str | None = None
    matrix: str | None = None
    calibration: dict[str, Any] | None = None


def init_case(folder: Path, new: NewCase, *, force: bool = False) -> Case | None:
    """Make a case folder: copy the images, write case.yaml, read it back.

    Nothing appears at ``folder`` unless the whole case can be read.  Without a lesion the folder is made for
    ``simulate-lesion`` and None is returned.

    Raises:
        AlreadyExists: the folder holds a case already, and ``force`` was not given.
        BadInput: images that cannot be used together, or a lesion without bone and side.
    """
    if (folder / "case.yaml").exists() and not force:
        raise AlreadyExists(f"{folder} is a case already; choose another folder, or --force to replace it")
    if new.lesion is not None and (new.bone is None or new.side is None):
        raise BadInput("a lesion needs --bone (e.g. vertebra_T12) and --side (left, right or midline)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as made:
        beside = Path(made) / "case"
        beside.mkdir()
        write_yaml(beside / "case.yaml", _document(folder.name, new, beside))
        case = _read_back(beside)
        if folder.exists():
            _replace_files(beside, folder)
        else:
            beside.replace(folder)
    return case


def _document(name: str, new: NewCase, folder: Path) -> dict[str, Any]:
    """case.yaml, with every image copied beside it."""
    images: dict[str, Any] = {"ct": _copy(new.ct, folder, "ct")}
    if new.labels is not None:
        labels = {"file": _copy(new.labels, folder, "labels")}
        if new.names is not None:
            labels["names"] = _copy(new.names, folder, "structures")
        else:
            labels["scheme"] = new.scheme or "totalsegmentator"
        images["labels"] = labels
    images["calibration"] = new.calibration or {"kind": "fixed", "kvp": 120}
    lesions = []
    if new.lesion is not None:
        lesion: dict[str, Any] = {"id": "L1", "bone": new.bone, "side": new.side}
        lesion |= {"level_confirmed": False, "target": True}
        if isinstance(new.lesion, Ellipsoid):
            centre, axes = list(new.lesion.centre_mm), list(new.lesion.axes_mm)
            lesion["mask"] = {"ellipsoid": {"centre_mm": centre, "axes_mm": axes}}
        else:
            lesion["mask"] = _copy(new.lesion, folder, "lesion")
        if new.matrix is not None:
            lesion["matrix"] = new.matrix
        lesions.append(lesion)
    return {"id": name, "images": images, "lesions": lesions}


def _copy(source: Path, folder: Path, stem: str) -> str:
    """Copy one file under a plain name; keeps the suffix."""
    if source.is_dir():
        raise BadInput(
            f"{source}: DICOM folders are not read by this version; convert the series to NIfTI first"
        )
    if not source.is_file():
        raise BadInput(f"{source}: no such file")
    suffix = ".nii.gz" if source.name.endswith(".nii.gz") else source.suffix
    shutil.copyfile(source, folder / f"{stem}{suffix}")
    return f"{stem}{suffix}"


def _read_back(folder: Path) -> Case | None:
    """The new case, read as any other; only the CT is read where there is no lesion yet."""
    file = read_case_file(folder)
    if file.lesions:
        return read_case(folder)
    read_images(folder, file, file.images.ct)
    return None


def _replace_files(beside: Path, folder: Path) -> None:
    """Move the new files over; case.yaml last, so that it never names a file that is not there."""
    for path in sorted(beside.iterdir(), key=lambda p: p.name == "case.yaml"):
        path.replace(folder / path.name)
