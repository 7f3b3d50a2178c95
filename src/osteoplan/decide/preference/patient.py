"""The patient's answers over the candidates that are left: who is first how often, and what would change it.

    asked     attributes on which two candidates are told apart: one better in 95 % of the paired draws
    counted   those that the answers have ranges for, whichever candidates there are today; before anybody was
              asked, and where nothing was stored, the asked ones with the range of today's figures
    compared  pair by pair, on what both have, where that carries half of the weight (``kernels.smaa``)

So another candidate moves nothing between two others.  A figure without counted events and without an
interval is not compared, nor is one of another population, nor are figures of two times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.decide.choice import alike
from osteoplan.decide.preference.smaa import SAMPLES, Acceptability, smaa
from osteoplan.decide.published_draws import published_draws
from osteoplan.knowledge.outcomes import outcome as outcome_of
from osteoplan.knowledge.preference import attributes, preference_words
from osteoplan.model.choice import Candidate
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.preference import (
    OPEN_CHOICES,
    SURE_ITEMS,
    Answers,
    Attribute,
    LeftOut,
    PreferenceResult,
    Swing,
    WouldWin,
)

__all__ = ["preference_of"]

DRAWS = 2000  # of figures; fewer of a room are repeated
BARE = "without counted patients or an interval: not compared"
NO_MORE = 1e-9  # of rounding, beyond a range
TOLD = 0.95  # share of paired draws: one end of the intervals of 90 % that the plan prints


@dataclass(eq=False)
class _Figures:
    """Figures and their draws by technique and attribute, and those without any, in words."""

    size: int
    estimates: dict[str, dict[str, Estimate]]
    draws: dict[str, dict[str, F64]]
    bare: dict[str, list[str]]

    def values(self, id: str) -> list[float]:
        """Central values of an attribute."""
        return [own[id].value for own in self.estimates.values() if id in own]

    def alike(self, one: str, other: str, id: str) -> bool:
        """Whether both have a figure of one kind and time."""
        ours, theirs = self.estimates[one].get(id), self.estimates[other].get(id)
        return ours is not None and theirs is not None and alike(ours, theirs)


def preference_of(
    candidates: Sequence[Candidate], answers: Answers | None, ensemble: Ensemble, *, samples: int = SAMPLES
) -> PreferenceResult:
    """What the answers make of the candidates that are left.

    Args:
        answers: None where nobody was asked: all weights count.
        ensemble: of the plan, so that simulated figures are compared draw by draw.
    """
    left = {one.id: one for one in candidates if one.left}
    known = attributes()
    figures = _figures(tuple(left.values()), known, Ensemble(ensemble.seed, max(ensemble.n, DRAWS)))
    out = {id: _left_out(id, figures) for id in known}
    asked = tuple(id for id in known if out[id] is None)
    stored = answers.ranges if answers else {}
    ranges = {**{id: _range(known[id], figures) for id in asked}, **stored}
    counted = tuple(sorted(stored or asked))
    if answers and answers.points:
        counted = tuple(id for id in counted if id in answers.points)
    none = np.full(figures.size, np.nan)
    drawn = [[figures.draws[id].get(name, none) for name in counted] for id in left]
    values: F64 = np.array(drawn).reshape(len(left), len(counted), figures.size)
    told = [(ranges[id].worst, ranges[id].best) for id in counted]
    ends = np.array(told).reshape(len(counted), 2)
    same = [[[figures.alike(a, b, name) for name in counted] for b in left] for a in left]
    pairs: Bool = np.array(same, dtype=bool).reshape(len(left), len(left), len(counted))
    free = smaa(values, ends, seed=ensemble.seed, names=counted, samples=samples, alike=pairs)
    found = free
    if answers and answers.kind != "you_decide":
        found = smaa(
            values, ends, seed=ensemble.seed, names=counted, samples=samples,
            points={id: answers.points[id] for id in counted if id in answers.points}, sets=answers.sets,
            alike=pairs,
        )  # fmt: skip
    options = found.rank_shares({id: one.recommendation.title for id, one in left.items()})
    made = PreferenceResult(
        answers=answers,
        asked=asked,
        attributes=known,
        ranges=ranges,
        values={id: {name: e.value for name, e in own.items()} for id, own in figures.estimates.items()},
        ends={id: {name: _ends(drawn) for name, drawn in own.items()} for id, own in figures.draws.items()},
        left_out=tuple(one for one in out.values() if one is not None),
        unasked=tuple(id for id in asked if id not in counted),
        weights=found.weights,
        fixed=found.weighing.fixed,
        order=found.weighing.order,
        options=options,
        pairs=found.pair_shares(tuple(left)),
        undecided=found.undecided,
        would_win=(),
        samples=samples,
        draws=figures.size,
    )
    behind = tuple(_would_win(n, id, made, free) for n, id in enumerate(left))
    return replace(made, would_win=behind, warnings=tuple(_warnings(made, found, figures)))


def _figures(left: Sequence[Candidate], known: Mapping[str, Attribute], ensemble: Ensemble) -> _Figures:
    """The first figure of each attribute that can be drawn from."""
    names = [one.id for one in left]
    found = _Figures(ensemble.n, {id: {} for id in names}, {id: {} for id in names}, {id: [] for id in known})
    for one, attribute in product(left, known.values()):
        own = _told(one, attribute)
        for estimate in own:
            drawn = _drawn(estimate, one.id, ensemble)
            if drawn is not None:
                found.estimates[one.id][attribute.id] = estimate
                found.draws[one.id][attribute.id] = drawn
                break
        else:
            found.bare[attribute.id] += [
                f"{one.recommendation.title}: {e.value:g} {e.unit}, {BARE}" for e in own[:1]
            ]
    return found


def _ends(drawn: F64) -> tuple[float, float]:
    low, high = np.percentile(drawn, (5.0, 95.0))  # the level of the plan's intervals
    return float(low), float(high)


def _told(one: Candidate, attribute: Attribute) -> list[Estimate]:
    """Its figures; of simulated ones the worst load case in every draw."""
    told = [
        e for e in one.outcomes
        if e.id == attribute.outcome and e.unit == attribute.unit and attribute.target in ("", e.target)
    ]  # fmt: skip
    cases = [e for e in told if e.basis == "simulated" and e.draws is not None]
    if not cases:
        return told
    worst = np.min if attribute.better == "more" else np.max
    draws = worst([e.draws for e in cases if e.draws is not None], axis=0)
    value = np.median(draws)  # what half fall short of: the nominal plan is the best case
    named = " and ".join(sorted(e.target for e in cases))
    return [replace(cases[0], target=named, value=float(value), low=None, high=None, draws=draws)]


def _drawn(estimate: Estimate, technique: str, ensemble: Ensemble) -> F64 | None:
    """(n,) draws; what a technique's card says of it is the same in all."""
    if outcome_of(estimate.id).by == ("card",):
        return np.full(ensemble.n, estimate.value)
    if estimate.draws is not None:
        return ensemble.drawn(estimate.draws)
    return published_draws(estimate, ensemble, technique)


