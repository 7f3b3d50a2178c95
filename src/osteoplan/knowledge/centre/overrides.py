"""A centre's own knowledge: what it changes in the rules, adds to them or switches off, and who signs for it.

A folder with ``rules.yaml`` and, if wanted, more ``*.yaml`` beside it (``docs/centre.md`` shows one).  All of
it holds or none: the first fault stops loading with file, line and reason.  What a rule of the package must
satisfy, a local one must too; that examples come out as written is checked by ``pathway.local_check``.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from osteoplan.errors import BadInput, nearest
from osteoplan.knowledge.centre.files import (
    AddedRow,
    ChangeRow,
    LocalFile,
    OffRow,
    Override,
    ThresholdRow,
    overrides,
    read_folder,
)
from osteoplan.knowledge.expression import leaves, literals, names, parse, renumbered
from osteoplan.knowledge.lint.lint import leaf_holds, piece_findings, rule_findings
from osteoplan.knowledge.marked import Marked
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.rules import Rule, RuleExample, RuleRow, blocks, rules
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import uses, vocabulary
from osteoplan.model.evidence import Citation, worst
from osteoplan.provenance import digest

__all__ = ["LocalKnowledge", "apply", "folder_digest", "local_knowledge"]

SAFETY = "safety"


@dataclass(frozen=True, eq=False)
class LocalKnowledge:
    """What a centre makes of the rules, checked.

    Attributes:
        id: the name that reports print.
        date: of the folder, ISO.
        signed_by: who answers for it; empty where nobody signed.
        changes: thresholds, changes, rules off, rules added, in this order.
        refs: the centre's own sources by key.
        warnings: what every report must say.
        digest: of the content of every file.
    """

    id: str
    date: str
    signed_by: str
    changes: tuple[Override, ...]
    refs: Mapping[str, Citation]
    warnings: tuple[str, ...]
    digest: str

    @property
    def overrides(self) -> tuple[str, ...]:
        """One sentence for each rule that is changed, added or switched off."""
        return tuple(change.text for change in self.changes)

    @property
    def signature(self) -> str:
        """Who answers for it, in words."""
        return f"signed by {self.signed_by}, {self.date}" if self.signed_by else f"not signed, {self.date}"


def local_knowledge(folder: Path, base: Sequence[Rule] | None = None) -> LocalKnowledge:
    """The knowledge in a centre's folder, checked against the rules that it changes.

    Args:
        folder: holds ``rules.yaml``.
        base: rules to change; the package's own, in force today, where none are given.

    Raises:
        BadInput: the first fault, with file, line and reason; nothing is applied then.
    """
    known = rules() if base is None else tuple(base)
    head, files = read_folder(folder)
    changes = tuple(overrides(files))
    refs = _refs(files)
    _require_cited(changes, {*citations(), *refs})
    _require_one_each(changes)
    found = LocalKnowledge(
        head.id, head.date.isoformat(), head.signed_by.strip(), changes, refs, (), folder_digest(folder)
    )
    effective = apply(known, found)
    _require_sound(effective, changes)
    return LocalKnowledge(
        found.id, found.date, found.signed_by, changes, refs,
        tuple(_warnings(found, known)), found.digest,
    )  # fmt: skip


def apply(rules: Sequence[Rule], local: LocalKnowledge) -> tuple[Rule, ...]:
    """The effective rules in order of precedence; those that are touched carry their ``origin``.

    Raises:
        BadInput: an override that does not fit these rules: no such rule, or the number is not in it.
    """
    mine: dict[str, list[Override]] = {}
    known = {rule.id for rule in rules}
    added = [change for change in local.changes if isinstance(change.row, AddedRow)]
    for change in local.changes:
        if isinstance(change.row, AddedRow):
            _require_new(change, known)
        elif change.rule not in known:
            raise change.fault(f"rule {change.rule} does not exist; {nearest(change.rule, known)}")
        else:
            mine.setdefault(change.rule, []).append(change)
    kept = [
        _changed(rule, mine.get(rule.id, []), local)
        for rule in rules
        if not any(isinstance(change.row, OffRow) for change in mine.get(rule.id, []))
    ]
    return _with(kept, [_added(change, local) for change in added])


def folder_digest(folder: Path) -> str:
    """Digest of a folder of local knowledge: names and bytes of its files."""
    return digest({file.name: file.read_bytes() for file in folder.glob("*.yaml")})


def _refs(files: Sequence[tuple[Marked, LocalFile]]) -> dict[str, Citation]:
    found: dict[str, Citation] = {}
    for marked, document in files:
        for key, row in document.refs.items():
            if key in found or key in citations():
                raise marked.fault(("refs", key), f"the key '{key}' is already a source; choose another")
            if not re.fullmatch(r"\S+", key):
                raise marked.fault(("refs", key), f"the key '{key}' has a blank")
            found[key] = Citation(key, row.text, row.doi, row.pmid, row.url)
    return found


def _require_cited(changes: Sequence[Override], known: set[str]) -> None:
    """Sources exist; an added rule says on whose word it stands, as the package's rules do."""
    for change in changes:
        row = change.row
        if isinstance(row, AddedRow):
            if row.since or row.until:
                raise change.fault("a local rule holds while it stands here: leave out 'since' and 'until'")
            piece = row.model_dump(include={"cite", "tag", "status", "date", "note"})
            for fault in piece_findings(piece, known):
                raise change.fault(f"rule {row.id}: {fault}")
        elif not isinstance(row, OffRow):
            for key in row.cite:
                if key not in known:
                    raise change.fault(f"unknown source '{key}'; {nearest(key, known)}", "cite")


