"""What outcomes there are (``data/outcomes``): unit, which way is better, where it is shown, who computes it.

A file holds outcomes by id; a new file or a new row is all that a new outcome needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, RootModel

from osteoplan.errors import BadInput, named
from osteoplan.knowledge.load import Strict, documents
from osteoplan.model.outcome import Outcome

__all__ = ["outcome", "outcomes"]


class _OutcomeRow(Strict):
    title: str
    short_title: str = Field("", max_length=40)
    unit: str | tuple[str, ...]
    better: Literal["more", "less", "neither"]
    by: tuple[Literal["mechanics", "cement", "thermal", "techniques", "published", "card"], ...] = Field(
        min_length=1
    )
    format: Literal["number", "per_cent"] = "number"
    cell: Literal["", "evidence", "risk", "burden"] = ""
    levels: tuple[str, ...] = ()


class _OutcomeFile(RootModel[dict[str, _OutcomeRow]]):
    pass


@cache
def outcomes(root: Path | None = None) -> Mapping[str, Outcome]:
    """Every outcome by its id.

    Raises:
        BadInput: an outcome that stands in two files.
    """
    found: dict[str, Outcome] = {}
    for name, file in documents("outcomes", _OutcomeFile, root).items():
        for id, row in file.root.items():
            if id in found:
                raise BadInput(
                    f"knowledge/data/outcomes/{name}.yaml: the outcome '{id}' stands in another file too"
                )
            found[id] = _noun(id, row)
    return found


def outcome(id: str) -> Outcome:
    """One outcome.

    Raises:
        UnknownName: there is none of that id.
    """
    return named("outcome", id, outcomes(), "knowledge/data/outcomes")


def _noun(id: str, row: _OutcomeRow) -> Outcome:
    return Outcome(
        id, row.title, row.short_title or row.title,
        (row.unit,) if isinstance(row.unit, str) else row.unit, row.better, row.by, row.format, row.cell,
        row.levels,
    )  # fmt: skip
