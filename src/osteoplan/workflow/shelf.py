"""What is on the shelf at this centre: devices and limits from knowledge, narrowed by ``centre.yaml``."""

from __future__ import annotations

from dataclasses import replace

from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.case import Case
from osteoplan.model.evidence import Known
from osteoplan.model.plan import Option
from osteoplan.techniques.protocol import Shelf

__all__ = ["shelf_elsewhere", "shelf_for", "shelf_of"]


def shelf_for(case: Case, technique: str) -> Shelf:
    """Devices and limits of one technique at the case's centre.

    A technique without a card (a plug-in of another package) has no limits.
    """
    whole, centre = shelf_elsewhere(technique), case.centre
    own = {
        name: _set(whole.limits[name], value, centre.date)
        for name, value in centre.limits.get(technique, {}).items()
    }
    at_hand = {
        name: device
        for name, device in whole.devices.items()
        if centre.devices is None or name in centre.devices
    }
    return Shelf(at_hand, {**whole.limits, **own})


def shelf_elsewhere(technique: str) -> Shelf:
    """Devices and limits of one technique where nobody narrows them: what a centre would be referred to."""
    card = technique_cards().get(technique)
    return Shelf(devices(), {} if card is None else card.limits)


def shelf_of(case: Case, option: Option) -> Shelf:
    """What an option that is proposed already is worked out with: it names its devices, wherever they lie."""
    technique = option.plan.technique
    if option.status == "refer_elsewhere":
        return shelf_elsewhere(technique)
    return replace(shelf_for(case, technique), devices=devices())


def _set(known: Known, value: float, date: str) -> Known:
    """A limit at the centre's own number: the source of ours does not stand for it."""
    return replace(
        known, value=value, cite=(), status="design_default", date=date or known.date, low=None, high=None,
        note="set by this centre",
    )  # fmt: skip
