"""A cannula through a pedicle: which one fits, where it goes, what it breaks, how close it passes.

Shared by every technique that reaches a vertebral body this way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import Point
from osteoplan.errors import NotAvailable, OsteoplanError
from osteoplan.model.anatomy import StructureKind
from osteoplan.model.device import Device
from osteoplan.model.evidence import worst
from osteoplan.model.inventory import Inventory
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Place, Violation
from osteoplan.techniques.position import reach_violations
from osteoplan.trajectory.needles.pedicle_path import (
    Measures,
    NeedleLimits,
    NeedlePath,
    PediclePathTask,
    best_path,
    measure,
    placed,
)
from osteoplan.trajectory.pedicle import PedicleSide, pedicle
from osteoplan.trajectory.placement_error import PlacementError
from osteoplan.trajectory.setting import Setting
from osteoplan.units import told_apart

__all__ = ["Cannula", "cannula_through", "cannulas", "clearances", "path_violations"]

KINDS: tuple[StructureKind, ...] = ("canal", "pleura", "vessel", "bowel", "organ")


@dataclass(frozen=True)
class Cannula:
    """A chosen device on its chosen path."""

    device: Device
    path: NeedlePath
    why: str

    @property
    def place(self) -> Place:
        """The act of putting it there."""
        path = self.path
        return Place(self.device.id, path.entry_mm, path.target_mm, through=f"pedicle_{path.side}")


def cannula_through(side: PedicleSide, aim_mm: Point, setting: Setting) -> Cannula:
    """The thinnest cannula on the shelf, on its best path through a pedicle towards an aim.

    Where a hard limit cannot be met the path that misses it least is returned.

    Raises:
        NotAvailable: no cannula on the shelf, no such pedicle, or no straight line through it into the body.
    """
    device, why = _thinnest(side, setting)
    task = PediclePathTask(
        side=side,
        aim_mm=aim_mm,
        diameter_mm=device.values["outer_diameter_mm"].number,
        limits=_limits(device, setting.inventory),
        comfort_mm=setting.inventory.limit("comfort_clearance_mm").number,
        reach_mm=setting.inventory.limit("tip_reach_mm").number,
    )
    return Cannula(device, best_path(setting.around, task), why + _unknown(setting))


def cannulas(inventory: Inventory) -> list[Device]:
    """The cannulas on the shelf, the thinnest first.

    Raises:
        NotAvailable: there is none.
    """
    found = [device for device in inventory.of_kind("needle") if device.id.startswith("cannula")]
    if not found:
        raise NotAvailable("no cannula on the shelf: add one to data/devices, or to devices in centre.yaml")
    return sorted(found, key=lambda device: device.values["outer_diameter_mm"].number)


def path_violations(act: Place, setting: Setting) -> tuple[Violation, ...]:
    """Hard limits that a placed cannula breaks, in sentences with numbers, measured on its own two ends."""
    device, side = setting.inventory.device(act.device), _side(act)
    limits, diameter = _limits(device, setting.inventory), device.values["outer_diameter_mm"].number
    entry, tip = np.array(act.entry_mm), np.array(act.target_mm)
    found = measure(setting.around, tip[None], (entry - tip)[None], diameter_mm=diameter, side=side)
    length = float(np.linalg.norm(entry - tip))
    broken = [*_too_close(side, found, limits, setting), *_wall(side, diameter, found, limits)]
    if limits.length_mm is not None and length > limits.length_mm:
        text = f"{side} path is {length:.0f} mm long, {device.name} reaches {limits.length_mm:.0f} mm"
        broken.append(Violation("length_mm", text, length, limits.length_mm, "mm"))
    broken += reach_violations(act, setting)
    broken += _aspect(act, side, setting)
    return (*broken, *_angles(side, found, limits), *_ends(act, side, found, setting))


def clearances(cannula: Cannula, setting: Setting) -> tuple[Estimate, ...]:
    """How close the cannula passes, how long and how steep it goes, and how often it breaches uncorrected.

    Intervals and breach probabilities come from needles that stray and that nobody corrects under imaging.
    """
    path, ensemble = cannula.path, setting.ensemble
    entry, tip = np.array(path.entry_mm), np.array(path.target_mm)
    one = measure(
        setting.around, tip[None], (entry - tip)[None], diameter_mm=path.diameter_mm, side=path.side
    )
    erring = placed(setting.around, path, _placement(setting.inventory), setting.ensemble)
    gaps = [
        ("clearance_mm", _nearest(kind, one, setting), one.clearance_mm[kind], erring.clearance_mm[kind])
        for kind in KINDS
        if kind in one.clearance_mm
    ]
    gaps.append(("wall_depth_mm", "bone surface", one.wall_mm, erring.wall_mm))
    limits, because = setting.inventory.limits, (_strays(setting),)
    status = worst(*(limits[name].status for name in _PLACEMENT))
    found = [
        Estimate.from_draws(
            id, f"{target}, {path.side} path", value=float(value[0]), draws=draws, unit="mm", because=because,
            status=status, ensemble=ensemble,
        )
        for id, target, value, draws in gaps
    ]  # fmt: skip
    for target, draws in [(target, draws) for _, target, _, draws in (gaps[0], gaps[-1])]:
        found.append(
            Estimate.of_geometry(
                "breach_probability", f"{target}, {path.side} path", float(np.mean(draws < 0)), "1", ensemble,
                draws=draws < 0, because=because, status=status,
            )
        )  # fmt: skip
    for id, target, number, unit in (
        ("path_length_mm", "skin to tip", one.length_mm[0], "mm"),
        ("entry_angle_deg", "skin", one.skin_angle_deg[0], "deg"),
    ):
        named = f"{target}, {path.side} path"
        found.append(Estimate.of_geometry(id, named, float(number), unit, ensemble, because=()))
    return tuple(found)


_PLACEMENT = ("placement_lateral_sd_mm", "placement_angle_sd_deg", "placement_draws")


def _placement(inventory: Inventory) -> PlacementError:
    lateral, angle, draws = (inventory.limit(name).number for name in _PLACEMENT)
    return PlacementError(lateral, angle, int(draws))


def _strays(setting: Setting) -> str:
    error = _placement(setting.inventory)
    return (
        f"needles that stray {error.lateral_sd_mm:g} mm and {error.angle_sd_deg:g} deg (sd) uncorrected, "
        f"{max(error.draws, setting.ensemble.n)} draws"
    )


def _thinnest(side: PedicleSide, setting: Setting) -> tuple[Device, str]:
    """The thinnest cannula on the shelf: nothing that is simulated here is better through a wider one.

    The reason names the wider ones that the isthmus takes too, or says that not even this one fits.
    """
    here = cannulas(setting.inventory)
    isthmus = 2.0 * pedicle(setting.around, side).radius_mm
    room = isthmus - 2.0 * setting.inventory.limit("wall_depth_min_mm").number
    fitting = [d.id for d in here if d.values["outer_diameter_mm"].number <= room]
    why = f"{side} isthmus {isthmus:.1f} mm wide; "
    return here[0], why + (f"takes {', '.join(fitting)}" if fitting else "too narrow for any cannula here")


def _unknown(setting: Setting) -> str:
    """Kinds of structure that nobody labelled here: their clearance is unknown, not large."""
    absent = [kind for kind in KINDS if not setting.maps.has(kind)]
    return f"; not labelled here, so clearance unknown: {', '.join(absent)}" if absent else ""


def _limits(device: Device, inventory: Inventory) -> NeedleLimits:
    """Limits for a device; its length binds only where the device file gives it."""
    known = "length_mm" in device.values
    reach = device.values["length_mm"].number - inventory.limit("hub_allowance_mm").number if known else None
    return NeedleLimits(
        clearance_mm={kind: inventory.limit(f"{kind}_clearance_min_mm").number for kind in KINDS},
        wall_mm=inventory.limit("wall_depth_min_mm").number,
        length_mm=reach,
        skin_angle_deg=inventory.limit("skin_angle_max_deg").number,
        cortex_angle_deg=inventory.limit("cortex_angle_max_deg").number,
    )


def _side(act: Place) -> PedicleSide:
    match act.through:
        case "pedicle_left":
            return "left"
        case "pedicle_right":
            return "right"
        case other:
            raise OsteoplanError(
                f"a cannula goes through pedicle_left or pedicle_right, not through '{other}'"
            )


def _nearest(kind: StructureKind, found: Measures, setting: Setting) -> str:
    """Name of the structure of a kind that the first path passes closest."""
    maps = setting.maps
    return maps.nearest(kind, found.closest_mm[kind][0]).name.replace("_", " ")


def _too_close(
    side: PedicleSide, found: Measures, limits: NeedleLimits, setting: Setting
) -> Iterator[Violation]:
    for kind, bound in limits.clearance_mm.items():
        gap = float(found.clearance_mm[kind][0]) if kind in found.clearance_mm else np.inf
        if gap < bound:
            name = _nearest(kind, found, setting)
            near, needed = told_apart(gap, bound)
            text = (
                f"{side} cannula passes {near} mm from the {name}, {needed} mm needed"
                if gap > 0
                else f"{side} cannula enters the {name} by {-gap:.1f} mm"
            )
            yield Violation(f"{kind}_clearance_min_mm", text, gap, bound, "mm")


def _wall(side: PedicleSide, diameter: float, found: Measures, limits: NeedleLimits) -> Iterator[Violation]:
    depth = float(found.wall_mm[0])
    if depth < limits.wall_mm:
        there, needed = told_apart(depth, limits.wall_mm)
        text = (
            f"{there} mm of bone beside the {diameter:.1f} mm cannula in the {side} pedicle, "
            f"{needed} mm needed"
            if depth > 0
            else f"the {diameter:.1f} mm cannula breaks {-depth:.1f} mm out of the {side} pedicle or the body"
        )
        yield Violation("wall_depth_min_mm", text, depth, limits.wall_mm, "mm")


def _angles(side: PedicleSide, found: Measures, limits: NeedleLimits) -> Iterator[Violation]:
    for what, angle, bound in (
        ("skin", float(found.skin_angle_deg[0]), limits.skin_angle_deg),
        ("cortex", float(found.cortex_angle_deg[0]), limits.cortex_angle_deg),
    ):
        if angle > bound:
            off, most = told_apart(angle, bound, 0)
            text = f"{side} path meets the {what} {off} deg off its normal, {most} deg at most"
            yield Violation(f"{what}_angle_max_deg", text, angle, bound, "deg")


def _aspect(act: Place, side: PedicleSide, setting: Setting) -> Iterator[Violation]:
    """A way through a pedicle enters the skin from behind and on the pedicle's side, in the patient."""
    frame = setting.anatomy.frame
    entry, tip = np.array(act.entry_mm), np.array(act.target_mm)
    if entry[1] <= tip[1]:
        yield Violation("aspect", f"{side} path through the pedicle enters the skin from the patient's front")
    across = float(np.sign(frame.left[0]) * ((entry - frame.origin_mm) @ frame.left))
    if (across < 0) == (side == "left"):
        text = f"{side} path enters the skin {abs(across):.0f} mm on the other side of the bone's middle"
        yield Violation("aspect", text, abs(across), 0.0, "mm")


def _ends(act: Place, side: PedicleSide, found: Measures, setting: Setting) -> Iterator[Violation]:
    """The entry lies on the skin, the tip in the body."""
    gap = float(np.linalg.norm(found.entry_mm[0] - np.array(act.entry_mm)))
    if not found.reaches_skin[0]:
        yield Violation("entry", f"{side} path leaves the image before it reaches the skin: use a wider CT")
    elif gap > 1.0:
        yield Violation("entry", f"{side} entry lies {gap:.1f} mm from the skin", gap, 1.0, "mm")
    maps = setting.maps
    if float(maps.at("body", np.array(act.target_mm))) >= 0:
        yield Violation("target", f"{side} tip lies outside the vertebral body")
