"""Distances and angles between straight rods, one pair at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.trajectory.tubes import segment_distances

__all__ = ["angle_deg", "circle", "segment_distance"]

F64 = npt.NDArray[np.float64]


def segment_distance(a0: npt.ArrayLike, a1: npt.ArrayLike, b0: npt.ArrayLike, b1: npt.ArrayLike) -> float:
    """Least distance [mm] between two segments, given by their ends (3,)."""
    ends = (np.asarray(p, dtype=np.float64)[None] for p in (a0, a1, b0, b1))
    return float(segment_distances(*ends)[0, 0])


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
