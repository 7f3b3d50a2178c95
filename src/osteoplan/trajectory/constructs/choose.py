"""Screws together: which in which corridor, how long, and whether they make a construct.

One screw lies in each corridor.  Sets of corridors are tried whose screws do not collide; each is asked
whether its screws come to the lesion, hold in sound bone on both sides of it, cross or spread, and stay off
the joint.  Hard questions make a plan impossible; the others are told, with their numbers, and count in the
ranking.  Tests: tests/unit/test_constructs.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from osteoplan.arrays import F64
from osteoplan.knowledge.corridors import CorridorSet, corridor_sets
from osteoplan.model.construct import Construct, Screw
from osteoplan.model.device import Device
from osteoplan.model.trajectory import Trajectory
from osteoplan.trajectory.constructs.checks import (
    ConstructLimits,
    between_mm,
    checks,
    tip_depth_mm,
    tip_to_joint_mm,
)
from osteoplan.trajectory.constructs.fit import fit_of
from osteoplan.trajectory.constructs.purchase import Thread, bedding, purchase
from osteoplan.trajectory.constructs.spread import moved_way, shifts, towards_lesion
from osteoplan.trajectory.surroundings import Surroundings, point

__all__ = ["ConstructLimits", "Lengths", "constructs", "lengths_of", "screw_at", "screw_in"]

SHARES = (1.0, 0.7, 0.4, 0.0)  # of the shift that would keep screws apart: bone may rise beside an axis


def constructs(
    around: Surroundings, ways: Sequence[Trajectory], devices: Mapping[str, Device], limits: ConstructLimits
) -> tuple[Construct, ...]:
    """A few genuinely different constructs, the best first.

    Args:
        around: the neighbourhood, with the lesion.
        ways: corridors; those in which nothing fits are passed over.
        devices: the shelf; only its screws are used.
        limits: what is asked of a construct.

    The order: constructs without a failed hard check, two screws or more at the lesion, fewest kinds of
    failed check, least probability of a breach where that is known, most hold in sound bone.
    """
    open_ways = {way.id: way for way in ways if way.kind == "corridor" and way.ok}
    found = [(way, screw_in(around, way, devices, limits)) for way in open_ways.values()]
    fitted = _Fitted(around, open_ways, devices, limits)
    screws = [fitted.nearer(way, screw) for way, screw in found if screw is not None]
    if not screws:
        return ()
    sets = [some for one in _chosen(screws, limits) if (some := fitted.apart(one)) is not None]
    ranked = sorted((_construct(around, some, limits) for some in sets), key=_order)
    return _different(ranked, limits)


def screw_in(
    around: Surroundings, way: Trajectory, devices: Mapping[str, Device], limits: ConstructLimits
) -> Screw | None:
    """The screw for one corridor: the widest that fits, as long as the catalogue allows within it.

    Among screws that are hardly narrower than the widest, one whose root or shaft was read in a source goes
    first, then a full thread, which holds on both sides of a lesion.  None where no screw fits.
    """
    assert way.entry_mm is not None
    assert way.target_mm is not None
    head, far = np.array(way.entry_mm), np.array(way.target_mm)
    room = float(np.linalg.norm(far - head))
    axis = (far - head) / room
    for device in _candidates(way, devices, limits):
        length = _length(around, way, device, head, axis, limits)
        if length is not None and length <= room:
            return screw_at(around, way, device, (head, head + length * axis), limits)
    return None


def screw_at(
    around: Surroundings, way: Trajectory, device: Device, ends: tuple[F64, F64], limits: ConstructLimits
) -> Screw:
    """A screw between its two ends (head, tip), with what lies around it."""
    head, tip = ends
    length = float(np.linalg.norm(tip - head))
    full = "thread_length_mm" not in device.values
    thread = length if full else min(device.values["thread_length_mm"].number, length)
    outer, core = device.values["outer_diameter_mm"].number, device.values.get("core_diameter_mm")
    bed = bedding(around, Thread(head, tip, outer, thread))
    gap = bed.lesion_gap_mm
    near = gap is not None and gap <= limits.reach_mm
    return Screw(
        device=device.id, way=way.id, approach=way.approach, name=way.name, side=way.side,
        head_mm=point(head), tip_mm=point(tip), length_mm=round(length, 6), outer_diameter_mm=outer,
        core_diameter_mm=None if core is None else core.number,
        thread_mm=thread, skin_mm=way.skin_mm, lesion_gap_mm=gap, anchor_mm=bed.anchor_mm if near else None,
        purchase=purchase(around, bed, device, around.target),
        breach=None if way.budget is None else way.budget.breach.get("any"),
    )  # fmt: skip


@dataclass(frozen=True)
class Lengths:
    """What a screw is sold in."""

    shortest: float
    longest: float
    step: float

    def within(self, room: float) -> Iterator[float]:
        """Lengths that are not longer than the room, longest first."""
        most = min(room, self.longest)
        steps = int(np.floor((most - self.shortest) / self.step + 1e-9))
        yield from (self.shortest + n * self.step for n in range(steps, -1, -1))


def lengths_of(device: Device) -> Lengths | None:
    """Lengths that a device's file gives; None where it gives none."""
    names = ("length_shortest_mm", "length_longest_mm", "length_step_mm")
    if any(name not in device.values for name in names):
        return None
    return Lengths(*(device.values[name].number for name in names))


