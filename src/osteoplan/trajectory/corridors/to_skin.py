"""The way of a corridor's axis from the bone outward to the skin: what the screwdriver would pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Point
from osteoplan.knowledge.corridors import Template
from osteoplan.knowledge.values import number
from osteoplan.trajectory.surroundings import AVOIDED, Surroundings, distance_maps, point

__all__ = ["OuterWay", "nearest_structure", "outer_way"]

# What no way to the bone may enter where somebody labelled it; a canal is derived as a rule, and blocks too.
BLOCKING = ("canal", "vessel", "bowel", "pleura", "organ")
LONGEST_MM = 400.0  # through any patient


@dataclass(frozen=True)
class OuterWay:
    """From the bone to the skin.

    Attributes:
        skin_mm: where the axis meets the skin; None where the image ends first.
        blocked: what forbids the way, in sentences; empty where it is free.
        remarks: what it passes nearer than the template's margin, in sentences.
    """

    skin_mm: Point | None
    blocked: tuple[str, ...]
    remarks: tuple[str, ...]


def outer_way(
    around: Surroundings, template: Template, entry_mm: F64, outward: F64, diameter_mm: float
) -> OuterWay:
    """What an instrument of a diameter passes on its way to the bone.

    Args:
        around: skin and structures.
        template: whose margins count.
        entry_mm: (3,) on the bone.
        outward: (3,) unit vector from the bone to the skin.
        diameter_mm: of the instrument.
    """
    step = number("corridor_search.skin_step_mm")
    positions = entry_mm + np.arange(0.0, LONGEST_MM, step)[:, None] * outward
    index = np.rint(around.grid.indices(positions)).astype(int)
    seen = ((index >= 0) & (index < np.array(around.grid.shape))).all(axis=1)
    last = len(positions) if seen.all() else int(np.argmin(seen))
    inside = around.skin[tuple(index[:last].T)]
    out = np.flatnonzero(~inside)
    skin = point(positions[out[0]]) if len(out) else None
    way = positions[: out[0] + 1] if len(out) else positions[:last]
    blocked, remarks = _passed(around, template, way, 0.5 * diameter_mm)
    if skin is None:
        remarks = (
            *remarks,
            "the image ends before the skin: the way to the bone is known only as far as that",
        )
    return OuterWay(skin, blocked, remarks)


def _passed(
    around: Surroundings, template: Template, way_mm: F64, radius: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    maps = distance_maps(around)
    blocked: list[str] = []
    remarks: list[str] = []
    for kind in AVOIDED:
        if kind in ("metal", "joint") or not maps.has(kind) or not len(way_mm):
            continue
        gaps = maps.at(kind, way_mm) - radius
        at = int(np.argmin(gaps))
        gap, margin = float(gaps[at]), template.margins_mm.get(kind, 0.0)  # type: ignore[call-overload]
        if gap >= margin:
            continue
        structure = maps.nearest(kind, way_mm[at])
        told = structure.name.replace("_", " ") + ("" if structure.given else " (derived)")
        depth = float(np.linalg.norm(way_mm[at] - way_mm[0]))
        if gap < 0 and kind in BLOCKING and (structure.given or kind == "canal"):
            blocked.append(f"the way from the skin enters the {told}, {depth:.0f} mm before the bone")
        elif gap < 0:
            remarks.append(f"the way from the skin runs through the {told}, {depth:.0f} mm before the bone")
        else:
            remarks.append(f"the way from the skin passes {gap:.1f} mm from the {told}")
    return tuple(blocked), tuple(remarks)


def nearest_structure(
    around: Surroundings, kind: str, position_mm: F64, gap_mm: float, *, without: tuple[str, ...] = ()
) -> tuple[str, bool] | None:
    """Name of the structure of a kind that is nearest to a position, and whether it was derived; or None.

    ``gap_mm`` is how far it is: no farther off is looked.
    """
    middle = around.grid.indices(position_mm)
    pad = (abs(gap_mm) + 2.0 * float(around.grid.spacing_mm.max())) / around.grid.spacing_mm
    low = np.clip(np.floor(middle - pad), 0, around.grid.shape).astype(int)
    high = np.clip(np.ceil(middle + pad) + 1, low, around.grid.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    best: tuple[float, str, bool] | None = None
    for structure in around.structures:
        if structure.kind != kind or structure.name in without:
            continue
        at = np.argwhere(structure.mask[box]) + low
        if not len(at):
            continue
        gaps = np.maximum(np.abs(at - middle) - 0.5, 0.0) * around.grid.spacing_mm
        gap = float((gaps**2).sum(axis=1).min())
        if best is None or gap < best[0]:
            best = (gap, structure.name, not structure.given)
    return None if best is None else best[1:]
