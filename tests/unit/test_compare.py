from dataclasses import replace

import numpy as np
import pytest

from osteoplan.decide.compare import compare
from osteoplan.errors import BadInput
from osteoplan.model.evidence import Verdict
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option, Plan
from osteoplan.provenance import rng

WORLD = rng(3, "calibration").normal(0.0, 1.0, 300)


def option(id, mean=None, spread=0.0, *, kind="plan", status="ranked", stream="a"):
    own = rng(3, stream, id).normal(0.0, spread, 300) if spread else 0.0
    outcomes = ()
    if mean is not None:
        draws = mean + 5.0 * WORLD + own
        outcomes = (
            Estimate.from_draws("strength_ratio_to_intact", "compression", value=mean, draws=draws, unit="%"),
        )
    return Option(Plan(id, id, id, "L1"), kind, status, outcomes=outcomes)


CARE = option("best_supportive_care", 64.0, kind="comparator", status="comparator")
RADIO = option("radiotherapy", kind="comparator", status="comparator")


def run(*options, blocking=(), resolution=0.0):
    return compare(
        [*options, CARE, RADIO],
        reference="best_supportive_care",
        ranked_by="strength_ratio_to_intact",
        resolution=resolution,
        blocking=blocking,
    )


def test_plans_are_ranked_by_strength_and_comparators_stand_beside():
    found = run(option("left", 80.0), option("both", 95.0))
    assert found.ranking == ("both", "left")
    assert found.ties == ()


def test_a_difference_that_the_uncertainty_does_not_support_is_a_tie():
    found = run(option("left", 80.0, spread=4.0), option("right", 80.5, spread=4.0))
    assert found.ties == (("right", "left"),)


def test_a_sure_difference_below_the_models_resolution_is_a_tie():
    options = (option("left", 80.0), option("right", 80.5))
    assert run(*options).ties == ()
    assert run(*options, resolution=2.0).ties == (("right", "left"),)
    assert run(option("left", 77.0), option("right", 80.5), resolution=2.0).ties == ()


def test_every_two_ranked_options_are_compared_in_pairs():
    found = run(option("a", 80.0, spread=4.0), option("b", 80.5, spread=4.0), option("c", 95.0))
    pairs = {(d.option, d.reference): d for d in found.between}
    assert set(pairs) == {("c", "b"), ("c", "a"), ("b", "a")}
    assert pairs["c", "a"].estimate.value == pytest.approx(15.0)
    assert [pair for pair, d in pairs.items() if not d.supported] == [("b", "a")]
    # the shared world cancels: 5 points of it are in either option, none in the difference
    sure = run(option("a", 80.0), option("c", 95.0)).between[0].estimate
    assert (sure.low, sure.high) == pytest.approx((15.0, 15.0))


def test_gains_are_paired_against_best_supportive_care():
    found = run(option("left", 66.0), option("noisy", 66.0, spread=10.0))
    supported = {d.option: d.supported for d in found.differences}
    assert supported == {"left": True, "noisy": False}


def test_an_option_never_wins_on_an_outcome_that_it_lacks():
    found = run(option("left", 80.0), option("untested"))
    assert found.ranking == ("left",)
    assert found.ranked_word == "strength"


@pytest.mark.parametrize("status", ["infeasible", "excluded_by_rule", "failed"])
def test_an_option_that_cannot_be_done_is_listed_and_not_ranked(status):
    found = run(option("left", 99.0, status=status), option("right", 70.0))
    assert found.ranking == ("right",)
    assert any(gain.option == "left" for gain in found.differences)


def test_a_stop_rule_empties_the_ranking():
    stop = Verdict("S1", "safety", True, "stop", "refer first", (), (), "verified", {})
    found = run(option("left", 80.0), blocking=[stop])
    assert found.ranking == ()
    assert found.emptied_by == "S1"
    assert "refer first" in found.notes[0]


def test_draws_of_other_lengths_are_never_compared():
    odd = Estimate.from_draws(
        "strength_ratio_to_intact", "compression", value=1.0, draws=np.ones(7), unit="%"
    )
    with pytest.raises(Exception, match="aligned"):
        run(Option(Plan("odd", "odd", "odd", "L1"), "plan", "ranked", outcomes=(odd,)))


def stressed(id, value):
    stress = Estimate("screw_stress_share_of_yield", "stance", value, None, None, "%", "simulated")
    return Option(Plan(id, id, id, "L1"), "plan", "ranked", outcomes=(replace(stress, draws=value + WORLD),))


def test_where_less_is_better_the_least_comes_first():
    options = [stressed("tight", 80.0), stressed("easy", 30.0), stressed("middle", 50.0), CARE]
    found = compare(options, reference=CARE.id, ranked_by="screw_stress_share_of_yield")
    assert found.ranking == ("easy", "middle", "tight")
    best = found.between[0]
    assert (best.option, best.reference, best.estimate.value) == ("easy", "middle", pytest.approx(-20.0))
    assert best.supported
    assert "stress in a screw alone, relative" in found.notes[0]


