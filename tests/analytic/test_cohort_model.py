"""Cohort models against tables worked by hand, closed forms, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from osteoplan.cli import main
from osteoplan.decide.value.cohort import run_cohort
from osteoplan.decide.value.frontier import frontier
from osteoplan.decide.value.information import acceptability, evpi, evppi
from osteoplan.decide.value.inputs import Input
from osteoplan.errors import BadInput
from osteoplan.io.cohort_file import read_cohort
from osteoplan.knowledge.load import raw
from osteoplan.knowledge.value import eq5d_index, sosgoq_weights, thresholds, value_set
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.value import of_draws

MODEL = """\
states: [well, ill, dead]
cycles: 40
weights: half_cycle
discount: 0.035
currency: GBP
thresholds: [20000, 30000]
inputs: {relief: {beta: [36, 60]}, death: 0.3}
rates: {well: {ill: 0.4, dead: death}, ill: {dead: death}}
utilities: {well: 0.75, ill: 0.45}
costs: {ill: 1200}
strategies:
  wait: {}
  treat: {rates: {well: {ill: 0.4 * (1 - relief)}}, once: 2500}
"""


def written(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = MODEL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "model.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_frontier_worked_by_hand():
    """B costs more than C and does less; D lies above the line from C to E (90 a unit, then 30)."""
    costs, effects = [100, 400, 300, 1200, 1500], [1.0, 2.5, 3.0, 13.0, 23.0]
    assert frontier(costs, effects) == (
        ("on the frontier", None), ("dominated", None), ("extendedly dominated", None),
        ("extendedly dominated", None), ("on the frontier", pytest.approx(1400 / 22)),
    )  # fmt: skip


def test_ratios_along_a_frontier_worked_by_hand_rise():
    """0/0, 100/1, 300/2, 900/4: 100, 200, 300; a mixture of the ends dominates none of them."""
    found = frontier([300, 0, 900, 100], [2, 0, 4, 1])
    assert [ratio for _, ratio in found] == [200, None, 300, 100]
    assert {place for place, _ in found} == {"on the frontier"}


def test_a_twin_that_costs_more_is_dominated_and_one_that_costs_the_same_is_equal():
    assert frontier([5, 5, 9], [1, 1, 1]) == (
        ("on the frontier", None),
        ("same cost and effect", None),
        ("dominated", None),
    )
    assert [place for place, _ in frontier([5, 5, 4], [1, 1, 2])] == [
        "dominated",
        "dominated",
        "on the frontier",
    ]


def test_another_strategy_off_the_frontier_moves_no_ratio():
    costs, effects = [0.0, 100.0, 300.0], [0.0, 1.0, 2.0]
    assert frontier([*costs, 500.0], [*effects, 1.5])[:3] == frontier(costs, effects)


MU, SIGMA, OTHER = 0.4, 1.3, 0.9  # of a difference, and of what is not known beside it


def normal_case(n: int) -> tuple[np.ndarray, np.ndarray]:
    phi, rest = Ensemble(3, n).strata("two", 2).T
    phi, rest = norm.ppf(phi), norm.ppf(rest)
    return np.stack([np.zeros(n), MU + SIGMA * phi + OTHER * rest], axis=1), phi


def unit_loss(mu: float, sigma: float) -> float:
    """E[max(0, X)] - max(0, mu) of a normal X.  Source: Raiffa and Schlaifer 1961."""
    z = abs(mu) / sigma
    return sigma * (norm.pdf(z) - z * norm.sf(z))


def test_what_knowing_is_worth_in_the_normal_case_of_two_options():
    benefit, phi = normal_case(10_000)
    assert evpi(benefit) == pytest.approx(unit_loss(MU, np.hypot(SIGMA, OTHER)), rel=0.01)
    assert evppi(benefit, phi) == pytest.approx(unit_loss(MU, SIGMA), rel=0.01)
    assert evppi(benefit, Ensemble(4, 10_000).strata("nothing")[:, 0]) < 0.01 * evpi(benefit)
    assert evppi(benefit, np.ones(10_000)) == 0.0
    assert acceptability(benefit)[1] == pytest.approx(norm.cdf(MU / np.hypot(SIGMA, OTHER)), abs=0.005)


def test_options_that_are_equal_share_every_draw():
    assert acceptability(np.zeros((5, 2))).tolist() == [0.5, 0.5]
    assert evpi(np.zeros((5, 2))) == 0.0


@pytest.mark.parametrize(
    ("one", "mean", "sd"),
    [
        (Input("p", "p", 0.6, "beta", 36, 60), 36.5 / 61, np.sqrt(36.5 * 24.5 / 61**2 / 62)),
        (Input("c", "c", 900.0, "gamma", 900.0, 120.0), 900.0, 120.0),
        (Input("u", "u", 0.4, "uniform", 0.2, 0.6), 0.4, 0.4 / np.sqrt(12)),
        (Input("n", "n", 2.0, "normal", 2.0, 0.5), 2.0, 0.5),
    ],
)  # fmt: skip
def test_draws_have_the_moments_that_were_asked_for(one, mean, sd):
    drawn = one.at(Ensemble(1, 4000).strata(one.id)[:, 0])
    assert drawn.mean() == pytest.approx(mean, rel=2e-3)
    assert drawn.std() == pytest.approx(sd, rel=2e-2)


def test_a_lognormal_has_its_interval_and_a_fixed_number_does_not_move():
    one = Input("h", "h", 1.0, "lognormal", 0.5, 2.0)
    assert one.at(np.array([0.025, 0.5, 0.975])) == pytest.approx([0.5, 1.0, 2.0])
    assert Input("f", "f", 3.0).at(np.array([0.1, 0.9])).tolist() == [3.0, 3.0]


def test_life_without_discount_is_one_over_the_rate(tmp_path):
    """0.3 a year: 3.333 years; the half-cycle's trapezoids add (r h)^2 / 12 of it."""
    changes = (
        ("discount: 0.035\n", ""), ("utilities: {well: 0.75, ill: 0.45}", "utilities: {well: 1, ill: 1}"),
        ("cycles: 40", "cycles: 400"),
    )  # fmt: skip
    found = run_cohort(read_cohort(written(tmp_path, *changes)))
    assert found.strategies[0].qaly.value == pytest.approx((1 + 0.3**2 / 12) / 0.3, rel=2e-4)


