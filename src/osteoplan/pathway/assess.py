"""What the rules make of every technique that could be compared: ranked, excluded, warned of, or still open.

    recommendations(verdicts, facts)     # every technique that this region allows, comparators always

Rules outrank one another by the order of their blocks.  Nothing is dropped: an excluded technique stays with
the rule that excludes it, and rules that point opposite ways on one technique stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Conflict, Effect, Recommendation, RecommendationStatus, Verdict
from osteoplan.model.technique import TechniqueCard
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.monographs import applies
from osteoplan.pathway.resources import refer
from osteoplan.pathway.rules import blocking, forbidding

__all__ = ["conflicts", "line_of_therapy", "recommendations"]

_LINES = ("first", "second", "third")


def recommendations(
    verdicts: Sequence[Verdict], facts: Facts, centre: Centre | None = None
) -> tuple[Recommendation, ...]:
    """Every technique of the comparison set, those that can be ranked first; equals share a rank.

    Args:
        verdicts: what the rules say, in order of precedence.
        facts: of the patient; a technique for another region is no part of the set.
        centre: what the centre has; what it lacks is *refer_elsewhere*, never hidden.
    """
    stops = blocking(verdicts)
    found = [
        _recommendation(card, verdicts, centre)
        for card in technique_cards().values()
        if card.kind == "comparator" or applies(card, facts) is not False
    ]
    order = list(dict.fromkeys(verdict.block for verdict in verdicts))
    block = {verdict.rule: order.index(verdict.block) for verdict in verdicts}
    keys = {one.technique: (_place(one), *_strength(one, block)) for one in found}
    found.sort(key=lambda one: (keys[one.technique], one.title))
    if stops:
        return tuple(found)
    return tuple(replace(one, rank=_rank(one, keys)) if _place(one) == 0 else one for one in found)


def conflicts(recommendations: Iterable[Recommendation]) -> tuple[Conflict, ...]:
    """Techniques that one true rule supports and another excludes or warns of."""
    return tuple(
        Conflict(one.technique, one.title, (*one.prefer, *one.consider), (*one.exclude, *one.warn))
        for one in recommendations
        if (one.prefer or one.consider) and (one.exclude or one.warn)
    )


def line_of_therapy(verdicts: Iterable[Verdict]) -> dict[str, tuple[bool | None, tuple[str, ...]]]:
    """For the first, second and third line: whether a rule for it is true, and the rules that say so.

    Unknown (None) where none is true and one is undetermined.
    """
    said: dict[str, list[Verdict]] = {line: [] for line in _LINES}
    for verdict in verdicts:
        if verdict.line:
            said[verdict.line].append(verdict)
    found: dict[str, tuple[bool | None, tuple[str, ...]]] = {}
    for line, rules in said.items():
        true = tuple(verdict.rule for verdict in rules if verdict.truth is True)
        unknown = tuple(verdict.rule for verdict in rules if verdict.truth is None)
        found[line] = (True, true) if true else (None, unknown) if unknown else (False, ())
    return found


def _recommendation(
    card: TechniqueCard, verdicts: Sequence[Verdict], centre: Centre | None
) -> Recommendation:
    about = [verdict for verdict in verdicts if {card.id, *card.uses} & set(verdict.techniques)]

    def true(effect: Effect) -> tuple[str, ...]:
        return tuple(verdict.rule for verdict in about if verdict.effect == effect and verdict.truth is True)

    elsewhere = () if centre is None else refer(card.needs, centre)
    status, reasons = _status(card, forbidding(verdicts, card.id, card.uses), elsewhere)
    return Recommendation(
        card.id, card.title, card.kind, card.family, status, None,
        prefer=true("prefer"), consider=true("consider"), warn=true("warn"), require=true("require"),
        exclude=true("exclude"),
        open=tuple(verdict.rule for verdict in about if verdict.truth is None),
        reasons=reasons,
    )  # fmt: skip


def _status(
    card: TechniqueCard, forbidden: Sequence[Verdict], elsewhere: tuple[str, ...]
) -> tuple[RecommendationStatus, tuple[str, ...]]:
    stops, excluding = blocking(forbidden), [rule for rule in forbidden if rule.effect == "exclude"]
    if card.kind == "comparator":
        return "comparator", (*_told(excluding), *elsewhere)
    if forbidden:
        return "excluded_by_rule", _told(stops or excluding)
    return ("refer_elsewhere", elsewhere) if elsewhere else ("ranked", ())


def _told(rules: Iterable[Verdict]) -> tuple[str, ...]:
    return tuple(f"{rule.rule}: {rule.text}" for rule in rules)


def _place(one: Recommendation) -> int:
    """What can be ranked before what cannot."""
    rankable = one.status == "ranked" or (one.status == "comparator" and not one.exclude)
    return 0 if rankable else 1


def _strength(one: Recommendation, block: Mapping[str, int]) -> tuple[int, int, int, int, int]:
    """What ranks before what, smaller first.

    Preferred before considered before neither; then the block of the strongest support; then more rules that
    prefer; then fewer warnings and gates; then more rules that consider.
    """
    support = one.prefer or one.consider
    kind = 0 if one.prefer else 1 if one.consider else 2
    first = min((block[rule] for rule in support), default=len(block))
    return kind, first, -len(one.prefer), len(one.warn) + len(one.require), -len(one.consider)


def _rank(one: Recommendation, keys: Mapping[str, tuple[int, ...]]) -> int:
    """One more than the number of techniques for which the rules say more."""
    return 1 + sum(key < keys[one.technique] for key in keys.values())
