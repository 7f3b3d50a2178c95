"""What is predicted (an outcome), and a prediction of it: value, interval, basis, and the draws behind it.

Draw k is the same patient and the same hand in every option and room (``model.ensemble``), so a difference
between two options is taken draw by draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from osteoplan.arrays import F64, Array
from osteoplan.errors import OsteoplanError
from osteoplan.model.ensemble import Ensemble

__all__ = [
    "Basis", "Certainty", "Design", "Estimate", "Outcome", "Study", "exact_interval", "limit_of_none",
    "none_or_all", "pooled",
]  # fmt: skip

Basis = Literal["simulated", "published", "elicited"]
Design = Literal["", "randomised", "cohort", "registry", "pooled", "series", "model"]
Certainty = Literal["", "high", "moderate", "low", "very low"]


@dataclass(frozen=True)
class Outcome:
    """What can be predicted of an option or a bone.

    Attributes:
        short_title: one or two words, for the head of a column.
        units: of its estimates; several where forces and moments, or shares and per cents, share it.
        better: whether more or less of it is better; ``neither`` cannot rank.
        by: rooms that compute it, and ``published`` where studies tell it.
        format: ``per_cent`` prints a share of 1 in per cent.
        cell: of the first page's table where a published one stands; the first listed comes first.
        levels: words of its values 0, 1, 2 ..., where it is a level and no number.
    """

    id: str
    title: str
    short_title: str
    units: tuple[str, ...]
    better: Literal["more", "less", "neither"]
    by: tuple[str, ...]
    format: Literal["number", "per_cent"] = "number"
    cell: Literal["", "evidence", "risk", "burden"] = ""
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """What a published number rests on.

    Attributes:
        n, of: how many of what it counts; None where what was read does not say.
        population: why it tells of other patients or of another procedure; never compared, always told.
        against: what the other arm of the same trial had, told with the number.
        tag: how the source was read (``knowledge.load.Cited``).
        events: how many of the n had it, of a share; None where that was not printed and does not follow.
        months: after the procedure; None where no time was told.
        followed: how many of the n were still there at that time.
        design: ``pooled`` is a review or meta-analysis; "" where it was not told.
        grade: of a complication, in the source's words or by its scale; "" where it gave none.
        sites, kinds, primaries, intent: which bones, lesions (``lesion_kind``) and tumours these were, with
            which aim; empty where it was not told or everything was taken together.
        ours: the interval is not the source's but our arithmetic: exact of a share, t of a printed spread.
        certainty, certainty_because: of the number, by the rule of ``data/certainty``; "" without a design.
        distance: in what these patients differ from this one, or may; ``apart`` counts it
            (``decide.outcomes``), None where nobody compared them.
    """

    n: int | None = None
    of: str = "patients"
    population: str = ""
    against: str = ""
    tag: str = ""
    events: int | None = None
    months: float | None = None
    followed: int | None = None
    design: Design = ""
    grade: str = ""
    sites: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    primaries: tuple[str, ...] = ()
    intent: str = ""
    ours: bool = False
    certainty: Certainty = ""
    certainty_because: tuple[str, ...] = ()
    distance: tuple[str, ...] = ()
    apart: int | None = None


def exact_interval(events: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval [%] of ``events`` of n.  Source: Clopper and Pearson, Biometrika 1934;26:404.

    Raises:
        OsteoplanError: more events than n, or fewer than none.
    """
    from scipy.special import betaincinv  # late: the model loads without scipy

    if not 0 <= events <= n or n < 1:
        raise OsteoplanError(f"{events} of {n} is no share: give 0 <= events <= n, n at least 1")
    tail = 0.5 * (1.0 - level)
    low = 0.0 if events == 0 else 100.0 * float(betaincinv(events, n - events + 1, tail))
    high = 100.0 if events == n else 100.0 * float(betaincinv(events + 1, n - events, 1.0 - tail))
    return low, high


def limit_of_none(n: int) -> float:
    """Upper end [%] of the exact two-sided 95 % interval of 0 of n.  Source: Clopper and Pearson 1934."""
    return 100.0 * (1.0 - math.exp(math.log(0.025) / n))


def none_or_all(value: float | str | None, unit: str, n: int | None, of: str = "patients") -> str:
    """*0 of 25 patients, upper 95 % limit 14 %*, or all of them; empty of any other number."""
    if unit != "%" or value not in (0.0, 100.0):
        return ""
    if n is None:
        return f"{'all' if value else 'none'}, of how many is not stated"
    limit = limit_of_none(n)
    if value:
        return f"{n} of {n} {of}, lower 95 % limit {100.0 - limit:.0f} %"
    return f"0 of {n} {of}, upper 95 % limit {limit:.0f} %"


