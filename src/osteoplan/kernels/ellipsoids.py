"""Which of many points lie in which of many ellipsoids of revolution.

(r / b)^2 + (z / a)^2 <= 1      z along the axis from the centre, r across it, semi-axes a and b
"""

from __future__ import annotations

import numba
import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.kernels.threads import shared_out

__all__ = ["held", "inside"]


def inside(points_mm: F64, centres_mm: F64, axes: F64, half_length_mm: F64, half_width_mm: F64) -> Bool:
    """(m, n) True where point i lies in ellipsoid j.

    Args:
        points_mm: (m, 3).
        centres_mm, axes: (n, 3); axes are unit vectors.
        half_length_mm, half_width_mm: (n,) semi-axes along and across.
    """
    points_mm, found = np.ascontiguousarray(points_mm), np.zeros((len(points_mm), len(axes)), dtype=np.bool_)

    def work(first: int, last: int) -> None:
        _inside(first, last, points_mm, centres_mm, axes, half_length_mm, half_width_mm, found)

    shared_out(work, len(points_mm), least=1024)
    return found


def held(
    points_mm: F64, weights: F64, centres_mm: F64, axes: F64, half_length_mm: F64, half_width_mm: F64
) -> F64:
    """(n,) weight of the points that each ellipsoid holds; ``weights`` is (m,), the rest as in ``inside``."""
    points_mm, total = np.ascontiguousarray(points_mm), np.zeros(len(axes))

    def work(first: int, last: int) -> None:
        _held(first, last, points_mm, weights, centres_mm, axes, half_length_mm, half_width_mm, total)

    shared_out(work, len(axes), least=16)
    return total


@numba.njit(cache=True, nogil=True, inline="always")
def _in(p: F64, c: F64, axis: F64, a: float, b: float) -> bool:
    x, y, z = p[0] - c[0], p[1] - c[1], p[2] - c[2]
    along = x * axis[0] + y * axis[1] + z * axis[2]
    across2 = max(x * x + y * y + z * z - along * along, 0.0)
    within: bool = across2 / (b * b) + along * along / (a * a) <= 1.0
    return within


@numba.njit(cache=True, nogil=True)
def _inside(first: int, last: int, points: F64, centres: F64, axes: F64, a: F64, b: F64, found: Bool) -> None:
    for i in range(first, last):
        for j in range(len(axes)):
            found[i, j] = _in(points[i], centres[j], axes[j], a[j], b[j])


@numba.njit(cache=True, nogil=True)
def _held(
    first: int, last: int, points: F64, weights: F64, centres: F64, axes: F64, a: F64, b: F64, total: F64
) -> None:
    for j in range(first, last):
        for i in range(len(points)):
            if _in(points[i], centres[j], axes[j], a[j], b[j]):
                total[j] += weights[i]
