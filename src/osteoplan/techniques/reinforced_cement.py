"""Cement reinforced by wires: a fan of K-wires through one patch of cortex, then cement between them.

A last resort.  That the wires add strength is not shown (Cazzato 2018, bending of a tibia); the plan says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
import numpy.typing as npt

from osteoplan.errors import OsteoplanError
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.construct import Construct, Wire
from osteoplan.model.effects import Cylinder, Effects, Port
from osteoplan.model.findings import Findings
from osteoplan.model.plan import (
    Act,
    Deliver,
    Expand,
    Inject,
    Measure,
    Place,
    Plan,
    Point,
    Remove,
    Sample,
    Violation,
    Wait,
)
from osteoplan.model.way import Way
from osteoplan.techniques.filling import (
    cement_recipe,
    cement_ways,
    filling_violations,
    needle_estimates,
    needle_violations,
    no_needle,
)
from osteoplan.techniques.fixation import serves
from osteoplan.techniques.protocol import Shelf
from osteoplan.techniques.screws import numbered, remarks
from osteoplan.trajectory.construct_wires import FanLimits, fan, wire_checks
from osteoplan.trajectory.surroundings import Surroundings, distance_maps, point, surroundings

__all__ = ["ReinforcedCement"]

F64 = npt.NDArray[np.float64]
BONES = ("hip", "femur", "humerus")
STEP_MM = 0.5
OUT_MM = 400.0  # through any patient


@dataclass(frozen=True)
class ReinforcedCement:
    """Wires that stay, and cement around them."""

    id: str = "reinforced_cement"
    title: str = "cement reinforced by needles or wires"
    kind: Literal["plan", "comparator"] = "plan"

    def propose(self, anatomy: Anatomy, findings: Findings, shelf: Shelf) -> tuple[Plan, ...]:
        """A fan of wires around each of the best needle ways, as far as bone holds one."""
        if not serves(anatomy, BONES):
            return ()
        fans = [(way, _fan_around(way, anatomy, shelf)) for way in cement_ways(anatomy, shelf)]
        held = sorted(((w, made) for w, made in fans if made is not None), key=lambda one: _held(one[1]))
        if held:
            most = int(shelf.limit("plans_most"))
            return tuple(self._plan(way, made, anatomy, shelf) for way, made in held[:most])
        return (Plan(f"{self.id}_none", self.id, f"{self.title}: no way", anatomy.lesion.id),)

    def violations(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> tuple[Violation, ...]:
        """Hard limits that the plan's own wires, needles and volumes break, measured afresh."""
        if not plan.steps:
            ways = cement_ways(anatomy, shelf)
            if any(way.ok for way in ways):
                return (Violation("wires", "no fan of wires stays in bone around a needle way that fits"),)
            return tuple(no_needle(ways))
        wires = _wires(plan, shelf)
        checks = wire_checks(surroundings(anatomy), wires, _limits(shelf)) if wires else ()
        broken = [
            Violation(c.id, c.text, c.value, c.bound, c.unit) for c in checks if c.hard and c.ok is False
        ]
        rods = tuple(_cylinder(wire, shelf) for wire in wires)
        return (
            *broken,
            *needle_violations(plan, anatomy, shelf, rods),
            *filling_violations(plan, anatomy, shelf),
        )

    def effects(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> Effects:
        """The wires that stay, and cement ports."""
        ports = []
        for step in plan.steps:
            match step.act:
                case Inject(agent, at_mm, volume_mL):
                    ports.append(Port(at_mm, agent, volume_mL))
                case Place() | Remove() | Wait() | Measure():
                    pass  # what stays is told below
                case Expand() | Deliver() | Sample():
                    raise OsteoplanError(
                        f"{plan.id}: {type(step.act).__name__} is no act of wires and cement"
                    )
                case _:
                    assert_never(step.act)
        rods = tuple(_cylinder(wire, shelf) for wire in _wires(plan, shelf))
        return Effects(solids=rods, ports=tuple(ports))

    def _plan(self, way: Way, made: Construct, anatomy: Anatomy, shelf: Shelf) -> Plan:
        return Plan(
            id=f"{self.id}_{way.id}",
            technique=self.id,
            title=f"{self.title}, {made.title}, {way.name}",
            lesion=anatomy.lesion.id,
            steps=numbered(_recipe(way, made, anatomy, shelf)),
            remarks=remarks(made),
            approach=way.name,
            uses=("pmma",),
            clearances=needle_estimates((way,)),
        )


def _fan_around(way: Way, anatomy: Anatomy, shelf: Shelf) -> Construct | None:
    """Wires around a needle way; None where it does not fit or no fan stays in bone."""
    if not way.ok or way.bone_mm is None or way.skin_mm is None or way.target_mm is None:
        return None
    wire = shelf.device(str(shelf.limits["wire_device"].value))
    made = fan(
        surroundings(anatomy), wire, way.bone_mm, way.target_mm, _limits(shelf, way.diameter_mm or 0.0)
    )
    if made is None or not made.ok:
        return None
    return made if all(_skin(surroundings(anatomy), one) is not None for one in made.wires) else None


def _held(made: Construct) -> tuple[int, float]:
    """Fewest failed checks first, then the longest hold of the worst wire beyond the lesion."""
    told = [check.value for check in made.checks if check.id == "wire_anchor_wanted_mm"]
    holds = [0.0 if hold is None else hold for hold in told]
    return len(made.failed), -min(holds, default=0.0)


def _limits(shelf: Shelf, needle_mm: float = 0.0) -> FanLimits:
    """What a shelf asks of a fan; a needle of that diameter goes through its middle."""
    gap = shelf.limit("needle_screw_min_mm") - shelf.limit("between_wires_min_mm")
    return FanLimits(
        wires=int(shelf.limit("wires")),
        between_mm=shelf.limit("between_wires_min_mm"),
        wall_mm=shelf.limit("wire_wall_min_mm"),
        anchor_mm=shelf.limit("wire_anchor_wanted_mm"),
        longest_mm=shelf.limit("wire_longest_mm"),
        core_mm=needle_mm + 2.0 * max(gap, 0.0) if needle_mm else 0.0,
    )


def _recipe(way: Way, made: Construct, anatomy: Anatomy, shelf: Shelf) -> Iterator[tuple[Act, str]]:
    """Wires first, a look at them, then cement."""
    around = surroundings(anatomy)
    for n, wire in enumerate(made.wires, start=1):
        skin = _skin(around, wire)
        assert skin is not None  # the fan was taken for that
        act = Place(wire.device, skin, wire.tip_mm, through=f"fan_{n}", stays=True, length_mm=wire.length_mm)
        yield act, f"wire {n}, {wire.length_mm:.0f} mm in bone; cut at the cortex"
    yield Measure("CT: wires spread in the lesion, none through the far cortex"), "before any cement"
    yield from cement_recipe((way,), anatomy, shelf)


def _wires(plan: Plan, shelf: Shelf) -> tuple[Wire, ...]:
    """Wires of a plan that stay, from its acts alone."""
    found = []
    for step in plan.steps:
        act = step.act
        if isinstance(act, Place) and act.stays and shelf.device(act.device).kind == "wire":
            entry, tip = np.array(act.entry_mm), np.array(act.target_mm)
            outer = tip + (act.length_mm or 0.0) * (entry - tip) / np.linalg.norm(entry - tip)
            diameter = shelf.device(act.device).number("outer_diameter_mm")
            found.append(Wire(act.device, point(outer), act.target_mm, diameter))
    return tuple(found)


def _cylinder(wire: Wire, shelf: Shelf) -> Cylinder:
    values = shelf.device(wire.device).values
    material = str(values["material"].value) if "material" in values else ""
    return Cylinder(wire.outer_mm, wire.tip_mm, wire.diameter_mm, 0.0, material)


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
