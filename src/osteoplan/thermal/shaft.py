"""Where along its shaft a probe acts."""

from __future__ import annotations

from math import dist

import numpy as np

from osteoplan.arrays import Point
from osteoplan.errors import BadInput
from osteoplan.knowledge.applicators import Applicator, applicator_of
from osteoplan.model.effects import Source
from osteoplan.model.volume import Volume

__all__ = ["active_ends", "on_grid_indices", "probe_of"]


def probe_of(source: Source) -> Applicator:
    """What drives a source: the probe as it stands on the shelf, else the package's of that id.

    Raises:
        UnknownName, BadInput: there is none, or it cannot be simulated.
    """
    return applicator_of(source.device, None if source.probe is None else {source.device: source.probe})


def active_ends(applicator: Applicator, tip_mm: Point, entry_mm: Point) -> tuple[Point, Point]:
    """LPS ends of the active part, the one nearer to the entry first.

    Raises:
        BadInput: the active part is longer than the way from the entry to the tip.
    """
    length = dist(tip_mm, entry_mm)
    near, far = applicator.tip_mm + applicator.length_mm, applicator.tip_mm
    if near >= length:
        raise BadInput(
            f"{applicator.name}: its active part ends {near:.0f} mm above the tip, and the way in is "
            f"{length:.0f} mm long"
        )

    def up(mm: float) -> Point:
        x, y, z = (tip + (entry - tip) * mm / length for tip, entry in zip(tip_mm, entry_mm, strict=True))
        return x, y, z

    return up(near), up(far)


def on_grid_indices(grid: Volume, at_mm: Point) -> Point:
    """Voxel indices of a place, not rounded."""
    i, j, k = (float(x) for x in grid.indices(np.asarray(at_mm)))
    return i, j, k
