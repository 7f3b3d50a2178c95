"""Dots with whiskers and one bar, as positions on a common axis; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from osteoplan.model.outcome import Estimate

__all__ = ["ChartAxis", "Whisker", "axis_for"]


@dataclass(frozen=True)
class Whisker:
    """A value and its interval, in chart units from the left edge; ``low`` equals ``high`` without one."""

    at: float
    low: float
    high: float
    grey: bool = False


@dataclass(frozen=True)
class ChartAxis:
    """A horizontal axis from 0 to ``top`` over ``width`` chart units.

    Attributes:
        ticks: (position, label).
        marks: positions of reference lines (untreated, intact), dashed.
    """

    top: float
    width: float
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[float, ...] = ()

    def place(self, value: float) -> float:
        """Chart position of a value, kept on the axis."""
        return round(min(max(value, 0.0), self.top) / self.top * self.width, 1)

    def whisker(self, estimate: Estimate, *, grey: bool = False) -> Whisker:
        """An estimate on this axis."""
        low = estimate.value if estimate.low is None else estimate.low
        high = estimate.value if estimate.high is None else estimate.high
        return Whisker(self.place(estimate.value), self.place(low), self.place(high), grey)


def axis_for(
    estimates: Iterable[Estimate], *, at_least: float, width: float, marks: Iterable[float] = ()
) -> ChartAxis:
    """The axis that holds all estimates and their intervals; it always begins at 0."""
    highest = max([at_least, *(e.value if e.high is None else e.high for e in estimates)])
    step = 25.0 if highest <= 160.0 else 50.0 if highest <= 320.0 else 100.0 * math.ceil(highest / 600.0)
    top = step * 0.5 * math.ceil(highest / (0.5 * step))
    bare = ChartAxis(top, width, ())
    ticks = tuple(
        (bare.place(step * n), f"{step * n:.0f}") for n in range(int(top // step) + 1) if step * n <= top
    )
    return ChartAxis(top, width, ticks, tuple(bare.place(mark) for mark in marks))
