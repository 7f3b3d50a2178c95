"""Hip bone, femur or humerus from a point: the head's ball tells the joint, watersheds part the bones there.

The joint space is a valley of CT numbers between two cortices.  Flooding starts from what is surely one bone:
the inside of the ball and the shaft below it, the socket's bone well outside of the ball, what lies about the
patient's middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from osteoplan.anatomy.segment.bone_voxels import bone_voxels, closed
from osteoplan.anatomy.segment.result import Segmented
from osteoplan.arrays import F32, F64, I32, Mask
from osteoplan.errors import BadInput
from osteoplan.kernels.resample import gather_linear
from osteoplan.knowledge.sites import side_of
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["grown_joint_bone"]

STEP_MM = 2.0
_BALL, _SOCKET, _MIDDLE = 1, 2, 3
_FLOODED = {"femur": _BALL, "humerus": _BALL, "hemipelvis": _SOCKET}


@dataclass(frozen=True, eq=False)
class _Scene:
    """Bone about the point, resampled along the patient's axes.

    Attributes:
        grid: smoothed HU, 2 mm.
        bone: with its marrow.
        lateral_mm, up_mm: (ni, nj, nk) away from the patient's middle towards the bone's side; upwards.
    """

    grid: Volume
    bone: Mask
    lateral_mm: F64
    up_mm: F64


def grown_joint_bone(ct: Volume, bone: str, seed_mm: F64) -> Segmented:
    """Segment a hip bone, femur or humerus that holds (or is nearest to) a point.

    Raises:
        BadInput: the point is on the other side, far from such a bone, or no head of a joint is seen.
    """
    stem = bone.rpartition("_")[0]
    scene = _scene(ct, bone, stem, seed_mm)
    centre, radius = _head(scene, bone, stem)
    flooded = _parted(scene, centre, radius, stem)
    mask = flooded == _FLOODED[stem]
    whole = _filled(closed(mask, 3.0)) & ((flooded == 0) | mask)
    names, count = ndimage.label(whole)
    if count == 0:
        raise BadInput(f"{bone}: no bone is seen beside the joint: point into it, or give a label map")
    at = np.argwhere(whole)
    gaps = np.linalg.norm(scene.grid.positions_mm(at) - seed_mm, axis=1)
    if gaps.min() > number("segment.seed_reach_mm"):
        raise BadInput(f"{bone}: the point is {gaps.min():.0f} mm from that bone: point into it")
    largest = names == np.bincount(names[whole]).argmax()
    found = _on_scan(ct, scene.grid, largest)
    edges = any(found.take(end, axis=axis).any() for axis in range(3) for end in (0, -1))
    return Segmented(
        found, bone, (float(seed_mm[0]), float(seed_mm[1]), float(seed_mm[2])),
        f"grown from one point, parted at a joint whose ball has a radius of {radius:.0f} mm, without labels",
        ("it touches the edge of the scan: it may be cut",) if edges else (),
    )  # fmt: skip


def _filled(bone: Mask) -> Mask:
    """One bone with what it encloses in two of three orthogonal cuts: an open end of a shaft stays open."""
    enclosed = np.zeros(bone.shape, dtype=np.int8)
    for axis in range(3):
        for k in range(bone.shape[axis]):
            cut: tuple[slice | int, ...] = tuple(k if a == axis else slice(None) for a in range(3))
            if bone[cut].any():
                enclosed[cut] += ndimage.binary_fill_holes(bone[cut])
    filled: Mask = bone | (enclosed >= 2)
    whole: Mask = ndimage.binary_fill_holes(filled)
    return whole


def _scene(ct: Volume, bone: str, stem: str, seed_mm: F64) -> _Scene:
    reach = number(f"segment.{stem}_reach_mm")
    count = 2 * int(reach / STEP_MM) + 1
    affine = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
    affine[:3, 3] = seed_mm - reach
    values = gather_linear(ct.array, ct.affine, affine, (count, count, count), outside=-1024.0)
    smooth = ndimage.gaussian_filter(np.maximum(values, -1024.0), 0.5)
    grid = Volume(smooth, affine, "HU", ct.frame)
    middle = _middle_mm(ct, seed_mm)
    sign = 1.0 if side_of(bone) == "left" else -1.0
    lateral = sign * (affine[0, 3] + STEP_MM * np.arange(count) - middle)
    if sign * (seed_mm[0] - middle) < 0:
        other = "right" if sign > 0 else "left"
        raise BadInput(f"{bone}: the point lies on the patient's {other}: correct the bone or the point")
    up = affine[2, 3] + STEP_MM * np.arange(count)
    shape = smooth.shape
    return _Scene(
        grid, _with_marrow(bone_voxels(smooth, STEP_MM)),
        np.broadcast_to(lateral[:, None, None], shape), np.broadcast_to(up[None, None, :], shape),
    )  # fmt: skip


def _middle_mm(ct: Volume, seed_mm: F64) -> float:
    """x of the patient's middle at the point's height: half-way between both flanks."""
    axial = int(np.argmax(np.abs(ct.direction[2])))
    at = int(np.clip(round(float(ct.indices(seed_mm)[axial])), 0, ct.shape[axial] - 1))
    solid = np.take(ct.array, at, axis=axial) > number("vertebra.skin_threshold_HU")
    solid = ndimage.binary_opening(solid, iterations=3)
    names, count = ndimage.label(solid)
    if count == 0:
        raise BadInput("no patient is seen around the point: is it in LPS mm?")
    body = np.argwhere(names == 1 + np.bincount(names[names > 0])[1:].argmax())
    indices = np.insert(body.astype(np.float64), axial, at, axis=1)
    x = ct.positions_mm(indices)[:, 0]
    return float(0.5 * (x.min() + x.max()))


def _with_marrow(bone: Mask) -> Mask:
    """Bone with what it encloses within an axial cut: the marrow of a shaft."""
    filled = bone.copy()
    for k in range(bone.shape[2]):
        if bone[:, :, k].any():
            filled[:, :, k] |= ndimage.binary_fill_holes(bone[:, :, k])
    return filled


def _head(scene: _Scene, bone: str, stem: str) -> tuple[F64, float]:
    """Centre (LPS) and radius [mm] of the joint's ball, by votes of its surface.

    On the surface of a ball of bone the gradient points to the centre: every steep voxel votes for the places
    at a head's radii along its gradient, and the place with most votes is the centre.
    """
    hu = np.clip(scene.grid.array, -50.0, 400.0)
    steps = np.stack([ndimage.gaussian_filter1d(hu, 0.8, axis=a, order=1) for a in range(3)])
    steep = np.linalg.norm(steps, axis=0)
    low, high = number(f"segment.{stem}_lateral_min_mm"), number(f"segment.{stem}_lateral_max_mm")
    wide = number("segment.ball_radius_max_mm")
    voters = (steep > 40.0) & (scene.lateral_mm > low - wide) & (scene.lateral_mm < high + wide)
    at = np.argwhere(voters)
    toward = (steps[:, voters] / steep[voters]).T
    radii = np.arange(number("segment.ball_radius_min_mm"), wide + 0.1, STEP_MM)
    votes = np.stack([_votes(at + radius / STEP_MM * toward, hu.shape) for radius in radii])
    beside = (scene.lateral_mm > low) & (scene.lateral_mm < high)
    votes *= beside
    together = votes.sum(axis=0)
    if together.max() <= 0:
        raise BadInput(f"{bone}: no head of a joint is seen around the point: give a label map")
    centre = np.unravel_index(int(together.argmax()), together.shape)
    share = votes[:, centre[0], centre[1], centre[2]]
    return scene.grid.positions_mm(np.array(centre)), float((share * radii).sum() / share.sum())


def _votes(places: F64, shape: tuple[int, ...]) -> F32:
    """How many of (n, 3) places fall on every voxel, spread over neighbours."""
    nearest = np.rint(places).astype(np.intp)
    inside = ((nearest >= 0) & (nearest < shape)).all(axis=1)
    count = np.zeros(shape, dtype=np.float32)
    np.add.at(count, tuple(nearest[inside].T), 1.0)
    spread: F32 = ndimage.gaussian_filter(count, 1.2)
    return spread


def _parted(scene: _Scene, centre: F64, radius: float, stem: str) -> I32:
    """1 ball and shaft, 2 socket's bone, 3 what lies about the middle."""
    i, j, k = np.indices(scene.bone.shape, dtype=np.float32)
    x, y, z = (scene.grid.affine[a, 3] + STEP_MM * n - centre[a] for a, n in enumerate((i, j, k)))
    away = np.sqrt(x * x + y * y + z * z)
    ball_lateral = float(np.interp(centre[0], *_sorted(scene)))
    outward = scene.lateral_mm - ball_lateral
    sure = np.zeros(scene.bone.shape, dtype=np.int8)
    beyond = away > 1.35 * radius
    if stem != "humerus":
        sure[beyond & (z > 0.9 * radius) & (scene.lateral_mm > 55.0)] = _SOCKET
    sure[beyond & (outward < -1.1 * radius) & (z < 0.9 * radius)] = _SOCKET
    if stem != "humerus":
        sure[beyond & (z < -0.6 * radius) & (outward < -0.35 * radius) & (y > -0.2 * radius)] = _SOCKET
        spine = (scene.lateral_mm < number("segment.sacrum_half_width_mm")) | (
            (z > 2.2 * radius) & (scene.lateral_mm < 38.0)
        )
        sure[spine] = _MIDDLE
        low_medial = (z < 0.3 * radius) & (scene.lateral_mm > 3.0) & (outward < -1.1 * radius)
        sure[low_medial] = _SOCKET
        sure[(z < 0.3 * radius) & (scene.lateral_mm < -3.0)] = _MIDDLE
    sure[away < 0.8 * radius] = _BALL
    sure[(outward > 0.5 * radius) & (z < 0.3 * radius) & (away > 1.2 * radius)] = _BALL
    sure[(z < -1.6 * radius) & (outward > -0.2 * radius)] = _BALL
    sure[~scene.bone] = 0
    parted: I32 = watershed(-scene.grid.array, sure, mask=scene.bone)
    return parted


def _sorted(scene: _Scene) -> tuple[F64, F64]:
    """x of the grid's columns, ascending, and how far lateral each lies."""
    x = scene.grid.affine[0, 3] + STEP_MM * np.arange(scene.bone.shape[0])
    return x, np.asarray(scene.lateral_mm[:, 0, 0], dtype=np.float64)


def _on_scan(ct: Volume, grid: Volume, mask: Mask) -> Mask:
    """The mask on the scan's own grid, and bone there that the coarse grid smoothed away at its rim."""
    share = gather_linear(mask.astype(np.float32), grid.affine, ct.affine, ct.shape, outside=0.0)
    return share > 0.5
