"""Rules of the pathway as data: when, then, on whose word, and examples that prove the ``when``.

A file in ``data/pathways`` holds blocks in order of precedence, safety first.  ``pathway.rules`` asks the
rules about a patient.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from osteoplan.knowledge.expression import Expression, parse
from osteoplan.knowledge.load import Cited, Strict, documents
from osteoplan.model.evidence import Effect

__all__ = [
    "PathwayFile", "Rule", "RuleExample", "RuleRow", "blocks", "every_version", "pathways", "rules",
]  # fmt: skip


class RuleExample(Strict):
    """Facts and what the rule must say on them: yes, no, or unknown and then what it asks for."""

    given: dict[str, bool | int | float | str | list[float] | list[str] | None]
    fires: bool | Literal["unknown"]
    ask: tuple[str, ...] = ()


class RuleRow(Cited):
    """One rule as written.

    Attributes:
        when: expression over the vocabulary (grammar: ``knowledge.expression``).
        then: what follows, for people.
        about: techniques, or things that techniques use, that the effect is about.
        first, remains: of a stop or route: the first step, and the techniques or uses that it leaves.
        despite: of a route: what stays possible (*only if*) even where another stop does not leave it.
        caps: of a require: until it is met the technique is *only if*; without it the condition is printed.
    """

    id: str = Field(pattern=r"^[A-Z]{1,2}\d+[a-z]?$")
    when: str
    effect: Effect
    then: str
    about: tuple[str, ...] = ()
    first: str = ""
    remains: tuple[str, ...] = ()
    despite: tuple[str, ...] = ()
    caps: bool = False
    examples: tuple[RuleExample, ...]


class RuleBlock(Strict):
    """Rules of one concern."""

    title: str
    rules: tuple[RuleRow, ...]


class PathwayFile(Strict):
    """A pathway: blocks in order of precedence; files come in order of ``order``, then of their ids."""

    id: str
    title: str
    note: str
    order: int = 0
    date: datetime.date | None = None
    blocks: dict[str, RuleBlock]


@dataclass(frozen=True)
class Rule:
    """A rule with its ``when`` parsed, and the block that it stands in.

    Attributes:
        origin: whose override made it what it is; empty for the package's own.
    """

    block: str
    row: RuleRow
    when: Expression
    origin: str = ""

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.row.id


@cache
def pathways(root: Path | None = None) -> dict[str, PathwayFile]:
    """Every pathway by the name of its file."""
    return dict(documents("pathways", PathwayFile, root))


@cache
def blocks(root: Path | None = None) -> Mapping[str, str]:
    """Title of every block, in order of precedence."""
    return {id: block.title for pathway in _in_order(root) for id, block in pathway.blocks.items()}


@cache
def every_version(root: Path | None = None) -> tuple[Rule, ...]:
    """Every version of every rule, superseded ones included, in order of precedence.

    Raises:
        BadInput: a ``when`` that is outside the grammar.
    """
    return tuple(
        Rule(block, row, parse(row.when))
        for pathway in _in_order(root)
        for block, content in pathway.blocks.items()
        for row in content.rules
    )


@cache
def rules(root: Path | None = None, as_of: datetime.date | None = None) -> tuple[Rule, ...]:
    """The rules in force on a day (today where none is given), in order of precedence.

    Raises:
        BadInput: a ``when`` that is outside the grammar.
    """
    day = as_of or datetime.date.today()
    return tuple(rule for rule in every_version(root) if rule.row.in_force(day))


def _in_order(root: Path | None) -> list[PathwayFile]:
    """Pathways by their ``order``; within a pathway, blocks as written."""
    return sorted(pathways(root).values(), key=lambda pathway: (pathway.order, pathway.id))
