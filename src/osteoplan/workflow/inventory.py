"""What is at hand at this centre: devices and limits from knowledge, narrowed by ``centre.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from osteoplan.knowledge.applicators import applicator_of, is_generic, load_applicators
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.case import Case
from osteoplan.model.centre import Centre
from osteoplan.model.device import Device
from osteoplan.model.evidence import Known
from osteoplan.model.inventory import Inventory
from osteoplan.model.result import Reading
from osteoplan.model.trajectory import Position
from osteoplan.trajectory.reach import POSITIONS
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.settings import PlanSettings

__all__ = [
    "guidances_at", "inventory_elsewhere", "inventory_for", "own_probes", "position_of", "setting_of",
]  # fmt: skip

# what a centre's guidance is called in the vocabulary -> which error it leaves
_BY_RESOURCE = {"ct": "freehand_ct", "cbct": "cbct_navigation", "fluoroscopy": "fluoroscopy"}
_WHERE_NOBODY_SAID = ("freehand_ct", "cbct_navigation")


def inventory_for(case: Case, technique: str) -> Inventory:
    """Devices and limits of one technique at the case's centre.

    A technique without a card (a plug-in of another package) has no limits.
    """
    whole, centre = inventory_elsewhere(technique), case.centre
    own = {
        name: _set(whole.limits[name], value, centre.date)
        for name, value in centre.limits.get(technique, {}).items()
    }
    at_hand = {
        name: device
        for name, device in whole.devices.items()
        if centre.devices is None or name in centre.devices
    }
    probes = own_probes(case)
    served = {applicator_of(id, probes).energy for id in probes}  # a generic probe does not stand beside them
    at_hand = {
        name: device
        for name, device in at_hand.items()
        if not (is_generic(name) and applicator_of(name).energy in served)
    }
    return Inventory(
        {**at_hand, **probes}, {**whole.limits, **own}, position_of(case), guidances_at(centre),
        centre.limits.get("ways", {}),
    )  # fmt: skip


def inventory_elsewhere(technique: str) -> Inventory:
    """Devices and limits of one technique where nobody narrows them: what a centre would be referred to."""
    card = technique_cards().get(technique)
    return Inventory(devices(), {} if card is None else card.limits)


def setting_of(reading: Reading, settings: PlanSettings | None = None) -> Setting:
    """The setting that a case is planned in: its patient, every device, the sampled patients."""
    known = inventory_elsewhere("")
    known = replace(known, devices={**known.devices, **own_probes(reading.case)})
    return Setting.of(reading.anatomy, known, (settings or PlanSettings()).ensemble)


def own_probes(case: Case) -> Mapping[str, Device]:
    """Probes that the centre's own file of applicators describes well enough to be simulated.

    Raises:
        BadInput: anything wrong with the file, or with a probe that tells its energy.
    """
    path = case.centre.applicators
    found = {} if path is None else load_applicators(path).own_probes
    for id in found:
        applicator_of(id, found)
    return found


def position_of(case: Case) -> Position | None:
    """How the patient will lie; None where the case does not say."""
    asked = case.procedure.get("position")
    return next((known for known in POSITIONS if known == asked), None)


def guidances_at(centre: Centre) -> tuple[str, ...]:
    """Ids of the guidances that a centre states, preferred first; where it states none, two common ones.

    Empty where it states that it has none of those that guide a needle.
    """
    stated = {id: centre.has(name) for name, id in _BY_RESOURCE.items()}
    if all(has is None for has in stated.values()):
        return _WHERE_NOBODY_SAID
    return tuple(id for id, has in stated.items() if has)


def _set(known: Known, value: float, date: str) -> Known:
    """A limit at the centre's own number: the source of ours does not stand for it."""
    return replace(
        known, value=value, cite=(), status="design_default", date=date or known.date, low=None, high=None,
        note="set by this centre",
    )  # fmt: skip
