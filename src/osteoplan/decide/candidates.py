"""One candidate a technique, in the order of tiers; equals as the comparison orders them, then by name.

Beneath a combination stand those of its parts that share its tier and one of its aims: a part by itself is no
rival of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from osteoplan.knowledge.techniques import aims, technique_cards
from osteoplan.model.choice import TIER_ORDER, Candidate
from osteoplan.model.evidence import Recommendation
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option

__all__ = ["beneath", "candidates", "folded"]


def candidates(
    recommendations: Sequence[Recommendation],
    options: Sequence[Option],
    ranking: Sequence[str] = (),
    published: Mapping[str, Sequence[Estimate]] | None = None,
) -> tuple[Candidate, ...]:
    """Every technique that the rules speak of, with its ways.

    Args:
        ranking: ids of options, best first.
        published: outcomes by technique, for those without an option.
    """
    place = {id: n for n, id in enumerate(ranking)}
    found = []
    for said in recommendations:
        own = sorted(
            (o for o in options if o.plan.technique == said.technique),
            key=lambda o: place.get(o.id, len(place)),
        )
        told = own[0].outcomes if own else (published or {}).get(said.technique, ())
        found.append(Candidate(said, tuple(own), tuple(e for e in told if e.basis == "published")))
    found.sort(
        key=lambda one: (one.shut, TIER_ORDER[one.recommendation.tier], one.recommendation.title.casefold())
    )
    # those that were simulated change places among themselves alone
    at = {one.id: place[one.plan.id] for one in found if one.plan and one.plan.id in place}
    slots = [n for n, one in enumerate(found) if one.id in at]
    simulated = sorted(
        (found[n] for n in slots), key=lambda one: (TIER_ORDER[one.recommendation.tier], at[one.id])
    )
    for n, one in zip(slots, simulated, strict=True):
        found[n] = one
    return folded(found)


def folded(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates in their order, each part of a combination right beneath it."""
    order = list(found)
    for whole in [one for one in found if _parts(one.id)]:
        own = [one for one in order if beneath(one, whole)]
        order = [one for one in order if one not in own]
        at = order.index(whole) + 1
        order[at:at] = own
    return tuple(order)


def beneath(part: Candidate, whole: Candidate) -> bool:
    """Whether one is a part of the other, by the same tier and for one aim or more that both have."""
    one, two = part.recommendation, whole.recommendation
    known = aims()
    return (
        part.id in _parts(whole.id)
        and (part.shut, one.tier) == (whole.shut, two.tier)
        and bool(set(known.get(part.id, ())) & set(known.get(whole.id, ())))
    )


def _parts(id: str) -> frozenset[str]:
    card = technique_cards().get(id)
    return frozenset() if card is None else frozenset(part for group in card.parts for part in group)
