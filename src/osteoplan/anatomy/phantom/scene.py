"""A scene of solids on a grid: painted in order, then scanned.

Coordinates are (left, back, up) from the scene's origin in LPS [mm]; they are evaluated at the voxel centres
of any grid, oblique and left-handed ones too, so that a phantom is never resampled.  The share of a voxel
that a layer from -t to 0 of a distance d fills is that of a flat layer and a voxel of edge h:

    share = (min(d + h/2, 0) - max(d - h/2, -t)) / h,  cut to 0..1
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.arrays import F32, F64, U8, Point
from osteoplan.boxes import Box, box_of
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.values import number
from osteoplan.provenance import rng

__all__ = ["Coordinates", "GridName", "Painting", "ScanGrid", "grid_over"]

Coordinates = tuple[F32, F32, F32]
GridName = Literal["axial", "flipped", "left_handed", "oblique"]

_LATTICE = 48  # points along an edge of the texture's periodic lattice
_LATTICE_MM = 1.4  # between them; a texture's grain is about twice as wide


@dataclass(frozen=True, eq=False)
class ScanGrid:
    """Shape and affine (index -> LPS mm) of the scan."""

    shape: tuple[int, int, int]
    affine: F64

    @property
    def spacing_mm(self) -> F64:
        """(3,) voxel edges [mm]."""
        edges: F64 = np.linalg.norm(self.affine[:3, :3], axis=0)
        return edges

    @property
    def edge_mm(self) -> float:
        """Edge of a cube of the voxel's volume [mm]."""
        return float(np.cbrt(np.prod(self.spacing_mm)))


