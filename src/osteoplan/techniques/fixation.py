"""Screws in a plan: what is proposed, in which steps, what it breaks, what stays.

A corridor's id (``lc2_left``) stands in ``Place.through``, so that a plan can be measured afresh from its own
acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from osteoplan.knowledge.corridors import CorridorSet, corridor_sets, template
from osteoplan.knowledge.guidance import guidance
from osteoplan.knowledge.sites import label_of, side_of
from osteoplan.model.construct import Construct, Screw
from osteoplan.model.device import Device
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.inventory import Inventory
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import OFF_SCAN, SHORT, Act, Measure, Place, Plan, Remove, Violation, short_of
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.effects import outer_end
from osteoplan.techniques.estimates import way_estimates
from osteoplan.techniques.position import reach_violations
from osteoplan.trajectory.constructs.checks import checks
from osteoplan.trajectory.constructs.choose import (
    ConstructLimits,
    constructs,
    lengths_of,
    named_set,
    screw_at,
)
from osteoplan.trajectory.constructs.fit import SAME_MM, Fit, corridor_of, fit_of
from osteoplan.trajectory.corridors.find import corridors
from osteoplan.trajectory.placement_error import budgeted
from osteoplan.trajectory.reach import followed
from osteoplan.trajectory.setting import Setting
from osteoplan.trajectory.surroundings import Surroundings, distance_maps

__all__ = [
    "estimates", "limits_of", "no_corridor", "not_here", "placed_screws", "proposed",
    "screw_recipe", "screw_violations", "serves", "short_title",
]  # fmt: skip

Recipe = Iterator[tuple[Act, str]]

HERE_MM = 1.0  # a point is on the skin if it is no farther from it


def serves(setting: Setting, bones: Sequence[str]) -> bool:
    """Whether the target bone is one of these kinds, told by the canonical label without its side."""
    return label_of(setting.anatomy.bone).split("_")[0] in bones


def proposed(setting: Setting) -> tuple[tuple[Construct, ...], tuple[Trajectory, ...]]:
    """Constructs for a lesion, the best first, and every corridor that was looked for."""
    ways, screws = _corridors(setting), setting.inventory.of_kind("screw")
    here = {one.id: one for one in screws}
    return constructs(setting.around, ways, here, limits_of(setting.inventory)), ways


def short_title(made: Construct, cement: str = "") -> str:
    """``LC2 screw + cement, right``: corridors by their short names, or the first and how many others."""
    sides = " and ".join(dict.fromkeys(screw.side for screw in made.screws if screw.side))
    named, count = named_set(made.screws), len(made.screws)
    names = list(dict.fromkeys(template(screw.approach).short_title for screw in made.screws))
    names = [named.short_title] if named else names
    ending = f"{cement}{', ' if sides else ''}{sides}"
    told = f"{' + '.join(names)} screw{'s' if count > 1 else ''}{ending}"
    return told if len(told) <= SHORT else f"{names[0]} + {count - 1} screw{'s' if count > 2 else ''}{ending}"


def limits_of(inventory: Inventory) -> ConstructLimits:
    """What an inventory asks of a construct."""
    return ConstructLimits(
        between_mm=inventory.limit("between_screws_min_mm").number,
        tip_joint_mm=inventory.limit("tip_joint_min_mm").number,
        tip_cover_mm=inventory.limit("tip_cover_mm").number,
        reach_mm=inventory.limit("lesion_reach_max_mm").number,
        anchor_mm=inventory.limit("anchor_wanted_mm").number,
        angle_deg=inventory.limit("angle_wanted_deg").number,
        spread_mm=inventory.limit("spread_wanted_mm").number,
        sourced_within_mm=inventory.limit("sourced_within_mm").number,
        screws_most=int(inventory.limit("screws_most").number),
        constructs_most=int(inventory.limit("plans_most").number),
        alike=inventory.limit("alike_pct").number / 100.0,
    )


def screw_recipe(screws: Sequence[Screw], ways: Sequence[Trajectory], inventory: Inventory) -> Recipe:
    """Wires first, looked at and measured; then the screws over them; then the wires come out."""
    by_id = {way.id: way for way in ways}
    for screw in screws:
        yield _place(screw, wire_of(inventory.device(screw.device))), _wire_why(screw, by_id.get(screw.way))
    yield Measure("CT: wires in their corridors"), "before anything is drilled"
    for screw in screws:
        text = f"length along the wire, {screw.way}"
        yield Measure(text, screw.head_mm), f"planned {screw.length_mm:.0f} mm in bone"
    for screw in screws:
        yield _place(screw, screw.device, screw.length_mm), _screw_why(screw, inventory)
    for screw in screws:
        yield Remove(f"{wire_of(inventory.device(screw.device))}, {screw.way}"), ""
    yield Measure("CT: screws, joints, foramina"), "a screw that strays is changed now"


def screw_violations(plan: Plan, setting: Setting) -> Iterator[Violation]:
    """Hard limits that the screws of a plan break, measured on their own ends."""
    if not _stays(plan):
        return
    around, limits = setting.around, limits_of(setting.inventory)
    screws = placed_screws(plan, setting)
    for act in _stays(plan):
        yield from reach_violations(act, setting)
        yield from _on_skin(around, act)
        yield from _length(act, setting.inventory)
    for screw in screws:
        head, tip = np.array(screw.head_mm), np.array(screw.tip_mm)
        fit = fit_of(around, screw.way, head, tip, screw.outer_diameter_mm)
        yield from _in_corridor(screw, fit)
    for check in checks(around, screws, limits):
        if check.hard and check.ok is False:
            yield Violation(check.id, check.text, check.value, check.bound, check.unit)


def placed_screws(plan: Plan, setting: Setting) -> tuple[Screw, ...]:
    """The screws of a plan, from its acts alone."""
    if not _stays(plan):
        return ()
    limits, devices = limits_of(setting.inventory), setting.inventory
    return tuple(
        screw_at(
            setting.around, _way_of(act), devices.device(act.device),
            (outer_end(act), np.array(act.target_mm)), limits,
        )
        for act in _stays(plan)
    )  # fmt: skip


def estimates(made: Construct, ways: Sequence[Trajectory], ensemble: Ensemble) -> tuple[Estimate, ...]:
    """Numbers of a construct for its plan: anchors, nearest structures, probability of a breach."""
    by_id = {way.id: way for way in ways}
    found = []
    for screw in made.screws:
        for end, held in zip(("head side", "tip side"), screw.anchor_mm or (), strict=False):
            found.append(Estimate.of_geometry("anchor_mm", f"{screw.name}, {end}", held, "mm", ensemble))
        found += way_estimates(by_id.get(screw.way), screw.name, screw.breach, ensemble)
    return tuple(found)


def wire_of(device: Device) -> str:
    """Id of the wire that a cannulated screw goes over; the wire of its own set where nobody named one."""
    known = device.values.get("wire_device")
    return "wire_of_the_screw" if known is None else str(known.value)


def _place(screw: Screw, device: str, length_mm: float | None = None) -> Place:
    """The act of putting a wire or a screw along a screw's axis, from the skin to its tip."""
    skin = screw.skin_mm or screw.head_mm
    return Place(
        device, skin, screw.tip_mm, through=screw.way, stays=length_mm is not None, length_mm=length_mm
    )


