"""Where a simulated lesion goes: in bone coordinates, against the posterior wall."""

from __future__ import annotations

import numpy as np

from osteoplan.anatomy.vertebra import Vertebra

__all__ = ["centre_at_wall"]

Triple = tuple[float, float, float]


def centre_at_wall(vertebra: Vertebra, axes_mm: Triple, *, wall_mm: float, left_mm: float = 0.0) -> Triple:
    """Centre [LPS mm] of an ellipsoid with its back ``wall_mm`` before the posterior wall, at mid height.

    Args:
        vertebra: as read from its mask.
        axes_mm: full axes along left, posterior and superior of the bone.
        wall_mm: gap to the posterior wall; 0 touches it, negative reaches through it.
        left_mm: offset to the patient's left.
    """
    height = 0.5 * sum(vertebra.wall.heights)
    back = float(vertebra.wall.posterior_mm(np.array([left_mm]), np.array([height]))[0])
    x, y, z = vertebra.frame.world((left_mm, back - wall_mm - 0.5 * axes_mm[1], height))
    return float(x), float(y), float(z)
