"""A case on disk: ``case.yaml`` and the images that it names.

Reading it either gives a ``Case`` that can be trusted from then on, or one sentence that says what, why and
what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.anatomy.image_values import gas_in_bone, require_plausible
from osteoplan.errors import BadInput, GeometryMismatch, LesionError, named
from osteoplan.io.acquisition import read_acquisition
from osteoplan.io.answers_file import read_preferences
from osteoplan.io.case_file import (
    CaseFile,
    ImagesFile,
    LesionFile,
    OtherScanFile,
    PriorTreatmentFile,
    read_case_file,
)
from osteoplan.io.centre_file import read_centre
from osteoplan.io.grid import on_grid_of
from osteoplan.io.images import is_dicom, read_image
from osteoplan.io.labels import read_labels
from osteoplan.io.masks import read_mask
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.case import Case, Fact, Lesion, OtherScan, Patient, PriorTreatment
from osteoplan.model.centre import Centre
from osteoplan.model.volume import Meaning, Volume
from osteoplan.pathway.vocabulary import parse_facts

__all__ = ["CaseImages", "meaning_of", "read_case", "read_ct", "read_images", "retold", "told_of_images"]


@dataclass(frozen=True, eq=False)
class CaseImages:
    """The scan, how it was taken, its labels, and what was noticed on reading."""

    ct: Volume
    acquisition: Acquisition | None
    labels: Volume | None
    structures: Mapping[str, int]
    notes: tuple[str, ...]


def read_case(folder: Path) -> Case:
    """The case in a folder, images loaded and checked against each other.

    Raises:
        BadInput: a file, key, fact or image that cannot be used; the message says what to do.
        GeometryMismatch: a mask or label map on another grid or in another frame than the CT.
        LesionError: an empty lesion mask.
    """
    file = read_case_file(folder)
    where = str(folder / "case.yaml")
    if not file.lesions:
        raise BadInput(
            f"{where}: no lesion; add one under 'lesions:', or run 'osteoplan simulate-lesion {folder}'"
        )
    told = _told(folder, file)
    images = read_images(folder, file, file.images.ct)
    ct, notes = images.ct, [*images.notes]
    lesions = []
    for listed in file.lesions:
        lesion, said = _lesion(folder, listed, ct, where)
        lesions.append(lesion)
        notes += said
    return Case(
        ct=ct,
        ct_before=_before(folder, file.images, ct),
        acquisition=images.acquisition,
        labels=images.labels,
        structures=images.structures,
        seeded=tuple(file.images.labels.seeded) if file.images.labels else (),
        others=tuple(_other(folder, listed, ct) for listed in file.images.mr),
        dose=_dose(folder, file.images.dose, ct),
        lesions=tuple(lesions),
        calibration_request=file.images.calibration,
        intact_from=file.intact.source if file.intact else None,
        phantom=file.generated,
        warnings=tuple(notes),
        **told,
    )


def retold(case: Case, folder: Path) -> Case:
    """A case that was read before, with everything that no image tells as its file says now.

    Raises:
        BadInput: a key or fact that cannot be used.
    """
    file = read_case_file(folder)
    facts = {one.id: _facts_of(one, str(folder / "case.yaml")) for one in file.lesions}
    lesions = tuple(replace(lesion, facts=facts[lesion.id]) for lesion in case.lesions)
    return replace(case, lesions=lesions, **_told(folder, file))


def told_of_images(file: CaseFile) -> Mapping[str, Any]:
    """What a case file says of its images and lesions: all that they are read by, and nothing else."""
    told: Mapping[str, Any] = file.model_dump(
        mode="json", exclude={**dict.fromkeys(_TOLD, True), "lesions": {"__all__": {"facts"}}}
    )
    return told


_TOLD = (
    "id",
    "patient",
    "facts",
    "goals",
    "preferences",
    "procedure",
    "prior_treatment",
    "centre",
    "credits",
)


def _told(folder: Path, file: CaseFile) -> dict[str, Any]:
    """What no image tells, by the names of a case."""
    where = str(folder / "case.yaml")
    _require_consistent(file, where)
    return {
        "id": file.id,
        "patient": Patient(**file.patient.model_dump()),
        "facts": parse_facts(file.facts, where=f"{where}: facts"),
        "goals": parse_facts(file.goals, where=f"{where}: goals"),
        "preferences": read_preferences(folder, file.preferences, file.id),
        "procedure": file.procedure.model_dump(exclude_none=True),
        "prior_treatment": _earlier(file.prior_treatment),
        "centre": read_centre(folder / file.centre) if file.centre else Centre(),
        "credits": tuple(file.credits),
    }


def _require_consistent(file: CaseFile, where: str) -> None:
    """What was done before is told once, or twice in the same way."""
    told = file.facts.get("prior_rt")
    if told is None or file.prior_treatment is None:
        return
    irradiated = any(one.kind in ("ebrt", "sbrt") for one in file.prior_treatment)
    if told is not irradiated:
        listed = "lists radiotherapy" if irradiated else "lists none"
        raise BadInput(
            f"{where}: facts: prior_rt: {str(told).lower()}, but prior_treatment {listed}; one is wrong"
        )


def _earlier(listed: Sequence[PriorTreatmentFile] | None) -> tuple[PriorTreatment, ...] | None:
    """What was done before; None where nobody said, and empty where somebody said that nothing was."""
    return None if listed is None else tuple(PriorTreatment(**one.model_dump()) for one in listed)


def read_images(folder: Path, file: CaseFile, name: str) -> CaseImages:
    """The scan called ``name``, how it was taken, and the label map on its grid."""
    ct, acquisition, notes = read_ct(folder, file.images, name)
    if file.images.labels is None:
        return CaseImages(ct, acquisition, None, {}, notes)
    read = read_labels(folder, file.images.labels, ct)
    more = (*read.notes, *gas_in_bone(ct, read.labels))
    return CaseImages(ct, acquisition, read.labels.volume, read.labels.values, (*notes, *more))


def read_ct(
    folder: Path, images: ImagesFile, name: str
) -> tuple[Volume, Acquisition | None, tuple[str, ...]]:
    """The scan called ``name``, how it was taken where that is known, and notes.

    Raises:
        BadInput: it cannot be read, or is no CT.
    """
    meaning = meaning_of(images.calibration)
    given = read_acquisition(folder / images.acquisition) if images.acquisition else None
    frame = given.frame if given and given.frame else "scan"
    found = read_image(
        folder / name, meaning, series=images.series, straighten=images.straighten, frame=frame
    )
    acquisition = found.acquisition or given
    if found.volume.meaning == "MR":
        raise BadInput(f"{folder / name}: this is an MR series; a plan starts from a CT, list MR under mr:")
    volume = replace(found.volume, meaning=meaning)
    require_plausible(volume, what=str(folder / name))
    return volume, acquisition, found.notes


def meaning_of(calibration: Mapping[str, Any]) -> Meaning:
    """What the values of a scan are, by its calibration: HU, or density of a stated kind.

    Raises:
        UnknownName: a density that does not exist.
    """
    if calibration.get("kind") != "density":
        return "HU"
    kinds: dict[str, Meaning] = {
        "K2HPO4": "mgK2HPO4/cm3", "HA": "mgHA/cm3", "ash": "mgash/cm3", "app": "mgapp/cm3",
    }  # fmt: skip
    kind = str(calibration.get("density", "K2HPO4"))
    return named("density", kind, kinds, "images.calibration")


def _before(folder: Path, images: ImagesFile, ct: Volume) -> Volume | None:
    if not images.ct_before:
        return None
    before, _, _ = read_ct(folder, images, images.ct_before)
    return on_grid_of(ct, before, what="the scan before the lesion")[0]


def _other(folder: Path, listed: OtherScanFile, ct: Volume) -> OtherScan:
    """Another scan where it lies: moved by the matrix that is written down, else waiting for one."""
    scan = read_image(folder / listed.file, "MR").volume
    if listed.registered is True:
        return OtherScan(replace(scan, frame=ct.frame), True, "given as registered to the CT")
    if listed.matrix is None:
        return OtherScan(scan, False, "not registered yet")
    matrix = np.asarray(listed.matrix, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise BadInput(f"{folder / 'case.yaml'}: the matrix of {listed.file} is not 4 x 4: register it again")
    residual = "not stated" if listed.residual_mm is None else f"{listed.residual_mm:.1f} mm"
    moved = replace(scan, affine=matrix @ scan.affine, frame=ct.frame)
    return OtherScan(moved, True, f"registered rigidly, residual {residual}")


def _dose(folder: Path, name: str | None, ct: Volume) -> Volume | None:
    if name is None:
        return None
    if not is_dicom(folder / name):  # what init made of an RTDOSE
        return read_image(folder / name, "Gy", frame=ct.frame).volume
    from osteoplan.io.dicom.dose import read_dose

    dose = read_dose(folder / name)
    if dose.frame != ct.frame:
        raise GeometryMismatch(
            f"the dose {name} is on frame {dose.frame}, the CT on {ct.frame}: "
            "load the dose of this scan, or register it first"
        )
    return dose


def _lesion(folder: Path, file: LesionFile, ct: Volume, where: str) -> tuple[Lesion, tuple[str, ...]]:
    """One lesion, its mask on the CT's grid and not empty; and what had to be decided to place it."""
    found = read_mask(folder, file.mask, ct, what=f"the mask of lesion {file.id}")
    if not found.mask.array.any():
        raise LesionError(
            f"lesion {file.id}: its mask is empty; draw it again, or check that it is on this scan"
        )
    lesion = Lesion(
        id=file.id, bone=file.bone, side=file.side, mask=found.mask, level_confirmed=file.level_confirmed,
        target=file.target, matrix=file.matrix, simulated=file.simulated, facts=_facts_of(file, where),
    )  # fmt: skip
    return lesion, tuple(f"lesion {file.id}: {note}" for note in found.notes)


def _facts_of(file: LesionFile, where: str) -> Mapping[str, Fact]:
    return parse_facts(file.facts, where=f"{where}: lesion {file.id}")
