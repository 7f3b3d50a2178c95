"""Fewest columns that cover all points, some pairs of them excluded: set cover with conflicts.

    minimise    sum_{j chosen} c_j + (1/worth) sum_{i bare} w_i       w sums to 1
    subject to  no two chosen are in conflict
                at most ``at_most`` are chosen
                where two chained ones are chosen, each has another chosen one near

Greedy choices with swaps, and all choices of two columns at most by one matrix product; the best is taken.
What three or more columns could cost at least is bounded by what the k best bring alone, so that a choice of
one or two is proven as a rule, and of the others a gap is told.  No chance and no clock are in it.  A solver
looked on for 20 s and found none better: ``docs/decisions/0011``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from osteoplan.arrays import F32, F64, Bool, Indices

__all__ = ["SetCover", "Solution", "greedy", "solve"]

SAME = 1e-4  # of the objective, within which a bound proves it
TOLERANCE = 1e-6  # of the objective, below which two values are the same
STARTS = 16  # greedy choices, each beginning with another one of the best columns


@dataclass(frozen=True, eq=False)
class SetCover:
    """A problem.

    Attributes:
        covers: (points, columns), which column covers which point.
        weights: (points,) share of each point in the whole; they sum to 1.
        costs: (columns,) what choosing a column costs, about 1.
        conflicts: (columns, columns) symmetric, True where two cannot both be chosen.
        at_most: how many may be chosen, 1 or more.
        worth: share of the whole that makes up for a cost of 1.
        chained: (columns,) True for columns of which, if two are chosen, each needs another one near.
        near: (columns, columns) symmetric, what is near for them.
    """

    covers: Bool
    weights: F64
    costs: F64
    conflicts: Bool
    at_most: int
    worth: float
    chained: Bool
    near: Bool

    def objective(self, chosen: Sequence[int]) -> float:
        """Cost of a choice and of what it leaves bare."""
        columns = list(chosen)
        bare = _bare_points(self, columns)
        return float(self.costs[columns].sum() + self.weights[bare].sum() / self.worth)

    def allows(self, chosen: Sequence[int]) -> bool:
        """True where a choice breaks no rule; what it leaves bare is no rule."""
        columns = np.asarray(chosen, dtype=int)
        if len(columns) > self.at_most or self.conflicts[np.ix_(columns, columns)].any():
            return False
        linked = columns[self.chained[columns]]
        near = self.near[np.ix_(linked, linked)].copy()
        np.fill_diagonal(near, False)
        return len(linked) < 2 or bool(near.any(axis=1).all())


@dataclass(frozen=True)
class Solution:
    """What was chosen, and how good it must be.

    Attributes:
        chosen: columns, in their order.
        objective: of the choice.
        bound: no choice has a lower objective.
    """

    chosen: tuple[int, ...]
    objective: float
    bound: float

    @property
    def status(self) -> Literal["optimal", "greedy"]:
        """``optimal`` where the bound proves the choice."""
        proven = self.objective - self.bound <= SAME * max(self.objective, 1.0)
        return "optimal" if proven else "greedy"

    @property
    def gap(self) -> float:
        """(objective - bound) / objective: 0 is proven best."""
        return max(0.0, (self.objective - self.bound) / self.objective) if self.objective > 0 else 0.0


def solve(problem: SetCover) -> Solution:
    """The best choice that is found; the same problem gives the same."""
    problem = _merged(problem)
    best = greedy(problem)
    best = min(best, _few(problem, problem.objective(best)), key=problem.objective)
    upper = problem.objective(best)
    return Solution(tuple(sorted(best)), upper, _bound(problem, upper))


def greedy(problem: SetCover) -> list[int]:
    """The best of several greedy choices, each improved by dropping and swapping columns.

    Each step takes the column with the most bare weight for its cost; the n-th choice begins with the n-th
    best of them.
    """
    weight = ((problem.weights / problem.worth)[:, None] * problem.covers).astype(np.float32)
    net = _gain(weight, _bare_points(problem, [])) - problem.costs
    order = np.argsort(-net / problem.costs, kind="stable")[:STARTS]
    firsts = [[int(j)] for j in order if net[j] > TOLERANCE]
    choices = [_swapped(problem, _grown(problem, weight, first), weight) for first in firsts]
    return min([[], *choices], key=problem.objective)


def _grown(problem: SetCover, weight: F32, chosen: list[int]) -> list[int]:
    """A choice made larger while a column brings more than it costs."""
    chosen = list(chosen)
    while len(chosen) < problem.at_most:
        gain = _gain(weight, _bare_points(problem, chosen))
        pays = _free(problem, chosen) & (gain > problem.costs + TOLERANCE)
        if not pays.any():
            break
        chosen.append(int(np.argmax(np.where(pays, gain / problem.costs, -np.inf))))
    return chosen


def _bare_points(problem: SetCover, chosen: Sequence[int]) -> Bool:
    """(points,) those that a choice leaves bare."""
    return ~np.asarray(problem.covers[:, list(chosen)].any(axis=1))


def _gain(weight: F32, bare: Bool) -> F64:
    """What each column brings of the bare points, in the unit of the costs."""
    gain: F64 = weight[bare].sum(axis=0, dtype=np.float64)
    return gain


def _free(problem: SetCover, chosen: list[int]) -> Bool:
    """Columns that may join a choice."""
    free: Bool = ~np.asarray(problem.conflicts[:, chosen].any(axis=1))
    free[chosen] = False
    linked = [j for j in chosen if problem.chained[j]]
    if linked:
        free &= ~problem.chained | problem.near[:, linked].any(axis=1)
    return free


def _swapped(problem: SetCover, chosen: list[int], weight: F32) -> list[int]:
    """A choice after every drop, or change of one column for another, that lowers the objective."""
    improved = True
    while improved:
        improved, value = False, problem.objective(chosen)
        gain = _gain(weight, _bare_points(problem, chosen))
        times = problem.covers[:, chosen].sum(axis=1)
        for out in chosen:
            rest = [j for j in chosen if j != out]
            # the column that brings most, not the one that brings most for its cost
            net = gain + _gain(weight, (times == 1) & problem.covers[:, out]) - problem.costs
            net[~_free(problem, rest)] = -np.inf
            taken = int(np.argmax(net))
            better = _grown(problem, weight, [*rest, taken] if net[taken] > TOLERANCE else rest)
            if problem.allows(better) and problem.objective(better) < value - TOLERANCE:
                chosen, improved = better, True
                break
    return chosen


def _few(problem: SetCover, upper: float) -> list[int]:
    """The best choice of no, one or two columns, if it is better than ``upper``: all are weighed."""
    alone = problem.weights @ problem.covers
    net = problem.costs - alone / problem.worth  # against nothing chosen
    nothing = float(problem.weights.sum() / problem.worth)
    best: tuple[float, list[int]] = min((nothing, []), (nothing + float(net.min()), [int(np.argmin(net))]))
    # two columns bring at most what each brings alone
    hopeful = np.flatnonzero(nothing + net + net.min() < min(upper, best[0]))
    if problem.at_most < 2 or len(hopeful) < 2:
        return best[1]
    pair = nothing + net[hopeful][:, None] + net[hopeful][None] + _shared(problem, hopeful) / problem.worth
    pair[problem.conflicts[np.ix_(hopeful, hopeful)] | np.eye(len(hopeful), dtype=bool)] = np.inf
    linked = problem.chained[hopeful]
    pair[linked[:, None] & linked[None] & ~problem.near[np.ix_(hopeful, hopeful)]] = np.inf
    a, b = divmod(int(np.argmin(pair)), len(hopeful))
    return min(best, (float(pair[a, b]), sorted((int(hopeful[a]), int(hopeful[b])))))[1]


def _shared(problem: SetCover, columns: Indices) -> F64:
    """(n, n) weight of the points that two columns both cover."""
    both = np.zeros((len(columns), len(columns)))
    for first in range(0, len(problem.weights), 1024):
        some = problem.covers[first : first + 1024, columns].astype(np.float64)
        both += some.T @ (problem.weights[first : first + 1024, None] * some)
    return both


def _bound(problem: SetCover, upper: float) -> float:
    """Least objective of any choice, ``upper`` being the best of two columns at most.

    Any k columns bring at most what the k best bring alone.
    """
    alone = -np.sort(-(problem.weights @ problem.covers))[: problem.at_most]
    bare = np.maximum(problem.weights.sum() - np.cumsum(alone), 0.0) / problem.worth
    least = np.cumsum(np.sort(problem.costs)[: problem.at_most]) + bare
    return min(upper, float(least[2:].min(initial=np.inf)))


def _merged(problem: SetCover) -> SetCover:
    """The problem with points that the same columns cover made one, in the order of the first of them."""
    packed = np.packbits(problem.covers, axis=1)
    _, first, kind = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    weights = np.bincount(kind.reshape(-1), weights=problem.weights).astype(np.float64)
    order = np.argsort(first)
    return replace(problem, covers=problem.covers[first[order]], weights=weights[order])