@dataclass(frozen=True, eq=False)
class Estimate:
    """One outcome, predicted.

    Attributes:
        id: e.g. ``strength_N``; ``knowledge.outcomes`` lists them.
        target: load case or structure that the outcome is for (``for`` in plan.json).
        value, low, high: central value and interval at ``level``; low and high None where no interval is
            known.
        unit: UCUM-like symbol of ``units``.
        basis: simulated, published or elicited.
        because: what it rests on, in sentences or citation keys.
        draws: (n,) aligned samples, or None for a published value.
        status: review status of the facts it rests on.
        one_at_a_time: values with one input at a time at its ends, by the input's id.
        study: what a published value rests on; None of any other.
        criterion: of a strength: when the bone counts as failed, in words; empty for anything else.
        beside: the same outcome by the other load cases that were solved, by their titles; the interval then
            holds what lies between them too.
    """

    id: str
    target: str
    value: float
    low: float | None
    high: float | None
    unit: str
    basis: Basis
    because: tuple[str, ...] = ()
    level: float = 0.9
    draws: F64 | None = field(default=None, repr=False)
    status: str = "verified"
    one_at_a_time: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
    study: Study | None = None
    criterion: str = ""
    beside: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = [x for x in (self.value, self.low, self.high) if x is not None]
        if not np.isfinite(numbers).all():
            raise OsteoplanError(f"outcome {self.id} for {self.target} is not finite: {numbers}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise OsteoplanError(f"outcome {self.id}: low {self.low} is above high {self.high}")

    @classmethod
    def from_draws(
        cls,
        id: str,
        target: str,
        *,
        value: float,
        draws: F64,
        unit: str,
        because: tuple[str, ...] = (),
        level: float = 0.9,
        status: str = "verified",
        ensemble: Ensemble | None = None,
        criterion: str = "",
    ) -> Estimate:
        """Simulated outcome whose interval is the central ``level`` of the draws (and holds the value).

        Args:
            draws: (m,) samples; all of them give the interval.
            ensemble: of the plan, where the room drew more or fewer than it has: its own n draws are kept.
        """
        tail = 50.0 * (1.0 - level)
        low, high = np.percentile(draws, [tail, 100.0 - tail])
        kept = np.asarray(draws if ensemble is None else ensemble.drawn(draws), dtype=np.float64)
        return cls(
            id, target, float(value), min(float(low), float(value)), max(float(high), float(value)), unit,
            "simulated", because, level, kept, status, criterion=criterion,
        )  # fmt: skip

    @classmethod
    def of_geometry(
        cls,
        id: str,
        target: str,
        value: float,
        unit: str,
        ensemble: Ensemble,
        *,
        draws: Array | None = None,
        because: tuple[str, ...] = ("geometry of the plan",),
        status: str = "verified",
    ) -> Estimate:
        """A number of the plan as drawn, told without an interval.

        Args:
            draws: (m,) what it is under the hands that stray; None where it is the same in every draw.
        """
        kept = ensemble.drawn(np.full(1, value) if draws is None else draws).astype(np.float64)
        return cls(id, target, value, None, None, unit, "simulated", because, draws=kept, status=status)

    def ratio_to(self, other: Estimate, id: str, *, unit: str = "%") -> Estimate:
        """This over the other, in per cent, paired draw by draw."""
        ours, theirs = _aligned(self, other)
        found = Estimate.from_draws(
            id, self.target, value=100.0 * self.value / other.value, draws=100.0 * ours / theirs, unit=unit,
            because=self.because, level=self.level, status=self.status, criterion=self.criterion,
        )  # fmt: skip
        return replace(found, one_at_a_time=_paired(self, other, lambda a, b: 100.0 * a / b))

    def minus(self, other: Estimate, id: str | None = None) -> Estimate:
        """This less the other, paired draw by draw."""
        ours, theirs = _aligned(self, other)
        found = Estimate.from_draws(
            id or self.id, self.target, value=self.value - other.value, draws=ours - theirs, unit=self.unit,
            because=self.because, level=self.level, status=self.status, criterion=self.criterion,
        )  # fmt: skip
        return replace(found, one_at_a_time=_paired(self, other, lambda a, b: a - b))


def pooled(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """Interval of several ways to tell one thing, each as likely: of all their draws, and every value.

    Raises:
        OsteoplanError: one of them has no draws.
    """
    first, *_ = estimates
    if any(one.draws is None for one in estimates):
        raise OsteoplanError(f"{first.id} has no draws: nothing can be pooled")
    tail = 50.0 * (1.0 - first.level)
    low, high = np.percentile(np.concatenate([one.draws for one in estimates]), [tail, 100.0 - tail])
    values = [one.value for one in estimates]
    return min(float(low), *values), max(float(high), *values)


def _paired(
    one: Estimate, two: Estimate, join: Callable[[float, float], float]
) -> dict[str, tuple[float, ...]]:
    """Swings of both, end by end; an input that one of them does not have leaves that one at its value."""
    found = {}
    for input in {**one.one_at_a_time, **two.one_at_a_time}:
        count = len(one.one_at_a_time.get(input) or two.one_at_a_time[input])
        a = one.one_at_a_time.get(input, (one.value,) * count)
        b = two.one_at_a_time.get(input, (two.value,) * count)
        found[input] = tuple(join(x, y) for x, y in zip(a, b, strict=True))
    return found


def _aligned(one: Estimate, two: Estimate) -> tuple[F64, F64]:
    """Draws of both, which must come from the same samples."""
    if one.draws is None or two.draws is None or one.draws.shape != two.draws.shape:
        raise OsteoplanError(
            f"{one.id} and {two.id} have no aligned draws: a difference between them has no interval"
        )
    return one.draws, two.draws
