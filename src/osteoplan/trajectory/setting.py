"""What a plan is made in: the patient's neighbourhood, what is at hand, and who the sampled patients are.

One noun that remembers: whatever is worked out of the neighbourhood (distance maps, corridors, needle ways)
is kept in its memo and shared by every technique and room that is handed the same neighbourhood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from osteoplan.model.anatomy import Anatomy
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.inventory import Inventory
from osteoplan.provenance import digest
from osteoplan.trajectory.surroundings import DistanceMaps, Memo, Surroundings, distance_maps, surroundings

__all__ = ["Setting"]


@dataclass(frozen=True, eq=False)
class Setting:
    """An anatomy with its surroundings, an inventory and an ensemble."""

    around: Surroundings
    inventory: Inventory
    ensemble: Ensemble

    @classmethod
    def of(cls, anatomy: Anatomy, inventory: Inventory, ensemble: Ensemble) -> Setting:
        """A setting with a memo of its own."""
        return cls(surroundings(anatomy), inventory, ensemble)

    def with_inventory(self, inventory: Inventory) -> Setting:
        """The same patient where something else is at hand; the memo is shared."""
        return replace(self, inventory=inventory)

    @property
    def anatomy(self) -> Anatomy:
        """The lesion's bone."""
        return self.around.anatomy

    @property
    def memo(self) -> Memo:
        """What was worked out of the neighbourhood."""
        return self.around.memo

    @property
    def maps(self) -> DistanceMaps:
        """Distances to everything around."""
        return distance_maps(self.around)

    @cached_property
    def identity(self) -> str:
        """Digest of all that a room can read of the patient, by which its results are kept."""
        return self.memo.once("identity", lambda: _identity(self.anatomy))


def _identity(anatomy: Anatomy) -> str:
    masks = [(s.name, s.kind, s.mask) for s in anatomy.structures]
    return digest(
        anatomy.bone, anatomy.image.array, anatomy.image_intact.array, anatomy.image.affine,
        anatomy.calibration, anatomy.bone_mask, dict(anatomy.parts), anatomy.lesion_mask, anatomy.frame,
        dict(anatomy.frames), masks, anatomy.body_surface, [implant.mask for implant in anatomy.implants],
    )  # fmt: skip
