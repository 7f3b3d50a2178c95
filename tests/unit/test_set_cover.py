"""Set cover with conflicts, against brute force."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteoplan.kernels.set_cover import SetCover, greedy, solve


def random_problem(seed: int, *, chained: bool, points: int = 30, columns: int = 11) -> SetCover:
    rng = np.random.default_rng(seed)
    covers = rng.random((points, columns)) < rng.uniform(0.15, 0.5)
    weights = rng.uniform(0.2, 1.0, points)
    conflicts = np.triu(rng.random((columns, columns)) < 0.25, 1)
    near = np.triu(rng.random((columns, columns)) < 0.4, 1)
    return SetCover(
        covers,
        weights / weights.sum(),
        1.0 + 0.01 * rng.random(columns),
        conflicts | conflicts.T,
        int(rng.integers(1, 7)),
        float(rng.choice([0.002, 0.02, 0.1])),
        rng.random(columns) < 0.7 if chained else np.zeros(columns, dtype=bool),
        near | near.T,
    )


def unchained(
    covers: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64], conflicts: npt.NDArray[np.bool_],
    at_most: int, worth: float,
) -> SetCover:  # fmt: skip
    n = covers.shape[1]
    none = np.zeros(n, dtype=bool)
    return SetCover(covers, weights, np.ones(n), conflicts, at_most, worth, none, conflicts)


def brute_force(problem: SetCover) -> float:
    n = len(problem.costs)
    every = (c for k in range(problem.at_most + 1) for c in combinations(range(n), k))
    return min(problem.objective(c) for c in every if problem.allows(c))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_the_choice_keeps_the_rules_and_the_best_of_all_lies_between_it_and_its_bound(
    seed: int, chained: bool
) -> None:
    problem = random_problem(seed, chained=chained)
    found, best = solve(problem), brute_force(problem)
    assert problem.allows(found.chosen)
    assert problem.objective(found.chosen) == pytest.approx(found.objective)
    assert found.objective >= best - 1e-9
    assert best >= found.bound - 1e-9
    assert found.gap == pytest.approx(1.0 - found.bound / found.objective)
    if found.status == "optimal":
        assert found.objective == pytest.approx(best, rel=2e-4)


@pytest.mark.parametrize(("chained", "as_good"), [(False, 99), (True, 95)])
def test_nearly_every_choice_is_the_best_of_all(chained: bool, as_good: int) -> None:
    problems = [random_problem(seed, chained=chained) for seed in range(100)]
    found = [solve(p).objective == pytest.approx(brute_force(p), rel=1e-4) for p in problems]
    assert sum(found) >= as_good


@pytest.mark.parametrize("chained", [False, True])
def test_two_columns_at_most_are_chosen_exactly_and_proven(chained: bool) -> None:
    for seed in range(40):
        problem = replace(random_problem(seed, chained=chained), at_most=2)
        found = solve(problem)
        assert found.status == "optimal"
        assert found.gap == 0.0
        assert found.objective == pytest.approx(brute_force(problem))


def test_a_line_of_points_needs_as_many_intervals_as_arithmetic_says() -> None:
    at = np.arange(97)
    starts = np.arange(0, 97, 3)
    covers = (at[:, None] >= starts) & (at[:, None] < starts + 12)  # 97 points, 12 each: 9 intervals
    free = np.zeros((len(starts), len(starts)), dtype=bool)
    problem = unchained(covers, np.full(97, 1 / 97), free, 20, 1e-4)
    assert solve(problem).objective == pytest.approx(9.0)


def test_a_trap_for_greedy_is_found_where_all_pairs_are_weighed() -> None:
    # the tempting column takes 8 of each row of 14; two rows would do, greedy needs four
    rows = np.zeros((6, 28), dtype=bool)
    rows[0, :14], rows[1, 14:] = True, True
    rows[2, [*range(8), *range(14, 22)]] = True
    rows[3, [*range(8, 12), *range(22, 26)]] = True
    rows[4, [12, 13, 26]] = True
    rows[5, 27] = True
    problem = unchained(rows.T, np.full(28, 1 / 28), np.zeros((6, 6), bool), 6, 1e-3)
    found = solve(problem)
    assert found.chosen == (0, 1)
    assert found.objective == pytest.approx(2.0)


def test_a_probe_that_adds_less_than_it_is_worth_is_not_used() -> None:
    covers = np.array([[True, False]] * 97 + [[False, True]] * 3)
    free = np.zeros((2, 2), dtype=bool)
    for worth, chosen in ((0.02, (0, 1)), (0.05, (0,))):
        problem = unchained(covers, np.full(100, 0.01), free, 2, worth)
        assert solve(problem).chosen == chosen


def test_a_hard_problem_has_a_gap_and_a_sound_choice() -> None:
    rng = np.random.default_rng(0)
    covers = rng.random((400, 120)) < 0.06
    free = np.zeros((120, 120), dtype=bool)
    problem = unchained(covers, np.full(400, 1 / 400), free, 120, 1e-4)
    found = solve(problem)
    assert problem.allows(found.chosen)
    assert found.status == "greedy"
    assert 0.0 < found.gap < 1.0
    assert found.objective > found.bound > 0.0


def test_the_same_problem_gives_the_same_choice() -> None:
    problem = random_problem(77, chained=True, points=200, columns=40)
    once, again = (solve(problem) for _ in range(2))
    assert (once.chosen, once.objective, once.bound) == (again.chosen, again.objective, again.bound)
    assert greedy(problem) == greedy(problem)


def test_points_that_no_column_covers_are_paid_for() -> None:
    covers = np.zeros((10, 3), dtype=bool)
    covers[:6, 0] = True
    problem = unchained(covers, np.full(10, 0.1), np.zeros((3, 3), bool), 3, 0.01)
    found = solve(problem)
    assert found.chosen == (0,)
    assert found.objective == pytest.approx(1.0 + 0.4 / 0.01)
    assert found.status == "optimal"


def test_with_conflicts_everywhere_one_column_is_chosen() -> None:
    covers = np.eye(5, dtype=bool)
    problem = unchained(covers, np.full(5, 0.2), ~np.eye(5, dtype=bool), 5, 0.01)
    found = solve(problem)
    assert len(found.chosen) == 1
    assert found.objective == pytest.approx(brute_force(problem))
