"""What straight paths meet in a stack of distance maps: the least value of each map along each path.

    m_k = min over s in [0, L] of  d_k(p + s u)          d_k trilinear between voxel centres

A distance cannot fall by more than the way gone, so a sample d_k(s) that lies g above the least so far need
not be looked at again before s + g: the march steps by the smallest such g of all maps, at least ``step_mm``.
The maps are interleaved, so that one look-up of eight corners serves all of them.

Source of the march: Hart 1996, sphere tracing.  Tests: tests/unit/test_paths.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from osteoplan.arrays import F32, F64
from osteoplan.kernels.threads import shared_out

__all__ = ["first_crossing", "path_minima", "path_values"]

THREAD_PATHS = 500  # fewer paths than that are not worth a second thread


def path_minima(
    stack: F32,
    affine: F64,
    starts_mm: npt.ArrayLike,
    ends_mm: npt.ArrayLike,
    *,
    step_mm: float = 1.0,
    beyond_mm: float = np.inf,
    threads: int = 0,
) -> tuple[F64, F64]:
    """Least value of every map along n straight paths, and where it is.

    Args:
        stack: (ni, nj, nk, K) signed distances [mm], C order.
        affine: (4, 4) index -> position [mm].
        starts_mm, ends_mm: (n, 3).
        step_mm: between samples where a map falls; a minimum is missed by at most half of it.
        beyond_mm: values above it may be told as ``beyond_mm``; far structures then cost little.
        threads: how many at most; 0 for every core.  The numbers do not depend on it.

    Returns:
        ``(minima, at_mm)``, (n, K) each; ``at_mm`` is the way from the start.  Beyond the grid its edge's
        values count.
    """
    starts = np.ascontiguousarray(np.atleast_2d(starts_mm), dtype=np.float64)
    ends = np.ascontiguousarray(np.atleast_2d(ends_mm), dtype=np.float64)
    inverse = np.ascontiguousarray(np.linalg.inv(affine)[:3])
    minima = np.empty((len(starts), stack.shape[3]))
    at = np.empty_like(minima)
    shared_out(
        lambda a, b: _minima(stack, inverse, starts, ends, step_mm, beyond_mm, a, b, minima, at),
        len(starts), least=THREAD_PATHS, threads=threads,
    )  # fmt: skip
    return minima, at


def first_crossing(
    field: F32, affine: F64, starts_mm: npt.ArrayLike, directions: npt.ArrayLike, *, rising: bool,
    longest_mm: float, step_mm: float = 0.5, threads: int = 0,
) -> F64:  # fmt: skip
    """(n,) way [mm] from each start to where a distance map first changes its sign; inf where it does not.

    Args:
        field: (ni, nj, nk) signed distances [mm].
        starts_mm, directions: (n, 3); directions have length one.
        rising: True looks for the first value above zero (out of a thing), False for the first below.
        longest_mm: farthest that is looked; a path that leaves the grid ends there.
    """
    starts = np.ascontiguousarray(np.atleast_2d(starts_mm), dtype=np.float64)
    ways = np.ascontiguousarray(np.atleast_2d(directions), dtype=np.float64)
    inverse = np.ascontiguousarray(np.linalg.inv(affine)[:3])
    found, sign, one = np.empty(len(starts)), 1.0 if rising else -1.0, field[..., None]
    shared_out(
        lambda a, b: _crossings(one, inverse, starts, ways, sign, longest_mm, step_mm, a, b, found),
        len(starts), least=THREAD_PATHS, threads=threads,
    )  # fmt: skip
    return found


def path_values(stack: F32, affine: F64, points_mm: npt.ArrayLike, *, threads: int = 0) -> F64:
    """(..., 3) positions -> (..., K) trilinear values of every map; beyond the grid its edge's values."""
    points = np.asarray(points_mm, dtype=np.float64)
    flat = np.ascontiguousarray(points.reshape(-1, 3))
    inverse = np.ascontiguousarray(np.linalg.inv(affine)[:3])
    values = np.empty((len(flat), stack.shape[3]))
    shared_out(
        lambda a, b: _values(stack, inverse, flat, a, b, values), len(flat), least=20_000, threads=threads
    )
    return values.reshape(*points.shape[:-1], stack.shape[3])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _trilinear(stack, x, y, z, out):  # type: ignore[no-untyped-def] # pragma: no cover
    """Values at a continuous index, clamped to the grid, into ``out``."""
    ni, nj, nk, K = stack.shape
    x = min(max(x, 0.0), ni - 1.0)
    y = min(max(y, 0.0), nj - 1.0)
    z = min(max(z, 0.0), nk - 1.0)
    i, j, k = int(x), int(y), int(z)
    i1, j1, k1 = min(i + 1, ni - 1), min(j + 1, nj - 1), min(k + 1, nk - 1)
    a, b, c = x - i, y - j, z - k
    w000, w001 = (1 - a) * (1 - b) * (1 - c), (1 - a) * (1 - b) * c
    w010, w011 = (1 - a) * b * (1 - c), (1 - a) * b * c
    w100, w101 = a * (1 - b) * (1 - c), a * (1 - b) * c
    w110, w111 = a * b * (1 - c), a * b * c
    for m in range(K):
        out[m] = (
            w000 * stack[i, j, k, m] + w001 * stack[i, j, k1, m]
            + w010 * stack[i, j1, k, m] + w011 * stack[i, j1, k1, m]
            + w100 * stack[i1, j, k, m] + w101 * stack[i1, j, k1, m]
            + w110 * stack[i1, j1, k, m] + w111 * stack[i1, j1, k1, m]
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _minima(
    stack: Any, inverse: Any, starts: Any, ends: Any, step: float, beyond: float, first: int, last: int,
    minima: Any, at: Any,
) -> None:  # fmt: skip
    """March paths first to last."""
    K = stack.shape[3]
    here = np.empty(K)
    for n in range(first, last):
        dx, dy, dz = ends[n, 0] - starts[n, 0], ends[n, 1] - starts[n, 1], ends[n, 2] - starts[n, 2]
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        for m in range(K):
            minima[n, m], at[n, m] = beyond, 0.0
        s = 0.0
        while True:
            share = s / length if length > 0.0 else 0.0
            px, py, pz = starts[n, 0] + share * dx, starts[n, 1] + share * dy, starts[n, 2] + share * dz
            _trilinear(
                stack,
                inverse[0, 0] * px + inverse[0, 1] * py + inverse[0, 2] * pz + inverse[0, 3],
                inverse[1, 0] * px + inverse[1, 1] * py + inverse[1, 2] * pz + inverse[1, 3],
                inverse[2, 0] * px + inverse[2, 1] * py + inverse[2, 2] * pz + inverse[2, 3],
                here,
            )
            skip = np.inf
            for m in range(K):
                if here[m] < minima[n, m]:
                    minima[n, m], at[n, m] = here[m], s
                skip = min(skip, here[m] - minima[n, m])
            if s >= length:
                break
            s = min(s + max(step, skip), length)


@njit(cache=True, nogil=True, error_model="numpy")
def _values(stack: Any, inverse: Any, points: Any, first: int, last: int, values: Any) -> None:
    """Values at points first to last."""
    for n in range(first, last):
        px, py, pz = points[n, 0], points[n, 1], points[n, 2]
        _trilinear(
            stack,
            inverse[0, 0] * px + inverse[0, 1] * py + inverse[0, 2] * pz + inverse[0, 3],
            inverse[1, 0] * px + inverse[1, 1] * py + inverse[1, 2] * pz + inverse[1, 3],
            inverse[2, 0] * px + inverse[2, 1] * py + inverse[2, 2] * pz + inverse[2, 3],
            values[n],
        )


@njit(cache=True, nogil=True, error_model="numpy")
def _crossings(
    field: Any, inverse: Any, starts: Any, ways: Any, sign: float, longest: float, step: float, first: int,
    last: int, found: Any,
) -> None:  # fmt: skip
    """March paths first to last until sign * value > 0; the place is read off the last two samples."""
    here = np.empty(1)
    ni, nj, nk = field.shape[0], field.shape[1], field.shape[2]
    for n in range(first, last):
        s, before, at_before = 0.0, 0.0, 0.0
        found[n] = np.inf
        while s <= longest:
            px = starts[n, 0] + s * ways[n, 0]
            py = starts[n, 1] + s * ways[n, 1]
            pz = starts[n, 2] + s * ways[n, 2]
            x = inverse[0, 0] * px + inverse[0, 1] * py + inverse[0, 2] * pz + inverse[0, 3]
            y = inverse[1, 0] * px + inverse[1, 1] * py + inverse[1, 2] * pz + inverse[1, 3]
            z = inverse[2, 0] * px + inverse[2, 1] * py + inverse[2, 2] * pz + inverse[2, 3]
            if x < -0.5 or y < -0.5 or z < -0.5 or x > ni - 0.5 or y > nj - 0.5 or z > nk - 0.5:
                break
            _trilinear(field, x, y, z, here)
            value = sign * here[0]
            if value > 0.0:
                found[n] = s if s == 0.0 else at_before + (s - at_before) * before / (before - value)
                break
            before, at_before = value, s
            # The distance cannot reach zero sooner than its own size.
            s += max(step, -value)
