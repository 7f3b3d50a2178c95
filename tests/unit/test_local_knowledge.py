"""A centre's own rules: each kind of override does what it says, and each fault has its file and line."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.overrides import LocalKnowledge, apply, local_knowledge
from osteoplan.knowledge.centre.ruleset import rule_set
from osteoplan.knowledge.expression import parse, renumbered
from osteoplan.knowledge.lint.lint import rule_findings
from osteoplan.knowledge.marked import read_marked
from osteoplan.knowledge.rules import Rule, RuleRow, rules
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import uses, vocabulary
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.local_check import checked_local, example_findings, read_local
from osteoplan.pathway.rules import verdicts

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "centre" / "knowledge"
HEAD = "id: us\ndate: 2026-11-24\nsigned_by: Dr N. N.\n"

# A pathway of our own making, so that these tests do not move when the package's rules do.
OPEN = [{"given": {}, "fires": "unknown", "ask": ["size_mm"]}]


def rule(id: str, when: str, block: str = "spine", **more: object) -> Rule:
    row = {
        "id": id, "when": when, "effect": "caution", "then": "beyond 30 mm, take care", "about": ["pmma"],
        "cite": ["Mirels1989"], "tag": "F", "date": "2026-01-01", "reviewer": "A. B.", "examples": [], **more,
    }  # fmt: skip
    return Rule(block, RuleRow.model_validate(row), parse(when))


SIZE = rule(
    "SP1", "size_mm >= 30",
    examples=[
        {"given": {"size_mm": 30}, "fires": True},
        {"given": {"size_mm": 60}, "fires": True},
        {"given": {"size_mm": 10}, "fires": False},
        *OPEN,
    ],
)  # fmt: skip
HALT = {"effect": "stop", "then": "for the board", "about": [], "first": "the board", "remains": ["biopsy"]}
SAFE = rule("S1", "pregnant", "safety", **HALT, examples=[
    {"given": {"pregnant": True}, "fires": True},
    {"given": {"pregnant": False}, "fires": False},
    {"given": {}, "fires": "unknown", "ask": ["pregnant"]},
])  # fmt: skip
LAST = rule("T1", "age > 70", "technique_fit", examples=[
    {"given": {"age": 70}, "fires": False},
    {"given": {"age": 71}, "fires": True},
    {"given": {}, "fires": "unknown", "ask": ["age"]},
])  # fmt: skip
BASE = (SAFE, SIZE, LAST)

MOVED = """\
thresholds:
  - rule: SP1
    fact: size_mm
    from: 30
    to: 40
    because: our series
    then: beyond 40 mm, take care
    examples:
      - {given: {size_mm: 40}, fires: yes}
      - {given: {size_mm: 39}, fires: no}
"""
ADDED = """\
add:
  - id: X1
    block: spine
    when: ecog > 2
    effect: caution
    then: slowly
    about: [pmma]
    tag: D
    note: our habit
    examples:
      - {given: {ecog: 3}, fires: yes}
      - {given: {ecog: 2}, fires: no}
      - {given: {}, fires: unknown, ask: [ecog]}
