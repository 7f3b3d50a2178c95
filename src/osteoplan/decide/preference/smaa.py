"""SMAA of any problem, from arrays: how often each option is first over weights and values that are not sure.

found = smaa([[70, 4], [55, 1]], [(30, 80), (10, 0)], seed=1)
found.first, found.undecided                      # share of 100 000 weights
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64
from osteoplan.decide.preference.weights import Weighing, weigh
from osteoplan.errors import BadInput
from osteoplan.kernels.smaa import Counts, acceptability
from osteoplan.model.preference import BestWorst

__all__ = ["SAMPLES", "Acceptability", "partial_values", "smaa"]

SAMPLES = 100_000  # weights: a share of them is known to 0.2 %


@dataclass(frozen=True, eq=False)
class Acceptability(Counts):
    """The shares, and the weights behind them."""

    weighing: Weighing


def smaa(
    values: npt.ArrayLike,
    ranges: npt.ArrayLike,
    *,
    seed: int,
    names: Sequence[str] | None = None,
    points: Mapping[str, float] | None = None,
    sets: Sequence[BestWorst] = (),
    samples: int = SAMPLES,
) -> Acceptability:
    """How often each option is first, over all weights that the answers leave.

    Args:
        values: (options, attributes) or (options, attributes, draws) in the attributes' units; NaN where an
            option has no figure: then it is compared on the others alone, pair by pair.
        ranges: (attributes, 2): the worst and the best, in units.  Values are linear between and beyond.
        names: of the attributes; "0", "1" ... where left out.
        points, sets: as in ``weigh``; neither: all weights.

    Raises:
        BadInput: shapes that do not fit, a range without width, points below 0, no samples.
    """
    given, ends = np.asarray(values, dtype=np.float64), np.asarray(ranges, dtype=np.float64)
    given = given[:, :, None] if given.ndim == 2 else given
    if given.ndim != 3 or not given.size or ends.shape != (given.shape[1], 2):
        raise BadInput(
            f"values of shape {given.shape} with ranges of shape {ends.shape}: values are (options, "
            "attributes) or (options, attributes, draws), ranges (attributes, 2)"
        )
    called = tuple(names) if names is not None else tuple(str(n) for n in range(len(ends)))
    if len(set(called)) != len(ends):
        raise BadInput(f"{len(ends)} attributes need as many names, each its own")
    flat = [name for name, (worst, best) in zip(called, ends, strict=True) if not abs(best - worst) > 0.0]
    if flat or np.isinf(given).any() or np.isinf(ends).any():
        raise BadInput(f"{', '.join(flat) or 'a value'}: a range has two ends that differ, all are finite")
    if samples < 1 or any(not 0.0 <= value < np.inf for value in (points or {}).values()):
        raise BadInput("samples are 1 or more, points 0 or more")
    weighing = weigh(called, seed=seed, samples=samples, points=points, sets=sets)
    return Acceptability(
        **vars(acceptability(partial_values(given, ends), weighing.weights)), weighing=weighing
    )


def partial_values(values: F64, ranges: F64) -> F64:
    """(options, attributes, draws) in units -> 0 at the worst, 1 at the best, linear beyond both."""
    worst, best = ranges[:, 0, None], ranges[:, 1, None]
    shares: F64 = (values - worst) / (best - worst)
    return shares