def grid_over(
    low: Point, high: Point, spacing_mm: npt.ArrayLike, grid: GridName | F64, origin_mm: npt.ArrayLike
) -> ScanGrid:
    """The grid that covers a box, given from the origin; an oblique one is turned about the box's middle.

    Args:
        low, high: corners of the box (left, back, up) [mm].
        spacing_mm: (3,) voxel edges along i, j, k.
        grid: a name, or (3, 3) unit vectors of the index axes in columns, near left, back, up in some sign.

    Raises:
        BadInput: edges that are not positive, or axes that are not at right angles.
        UnknownName: no grid has that name.
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if spacing.shape != (3,) or not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise BadInput("spacing_mm is not three positive lengths: give voxel edges in mm")
    axes = _named_axes(grid) if isinstance(grid, str) else np.asarray(grid, dtype=np.float64)
    if axes.shape != (3, 3) or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-6):
        raise BadInput(
            "the grid's axes are not unit vectors at right angles: give a (3, 3) array, in columns"
        )
    middle, extent = (np.add(low, high)) / 2, np.subtract(high, low)
    along = np.array([extent[np.argmax(np.abs(axes[:, a]))] for a in range(3)])
    counts = np.maximum(np.round(along / spacing).astype(int), 1)
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = middle + np.asarray(origin_mm) - affine[:3, :3] @ ((counts - 1) / 2)
    return ScanGrid((int(counts[0]), int(counts[1]), int(counts[2])), affine)


def _named_axes(name: str) -> F64:
    axes = {
        "axial": np.eye(3),
        "flipped": np.diag([-1.0, -1.0, 1.0]),
        "left_handed": np.diag([1.0, 1.0, -1.0]),
    }
    if name == "oblique":
        a, b = np.radians(11.0), np.radians(-8.0)
        about_left = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        about_up = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
        axes["oblique"] = about_up @ about_left
    if name not in axes:
        raise UnknownName("grid", name, (*axes, "oblique"))
    return axes[name]


@dataclass(eq=False)
class Painting:
    """What has been painted so far.

    Attributes:
        grid: where the voxels are.
        origin_mm: LPS of the scene's origin.
        hu: (ni, nj, nk).
        labels: (ni, nj, nk), 0 is nothing.
        values: label name -> number, of all structures that may be painted.
    """

    grid: ScanGrid
    origin_mm: F64
    seed: int
    values: dict[str, int]
    hu: F32 = field(init=False)
    labels: U8 = field(init=False)

    def __post_init__(self) -> None:
        self.hu = np.full(self.grid.shape, number("phantoms.air_HU"), dtype=np.float32)
        self.labels = np.zeros(self.grid.shape, dtype=np.uint8)

    @cached_property
    def positions(self) -> Coordinates:
        """(left, back, up) of every voxel centre [mm]."""
        lines = [np.arange(n, dtype=np.float32) for n in self.grid.shape]
        i, j, k = np.meshgrid(*lines, indexing="ij", sparse=True)
        m, start = self.grid.affine[:3, :3].astype(np.float32), self.grid.affine[:3, 3] - self.origin_mm
        left, back, up = (m[a, 0] * i + m[a, 1] * j + m[a, 2] * k + np.float32(start[a]) for a in range(3))
        return left, back, up

    def box(self, low: Point, high: Point) -> Box:
        """Index box around the box between two corners (left, back, up)."""
        corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)
        inverse = np.linalg.inv(self.grid.affine)
        indices = (corners + self.origin_mm) @ inverse[:3, :3].T + inverse[:3, 3]
        start = np.clip(np.floor(indices.min(axis=0)), 0, self.grid.shape).astype(int)
        stop = np.clip(np.ceil(indices.max(axis=0)) + 1, start, self.grid.shape).astype(int)
        return box_of(start, stop)

    def at(self, box: Box) -> Coordinates:
        """(left, back, up) of the voxels of a box."""
        left, back, up = (p[box] for p in self.positions)
        return left, back, up

    def fill(self, box: Box, d: F32, hu: float | F32, name: str = "") -> None:
        """Paint the inside of a solid, and label it."""
        share = np.clip(0.5 - d / self.grid.edge_mm, 0.0, 1.0)
        self.hu[box] += share * (
            np.float32(hu) - self.hu[box] if isinstance(hu, float) else hu - self.hu[box]
        )
        if name:
            self.labels[box][d < 0] = self.values[name]

    def bone(
        self, box: Box, d: F32, name: str, *, cortex_mm: float | F32, marrow_HU: float | F32,
        cortex_HU: float, texture_HU: float,
    ) -> None:  # fmt: skip
        """Paint a bone: a shell of cortex around marrow with trabecular texture."""
        h = np.float32(self.grid.edge_mm)
        near = d < h
        depth = d[near]
        wall = cortex_mm[near] if isinstance(cortex_mm, np.ndarray) else np.float32(cortex_mm)
        inner = marrow_HU[near] if isinstance(marrow_HU, np.ndarray) else np.float32(marrow_HU)
        inner = inner + np.float32(texture_HU) * self.texture(tuple(p[box][near] for p in self.positions))
        whole = np.clip((np.minimum(depth + h / 2, 0) - (depth - h / 2)) / h, 0.0, 1.0)
        shell = np.clip((np.minimum(depth + h / 2, 0) - np.maximum(depth - h / 2, -wall)) / h, 0.0, 1.0)
        seen = self.hu[box]
        seen[near] += shell * (np.float32(cortex_HU) - seen[near]) + (whole - shell) * (inner - seen[near])
        self.labels[box][d < 0] = self.values[name]

    @cached_property
    def _lattice(self) -> F32:
        white = rng(self.seed, "phantom", "texture").standard_normal((_LATTICE,) * 3, dtype=np.float32)
        smooth: F32 = ndimage.gaussian_filter(white, 0.8, mode="wrap")
        smooth /= smooth.std()
        return smooth

    def texture(self, positions: tuple[F32, ...]) -> F32:
        """Trabecular texture, sd about 1; the same at a place on every grid."""
        where = np.stack([p / np.float32(_LATTICE_MM) for p in positions])
        found: F32 = ndimage.map_coordinates(self._lattice, where, order=1, mode="grid-wrap")
        return found

    def scanned(self, *, blur_mm: float, noise_HU: float) -> npt.NDArray[np.int16]:
        """Blur of a scanner, noise that neighbours share, whole HU."""
        seen = ndimage.gaussian_filter(self.hu, blur_mm / self.grid.spacing_mm)
        if noise_HU > 0:
            white = rng(self.seed, "phantom", "noise").standard_normal(self.grid.shape, dtype=np.float32)
            noise = ndimage.gaussian_filter(white, 0.6)
            seen += np.float32(noise_HU) * noise / noise.std()
        stored: npt.NDArray[np.int16] = np.clip(np.rint(seen), -1024, 3071).astype(np.int16)
        return stored
