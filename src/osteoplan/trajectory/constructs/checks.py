"""What is asked of screws that are placed together: each question with its number and its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from osteoplan.arrays import F64
from osteoplan.knowledge.corridors import Template, templates
from osteoplan.model.construct import Check, Screw
from osteoplan.trajectory.geometry import angle_deg, circle, segment_distance
from osteoplan.trajectory.surroundings import Surroundings, distance_maps

__all__ = ["ConstructLimits", "between_mm", "checks", "tip_depth_mm", "tip_to_joint_mm"]

_EVEN = 1e-9  # mm; two numbers that differ by less are equal: a bound that is met exactly is met


def checks(around: Surroundings, screws: Sequence[Screw], limits: ConstructLimits) -> tuple[Check, ...]:
    """Every question, the hard ones first."""
    return (
        *_skin(screws),
        *_between(screws, limits),
        *_joints(around, screws, limits),
        *_reach(screws, limits),
        *_anchors(screws, limits),
        *_directions(screws, limits),
    )


def between_mm(a: Screw, b: Screw) -> float:
    """Gap between the surfaces of two screws (rods with half-ball ends); negative where they collide."""
    apart = segment_distance(a.head_mm, a.tip_mm, b.head_mm, b.tip_mm)
    return apart - 0.5 * (a.outer_diameter_mm + b.outer_diameter_mm)


def tip_to_joint_mm(
    around: Surroundings, approach: str, side: str, tip_mm: F64, axis: F64, radius_mm: float
) -> float | None:
    """Least distance from the flat end of a screw to a joint; None where no joint is known here.

    A joint that the corridor crosses on purpose does not count.
    """
    maps = distance_maps(around)
    if not maps.has("joint"):
        return None
    rim = np.vstack([tip_mm, tip_mm + radius_mm * circle(axis, 16)])
    gaps = maps.at("joint", rim)
    crossed = joints_crossed(templates().get(approach), side)
    if not crossed:
        return float(gaps.min())
    kept = [
        gap for gap, at in zip(gaps, rim, strict=True) if maps.nearest("joint", at).name not in crossed
    ]  # fmt: skip
    return float(min(kept)) if kept else None


def tip_depth_mm(around: Surroundings, tip_mm: F64) -> float:
    """Depth of the middle of a tip below the surface of any bone [mm]; negative outside."""
    maps = distance_maps(around)
    away = [float(maps.at(name, tip_mm[None])[0]) for name in ("bone", "other_bone") if maps.has(name)]
    return -min(away)


def joints_crossed(template: Template | None, side: str) -> frozenset[str]:
    """Names of the joints that a corridor crosses on purpose."""
    if template is None:
        return frozenset()
    return frozenset(bridge.joint.format(**template.names(side)) for bridge in template.bridges)


def _skin(screws: Sequence[Screw]) -> Iterator[Check]:
    """A screw needs a place on the skin."""
    for screw in screws:
        if screw.skin_mm is None:
            text = f"{screw.name}: the image ends before its way reaches the skin; use a wider CT"
            yield Check("skin", text, False, hard=True, of=(screw.way,))


def _between(screws: Sequence[Screw], limits: ConstructLimits) -> Iterator[Check]:
    """Screws must not collide."""
    pairs = [(between_mm(a, b), a, b) for a, b in combinations(screws, 2)]
    if not pairs:
        return
    gap, a, b = min(pairs, key=lambda pair: pair[0])
    ok = gap >= limits.between_mm - _EVEN
    text = f"{a.name} and {b.name} pass {gap:.1f} mm apart" if gap >= 0 else f"{a.name} and {b.name} collide"
    yield Check(
        "between_screws_min_mm", f"{text}, {limits.between_mm:g} mm are asked for" if not ok else text, ok,
        gap, limits.between_mm, hard=True, of=(a.way, b.way),
    )  # fmt: skip


def _joints(around: Surroundings, screws: Sequence[Screw], limits: ConstructLimits) -> Iterator[Check]:
    """Tips stay off the joints."""
    for screw in screws:
        head, tip = np.array(screw.head_mm), np.array(screw.tip_mm)
        axis = (tip - head) / np.linalg.norm(tip - head)
        radius, least = 0.5 * screw.outer_diameter_mm, limits.joint_of(screw.approach)
        gap = tip_to_joint_mm(around, screw.approach, screw.side, tip, axis, radius)
        if gap is None:
            text = f"{screw.name}: no joint is known near its tip, so that distance is unchecked"
            yield Check("tip_joint_min_mm", text, None, None, least, of=(screw.way,))
            continue
        ok = gap >= least - _EVEN
        text = f"{screw.name}: its tip ends {gap:.1f} mm from the nearest joint, {least:g} mm are asked for"
        yield Check("tip_joint_min_mm", text, ok, gap, least, hard=True, of=(screw.way,))


def _reach(screws: Sequence[Screw], limits: ConstructLimits) -> Iterator[Check]:
    """A screw that passes far from the lesion does not reinforce it; if all do, there is no construct."""
    gaps = {screw.way: screw.lesion_gap_mm for screw in screws if screw.lesion_gap_mm is not None}
    if not gaps:
        return
    far = limits.reach_mm
    for screw in screws:
        gap = gaps.get(screw.way)
        if gap is not None and gap > far + _EVEN:
            text = (
                f"{screw.name} passes {gap:.1f} mm from the lesion: it does not reinforce it beyond {far:g}"
            )
            yield Check("screw_reach_mm", text, False, gap, far, of=(screw.way,))
    nearest = min(gaps.values())
    ok = nearest <= far + _EVEN
    text = (
        "a screw runs through the lesion"
        if nearest <= 0
        else f"nearest screw {nearest:.1f} mm from the lesion"
    )
    yield Check("lesion_reach_max_mm", text, ok, nearest, far, hard=True)


def _anchors(screws: Sequence[Screw], limits: ConstructLimits) -> Iterator[Check]:
    """Both ends must hold in sound bone beyond the lesion."""
    for screw in screws:
        for end, held in zip(("head's", "tip's"), screw.anchor_mm or (), strict=False):
            ok = held >= limits.anchor_mm - _EVEN
            text = f"{screw.name}: {held:.0f} mm of thread in sound bone on the {end} side of the lesion" + (
                "" if ok else f", {limits.anchor_mm:g} mm are wanted"
            )
            yield Check("anchor_wanted_mm", text, ok, held, limits.anchor_mm, of=(screw.way,))


def _directions(screws: Sequence[Screw], limits: ConstructLimits) -> Iterator[Check]:
    """Screws cross, or where their corridors run side by side, they spread."""
    spreads = [
        template.spread for s in screws if (template := templates().get(s.approach)) and template.spread
    ]
    if len(spreads) == len(screws):
        usual = spreads[0].count
        ok = len(screws) in usual
        text = f"{len(screws)} screws side by side" if len(screws) > 1 else "one screw alone"
        wanted = " or ".join(str(n) for n in usual)
        yield Check("screws_usual", f"{text}; {wanted} are usual here", ok, float(len(screws)), None, "1")
    elif len(screws) == 1:
        yield Check("angle_wanted_deg", "one screw alone: no second one crosses it", False, None,
                    limits.angle_deg, "deg")  # fmt: skip
    else:
        yield _crossing(screws, limits)
    yield from _spread(screws, limits)


def _crossing(screws: Sequence[Screw], limits: ConstructLimits) -> Check:
    angle = max(_angle(a, b) for a, b in combinations(screws, 2))
    ok = angle >= limits.angle_deg - _EVEN
    text = f"screws cross at {angle:.0f} deg" + ("" if ok else f", {limits.angle_deg:g} deg are wanted")
    return Check("angle_wanted_deg", text, ok, angle, limits.angle_deg, "deg")


def _spread(screws: Sequence[Screw], limits: ConstructLimits) -> Iterator[Check]:
    """Axes of nearly parallel screws lie apart."""
    close = [
        (segment_distance(a.head_mm, a.tip_mm, b.head_mm, b.tip_mm), a, b)
        for a, b in combinations(screws, 2)
        if _angle(a, b) < limits.angle_deg
    ]
    if close:
        apart, a, b = min(close, key=lambda one: one[0])
        ok = apart >= limits.spread_mm - _EVEN
        text = f"{a.name} and {b.name} run nearly parallel, {apart:.1f} mm between their axes" + (
            "" if ok else f"; {limits.spread_mm:g} mm are wanted"
        )
        yield Check("spread_wanted_mm", text, ok, apart, limits.spread_mm, of=(a.way, b.way))


def _angle(a: Screw, b: Screw) -> float:
    u, v = (np.subtract(screw.tip_mm, screw.head_mm) for screw in (a, b))
    return angle_deg(u, v)


@dataclass(frozen=True)
class ConstructLimits:
    """Limits of a construct.

    Attributes:
        between_mm: least gap between the surfaces of two screws (hard).
        tip_joint_mm: least distance of a tip from a joint, where the corridor asks for no more (hard).
        tip_cover_mm: least depth of a tip in bone: a screw is shortened to keep it.
        reach_mm: a screw whose surface passes farther from the lesion does not reinforce it.
        anchor_mm: thread in sound bone that is wanted on each side of the lesion.
        angle_deg: wanted between two screws of the construct.
        spread_mm: wanted between the axes of screws that run nearly parallel.
        sourced_within_mm: a screw may be narrower by so much if its root or shaft was read in a source.
        screws_most, constructs_most: in one construct; in the answer.
        alike: two constructs that share a larger part of their corridors are one.
    """

    between_mm: float
    tip_joint_mm: float
    tip_cover_mm: float
    reach_mm: float
    anchor_mm: float
    angle_deg: float
    spread_mm: float
    sourced_within_mm: float
    screws_most: int
    constructs_most: int
    alike: float

    def joint_of(self, approach: str) -> float:
        """Distance [mm] that a tip must keep from a joint: the larger of ours and the corridor's own."""
        template = templates().get(approach)
        own = (
            template.spread.tip_to_joint_mm if template is not None and template.spread is not None else None
        )
        return max(self.tip_joint_mm, own or 0.0)