def _require_one_each(changes: Sequence[Override]) -> None:
    """A rule is overridden in one way: several numbers, or one change, or off; an added id stands once."""
    first: dict[str, Override] = {}
    numbers: set[tuple[str, str, float]] = set()
    for change in changes:
        before = first.setdefault(change.rule, change)
        if isinstance(change.row, ThresholdRow):
            number = (change.rule, change.row.fact, change.row.was)
            if number not in numbers:
                numbers.add(number)
                continue
        elif before is change:
            continue
        line = f"{before.file.name}:{before.file.line(before.path)}"
        raise change.fault(f"rule {change.rule} is overridden twice; the first stands at {line}")


def _require_new(change: Override, known: set[str]) -> None:
    row = change.row
    assert isinstance(row, AddedRow)
    if row.id in known:
        raise change.fault(f"rule {row.id} exists already; choose another id", "id")
    if row.block not in blocks():
        raise change.fault(f"unknown block '{row.block}'; {nearest(row.block, blocks())}", "block")


def _require_sound(effective: Sequence[Rule], changes: Sequence[Override]) -> None:
    """What the package's lint asks of its rules, asked of those that are touched."""
    about = {*uses(), *technique_cards()}
    by_rule = {rule.id: rule for rule in effective}
    for change in changes:
        if change.rule in by_rule:
            for fault in rule_findings(by_rule[change.rule].row, vocabulary(), about):
                raise change.fault(fault)


def _changed(rule: Rule, changes: Sequence[Override], local: LocalKnowledge) -> Rule:
    """The rule after its overrides: a change, or one or more numbers."""
    if not changes:
        return rule
    row = changes[0].row
    update = _replaced(rule, changes[0], row) if isinstance(row, ChangeRow) else _renumbered(rule, changes)
    cite = [key for change in changes for key in getattr(change.row, "cite", ())]
    because = "; ".join(str(getattr(change.row, "because", "")) for change in changes)
    tags = rule.row.tag.split("+") if rule.row.tag else []
    said = {
        "cite": tuple(dict.fromkeys([*rule.row.cite, *cite])),
        # a number or effect of the centre's own is nobody's finding
        "tag": "+".join(dict.fromkeys([*tags, "D"])) if tags else "",
        "status": worst(rule.row.status, "design_default"),
        "date": datetime.date.fromisoformat(local.date),
        "reviewer": "",
        "note": "; ".join(part for part in (rule.row.note, f"{local.id}: {because}") if part),
    }
    try:
        when = parse(update.get("when", rule.row.when))
    except BadInput as why:
        raise changes[0].fault(f"rule {rule.id}: {why}", "when") from why
    origin = f"{local.id}: " + "; ".join(change.text for change in changes)
    return Rule(rule.block, rule.row.model_copy(update={**said, **update}), when, origin)


