"""Body, arch and pedicles of a vertebra.

The posterior wall of the body, carried on to both sides, parts body from arch.  A pedicle is the arch between
that wall and the lamina, beside the canal.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from osteoplan.anatomy.canal import Canal, PosteriorWall
from osteoplan.anatomy.pieces import largest_piece
from osteoplan.arrays import Bool, Indices, Mask
from osteoplan.boxes import around
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["vertebra_parts"]


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
