"""What the section on certainty shows."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.report.words import Value

__all__ = ["CertaintyView", "ChartView", "PairView", "RigidityView"]


@dataclass(frozen=True)
class PairView:
    """One option less another one, in points of intact."""

    better: str
    worse: str
    gap: Value


@dataclass(frozen=True)
class ChartView:
    """A chart with what it shows in words."""

    title: str
    image: str
    words: str


@dataclass(frozen=True)
class RigidityView:
    """Losses of a stretch of bone, as (name, value, where), and their chart; ``because`` holds for all."""

    stretch: str
    losses: tuple[tuple[str, Value, str], ...]
    because: tuple[str, ...]
    chart: ChartView


@dataclass(frozen=True)
class CertaintyView:
    """The section of the report; empty where nothing was simulated."""

    word: str
    pairs: tuple[PairView, ...]
    tornadoes: tuple[ChartView, ...]
    rigidity: tuple[RigidityView, ...]

    @property
    def empty(self) -> bool:
        """Nothing to show."""
        return not (self.pairs or self.tornadoes or self.rigidity)
