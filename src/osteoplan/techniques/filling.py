"""Cement in a plan: how much, through which needle, what that breaks.

A needle's way is an approach of the bone (``trajectory.needles.search``); ``Place.through`` holds the
approach and the side, so that the way can be measured afresh.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import NotAvailable
from osteoplan.knowledge.approaches import Approach, approaches, approaches_of
from osteoplan.knowledge.guidance import guidance, guidances
from osteoplan.knowledge.sites import side_of
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.device import Device
from osteoplan.model.effects import Cylinder
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.inventory import Inventory
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import OFF_SCAN, Act, Inject, Measure, Place, Plan, Remove, Step, Violation, Wait
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.estimates import way_estimates
from osteoplan.trajectory.geometry import segment_distance
from osteoplan.trajectory.needles.candidates import Candidates, window_of
from osteoplan.trajectory.needles.limits import NeedleTask, needle_rules
from osteoplan.trajectory.needles.measure import Scene, meet, shortfalls
from osteoplan.trajectory.needles.report import way_of, why_broken
from osteoplan.trajectory.needles.search import needle_ways, once_each, recheck
from osteoplan.trajectory.probes.parallel import beside, probe_path_of, segment_distances
from osteoplan.trajectory.setting import Setting
from osteoplan.units import told_apart

__all__ = [
    "apart", "cannulas", "cement_asked", "cement_recipe", "cement_ways", "clear_of", "lesion_mL",
    "needle_estimates", "needle_task", "needle_task_of", "needle_violations", "no_needle", "place_of",
    "short_way", "sides_of", "way_along", "ways_by", "why_so",
]  # fmt: skip

Recipe = Iterator[tuple[Act, str]]
BESIDE_MM = 12.0  # how far beside a proposed way, and how much deeper or shallower, a needle is tried
BESIDE_STEP_MM = 2.0
SKIN_MM = 2.0  # an entry farther from where its axis meets the skin lies elsewhere


def cement_asked(setting: Setting) -> tuple[float, str]:
    """Cement to ask for [mL], a share of the lesion's volume up to a limit; and how it came about."""
    lesion, share = lesion_mL(setting.anatomy), setting.inventory.limit("fill_share_target_pct").number
    wanted, most = share / 100.0 * lesion, setting.inventory.limit("fill_volume_highest_mL").number
    why = f"{share:g} % of the lesion's {lesion:.1f} mL"
    if wanted <= most:
        return wanted, why
    return most, f"{why} is {wanted:.1f} mL; brought to {most:.1f} mL"


def cement_ways(setting: Setting, needle: Device | None = None) -> tuple[Trajectory, ...]:
    """Trajectories of the cement needle by every approach to this bone, those that fit first, robust first.

    Args:
        needle: another than the thinnest cannula.

    Raises:
        NotAvailable: no cannula on the shelf.
    """
    found = [
        way
        for approach in approaches_of(setting.anatomy.bone)
        if approach.needle is not None
        for side in sides_of(setting)
        for way in ways_by(approach, side, setting, needle=needle)
    ]
    return once_each(sorted(found, key=_order), needle_rules(setting.inventory.way_limits))


def ways_by(
    approach: Approach, side: str, setting: Setting, *, beside_mm: float = 0.0, needle: Device | None = None
) -> tuple[Trajectory, ...]:
    """Trajectories of the cement needle by one approach on one side, the most robust first.

    Args:
        beside_mm: how far beside the lesion the tip may end; 0 for in it, as deep as the rules ask.
        needle: another than the thinnest cannula.

    Raises:
        NotAvailable: no cannula on the shelf.
    """
    device = needle or cannulas(setting.inventory)[0]
    told = (approach.id, side, device.id, beside_mm, *setting.inventory.conditions)
    key = ("cement ways", *told, setting.ensemble)
    task = needle_task(approach, side, device, setting, beside_mm)
    return setting.memo.once(key, lambda: needle_ways(setting.around, task, setting.ensemble).ways)


