"""Codes by which other systems know our facts (``data/codes``); only those that were checked."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from osteoplan.errors import BadInput
from osteoplan.knowledge.load import Cited, Strict, documents
from osteoplan.knowledge.vocabulary import vocabulary

__all__ = ["CodeRow", "codes", "without_code"]


class CodeRow(Cited):
    """One code.

    Attributes:
        fact: the fact of the vocabulary that it records; empty for whom a service is meant.
        level: the one level of the fact that it records; empty where the record holds the value.
        resource: kind of FHIR resource that carries it.
        system: URI of the code system.
        display: what the code system calls it.
    """

    fact: str = ""
    level: str = ""
    resource: Literal["Observation", "Condition"]
    system: Literal["http://loinc.org", "http://snomed.info/sct"]
    code: str
    display: str

    @model_validator(mode="after")
    def _level_of_a_fact(self) -> CodeRow:
        if self.level and not self.fact:
            raise ValueError("'level' belongs to a 'fact'")
        return self


class CodeFile(Strict):
    """A file of codes, and in words what has none."""

    date: datetime.date
    codes: dict[str, CodeRow]
    without_code: str


@cache
def codes(root: Path | None = None) -> Mapping[str, CodeRow]:
    """Every code by its name.

    Raises:
        BadInput: a fact or level that is not in the vocabulary, or a code that stands twice.
    """
    facts = vocabulary(root)
    found: dict[str, CodeRow] = {}
    for stem, file in documents("codes", CodeFile, root).items():
        for name, row in file.codes.items():
            place = f"knowledge/data/codes/{stem}.yaml: {name}"
            if row.fact and row.fact not in facts:
                raise BadInput(f"{place}: the fact '{row.fact}' is not in the vocabulary")
            if row.level and row.level not in facts[row.fact].levels:
                raise BadInput(f"{place}: '{row.fact}' is never '{row.level}'")
            if any((other.system, other.code) == (row.system, row.code) for other in found.values()):
                raise BadInput(f"{place}: the code {row.code} stands twice")
            found[name] = row
    return found


def without_code(root: Path | None = None) -> str:
    """What has no checked code, in words."""
    return " ".join(file.without_code.strip() for file in documents("codes", CodeFile, root).values())
