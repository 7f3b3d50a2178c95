"""What an option is worth: quality-adjusted life, cost, net benefit, and which fact would be worth getting.

All of it is what is expected over patients like this one, never what will happen to this one; an
incremental ratio belongs to cohorts and stands in none of these nouns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from osteoplan.arrays import F64
from osteoplan.model.certainty import Bar
from osteoplan.model.outcome import Estimate

__all__ = [
    "CANNOT_SAY", "AcceptableAt", "PairValue", "PriceBase", "SurvivalCurve", "TechniqueValue",
    "Told", "ValueResult", "WorthKnowing", "of_draws",
]  # fmt: skip

Told = Literal["better", "worse", "cannot say"]
CANNOT_SAY: Told = "cannot say"


@dataclass(frozen=True)
class PriceBase:
    """What money is meant: amounts of different bases are never mixed or converted.

    Attributes:
        currency: ISO 4217.
        year, country: empty where not stated.
        of: ``centre`` where the centre gave it, else ``published``.
    """

    currency: str
    year: str = ""
    country: str = ""
    of: Literal["centre", "published"] = "published"

    @property
    def words(self) -> str:
        """*USD of 2014, United States*."""
        year = f" of {self.year}" if self.year else ""
        place = "this centre" if self.of == "centre" else self.country
        return f"{self.currency}{year}" + (f", {place}" if place else "")


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """This patient's survival, as the death transition reads it.

    Attributes:
        source: who gave it, in words.
        months: (k,) times of the points, rising.
        alive: (n, k) share alive at each point, one row a draw.
        value: (k,) the same at the central value.
        fact: of the vocabulary that gave it, e.g. ``le_weeks``.
    """

    source: str
    months: F64
    alive: F64 = field(repr=False)
    value: F64 = field(repr=False)
    fact: str = ""
    cite: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TechniqueValue:
    """One technique by itself, over all that is known of it.

    Attributes:
        qaly: quality-adjusted life [a], discounted; None where something it needs is missing.
        cost: in its own price base, the first that it has; None where no cost is known.
        nmb: threshold x qaly - cost, at the lowest threshold of that base.
        missing: what it lacks, in sentences; what is missing enters no comparison.
        rests_on: inputs that entered, with their sources, in sentences.
    """

    technique: str
    title: str
    qaly: Estimate | None
    cost: Estimate | None
    nmb: Estimate | None
    base: PriceBase | None = None
    missing: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PairValue:
    """One technique less another, over the inputs that both have.

    Attributes:
        qaly: difference [a], paired draw by draw.
        cost, nmb: None where the two have no price base in common, or that base has no threshold.
        told: whether the first is better; *cannot say* where the interval holds zero.
        by: what told it: ``nmb``, or ``qaly`` where no money can be compared.
        because: why it cannot be said, or what it rests on.
        inputs: outcomes that both have and that entered.
    """

    technique: str
    reference: str
    qaly: Estimate
    cost: Estimate | None
    nmb: Estimate | None
    told: Told
    by: Literal["nmb", "qaly"]
    because: str = ""
    inputs: tuple[str, ...] = ()
    base: PriceBase | None = None


@dataclass(frozen=True)
class AcceptableAt:
    """Share of draws in which each technique has the highest net benefit, at one threshold."""

    threshold: float
    shares: Mapping[str, float]


def of_draws(share: float, draws: int) -> str:
    """*55 %*; never 0 or 100: none of n draws may yet be 3 in n (95 %); no less than 0.1 % is told."""
    per_cent, least = 100.0 * share, max(0.1, 300.0 / max(draws, 1))
    if per_cent < least:
        return f"under {least:.2g} %"
    if per_cent > 100.0 - least:
        return f"over {100.0 - least:.3g} %"
    return f"{per_cent:.{0 if 1.0 <= per_cent <= 99.0 else 1}f} %"


@dataclass(frozen=True)
class WorthKnowing:
    """Expected gain from knowing one input perfectly before choosing.

    Attributes:
        input: its id; fact: of the vocabulary that would settle it, empty where only a study would.
        value: in ``unit``: QALY, or money where all compared share a price base and a threshold.
    """

    input: str
    title: str
    value: float
    unit: str
    fact: str = ""


@dataclass(frozen=True, eq=False)
class ValueResult:
    """Value of the options left.

    Attributes:
        compared: techniques whose quality-adjusted life is known; between them acceptability, worth and
            one_at_a_time are told, over the inputs that all of them have (``inputs``).
        leading: the two with the highest expected net benefit (or QALY).
        one_at_a_time: what each input alone makes of the difference of these two, in ``unit``, widest first.
        base, thresholds: of the compared; None and empty where no money can be compared.
        perfect_information: expected gain from knowing everything, in ``unit``.
        missing: what the whole section lacks, in sentences.
        draws: how many were drawn.
    """

    techniques: tuple[TechniqueValue, ...] = ()
    pairs: tuple[PairValue, ...] = ()
    compared: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    leading: tuple[str, ...] = ()
    base: PriceBase | None = None
    thresholds: tuple[float, ...] = ()
    unit: str = "QALY"
    acceptability: tuple[AcceptableAt, ...] = ()
    perfect_information: float | None = None
    worth: tuple[WorthKnowing, ...] = ()
    one_at_a_time: tuple[Bar, ...] = ()
    survival: SurvivalCurve | None = None
    missing: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    draws: int = 0
    level: float = 0.9

    def of(self, technique: str) -> TechniqueValue | None:
        """What one technique is worth; None where it is not among the options left."""
        return next((one for one in self.techniques if one.technique == technique), None)

    def pair(self, one: str, other: str) -> PairValue | None:
        """The first against the other, as it stands; None where they cannot be compared that way round."""
        return next((p for p in self.pairs if (p.technique, p.reference) == (one, other)), None)
