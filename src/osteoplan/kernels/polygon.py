"""Which points a closed contour holds, and how much area.

A point is inside where a ray from it towards +u crosses the contour an odd number of times (even-odd rule).
An edge counts for v between its lower end (included) and its upper end (excluded), so a point on a border
shared by two polygons belongs to exactly one of them, and an edge that is walked there and back (the channel
of a keyhole contour) cancels itself.

    u, v   coordinates in the contour's plane [mm]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["even_odd", "polygon_area"]

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def even_odd(points: F64, polygon: F64) -> Mask:
    """True for each of the (n, 2) points inside the (m, 2) polygon, which its last edge closes."""
    inside: Mask = _even_odd(
        np.ascontiguousarray(points, dtype=np.float64), np.ascontiguousarray(polygon, dtype=np.float64)
    )
    return inside


def polygon_area(polygon: F64) -> float:
    """Area of a closed (m, 2) polygon, positive whichever way it runs; a keyhole's hole is taken off."""
    u, v = (polygon - polygon[0]).T
    return 0.5 * abs(float(u @ np.roll(v, -1) - v @ np.roll(u, -1)))


@njit(cache=True)
def _even_odd(points: F64, polygon: F64) -> Mask:
    inside = np.zeros(len(points), dtype=np.bool_)
    for n in range(len(points)):
        u, v = points[n, 0], points[n, 1]
        odd = False
        last = len(polygon) - 1
        for m in range(len(polygon)):
            ua, va, ub, vb = polygon[last, 0], polygon[last, 1], polygon[m, 0], polygon[m, 1]
            last = m
            if va == vb and ua == ub:
                continue
            # The ends are put in one order first: there and back must give the same crossing, bit for bit.
            if va > vb:
                ua, va, ub, vb = ub, vb, ua, va
            if va <= v < vb and u < ua + (v - va) / (vb - va) * (ub - ua):
                odd = not odd
        inside[n] = odd
    return inside
