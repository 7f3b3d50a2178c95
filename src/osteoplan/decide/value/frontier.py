"""Strategies of a cohort by cost and effect: dominated, extendedly dominated, or on the frontier.

    ICER_k = (C_k - C_(k-1)) / (E_k - E_(k-1))     along the frontier, cheapest first

A strategy is dominated where another costs no more and does no less; extendedly where a mixture of two
others does: ratios along the frontier must rise.  The same cost and effect as one on it is no dominance.
Source: Drummond 2015, ch. 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from osteoplan.model.cohort import FrontierPlace

__all__ = ["frontier"]


def frontier(
    costs: Sequence[float], effects: Sequence[float]
) -> tuple[tuple[FrontierPlace, float | None], ...]:
    """For each strategy its standing, and its ratio to the one before it on the frontier (None of others)."""
    order = sorted(range(len(costs)), key=lambda k: (costs[k], -effects[k], k))
    standing: dict[int, FrontierPlace] = {}
    left: list[int] = []
    for k in order:
        if left and effects[k] <= effects[left[-1]]:
            standing[k] = "dominated"
            continue
        left.append(k)

    def ratio(k: int, j: int) -> float:
        return (costs[k] - costs[j]) / (effects[k] - effects[j])

    n = 1
    while n < len(left) - 1:
        if ratio(left[n], left[n - 1]) > ratio(left[n + 1], left[n]):
            standing[left.pop(n)] = "extendedly dominated"
            n = max(1, n - 1)
        else:
            n += 1
    ratios = {k: ratio(k, j) for j, k in pairwise(left)}
    twins = {(costs[k], effects[k]) for k in left}
    standing.update({k: "same cost and effect" for k in standing if (costs[k], effects[k]) in twins})
    return tuple((standing.get(k, "on the frontier"), ratios.get(k)) for k in range(len(costs)))
