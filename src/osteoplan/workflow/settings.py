"""What a user can turn: everything else follows from the case and the knowledge."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["PlanSettings"]


@dataclass(frozen=True)
class PlanSettings:
    """Settings of a plan.

    Attributes:
        lesion: id of the lesion to plan; None takes the case's target.
        spacing_mm: edge of the finite-element voxels [mm].
        draws: worlds sampled for the intervals.
        seed: of every named random stream.
    """

    lesion: str | None = None
    spacing_mm: float = 1.0
    draws: int = 200
    seed: int = 1

    def document(self) -> dict[str, Any]:
        """Settings as the stamp holds them."""
        return asdict(self)
