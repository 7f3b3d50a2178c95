"""Cement reinforced by wires: a fan of K-wires through one patch of cortex, then cement between them.

A last resort.  That the wires add strength is not shown (Cazzato 2018, bending of a tibia); the plan says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from osteoplan.arrays import F64, Point
from osteoplan.model.construct import Construct, Wire
from osteoplan.model.findings import Findings
from osteoplan.model.inventory import Inventory
from osteoplan.model.plan import Act, Measure, Place, Plan, Violation, short_of
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.effects import outer_end
from osteoplan.techniques.estimates import nearest_gaps
from osteoplan.techniques.filling import cement_recipe, cement_ways, needle_estimates, no_needle, short_way
from osteoplan.techniques.fixation import serves
from osteoplan.techniques.screws import numbered, remarks
from osteoplan.trajectory.constructs.wires import FanLimits, fan, wire_checks
from osteoplan.trajectory.setting import Setting
from osteoplan.trajectory.surroundings import Surroundings, distance_maps, point

__all__ = ["ReinforcedCement", "wire_violations"]

BONES = ("hip", "femur", "humerus")
STEP_MM = 0.5
OUT_MM = 400.0  # through any patient


@dataclass(frozen=True)
class ReinforcedCement:
    """Wires that stay, and cement around them."""

    id: str = "reinforced_cement"
    title: str = "cement reinforced by needles or wires"
    kind: Literal["plan", "comparator"] = "plan"
    bones: ClassVar[tuple[str, ...]] = BONES

    def propose(self, setting: Setting, findings: Findings) -> tuple[Plan, ...]:
        """A fan of wires around each of the best needle trajectories, as far as bone holds one."""
        if not serves(setting, BONES):
            return ()
        fans = [(way, _fan_around(way, setting)) for way in cement_ways(setting)]
        held = sorted(((w, made) for w, made in fans if made is not None), key=lambda one: _held(one[1]))
        if held:
            most = int(setting.inventory.limit("plans_most").number)
            return tuple(self._plan(way, made, setting) for way, made in held[:most])
        title, lesion = f"{self.title}: no way", setting.anatomy.lesion.id
        return (Plan(f"{self.id}_none", self.id, title, lesion, short_title="wires + cement: no way"),)

    def violations(self, plan: Plan, setting: Setting) -> tuple[Violation, ...]:
        """Why there is no fan, or no needle trajectory that it could go around."""
        if plan.steps:
            return ()
        ways = cement_ways(setting)
        if any(way.ok for way in ways):
            return (Violation("wires", "no fan of wires stays in bone around a needle way that fits"),)
        return tuple(no_needle(ways))

    def _plan(self, way: Trajectory, made: Construct, setting: Setting) -> Plan:
        return Plan(
            id=f"{self.id}_{way.id}",
            technique=self.id,
            title=f"{self.title}, {made.title}, {way.name}",
            lesion=setting.anatomy.lesion.id,
            steps=numbered(_recipe(way, made, setting)),
            remarks=remarks(made),
            approach=way.name,
            uses=("pmma",),
            clearances=needle_estimates((way,), setting.ensemble),
            gaps=nearest_gaps((way,)),
            short_title=short_of(f"wires+cement, {short_way((way,))}"),
        )


def _fan_around(way: Trajectory, setting: Setting) -> Construct | None:
    """Wires around a needle's trajectory; None where it does not fit or no fan stays in bone."""
    if not way.ok or way.bone_mm is None or way.skin_mm is None or way.target_mm is None:
        return None
    wire = setting.inventory.device(str(setting.inventory.limit("wire_device").value))
    made = fan(
        setting.around, wire, way.bone_mm, way.target_mm, _limits(setting.inventory, way.diameter_mm or 0.0)
    )
    if made is None or not made.ok:
        return None
    return made if all(_skin(setting.around, one) is not None for one in made.wires) else None


def _held(made: Construct) -> tuple[int, float]:
    """Fewest failed checks first, then the longest hold of the worst wire beyond the lesion."""
    told = [check.value for check in made.checks if check.id == "wire_anchor_wanted_mm"]
    holds = [0.0 if hold is None else hold for hold in told]
    return len(made.failed), -min(holds, default=0.0)


def _limits(inventory: Inventory, needle_mm: float = 0.0) -> FanLimits:
    """What an inventory asks of a fan; a needle of that diameter goes through its middle."""
    gap = inventory.limit("needle_screw_min_mm").number - inventory.limit("between_wires_min_mm").number
    return FanLimits(
        wires=int(inventory.limit("wires").number),
        between_mm=inventory.limit("between_wires_min_mm").number,
        wall_mm=inventory.limit("wire_wall_min_mm").number,
        anchor_mm=inventory.limit("wire_anchor_wanted_mm").number,
        longest_mm=inventory.limit("wire_longest_mm").number,
        core_mm=needle_mm + 2.0 * max(gap, 0.0) if needle_mm else 0.0,
    )


def _recipe(way: Trajectory, made: Construct, setting: Setting) -> Iterator[tuple[Act, str]]:
    """Wires first, a look at them, then cement."""
    around = setting.around
    for n, wire in enumerate(made.wires, start=1):
        skin = _skin(around, wire)
        assert skin is not None  # the fan was taken for that
        act = Place(wire.device, skin, wire.tip_mm, through=f"fan_{n}", stays=True, length_mm=wire.length_mm)
        yield act, f"wire {n}, {wire.length_mm:.0f} mm in bone; cut at the cortex"
    yield Measure("CT: wires spread in the lesion, none through the far cortex"), "before any cement"
    yield from cement_recipe((way,), setting)


def wire_violations(plan: Plan, setting: Setting) -> Iterator[Violation]:
    """Hard limits that the wires of a plan break, measured on their own ends."""
    inventory = setting.inventory
    wires = tuple(
        Wire(
            act.device, point(outer_end(act)), act.target_mm,
            inventory.device(act.device).values["outer_diameter_mm"].number,
        )
        for step in plan.steps
        if isinstance(act := step.act, Place) and act.stays and inventory.device(act.device).kind == "wire"
    )  # fmt: skip
    for check in wire_checks(setting.around, wires, _limits(inventory)) if wires else ():
        if check.hard and check.ok is False:
            yield Violation(check.id, check.text, check.value, check.bound, check.unit)


def _skin(around: Surroundings, wire: Wire) -> Point | None:
    """Where a wire's axis comes out of the skin; None where the image ends before."""
    maps = distance_maps(around)
    outer, tip = np.array(wire.outer_mm), np.array(wire.tip_mm)
    track = outer + np.arange(0.0, OUT_MM, STEP_MM)[:, None] * (outer - tip) / np.linalg.norm(outer - tip)
    seen = maps.inside_grid(track)
    track = track[: len(track) if seen.all() else int(np.argmin(seen))]
    depth = maps.at("skin", track)
    out = np.flatnonzero(depth >= 0.0)
    if not len(out) or out[0] == 0:
        return None
    a, b = depth[out[0] - 1], depth[out[0]]
    where: F64 = track[out[0] - 1] + (-a / (b - a)) * (track[out[0]] - track[out[0] - 1])
    return point(where)
