"""When a front that starts at given voxels reaches the others, and what it has filled by volume.

    |grad T| F = 1        T   arrival time        F   speed of the front, 0 is a wall

First-order upwind differences on a brick grid, accepted in order of T (fast marching).
Source: Sethian 1996, Proc Natl Acad Sci USA 93:1591-1595.
"""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit

from osteoplan.arrays import F64, I64, Bool

__all__ = ["arrival_times", "invade"]


def arrival_times(speed: F64, spacing: F64, start: F64, *, enough: int | None = None) -> F64:
    """Arrival time of the front in every voxel.

    Args:
        speed: (ni, nj, nk) speed [mm per unit of time]; 0 is a wall.
        spacing: (3,) voxel edges [mm].
        start: (ni, nj, nk) times at which the front is known to be there; inf where unknown.
        enough: stop after this many voxels were reached; None reaches all that can be.

    Returns:
        (ni, nj, nk) times; inf in walls, behind them, and beyond ``enough``.
    """
    enough = speed.size if enough is None else enough
    speed = np.ascontiguousarray(speed, dtype=np.float64)
    start = np.where(speed > 0, start, np.inf)
    times: F64 = _march(speed, np.asarray(spacing, dtype=np.float64), start, enough)
    return times


def invade(arrivals: F64, capacity: F64, amounts: F64, *, stop_at: Bool | None = None) -> tuple[F64, F64]:
    """Share of each voxel that is filled when several sources push their amounts in side by side.

    Each source takes voxels in the order in which its own front arrives and passes over what is already full;
    the one that has the smallest part of its amount in goes next.

    Args:
        arrivals: (n, ni, nj, nk) arrival times of each source's front, inf where it never comes.
        capacity: (ni, nj, nk) what each voxel holds, same unit as ``amounts``.
        amounts: (n,) what each source pushes in.
        stop_at: where a source stops for good as soon as its next voxel lies there; None stops nowhere.

    Returns:
        (ni, nj, nk) shares 0..1, and (n,) amounts that went in; shares times capacities sum to these.
    """
    reached = [np.flatnonzero(np.isfinite(times)) for times in arrivals]
    orders = np.full((len(arrivals), max(map(len, reached), default=0)), -1)
    for order, voxels, times in zip(orders, reached, arrivals, strict=True):
        order[: len(voxels)] = voxels[np.argsort(times.ravel()[voxels], kind="stable")]
    stops = np.zeros(capacity.size, dtype=np.bool_) if stop_at is None else stop_at.ravel()
    amounts = np.asarray(amounts, dtype=np.float64)
    share, placed = _take_turns(orders, capacity.ravel().astype(np.float64), amounts, stops)
    return share.reshape(capacity.shape), placed


@njit(cache=True, nogil=True)
def _take_turns(orders: I64, capacity: F64, amounts: F64, stops: Bool) -> tuple[F64, F64]:
    full = 1.0 - 1e-12
    share, placed = np.zeros(capacity.size), np.zeros(amounts.size)
    going, at = amounts > 0.0, np.zeros(amounts.size, dtype=np.int64)
    while True:
        turn = -1
        for n in range(amounts.size):
            if going[n] and (turn < 0 or placed[n] / amounts[n] < placed[turn] / amounts[turn]):
                turn = n
        if turn < 0:
            return share, placed
        while (
            at[turn] < orders.shape[1]
            and orders[turn, at[turn]] >= 0
            and share[orders[turn, at[turn]]] >= full
        ):
            at[turn] += 1
        if at[turn] == orders.shape[1] or orders[turn, at[turn]] < 0 or stops[orders[turn, at[turn]]]:
            going[turn] = False
            continue
        voxel = orders[turn, at[turn]]
        taken = min(amounts[turn] - placed[turn], capacity[voxel] * (1.0 - share[voxel]))
        share[voxel] += taken / capacity[voxel]
        placed[turn] += taken
        going[turn] = placed[turn] < amounts[turn] * full


@njit(cache=True, nogil=True)
def _march(speed: F64, spacing: F64, start: F64, enough: int) -> F64:
    ni, nj, nk = speed.shape
    T = np.full(speed.shape, np.inf)
    trial = start.copy()
    heap = [(0.0, -1)]
    heap.pop()
    for flat in range(speed.size):
        if np.isfinite(start.flat[flat]):
            heapq.heappush(heap, (start.flat[flat], flat))
    accepted = 0
    a = np.empty(3)
    while len(heap) > 0 and accepted < enough:
        t, flat = heapq.heappop(heap)
        i, j, k = flat // (nj * nk), (flat // nk) % nj, flat % nk
        if np.isfinite(T[i, j, k]):
            continue  # an older, later guess of a voxel that is already accepted
        T[i, j, k] = t
        accepted += 1
        for side in range(6):
            axis, step = side // 2, 2 * (side % 2) - 1
            x, y, z = i + step * (axis == 0), j + step * (axis == 1), k + step * (axis == 2)
            if x < 0 or y < 0 or z < 0 or x >= ni or y >= nj or z >= nk:
                continue
            if speed[x, y, z] <= 0.0 or np.isfinite(T[x, y, z]):
                continue
            a[0] = min(T[x - 1, y, z] if x > 0 else np.inf, T[x + 1, y, z] if x < ni - 1 else np.inf)
            a[1] = min(T[x, y - 1, z] if y > 0 else np.inf, T[x, y + 1, z] if y < nj - 1 else np.inf)
            a[2] = min(T[x, y, z - 1] if z > 0 else np.inf, T[x, y, z + 1] if z < nk - 1 else np.inf)
            guess = _upwind(a, spacing, 1.0 / speed[x, y, z])
            if guess < trial[x, y, z]:
                trial[x, y, z] = guess
                heapq.heappush(heap, (guess, (x * nj + y) * nk + z))
    return T


@njit(cache=True, nogil=True)
def _upwind(a: F64, h: F64, slowness: float) -> float:
    """Root T of sum over axes of (max(T - a, 0) / h)^2 = slowness^2; a are the earlier neighbours."""
    best = np.inf
    for mask in range(1, 8):  # the true root is the smallest admissible one over sets of axes
        p, q, s = 0.0, 0.0, -slowness * slowness
        latest = -np.inf
        for axis in range(3):
            if mask & (1 << axis):
                w = 1.0 / (h[axis] * h[axis])
                p += w
                q += w * a[axis]
                s += w * a[axis] * a[axis]
                latest = max(latest, a[axis])
        if not np.isfinite(latest):
            continue
        root = q * q - p * s
        if root < 0.0:
            continue
        t = (q + np.sqrt(root)) / p
        if t >= latest and t < best:
            best = t
    return best