def _candidates(way: Trajectory, devices: Mapping[str, Device], limits: ConstructLimits) -> list[Device]:
    """Screws that fit and go over a wire, the one to take first."""
    screws = [devices[id] for id in way.fits if id in devices and devices[id].kind == "screw"]
    fitting = [d for d in screws if "cannulated" in d.values and d.values["cannulated"].value is True]
    if not fitting:
        return []
    widest = max(d.values["outer_diameter_mm"].number for d in fitting)

    def order(device: Device) -> tuple[bool, bool, float, bool, str]:
        outer = device.values["outer_diameter_mm"].number
        near = outer >= widest - limits.sourced_within_mm - 1e-9
        sourced = "core_diameter_mm" in device.values or "shaft_diameter_mm" in device.values
        return not near, near and not sourced, -outer, "fully_threaded" not in device.values, device.id

    return sorted(fitting, key=order)


def _length(
    around: Surroundings, way: Trajectory, device: Device, head: F64, axis: F64, limits: ConstructLimits
) -> float | None:
    """The longest length whose tip stays within the corridor, covered by bone and off the joint.

    Where none does, the longest of all: the checks then say what it breaks.
    """
    sold = lengths_of(device)
    assert way.target_mm is not None
    if sold is None:
        return None
    possible = list(sold.within(float(np.linalg.norm(np.array(way.target_mm) - head))))
    radius, least = 0.5 * device.values["outer_diameter_mm"].number, limits.joint_of(way.approach)
    for length in possible:
        tip = head + length * axis
        gap = tip_to_joint_mm(around, way.approach, way.side, tip, axis, radius)
        if (gap is None or gap >= least) and tip_depth_mm(around, tip) >= limits.tip_cover_mm:
            return length
    return possible[0] if possible else None


