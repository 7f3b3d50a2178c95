"""A vertebra as read from its mask: frame, canal, posterior wall, parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.anatomy.aligned import MARGIN_MM, Aligned, depth_map
from osteoplan.anatomy.canal import Canal, PosteriorWall, find_canal, find_wall
from osteoplan.anatomy.frame import vertebra_frame
from osteoplan.anatomy.parts import vertebra_parts
from osteoplan.arrays import F64, Mask
from osteoplan.kernels.resample import gather_linear
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["Vertebra", "read_vertebra"]

GRID_MM = 1.0  # of the bone's own grid


@dataclass(frozen=True, eq=False)
class Vertebra:
    """Geometry of one vertebra; the frame's origin is the centroid of its body.

    Attributes:
        parts: as in ``Anatomy``, on the grid of the mask that was read.
        bone: signed distance to the bone's surface on its own grid, room for the canal above and below.
    """

    frame: BoneFrame
    parts: Mapping[str, Mask]
    bone: Aligned
    canal: Canal
    wall: PosteriorWall

    def canal_mask(self, grid: Volume, bone_mask: Mask) -> Mask:
        """The canal on a grid, without the bone."""
        outline = gather_linear(self.canal.depth, self.bone.affine, grid.affine, grid.shape, outside=1.0)
        return (outline < 0) & ~bone_mask

    def wall_mm(self) -> F64:
        """(n, 3) LPS points of the back of the body."""
        return self.frame.world(self.wall.points)


def read_vertebra(mask: Volume, *, up: F64 | None = None) -> Vertebra:
    """Read a vertebra from its mask.

    Args:
        mask: boolean, the whole bone, in one piece.
        up: rough superior direction (LPS), where the neighbours give one.

    Raises:
        BadInput: no canal or no posterior wall is seen.
    """
    depth = depth_map(mask)
    frame = vertebra_frame(depth, up=up)
    bone, canal, wall = _ring(depth, frame)
    body = np.argwhere(vertebra_parts(mask, frame, canal, wall)["body"])
    frame = replace(frame, origin_mm=mask.positions_mm(body).mean(axis=0))
    bone, canal, wall = _ring(depth, frame)
    return Vertebra(frame, vertebra_parts(mask, frame, canal, wall), bone, canal, wall)


def _ring(depth: Volume, frame: BoneFrame) -> tuple[Aligned, Canal, PosteriorWall]:
    bone_mm = frame.local(depth.positions_mm(np.argwhere(depth.array < 0)))
    margin = np.array([MARGIN_MM, MARGIN_MM, number("vertebra.canal_beyond_mm")])
    bone = Aligned.of(depth, frame, bone_mm.min(axis=0) - margin, bone_mm.max(axis=0) + margin, GRID_MM)
    canal = find_canal(bone)
    return bone, canal, find_wall(bone, canal)
