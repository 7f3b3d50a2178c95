"""Cement outside the spine in a plan: how much, through which needle, what that breaks.

A needle's way is an approach of the bone (``trajectory.approaches``); ``Place.through`` holds the approach
and the side, so that the way can be measured afresh.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.approaches import Approach, approaches, approaches_of
from osteoplan.knowledge.guidance import guidance, guidances
from osteoplan.knowledge.sites import label_of
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.device import Device
from osteoplan.model.effects import Cylinder
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Act, Inject, Measure, Place, Plan, Remove, Violation, Wait
from osteoplan.model.way import Way
from osteoplan.techniques.protocol import Shelf
from osteoplan.trajectory.approaches import needle_ways, recheck
from osteoplan.trajectory.candidates import Candidates, window_of
from osteoplan.trajectory.construct_geometry import segment_distance
from osteoplan.trajectory.met import Scene, meet, shortfalls
from osteoplan.trajectory.needle_rules import NeedleTask, needle_rules
from osteoplan.trajectory.needle_words import way_of
from osteoplan.trajectory.surroundings import distance_maps, surroundings
from osteoplan.trajectory.tubes import beside, candidate_of, segment_distances

__all__ = [
    "Volume",
    "apart",
    "cement_recipe",
    "cement_ways",
    "clear_of",
    "filling_violations",
    "needle_estimates",
    "needle_violations",
    "no_needle",
    "volume",
]  # fmt: skip

Recipe = Iterator[tuple[Act, str]]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
BESIDE_MM = 12.0  # how far beside a proposed way, and how much deeper or shallower, a needle is tried
BESIDE_STEP_MM = 2.0
SKIN_MM = 2.0  # an entry farther from where its axis meets the skin lies elsewhere


@dataclass(frozen=True)
class Volume:
    """Cement to ask for [mL], and how it came about."""

    mL: float
    why: str


def volume(anatomy: Anatomy, shelf: Shelf) -> Volume:
    """A share of the lesion's volume, not more than the upper end."""
    lesion, share = _lesion_mL(anatomy), shelf.limit("fill_share_target_pct")
    wanted, most = share / 100.0 * lesion, shelf.limit("fill_volume_highest_mL")
    why = f"{share:g} % of the lesion's {lesion:.1f} mL"
    if wanted <= most:
        return Volume(wanted, why)
    return Volume(most, f"{why} is {wanted:.1f} mL; brought to {most:.1f} mL")


def cement_ways(anatomy: Anatomy, shelf: Shelf) -> tuple[Way, ...]:
    """Ways for the cement needle by every approach to this bone, those that fit first, steadiest first.

    Raises:
        NotAvailable: no cannula on the shelf.
    """
    device = cannula_of(shelf)
    kept = _kept.setdefault(anatomy, {})
    key = (device.id, shelf.position or "", *shelf.guidances, *map(str, shelf.way_limits.items()))
    if key not in kept:
        around = surroundings(anatomy)
        found = [way for task in _tasks(anatomy, device, shelf) for way in needle_ways(around, task).ways]
        kept[key] = tuple(sorted(found, key=_order))
    return kept[key]


def cannula_of(shelf: Shelf) -> Device:
    """The thinnest cannula on the shelf.

    Raises:
        NotAvailable: there is none.
    """
    found = [device for device in shelf.of_kind("needle") if device.id.startswith("cannula")]
    if not found:
        raise NotAvailable("no cannula on the shelf: add one to data/devices, or to devices in centre.yaml")
    return min(found, key=lambda device: (device.number("outer_diameter_mm"), device.id))


def apart(ways: Sequence[Way], count: int, least_mm: float) -> tuple[Way, ...]:
    """The first ways whose tips lie apart, at most so many."""
    taken: list[Way] = []
    for way in ways:
        assert way.target_mm is not None
        tip = np.array(way.target_mm)
        if all(np.linalg.norm(tip - np.array(other.target_mm)) >= least_mm for other in taken):
            taken.append(way)
        if len(taken) == count:
            break
    return tuple(taken)


