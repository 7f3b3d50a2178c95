"""What is at risk on a heat scene, and what a run did to it beside its limits.

The canal is told as two: its epidural margin, and the cord (or cauda) within.  A structure that the scan does
not show is *not judged*; it is never within limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from osteoplan.arrays import Mask
from osteoplan.kernels.distance import signed_distance
from osteoplan.knowledge.heat_limits import StructureLimit, limit_of, structure_limits
from osteoplan.knowledge.values import number
from osteoplan.model.heat import HeatLimit
from osteoplan.thermal.run import HeatRun
from osteoplan.thermal.scene import HeatScene
from osteoplan.thermal.tissue import CORD

__all__ = ["EPIDURAL", "NERVES", "AtRisk", "Felt", "at_risk", "felt", "not_judged", "shown_limit"]

EPIDURAL, WITHIN, SKIN = "epidural_margin", "cord_or_cauda", "skin"
NERVES = ("canal", "nerve")  # kinds whose temperature must be right


@dataclass(frozen=True, eq=False)
class AtRisk:
    """One structure: its kind, its limit, and its cubes."""

    name: str
    kind: str
    limit: StructureLimit
    mask: Mask


@dataclass(frozen=True)
class Felt:
    """What one structure felt: extremes [degC] and equivalent minutes at 43 degC, of its worst cubes."""

    hottest_degC: float
    coldest_degC: float
    dose_min: float


def at_risk(scene: HeatScene) -> tuple[AtRisk, ...]:
    """Every structure here that has a limit, those of the canal first."""
    found = []
    kinds = {one.name: one.kind for one in scene.around.structures}
    canal, cord = np.zeros(scene.grid.shape, dtype=bool), scene.structures.get(CORD)
    for name, mask in scene.structures.items():
        if kinds[name] == "canal" and name != CORD:
            canal |= mask
    parts: list[tuple[str, str, Mask]] = []
    if canal.any():
        inner = cord
        if inner is None:
            inner = signed_distance(canal, scene.grid.spacing_mm) < -number("heat.epidural_mm")
        parts.append((EPIDURAL, "canal", canal & ~inner))
        parts.append((WITHIN if cord is None else CORD, "canal", inner))
    elif cord is not None:
        parts.append((CORD, "canal", cord))
    parts += [(name, kinds[name], mask) for name, mask in scene.structures.items() if kinds[name] != "canal"]
    outside = ~scene.body
    parts.append((SKIN, "skin", scene.body & binary_dilation(outside)))
    for name, kind, mask in parts:
        limit = limit_of(kind)
        mask = mask & ~scene.gas
        if limit is not None and mask.any():
            found.append(AtRisk(name, kind, limit, mask))
    return tuple(found)


def not_judged(scene: HeatScene) -> tuple[str, ...]:
    """Kinds of structure with a limit of which nothing was seen or derived on the scan, in words."""
    seen = {one.kind for one in scene.around.structures if one.mask.any()} | {"skin"}
    missing = []
    for one in structure_limits():
        if not seen & set(one.kinds):
            missing.append(f"{one.title}: none was seen or derived on the scan")
    return tuple(missing)


def felt(run: HeatRun, risks: tuple[AtRisk, ...]) -> Mapping[str, Felt]:
    """What each structure felt."""
    return {
        one.name: Felt(
            float(run.T_max[one.mask].max()),
            float(run.T_min[one.mask].min()),
            float(run.cem43[one.mask].max()),
        )
        for one in risks
    }


def shown_limit(limit: StructureLimit) -> HeatLimit:
    """The temperatures of a limit, as a picture draws them."""
    ends = (limit.low_degC, limit.high_degC)
    low, high = (None if one is None else one.number for one in ends)
    return HeatLimit(
        low, high, tuple(dict.fromkeys(key for one in ends if one is not None for key in one.cite))
    )
