"""Named bones and organs on the scan's grid: a label map, and what its numbers mean.

Names are canonical (``vertebrae_T12``, ``hip_left``, ``aorta`` ...), whatever scheme the file
used; ``knowledge.structures`` translates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from osteoplan.arrays import Mask
from osteoplan.boxes import Box, widened
from osteoplan.errors import UnknownName
from osteoplan.model.volume import Volume

__all__ = ["LabelMap"]


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A label map and the canonical name of each number.

    Attributes:
        volume: integer array, 0 is nothing; meaning ``label``.
        values: canonical structure name -> number.
    """

    volume: Volume
    values: Mapping[str, int]

    @cached_property
    def boxes(self) -> Mapping[int, Box]:
        """Number -> index box, of the numbers that are present; one pass over the map."""
        from scipy import ndimage  # imported late: rules and scores need no images

        found = ndimage.find_objects(self.volume.array)
        return {number + 1: box for number, box in enumerate(found) if box is not None}

    def has(self, name: str) -> bool:
        """True where the structure is named and at least one voxel carries its number."""
        return self.values.get(name, -1) in self.boxes

    def present(self) -> tuple[str, ...]:
        """Names of the structures that are there, by number."""
        return tuple(
            name for name, _ in sorted(self.values.items(), key=lambda item: item[1]) if self.has(name)
        )

    def mask(self, name: str) -> Mask:
        """(ni, nj, nk) bool of one structure on the whole grid.

        Raises:
            UnknownName: the map has no such structure.
        """
        mask = np.zeros(self.volume.shape, dtype=bool)
        box = self.box(name)
        mask[box] = self.volume.array[box] == self.values[name]
        return mask

    def any_of(self, names: Iterable[str]) -> Mask:
        """(ni, nj, nk) bool of all of these structures that are there."""
        numbers = [self.values[name] for name in names if self.has(name)]
        return np.isin(self.volume.array, numbers)

    def box(self, name: str) -> Box:
        """Index box of a structure.

        Raises:
            UnknownName: the map has no such structure.
        """
        if not self.has(name):
            raise UnknownName("structure (it is not labelled on this scan)", name, self.present())
        return self.boxes[self.values[name]]

    def near(self, name: str, margin_mm: float) -> Volume:
        """The structure's mask on a crop of the grid with a margin around it [mm].

        Raises:
            UnknownName: the map has no such structure.
        """
        box = self.box(name)
        reach = np.ceil(margin_mm / self.volume.spacing_mm).astype(int)
        crop = self.volume.on(widened(box, reach, self.volume.shape))
        return crop.with_array(crop.array == self.values[name], "mask")

    def cut_by_edge(self, name: str) -> bool:
        """True where the structure touches the scan's outermost voxels, so that part of it is missing."""
        box = self.box(name)
        return any(side.start == 0 or side.stop == n for side, n in zip(box, self.volume.shape, strict=True))
