"""How far beyond the lesion tissue is dead, by one criterion: on the lesion's surface, and in its volume.

    margin(x) = distance from a point x of the lesion's surface to the surface of what is dead,
                positive where x itself is dead, negative where it lives

The surface of what is dead is the isosurface of a smooth field, so that it is found below the edge of a cube.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from osteoplan.arrays import F32, F64
from osteoplan.boxes import around as box_around
from osteoplan.kernels.distance import signed_distance
from osteoplan.model.volume import Volume
from osteoplan.trajectory.surroundings import Surroundings

__all__ = ["REACHED_MM", "Margins", "lesion_surface", "margins_of"]

REACHED_MM = (0.0, 2.0, 5.0, 10.0)  # margins that are asked about


@dataclass(frozen=True, eq=False)
class Margins:
    """What one criterion says of a lesion.

    Attributes:
        coverage_pct: share of the lesion that is dead; ``left_mL``: what of it is not.
        minimum_mm, p5_mm: of the margin over the lesion's surface; None where nothing at all is dead.
        reached_pct: margin in mm -> share of the surface that has it.
        surface_mm, margin_mm: (k, 3) and (k,) point by point, for a map; -inf where nothing is dead.
    """

    coverage_pct: float
    left_mL: float
    minimum_mm: float | None
    p5_mm: float | None
    reached_pct: Mapping[float, float]
    surface_mm: F64
    margin_mm: F64


def margins_of(dead: F32, grid: Volume, lesion: Volume, surface_mm: F64) -> Margins:
    """Margins of a lesion.

    Args:
        dead: (ni, nj, nk) on ``grid``, positive where tissue is dead.
        grid: where ``dead`` is told; any grid.
        lesion: mask on the same grid.
        surface_mm: (k, 3) points of the lesion's surface.
    """
    inside = lesion.array.astype(bool)
    killed = float((dead[inside] > 0.0).mean()) if inside.any() else 0.0
    left = (1.0 - killed) * float(inside.sum()) * grid.voxel_volume_mm3 / 1000.0
    border = _isosurface(dead, grid)
    if border is None:
        away = np.full(len(surface_mm), np.inf if dead.min() > 0.0 else -np.inf)
    else:
        far = cKDTree(border).query(surface_mm)[0]
        at = map_coordinates(dead, grid.indices(surface_mm).T, order=1, mode="nearest")
        away = np.where(at > 0.0, far, -far)
    known = bool(np.isfinite(away).all()) and len(away) > 0
    return Margins(
        100.0 * killed, left, float(away.min()) if known else None,
        float(np.percentile(away, 5.0)) if known else None,
        {margin: 100.0 * float((away >= margin).mean()) for margin in REACHED_MM}, surface_mm, away,
    )  # fmt: skip


def lesion_surface(around: Surroundings, *, most: int = 2000) -> F64:
    """(k, 3) LPS points of the lesion's surface as the image shows it, evenly thinned out."""
    near = around.grid.with_array(around.lesion, "mask").on(box_around(around.lesion, 2))
    padded = np.pad(near.array.astype(bool), 1)
    depth = -signed_distance(padded, near.spacing_mm)
    surface = _isosurface(depth, near)
    if surface is None:
        return near.positions_mm(np.argwhere(near.array))
    surface = surface - near.positions_mm(np.ones(3)) + near.positions_mm(np.zeros(3))  # of the padding
    return surface[:: max(1, len(surface) // most)]


def _isosurface(dead: F32, grid: Volume) -> F64 | None:
    """(n, 3) LPS points of the surface where the field is 0, less than a cube apart; None: none."""
    if not dead.min() < 0.0 < dead.max():
        return None
    from skimage.measure import marching_cubes

    points, faces, _, _ = marching_cubes(dead, 0.0)
    middles = points[faces].mean(axis=1)  # with the corners they lie half an edge apart
    found: F64 = grid.positions_mm(np.concatenate([points, middles]))
    return found
