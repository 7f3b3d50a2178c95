"""What a plan does to the body, told from its acts and devices alone: no technique is asked.

    place, stays      a solid from its outer end to its tip
    inject            a port at the tip, with its agent and volume; gas, fluid or an embolic makes a layer
    deliver           a source of heat or cold
    expand            a cavity
    remove, wait, sample, measure    nothing that a room simulates

So a plan that a person edits is measured and simulated like one that was proposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from osteoplan.arrays import F64, Point
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.order import order
from osteoplan.knowledge.values import number
from osteoplan.model.device import Device
from osteoplan.model.effects import Cavity, Cylinder, Effects, Layer, Port, Source
from osteoplan.model.plan import Deliver, Expand, Inject, Measure, Place, Plan, Remove, Sample, Wait
from osteoplan.trajectory.surroundings import point

_EMBOLICS = order().kinds["embolise"].agents

__all__ = ["effects", "outer_end", "rod_of"]


def effects(plan: Plan, devices: Mapping[str, Device]) -> Effects:
    """Everything physical that the acts of a plan leave or bring, in the order of its steps.

    Raises:
        UnknownName: a device that stays is not among ``devices``.
        BadInput: a probe goes through a step that places nothing.
    """
    solids, sources, ports, cavities, layers = [], [], [], [], []
    for step in plan.steps:
        match step.act:
            case Place(stays=True) as act:
                if act.device not in devices:
                    raise UnknownName("device", act.device, devices, "the shelf")
                solids.append(rod_of(devices[act.device], point(outer_end(act)), act.target_mm))
            case Inject(agent, at_mm, volume_mL) if agent in order().no_part or agent in _EMBOLICS:
                layers.append(Layer(at_mm, agent, volume_mL, step.order))
            case Inject(agent, at_mm, volume_mL):
                ports.append(Port(at_mm, agent, volume_mL, step.order))
            case Deliver() as act:
                entries = tuple(_entry(plan, place, act) for place in act.access)
                sources.append(Source(
                    act.source, act.device, act.tips_mm, entries, act.segments, step.order,
                    devices.get(act.device),
                ))  # fmt: skip
            case Expand(_, at_mm, volume_mL):
                cavities.append(Cavity(at_mm, volume_mL, step.order))
            case Place() | Remove() | Wait() | Sample() | Measure():
                pass  # comes out again, or changes nothing
            case _:
                assert_never(step.act)
    return Effects(tuple(solids), tuple(sources), tuple(ports), tuple(cavities), tuple(layers))


def _entry(plan: Plan, order: int, act: Deliver) -> Point:
    """Outer end of the way that a probe goes through.

    Raises:
        BadInput: no step of that order places anything.
    """
    for step in plan.steps:
        if step.order == order and isinstance(step.act, Place):
            return point(outer_end(step.act))
    raise BadInput(
        f"plan {plan.id}: {act.device} goes through step {order}, which places nothing; name the order of a "
        "step that does"
    )


def outer_end(act: Place) -> F64:
    """(3,) outer end of what is placed: its own length from the tip, or where it enters."""
    entry, tip = np.array(act.entry_mm), np.array(act.target_mm)
    if act.length_mm is None:
        return entry
    found: F64 = tip + act.length_mm * (entry - tip) / np.linalg.norm(entry - tip)
    return found


def rod_of(device: Device, outer_mm: Point, tip_mm: Point) -> Cylinder:
    """A screw or a wire as a rod; of a screw its root bends, its crest holds.

    A root that nobody told is the shaft's, else the usual share of the outer diameter; a bore that nobody
    told is the wire's (it is at least as wide), else none.  A screw without a length of thread has it up to
    its head.
    """
    values, outer = device.values, device.values["outer_diameter_mm"].number
    material = str(values["material"].value) if "material" in values else ""
    if device.kind == "wire":
        return Cylinder(outer_mm, tip_mm, outer, 0.0, material)
    keys = ("core_diameter_mm", "shaft_diameter_mm")
    root = next((values[key].number for key in keys if key in values), None)
    root = number("purchase.core_share_of_outer") * outer if root is None else root
    bore = next((values[k].number for k in ("bore_diameter_mm", "wire_diameter_mm") if k in values), 0.0)
    thread, shaft = (
        values[key].number if key in values else None for key in ("thread_length_mm", "shaft_diameter_mm")
    )
    return Cylinder(outer_mm, tip_mm, outer, bore if bore < root else 0.0, material, root, thread, shaft)
