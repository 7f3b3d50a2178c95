"""The outline of a long bone, section by section across its axis, and the cortex under every point of it.

Under a point of the outline the intact image is read along the inward normal.  Its cortex is the run around
the highest value that stays above half of that height (full width at half maximum).  With h = image - soft
tissue,

    lost = sum over the run in the lesion of (h_intact - h_now) / sum over the run of h_intact

is the share of the cortex's height times thickness that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.aligned import Aligned
from osteoplan.anatomy.measure.result import by_meaning, soft_tissue
from osteoplan.arrays import F32, F64, Mask
from osteoplan.boxes import Box, box_of, widened
from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.resample import gather_linear
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["LesionSections", "Outline", "sections"]

_BEYOND_MM = 5.0  # sections are cut this far beyond the lesion
_STEP_MM = 0.5  # along a normal
_SMOOTH = 0.6  # of the largest voxel edge: takes the stairs out of the outline


@dataclass(frozen=True, eq=False)
class Outline:
    """One closed outline of one section.

    Attributes:
        height_mm: along the axis, from the frame's origin.
        lengths_mm: (n,) lengths of its pieces.
        lost: (n,) share of the cortex lost under each piece, 0..1.
        cortex_mm: (n,) thickness of the intact cortex; nan where none is seen.
    """

    height_mm: float
    lengths_mm: F64
    lost: F64
    cortex_mm: F64


@dataclass(frozen=True, eq=False)
class LesionSections:
    """Sections through the lesion: outlines, and bone and lesion on the axis' own grid.

    Attributes:
        outlines: of all sections.
        grid: signed distance to the bone's surface, indices (left, posterior, superior).
        lesion: (nl, np, ns) lesion within the bone.
    """

    outlines: tuple[Outline, ...]
    grid: Aligned
    lesion: Mask


def sections(anatomy: Anatomy, frame: BoneFrame) -> LesionSections:
    """Sections at right angles to ``frame.superior``, over the lesion's length and a little beyond."""
    box, grid = _grid(anatomy, frame)
    near, soft = anatomy.image.on(box), soft_tissue(anatomy.image)
    lesion = anatomy.lesion_mask[box] & anatomy.bone_mask[box]
    read = _Read(
        near,
        grid,
        np.stack([np.gradient(grid.depth, axis=a) for a in range(3)]),
        anatomy.image_intact.array[box].astype(np.float32) - np.float32(soft),
        anatomy.image.array[box].astype(np.float32) - np.float32(soft),
        lesion.astype(np.float32),
        by_meaning(anatomy.image, "cortex_peak_min"),
    )
    shape = (grid.depth.shape[0], grid.depth.shape[1], grid.depth.shape[2])
    outlines = [
        _outline(read, line, k) for k in range(shape[2]) for line in _closed_lines(grid.depth[:, :, k])
    ]
    # Half of a blurred edge: the nearest voxel would widen the lesion by up to a voxel.
    on_grid = gather_linear(read.lesion, near.affine, grid.affine, shape, outside=0.0) >= 0.5
    return LesionSections(tuple(outlines), grid, on_grid)


@dataclass(frozen=True, eq=False)
class _Read:
    """What is read along a normal: heights above soft tissue and the lesion, on the image's crop ``near``."""

    near: Volume
    grid: Aligned
    slope: F32
    intact: F32
    now: F32
    lesion: F32
    least_peak: float


