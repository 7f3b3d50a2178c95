"""The body of knowledge, to be read: listed, shown, checked and compared, without code and without a patient.

catalogue()                       # every score, rule, technique, fact and source
shown("SP4")                      # one of them, whole, with its superseded versions and where it is used
difference("2023-01-01", "package")
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.centre.overrides import local_knowledge
from osteoplan.knowledge.centre.ruleset import RuleSet, rule_set
from osteoplan.knowledge.lint.lint import lint
from osteoplan.knowledge.load import documents, release, version
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.rules import Rule, blocks, every_version, rules
from osteoplan.knowledge.scores import score_tables
from osteoplan.knowledge.techniques import TechniqueFile
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.pathway.local_check import checked_local

__all__ = ["KINDS", "catalogue", "day", "difference", "lint_findings", "local_rule_set", "shown"]

Json = dict[str, Any]
KINDS = ("score", "rule", "block", "technique", "fact", "source")


@dataclass(frozen=True)
class _Shelf:
    """One state of the knowledge: the rules of a set, and the other files below a folder."""

    book_rules: tuple[Rule, ...]
    root: Path | None = None

    def pieces(self) -> Iterator[tuple[str, str, BaseModel]]:
        """Kind, id and content of everything."""
        for table in score_tables(self.root).values():
            yield "score", table.id, table
        for rule in self.book_rules:
            yield "rule", rule.id, rule.row
        for file in documents("techniques", TechniqueFile, self.root).values():
            yield "technique", file.id, file
        for name, row in vocabulary(self.root).items():
            yield "fact", name, row


def day(text: str | None) -> datetime.date | None:
    """``2026-11-24`` as a day; None stays None.

    Raises:
        BadInput: not a day.
    """
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as why:
        raise BadInput(f"'{text}' is not a day; write it as 2026-11-24") from why


def local_rule_set(folder: Path | None, as_of: datetime.date | None = None) -> RuleSet:
    """The rules of a day, with a centre's overrides from ``folder`` applied and checked.

    Raises:
        BadInput: a broken override: file, line and reason.
    """
    if folder is None:
        return rule_set(as_of)
    return rule_set(as_of, checked_local(local_knowledge(folder, rules(None, as_of)), as_of))


def catalogue(kind: str | None = None, as_of: datetime.date | None = None) -> Json:
    """Every piece of knowledge: kind, id, title, review status and when it was looked at.

    Raises:
        UnknownName: no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise UnknownName("kind", kind, KINDS, "the knowledge")
    rows = [row for row in _rows(as_of) if kind in (None, row["kind"])]
    return {"release": release().version, "version": version(), "pieces": rows}


def shown(name: str, as_of: datetime.date | None = None, centre: Path | None = None) -> Json:
    """One piece, whole: ``sins``, ``SP4``, ``vertebroplasty``, or ``fact:sins`` where a name stands for two.

    A name that nothing has to the letter is looked for without regard to capitals: ``SINS``, ``sp4``.

    Raises:
        UnknownName: nothing has that name; the message names the nearest.
    """
    whose = local_rule_set(centre, as_of)
    kind, _, bare = name.rpartition(":")
    kind = kind.lower()
    if kind and kind not in KINDS:
        raise UnknownName("kind", kind, KINDS, "the knowledge")
    bare = _spelled(bare, kind, whose, as_of)
    makers: dict[str, Callable[[str], Json | None]] = {
        "score": _score,
        "rule": partial(_rule, whose),
        "block": partial(_block, whose),
        "technique": _technique,
        "fact": partial(_fact, whose),
        "source": partial(_source, whose),
    }
    found = [(k, make(bare)) for k, make in makers.items() if kind in ("", k)]
    answers = [(k, document) for k, document in found if document is not None]
    if not answers:
        raise UnknownName("name", bare, [row["id"] for row in _rows(as_of)], "the knowledge")
    first, document = answers[0]
    return {"kind": first, "id": bare, **document, "also": [f"{k}:{bare}" for k, _ in answers[1:]]}


def _spelled(name: str, kind: str, whose: RuleSet, as_of: datetime.date | None) -> str:
    """A name as the knowledge spells it, whatever its capitals; itself where it is known, or unknown."""
    known = [row["id"] for row in _rows(as_of) if kind in ("", row["kind"])]
    known += [rule.id for rule in (*whose.rules, *every_version()) if kind in ("", "rule")]
    return name if name in known else next((id for id in known if id.lower() == name.lower()), name)


