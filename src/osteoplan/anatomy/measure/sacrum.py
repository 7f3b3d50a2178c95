"""A lesion of the sacrum: which zones it reaches, seen from the sacral foramina.

Zones as of Denis: I lateral of the foramina, II through them, III between them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from osteoplan.anatomy.measure.result import Result, derived, measured
from osteoplan.arrays import F64
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = ["measure_sacrum"]

ZONES = ("I", "II", "III")


def measure_sacrum(anatomy: Anatomy, frames: Mapping[str, BoneFrame]) -> Result:
    """Region, and the most medial zone that the lesion reaches."""
    region = derived("region", "sacrum", "the lesion's bone is the sacrum")
    frame = frames.get("sacrum")
    edges = None if frame is None else _foramina(anatomy, frame)
    if frame is None or edges is None:
        return Result(
            (region,), ("sacral zones are not measured: no sacral foramina were found on both sides",)
        )
    inside = anatomy.lesion_mask & anatomy.bone_mask
    left = frame.local(anatomy.image.positions_mm(np.argwhere(inside)))[:, 0]
    inner = np.where(left > 0, edges["left"][0], edges["right"][0])
    outer = np.where(left > 0, edges["left"][1], edges["right"][1])
    zone = np.where(np.abs(left) > outer, 0, np.where(np.abs(left) >= inner, 1, 2))
    volumes = np.bincount(zone, minlength=3) * anatomy.image.voxel_volume_mm3 / 1000.0
    words = ", ".join(f"{v:.1f} mL in zone {name}" for name, v in zip(ZONES, volumes, strict=True))
    reached = np.flatnonzero(volumes >= number("measure.zone_min_mL"))
    if len(reached) == 0:
        return Result((region,), (f"sacral zones are not measured: too little lesion in any ({words})",))
    because = f"{words}; zones by the inner and outer edges of the sacral foramina"
    return Result((region, measured("denis_zone", ZONES[int(reached.max())], "1", because)))


def _foramina(anatomy: Anatomy, frame: BoneFrame) -> dict[str, tuple[float, float]] | None:
    """Inner and outer edge of the foramina on each side: distances from the midplane [mm]."""
    found: dict[str, list[F64]] = {"left": [], "right": []}
    for structure in anatomy.structures:
        if not structure.name.startswith("sacral_foramen") or not structure.mask.any():
            continue
        away = frame.local(anatomy.image.positions_mm(np.argwhere(structure.mask)))[:, 0]
        found["left" if np.median(away) > 0 else "right"].append(np.abs(away))
    if not found["left"] or not found["right"]:
        return None
    return {
        side: (
            float(np.median([np.percentile(a, 5) for a in parts])),
            float(np.median([np.percentile(a, 95) for a in parts])),
        )
        for side, parts in found.items()
    }
