"""Fewest columns that cover all points, some pairs of them excluded: set cover with conflicts.

    minimise    sum_j c_j x_j + (1/worth) sum_i w_i s_i
    subject to  sum_{j covers i} x_j + s_i >= 1     each point is covered, or paid for (w sums to 1)
                x_a + x_b <= 1                      for each conflict
                sum_j x_j <= at_most
                x_a + y <= 1 + sum_{b near a} x_b   for chained a, with y = 1 where two chained are chosen
                x, y in {0, 1},  0 <= s <= 1

A greedy choice with swaps gives a first value, which bounds the search from above.  All choices of two
columns at most are weighed by one matrix product; if three columns cannot cost less than the best known, that
is the end.  HiGHS then looks for three and more, on some of the points; points that its answer leaves bare
are added until none is left.  A problem with fewer points costs less, so its bound holds for the whole
problem, whenever the search is stopped.  HiGHS alone lost: ``docs/decisions/0011``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from osteoplan.arrays import F32, F64, Bool, Indices

__all__ = ["SetCover", "Solution", "greedy", "solve"]

Status = Literal["optimal", "gap", "greedy"]

SAME = 1e-4  # of the objective, within which a bound proves it
TOLERANCE = 1e-6  # of the objective, below which two values are the same
ROWS = 200  # points that a first problem holds, and that a round may add
STARTS = 16  # greedy choices, each beginning with another one of the best columns


@dataclass(frozen=True, eq=False)
class SetCover:
    """A problem.

    Attributes:
        covers: (points, columns), which column covers which point.
        weights: (points,) share of each point in the whole; they sum to 1.
        costs: (columns,) what choosing a column costs, about 1.
        conflicts: (columns, columns) symmetric, True where two cannot both be chosen.
        at_most: how many may be chosen.
        worth: share of the whole that makes up for a cost of 1.
        chained: (columns,) True for columns that, if two are chosen, need another one near.
        near: (columns, columns) symmetric, what is near for them.
    """

    covers: Bool
    weights: F64
    costs: F64
    conflicts: Bool
    at_most: int
    worth: float
    chained: Bool | None = None
    near: Bool | None = None

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
        if self.chained is None or self.near is None:
            return True
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
        greedy: objective of the greedy choice; never below ``objective``.
        bound: no choice has a lower objective.
        status: ``optimal`` (proven), ``gap`` (the solver's choice, time was up), ``greedy`` (time was up and
            the solver had found none better than the greedy choice).
        seconds: time that it took.
    """

    chosen: tuple[int, ...]
    objective: float
    greedy: float
    bound: float
    status: Status
    seconds: float

    @property
    def gap(self) -> float:
        """(objective - bound) / objective: 0 is proven best."""
        return max(0.0, (self.objective - self.bound) / self.objective) if self.objective > 0 else 0.0


def solve(problem: SetCover, *, time_limit_s: float) -> Solution:
    """The best choice that is found in the time.

    Args:
        time_limit_s: for all of it; one greedy choice is always made.

    The same problem gives the same choice, unless the time ran out: ``status`` tells.
    """
    began = time.perf_counter()
    problem = _merged(problem)
    best = greedy(problem, time_limit_s=time_limit_s / 3)
    first = problem.objective(best)
    best = min(best, _few(problem, first), key=problem.objective)
    best, bound = _searched(problem, best, began + time_limit_s)
    upper = problem.objective(best)
    bound = min(bound, upper)
    proven = upper - bound <= SAME * max(upper, 1.0)
    told: Status = "optimal" if proven else "gap" if upper < first - TOLERANCE else "greedy"
    return Solution(tuple(sorted(best)), upper, first, bound, told, time.perf_counter() - began)


def greedy(problem: SetCover, *, time_limit_s: float = np.inf) -> list[int]:
    """The best of several greedy choices, each improved by dropping and swapping columns.

    Each step takes the column with the most bare weight for its cost; the n-th choice begins with the n-th
    best of them.
    """
    began = time.perf_counter()
    weight = ((problem.weights / problem.worth)[:, None] * problem.covers).astype(np.float32)
    best: list[int] = []
    net = _gain(weight, _bare_points(problem, [])) - problem.costs
    for first in np.argsort(-net / problem.costs, kind="stable")[:STARTS]:
        if net[first] <= TOLERANCE or problem.at_most < 1:
            break
        chosen = _swapped(problem, _grown(problem, weight, [int(first)]), weight)
        if problem.objective(chosen) < problem.objective(best) - TOLERANCE:
            best = chosen
        if time.perf_counter() - began > time_limit_s:
            break
    return best


