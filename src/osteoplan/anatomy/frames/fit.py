"""Spheres, lines, mirror planes and farthest points of a bone's surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize

from osteoplan.arrays import F64, Bool
from osteoplan.kernels.vectors import directions, unit
from osteoplan.knowledge.values import number

__all__ = ["FittedLine", "Sphere", "farthest", "find_sphere", "fit_line", "fit_sphere"]

VOTE_MM = 2.0
TURNS = 8


@dataclass(frozen=True, eq=False)
class Sphere:
    """A sphere through part of a bone's surface.

    Attributes:
        centre_mm: (3,) LPS.
        radius_mm: radius.
        residual_mm: median distance of the used points from the sphere.
        used: (n,) bool, which surface points lie on it.
        share: part of the sphere's directions, 0 to 1, in which there is such a point.
        roundness: least second moment of those directions: 1/3 for a sphere or half of one, near 0.06 for the
            ring that a tube offers.
    """

    centre_mm: F64
    radius_mm: float
    residual_mm: float
    used: Bool
    share: float
    roundness: float


@dataclass(frozen=True, eq=False)
class FittedLine:
    """A line through points: one point on it, a unit direction, median distance of the points [mm]."""

    point_mm: F64
    direction: F64
    residual_mm: float

    def at(self, point_mm: F64) -> F64:
        """The foot of a point on the line."""
        return self.point_mm + ((point_mm - self.point_mm) @ self.direction) * self.direction


def find_sphere(
    points_mm: F64, normals: F64, *, hollow: bool, radii_mm: tuple[float, float]
) -> Sphere | None:
    """The best-supported sphere on a surface: a head (solid), or a cup (hollow).

    Every surface point votes along its normal, into the bone for a head and away from it for a cup, for
    all centres within the radii; the point with most votes starts a robust fit (``fit_sphere``).
    None where nothing is sphere enough.
    """
    towards = normals if hollow else -normals
    low, high = radii_mm
    reach = np.arange(low, high + 1e-9, VOTE_MM / 2)
    corner = np.floor(points_mm.min(axis=0) / VOTE_MM) * VOTE_MM - 2 * VOTE_MM
    shape = np.ceil((points_mm.max(axis=0) - corner) / VOTE_MM).astype(int) + 3
    votes = np.zeros(shape)
    thin = max(1, len(points_mm) // int(number("frames.sphere_voters")))
    for r in reach:
        at = np.round((points_mm[::thin] + r * towards[::thin] - corner) / VOTE_MM).astype(int)
        at = at[((at >= 0) & (at < shape)).all(axis=1)]
        np.add.at(votes, tuple(at.T), 1.0)
    votes = ndimage.gaussian_filter(votes, 1.0)
    top = np.unravel_index(int(votes.argmax()), votes.shape)
    centre = corner + VOTE_MM * np.array(top)
    along = np.einsum("ij,ij->i", centre - points_mm, towards)
    gap = np.linalg.norm(centre - points_mm, axis=1)
    facing = (along > number("frames.sphere_facing") * gap) & (gap >= low) & (gap <= high)
    if facing.sum() < number("frames.sphere_least_points"):
        return None
    count, edges = np.histogram(gap[facing], bins=np.arange(low, high + 1.0, 1.0))
    count = ndimage.gaussian_filter1d(count.astype(float), 1.0)
    radius = float(edges[int(count.argmax())] + 0.5)
    return fit_sphere(points_mm, normals, centre, radius, hollow=hollow)


def fit_sphere(
    points_mm: F64, normals: F64, centre_mm: F64, radius_mm: float, *, hollow: bool
) -> Sphere | None:
    """Least absolute distances (soft) to the sphere, over the surface points that face its centre.

    None where fewer points than ``sphere_least_points`` lie on it.
    """
    towards = normals if hollow else -normals
    centre, radius = centre_mm.astype(float), radius_mm
    start, final = number("frames.sphere_reach_mm"), number("frames.sphere_tolerance_mm")
    used = np.zeros(len(points_mm), dtype=bool)
    for turn in range(TURNS):
        reach = final + (start - final) * 0.5**turn
        offset = centre - points_mm
        gap = np.maximum(np.linalg.norm(offset, axis=1), 1e-9)
        facing = np.einsum("ij,ij->i", offset, towards) > number("frames.sphere_facing") * gap
        used = facing & (np.abs(gap - radius) < reach)
        if used.sum() < number("frames.sphere_least_points"):
            return None
        on = points_mm[used]
        found = optimize.least_squares(
            lambda s, on=on: np.linalg.norm(on - s[:3], axis=1) - s[3],
            np.array([*centre, radius]), loss="soft_l1", f_scale=0.5,
        )  # fmt: skip
        centre, radius = found.x[:3], float(found.x[3])
    residual = float(np.median(np.abs(np.linalg.norm(points_mm[used] - centre, axis=1) - radius)))
    ways = points_mm[used] - centre
    ways = ways / np.linalg.norm(ways, axis=1)[:, None]
    roundness = float(np.linalg.eigvalsh(ways.T @ ways / len(ways))[0])
    return Sphere(centre, radius, residual, used, _share(ways), roundness)


def _share(ways: F64) -> float:
    """Part of the directions of a sphere that have one of these within 10 degrees."""
    rays = directions(400)
    near = ways @ rays.T
    return float((near.max(axis=0) > np.cos(np.radians(10.0))).mean())


def fit_line(points_mm: F64, weights: F64 | None = None) -> FittedLine:
    """The line of least absolute distance (iteratively reweighted) through (n, 3) points, n >= 2."""
    weight = np.ones(len(points_mm)) if weights is None else weights
    share = weight.copy()
    for _ in range(TURNS):
        middle = (share[:, None] * points_mm).sum(axis=0) / share.sum()
        offset = points_mm - middle
        _, _, rows = np.linalg.svd(offset * np.sqrt(share)[:, None], full_matrices=False)
        direction = rows[0]
        gap = np.linalg.norm(offset - np.outer(offset @ direction, direction), axis=1)
        share = weight / np.maximum(gap, 0.2)
    return FittedLine(middle, direction * (1.0 if direction[2] >= 0 else -1.0), float(np.median(gap)))


def farthest(points_mm: F64, direction: F64, *, within_mm: float = 12.0) -> F64:
    """The tip of a surface along a direction: the mean of its outermost cap.

    One voxel's corner is chance; points count less by a factor e for each ``tip_mm`` below the outermost,
    and only within ``within_mm`` of it.
    """
    along = points_mm @ unit(direction)
    top = int(along.argmax())
    near = np.linalg.norm(points_mm - points_mm[top], axis=1) <= within_mm
    weight = np.exp((along[near] - along[top]) / number("frames.tip_mm"))
    tip: F64 = (weight[:, None] * points_mm[near]).sum(axis=0) / weight.sum()
    return tip
