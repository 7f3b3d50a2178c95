"""Vertebroplasty: cement through a cannula on one side of the body or on both.

Three plans are proposed for a lesion of a vertebra: from the left, from the right, and from both sides.  Each
side takes the most robust way through its pedicle, or where none fits the next approach, under its own name.
A side without any way stays listed with the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar, Literal

from osteoplan.knowledge.approaches import approach, approaches_of
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.device import Device
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Act, Inject, Measure, Plan, Remove, Step, Violation, Wait, short_of
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.estimates import breach_of, nearest_gaps
from osteoplan.techniques.filling import needle_estimates, no_needle, place_of, ways_by, why_so
from osteoplan.trajectory.pedicle import PedicleSide
from osteoplan.trajectory.setting import Setting

__all__ = ["Vertebroplasty", "body_mL", "pedicle_first"]

_PEDICLES = "transpedicular"
_WAYS: dict[str, tuple[PedicleSide, ...]] = {
    "left": ("left",),
    "right": ("right",),
    "both": ("left", "right"),
}


@dataclass(frozen=True)
class Vertebroplasty:
    """Percutaneous vertebroplasty through the pedicles, with acrylic cement."""

    id: str = "vertebroplasty"
    title: str = "vertebroplasty"
    kind: Literal["plan", "comparator"] = "plan"
    bones: ClassVar[tuple[str, ...]] = ("vertebrae",)

    def propose(self, setting: Setting, findings: Findings) -> tuple[Plan, ...]:
        """Plans through the left pedicle, the right one and both; none outside a vertebra.

        A pedicle that the anatomy does not have (destroyed, cut by the scan's edge) takes its plans with it.
        Where pedicles are no way in (the neck) one plan without steps says so.
        """
        if not setting.anatomy.bone.startswith("vertebra_") or not _has(setting.anatomy, "body"):
            return ()
        if not approach(_PEDICLES).serves(setting.anatomy.bone):
            title = f"{self.title}: {setting.anatomy.level} is not reached through its pedicles"
            short = f"{self.title}: not through a pedicle"
            return (Plan(f"{self.id}_none", self.id, title, setting.anatomy.lesion.id, short_title=short),)
        return tuple(
            self._plan(name, sides, setting)
            for name, sides in _WAYS.items()
            if all(_has(setting.anatomy, f"pedicle_{side}") for side in sides)
        )

    def violations(self, plan: Plan, setting: Setting) -> tuple[Violation, ...]:
        """Why there is no way in on a side; where pedicles are no way in, which ways there are."""
        if plan.steps:
            return ()
        if approach(_PEDICLES).serves(setting.anatomy.bone):
            sides = _WAYS[plan.id.removeprefix(f"{self.id}_")]
            looked = [way for side in sides for way in pedicle_first(side, setting)]
            return tuple(no_needle(looked))
        ways = [one for one in approaches_of(setting.anatomy.bone) if one.needle is not None]
        told = "; ".join(f"{one.title}: {one.warned}" if one.warned else one.title for one in ways)
        instead = told or "by no way that is known here"
        text = f"{setting.anatomy.level} is not reached through its pedicles, but {instead}"
        return (Violation("approach", text),)

    def _plan(self, name: str, sides: tuple[PedicleSide, ...], setting: Setting) -> Plan:
        ways = _chosen(sides, setting)
        plan = Plan(
            id=f"{self.id}_{name}",
            technique=self.id,
            title=f"{self.title}, {name} {'side' if len(sides) == 1 else 'sides'}: no way in",
            lesion=setting.anatomy.lesion.id,
        )
        if not ways:
            return plan
        titles = [approach(way.approach).short_title for way in ways]
        pedicles = f"{name} pedicle{'s' if len(sides) > 1 else ''}"
        where = pedicles if set(titles) == {_PEDICLES} else f"{name}, {' and '.join(dict.fromkeys(titles))}"
        steps = enumerate(_recipe(ways, setting), start=1)
        return replace(
            plan,
            title=f"{self.title}, {where}",
            steps=tuple(Step(order, act, why=why) for order, (act, why) in steps),
            approach="; ".join(way.name for way in ways),
            uses=("pmma",),
            clearances=needle_estimates(ways, setting.ensemble),
            gaps=nearest_gaps(ways),
            short_title=short_of(f"{self.title}, {where}", f"{self.title}, {name}, two approaches"),
        )


def _chosen(sides: tuple[PedicleSide, ...], setting: Setting) -> tuple[Trajectory, ...]:
    """A way in on each side, the most robust; of two those that end on their own sides of the lesion.

    None where one side has no way in.
    """
    found = [[way for way in pedicle_first(side, setting) if way.ok] for side in sides]
    pairs = list(product(*found))
    if len(sides) == 2:
        own = [pair for pair in pairs if place_of(pair[0]).target_mm[0] > place_of(pair[1]).target_mm[0]]
        pairs = own or pairs
    return min(pairs, key=breach_of, default=())


def pedicle_first(
    side: PedicleSide, setting: Setting, needle: Device | None = None
) -> tuple[Trajectory, ...]:
    """Ways through a pedicle into the lesion, or beside it; where none fits, by other approaches too."""
    through = ways_by(approach(_PEDICLES), side, setting, needle=needle)
    if any(way.ok for way in through):
        return through
    beside = setting.inventory.limit("tip_beside_mm").number
    near = ways_by(approach(_PEDICLES), side, setting, beside_mm=beside, needle=needle)
    if any(way.ok for way in near):
        return near
    others = [one for one in approaches_of(setting.anatomy.bone) if one.needle and one.id != _PEDICLES]
    return (*through, *(way for one in others for way in ways_by(one, side, setting, needle=needle)))


def _recipe(ways: Sequence[Trajectory], setting: Setting) -> Iterator[tuple[Act, str]]:
    """Acts in their order, each with its reason."""
    cement = setting.inventory.device(str(setting.inventory.limit("cement_device").value))
    cure = cement.values["hardening_min"].number if "hardening_min" in cement.values else None
    total_mL, volume_why = _volume(setting)
    for way in ways:
        yield place_of(way), why_so(way)
    yield Measure("CT: tips in the body, away from the canal"), "before any cement"
    for way in ways:
        yield Inject(cement.id, place_of(way).target_mm, total_mL / len(ways)), volume_why
    yield Wait("cement cure", cure), "set cement does not follow the cannula out"
    for way in ways:
        yield Remove(f"{way.device}, {way.side}"), ""
    yield Measure("CT: cement, leaks"), "canal, veins, discs, lungs"


def _volume(setting: Setting) -> tuple[float, str]:
    """Volume to ask for in all [mL], and how it came about."""
    limit, body = setting.inventory.limit, body_mL(setting.anatomy)
    share = limit("fill_share_target_pct").number
    wanted, low = share / 100.0 * body, limit("fill_volume_lowest_mL").number
    high = min(limit("fill_volume_highest_mL").number, limit("fill_share_max_pct").number / 100.0 * body)
    volume = min(max(wanted, low), high)
    why = f"aim: from endplate to endplate; {share:g} % of the body's {body:.1f} mL"
    return volume, why if volume == wanted else f"{why} is {wanted:.1f} mL; brought to {volume:.1f} mL"


def _has(anatomy: Anatomy, part: str) -> bool:
    return part in anatomy.parts and bool(anatomy.parts[part].any())


def body_mL(anatomy: Anatomy) -> float:
    """Volume of a vertebral body [mL]."""
    return float(anatomy.parts["body"].sum()) * anatomy.image.voxel_volume_mm3 / 1000.0
