"""What is known of one technique, and of this patient's quality of life: the inputs of the model of value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from osteoplan.arrays import F64
from osteoplan.decide.published_draws import published_draws
from osteoplan.decide.value.bone import EVENTS, Course
from osteoplan.knowledge.value import cost_rows, eq5d_index, profile_levels, value_set, value_sets
from osteoplan.knowledge.values import known, number
from osteoplan.model.centre import Centre
from osteoplan.model.choice import Candidate
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.value import PriceBase

__all__ = ["OUTCOMES", "PROFILE", "WORDS", "Appraisal", "Share", "Utility", "Variant", "utility_of"]

PROFILE = "eq5d_5l"  # the fact of the vocabulary
RESPONSE = "pain_response_probability"
OUTCOMES = {
    "fracture": "fracture_probability", "cord": "cord_compression_probability",
    "again": "reintervention_probability", "lost": "death_probability",
}  # fmt: skip
WORDS = {
    "response": "relief of pain", "fracture": "fracture", "cord": "compression of the cord",
    "again": "a second treatment", "lost": "death from the procedure",
}  # fmt: skip
Variant = tuple[tuple[str, float], ...]  # events that enter, and the months in which they are counted


@dataclass(frozen=True)
class Utility:
    """What the patient's own profile says.

    Attributes:
        in_pain, gain: utility in pain, and what relief adds.
        by_level, by_set: the gain at the ends of two assumptions: level of pain where relieved, value set.
    """

    in_pain: float
    gain: float
    by_level: tuple[float, float]
    by_set: tuple[float, float]
    words: str


def utility_of(facts: Mapping[str, object], centre: Centre) -> tuple[Utility | None, tuple[str, ...]]:
    """Utilities from the patient's own profile, by the value set of the centre's currency; else what lacks.

    Raises:
        BadInput: a profile that is none.
    """
    told = facts.get(PROFILE)
    if not isinstance(told, int | float):
        base = known("decrements.metastasis")
        return None, (
            f"utility: the patient's EQ-5D profile ({PROFILE}) is not known; {base.number:g} ({base.cite[0]})"
            " is a bone metastasis without an event, in or out of pain: it tells nothing of relief",
        )
    profile, rule = f"{told:.0f}", known("value_model.pain_level_after")
    now, after = profile_levels(profile)[3], int(rule.number)
    chosen = value_set(next((cost.unit for cost in centre.costs.values()), ""))

    def gain(score: str, level: float | None = None) -> float:
        relieved = f"{profile[:3]}{min(now, int(level or after))}{profile[4]}"
        return eq5d_index(relieved, score) - eq5d_index(profile, score)

    by_set = [gain(one.score) for one in value_sets().values() if one.standing != "rejected"]
    standing = "" if chosen.standing == "published" else f", {chosen.standing}"
    return Utility(
        eq5d_index(profile, chosen.score), gain(chosen.score),
        (gain(chosen.score, rule.high), gain(chosen.score, rule.low)), (min(by_set), max(by_set)),
        f"utility: EQ-5D-5L {profile} by the set {chosen.title}{standing}; relieved, pain stands at level "
        f"{min(now, after)} and nothing else changes (our default)",
    ), ()  # fmt: skip


@dataclass(frozen=True, eq=False)
class Share:
    """A published share: its value, its draws (None where no size or interval is known), its time."""

    estimate: Estimate
    value: float
    draws: F64 | None
    months: float

    @classmethod
    def of(cls, estimate: Estimate, ensemble: Ensemble, technique: str, factor: float = 1.0) -> Share:
        """A share that happens ``factor`` times as often, within its study's time or the model's own."""
        scale = factor / (100.0 if estimate.unit == "%" else 1.0)
        draws, usual = published_draws(estimate, ensemble, technique), number("value_model.months_of_events")
        months = (estimate.study and estimate.study.months) or usual
        drawn = None if draws is None else np.clip(scale * draws, 0.0, 1.0)
        return cls(estimate, min(1.0, scale * estimate.value), drawn, max(1.0, months))

    def at(self, central: bool) -> F64:
        """Its draws, or its value alone."""
        return np.full(1, self.value) if central or self.draws is None else self.draws

    def within(self, share: F64, months: float) -> F64:
        """The same rate in a shorter time."""
        return np.asarray(1.0 - (1.0 - share) ** (min(months, self.months) / self.months))


@dataclass(frozen=True, eq=False)
class Appraisal:
    """One technique: what is published of it, and what it costs in each price base (the first is its own)."""

    candidate: Candidate
    response: Share | None
    events: Mapping[str, Share]
    prices: Mapping[PriceBase, float]
    cites: tuple[str, ...]

    @classmethod
    def of(
        cls, candidate: Candidate, centre: Centre, ensemble: Ensemble, region: str, factor: float
    ) -> Appraisal:
        """Read it; ``factor`` is on its fractures.  A cord is compressed in a spine alone."""

        def share(id: str, factor: float = 1.0) -> Share | None:
            told = [Share.of(e, ensemble, candidate.id, factor) for e in candidate.outcomes if e.id == id]
            # of several the first whose size is known: without one nothing can be told apart
            return next((one for one in told if one.draws is not None), told[0] if told else None)

        told = {
            event: share(id, factor if event == "fracture" else 1.0)
            for event, id in OUTCOMES.items()
            if event != "cord" or region == "spine"
        }
        events = {event: one for event, one in told.items() if one is not None}
        own, rows = centre.costs.get(candidate.id), cost_rows(candidate.id)
        if own is not None:
            base = PriceBase(own.unit, own.date[:4], of="centre")
            return cls(candidate, share(RESPONSE), events, {base: own.number}, own.cite)
        prices = {PriceBase(row.currency, row.year, row.country): row.amount for row in rows}
        return cls(candidate, share(RESPONSE), events, prices, tuple(key for row in rows for key in row.cite))

    @property
    def id(self) -> str:
        """The technique's id."""
        return self.candidate.id

    @property
    def sized(self) -> bool:
        """Whether it is known how sure its relief of pain is."""
        return self.response is not None and self.response.draws is not None

    @property
    def own(self) -> Variant:
        """Every event that it has a share of."""
        usual = number("value_model.months_of_events")
        return tuple((event, min(share.months, usual)) for event, share in self.events.items())

    def shares(self) -> Iterator[tuple[str, Share]]:
        """Relief of pain, then the events."""
        if self.response is not None:
            yield "response", self.response
        yield from self.events.items()

    def course(self, variant: Variant, *, central: bool, given: Mapping[str, F64] | None = None) -> Course:
        """Its course under the events of a variant; ``given`` replaces shares by name."""
        told = {name: (given or {}).get(name, share.at(central)) for name, share in self.shares()}
        months = dict(variant)
        events = {e: (self.events[e].within(told[e], months[e]), months[e]) for e in EVENTS if e in months}
        return Course(told["response"], events, told["lost"] if "lost" in months else np.zeros(1))

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """What it lacks, in sentences."""
        none = [WORDS[event] for event in OUTCOMES if event not in self.events and event != "cord"]
        counted = f"no published share of {', of '.join(none)}: not counted, here or against a rival"
        return (
            *(
                ()
                if self.response
                else ("no comparable evidence of relief of pain: no quality-adjusted life",)
            ),
            *((counted,) if none else ()),
            *(() if self.prices else ("no cost: none in centre.yaml, none dated here",)),
        )

    @cached_property
    def rests_on(self) -> tuple[str, ...]:
        """Its inputs, in sentences."""
        return tuple(
            f"{WORDS[name]} {100 * share.value:.3g} % ({share.estimate.because[0]})"
            for name, share in self.shares()
        )
