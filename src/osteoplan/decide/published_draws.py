"""Draws of a published number: how sure a study is of it, sample by sample.

They belong to one technique and one outcome by the name of their stream, so another option, an outcome more
or another room moves none of them.  Every draw is the inverse distribution at the same stratified number in
(0, 1): an option with more events has more in every draw, so nothing gets worse by getting better.

| known | distribution |
|---|---|
| events of n | Beta(events + 1/2, n - events + 1/2), the posterior on Jeffreys' prior |
| a share and its interval | normal on the logit scale |
| a time, volume or length with its interval | log-normal |
| any other number with its interval (a change) | normal |

Source of the first: Brown, Cai and DasGupta, Stat Sci 2001;16:101 (Jeffreys intervals).
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate

__all__ = ["published_draws"]

_SHARES = {"%": 100.0, "1": 1.0}  # unit -> the whole
_POSITIVE = frozenset({"min", "d", "wk", "mo", "a", "h", "mL", "mm", "mGy", "mSv"})


def published_draws(estimate: Estimate, ensemble: Ensemble, technique: str) -> F64 | None:
    """(n,) draws of a published number in its unit; None where neither events nor an interval is known.

    The draws are those of the mean or share that a study found in its patients: what is not sure of the
    number, never how one patient differs from another.
    """
    from scipy.special import betaincinv, ndtri  # late: a plan without published draws needs none

    u = ensemble.strata("/".join(("published", technique, estimate.id)))[:, 0]
    study, whole = estimate.study, _SHARES.get(estimate.unit) if _is_share(estimate) else None
    if whole and study is not None and study.n and study.events is not None:
        x: F64 = whole * betaincinv(study.events + 0.5, study.n - study.events + 0.5, u)
        return x
    if estimate.low is None or estimate.high is None:
        return None
    value, low, high = estimate.value, estimate.low, estimate.high
    wide = 2.0 * float(ndtri(0.5 + 0.5 * estimate.level))  # of an interval, in standard deviations
    z: F64 = ndtri(u)
    if whole:
        return _on_logits(value / whole, low / whole, high / whole, wide, z, whole)
    if estimate.unit in _POSITIVE and min(value, low) > 0.0:
        lognormal: F64 = value * np.exp(z * np.log(high / low) / wide)
        return lognormal
    return value + z * (high - low) / wide


def _is_share(estimate: Estimate) -> bool:
    """A probability, or a per cent between none and all; a change of per cents is none."""
    whole = _SHARES.get(estimate.unit)
    return whole is not None and "probability" in estimate.id and 0.0 <= estimate.value <= whole


def _on_logits(value: float, low: float, high: float, wide: float, z: F64, whole: float) -> F64 | None:
    """Normal on the logit scale; an end at none or all tells no scale there, and the other one serves."""
    ends = [_logit(end) for end in (low, high) if 0.0 < end < 1.0]
    if not ends or not 0.0 < value < 1.0:
        return None
    middle = _logit(value)
    width = ends[1] - ends[0] if len(ends) == 2 else 2.0 * abs(ends[0] - middle)
    drawn: F64 = whole / (1.0 + np.exp(-(middle + z * width / wide)))
    return drawn


def _logit(share: float) -> float:
    return float(np.log(share / (1.0 - share)))
