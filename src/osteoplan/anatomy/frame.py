"""Axes of a vertebra from its mask.

1. The vertebral body holds the deepest point of the mask; the arch, seen from there, tells *posterior*.
   Where the canal in the ring tells otherwise (``facing``: in the neck), it is the canal that counts.
2. The mirror plane of the mask tells *left*: the reflection of the bone should be the bone.
3. The endplates tell *superior*: the mean of both planes, turned within the mirror plane.

Patient space says which way is up and which way is left, so index order and handedness of the grid do not
matter.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, optimize

from osteoplan.anatomy.aligned import Aligned
from osteoplan.anatomy.facing import Facing, facing
from osteoplan.anatomy.pieces import largest_piece
from osteoplan.arrays import F32, F64
from osteoplan.kernels.vectors import square, unit
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["exits", "vertebra_frame"]

DEEP = 0.7  # of the greatest depth: the core of the body
REACH = 1.15  # times the greatest depth: the part of the endplates that is looked at
SAMPLES = 4000  # voxels that vote on the mirror plane
CLIP_MM = 6.0  # distances beyond it say nothing more about a mirror
STEP_MM = 1.0
TURNS = 8  # of the endplate fit; it settles in three or four
SETTLED = np.tan(np.radians(0.1))


def vertebra_frame(depth: Volume, *, up: F64 | None = None) -> BoneFrame:
    """Axes of a vertebra; the origin is the centre of the body's core.

    Args:
        depth: signed distance to the vertebra's surface [mm], negative inside (``aligned.depth_map``).
        up: rough superior direction, e.g. from the vertebra below to the one above; default the patient's.
    """
    superior = unit(np.array([0.0, 0.0, 1.0]) if up is None else up)
    bone_mm = depth.positions_mm(np.argwhere(depth.array < 0))
    origin, deepest = _body_core(depth, None)
    posterior = square(bone_mm.mean(axis=0) - origin, superior)
    faces = facing(depth, superior)
    if faces is not None and not faces.agrees(origin, posterior):
        origin, deepest = _body_core(depth, faces)
        posterior = square(faces.canal_mm - origin, superior)
    left = np.cross(posterior, superior)
    left = _mirror_normal(depth, bone_mm, BoneFrame(origin, np.stack([left, posterior, superior])))
    reach = REACH * deepest
    for _ in range(TURNS):
        superior = square(superior, left)
        frame = BoneFrame(origin, np.stack([left, np.cross(superior, left), superior]))
        slope = _endplate_slope(depth, frame, reach)
        superior = superior - slope * frame.posterior
        if abs(slope) < SETTLED:
            break
    superior = square(superior, left)
    return BoneFrame(origin, np.stack([left, np.cross(superior, left), superior]))


def _body_core(depth: Volume, faces: Facing | None) -> tuple[F64, float]:
    """(3,) centre of the body's core [LPS mm], and how deep its deepest place lies [mm].

    The body lies on its side of the canal; where that is not asked, it is the deepest part of the bone.
    """
    bone = np.argwhere(depth.array < 0)
    if faces is not None:
        bone = bone[faces.in_front(depth.positions_mm(bone))]
    deepest = -float(depth.array[tuple(bone.T)].min())
    core = np.zeros(depth.shape, dtype=bool)
    core[tuple(bone[depth.array[tuple(bone.T)] < -DEEP * deepest].T)] = True
    return depth.positions_mm(np.argwhere(largest_piece(core))).mean(axis=0), deepest


def _mirror_normal(depth: Volume, bone_mm: F64, guess: BoneFrame) -> F64:
    """Unit normal n, to the left, of the plane n.x = c that best maps the bone onto itself.

    Least squares of depth(x) - depth(x - 2 (n.x - c) n) over voxels of the bone, from the guess on.
    """
    points = bone_mm[:: max(1, len(bone_mm) // SAMPLES)] - guess.origin_mm
    clipped = np.clip(depth.array, -CLIP_MM, CLIP_MM)
    here = _sample(depth, clipped, points + guess.origin_mm)

    def misfit(plane: F64) -> float:
        normal = unit(guess.left + plane[0] * guess.posterior + plane[1] * guess.superior)
        mirrored = points - 2.0 * (points @ normal - 10.0 * plane[2])[:, None] * normal
        there = _sample(depth, clipped, mirrored + guess.origin_mm)
        return float(((here - there) ** 2).mean())

    start = np.vstack([np.zeros(3), 0.15 * np.eye(3)])
    best = optimize.minimize(
        misfit,
        start[0],
        method="Nelder-Mead",
        options={"initial_simplex": start, "xatol": 1e-3, "fatol": 1e-4},
    )
    return unit(guess.left + best.x[0] * guess.posterior + best.x[1] * guess.superior)


def _sample(grid: Volume, values: F32, positions_mm: F64) -> F64:
    found: F64 = ndimage.map_coordinates(values, grid.indices(positions_mm).T, order=1, mode="nearest")
    return found.astype(np.float64)


def _endplate_slope(depth: Volume, frame: BoneFrame, reach: float) -> float:
    """Rise per mm to posterior, mean of both endplates, over the middle of the body (within ``reach``)."""
    tall = 3.0 * reach
    bone = Aligned.of(depth, frame, [-reach, -reach, -tall], [reach, reach, tall], STEP_MM)
    middle = bone.nearest(2, 0.0)
    above = _slope(exits(bone.depth[:, :, middle:]), bone.axis(1))
    below = _slope(exits(bone.depth[:, :, middle::-1]), bone.axis(1))
    return 0.5 * STEP_MM * (above - below)


def exits(depth: F32) -> F64:
    """Voxels along the last axis until a line leaves the bone that it starts in; nan if it does not."""
    out = depth >= 0
    first = np.argmax(out, axis=-1)
    usable = out.any(axis=-1) & (first > 0)
    after = np.take_along_axis(depth, first[..., None], axis=-1)[..., 0]
    before = np.take_along_axis(depth, np.maximum(first - 1, 0)[..., None], axis=-1)[..., 0]
    step = np.where(usable, after - before, 1.0)
    return np.where(usable, first - after / step, np.nan)


def _slope(height: F64, posterior_mm: F64) -> float:
    """Median, over pairs of columns, of the rise to posterior; 0 where too little of the endplate is seen."""
    profile = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in height.T]
    i, j = np.triu_indices(len(profile), k=len(profile) // 3)
    rises = (np.asarray(profile)[j] - np.asarray(profile)[i]) / (posterior_mm[j] - posterior_mm[i])
    rises = rises[np.isfinite(rises)]
    return float(np.median(rises)) if len(rises) > 2 else 0.0
