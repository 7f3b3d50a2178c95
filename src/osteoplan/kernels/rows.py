"""The stiffness of equal bricks, a row of voxels at a time: sums and differences instead of a 24 x 24 matrix.

On [-1, 1]^3 a displacement of one brick is, for each component, sum of c_abc xi^a eta^b zeta^c over
a, b, c in {0, 1}: eight sums and differences of its corner values, over 8.  Products of different parity
integrate to nothing, so the energy falls apart into small blocks (A, B, C: modes of u_x, u_y, u_z; g = 2/h):

    mean strains         (A100, B010, C001)   (A010, B100)   (A001, C100)   (B001, C010)
    bending   1/3        (A110, C011)   (A101, B011)   (B110, C101)   (A011, B101, C110)
    twisting  1/9        A111   B111   C111                  and A000, B000, C000 carry no energy

    e.g.  2 W = E V { lambda (gx A100 + gy B010 + gz C001)^2 + 2 mu (gx^2 A100^2 + ...) + ... }

Forces are the transpose: y = H^T (E M) H u, about 200 flop for a voxel instead of 1152.

Layout.  The nodes of one (i, j) line are stored from the first to the last that is used; k runs fastest.
What lies outside a body that fills its box badly costs nothing.  Every array ends, and every plane ends, with
room for one vector: what is read or written beyond a line is multiplied by a modulus of zero.

Whoever adds element layers i0 - 1 ... i1 - 1 writes node planes i0 ... i1 - 1 only, each in the same order:
the numbers do not depend on the count of threads.

Source of the decomposition: derived here; the transform is Hadamard's.  Tests: tests/analytic/test_rows.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from osteoplan.arrays import F64, I32, I64, Real
from osteoplan.kernels.simd import fill, lanes, load, shifted, some, store
from osteoplan.kernels.threads import in_parts, worth

__all__ = ["Rows", "add_planes", "add_stiffness", "brick_of", "modal_blocks"]

PAD = lanes(np.float32)
SMALL = 3000  # cells; below, a second thread is not worth waking


def modal_blocks(K0: F64) -> F64:
    """(33,) entries of the blocks above, for plain sums and differences of corners, of a brick's (24, 24) K0.

    Raises:
        ValueError: K0 is not that of an isotropic brick (entries outside the blocks).
    """
    signs = np.array([[-1.0, 1.0], [1.0, 1.0]])  # of a difference, of a sum, over an edge's two ends
    H = np.zeros((24, 24))
    for m, (a, b, c) in enumerate(_MODES):
        over_corners = np.kron(np.kron(signs[1 - a], signs[1 - b]), signs[1 - c])
        for component in range(3):
            H[8 * component + m, component::3] = over_corners
    M = H @ K0 @ H.T / 64.0
    entries = np.array([M[_place(one), _place(other)] for one, other in _ENTRIES])
    rest = M.copy()
    for one, other in _ENTRIES:
        rest[_place(one), _place(other)] = rest[_place(other), _place(one)] = 0.0
    if np.abs(rest).max() > 1e-12 * np.abs(M).max():
        raise ValueError("K0 is not the stiffness of an isotropic brick")
    return entries


_MODES = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
_BLOCKS = """
    A100 A100, B010 B010, C001 C001, A100 B010, A100 C001, B010 C001
    A010 A010, B100 B100, A010 B100, A001 A001, C100 C100, A001 C100, B001 B001, C010 C010, B001 C010
    A110 A110, C011 C011, A110 C011, A101 A101, B011 B011, A101 B011, B110 B110, C101 C101, B110 C101
    A011 A011, B101 B101, C110 C110, A011 B101, A011 C110, B101 C110
    A111 A111, B111 B111, C111 C111
