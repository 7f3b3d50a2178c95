"""The words that rules and scores may use: every fact with its type, unit, range, levels and question.

``pathway.vocabulary`` checks what a user typed against this list.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from osteoplan.errors import BadInput
from osteoplan.knowledge.load import Strict, documents

__all__ = ["FactKind", "FactRow", "resources", "uses", "vocabulary"]

FactKind = Literal["bool", "number", "integer", "level", "several"]


class FactRow(Strict):
    """One fact.

    Attributes:
        kind: yes or no (``bool``), a number, a whole number, one of named levels (``level``), or any number
            of them, none included (``several``).
        group: heading under which the documentation lists it.
        label: what it is called in a sentence.
        ask: the question that a meeting would be asked.
        unit: of a number.
        range: smallest and largest number that can be meant.
        levels: level -> the same in words.
        follows_from: for a bool that nobody gave: an expression over other facts that settles it.
        ask_when: an expression over other facts: only for these patients is it asked; empty for everybody.
        ask_for: techniques or uses: it is asked only where one of them is in play; empty for always.
        checklist: confirmed before anything is done; while it is open no tier changes.
    """

    kind: FactKind
    group: str = ""
    label: str = Field(min_length=3)
    ask: str = Field(pattern=r"\?$")
    unit: str = "1"
    range: tuple[float, float] | None = None
    levels: dict[str, str] = {}
    follows_from: str = ""
    ask_when: str = ""
    ask_for: tuple[str, ...] = ()
    checklist: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _complete(self) -> FactRow:
        """A number needs a range, a level its levels; nothing else has either."""
        if (self.kind in ("number", "integer")) != (self.range is not None):
            raise ValueError("a number needs 'range: [lowest, highest]', and only a number has one")
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError("the range must rise")
        if (self.kind in ("level", "several")) != (len(self.levels) > 1):
            raise ValueError("a level needs two or more 'levels', and only a level (or several) has them")
        if self.follows_from and self.kind != "bool":
            raise ValueError("'follows_from' is for yes-or-no facts")
        return self


class VocabularyFile(Strict):
    """A file of ``vocabulary/``: what techniques can depend on or need, and groups of facts."""

    date: datetime.date
    uses: dict[str, str] = {}
    resources: dict[str, dict[str, str]] = {}
    groups: dict[str, dict[str, FactRow]] = {}


@cache
def vocabulary(root: Path | None = None) -> Mapping[str, FactRow]:
    """Every fact by name, in the order of the files and of their lines.

    Raises:
        BadInput: a fact stands in two groups.
    """
    facts: dict[str, FactRow] = {}
    for stem, file in documents("vocabulary", VocabularyFile, root).items():
        for group, rows in file.groups.items():
            for name, row in rows.items():
                if name in facts:
                    raise BadInput(
                        f"knowledge/data/vocabulary/{stem}.yaml: the fact '{name}' stands in two groups"
                    )
                facts[name] = row.model_copy(update={"group": group})
    return facts


@cache
def uses(root: Path | None = None) -> Mapping[str, str]:
    """What a technique can depend on, by id, in words."""
    files = documents("vocabulary", VocabularyFile, root).values()
    return {name: text for file in files for name, text in file.uses.items()}


@cache
def resources(root: Path | None = None) -> Mapping[str, Mapping[str, str]]:
    """What a centre can have, by kind (modalities, guidance ...) and id, in words."""
    found: dict[str, dict[str, str]] = {}
    for file in documents("vocabulary", VocabularyFile, root).values():
        for kind, rows in file.resources.items():
            found.setdefault(kind, {}).update(rows)
    return found
