"""A case on disk: ``case.yaml`` and the images that it names.

Reading it either gives a ``Case`` that can be trusted from then on, or one sentence that says what, why and
what to do.  DICOM comes with issue B; until then images are NIfTI.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from osteoplan.errors import BadInput, LesionError
from osteoplan.io.nifti import read_nifti
from osteoplan.io.yaml import checked, read_yaml
from osteoplan.knowledge.load import Strict
from osteoplan.knowledge.structures import scheme
from osteoplan.model.case import Case, Fact, Lesion, Patient
from osteoplan.model.volume import Meaning, Volume
from osteoplan.pathway.vocabulary import parse_facts

__all__ = ["CaseFile", "read_case", "read_case_file", "read_images"]

Facts = dict[str, bool | int | float | str | None]


class LabelsFile(Strict):
    """Label map and how its numbers are named; ``names`` wins over ``scheme``."""

    file: str
    scheme: str | None = None
    names: str | None = None


class ImagesFile(Strict):
    """Images of the case.  ``ct_before`` is the scan before a simulated lesion."""

    ct: str
    labels: LabelsFile | None = None
    ct_before: str | None = None
    mr: list[dict[str, Any]] = []
    dose: str | None = None
    calibration: dict[str, Any]


class EllipsoidFile(Strict):
    """A lesion drawn as an ellipsoid along the patient's axes: centre [LPS mm], full axes [mm]."""

    centre_mm: tuple[float, float, float]
    axes_mm: tuple[float, float, float]


class MaskFile(Strict):
    """A lesion mask that is not a plain file name."""

    ellipsoid: EllipsoidFile


class LesionFile(Strict):
    """One lesion."""

    id: str
    bone: str
    side: Literal["left", "right", "midline"]
    mask: str | MaskFile
    level_confirmed: bool = False
    target: bool = True
    matrix: Literal["lytic", "mixed", "blastic"] | None = None
    simulated: bool = False
    truth: str | None = None
    facts: Facts = {}


class PatientFile(Strict):
    """The patient; what is left out is unknown."""

    age_y: float | None = None
    sex: Literal["female", "male", "other"] | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    invented: bool = False


class CaseFile(Strict):
    """``case.yaml``."""

    id: str
    images: ImagesFile
    lesions: list[LesionFile]
    patient: PatientFile = PatientFile()
    facts: Facts = {}
    goals: Facts = {}
    preferences: dict[str, float] = {}
    procedure: dict[str, str] = {}
    prior_treatment: list[dict[str, Any]] = []
    centre: str | None = None
    generated: bool = False
    credits: list[str] = []


def read_case_file(folder: Path) -> CaseFile:
    """``folder/case.yaml``, checked.

    Raises:
        BadInput: what is wrong with it, in one sentence.
    """
    path = folder / "case.yaml"
    if not path.is_file():
        raise BadInput(f"{folder}: no case.yaml here; make a case with 'osteoplan init {folder} --ct PATH'")
    file = checked(CaseFile, read_yaml(path), str(path))
    ids = [lesion.id for lesion in file.lesions]
    if len(set(ids)) != len(ids):
        raise BadInput(f"{path}: two lesions have the same id; give each its own")
    return file


def read_case(folder: Path) -> Case:
    """The case in a folder, images loaded and checked against each other.

    Raises:
        BadInput: a file, key, fact or image that cannot be used; the message says what to do.
        GeometryMismatch: a mask or label map on another grid than the CT.
        LesionError: an empty lesion mask.
    """
    file = read_case_file(folder)
    where = str(folder / "case.yaml")
    ct, labels, structures = read_images(folder, file, file.images.ct)
    before = None
    if file.images.ct_before:
        before = _image(folder, file.images.ct_before, ct.meaning)
        ct.require_same_grid(before, what="the scan before the lesion")
    if not file.lesions:
        raise BadInput(
            f"{where}: no lesion; add one under 'lesions:', or run 'osteoplan simulate-lesion {folder}'"
        )
    lesions = tuple(_lesion(folder, lesion, ct, where) for lesion in file.lesions)
    unread = [key for key in ("mr", "dose") if getattr(file.images, key)]
    centre = read_yaml(folder / file.centre) if file.centre else {}
    return Case(
        id=file.id,
        ct=ct,
        ct_before=before,
        labels=labels,
        structures=structures,
        lesions=lesions,
        calibration_request=file.images.calibration,
        patient=Patient(**file.patient.model_dump()),
        facts=parse_facts(file.facts, where=f"{where}: facts"),
        goals=parse_facts(file.goals, where=f"{where}: goals"),
        preferences=file.preferences,
        procedure=file.procedure,
        prior_treatment=tuple(file.prior_treatment),
        centre=centre,
        phantom=file.generated,
        credits=tuple(file.credits),
        warnings=tuple(f"images.{key} is listed in case.yaml but not read by this version" for key in unread),
    )