"""
_ENTRIES = [tuple(pair.split()) for line in _BLOCKS.split("\n") for pair in line.split(",") if pair.strip()]


def brick_of(blocks: F64) -> tuple[F64, float]:
    """(edges [mm] (3,), Poisson's ratio) of the brick with these blocks."""
    ratio = blocks[0] / blocks[7]  # (lambda + 2 mu) / mu
    poisson = float((ratio - 2.0) / (2.0 * ratio - 2.0))
    across = 32.0 * (1.0 + poisson) * blocks[[6, 7, 9]]  # hx hz / hy, hy hz / hx, hx hy / hz
    y, x, z = across
    return np.sqrt(np.array([y * z, x * z, y * x])), poisson


def _place(mode: str) -> int:
    return 8 * "ABC".index(mode[0]) + int(mode[1:], 2)


@dataclass(frozen=True, eq=False)
class Rows:
    """Where the nodes and cells of a masked box lie in memory.

    Node (i, j, k) has index ``at[i, j] + k`` in every component; cell (i, j, k) has ``cell_at[i, j] + k``.

    Attributes:
        shape: cells of the box.
        low, high: (ni + 1, nj + 1) first used k and one past the last; equal where the line is empty.
        planes: (ni + 2,) where each plane of nodes begins in memory.
        cell_low, cell_high, cell_at: (ni, nj) the same for cells.
        nodes, cells: lengths of the arrays.
        factors: how many cells of the finer grid one of these spans along each axis.
        threads: that work on them at most; 0 for every core.
    """

    shape: tuple[int, int, int]
    low: I32
    high: I32
    at: I64
    planes: I64
    cell_low: I32
    cell_high: I32
    cell_at: I64
    nodes: int
    cells: int
    factors: tuple[int, int, int] = (1, 1, 1)
    threads: int = 0

    @property
    def of_nodes(self) -> tuple[Any, Any, Any]:
        """(low, high, at), for compiled functions."""
        return self.low, self.high, self.at

    @property
    def of_cells(self) -> tuple[Any, Any, Any]:
        """(cell_low, cell_high, cell_at), for compiled functions."""
        return self.cell_low, self.cell_high, self.cell_at

    @property
    def used_nodes(self) -> int:
        """Nodes of all lines."""
        return int((self.high - self.low).sum())

    @classmethod
    def of_extents(cls, shape: tuple[int, int, int], low: Any, high: Any) -> Rows:
        """From the first used cell of each line (ni, nj), and one past the last; equal where empty."""
        ni, nj, nk = shape
        empty = high <= low
        first = np.where(empty, nk + 1, low)
        last = np.where(empty, -1, high)
        node_low = np.full((ni + 1, nj + 1), nk + 1, dtype=np.int32)
        node_high = np.full((ni + 1, nj + 1), -1, dtype=np.int32)
        for di in (0, 1):
            for dj in (0, 1):
                part = np.s_[di : di + ni, dj : dj + nj]
                node_low[part] = np.minimum(node_low[part], first)
                node_high[part] = np.maximum(node_high[part], last)
        node_low = np.where(node_high < 0, 0, node_low).astype(np.int32)
        node_high = (node_high + 1).astype(np.int32)
        at, planes = _packed(node_low, node_high, PAD)
        # one lane more than the cells, so that the force on the last node is never carried over the end
        blocks = -(-(np.maximum(high - low, 0) + 1) // PAD) * PAD * ~empty
        starts = np.concatenate([[0], np.cumsum(blocks.ravel())]).astype(np.int64)
        cell_at = starts[:-1].reshape(ni, nj) - np.where(empty, 0, low)
        return cls(
            shape, node_low, node_high, at, planes, np.where(empty, 0, low).astype(np.int32),
            np.where(empty, 0, high).astype(np.int32), cell_at, int(planes[-1]) + PAD, int(starts[-1]) + PAD,
        )  # fmt: skip

    def coarser(self, factors: tuple[int, int, int]) -> Rows:
        """Those of cells as many times (1 or 2) as large along each axis that cover these."""
        fi, fj, fk = factors
        ni, nj, nk = self.shape
        mi, mj, mk = -(-ni // fi), -(-nj // fj), -(-nk // fk)
        low = np.full((fi * mi, fj * mj), nk, dtype=np.int64)
        high = np.zeros_like(low)
        low[:ni, :nj] = np.where(self.cell_high > self.cell_low, self.cell_low, nk)
        high[:ni, :nj] = self.cell_high
        low = low.reshape(mi, fi, mj, fj).min(axis=(1, 3))
        high = high.reshape(mi, fi, mj, fj).max(axis=(1, 3))
        first = np.where(high == 0, 0, low // fk)
        return replace(
            Rows.of_extents((mi, mj, mk), first, -(-high // fk)), factors=factors, threads=self.threads
        )

    def zeros(self, dtype: npt.DTypeLike) -> Real:
        """(3, nodes) of nothing."""
        return np.zeros((3, self.nodes), dtype=dtype)

    def each_plane(self, work: Callable[[int, int], None]) -> None:
        """Call ``work(i0, i1)`` on pieces of the planes of nodes, on several threads where that pays."""
        in_parts(work, self.shape[0] + 1, self.parts)

    @cached_property
    def parts(self) -> int:
        """Threads that are worth waking."""
        planes = self.shape[0] + 1
        return worth(planes, max(1, int(SMALL * planes / max(self.cells, 1))), self.threads)


def _packed(low: I32, high: I32, pad: int) -> tuple[I64, I64]:
    """(index of k = 0 of each line, beginning of each plane) with room for one vector after each plane."""
    length = (high - low).astype(np.int64)
    sizes = length.sum(axis=1) + pad
    planes = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    within = np.cumsum(length, axis=1) - length
    return (planes[:-1, None] + within - low).astype(np.int64), planes


def add_stiffness(
    rows: Rows, blocks: F64, E: Real, u: Real, y: Real, *, factor: float = 1.0,
    planes: tuple[int, int] | None = None,
) -> None:  # fmt: skip
    """y += factor * A u, both (3, nodes) in the type of E (cells); on all planes of nodes, or on some.

    u must be finite everywhere and zero outside the lines.
    """
    m = (factor * blocks).astype(E.dtype)
    width = lanes(E.dtype)

    def work(i0: int, i1: int) -> None:
        add_planes(i0, i1, rows.at, rows.cell_low, rows.cell_high, rows.cell_at, E, m, u, y, width)

    if planes is None:
        rows.each_plane(work)
    else:
        work(*planes)


@njit(forceinline=True)
def _modes(u, a, b, c, d):  # type: ignore[no-untyped-def]
    """Sums and differences (000, 001, 010, 011, 100, 101, 110, 111) of lines (0,0), (0,1), (1,0), (1,1)."""
    a0, a1 = load(u, a), load(u, a + 1)
    b0, b1 = load(u, b), load(u, b + 1)
    c0, c1 = load(u, c), load(u, c + 1)
    d0, d1 = load(u, d), load(u, d + 1)
    sa, sb, sc, sd = a0 + a1, b0 + b1, c0 + c1, d0 + d1
    ta, tb, tc, td = a1 - a0, b1 - b0, c1 - c0, d1 - d0
    s0, s1, s2, s3 = sa + sc, sc - sa, sb + sd, sd - sb
    t0, t1, t2, t3 = ta + tc, tc - ta, tb + td, td - tb
    return s0 + s2, t0 + t2, s2 - s0, t2 - t0, s1 + s3, t1 + t3, s3 - s1, t3 - t1


@njit(forceinline=True)
def _lines(f000, f001, f010, f011, f100, f101, f110, f111):  # type: ignore[no-untyped-def]
    """Forces on the lower, then the upper ends of the four lines: the transpose of ``_modes``."""
    l00, l01, l10, l11 = f000 - f001, f010 - f011, f100 - f101, f110 - f111
    u00, u01, u10, u11 = f000 + f001, f010 + f011, f100 + f101, f110 + f111
    p0, p1, q0, q1 = l00 - l10, l00 + l10, l01 - l11, l01 + l11
    r0, r1, s0, s1 = u00 - u10, u00 + u10, u01 - u11, u01 + u11
    return p0 - q0, p0 + q0, p1 - q1, p1 + q1, r0 - s0, r0 + s0, r1 - s1, r1 + s1


@njit(forceinline=True)
def _forces(E, m, e, A, B, C):  # type: ignore[no-untyped-def]
    """Forces (001 ... 111) in x, y and z of the modes A, B, C of the displacement in x, y and z."""
    _, A001, A010, A011, A100, A101, A110, A111 = A
    _, B001, B010, B011, B100, B101, B110, B111 = B
    _, C001, C010, C011, C100, C101, C110, C111 = C
    m3, m4, m5 = fill(E, m[3]), fill(E, m[4]), fill(E, m[5])
    P100 = e * (fill(E, m[0]) * A100 + m3 * B010 + m4 * C001)
    Q010 = e * (m3 * A100 + fill(E, m[1]) * B010 + m5 * C001)
    R001 = e * (m4 * A100 + m5 * B010 + fill(E, m[2]) * C001)
    m8, m11, m14 = fill(E, m[8]), fill(E, m[11]), fill(E, m[14])
    P010 = e * (fill(E, m[6]) * A010 + m8 * B100)
    Q100 = e * (m8 * A010 + fill(E, m[7]) * B100)
    P001 = e * (fill(E, m[9]) * A001 + m11 * C100)
    R100 = e * (m11 * A001 + fill(E, m[10]) * C100)
    Q001 = e * (fill(E, m[12]) * B001 + m14 * C010)
    R010 = e * (m14 * B001 + fill(E, m[13]) * C010)
    m17, m20, m23 = fill(E, m[17]), fill(E, m[20]), fill(E, m[23])
    P110 = e * (fill(E, m[15]) * A110 + m17 * C011)
    R011 = e * (m17 * A110 + fill(E, m[16]) * C011)
    P101 = e * (fill(E, m[18]) * A101 + m20 * B011)
    Q011 = e * (m20 * A101 + fill(E, m[19]) * B011)
    Q110 = e * (fill(E, m[21]) * B110 + m23 * C101)
    R101 = e * (m23 * B110 + fill(E, m[22]) * C101)
    m27, m28, m29 = fill(E, m[27]), fill(E, m[28]), fill(E, m[29])
    P011 = e * (fill(E, m[24]) * A011 + m27 * B101 + m28 * C110)
    Q101 = e * (m27 * A011 + fill(E, m[25]) * B101 + m29 * C110)
    R110 = e * (m28 * A011 + m29 * B101 + fill(E, m[26]) * C110)
    P111 = e * fill(E, m[30]) * A111
    Q111 = e * fill(E, m[31]) * B111
    R111 = e * fill(E, m[32]) * C111
    return (
        (P001, P010, P011, P100, P101, P110, P111),
        (Q001, Q010, Q011, Q100, Q101, Q110, Q111),
        (R001, R010, R011, R100, R101, R110, R111),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def add_planes(i0, i1, at, cell_low, cell_high, cell_at, E, m, u, y, width):  # type: ignore[no-untyped-def]
    """Add the forces on node planes i0 ... i1 - 1."""
    ni, nj = cell_low.shape
    ux, uy, uz = u[0], u[1], u[2]
    yx, yy, yz = y[0], y[1], y[2]
    nothing = fill(E, 0.0)
    for i in range(max(i0 - 1, 0), min(i1, ni)):
        below, above = i >= i0, i + 1 < i1
        for j in range(nj):
            low, high = cell_low[i, j], cell_high[i, j]
            if high <= low:
                continue
            a0, b0, c0, d0 = at[i, j], at[i, j + 1], at[i + 1, j], at[i + 1, j + 1]
            e0 = cell_at[i, j]
            xa = xb = xc = xd = ya = yb = yc = yd = za = zb = zc = zd = nothing  # forces carried upward
            idle = True
            for k in range(low, high + 1, width):
                e = load(E, e0 + k)
                here = some(e)
                if idle and not here:
                    continue
                idle = not here
                a, b, c, d = a0 + k, b0 + k, c0 + k, d0 + k
                P, Q, R = _forces(
                    E, m, e, _modes(ux, a, b, c, d), _modes(uy, a, b, c, d), _modes(uz, a, b, c, d)
                )
                fa, fb, fc, fd, ga, gb, gc, gd = _lines(nothing, *P)
                if below:
                    store(yx, a, load(yx, a) + fa + shifted(xa, ga))
                    store(yx, b, load(yx, b) + fb + shifted(xb, gb))
                if above:
                    store(yx, c, load(yx, c) + fc + shifted(xc, gc))
                    store(yx, d, load(yx, d) + fd + shifted(xd, gd))
                xa, xb, xc, xd = ga, gb, gc, gd
                fa, fb, fc, fd, ga, gb, gc, gd = _lines(nothing, *Q)
                if below:
                    store(yy, a, load(yy, a) + fa + shifted(ya, ga))
                    store(yy, b, load(yy, b) + fb + shifted(yb, gb))
                if above:
                    store(yy, c, load(yy, c) + fc + shifted(yc, gc))
                    store(yy, d, load(yy, d) + fd + shifted(yd, gd))
                ya, yb, yc, yd = ga, gb, gc, gd
                fa, fb, fc, fd, ga, gb, gc, gd = _lines(nothing, *R)
                if below:
                    store(yz, a, load(yz, a) + fa + shifted(za, ga))
                    store(yz, b, load(yz, b) + fb + shifted(zb, gb))
                if above:
                    store(yz, c, load(yz, c) + fc + shifted(zc, gc))
                    store(yz, d, load(yz, d) + fd + shifted(zd, gd))
                za, zb, zc, zd = ga, gb, gc, gd