def _grown(problem: SetCover, weight: F32, chosen: list[int]) -> list[int]:
    """A choice made larger while a column brings more than it costs."""
    chosen = list(chosen)
    bare = _bare_points(problem, chosen)
    gain = _gain(weight, bare)
    while len(chosen) < problem.at_most:
        pays = _free(problem, chosen) & (gain > problem.costs + TOLERANCE)
        if not pays.any():
            break
        taken = int(np.argmax(np.where(pays, gain / problem.costs, -np.inf)))
        chosen.append(taken)
        gain = gain - _gain(weight, bare & problem.covers[:, taken])
        bare &= ~problem.covers[:, taken]
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
    if problem.chained is not None and problem.near is not None:
        linked = [j for j in chosen if problem.chained[j]]
        if linked:
            free &= ~problem.chained | problem.near[:, linked].any(axis=1)
    return free


def _swapped(problem: SetCover, chosen: list[int], weight: F32) -> list[int]:
    """A choice after every drop, or change of one column for another, that lowers the objective."""
    improved = True
    while improved:
        improved = False
        value = problem.objective(chosen)
        for out in chosen:
            rest = [j for j in chosen if j != out]
            if not problem.allows(rest):
                continue
            # the column that brings most, not the one that brings most for its cost
            net = _gain(weight, _bare_points(problem, rest)) - problem.costs
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
    best: tuple[float, list[int]] = (nothing, [])
    if problem.at_most >= 1:
        best = min(best, (nothing + float(net.min()), [int(np.argmin(net))]))
    # two columns bring at most what each brings alone
    hopeful = np.flatnonzero(nothing + net + net.min() < min(upper, best[0]))
    if problem.at_most < 2 or len(hopeful) < 2:
        return best[1]
    pair = nothing + net[hopeful][:, None] + net[hopeful][None] + _shared(problem, hopeful) / problem.worth
    pair[problem.conflicts[np.ix_(hopeful, hopeful)] | np.eye(len(hopeful), dtype=bool)] = np.inf
    if problem.chained is not None and problem.near is not None:
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


def _fewest(problem: SetCover, upper: float) -> tuple[int, float]:
    """Least number of columns, of three or more, that can be better than ``upper``, and their least cost.

    Any k columns bring at most what the k best bring alone.
    """
    alone = -np.sort(-(problem.weights @ problem.covers))[: problem.at_most]
    cost = np.cumsum(np.sort(problem.costs)[: problem.at_most])
    bare = np.maximum(problem.weights.sum() - np.cumsum(alone), 0.0) / problem.worth
    least = cost + bare
    better = np.flatnonzero(least[2:] < upper - TOLERANCE) + 2
    return (int(better[0]) + 1, float(least[better].min())) if len(better) else (0, upper)


def _searched(problem: SetCover, best: list[int], ends: float) -> tuple[list[int], float]:
    """The best of a choice and all of three columns or more, and a bound of all; ``best`` beats any two."""
    upper = problem.objective(best)
    count, bound = _fewest(problem, upper)
    if not count:
        return best, upper
    held, cliques = _first_rows(problem), _cliques(problem.conflicts)
    while upper - bound > TOLERANCE * max(upper, 1.0):
        left = ends - time.perf_counter()
        if left <= 0.05:
            break
        found, lower = _milp(problem, held, cliques, upper, (count, left))
        bound = max(bound, lower)
        if found is None:
            break
        if problem.objective(found) < upper - TOLERANCE:
            best, upper = found, problem.objective(found)
        more = _bare(problem, found, held)
        if not len(more):
            break
        held = np.union1d(held, more)
    return best, bound


def _merged(problem: SetCover) -> SetCover:
    """The problem with points that the same columns cover made one, in the order of the first of them."""
    packed = np.packbits(problem.covers, axis=1)
    _, first, kind = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    weights = np.bincount(kind.reshape(-1), weights=problem.weights).astype(np.float64)
    order = np.argsort(first)
    return replace(problem, covers=problem.covers[first[order]], weights=weights[order])


