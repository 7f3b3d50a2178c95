"""What a needle's path is held to: hard limits, comfort, and how finely paths are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from osteoplan.arrays import Point
from osteoplan.errors import named
from osteoplan.knowledge.approaches import Approach
from osteoplan.knowledge.guidance import Guidance
from osteoplan.knowledge.values import values
from osteoplan.model.device import Device
from osteoplan.model.evidence import ReviewStatus, worst
from osteoplan.model.trajectory import Position
from osteoplan.trajectory.surroundings import AVOIDED

__all__ = ["NeedleRules", "NeedleTask", "Side", "needle_rules"]

Side = str  # "left", "right", or "" in the midline


@dataclass(frozen=True)
class NeedleRules:
    """Limits of ``data/trajectory/needle.yaml`` as numbers.

    Attributes:
        clearance_mm: kind of structure -> smallest distance to the needle's surface.
        comfort_mm: way through other bones that is as bad as any, and what a search looks beyond its limits.
        wall_mm: bone beside the needle where it must stay inside.
        hub_mm: part of a needle's length that stays outside the skin.
        tip_depth_mm: how deep in the lesion the tip lies, less where the lesion is thinner; negative: how far
            beside the lesion it may lie.
        tip_bone_mm: how deep in the bone it lies, less where the lesion lies nowhere so deep.
        different_mm, different_deg: how far apart two proposals are.
        status: review status of the weakest of them.
    """

    clearance_mm: Mapping[str, float]
    comfort_mm: float
    wall_mm: float
    hub_mm: float
    skin_angle_deg: float
    cortex_angle_deg: float
    tip_depth_mm: float
    tip_bone_mm: float
    tip_spacing_mm: float
    direction_spacing_deg: float
    candidates: int
    proposals: int
    different_mm: float
    different_deg: float
    status: ReviewStatus

    @property
    def farthest_mm(self) -> float:
        """The largest gap that any limit or comfort asks for."""
        return max(*self.clearance_mm.values(), self.comfort_mm)


@dataclass(frozen=True)
class NeedleTask:
    """One search: this approach, on this side, with this needle, the patient lying so.

    Attributes:
        guidances: at hand, in order of preference; a path must be followable by one of them.
        isocentre_mm: middle of the scanner's bore; None where nobody knows: the bore is then not checked.
    """

    approach: Approach
    side: Side
    position: Position
    device: Device
    guidances: tuple[Guidance, ...]
    rules: NeedleRules
    isocentre_mm: Point | None = None

    @property
    def diameter_mm(self) -> float:
        """Outer diameter of the needle."""
        return self.device.values["outer_diameter_mm"].number

    @property
    def reach_mm(self) -> float | None:
        """Longest way from skin to tip; None where the device's file gives no length."""
        if "length_mm" not in self.device.values:
            return None
        return self.device.values["length_mm"].number - self.rules.hub_mm

    @property
    def stands_out_mm(self) -> float:
        """Length of the whole needle [mm]: what its outer end needs in the bore; 0 where unknown."""
        return self.device.values["length_mm"].number if "length_mm" in self.device.values else 0.0


def needle_rules(overrides: Mapping[str, float] | None = None) -> NeedleRules:
    """The package's rules, with a centre's own numbers in place of ours.

    Raises:
        UnknownName: an override of a limit that does not exist.
        BadInput: a limit that is no number.
    """
    known = dict(values("needle"))
    for name, value in (overrides or {}).items():
        own = named("limit", name, known, "knowledge/data/trajectory/needle.yaml")
        known[name] = replace(own, value=value, status="design_default", note="set by this centre")
    n = {name: one.number for name, one in known.items()}
    return NeedleRules(
        clearance_mm={kind: n[f"{kind}_clearance_min_mm"] for kind in AVOIDED},
        comfort_mm=n["comfort_mm"],
        wall_mm=n["wall_depth_min_mm"],
        hub_mm=n["hub_allowance_mm"],
        skin_angle_deg=n["skin_angle_max_deg"],
        cortex_angle_deg=n["cortex_angle_max_deg"],
        tip_depth_mm=n["tip_depth_min_mm"],
        tip_bone_mm=n["tip_bone_min_mm"],
        tip_spacing_mm=n["tip_spacing_mm"],
        direction_spacing_deg=n["direction_spacing_deg"],
        candidates=int(n["candidates_max"]),
        proposals=int(n["proposals_max"]),
        different_mm=n["different_entry_mm"],
        different_deg=n["different_angle_deg"],
        status=worst(*(one.status for one in known.values())),
    )
