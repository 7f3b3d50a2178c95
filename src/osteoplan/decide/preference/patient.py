"""The patient's answers over the candidates that are left: who is first how often, and what would change it.

    asked     attributes on which two candidates are told apart: one better in 95 % of the paired draws
    counted   those that the answers have ranges for, whichever candidates there are today; before anybody was
              asked, and where nothing was stored, the asked ones with the range of today's figures
    compared  pair by pair, on what both have, where that carries half of the weight (``kernels.smaa``)

So another candidate moves nothing between two others.  A figure without counted events and without an
interval is not compared, nor is one of another population.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from osteoplan.arrays import F64
from osteoplan.decide.preference.smaa import SAMPLES, Acceptability, smaa
from osteoplan.decide.published_draws import published_draws
from osteoplan.knowledge.outcomes import outcome as outcome_of
from osteoplan.knowledge.preference import attributes, preference_words
from osteoplan.model.choice import Candidate
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.preference import (
    Answers,
    Attribute,
    LeftOut,
    PairShare,
    PreferenceResult,
    RankShare,
    Swing,
    WouldWin,
)

__all__ = ["preference_of"]

DRAWS = 2000  # of figures; fewer of a room are repeated
BARE = "without counted patients or an interval: not compared"
TOLD = 0.95  # share of paired draws: one end of the intervals of 90 % that the plan prints


@dataclass(eq=False)
class _Figures:
    """Central values and draws by technique and attribute, and what cannot be compared, in words."""

    values: dict[str, dict[str, float]] = field(default_factory=dict)
    draws: dict[str, dict[str, F64]] = field(default_factory=dict)
    bare: dict[str, list[str]] = field(default_factory=dict)


def preference_of(
    candidates: Sequence[Candidate], answers: Answers | None, ensemble: Ensemble, *, samples: int = SAMPLES
) -> PreferenceResult:
    """What the answers make of the candidates that are left.

    Args:
        answers: None where nobody was asked: all weights count.
        ensemble: of the plan, so that simulated figures are compared draw by draw.
    """
    left = [one for one in candidates if one.left]
    known = attributes()
    figures = _figures(left, known, Ensemble(ensemble.seed, max(ensemble.n, DRAWS)))
    out = {id: _left_out(id, figures) for id in known}
    asked = tuple(id for id in known if out[id] is None)
    stored = answers.ranges if answers else {}
    ranges = {**{id: _range(known[id], figures) for id in asked}, **stored}
    counted = tuple(sorted(stored or asked))
    if answers and answers.points:
        counted = tuple(id for id in counted if id in answers.points)
    unasked = tuple(id for id in asked if id not in counted)
    found, free = _shares(left, counted, ranges, figures, answers, ensemble.seed, samples)
    names = [one.id for one in left]
    mean = found.weighing.weights.mean(axis=0) if found else ()
    weights = {id: float(weight) for id, weight in zip(counted, mean, strict=False)}
    options = _options(left, found)
    leader = options[0].technique if options and options[0].first > 0.0 else ""
    language = answers.language if answers else "en"
    return PreferenceResult(
        answers=answers,
        asked=asked,
        attributes={id: known[id] for id in (*asked, *(c for c in counted if c not in asked))},
        ranges=ranges,
        values=figures.values,
        left_out=tuple(one for one in out.values() if one is not None),
        unasked=unasked,
        weights=weights,
        fixed=bool(found and found.weighing.fixed),
        order=found.weighing.order if found else (),
        options=options,
        pairs=tuple(_pairs(names, counted, found, figures)),
        undecided=found.undecided if found else 1.0,
        would_win=tuple(_would_win(names, counted, weights, free, leader, language)),
        samples=samples,
        draws=max(ensemble.n, DRAWS),
        warnings=tuple(_warnings(left, answers, found, counted, unasked, ranges, figures)),
    )


def _figures(left: Sequence[Candidate], known: Mapping[str, Attribute], ensemble: Ensemble) -> _Figures:
    """The first figure of each attribute that can be drawn from; simulated ones by the load case of most."""
    found = _Figures()
    for attribute in known.values():
        told = {one.id: _told(one, attribute) for one in left}
        cases = Counter(e.target for own in told.values() for e in own if e.basis == "simulated")
        case = cases.most_common(1)[0][0] if cases else ""
        for one in left:
            own = [e for e in told[one.id] if e.basis != "simulated" or e.target == case]
            for estimate in own:
                drawn = _drawn(estimate, one.id, ensemble)
                if drawn is not None:
                    found.values.setdefault(one.id, {})[attribute.id] = estimate.value
                    found.draws.setdefault(one.id, {})[attribute.id] = drawn
                    break
            else:
                said = (f"{one.recommendation.title}: {e.value:g} {e.unit}, {BARE}" for e in own[:1])
                found.bare.setdefault(attribute.id, []).extend(said)
    return found


def _told(one: Candidate, attribute: Attribute) -> list[Estimate]:
    return [
        e for e in one.outcomes
        if e.id == attribute.outcome and e.unit == attribute.unit and attribute.target in ("", e.target)
    ]  # fmt: skip


def _drawn(estimate: Estimate, technique: str, ensemble: Ensemble) -> F64 | None:
    """(n,) draws; what a technique's card says of it is the same in all."""
    if outcome_of(estimate.id).by == ("card",):
        return np.full(ensemble.n, estimate.value)
    if estimate.draws is not None:
        return ensemble.drawn(estimate.draws)
    return published_draws(estimate, ensemble, technique)


