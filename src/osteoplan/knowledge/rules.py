"""Rules of the pathway as data: when, then, on whose word, and examples that prove the ``when``.

A file in ``data/pathways`` holds blocks in order of precedence, safety first.  ``pathway.rules`` asks the
rules about a patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from osteoplan.knowledge.expression import Expression, parse
from osteoplan.knowledge.load import Cited, Strict, documents
from osteoplan.model.evidence import Effect

__all__ = ["PathwayFile", "Rule", "RuleExample", "RuleRow", "pathways", "rules"]


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
    """

    id: str = Field(pattern=r"^[A-Z]{1,2}\d+[a-z]?$")
    when: str
    effect: Effect
    then: str
    about: tuple[str, ...] = ()
    examples: tuple[RuleExample, ...]


class Block(Strict):
    """Rules of one concern."""

    title: str
    rules: tuple[RuleRow, ...]


class PathwayFile(Strict):
    """A pathway: blocks in order of precedence."""

    id: str
    title: str
    note: str
    blocks: dict[str, Block]


@dataclass(frozen=True)
class Rule:
    """A rule with its ``when`` parsed, and the block that it stands in."""

    block: str
    row: RuleRow
    when: Expression

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.row.id


@cache
def pathways(root: Path | None = None) -> dict[str, PathwayFile]:
    """Every pathway by the name of its file."""
    return dict(documents("pathways", PathwayFile, root))


@cache
def rules(root: Path | None = None) -> tuple[Rule, ...]:
    """Every rule, in order of precedence.

    Raises:
        BadInput: a ``when`` that is outside the grammar.
    """
    return tuple(
        Rule(block, row, parse(row.when))
        for pathway in pathways(root).values()
        for block, content in pathway.blocks.items()
        for row in content.rules
    )
