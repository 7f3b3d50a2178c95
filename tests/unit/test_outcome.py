import numpy as np
import pytest

from osteoplan.errors import OsteoplanError
from osteoplan.model.outcome import Estimate
from osteoplan.provenance import rng


def estimate(draws, value=None, id="strength_N"):
    return Estimate.from_draws(
        id, "compression", value=draws.mean() if value is None else value, draws=draws, unit="N"
    )


def test_paired_worlds_make_a_sure_difference_out_of_unsure_values():
    world = rng(1, "calibration").normal(1.0, 0.3, 400)
    before, after = estimate(1000 * world), estimate(1100 * world)
    assert before.high > after.low  # the values overlap
    gain = after.minus(before)
    assert gain.low > 0  # the gain does not
    assert after.ratio_to(before, "ratio").low == pytest.approx(110.0)


def test_an_interval_always_holds_its_value():
    skewed = estimate(np.linspace(1.0, 2.0, 50), value=2.5)
    assert skewed.low <= skewed.value <= skewed.high


def test_a_published_value_has_no_paired_difference():
    published = Estimate("pain", "pain", 60.0, None, None, "%", "published")
    with pytest.raises(OsteoplanError, match="no aligned draws"):
        published.minus(published)


@pytest.mark.parametrize(("value", "low", "high"), [(float("nan"), 0.0, 1.0), (1.0, 2.0, 1.5)])
def test_an_outcome_that_cannot_be_meant_does_not_exist(value, low, high):
    with pytest.raises(OsteoplanError):
        Estimate("strength_N", "compression", value, low, high, "N", "simulated")