def _wire_why(screw: Screw, way: Trajectory | None) -> str:
    told = [f"{screw.name}"]
    if way is not None and "free_diameter_mm" in way.measures:
        told.append(f"{way.measures['free_diameter_mm']:.1f} mm wide with margins")
        told += [f"not checked against {name.replace('_', ' ')}" for name in way.unchecked]
    if screw.skin_mm is None:
        told.append("the image ends before the skin: the entry is drawn on the bone")
    return "; ".join(told)


def _screw_why(screw: Screw, inventory: Inventory) -> str:
    device = inventory.device(screw.device)
    told = [f"{device.name} x {screw.length_mm:.0f} mm over its wire"]
    if screw.lesion_gap_mm is not None and screw.anchor_mm is not None:
        where = (
            "through the lesion" if screw.lesion_gap_mm <= 0 else f"{screw.lesion_gap_mm:.0f} mm beside it"
        )
        told.append(
            f"{where}, {screw.anchor_mm[0]:.0f} and {screw.anchor_mm[1]:.0f} mm of thread in sound bone"
        )
    if not {"core_diameter_mm", "shaft_diameter_mm"} & set(device.values):
        told.append("its root was not found: stiffness from the usual share of the outer diameter")
    if screw.purchase is not None and screw.purchase.mean is not None:
        told.append(f"bone at the thread {screw.purchase.mean:.0f} {screw.purchase.meaning}")
    return "; ".join(told)


