"""Distances and angles between straight rods, one pair at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64

__all__ = ["angle_deg", "circle", "nearest_points", "segment_distance"]


def segment_distance(a0: npt.ArrayLike, a1: npt.ArrayLike, b0: npt.ArrayLike, b1: npt.ArrayLike) -> float:
    """Least distance [mm] between two segments, given by their ends (3,)."""
    on_a, on_b = nearest_points(a0, a1, b0, b1)
    return float(np.linalg.norm(on_a - on_b))


def nearest_points(
    a0: npt.ArrayLike, a1: npt.ArrayLike, b0: npt.ArrayLike, b1: npt.ArrayLike
) -> tuple[F64, F64]:
    """Where two segments are nearest to each other: (3,) on each.

    The lines' nearest points, or else an end of one and its foot on the other: the least of five is exact.
    Parallel segments and points lose only the first.
    """
    a, c = (np.asarray(p, dtype=np.float64) for p in (a0, b0))
    u, v = np.asarray(a1, dtype=np.float64) - a, np.asarray(b1, dtype=np.float64) - c
    pairs = [
        (a, _foot(a, c, v)),
        (a + u, _foot(a + u, c, v)),
        (_foot(c, a, u), c),
        (_foot(c + v, a, u), c + v),
    ]
    normal = np.cross(u, v)
    area = float(normal @ normal)
    if area > 1e-18 * float(u @ u) * float(v @ v):
        s, t = (float(np.cross(c - a, w) @ normal) / area for w in (v, u))
        if 0.0 <= s <= 1.0 and 0.0 <= t <= 1.0:
            pairs.append((a + s * u, c + t * v))
    return min(pairs, key=lambda pair: float(np.linalg.norm(pair[0] - pair[1])))


def _foot(p: F64, start: F64, along: F64) -> F64:
    """The point of a segment that is nearest to p."""
    length2 = float(along @ along)
    s = 0.0 if length2 == 0.0 else min(max(float((p - start) @ along) / length2, 0.0), 1.0)
    return start + s * along


def angle_deg(u: npt.ArrayLike, v: npt.ArrayLike) -> float:
    """Angle between two axes, 0 to 90: an axis has no sense.

    From sine and cosine together, since either alone is blind at one end.
    """
    a, b = np.asarray(u, dtype=np.float64), np.asarray(v, dtype=np.float64)
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), abs(a @ b))))


def circle(axis: F64, n: int) -> F64:
    """(n, 3) unit vectors around an axis, evenly spread."""
    along = axis / np.linalg.norm(axis)
    u = np.cross(along, np.eye(3)[int(np.argmin(np.abs(along)))])
    u /= np.linalg.norm(u)
    v = np.cross(along, u)
    turn = 2.0 * np.pi * np.arange(n) / n
    around: F64 = np.cos(turn)[:, None] * u + np.sin(turn)[:, None] * v
    return around