def test_shares_alive_reproduce_themselves(tmp_path):
    changes = (
        ("discount: 0.035\n", "alive: {1: 0.6, 3: 0.1}\n"), ("death: 0.3", "death: 0"),
        ("utilities: {well: 0.75, ill: 0.45}", "utilities: {well: 1, ill: 1}"), ("cycles: 40", "cycles: 3"),
    )  # fmt: skip
    found = run_cohort(read_cohort(written(tmp_path, *changes)))
    assert found.strategies[0].qaly.value == pytest.approx(0.5 + 0.6 + np.sqrt(0.06) + 0.05)


def test_probabilities_and_rates_say_the_same(tmp_path):
    dies, ill = 1 - np.exp(-0.3), 1 - np.exp(-0.4)
    well, gone = f"{{ill: {ill * (1 - dies)}, dead: {dies}, well: rest}}", f"{{dead: {dies}, ill: rest}}"
    told = f"probabilities: {{well: {well}, ill: {gone}}}"
    only = ("  treat: {rates: {well: {ill: 0.4 * (1 - relief)}}, once: 2500}\n", "")
    rates = "rates: {well: {ill: 0.4, dead: death}, ill: {dead: death}}"
    one = run_cohort(read_cohort(written(tmp_path, only)))
    two = run_cohort(read_cohort(written(tmp_path, only, (rates, told))))
    assert two.strategies[0].qaly.value == pytest.approx(one.strategies[0].qaly.value, rel=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rates: {well", "probabilities: {well", "of well sum to 0.7, not 1 (death = 0.3)"),
        ("{ill: 0.4, dead", "{il: 0.4, dead", "unknown state 'il' in strategy wait; did you"),
        ("costs: {ill: 1200}", "costs: {ill: -1}", "strategy wait, cost of ill: '-1.0' is -1, below 0"),
        ("utilities: {well: 0.75, ill: 0.45}", "utilities: {well: 0.75}", "wait: ill has no utility"),
        ("ill: 0.45}", "ill: 1.45}", "utility of ill: '1.45' is 1.45, above 1"),
        ("weights: half_cycle\n", "weights: simpson\n", ""),
        ("cycles: 40\nweights: half_cycle", "cycles: 41\nweights: simpson", "even number of cycles, not 41"),
        ("weights: half_cycle", "weights: simpsons", "weights"),
        ("beta: [36, 60]", "beta: [66, 60]", "beta is [a, n]"),
        ("(1 - relief)", "(1 - relieve)", "unknown input 'relieve' in strategy treat, well to ill; did"),
        ("(1 - relief)", "open('x')", "is no sum or product of inputs"),
        ("discount: 0.035", "discount: {costs: 0.03}", "write one rate"),
        ("discount: 0.035", "alive: {1: 0.5, 2: 0.6}", "shares fall with time"),
        ("states: [well, ill, dead]", "states: [well, well, dead]", "a state stands twice"),
        ("costs: {ill", "cots: {ill", "unknown key 'cots'"),
        ("ill: 0.4 * (1 - relief)", "ill: 0.4 * (1 - 3 * relief)", "is -0.32, below 0 (relief = 0.6)"),
        ("0.4 * (1 - relief)", "1 / relief, well: 0.1", "well to well has a rate"),
        ("rates: {well: {ill: 0.4, dead: death}", "probabilities: {well: {ill: 1, dead: death, well: rest}",
         "strategy wait, well: more leave in a cycle than are there: 1.3 of 1 (death = 0.3)"),
        ("costs: {ill: 1200}", "costs: {ill: 1200 / (death - death)}", "is inf, not finite (death = 0.3)"),
        ("0.4 * (1 - relief)", "0 / (0.3 - death)", "treat, well to ill: '0 / (0.3 - death)' is nan, not"),
        ("death: 0.3", "death: .nan", "inputs: death: input should be a finite number"),
        ("ill: 0.45}", "ill: 0.45, dead: 0.3}", "wait: the last state, dead, is dead: its utility is 0"),
        ("costs: {ill: 1200}", "costs: {ill: 1200, dead: 5}", "dead, is dead: its cost is 0"),
        ("rates: {well", "rates: {dead: {well: 0.2}, well", "dead, is dead: nobody leaves it"),
        ("discount: 0.035", "discount: 3.5", "3.5 is outside 0 to 1: write 0.035 for 3.5 % a year"),
        ("discount: 0.035", "discount: {costs: -1, effects: 0}", "-1 is outside 0 to 1"),
        ("rates: {well: {ill: 0.4, dead: death}", "probabilities: {well: {rest: 0.6}", "and no key"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_that_says_what_is_wrong(tmp_path, capsys, old, new, said):
    path = written(tmp_path, (old, new))
    status = main(["value", str(path), "--draws", "100"])
    told = " ".join(capsys.readouterr().err.split())
    assert status == (2 if said else 0)
    assert said in told


@pytest.mark.parametrize(
    ("share", "draws", "said"),
    [
        (0.0, 10_000, "under 0.1 %"), (1.0, 10_000, "over 99.9 %"), (0.0, 100, "under 3 %"),
        (1.0, 100, "over 97 %"), (0.004, 10_000, "0.4 %"), (0.549, 10_000, "55 %"),
    ],
)  # fmt: skip
def test_a_share_of_draws_is_never_nothing_and_never_all(share, draws, said):
    assert of_draws(share, draws) == said


def test_a_model_without_a_currency_prints_no_double_blank(tmp_path, capsys):
    path = written(tmp_path, ("currency: GBP\n", ""), ("once: 2500", "once: 250000"))
    assert main(["value", str(path), "--draws", "200"]) == 0
    assert "best at 20,000 a QALY: wait over 98.5 %, treat under 1.5 %" in capsys.readouterr().out


def test_a_seed_below_zero_and_work_without_an_end_are_refused(tmp_path, capsys):
    for change, more, said in (
        ("cycles: 40", ["--seed", "-1"], "a seed of -1: give 0 or more"),
        ("cycles: 100000", ["--draws", "100000"], "100,000 cycles of 2 strategies in 100,000 draws take too"),
    ):
        path = written(tmp_path, ("cycles: 40", change))
        assert main(["value", str(path), *more]) == 2
        assert said in " ".join(capsys.readouterr().err.split())


def test_the_uncertain_input_is_worth_knowing_where_the_choice_hangs_on_it(tmp_path):
    dear = run_cohort(read_cohort(written(tmp_path, ("once: 2500", "once: 4700"))), Ensemble(1, 4000))
    assert dear.worth[0].value == pytest.approx(dear.perfect_information, rel=0.02)
    assert dear.perfect_information > 50.0
    assert 0.3 < dear.acceptability[0].shares["treat"] < 0.7
    assert (dear.one_at_a_time[0].low < 0.0) != (dear.one_at_a_time[0].high < 0.0)


def test_the_rejected_set_is_never_chosen_and_a_currency_has_its_own():
    assert value_set("GBP").title == "UK 2026"
    assert value_set("USD").title == "USA 2019"
    assert value_set("EUR").title == "UK 2026"
    assert (thresholds("GBP"), thresholds("USD"), thresholds("EUR")) == ((20000.0, 30000.0), (100000.0,), ())
    with pytest.raises(BadInput, match="'3134'"):
        eq5d_index("3134", "eq5d5l_uk")


def test_sosgoq_gives_weights_and_no_utility():
    per_cent = [round(100 * weight) for weight in sosgoq_weights().values()]
    assert per_cent == [15, 13, 10, 16, 16, 15, 4, 11]
    worst = [rows[-1] for rows in raw()["value/utilities.yaml"]["sosgoq"]["levels"].values()]
    assert sum(worst) == pytest.approx(2.39)  # no utility: 1 less their sum would lie below death
