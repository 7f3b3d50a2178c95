"""A problem of options and attributes as YAML, for ``osteoplan smaa``: figures, ranges, and what matters."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from osteoplan.errors import BadInput, named
from osteoplan.io.answers_file import Number, SetFile
from osteoplan.io.yaml import checked, read_yaml
from osteoplan.knowledge.load import Strict
from osteoplan.model.outcome import Estimate, Study

__all__ = ["FigureFile", "ProblemFile", "read_problem"]


class RangeFile(Strict):
    """The worst and the best, and the unit: a share in ``%`` stays between none and all."""

    worst: Number = Field(allow_inf_nan=False)
    best: Number = Field(allow_inf_nan=False)
    unit: str = "1"


class FigureFile(Strict):
    """A number, or ``low`` and ``high`` at ``level`` around it, ``events`` of ``n`` [%], or ``draws``."""

    exact: Number | None = None
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    level: float = Field(default=0.95, gt=0.0, lt=1.0)
    events: int | None = Field(default=None, ge=0)
    n: int | None = Field(default=None, gt=0)
    draws: list[Number] | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, content: Any) -> Any:
        return {"exact": content} if isinstance(content, int | float | str) else content

    @model_validator(mode="after")
    def _one(self) -> FigureFile:
        forms = (("exact",), ("value", "low", "high"), ("events", "n"), ("draws",))
        if self.model_fields_set - {"level"} not in [set(form) for form in forms]:
            raise ValueError("give a number, value with low and high, events with n, or draws")
        if self.events is not None and self.n is not None and self.events > self.n:
            raise ValueError("more events than n")
        told = (self.low, self.value, self.high)
        known = [x for x in told if x is not None]
        if known != sorted(known):
            raise ValueError("low, value and high must rise in this order")
        numbers = [*known, *([] if self.exact is None else [self.exact]), *(self.draws or ())]
        if not all(math.isfinite(x) for x in numbers):
            raise ValueError("a number that is none or endless")
        return self

    @property
    def central(self) -> float:
        """The number, the share of the events [%], or the median of the draws."""
        if self.events is not None and self.n:
            return 100.0 * self.events / self.n
        return statistics.median([x for x in (self.exact, self.value) if x is not None] or self.draws or ())

    def estimate(self, attribute: str, unit: str) -> Estimate:
        """A figure with an interval or counted events, as studies tell it."""
        study = Study(n=self.n, events=self.events) if self.events is not None else None
        id = f"{attribute}_probability" if unit == "%" else attribute  # what stays between none and all
        return Estimate(
            id, attribute, self.central, self.low, self.high, unit, "published", level=self.level, study=study
        )


class ProblemFile(Strict):
    """Options by attribute, and what somebody answered."""

    attributes: dict[str, RangeFile] = Field(min_length=1)
    options: dict[str, dict[str, FigureFile]] = Field(min_length=1)
    points: dict[str, Number] = {}
    sets: list[SetFile] = []
    seed: int = Field(default=1, ge=0)


def read_problem(path: Path) -> ProblemFile:
    """The problem in a file.

    Raises:
        BadInput: what cannot be meant, in one sentence; of a stray attribute the nearest is named.
    """
    file = checked(ProblemFile, read_yaml(path), str(path))
    about = [id for own in file.options.values() for id in own]
    for id in (*about, *file.points, *(id for one in file.sets for id in one.shown)):
        named("attribute", id, file.attributes, str(path))
    if file.points and file.sets:
        raise BadInput(f"{path}: points and sets are two ways to say one thing: give one of them")
    return file
