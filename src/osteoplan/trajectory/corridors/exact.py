"""A chosen corridor measured brick by brick against what it must keep clear of.

The search reads distances between voxel centres, which are a little too long near edges of bricks; a margin
that is promised is measured exactly, and a screw is then no thicker than that allows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from osteoplan.arrays import Mask
from osteoplan.trajectory.corridors.search import Axis, CorridorOnScan
from osteoplan.trajectory.exact import distance_along
from osteoplan.trajectory.surroundings import Surroundings, distance_maps

__all__ = ["measured_exactly"]

NEAR_MM = 3.0  # what is farther than it needs to be by more than this was read well enough


def measured_exactly(around: Surroundings, place: CorridorOnScan, axis: Axis) -> Axis:
    """The axis with its clearance no larger than every brick allows; the bone around it stays as read."""
    if not axis.whole:
        return axis
    margins = place.template.margins_mm
    for kind, margin in margins.items():
        mask = _of_kind(around, kind, place.crossed)
        if mask is None:
            continue
        within = max(axis.score, 0.0) + margin + NEAR_MM
        gap, at = distance_along(mask, around.grid, axis.entry_mm, axis.exit_mm, within_mm=within)
        if gap - margin < axis.clear_mm:
            axis = replace(axis, clear_mm=gap - margin, clear_at_mm=at)
    bone = axis.bone_mm - margins["wall"]
    return replace(axis, score=min(bone, axis.clear_mm), by_bone=bone <= axis.clear_mm)


def _of_kind(around: Surroundings, kind: str, crossed: tuple[str, ...]) -> Mask | None:
    """Everything of a kind that is not crossed on purpose; None where there is nothing."""
    if kind == "joint" and crossed:
        masks = [s.mask for s in around.structures if s.kind == kind and s.name not in crossed]
        return np.logical_or.reduce(masks) if masks else None
    maps = distance_maps(around)
    return maps.of(kind) < 0.0 if kind != "wall" and maps.has(kind) else None
