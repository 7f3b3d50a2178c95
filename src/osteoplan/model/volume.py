"""An image that knows where it is: array, 4x4 affine to LPS mm, frame of reference, meaning.

Positions are patient space, LPS, in mm: x to the patient's left, y to posterior, z to superior.  Indices are
(i, j, k) along the array's axes, and the centre of voxel (0, 0, 0) is the affine's last column.  Oblique,
flipped and left-handed grids are ordinary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64, Array
from osteoplan.boxes import Box, box_of, ends
from osteoplan.errors import BadInput, GeometryMismatch

__all__ = ["Meaning", "Volume"]

Meaning = Literal[
    "HU", "mgK2HPO4/cm3", "mgHA/cm3", "mgash/cm3", "mgapp/cm3", "MR", "Gy", "label", "mask", "MPa",
    "fraction", "strain", "mm", "degC", "min",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Volume:
    """A three-dimensional image in patient space.

    Attributes:
        array: (ni, nj, nk), any real dtype.
        affine: (4, 4) float64, index (i, j, k, 1) -> LPS position [mm].
        meaning: what a value is.
        frame: frame of reference; images in different frames do not combine.

    Raises:
        BadInput: the array is not three-dimensional, or the affine is not finite, singular or sheared
            (a gantry tilt that was not repaired).
    """

    array: Array
    affine: F64
    meaning: Meaning
    frame: str = "scan"

    def __post_init__(self) -> None:
        affine = np.asarray(self.affine, dtype=np.float64)
        object.__setattr__(self, "affine", affine)
        if self.array.ndim != 3:
            raise BadInput(
                f"an image has 3 axes, this one has {self.array.ndim}: give one volume, not a series"
            )
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-9:
            raise BadInput("the image's affine is not a finite, invertible 4x4 matrix: re-export the image")
        unit = self.direction
        if np.abs(unit.T @ unit - np.eye(3)).max() > 1e-3:
            raise BadInput(
                "the image's axes are not at right angles (gantry tilt?): resample it to a straight grid"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (i, j, k)."""
        ni, nj, nk = self.array.shape
        return ni, nj, nk

    @property
    def spacing_mm(self) -> F64:
        """(3,) voxel edges [mm]."""
        spacing: F64 = np.linalg.norm(self.affine[:3, :3], axis=0)
        return spacing

    @property
    def direction(self) -> F64:
        """(3, 3) unit vectors of the axes, in columns."""
        return self.affine[:3, :3] / self.spacing_mm

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel [mm3]."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def left_handed(self) -> bool:
        """True where the index axes form a left-handed system in LPS."""
        return bool(np.linalg.det(self.affine[:3, :3]) < 0)

    def positions_mm(self, indices: npt.ArrayLike) -> F64:
        """(..., 3) indices -> (..., 3) LPS positions [mm]."""
        indices = np.asarray(indices, dtype=np.float64)
        return indices @ self.affine[:3, :3].T + self.affine[:3, 3]

    def indices(self, positions_mm: npt.ArrayLike) -> F64:
        """(..., 3) LPS positions [mm] -> (..., 3) continuous indices."""
        inverse = np.linalg.inv(self.affine)
        indices: F64 = np.asarray(positions_mm, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
        return indices

    def same_grid(self, other: Volume, *, tolerance_mm: float = 1e-3) -> bool:
        """True where both have the same shape, frame and corner positions."""
        return self.frame == other.frame and self.gap_mm(other) <= tolerance_mm

    def gap_mm(self, other: Volume) -> float:
        """Largest distance between the corners of two grids [mm]; infinite where their shapes differ."""
        if self.shape != other.shape:
            return np.inf
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1).T
        gap = self.positions_mm(corners) - other.positions_mm(corners)
        return float(np.linalg.norm(gap, axis=1).max())

    def require_same_grid(self, other: Volume, *, what: str, reference: str = "the CT") -> None:
        """Say no, in one sentence, to an image on another grid."""
        if self.frame != other.frame:
            raise GeometryMismatch(
                f"{what} is on frame {other.frame}, {reference} on {self.frame}: "
                "register them or load the matching series"
            )
        if not self.same_grid(other):
            raise GeometryMismatch(
                f"{what} is on another grid than {reference} ({_difference(other, self)}): "
                f"resample it onto {reference}"
            )

    def with_array(self, array: Array, meaning: Meaning | None = None) -> Volume:
        """Another image on the same grid."""
        if array.shape != self.array.shape:
            raise GeometryMismatch(f"array of shape {array.shape} on a grid of shape {self.shape}")
        return replace(self, array=array, meaning=meaning or self.meaning)

    def crop(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Volume:
        """The box of indices low <= (i, j, k) < high, clipped to the image; positions are kept."""
        start = np.clip(np.asarray(low, dtype=int), 0, self.shape)
        stop = np.clip(np.asarray(high, dtype=int), start, self.shape)
        affine = self.affine.copy()
        affine[:3, 3] = self.positions_mm(start)
        return replace(self, array=self.array[box_of(start, stop)], affine=affine)

    def on(self, box: Box) -> Volume:
        """A box of it, clipped to the image; positions are kept."""
        return self.crop(*ends(box))

    def box(self, positions_mm: npt.ArrayLike) -> Box:
        """The voxels between (n, 3) LPS positions [mm], clipped to the image; empty beside it."""
        indices = self.indices(positions_mm)
        low = np.clip(np.floor(indices.min(axis=0)).astype(int), 0, self.shape)
        high = np.clip(np.ceil(indices.max(axis=0)).astype(int) + 1, low, self.shape)
        return box_of(low, high)


def _difference(volume: Volume, other: Volume) -> str:
    """What tells two grids apart, first its kind and then in numbers."""
    if volume.shape != other.shape:
        return f"{_size(volume)} voxels, not {_size(other)}"
    said = []
    edges, others = volume.spacing_mm, other.spacing_mm
    if (np.abs(edges - others) * volume.shape).max() > 1e-3:
        said.append(f"voxels of {_edges(edges)} mm, not {_edges(others)}")
    turned = np.degrees(np.arccos(np.clip(np.abs((volume.direction * other.direction).sum(axis=0)), 0, 1)))
    if turned.max() > 0.01:
        said.append(f"axes turned by up to {turned.max():.2f} degrees")
    opposed = (volume.direction * other.direction).sum(axis=0) < 0
    if opposed.any():
        said.append(f"axis {' and '.join('ijk'[n] for n in np.flatnonzero(opposed))} the other way round")
    middle = (np.array(volume.shape) - 1) / 2
    shift = volume.positions_mm(middle) - other.positions_mm(middle)
    if np.abs(shift).max() > 1e-3:
        ways = ("to the right", "to the left"), ("forward", "backward"), ("down", "up")
        parts = [f"{abs(mm):.3g} mm {way[int(mm > 0)]}" for mm, way in zip(shift, ways, strict=True)
                 if abs(mm) > 1e-3]  # fmt: skip
        said.append(f"its middle {', '.join(parts)}")
    return "; ".join(said)


def _size(volume: Volume) -> str:
    return "x".join(map(str, volume.shape))


def _edges(spacing_mm: F64) -> str:
    return " x ".join(f"{edge:.5g}" for edge in spacing_mm)