"""


def local(folder: Path, text: str, head: str = HEAD, **others: str) -> LocalKnowledge:
    (folder / "rules.yaml").write_text(head + text, encoding="utf-8")
    for name, content in others.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
    return local_knowledge(folder, BASE)


def effective(folder: Path, text: str, **others: str) -> dict[str, Rule]:
    return {rule.id: rule for rule in apply(BASE, local(folder, text, **others))}


# --- what an override does


def test_an_empty_folder_changes_nothing_and_says_whose_it_is(tmp_path: Path) -> None:
    found = local(tmp_path, "")
    assert apply(BASE, found) == BASE
    assert (found.id, found.date, found.signed_by) == ("us", "2026-11-24", "Dr N. N.")
    assert found.signature == "signed by Dr N. N., 2026-11-24"
    assert (found.overrides, found.warnings) == ((), ())


def test_a_new_number_moves_the_threshold_and_keeps_what_it_does_not_touch(tmp_path: Path) -> None:
    rules = effective(tmp_path, MOVED)
    moved = rules["SP1"]
    assert moved.row.when == "size_mm >= 40"
    assert moved.when == parse("size_mm >= 40")
    assert moved.row.then == "beyond 40 mm, take care"
    # size 30 says something else now and is dropped; 60, 10 and "unknown" are kept; two are added
    given = [example.given.get("size_mm") for example in moved.row.examples]
    assert given == [60, 10, None, 40, 39]
    assert rules["S1"] is SAFE
    assert rules["T1"] is LAST


def test_a_touched_rule_rests_on_the_centres_word_too_and_is_checked_by_nobody(tmp_path: Path) -> None:
    row = effective(tmp_path, MOVED)["SP1"].row
    assert (SIZE.row.status, row.status, row.tag) == ("verified", "design_default", "F+D")
    assert row.cite == ("Mirels1989",)
    assert (row.reviewer, row.date) == ("", datetime.date(2026, 11, 24))
    assert row.note == "us: our series"


def test_a_touched_rule_says_where_it_comes_from(tmp_path: Path) -> None:
    rules = effective(tmp_path, MOVED + ADDED)
    assert rules["SP1"].origin == "us: SP1: size_mm 30 becomes 40, because our series"
    assert rules["X1"].origin == "us: X1 is added (spine, caution): slowly"
    assert rules["S1"].origin == ""


def test_a_change_replaces_the_parts_that_it_names(tmp_path: Path) -> None:
    text = (
        "change:\n  - {rule: SP1, effect: exclude, then: not here, about: [fixation], because: our habit}\n"
    )
    changed = effective(tmp_path, text)["SP1"].row
    assert (changed.effect, changed.then, changed.about) == ("exclude", "not here", ("fixation",))
    assert (changed.when, changed.examples) == (SIZE.row.when, SIZE.row.examples)


def test_a_changed_condition_needs_examples_of_its_own(tmp_path: Path) -> None:
    text = "change:\n  - {rule: SP1, when: ecog > 2, because: our habit"
    with pytest.raises(BadInput, match=r"rules.yaml:5: change: rule SP1: no example shows ecog > 2 True"):
        local(tmp_path, f"{text}}}\n")
    examples = "{given: {ecog: 3}, fires: yes}, {given: {ecog: 2}, fires: no}, {given: {}, fires: unknown}"
    changed = effective(tmp_path, f"{text}, examples: [{examples}]}}\n")["SP1"]
    assert changed.when == parse("ecog > 2")
    assert len(changed.row.examples) == 3


def test_a_rule_that_is_off_is_gone_and_told(tmp_path: Path) -> None:
    text = "off:\n  - {rule: T1, because: not our habit}\n"
    assert list(effective(tmp_path, text)) == ["S1", "SP1"]
    assert local(tmp_path, text).overrides == ("T1 is switched off, because not our habit",)


def test_an_added_rule_comes_last_in_its_block_with_the_folders_date(tmp_path: Path) -> None:
    rules = effective(tmp_path, ADDED)
    assert list(rules) == ["S1", "SP1", "X1", "T1"]
    assert rules["X1"].row.date == datetime.date(2026, 11, 24)
    assert (rules["X1"].block, rules["X1"].row.status) == ("spine", "design_default")
    before = effective(tmp_path, ADDED.replace("block: spine", "block: line_of_therapy"))
    assert list(before) == ["S1", "X1", "SP1", "T1"]  # a block without a rule keeps its place


def test_numbers_move_at_once_and_not_one_after_the_other() -> None:
    text = "region == 'spine' and 7 <= sins <= 12 and le_weeks > 12 and ecog in (1, 7)"
    moved = renumbered(text, "sins", {7: 12, 12: 13})
    assert parse(moved) == parse(
        "region == 'spine' and 12 <= sins <= 13 and le_weeks > 12 and ecog in (1, 7)"
    )
    assert parse(renumbered(text, "ecog", {7: 2})) == parse(text.replace("(1, 7)", "(1, 2)"))


def test_two_numbers_of_one_rule_may_move(tmp_path: Path) -> None:
    wide = rule("SP2", "10 <= size_mm <= 20", examples=[
        {"given": {"size_mm": 15}, "fires": True}, {"given": {"size_mm": 1}, "fires": False},
        {"given": {"size_mm": 90}, "fires": False}, *OPEN,
    ])  # fmt: skip
    one = "  - {{rule: SP2, fact: size_mm, from: {}, to: {}, because: ours, examples: [{}]}}\n"
    example = "{{given: {{size_mm: {}}}, fires: yes}}"
    text = "".join(one.format(was, to, example.format(to)) for was, to in ((10, 12), (20, 25)))
    (tmp_path / "rules.yaml").write_text(f"{HEAD}thresholds:\n{text}")
    (moved,) = apply([wide], local_knowledge(tmp_path, [wide]))
    assert moved.row.when == "12 <= size_mm <= 25"
    assert len(moved.row.examples) == 6


def test_a_number_that_two_facts_share_does_not_move_for_both_in_silence(tmp_path: Path) -> None:
    shared = rule("SP2", "size_mm < 30 < axial_mm")
    (tmp_path / "rules.yaml").write_text(HEAD + MOVED.replace("SP1", "SP2"))
    with pytest.raises(BadInput, match="rule SP2 holds axial_mm against the same number: change its 'when'"):
        local_knowledge(tmp_path, [shared])


def test_several_files_are_one_knowledge_and_share_the_date(tmp_path: Path) -> None:
    rules = effective(tmp_path, MOVED, more=ADDED)
    assert rules["X1"].row.date == datetime.date(2026, 11, 24)
    assert rules["SP1"].row.when == "size_mm >= 40"


def test_own_sources_can_be_cited(tmp_path: Path) -> None:
    text = MOVED.replace("because: our series", "because: our series\n    cite: [Ours]")
    found = local(tmp_path, text + "refs:\n  Ours: {text: our own series of 2025}\n")
    assert found.refs["Ours"].text == "our own series of 2025"
    assert apply(BASE, found)[1].row.cite == ("Mirels1989", "Ours")


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    one = local(tmp_path, MOVED).digest
    assert local(tmp_path, MOVED).digest == one
    two = local(tmp_path, MOVED.replace("our series", "our series of 2025")).digest
    three = local(tmp_path, MOVED, more="refs: {}\n").digest
    assert len({one, two, three}) == 3


# --- what every report must say


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "off:\n  - {rule: S1, because: our board}\n",
            "us has switched off the safety rule S1 (for the board)",
        ),
        ("change:\n  - {rule: S1, effect: route, because: our board}\n", "us has changed the safety rule S1"),
    ],
)
def test_a_safety_rule_that_is_off_or_changed_is_a_warning(tmp_path: Path, text: str, words: str) -> None:
    (warning,) = local(tmp_path, text).warnings
    assert words in warning
    assert "because our board" in warning
    assert rule_set(None, local(tmp_path, "")).warnings == ()


def test_a_missing_signature_is_a_warning(tmp_path: Path) -> None:
    for head in ("id: us\ndate: 2026-11-24\n", "id: us\ndate: 2026-11-24\nsigned_by: ' '\n"):
        found = local(tmp_path, "", head=head)
        assert found.warnings == ("the local knowledge of us is not signed",)
        assert found.signature == "not signed, 2026-11-24"


def test_a_text_that_may_still_tell_the_old_number_is_a_warning(tmp_path: Path) -> None:
    silent = MOVED.replace("    then: beyond 40 mm, take care\n", "")
    assert local(tmp_path, MOVED).warnings == ()
    (warning,) = local(tmp_path, silent).warnings
    assert warning == "us: the text of rule SP1 may still tell the old 30; give 'then'"


# --- faults


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            MOVED.replace("rule: SP1", "rule: SP9"),
            ":5: thresholds: rule SP9 does not exist; did you mean 'SP1'?",
        ),
        ("off: [{rule: P4, because: x y}]\n", ":4: off: rule P4 does not exist"),
        (
            MOVED.replace("size_mm\n", "sizemm\n"),
            ":6: thresholds: rule SP1 does not read 'sizemm'; did you mean",
        ),
        (
            MOVED.replace("from: 30", "from: 35"),
            ":7: thresholds: rule SP1 does not hold size_mm against 35; it sta",
        ),
        (MOVED.replace("to: 40", "to: 30"), ":8: thresholds: rule SP1: size_mm is 30 already"),
        (
            MOVED.replace("to: 40", "to: '40'"),
            ":8: thresholds: to: input should be a valid number",
        ),
        (
            MOVED.replace("to: 40", "to: yes"),
            ":8: thresholds: to: input should be a valid number",
        ),
        (
            MOVED.replace("to: 40", "to: 4000"),
            ":5: thresholds: rule SP1: the threshold 4000 of 'size_mm' cannot be",
        ),
        (MOVED.replace("because", "becuse"), "unknown key 'becuse'; did you mean 'because'?"),
        (MOVED.replace("    because: our series\n", ""), ":5: thresholds: 'because' is missing"),
        (
            MOVED.replace("our series", "''"),
            ":9: thresholds: because: string should have at least",
        ),
        (
            MOVED.replace("{size_mm: 40}", "{size_mm: 41}"),
            ":5: thresholds: rule SP1: no example has size_mm at 40",
        ),
        (
            MOVED.replace("because: our series", "because: our series\n    cite: [Nobody]"),
            ":10: thresholds: unknown so",
        ),
        (
            MOVED + "off: [{rule: SP1, because: x y}]\n",
            ":14: off: rule SP1 is overridden twice; the first stands at",
        ),
        (
            "off: [{rule: T1, because: x y}, {rule: T1, because: x y}]\n",
            ":4: off: rule T1 is overridden twice",
        ),
        (
            "change: [{rule: SP1, because: x y}]\n",
            ":4: change: rule SP1: changes nothing: give effect, when, then",
        ),
        (
            "change: [{rule: SP1, effect: caution, because: x y}]\n",
            ":4: change: rule SP1: its effect is that already",
        ),
        (
            "change: [{rule: SP1, effect: forbid, because: x y}]\n",
            ":4: change: effect: input should be",
        ),
        (
            "change: [{rule: SP1, about: [pmna], because: x y}]\n",
            ":4: change: rule SP1: 'about' names 'pmna'",
        ),
        (
            "change: [{rule: SP1, when: size_mm +, because: x y}]\n",
            ":4: change: rule SP1: 'size_mm +' is not an",
        ),
        (
            "change: [{rule: SP1, when: sizemm > 3, because: x y}]\n",
            "'sizemm' is not in the vocabulary; did you mean",
        ),
        ("thresholds:\n", ":4: thresholds: input should be a valid tuple"),
        ("of: []\n", ":4: unknown key 'of'; did you mean 'off'?"),
        ("off:\n  - {rule: T1\n", ": not valid YAML: "),
        ("off: []\noff: []\n", ":5: not valid YAML: the key 'off' stands twice"),
        (ADDED.replace("id: X1", "id: SP1"), ":5: add: id: string should match pattern"),
        (
            ADDED.replace("block: spine", "block: spien"),
            ":6: add: unknown block 'spien'; did you mean 'spine'?",
        ),
        (
            ADDED.replace("when: ecog > 2", "when: ekog > 2"),
            ":5: add: rule X1: 'ekog' is not in the vocabulary; did",
        ),
        (
            ADDED.replace("when: ecog > 2", "when: max(ecog) > 2"),
            ":7: add: rule X1: 'max(ecog) > 2' is outside",
        ),
        (
            ADDED.replace("when: ecog > 2", "when: ecog > 7"),
            ":5: add: rule X1: the threshold 7 of 'ecog' cannot be",
        ),
        (
            ADDED.replace("about: [pmma]", "about: [cemet]"),
            ":5: add: rule X1: 'about' names 'cemet', neither",
        ),
        (ADDED.replace("    about: [pmma]\n", ""), ":5: add: rule X1: cautions nothing: say what in 'about'"),
        (ADDED.replace("    tag: D\n", ""), ":5: add: 'tag' is missing"),
        (ADDED.replace("tag: D", "tag: Q"), "the tag 'Q' is none of"),
        (ADDED.replace("tag: D", "tag: F"), ":5: add: rule X1: verified, but by nobody: give 'cite'"),
        (
            ADDED.replace("    note: our habit\n", ""),
            ":5: add: rule X1: no 'cite', and no 'note' that says why",
        ),
        (
            ADDED.replace("note: our habit", "cite: [Nobody]"),
            ":5: add: rule X1: the citation 'Nobody' is in no file",
        ),
        (
            ADDED.replace("note: our", "since: 2026-01-01\n    note: our"),
            ":5: add: a local rule holds while it stands",
        ),
        (
            ADDED.replace("      - {given: {ecog: 3}, fires: yes}\n", ""),
            ":5: add: rule X1: no example that fires",
        ),
        (
            ADDED.replace("      - {given: {ecog: 2}, fires: no}\n", ""),
            ":5: add: rule X1: no example that does not",
        ),
        (
            ADDED.replace("      - {given: {}, fires: unknown, ask: [ecog]}\n", ""),
            "no example with a fact missing",
        ),
        (
            ADDED.replace("{given: {}", "{given: {egoc: 1}"),
            "an example gives 'egoc', which is not in the vocabulary",
        ),
        (
            "refs: {Mirels1989: {text: something else}}\n",
            ":4: refs: the key 'Mirels1989' is already a source",
        ),
        ("refs: {'A B': {text: something else}}\n", ":4: refs: the key 'A B' has a blank"),
        ("refs: {Ours: {txt: something else}}\n", ":4: refs: Ours: unknown key 'txt'; did you mean 'text'?"),
    ],
)
def test_each_fault_stops_loading_in_one_line_with_file_line_and_reason(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        local(tmp_path, text)
    told = str(refusal.value)
    assert "\n" not in told
    assert told.startswith(f"{tmp_path}/rules.yaml:")
    assert words in told


def test_an_added_rule_cannot_take_an_id_that_is_there(tmp_path: Path) -> None:
    found = local(tmp_path, ADDED)
    there = (*BASE, *(rule for rule in apply(BASE, found) if rule.id == "X1"))
    with pytest.raises(BadInput, match=r"rules.yaml:5: add: rule X1 exists already"):
        apply(there, found)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("date: 2026-11-24\n", ":1: 'id' is missing"),
        ("id: us\n", ":1: 'date' is missing"),
        ("id: Our House\ndate: 2026-11-24\n", ":1: id: string should match pattern"),
        ("id: us\ndate: soon\n", ":2: date: input should be a valid date"),
    ],
)
def test_the_head_must_say_whose_and_of_when(tmp_path: Path, head: str, words: str) -> None:
    with pytest.raises(BadInput) as refusal:
        local(tmp_path, "", head=head)
    assert words in str(refusal.value)


def test_a_fault_in_a_second_file_is_told_there_and_nothing_is_applied(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"more.yaml:2: add: 'then' is missing"):
        local(tmp_path, MOVED, more=ADDED.replace("    then: slowly\n", ""))
    with pytest.raises(BadInput, match=r"more.yaml:1: unknown key 'id'"):
        local(tmp_path, MOVED, more="id: us\n")


def test_a_folder_that_would_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        local_knowledge(tmp_path / "nowhere", BASE)
    with pytest.raises(BadInput, match=r"no rules\.yaml here"):
        local_knowledge(tmp_path, BASE)
    (tmp_path / "more.yml").write_text(ADDED)
    with pytest.raises(BadInput, match=r"more\.yml: would not be read; name it more\.yaml"):
        local(tmp_path, "")


def test_the_deepest_line_that_the_file_has_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\nb:\n  - c: 1\n    d: 2\n  -\n    c: 3\n")
    marked = read_marked(tmp_path / "a.yaml")
    lines = [
        marked.line(path) for path in ((), ("a",), ("b",), ("b", 0, "d"), ("b", 1, "c"), ("b", 1, "zz", 4))
    ]
    assert lines == [1, 1, 2, 4, 6, 6]
    assert marked.line(("zz",)) == 1


# --- examples, asked


OURS = """\
change:
  - rule: P4
    because: ours
    when: "region == 'pelvic_ring' and size_mm >= 30"
    examples:
      - {given: {region: pelvic_ring, size_mm: 30}, fires: yes}
      - {given: {region: pelvic_ring, size_mm: 29}, fires: no}
      - {given: {region: pelvic_ring}, fires: unknown, ask: [size_mm]}
      - {given: {region: spine, size_mm: 60}, fires: no}
      - {given: {region: pelvic_ring, size_mm: 60}, fires: yes}