def clear_of(anatomy: Anatomy, shelf: Shelf, solids: Sequence[Cylinder], gap_mm: float) -> tuple[Way, ...]:
    """Ways for the cement needle that keep their distance from what stays.

    Where none of the proposals does, needles beside them are tried that still end in the lesion and keep
    every limit of their approach; the one that ends nearest to the middle of the lesion is taken.
    """
    fitting = [way for way in cement_ways(anatomy, shelf) if way.ok and way.skin_mm is not None]
    clear = tuple(way for way in fitting if all(_between(way, solid) >= gap_mm for solid in solids))
    if clear:
        return clear
    for way in fitting:
        found = _beside(way, anatomy, shelf, solids, gap_mm)
        if found is not None:
            return (found,)
    return ()


def cement_recipe(ways: Sequence[Way], anatomy: Anatomy, shelf: Shelf) -> Recipe:
    """Needles, a look at their tips, cement from deep to superficial, cure, needles out, a look for leaks."""
    cement = shelf.device(str(shelf.limits["cement_device"].value))
    cure = cement.number("hardening_min") if "hardening_min" in cement.values else None
    asked = volume(anatomy, shelf)
    for way in ways:
        assert way.skin_mm is not None
        assert way.target_mm is not None
        yield Place(way.device, way.skin_mm, way.target_mm, through=through(way)), _why(way)
    yield Measure("CT: tips in the lesion, away from joints"), "before any cement"
    for way in ways:
        assert way.target_mm is not None
        yield (
            Inject(cement.id, way.target_mm, asked.mL / len(ways)),
            f"{asked.why}; slowly, from deep to superficial",
        )
    yield Wait("cement cure", cure), "set cement does not follow the needle out"
    for way in ways:
        yield Remove(f"{way.device}, {through(way)}"), ""
    yield Measure("CT: cement, leaks"), "joints, vessels, nerves, soft tissue"


def filling_violations(plan: Plan, anatomy: Anatomy, shelf: Shelf) -> Iterator[Violation]:
    """Limits on how much cement is asked for."""
    injected = sum(step.act.volume_mL for step in plan.steps if isinstance(step.act, Inject))
    lesion, most = _lesion_mL(anatomy), shelf.limit("fill_share_max_pct")
    share = 100.0 * injected / lesion
    if share > most * (1.0 + 1e-9):
        text = f"{injected:.1f} mL are {share:.0f} % of the lesion, {most:.0f} % at most"
        yield Violation("fill_share_max_pct", text, share, most, "%")
    highest = shelf.limit("fill_volume_highest_mL")
    if injected > highest * (1.0 + 1e-9):
        text = f"{injected:.1f} mL of cement, {highest:.1f} mL at most"
        yield Violation("fill_volume_highest_mL", text, injected, highest, "mL")


def needle_violations(
    plan: Plan, anatomy: Anatomy, shelf: Shelf, solids: Sequence[Cylinder] = ()
) -> Iterator[Violation]:
    """Hard limits that the needles of a plan break, measured on their own ends."""
    gap = shelf.limit("needle_screw_min_mm")
    for act in _needles(plan, shelf):
        yield from _measured(act, anatomy, shelf)
        for solid in solids:
            between = _gap(act, shelf.device(act.device).number("outer_diameter_mm"), solid)
            if between < gap - 1e-6:
                text = f"the cement needle passes {between:.1f} mm from metal that stays, {gap:g} mm needed"
                yield Violation("needle_screw_min_mm", text, between, gap, "mm")


def no_needle(ways: Sequence[Way]) -> Iterator[Violation]:
    """Why no needle reaches the lesion, approach by approach."""
    for way in ways:
        if not way.ok:
            yield Violation("needle", f"{way.name}: {'; '.join(way.reasons) or 'no way was found'}")
    if not ways:
        yield Violation("needle", "no approach of this program reaches this bone with a needle")
    elif any(way.ok for way in ways):
        yield Violation("needle", "every needle way that fits runs into metal that stays")


