"""A vertebra as read from its mask: frame, canal, posterior wall, parts.

The posterior wall of the body, carried on to both sides, parts body from arch.  A pedicle is the arch between
that wall and the lamina, beside the canal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.anatomy.aligned import MARGIN_MM, Aligned, depth_map
from osteoplan.anatomy.canal import Canal, PosteriorWall, find_canal, find_wall
from osteoplan.anatomy.frame import vertebra_frame
from osteoplan.anatomy.pieces import largest_piece
from osteoplan.arrays import F64, Bool, Indices, Mask
from osteoplan.boxes import around
from osteoplan.kernels.resample import gather_linear
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["Vertebra", "read_vertebra", "vertebra_parts"]

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


def vertebra_parts(bone: Volume, frame: BoneFrame, canal: Canal, wall: PosteriorWall) -> Mapping[str, Mask]:
    """``body``, ``arch``, ``pedicle_left`` and ``pedicle_right`` on the bone's grid.

    Body and arch share out the bone; pedicles lie inside the arch.
    """
    box = around(bone.array)
    found = _split(bone.on(box), frame, canal, wall)
    parts = {name: np.zeros(bone.shape, dtype=bool) for name in found}
    for name, part in found.items():
        parts[name][box] = part
    return parts


def _split(bone: Volume, frame: BoneFrame, canal: Canal, wall: PosteriorWall) -> Mapping[str, Mask]:
    indices = np.argwhere(bone.array)
    left, posterior, superior = frame.local(bone.positions_mm(indices)).T
    behind_wall = posterior - wall.posterior_mm(left, superior)
    body = largest_piece(_mask(bone, indices, behind_wall <= 0))
    arch: Mask = bone.array & ~body
    depth = number("vertebra.pedicle_depth_pct") / 100.0 * (canal.back_mm - canal.front_mm)
    between = (behind_wall > 0) & (posterior < canal.front_mm + depth)
    # Above the body stand the articular processes, which a needle must not take for the pedicle.
    between &= (superior > wall.heights[0]) & (superior < wall.heights[1])
    middle = 0.5 * (canal.left_mm + canal.right_mm)
    return {
        "body": body,
        "arch": arch,
        "pedicle_left": largest_piece(arch & _mask(bone, indices, between & (left > middle))),
        "pedicle_right": largest_piece(arch & _mask(bone, indices, between & (left < middle))),
    }


def _mask(bone: Volume, indices: Indices, chosen: Bool) -> Mask:
    mask = np.zeros(bone.shape, dtype=bool)
    mask[tuple(indices[chosen].T)] = True
    return mask
