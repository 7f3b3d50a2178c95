"""What probes must cover: a lesion with its margin, as voxels and as cells of 2-3 mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool, Indices, Mask
from osteoplan.errors import BadInput, LesionError
from osteoplan.kernels.distance import signed_distance
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["Target", "target_of"]


@dataclass(frozen=True, eq=False)
class Target:
    """A lesion and its margin as points in LPS.

    Attributes:
        margin_mm: around the lesion.
        bricks_mm, in_lesion: (n, 3) and (n,): voxels, thick ones cut up; all of one volume.
        cells_mm, cell_volumes_mm3: (m, 3) and (m,): the same put together for the choice of probes.
        surface_mm: (k, 3) middles of the voxel faces of the lesion's surface.
        brick_volume_mm3: of each brick.
    """

    margin_mm: float
    bricks_mm: F64
    in_lesion: Bool
    brick_volume_mm3: float
    cells_mm: F64
    cell_volumes_mm3: F64
    surface_mm: F64


def target_of(
    lesion: Mask,
    grid: Volume,
    margin_mm: float,
    *,
    sparing: Mask | None = None,
    cell_mm: float | None = None,
) -> Target:
    """The target that a lesion and a margin make.

    Args:
        lesion: (ni, nj, nk) on the grid.
        grid: any grid; oblique and left-handed ones are ordinary.
        margin_mm: 0 for the lesion alone; distances are to its voxels as bricks.
        sparing: where the margin does not go (the canal, say); the lesion itself is never cut.
        cell_mm: edge of the cells; None for the default of ``placement.yaml``.

    Raises:
        LesionError: the lesion is empty.
        BadInput: a negative margin, or masks of another shape.
    """
    if lesion.shape != grid.shape or (sparing is not None and sparing.shape != grid.shape):
        raise BadInput(f"lesion and grid must have one shape, not {lesion.shape} and {grid.shape}")
    if not np.isfinite(margin_mm) or margin_mm < 0:
        raise BadInput(f"a margin of {margin_mm:g} mm is none: give 0 or more")
    if not lesion.any():
        raise LesionError("the lesion has no voxel: nothing can be covered")
    cell = number("placement.cell_mm") if cell_mm is None else cell_mm
    inside, first = _boxed(lesion, grid.spacing_mm, margin_mm)
    grown = inside if margin_mm == 0 else inside | (signed_distance(inside, grid.spacing_mm) <= margin_mm)
    if sparing is not None:
        grown = inside | (grown & ~_cut(sparing, first, inside.shape))
    where, of = _bricks(grown, grid.spacing_mm, cell)
    cells, volumes = _cells(where, grid.spacing_mm, cell)
    parts = len(where) // max(1, int(grown.sum()))
    brick = grid.voxel_volume_mm3 / parts
    return Target(
        margin_mm,
        grid.positions_mm(where + first),
        inside[tuple(of.T)],
        brick,
        grid.positions_mm(cells + first),
        volumes * brick,
        grid.positions_mm(_faces(inside) + first),
    )


def _boxed(lesion: Mask, spacing_mm: F64, margin_mm: float) -> tuple[Mask, F64]:
    """The lesion in a box with room for the margin, also beyond the image; index of the box's first voxel."""
    where = np.argwhere(lesion)
    room = np.ceil(margin_mm / spacing_mm).astype(int) + 1
    low, high = where.min(axis=0) - room, where.max(axis=0) + room + 1
    box = np.zeros(high - low, dtype=bool)
    box[tuple((where - low).T)] = True
    return box, low.astype(np.float64)


def _cut(mask: Mask, first: F64, shape: tuple[int, ...]) -> Mask:
    """A mask of the image on the box; nothing beyond the image."""
    box = np.zeros(shape, dtype=bool)
    low = first.astype(int)
    start, stop = np.maximum(low, 0), np.minimum(low + shape, mask.shape)
    inner = tuple(slice(a, b) for a, b in zip(start - low, stop - low, strict=True))
    box[inner] = mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    return box


def _bricks(mask: Mask, spacing_mm: F64, cell_mm: float) -> tuple[F64, Indices]:
    """Middles of the mask's voxels, those longer than a cell cut up, as indices; and the voxel of each."""
    voxels = np.argwhere(mask)
    cuts = np.maximum(1, np.ceil(spacing_mm / cell_mm - 1e-9)).astype(int)
    steps = np.meshgrid(*[(np.arange(n) + 0.5) / n - 0.5 for n in cuts], indexing="ij")
    offsets = np.stack(steps, axis=-1).reshape(-1, 3)
    where = (voxels[:, None] + offsets[None]).reshape(-1, 3)
    return where, np.repeat(voxels, len(offsets), axis=0)


def _cells(where: F64, spacing_mm: F64, cell_mm: float) -> tuple[F64, F64]:
    """Middles of the cells that bricks fall into, and how many fall into each."""
    place = np.floor((where + 0.5) * spacing_mm / cell_mm + 1e-9).astype(np.int64)
    _, kind = np.unique(place, axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    count = np.bincount(kind).astype(np.float64)
    middle = np.stack([np.bincount(kind, weights=where[:, axis]) for axis in range(3)], axis=-1)
    return middle / count[:, None], count


def _faces(mask: Mask) -> F64:
    """Middles of the faces between the mask and what is not the mask, as indices."""
    found = []
    for axis in range(3):
        padded = np.pad(mask, [(1, 1) if a == axis else (0, 0) for a in range(3)])
        edge = np.argwhere(np.diff(padded.astype(np.int8), axis=axis) != 0).astype(np.float64)
        edge[:, axis] -= 0.5
        found.append(edge)
    return np.concatenate(found)
