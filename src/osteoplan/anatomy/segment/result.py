"""What a segmentation from a seed point tells: the bone, why these voxels, and what to look at."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.arrays import Mask

__all__ = ["Segmented"]


@dataclass(frozen=True, eq=False)
class Segmented:
    """One bone, found without labels; to be reviewed in pictures before anything rests on it.

    Attributes:
        mask: on the CT's own grid.
        bone: its name as the user gave it; the level was not counted here.
        seed_mm: LPS position that was pointed at.
        because: how the mask came about, in words.
        cautions: sentences on what may be wrong; empty if nothing was noticed.
    """

    mask: Mask
    bone: str
    seed_mm: tuple[float, float, float]
    because: str
    cautions: tuple[str, ...] = ()
