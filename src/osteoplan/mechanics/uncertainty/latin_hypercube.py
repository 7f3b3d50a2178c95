"""Latin-hypercube samples from named random streams.

Each input has a stream of its own ("calibration", "load_direction") and n strata of equal probability.  Of
n draws every stratum holds exactly one, so the mean of a sum of functions of single inputs settles as
n^-3/2 instead of n^-1/2 (McKay 1979; Stein 1987).  Strata are matched between inputs at random.

    u = (permutation of 0..n-1 + uniform(0, 1)) / n            one column per unknown of the input

A new input does not move the others.  Draw k is the same sample in every state, option and load case that
asks for the same n; other than with independent draws, the first draws of more are not the draws of fewer.
Tests: tests/unit/test_sampling.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from osteoplan.arrays import F64, Indices
from osteoplan.model.ensemble import Ensemble

__all__ = ["cone", "log_uniform", "normal", "one_of", "strata", "uniform"]


def strata(ensemble: Ensemble, name: str, columns: int = 1) -> F64:
    """(n, columns) Latin hypercube in (0, 1) of the stream ``name`` of an ensemble of n."""
    return ensemble.strata(name, columns)


def normal(u: F64) -> F64:
    """Standard normal numbers of probabilities."""
    z: F64 = ndtri(u)
    return z


def uniform(u: F64, low: npt.ArrayLike, high: npt.ArrayLike) -> F64:
    """Numbers between ``low`` and ``high``."""
    bottom, top = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return bottom + u * (top - bottom)


def log_uniform(u: F64, low: float, high: float) -> F64:
    """Numbers between ``low`` and ``high``, both above 0, whose logarithms are uniform."""
    return np.exp(uniform(u, np.log(low), np.log(high)))


def one_of(u: F64, count: int) -> Indices:
    """Numbers 0..count-1, each as often as the others to within one."""
    return np.minimum(np.floor(u * count).astype(np.intp), count - 1)


def cone(u: F64, half_angle_deg: float) -> F64:
    """(n, 2) slopes tan(angle) (cos, sin) of directions spread evenly over the solid angle of a cone.

    Args:
        u: (n, 2) in (0, 1).
        half_angle_deg: between the cone's axis and its flank.
    """
    cosine = 1.0 - u[:, 0] * (1.0 - np.cos(np.radians(half_angle_deg)))
    slope = np.sqrt(1.0 - cosine**2) / cosine
    around = 2.0 * np.pi * u[:, 1]
    return np.stack([slope * np.cos(around), slope * np.sin(around)], axis=1)
