"""What the options left are worth to a patient like this one.

Every comparison is pairwise and over the inputs that both have; a pair is *told* only where the interval of
its incremental net benefit (quality-adjusted life where no money can be compared) leaves zero out, at every
threshold.  What is missing is told and enters nothing.  No ratio is formed: it belongs to cohorts.
Tests: tests/unit/test_value_patient.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from osteoplan.arrays import F64
from osteoplan.decide.value.bone import BoneCohort
from osteoplan.decide.value.cases import OUTCOMES, WORDS, Appraisal, Share, Utility, Variant, utility_of
from osteoplan.decide.value.curve import curve_of
from osteoplan.decide.value.information import acceptability, evpi, evppi
from osteoplan.knowledge.value import fracture_decrement, threshold_sources, thresholds
from osteoplan.knowledge.values import known, number
from osteoplan.model.centre import Centre
from osteoplan.model.certainty import Bar
from osteoplan.model.choice import Candidate
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Survival
from osteoplan.model.outcome import Estimate
from osteoplan.model.value import (
    CANNOT_SAY,
    AcceptableAt,
    PairValue,
    PriceBase,
    TechniqueValue,
    Told,
    ValueResult,
    WorthKnowing,
)

__all__ = ["value_of"]

Given = Mapping[str, Mapping[str, F64]]
MODELLED = ("metastasis", "haematological")  # kinds of lesion whose course the cohort's states describe


def value_of(
    candidates: Sequence[Candidate],
    facts: Mapping[str, object],
    survival: Survival | None,
    centre: Centre,
    ensemble: Ensemble,
    *,
    scenario: Mapping[str, float] | None = None,
    level: float = 0.9,
) -> ValueResult:
    """Value of the candidates that are left.

    Args:
        facts: checked facts: the EQ-5D profile and the region are read.
        ensemble: its n is the number of draws.
        scenario: technique -> factor on its fractures: a named scenario of the simulation.

    Raises:
        BadInput: an EQ-5D profile that is none.
    """
    curve, told = curve_of(survival, ensemble)
    utility, missing = utility_of(facts, centre)
    if curve is None:
        missing += ("survival: no curve can be drawn; give le_weeks, or what PathFx or SPRING say",)
    if facts.get("lesion_kind") not in (None, *MODELLED):
        missing += ("the model is one of metastases and of blood cancers in bone: this lesion is neither",)
    region, factors = str(facts.get("region") or ""), scenario or {}
    left = [one for one in candidates if one.left]
    cases = [Appraisal.of(one, centre, ensemble, region, factors.get(one.id, 1.0)) for one in left]
    model = None
    if curve is not None and utility is not None and not missing:
        fracture = fracture_decrement(region)
        decrements = {
            "cord": number("decrements.cord_compressed"),
            "fracture": fracture.number if fracture else 0.0,
        }
        model = _Model(BoneCohort(curve, utility.in_pain, utility.gain, decrements), utility, level)
    valued = [one for one in cases if one.response is not None] if model else []
    if model and len(valued) < 2:
        alone = "no technique has a quality-adjusted life: nothing to compare"
        for one in valued:
            title = one.candidate.recommendation.title
            alone = f"{title} alone has a quality-adjusted life: nothing to compare it with"
        missing += (alone,)
    result = ValueResult(
        techniques=tuple(_alone(one, model if one in valued else None) for one in cases),
        pairs=tuple(p for a, b in combinations(valued, 2) if model for p in _both_ways(model.pair(a, b))),
        survival=curve, missing=missing, draws=ensemble.n, level=level,
        assumptions=(*told, *_assumptions(utility, region, factors)),
        sources=tuple(_sources(cases, curve.cite if curve else ())),
    )  # fmt: skip
    sized = [one for one in valued if one.sized]
    return _chosen(result, sized, model) if model and len(sized) > 1 else result


@dataclass(frozen=True, eq=False)
class _Lived:
    """Quality-adjusted years and treatments: (n,) draws, and at the central value."""

    q: F64
    t: F64
    q0: F64
    t0: F64

    def nmb(self, threshold: float, price: float) -> tuple[F64, F64]:
        return threshold * self.q0 - price * self.t0, threshold * self.q - price * self.t


@dataclass(frozen=True, eq=False)
class _Model:
    """The course of every technique in one setting, kept by what entered."""

    setting: BoneCohort
    utility: Utility
    level: float
    kept: dict[tuple[str, Variant], _Lived] = field(default_factory=dict)

    def lived(self, case: Appraisal, variant: Variant) -> _Lived:
        key = (case.id, variant)
        if key not in self.kept:
            central = replace(self.setting, central=True)
            times = self.setting.times(case.course(variant, central=False))
            middle = central.times(case.course(variant, central=True))
            self.kept[key] = _Lived(
                self.setting.qaly(times),
                self.setting.treated(times),
                central.qaly(middle),
                central.treated(middle),
            )
        return self.kept[key]

    def drawn(
        self, id: str, target: str, value: F64, draws: F64, unit: str, because: tuple[str, ...] = ()
    ) -> Estimate:
        """An estimate of the model; what does not vary has its value as both ends."""
        return Estimate.from_draws(
            id, target, value=float(value[0]), draws=draws, unit=unit, because=because, level=self.level,
            status="design_default",
        )  # fmt: skip

    def pair(self, one: Appraisal, other: Appraisal) -> PairValue:
        """One less the other, over what both have."""
        variant, base = _shared([one, other]), _base([one, other])
        a, b = self.lived(one, variant), self.lived(other, variant)
        name = f"{one.id} less {other.id}"
        qaly = _as_sure(self.drawn("qaly", name, a.q0 - b.q0, a.q - b.q, "a"), one, other)
        cost, benefits = None, []
        if base is not None:
            x, y = one.prices[base], other.prices[base]
            cost = self.drawn("cost", name, x * a.t0 - y * b.t0, x * a.t - y * b.t, base.currency)
            for w in thresholds(base.currency):
                (a0, an), (b0, bn) = a.nmb(w, x), b.nmb(w, y)
                benefits.append(
                    _as_sure(self.drawn("nmb", name, a0 - b0, an - bn, base.currency), one, other)
                )
        told, because = _told(benefits or [qaly], one, other)
        if base is not None and not benefits:
            because = f"{because}; no threshold in {base.currency} is known".removeprefix("; ")
        return PairValue(
            one.id, other.id, qaly, cost, benefits[0] if benefits else None, told,
            "nmb" if benefits else "qaly", because, ("response", *dict(variant)), base,
        )  # fmt: skip


def _alone(case: Appraisal, model: _Model | None) -> TechniqueValue:
    """One technique by itself, over all that is known of it."""
    title, base = case.candidate.recommendation.title, next(iter(case.prices), None)
    price = case.prices[base] if base else 0.0
    qaly = nmb = cost = None
    if model is not None:
        found = model.lived(case, case.own)
        because = tuple(dict.fromkeys(key for _, share in case.shares() for key in share.estimate.because))
        qaly = _as_sure(model.drawn("qaly", case.id, found.q0, found.q, "a", because), case)
        if base:
            cost = model.drawn("cost", case.id, price * found.t0, price * found.t, base.currency, case.cites)
            for threshold in thresholds(base.currency)[:1]:
                nmb = _as_sure(model.drawn("nmb", case.id, *found.nmb(threshold, price), base.currency), case)
    elif base:
        cost = Estimate(
            "cost", case.id, price, None, None, base.currency, "published", case.cites, status="unverified"
        )
    return TechniqueValue(case.id, title, qaly, cost, nmb, base, case.missing, case.rests_on)


def _as_sure(found: Estimate, *cases: Appraisal) -> Estimate:
    """Without its interval where a study's size is not known: the rest alone would claim to be sure."""
    return found if all(case.sized for case in cases) else replace(found, low=None, high=None, draws=None)


