"""A fan of wires (K-wires, needles of a mesh) through one patch of cortex into a lesion, to reinforce cement.

    begins at     o_k = e - s_0 u + a c_k   a c_k on a circle about the axis e + s u, just wide enough; s_0
                                           outside the cortex, since bone may rise beside the axis
    through       o_k and m + b c_k        m: the axis beside the lesion's middle, b >= a

All wires keep their place around the axis, so they are rulings of one cone that opens: they cannot cross, and
two neighbours come nearest where they begin, 2 a sin(pi / n) between axes.  b is the widest at which every
wire keeps its margin to the bone's surface; each goes on beyond the lesion as far as wanted, or as bone
allows.

That such wires strengthen cemented bone is not shown: in a tibia bent on a bench they added nothing (Cazzato
2018).  Tests: tests/unit/test_constructs.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64
from osteoplan.errors import NotAvailable
from osteoplan.model.construct import Check, Construct, Wire
from osteoplan.model.device import Device
from osteoplan.trajectory.geometry import circle, segment_distance
from osteoplan.trajectory.surroundings import DistanceMaps, Surroundings, distance_maps, point

__all__ = ["FanLimits", "fan", "wire_checks"]

STEP_MM = 0.5
BACK_MM = 10.0  # s_0
WIDTHS = 12  # openings that are tried, from the lesion's half width down to none
NULL = "no gain in strength was found with wires in cement (tibia, three-point bending; Cazzato 2018)"


@dataclass(frozen=True)
class FanLimits:
    """What is asked of a fan.

    Attributes:
        wires: how many.
        between_mm: least gap between two of them (hard).
        wall_mm: least bone between a wire and the bone's surface, behind the cortex it enters through (hard).
        anchor_mm: wanted in sound bone beyond the lesion.
        longest_mm: of a wire in bone.
        core_mm: width that is kept free in the middle of the patch, for a cannula.
    """

    wires: int
    between_mm: float
    wall_mm: float
    anchor_mm: float
    longest_mm: float
    core_mm: float = 0.0


def fan(
    around: Surroundings,
    device: Device,
    entry_mm: npt.ArrayLike,
    towards_mm: npt.ArrayLike,
    limits: FanLimits,
) -> Construct | None:
    """Wires through one patch of cortex that spread inside the lesion; None where none stays in bone.

    Args:
        around: the neighbourhood.
        device: the wire.
        entry_mm: middle of the patch, on the bone's surface.
        towards_mm: any point of the axis inside the bone.

    Raises:
        NotAvailable: no lesion here, or nobody told the wire's diameter.
    """
    maps = distance_maps(around)
    if not maps.has("lesion"):
        raise NotAvailable("there is no lesion here for wires to reinforce")
    if "outer_diameter_mm" not in device.values:
        raise NotAvailable(f"the diameter of {device.name} is not known: enter it in the device's file")
    entry, axis = np.asarray(entry_mm, dtype=np.float64), np.asarray(towards_mm, dtype=np.float64)
    axis = (axis - entry) / np.linalg.norm(axis - entry)
    diameter = device.values["outer_diameter_mm"].number
    for b in np.linspace(_half_width(around, entry, axis), 0.0, WIDTHS):
        wires = _spread(around, device, (entry, axis, float(b)), diameter, limits)
        if wires and len(wires) == limits.wires:
            return _construct(around, wires, limits)
    return None


def wire_checks(around: Surroundings, wires: tuple[Wire, ...], limits: FanLimits) -> tuple[Check, ...]:
    """What is asked of wires that stay in cement."""
    gaps = [
        segment_distance(a.outer_mm, a.tip_mm, b.outer_mm, b.tip_mm) - 0.5 * (a.diameter_mm + b.diameter_mm)
        for a, b in combinations(wires, 2)
    ]
    found = []
    if gaps:
        ok = min(gaps) >= limits.between_mm - 1e-6
        text = f"wires pass {min(gaps):.1f} mm apart, {limits.between_mm:g} mm are asked for"
        found.append(Check("between_wires_min_mm", text, ok, min(gaps), limits.between_mm, hard=True))
    walls = [_wall(distance_maps(around), wire, limits) for wire in wires]
    ok = min(walls) >= limits.wall_mm - 1e-6
    text = f"{min(walls):.1f} mm of bone around the wires, {limits.wall_mm:g} mm are asked for"
    found.append(Check("wire_wall_min_mm", text, ok, min(walls), limits.wall_mm, hard=True))
    anchors = [_beyond(distance_maps(around), wire) for wire in wires]
    ok = min(anchors) >= limits.anchor_mm - STEP_MM
    text = f"the shortest hold beyond the lesion is {min(anchors):.0f} mm, {limits.anchor_mm:g} mm are wanted"
    found.append(Check("wire_anchor_wanted_mm", text, ok, min(anchors), limits.anchor_mm))
    return tuple(found)


def _construct(around: Surroundings, wires: tuple[Wire, ...], limits: FanLimits) -> Construct:
    title = f"{len(wires)} wires through one patch of cortex"
    checks = wire_checks(around, wires, limits)
    return Construct(f"fan_{len(wires)}", title, wires=wires, checks=checks, notes=(NULL,))


def _half_width(around: Surroundings, entry: F64, axis: F64) -> float:
    """Half the lesion's width across the axis [mm]: how far 90 % of it lies."""
    lesion = around.grid.positions_mm(np.argwhere(around.lesion)) - entry
    across = lesion - (lesion @ axis)[:, None] * axis
    return float(np.percentile(np.linalg.norm(across, axis=1), 90.0))


