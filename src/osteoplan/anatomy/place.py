"""Where a simulated lesion goes: in bone coordinates, against the posterior wall if asked."""

from __future__ import annotations

import numpy as np

from osteoplan.anatomy.aligned import Aligned, depth_map
from osteoplan.anatomy.canal import find_canal, find_wall
from osteoplan.anatomy.frame import vertebra_frame
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["centre_at_wall", "frame_of"]

STEP_MM = 0.8  # of the bone's own grid
MARGIN_MM = 10.0


def frame_of(bone: Volume) -> BoneFrame:
    """Axes of the vertebra whose mask this is."""
    return vertebra_frame(depth_map(bone))


def centre_at_wall(
    bone: Volume, axes_mm: tuple[float, float, float], *, wall_mm: float, left_mm: float = 0.0
) -> tuple[float, float, float]:
    """Centre [LPS mm] of an ellipsoid with its back ``wall_mm`` in front of the posterior wall, at mid height.

    Args:
        bone: mask of the vertebra.
        axes_mm: full axes along left, posterior and superior of the bone.
        wall_mm: gap to the posterior wall; 0 touches it, negative reaches through it.
        left_mm: offset to the patient's left.

    Raises:
        BadInput: the mask has no canal or no posterior wall.
    """
    depth = depth_map(bone)
    frame = vertebra_frame(depth)
    reach = frame.local(depth.positions_mm(np.argwhere(depth.array < 0)))
    low, high = reach.min(axis=0) - MARGIN_MM, reach.max(axis=0) + MARGIN_MM
    aligned = Aligned.of(depth, frame, low, high, STEP_MM)
    wall = find_wall(aligned, find_canal(aligned))
    height = 0.5 * sum(wall.heights)
    back = float(wall.posterior_mm(np.array([left_mm]), np.array([height]))[0])
    x, y, z = frame.world((left_mm, back - wall_mm - 0.5 * axes_mm[1], height))
    return float(x), float(y), float(z)