def cannulas(inventory: Inventory) -> list[Device]:
    """The cannulas on the shelf, the thinnest first: nothing that is simulated is better through a wider one.

    Raises:
        NotAvailable: there is none.
    """
    found = [device for device in inventory.of_kind("needle") if device.id.startswith("cannula")]
    if not found:
        raise NotAvailable("no cannula on the shelf: add one to data/devices, or to devices in centre.yaml")
    return sorted(found, key=lambda device: device.values["outer_diameter_mm"].number)


def apart(ways: Sequence[Trajectory], count: int, least_mm: float) -> tuple[Trajectory, ...]:
    """The first trajectories whose tips lie apart, at most so many."""
    taken: list[Trajectory] = []
    for way in ways:
        assert way.target_mm is not None
        tip = np.array(way.target_mm)
        if all(np.linalg.norm(tip - np.array(other.target_mm)) >= least_mm for other in taken):
            taken.append(way)
        if len(taken) == count:
            break
    return tuple(taken)


def clear_of(setting: Setting, solids: Sequence[Cylinder], gap_mm: float) -> tuple[Trajectory, ...]:
    """Trajectories of the cement needle that keep their distance from what stays.

    Where none of the proposals does, needles beside them are tried that still end in the lesion and keep
    every limit of their approach; the one that ends nearest to the middle of the lesion is taken.
    """
    fitting = [way for way in cement_ways(setting) if way.ok and way.skin_mm is not None]
    clear = tuple(
        way
        for way in fitting
        if all(_gap(place_of(way), way.diameter_mm or 0.0, solid) >= gap_mm for solid in solids)
    )
    if clear:
        return clear
    for way in fitting:
        found = _beside(way, setting, solids, gap_mm)
        if found is not None:
            return (found,)
    return ()


def cement_recipe(ways: Sequence[Trajectory], setting: Setting) -> Recipe:
    """Needles, a look at their tips, cement from deep to superficial, cure, needles out, a look for leaks."""
    cement = setting.inventory.device(str(setting.inventory.limit("cement_device").value))
    cure = cement.values["hardening_min"].number if "hardening_min" in cement.values else None
    asked_mL, why = cement_asked(setting)
    places = [place_of(way) for way in ways]
    for place, way in zip(places, ways, strict=True):
        yield place, why_so(way)
    yield Measure("CT: tips in the lesion, away from joints"), "before any cement"
    for place in places:
        act = Inject(cement.id, place.target_mm, asked_mL / len(ways))
        yield act, f"{why}; slowly, from deep to superficial"
    yield Wait("cement cure", cure), "set cement does not follow the needle out"
    for place in places:
        yield Remove(f"{place.device}, {place.through}"), ""
    yield Measure("CT: cement, leaks"), "joints, vessels, nerves, soft tissue"


def needle_violations(plan: Plan, setting: Setting, solids: Sequence[Cylinder] = ()) -> Iterator[Violation]:
    """Hard limits that the needles of a plan break, measured on their own ends.

    Args:
        solids: what stays, in the order of the steps that place it; a needle that is out by then keeps clear
            of nothing.
    """
    orders = [step.order for step in plan.steps if isinstance(step.act, Place) and step.act.stays]
    for step, act in _needles(plan, setting):
        yield from _measured(act, setting)
        out = _out_by(plan, step, act)
        beside = [solid for order, solid in zip(orders, solids, strict=False) if order < out]
        gap = setting.inventory.limit("needle_screw_min_mm").number if beside else 0.0
        for solid in beside:
            between = _gap(
                act, setting.inventory.device(act.device).values["outer_diameter_mm"].number, solid
            )
            if between < gap - 1e-6:
                near, needed = told_apart(between, gap)
                text = f"the cement needle passes {near} mm from metal that stays, {needed} mm needed"
                yield Violation("needle_screw_min_mm", text, between, gap, "mm")


def no_needle(ways: Sequence[Trajectory]) -> Iterator[Violation]:
    """Why no needle reaches the lesion, approach by approach."""
    for way in ways:
        if not way.ok:
            limit = OFF_SCAN if way.status == "not_judged" else "needle"
            yield Violation(limit, f"{way.name}: {'; '.join(way.reasons) or 'no way was found'}")
    if not ways:
        yield Violation("needle", "no approach of this program reaches this bone with a needle")
    elif any(way.ok for way in ways):
        yield Violation("needle", "every needle way that fits runs into metal that stays")