def read_images(folder: Path, file: CaseFile, name: str) -> tuple[Volume, Volume | None, Mapping[str, int]]:
    """The scan called ``name``, the label map on its grid, and structure name -> label value."""
    meaning: Meaning = "mgK2HPO4/cm3" if file.images.calibration.get("kind") == "density" else "HU"
    ct = _image(folder, name, meaning)
    return ct, *_labels(folder, file.images.labels, ct)


def _image(folder: Path, name: str, meaning: Meaning) -> Volume:
    path = folder / name
    if path.is_dir():
        raise BadInput(
            f"{path}: DICOM folders are not read by this version; convert the series to NIfTI first"
        )
    return read_nifti(path, meaning)


def _labels(folder: Path, file: LabelsFile | None, ct: Volume) -> tuple[Volume | None, Mapping[str, int]]:
    """Label map on the CT's grid, and structure name -> value."""
    if file is None:
        return None, {}
    labels = read_nifti(folder / file.file, "label")
    ct.require_same_grid(labels, what=f"the label map {file.file}")
    if not np.issubdtype(labels.array.dtype, np.integer):
        labels = labels.with_array(np.rint(labels.array).astype(np.int16))
    if file.names:
        return labels, _names(folder / file.names)
    if file.scheme:
        return labels, scheme(file.scheme)
    raise BadInput(
        f"{folder / file.file}: labels need 'names: FILE.csv' or 'scheme: totalsegmentator' in case.yaml"
    )


def _names(path: Path) -> dict[str, int]:
    """Names in a CSV file: columns ``id`` and ``structure`` (or ``name``), or plain ``number,name`` rows."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file; it should list label numbers and names")
    with path.open(encoding="utf-8", newline="") as handle:
        rows = [[cell.strip() for cell in row] for row in csv.reader(handle) if row]
    head = [cell.lower() for cell in rows[0]] if rows else []
    number = head.index("id") if "id" in head else 0
    title = next((head.index(word) for word in ("structure", "name") if word in head), 1)
    wide = [row for row in rows if len(row) > max(number, title)]
    names = {row[title]: int(row[number]) for row in wide if row[number].isdigit() and row[title]}
    if not names:
        raise BadInput(
            f"{path}: no label numbers and names found; give 'number,name' rows or columns id,structure"
        )
    return names


def _lesion(folder: Path, file: LesionFile, ct: Volume, where: str) -> Lesion:
    """One lesion, its mask on the CT's grid and not empty."""
    if isinstance(file.mask, MaskFile):
        mask = ellipsoid_mask(ct, file.mask.ellipsoid.centre_mm, file.mask.ellipsoid.axes_mm)
    else:
        given = read_nifti(folder / file.mask, "mask")
        ct.require_same_grid(given, what=f"the mask of lesion {file.id}")
        mask = given.with_array(given.array > 0.5)
    if not mask.array.any():
        raise LesionError(
            f"lesion {file.id}: its mask is empty; draw it again, or check that it is on this scan"
        )
    facts: Mapping[str, Fact] = parse_facts(file.facts, where=f"{where}: lesion {file.id}")
    return Lesion(
        id=file.id, bone=file.bone, side=file.side, mask=mask, level_confirmed=file.level_confirmed,
        target=file.target, matrix=file.matrix, simulated=file.simulated, facts=facts,
    )  # fmt: skip


def ellipsoid_mask(
    ct: Volume, centre_mm: tuple[float, float, float], axes_mm: tuple[float, float, float]
) -> Volume:
    """Boolean mask on the CT's grid of an ellipsoid with full axes [mm] along the patient's axes."""
    half = np.asarray(axes_mm) / 2.0
    if (half <= 0).any():
        raise LesionError(f"an ellipsoid needs three positive axes in mm, got {axes_mm}")
    reach = np.abs(ct.indices(np.asarray(centre_mm) + np.diag(half)) - ct.indices(centre_mm)).sum(axis=0) + 1
    middle = ct.indices(centre_mm)
    box = ct.crop(np.floor(middle - reach), np.ceil(middle + reach) + 1)
    inside = np.zeros(ct.shape, dtype=bool)
    if box.array.size:
        grid = np.stack(np.meshgrid(*map(np.arange, box.shape), indexing="ij"), axis=-1)
        low = np.rint(ct.indices(box.affine[:3, 3])).astype(int)
        spot = tuple(slice(a, a + n) for a, n in zip(low, box.shape, strict=True))
        inside[spot] = (((box.positions_mm(grid) - centre_mm) / half) ** 2).sum(axis=-1) <= 1.0
    return ct.with_array(inside, "mask")
