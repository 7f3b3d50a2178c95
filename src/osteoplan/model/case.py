"""The patient as the planner knows him: images, lesions, facts, goals.

A ``Case`` is valid because it exists: ``io.case`` reads the files and refuses what cannot be meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from osteoplan.model.volume import Volume
from osteoplan.provenance import rng

__all__ = ["Calibration", "Case", "Fact", "Lesion", "Matrix", "Patient", "Side"]

F64 = npt.NDArray[np.float64]
Fact = bool | int | float | str | None
Side = Literal["left", "right", "midline"]
Matrix = Literal["lytic", "mixed", "blastic"]


@dataclass(frozen=True)
class Calibration:
    """How CT numbers become K2HPO4-equivalent density: density = slope * image + intercept [mg/cm3].

    Attributes:
        kind: ``fixed`` (a prior for the tube voltage, uncalibrated) or ``density`` (the image is density).
        slope: [mg/cm3 per image unit]; intercept: [mg/cm3].
        slope_sd, intercept_sd: one standard deviation of each.
        calibrated: False forces the banner *uncalibrated* and ratios only.
        kvp: tube voltage, where known.
        cite, status: where the numbers come from.
    """

    kind: Literal["fixed", "density"]
    slope: float
    intercept: float
    slope_sd: float
    intercept_sd: float
    calibrated: bool
    kvp: float | None = None
    cite: tuple[str, ...] = ()
    status: str = "unverified"

    def density(self, image: F64) -> F64:
        """K2HPO4-equivalent density [mg/cm3] of image values."""
        return self.slope * image + self.intercept

    def worlds(self, seed: int, n: int) -> tuple[F64, F64]:
        """(n,) slopes and (n,) intercepts of the draws; draw k is the same world in every room."""
        z = rng(seed, "calibration").standard_normal((n, 2))
        return self.slope + self.slope_sd * z[:, 0], self.intercept + self.intercept_sd * z[:, 1]


@dataclass(frozen=True)
class Patient:
    """Who the patient is; unknown is None."""

    age_y: float | None = None
    sex: Literal["female", "male", "other"] | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    invented: bool = False


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
class Case:
    """Everything that was given for one patient.

    Attributes:
        ct: the scan as it is now.
        ct_before: the scan before a simulated lesion; None for a real one.
        labels: label map on the CT's grid, or None.
        structures: structure name -> label value in ``labels``.
        calibration_request: as written in the case file; ``anatomy.calibrate`` turns it into numbers.
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
    patient: Patient = Patient()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    goals: Mapping[str, Fact] = field(default_factory=dict)
    preferences: Mapping[str, float] = field(default_factory=dict)
    procedure: Mapping[str, str] = field(default_factory=dict)
    prior_treatment: tuple[Mapping[str, Any], ...] = ()
    centre: Mapping[str, Any] = field(default_factory=dict)
    phantom: bool = False
    credits: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def target(self) -> Lesion:
        """The lesion that is planned: the one marked ``target``, else the first."""
        return next((lesion for lesion in self.lesions if lesion.target), self.lesions[0])
