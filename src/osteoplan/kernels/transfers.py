"""From a grid to one twice as coarse, and back: trilinear, and nothing passes through what is held.

    b_c = P^T r          every coarse node gathers its 27 nearest with weights 1, 1/2, 1/4, 1/8 (9 or 3 where
                         some axis keeps its edge: ``Rows.factors``)
    d   = P x_c          the reverse
    E_c = mean of the moduli below (a void counts as 0)
    D   = K0_aa * (sum of the moduli around a node)

A coarse component is held where more than ``HELD`` of what would flow to it (by weight) is held below; what
supports that leaves out is felt by the energy of the bricks that they cut (``kernels.cut_bricks``).
Layout of ``kernels.rows``; an entry of ``inverse`` is 1 / D, and 0 where a component may not move.
Tests: tests/analytic/test_rows.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from osteoplan.arrays import F32, F64, U8, Real
from osteoplan.kernels.rows import Rows

__all__ = ["averaged", "held_below", "inverse_diagonal", "prolong", "restrict"]

HELD = 0.4  # an even plane of supports holds 1/2 of its coarse nodes' weight, an odd one 1/4


def averaged(fine: Rows, coarse: Rows, E: F32) -> F32:
    """Moduli of the coarse cells."""
    out = np.zeros(coarse.cells, dtype=E.dtype)
    _average(coarse.factors, fine.of_cells, coarse.of_cells, E, out)
    return out


def inverse_diagonal(rows: Rows, E: Real, own: F64, free: U8) -> F32:
    """(3, nodes) 1 / D; ``own`` (3,) diagonal of K0 for each component, ``free`` (3, nodes) 1 or 0."""
    out = np.zeros((3, rows.nodes), dtype=np.float32)
    rows.each_plane(lambda i0, i1: _invert(i0, i1, rows.of_nodes, rows.of_cells, E, own, free, out))
    return out


def held_below(fine: Rows, coarse: Rows, free: U8, used: U8) -> U8:
    """(3, nodes) 1 where a coarse component may move; ``used`` (nodes,) 1 where a fine node exists."""
    out = np.zeros((3, coarse.nodes), dtype=np.uint8)
    ways, below, above = coarse.factors, fine.of_nodes, coarse.of_nodes
    coarse.each_plane(lambda i0, i1: _free_above(i0, i1, ways, below, above, free, used, HELD, out))
    return out


def restrict(fine: Rows, coarse: Rows, r: F32, inverse: F32, out: F32) -> None:
    """out = P^T r on the coarse nodes."""
    ways, below, above = coarse.factors, fine.of_nodes, coarse.of_nodes
    coarse.each_plane(lambda i0, i1: _restrict(i0, i1, ways, below, above, r, inverse, out))


def prolong(fine: Rows, coarse: Rows, x: F32, inverse: F32, z: F32, d: F32) -> None:
    """d = P x on the fine nodes that may move, and z += d."""
    ways, below, above = coarse.factors, fine.of_nodes, coarse.of_nodes
    fine.each_plane(lambda i0, i1: _prolong(i0, i1, ways, below, above, x, inverse, z, d))


@njit(cache=True, nogil=True, error_model="numpy")
def _average(ways, fine, coarse, E, out):  # type: ignore[no-untyped-def]
    low, high, at = fine
    coarse_at = coarse[2]
    ni, nj = low.shape
    fi, fj, fk = ways
    for i in range(ni):
        for j in range(nj):
            c = coarse_at[i // fi, j // fj]
            f = at[i, j]
            for k in range(low[i, j], high[i, j]):
                out[c + k // fk] += E[f + k]
    share = np.float32(1.0 / (fi * fj * fk))
    for n in range(len(out)):
        out[n] *= share


@njit(cache=True, nogil=True, error_model="numpy")
def _invert(i0, i1, nodes, cells, E, own, free, out):  # type: ignore[no-untyped-def]
    low, high, at = nodes
    cell_low, cell_high, cell_at = cells
    ni, nj = cell_low.shape
    around = np.zeros(high.max() + 2)
    for i in range(i0, i1):
        for j in range(nj + 1):
            a, b = low[i, j], high[i, j]
            if b <= a:
                continue
            around[a:b] = 0.0
            for ii in range(max(i - 1, 0), min(i + 1, ni)):
                for jj in range(max(j - 1, 0), min(j + 1, nj)):
                    e = cell_at[ii, jj]
                    for k in range(cell_low[ii, jj], cell_high[ii, jj]):
                        around[k] += E[e + k]
                        around[k + 1] += E[e + k]
            for c in range(3):
                for k in range(a, b):
                    n = at[i, j] + k
                    if free[c, n] != 0 and around[k] > 0.0:
                        out[c, n] = 1.0 / (own[c] * around[k])


@njit(cache=True, nogil=True, error_model="numpy")
def _free_above(i0, i1, ways, fine, coarse, free, used, most, out):  # type: ignore[no-untyped-def]
    low, high, at = fine
    clow, chigh, cat = coarse
    ni, nj = low.shape
    fi, fj, fk = ways
    for I in range(i0, i1):
        for J in range(clow.shape[1]):
            for K in range(clow[I, J], chigh[I, J]):
                whole = 0.0
                x = y = z = 0.0
                for i in range(max(fi * I - fi + 1, 0), min(fi * I + fi, ni)):
                    for j in range(max(fj * J - fj + 1, 0), min(fj * J + fj, nj)):
                        w = (1.0 if i == fi * I else 0.5) * (1.0 if j == fj * J else 0.5)
                        for k in range(max(fk * K - fk + 1, low[i, j]), min(fk * K + fk, high[i, j])):
                            n = at[i, j] + k
                            v = (w if k == fk * K else 0.5 * w) * used[n]
                            whole += v
                            x += v * free[0, n]
                            y += v * free[1, n]
                            z += v * free[2, n]
                n = cat[I, J] + K
                out[0, n] = x > (1.0 - most) * whole or whole == 0.0
                out[1, n] = y > (1.0 - most) * whole or whole == 0.0
                out[2, n] = z > (1.0 - most) * whole or whole == 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _restrict(i0, i1, ways, fine, coarse, r, inverse, out):  # type: ignore[no-untyped-def]
    low, high, at = fine
    clow, chigh, cat = coarse
    ni, nj = low.shape
    fi, fj, fk = ways
    t = np.zeros(fk * chigh.max() + 4, dtype=np.float32)
    for I in range(i0, i1):
        for J in range(clow.shape[1]):
            first, last = clow[I, J], chigh[I, J]
            if last <= first:
                continue
            for c in range(3):
                # t[k + 1] gathers the nine lines of fine nodes at k
                t[fk * first : fk * last + 2] = 0.0
                for i in range(max(fi * I - fi + 1, 0), min(fi * I + fi, ni)):
                    for j in range(max(fj * J - fj + 1, 0), min(fj * J + fj, nj)):
                        w = np.float32((1.0 if i == fi * I else 0.5) * (1.0 if j == fj * J else 0.5))
                        a, b = max(low[i, j], fk * first - 1), min(high[i, j], fk * last)
                        if b <= a:
                            continue
                        s = at[i, j]
                        from_r, from_inverse = r[c, s + a : s + b], inverse[c, s + a : s + b]
                        into = t[a + 1 : b + 1]
                        for k in range(b - a):
                            into[k] += w * from_r[k] if from_inverse[k] > 0 else np.float32(0.0)
                s = cat[I, J]
                to = out[c, s + first : s + last]
                middle, before, after = t[fk * first + 1 :], t[fk * first :], t[fk * first + 2 :]
                if fk == 1:
                    for K in range(last - first):
                        to[K] = middle[K]
                else:
                    half = np.float32(0.5)
                    for K in range(last - first):
                        to[K] = middle[2 * K] + half * (before[2 * K] + after[2 * K])


@njit(cache=True, nogil=True, error_model="numpy")
def _prolong(i0, i1, ways, fine, coarse, x, inverse, z, d):  # type: ignore[no-untyped-def]
    low, high, at = fine
    clow, chigh, cat = coarse
    nj = low.shape[1]
    fi, fj, fk = ways
    t = np.zeros(chigh.max() + 3, dtype=np.float32)
    between = np.zeros(high.max() + 3, dtype=np.float32)
    half = np.float32(0.5)
    for i in range(i0, i1):
        for j in range(nj):
            a, b = low[i, j], high[i, j]
            if b <= a:
                continue
            A, B = a // fk, b // fk + 1
            w = np.float32((1.0 if i % fi == 0 else 0.5) * (1.0 if j % fj == 0 else 0.5))
            for c in range(3):
                t[A : B + 1] = 0.0
                for I in range(i // fi, (i + fi - 1) // fi + 1):
                    for J in range(j // fj, (j + fj - 1) // fj + 1):
                        p, q = max(A, clow[I, J]), min(B + 1, chigh[I, J])
                        if q <= p:
                            continue
                        s = cat[I, J]
                        from_x, into = x[c, s + p : s + q], t[p:q]
                        for K in range(q - p):
                            into[K] += w * from_x[K]
                s = at[i, j]
                to, sum_, may = d[c, s + a : s + b], z[c, s + a : s + b], inverse[c, s + a : s + b]
                if fk == 2:
                    for K in range(A, B):
                        between[2 * K] = t[K]
                        between[2 * K + 1] = half * (t[K] + t[K + 1])
                line = between[a:b] if fk == 2 else t[a:b]
                for k in range(b - a):
                    v = line[k] if may[k] > 0 else np.float32(0.0)
                    to[k] = v
                    sum_[k] += v
