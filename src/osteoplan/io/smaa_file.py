"""A problem of options and attributes as YAML, for ``osteoplan smaa``: figures, ranges, and what matters.

A figure is a number, or says how sure it is: an interval, counted events of n, or its own draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from osteoplan.arrays import F64
from osteoplan.errors import BadInput, named
from osteoplan.io.answers_file import SetFile, best_worst
from osteoplan.io.yaml import checked, read_yaml
from osteoplan.knowledge.load import Strict
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.preference import BestWorst

__all__ = ["Problem", "read_problem"]


class _AttributeFile(Strict):
    """The worst and the best, and the unit: a share in ``%`` stays between none and all."""

    worst: float
    best: float
    unit: str = "1"


class _FigureFile(Strict):
    """A number, or ``low`` and ``high`` at ``level`` around it, ``events`` of ``n`` [%], or ``draws``."""

    exact: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = Field(default=0.95, gt=0.0, lt=1.0)
    events: int | None = Field(default=None, ge=0)
    n: int | None = Field(default=None, gt=0)
    draws: list[float] | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, content: Any) -> Any:
        return {"exact": content} if isinstance(content, int | float) else content

    @model_validator(mode="after")
    def _one(self) -> _FigureFile:
        whole = (self.value is not None, self.low is not None, self.high is not None)
        counted = self.events is not None and self.n is not None
        if [all(whole), counted, self.draws is not None, self.exact is not None].count(True) != 1 or any(
            whole
        ) != all(whole):
            raise ValueError("give a number, value with low and high, events with n, or draws")
        if counted and (self.events or 0) > (self.n or 0):
            raise ValueError("more events than n")
        return self


class _ProblemFile(Strict):
    attributes: dict[str, _AttributeFile] = Field(min_length=1)
    options: dict[str, dict[str, _FigureFile]] = Field(min_length=1)
    points: dict[str, float] = {}
    sets: list[SetFile] = []
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Problem:
    """Options by attribute, each figure a number, an estimate, or (m,) draws."""

    attributes: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...]
    figures: dict[str, dict[str, float | Estimate | F64]]
    points: dict[str, float]
    sets: tuple[BestWorst, ...]
    seed: int


def read_problem(path: Path) -> Problem:
    """The problem in a file.

    Raises:
        BadInput: what cannot be meant, in one sentence; of a stray attribute the nearest is named.
    """
    file = checked(_ProblemFile, read_yaml(path), str(path))
    about = [id for own in file.options.values() for id in own]
    about += [*file.points, *(id for one in file.sets for id in one.shown)]
    for id in about:
        named("attribute", id, file.attributes, str(path))
    if file.points and file.sets:
        raise BadInput(f"{path}: points and sets are two ways to say one thing: give one of them")
    return Problem(
        tuple(file.attributes),
        tuple((one.worst, one.best) for one in file.attributes.values()),
        {
            option: {id: _figure(id, one, file.attributes[id].unit) for id, one in own.items()}
            for option, own in file.options.items()
        },
        file.points,
        tuple(best_worst(one, str(path)) for one in file.sets),
        file.seed,
    )


def _figure(id: str, file: _FigureFile, unit: str) -> float | Estimate | F64:
    if file.exact is not None:
        return file.exact
    if file.draws is not None:
        return np.array(file.draws)
    value, study = file.value, None
    if file.events is not None and file.n:
        value, study, unit = 100.0 * file.events / file.n, Study(n=file.n, events=file.events), "%"
    name = f"{id}_probability" if unit == "%" else id  # what stays between none and all
    return Estimate(
        name, id, value or 0.0, file.low, file.high, unit, "published", level=file.level, study=study
    )
