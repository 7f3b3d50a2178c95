"""Bricks of an averaged grid that a support cuts: they have the exact energy of the grid above.

A coarse brick of the mean modulus knows a support only if it holds whole coarse nodes.  A patch, a pad or a
pin seldom does: rounded to coarse nodes it loses what it stops (a clamped patch that shrinks to one node lets
the body turn), and a coarse grid that turns freely where the body does not spoils the whole cycle.  So

    clean     every node above that is held reads only coarse nodes that are held      E_X K0, as elsewhere
    cut       some held node would move with the coarse grid                           sum of P_e^T K_e P_e
              (K_e without the rows and columns of what is held); its parent is cut too

and no coarse grid resists a motion less than the mean moduli make it, whatever holds the body.

Tests: tests/analytic/test_cut_bricks.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from osteoplan.arrays import F32, F64, I32, I64, U8
from osteoplan.kernels.composite import Packed, condensed, diagonal_of
from osteoplan.kernels.rows import Rows

__all__ = ["CutBricks", "cut_below"]


@dataclass(frozen=True, eq=False)
class CutBricks:
    """The cut bricks of one grid.

    Attributes:
        cells: (n, 3) where they lie, sorted along i.
        packed: their matrices between places in memory; bound: of the spectrum of D^-1 A.
    """

    cells: I32
    packed: Packed
    bound: float

    def take_off(self, d: F32, rest: F32) -> None:
        """rest -= A d, both (3, nodes)."""
        self.packed.take_off(d, rest)

    def carved(self, rows: Rows, E: F32) -> F32:
        """The moduli E (cells) without those of these bricks."""
        out = E.copy()
        out[rows.cell_at[self.cells[:, 0], self.cells[:, 1]] + self.cells[:, 2]] = 0.0
        return out

    def with_diagonal(self, inverse: F32, free: U8) -> F32:
        """(3, nodes) 1 / D of all bricks, from ``inverse`` of the others."""
        D = diagonal_of(self.packed.corners, self.packed.K, inverse.shape[1])
        with np.errstate(divide="ignore"):
            whole = D + np.where(inverse > 0, 1.0 / inverse, 0.0)
            out: F32 = np.where((whole > 1e-9 * whole.max()) & (free > 0), 1.0 / whole, 0.0).astype(
                np.float32
            )
        return out


def cut_below(
    fine: Rows,
    coarse: Rows,
    E: F32,
    K0: F64,
    inverse: F32,
    free: U8,
    coarse_free: U8,
    above: CutBricks | None,
) -> CutBricks | None:
    """The cut bricks of a coarse grid, None where there is none.

    Args:
        E, K0, above: moduli (cells), matrix at 1 MPa and cut bricks of the grid above.
        inverse, free: (3, nodes) of the grid above, 1 / D and 1 where a component may move.
        coarse_free: 1 where one may move here.
    """
    number = np.full(fine.cells, -1, dtype=np.int32)
    if above is not None:
        at = fine.cell_at[above.cells[:, 0], above.cells[:, 1]] + above.cells[:, 2]
        number[at] = np.arange(len(at))
    cut = np.zeros(coarse.cells, dtype=np.uint8)
    ways = coarse.factors
    _mark(ways, fine.of_nodes, coarse.of_cells, coarse.of_nodes, free, coarse_free, cut)
    if above is not None:
        cut[_parents(above.cells, ways, coarse)] = 1
    if not cut.any():
        return None
    cells, parent, children, modulus, lane = _children(
        ways, fine.of_cells, coarse.of_cells, cut, E, number, np.empty(0, dtype=np.int64) if above is None
        else above.packed.lane,
    )  # fmt: skip
    if len(cells) == 0:
        return None
    corner = cells[:, None, :] + _ENDS
    packed = Packed.of(cells[:, 0], coarse.at[corner[..., 0], corner[..., 1]] + corner[..., 2])
    ends = children[:, None, :] + _ENDS
    places = (fine.at[ends[..., 0], ends[..., 1]] + ends[..., 2]).astype(np.int32)
    worst = condensed(
        packed, parent, children, places, ways, np.arange(fine.nodes), inverse, modulus, K0, lane,
        None if above is None else above.packed,
    )  # fmt: skip
    return CutBricks(cells, packed, worst)


_ENDS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=np.int32)


def _parents(cells: I32, ways: tuple[int, int, int], coarse: Rows) -> I64:
    """Places of the coarse cells that hold these."""
    X = cells // np.array(ways, dtype=np.int32)
    at: I64 = coarse.cell_at[X[:, 0], X[:, 1]] + X[:, 2]
    return at


@njit(cache=True, nogil=True, error_model="numpy")
def _mark(ways, fine, coarse_cells, coarse, free, coarse_free, cut):  # type: ignore[no-untyped-def]
    """cut[X] = 1 around every held node that reads a coarse node which may move."""
    low, high, at = fine
    cell_low, cell_high, cell_at = coarse_cells
    cat = coarse[2]
    fi, fj, fk = ways
    for i in range(low.shape[0]):
        for j in range(low.shape[1]):
            for k in range(low[i, j], high[i, j]):
                n = at[i, j] + k
                clean = True
                for c in range(3):
                    if free[c, n] != 0:
                        continue
                    for I in range(i // fi, (i + fi - 1) // fi + 1):
                        for J in range(j // fj, (j + fj - 1) // fj + 1):
                            for K in range(k // fk, (k + fk - 1) // fk + 1):
                                clean = clean and coarse_free[c, cat[I, J] + K] == 0
                if clean:
                    continue
                for I in range(max(i - 1, 0) // fi, min(i // fi, cell_low.shape[0] - 1) + 1):
                    for J in range(max(j - 1, 0) // fj, min(j // fj, cell_low.shape[1] - 1) + 1):
                        for K in range(max(k - 1, 0) // fk, k // fk + 1):
                            if cell_low[I, J] <= K < cell_high[I, J]:
                                cut[cell_at[I, J] + K] = 1


@njit(cache=True, nogil=True, error_model="numpy")
def _children(ways, fine_cells, coarse_cells, cut, E, number, lanes):  # type: ignore[no-untyped-def]
    """(cut cells, cut cell of each child, children, their moduli, their lanes or -1)."""
    low, high, at = fine_cells
    clow, chigh, cat = coarse_cells
    fi, fj, fk = ways
    most = 0
    for I in range(clow.shape[0]):
        for J in range(clow.shape[1]):
            for K in range(clow[I, J], chigh[I, J]):
                most += cut[cat[I, J] + K]
    cells = np.empty((most, 3), dtype=np.int32)
    size = fi * fj * fk
    parent, children = np.empty(size * most, dtype=np.int32), np.empty((size * most, 3), dtype=np.int32)
    modulus, lane = np.empty(size * most), np.empty(size * most, dtype=np.int64)
    X = e = 0
    for I in range(clow.shape[0]):
        for J in range(clow.shape[1]):
            for K in range(clow[I, J], chigh[I, J]):
                if cut[cat[I, J] + K] == 0:
                    continue
                before = e
                for i in range(fi * I, min(fi * I + fi, low.shape[0])):
                    for j in range(fj * J, min(fj * J + fj, low.shape[1])):
                        for k in range(max(fk * K, low[i, j]), min(fk * K + fk, high[i, j])):
                            n = at[i, j] + k
                            if E[n] <= 0.0 and number[n] < 0:
                                continue
                            parent[e] = X
                            children[e, 0], children[e, 1], children[e, 2] = i, j, k
                            modulus[e] = E[n]
                            lane[e] = lanes[number[n]] if number[n] >= 0 else -1
                            e += 1
                if e > before:  # a void has no energy
                    cells[X, 0], cells[X, 1], cells[X, 2] = I, J, K
                    X += 1
    return cells[:X], parent[:e], children[:e], modulus[:e], lane[:e]
