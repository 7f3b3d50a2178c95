"""Everything that the pages of the knowledge show, gathered once, and who uses what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.ruleset import RuleSet
from osteoplan.knowledge.evidence import EvidenceFile, evidence
from osteoplan.knowledge.expression import names, parse
from osteoplan.knowledge.load import documents, raw
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.rules import Rule, blocks, every_version
from osteoplan.knowledge.scores import ScoreTable, score_tables
from osteoplan.knowledge.techniques import TechniqueFile
from osteoplan.knowledge.vocabulary import FactRow, resources, uses, vocabulary
from osteoplan.model.evidence import Citation
from osteoplan.report.knowledge_views import Word, capitalised, href

__all__ = ["Library", "library"]


@dataclass(frozen=True)
class Library:
    """What the pages show.

    Attributes:
        rule_set: the effective rules, and what a centre changed.
        older: versions of rules that are not in force.
        users_of_source, users_of_fact: who cites a source, who reads a fact.
    """

    rule_set: RuleSet
    older: tuple[Rule, ...]
    blocks: Mapping[str, str]
    facts: Mapping[str, FactRow]
    uses: Mapping[str, str]
    resources: Mapping[str, str]
    scores: Mapping[str, ScoreTable]
    techniques: Mapping[str, TechniqueFile]
    outcomes: Mapping[str, EvidenceFile]
    sources: Mapping[str, Citation]
    users_of_source: Mapping[str, tuple[Word, ...]] = field(default_factory=dict)
    users_of_fact: Mapping[str, tuple[Word, ...]] = field(default_factory=dict)

    def called(self, id: str) -> Word:
        """A technique or use by its name, with the way to it."""
        if id in self.techniques:
            return Word(self.techniques[id].title, href("technique", id))
        return Word(self.uses.get(id, id), href("use", id))

    def rules_about(self, technique: str) -> tuple[Rule, ...]:
        """Rules whose effect is about a technique or something that it uses."""
        concerned = {technique, *self.techniques[technique].uses}
        return tuple(rule for rule in self.rule_set.rules if concerned & set(rule.row.about))


def rule_word(rule: Rule) -> Word:
    """A rule by its id, with the way to it."""
    return Word(rule.id, href("rule", rule.id, rule.block), f"{rule.row.effect}: {rule.row.then}")


def library(rule_set: RuleSet, own_sources: Mapping[str, Citation] | None = None) -> Library:
    """The package's knowledge with the rules of a rule set; ``own_sources`` are a centre's, by key."""
    files = {file.id: file for file in documents("techniques", TechniqueFile).values()}
    effective = [rule.row for rule in rule_set.rules]
    used, read = _users(rule_set.rules, {id: file.title for id, file in files.items()})
    return Library(
        rule_set=rule_set,
        older=tuple(rule for rule in every_version() if rule.row not in effective),
        blocks=blocks(),
        facts=vocabulary(),
        uses=uses(),
        resources={id: text for rows in resources().values() for id, text in rows.items()},
        scores=score_tables(),
        techniques=files,
        outcomes=evidence(),
        sources={**citations(), **(own_sources or {})},
        users_of_source=used,
        users_of_fact=read,
    )


def _users(
    rules: tuple[Rule, ...], titles: Mapping[str, str]
) -> tuple[Mapping[str, tuple[Word, ...]], Mapping[str, tuple[Word, ...]]]:
    """Who cites each source, and who reads each fact: rules first, then files by name."""
    cited: dict[str, dict[Word, None]] = {}
    read: dict[str, dict[Word, None]] = {}
    for rule in rules:
        for key in rule.row.cite:
            cited.setdefault(key, {})[rule_word(rule)] = None
        for name in names(rule.when):
            read.setdefault(name, {})[rule_word(rule)] = None
    for file, content in raw().items():
        word = _file_word(file, content, titles)
        if word is None:
            continue
        for kind, value in _said(content):
            (cited if kind == "cite" else read).setdefault(value, {})[word] = None
    return {k: tuple(v) for k, v in cited.items()}, {k: tuple(v) for k, v in read.items()}


def _file_word(file: str, content: Any, titles: Mapping[str, str]) -> Word | None:
    """The page of a file of the data; rules are told one by one, and references are what is cited."""
    folder, _, name = file.partition("/")
    stem = name.removesuffix(".yaml")
    match folder:
        case "scores":
            return Word(capitalised(content["name"]), href("score", content["id"]))
        case "techniques":
            return Word(content["title"], href("technique", content["id"]))
        case "evidence":
            id = content["technique"]
            return Word(titles.get(id, id), href("technique", id))
        case "order":
            return Word("order of acts", "order.html")
        case "codes":
            return Word("codes", "facts.html")
        case "pathways" | "refs" | "vocabulary" | "release.yaml":
            return None
    return Word(f"{folder}: {stem.replace('_', ' ')}")


def _said(content: Any) -> Iterator[tuple[str, str]]:
    """Every source cited and every fact read, anywhere in a file."""
    if isinstance(content, list):
        for inner in content:
            yield from _said(inner)
    if not isinstance(content, Mapping):
        return
    for key, inner in content.items():
        if key == "cite":
            yield from (("cite", one) for one in inner)
        elif key in ("when", "applies") and isinstance(inner, str) and inner:
            yield from (("fact", name) for name in _names(inner))
        else:
            yield from _said(inner)


def _names(text: str) -> tuple[str, ...]:
    """The facts of a text that is a condition; none of one that is not."""
    try:
        return names(parse(text))
    except BadInput:
        return ()
