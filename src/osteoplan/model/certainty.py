"""What makes an answer unsure: one input at a time; and what a lesion takes from the bone as a beam."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.model.outcome import Estimate

__all__ = ["Bar", "Rigidity", "RigidityProfile", "Tornado"]


@dataclass(frozen=True)
class Bar:
    """How far one input alone moves an outcome: from ``low`` to ``high``, in its unit."""

    input: str
    title: str
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Tornado:
    """An outcome, and what each input alone makes of it, widest first.

    Attributes:
        title: what the estimate is of, in words.
        option, reference: ids of what is compared; both "" for the bone before treatment.
    """

    title: str
    option: str
    reference: str
    estimate: Estimate
    bars: tuple[Bar, ...]


@dataclass(frozen=True, eq=False)
class RigidityProfile:
    """Rigidities along a segment of bone in one state; arrays are (m,), one entry a section.

    Attributes:
        segment: which one, in words.
        along_mm: place on the axis.
        EA_N: axial rigidity [N].
        EI_weak_Nmm2, EI_strong_Nmm2: bending about both principal axes through the modulus-weighted centroid.
        GJ_Nmm2: torsion.
        centroid_mm: (m, 3) LPS modulus-weighted centroids.
        area_mm2: of bone.
        beam: sections that count; False for the ends of the bone.
    """

    segment: str
    along_mm: F64
    EA_N: F64
    EI_weak_Nmm2: F64
    EI_strong_Nmm2: F64
    GJ_Nmm2: F64
    centroid_mm: F64
    area_mm2: F64
    beam: Bool = field(default_factory=lambda: np.zeros(0, dtype=bool))


@dataclass(frozen=True, eq=False)
class Rigidity:
    """What the lesion takes from the sections of one segment of bone.

    Attributes:
        outcomes: losses of axial, bending and torsional rigidity at the section that lost most [%].
        intact, now: the sections of both.
    """

    outcomes: tuple[Estimate, ...]
    intact: RigidityProfile
    now: RigidityProfile
