"""Images, masks and cement of an anatomy on the grid of a mesh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.arrays import F32, F64, I32, Array, Bool, Indices, Mask
from osteoplan.boxes import around
from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.resample import gather_linear
from osteoplan.knowledge.values import number
from osteoplan.mechanics.state import State
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.field import Field
from osteoplan.model.volume import Volume

__all__ = [
    "cement_of", "cement_share", "depth_on", "grid_along_the_bone", "inside", "replaced_by_soft_tissue",
    "sample",
]  # fmt: skip


def grid_along_the_bone(anatomy: Anatomy, h: float, *, margin_mm: tuple[float, float, float]) -> Volume:
    """An empty box of cubes along the bone's axes that holds bone and margin; a node lies at the origin."""
    corners = anatomy.image.positions_mm(np.argwhere(anatomy.bone_mask))
    local = anatomy.frame.local(corners)
    reach = 0.5 * float(np.linalg.norm(anatomy.image.spacing_mm)) + h
    margin = np.array(margin_mm)
    low = np.floor((local.min(axis=0) - reach - margin) / h)
    high = np.ceil((local.max(axis=0) + reach + margin) / h)
    affine = np.eye(4)
    affine[:3, :3] = anatomy.frame.axes.T * h
    affine[:3, 3] = anatomy.frame.world((low + 0.5) * h)
    shape = tuple(int(n) for n in high - low)
    return Volume(np.zeros(shape, dtype=bool), affine, "mask", anatomy.image.frame)


def inside(grid: Volume, anatomy: Anatomy, mask: Bool, *, grown_mm: float = 0.0) -> Bool:
    """A mask on the grid, its surface smoothed between slices by its distance map and moved outward."""
    if not mask.any():
        return np.zeros(grid.shape, dtype=bool)
    return depth_on(grid.affine, grid.shape, anatomy.image, mask) < grown_mm


def depth_on(
    affine: F64, shape: tuple[int, int, int], image: Volume, mask: Mask, margin: Indices | int = 3
) -> F32:
    """Signed distance [mm] to a mask of an image, negative inside, on a grid; inf beyond some voxels."""
    near = image.with_array(mask, "mask").on(around(mask, margin))
    distance = signed_distance(near.array, near.spacing_mm)
    return gather_linear(distance, near.affine, affine, shape, outside=np.inf)


def sample(grid: Volume, image: Volume) -> F64:
    """Trilinear image values on the grid; NaN outside the image."""
    values: Array = gather_linear(image.array, image.affine, grid.affine, grid.shape, outside=np.nan)
    return values.astype(np.float64)


def cement_share(grid: Volume, cells: I32 | Indices, fills: Sequence[Volume]) -> F64:
    """(n,) share of each of these cells (n, 3) of a grid that cement fractions fill."""
    cement = np.zeros(len(cells))
    for fill in fills:
        box = gather_linear(fill.array, fill.affine, grid.affine, grid.shape, outside=0.0)
        cement = np.maximum(cement, np.clip(box[tuple(cells.T)], 0.0, 1.0))
    return cement


def cement_of(fields: Sequence[Field]) -> tuple[tuple[Volume, ...], tuple[tuple[Volume, ...], ...]]:
    """(central cement fractions, those of each sample) of what was done to a bone; sample k of several fields
    together.

    Fields of other quantities (a temperature) are no matter of mechanics.
    """
    cement = [field for field in fields if field.quantity == "cement_fraction"]
    count = max((len(field.samples) for field in cement), default=0)
    samples = tuple(
        tuple((field.samples or (field.volume,))[k % max(len(field.samples), 1)] for field in cement)
        for k in range(count)
    )
    return tuple(field.volume for field in cement), samples


def replaced_by_soft_tissue(anatomy: Anatomy, image: F64, lesion: Bool, state: State) -> Bool:
    """(n_elements,) elements of the lesion that hold no bone; none in the intact state."""
    if state == "intact":
        return np.zeros_like(lesion)
    density = anatomy.calibration.density_as("K2HPO4", image)
    return lesion & (density <= number("bone.lytic_tissue_density_max"))
