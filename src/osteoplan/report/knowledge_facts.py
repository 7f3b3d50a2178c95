"""The pages of the words and their sources: facts, what techniques use, and who said what."""

from __future__ import annotations

from osteoplan.knowledge.codes import CodeRow, codes, without_code
from osteoplan.knowledge.vocabulary import FactRow
from osteoplan.model.evidence import Citation
from osteoplan.report.knowledge_library import Library
from osteoplan.report.knowledge_views import (
    Entry,
    Page,
    Part,
    Row,
    Table,
    Text,
    Word,
    anchor,
    basis_of,
    cell,
    condition,
    grouped,
    href,
    joined,
    said,
)
from osteoplan.report.rule_words import level_words, with_unit

__all__ = ["facts_page", "sources_page"]

_LONG = 8  # levels; more of them run on instead of standing one by one
_SYSTEMS = {"http://loinc.org": "LOINC", "http://snomed.info/sct": "SNOMED CT"}


def facts_page(lib: Library) -> Page:
    """Every fact by group, then what techniques can use."""
    groups = dict.fromkeys(row.group for row in lib.facts.values())
    sections = [
        Part(
            group or "other",
            table=Table(
                ("fact", "question", "may be", "read by"),
                tuple(_fact(lib, name, row) for name, row in lib.facts.items() if row.group == group),
                "facts",
            ),
        )
        for group in groups
    ]
    lead = said(
        "The words that rules and scores use. A fact that nobody gave is unknown and stays unknown: no rule "
        "reads it as no, and a rule that needs it asks the question printed here.",
        "The name in small type is what a file of facts writes.",
    )
    return Page(
        "facts.html", "facts", "Facts", lead,
        (*sections, _uses(lib), _codes(lib)),
    )  # fmt: skip


def sources_page(lib: Library) -> Page:
    """Every source, with its identifiers and everything that rests on it."""
    rows = tuple(_source(lib, key, lib.sources[key]) for key in sorted(lib.sources, key=str.lower))
    lead = said(
        "Who said what, and what rests on it.",
        "Links to publishers need a network; nothing else here does.",
    )
    table = Table(("key", "source", "used by"), rows, "sources")
    return Page("sources.html", "sources", "Sources", lead, (Part("", table=table),))


def _fact(lib: Library, name: str, row: FactRow) -> Row:
    score = [Word(f"score: {lib.scores[name].name}", href("score", name))] if name in lib.scores else []
    follows: tuple[str | Text, ...] = ()
    if row.follows_from:
        follows = (Text((Word("follows, where nobody said, from"),), style="soft"),
                   *condition(row.follows_from, lib.facts))  # fmt: skip
    readers = lib.users_of_fact.get(name, ())
    return Row(
        (
            cell(Text((Word(row.label),), style="strong"), Text((Word(name),), style="code")),
            cell(row.ask, Text((Word(row.note),), style="soft") if row.note else ""),
            cell(*_may_be(row), *score, *follows),
            cell(*grouped(readers)),
        ),
        anchor=anchor("fact", name),
    )


def _may_be(row: FactRow) -> tuple[str | Text, ...]:
    if row.range is not None:
        whole = "whole number, " if row.kind == "integer" else ""
        low, high = row.range
        return (f"{whole}{with_unit(low, '1')} to {with_unit(high, row.unit)}",)
    if row.kind == "bool":
        return ("yes, no",)
    several = "any of these, or none: " if row.kind == "several" else ""
    if all(level == text for level, text in row.levels.items()):
        return (several + ", ".join(row.levels),)
    if len(row.levels) > _LONG:
        words = [level if level == text else f"{level} ({text})" for level, text in row.levels.items()]
        return (several + ", ".join(words),)
    lines = [
        Text((Word(level), *([Word(f": {text}")] if text != level else [])))
        for level, text in row.levels.items()
    ]
    return (several.strip(), *lines) if several else tuple(lines)


def _uses(lib: Library) -> Part:
    """What a rule can be about, beside single techniques."""
    rows = []
    for id, text in lib.uses.items():
        users = [lib.called(file.id) for file in lib.techniques.values() if id in file.uses]
        who = cell(joined(users)) if users else Entry(())
        rows.append(
            Row((cell(Text((Word(text),), style="strong"), Text((Word(id),), style="code")), who),
                anchor=anchor("use", id))
        )  # fmt: skip
    lead = Text((Word("A rule can be about a technique, or about everything that uses one of these."),))
    return Part("What techniques use", (lead,), Table(("use", "techniques"), tuple(rows)))


def _codes(lib: Library) -> Part:
    """Codes by which other systems know a fact."""
    rows = tuple(
        Row(
            (cell(f"{_SYSTEMS[row.system]} {row.code}"), cell(row.display), _coded(lib, row)),
            basis_of(row, lib.sources),
        )
        for row in codes().values()
    )
    return Part("Codes in other systems", said(without_code()), Table(("code", "is called", "fact"), rows))


def _coded(lib: Library, row: CodeRow) -> Entry:
    """The fact that a code records, or prompts."""
    if not row.fact:
        return cell("whom the services are for")
    level = f"prompts: {level_words(lib.facts[row.fact], row.level)}" if row.level else ""
    return cell(Word(lib.facts[row.fact].label, href("fact", row.fact)), level)


def _source(lib: Library, key: str, source: Citation) -> Row:
    links = []
    if source.doi:
        links.append(Word(f"doi:{source.doi}", f"https://doi.org/{source.doi}"))
    if source.pmid:
        links.append(Word(f"PubMed {source.pmid}", f"https://pubmed.ncbi.nlm.nih.gov/{source.pmid}/"))
    if source.url:
        links.append(Word(source.url, source.url))
    users = lib.users_of_source.get(key, ())
    return Row(
        (
            cell(Text((Word(key),), style="code")),
            cell(source.text, *links),
            cell(*grouped(users)),
        ),
        anchor=anchor("source", key),
    )
