"""What is not sure of a published number, sample by sample."""

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.decide.published_draws import published_draws
from osteoplan.errors import OsteoplanError
from osteoplan.knowledge.evidence import published_outcomes
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate, Study, exact_interval, limit_of_none

EVERYBODY = Ensemble(7, 4000)


def _published(id: str, value: float, unit: str, low: float | None = None, high: float | None = None,
               study: Study | None = None) -> Estimate:  # fmt: skip
    return Estimate(id, "x", value, low, high, unit, "published", level=0.95, study=study or Study())


@pytest.mark.parametrize(
    ("events", "n", "low", "high"),
    [
        (0, 25, 0.0, 13.719),  # closed form: 100 (1 - 0.025^(1/25))
        (25, 25, 86.281, 100.0),
        (5, 987, 0.1648, 1.1783),  # the sums of binomial tails below are 0.025 there
        (1, 2, 1.2579, 98.7421),  # closed form: 1 - sqrt(0.975)
        (10, 100, 4.900, 17.622),  # the usual printed example
    ],
)
def test_an_exact_interval_is_that_of_the_tables(events, n, low, high):
    assert exact_interval(events, n) == pytest.approx((low, high), abs=2e-3)


def test_an_exact_interval_ends_where_each_tail_of_the_binomial_holds_one_fortieth():
    from scipy.stats import binom

    low, high = exact_interval(5, 987)
    assert binom.sf(4, 987, low / 100.0) == pytest.approx(0.025, rel=1e-9)
    assert binom.cdf(5, 987, high / 100.0) == pytest.approx(0.025, rel=1e-9)
    assert exact_interval(0, 41)[1] == pytest.approx(limit_of_none(41), rel=1e-12)


def test_more_events_than_patients_are_refused():
    with pytest.raises(OsteoplanError, match="4 of 3 is no share"):
        exact_interval(4, 3)


def test_draws_of_counted_events_are_those_of_their_beta_distribution():
    one = _published("leak_probability_any", 56.6, "%", study=Study(113, "vertebrae", events=64))
    x = published_draws(one, EVERYBODY, "vertebroplasty")
    assert x is not None
    assert x.shape == (4000,)
    assert x.mean() == pytest.approx(100.0 * 64.5 / 114.0, abs=0.02)
    assert x.std() == pytest.approx(100.0 * np.sqrt(64.5 * 49.5 / (114.0**2 * 115.0)), rel=0.01)


def test_none_of_a_few_draws_above_zero_and_mostly_within_its_limit():
    one = _published("complication_probability", 0.0, "%", study=Study(25, events=0))
    x = published_draws(one, EVERYBODY, "cementoplasty")
    assert x is not None
    assert x.min() > 0.0
    assert np.mean(x < limit_of_none(25)) > 0.975


@pytest.mark.parametrize(
    ("id", "value", "unit", "low", "high"),
    [
        ("pain_response_probability", 60.0, "%", 50.0, 69.2308),  # symmetric on the logit scale
        ("procedure_time_min", 40.0, "min", 20.0, 80.0),
        ("pain_change_nrs", -4.0, "1", -5.0, -3.0),
        ("implant_failure_probability", 7.0, "%", 0.0, 14.0),  # an end at none: the other gives the scale
    ],
)
def test_draws_of_an_interval_have_its_middle_and_its_ends(id, value, unit, low, high):
    x = published_draws(_published(id, value, unit, low, high), EVERYBODY, "t")
    assert x is not None
    middle, end = np.percentile(x, [50.0, 97.5])
    assert middle == pytest.approx(value, rel=2e-3)
    assert end == pytest.approx(high, rel=0.02)
    if low != 0.0:
        assert np.percentile(x, 2.5) == pytest.approx(low, rel=0.02)
    if "probability" in id:
        assert 0.0 < x.min() < x.max() < 100.0


def test_a_number_alone_has_no_draws():
    assert published_draws(_published("stay_days", 2.0, "d", study=Study(13)), EVERYBODY, "t") is None
    assert published_draws(_published("pain_response_probability", 36.0, "%"), EVERYBODY, "t") is None


def test_draws_hang_on_technique_and_outcome_alone_and_more_events_are_more_in_every_draw():
    one = _published("fracture_probability", 14.0, "%", study=Study(410, events=57))
    x, again = (published_draws(one, EVERYBODY, "sbrt") for _ in range(2))
    other = published_draws(one, EVERYBODY, "radiotherapy")
    worse = published_draws(replace(one, study=Study(410, events=60)), EVERYBODY, "sbrt")
    assert x is not None
    assert np.array_equal(x, again)
    assert not np.array_equal(x, other)
    assert (worse > x).all()


def test_a_mean_with_its_spread_has_the_interval_of_the_mean():
    time = next(
        e for e in published_outcomes("cemented_screws", "prox_femur") if e.id == "procedure_time_min"
    )
    assert time.study is not None
    assert time.study.ours
    half = 2.2010 * 43.0 / np.sqrt(12.0)  # t of 11 degrees of freedom
    assert (time.low, time.high) == pytest.approx((110.0 - half, 110.0 + half), abs=0.01)
