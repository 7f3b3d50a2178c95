"""Combinations: of each group of a card's parts one plan, joined into one (``techniques.combination``).

An ablation is drawn anew through the needles of the stabilisation, so that one cannula serves both where a
probe can go there and comes about as near to all of the lesion; else it keeps its own ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from osteoplan.decide.safety import safety
from osteoplan.model.inventory import Inventory
from osteoplan.model.plan import Option, Plan
from osteoplan.model.result import Reading
from osteoplan.model.technique import TechniqueCard
from osteoplan.techniques.ablation import Ablation
from osteoplan.techniques.combination import joined, needles_of
from osteoplan.techniques.probe_ways import farthest_mm
from osteoplan.techniques.protocol import Technique
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.inventory import inventory_elsewhere, inventory_for

__all__ = ["Combined", "combined"]


@dataclass(frozen=True)
class Combined:
    """A plan of two parts, what they have at hand, and why a part is for another centre."""

    plan: Plan
    inventory: Inventory
    elsewhere: tuple[str, ...]


def combined(
    card: TechniqueCard, options: Sequence[Option], known: Mapping[str, Technique], reading: Reading,
    setting: Setting,
) -> Iterator[Combined]:  # fmt: skip
    """Plans of a combination: those through one access first.

    Args:
        options: what the techniques proposed by themselves; a part that cannot be done joins nothing, and one
            that others must do joins where there is no other.
        known: techniques by id.
    """
    own = {id: _open([o for o in options if o.plan.technique == id]) for id in known}
    ablations = _nearest([id for id in card.parts[0] if isinstance(known.get(id), Ablation)], own)
    held = _nearest(card.parts[1], own)
    if not held:
        return
    # screws stand best first already; of cement alone the safest way
    first = own[held[0]][0] if "fixation" in own[held[0]][0].plan.uses else min(own[held[0]], key=safety)
    made = [_with(known[id], first, own[id], card, reading, setting) for id in ablations]
    by_probes = sorted((n, at) for at, plans in enumerate(made) for n in range(len(plans)))
    for n, at in by_probes[: int(card.limits["plans_most"].number)]:
        yield made[at][n]


def _open(options: Sequence[Option]) -> list[Option]:
    """Those that can be done here; where there are none those that others do."""
    here = [one for one in options if one.status == "ranked"]
    return here or [one for one in options if one.status == "refer_elsewhere"]


def _nearest(ids: Sequence[str], own: Mapping[str, Sequence[Option]]) -> list[str]:
    """Of techniques that have a plan those that are done here; where there are none all of them."""
    found = [id for id in ids if own.get(id)]
    return [id for id in found if own[id][0].status == "ranked"] or found


def _with(
    ablation: Technique, held: Option, alone: Sequence[Option], card: TechniqueCard, reading: Reading,
    setting: Setting,
) -> list[Combined]:  # fmt: skip
    """An ablation through the needles of a stabilisation, else by its own ways, joined with it."""
    assert isinstance(ablation, Ablation)
    one, two = _inventory(alone[0], reading), _inventory(held, reading)
    both = replace(two, devices={**two.devices, **one.devices}, limits={**one.limits, **two.limits})
    away = [o for o in (alone[0], held) if o.status == "refer_elsewhere"]
    elsewhere = tuple(dict.fromkeys(reason.text for o in away for reason in o.reasons))
    needles = needles_of(held.plan)
    here, more = setting.with_inventory(both), card.limits["shared_farther_mm"].number
    own = min(farthest_mm(option.plan, here) for option in alone)
    shared = ablation.through(needles, here) if needles else ()
    plans = [plan for plan in shared if farthest_mm(plan, here) <= own + more]
    return [
        Combined(joined(card.id, plan, held.plan), both, elsewhere)
        for plan in plans or [option.plan for option in alone]
    ]


def _inventory(option: Option, reading: Reading) -> Inventory:
    """What a part was planned with."""
    technique = option.plan.technique
    away = option.status == "refer_elsewhere"
    return inventory_elsewhere(technique) if away else inventory_for(reading.case, technique)