def _left_out(id: str, figures: _Figures) -> LeftOut | None:
    """Why an attribute is not asked; None where two candidates are told apart."""
    drawn = [own[id] for own in figures.draws.values() if id in own]
    bare = tuple(figures.bare.get(id, ()))
    if len(drawn) < 2:
        return LeftOut(id, "no comparable evidence", bare)
    values = {own[id] for own in figures.values.values() if id in own}
    if len(values) == 1 and all(np.array_equal(one, drawn[0]) for one in drawn):
        return LeftOut(id, "same in all", bare)
    apart = any(max(np.mean(a > b), np.mean(b > a)) >= TOLD for a, b in combinations(drawn, 2))
    return None if apart and len(values) > 1 else LeftOut(id, "not told apart", bare)


def _range(attribute: Attribute, figures: _Figures) -> Swing:
    """From the worst to the best of today's figures."""
    values = [own[attribute.id] for own in figures.values.values() if attribute.id in own]
    worst, best = min(values), max(values)
    return Swing(worst, best) if attribute.better == "more" else Swing(best, worst)


def _shares(
    left: Sequence[Candidate], counted: Sequence[str], ranges: Mapping[str, Swing], figures: _Figures,
    answers: Answers | None, seed: int, samples: int,
) -> tuple[Acceptability | None, Acceptability | None]:  # fmt: skip
    """With the weights of the answers, and with all; None where nothing is counted."""
    if not counted or not left:
        return None, None
    none = np.full(DRAWS, np.nan)
    drawn = [[figures.draws.get(one.id, {}).get(id) for id in counted] for one in left]
    size = next((len(d) for row in drawn for d in row if d is not None), DRAWS)
    values = np.array([[none[:1].repeat(size) if d is None else d for d in row] for row in drawn])
    ends = [(ranges[id].worst, ranges[id].best) for id in counted]
    free = smaa(values, ends, seed=seed, names=counted, samples=samples)
    if answers is None or answers.kind == "you_decide":
        return free, free
    return smaa(
        values, ends, seed=seed, names=counted, samples=samples, points=answers.points, sets=answers.sets
    ), free


