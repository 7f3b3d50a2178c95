"""A measured needle path as a ``Trajectory``: its numbers, what it passes, and in sentences why none fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64, Point
from osteoplan.kernels.paths import path_values
from osteoplan.knowledge.approaches import names_for
from osteoplan.model.plan import OFF_SCAN
from osteoplan.model.trajectory import Gap, Profile, Trajectory
from osteoplan.trajectory.needles.candidates import NOWHERE_MM, Candidates
from osteoplan.trajectory.needles.limits import NeedleTask
from osteoplan.trajectory.needles.measure import PathMeasurements, Scene
from osteoplan.trajectory.reach import view_angles
from osteoplan.trajectory.surroundings import AVOIDED, REACH_MM, DistanceMaps, Surroundings, point
from osteoplan.units import told_apart

__all__ = ["none_of", "numbered", "unchecked_of", "way_of", "why_broken"]

PROFILE_MM = 1.0  # between the places of a profile
_AT_SKIN = ("skin", "skin_angle_max_deg", "length_mm", "reach", "aspect")  # measured where the path comes out


def way_of(
    scene: Scene,
    tried: Candidates,
    measured: PathMeasurements,
    *,
    broken: Mapping[str, float] | None = None,
) -> Trajectory:
    """One path (arrays of one row) as a trajectory; ``broken``: limits that it misses, and by how much."""
    task = scene.task
    entry, tip = measured.entry_mm[0], tried.tips_mm[0]
    seen = bool(measured.reaches_skin[0])
    bone = measured.bone_mm[0] if np.isfinite(measured.bone_mm[0]).all() else None
    gaps = _gaps(scene, tried, measured)
    return replace(
        none_of(scene.around, task, ()),
        status="fits" if not broken else "none" if _seen(broken) else "not_judged",
        reasons=tuple(text for _, text in why_broken(scene, tried, measured, broken, "the best path"))
        if broken
        else _remarks(task),
        entry_mm=point(entry),
        target_mm=point(tip),
        skin_mm=point(entry) if seen else None,
        bone_mm=None if bone is None else point(bone),
        gaps=gaps,
        measures=_measures(scene, tried, measured, bone),
        reach={id: "; ".join(one.why(0)) for id, one in measured.reach.items()},
        profile=_profile(scene, entry, tip),
    )


def why_broken(
    scene: Scene, tried: Candidates, measured: PathMeasurements, broken: Mapping[str, float], who: str
) -> tuple[tuple[str, str], ...]:
    """(limit, sentence with its number) of one path, for each limit that it misses by so much.

    ``who`` is the subject of the sentences: *the best path* of a search, *the left needle* of a plan.
    """
    seen = _seen(broken)
    if broken and not seen:
        away = scene.maps.to_edge_mm(tried.tips_mm[0], tried.outward[0])
        said = f"not judged: the scan stops {away:.0f} mm from the lesion, short of the skin: use a wider CT"
        return ((OFF_SCAN, said),)
    told = _sentences(scene, measured, _gaps(scene, tried, measured), seen) if seen else ()
    return tuple((limit, text if text[0].isdigit() else f"{who} {text}") for limit, text in told)


def _seen(broken: Mapping[str, float]) -> Mapping[str, float]:
    """Limits that are broken in what the scan shows: of a path that it cuts, none that needs the skin."""
    return {n: by for n, by in broken.items() if n not in _AT_SKIN} if "skin" in broken else broken


def none_of(around: Surroundings, task: NeedleTask, reasons: tuple[str, ...]) -> Trajectory:
    """A trajectory that was looked for in vain."""
    approach, side = task.approach, task.side
    return Trajectory(
        id=f"{approach.id}_{side}" if side else approach.id,
        name=f"{approach.title}, {side}" if side else approach.title,
        kind="needle",
        approach=approach.id,
        status="none",
        side=side,
        reasons=reasons,
        device=task.device.id,
        diameter_mm=task.diameter_mm,
        unchecked=unchecked_of(around, (*approach.needs, *approach.rarely_labelled)),
        position=task.position,
    )


def numbered(way: Trajectory, n: int) -> Trajectory:
    """The n-th proposal of a search."""
    return replace(way, id=f"{way.id}_{n}", name=f"{way.name}, {n}")


def unchecked_of(around: Surroundings, needs: tuple[str, ...]) -> tuple[str, ...]:
    """Structures that must be known and are not known here, in words."""
    known = around.known()
    lacking = [need for need in needs if not names_for(need, around.anatomy.bone, known)]
    return tuple(need.replace("_", " ") for need in lacking)


def _remarks(task: NeedleTask) -> tuple[str, ...]:
    return (task.approach.warned,) if task.approach.warned else ()


def _gaps(scene: Scene, tried: Candidates, measured: PathMeasurements) -> tuple[Gap, ...]:
    """The nearest structure of each kind, the nearest of all first; what is farther than the maps is left."""
    found = []
    for kind, gap in measured.gap_mm.items():
        if gap[0] >= REACH_MM - scene.task.diameter_mm:
            continue
        at = tried.tips_mm[0] + measured.at_mm[kind][0] * tried.outward[0]
        name, derived = _name(scene, kind, point(at))
        needed = scene.task.rules.clearance_mm[kind]
        found.append(Gap(name, kind, float(gap[0]), point(at), needed, derived))
    if np.isfinite(measured.wall_mm[0]):
        name = scene.around.anatomy.bone
        at = point(tried.tips_mm[0])
        found.append(Gap(name, "wall", float(measured.wall_mm[0]), at, scene.task.rules.wall_mm))
    return tuple(sorted(found, key=lambda one: one.gap_mm - one.needed_mm))


def _name(scene: Scene, kind: str, at: Point) -> tuple[str, bool]:
    """Name of the nearest structure of a kind, and whether it is derived."""
    if kind == "metal":
        return "metal or cement in the patient", False
    crossed = scene.task.approach.needle.joints_crossed if scene.task.approach.needle else ()
    maps = scene.maps
    if kind == "joint" and crossed:
        others = tuple(s for s in maps.structures if not s.name.startswith(crossed))
        maps = DistanceMaps(maps.grid, maps.channels, maps.stack, others)
    nearest = maps.nearest(kind, at)
    return nearest.name, not nearest.given


def _measures(
    scene: Scene, tried: Candidates, measured: PathMeasurements, bone: F64 | None
) -> dict[str, float]:
    task, u = scene.task, tried.outward[0]
    view = view_angles(u)
    radius, rules = task.diameter_mm / 2.0, task.rules
    free = [gap[0] + radius - rules.clearance_mm[kind] for kind, gap in measured.gap_mm.items()]
    found = {
        "length_mm": float(measured.length_mm[0]),
        "skin_angle_deg": float(measured.skin_angle_deg[0]),
        "cortex_angle_deg": float(measured.cortex_angle_deg[0]),
        "lao_rao_deg": float(view.lao_rao_deg),
        "cra_cau_deg": float(view.cra_cau_deg),
        "in_plane_deg": float(view.in_plane_deg),
        "cranio_caudal_deg": float(view.cranio_caudal_deg),
        "cortices": float(_cortices(scene, measured.entry_mm[0], tried.tips_mm[0])),
    }
    if np.isfinite(measured.wall_mm[0]):
        found["wall_mm"] = float(measured.wall_mm[0])
        free.append(measured.wall_mm[0] + radius - rules.wall_mm)
    if free:
        found["free_diameter_mm"] = max(2.0 * float(min(free)), 0.0)
    if bone is not None:
        found["skin_to_bone_mm"] = float(np.linalg.norm(measured.entry_mm[0] - bone))
    return found


def _cortices(scene: Scene, entry: npt.ArrayLike, tip: npt.ArrayLike) -> int:
    """How often the axis goes into a bone or out of one between skin and tip."""
    names = [name for name in ("bone", "other_bone") if scene.maps.has(name)]
    values = np.stack([scene.maps.at(name, _along(entry, tip, 0.5)) for name in names])
    inside = np.asarray((values < 0).any(axis=0))
    return int(np.count_nonzero(inside[1:] != inside[:-1]) + inside[0])


def _profile(scene: Scene, entry: npt.ArrayLike, tip: npt.ArrayLike) -> Profile:
    """Gaps of the needle's surface along its trajectory."""
    places = _along(entry, tip, PROFILE_MM)
    kinds = [kind for kind in AVOIDED if scene.maps.has(kind)]
    values = path_values(scene.maps.stack, scene.maps.grid.affine, places)
    radius = scene.task.diameter_mm / 2.0
    length = float(np.linalg.norm(np.asarray(tip) - np.asarray(entry)))
    return Profile(
        tuple(np.linspace(0.0, length, len(places)).round(2).tolist()),
        {
            kind: tuple((values[:, scene.maps.channels.index(kind)] - radius).round(2).tolist())
            for kind in kinds
        },
    )