def _stays(plan: Plan) -> tuple[Place, ...]:
    """Screws of a plan: what stays and lies in a corridor."""
    acts = (step.act for step in plan.steps)
    return tuple(act for act in acts if isinstance(act, Place) and act.stays and corridor_of(act.through))


def _way_of(act: Place) -> Trajectory:
    """A corridor's trajectory as far as an act tells it."""
    found = corridor_of(act.through)
    assert found is not None  # _stays looked
    template, side = found
    side = "" if side == "midline" else side
    name = template.title.format(**template.names(side))
    return Trajectory(
        id=act.through, name=f"{name}, {side}" if side else name, kind="corridor", approach=template.id,
        status="fits", side=side, skin_mm=act.entry_mm,
    )  # fmt: skip


def _on_skin(around: Surroundings, act: Place) -> Iterator[Violation]:
    """The entry must lie on the skin that the image shows."""
    maps, entry = distance_maps(around), np.array(act.entry_mm)
    off = abs(float(maps.at("skin", entry[None])[0])) if maps.has("skin") else np.inf
    voxel = float(around.grid.spacing_mm.max())
    if not bool(maps.inside_grid(entry)) or off > HERE_MM + 0.5 * voxel:
        outward = entry - np.array(act.target_mm)
        outward /= np.linalg.norm(outward)
        ahead = maps.to_edge_mm(entry, outward)
        beyond = entry + np.arange(0.0, ahead, HERE_MM)[:, None] * outward
        if maps.has("skin") and (maps.at("skin", beyond) < 0.0).all():
            said = f"not judged: the scan stops {ahead:.0f} mm from the bone, short of the skin"
            yield Violation(OFF_SCAN, f"{act.through}: {said}; use a wider CT")
        else:
            yield Violation("skin", f"{act.through}: the entry does not lie on the skin")


def _length(act: Place, inventory: Inventory) -> Iterator[Violation]:
    """A screw must be sold in its length, and its head must not lie outside the skin."""
    device, length = inventory.device(act.device), act.length_mm or 0.0
    sold = lengths_of(device)
    if sold is not None:
        steps = (length - sold.shortest) / sold.step
        if (
            not sold.shortest - SAME_MM <= length <= sold.longest + SAME_MM
            or abs(steps - round(steps)) > 1e-3
        ):
            text = (
                f"{device.name} of {length:.1f} mm is not offered: {sold.shortest:.0f} to "
                f"{sold.longest:.0f} mm in steps of {sold.step:g} mm"
            )
            yield Violation("length_mm", text, length, sold.longest, "mm")
    whole = float(np.linalg.norm(np.subtract(act.entry_mm, act.target_mm)))
    if length > whole + SAME_MM:
        text = f"{act.through}: {length:.0f} mm of screw on a path of {whole:.0f} mm: its head lies outside"
        yield Violation("length_mm", text, length, whole, "mm")


