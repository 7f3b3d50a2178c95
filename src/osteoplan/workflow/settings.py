"""What a user can turn: everything else follows from the case and the knowledge."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from osteoplan.mechanics.existing_metal import ExistingMetal
from osteoplan.mechanics.scenarios import Bond, Scenario
from osteoplan.model.ensemble import Ensemble

__all__ = ["PlanSettings"]


VALUE_DRAWS = 10_000  # the value of one fact is a small difference of means


@dataclass(frozen=True)
class PlanSettings:
    """Settings of a plan.

    Attributes:
        lesion: id of the lesion to plan; None takes the case's target.
        spacing_mm: edge of the finite-element voxels [mm].
        draws: patients sampled for the intervals.
        seed: of every named random stream.
        existing_metal: whether metal that the scan shows already carries load.
        scenario: what treatment does to the bone of the lesion: nothing, killed months ago, or removed.
        bond: of cement to bone: full, or through a softer layer.
    """

    lesion: str | None = None
    spacing_mm: float = 1.5
    draws: int = 200
    seed: int = 1
    existing_metal: ExistingMetal = "left out"
    scenario: Scenario = "none"
    bond: Bond = "full"

    @property
    def ensemble(self) -> Ensemble:
        """The sampled patients of the plan."""
        return Ensemble(self.seed, self.draws)

    @property
    def value_ensemble(self) -> Ensemble:
        """The sampled patients of the model of value, which are many because they are cheap."""
        return Ensemble(self.seed, VALUE_DRAWS)

    @property
    def supposed(self) -> tuple[str, ...]:
        """What is supposed beyond the scan, in sentences that stand with every result."""
        said = (
            (self.existing_metal == "bonded", "metal that the scan shows is taken as bonded to the bone"),
            (self.scenario == "killed", "scenario: bone of the lesion died 3 to 6 months before"),
            (self.scenario == "removed", "scenario: bone of the lesion was removed"),
            (self.bond == "layer", "cement is bonded to bone through a softer layer"),
        )
        return tuple(words for asked, words in said if asked)

    def document(self) -> dict[str, Any]:
        """Settings as the stamp holds them."""
        return asdict(self)
