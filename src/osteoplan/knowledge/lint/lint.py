"""What is wrong with the data, in sentences: the check that runs before any fact reaches a patient.

The schemas already refuse unknown keys and wrong types; ``lint`` finds what they cannot see: a citation that
resolves to nothing, a rule on a fact that does not exist, a threshold that cannot be crossed, a score whose
bands leave a gap, and examples that prove nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import pairwise
from pathlib import Path
from typing import Any

from osteoplan.errors import BadInput
from osteoplan.knowledge.codes import codes
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.evidence import evidence
from osteoplan.knowledge.expression import (
    Among,
    Compare,
    Expression,
    Has,
    Is,
    Leaf,
    holds,
    leaves,
    literals,
    names,
    parse,
)
from osteoplan.knowledge.lint.checks import expression_findings, unit_known
from osteoplan.knowledge.lint.scores import score_findings
from osteoplan.knowledge.lint.techniques import technique_findings
from osteoplan.knowledge.load import documents, raw, release
from osteoplan.knowledge.refs import citations, read_sources
from osteoplan.knowledge.rules import RuleExample, RuleRow, pathways
from osteoplan.knowledge.scores import ScoreTable, conversions, outlook, score_tables
from osteoplan.knowledge.techniques import TechniqueFile
from osteoplan.knowledge.vocabulary import FactRow, uses, vocabulary

__all__ = ["leaf_holds", "lint", "piece_findings", "rule_findings"]


def lint(root: Path | None = None) -> tuple[str, ...]:
    """Everything that is wrong with the data below ``root`` (by default the package's own), in sentences."""
    try:
        return tuple(_found(root))
    except BadInput as why:  # a file that does not even load is the one fault worth telling
        return (str(why),)


def _found(root: Path | None) -> Iterator[str]:
    facts = vocabulary(root)
    devices(root), evidence(root), codes(root)  # load: a file of the wrong kind is told by the loader
    about = {*uses(root), *(file.id for file in documents("techniques", TechniqueFile, root).values())}
    yield from _vocabulary_findings(facts, about)
    yield from _cited_findings(raw(root), set(citations(root)), read_sources(root))
    for table in score_tables(root).values():
        yield from score_findings(table, facts)
    yield from _stand_in_findings(root, facts)
    rows = [row for file in pathways(root).values() for block in file.blocks.values() for row in block.rules]
    for row in rows:
        yield from rule_findings(row, facts, about)
    yield from _version_findings(rows, release(root).date)
    yield from _shown_only_findings(rows, score_tables(root))
    yield from technique_findings(root, {row.id for row in rows})


def _stand_in_findings(root: Path | None, facts: Mapping[str, FactRow]) -> Iterator[str]:
    """Conversions and outlooks: conditions that are sound, and facts that exist."""
    for row in conversions(root):
        place = f"conversion on {row.when or row.unless or list(row.gives)}"
        for text in filter(None, (row.when, row.unless)):
            yield from (f"{place}: {fault}" for fault in expression_findings(text, facts))
        strangers = sorted(set(row.gives) - set(facts))
        yield from (f"{place}: gives '{name}', which is not in the vocabulary" for name in strangers)
    for line in outlook(root):
        yield from (f"outlook, {line.what}: {fault}" for fault in expression_findings(line.when, facts))


def _vocabulary_findings(facts: Mapping[str, FactRow], about: set[str]) -> Iterator[str]:
    for name, row in facts.items():
        if row.range is not None and not unit_known(row.unit):
            yield f"vocabulary: {name}: the unit '{row.unit}' is not one of osteoplan.units"
        for text in filter(None, (row.follows_from, row.ask_when)):
            yield from (f"vocabulary: {name}: {fault}" for fault in expression_findings(text, facts))
        yield from (f"vocabulary: {name}: 'ask_for' names '{word}', neither technique nor use"
                    for word in row.ask_for if word not in about)  # fmt: skip


def _cited_findings(files: Mapping[str, Any], known: set[str], read: Set[str]) -> Iterator[str]:
    """Whatever stands on somebody's word, in any file, must say whose, in which unit, and when seen."""
    for file, content in files.items():
        for place, piece in _pieces(file, content):
            yield from (f"{place}: {fault}" for fault in piece_findings(piece, known))
            if "F" in str(piece.get("tag", "")).split("+") and not read & set(piece.get("cite", ())):
                yield f"{place}: the tag F, but none of its sources was itself read (read: true in refs): F~"


def _pieces(place: str, content: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping that has a value, a citation or a review status, with the place where it stands."""
    if isinstance(content, Mapping):
        if {"value", "cite", "status"} & set(content):
            yield place, content
        for key, inner in content.items():
            yield from _pieces(f"{place}: {key}", inner)
    elif isinstance(content, list):
        for index, inner in enumerate(content):
            name = inner.get("id", index) if isinstance(inner, Mapping) else index
            yield from _pieces(f"{place}: {name}", inner)


def piece_findings(piece: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    """What a cited piece, as written, lacks; ``known`` are the citation keys that exist."""
    cite = piece.get("cite", [])
    yield from (f"the citation '{key}' is in no file of refs" for key in cite if key not in known)
    if "status" not in piece and not piece.get("tag"):  # the status follows from a tag
        yield "no 'status'"
    if "date" not in piece:
        yield "no 'date'"
    if (piece.get("status") == "verified" or piece.get("tag") == "F") and not cite:
        yield "verified, but by nobody: give 'cite'"
    if not cite and not piece.get("note"):
        yield "no 'cite', and no 'note' that says why"
    if "value" in piece and not unit_known(str(piece.get("unit", ""))):
        yield f"the unit '{piece.get('unit', '')}' is not one of osteoplan.units"


def _version_findings(rows: Sequence[RuleRow], released: datetime.date) -> Iterator[str]:
    """Versions of one rule must follow one another, and a release cannot know what supersedes it."""
    by_id: dict[str, list[RuleRow]] = {}
    for row in rows:
        by_id.setdefault(row.id, []).append(row)
    first, last = datetime.date.min, datetime.date.max
    for id, versions in by_id.items():
        spans = sorted((row.since or first, row.until or last) for row in versions)
        if any(later < end for (_, end), (later, _) in pairwise(spans)):
            yield f"rule {id}: the rule '{id}' stands twice, and both are in force on some day"
        if any(since >= until for since, until in spans):
            yield f"rule {id}: 'until' must lie after 'since'"
        if any(day > released for span in spans for day in span if day not in (first, last)):
            yield f"rule {id}: 'since' or 'until' lies after the release of {released}"


def rule_findings(row: RuleRow, facts: Mapping[str, FactRow], about: set[str]) -> Iterator[str]:
    """What is wrong with a rule: its condition, what it is about, examples that prove nothing.

    Args:
        row: the rule as written.
        facts: the vocabulary.
        about: ids of every technique and use.
    """
    place = f"rule {row.id}"
    wrong = expression_findings(row.when, facts)
    yield from (f"{place}: {fault}" for fault in wrong)
    for key, words in (("about", row.about), ("remains", row.remains)):
        yield from (f"{place}: '{key}' names '{word}', neither technique nor use"
                    for word in words if word not in about)  # fmt: skip
    halts = row.effect in ("stop", "route")
    if not halts and row.effect != "info" and not row.about:
        yield f"{place}: {row.effect}s nothing: say what in 'about'"
    if halts != bool(row.first and row.remains):
        yield f"{place}: a stop or route says 'first' and 'remains', and no other effect does"
    for answer, word in ((True, "that fires"), (False, "that does not"), ("unknown", "with a fact missing")):
        if all(example.fires != answer for example in row.examples):
            yield f"{place}: no example {word}"
    for example in row.examples:
        strangers = sorted(set(example.given) - set(facts))
        yield from (
            f"{place}: an example gives '{name}', which is not in the vocabulary" for name in strangers
        )
    if not wrong:
        yield from (f"{place}: {fault}" for fault in _untried(parse(row.when), row.examples))


def _untried(when: Expression, examples: tuple[RuleExample, ...]) -> Iterator[str]:
    """Parts that no example shows true, or none false; and literals that no example gives exactly."""
    for leaf in leaves(when):
        given = [e.given[leaf.name] for e in examples if leaf.name in e.given]
        values = [v for v in given if v is not None and isinstance(v, list) == isinstance(leaf, Has)]
        seen = {leaf_holds(leaf, value) for value in values}
        yield from (f"no example shows {_shown(leaf)} {word}" for word in (True, False) if word not in seen)
    for name in names(when):
        given = [e.given[name] for e in examples if name in e.given]
        seen_at = [v for one in given for v in (one if isinstance(one, list) else [one])]
        yield from (f"no example has {name} at {t}" for t in literals(when, name) if t not in seen_at)


def leaf_holds(leaf: Leaf, value: bool | float | str | list[Any]) -> bool:
    """Whether a part of a condition is true on a value as an example writes it."""
    match leaf:
        case Is():
            return value is True
        case Compare(_, op, literal):
            # a word for a number holds nothing; that it cannot be meant is told when the example is run
            alike = isinstance(value, str) == isinstance(literal, str)
            return alike and not isinstance(value, list) and holds(op, value, literal)
        case Among(_, several):
            return value in several
        case Has(_, literal):
            return isinstance(value, list) and literal in value


def _shown(leaf: Leaf) -> str:
    match leaf:
        case Is(name):
            return name
        case Compare(name, op, literal):
            return f"{name} {op} {literal}"
        case Among(name, several):
            return f"{name} in {several}"
        case Has(name, literal):
            return f"{literal!r} in {name}"


def _shown_only_findings(rows: Iterable[RuleRow], tables: Mapping[str, ScoreTable]) -> Iterator[str]:
    """A score made for another disease must not trigger anything."""
    shown = {id for id, table in tables.items() if table.shown_only}
    for row in rows:
        read = shown & set(names(parse(row.when))) if _parses(row.when) else set()
        yield from (f"rule {row.id}: reads the score {id}, which is only to be shown" for id in sorted(read))


def _parses(text: str) -> bool:
    try:
        parse(text)
    except BadInput:
        return False
    return True
