"""A bone as frames see it: depth on a grid along the patient's axes, and its surface with normals.

Whatever grid the mask was on (oblique, flipped, anisotropic), everything after this file works on one cubic
grid that is anchored in the patient, so that landmarks do not depend on index order or handedness.  A right
bone is mirrored to a left one first and its landmarks are mirrored back at the end: left and right are one
code, and a mirrored bone gives mirrored landmarks exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.anatomy.aligned import Aligned, depth_map
from osteoplan.anatomy.pieces import largest_piece
from osteoplan.arrays import F64, Mask
from osteoplan.errors import BadInput
from osteoplan.kernels.vectors import across
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["BoneCut", "BoneSurface", "mirror_frame", "mirror_volume"]

_MIRROR = np.array([-1.0, 1.0, 1.0])


def mirror_volume(volume: Volume) -> Volume:
    """The same image mirrored at the patient's plane x = 0; only the affine changes."""
    return replace(volume, affine=np.diag([*_MIRROR, 1.0]) @ volume.affine)


def mirror_frame(frame: BoneFrame) -> BoneFrame:
    """A frame found on the mirrored image, back in the patient; rows stay left, posterior, superior."""
    axes = frame.axes * _MIRROR
    axes[0] = -axes[0]
    points = {name: point * _MIRROR for name, point in frame.landmarks_mm.items()}
    return BoneFrame(frame.origin_mm * _MIRROR, axes, frame.kind, points, frame.lengths_mm)


@dataclass(frozen=True, eq=False)
class BoneCut:
    """A plane cut through one piece of bone: area [mm2], centroid (3,) LPS [mm], reach across [mm]."""

    area_mm2: float
    centroid_mm: F64
    touches_border: bool


