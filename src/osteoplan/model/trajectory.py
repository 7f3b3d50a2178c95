"""A trajectory, straight into a bone: a needle's path from the skin, or a corridor that a screw fits through.

What was looked for and not found is a ``Trajectory`` too, with the place where it is too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from osteoplan.arrays import Array, Point
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case
from osteoplan.model.device import Device
from osteoplan.provenance import Stamp

__all__ = [
    "ErrorBudget", "Gap", "Position", "Profile", "Trajectory", "TrajectoryKind", "TrajectoryStatus",
    "WaysResult",
]  # fmt: skip

Position = Literal["prone", "supine", "lateral_left_down", "lateral_right_down"]
TrajectoryKind = Literal["needle", "corridor"]
TrajectoryStatus = Literal["fits", "none", "not_judged"]
Draws = Array


@dataclass(frozen=True)
class Gap:
    """How near the surface of a device passes a structure.

    Attributes:
        structure: its name, e.g. ``nerve_root_T12_left``.
        kind: what it is: a ``StructureKind``, ``metal``, or ``wall`` for the bone around the device.
        gap_mm: surface to surface; negative inside.
        at_mm: place on the device's axis.
        needed_mm: least gap that is asked for.
        derived: True where nobody labelled the structure (printed *derived*).
    """

    structure: str
    kind: str
    gap_mm: float
    at_mm: Point
    needed_mm: float
    derived: bool = False


@dataclass(frozen=True)
class Profile:
    """Gaps along a trajectory, from its entry to its target.

    Attributes:
        at_mm: (n,) distance from the entry.
        gap_mm: kind -> (n,) gap of the device's surface to the nearest structure of that kind.
    """

    at_mm: tuple[float, ...]
    gap_mm: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class ErrorBudget:
    """Placement error of a trajectory: what becomes of it when nobody corrects the device.

    Attributes:
        guidance: id of the guidance whose error this is, e.g. ``freehand_ct`` or ``robot``.
        lateral_sd_mm, angle_sd_deg: sd across the way at the bone per direction, and of its direction per
            plane.
        draws: strayed devices that were measured.
        breach: structure kind, ``wall`` or ``any`` -> probability that the device touches it.
        grades: grade of the breach of the wall -> probability; empty where the way has no wall.
        scale: which scale the grades are of.
        gap_mm: kind -> 5th, 50th and 95th percentile of the gap.
        gap_draws_mm: kind -> (n,) gap in each draw of the plan's ensemble.
        breached: (n,) whether it breaches anything in that draw.
    """

    guidance: str
    lateral_sd_mm: float
    angle_sd_deg: float
    draws: int
    breach: Mapping[str, float]
    grades: Mapping[str, float]
    scale: str
    gap_mm: Mapping[str, tuple[float, float, float]]
    gap_draws_mm: Mapping[str, Draws] = field(default_factory=dict, repr=False, compare=False)
    breached: Draws | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Trajectory:
    """One trajectory, or one that was looked for and not found.

    Attributes:
        id: unique in a case, e.g. ``transpedicular_left_1`` or ``superior_ramus_left``.
        name: in words, e.g. "through the left pedicle, 1".
        approach: id of the approach (needle) or corridor template it was made from.
        side: of the bone it goes through; "" in the midline.
        status: ``fits``; ``none`` where a hard limit cannot be met in what was seen; ``not_judged`` where the
            scan stops short of what the way would need.
        reasons: why none fits, in sentences with numbers; of a way that fits, what to know about it.
        entry_mm: on the skin (needle) or on the bone's surface (corridor).
        target_mm: the tip (needle) or the far end (corridor).
        skin_mm, bone_mm: where the axis meets skin and bone; None where the image ends before the skin.
        device, diameter_mm: what it was measured with: a device id and its outer diameter.
        gaps: the nearest structure of each kind, the nearest of all first.
        unchecked: structures that the approach must know and that are not known here; not "safe".
        measures: name with unit -> number: ``length_mm``, ``skin_angle_deg``, ``cortex_angle_deg``,
            ``cranio_caudal_deg``, ``in_plane_deg``, ``cortices``, ``width_mm`` (widest cylinder in bone),
            ``free_diameter_mm`` (widest that keeps every margin) ...; what is not known is absent.
        bottleneck_mm: where a corridor is narrowest.
        fits: ids of the screws that fit, widest first.
        position: of the patient, in which the way is open; "" where that was not asked.
        reach: guidance by which the way can be followed, and in words why not for the others.
        budget: what straying does to it.
        profile: gaps along it.
        bones: names of the bones that it may run in (a corridor).
    """

    id: str
    name: str
    kind: TrajectoryKind
    approach: str
    status: TrajectoryStatus
    side: str = ""
    reasons: tuple[str, ...] = ()
    entry_mm: Point | None = None
    target_mm: Point | None = None
    skin_mm: Point | None = None
    bone_mm: Point | None = None
    device: str = ""
    diameter_mm: float | None = None
    gaps: tuple[Gap, ...] = ()
    unchecked: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    bottleneck_mm: Point | None = None
    fits: tuple[str, ...] = ()
    position: Position | Literal[""] = ""
    reach: Mapping[str, str] = field(default_factory=dict)
    budget: ErrorBudget | None = None
    profile: Profile | None = None
    bones: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True where it meets every hard limit."""
        return self.status == "fits"


@dataclass(frozen=True, eq=False)
class WaysResult:
    """The trajectories of one lesion.

    Attributes:
        ways: those that fit and those that were looked for and not found.
        devices: device files by id, for names and true diameters.
        rejected: approach -> reason -> how many candidates fell to it.
        warnings: what must be read with all of them.
        credits: sentences that must be printed wherever the images appear.
    """

    case: Case
    anatomy: Anatomy
    ways: tuple[Trajectory, ...]
    rejected: Mapping[str, Mapping[str, int]]
    stamp: Stamp
    devices: Mapping[str, Device]
    warnings: tuple[str, ...] = ()
    credits: tuple[str, ...] = field(default=())