def _spread(
    around: Surroundings, device: Device, cone: tuple[F64, F64, float], diameter: float, limits: FanLimits
) -> tuple[Wire, ...]:
    """The wires of one opening that keep their margins; fewer than asked where some do not."""
    entry, axis, b = cone
    n = limits.wires
    a = 0.0 if n == 1 else (diameter + limits.between_mm) / (2.0 * np.sin(np.pi / n))
    if limits.core_mm > 0.0:
        a = max(a, 0.5 * (limits.core_mm + diameter) + limits.between_mm)
    lesion = around.grid.positions_mm(np.argwhere(around.lesion)).mean(axis=0)
    middle = entry + max(float((lesion - entry) @ axis), STEP_MM) * axis
    wires = []
    for c in circle(axis, n):
        start, through = entry - BACK_MM * axis + a * c, middle + max(a, b) * c
        wire = _wire(distance_maps(around), device, start, through - start, limits)
        if wire is not None:
            wires.append(wire)
    return tuple(wires)


def _wire(maps: DistanceMaps, device: Device, start: F64, along: F64, limits: FanLimits) -> Wire | None:
    """From the cortex along a line until it is past the lesion and holds, or bone ends."""
    u = along / np.linalg.norm(along)
    s = np.arange(0.0, BACK_MM + limits.longest_mm + STEP_MM, STEP_MM)
    track = start + s[:, None] * u
    radius = 0.5 * device.values["outer_diameter_mm"].number
    depth, in_lesion = -maps.at("bone", track), maps.at("lesion", track) < 0.0
    if not in_lesion.any():
        return None
    first = int(np.flatnonzero(in_lesion)[0])
    outside = np.flatnonzero(depth[:first] <= 0.0)
    if not len(outside):
        return None
    outer = int(outside[-1]) + 1  # the last step into bone before the lesion
    room = depth - radius >= limits.wall_mm
    behind = np.flatnonzero(room[outer:])
    if not len(behind):
        return None
    inner = outer + int(behind[0])
    ends = np.flatnonzero(~room[inner:])
    stop = inner + int(ends[0]) - 1 if len(ends) else len(s) - 1
    last = int(np.flatnonzero(in_lesion[: stop + 1])[-1]) if in_lesion[: stop + 1].any() else -1
    if last < inner:
        return None
    tip = min(stop, last + int(np.ceil(limits.anchor_mm / STEP_MM)), outer + int(limits.longest_mm / STEP_MM))
    return Wire(device.id, point(track[outer]), point(track[tip]), 2.0 * radius)


def _track(wire: Wire) -> F64:
    n = max(int(np.ceil(wire.length_mm / STEP_MM)), 1)
    a, b = np.array(wire.outer_mm), np.array(wire.tip_mm)
    found: F64 = a + np.linspace(0.0, 1.0, n + 1)[:, None] * (b - a)
    return found


def _wall(maps: DistanceMaps, wire: Wire, limits: FanLimits) -> float:
    """Least bone around a wire, from where it first has its margin behind the cortex it enters through."""
    depth = -maps.at("bone", _track(wire)) - 0.5 * wire.diameter_mm
    enough = np.flatnonzero(depth >= limits.wall_mm)
    return float(depth.max()) if not len(enough) else float(depth[enough[0] :].min())


def _beyond(maps: DistanceMaps, wire: Wire) -> float:
    """Length of a wire in bone between the lesion and its tip [mm]; 0 where it ends in the lesion."""
    track = _track(wire)
    inside = np.flatnonzero(maps.at("lesion", track) < 0.0)
    if not len(inside):
        return 0.0
    step = wire.length_mm / max(len(track) - 1, 1)
    return float((len(track) - 1 - inside[-1]) * step)
