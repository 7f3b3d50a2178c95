"""Conditions in plain words, and rules drawn as a tree of questions."""

import itertools
import re
import string
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteoplan.knowledge.expression import AllOf, Compare, Expression, names, parse
from osteoplan.knowledge.rules import Rule, blocks, every_version, rules
from osteoplan.knowledge.scores import score_tables
from osteoplan.knowledge.vocabulary import FactRow, vocabulary
from osteoplan.model.case import Fact
from osteoplan.pathway.expression import evaluate, samples
from osteoplan.report.rule_branches import branches, paths
from osteoplan.report.rule_tree import Drawing, about_names, drawings, svg
from osteoplan.report.rule_words import (
    conjuncts,
    level_words,
    outline,
    phrase,
    sentence,
    unnegated,
    with_unit,
)
from osteoplan.report.text_width import text_width, wrapped

FACTS = vocabulary()
ALL = every_version()
CONDITIONS = {f"{rule.id} {rule.row.when[:40]}": rule.when for rule in ALL}
BLOCKS = tuple(blocks())


def of_block(block: str) -> list[Rule]:
    return [rule for rule in rules() if rule.block == block]


def drawn(block: str) -> tuple[Drawing, ...]:
    return drawings(of_block(block), title=blocks()[block])


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


# --- widths ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bold", "weight"), [(False, "normal"), (True, "bold")])
def test_no_character_is_wider_than_the_table_says(bold: bool, weight: str) -> None:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font, LoadFlags

    font = FT2Font(findfont(FontProperties(family="DejaVu Sans", weight=weight)))
    font.set_size(100, 72)
    characters = {c for rule in ALL for c in rule.row.then + sentence(rule.when, FACTS)} | set(
        string.printable[:95] + "é→°≥·×−–²³⁹’“…"
    )
    for character in characters:
        real = font.load_char(ord(character), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536.0
        assert text_width(character, 100.0, bold=bold) >= real, character


@given(st.text(alphabet="abc mW%, ", max_size=80), st.floats(15, 300))
def test_wrapping_keeps_every_letter_and_fits_the_room(text: str, room: float) -> None:
    lines = wrapped(text, 11.0, room)
    assert "".join(lines).replace(" ", "").replace("\u00a0", "") == text.replace(" ", "")
    assert all(text_width(line, 11.0) <= room for line in lines)


def test_a_number_is_not_parted_from_its_unit() -> None:
    assert wrapped("aaaa 25 %", 10.0, text_width("aaaa 25", 10.0) + 1.0) == ("aaaa", "25\u00a0%")


# --- tree ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", BLOCKS)
def test_every_rule_is_a_leaf_once(block: str) -> None:
    leaves = [leaf.rule for drawing in drawn(block) for leaf in drawing.leaves]
    assert sorted(leaves) == sorted(rule.id for rule in of_block(block))


@pytest.mark.parametrize("block", BLOCKS)
def test_the_way_to_a_leaf_says_the_same_as_its_rule(block: str) -> None:
    ways = {leaf.rule: AllOf(leaf.path) for drawing in drawn(block) for leaf in drawing.leaves}
    for rule in of_block(block):
        for facts in trials(rule.when):
            assert evaluate(ways[rule.id], facts) is evaluate(rule.when, facts), (rule.id, facts)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_region_is_asked_first(block: str) -> None:
    for _, way in paths(branches(of_block(block))):
        asked = [names(part) for part in way]
        assert ("region",) not in asked[1:], asked


def test_what_several_rules_share_is_asked_once() -> None:
    tree = branches(of_block("spine"))
    spine = parse("region == 'spine'")
    assert sum(branch.conditions[0] == spine for branch in tree) == 1
    assert {rule.id for rule, way in paths(tree) if spine in way} == {
        rule.id for rule in of_block("spine") if spine in conjuncts(rule.when)
    }


def test_the_tree_does_not_hang_on_chance() -> None:
    assert [drawn(block) for block in BLOCKS] == [drawn(block) for block in BLOCKS]


# --- drawing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", BLOCKS)
def test_no_two_boxes_overlap(block: str) -> None:
    for drawing in drawn(block):
        boxes = [*drawing.questions, *drawing.leaves]
        for a, b in itertools.combinations(boxes, 2):
            apart = (
                a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            )
            assert apart, (a, b)


@pytest.mark.parametrize("block", BLOCKS)
def test_no_text_leaves_its_box_and_no_box_the_drawing(block: str) -> None:
    for drawing in drawn(block):
        for box in (*drawing.questions, *drawing.leaves):
            assert box.x >= 0.0
            assert box.y >= 0.0
            assert box.x + box.width <= drawing.width
            assert box.y + box.height <= drawing.height
            for line in box.lines:
                left, right = line.span
                assert left >= box.x
                assert right <= box.x + box.width, line.text
                assert box.y < line.y - 0.7 * line.size
                assert line.y + 0.2 * line.size < box.y + box.height, line.text


@pytest.mark.parametrize("block", BLOCKS)
def test_no_two_texts_of_a_box_overlap(block: str) -> None:
    for drawing in drawn(block):
        for box in (*drawing.questions, *drawing.leaves):
            for a, b in itertools.combinations(box.lines, 2):
                beside = a.span[1] <= b.span[0] or b.span[1] <= a.span[0]
                assert beside or abs(a.y - b.y) >= 0.95 * max(a.size, b.size), (a.text, b.text)


@pytest.mark.parametrize("block", BLOCKS)
def test_no_line_runs_through_a_box(block: str) -> None:
    for drawing in drawn(block):
        boxes = [*drawing.questions, *drawing.leaves]
        for link in drawing.links:
            for (x1, y1), (x2, y2) in itertools.pairwise(link.points):
                left, right = sorted((x1, x2))
                low, high = sorted((y1, y2))
                for box in boxes:
                    through = (
                        left < box.x + box.width - 0.01
                        and right > box.x + 0.01
                        and low < box.y + box.height - 0.01
                        and high > box.y + 0.01
                    )
                    assert not through, (link, box)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_drawing_fits_a_landscape_page(block: str) -> None:
    for drawing in drawn(block):
        assert drawing.width <= 1047.0  # 277 mm of A4 at 96 dpi
        assert drawing.height <= 540.0 or len(drawing.leaves) == 1


@pytest.mark.parametrize("block", BLOCKS)
def test_every_leaf_prints_its_effect_text_and_status(block: str) -> None:
    by_id = {rule.id: rule for rule in of_block(block)}
    called = about_names()
    for drawing in drawn(block):
        for leaf in drawing.leaves:
            rule = by_id[leaf.rule]
            text = " ".join(line.text for line in leaf.lines).replace("\u00a0", " ")
            assert f"{rule.row.effect}  {rule.id}" in text
            assert rule.row.then in text.replace("  ", " ")
            status = {"verified": "verified", "unverified": "unverified", "design_default": "our default"}
            assert status[rule.row.status] in text
            assert all(called[word] in text for word in rule.row.about)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_svg_parses_loads_nothing_and_has_a_shape_for_every_effect(block: str) -> None:
    for drawing in drawn(block):
        root = ET.fromstring(svg(drawing))
        shapes = [g.get("class", "") for g in root.iter("{http://www.w3.org/2000/svg}g")]
        assert [s for s in shapes if s.startswith("effect-")] == [
            f"effect-{x.effect}" for x in drawing.leaves
        ]
        assert "href" not in svg(drawing)
        assert "url(" not in svg(drawing)


def test_what_a_rule_says_is_escaped() -> None:
    one = of_block("spine")[0]
    marked = Rule(one.block, one.row.model_copy(update={"then": "<b>& 'x'"}), one.when)
    text = svg(drawings([marked], title='"<')[0])
    assert "<b>" not in text
    ET.fromstring(text)


def test_a_patient_s_verdicts_are_marked_in_words_and_strokes() -> None:
    three = of_block("safety")[:3]
    truth = {three[0].id: True, three[1].id: False}
    drawing = drawings(three, title="x", truth=truth)[0]
    assert {leaf.rule: leaf.truth for leaf in drawing.leaves} == {
        three[0].id: "holds", three[1].id: "does not hold", three[2].id: "unknown",
    }  # fmt: skip
    text = svg(drawing)
    assert "not settled" in text
    assert "does not hold" in text
    assert 'class="rule open"' in text
    plain = svg(drawings(three, title="x")[0])
    assert "not settled" not in plain


def test_a_question_leads_where_its_best_rule_leads() -> None:
    spine = [rule for rule in of_block("spine") if parse("region == 'spine'") in conjuncts(rule.when)]
    truth = {rule.id: False for rule in spine}
    assert {q.truth for d in drawings(spine, title="x", truth=truth) for q in d.questions} == {
        "does not hold"
    }
    first = drawings(spine, title="x", truth={**truth, spine[0].id: True})[0].questions[0]
    assert first.truth == "holds"
