"""The files of a centre's own knowledge: what they may say, and where each piece stands."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from osteoplan.errors import BadInput
from osteoplan.knowledge.load import Strict
from osteoplan.knowledge.marked import KeyPath, Marked, read_marked
from osteoplan.knowledge.refs import RefRow
from osteoplan.knowledge.rules import RuleExample, RuleRow
from osteoplan.model.evidence import Effect

__all__ = [
    "AddedRow", "ChangeRow", "LocalFile", "LocalRulesFile", "OffRow", "Override", "ThresholdRow",
    "overrides", "read_folder",
]  # fmt: skip

RULES = "rules.yaml"

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Because = Annotated[str, Field(min_length=3)]


class ThresholdRow(Strict):
    """One number of one rule, changed.

    Attributes:
        was, to: the number as it stands in the rule, and what it becomes (``from`` and ``to`` in the file).
        then: the rule's text, where it names the old number.
        examples: added to those of the rule that the new number leaves as they are.
    """

    rule: str
    fact: str
    was: Number = Field(alias="from")
    to: Number
    because: Because
    then: str = ""
    cite: tuple[str, ...] = ()
    examples: tuple[RuleExample, ...] = ()


class ChangeRow(Strict):
    """Parts of one rule, replaced; a key that is left out stays as it is in the rule."""

    rule: str
    because: Because
    effect: Effect | None = None
    when: str | None = None
    then: str | None = None
    about: tuple[str, ...] | None = None
    first: str | None = None
    remains: tuple[str, ...] | None = None
    cite: tuple[str, ...] = ()
    examples: tuple[RuleExample, ...] | None = None


class OffRow(Strict):
    """One rule, switched off."""

    rule: str
    because: Because


class AddedRow(RuleRow):
    """A rule of the centre's own: as in a pathway, with the block that it stands in."""

    id: str = Field(pattern=r"^X\d+[a-z]?$")
    tag: str = Field(min_length=1)
    block: str


class LocalFile(Strict):
    """Any file of the folder."""

    thresholds: tuple[ThresholdRow, ...] = ()
    change: tuple[ChangeRow, ...] = ()
    off: tuple[OffRow, ...] = ()
    add: tuple[AddedRow, ...] = ()
    refs: dict[str, RefRow] = {}


class LocalRulesFile(LocalFile):
    """``rules.yaml``: also says whose knowledge it is, of when, and who answers for it."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    date: datetime.date
    signed_by: str = ""


Row = ThresholdRow | ChangeRow | OffRow | AddedRow


@dataclass(frozen=True, eq=False)
class Override:
    """One thing that the centre does to the rules.

    Attributes:
        rule: id of the rule.
        row: as written.
        text: the same as a sentence for reports.
    """

    rule: str
    row: Row
    text: str
    file: Marked
    path: KeyPath

    def fault(self, text: str, *inside: str | int) -> BadInput:
        """What is wrong with it, as an error to raise: file, line, reason."""
        return self.file.fault((*self.path, *inside), text)


def read_folder(folder: Path) -> tuple[LocalRulesFile, list[tuple[Marked, LocalFile]]]:
    """``rules.yaml``, and every file of the folder with its lines, that one first.

    Raises:
        BadInput: a file that cannot be used, with file and line.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; 'knowledge' in centre.yaml names the centre's own rules")
    if not (folder / RULES).is_file():
        raise BadInput(f"{folder}: no {RULES} here; it holds id, date, signed_by and the overrides")
    for odd in sorted(folder.glob("*.yml")):
        raise BadInput(f"{odd}: would not be read; name it {odd.stem}.yaml")
    others = sorted(path for path in folder.glob("*.yaml") if path.name != RULES)
    marked = read_marked(folder / RULES)
    head = marked.checked(LocalRulesFile, _dated(marked.content, marked.content.get("date")))
    more = [read_marked(path) for path in others]
    return head, [
        (marked, head),
        *((file, file.checked(LocalFile, _dated(file.content, head.date))) for file in more),
    ]


def _dated(content: Mapping[str, Any], day: Any) -> dict[str, Any]:
    """The content with the folder's date in every added rule that has none."""
    added = content.get("add")
    if not isinstance(added, list):
        return dict(content)
    return {
        **content,
        "add": [{"date": day, **row} if isinstance(row, dict) else row for row in added],
    }


def overrides(files: Sequence[tuple[Marked, LocalFile]]) -> Iterator[Override]:
    """Every override of every file with its place, kind by kind."""
    for key in ("thresholds", "change", "off", "add"):
        for marked, document in files:
            for index, row in enumerate(getattr(document, key)):
                rule = row.id if isinstance(row, AddedRow) else row.rule
                yield Override(rule, row, _sentence(row), marked, (key, index))


def _sentence(row: Row) -> str:
    match row:
        case ThresholdRow():
            return f"{row.rule}: {row.fact} {row.was:g} becomes {row.to:g}, because {row.because}"
        case ChangeRow():
            parts = [
                f"{name} becomes '{value if isinstance(value, str) else ', '.join(value)}'"
                for name in ("effect", "when", "then", "about", "first", "remains")
                if (value := getattr(row, name)) is not None
            ]
            return f"{row.rule}: {'; '.join(parts)}, because {row.because}"
        case OffRow():
            return f"{row.rule} is switched off, because {row.because}"
        case AddedRow():
            return f"{row.id} is added ({row.block}, {row.effect}): {row.then}"