def _left_out(id: str, figures: _Figures) -> LeftOut | None:
    """Why an attribute is not asked; None where two candidates are told apart."""
    pairs = [pair for pair in combinations(figures.draws, 2) if figures.alike(*pair, id)]
    if not pairs:
        return LeftOut(id, "no comparable evidence", tuple(figures.bare[id]))
    drawn = [(figures.draws[one][id], figures.draws[other][id]) for one, other in pairs]
    if all(np.array_equal(a, b) for a, b in drawn):
        return LeftOut(id, "same in all", tuple(figures.bare[id]))
    apart = any(max(np.mean(a > b), np.mean(b > a)) >= TOLD for a, b in drawn)
    swings = len(set(figures.values(id))) > 1
    return None if apart and swings else LeftOut(id, "not told apart", tuple(figures.bare[id]))


def _range(attribute: Attribute, figures: _Figures) -> Swing:
    """From the worst to the best of today's figures."""
    values = figures.values(attribute.id)
    worst, best = min(values), max(values)
    return Swing(worst, best) if attribute.better == "more" else Swing(best, worst)


def _would_win(n: int, id: str, made: PreferenceResult, free: Acceptability) -> WouldWin:
    """Central weights of a candidate over all weights, and which one differs most from those of now."""
    language = made.answers.language if made.answers else "en"
    words, central = preference_words(language), free.central_weights(n)
    if not central:
        # on all attributes with every other that anything is compared with
        everywhere = free.compared[n] and free.shared[n][free.compared].all()
        return WouldWin(id, 0.0, text=words.never if everywhere else words.unknown)
    most = max(central, key=lambda one: (abs(central[one] - made.weights[one]), one))
    there, here = round(100.0 * central[most]), round(100.0 * made.weights[most])
    phrase = words.more if there > here else words.less
    text = phrase.format(attribute=made.attributes[most].words[language].name, central=there, now=here)
    moved = id != made.leader and there != here
    return WouldWin(id, float(free.first[n]), central, most, text if moved else "")


def _warnings(made: PreferenceResult, found: Acceptability, figures: _Figures) -> Iterator[str]:
    answers, titles = made.answers, {one.technique: one.title for one in made.options}
    if found.weighing.contradiction:
        yield f"contradictory answers, left as they are: {found.weighing.contradiction}; all weights count"
    if answers and answers.choice not in ("", *OPEN_CHOICES, *titles):
        yield f"the patient chose {answers.choice}, which is not among what is left"
    sure = answers and (answers.sure_after or answers.sure_before)
    if answers and sure and sure.conflict:
        when = "after" if answers.sure_after else "before"
        yield f"decisional conflict {when} the page: SURE {sure.score[1]} of {len(SURE_ITEMS)} at most"
    if answers and not answers.ranges:
        yield "the answers hold no ranges: those of today's figures were taken, and another may move them"
    elif answers:
        for id in made.unasked:
            yield f"{id} differs between the options, but was not answered: it is not counted"
    for technique, own in made.values.items():
        for id in found.names:
            swing = made.ranges[id]
            if id in own and not -NO_MORE <= swing.share(own[id]) <= 1.0 + NO_MORE:
                yield (
                    f"{titles[technique]}: {id} of {own[id]:g} lies outside the range that was asked "
                    f"({swing.worst:g} to {swing.best:g}): extrapolated"
                )
    for one in made.options:
        if found.names and not one.compared:
            yield f"{one.title} shares no figure with any other: it stands beside the order"
    common = [len(pair.shared) for pair in made.pairs]
    if alone := common.count(1):
        yield (
            f"{alone} of {len(common) - common.count(0)} pairs that can be compared have one attribute in "
            "common alone: whatever else matters is not in their order"
        )
    for id in found.names:
        yield from figures.bare[id]
