"""A found axis as a ``Trajectory``: widths, gaps, screws that fit, what was not checked, why it is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.paths import path_values
from osteoplan.knowledge.approaches import names_for
from osteoplan.knowledge.corridors import Template
from osteoplan.knowledge.values import number
from osteoplan.model.device import Device
from osteoplan.model.trajectory import Gap, Profile, Trajectory
from osteoplan.trajectory.corridors.search import Axis, CorridorOnScan, clear_of
from osteoplan.trajectory.corridors.to_skin import OuterWay, nearest_structure
from osteoplan.trajectory.surroundings import AVOIDED, Surroundings, distance_maps, point

__all__ = ["found_way", "narrow_way", "no_way"]

PROFILE_STEP_MM = 1.0


def no_way(around: Surroundings, template: Template, names: Mapping[str, str], why: str) -> Trajectory:
    """A corridor that was not even searched for, and why."""
    return Trajectory(
        id=_id(template, names), name=_name(template, names), kind="corridor", approach=template.id,
        status="none", side=_side(names), reasons=(f"no straight corridor: {why}",),
        unchecked=_unchecked(around, template, names),
        bones=tuple(label.format(**names) for label in template.bones),
    )  # fmt: skip


def narrow_way(
    around: Surroundings, place: CorridorOnScan, names: Mapping[str, str], axis: Axis, needed_mm: float
) -> Trajectory:
    """A corridor that no screw fits: how wide it is at its narrowest place, and what narrows it there."""
    template = place.template
    free, wall = max(0.0, 2.0 * axis.score), template.margins_mm["wall"]
    limit = limit_of(around, place, axis)
    if not axis.whole:
        said = f"no straight corridor: every line leaves the bone, the best one at {_told(axis)} ({limit})"
    else:
        said = (
            f"no straight corridor: {_floor(free):.1f} mm at {_told(axis)} ({limit}), "
            f"{needed_mm:.1f} mm needed; "
            f"bone alone is {2.0 * axis.bone_mm:.1f} mm wide, {wall:g} mm of it is kept around a screw"
        )
    way = no_way(around, template, names, "")
    return _with(way, around, place, axis, reasons=(said, *_caution(around)), diameter_mm=needed_mm)


def found_way(
    around: Surroundings, place: CorridorOnScan, names: Mapping[str, str], axis: Axis, outer: OuterWay,
    screws: Sequence[Device],
) -> Trajectory:  # fmt: skip
    """A corridor with its screws; ``none`` where its path from the skin is forbidden."""
    template, free = place.template, 2.0 * axis.score
    fits = [one for one in screws if one.values["outer_diameter_mm"].number <= free]
    widest = fits[0].values["outer_diameter_mm"].number
    limit = limit_of(around, place, axis)
    said = [f"narrowest {_floor(free):.1f} mm at {_told(axis)}: {limit}"]
    said += [f"crosses the {joint.replace('_', ' ')} on purpose" for joint in place.crossed]
    said += [*outer.remarks, *_caution(around)]
    reasons = (*outer.blocked, *said) if outer.blocked else tuple(said)
    way = replace(
        no_way(around, template, names, ""), status="none" if outer.blocked else "fits",
        skin_mm=outer.skin_mm, device=fits[0].id,
        fits=() if outer.blocked else tuple(one.id for one in fits),
    )  # fmt: skip
    return _with(way, around, place, axis, reasons=reasons, diameter_mm=widest)


def limit_of(around: Surroundings, place: CorridorOnScan, axis: Axis) -> str:
    """What limits an axis at its narrowest place, in words."""
    here, maps = axis.narrowest_mm, distance_maps(around)
    if not axis.by_bone:
        margins = place.template.margins_mm
        kinds = [k for k in margins if k in AVOIDED and maps.has(k)]
        near = {k: _distance(around, place, k, here[None])[0] - margins[k] for k in kinds}
        kind = min(near, key=near.__getitem__)
        return f"limited by {_named(around, place, kind, here)} with its margin of {margins[kind]:g} mm"
    if maps.has("metal") and maps.at("metal", here) < axis.bone_mm + 2.0 * float(
        around.grid.spacing_mm.max()
    ):
        return "limited by metal that is there"
    return "limited by the bone's wall"


def _with(
    way: Trajectory,
    around: Surroundings,
    place: CorridorOnScan,
    axis: Axis,
    *,
    reasons: tuple[str, ...],
    diameter_mm: float,
) -> Trajectory:
    """The trajectory with what is measured along its axis."""
    radius = 0.5 * diameter_mm
    count = max(2, round(axis.length_mm / PROFILE_STEP_MM) + 1)
    t = np.linspace(0.0, axis.length_mm, count)
    positions = axis.entry_mm + t[:, None] * axis.way
    along = {
        kind: _distance(around, place, kind, positions) - radius
        for kind in AVOIDED
        if distance_maps(around).has(kind)
    }
    wall = place.field.at(place.field.depth, positions) - radius
    gaps = [_gap(around, place, kind, along[kind], positions, radius) for kind in along]
    gaps.append(_wall_gap(place.template, axis, radius))
    gaps.sort(key=lambda gap: gap.gap_mm)
    profile = {kind: tuple(float(v) for v in np.round(values, 3)) for kind, values in along.items()}
    profile["wall"] = tuple(float(v) for v in np.round(wall, 3))
    return replace(
        way, reasons=reasons, entry_mm=point(axis.entry_mm), bone_mm=point(axis.entry_mm),
        target_mm=point(axis.exit_mm), diameter_mm=diameter_mm, bottleneck_mm=point(axis.narrowest_mm),
        gaps=tuple(gaps), measures=_measures(place, axis, diameter_mm),
        profile=Profile(tuple(float(v) for v in np.round(t, 3)), profile),
    )  # fmt: skip


def _measures(place: CorridorOnScan, axis: Axis, diameter_mm: float) -> Mapping[str, float]:
    """Numbers of a corridor; ``end_skip_mm`` is how far from an end the bone's face may cut into a screw."""
    template = place.template
    around = 0.5 * diameter_mm + template.margins_mm["wall"]
    cone = float(np.tan(np.radians(number("corridor_search.end_cone_deg"))))
    skip = max(template.end_skip_mm, around * cone)

    nearest = int(np.argmin(np.linalg.norm(place.field.points - axis.entry_mm, axis=1)))
    cosine = float(np.clip(-place.field.normals[nearest] @ axis.way, -1.0, 1.0))
    return {
        "length_mm": axis.length_mm,
        "width_mm": 2.0 * axis.bone_mm,
        "free_diameter_mm": max(0.0, 2.0 * axis.score),
        "cortex_angle_deg": float(np.degrees(np.arccos(cosine))),
        "cortices": 2.0 if template.exit_kind == "through" else 1.0,
        "end_skip_mm": skip,
    }


