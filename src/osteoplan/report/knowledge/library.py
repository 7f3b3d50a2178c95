"""Everything that the pages of the knowledge show, gathered once, and who uses what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.ruleset import RuleSet
from osteoplan.knowledge.evidence import EvidenceFile, OutcomeRow, evidence
from osteoplan.knowledge.expression import Expression, names, parse
from osteoplan.knowledge.load import Cited, documents, raw
from osteoplan.knowledge.order import order
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.rules import Rule, blocks, every_version
from osteoplan.knowledge.scores import ScoreTable, score_tables
from osteoplan.knowledge.techniques import TechniqueFile
from osteoplan.knowledge.vocabulary import FactRow, resources, uses, vocabulary
from osteoplan.model.evidence import READ_WORDS, Citation
from osteoplan.model.technique import SECTIONS
from osteoplan.report.knowledge.rule_words import Outlined, level_words, listed, outline, sentence

__all__ = ["Library", "Word", "anchor", "capitalised", "href", "library"]


@dataclass(frozen=True)
class Word:
    """Words that may lead somewhere; ``hint`` shows when the pointer rests on them."""

    text: str
    href: str = ""
    hint: str = ""


def anchor(kind: str, id: str) -> str:
    """The name under which a piece can be reached within its page."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9]+', '-', id)}"


def href(kind: str, id: str, block: str = "") -> str:
    """Where a piece stands: ``block-spine.html#rule-SP4``.

    Args:
        kind: score, technique, block, rule, fact, use, source or order.
        id: of the piece.
        block: the block of a rule.
    """
    if kind in ("score", "technique", "block"):
        return f"{anchor(kind, id)}.html"
    pages = {"fact": "facts", "use": "facts", "source": "sources", "order": "order"}
    return f"{anchor('block', block) if kind == 'rule' else pages[kind]}.html#{anchor(kind, id)}"


def capitalised(text: str) -> str:
    """The text with a capital first letter; the rest as it is."""
    return text[:1].upper() + text[1:]


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

    def called(self, *ids: str) -> tuple[Word, ...]:
        """Techniques and uses by their names, with the ways to them."""
        return tuple(
            Word(self.techniques[id].title, href("technique", id))
            if id in self.techniques
            else Word(self.uses.get(id, id), href("use", id))
            for id in ids
        )

    def block(self, id: str) -> Word:
        """A block of rules by its title."""
        return Word(self.blocks[id], href("block", id))

    def score(self, id: str) -> Word:
        """A score by its name."""
        return Word(capitalised(self.scores[id].name), href("score", id))

    def fact(self, name: str) -> Word:
        """A fact as the vocabulary calls it."""
        return Word(self.facts[name].label, href("fact", name))

    def asked(self, when: Expression) -> tuple[Word, ...]:
        """The facts that a condition reads."""
        return tuple(self.fact(name) for name in names(when))

    def source(self, key: str) -> Word:
        """A source by its key; one that nobody wrote down leads nowhere."""
        return Word(key, href("source", key), self.sources[key].text) if key in self.sources else Word(key)

    def rules_of(self, block: str) -> tuple[Rule, ...]:
        """The rules of a block that are in force."""
        return tuple(rule for rule in self.rule_set.rules if rule.block == block)

    def rules_about(self, technique: str) -> tuple[Rule, ...]:
        """Rules whose effect is about a technique or something that it uses."""
        concerned = {technique, *self.techniques[technique].uses}
        return tuple(rule for rule in self.rule_set.rules if concerned & set(rule.row.about))

    def using(self, use: str) -> tuple[Word, ...]:
        """Every technique that depends on a use."""
        return self.called(*(file.id for file in self.techniques.values() if use in file.uses))

    def needs(self, file: TechniqueFile) -> tuple[str, ...]:
        """What a centre must have for a technique, alternatives joined by *or*."""
        return tuple(listed([self.resources.get(one, one) for one in group]) for group in file.needs)

    def where(self, row: OutcomeRow) -> str:
        """The regions that a published outcome holds for."""
        if row.sites == ("any",):
            return "any"
        return listed([level_words(self.facts["region"], one) for one in row.sites])

    def sentence(self, when: str | Expression) -> str:
        """A condition in one line."""
        return sentence(parse(when) if isinstance(when, str) else when, self.facts)

    def outlined(self, when: str | Expression) -> tuple[Outlined, ...]:
        """A condition as indented lines, every fact in the words of the vocabulary."""
        return outline(parse(when) if isinstance(when, str) else when, self.facts)

    def checked(self) -> Mapping[Word, tuple[int, ...]]:
        """Kind of piece -> how many, how many of each review status, and how many a clinician reviewed."""
        rows = [row for file in self.techniques.values() for name in SECTIONS for row in getattr(file, name)]
        published = [row for file in self.outcomes.values() for row in file.outcomes]
        kinds: dict[Word, list[Cited]] = {
            Word("rules", "rules.html"): [rule.row for rule in self.rule_set.rules],
            Word("scores", "scores.html"): [*self.scores.values()],
            Word("statements on techniques", "techniques.html"): rows,
            Word("published outcomes", "techniques.html"): [*published],
            Word("orders of acts", "order.html"): [*order().rows],
        }
        return {kind: _counted(pieces) for kind, pieces in kinds.items()}


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


def _counted(pieces: Sequence[Cited]) -> tuple[int, ...]:
    found = Counter[str](piece.status for piece in pieces)
    return len(pieces), *(found[status] for status in READ_WORDS), sum(bool(one.reviewer) for one in pieces)