def _in_corridor(screw: Screw, fit: Fit | None) -> Iterator[Violation]:
    """Bone around a screw and distance to what the corridor avoids."""
    if fit is None:
        yield Violation("corridor", f"{screw.name}: this scan does not show what bounds that corridor")
        return
    if fit.wall_mm < fit.wall_needed_mm - SAME_MM:
        text = (
            f"{screw.name}: {fit.wall_mm:.1f} mm of bone around the {screw.outer_diameter_mm:g} mm screw, "
            f"{fit.wall_needed_mm:g} mm are asked for"
        )
        yield Violation("wall_min_mm", text, fit.wall_mm, fit.wall_needed_mm, "mm")
    if fit.clear_mm < -SAME_MM:
        gap = fit.clear_mm + fit.clear_needed_mm
        text = f"{screw.name}: {gap:.1f} mm to the {fit.clear_to}, {fit.clear_needed_mm:g} mm are asked for"
        yield Violation("clearance_min_mm", text, gap, fit.clear_needed_mm, "mm")
    if fit.tip_depth_mm <= 0.0:
        text = f"{screw.name}: its tip lies {-fit.tip_depth_mm:.1f} mm outside the bone"
        yield Violation("tip_depth_mm", text, fit.tip_depth_mm, 0.0, "mm")


def not_here(
    technique: str, title: str, made: Sequence[Construct], ways: Sequence[Trajectory], setting: Setting
) -> tuple[Plan, ...]:
    """Plans without steps that stay listed with their reason: named sets that lack a corridor on this scan.

    Where nothing fits at all there is one, for the technique.
    """
    lesion = setting.anatomy.lesion.id
    if not made:
        return (Plan(f"{technique}_none", technique, f"{title}: no corridor", lesion),)
    return tuple(
        Plan(
            f"{technique}_{one.id}",
            technique,
            f"{title}, {one.title}: no corridor",
            lesion,
            short_title=short_of(f"{one.short_title} {title.removeprefix('percutaneous ')}: no corridor"),
        )
        for one in corridor_sets().values()
        if (members := _members(one, ways, setting)) and not all(way.ok for way in members)
    )


def no_corridor(plan: Plan, ways: Sequence[Trajectory], setting: Setting) -> Iterator[Violation]:
    """Why a plan without steps has none, corridor by corridor."""
    named = corridor_sets().get(plan.id.removeprefix(f"{plan.technique}_"))
    asked = ways if named is None else _members(named, ways, setting)
    for way in asked:
        if not way.ok and way.reasons:
            width = way.measures.get("free_diameter_mm")
            limit = OFF_SCAN if way.status == "not_judged" else "corridor"
            yield Violation(limit, f"{way.name}: {way.reasons[0]}", width, way.diameter_mm, "mm")
    if all(way.ok for way in asked):
        yield Violation("corridor", "no screw of the shelf is short enough for a corridor of this bone")


def _members(named: CorridorSet, ways: Sequence[Trajectory], setting: Setting) -> tuple[Trajectory, ...]:
    """Corridors of a named set on the side of the lesion's bone; empty where the set is of another bone."""
    side = side_of(setting.anatomy.bone) or ""
    found = {
        way.approach: way for way in ways if way.side == side and label_of(setting.anatomy.bone) in way.bones
    }
    return tuple(found[id] for id in named.members) if set(named.members) <= set(found) else ()


def _corridors(setting: Setting) -> tuple[Trajectory, ...]:
    """Corridors of a scan for the screws at hand: the search takes seconds."""
    around, inventory = setting.around, setting.inventory
    screws = inventory.of_kind("screw")

    def make() -> tuple[Trajectory, ...]:
        guided = tuple(guidance(id) for id in inventory.guidances)
        found = followed(
            corridors(around, screws=screws, through=around.target), guided,
            position=inventory.position, isocentre_mm=setting.anatomy.isocentre_mm,
        )  # fmt: skip
        return budgeted(around, found, guided, setting.ensemble)

    names = tuple(screw.id for screw in screws)
    return setting.memo.once(("corridors", names, *inventory.conditions, setting.ensemble), make)