"""


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (
            "size_mm: 60}, fires: yes",
            "size_mm: 60}, fires: no",
            ":13: change: rule P4: the example on region: pelvic_ring, size_mm: 60 says no and comes out yes",
        ),
        (
            "ask: [size_mm]",
            "ask: [region]",
            ":11: change: rule P4: the example on region: pelvic_ring asks for size_mm, and says region",
        ),
        ("spine, size_mm: 60", "spine, size_mm: big", ":12: change: rule P4: an example: size_mm is 'big'"),
    ],
)
def test_an_example_that_does_not_come_out_as_written_stops_loading(
    tmp_path: Path, was: str, now: str, words: str
) -> None:
    (tmp_path / "rules.yaml").write_text(HEAD + OURS)
    assert read_local(tmp_path).overrides
    (tmp_path / "rules.yaml").write_text(HEAD + OURS.replace(was, now))
    with pytest.raises(BadInput) as refusal:
        read_local(tmp_path)
    assert words in str(refusal.value)


def test_the_examples_of_the_packages_own_rules_come_out_as_written() -> None:
    for own in rules():
        assert list(example_findings(own)) == []


# --- in a book, and the folder that the page shows


def test_the_example_folder_passes_every_check_and_speaks() -> None:
    found = checked_local(local_knowledge(EXAMPLE))
    ours = rule_set(None, found)
    about = {*uses(), *technique_cards()}
    for own in ours.rules:
        if own.origin:
            assert list(rule_findings(own.row, vocabulary(), about)) == []
    facts = {"region": "spine", "collapse_pct": 70}
    said = {verdict.rule: verdict for verdict in verdicts(Facts(facts), ours)}
    assert said["X1"].truth is True
    assert "X1" not in {verdict.rule for verdict in verdicts(Facts(facts))}
    pelvis = {"region": "pelvic_ring", "fx": "none", "size_mm": 35, "cortical_erosion": True,
              "matrix": "lytic", "le_weeks": 30, "displaced": False, "benign": False}  # fmt: skip
    assert {v.rule: v.truth for v in verdicts(Facts(pelvis), ours)}["P4"] is False
    assert {v.rule: v.truth for v in verdicts(Facts(pelvis))}["P4"] is True
    assert len(ours.overrides) == 4
    assert ours.rule("T6") is None
    assert "example-hospital" in ours.stamp