def _options(left: Sequence[Candidate], found: Acceptability | None) -> tuple[RankShare, ...]:
    """The most often first one first; what is compared with nothing last."""
    told = [
        RankShare(one.id, one.recommendation.title, 0.0, (0.0,) * len(left), compared=False) if found is None
        else RankShare(
            one.id, one.recommendation.title, float(found.first[n]), tuple(found.ranks[n].tolist()),
            bool(found.compared[n]),
        )
        for n, one in enumerate(left)
    ]  # fmt: skip
    return tuple(sorted(told, key=lambda one: (not one.compared, -one.first, one.title)))


def _pairs(
    names: Sequence[str], counted: Sequence[str], found: Acceptability | None, figures: _Figures
) -> Iterator[PairShare]:
    for (n, one), (m, other) in combinations(enumerate(names), 2):
        both = set(figures.values.get(one, {})) & set(figures.values.get(other, {}))
        shares = (float(found.over[n, m]), float(found.over[m, n])) if found else (0.0, 0.0)
        yield PairShare(one, other, *shares, tuple(id for id in counted if id in both))


def _would_win(
    names: Sequence[str], counted: Sequence[str], now: Mapping[str, float], free: Acceptability | None,
    leader: str, language: str,
) -> Iterator[WouldWin]:  # fmt: skip
    """Central weights of every candidate over all weights, and which one differs most from those of now."""
    words, known = preference_words(language), attributes()
    for n, name in enumerate(names):
        if free is None or not free.first[n] > 0.0:
            yield WouldWin(
                name, 0.0, text=words.never if free is not None and _with_all(n, free) else words.unknown
            )
            continue
        central = {id: float(weight) for id, weight in zip(counted, free.central[n], strict=True)}
        id = max(counted, key=lambda one: (abs(central[one] - now[one]), one))
        phrase = words.more if central[id] > now[id] else words.less
        told = (round(100.0 * central[id]), round(100.0 * now[id]))
        text = phrase.format(attribute=known[id].words[language].name, central=told[0], now=told[1])
        moved = name != leader and told[0] != told[1]
        yield WouldWin(name, float(free.first[n]), central, id, central[id], now[id], text if moved else "")


def _with_all(n: int, free: Acceptability) -> bool:
    """Whether one is compared on all attributes with every other that anything is compared with."""
    counted = free.central.shape[1]
    return bool(free.compared[n] and (free.shared[n] == counted)[free.compared].all())


def _warnings(
    left: Sequence[Candidate], answers: Answers | None, found: Acceptability | None, counted: Sequence[str],
    unasked: Sequence[str], ranges: Mapping[str, Swing], figures: _Figures,
) -> Iterator[str]:  # fmt: skip
    if found and found.weighing.contradiction:
        yield f"contradictory answers, left as they are: {found.weighing.contradiction}; all weights count"
    if answers and not answers.ranges:
        yield "the answers hold no ranges: those of today's figures were taken, and another may move them"
    elif answers:
        for id in unasked:
            yield f"{id} differs between the options, but was not answered: it is not counted"
    for one in left:
        own = figures.values.get(one.id, {})
        for id in counted:
            if id in own and not -1e-9 <= ranges[id].share(own[id]) <= 1.0 + 1e-9:
                swing = ranges[id]
                yield (
                    f"{one.recommendation.title}: {id} of {own[id]:g} lies outside the range that was asked "
                    f"({swing.worst:g} to {swing.best:g}): extrapolated"
                )
    for n, one in enumerate(left):
        if found and not found.compared[n]:
            yield f"{one.recommendation.title} shares no figure with any other: it stands beside the order"
    common = [int(found.shared[n, m]) for n, m in combinations(range(len(left)), 2)] if found else []
    if alone := common.count(1):
        yield (
            f"{alone} of {len(common) - common.count(0)} pairs that can be compared have one attribute in "
            "common alone: whatever else matters is not in their order"
        )
    for id in counted:
        yield from figures.bare.get(id, ())
