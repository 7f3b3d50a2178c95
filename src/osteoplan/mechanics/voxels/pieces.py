"""Which pieces of a voxel body are held, and how well.

A piece is a set of voxels that hang together by faces; an edge or a corner in common is a hinge, and holds
nothing.  A piece that nothing holds has no answer: it is left out and counted.  A piece that is held so
little that it can still slide or turn is refused, and its motions are named (``kernels.rigid_motions``).

    rigid motion of a piece     u = t + w x p                6 numbers, (t, w)
    what is prescribed          g_i = row_i (t, w)           one row for each prescribed component

The rank of the rows tells whether the piece can move, their misfit whether it is strained at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, I64, Array, Bool
from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import CORNERS
from osteoplan.kernels.rigid_motions import free_motions

__all__ = ["held_pieces"]

STRAINED = 1e-7  # of the largest prescribed motion: less is the rounding of a rigid one
STOPPED = 1e-9  # of the largest eigenvalue of the rows' normal matrix: less is looked at without rounding


def held_pieces(
    solid: Bool, prescribed: F64, h: tuple[float, float, float], *, loaded: bool
) -> tuple[Bool, int, int]:
    """(voxels of the pieces that are held, pieces left out, voxels left out).

    Args:
        solid: (ni, nj, nk); prescribed: (ni + 1, nj + 1, nk + 1, 3) displacements [mm], NaN where free.
        h: edges of a voxel [mm].
        loaded: forces act as well.

    Raises:
        BadInput: nothing is held, a piece can still move, or no piece joins what moves to what stays.
    """
    labels, count = ndimage.label(solid)
    rows = _Rows.of(labels, count, prescribed, h)
    held = rows.count > 0
    held[0] = False
    if not held.any():
        raise BadInput(
            "no prescribed node touches the body, so nothing holds it: prescribed_mm is NaN but in voids"
        )
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    for piece in np.flatnonzero(held & (rows.rank < 6)):
        cells = np.argwhere(labels == piece)
        free = free_motions(cells, ~np.isnan(prescribed), h)
        if free:
            low, high = cells.min(axis=0), cells.max(axis=0)
            raise BadInput(
                f"a piece of {len(cells)} voxels, {tuple(low.tolist())} to {tuple(high.tolist())}, is held "
                f"in {6 - len(free)} of its 6 rigid motions and still {free.words(h)}: prescribe more "
                "components on it, or take it out of moduli_MPa"
            )
    if not loaded and not rows.strained.any() and rows.strained_together:
        raise BadInput(
            "no piece reaches from what is moved to what is held: every piece moves as a whole, so there is "
            "no load path (check the gap between them, or a threshold that is too high)"
        )
    kept = held[labels]
    left = (~held) & (sizes > 0)
    left[0] = False
    return kept, int(left.sum()), int(sizes[left].sum())


@dataclass(frozen=True, eq=False)
class _Rows:
    """What is prescribed on each piece (index 0 is the void), as rigid motions.

    Attributes:
        count: prescribed components; rank: rigid motions that they stop, 0 to 6; of long levers at least.
        strained: what is prescribed is no rigid motion; ``strained_together``: of all pieces as one.
    """

    count: I64
    rank: I64
    strained: Bool
    strained_together: bool

    @classmethod
    def of(cls, labels: Array, count: int, prescribed: F64, h: tuple[float, float, float]) -> _Rows:
        nodes = np.argwhere(~np.isnan(prescribed).all(axis=-1))
        piece, node = _touching(labels, nodes)
        at = nodes[node]
        motion = prescribed[tuple(at.T)]
        which, component = np.nonzero(~np.isnan(motion))
        g = motion[which, component]
        p = (at - np.array(labels.shape) / 2.0) * np.array(h)
        p /= max(np.abs(p).max(initial=0.0), min(h))  # turns and shifts of one size
        unit = np.eye(3)[component]
        rows = np.concatenate([unit, np.cross(p[which], unit)], axis=1)
        of = piece[which]
        rank, misfit = _rigid(of, count + 1, rows, g)
        _, together = _rigid(np.zeros_like(of), 1, rows, g)
        size = max(float(np.abs(g).max(initial=0.0)), np.finfo(float).tiny)
        return cls(
            np.bincount(of, minlength=count + 1),
            rank,
            misfit > STRAINED * size,
            bool(together[0] > STRAINED * size),
        )


def _touching(labels: Array, nodes: Array) -> tuple[Array, Array]:
    """(piece, row of ``nodes``), once for every piece that has the node as a corner."""
    padded = np.pad(labels, 1)
    around = np.stack([padded[tuple((nodes + corner).T)] for corner in CORNERS], axis=1)
    pairs = np.stack([around.ravel(), np.repeat(np.arange(len(nodes)), len(CORNERS))], axis=1)
    piece, node = np.unique(pairs[pairs[:, 0] > 0], axis=0).T
    return piece, node


def _rigid(of: Array, count: int, rows: F64, g: F64) -> tuple[I64, F64]:
    """(rank of each piece, root of the squared misfit of its best rigid motion), each (count,)."""
    normal: F64 = np.zeros((count, 6, 6))
    for a in range(6):
        for b in range(a, 6):
            normal[:, a, b] = normal[:, b, a] = np.bincount(of, rows[:, a] * rows[:, b], minlength=count)
    values, vectors = np.linalg.eigh(normal)
    stopped = values > STOPPED * np.maximum(values[:, -1:], np.finfo(float).tiny)
    left = g
    for _ in range(2):  # what is left: a difference of squares is lost in rounding
        right = np.stack([np.bincount(of, row * left, minlength=count) for row in rows.T], axis=1)
        along = np.einsum("nij,ni->nj", vectors, right)
        size = np.where(stopped, along / np.where(stopped, values, 1.0), 0.0)
        motion = np.einsum("nij,nj->ni", vectors, size)
        left = left - (rows * motion[of]).sum(axis=1)
    return stopped.sum(axis=1), np.sqrt(np.bincount(of, left * left, minlength=count))
