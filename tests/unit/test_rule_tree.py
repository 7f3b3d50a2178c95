"""Conditions in plain words, and rules drawn as a tree of questions."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteoplan.knowledge.expression import AllOf, Compare, Expression, names, parse
from osteoplan.knowledge.rules import Rule, blocks, every_version, rules
from osteoplan.knowledge.scores import score_tables
from osteoplan.knowledge.vocabulary import FactRow, vocabulary
from osteoplan.model.case import Fact
from osteoplan.model.evidence import how_read
from osteoplan.pathway.expression import evaluate, samples
from osteoplan.report.knowledge.rule_branches import branches, paths
from osteoplan.report.knowledge.rule_tree import about_names, tree
from osteoplan.report.knowledge.rule_words import (
    conjuncts,
    level_words,
    outline,
    phrase,
    sentence,
    unnegated,
    with_unit,
)

FACTS = vocabulary()
ALL = every_version()
CONDITIONS = {f"{rule.id} {rule.row.when[:40]}": rule.when for rule in ALL}
BLOCKS = tuple(blocks())


def of_block(block: str) -> list[Rule]:
    return [rule for rule in rules() if rule.block == block]


def drawn(block: str) -> ET.Element:
    return ET.fromstring(tree(of_block(block), title=blocks()[block]))


def trials(when: Expression, limit: int = 3000) -> list[dict[str, Fact]]:
    """Facts on, and on both sides of, every threshold, unknown included; every combination up to a limit."""
    read = names(when)
    choices = [(None, *samples(when, name, None, FACTS[name])) for name in read]
    combinations = itertools.islice(itertools.product(*choices), limit)
    return [dict(zip(read, values, strict=True)) for values in combinations]


# --- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (
            "region == 'spine' and 7 <= sins <= 12 and bilsky in ('0', '1a')",
            "region of the lesion is vertebra C1 to L5 · SINS total 7 to 12 · "
            "epidural compression (Bilsky grade) is 0 or 1a",
        ),
        ("inr > 1.8 or plt < 50", "INR above 1.8; or platelet count below 50 × 10⁹/L"),
        ("infection", "active infection: yes"),
        ("not infection", "active infection: no"),
        ("not (infection or age > 70)", "active infection: no · age at most 70 years"),
        ("not (infection and age > 70)", "active infection: no; or age at most 70 years"),
        ("bilsky == '1c'", "epidural compression (Bilsky grade) is 1c (cord touched, not compressed)"),
        ("bilsky not in ('2', '3')", "epidural compression (Bilsky grade) is not 2 or 3"),
        ("pain_type != 'mech'", "kind of pain is not mechanical"),
        ("16 < sbrt_gy_fx < 20", "SBRT dose per fraction above 16 and below 20 Gy"),
        ("sins >= 7 and infection and sins <= 12", "SINS total 7 to 12 · active infection: yes"),
        (
            "infection and (pregnant or (pacemaker and age > 70))",
            "active infection: yes · (pregnant: yes; or "
            "(pacemaker or defibrillator: yes and age above 70 years))",
        ),
        ("harrington in (2, 3)", "Harrington class is 2 or 3"),
    ],
)
def test_a_condition_reads_as_plain_words(when: str, words: str) -> None:
    assert sentence(parse(when), FACTS) == words


@pytest.mark.parametrize("when", CONDITIONS.values(), ids=CONDITIONS)
def test_no_notation_is_left_in_the_words_of_any_rule(when: Expression) -> None:
    lines = [sentence(when, FACTS), *(line.text for line in outline(when, FACTS))]
    for text in lines:
        assert not re.search(r"[=<>]=?|\bnot in\b|\w_\w|\['\"]", text), text
        assert "None" not in text


@pytest.mark.parametrize("when", CONDITIONS.values(), ids=CONDITIONS)
def test_every_fact_of_a_rule_is_named_by_its_label(when: Expression) -> None:
    text = sentence(when, FACTS)
    assert [name for name in names(when) if FACTS[name].label not in text] == []


def test_the_levels_of_scores_and_the_scope_of_scores_have_words_too() -> None:
    for table in score_tables().values():
        assert "_" not in sentence(parse(table.applies), FACTS) if table.applies else True


@pytest.mark.parametrize("when", CONDITIONS.values(), ids=CONDITIONS)
def test_parts_and_the_pushed_down_not_say_the_same_as_the_condition(when: Expression) -> None:
    for facts in trials(when, 400):
        truth = evaluate(when, facts)
        assert evaluate(unnegated(when), facts) is truth
        assert evaluate(AllOf(conjuncts(when)), facts) is truth


@given(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(0, 18), st.integers(0, 18))
def test_a_negated_comparison_says_the_opposite(op: str, literal: int, value: int) -> None:
    when = parse(f"not sins {op} {literal}")
    plain = unnegated(when)
    assert isinstance(plain, Compare)
    for known in (value, (min(value, 9), max(value, 9)), None):
        assert evaluate(plain, {"sins": known}) is evaluate(when, {"sins": known})


def test_alternatives_stand_deeper_in_the_outline() -> None:
    lines = outline(parse("infection and (pregnant or (pacemaker and age > 70))"), FACTS)
    assert [(line.depth, line.text) for line in lines] == [
        (0, "active infection: yes"),
        (0, "at least one of"),
        (1, "pregnant: yes"),
        (1, "all of"),
        (2, "pacemaker or defibrillator: yes"),
        (2, "age above 70 years"),
    ]


def test_a_fact_of_several_levels_includes_one_or_does_not() -> None:
    row = FactRow(kind="several", label="drugs", ask="Which?", levels={"apixaban": "apixaban", "x": "ex"})
    assert phrase(parse("'apixaban' in drugs"), {"drugs": row}) == "drugs include apixaban"
    assert phrase(parse("'apixaban' not in drugs"), {"drugs": row}) == "drugs do not include apixaban"


def test_a_number_is_never_rounded() -> None:
    assert [with_unit(x, "mm") for x in (24.9, 30, 0.025, 12345.5)] == [
        "24.9 mm", "30 mm", "0.025 mm", "12345.5 mm",
    ]  # fmt: skip


def test_an_explanation_is_left_out_only_where_the_rest_is_unique() -> None:
    row = FactRow(
        kind="level",
        label="what",
        ask="What?",
        levels={"a": "pain, on loading", "b": "pain, at rest", "c": "x, y"},
    )
    assert [level_words(row, level) for level in "abc"] == ["pain, on loading", "pain, at rest", "x"]


# --- tree ------------------------------------------------------------------------------------------------


def leaves_of(root: ET.Element) -> dict[str, tuple[ET.Element, list[ET.Element]]]:
    """Rule id -> its box and the questions on its way, the first one first."""
    found: dict[str, tuple[ET.Element, list[ET.Element]]] = {}

    def walk(branch: ET.Element, asked: list[ET.Element]) -> None:
        ask, below = branch
        for item in below:
            if "branch" in item.get("class", ""):
                walk(item, [*asked, ask])
            else:
                id = text_of(item.find(".//b")).split()[-1]
                assert id not in found
                found[id] = (item, [*asked, ask])

    for branch in root:
        walk(branch, [])
    return found


def text_of(element: ET.Element | None) -> str:
    assert element is not None
    return "".join(element.itertext()).replace("\u00a0", " ").strip()


@pytest.mark.parametrize("block", BLOCKS)
def test_every_rule_is_a_leaf_once(block: str) -> None:
    assert sorted(leaves_of(drawn(block))) == sorted(rule.id for rule in of_block(block))


@pytest.mark.parametrize("block", BLOCKS)
def test_the_way_to_a_leaf_says_the_same_as_its_rule(block: str) -> None:
    ways = {rule.id: AllOf(way) for rule, way in paths(branches(of_block(block)))}
    for rule in of_block(block):
        for facts in trials(rule.when):
            assert evaluate(ways[rule.id], facts) is evaluate(rule.when, facts), (rule.id, facts)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_questions_before_a_leaf_are_the_words_of_its_way(block: str) -> None:
    drawing = leaves_of(drawn(block))
    for rule, way in paths(branches(of_block(block))):
        asked = [text_of(line) for ask in drawing[rule.id][1] for line in ask.iter("p")]
        assert asked == [line.text for part in way for line in outline(part, FACTS)]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_region_is_asked_first(block: str) -> None:
    for _, way in paths(branches(of_block(block))):
        asked = [names(part) for part in way]
        assert ("region",) not in asked[1:], asked


def test_what_several_rules_share_is_asked_once() -> None:
    grown = branches(of_block("spine"))
    spine = parse("region == 'spine'")
    assert sum(branch.conditions[0] == spine for branch in grown) == 1
    assert {rule.id for rule, way in paths(grown) if spine in way} == {
        rule.id for rule in of_block("spine") if spine in conjuncts(rule.when)
    }


def test_the_tree_does_not_hang_on_chance() -> None:
    for block in BLOCKS:
        assert tree(of_block(block), title="x") == tree(of_block(block), title="x")


@pytest.mark.parametrize("block", BLOCKS)
def test_no_way_is_deeper_than_a_page_is_wide(block: str) -> None:
    assert max(len(asked) for _, asked in leaves_of(drawn(block)).values()) <= 3


@pytest.mark.parametrize("block", BLOCKS)
def test_every_leaf_prints_its_effect_text_and_status(block: str) -> None:
    called = about_names()
    drawing = leaves_of(drawn(block))
    for rule in of_block(block):
        leaf = drawing[rule.id][0]
        text = text_of(leaf)
        assert f"{rule.row.effect}  {rule.id}" in text
        assert rule.row.then in text
        assert how_read(rule.row.status, rule.row.tag) in text
        assert all(called[word] in text for word in rule.row.about)
        assert leaf[0].get("class") == f"leaf effect-{rule.row.effect}"
        assert len(leaf.findall(".//svg/*")) >= 1  # the shape of its effect


def test_a_tree_loads_nothing() -> None:
    for block in BLOCKS:
        text = tree(of_block(block), title="x")
        assert "href" not in text
        assert "url(" not in text


def test_a_number_is_not_parted_from_its_unit() -> None:
    assert re.search(r"\d\u00a0%", tree(of_block("spine"), title="x"))


def test_what_a_rule_says_is_escaped() -> None:
    one = of_block("spine")[0]
    marked = Rule(one.block, one.row.model_copy(update={"then": "<b>& 'x'"}), one.when)
    text = tree([marked], title='"<')
    assert text.count("<b>") == 1  # that of its id
    ET.fromstring(text)


def test_a_patient_s_verdicts_are_marked_in_words_and_strokes() -> None:
    three = of_block("safety")[:3]
    truth = {three[0].id: True, three[1].id: False}
    drawing = leaves_of(ET.fromstring(tree(three, title="x", truth=truth)))
    said = [("holds", "holds"), ("fails", "does not hold"), ("open", "not settled")]
    for rule, (style, words) in zip(three, said, strict=True):
        leaf = drawing[rule.id][0]
        assert leaf.get("class") == f"rule {style}"
        assert text_of(leaf.find(".//span")).endswith(f"· {words}")
    plain = tree(three, title="x")
    assert "not settled" not in plain
    assert 'class="rule "' in plain


def test_a_question_leads_where_its_best_rule_leads() -> None:
    spine = [rule for rule in of_block("spine") if parse("region == 'spine'") in conjuncts(rule.when)]
    truth = {rule.id: False for rule in spine}
    none = ET.fromstring(tree(spine, title="x", truth=truth))
    assert {item.get("class") for item in none.iter("li")} == {"branch fails", "rule fails"}
    one = ET.fromstring(tree(spine, title="x", truth={**truth, spine[0].id: True}))
    assert one[0].get("class") == "branch holds"