def _replaced(rule: Rule, change: Override, row: ChangeRow) -> dict[str, Any]:
    """The parts that a ``change`` replaces."""
    parts = {name: getattr(row, name) for name in ("effect", "when", "then", "about", "first", "remains")}
    given = {name: value for name, value in parts.items() if value is not None}
    if not given:
        raise change.fault(f"rule {rule.id}: changes nothing: give effect, when, then or about")
    for name, value in given.items():
        if value == getattr(rule.row, name):
            raise change.fault(f"rule {rule.id}: its {name} is that already", name)
    return given if row.examples is None else {**given, "examples": row.examples}


def _renumbered(rule: Rule, changes: Sequence[Override]) -> dict[str, Any]:
    """Condition with the new numbers, text, and examples: those that still hold and the new ones."""
    when, then = rule.row.when, rule.row.then
    fresh: list[RuleExample] = []
    numbers: dict[str, dict[float, float]] = {}
    for change in changes:
        row = change.row
        assert isinstance(row, ThresholdRow)
        _require_number(rule, change, row)
        numbers.setdefault(row.fact, {})[row.was] = int(row.to) if row.to.is_integer() else row.to
        then = row.then or then
        fresh += row.examples
    for fact, moved in numbers.items():
        when = renumbered(when, fact, moved)
    for old, new in zip(leaves(rule.when), leaves(parse(when)), strict=True):
        if old != new and old.name not in numbers:  # a chain that holds two facts against one number
            raise changes[0].fault(
                f"rule {rule.id} holds {old.name} against the same number: change its 'when'"
            )
    kept = [example for example in rule.row.examples if _same(example, rule, when)]
    return {"when": when, "then": then, "examples": (*kept, *fresh)}


def _require_number(rule: Rule, change: Override, row: ThresholdRow) -> None:
    """The number must really stand in the rule, and become another."""
    read = names(rule.when)
    if row.fact not in read:
        raise change.fault(f"rule {rule.id} does not read '{row.fact}'; {nearest(row.fact, read)}", "fact")
    against = literals(rule.when, row.fact)
    if row.was not in against:
        shown = ", ".join(map(str, against)) or "no number"
        raise change.fault(
            f"rule {rule.id} does not hold {row.fact} against {row.was:g}; it stands against {shown}", "from"
        )
    if row.was == row.to:
        raise change.fault(f"rule {rule.id}: {row.fact} is {row.to:g} already", "to")


def _same(example: RuleExample, rule: Rule, when: str) -> bool:
    """Whether no part of the condition says something else on the example than it did before."""
    for old, new in zip(leaves(rule.when), leaves(parse(when)), strict=True):
        value = example.given.get(old.name)
        if old == new or value is None:
            continue
        if isinstance(value, list) or leaf_holds(old, value) != leaf_holds(new, value):
            return False
    return True


def _added(change: Override, local: LocalKnowledge) -> Rule:
    row = change.row
    assert isinstance(row, AddedRow)
    try:
        when = parse(row.when)
    except BadInput as why:
        raise change.fault(f"rule {row.id}: {why}", "when") from why
    plain = RuleRow.model_validate(row.model_dump(exclude={"block"}))
    return Rule(row.block, plain, when, f"{local.id}: {change.text}")


def _with(kept: Sequence[Rule], added: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules with the added ones at the end of their blocks."""
    order = [*dict.fromkeys(chain(blocks(), (rule.block for rule in kept)))]
    # sorted() keeps the order of equals: a block's own rules, then the added ones
    return tuple(sorted((*kept, *added), key=lambda rule: order.index(rule.block)))


def _warnings(local: LocalKnowledge, base: Sequence[Rule]) -> Iterator[str]:
    """Safety rules that are off or changed, texts that still tell the old number, a missing signature."""
    by_id = {rule.id: rule for rule in base}
    for change in local.changes:
        row, rule = change.row, by_id.get(change.rule)
        if rule is not None and rule.block == SAFETY:
            done = "switched off" if isinstance(row, OffRow) else "changed"
            yield f"{local.id} has {done} the safety rule {rule.id} ({rule.row.then}): {change.text}"
        if isinstance(row, ThresholdRow) and rule is not None and not row.then and _tells(rule, row.was):
            yield f"{local.id}: the text of rule {rule.id} may still tell the old {row.was:g}; give 'then'"
    if not local.signed_by:
        yield f"the local knowledge of {local.id} is not signed"


def _tells(rule: Rule, number: float) -> bool:
    """Whether the rule's text holds a number."""
    return re.search(rf"(?<![\d.]){re.escape(f'{number:g}')}(?![\d.]*\d)", rule.row.then) is not None