def _chosen(screws: Sequence[Screw], limits: ConstructLimits) -> Iterator[tuple[Screw, ...]]:
    """Sets of screws that come to the lesion, single ones among them, and named sets of all.

    Where no screw comes to the lesion all are taken, so that something is told.
    """
    near = [screw for screw in screws if screw.anchor_mm is not None]
    useful = {screw.way for screw in near or screws}
    for size in range(1, min(limits.screws_most, len(screws)) + 1):
        for some in combinations(screws, size):
            if useful >= {screw.way for screw in some} or named_set(some) is not None:
                yield some


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Screws put where they reach the lesion and do not collide, within the room of their corridors."""

    around: Surroundings
    ways: dict[str, Trajectory]
    devices: Mapping[str, Device]
    limits: ConstructLimits

    def apart(self, screws: tuple[Screw, ...]) -> tuple[Screw, ...] | None:
        """The set, shifted within its corridors where screws are too near; None where two must collide."""
        moved = shifts(screws, self.ways, self.limits)
        if moved is None:
            return None
        for share in SHARES if any(shift.any() for shift in moved) else (0.0,):
            found = tuple(self._shifted(s, share * shift) for s, shift in zip(screws, moved, strict=True))
            there = tuple(screw for screw in found if screw is not None)
            free = all(between_mm(a, b) >= self.limits.between_mm for a, b in combinations(there, 2))
            if len(there) == len(screws) and free:
                return there
        return None

    def nearer(self, way: Trajectory, screw: Screw) -> Screw:
        """The screw, or one shifted within its corridor to pass nearer to the lesion, with its trajectory."""
        gap = screw.lesion_gap_mm
        if gap is None or gap <= 0.0:
            return screw
        shift = towards_lesion(self.around, screw, way)
        for share in SHARES[:-1] if shift.any() else ():
            moved = moved_way(self.around, way, share * shift, screw.device)
            found = None if moved is None else self._fitting(moved)
            if moved is not None and found is not None and (found.lesion_gap_mm or 0.0) < gap:
                self.ways[way.id] = moved
                return found
        return screw

    def _fitting(self, way: Trajectory) -> Screw | None:
        """The screw of a shifted trajectory; None where it lacks bone or comes too near to anything."""
        found = screw_in(self.around, way, self.devices, self.limits)
        if found is None:
            return None
        head, tip = np.array(found.head_mm), np.array(found.tip_mm)
        fit = fit_of(self.around, found.way, head, tip, found.outer_diameter_mm)
        return found if fit is None or fit.ok else None

    def _shifted(self, screw: Screw, shift: F64) -> Screw | None:
        """The screw in its shifted corridor; None where it then lacks bone or comes too near to anything."""
        if not shift.any():
            return screw
        way = moved_way(self.around, self.ways[screw.way], shift, screw.device)
        return None if way is None else self._fitting(way)


def _construct(around: Surroundings, screws: tuple[Screw, ...], limits: ConstructLimits) -> Construct:
    named = named_set(screws)
    sides = {screw.side for screw in screws if screw.side not in ("", "midline")}
    side = f", {sides.pop()}" if len(sides) == 1 else ""
    title = f"{named.title}{side}" if named else " and ".join(screw.name for screw in screws)
    return Construct(
        id="+".join(screw.way for screw in screws), title=title, screws=screws,
        checks=checks(around, screws, limits), notes=_notes(screws, named),
    )  # fmt: skip


def named_set(screws: Sequence[Screw]) -> CorridorSet | None:
    """The set of corridors that these screws fill, all on one side; None where they fill none."""
    kinds = sorted(screw.approach for screw in screws)
    if len({screw.side for screw in screws}) > 1:
        return None
    return next((one for one in corridor_sets().values() if sorted(one.members) == kinds), None)


def _notes(screws: Sequence[Screw], named: CorridorSet | None) -> tuple[str, ...]:
    """What to know: where the set comes from, and what no check can tell."""
    told = [f"{named.title}: {named.note}"] if named is not None and named.note else []
    for why in dict.fromkeys(s.purchase.because for s in screws if s.purchase and s.purchase.because):
        told.append(f"hold of the threads: {why}")
    return tuple(told)


def _order(one: Construct) -> tuple[bool, int, int, float, float, str]:
    return (
        not one.ok,
        -min(one.spanning, 2),
        len({check.id for check in one.failed}),
        one.breach or 0.0,
        -one.held,
        one.id,
    )


def _different(ranked: Sequence[Construct], limits: ConstructLimits) -> tuple[Construct, ...]:
    """The best, named sets, then whatever shares few corridors with those already taken."""
    taken: list[Construct] = []
    for one in ranked:
        if len(taken) >= limits.constructs_most:
            break
        shared = max((_alike(one, other) for other in taken), default=0.0)
        if shared <= limits.alike or (named_set(one.screws) is not None and one.ok):
            taken.append(one)
    return tuple(taken)


def _alike(a: Construct, b: Construct) -> float:
    """Corridors in both over corridors in either."""
    one, two = ({screw.way for screw in c.screws} for c in (a, b))
    return len(one & two) / len(one | two)
