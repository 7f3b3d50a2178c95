"""Weights drawn evenly from a simplex, whole or cut by an order; exactly, without rejection.

    whole     w_j = e_j / sum e, e_j standard exponential: uniform on the simplex (Dirichlet 1, ..., 1)
    order     the simplex falls into n! parts of one size, one for each order of the weights.  A partial order
              leaves the parts of its linear extensions: one of them is drawn evenly, and the sorted weights
              are dealt along it.
    extension  x is placed next, after the set S, with probability N(S + x) / N(S): N counts the ways to
              place the rest, by dynamic programming over sets

Source: Devroye 1986, chapter V (spacings).  Tests: tests/analytic/test_smaa.py.
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F64, Bool, Indices

__all__ = ["MOST", "along_order", "on_simplex"]

MOST = 16  # attributes in an order: 2^16 sets are counted


def on_simplex(exponentials: F64) -> F64:
    """(samples, n) standard exponentials -> weights that sum to 1, uniform on the simplex."""
    w: F64 = exponentials / exponentials.sum(axis=1, keepdims=True)
    return w


def along_order(weights: F64, above: Bool, u: F64) -> F64:
    """Weights uniform on the part of the simplex where the order holds.

    Args:
        weights: (samples, n) uniform on the simplex.
        above: (n, n) ``above[i, j]``: i weighs more than j; without a circle.
        u: (samples, n) uniform in (0, 1): which linear extension.
    """
    samples, n = weights.shape
    odds = _odds(above)
    sorted_down = -np.sort(-weights, axis=1)
    placed = np.zeros(samples, dtype=np.int64)
    dealt = np.empty_like(weights)
    for rank in range(n):
        chosen: Indices = (u[:, rank, None] >= odds[placed]).sum(axis=1)
        dealt[np.arange(samples), chosen] = sorted_down[:, rank]
        placed |= np.left_shift(1, chosen)
    return dealt


def _odds(above: Bool) -> F64:
    """(2^n, n) cumulated probability that 0 to i is placed next, after a set; the last is 1."""
    n = len(above)
    needs = [int(sum(1 << i for i in range(n) if above[i, j])) for j in range(n)]
    ways = np.zeros(1 << n)
    ways[-1] = 1.0
    share = np.zeros((1 << n, n))
    for placed in range((1 << n) - 2, -1, -1):
        free = [j for j in range(n) if not placed >> j & 1 and needs[j] & placed == needs[j]]
        for j in free:
            share[placed, j] = ways[placed | 1 << j]
        ways[placed] = share[placed].sum()
    cumulated: F64 = np.cumsum(share, axis=1) / np.maximum(ways, 1.0)[:, None]
    for placed in range((1 << n) - 1):  # rounding leaves no gap behind the last one that may come
        may = np.flatnonzero(share[placed])
        if len(may):
            cumulated[placed, may[-1] :] = 1.0
    return cumulated