def needle_estimates(ways: Sequence[Way]) -> tuple[Estimate, ...]:
    """How close needles pass, how long they are, how often they breach uncorrected."""
    found = []
    for way in ways:
        found += [
            _plain("clearance_mm", f"{gap.structure.replace('_', ' ')}, {way.name}", gap.gap_mm, "mm")
            for gap in way.gaps
            if gap.kind != "wall"
        ]
        if "length_mm" in way.measures:
            found.append(
                _plain("path_length_mm", f"skin to tip, {way.name}", way.measures["length_mm"], "mm")
            )
        if way.budget is not None and "any" in way.budget.breach:
            found.append(_plain("breach_probability", f"any, {way.name}", way.budget.breach["any"], "1"))
    return tuple(found)


def through(way: Way) -> str:
    """What an act says that it goes through: the approach and its side."""
    return f"{way.approach}_{way.side}" if way.side else way.approach


def _plain(id: str, target: str, value: float, unit: str) -> Estimate:
    return Estimate(id, target, value, None, None, unit, "simulated", ("geometry of the plan",))


def _why(way: Way) -> str:
    told = [way.name]
    told += [f"not checked against {name.replace('_', ' ')}" for name in way.unchecked]
    return "; ".join(told)


def _order(way: Way) -> tuple[bool, int, float, str]:
    """Ways that fit; the first of each search before the second; then the least likely breach."""
    breach = 1.0 if way.budget is None else way.budget.breach.get("any", 1.0)
    number = way.id.rpartition("_")[2]
    return not way.ok or way.skin_mm is None, int(number) if number.isdigit() else 0, breach, way.id


def _tasks(anatomy: Anatomy, device: Device, shelf: Shelf) -> Iterator[NeedleTask]:
    """One search for each approach and side of this bone."""
    for approach in approaches_of(anatomy.bone):
        for side in _sides(anatomy):
            if approach.needle is not None:
                yield _task(approach, side, anatomy, device, shelf)


def _task(approach: Approach, side: str, anatomy: Anatomy, device: Device, shelf: Shelf) -> NeedleTask:
    """A search with the patient as he lies; where nobody said, as this approach is usually done."""
    assert approach.needle is not None
    guided = tuple(guidance(id) for id in shelf.guidances) or tuple(guidances().values())
    return NeedleTask(
        approach, side, shelf.position or approach.needle.positions[0], device, guided,
        needle_rules(shelf.way_limits), anatomy.isocentre_mm,
    )  # fmt: skip


def _sides(anatomy: Anatomy) -> tuple[str, ...]:
    """Sides on which the bone is reached: its own, or both of a bone in the midline."""
    _, _, side = label_of(anatomy.bone).partition("_")
    return (side,) if side in ("left", "right") else ("left", "right")


def _beside(
    way: Way, anatomy: Anatomy, shelf: Shelf, solids: Sequence[Cylinder], gap_mm: float
) -> Way | None:
    """A needle parallel to a way that keeps clear of what stays; None where there is none."""
    task = _task(approaches()[way.approach], way.side, anatomy, shelf.device(way.device), shelf)
    around, radius = surroundings(anatomy), 0.5 * task.diameter_mm
    maps = distance_maps(around)
    starts, ends = (np.array([getattr(s, end) for s in solids]) for end in ("start_mm", "end_mm"))
    thick = np.array([0.5 * s.outer_diameter_mm for s in solids]) + radius + gap_mm

    def allowed(entries: F64, tips: F64) -> Bools:
        free = (segment_distances(entries, tips, starts, ends) >= thick).all(axis=1)
        free &= maps.at("lesion", tips) < 0.0
        kept = np.zeros(len(tips), dtype=bool)
        if free.any():
            kept[free] = recheck(around, task, entries[free], tips[free])
        return kept

    depths = np.arange(-BESIDE_MM, BESIDE_MM + 1.0, BESIDE_STEP_MM).tolist()
    near = beside(
        [candidate_of(way)], allowed=allowed, reach_mm=BESIDE_MM, depths_mm=depths, shift_mm=BESIDE_STEP_MM
    )
    if not near:
        return None
    middle = around.grid.positions_mm(np.argwhere(around.lesion)).mean(axis=0)
    best = min(near, key=lambda one: float(np.linalg.norm(np.array(one.tip_mm) - middle)))
    told = _told(np.array(best.entry_mm), np.array(best.tip_mm), anatomy, task)[0]
    return replace(told, id=f"{way.id}_beside", name=f"{way.name}, beside the metal")


