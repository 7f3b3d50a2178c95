"""Combinations: of each group of a card's parts one plan, joined into one (``techniques.combination``).

An ablation is drawn anew through the needles of the stabilisation, so that one cannula serves both where a
probe can go there; else it keeps its own ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from osteoplan.decide.safety import safety
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.inventory import Inventory
from osteoplan.model.plan import Option, Plan
from osteoplan.model.result import Reading
from osteoplan.model.technique import TechniqueCard
from osteoplan.pathway.resources import refer
from osteoplan.techniques.ablation import Ablation
from osteoplan.techniques.combination import joined, needles_of
from osteoplan.techniques.protocol import Technique
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.inventory import inventory_elsewhere, inventory_for

__all__ = ["combined", "inventory_of_both"]

DONE = ("ranked", "refer_elsewhere")  # states of a plan that fits here


def combined(
    card: TechniqueCard, options: Sequence[Option], known: Mapping[str, Technique], reading: Reading,
    setting: Setting,
) -> Iterator[tuple[Plan, Inventory]]:  # fmt: skip
    """Plans of a combination, each with the limits of its parts: through one access first.

    Args:
        options: what the techniques proposed by themselves; a part that cannot be done here joins nothing.
        known: techniques by id.
    """
    own = {id: [o for o in options if o.plan.technique == id and o.status in DONE] for id in known}
    ablations = [one for id in card.parts[0] if own.get(id) and isinstance(one := known[id], Ablation)]
    held = next((own[id] for id in card.parts[1] if own.get(id)), None)
    if held is None:
        return
    # screws stand best first already; of cement alone the safest way
    stabilisation = held[0].plan if "fixation" in held[0].plan.uses else min(held, key=safety).plan
    made = [_with(one, stabilisation, own[one.id], card, reading, setting) for one in ablations]
    by_probes = sorted((n, at) for at, plans in enumerate(made) for n in range(len(plans)))
    for n, at in by_probes[: int(card.limits["plans_most"].number)]:
        yield made[at][n]


def _with(
    ablation: Ablation, stabilisation: Plan, alone: Sequence[Option], card: TechniqueCard, reading: Reading,
    setting: Setting,
) -> list[tuple[Plan, Inventory]]:  # fmt: skip
    """An ablation through the needles of a stabilisation, else by its own ways, joined with it."""
    inventory = inventory_of_both(ablation.id, stabilisation.technique, reading)
    needles = needles_of(stabilisation)
    plans = ablation.through(needles, setting.with_inventory(inventory)) if needles else ()
    return [
        (joined(card.id, one, stabilisation), inventory)
        for one in plans or tuple(option.plan for option in alone)
    ]


def inventory_of_both(ablation: str, stabilisation: str, reading: Reading) -> Inventory:
    """Devices and limits of two techniques; as others have them where this centre lacks the means."""
    one, two = (_inventory(id, reading) for id in (ablation, stabilisation))
    return replace(two, devices={**two.devices, **one.devices}, limits={**one.limits, **two.limits})


def _inventory(technique: str, reading: Reading) -> Inventory:
    elsewhere = refer(technique_cards()[technique].needs, reading.case.centre)
    return inventory_elsewhere(technique) if elsewhere else inventory_for(reading.case, technique)
