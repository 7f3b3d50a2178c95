"""Vertebroplasty: cement through a cannula in one pedicle or in both.

Three plans are proposed for a lesion of a vertebra: through the left pedicle, the right one, and both.  A
plan that breaks a limit is proposed all the same, so that it stays listed with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from osteoplan.arrays import Point
from osteoplan.knowledge.approaches import approach, approaches_of
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Act, Inject, Measure, Plan, Remove, Step, Violation, Wait
from osteoplan.techniques.transpedicular import Cannula, cannula_through, clearances
from osteoplan.trajectory.pedicle import PedicleSide
from osteoplan.trajectory.setting import Setting

__all__ = ["Vertebroplasty"]

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
        """Where pedicles are no way in: which ways there are, and what lies in them."""
        if plan.steps:
            return ()
        ways = [one for one in approaches_of(setting.anatomy.bone) if one.needle is not None]
        told = "; ".join(f"{one.title}: {one.warned}" if one.warned else one.title for one in ways)
        instead = told or "by no way that is known here"
        text = f"{setting.anatomy.level} is not reached through its pedicles, but {instead}"
        return (Violation("approach", text),)

    def _plan(self, name: str, sides: tuple[PedicleSide, ...], setting: Setting) -> Plan:
        cannulas = [cannula_through(side, _aim(side, len(sides), setting), setting) for side in sides]
        steps = enumerate(_recipe(cannulas, setting), start=1)
        return Plan(
            id=f"{self.id}_{name}",
            technique=self.id,
            title=f"{self.title}, {name} pedicle{'s' if len(sides) > 1 else ''}",
            lesion=setting.anatomy.lesion.id,
            steps=tuple(Step(order, act, why=why) for order, (act, why) in steps),
            approach=f"transpedicular, {' and '.join(sides)}",
            uses=("pmma",),
            clearances=tuple(e for cannula in cannulas for e in clearances(cannula, setting)),
        )


def _recipe(cannulas: list[Cannula], setting: Setting) -> Iterator[tuple[Act, str]]:
    """Acts in their order, each with its reason."""
    cement = setting.inventory.device(str(setting.inventory.limit("cement_device").value))
    cure = cement.values["hardening_min"].number if "hardening_min" in cement.values else None
    total_mL, volume_why = _volume(setting)
    for cannula in cannulas:
        yield cannula.place, cannula.why
    yield Measure("CT: tips in the body, away from the canal"), "before any cement"
    for cannula in cannulas:
        yield Inject(cement.id, cannula.path.target_mm, total_mL / len(cannulas)), volume_why
    yield Wait("cement cure", cure), "set cement does not follow the cannula out"
    for cannula in cannulas:
        yield Remove(f"{cannula.device.id}, {cannula.path.side}"), ""
    yield Measure("CT: cement, leaks"), "canal, veins, discs, lungs"


def _volume(setting: Setting) -> tuple[float, str]:
    """Volume to ask for in all [mL], and how it came about."""
    limit, body = setting.inventory.limit, body_mL(setting.anatomy)
    share = limit("fill_share_target_pct").number
    wanted, low = share / 100.0 * body, limit("fill_volume_lowest_mL").number
    high = min(limit("fill_volume_highest_mL").number, limit("fill_share_max_pct").number / 100.0 * body)
    volume = min(max(wanted, low), high)
    why = f"{share:g} % of the body's {body:.1f} mL"
    return volume, why if volume == wanted else f"{why} is {wanted:.1f} mL; brought to {volume:.1f} mL"


def _aim(side: PedicleSide, needles: int, setting: Setting) -> Point:
    """Where the tip would best lie: in the front of the body, beside and at the height of the lesion.

    One needle aims between the midline and the lesion, two needles at one side each.  Depth counts along the
    line from front to back through that place, since the body is shorter at its sides.
    """
    frame, image = setting.anatomy.frame, setting.anatomy.image
    body = frame.local(image.positions_mm(np.argwhere(setting.anatomy.parts["body"])))
    low, high = np.percentile(body, [1, 99], axis=0)
    aim, room = 0.5 * (low + high), 0.2 * (high - low)  # stay central, whatever the lesion does
    lesion = np.argwhere(setting.anatomy.lesion_mask & setting.anatomy.parts["body"])
    if len(lesion):
        aim = np.clip(frame.local(image.positions_mm(lesion)).mean(axis=0), aim - room, aim + room)
    if needles == 2:
        outward = setting.inventory.limit("tip_offset_both_pct").number / 100.0 * 0.5 * (high[0] - low[0])
        aim[0] = 0.5 * (low[0] + high[0]) + (outward if side == "left" else -outward)
    beside = np.abs(body[:, [0, 2]] - aim[[0, 2]]).max(axis=1) < image.spacing_mm.max()
    front, back = np.percentile(body[beside, 1], [1, 99])
    aim[1] = front + setting.inventory.limit("tip_depth_pct").number / 100.0 * (back - front)
    x, y, z = (float(value) for value in frame.world(aim))
    return x, y, z


def _has(anatomy: Anatomy, part: str) -> bool:
    return part in anatomy.parts and bool(anatomy.parts[part].any())


def body_mL(anatomy: Anatomy) -> float:
    """Volume of a vertebral body [mL]."""
    return float(anatomy.parts["body"].sum()) * anatomy.image.voxel_volume_mm3 / 1000.0