def _grid(anatomy: Anatomy, frame: BoneFrame) -> tuple[Box, Aligned]:
    """The image's box that holds the sections, and the bone on the axis' grid."""
    image = anatomy.image
    lesion = frame.local(image.positions_mm(np.argwhere(anatomy.lesion_mask & anatomy.bone_mask)))
    low_s, high_s = lesion[:, 2].min() - _BEYOND_MM, lesion[:, 2].max() + _BEYOND_MM
    indices = np.argwhere(anatomy.bone_mask)
    local = frame.local(image.positions_mm(indices))
    slab = (local[:, 2] >= low_s - _BEYOND_MM) & (local[:, 2] <= high_s + _BEYOND_MM)
    first, last = indices[slab].min(axis=0), indices[slab].max(axis=0) + 1
    margin = np.ceil(4.0 / image.spacing_mm).astype(int) + 1
    box = widened(box_of(first, last), margin, image.shape)
    depth = signed_distance(anatomy.bone_mask[box], image.spacing_mm)
    step = number("measure.section_step_mm")
    low = np.append(local[slab, :2].min(axis=0) - 4.0, low_s)
    high = np.append(local[slab, :2].max(axis=0) + 4.0, high_s)
    grid = Aligned.of(image.on(box).with_array(depth, "mm"), frame, low, high, step)
    smooth = _SMOOTH * float(image.spacing_mm.max()) / step
    depth = ndimage.gaussian_filter(_solid(grid.depth), smooth, mode="nearest")
    return box, Aligned(frame, depth, grid.low, step)


def _solid(depth: F32) -> F32:
    """The same with holes of each section filled: a marrow that the label leaves out has no outline."""
    solid = depth.copy()
    for k in range(depth.shape[2]):
        bone = depth[:, :, k] < 0
        holes = ndimage.binary_fill_holes(bone) & ~bone
        if holes.any():
            solid[:, :, k][holes] = -ndimage.distance_transform_edt(holes | bone)[holes]
    return solid


def _closed_lines(section: F32) -> list[F64]:
    """(n, 2) index points of every closed outline of bone."""
    from skimage.measure import find_contours

    lines = []
    for line in find_contours(section.astype(np.float64), 0.0):
        if np.allclose(line[0], line[-1]) and len(line) > 8:
            lines.append(line)
    return lines


def _outline(read: _Read, line: F64, k: int) -> Outline:
    """One outline and the cortex under it."""
    grid = read.grid
    middles, lengths = _even(line, grid.step)
    at = np.column_stack([middles, np.full(len(middles), float(k))])
    normal = np.stack([_along(s, at.T) for s in read.slope], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    t = np.arange(-_STEP_MM, number("measure.cortex_reach_mm") + 1e-6, _STEP_MM)
    local = (grid.low + grid.step * at)[:, None, :] - normal[:, None, :] * t[None, :, None]
    index = np.moveaxis(read.near.indices(grid.frame.world(local)), -1, 0)
    lost, thick = _lost(
        _along(read.intact, index),
        _along(read.now, index),
        _along(read.lesion, index) >= 0.5,
        read.least_peak,
    )
    return Outline(float(grid.low[2] + k * grid.step), lengths, lost, thick)


def _even(points: F64, step: float) -> tuple[F64, F64]:
    """Middles and lengths [mm] of equal pieces of a closed line, about one step long."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    count = max(round(float(along[-1])), 8)
    at = (np.arange(count) + 0.5) / count * along[-1]
    middles = np.column_stack([np.interp(at, along, points[:, a]) for a in range(2)])
    return middles, np.full(count, along[-1] / count * step)


def _along(array: F32, index: F64) -> F64:
    values: F64 = ndimage.map_coordinates(array, index, order=1, mode="nearest", output=np.float64)
    return values


def _lost(intact: F64, now: F64, inside: Mask, least_peak: float) -> tuple[F64, F64]:
    """Share lost and thickness of the cortex on each of n lines of m values."""
    peak_at = intact.argmax(axis=1)
    peak = intact.max(axis=1)
    m = intact.shape[1]
    place = np.arange(m)[None, :]
    low = intact < 0.5 * peak[:, None]
    before = np.where(low & (place < peak_at[:, None]), place, -1).max(axis=1)
    after = np.where(low & (place > peak_at[:, None]), place, m).min(axis=1)
    run = (place > before[:, None]) & (place < after[:, None])
    height = np.where(run, np.maximum(intact, 0.0), 0.0)
    gone = np.where(run & inside, intact - np.maximum(now, 0.0), 0.0).sum(axis=1)
    seen = peak >= least_peak
    lost = np.where(seen, np.clip(gone / np.maximum(height.sum(axis=1), 1e-6), 0.0, 1.0), 0.0)
    return lost, np.where(seen, run.sum(axis=1) * _STEP_MM, np.nan)