def needle_estimates(ways: Sequence[Trajectory], ensemble: Ensemble) -> tuple[Estimate, ...]:
    """How close needles pass, how long they are, how often they breach uncorrected."""
    return tuple(
        estimate
        for way in ways
        for estimate in way_estimates(
            way, way.name, None if way.budget is None else way.budget.breach.get("any"), ensemble
        )
    )


def short_way(ways: Sequence[Trajectory]) -> str:
    """``transiliac 2, right``: approach, number and side of a needle's trajectory; of several how many."""
    sides = " and ".join(dict.fromkeys(way.side for way in ways if way.side))
    number = ways[0].id.rpartition("_")[2]
    which = f" {number}" if number.isdigit() and number != "1" else ""
    one = f"{approaches()[ways[0].approach].short_title}{which}"
    what = one if len(ways) == 1 else f"{len(ways)} needles"
    return f"{what}, {sides}" if sides else what


def place_of(way: Trajectory) -> Place:
    """The act of putting a needle from the skin to its tip, through an approach and on its side."""
    assert way.skin_mm is not None
    assert way.target_mm is not None
    through = f"{way.approach}_{way.side}" if way.side else way.approach
    return Place(way.device, way.skin_mm, way.target_mm, through=through)


def why_so(way: Trajectory) -> str:
    """What way a needle takes, and what it was not checked against."""
    told = [way.name]
    told += [f"not checked against {name.replace('_', ' ')}" for name in way.unchecked]
    return "; ".join(told)


def _order(way: Trajectory) -> tuple[bool, int, float, str]:
    """Those that fit; the first of each search before the second; then the least likely breach."""
    breach = 1.0 if way.budget is None else way.budget.breach.get("any", 1.0)
    number = way.id.rpartition("_")[2]
    return not way.ok or way.skin_mm is None, int(number) if number.isdigit() else 0, breach, way.id


def needle_task(
    approach: Approach, side: str, device: Device, setting: Setting, beside_mm: float = 0.0
) -> NeedleTask:
    """A search with the patient as he lies; where nobody said, as this approach is usually done."""
    assert approach.needle is not None
    rules = needle_rules(setting.inventory.way_limits)
    rules = replace(rules, tip_depth_mm=-beside_mm) if beside_mm else rules
    guided = tuple(guidance(id) for id in setting.inventory.guidances) or tuple(guidances().values())
    return NeedleTask(
        approach, side, setting.inventory.position or approach.needle.positions[0], device, guided, rules,
        setting.anatomy.isocentre_mm,
    )  # fmt: skip


def sides_of(setting: Setting) -> tuple[str, ...]:
    """Sides on which the bone is reached: its own, or both of a bone in the midline."""
    side = side_of(setting.anatomy.bone)
    return (side,) if side else ("left", "right")


def _beside(
    way: Trajectory, setting: Setting, solids: Sequence[Cylinder], gap_mm: float
) -> Trajectory | None:
    """A needle parallel to a trajectory that keeps clear of what stays; None where there is none."""
    task = needle_task(approaches()[way.approach], way.side, setting.inventory.device(way.device), setting)
    around, radius = setting.around, 0.5 * task.diameter_mm
    maps = setting.maps
    starts, ends = (np.array([getattr(s, end) for s in solids]) for end in ("start_mm", "end_mm"))
    thick = np.array([0.5 * s.outer_diameter_mm for s in solids]) + radius + gap_mm

    def allowed(entries: F64, tips: F64) -> Bool:
        free = (segment_distances(entries, tips, starts, ends) >= thick).all(axis=1)
        free &= maps.at("lesion", tips) < 0.0
        kept = np.zeros(len(tips), dtype=bool)
        if free.any():
            kept[free] = recheck(around, task, entries[free], tips[free])
        return kept

    depths = np.arange(-BESIDE_MM, BESIDE_MM + 1.0, BESIDE_STEP_MM).tolist()
    near = beside(
        [probe_path_of(way)], allowed=allowed, reach_mm=BESIDE_MM, depths_mm=depths, shift_mm=BESIDE_STEP_MM
    )
    if not near:
        return None
    middle = around.grid.positions_mm(np.argwhere(around.lesion)).mean(axis=0)
    best = min(near, key=lambda one: float(np.linalg.norm(np.array(one.tip_mm) - middle)))
    told = way_along(np.array(best.entry_mm), np.array(best.tip_mm), task, setting)[0]
    return replace(told, id=f"{way.id}_beside", name=f"{way.name}, beside the metal")