def lint_findings(folder: Path | None = None) -> tuple[str, ...]:
    """What is wrong with the package's data, a whole data folder, or a centre's overrides, in sentences."""
    if folder is None or (folder / "pathways").is_dir():
        return lint(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; give a folder of rules or of knowledge data")
    try:
        local_rule_set(folder)
    except BadInput as why:
        return (str(why),)
    return ()


def difference(before: str, after: str) -> Json:
    """What changed between two states of the knowledge.

    Args:
        before, after: ``package``, a day (its rules), or a folder (a centre's overrides, or a data folder).

    Raises:
        BadInput: none of these.
    """
    old, new = _flat(_shelf(before)), _flat(_shelf(after))
    changes: list[Json] = [
        {"kind": kind, "id": id, "change": "added" if (kind, id) in new else "removed", "fields": []}
        for kind, id in sorted(set(old) ^ set(new))
    ]
    for key in sorted(set(old) & set(new)):
        fields = [
            {"field": field, "before": old[key].get(field), "after": new[key].get(field)}
            for field in sorted(set(old[key]) | set(new[key]))
            if old[key].get(field) != new[key].get(field)
        ]
        if fields:
            changes.append({"kind": key[0], "id": key[1], "change": "changed", "fields": fields})
    return {"before": before, "after": after, "changes": changes}


def _rows(as_of: datetime.date | None) -> list[Json]:
    rows = [_entry("score", t.id, t.name, t.status, t.date, t.reviewer) for t in score_tables().values()]
    rows += [
        _entry("rule", r.id, f"{r.row.effect}: {r.row.then}", r.row.status, r.row.date, r.row.reviewer)
        for r in rules(None, as_of)
    ]
    rows += [_entry("block", id, title) for id, title in blocks().items()]
    files = documents("techniques", TechniqueFile).values()
    rows += [_entry("technique", file.id, file.title) for file in files]
    rows += [_entry("fact", name, row.label) for name, row in vocabulary().items()]
    return rows + [_entry("source", key, source.text) for key, source in citations().items()]


def _entry(
    kind: str, id: str, title: str, status: str = "", date: datetime.date | None = None, reviewer: str = ""
) -> Json:
    looked_at = date.isoformat() if date else ""
    return {"kind": kind, "id": id, "title": title, "status": status, "date": looked_at, "reviewer": reviewer}


def _score(id: str) -> Json | None:
    table = score_tables().get(id)
    return None if table is None else {"content": _document(table), "used_by": _rules_on(rules(), id)}


def _rule(whose: RuleSet, id: str) -> Json | None:
    versions = [rule for rule in every_version() if rule.id == id]
    now = whose.rule(id)
    if now is None and not versions:
        return None
    older = [_document(rule.row) for rule in versions if now is None or rule.row != now.row]
    return {
        "content": None if now is None else {**_document(now.row), "block": now.block, "origin": now.origin},
        "other_versions": older,
        "overrides": [text for text in whose.overrides if id in text],
    }


def _block(whose: RuleSet, id: str) -> Json | None:
    if id not in blocks():
        return None
    return {
        "content": {
            "title": blocks()[id],
            "rules": [_document(rule.row) for rule in whose.rules if rule.block == id],
        }
    }


def _technique(id: str) -> Json | None:
    files = {file.id: file for file in documents("techniques", TechniqueFile).values()}
    if id not in files:
        return None
    concerned = {id, *files[id].uses}
    about = [rule.id for rule in rules() if concerned & set(rule.row.about)]
    return {"content": _document(files[id]), "used_by": about}


def _fact(whose: RuleSet, id: str) -> Json | None:
    row = vocabulary().get(id)
    return None if row is None else {"content": _document(row), "used_by": _rules_on(whose.rules, id)}


def _source(whose: RuleSet, key: str) -> Json | None:
    source = citations().get(key)
    if source is None:
        return None
    used = [rule.id for rule in whose.rules if key in rule.row.cite]
    used += [table.id for table in score_tables().values() if f'"{key}"' in json.dumps(_document(table))]
    files = documents("techniques", TechniqueFile).values()
    used += [file.id for file in files if f'"{key}"' in json.dumps(_document(file))]
    content = {"text": source.text, "doi": source.doi, "pmid": source.pmid, "url": source.url}
    return {"content": content, "used_by": used}


def _rules_on(spoken: tuple[Rule, ...], fact: str) -> list[str]:
    """Rules that read a fact, or a score's total by the same name."""
    from osteoplan.knowledge.expression import names

    return [rule.id for rule in spoken if fact in names(rule.when)]


def _document(piece: BaseModel) -> Json:
    return piece.model_dump(mode="json", exclude_defaults=True)


def _shelf(spec: str) -> _Shelf:
    if spec == "package":
        return _Shelf(rules())
    folder = Path(spec)
    if (folder / "pathways").is_dir():
        return _Shelf(rules(folder), folder)
    if folder.is_dir():
        return _Shelf(local_rule_set(folder).rules)
    try:
        return _Shelf(rules(None, day(spec)))
    except BadInput as why:
        raise BadInput(f"'{spec}' is neither 'package', a day (2026-11-24), nor a folder") from why


def _flat(shelf: _Shelf) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Kind and id -> path of a field -> value."""
    return {(kind, id): dict(_leaves(_document(content), "")) for kind, id, content in shelf.pieces()}


def _leaves(content: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        for key, inner in content.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(content, list) and any(isinstance(inner, dict | list) for inner in content):
        for index, inner in enumerate(content):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, content