@dataclass(frozen=True, eq=False)
class BoneSurface:
    """Depth and surface of one bone.

    Attributes:
        grid: signed distance [mm] on a cubic grid along the patient's axes, negative inside.
        seen: lowest and highest LPS [mm] of the mask's image, (2, 3): the bone may go on beyond it.
        voxel_mm: longest voxel edge of the mask.
        source: the mask, largest piece only.
    """

    grid: Aligned
    source: Volume
    voxel_mm: float

    @classmethod
    def of(cls, mask: Volume, *, step_mm: float | None = None) -> BoneSurface:
        """Read a boolean mask.

        Raises:
            BadInput: the mask is empty.
        """
        filled = np.asarray(mask.array, dtype=bool)
        if not filled.any():
            raise BadInput("the bone's mask is empty: label the bone, or segment it from a seed")
        bone = mask.with_array(_solid(filled), "mask")
        depth = depth_map(bone)
        step = number("frames.grid_mm") if step_mm is None else step_mm
        corners = depth.positions_mm(np.argwhere(depth.array < 0))
        low = np.floor(np.round((corners.min(axis=0) - MARGIN_MM) / step, 6)) * step
        high = np.ceil(np.round((corners.max(axis=0) + MARGIN_MM) / step, 6)) * step
        patient = BoneFrame(np.zeros(3), np.eye(3))
        grid = Aligned.of(depth, patient, low, high, step)
        voxel = float(mask.spacing_mm.max())
        # half a voxel of smoothing turns the stairs of a mask into a surface with normals; it moves a sphere
        # of radius R by about sigma^2 / R, a tenth of a millimetre on a femoral head at 3 mm voxels
        smooth = ndimage.gaussian_filter(np.clip(grid.depth, -CLIP_MM, CLIP_MM), SMOOTH * voxel / step)
        return cls(replace(grid, depth=smooth.astype(np.float32)), bone, voxel)

    @cached_property
    def inside_mm(self) -> F64:
        """(n, 3) LPS positions of the grid's voxels in bone [mm]."""
        return self.positions_mm(np.argwhere(self.grid.depth < 0))

    @cached_property
    def _skin(self) -> tuple[F64, F64]:
        near = np.argwhere(np.abs(self.grid.depth) < 0.6 * self.grid.step)
        near = near[((near > 0) & (near < np.array(self.grid.depth.shape) - 1)).all(axis=1)]
        slope = np.empty((len(near), 3))
        for a in range(3):
            hop = np.eye(3, dtype=int)[a]
            slope[:, a] = self.grid.depth[tuple((near + hop).T)] - self.grid.depth[tuple((near - hop).T)]
        length = np.linalg.norm(slope, axis=1)
        good = length > 0.5 * self.grid.step
        near, normal = near[good], slope[good] / length[good, None]
        on = self.positions_mm(near) - self.grid.depth[tuple(near.T)][:, None] * normal
        true = ~self.beyond(on + CUT * self.source.spacing_mm.max() * normal)
        return on[true], normal[true]

    @property
    def surface_mm(self) -> F64:
        """(n, 3) LPS points on the surface [mm]; where the scan's edge cuts the bone there is none."""
        return self._skin[0]

    @property
    def normals(self) -> F64:
        """(n, 3) outward unit normals at ``surface_mm``."""
        return self._skin[1]

    def positions_mm(self, indices: npt.ArrayLike) -> F64:
        """(..., 3) grid indices -> LPS [mm]."""
        return np.asarray(indices, dtype=np.float64) * self.grid.step + self.grid.low

    def depth_at(self, points_mm: F64) -> F64:
        """(...,) signed distance [mm] at (..., 3) LPS points."""
        at = (points_mm - self.grid.low) / self.grid.step
        flat = np.moveaxis(at, -1, 0)
        found: F64 = ndimage.map_coordinates(self.grid.depth, flat, order=1, mode="nearest")
        return found.astype(np.float64)

    def beyond(self, points_mm: F64) -> Mask:
        """(n,) True where a point lies outside the image that the mask came on: nothing is known there."""
        at = self.source.indices(points_mm)
        outside: Mask = np.any((at < -0.5) | (at > np.array(self.source.shape) - 0.5), axis=-1)
        return outside

    def cut_at(self, point_mm: F64, within_mm: float) -> bool:
        """True where the scan's edge cuts the bone within that distance of a point."""
        return bool(len(self.cut_mm) and np.linalg.norm(self.cut_mm - point_mm, axis=1).min() <= within_mm)

    @cached_property
    def cut_mm(self) -> F64:
        """(n, 3) LPS centres of the bone's voxels in the outermost layer of the mask's image [mm]."""
        at = np.argwhere(self.source.array)
        edge = ((at == 0) | (at == np.array(self.source.shape) - 1)).any(axis=1)
        return self.source.positions_mm(at[edge])

    def section(self, point_mm: F64, normal: F64, reach_mm: float) -> BoneCut | None:
        """The piece of bone around a point in the plane through it; None where the point is not in bone."""
        u, v = across(normal)
        n = int(np.ceil(reach_mm / SECTION_MM))
        ticks = SECTION_MM * np.arange(-n, n + 1)
        plane = point_mm + ticks[:, None, None] * u + ticks[None, :, None] * v
        names, _ = ndimage.label(self.depth_at(plane) < 0)
        here = names[n, n]
        if here == 0:
            return None
        piece = names == here
        border = bool(piece[0].any() or piece[-1].any() or piece[:, 0].any() or piece[:, -1].any())
        # sub-pixel share of the outline, so that area and centroid do not jump by whole pixels
        share = np.clip(0.5 - self.depth_at(plane) / SECTION_MM, 0.0, 1.0) * ndimage.binary_dilation(piece)
        centroid = (share[..., None] * plane).sum(axis=(0, 1)) / share.sum()
        lost = self.beyond(plane[piece]).any()
        return BoneCut(float(share.sum()) * SECTION_MM**2, centroid, border or bool(lost))


MARGIN_MM = 6.0  # of the grid around the bone
CLIP_MM = 40.0  # greatest depth that matters
SMOOTH = 0.5  # of a voxel: sd of the smoothing
CUT = 0.75  # of a voxel outward: a surface point this close to the image's edge is the cut, not bone's end
SECTION_MM = 1.0  # pixel of a section


def _solid(mask: Mask) -> Mask:
    """The largest piece, pores and speckle of a threshold closed: frames ask for the outer surface only."""
    _, count = ndimage.label(mask)
    if count > 1:
        mask = largest_piece(mask)
    filled: Mask = ndimage.binary_fill_holes(mask)
    return filled
