"""Directions in space: of length one, at right angles, evenly spread."""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F64

__all__ = ["across", "axes_along", "directions", "square", "unit"]


def unit(vector: F64) -> F64:
    """A vector of length one along this one."""
    return vector / np.linalg.norm(vector)


def square(vector: F64, axis: F64) -> F64:
    """A unit vector at right angles to a unit axis, as near to a vector as it can be."""
    return unit(vector - (vector @ axis) * axis)


def across(axis: F64) -> tuple[F64, F64]:
    """Two unit vectors at right angles to a unit axis and to each other; chosen by the axis alone."""
    first = unit(np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))]))
    return first, np.cross(axis, first)


def axes_along(third: F64, first: F64) -> F64:
    """(3, 3) right-handed unit rows: the third as given, the first as near to a vector as it can be."""
    row = square(first, third)
    return np.stack([row, np.cross(third, row), third])


def directions(count: int) -> F64:
    """(count, 3) unit vectors spread evenly over the sphere, from above to below: a Fibonacci lattice."""
    n = np.arange(count) + 0.5
    up, turn = 1.0 - 2.0 * n / count, np.pi * (1.0 + 5.0**0.5) * n
    flat = np.sqrt(1.0 - up**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), up], axis=-1)