def _along(entry: npt.ArrayLike, tip: npt.ArrayLike, step_mm: float) -> F64:
    """(m, 3) places from entry to tip."""
    a, b = np.asarray(entry, dtype=np.float64), np.asarray(tip, dtype=np.float64)
    count = max(int(np.ceil(np.linalg.norm(b - a) / step_mm)), 1) + 1
    return a + np.linspace(0, 1, count)[:, None] * (b - a)


def _sentences(
    scene: Scene, measured: PathMeasurements, gaps: tuple[Gap, ...], broken: Mapping[str, float]
) -> tuple[tuple[str, str], ...]:
    """(limit, sentence) of what the path that misses least breaks, each with its number and the limit."""
    task, rules = scene.task, scene.task.rules
    said = []
    for gap in gaps:
        if f"{gap.kind}_clearance_min_mm" in broken:
            name = gap.structure.replace("_", " ") + (" (derived)" if gap.derived else "")
            passed, needed = told_apart(gap.gap_mm, gap.needed_mm)
            text = (
                f"passes {passed} mm from the {name}, {needed} mm needed"
                if gap.gap_mm > 0
                else f"enters the {name} by {-gap.gap_mm:.1f} mm"
            )
            said.append((f"{gap.kind}_clearance_min_mm", text))
    wide = f"the {task.diameter_mm:.1f} mm needle"
    out = f"breaks {-measured.wall_mm[0]:.1f} mm out of the bone"
    wall, wall_needed = told_apart(measured.wall_mm[0], rules.wall_mm)
    deep, deep_needed = told_apart(measured.tip_mm[0], scene.tip_mm)
    near_bone, bone_needed = told_apart(measured.tip_bone_mm[0], scene.bone_mm)
    long, reach = told_apart(measured.length_mm[0], task.reach_mm or 0.0, 0)
    skin, skin_most = told_apart(measured.skin_angle_deg[0], rules.skin_angle_deg, 0)
    cortex, cortex_most = told_apart(measured.cortex_angle_deg[0], rules.cortex_angle_deg, 0)
    words = {
        "wall_depth_min_mm": f"{wall} mm of bone beside {wide}, {wall_needed} mm needed"
        if measured.wall_mm[0] > 0
        else out,
        "waypoint": f"passes {measured.missed_mm[0]:.1f} mm beside the place that this approach goes through"
        if measured.missed_mm[0] < NOWHERE_MM
        else "does not pass the place that this approach goes through",
        "tip_depth_min_mm": f"has its tip {deep} mm deep in the lesion, {deep_needed} mm needed",
        "tip_bone_min_mm": f"has its tip {near_bone} mm below the bone's surface, {bone_needed} mm needed",
        "length_mm": f"is {long} mm long, {task.device.name} reaches {reach} mm",
        "skin_angle_max_deg": f"meets the skin {skin} deg off its normal, {skin_most} deg at most",
        "cortex_angle_max_deg": f"meets the bone {cortex} deg off its normal, {cortex_most} deg at most",
        "aspect": f"comes {measured.aspect_deg[0]:.0f} deg from another side of the patient than named",
    }
    said += [(name, text) for name, text in words.items() if name in broken]
    if "reach" in broken:
        said += [
            ("reach", f"cannot be followed by {id.replace('_', ' ')}: {'; '.join(one.why(0))}")
            for id, one in measured.reach.items()
        ]
    return tuple(said)
