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
from osteoplan.knowledge.load import Strict, document

__all__ = ["FactKind", "FactRow", "uses", "vocabulary"]

FactKind = Literal["bool", "number", "integer", "level"]


class FactRow(Strict):
    """One fact.

    Attributes:
        kind: yes or no (``bool``), a number, a whole number, or one of named levels.
        group: heading under which the documentation lists it.
        label: what it is called in a sentence.
        ask: the question that a meeting would be asked.
        unit: of a number.
        range: smallest and largest number that can be meant.
        levels: level -> the same in words.
        follows_from: for a bool that nobody gave: an expression over other facts that settles it.
    """

    kind: FactKind
    group: str = ""
    label: str = Field(min_length=3)
    ask: str = Field(pattern=r"\?$")
    unit: str = "1"
    range: tuple[float, float] | None = None
    levels: dict[str, str] = {}
    follows_from: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _complete(self) -> FactRow:
        """A number needs a range, a level its levels; nothing else has either."""
        if (self.kind in ("number", "integer")) != (self.range is not None):
            raise ValueError("a number needs 'range: [lowest, highest]', and only a number has one")
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError("the range must rise")
        if (self.kind == "level") != (len(self.levels) > 1):
            raise ValueError("a level needs two or more 'levels', and only a level has them")
        if self.follows_from and self.kind != "bool":
            raise ValueError("'follows_from' is for yes-or-no facts")
        return self


class VocabularyFile(Strict):
    """``vocabulary.yaml``: what techniques can depend on, and groups of facts."""

    date: datetime.date
    uses: dict[str, str]
    groups: dict[str, dict[str, FactRow]]


@cache
def vocabulary(root: Path | None = None) -> Mapping[str, FactRow]:
    """Every fact by name, in the order of the file."""
    facts: dict[str, FactRow] = {}
    for group, rows in document("vocabulary.yaml", VocabularyFile, root).groups.items():
        for name, row in rows.items():
            if name in facts:
                raise BadInput(f"knowledge/data/vocabulary.yaml: the fact '{name}' stands in two groups")
            facts[name] = row.model_copy(update={"group": group})
    return facts


@cache
def uses(root: Path | None = None) -> Mapping[str, str]:
    """What a technique can depend on, by id, in words."""
    return document("vocabulary.yaml", VocabularyFile, root).uses
