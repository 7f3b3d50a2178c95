"""The choice: tiers first; within one, what is told apart; the rest goes by safety, or shares a place.

Two candidates of a tier are told apart, in this order, by
    preference  the patient's answers (``decide.preference``): one is better in nearly all samples
    strength    only where nobody was asked: the paired simulated difference (``decide.compare``)
    safety      the nearest structures and the breach of two planned ways (``decide.safety``), or published
                harm that both have
A combination and a part of it go by preference alone: the part stands beneath it (``decide.candidates``).
A pair is judged by itself, on what both have: another option changes nothing between them.  No preference
moves a technique from one tier to another; where it points elsewhere, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np

from osteoplan.arrays import F64
from osteoplan.decide.candidates import beneath
from osteoplan.decide.published_draws import published_draws
from osteoplan.decide.safety import safety
from osteoplan.knowledge.outcomes import outcome as outcome_of
from osteoplan.model.choice import (
    TIER_ORDER,
    Above,
    Candidate,
    Choice,
    Dominated,
    NextQuestion,
    Placed,
)
from osteoplan.model.comparison import Comparison
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.preference import PreferenceResult

__all__ = ["MOST_QUESTIONS", "alike", "choose", "first_of", "told_better"]

MOST_QUESTIONS = 3
SURE = 0.9  # share of samples from which on two are told apart: that of the plan's intervals
# published harm that orders two ways of different kinds, in the order in which it is asked
HARM = ("nerve_injury_probability", "major_complication_probability", "complication_probability")


@dataclass(frozen=True, eq=False)
class _Tier:
    """Candidates of one tier, and what is told between every two of them."""

    members: tuple[Candidate, ...]
    above: tuple[Above, ...]


def choose(
    candidates: Sequence[Candidate],
    comparison: Comparison,
    ensemble: Ensemble,
    preference: PreferenceResult | None = None,
    questions: Iterable[NextQuestion] = (),
) -> Choice:
    """What is left, in the order in which it can be told.

    Args:
        candidates: every technique; those that are not left are not placed.
        preference: of the patient; None, or without answers, where nobody was asked.
        questions: all that would change what stands first; the most telling are kept.
    """
    left = [one for one in candidates if one.left]
    left.sort(key=_tier)
    tiers = []
    for _, members in groupby(left, key=_tier):
        group = tuple(members)
        tiers.append(_Tier(group, tuple(_pairs(group, comparison, ensemble, preference))))
    placed = tuple(one for tier in tiers for one in _placed(tier))
    best = placed[0].tier if placed else None
    dominated = [one for tier in tiers for one in _dominated(tier.members, ensemble)]
    # what is presumed holds of most patients: it is asked after what nobody knows
    told = sorted(questions, key=lambda one: (one.kind == "presumed", -one.share))[:MOST_QUESTIONS]
    return Choice(
        placed=placed,
        first=tuple(one.technique for one in placed if one.tier == best and one.place == 1),
        above=tuple(one for tier in tiers for one in tier.above),
        dominated=tuple(dominated),
        disagreements=tuple(_disagreements(candidates, tiers, comparison, preference)),
        next_questions=tuple(told),
        axes=_axes(tiers[0].members if tiers else (), ensemble),
    )


def first_of(tiers: Mapping[str, int | None], left: Iterable[str]) -> frozenset[str]:
    """Ids of the best tier among those that can be done."""
    rank = {id: TIER_ORDER[tiers.get(id)] for id in left if tiers.get(id) in (1, 2, 3)}  # type: ignore[index]
    best = min(rank.values(), default=0)
    return frozenset(id for id, tier in rank.items() if tier == best)


def told_better(one: F64, two: F64, better: str) -> float:
    """Share of the draws in which the first is better; equal draws count half."""
    sign = 1.0 if better == "more" else -1.0
    gap = sign * (one - two)
    return float(np.mean(gap > 0.0) + 0.5 * np.mean(gap == 0.0))


def _tier(one: Candidate) -> int:
    """Supportive care without a tier of its own stands with the reasonable: it is what others are held to."""
    return TIER_ORDER[one.recommendation.tier or 2]


def _pairs(
    members: Sequence[Candidate], comparison: Comparison, ensemble: Ensemble,
    preference: PreferenceResult | None,
) -> Iterator[Above]:  # fmt: skip
    asked = preference is not None and preference.answers is not None
    for one, two in combinations(members, 2):
        told = _by_preference(one, two, preference) if asked and preference else None
        if not (beneath(one, two) or beneath(two, one)):
            if told is None and not asked:
                told = _by_strength(one, two, comparison)
            told = told or _by_safety(one, two) or _by_harm(one, two, ensemble)
        if told is not None:
            yield told


def _by_preference(one: Candidate, two: Candidate, preference: PreferenceResult) -> Above | None:
    for pair in preference.pairs:
        if {pair.one, pair.other} != {one.id, two.id} or not _studied(one, two, pair.shared, preference):
            continue
        for better, worse, share in (
            (pair.one, pair.other, pair.one_wins), (pair.other, pair.one, pair.other_wins),
        ):  # fmt: skip
            if share >= SURE:
                return Above(better, worse, "preference", f"better in {100.0 * share:.0f} of 100 samples")
    return None


def _studied(one: Candidate, two: Candidate, shared: Sequence[str], preference: PreferenceResult) -> bool:
    """Whether anything that both have was simulated or published: defaults of ours alone order nobody."""
    ids = (preference.attributes[id].outcome for id in shared if id in preference.attributes)
    told = ((one.outcome(id), two.outcome(id)) for id in ids)
    return any(a and b and "design_default" not in (a.status, b.status) for a, b in told)


def _by_strength(one: Candidate, two: Candidate, comparison: Comparison) -> Above | None:
    """The simulated difference of the two ways that stand for them."""
    if one.plan is None or two.plan is None:
        return None
    ways = {one.plan.id: one, two.plan.id: two}
    sign = 1.0 if outcome_of(comparison.ranked_by).better == "more" else -1.0
    for gap in comparison.between:
        if {gap.option, gap.reference} == set(ways) and gap.supported:
            first, second = ways[gap.option], ways[gap.reference]
            better, worse = (first, second) if sign * gap.estimate.value > 0.0 else (second, first)
            size = f"{abs(gap.estimate.value):.0f} {gap.estimate.unit} more {comparison.ranked_word}"
            return Above(better.id, worse.id, "strength", size)
    return None


def _by_safety(one: Candidate, two: Candidate) -> Above | None:
    """The safer of two planned ways; nothing is told of ways whose devices were not measured."""
    if one.plan is None or two.plan is None:
        return None
    if one.plan.plan.breach is None or two.plan.plan.breach is None:
        return None
    ours, theirs = safety(one.plan), safety(two.plan)
    if ours == theirs:
        return None
    better, worse = (one, two) if ours < theirs else (two, one)
    return Above(better.id, worse.id, "safety", "breach, then the nearest structures of its way")


def _by_harm(one: Candidate, two: Candidate, ensemble: Ensemble) -> Above | None:
    """Published harm, where both have the same one and it is told apart."""
    for id in HARM:
        told = one.outcome(id), two.outcome(id)
        if told[0] is None or told[1] is None or not alike(told[0], told[1]):
            continue
        ours, theirs = _drawn(told[0], one.id, ensemble), _drawn(told[1], two.id, ensemble)
        if ours is None or theirs is None:
            continue
        share = told_better(ours, theirs, "less")
        if max(share, 1.0 - share) >= SURE:
            better, worse = (one, two) if share > 0.5 else (two, one)
            figures = " against ".join(
                f"{e.value:g} {e.unit}" for e in (told if share > 0.5 else told[::-1]) if e
            )
            return Above(
                better.id, worse.id, "safety",
                f"published {outcome_of(id).title}: {figures}, of different patients, unadjusted",
            )  # fmt: skip
    return None


def _draws(one: Candidate, id: str, ensemble: Ensemble) -> F64 | None:
    """Draws of an outcome, simulated or published; None where there are none."""
    estimate = one.outcome(id)
    if estimate is None:
        return None
    return _drawn(estimate, one.id, ensemble)


def _drawn(estimate: Estimate, technique: str, ensemble: Ensemble) -> F64 | None:
    if estimate.draws is not None:
        drawn: F64 = ensemble.drawn(estimate.draws)
        return drawn
    return published_draws(estimate, ensemble, technique)


def _placed(tier: _Tier) -> Iterator[Placed]:
    """Layer by layer: first those that nobody left is above."""
    left = list(tier.members)
    place = 1
    while left:
        ids = {one.id for one in left}
        beaten = {told.worse for told in tier.above if told.better in ids and told.worse in ids}
        free = [one for one in left if one.id not in beaten] or left  # a circle tells nothing
        yield from (Placed(one.id, one.recommendation.tier, place) for one in free)
        place += len(free)
        left = [one for one in left if one not in free]


def _shared(one: Candidate, two: Candidate) -> Iterator[tuple[str, Estimate, Estimate]]:
    """Outcomes that both have, of one kind and unit, of which more or less is better."""
    for id in dict.fromkeys(e.id for e in one.outcomes):
        ours, theirs = one.outcome(id), two.outcome(id)
        if ours is None or theirs is None or outcome_of(id).better == "neither":
            continue
        if alike(ours, theirs):
            yield id, ours, theirs


def alike(one: Estimate, two: Estimate) -> bool:
    """Of one kind, unit and time, counted in the same: neither pain at one month and at six, nor leaks of
    vertebrae and of patients are held against each other."""
    when = [e.study.months for e in (one, two) if e.study is not None and e.study.months is not None]
    same_time = len(when) < 2 or when[0] == when[1]
    counted = {e.study.of for e in (one, two) if e.study is not None and e.study.n is not None}
    return (
        same_time
        and len(counted) < 2
        and (one.unit, one.target, one.basis) == (two.unit, two.target, two.basis)
    )


def _dominated(members: Sequence[Candidate], ensemble: Ensemble) -> Iterator[Dominated]:
    for worse in members:
        for by in members:
            told = None if by is worse else _dominance(by, worse, ensemble)
            if told is not None:
                yield told
                break


def _dominance(by: Candidate, worse: Candidate, ensemble: Ensemble) -> Dominated | None:
    outcomes, better = [], []
    for id, ours, theirs in _shared(by, worse):
        way = outcome_of(id).better
        sign = 1.0 if way == "more" else -1.0
        if sign * (ours.value - theirs.value) < 0.0:
            return None
        outcomes.append(id)
        drawn = _drawn(ours, by.id, ensemble), _drawn(theirs, worse.id, ensemble)
        if drawn[0] is not None and drawn[1] is not None and told_better(drawn[0], drawn[1], way) >= SURE:
            better.append(id)
    gains = [_gain(id) for id in outcomes]
    if not better or all(gains) or not any(gains):
        return None
    return Dominated(worse.id, by.id, tuple(outcomes), tuple(better))


def _gain(id: str) -> bool:
    """Whether an outcome is what a treatment is done for; harm and burden are what it takes."""
    outcome = outcome_of(id)
    return outcome.cell == "evidence" or "mechanics" in outcome.by


def _axes(members: Sequence[Candidate], ensemble: Ensemble) -> tuple[str, ...]:
    """The two outcomes that most of a tier have with draws; none where fewer than two share them."""
    have: dict[str, int] = {}
    for one in members:
        for id in dict.fromkeys(e.id for e in one.outcomes):
            if outcome_of(id).better != "neither" and _draws(one, id, ensemble) is not None:
                have[id] = have.get(id, 0) + 1
    best = sorted((id for id, n in have.items() if n > 1), key=lambda id: -have[id])[:2]
    return tuple(best) if len(best) == 2 else ()


def _disagreements(
    candidates: Sequence[Candidate], tiers: Sequence[_Tier], comparison: Comparison,
    preference: PreferenceResult | None,
) -> Iterator[str]:  # fmt: skip
    """Where rules, simulation and preference point apart."""
    title = {one.id: one.recommendation.title for one in candidates}
    for one in candidates:
        if one.recommendation.tier == 1 and one.shut and one.options:
            why = one.options[0].reasons[0].text if one.options[0].reasons else one.options[0].told
            yield f"rules put {title[one.id]} first, but it cannot be done here: {why}"
    left = [one for tier in tiers for one in tier.members]
    place = {one.id: comparison.place(one.plan.id) for one in left if one.plan}
    best = {one.id for one in tiers[0].members} if tiers else set()
    strongest = [id for id, at in place.items() if at == 1]
    if strongest and best and not best & set(strongest):
        yield (
            f"simulated {comparison.ranked_word} is best after {', '.join(title[id] for id in strongest)}, "
            f"which the rules put below {', '.join(title[id] for id in sorted(best))}"
        )
    if preference is None or preference.answers is None:
        return
    chosen = preference.answers.choice
    first = {one.technique for one in _placed(tiers[0]) if one.place == 1} if tiers else set[str]()
    if chosen in title and chosen not in first:
        left_over = "" if chosen in {one.id for one in left} else ", which is not among what is left"
        yield (
            f"the patient chose {title[chosen]}{left_over}; "
            f"{', '.join(title[id] for id in sorted(first)) or 'nothing'} stands first"
        )
    if not preference.leader:
        return
    liked = preference.leader
    if liked in title and best and liked not in best:
        yield (
            f"the patient's answers are met best by {title[liked]}, which the rules put below "
            f"{', '.join(title[id] for id in sorted(best))}"
        )
    if strongest and liked not in strongest and place.get(liked):
        yield (
            f"the patient's answers are met best by {title[liked]}; simulated {comparison.ranked_word} is "
            f"best after {', '.join(title[id] for id in strongest)}"
        )
