"""The language of rules: a closed grammar, three values, and only the facts that matter are asked for."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteoplan.errors import BadInput
from osteoplan.knowledge.expression import lint_findings, literals, names, parse
from osteoplan.knowledge.rules import Rule, rules
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.pathway.expression import deciders, evaluate, samples

U = None


@pytest.mark.parametrize(
    "text",
    [
        "open('/etc/passwd')",
        "sins + 1 > 3",
        "sins > mirels",
        "infection if pregnant else displaced",
        "[1, 2]",
        "sins.real > 3",
        "lambda: 1",
        "matrix in ['lytic']",
        "matrix in matrix",
        "sins > None",
        "infection == True",
        "3 < 4",
        "-infection",
        "not",
        "",
        "sins = 3",
        "matrix in ()",
        "__import__('os')",
    ],
)
def test_what_is_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sinns >= 7", "'sinns' is not in the vocabulary; did you mean 'sins'?"),
        ("matrix == 'litic'", "'matrix' is never 'litic'; did you mean 'lytic'?"),
        ("matrix > 'lytic'", "'matrix' is a level and has no order"),
        ("bilsky in ('0', '1d')", "'bilsky' is never '1d'"),
        ("bilsky == 2", "'bilsky' is never 2"),
        ("sins", "'sins' is a integer: compare it with something"),
        ("infection == 1", "'infection' is yes or no"),
        ("sins >= '7'", "'sins' is a number and is held against '7'"),
        ("sins >= 19", "the threshold 19 of 'sins' cannot be crossed in 0 to 18"),
        ("sins >= 0", "the threshold 0 of 'sins' cannot be crossed"),
        ("sins > 18", "the threshold 18 of 'sins' cannot be crossed"),
        ("sins <= 18", "the threshold 18 of 'sins' cannot be crossed"),
        ("harrington in (2, 5)", "the threshold 5 of 'harrington' cannot be crossed"),
    ],
)
def test_a_condition_that_cannot_work_is_found_against_the_vocabulary(text: str, said: str) -> None:
    assert any(said in fault for fault in lint_findings(parse(text), vocabulary()))


def test_a_sound_condition_has_no_faults_and_names_its_facts_in_order() -> None:
    when = parse("region == 'spine' and 7 <= sins <= 12 and not infection and matrix not in ('blastic',)")
    assert lint_findings(when, vocabulary()) == ()
    assert names(when) == ("region", "sins", "infection", "matrix")
    assert literals(when, "sins") == (7, 12)


@pytest.mark.parametrize(
    ("text", "facts", "truth"),
    [
        ("7 <= sins <= 12", {"sins": 6}, False),
        ("7 <= sins <= 12", {"sins": 7}, True),
        ("7 <= sins <= 12", {"sins": 12}, True),
        ("7 <= sins <= 12", {"sins": 13}, False),
        ("7 <= sins <= 12", {}, U),
        ("12 >= sins > 6", {"sins": 6}, False),
        ("sins != 8", {"sins": 8}, False),
        ("matrix not in ('blastic', 'mixed')", {"matrix": "lytic"}, True),
        ("matrix not in ('blastic', 'mixed')", {"matrix": "mixed"}, False),
        ("matrix not in ('blastic', 'mixed')", {}, U),
        ("harrington in (2, 3)", {"harrington": 3}, True),
    ],
)
def test_comparisons_on_known_and_unknown_facts(text: str, facts: dict[str, object], truth: object) -> None:
    assert evaluate(parse(text), facts) is truth  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("a", "b", "both", "either"),
    [
        (True, True, True, True), (True, False, False, True), (True, U, U, True),
        (False, True, False, True), (False, False, False, False), (False, U, False, U),
        (U, True, U, True), (U, False, False, U), (U, U, U, U),
    ],
)  # fmt: skip
def test_and_and_or_follow_kleenes_tables(a: object, b: object, both: object, either: object) -> None:
    facts = {"infection": a, "pregnant": b}
    assert evaluate(parse("infection and pregnant"), facts) is both  # type: ignore[arg-type]
    assert evaluate(parse("infection or pregnant"), facts) is either  # type: ignore[arg-type]


@pytest.mark.parametrize(("a", "opposite"), [(True, False), (False, True), (U, U)])
def test_not_leaves_unknown_unknown(a: object, opposite: object) -> None:
    assert evaluate(parse("not infection"), {"infection": a}) is opposite  # type: ignore[arg-type]


@given(
    st.integers(0, 18),
    st.integers(0, 18),
    st.integers(0, 18),
    st.sampled_from(["<", "<=", "==", "!=", ">=", ">"]),
)
def test_a_range_decides_exactly_when_every_number_in_it_agrees(a: int, b: int, t: int, op: str) -> None:
    low, high = min(a, b), max(a, b)
    when = parse(f"sins {op} {t}")
    each = {evaluate(when, {"sins": n}) for n in range(low, high + 1)}
    expected = each.pop() if len(each) == 1 else None
    got = evaluate(when, {"sins": (low, high)}) if low < high else evaluate(when, {"sins": low})
    assert got is expected


RULES = rules()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_true_and_false_survive_learning_more_and_only_asked_facts_settle_the_rest(
    rule: Rule, data: st.DataObject
) -> None:
    facts = {}
    for name in names(rule.when):
        values = samples(rule.when, name, None, vocabulary()[name])
        chosen = data.draw(st.sampled_from([None, *values]), label=name)
        if chosen is not None:
            facts[name] = chosen
    truth, ask = evaluate(rule.when, facts), deciders(rule.when, facts)
    missing = [name for name in names(rule.when) if name not in facts]
    more = {
        name: data.draw(st.sampled_from(samples(rule.when, name, None, vocabulary()[name])))
        for name in missing
    }
    full = evaluate(rule.when, {**facts, **more})
    assert full is not None
    assert set(ask) <= set(missing)
    if truth is None:
        assert ask, "unknown, but nothing to ask"
        only = {name: more[name] for name in ask}
        assert evaluate(rule.when, {**facts, **only}) in (full, None)
    else:
        assert ask == ()
        assert full is truth


def test_a_fact_that_cannot_change_the_answer_any_more_is_not_asked_for() -> None:
    when = parse("region == 'spine' and (sins >= 13 or matrix == 'lytic') and not infection")
    assert deciders(when, {}) == ("region", "sins", "matrix", "infection")
    assert deciders(when, {"region": "rib"}) == ()
    assert deciders(when, {"region": "spine", "matrix": "lytic"}) == ("infection",)
    assert deciders(when, {"region": "spine", "sins": (3, 9)}) == ("matrix", "infection")
    assert deciders(when, {"region": "spine", "sins": (3, 13), "infection": False}) == ("sins", "matrix")


def test_deciders_agree_with_trying_every_value() -> None:
    """Brute force over all whole numbers and levels, against the few values that stand for them."""
    when = parse("7 <= sins <= 12 and bilsky in ('0', '1a') and (harrington == 2 or infection)")
    rows = vocabulary()
    every = {
        "sins": range(19),
        "bilsky": rows["bilsky"].levels,
        "harrington": range(1, 5),
        "infection": (True, False),
    }
    table = {
        values: evaluate(when, dict(zip(every, values, strict=True)))
        for values in itertools.product(*every.values())
    }
    for place, name in enumerate(every):
        groups: dict[tuple[object, ...], set[object]] = {}
        for values, truth in table.items():
            groups.setdefault(values[:place] + values[place + 1 :], set()).add(truth)
        assert any(len(g) > 1 for g in groups.values()) == (name in deciders(when, {}))


def test_numbers_are_sampled_on_and_on_both_sides_of_every_threshold_and_at_both_ends() -> None:
    when = parse("inr > 1.8 or 7 <= sins <= 12")
    rows = vocabulary()
    assert samples(when, "inr", None, rows["inr"]) == (0.5, 1.15, 1.8, 10.9, 20)
    assert samples(when, "sins", None, rows["sins"]) == (0, 1, 6, 7, 8, 11, 12, 13, 17, 18)
    assert samples(when, "sins", (8, 12), rows["sins"]) == (8, 9, 11, 12)