def _both_ways(pair: PairValue) -> tuple[PairValue, PairValue]:
    """The pair, and the other less the first."""
    name = f"{pair.reference} less {pair.technique}"

    def turned(one: Estimate | None) -> Estimate | None:
        if one is None or one.draws is None or one.low is None or one.high is None:
            return one and replace(one, target=name, value=-one.value)
        return replace(one, target=name, value=-one.value, low=-one.high, high=-one.low, draws=-one.draws)

    qaly, ways = turned(pair.qaly), dict[Told, Told](better="worse", worse="better")
    assert qaly is not None
    return pair, replace(
        pair, technique=pair.reference, reference=pair.technique, qaly=qaly, cost=turned(pair.cost),
        nmb=turned(pair.nmb), told=ways.get(pair.told, CANNOT_SAY),
    )  # fmt: skip


def _told(benefits: Sequence[Estimate], one: Appraisal, other: Appraisal) -> tuple[Told, str]:
    """Whether the first is better, and if it cannot be said, why."""
    unsized = next((case.id for case in (one, other) if not case.sized), None)
    if unsized is not None:
        return CANNOT_SAY, f"how sure the relief of pain after {unsized} is was not read"
    keys = [set(case.response.estimate.because) for case in (one, other) if case.response]
    apart = "" if keys[0] & keys[1] else "from two studies that nobody compared in the same patients"
    if all(b.low is not None and b.low > 0.0 for b in benefits):
        return "better", apart
    if all(b.high is not None and b.high < 0.0 for b in benefits):
        return "worse", apart
    return CANNOT_SAY, f"the {100 * benefits[0].level:.0f} % interval holds zero"


