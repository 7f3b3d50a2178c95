"""What the draws say of a choice: how often each option is best, and what knowing more would be worth.

    EVPI        E[max_d B_d] - max_d E[B_d]                            B (n, D) net benefit of D options
    EVPPI(phi)  E[max_d E[B_d | phi]] - max_d E[B_d]

E[B_d | phi] is what a regression of the draws on phi leaves: polynomials of the ranks' normal scores.
Source: Strong, Oakley, Brennan 2014 (regression); Raiffa and Schlaifer 1961.
Tests: tests/analytic/test_cohort_model.py.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial.hermite_e import hermevander

from osteoplan.arrays import F64

__all__ = ["acceptability", "evpi", "evppi"]

DEGREE = 4  # of the polynomial: a share through a chain of months bends no more


def acceptability(benefit: F64) -> F64:
    """(D,) share of draws in which each option is best; those that are equal share the draw."""
    best = benefit == benefit.max(axis=1, keepdims=True)
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))


def evpi(benefit: F64) -> float:
    """Expected gain from knowing everything before choosing."""
    return _gain(benefit)


def evppi(benefit: F64, phi: F64) -> float:
    """Expected gain from knowing one input before choosing; 0 where it does not vary.

    Args:
        benefit: (n, D).
        phi: (n,) draws of the input.
    """
    from scipy.special import ndtri  # late: a plan without draws of value needs none

    if np.ptp(phi) == 0.0:
        return 0.0
    ranks = np.argsort(np.argsort(phi, kind="stable"), kind="stable")
    scores = hermevander(ndtri((ranks + 0.5) / len(phi)), DEGREE)
    apart = benefit - benefit[:, :1]  # what all share does not enter the choice
    scores /= np.sqrt((scores**2).mean(axis=0))  # nearly orthogonal: the normal equations are sound
    fitted = scores @ np.linalg.solve(scores.T @ scores, scores.T @ apart)
    return _gain(fitted)


def _gain(benefit: F64) -> float:
    """Mean of the best less the best mean; exactly 0 where one option is best in every draw."""
    best = int(benefit.mean(axis=0).argmax())
    return float((benefit.max(axis=1) - benefit[:, best]).mean())
