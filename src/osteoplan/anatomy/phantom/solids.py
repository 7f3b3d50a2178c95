"""Solids as signed distances [mm], negative inside: what the phantoms are made of.

Coordinates are three arrays of one shape.  A distance is exact for spheres, rods and planes, and right at the
surface, to first order, for the others: enough for a cortex of known thickness.
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F32, Point

__all__ = [
    "blob", "capsule", "cut", "ellipse", "ellipsoid", "join", "meet", "plane", "polygon", "ramp", "slab",
]  # fmt: skip


def ellipse(x: F32, y: F32, a: float, b: float) -> F32:
    """Elliptic cylinder, right at its surface: (rho - 1) / |grad rho|."""
    rho = np.hypot(x / a, y / b)
    steepness = np.hypot(x / a**2, y / b**2) / np.maximum(rho, 1e-3)
    distance: F32 = (rho - 1.0) / np.maximum(steepness, 0.5 / max(a, b))
    return distance


def ellipsoid(x: F32, y: F32, z: F32) -> F32:
    """Squared radius in units of the half axes (no distance: below 1 inside)."""
    return x**2 + y**2 + z**2


def blob(x: F32, y: F32, z: F32, centre: Point, half: Point) -> F32:
    """Ellipsoid along the axes, half axes in mm; a sphere where they are equal."""
    u = [(v - np.float32(c)) / np.float32(h) for v, c, h in zip((x, y, z), centre, half, strict=True)]
    rho = np.sqrt(u[0] ** 2 + u[1] ** 2 + u[2] ** 2)
    steep = np.sqrt(sum((v / np.float32(h)) ** 2 for v, h in zip(u, half, strict=True)))
    distance: F32 = (rho - 1.0) * rho / np.maximum(steep, np.float32(0.5 / max(half)) * np.maximum(rho, 1e-3))
    return np.where(rho < 0.3, np.minimum(distance, np.float32(-0.7 * min(half))), distance)


def capsule(x: F32, y: F32, z: F32, start: Point, end: Point, r: float, r_end: float | None = None) -> F32:
    """Rod with round ends; tapered from r to r_end where that is given."""
    p, q = np.array(start, dtype=np.float32), np.array(end, dtype=np.float32)
    axis = q - p
    v = (x - p[0], y - p[1], z - p[2])
    t = np.clip((v[0] * axis[0] + v[1] * axis[1] + v[2] * axis[2]) / (axis @ axis), 0.0, 1.0)
    gap = np.sqrt(sum((v[i] - t * axis[i]) ** 2 for i in range(3)))
    if r_end is None:
        rod: F32 = gap - np.float32(r)
        return rod
    tapered: F32 = gap - (np.float32(r) + np.float32(r_end - r) * t)
    return tapered


def plane(x: F32, y: F32, z: F32, through: Point, normal: Point) -> F32:
    """Half space behind a plane; the normal points out of it."""
    n = np.array(normal, dtype=np.float32)
    n /= np.linalg.norm(n)
    distance: F32 = (
        (x - np.float32(through[0])) * n[0]
        + (y - np.float32(through[1])) * n[1]
        + (z - np.float32(through[2])) * n[2]
    )
    return distance


def slab(x: F32, low: float, high: float) -> F32:
    """Between two planes across one coordinate."""
    between: F32 = np.maximum(np.float32(low) - x, x - np.float32(high))
    return between


def polygon(x: F32, y: F32, corners: list[tuple[float, float]]) -> F32:
    """Cylinder over a simple polygon, exact."""
    squared = np.full(x.shape, np.inf, dtype=np.float32)
    inside = np.zeros(x.shape, dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        ex, ey = np.float32(bx - ax), np.float32(by - ay)
        vx, vy = x - np.float32(ax), y - np.float32(ay)
        t = np.clip((vx * ex + vy * ey) / (ex * ex + ey * ey), 0.0, 1.0)
        squared = np.minimum(squared, (vx - t * ex) ** 2 + (vy - t * ey) ** 2)
        if ey != 0:
            crosses = ((vy >= 0) != (y >= np.float32(by))) & (vx < ex * vy / ey)
            inside ^= crosses
    distance: F32 = np.sqrt(squared)
    return np.where(inside, -distance, distance)


def ramp(x: F32, low: float, high: float) -> F32:
    """0 below low, 1 above high, smooth between (low may lie above high)."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    smooth: F32 = t * t * (3.0 - 2.0 * t)
    return smooth


def join(d: F32, other: F32, fillet: float) -> F32:
    """Union of two solids with a fillet [mm] between them."""
    h = np.maximum(fillet - np.abs(d - other), 0.0) / fillet
    joined: F32 = np.minimum(d, other) - np.float32(0.25 * fillet) * h * h
    return joined


def meet(d: F32, other: F32, fillet: float) -> F32:
    """What two solids share, its edge rounded: the meet of two insides is the join of two outsides."""
    return -join(-d, -other, fillet)


def cut(d: F32, other: F32) -> F32:
    """The first solid without the second, edges sharp."""
    return np.maximum(d, -other)
