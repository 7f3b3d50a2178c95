"""Multigrid for porous bodies: composite bricks with the exact energy of the grid above.

    K_X = sum over children of P_e^T K_e P_e        Galerkin: (24, 24) for each composite brick; nothing that
                                                    is held above moves in it
    A d = sum over X of K_X d_X                     16 bricks at a time, half of each symmetric matrix stored
    lambda(D^-1 A) <= max over X of lambda(D_X^-1 K_X) <= |(D_X^-1/2 K_X D_X^-1/2)^8|_F^(1/8)

``kernels.composite_grids`` tells which bricks and nodes there are.  Layers of bricks of one parity share no
node: even ones are added first, then odd ones, so that the numbers do not depend on the count of threads.

Sources: Hackbusch & Sauter 1997 (composite finite elements); Wathen 1987 (eigenvalues bounded element by
element).  Tests: tests/analytic/test_composite.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.sparse import coo_array, csc_array

from osteoplan.arrays import F32, F64, I32, I64, Array, Indices
from osteoplan.kernels.composite_grids import Grid, Transfer, Ways
from osteoplan.kernels.simd import lanes, load, store
from osteoplan.kernels.smoother import Smoother
from osteoplan.kernels.threads import shared_out

__all__ = ["Composite", "Packed", "condensed", "diagonal_of", "take_off_layers"]

WIDTH = lanes(np.float32)
HALF = 300  # entries of half a symmetric (24, 24)
WORTH = 4000  # bricks, or nodes, that are worth a thread


@dataclass(frozen=True, eq=False)
class Packed:
    """Element matrices of a grid, ``WIDTH`` bricks side by side.

    Attributes:
        corners: (groups, 8, WIDTH) node of each lane; an empty lane, whose matrix is 0, repeats a brick of
            its layer.
        K: (groups * HALF * WIDTH,) lower halves, row by row.
        layers: (ni + 1,) first group of each i-layer.
        lane: (n,) group * WIDTH + place of each brick.
    """

    corners: I32
    K: F32
    layers: I64
    lane: I64

    @classmethod
    def of(cls, layer: Array, corners_of: Array) -> Packed:
        """Room for the matrices of bricks in i-layers, ascending (n,), with their nodes (n, 8)."""
        count = np.bincount(layer)
        layers = np.concatenate([[0], np.cumsum(-(-count // WIDTH))]).astype(np.int64)
        first = np.cumsum(count) - count
        lane = layers[layer] * WIDTH + np.arange(len(layer)) - first[layer]
        groups = np.repeat(np.arange(len(count)), np.diff(layers))
        corners = np.repeat(corners_of[first[groups]][:, :, None], WIDTH, axis=2).astype(np.int32)
        corners[lane // WIDTH, :, lane % WIDTH] = corners_of
        return cls(corners, np.zeros(int(layers[-1]) * HALF * WIDTH, dtype=np.float32), layers, lane)

    def whole(self, brick: int | I64) -> F64:
        """(..., 24, 24) matrices of bricks."""
        at = self.lane[brick]
        half = self.K.reshape(-1, HALF, WIDTH)[at // WIDTH, :, at % WIDTH].astype(np.float64)
        out = np.zeros((*half.shape[:-1], 24, 24))
        row, column = np.tril_indices(24)
        out[..., row, column] = out[..., column, row] = half
        return out

    @property
    def corners_of_bricks(self) -> I32:
        """(n, 8) nodes of each brick."""
        return self.corners[self.lane // WIDTH, :, self.lane % WIDTH]

    def take_off(self, d: F32, rest: F32) -> None:
        """rest -= A d, both (3, nodes)."""
        count = len(self.layers) - 1
        least = max(1, WORTH * count // (WIDTH * max(len(self.corners), 1)) // 2)
        for parity in (0, 1):
            shared_out(
                lambda a, b, odd=parity: take_off_layers(  # type: ignore[misc]
                    2 * a + odd, min(2 * b + odd, count), self.layers, self.corners, self.K, d, rest
                ),
                (count + 1 - parity) // 2,
                least=least,
            )


@dataclass(frozen=True, eq=False)
class Composite(Smoother):
    """One grid of composite bricks.

    Attributes:
        grid, packed: its bricks and their matrices.
        place: (m,) where the nodes of the grid above lie in memory; first, reads: what they read here.
        back, of, share: the same from here: node N is read by the places of[back[N] : back[N + 1]].
    """

    degree = 12
    ratio = 80.0

    grid: Grid
    packed: Packed
    inverse: F32
    bound: float
    place: I64
    first: I32
    reads: I32
    back: I64
    of: I64
    share: F32
    z: F32
    d: F32
    rest: F32

    @classmethod
    def below(
        cls, above: Smoother, fine: Grid, place: I64, grid: Grid, transfer: Transfer, ways: Ways,
        matrices: tuple[F64, F64] | Packed,
    ) -> Composite:  # fmt: skip
        """The composite grid under a grid ``fine`` whose nodes lie at ``place`` in the arrays of ``above``.

        Args:
            matrices: of the bricks above: (modulus (n,), K0 (24, 24)), or one for each.
        """
        packed = Packed.of(grid.cells[:, 0], grid.corners)
        packed_above = matrices if isinstance(matrices, Packed) else None
        none = np.zeros(len(fine.cells)), np.zeros((24, 24))
        modulus, K0 = none if isinstance(matrices, Packed) else matrices
        bound = condensed(
            packed, transfer.parent, fine.cells, fine.corners, ways, place, above.inverse, modulus, K0,
            np.full(len(fine.cells), -1) if packed_above is None else packed_above.lane, packed_above,
        )  # fmt: skip
        nodes = len(grid.nodes)
        D = diagonal_of(packed.corners, packed.K, nodes)
        with np.errstate(divide="ignore"):
            inverse: F32 = np.where(1e-9 * D.max() < D, 1.0 / D, 0.0).astype(np.float32)
        counts = np.diff(transfer.first)
        row = np.repeat(np.arange(len(counts)), counts)
        by_node = np.argsort(transfer.reads, kind="stable")
        back = np.searchsorted(transfer.reads[by_node], np.arange(nodes + 1))
        z, d, rest = (np.zeros((3, nodes), dtype=np.float32) for _ in range(3))
        return cls(
            grid, packed, inverse, bound, place, transfer.first, transfer.reads,
            back.astype(np.int64), place[row[by_node]], (1.0 / counts[row[by_node]]).astype(np.float32),
            z, d, rest,
        )  # fmt: skip

    def take_off(self) -> None:
        """rest -= A d."""
        self.packed.take_off(self.d, self.rest)

    def each_part(self, work: Callable[[int, int], None]) -> None:
        """Pieces of the nodes."""
        shared_out(work, len(self.grid.nodes), least=2 * WORTH)

    def gather(self, above: Smoother) -> None:
        """rest = P^T (rest of the finer grid)."""
        shared_out(
            lambda a, b: _gather(
                a, b, self.back, self.of, self.share, above.rest, above.inverse, self.rest
            ),
            len(self.grid.nodes), least=WORTH,
        )  # fmt: skip

    def spread(self, above: Smoother) -> None:
        """On the finer grid: d = P z, and z += d."""
        shared_out(
            lambda a, b: _spread(
                a, b, self.place, self.first, self.reads, self.z, above.inverse, above.z, above.d
            ),
            len(self.place), least=2 * WORTH,
        )  # fmt: skip

    def matrix(self) -> tuple[Indices, csc_array]:
        """(places of what may move, their stiffness)."""
        at = np.flatnonzero(self.inverse.ravel() > 0)
        number = np.full(self.inverse.size, -1, dtype=np.int32)
        number[at] = np.arange(at.size)
        width = self.inverse.shape[1]
        dofs = number[(self.grid.corners[:, :, None] + width * np.arange(3)).reshape(-1, 24)]
        row, column = np.broadcast_arrays(dofs[:, :, None], dofs[:, None, :])
        moves = (row >= 0) & (column >= 0)
        entries = self.packed.whole(np.arange(len(dofs)))[moves]
        return at, csc_array(coo_array((entries, (row[moves], column[moves])), (at.size, at.size)))


def condensed(
    packed: Packed, parent: I32, cells: I32, corners: I32, ways: Ways, place: I64, inverse: F32, modulus: F64,
    K0: F64, lane: I64, above: Packed | None,
) -> float:  # fmt: skip
    """Fill ``packed`` with the energy of the grid above; a bound of the spectrum of D^-1 A.

    Args:
        parent, cells, corners, modulus, lane: of each brick above: its brick here, where it lies, its nodes,
            its modulus at K0, its lane in ``above`` or -1.
        place: where those nodes lie in ``inverse`` (3, n), which is 0 where nothing may move.
    """
    bricks = len(packed.lane)
    order = np.argsort(parent, kind="stable")
    starts = np.searchsorted(parent[order], np.arange(bricks + 1))
    eighths = np.repeat(K0[None], 9, axis=0)
    for one, octant in enumerate(np.ndindex(2, 2, 2)):
        _on_coarse_corners(eighths[one], np.array(octant), ways)
    matrices = np.zeros(0, dtype=np.float32) if above is None else above.K
    worst = np.zeros(bricks, dtype=np.float32)
    shared_out(
        lambda a, b: _condense(
            a, b, starts, order, cells, corners, ways, place, inverse, modulus, eighths, matrices, lane,
            packed.lane, packed.K, worst,
        ),
        bricks, least=500,
    )  # fmt: skip
    return float(worst.max())


@njit(cache=True, nogil=True, error_model="numpy")
def take_off_layers(first, last, layers, corners, K, d, rest):  # type: ignore[no-untyped-def]
    """Every second layer from first to last."""
    u = np.empty(24 * WIDTH, dtype=np.float32)
    f = np.empty(24 * WIDTH, dtype=np.float32)
    for layer in range(first, last, 2):
        for g in range(layers[layer], layers[layer + 1]):
            for a in range(8):
                for lane in range(WIDTH):
                    n = np.uint32(corners[g, a, lane])
                    u[(3 * a) * WIDTH + lane] = d[0, n]
                    u[(3 * a + 1) * WIDTH + lane] = d[1, n]
                    u[(3 * a + 2) * WIDTH + lane] = d[2, n]
            p = g * HALF * WIDTH
            for r in range(24):
                ur = load(u, r * WIDTH)
                fr = load(K, p + r * WIDTH) * ur
                for s in range(r):
                    k = load(K, p + s * WIDTH)
                    fr = fr + k * load(u, s * WIDTH)
                    store(f, s * WIDTH, load(f, s * WIDTH) + k * ur)
                store(f, r * WIDTH, fr)
                p += (r + 1) * WIDTH
            for a in range(8):
                for lane in range(WIDTH):
                    n = np.uint32(corners[g, a, lane])
                    rest[0, n] -= f[(3 * a) * WIDTH + lane]
                    rest[1, n] -= f[(3 * a + 1) * WIDTH + lane]
                    rest[2, n] -= f[(3 * a + 2) * WIDTH + lane]


@njit(cache=True, nogil=True, error_model="numpy")
def _gather(first, last, back, of, share, r, inverse, out):  # type: ignore[no-untyped-def]
    for N in range(first, last):
        x = y = z = np.float32(0.0)
        for q in range(back[N], back[N + 1]):
            n, w = of[q], share[q]
            x += w * r[0, n] if inverse[0, n] > 0 else np.float32(0.0)
            y += w * r[1, n] if inverse[1, n] > 0 else np.float32(0.0)
            z += w * r[2, n] if inverse[2, n] > 0 else np.float32(0.0)
        out[0, N], out[1, N], out[2, N] = x, y, z


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(begin, end, place, first, reads, x, inverse, z, d):  # type: ignore[no-untyped-def]
    for m in range(begin, end):
        n = place[m]
        share = np.float32(1.0) / np.float32(first[m + 1] - first[m])
        v0 = v1 = v2 = np.float32(0.0)
        for q in range(first[m], first[m + 1]):
            N = np.uint32(reads[q])
            v0 += x[0, N]
            v1 += x[1, N]
            v2 += x[2, N]
        v0 = v0 * share if inverse[0, n] > 0 else np.float32(0.0)
        v1 = v1 * share if inverse[1, n] > 0 else np.float32(0.0)
        v2 = v2 * share if inverse[2, n] > 0 else np.float32(0.0)
        d[0, n], d[1, n], d[2, n] = v0, v1, v2
        z[0, n] += v0
        z[1, n] += v1
        z[2, n] += v2


@njit(cache=True, nogil=True, error_model="numpy")
def diagonal_of(corners, K, nodes):  # type: ignore[no-untyped-def]
    """(3, nodes) diagonal of the matrix of packed bricks."""
    D = np.zeros((3, nodes))
    for g in range(len(corners)):
        for lane in range(WIDTH):
            for r in range(24):
                entry = g * HALF + r * (r + 1) // 2 + r
                D[r % 3, corners[g, r // 3, lane]] += K[entry * WIDTH + lane]
    return D


@njit(cache=True, nogil=True, error_model="numpy")
def _condense(  # type: ignore[no-untyped-def]
    begin,
    end,
    starts,
    order,
    cells,
    corners,
    ways,
    place,
    free,
    E,
    eighths,
    above,
    above_lane,
    lane,
    K,
    worst,
):
    """Matrices of the composite bricks begin to end, and bounds of their spectra."""
    total = np.empty((24, 24))
    k = np.empty((24, 24))
    octant = np.zeros(3, dtype=np.int64)
    half = np.zeros((2, 24, 24), dtype=np.float32)
    for X in range(begin, end):
        total[:] = 0.0
        for q in range(starts[X], starts[X + 1]):
            e = order[q]
            at = above_lane[e]
            own = at >= 0
            if own:
                p = (at // WIDTH) * HALF * WIDTH + at % WIDTH
                for r in range(24):
                    for s in range(r + 1):
                        k[r, s] = k[s, r] = above[p]
                        p += WIDTH
            else:
                k[:] = E[e] * eighths[8]
            whole = True
            for r in range(24):
                if free[r % 3, place[corners[e, r // 3]]] == 0:
                    k[r, :] = 0.0
                    k[:, r] = 0.0
                    whole = False
            for axis in range(3):
                octant[axis] = cells[e, axis] % ways[axis]
            if whole and not own:
                total += E[e] * eighths[4 * octant[0] + 2 * octant[1] + octant[2]]
            else:
                _on_coarse_corners(k, octant, ways)
                total += k
        p = (lane[X] // WIDTH) * HALF * WIDTH + lane[X] % WIDTH
        for r in range(24):
            for s in range(r + 1):
                K[p] = total[r, s]
                p += WIDTH
        worst[X] = _spectrum(total, half[0], half[1])


@njit(cache=True, nogil=True, error_model="numpy")
def _on_coarse_corners(k, octant, ways):  # type: ignore[no-untyped-def]
    """k = P^T k P for a brick in one octant of its parent, an axis at a time."""
    for axis in range(3):
        if ways[axis] == 1:
            continue
        step = 3 * (4 >> axis)
        for r in range(24):
            if (r // step) % 2 == 1:
                continue
            for s in range(24):
                a, b = k[r, s], k[r + step, s]
                if octant[axis] == 0:  # the upper corner lies half way
                    k[r, s], k[r + step, s] = a + 0.5 * b, 0.5 * b
                else:
                    k[r, s], k[r + step, s] = 0.5 * a, 0.5 * a + b
        for r in range(24):
            for s in range(24):
                if (s // step) % 2 == 1:
                    continue
                a, b = k[r, s], k[r, s + step]
                if octant[axis] == 0:
                    k[r, s], k[r, s + step] = a + 0.5 * b, 0.5 * b
                else:
                    k[r, s], k[r, s + step] = 0.5 * a, 0.5 * a + b


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _spectrum(total, m, square):  # type: ignore[no-untyped-def]
    """Upper bound of the largest eigenvalue of D^-1 total."""
    for r in range(24):
        for s in range(24):
            dd = total[r, r] * total[s, s]
            m[r, s] = total[r, s] / np.sqrt(dd) if dd > 0.0 else 0.0
    for _ in range(3):
        square[:] = 0.0
        for r in range(24):
            row = square[r]
            for t in range(24):
                v, other = m[r, t], m[t]
                for s in range(24):
                    row[s] += v * other[s]
        m[:] = square
    total_square = 0.0
    for r in range(24):
        for s in range(24):
            total_square += np.float64(m[r, s]) ** 2
    return total_square ** (1.0 / 16.0)
