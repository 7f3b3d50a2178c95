"""Near thresholds: what would change a verdict, and how far away it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteoplan.knowledge.centre.ruleset import rule_set
from osteoplan.knowledge.expression import literals, names
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import NearThreshold
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.near_thresholds import _distance, near_thresholds

RULES = rule_set().rules


def of(rule: str, fact: str, **facts: object) -> NearThreshold:
    found = [c for c in near_thresholds(RULES, facts) if (c.rule, c.fact) == (rule, fact)]  # type: ignore[arg-type]
    assert len(found) == 1
    return found[0]


def test_a_total_of_12_is_one_below_the_rule_at_13() -> None:
    change = of("SP1", "sins", region="spine", benign=False, sins=12)
    assert (change.threshold, change.distance, change.truth, change.becomes) == (13, 1, False, True)
    assert change.effect == "route"


def test_a_platelet_count_of_55_is_5_above_the_gate_at_50() -> None:
    change = of("S4", "plt", inr=1.0, plt=55, cirrhosis=False)
    assert (change.threshold, change.distance, change.unit) == (50, 5, "10*9/L")
    assert (change.truth, change.becomes) == (False, True)


def test_beyond_the_threshold_another_unknown_fact_may_decide() -> None:
    change = of("SP5", "sins", region="spine", sins=14)
    assert (change.threshold, change.distance, change.becomes) == (12, 2, None)


def test_of_two_thresholds_the_nearer_one_is_told() -> None:
    assert of("SP2", "sins", region="spine", benign=False, sins=6).threshold == 7
    assert of("SP2", "sins", region="spine", benign=False, sins=11).threshold == 13
    assert of("SP2", "sins", region="spine", benign=False, sins=8).threshold == 6


def test_from_a_range_the_distance_is_that_of_its_nearer_end() -> None:
    change = of("SP1", "sins", region="spine", sins=(8, 11))
    assert (change.value, change.distance) == ((8, 11), 2)


def test_what_no_number_alone_can_change_is_left_out() -> None:
    near = {change.rule for change in near_thresholds(RULES, {"region": "sacrum", "sins": 12})}
    assert near & {"SP1", "SP2", "SP3", "SP5"} == set(), "rules for the spine, and this is the sacrum"
    assert [c for c in near_thresholds(RULES, {"infection": True}) if c.rule == "S3"] == []


def test_the_nearest_comes_first_as_a_share_of_its_threshold() -> None:
    found = near_thresholds(RULES, {"region": "spine", "sins": 12, "plt": 300, "inr": 1.0})
    shares = [c.distance / max(abs(c.threshold), 1.0) for c in found]
    assert shares == sorted(shares)
    assert found[0].distance == 1


@given(data=st.data())
def test_a_change_is_real_the_value_at_hand_says_one_thing_and_one_beyond_the_threshold_another(
    data: st.DataObject,
) -> None:
    rule = data.draw(st.sampled_from([rule for rule in RULES if _numbers(rule)]))
    facts: dict[str, object] = {}
    for name in names(rule.when):
        row = vocabulary()[name]
        if row.range is not None:
            whole = st.integers(int(row.range[0]), int(min(row.range[1], 200)))
            facts[name] = data.draw(whole)
    for change in near_thresholds([rule], facts):  # type: ignore[arg-type]
        assert evaluate(rule.when, facts) is change.truth  # type: ignore[arg-type]
        assert change.becomes is not change.truth
        assert change.distance >= 0
        step = 1 if vocabulary()[change.fact].kind == "integer" else 1e-6
        beyond = [change.threshold, change.threshold - step, change.threshold + step]
        said = {evaluate(rule.when, {**facts, change.fact: value}) for value in beyond}  # type: ignore[dict-item]
        assert said - {change.truth}
        assert float(change.threshold) in {
            float(t) + s for t in literals(rule.when, change.fact) for s in (-1, 0, 1)
        }


def _numbers(rule: Rule) -> list[str]:
    return [name for name in names(rule.when) if vocabulary()[name].range is not None]


@pytest.mark.parametrize("value", [13, 18])
def test_a_true_rule_tells_where_it_would_stop_being_true(value: int) -> None:
    change = of("SP1", "sins", region="spine", benign=False, sins=value)
    assert (change.threshold, change.distance, change.truth) == (12, value - 12, True)


@pytest.mark.parametrize(
    ("value", "other", "apart"),
    [
        (5, 7, 2.0),
        (7, 5, 2.0),
        (5, 5, 0.0),
        ((4, 9), 9, 0.0),
        ((4, 9), 6, 0.0),
        ((4, 9), 9.5, 0.5),
        ((4, 9), 3, 1.0),
    ],
)
def test_a_distance_counts_from_the_nearer_end_and_is_none_inside(
    value: float | tuple[float, float], other: float, apart: float
) -> None:
    assert _distance(value, other) == apart
