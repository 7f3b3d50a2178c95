"""What a centre has, against what a technique cannot do without.

Only what is certain counts: a centre that did not state something may have it.
"""

from __future__ import annotations

from collections.abc import Sequence

from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.vocabulary import resources
from osteoplan.model.centre import Centre

__all__ = ["described", "lacking", "refer"]

NOT_STATED = "not stated"


def lacking(needs: Sequence[Sequence[str]], centre: Centre) -> tuple[str, ...]:
    """What the centre certainly lacks of what a technique needs, in words; empty where nothing is.

    Args:
        needs: groups of resource ids; one of each group is enough.
        centre: what was stated.
    """
    words = {name: text for rows in resources().values() for name, text in rows.items()}
    return tuple(
        " or ".join(words.get(name, name) for name in group)
        for group in needs
        if group and all(centre.has(name) is False for name in group)
    )


def refer(needs: Sequence[Sequence[str]], centre: Centre) -> tuple[str, ...]:
    """A sentence for each thing that the centre must refer for; none where it need not."""
    return tuple(f"not at this centre: {what}; refer elsewhere" for what in lacking(needs, centre))


def described(centre: Centre) -> tuple[tuple[str, str], ...]:
    """What the centre stated, key by key, in words for a report; 'not stated' where it is unknown."""
    rows = [("name", centre.name or NOT_STATED)]
    for kind, words in resources().items():
        mine = [text for name, text in words.items() if centre.has(name)]
        rows.append((kind, _listed(mine) if kind in centre.stated else NOT_STATED))
    shelf = None if centre.devices is None else [devices()[name].name for name in sorted(centre.devices)]
    rows.append(("devices", NOT_STATED if shelf is None else _listed(shelf)))
    limits = [f"{id} {name} {value:g}" for id, own in centre.limits.items() for name, value in own.items()]
    rows.append(("limits", _listed(limits) if limits else NOT_STATED))
    costs = [f"{id} {cost.value:g} {cost.unit}" for id, cost in centre.costs.items()]
    rows.append(("costs", _listed(costs) if costs else NOT_STATED))
    rows.append(("signed by", centre.signed_by or "not signed"))
    rows.append(("date", centre.date or NOT_STATED))
    return tuple(rows)


def _listed(words: Sequence[str]) -> str:
    return "; ".join(words) or "none"
