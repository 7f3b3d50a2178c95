"""The patient as the planner knows him: images, lesions, facts, goals.

A ``Case`` is valid because it exists: ``io.case`` reads the files and refuses what cannot be meant.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from osteoplan.model.acquisition import Acquisition
from osteoplan.model.calibration import Calibration
from osteoplan.model.centre import Centre
from osteoplan.model.labels import LabelMap
from osteoplan.model.preference import Answers
from osteoplan.model.volume import Volume

__all__ = [
    "Calibration", "Case", "Fact", "IntactFrom", "Lesion", "Matrix", "OtherScan", "Patient",
    "PriorTreatment", "Side",
]  # fmt: skip

Fact = bool | int | float | str | frozenset[str] | None
Side = Literal["left", "right", "midline"]
Matrix = Literal["lytic", "mixed", "blastic"]
IntactFrom = Literal["infill", "contralateral", "neighbour", "scan"]


@dataclass(frozen=True)
class Patient:
    """Who the patient is; unknown is None."""

    age_y: float | None = None
    sex: Literal["female", "male", "other"] | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    invented: bool = False


@dataclass(frozen=True)
class PriorTreatment:
    """Something that was done to the target before; what was not said is None.

    Attributes:
        kind: ebrt, sbrt, surgery, ablation, cement, embolisation, systemic or other.
        gy: total dose [Gy] of radiotherapy.
    """

    kind: str
    gy: float | None = None
    fractions: int | None = None
    date: datetime.date | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion of one bone.

    Attributes:
        mask: on the CT's grid, True inside.
        side: as declared; never inferred in silence.
        level_confirmed: a person counted the level.
        simulated: the lesion was put into a real scan.
    """

    id: str
    bone: str
    side: Side
    mask: Volume
    level_confirmed: bool = False
    target: bool = True
    matrix: Matrix | None = None
    simulated: bool = False
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class OtherScan:
    """MR or another series of the same patient, in the CT's frame.

    Attributes:
        volume: its own voxels, its affine in the CT's frame once it is registered.
        registered: False while a rigid registration is still asked for.
        words: how it came to lie where it lies, with the residual.
    """

    volume: Volume
    registered: bool
    words: str


@dataclass(frozen=True, eq=False)
class Case:
    """Everything that was given for one patient.

    Attributes:
        ct: the scan as it is now.
        ct_before: the scan before a simulated lesion; None for a real one.
        labels: label map on the CT's grid, or None.
        structures: structure name -> label value in ``labels``.
        calibration_request: as written in the case file; ``anatomy.calibrate`` turns it into numbers.
        acquisition: how the scan was taken; None where no file tells.
        seeded: bones that were segmented here from a point, not given.
        others: MR and other series.
        intact_from: where the bone without its lesion comes from; None: an earlier scan, else filled in.
        preferences: what the patient answered, the earliest first; the last counts.
        prior_treatment: what was done before; None where nobody said, empty where nothing was.
        dose: dose of an earlier radiotherapy [Gy], on its own grid in the CT's frame.
        centre: what this centre owns; nothing is stated where the case names none.
        credits: sentences that must be printed wherever the images appear.
        warnings: what reading noticed.
    """

    id: str
    ct: Volume
    lesions: tuple[Lesion, ...]
    calibration_request: Mapping[str, Any]
    labels: Volume | None = None
    structures: Mapping[str, int] = field(default_factory=dict)
    ct_before: Volume | None = None
    acquisition: Acquisition | None = None
    seeded: tuple[str, ...] = ()
    others: tuple[OtherScan, ...] = ()
    dose: Volume | None = None
    patient: Patient = Patient()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    goals: Mapping[str, Fact] = field(default_factory=dict)
    preferences: tuple[Answers, ...] = ()
    procedure: Mapping[str, str] = field(default_factory=dict)
    intact_from: IntactFrom | None = None
    prior_treatment: tuple[PriorTreatment, ...] | None = None
    centre: Centre = field(default_factory=Centre)
    phantom: bool = False
    credits: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def label_map(self) -> LabelMap | None:
        """Labels with the names of their numbers."""
        return None if self.labels is None else LabelMap(self.labels, self.structures)

    @property
    def target(self) -> Lesion:
        """The lesion that is planned: the one marked ``target``, else the first."""
        return next((lesion for lesion in self.lesions if lesion.target), self.lesions[0])
