"""Ablation by radiofrequency, microwaves, cold or laser: cannulas, probes through them, a protocol.

The probes are those of the shelf that are described as applicators; where none of a kind is named by a centre
the generic ones serve, and every picture of them says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.applicators import Applicator, applicator_of
from osteoplan.knowledge.values import number
from osteoplan.model.findings import Findings
from osteoplan.model.inventory import Inventory
from osteoplan.model.plan import (
    Act,
    Deliver,
    Measure,
    Place,
    Plan,
    Remove,
    Segment,
    Violation,
    Wait,
    short_of,
)
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.estimates import nearest_gaps
from osteoplan.techniques.filling import needle_estimates, no_needle, place_of, short_way, why_so
from osteoplan.techniques.fixation import serves
from osteoplan.techniques.probe_ways import ProbeSet, access_ways, cannula_for, probe_sets
from osteoplan.techniques.screws import numbered
from osteoplan.trajectory.setting import Setting

__all__ = ["Ablation", "Cryoablation", "LaserAblation", "MicrowaveAblation", "RadiofrequencyAblation"]

THAW = "thaw"
METAL = ("rf_bipolar", "rf_monopolar", "microwave")  # what metal beside the active part changes


@dataclass(frozen=True)
class Ablation:
    """Probes of one kind of energy through cannulas."""

    id: str = ""
    title: str = ""
    kind: Literal["plan", "comparator"] = "plan"
    short: ClassVar[str] = ""
    energies: ClassVar[tuple[str, ...]] = ()  # what it may bring, the preferred one first
    uses: ClassVar[tuple[str, ...]] = ("thermal", "heat")
    bones: ClassVar[tuple[str, ...]] = (
        "vertebrae", "sacrum", "hip", "femur", "humerus", "scapula", "sternum", "rib",
    )  # fmt: skip

    def propose(self, setting: Setting, findings: Findings) -> tuple[Plan, ...]:
        """A plan with one probe, and where that leaves part of the lesion far away one with several."""
        if not serves(setting, self.bones):
            return ()
        best = self._best(setting)
        if not best:
            short = f"{self.short}: no way for a probe"
            lesion = setting.anatomy.lesion.id
            return (Plan(f"{self.id}_none", self.id, f"{self.title}: no way", lesion, short_title=short),)
        return best

    def through(self, needles: Sequence[Place], setting: Setting) -> tuple[Plan, ...]:
        """Plans whose first cannulas stand where these needles do: those alone, and with more beside them.

        Empty where no probe goes there.
        """
        return self._best(setting, needles)

    def violations(self, plan: Plan, setting: Setting) -> tuple[Violation, ...]:
        """Why no probe reaches the lesion, approach by approach."""
        if plan.steps:
            return ()
        probe = self.probes(setting.inventory)[0]
        ways = access_ways(setting, cannula_for(probe, setting))
        if any(way.ok for way in ways):
            return (Violation("needle", "no way that fits takes the tip of a probe into the lesion"),)
        return tuple(no_needle(ways))

    def probes(self, inventory: Inventory) -> tuple[Applicator, ...]:
        """The probes at hand, all of the first kind of energy of which there is one.

        Raises:
            NotAvailable: there is none.
        """
        shelf = inventory.devices
        here = [applicator_of(one.id, shelf) for one in inventory.of_kind("probe") if "energy" in one.values]
        for energy in self.energies:
            found = tuple(one for one in here if one.energy == energy)
            if found:
                return found
        raise NotAvailable(
            f"no probe for {self.title} on the shelf: add one to data/devices, or to devices in centre.yaml"
        )

    def segments(self, probe: Applicator, inventory: Inventory) -> tuple[Segment, ...]:
        """The protocol of a probe: its power, the temperature that it holds, as long as the card says."""
        power = None if probe.power_W is None else probe.power_W.number
        held = None if probe.set_degC is None else probe.set_degC.number
        return (Segment(60.0 * inventory.limit("heating_min").number, power, held),)

    def _best(self, setting: Setting, through: Sequence[Place] = ()) -> tuple[Plan, ...]:
        """The best plan with the fewest probes, and with more of them, over all probes at hand."""
        made = [
            (probe, found)
            for probe in self.probes(setting.inventory)
            for found in probe_sets(probe, cannula_for(probe, setting), setting, through=through)
        ]
        fewest = min((len(found.ways) for _, found in made), default=0)
        groups = ([one for one in made if (len(one[1].ways) == fewest) == first] for first in (True, False))
        best = [min(group, key=lambda one: _order(one, setting)) for group in groups if group]
        return tuple(self._plan(probe, found, setting) for probe, found in best)

    def _plan(self, probe: Applicator, found: ProbeSet, setting: Setting) -> Plan:
        ways = found.ways
        count = "" if len(ways) == 1 else f"{len(ways)} probes, "
        names = dict.fromkeys(way.name.partition(", probe ")[0] for way in ways)
        monopolar = ("rfa_monopolar",) if probe.energy == "rf_monopolar" else ()
        return Plan(
            id=f"{self.id}_{ways[0].id}" if len(ways) == 1 else f"{self.id}_{len(ways)}_{ways[0].id}",
            technique=self.id,
            title=f"{self.title}, {count}{' and '.join(names)}",
            lesion=setting.anatomy.lesion.id,
            steps=numbered(self._recipe(probe, found, setting)),
            approach="; ".join(way.name for way in ways),
            uses=(*self.uses, *monopolar),
            clearances=needle_estimates(ways, setting.ensemble),
            remarks=(*_stamped(probe), *_near_metal(probe, ways, setting)),
            gaps=nearest_gaps(ways),
            short_title=short_of(f"{self.short}, {short_way(ways).replace('needles', 'probes')}"),
        )

    def _recipe(self, probe: Applicator, found: ProbeSet, setting: Setting) -> Iterator[tuple[Act, str]]:
        """Cannulas, a look at them, the protocol, a thaw after cold, cannulas out, a look."""
        places = [place_of(way) for way in found.ways]
        for place, way in zip(places, found.ways, strict=True):
            yield place, why_so(way)
        yield Measure("CT: cannulas in the lesion, away from nerves"), "before anything is heated or frozen"
        tips, access = tuple(place.target_mm for place in places), tuple(range(1, len(places) + 1))
        segments = self.segments(probe, setting.inventory)
        yield Deliver(probe.id, probe.energy, segments, tips, access), _why(probe, found)
        if probe.energy == "cold":
            yield Wait(THAW), "until CT shows no ice: nothing is pulled, and no cement goes in, before"
        for place in places:
            yield Remove(f"{place.device}, {place.through}"), ""
        yield Measure("CT: gas, bleeding, fracture"), "what was treated, and what lies beside it"


def _order(one: tuple[Applicator, ProbeSet], setting: Setting) -> tuple[float, float, float]:
    """Of sets that come as near, to the millimetre, the thicker probe, then the safer set.

    What of an active end lies outside the lesion heats what is not to be treated, a pedicle beside a canal:
    it counts as distance by half.
    """
    probe, found = one
    return (
        round(found.farthest_mm + 0.5 * _outside_mm(probe, found, setting)),
        -probe.diameter_mm,
        found.cost_mm,
    )


def _outside_mm(probe: Applicator, found: ProbeSet, setting: Setting) -> float:
    """Length of the active ends outside the lesion, the mean over the probes."""
    if not setting.maps.has("lesion"):
        return 0.0
    shares = []
    for way in found.ways:
        place = place_of(way)
        tip, entry = np.array(place.target_mm), np.array(place.entry_mm)
        outward = (entry - tip) / np.linalg.norm(entry - tip)
        along = probe.tip_mm + np.linspace(0.0, probe.length_mm, 20)[:, None]
        shares.append(float((setting.maps.at("lesion", tip + along * outward) > 0.0).mean()))
    return probe.length_mm * float(np.mean(shares))


def _stamped(probe: Applicator) -> tuple[str, ...]:
    return (f"{probe.name}: {', '.join(probe.stamps)}",) if probe.stamps else ()


def _near_metal(probe: Applicator, ways: Sequence[Trajectory], setting: Setting) -> Iterator[str]:
    """Metal in the patient that lies too near to an active part for current or microwaves to be told."""
    least = number("placement.rf_metal_gap_min_mm")
    if probe.energy not in METAL or not setting.maps.has("metal"):
        return
    for way in ways:
        place = place_of(way)
        tip, entry = np.array(place.target_mm), np.array(place.entry_mm)
        outward = (entry - tip) / np.linalg.norm(entry - tip)
        along = np.linspace(0.0, probe.tip_mm + probe.length_mm, 20)[:, None]
        gap = float(setting.maps.at("metal", tip + along * outward).min()) - 0.5 * probe.diameter_mm
        if gap < least:
            yield (
                f"metal lies {gap:.0f} mm from the active end, {least:g} mm are asked for: what it does to "
                "the heat is not modelled"
            )


def _why(probe: Applicator, found: ProbeSet) -> str:
    """What of the probe must lie bare, and how far it lies from the farthest part of the lesion."""
    bare = probe.tip_mm + probe.length_mm
    return (
        f"cannula drawn back until more than the {bare:.0f} mm of the active end lies bare; the farthest "
        f"part of the lesion is {found.farthest_mm:.0f} mm from it, which says nothing of what dies"
    )


@dataclass(frozen=True)
class RadiofrequencyAblation(Ablation):
    """Current between two electrodes of one shaft, else from one electrode to a pad."""

    id: str = "rfa"
    title: str = "radiofrequency ablation"
    short: ClassVar[str] = "RFA"
    energies: ClassVar[tuple[str, ...]] = ("rf_bipolar", "rf_monopolar")


@dataclass(frozen=True)
class MicrowaveAblation(Ablation):
    """Microwaves from an antenna."""

    id: str = "mwa"
    title: str = "microwave ablation"
    short: ClassVar[str] = "microwave"
    energies: ClassVar[tuple[str, ...]] = ("microwave",)


@dataclass(frozen=True)
class LaserAblation(Ablation):
    """Light from a fibre."""

    id: str = "laser"
    title: str = "laser ablation"
    short: ClassVar[str] = "laser"
    energies: ClassVar[tuple[str, ...]] = ("laser",)


@dataclass(frozen=True)
class Cryoablation(Ablation):
    """Cold: freeze, thaw, freeze."""

    id: str = "cryoablation"
    title: str = "cryoablation"
    short: ClassVar[str] = "cryo"
    energies: ClassVar[tuple[str, ...]] = ("cold",)
    uses: ClassVar[tuple[str, ...]] = ("thermal", "cryo")

    def segments(self, probe: Applicator, inventory: Inventory) -> tuple[Segment, ...]:
        """Freeze, a thaw by itself, freeze again, with the wall as cold as the probe gets."""
        wall = None if probe.wall_degC is None else probe.wall_degC.number
        freeze = Segment(60.0 * inventory.limit("freeze_min").number, set_degC=wall)
        return freeze, Segment(60.0 * inventory.limit("thaw_min").number), freeze
