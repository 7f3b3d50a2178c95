"""Where a simulated lesion goes: in bone coordinates, against the posterior wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.anatomy.vertebra import read_vertebra
from osteoplan.kernels.resample import bounding_box
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["Placement", "at_wall"]

Triple = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Placement:
    """Centre [LPS mm] of a lesion, and the axes of the bone that it lies along."""

    centre_mm: Triple
    frame: BoneFrame


def at_wall(bone: Volume, axes_mm: Triple, *, wall_mm: float, left_mm: float = 0.0) -> Placement:
    """An ellipsoid with its back ``wall_mm`` in front of the posterior wall, at mid height of the wall.

    Args:
        bone: mask of the whole vertebra.
        axes_mm: full axes along left, posterior and superior of the bone.
        wall_mm: gap to the posterior wall; 0 touches it, negative reaches through it.
        left_mm: offset to the patient's left.

    Raises:
        BadInput: the mask has no canal or no posterior wall.
    """
    low, high = bounding_box(bone.array)
    vertebra = read_vertebra(bone.crop(low - 2, high + 2))
    height = 0.5 * sum(vertebra.wall.heights)
    back = float(vertebra.wall.posterior_mm(np.array([left_mm]), np.array([height]))[0])
    x, y, z = vertebra.frame.world((left_mm, back - wall_mm - 0.5 * axes_mm[1], height))
    return Placement((float(x), float(y), float(z)), vertebra.frame)
