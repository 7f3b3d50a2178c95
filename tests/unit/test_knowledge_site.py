"""The knowledge as pages: everything is there, every link arrives, and nothing needs a network."""

import datetime
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.ruleset import RuleSet, rule_set
from osteoplan.knowledge.expression import parse
from osteoplan.knowledge.load import documents, release
from osteoplan.knowledge.order import order
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.rules import Rule, blocks, every_version
from osteoplan.knowledge.scores import score_tables
from osteoplan.knowledge.techniques import TechniqueFile
from osteoplan.knowledge.vocabulary import uses, vocabulary
from osteoplan.model.evidence import Citation
from osteoplan.model.technique import SECTIONS
from osteoplan.report.knowledge.library import Word, anchor, href, library
from osteoplan.report.knowledge.site import pages
from osteoplan.report.knowledge.words import grouped, plain_value
from osteoplan.workflow.knowledge_site import write_site

VOID = {"meta", "br", "hr", "img", "link", "input", "rect", "circle", "path", "polyline"}
TECHNIQUES = {file.id: file for file in documents("techniques", TechniqueFile).values()}


class Read(HTMLParser):
    """What a browser would see: words, ids, links; and whether every tag is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).replace("\u00a0", " ").split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.ids += [found["id"]] if found.get("id") else []
        self.links += [found["href"]] if tag == "a" and found.get("href") else []
        self.loads += [found[name] for name in ("src", "srcset", "data") if found.get(name)]
        self.loads += [found["href"]] if tag != "a" and found.get("href") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)


@pytest.fixture(scope="module")
def site() -> dict[str, str]:
    return pages(rule_set())


@pytest.fixture(scope="module")
def read(site: dict[str, str]) -> dict[str, Read]:
    return {name: Read(html) for name, html in site.items()}


def local(whose: RuleSet, **changes: object) -> RuleSet:
    return replace(whose, local="St Elsewhere 0123456789ab", **changes)  # type: ignore[arg-type]


# --- everything is there ---------------------------------------------------------------------------------


def test_there_is_a_page_for_every_block_score_and_technique_and_one_for_each_list(
    site: dict[str, str],
) -> None:
    lists = {"index.html", "rules.html", "scores.html", "techniques.html", "order.html", "facts.html"}
    expected = lists | {"sources.html"}
    expected |= {href("block", id) for id in blocks()}
    expected |= {href("score", id) for id in score_tables()}
    expected |= {href("technique", id) for id in TECHNIQUES}
    assert set(site) == expected
    assert len(site) == 7 + len(blocks()) + len(score_tables()) + len(TECHNIQUES)
    assert next(iter(site)) == "index.html"


def test_every_piece_can_be_reached_by_a_link_of_its_own(read: dict[str, Read]) -> None:
    wanted = [href("rule", rule.id, rule.block) for rule in rule_set().rules]
    wanted += [href("fact", name) for name in vocabulary()]
    wanted += [href("use", name) for name in uses()]
    wanted += [href("source", key) for key in citations()]
    wanted += [href("order", row.id) for row in order().rows]
    for link in wanted:
        file, _, id = link.partition("#")
        assert read[file].ids.count(id) == 1, link


def test_every_link_within_the_pages_arrives(read: dict[str, Read]) -> None:
    lost = []
    for name, page in read.items():
        for link in page.links:
            if link.startswith("https://"):
                continue
            file, _, id = link.partition("#")
            if file not in read or (id and id not in read[file].ids):
                lost.append(f"{name}: {link}")
    assert lost == []


def test_every_page_is_linked_from_another(read: dict[str, Read]) -> None:
    linked = {link.partition("#")[0] for name, page in read.items() for link in page.links}
    assert set(read) <= linked


def test_every_rule_is_told_whole(read: dict[str, Read]) -> None:
    for rule in rule_set().rules:
        page = read[href("block", rule.block)]
        # once in the drawing, once in the table
        assert page.text.count(" ".join(rule.row.then.split())) >= 2, rule.id
        assert f"{len(rule.row.examples)} examples" in page.text
        assert all(key in page.text for key in rule.row.cite)


def test_every_statement_of_every_monograph_is_told_with_its_note(read: dict[str, Read]) -> None:
    for id, file in TECHNIQUES.items():
        text = read[href("technique", id)].text
        for name in SECTIONS:
            for row in getattr(file, name):
                assert " ".join(row.text.split()) in text, (id, row.text)
                assert " ".join(row.note.split()) in text, (id, row.note)
        assert all(" ".join(none.split()) in text for none in file.nothing_found.values())


def test_every_answer_of_every_score_is_told_with_its_points(read: dict[str, Read]) -> None:
    for id, table in score_tables().items():
        text = read[href("score", id)].text
        said = [item.ask for item in table.items.values()]
        said += [level.text for item in table.items.values() for level in item.levels.values()]
        said += [band.text for reading in table.readings.values() for band in reading.bands]
        said += [row.text for row in table.classes.values()]
        said += [row.text for row in table.conflicts]
        for one in said:
            assert " ".join(one.split()) in text, (id, one)


def test_every_fact_is_told_with_its_question(read: dict[str, Read]) -> None:
    text = read["facts.html"].text
    for name, row in vocabulary().items():
        assert row.ask in text, name
        assert row.label in text


def test_every_source_is_told_and_linked_by_doi_and_pubmed(read: dict[str, Read]) -> None:
    page = read["sources.html"]
    for key, source in citations().items():
        assert " ".join(source.text.split()) in page.text, key
        assert not source.doi or f"https://doi.org/{source.doi}" in page.links
        assert not source.pmid or f"https://pubmed.ncbi.nlm.nih.gov/{source.pmid}/" in page.links


def test_a_source_says_what_rests_on_it() -> None:
    lib = library(rule_set())
    for rule in rule_set().rules:
        for key in rule.row.cite:
            assert rule.id in [word.text for word in lib.users_of_source[key]], (rule.id, key)
    for file in TECHNIQUES.values():
        for name in SECTIONS:
            for row in getattr(file, name):
                for key in row.cite:
                    assert href("technique", file.id) in [word.href for word in lib.users_of_source[key]]


def test_the_counts_on_the_first_page_add_up(read: dict[str, Read]) -> None:
    found = Counter(rule.row.status for rule in rule_set().rules)
    numbers = [sum(found.values()), found["verified"], found["design_default"], found["unverified"], 0]
    assert f"rules {' '.join(map(str, numbers))}" in read["index.html"].text
    assert release().version in read["index.html"].text


def test_no_page_tells_a_person_that_something_is_verified(read: dict[str, Read]) -> None:
    assert "No clinician has agreed" in read["index.html"].text
    for name, page in read.items():
        assert not re.search(r"verified", page.text, re.IGNORECASE), name


def test_none_of_a_few_has_its_limit_and_a_borrowed_number_its_owner(read: dict[str, Read]) -> None:
    for id, words in (
        ("cementoplasty", "0 of 25 patients, upper 95 % limit 14 %"),
        ("vertebral-implant", "0 of 41 vertebrae, upper 95 % limit 9 %"),
        ("vertebroplasty", "other population: osteoporotic fractures, not tumours"),
        ("sbrt", "against 60.5 % with conventional radiotherapy"),
    ):
        assert words in read[f"technique-{id}.html"].text, id


# --- how it is told --------------------------------------------------------------------------------------


def test_every_page_says_research_use_only(read: dict[str, Read], site: dict[str, str]) -> None:
    for name, page in read.items():
        assert "Research use only. Not a medical device." in page.text, name
        assert release().version in page.text
        assert "@page" in site[name]


def test_every_page_is_sound_html_with_ids_that_stand_once(read: dict[str, Read]) -> None:
    for name, page in read.items():
        assert page.faults == [], name
        assert page.open == [], name
        assert [id for id, count in Counter(page.ids).items() if count > 1] == [], name


def test_nothing_is_loaded_and_nothing_runs(read: dict[str, Read], site: dict[str, str]) -> None:
    for name, html in site.items():
        assert read[name].loads == [], name
        assert "<script" not in html
        assert "default-src 'none'" in html
        assert not re.search(r"\son\w+=", html)


def test_no_notation_and_no_empty_value_reaches_a_reader(read: dict[str, Read]) -> None:
    for name, page in read.items():
        assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b|nan\b", page.text), name
        assert "==" not in page.text, name
        assert "!=" not in page.text, name


@pytest.mark.parametrize("block", blocks())
def test_no_bare_name_of_a_fact_stands_on_a_page_of_rules(read: dict[str, Read], block: str) -> None:
    words = set(re.findall(r"\w+", read[href("block", block)].text))
    assert {name for name in vocabulary() if "_" in name} & words == set()


def test_whatever_a_centre_writes_is_escaped() -> None:
    own = rule_set()
    first = own.rules[0]
    bad = Rule(first.block, first.row.model_copy(update={"then": "<script>x</script> & <b>"}), first.when)
    html = pages(local(own, rules=(bad, *own.rules[1:]), overrides=("<i>",)), title="<u>")
    assert all("<script" not in page and "<i>" not in page and "<u>" not in page for page in html.values())


# --- versions and centres --------------------------------------------------------------------------------


def test_the_rules_of_another_day_show_what_is_not_in_force() -> None:
    versions = Counter(rule.id for rule in every_version())
    several = next((id for id, count in versions.items() if count > 1), None)
    if several is None:  # the release has no superseded rule: make one go out of force
        own = rule_set()
        kept = replace(own, rules=own.rules[1:])
        block, gone = own.rules[0].block, own.rules[0].row.then
        text = Read(pages(kept)[href("block", block)]).text
        assert "Not in force" in text
        assert " ".join(gone.split()) in text
        return
    first = min(
        (r for r in every_version() if r.id == several), key=lambda r: r.row.since or datetime.date.min
    )
    text = Read(pages(rule_set())[href("block", first.block)]).text
    assert "Not in force" in text
    assert " ".join(first.row.then.split()) in text


def test_what_a_centre_changed_stands_first_with_its_warnings() -> None:
    own = rule_set()
    mine = local(
        own, overrides=("SP1 was changed: sins 13 -> 12",), warnings=("not signed by anybody",), signed_by=""
    )
    made = pages(mine)
    text = Read(made["index.html"]).text
    assert text.index("Changed by St Elsewhere") < text.index("How well checked")
    assert "SP1 was changed" in text
    assert "not signed by anybody" in text
    assert "Signed by nobody" in text
    assert all("St Elsewhere" in Read(page).text for page in made.values())
    assert "Changed by" not in Read(pages(own)["index.html"]).text


def test_an_added_rule_with_the_centre_s_own_source_is_shown_and_linked() -> None:
    own = rule_set()
    first = own.rules[0]
    row = first.row.model_copy(update={"id": "X1", "cite": ("OwnAudit",), "then": "our own rule"})
    added = Rule(first.block, row, parse("infection and age > 70"), "St Elsewhere: audit")
    sources = {"OwnAudit": Citation("OwnAudit", "Audit of 2025, unpublished")}
    made = pages(local(own, rules=(*own.rules, added)), sources=sources)
    assert href("rule", "X1", first.block) in Read(made["sources.html"]).links
    text = Read(made[href("block", first.block)]).text
    assert "changed here by St Elsewhere: audit" in text
    assert "active infection: yes" in text


# --- small words -----------------------------------------------------------------------------------------


def test_values_of_examples_read_as_people_say_them() -> None:
    facts = vocabulary()
    assert plain_value(None, None) == "unknown"
    assert plain_value(True, facts["infection"]) == "yes"
    assert plain_value(30.1, facts["size_mm"]) == "30.1 mm"
    assert plain_value([10, 15], facts["sins"]) == "10 to 15"
    assert plain_value("1c", facts["bilsky"]) == "1c (cord touched, not compressed)"
    assert plain_value([], None) == "none"
    assert plain_value(["a", "b"], None) == "a and b"
    with pytest.raises(BadInput, match="cannot be a dict"):
        plain_value({}, None)


def test_a_column_without_any_word_is_left_out(site: dict[str, str]) -> None:
    heads = []
    for id in score_tables():
        for table in re.findall(r'<table class="grid.*?</table>', site[href("score", id)], re.S):
            titles, *rows = (
                re.findall(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", row) for row in re.findall(r"<tr\b.*?</tr>", table)
            )
            assert all(len(row) == len(titles) for row in rows), id
            assert all(any(column) for column in zip(*rows, strict=True)), (id, titles)
            heads.append(titles)
    examples = [titles for titles in heads if titles[:1] == ["answers"]]
    for column in (
        "total",
        "gives",
        "missing",
    ):  # each is told of some scores, and left out where it is empty
        assert any(column in titles for titles in examples), column
    assert any("gives" not in titles for titles in examples)


def test_users_are_grouped_by_kind_and_nobody_is_said_aloud(read: dict[str, Read]) -> None:
    rule = Word("SP1", "block-spine.html#rule-SP1")
    score, other = Word("sins", "score-sins.html"), Word("cement: growth")
    assert grouped((rule, score, other)) == {"rules": [rule], "scores": [score], "other data": [other]}
    assert list(grouped((rule, score, other))) == ["rules", "scores", "other data"]
    assert grouped(()) == {}
    lib = library(rule_set())
    unread = [name for name in lib.facts if name not in lib.users_of_fact]
    unused = [key for key in lib.sources if key not in lib.users_of_source]
    assert read["facts.html"].text.count("nothing yet") == len(unread)
    assert read["sources.html"].text.count("nothing yet") == len(unused)
    assert unread or unused


def test_an_anchor_has_no_sign_that_a_link_would_break_on() -> None:
    assert anchor("source", "ijssurgery15-353 (b)") == "source-ijssurgery15-353-b-"
    names = [anchor("source", key) for key in citations()]
    assert len(names) == len(set(names))


# --- writing ---------------------------------------------------------------------------------------------


def test_pages_are_written_whole_and_other_files_left_alone(tmp_path: Path, site: dict[str, str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    files = write_site(tmp_path / "deep" / "site", rule_set())
    assert files[0].name == "index.html"
    assert {file.name for file in files} == set(site)
    assert all(file.read_text(encoding="utf-8") == site[file.name] for file in files)
    assert sorted(p.name for p in (tmp_path / "deep" / "site").iterdir()) == sorted(site)
    again = write_site(tmp_path, rule_set())
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(again) == len(files)


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(BadInput, match="the pages cannot be written here"):
        write_site(tmp_path / "taken", rule_set())


def test_the_pages_do_not_hang_on_chance(site: dict[str, str]) -> None:
    assert pages(rule_set()) == site