def _shared(cases: Sequence[Appraisal]) -> Variant:
    """Events of which all have a share of known size, within the shortest of their times."""
    return tuple(
        (event, min(dict(case.own)[event] for case in cases))
        for event in OUTCOMES
        if all(event in case.events and case.events[event].draws is not None for case in cases)
    )


def _base(cases: Sequence[Appraisal]) -> PriceBase | None:
    """The first price base that all have; amounts of different bases are never mixed."""
    return next((base for base in cases[0].prices if all(base in case.prices for case in cases)), None)


def _chosen(result: ValueResult, cases: Sequence[Appraisal], model: _Model) -> ValueResult:
    """What a choice between all of them rests on, over the inputs that all have."""
    variant, base = _shared(cases), _base(cases)
    worth = thresholds(base.currency) if base else ()
    if not worth:
        base = None
    lived = [model.lived(case, variant) for case in cases]

    def benefit(threshold: float) -> F64:
        """(n, D) net benefit; quality-adjusted life alone where no money can be compared."""
        prices = [case.prices[base] if base else 0.0 for case in cases]
        rows = [one.nmb(threshold, price)[1] for one, price in zip(lived, prices, strict=True)]
        return np.stack(np.broadcast_arrays(*rows), axis=1)

    first, names = benefit(worth[0] if worth else 1.0), [case.id for case in cases]
    leading = [cases[k] for k in np.argsort(-first.mean(axis=0), kind="stable")[:2]]
    unit = base.currency if base else "QALY"
    inputs = ("response", *dict(variant))
    return replace(
        result, compared=tuple(names), inputs=inputs, leading=tuple(case.id for case in leading), base=base,
        thresholds=worth, unit=unit, perfect_information=evpi(first),
        acceptability=tuple(
            AcceptableAt(w, dict(zip(names, map(float, acceptability(benefit(w or 1.0))), strict=True)))
            for w in worth or (0.0,)
        ),
        worth=tuple(sorted(_worth(first, cases, inputs, model, unit), key=lambda one: -one.value)),
        one_at_a_time=tuple(
            sorted(_one_at_a_time(leading, variant, model, base), key=lambda one: -abs(one.high - one.low))
        ),
    )  # fmt: skip


def _entered(
    cases: Sequence[Appraisal], inputs: Sequence[str]
) -> Iterator[tuple[Appraisal, str, Share, str]]:
    for case in cases:
        for name, share in case.shares():
            if share.draws is not None and name in inputs:
                yield case, name, share, f"{WORDS[name]} after {case.candidate.recommendation.title}"