def _first_rows(problem: SetCover) -> Indices:
    """Points to begin with: those that fewest columns cover, and some of all others."""
    order = np.argsort(problem.covers.sum(axis=1), kind="stable")
    rest = order[ROWS // 2 :]
    step = max(1, -(-len(rest) // (ROWS // 2)))
    return np.sort(np.concatenate([order[: ROWS // 2], rest[::step]]))


def _bare(problem: SetCover, chosen: Sequence[int], held: Indices) -> Indices:
    """Points that a choice leaves bare and the problem did not hold: the rarest, and some of the others."""
    bare = _bare_points(problem, chosen)
    bare[held] = False
    left = np.flatnonzero(bare)
    order = left[np.argsort(problem.covers[left].sum(axis=1), kind="stable")]
    if len(order) <= ROWS:
        return order
    rest = order[ROWS // 2 :]
    return np.concatenate([order[: ROWS // 2], rest[:: -(-len(rest) // (ROWS // 2))]])


def _cliques(conflicts: Bool) -> list[Indices]:
    """Sets of columns of which one at most can be chosen; every conflict lies in one of them.

    One row of the problem per set instead of one per pair: fewer rows, and a far tighter bound.
    """
    left = np.triu(conflicts, 1)
    cliques: list[Indices] = []
    for a in range(len(conflicts)):
        while left[a].any():
            members, shared, fresh = [a], conflicts[a].copy(), left[a].copy()
            while shared.any():
                # what shares a conflict that no set holds yet comes first
                b = int(np.argmax(fresh)) if fresh.any() else int(np.argmax(shared))
                members.append(b)
                shared &= conflicts[b]
                fresh &= conflicts[b]
            clique = np.sort(np.asarray(members))
            left[np.ix_(clique, clique)] = False
            cliques.append(clique)
    return cliques


def _milp(
    problem: SetCover, held: Indices, cliques: list[Indices], upper: float, asked: tuple[int, float]
) -> tuple[list[int] | None, float]:
    """A choice for some of the points, and a bound that holds for all.

    Args:
        asked: the least count of columns, and the seconds that there are.
    """
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, m = len(problem.costs), len(held)
    cost = np.concatenate([problem.costs, problem.weights[held] / problem.worth, [0.0]])
    count, seconds = asked
    payable = np.searchsorted(np.cumsum(np.sort(problem.costs)), upper + TOLERANCE, side="right")
    linked, near = _links(problem)
    clique = np.zeros((len(cliques), n))
    for row, members in zip(clique, cliques, strict=True):
        row[members] = 1.0
    parts = [
        # what is chosen, what is left bare, whether two chained are chosen; at least; at most
        ([problem.covers[held].astype(float), sparse.eye_array(m), None], 1, np.inf),
        ([clique, None, None], -np.inf, 1),
        ([np.ones((1, n)), None, None], count, min(problem.at_most, int(payable))),
        ([cost[None, :n], cost[None, n : n + m], None], -np.inf, upper + TOLERANCE),  # a cut-off
        ([np.isin(np.arange(n), linked)[None], None, [[1.0 - problem.at_most]]], -np.inf, 1),
        ([np.eye(n)[linked] - near, None, np.ones((len(linked), 1))], -np.inf, 1),
    ]
    rows = [[block if block is None else sparse.csr_array(block) for block in row] for row, _, _ in parts]
    low, high = (
        np.repeat([part[k] for part in parts], [m, len(cliques), 1, 1, 1, len(linked)]) for k in (1, 2)
    )
    answer = milp(
        cost,
        constraints=LinearConstraint(sparse.block_array(rows, format="csr"), low, high),
        integrality=np.concatenate([np.ones(n), np.zeros(m), [1]]),
        bounds=Bounds(0, 1),
        options={"time_limit": seconds, "mip_rel_gap": TOLERANCE},
    )
    if answer.status == 2:  # infeasible: nothing of so many columns costs as little
        return None, upper
    lower = getattr(answer, "mip_dual_bound", None)
    lower = float(lower) if lower is not None and np.isfinite(lower) else 0.0
    if answer.x is None:
        return None, lower
    chosen = [int(j) for j in np.flatnonzero(answer.x[:n] > 0.5)]
    return (chosen if problem.allows(chosen) else None), lower


def _links(problem: SetCover) -> tuple[Indices, Bool]:
    """Chained columns, and (chained, columns) which others are near each."""
    if problem.chained is None or problem.near is None:
        return np.zeros(0, dtype=np.intp), np.zeros((0, len(problem.costs)), dtype=bool)
    linked = np.flatnonzero(problem.chained)
    near = problem.near[linked] & problem.chained
    near[np.arange(len(linked)), linked] = False
    return linked, near
