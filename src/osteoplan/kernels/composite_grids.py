"""Coarse grids that keep apart what does not touch: composite bricks of a porous body.

A coarse cell of a sponge may hold several struts that do not touch inside it.  One averaged brick would weld
them together.  Here each connected part (parts connected through shared nodes) gets a brick of its own, with
corner nodes of its own; corners of two such bricks are one node where a finer node of both reads it:

    u(n) = mean of the coarse nodes around n      1, 2, 4 or 8 of them: trilinear, for all bricks of n alike

so that displacements stay continuous, their values add up to 1 and rigid motions are reproduced exactly.
The same is done again on the grid so made.

Source: Hackbusch & Sauter 1997 (composite finite elements).  Tests: tests/analytic/test_composite.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from osteoplan.arrays import I32
from osteoplan.kernels.elasticity import Bricks

__all__ = ["Grid", "Transfer", "coarser"]

Ways = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Grid:
    """Bricks of one size; several may lie in one place.

    Attributes:
        cells: (n, 3) places, sorted along i; corners: (n, 8) node numbers; nodes: (m, 3) their places.
    """

    cells: I32
    corners: I32
    nodes: I32

    @classmethod
    def of(cls, mesh: Bricks) -> Grid:
        """The bricks of a mesh, counted from its lowest solid voxel."""
        corner = np.array(mesh.corner, dtype=np.int32)
        return cls(mesh.cells - corner, mesh.corners, mesh.nodes - corner)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Cells of the box."""
        i, j, k = (int(n) + 1 for n in self.cells.max(axis=0))
        return i, j, k


@dataclass(frozen=True, eq=False)
class Transfer:
    """From a grid to its composite grid.

    Attributes:
        parent: (n,) composite brick of each brick.
        first: (m + 1,) and reads: coarse nodes of finer node n are reads[first[n] : first[n + 1]].
    """

    parent: I32
    first: I32
    reads: I32


def coarser(grid: Grid, ways: Ways) -> tuple[Grid, Transfer]:
    """The composite grid of cells as many times (1 or 2) as large along each axis."""
    parent, count = _parents(grid.cells, grid.corners, grid.nodes, ways)
    cells = np.zeros((count, 3), dtype=np.int32)
    cells[parent] = grid.cells // np.array(ways, dtype=np.int32)
    corners, nodes, first, reads = _welded(grid.cells, grid.corners, grid.nodes, parent, cells, ways)
    return Grid(cells, corners, nodes), Transfer(parent, first, reads)


@njit(cache=True, nogil=True)
def _root(up, a):  # type: ignore[no-untyped-def]
    while up[a] != a:
        up[a] = up[up[a]]
        a = up[a]
    return a


@njit(cache=True, nogil=True)
def _join(up, a, b):  # type: ignore[no-untyped-def]
    """The lower number stands for both."""
    a, b = _root(up, a), _root(up, b)
    if a < b:
        up[b] = a
    else:
        up[a] = b


@njit(cache=True, nogil=True)
def _numbered(up):  # type: ignore[no-untyped-def]
    """(number of the set of each, count), sets in the order of their lowest members."""
    number = np.empty(len(up), dtype=np.int32)
    count = 0
    for a in range(len(up)):
        root = _root(up, a)
        if root == a:
            number[a] = count
            count += 1
        else:
            number[a] = number[root]
    return number, count


@njit(cache=True, nogil=True)
def _parents(cells, corners, nodes, ways):  # type: ignore[no-untyped-def]
    """Bricks of one coarse cell that share a node, through any number of others, have one parent."""
    up = np.arange(len(cells)).astype(np.int32)
    seen = np.full((len(nodes), 8), -1, dtype=np.int32)  # a brick of each coarse cell around each node
    for e in range(len(cells)):
        for a in range(8):
            n = corners[e, a]
            side = 0
            for axis in range(3):
                above = (a >> (2 - axis)) & 1 == 0 and nodes[n, axis] % ways[axis] == 0
                side = 2 * side + (1 if above else 0)
            if seen[n, side] < 0:
                seen[n, side] = e
            else:
                _join(up, seen[n, side], e)
    return _numbered(up)


@njit(cache=True, nogil=True)
def _welded(cells, corners, nodes, parent, coarse, ways):  # type: ignore[no-untyped-def]
    """Corners of the coarse bricks, and which of them each finer node reads."""
    up = np.arange(8 * len(coarse)).astype(np.int32)
    seen = np.full((len(nodes), 8), -1, dtype=np.int32)  # a coarse corner for each one that a node reads
    low, high = np.zeros(3, dtype=np.int32), np.zeros(3, dtype=np.int32)
    for e in range(len(cells)):
        X = parent[e]
        for a in range(8):
            n = corners[e, a]
            for axis in range(3):
                x, f = nodes[n, axis], ways[axis]
                on = x % f == 0
                low[axis] = x // f - coarse[X, axis] if on else 0
                high[axis] = low[axis] if on else 1
            for p in range(low[0], high[0] + 1):
                for q in range(low[1], high[1] + 1):
                    for r in range(low[2], high[2] + 1):
                        corner = 8 * X + 4 * p + 2 * q + r
                        key = 4 * (p - low[0]) + 2 * (q - low[1]) + r - low[2]
                        if seen[n, key] < 0:
                            seen[n, key] = corner
                        else:
                            _join(up, seen[n, key], corner)
    number, count = _numbered(up)
    at = np.zeros((count, 3), dtype=np.int32)
    for s in range(len(up)):
        for axis in range(3):
            at[number[s], axis] = coarse[s // 8, axis] + ((s % 8) >> (2 - axis) & 1)
    first = np.zeros(len(nodes) + 1, dtype=np.int32)
    for n in range(len(nodes)):
        first[n + 1] = first[n] + (seen[n] >= 0).sum()
    reads = np.empty(first[-1], dtype=np.int32)
    q = 0
    for n in range(len(nodes)):
        for key in range(8):
            if seen[n, key] >= 0:
                reads[q] = number[seen[n, key]]
                q += 1
    return number.reshape(-1, 8), at, first, reads