def _worth(
    benefit: F64, cases: Sequence[Appraisal], inputs: Sequence[str], model: _Model, unit: str
) -> Iterator[WorthKnowing]:
    """What knowing each input would be worth."""
    life, curve = model.setting.life_years, model.setting.curve
    if len(life) == len(benefit):
        title = f"survival ({curve.source})"
        yield WorthKnowing("survival", title, evppi(benefit, life), unit, curve.fact)
    for case, name, share, title in _entered(cases, inputs):
        assert share.draws is not None
        yield WorthKnowing(f"{case.id}/{name}", title, evppi(benefit, share.draws), unit)


def _one_at_a_time(
    pair: Sequence[Appraisal], variant: Variant, model: _Model, base: PriceBase | None
) -> Iterator[Bar]:
    """The difference between the two that lead, one input at its two ends at a time."""
    central, utility = replace(model.setting, central=True), model.utility
    tails = 0.5 - model.level / 2.0, 0.5 + model.level / 2.0

    def swing(
        input: str, title: str, setting: BoneCohort = central, given: Given | None = None, *,
        gain: F64 | None = None, fading: F64 | float = 1.0,
    ) -> Bar:  # fmt: skip
        one, other = (
            setting.times(case.course(variant, central=True, given=(given or {}).get(case.id)))
            for case in pair
        )
        gap = setting.qaly(one, gain=gain, fading=fading) - setting.qaly(other, gain=gain, fading=fading)
        if base is not None:
            spent = [
                case.prices[base] * setting.treated(times)
                for case, times in zip(pair, (one, other), strict=True)
            ]
            gap = thresholds(base.currency)[0] * gap - spent[0] + spent[1]
        low, high = np.broadcast_to(gap, 2)
        return Bar(input, title, float(low), float(high))

    curve = model.setting.curve
    if len(curve.alive) > 1:
        ends = np.argsort(model.setting.life_years)[[int(len(curve.alive) * tail) for tail in tails]]
        yield swing(
            "survival", "survival", replace(model.setting, curve=replace(curve, alive=curve.alive[ends]))
        )
    for case, name, share, title in _entered(pair, ("response", *dict(variant))):
        yield swing(
            f"{case.id}/{name}", title, given={case.id: {name: np.quantile(share.at(central=False), tails)}}
        )
    assumed = "assumption: level of pain where it is relieved"
    yield swing("pain_level_after", assumed, gain=np.array(utility.by_level))
    yield swing("value_set", "assumption: value set of EQ-5D", gain=np.array(utility.by_set))
    yield swing("fading", "assumption: the gain stays, or fades", fading=np.array([0.0, 1.0]))


def _assumptions(utility: Utility | None, region: str, scenario: Mapping[str, float]) -> Iterator[str]:
    """What was taken for granted, in sentences."""
    if utility is not None:
        yield utility.words
    events, rate = number("value_model.months_of_events"), number("value_model.discount_rate")
    full, fading = number("value_model.months_full_gain"), number("value_model.months_to_no_gain")
    yield (
        f"the gain of relief is whole for {full:g} months and fades to nothing over {fading:g} more "
        "(borrowed from kyphoplasty in osteoporotic fractures, for every technique alike)"
    )
    yield f"published events count at their own rate within their study's time, at most {events:g} months"
    if fracture_decrement(region) is None:
        yield "no decrement of a fracture here was found: it costs its pain alone"
    yield f"costs and effects are discounted at {100 * rate:g} % a year; half-cycle correction, months"
    yield "death is this patient's survival alone, in every state alike"
    yield "not counted, as no source tells it: what a fracture costs, what a complication costs or takes"
    yield from (
        f"scenario, not published: fractures after {one} times {factor:g}, as its simulated strength differs"
        for one, factor in scenario.items()
    )


def _sources(cases: Sequence[Appraisal], curve: Sequence[str]) -> Iterator[str]:
    """Citation keys, once, in order of use."""
    told = [key for case in cases for _, share in case.shares() for key in share.estimate.because]
    keys = [*(key for key in told if " " not in key), *(key for case in cases for key in case.cites)]
    keys += [key for case in cases for base in case.prices for key in threshold_sources(base.currency)]
    keys += [*curve, *known("value_model.discount_rate").cite, *known("value_model.months_full_gain").cite]
    yield from dict.fromkeys(keys)