@pytest.mark.parametrize("id", ["cement_volume_mL", "path_length_mm"])
def test_an_outcome_of_which_neither_way_is_better_cannot_rank(id):
    with pytest.raises(BadInput, match="neither more nor less of"):
        compare([CARE], reference=CARE.id, ranked_by=id)


def published(id, target, value):
    return Estimate(id, target, value, None, None, "1", "published")


def test_what_the_ranking_says_of_itself():
    assert run().notes == (
        "no percutaneous technique of this version covers this bone; the other treatments stand",
    )
    undone = run(option("left", 99.0, status="infeasible"))
    assert undone.notes == ("no percutaneous option fits here; the other treatments stand",)
    first, second = run(option("left", 80.0)).notes
    assert first.startswith("ordered by simulated strength alone")
    assert second.startswith("other treatments without a simulated strength")


def test_a_difference_counts_on_either_side_of_zero_and_only_beyond_the_resolution():
    found = run(option("up", 67.0), option("down", 61.0), option("near", 65.0), resolution=2.0)
    assert {d.option: d.supported for d in found.differences} == {"up": True, "down": True, "near": False}
    assert {d.option: d.estimate.value for d in found.differences}["down"] == pytest.approx(-3.0)
    edge = run(option("up", 66.0), resolution=2.0)  # at the resolution is not beyond it
    assert not edge.differences[0].supported
    assert not run(option("down", 62.0), resolution=2.0).differences[0].supported
    bare = compare([option("near", 64.5), CARE], reference=CARE.id, ranked_by="strength_ratio_to_intact")
    assert bare.differences[0].supported  # without a resolution every sure difference counts
    assert run(option("a", 70.0), option("b", 66.0)).emptied_by == ""


def test_without_draws_of_the_reference_there_is_no_difference():
    bare = Option(Plan("none", "none", "none", "L1"), "comparator", "comparator")
    found = compare([option("left", 80.0), bare], reference="none", ranked_by="strength_ratio_to_intact")
    assert found.differences == ()
    assert found.ranking == ("left",)
    told = (published("strength_ratio_to_intact", "compression", 70.0),)
    rival = Option(Plan("book", "book", "book", "L1"), "comparator", "comparator", outcomes=told)
    assert [d.option for d in run(option("left", 80.0), rival).differences] == ["left"]


def by_case(id, breach=None, **means):
    """An option judged by several load cases, with the probability of a breach of its way."""
    outcomes = tuple(
        Estimate.from_draws(
            "strength_ratio_to_intact", target, value=mean, draws=mean + 5.0 * WORLD, unit="%"
        )
        for target, mean in means.items()
    )
    known = () if breach is None else (
        Estimate("breach_probability", "any, needle", breach, None, None, "1", "simulated"),
    )  # fmt: skip
    return Option(Plan(id, id, id, "L1", clearances=known), "plan", "ranked", outcomes=outcomes)


def test_an_option_is_above_another_only_where_every_load_case_says_so():
    found = run(by_case("a", discs=97.0, caps=118.0), by_case("b", discs=93.0, caps=104.0), resolution=2.0)
    (gap,) = found.between
    assert gap.supported
    assert (gap.estimate.target, gap.estimate.value) == ("discs", pytest.approx(4.0))
    assert (gap.estimate.low, gap.estimate.high) == pytest.approx((4.0, 14.0))  # both load cases
    assert gap.estimate.beside == {"caps": pytest.approx(14.0)}
    assert found.groups == (("a",), ("b",))
    split = run(by_case("a", discs=97.0, caps=104.0), by_case("b", discs=93.0, caps=118.0), resolution=2.0)
    assert not split.between[0].supported
    assert split.groups == (("a", "b"),)


def test_what_is_not_told_apart_shares_its_place_and_the_safer_comes_first():
    found = run(
        by_case("risky", 0.4, discs=97.0), by_case("safe", 0.02, discs=96.0), by_case("unknown", discs=95.5),
        by_case("weak", 0.01, discs=80.0), resolution=2.0,
    )  # fmt: skip
    assert found.groups == (("safe", "risky", "unknown"), ("weak",))
    assert [found.place(id) for id in ("safe", "risky", "unknown", "weak", "none")] == [1, 1, 1, 4, None]
    assert found.ranking == ("safe", "risky", "unknown", "weak")


def test_ties_in_a_chain_share_a_place_and_nobody_stands_before_who_is_told_above_him():
    chain = [by_case("a", 0.3, discs=99.0), by_case("b", 0.2, discs=97.5), by_case("c", 0.1, discs=96.0)]
    found = run(*chain, resolution=2.0)
    assert {(d.option, d.reference): d.supported for d in found.between} == {
        ("a", "b"): False, ("b", "c"): False, ("a", "c"): True,
    }  # fmt: skip
    assert found.groups == (("b", "a", "c"),)
    assert found.ties == (("b", "a"),)
