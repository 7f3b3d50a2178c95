"""Where derived structures are drawn: boxes of the scan's grid, and the crop that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64, Mask
from osteoplan.boxes import Box, box_of, ends, relative, shared, widened
from osteoplan.knowledge.structures import kind_of
from osteoplan.model.anatomy import Structure, StructureKind
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["Canvas", "Derived", "not_derived"]


@dataclass(frozen=True, eq=False)
class Derived:
    """What one rule found, and what it could not: sentences that name the structure and say why."""

    structures: tuple[Structure, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Derived) -> Derived:
        return Derived(self.structures + other.structures, self.notes + other.notes)


def not_derived(sentence: str) -> Derived:
    """No structure, and why."""
    return Derived((), (sentence,))


@dataclass(frozen=True, eq=False)
class Canvas:
    """The scan, its labels, and the box on which masks are wanted.

    Attributes:
        ct: the whole scan.
        labels: on the scan's grid.
        near: index box of the masks; the whole grid where nothing else is asked.
    """

    ct: Volume
    labels: LabelMap
    near: Box

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the masks."""
        i, j, k = (side.stop - side.start for side in self.near)
        return i, j, k

    @cached_property
    def _is_bone(self) -> Mask:
        table = np.zeros(int(self.labels.volume.array.max(initial=0)) + 1, dtype=bool)
        for name, number in self.labels.values.items():
            if kind_of(name) == "bone" and number < len(table):
                table[number] = True
        return table

    def bones(self, box: Box) -> Mask:
        """Every labelled bone within a box."""
        return self._is_bone[self.labels.volume.array[box]]

    def any_of(self, names: Iterable[str], box: Box) -> Mask:
        """The named structures within a box."""
        numbers = [self.labels.values[name] for name in names if self.labels.has(name)]
        return np.isin(self.labels.volume.array[box], numbers)

    def points_mm(self, name: str) -> F64:
        """(n, 3) LPS voxel centres of a labelled structure."""
        box = self.labels.box(name)
        voxels = np.argwhere(self.labels.volume.array[box] == self.labels.values[name])
        return self.ct.positions_mm(voxels + ends(box)[0])

    def box_around(self, points_mm: npt.ArrayLike, margin_mm: float) -> Box:
        """Index box that holds the points and a margin around them, clipped to the scan."""
        indices = self.ct.indices(np.atleast_2d(points_mm))
        reach = margin_mm / self.ct.spacing_mm + 1.0
        low = np.clip(np.floor(indices.min(axis=0) - reach).astype(int), 0, self.ct.shape)
        high = np.clip(np.ceil(indices.max(axis=0) + reach).astype(int) + 1, low, self.ct.shape)
        return box_of(low, high)

    def widened(self, box: Box, margin_mm: float) -> Box:
        """A box with a margin, clipped to the scan."""
        return widened(box, np.ceil(margin_mm / self.ct.spacing_mm).astype(int), self.ct.shape)

    def points_box(self, names: Iterable[str]) -> Box:
        """Index box of all of these structures together."""
        low, high = zip(*(ends(self.labels.box(name)) for name in names), strict=True)
        return box_of(np.min(low, axis=0), np.max(high, axis=0))

    def positions_mm(self, box: Box) -> F64:
        """(ni, nj, nk, 3) LPS voxel centres of a box."""
        axes = [np.arange(side.start, side.stop, dtype=np.float64) for side in box]
        step = self.ct.affine[:3, :3]
        i, j, k = (axis[:, None] * step[:, a] for a, axis in enumerate(axes))
        return i[:, None, None, :] + j[None, :, None, :] + k[None, None, :, :] + self.ct.affine[:3, 3]

    def tube(self, line_mm: Sequence[F64], radius_mm: float) -> tuple[Box, Mask]:
        """Everything within a radius of a line through the given points, with round ends."""
        box = self.box_around(np.asarray(line_mm), radius_mm)
        at = self.positions_mm(box)
        tube = np.zeros(at.shape[:3], dtype=bool)
        for a, b in pairwise(line_mm):
            # two points of a line may be one: a ball is then drawn
            along = np.clip(((at - a) @ (b - a)) / max(float((b - a) @ (b - a)), 1e-12), 0.0, 1.0)
            tube |= ((at - a - along[..., None] * (b - a)) ** 2).sum(axis=-1) <= radius_mm**2
        return box, tube

    def put(self, name: str, kind: StructureKind, box: Box, mask: Mask, because: str) -> Derived:
        """The structure on the asked crop; nothing where it does not reach into it.

        The whole mask is not touched outside the box, so that it costs next to no memory.
        """
        reached = shared(box, self.near)
        part = None if reached is None else mask[relative(reached, box)]
        if reached is None or part is None or not part.any():
            return Derived()
        whole = np.zeros(self.shape, dtype=bool)
        whole[relative(reached, self.near)] = part
        return Derived((Structure(name, kind, whole, given=False, because=because),))
