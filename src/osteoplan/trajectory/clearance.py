"""How far any point is from what a needle must avoid, must stay inside, or must come through.

Labelled voxels are taken as solid bricks, so a distance is never longer than to the label as it was drawn; on
a slanted surface it is shorter than to the smooth surface by up to half a voxel's diagonal.

Computed once for an ``Anatomy`` and remembered while that object lives.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from osteoplan.kernels.distance import signed_distance
from osteoplan.model.anatomy import Anatomy, Mask, Structure, StructureKind
from osteoplan.model.volume import Volume

__all__ = ["ClearanceMaps", "clearance_maps"]

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClearanceMaps:
    """Signed distance maps on the anatomy's grid [mm].

    Attributes:
        grid: the anatomy's image.
        bone_mm: depth below the surface of the target bone; negative outside it.
        body_mm: depth below the surface of the vertebral body alone.
        skin_mm: depth below the skin; negative in the air.
        away_mm: kind -> distance to the nearest structure of that kind; negative inside one.
        structures: what they were computed for; a kind without a voxel here is not in ``away_mm``.
    """

    grid: Volume
    bone_mm: F32
    body_mm: F32
    skin_mm: F32
    away_mm: Mapping[StructureKind, F32]
    structures: tuple[Structure, ...]

    def sample(self, distances: F32, positions_mm: F64) -> F64:
        """(..., 3) positions -> (...) trilinear values of one map [mm]; beyond the grid its edge's value."""
        indices = self.grid.indices(positions_mm)
        values = map_coordinates(distances, indices.reshape(-1, 3).T, order=1, mode="nearest")
        return np.asarray(values, dtype=np.float64).reshape(indices.shape[:-1])

    def inside_grid(self, positions_mm: F64) -> npt.NDArray[np.bool_]:
        """(..., 3) positions -> (...) True where the image covers them."""
        indices = self.grid.indices(positions_mm)
        inside = (indices >= -0.5) & (indices <= np.asarray(self.grid.shape) - 0.5)
        return np.asarray(inside.all(axis=-1))

    def name_at(self, kind: StructureKind, position_mm: F64) -> str:
        """Name of the structure of a kind that is nearest to a position."""
        reach = (
            abs(float(self.sample(self.away_mm[kind], position_mm[None])[0]))
            + 2.0 * self.grid.spacing_mm.max()
        )
        middle, pad = self.grid.indices(position_mm), reach / self.grid.spacing_mm
        low = np.clip(np.floor(middle - pad), 0, self.grid.shape).astype(int)
        high = np.clip(np.ceil(middle + pad) + 1, low, self.grid.shape).astype(int)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        gaps = {
            s.name: np.linalg.norm(
                (np.argwhere(s.mask[box]) + low - middle) * self.grid.spacing_mm, axis=1
            ).min()
            for s in self.structures
            if s.kind == kind and s.mask[box].any()
        }
        return min(gaps, key=gaps.__getitem__)

    def gradient(self, distances: F32, positions_mm: F64, *, step_mm: float = 2.0) -> F64:
        """(n, 3) positions -> (n, 3) unit vectors along which the distance grows fastest."""
        steps = step_mm * np.eye(3)
        slope = np.stack(
            [
                self.sample(distances, positions_mm + step) - self.sample(distances, positions_mm - step)
                for step in steps
            ],
            axis=-1,
        )
        unit: F64 = slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-12)
        return unit


_remembered: weakref.WeakKeyDictionary[Anatomy, ClearanceMaps] = weakref.WeakKeyDictionary()


def clearance_maps(anatomy: Anatomy) -> ClearanceMaps:
    """Distance maps of an anatomy; the second call for the same object costs nothing."""
    maps = _remembered.get(anatomy)
    if maps is None:
        maps = _remembered[anatomy] = _compute(anatomy)
    return maps


def _compute(anatomy: Anatomy) -> ClearanceMaps:
    spacing = anatomy.image.spacing_mm
    together: dict[StructureKind, Mask] = {}
    for structure in anatomy.structures:
        if structure.mask.any():  # else it is labelled elsewhere in the scan, outside this crop
            seen = together.get(structure.kind)
            together[structure.kind] = structure.mask if seen is None else seen | structure.mask
    return ClearanceMaps(
        grid=anatomy.image,
        bone_mm=-signed_distance(anatomy.bone_mask, spacing),
        body_mm=-signed_distance(anatomy.parts["body"], spacing),
        # Finite where the image holds no skin at all: arithmetic goes on, and no path reaches it.
        skin_mm=np.clip(-signed_distance(anatomy.body_surface, spacing), -1e4, 1e4),
        away_mm={kind: signed_distance(mask, spacing) for kind, mask in together.items()},
        structures=anatomy.structures,
    )
