"""SMAA against closed forms, and the properties that hold for every problem."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from osteoplan.arrays import F64
from osteoplan.decide.preference import smaa
from osteoplan.decide.preference.weights import weigh
from osteoplan.errors import BadInput
from osteoplan.model.preference import BestWorst

UNIT = ((0.0, 1.0),)
N = 100_000
NEAR = 0.006  # four standard errors of a share of 100 000


def of(values: object, **more: object) -> object:
    array = np.asarray(values, dtype=np.float64)
    return smaa(array, UNIT * array.shape[1], seed=3, **more)  # type: ignore[arg-type]


def test_two_criteria_have_the_share_and_the_central_weight_of_the_closed_form() -> None:
    found = of([[0.9, 0.2], [0.4, 0.8]])  # first where 0.5 w1 > 0.6 w2: w1 > 6/11
    assert found.first == pytest.approx([5 / 11, 6 / 11], abs=NEAR)
    assert found.central[0] == pytest.approx([17 / 22, 5 / 22], abs=NEAR)
    assert found.central[1] == pytest.approx([3 / 11, 8 / 11], abs=NEAR)
    assert found.undecided == 0.0


def test_three_criteria_one_option_best_on_each() -> None:
    found = of(np.eye(3))
    assert found.first == pytest.approx([1 / 3] * 3, abs=NEAR)
    assert found.ranks == pytest.approx(np.full((3, 3), 1 / 3), abs=NEAR)
    centre = np.full((3, 3), 7 / 36) + np.eye(3) * (11 / 18 - 7 / 36)  # mean of the largest of three
    assert found.central == pytest.approx(centre, abs=NEAR)


def test_one_criterion_against_two_has_the_area_of_its_corner() -> None:
    found = of([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])  # w1 > (1 - w1)/2: w1 > 1/3, a corner of (2/3)^2
    assert found.first[0] == pytest.approx(4 / 9, abs=NEAR)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_a_whole_order_has_the_rank_order_centroids(n: int) -> None:
    names = [f"a{k}" for k in range(n)]
    sets = [BestWorst((a, b), a, b) for a, b in itertools.pairwise(names)]
    weights = weigh(names, seed=1, samples=N, sets=sets).weights
    assert (np.diff(weights, axis=1) <= 0.0).all()
    centroids = [sum(1 / k for k in range(r, n + 1)) / n for r in range(1, n + 1)]
    assert weights.mean(axis=0) == pytest.approx(centroids, abs=NEAR)


@pytest.mark.parametrize(
    "sets",
    [
        [BestWorst(("a", "b", "c", "d"), "b", "d")],
        [BestWorst(("a", "c"), "a", "c"), BestWorst(("b", "c"), "b", "c"), BestWorst(("b", "d"), "b", "d")],
        [BestWorst(("a", "b"), "a", "b")],
    ],
)
def test_a_partial_order_leaves_what_rejection_leaves(sets: list[BestWorst]) -> None:
    names = ["a", "b", "c", "d"]
    found = weigh(names, seed=1, samples=N, sets=sets)
    free = weigh(names, seed=2, samples=12 * N).weights
    kept = free[np.all([free[:, "abcd".index(m)] > free[:, "abcd".index(x)] for m, x in found.order], axis=0)]
    assert all(
        (found.weights[:, "abcd".index(m)] >= found.weights[:, "abcd".index(x)]).all() for m, x in found.order
    )
    assert found.weights.mean(axis=0) == pytest.approx(kept.mean(axis=0), abs=NEAR)
    assert found.weights.std(axis=0) == pytest.approx(kept.std(axis=0), abs=NEAR)
    assert np.corrcoef(found.weights.T) == pytest.approx(np.corrcoef(kept.T), abs=3 * NEAR)


def test_an_order_is_handed_on_by_what_is_no_longer_compared() -> None:
    sets = [BestWorst(("a", "gone"), "a", "gone"), BestWorst(("gone", "b"), "gone", "b")]
    assert weigh(["a", "b"], seed=1, samples=1, sets=sets).order == (("a", "b"),)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([BestWorst(("a", "b"), "a", "a")], "a was named as what matters most and least"),
        ([BestWorst(("a", "b"), "a", "b"), BestWorst(("a", "b"), "b", "a")], "goes in a circle"),
    ],
)
def test_contradictory_answers_are_told_and_leave_all_weights(sets: list[BestWorst], said: str) -> None:
    found, free = weigh(["a", "b"], seed=1, samples=500, sets=sets), weigh(["a", "b"], seed=1, samples=500)
    assert said in found.contradiction
    assert found.order == ()
    assert np.array_equal(found.weights, free.weights)


def test_points_are_weights_and_all_zero_is_a_contradiction() -> None:
    found = weigh(["a", "b"], seed=1, samples=3, points={"a": 100.0, "b": 50.0})
    assert found.weights.tolist() == [[2 / 3, 1 / 3]] * 3
    none = weigh(["a", "b"], seed=1, samples=3, points={"a": 0.0, "b": 0.0})
    assert none.contradiction == "every attribute was given 0 points"
    assert not none.fixed


def test_where_each_pair_shares_another_attribute_a_ring_is_undecided() -> None:
    none = np.nan
    ring = [[1.0, none, 0.0], [0.0, 1.0, none], [none, 0.0, 1.0]]  # one over two over three over one
    found = of(ring)
    assert found.undecided == 1.0
    # each pair on one of three attributes: it carries half of the weight in a quarter of the simplex
    assert [found.over[0, 1], found.over[1, 2], found.over[2, 0]] == pytest.approx([0.25] * 3, abs=NEAR)


def test_what_matters_more_is_not_settled_by_what_matters_less() -> None:
    values = [[0.0, np.nan], [1.0, 0.7]]
    for points, wins in (({"0": 49.0, "1": 51.0}, 0.0), ({"0": 50.0, "1": 50.0}, 1.0)):
        assert of(values, points=points).over[1, 0] == wins


def test_nothing_is_won_on_what_a_rival_lacks() -> None:
    found = of([[0.4, 1.0], [0.5, np.nan], [np.nan, np.nan]])
    assert found.over[0].tolist() == [0.0] * 3
    assert found.first == pytest.approx([0.0, 0.5, 0.0], abs=NEAR)
    assert found.compared.tolist() == [True, True, False]


def test_uncertain_values_are_paired_draw_by_draw() -> None:
    """The second is always a little worse: in unpaired draws it would often win."""
    draws = np.random.default_rng(1).random(200)
    found = of(np.array([[draws], [draws - 0.01]]))
    assert found.over.tolist() == [[0.0, 1.0], [0.0, 0.0]]


def test_every_draw_serves_as_often_as_the_others() -> None:
    draws = (np.arange(3000) >= 2500).astype(float)  # more than fit a block
    for samples, share in ((3000, 500 / 3000), (7000, 1000 / 7000)):
        found = of(np.array([[draws], [np.full(3000, 0.5)]]), samples=samples)
        assert found.over[0, 1] == pytest.approx(share, abs=1e-12)


def test_a_hundred_thousand_weights_take_less_than_a_second() -> None:
    values = np.random.default_rng(1).random((10, 8, 200))
    names = [f"a{n}" for n in range(8)]
    start = time.process_time()
    of(values, names=names, sets=[BestWorst(tuple(names), "a0", "a7")], samples=N)
    assert time.process_time() - start < 1.0


VALUES = arrays(np.float64, (4, 3), elements=st.one_of(st.floats(-0.5, 1.5), st.just(np.nan)))
SOME = settings(max_examples=40, deadline=None)


def counted(values: F64, names: tuple[str, ...] = ("a", "b", "c")) -> object:
    return of(values, names=names, samples=200)


@SOME
@given(VALUES, st.integers(0, 3), st.integers(0, 2), st.floats(0.0, 0.5))
def test_no_option_loses_by_getting_better(values: F64, option: int, attribute: int, gain: float) -> None:
    better = values.copy()
    better[option, attribute] += gain
    before, after = counted(values), counted(better)
    assert (after.over[option] >= before.over[option]).all()
    assert (after.over[:, option] <= before.over[:, option]).all()
    assert after.first[option] >= before.first[option]


@SOME
@given(VALUES)
def test_another_option_changes_nothing_between_the_others(values: F64) -> None:
    assert np.array_equal(counted(values).over[:3, :3], counted(values[:3]).over)


@SOME
@given(VALUES)
def test_equal_options_are_not_told_apart(values: F64) -> None:
    twice = counted(np.concatenate([values, values[:1]]))
    assert twice.over[0, 4] == twice.over[4, 0] == 0.0
    assert np.array_equal(twice.over[0, 1:4], twice.over[4, 1:4])


@SOME
@given(VALUES, st.permutations(range(4)), st.permutations(range(3)))
def test_the_order_of_options_and_attributes_changes_nothing(
    values: F64, options: list[int], attributes: list[int]
) -> None:
    plain = counted(values)
    turned = counted(values[options], ("a", "b", "c"))
    assert np.array_equal(turned.over, plain.over[np.ix_(options, options)])
    assert np.array_equal(turned.first, plain.first[options])
    renamed = counted(values[:, attributes], tuple("abc"[k] for k in attributes))
    assert np.array_equal(renamed.over, plain.over)


def test_an_attribute_more_moves_no_pair_that_ties_on_it() -> None:
    values = np.array([[0.9, 0.2], [0.4, 0.8]])
    more = np.column_stack([values, [0.3, 0.3]])
    assert np.abs(of(more).over - of(values).over).max() <= 1 / N  # the same streams, but for rounding


@pytest.mark.parametrize(
    ("values", "ranges", "more", "said"),
    [
        ([[1.0]], [(0.0, 0.0)], {}, "0: a range has two ends that differ"),
        ([[1.0]], [(0.0, 1.0), (0.0, 1.0)], {}, "ranges of shape"),
        ([[np.inf]], UNIT, {}, "a value: a range has two ends that differ, all are finite"),
        ([[1.0]], UNIT, {"samples": 0}, "samples are 1 or more"),
        ([[1.0]], UNIT, {"points": {"0": -1.0}}, "points 0 or more"),
        ([[1.0, 1.0]], UNIT * 2, {"names": ("a", "a")}, "each its own"),
        ([[1.0]], UNIT, {"seed": None}, "seed is a whole number"),
        ([[1.0]], UNIT, {"seed": -1}, "seed is a whole number"),
        ([[1.0]], [(0.0, np.nan)], {}, "all are finite"),
        ([[1e300]], [(0.0, 1e-300)], {}, "too far apart"),
        ([[1.0]], [(-1e308, 1e308)], {}, "too far apart"),
        ([[1.0]], UNIT, {"sets": [BestWorst(("0", "c"), "0", "c")]}, "unknown attribute 'c' in sets"),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused(
    values: object, ranges: object, more: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        smaa(values, ranges, **{"seed": 1, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(("more", "said"), [
    ({"points": {"q": 100.0}}, "points of q: no attribute"),
    ({"points": {"0": 1e308}}, "points 0 or more"),
    ({"points": {"0": 1.0}, "sets": [BestWorst(("0", "1"), "0", "1")]}, "give one of them"),
    ({"names": ("a", "b", "a")}, "as many names"),
    ({"alike": np.ones((2, 2), dtype=bool)}, "array of truths"),
    ({"alike": np.ones((2, 2, 2), dtype=int)}, "array of truths"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_a_sentence(more, said):
    with pytest.raises(BadInput, match=said):
        smaa([[70, 4], [55, 1]], [(30, 80), (10, 0)], seed=1, samples=10, **more)


@pytest.mark.parametrize(
    "values", [[["a", 1], [2, 3]], [[1], [2, 3]], np.ma.masked_greater([[1, 2], [3, 4]], 3)]
)
def test_values_that_are_no_array_of_numbers_are_refused(values):
    with pytest.raises(BadInput, match=r"arrays of numbers|a mask is not read"):
        smaa(values, [(30, 80), (10, 0)], seed=1, samples=10)