def _needles(plan: Plan, setting: Setting) -> Iterator[tuple[Step, Place]]:
    """Needles, by whatever approach."""
    for step in plan.steps:
        act = step.act
        if not isinstance(act, Place) or act.stays:
            continue
        if setting.inventory.device(act.device).kind == "needle":
            yield step, act


def _out_by(plan: Plan, placed: Step, act: Place) -> float:
    """Order of the step that takes a needle out; of those of one name the first in is the first out."""
    names = (f"{act.device}, {act.through}", f"{act.device}, {act.through.rpartition('_')[2]}")
    alike = [
        one.order
        for one in plan.steps
        if isinstance(one.act, Place) and (one.act.device, one.act.through) == (act.device, act.through)
    ]
    out = [one.order for one in plan.steps if isinstance(one.act, Remove) and one.act.what in names]
    n = alike.index(placed.order)
    return out[n] if n < len(out) else math.inf


def _measured(act: Place, setting: Setting) -> Iterator[Violation]:
    """What a placed needle breaks, told as the search tells it."""
    task = needle_task_of(act, setting)
    if task is None:
        yield Violation("needle", f"'{act.through}' is no approach to {setting.anatomy.bone} by a needle")
        return
    entry = np.array(act.entry_mm)
    way, broken = way_along(entry, np.array(act.target_mm), task, setting)
    gaps = {"wall_depth_min_mm" if g.kind == "wall" else f"{g.kind}_clearance_min_mm": g for g in way.gaps}
    for limit, text in broken:
        gap = gaps.get(limit)
        yield Violation(limit, text, gap.gap_mm, gap.needed_mm, "mm") if gap else Violation(limit, text)
    off = float(np.linalg.norm(np.subtract(way.entry_mm or entry, entry)))
    if off > SKIN_MM:
        text = f"{act.through}: the entry lies {off:.1f} mm from where the needle's axis meets the skin"
        yield Violation("skin", text, off, SKIN_MM, "mm")


def way_along(
    entry: F64, tip: F64, task: NeedleTask, setting: Setting
) -> tuple[Trajectory, tuple[tuple[str, str], ...]]:
    """Trajectory from a place on a needle's axis to its tip, and a sentence for each limit that it misses."""
    around = setting.around
    outward = (entry - tip) / np.linalg.norm(entry - tip)
    scene = Scene.of(around, setting.maps, task, window_of(around, task))
    tried = Candidates(tip[None], outward[None])
    measured = meet(scene, tried)
    broken = {name: float(short[0]) for name, short in shortfalls(scene, measured).items() if short[0] > 1e-3}
    who = f"the {task.side} needle" if task.side else "the needle"
    return way_of(scene, tried, measured, broken=broken), why_broken(scene, tried, measured, broken, who)


def needle_task_of(act: Place, setting: Setting) -> NeedleTask | None:
    """The search that an act belongs to."""
    name, _, side = act.through.rpartition("_")
    if side not in ("left", "right"):
        name, side = act.through, ""
    found = approaches().get(name)
    if found is None or found.needle is None or not found.serves(setting.anatomy.bone):
        return None
    beside = setting.inventory.limits.get("tip_beside_mm")
    aside = 0.0 if beside is None else beside.number
    return needle_task(found, side, setting.inventory.device(act.device), setting, aside)


def _gap(act: Place, diameter_mm: float, solid: Cylinder) -> float:
    """Gap between a needle and what stays [mm]."""
    apart = segment_distance(act.entry_mm, act.target_mm, solid.start_mm, solid.end_mm)
    return apart - 0.5 * (diameter_mm + solid.outer_diameter_mm)


def lesion_mL(anatomy: Anatomy) -> float:
    """Volume of the lesion inside its bone [mL]."""
    inside = anatomy.lesion_mask & anatomy.bone_mask
    return float(np.count_nonzero(inside)) * anatomy.image.voxel_volume_mm3 / 1000.0
