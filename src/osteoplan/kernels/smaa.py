"""Stochastic multicriteria acceptability: how often each option is first, as weights and values vary.

    v_ij      partial value of option i on attribute j, 0 at the worst and 1 at the best of its range
    i over k  sum of w_j (v_ij - v_kj) > 0 over the attributes j that both have, where these carry
              at least half of the weight (``QUORUM``); weights are not rescaled
    rank      of an option in a sample: 1 + how many are over it
    first     it is over every other one that shares an attribute with anything

Where every option has every attribute this is SMAA (Lahdelma, Hokkanen and Salminen 1998).  A sum that both
sides take in one order is monotone in rounding too: no option loses by getting better, and equal ones tie.
Blocks only bound the memory: every sample counts by itself.  Tests: tests/analytic/test_smaa.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from osteoplan.arrays import F64, Array, Bool

__all__ = ["Counts", "acceptability"]

QUORUM = 0.5  # what matters more is not to be settled by what matters less
BLOCK = 2048  # samples at a time: ten options on eight attributes stay in the cache


@dataclass(frozen=True, eq=False)
class Counts:
    """Shares of the samples.

    Attributes:
        first: (options,).
        ranks: (options, options) share in which option i has rank r + 1.
        over: (options, options) share in which i is over k; the rest of a pair ties.
        undecided: share in which none is first.
        central: (options, attributes) mean weights of the samples in which i is first; NaN where it never is.
        shared: (options, options, attributes) what both have.
        compared: (options,) whether it shares an attribute with any other.
    """

    first: F64
    ranks: F64
    over: F64
    undecided: float
    central: F64
    shared: Bool
    compared: Bool


def acceptability(values: F64, weights: F64, alike: Bool | None = None) -> Counts:
    """Count who is first.

    Args:
        values: (options, attributes, draws) partial values, NaN where an option has none; sample s takes draw
            s mod draws.
        weights: (samples, attributes), 0 or more, each row summing to 1.
        alike: (options, options, attributes) which figures may be held against each other; None: all.
    """
    values = np.tile(values, (1, 1, -(-BLOCK // values.shape[2])))  # a round fills a block at least
    options, attributes, draws = values.shape
    samples = len(weights)
    have: Bool = ~np.asarray(np.isnan(values).any(axis=2))
    shared: Bool = have[:, None, :] & have[None, :, :] & (True if alike is None else alike)
    others = np.any(shared, axis=2) & ~np.eye(options, dtype=bool)
    compared: Bool = np.asarray(np.any(others, axis=1))
    rivals = int(compared.sum()) - 1
    over, ranks = np.zeros((options, options)), np.zeros((options, options))
    first, central = np.zeros(options), np.zeros((options, attributes))
    for start, stop, at in _blocks(samples, draws):
        w = np.ascontiguousarray(weights[start:stop].T)
        wins = _wins(values[:, :, at : at + stop - start] * w, w, shared)
        over += wins.sum(axis=2)
        losses = wins.sum(axis=0)
        for option in np.flatnonzero(compared):
            ranks[option] += np.bincount(losses[option], minlength=options)
        led = (wins.sum(axis=1) == rivals) & compared[:, None] & (rivals > 0)
        first += led.sum(axis=1)
        central += np.einsum("os,as->oa", led.astype(np.float64), w)  # no BLAS: the same on any threads
    with np.errstate(invalid="ignore"):
        middle = central / np.where(first > 0, first, np.nan)[:, None]
    return Counts(
        first / samples, ranks / samples, over / samples, float(1.0 - first.sum() / samples), middle,
        shared, compared,
    )  # fmt: skip


def _blocks(samples: int, draws: int) -> list[tuple[int, int, int]]:
    """(first sample, behind the last one, draw of the first one) of pieces within one round of the draws."""
    found, start = [], 0
    while start < samples:
        at = start % draws
        stop = min(start + BLOCK, samples, start + draws - at)
        found.append((start, stop, at))
        start = stop
    return found


def _wins(parts: F64, weights: F64, shared: Bool) -> Bool:
    """(options, options, samples) whether one is over the other, from weighted values by attribute."""
    options, _, count = parts.shape
    wins = np.zeros((options, options, count), dtype=bool)
    sums: dict[tuple[int, bytes], Array] = {}
    for one, two in combinations(range(options), 2):
        both = shared[one, two]
        if not both.any():
            continue
        key = both.tobytes()
        for option in (one, two):
            if (option, key) not in sums:
                sums[option, key] = parts[option, both].sum(axis=0)
        mine, other = sums[one, key], sums[two, key]
        enough = True if both.all() else weights[both].sum(axis=0) >= QUORUM
        np.logical_and(mine > other, enough, out=wins[one, two])
        np.logical_and(other > mine, enough, out=wins[two, one])
    return wins