def _gap(
    around: Surroundings, place: CorridorOnScan, kind: str, gaps: F64, positions: F64, radius: float
) -> Gap:
    at = int(np.argmin(gaps))
    distance = float(gaps[at]) + radius
    found = nearest_structure(around, kind, positions[at], distance, without=place.crossed)
    name, derived = found if found is not None else (kind, False)
    needed = place.template.margins_mm.get(kind, 0.0)  # type: ignore[call-overload]
    return Gap(name, kind, float(gaps[at]), point(positions[at]), float(needed), derived)


def _wall_gap(template: Template, axis: Axis, radius: float) -> Gap:
    at = axis.entry_mm + axis.bone_at_mm * axis.way
    return Gap("wall", "wall", axis.bone_mm - radius, point(at), template.margins_mm["wall"])


def _distance(around: Surroundings, place: CorridorOnScan, kind: str, positions: F64) -> F64:
    """Distance of positions to a kind of structure, joints that are crossed on purpose left out."""
    if kind != "joint" or not place.crossed:
        return distance_maps(around).at(kind, positions)
    clear = clear_of(around, place.field, (("joint", 0.0),), place.crossed)
    return path_values(clear.field[..., None], clear.affine, positions)[..., 0]


def _named(around: Surroundings, place: CorridorOnScan, kind: str, here: F64) -> str:
    if kind == "metal":
        return "metal that is there"
    gap = float(_distance(around, place, kind, here[None])[0])
    found = nearest_structure(around, kind, here, gap, without=place.crossed)
    if found is None:
        return kind
    return found[0].replace("_", " ") + (" (derived)" if found[1] else "")


def _caution(around: Surroundings) -> tuple[str, ...]:
    """What coarse voxels mean for a width."""
    voxel = float(around.grid.spacing_mm.max())
    if voxel <= number("corridor_search.coarse_from_mm"):
        return ()
    error = 2.0 * number("corridor_search.radius_error_voxels") * voxel
    return (f"coarse: voxels of {voxel:.1f} mm, a width is known to about {error:.1f} mm",)


def _unchecked(around: Surroundings, template: Template, names: Mapping[str, str]) -> tuple[str, ...]:
    bone = f"vertebra_{names['level']}" if names["level"] else template.bones[0].format(**names)
    present = around.known()
    lacking = [need for need in template.needs if not names_for(need, bone, present)]
    return tuple(need.replace("_", " ") for need in lacking)


def _told(axis: Axis) -> str:
    x, y, z = axis.narrowest_mm
    at = axis.bone_at_mm if axis.by_bone else axis.clear_at_mm
    return f"{at:.0f} mm from the entry (x {x:.0f}, y {y:.0f}, z {z:.0f} mm)"


def _floor(width_mm: float) -> float:
    """A width that is too small must not be rounded up to what is needed."""
    return float(np.floor(10.0 * width_mm) / 10.0)


def _id(template: Template, names: Mapping[str, str]) -> str:
    parts = (template.id, names["level"], _side(names))
    return "_".join(part for part in parts if part)


def _name(template: Template, names: Mapping[str, str]) -> str:
    title = template.title.format(**names)
    return f"{title}, {names['side']}" if _side(names) else title


def _side(names: Mapping[str, str]) -> str:
    return "" if names["side"] == "midline" else names["side"]
