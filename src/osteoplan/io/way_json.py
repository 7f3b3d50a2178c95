"""Trajectories as ``osteoplan ways --json`` and ``plan.json`` print them."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np

from osteoplan.arrays import Point
from osteoplan.io.documents import INTENDED_USE
from osteoplan.model.trajectory import Trajectory, WaysResult
from osteoplan.trajectory.probes.plan import CoverPlan
from osteoplan.trajectory.reach import angle_words, view_angles

__all__ = ["angles_document", "cover_document", "way_document", "ways_document"]

Json = dict[str, Any]


def ways_document(result: WaysResult, cover: CoverPlan | None = None) -> Json:
    """``{"ways": [...], "rejected": {...}, ...}`` of one lesion; ``cover`` where probes were asked for."""
    anatomy = result.anatomy
    return {
        "intended_use": INTENDED_USE,
        "case": result.case.id,
        "lesion": anatomy.lesion.id,
        "bone": anatomy.bone,
        "side": anatomy.lesion.side,
        "level_confirmed": anatomy.lesion.level_confirmed,
        "simulated": anatomy.lesion.simulated,
        "frame_of_reference": anatomy.image.frame,
        "ways": [way_document(way) for way in result.ways],
        "rejected": {approach: dict(counts) for approach, counts in result.rejected.items()},
        "warnings": list(dict.fromkeys(result.warnings)),
        "credits": list(result.credits),
        "stamp": {**asdict(result.stamp), "inputs": dict(result.stamp.inputs)},
        **({} if cover is None else {"cover": cover_document(cover)}),
    }


def cover_document(plan: CoverPlan) -> Json:
    """Probes that cover a lesion, as geometry; the words and cautions belong to every number of it."""
    return {
        "words": plan.words,
        "status": plan.status,
        "coverage_pct": round(plan.coverage_pct, 2),
        "lesion_pct": round(plan.lesion_pct, 2),
        "uncovered_points": plan.uncovered_points,
        "points": plan.points,
        "margin_min_mm": _finite(plan.margin_min_mm),
        "margin_reached_pct": {f"{mm:g}": round(share, 2) for mm, share in plan.margin_reached_pct.items()},
        "gap": _finite(plan.gap),
        "probes": [
            {
                "way": probe.way,
                "zone": probe.row.id,
                "device": probe.row.device,
                "power_W": probe.row.power_W,
                "time_min": probe.row.time_min,
                "entry_mm": _list(probe.entry_mm),
                "tip_mm": _list(probe.tip_mm),
                "zone_centre_mm": _list(probe.zone.centre_mm),
                "zone_half_length_mm": round(probe.zone.half_length_mm, 3),
                "zone_half_width_mm": round(probe.zone.half_width_mm, 3),
            }
            for probe in plan.probes
        ],
        "spacing": [asdict(one) for one in plan.spacing],
        "reached": [asdict(one) for one in plan.reached],
        "cautions": list(plan.cautions),
    }


def angles_document(entry_mm: Point, target_mm: Point) -> Json:
    """Angles that are set to look down a path, by the patient's axes, with their signs in words."""
    outward = np.subtract(entry_mm, target_mm)
    seen = view_angles(outward)
    return {
        "in_plane_deg": round(float(seen.in_plane_deg), 1),
        "cranio_caudal_deg": round(float(seen.cranio_caudal_deg), 1),
        "words": angle_words(outward),
    }


def way_document(way: Trajectory) -> Json:
    """One trajectory; positions are LPS mm, ``clearances`` are gaps of its surface, nearest first."""
    return {
        "id": way.id,
        "name": way.name,
        "kind": way.kind,
        "approach": way.approach,
        "side": way.side,
        "status": way.status,
        "reasons": list(way.reasons),
        "position": way.position,
        "entry_mm": _list(way.entry_mm),
        "target_mm": _list(way.target_mm),
        "skin_mm": _list(way.skin_mm),
        "bone_mm": _list(way.bone_mm),
        "bottleneck_mm": _list(way.bottleneck_mm),
        "angles": angles_document(way.skin_mm or way.entry_mm, way.target_mm)
        if way.entry_mm and way.target_mm
        else None,
        "device": way.device,
        "diameter_mm": way.diameter_mm,
        "clearances": [
            {
                "structure": gap.structure,
                "kind": gap.kind,
                "gap_mm": round(gap.gap_mm, 3),
                "needed_mm": gap.needed_mm,
                "at_mm": _list(gap.at_mm),
                "derived": gap.derived,
            }
            for gap in way.gaps
        ],
        "unchecked": list(way.unchecked),
        "measures": {name: round(value, 3) for name, value in way.measures.items()},
        "fits": list(way.fits),
        "reach": dict(way.reach),
        "bones": list(way.bones),
        "budget": None if way.budget is None else _budget(way),
    }


def _budget(way: Trajectory) -> Json:
    budget = way.budget
    assert budget is not None
    return {
        "guidance": budget.guidance,
        "lateral_sd_mm": round(budget.lateral_sd_mm, 4),
        "angle_sd_deg": round(budget.angle_sd_deg, 4),
        "draws": budget.draws,
        "breach_probability": {kind: round(share, 4) for kind, share in budget.breach.items()},
        "scale": budget.scale,
        "grades": {grade: round(share, 4) for grade, share in budget.grades.items()},
        "gap_mm": {kind: [round(x, 3) for x in gap] for kind, gap in budget.gap_mm.items()},
    }


def _list(point: tuple[float, float, float] | None) -> list[float] | None:
    return None if point is None else [round(float(x), 3) for x in point]


def _finite(value: float) -> float | None:
    """A number; None where there is none, as of a plan without a probe."""
    return round(value, 4) if isfinite(value) else None
