"""The words of the day: what a page prints of the knowledge, taken once so that it never has to ask again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from osteoplan.knowledge.applicators import stamps_of_probe
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.outcomes import outcomes
from osteoplan.knowledge.sites import bone_site
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.device import Device
from osteoplan.model.findings import Label
from osteoplan.model.plan import Option
from osteoplan.model.result import Explanation, Reading, Wordings
from osteoplan.pathway.monographs import for_patient
from osteoplan.pathway.resources import described
from osteoplan.workflow.inventory import own_probes

__all__ = ["labels", "probe_stamps", "wordings"]


def wordings(reading: Reading, explained: Explanation, options: Iterable[Option]) -> Wordings:
    """Everything that the page of a plan prints beside its answers; a plug-in may bring no card."""
    site, centre, cards = bone_site(reading.anatomy.bone), reading.case.centre, technique_cards()
    options = tuple(options)
    own = _used(options, {**devices(), **own_probes(reading.case)})
    used = dict.fromkeys(option.plan.technique for option in options)
    return Wordings(
        site="spine" if site is None else site.id,
        labels=labels(),
        outcomes=outcomes(),
        cards={id: for_patient(cards[id], explained.facts) for id in used if id in cards},
        devices=own,
        centre=described(centre) if centre.stated else (),
        probe_stamps=probe_stamps(own),
    )


def probe_stamps(known: Mapping[str, Device]) -> Mapping[str, tuple[str, ...]]:
    """What stands on every picture and table of a probe."""
    return {id: stamps_of_probe(id) for id, device in known.items() if device.kind == "probe"}


def _used(options: Iterable[Option], shelf: Mapping[str, Device]) -> Mapping[str, Device]:
    """Devices and agents that the steps name, and the wires that go with them."""
    acts = [vars(step.act) for option in options for step in option.plan.steps]
    named = {str(act[key]) for act in acts for key in ("device", "agent") if key in act}
    own = {id: device for id, device in shelf.items() if id in named}
    wires = {str(one.values["wire_device"].value) for one in own.values() if "wire_device" in one.values}
    return own | {id: device for id, device in shelf.items() if id in wires}


def labels() -> Mapping[str, Label]:
    """What facts are called."""
    return {name: Label(row.label, row.unit, row.levels) for name, row in vocabulary().items()}
