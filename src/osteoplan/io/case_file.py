"""What ``case.yaml`` may say: every key, its kind and its default.  An unknown key is refused by name."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from osteoplan.arrays import Point
from osteoplan.errors import BadInput
from osteoplan.io.yaml import checked, read_yaml
from osteoplan.knowledge.load import Strict
from osteoplan.model.case import IntactFrom
from osteoplan.model.trajectory import Position

__all__ = [
    "CaseFile", "EllipsoidFile", "ImagesFile", "IntactFile", "LabelsFile", "LesionFile", "MaskFile",
    "OtherScanFile", "PatientFile", "PriorTreatmentFile", "ProcedureFile", "read_case_file",
]  # fmt: skip

Facts = dict[str, bool | int | float | str | list[str] | None]


class LabelsFile(Strict):
    """Label map and how its numbers are named; ``names`` wins over ``scheme``.

    ``seeded`` names the bones that were segmented here from a seed point instead of being given.
    """

    file: str
    scheme: str | None = None
    names: str | None = None
    seeded: dict[str, Point] = {}


class OtherScanFile(Strict):
    """MR or another series of the same patient.

    ``registered: true`` says that its positions are the CT's already; ``rigid_to_ct`` asks for a
    registration, whose ``matrix`` (scan -> CT, LPS mm) and ``residual_mm`` ``init`` writes down.
    """

    file: str
    registered: Literal[True, "rigid_to_ct"]
    matrix: list[list[float]] | None = None
    residual_mm: float | None = None


class ImagesFile(Strict):
    """Images of the case.  ``ct_before`` is the scan before a simulated lesion."""

    ct: str
    series: str | None = None
    straighten: bool = False
    acquisition: str | None = None
    labels: LabelsFile | None = None
    ct_before: str | None = None
    mr: list[OtherScanFile] = []
    dose: str | None = None
    calibration: dict[str, Any]


class EllipsoidFile(Strict):
    """A lesion drawn as an ellipsoid along the patient's axes: centre [LPS mm], full axes [mm]."""

    centre_mm: Point
    axes_mm: Point


class MaskFile(Strict):
    """A lesion mask that is not a plain file name: an ellipsoid, a contour or a DICOM segment.

    Where a file holds one contour or segment, ``roi`` and ``segment`` may be left out.
    """

    ellipsoid: EllipsoidFile | None = None
    rtstruct: str | None = None
    roi: str | int | None = None
    seg: str | None = None
    segment: str | int | None = None

    @model_validator(mode="after")
    def _one(self) -> MaskFile:
        forms = (self.ellipsoid is not None, self.rtstruct is not None, self.seg is not None)
        if sum(forms) != 1:
            raise ValueError("give one of ellipsoid, rtstruct (with roi) and seg (with segment)")
        if (self.rtstruct is None and self.roi is not None) or (
            self.seg is None and self.segment is not None
        ):
            raise ValueError("roi belongs to rtstruct, segment to seg, and neither stands alone")
        return self


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
    drawn: str | None = None
    facts: Facts = {}


class PatientFile(Strict):
    """The patient; what is left out is unknown."""

    age_y: float | None = None
    sex: Literal["female", "male", "other"] | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    invented: bool = False


class PriorTreatmentFile(Strict):
    """What was done to the target before; what is left out of an entry is unknown."""

    kind: Literal["ebrt", "sbrt", "surgery", "ablation", "cement", "embolisation", "systemic", "other"]
    gy: float | None = Field(default=None, ge=0, le=200)
    fractions: int | None = Field(default=None, ge=1, le=60)
    date: datetime.date | None = None
    note: str = ""


class ProcedureFile(Strict):
    """How the patient lies, in the procedure and on the scan; what is left out is unknown."""

    position: Position | None = None
    scan_position: Position | None = None


class IntactFile(Strict):
    """Where the bone without its lesion comes from: ``from`` one of four."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: IntactFrom = Field(alias="from")


class CaseFile(Strict):
    """``case.yaml``."""

    id: str
    images: ImagesFile
    lesions: list[LesionFile]
    patient: PatientFile = PatientFile()
    facts: Facts = {}
    goals: Facts = {}
    preferences: str | dict[str, Any] | list[dict[str, Any]] = {}
    procedure: ProcedureFile = ProcedureFile()
    intact: IntactFile | None = None
    prior_treatment: list[PriorTreatmentFile] | None = None
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