def _needles(plan: Plan, shelf: Shelf) -> Iterator[Place]:
    for step in plan.steps:
        act = step.act
        if isinstance(act, Place) and not act.stays and shelf.device(act.device).kind == "needle":
            yield act


def _measured(act: Place, anatomy: Anatomy, shelf: Shelf) -> Iterator[Violation]:
    """What a placed needle breaks, told as the search tells it."""
    task = _task_of(act, anatomy, shelf)
    if task is None:
        yield Violation("needle", f"'{act.through}' is no approach to {anatomy.bone} by a needle")
        return
    entry = np.array(act.entry_mm)
    way, broken = _told(entry, np.array(act.target_mm), anatomy, task)
    for reason in way.reasons if broken else ():
        yield Violation(next(iter(broken)), reason)
    off = float(np.linalg.norm(np.subtract(way.entry_mm or entry, entry)))
    if off > SKIN_MM:
        text = f"{act.through}: the entry lies {off:.1f} mm from where the needle's axis meets the skin"
        yield Violation("skin", text, off, SKIN_MM, "mm")


def _told(entry: F64, tip: F64, anatomy: Anatomy, task: NeedleTask) -> tuple[Way, dict[str, float]]:
    """A needle from a place on its axis to its tip as a way, and by how much it misses each limit."""
    around = surroundings(anatomy)
    outward = (entry - tip) / np.linalg.norm(entry - tip)
    scene = Scene.of(around, distance_maps(around), task, window_of(around, task))
    tried = Candidates(tip[None], outward[None])
    met = meet(scene, tried)
    broken = {name: float(short[0]) for name, short in shortfalls(scene, met).items() if short[0] > 1e-3}
    return way_of(scene, tried, met, broken=broken), broken


def _task_of(act: Place, anatomy: Anatomy, shelf: Shelf) -> NeedleTask | None:
    """The search that an act belongs to."""
    name, _, side = act.through.rpartition("_")
    if side not in ("left", "right"):
        name, side = act.through, ""
    found = approaches().get(name)
    if found is None or found.needle is None or not found.serves(anatomy.bone):
        return None
    return _task(found, side, anatomy, shelf.device(act.device), shelf)


def _between(way: Way, solid: Cylinder) -> float:
    """Gap between a needle's way and what stays [mm]; a way without a place is never near."""
    if way.skin_mm is None or way.target_mm is None:
        return float("inf")
    act = Place(way.device, way.skin_mm, way.target_mm)
    return _gap(act, way.diameter_mm or 0.0, solid)


def _gap(act: Place, diameter_mm: float, solid: Cylinder) -> float:
    apart = segment_distance(act.entry_mm, act.target_mm, solid.start_mm, solid.end_mm)
    return apart - 0.5 * (diameter_mm + solid.outer_diameter_mm)


def _lesion_mL(anatomy: Anatomy) -> float:
    inside = anatomy.lesion_mask & anatomy.bone_mask
    return float(np.count_nonzero(inside)) * anatomy.image.voxel_volume_mm3 / 1000.0


_kept: weakref.WeakKeyDictionary[Anatomy, dict[tuple[str, ...], tuple[Way, ...]]] = (
    weakref.WeakKeyDictionary()
)
