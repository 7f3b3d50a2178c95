"""The words of the day: what a page prints of the knowledge, taken once so that it never has to ask again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.outcomes import outcomes
from osteoplan.knowledge.sites import bone_site
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.findings import Label
from osteoplan.model.plan import Option
from osteoplan.model.result import Explanation, Reading, Wordings
from osteoplan.pathway.monographs import for_patient
from osteoplan.pathway.resources import described

__all__ = ["labels", "wordings"]


def wordings(reading: Reading, explained: Explanation, options: Iterable[Option]) -> Wordings:
    """Everything that the page of a plan prints beside its answers; a plug-in may bring no card."""
    site, centre, cards = bone_site(reading.anatomy.bone), reading.case.centre, technique_cards()
    used = dict.fromkeys(option.plan.technique for option in options)
    return Wordings(
        site="spine" if site is None else site.id,
        labels=labels(),
        outcomes=outcomes(),
        cards={id: for_patient(cards[id], explained.facts) for id in used if id in cards},
        devices=devices(),
        centre=described(centre) if centre.stated else (),
    )


def labels() -> Mapping[str, Label]:
    """What facts are called."""
    return {name: Label(row.label, row.unit, row.levels) for name, row in vocabulary().items()}
