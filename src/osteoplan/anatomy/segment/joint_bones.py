"""Hip bone, femur or humerus from a point: the head's ball tells the joint, watersheds part the bones there.

The joint space is a valley of CT numbers between two cortices.  Flooding starts from what is surely one bone:
the inside of the ball and the shaft below it, the socket's bone well outside of the ball, what lies about the
patient's middle.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from osteoplan.anatomy.flanks import flanks
from osteoplan.anatomy.laterality import shape_side
from osteoplan.anatomy.pieces import largest_piece
from osteoplan.anatomy.segment.bone_voxels import bone_voxels, closed
from osteoplan.anatomy.segment.checks import check_volume, touching
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
        middle_seen: False where the middle is that of a patient of usual width about this head.
    """

    grid: Volume
    bone: Mask
    lateral_mm: F64
    up_mm: F64
    middle_seen: bool


def grown_joint_bone(ct: Volume, bone: str, seed_mm: F64) -> Segmented:
    """Segment a hip bone, femur or humerus that holds (or is nearest to) a point.

    The side comes from the patient's flanks where they are seen, and from the bone's own shape.  Where
    neither tells, the bone is grown as named and a caution says so.

    Raises:
        BadInput: the point or the shape is of the other side, the point is far from such a bone, no head of
            a joint is seen, or what grew is too large.
    """
    side, seen = side_of(bone), flanks(ct, seed_mm)
    told = seen.side_of(float(seed_mm[0]))
    if told is not None and told != side:
        raise BadInput(f"{bone}: the point lies on the patient's {told}: correct the bone or the point")
    parted = _flooded(ct, bone, seed_mm, seen.middle_mm)
    unsure = () if told is not None else _by_shape(ct, parted, bone, seed_mm)
    mask = _on_scan(ct, parted.grid, _bone_at(parted, bone, seed_mm))
    return Segmented(
        mask, bone, (float(seed_mm[0]), float(seed_mm[1]), float(seed_mm[2])),
        f"grown from one point, parted at a joint whose ball has a radius of {parted.radius_mm:.0f} mm, "
        "without labels",
        (*unsure, *check_volume(ct.with_array(mask, "mask"), bone, bone.rpartition("_")[0]), *touching(mask)),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Parted:
    """Bones about a joint on a grid of 2 mm: 1 ball and shaft, 2 socket's bone, 3 about the middle."""

    grid: Volume
    owner: I32
    radius_mm: float
    made: dict[str, Mask] = field(default_factory=dict, init=False)

    def piece(self, stem: str) -> Mask:
        """The largest filled piece of one of the bones; empty where there is none."""
        if stem not in self.made:
            mine = self.owner == _FLOODED[stem]
            self.made[stem] = largest_piece(_filled(closed(mine, 3.0)) & ((self.owner == 0) | mine))
        return self.made[stem]


def _flooded(ct: Volume, bone: str, seed_mm: F64, middle_mm: float | None) -> _Parted:
    """The bones about the joint; the middle is the patient's, None where the scan does not show it.

    Without a middle the head is looked for near the point first, farther only where that gives no such bone.
    """
    stem, reach = bone.rpartition("_")[0], number("segment.head_beside_point_mm")
    for beside in (0.5 * reach, reach):
        scene, centre, radius = _head(_scene(ct, bone, stem, seed_mm, middle_mm), bone, stem, beside)
        parted = _Parted(scene.grid, _parted(scene, centre, radius, stem), radius)
        if middle_mm is not None or _away_mm(parted, bone, seed_mm) <= number("segment.seed_reach_mm"):
            break
    return parted


def _away_mm(parted: _Parted, bone: str, seed_mm: F64) -> float:
    """From the point to the bone; inf where there is none."""
    at = np.argwhere(parted.piece(bone.rpartition("_")[0]))
    return float(np.linalg.norm(parted.grid.positions_mm(at) - seed_mm, axis=1).min(initial=np.inf))


def _bone_at(parted: _Parted, bone: str, seed_mm: F64) -> Mask:
    """The bone that was pointed at, on the grid of 2 mm."""
    found = parted.piece(bone.rpartition("_")[0])
    if not found.any():
        raise BadInput(f"{bone}: no bone is seen beside the joint: point into it, or give a label map")
    away = _away_mm(parted, bone, seed_mm)
    if away > number("segment.seed_reach_mm"):
        raise BadInput(f"{bone}: the point is {away:.0f} mm from that bone: point into it")
    return found


def _by_shape(ct: Volume, parted: _Parted, bone: str, seed_mm: F64) -> tuple[str, ...]:
    """A caution where nothing told the side; the shape tells where only one of both sides agrees with itself.

    Raises:
        BadInput: only the other side does.
    """
    side = str(side_of(bone))
    other = "right" if side == "left" else "left"
    swapped = bone.removesuffix(side) + other
    try:
        otherwise = _fits(_flooded(ct, swapped, seed_mm, None), swapped)
    except BadInput:
        otherwise = False
    fits = _fits(parted, bone)
    if otherwise and not fits:
        raise BadInput(
            f"{bone}: the point lies on the patient's {other}, by the shape of the joint that grows from "
            "it (the scan does not show both flanks): correct the bone or the point"
        )
    if fits and not otherwise:
        return ()
    return (f"its side is not checkable on this scan: neither flanks nor shape tell it, {side} is as named",)


def _fits(parted: _Parted, bone: str) -> bool:
    """True where bones that were parted for one side have the shape of that side.

    A shaft that grew on the wrong side of its head looks like one of the other side; a hip bone does not.
    So the hip bone is asked first, and one sign alone tells nothing.
    """
    stem, _, side = bone.rpartition("_")
    for name in ("hemipelvis", "femur") if stem != "humerus" else ("humerus",):
        piece = parted.piece(name)
        if piece.any():
            shape = shape_side(f"{name}_{side}", parted.grid.with_array(piece, "mask"))
            if shape.sureness in ("sure", "contradictory"):
                return shape.side == side
    return False


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


def _scene(ct: Volume, bone: str, stem: str, seed_mm: F64, middle_mm: float | None) -> _Scene:
    reach = number(f"segment.{stem}_reach_mm")
    count = 2 * int(reach / STEP_MM) + 1
    affine = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
    affine[:3, 3] = seed_mm - reach
    values = gather_linear(ct.array, ct.affine, affine, (count, count, count), outside=-1024.0)
    smooth = ndimage.gaussian_filter(np.maximum(values, -1024.0), 0.5)
    grid = Volume(smooth, affine, "HU", ct.frame)
    sign = 1.0 if side_of(bone) == "left" else -1.0
    x = affine[0, 3] + STEP_MM * np.arange(count)
    # without a middle: the point itself for now, until the head is found
    lateral = sign * (x - (seed_mm[0] if middle_mm is None else middle_mm))
    up = affine[2, 3] + STEP_MM * np.arange(count)
    shape = smooth.shape
    return _Scene(
        grid, _with_marrow(bone_voxels(smooth, STEP_MM)),
        np.broadcast_to(lateral[:, None, None], shape), np.broadcast_to(up[None, None, :], shape),
        middle_mm is not None,
    )  # fmt: skip


def _with_marrow(bone: Mask) -> Mask:
    """Bone with what it encloses within an axial cut: the marrow of a shaft."""
    filled = bone.copy()
    for k in range(bone.shape[2]):
        if bone[:, :, k].any():
            filled[:, :, k] |= ndimage.binary_fill_holes(bone[:, :, k])
    return filled


def _head(scene: _Scene, bone: str, stem: str, beside_mm: float) -> tuple[_Scene, F64, float]:
    """Centre (LPS) and radius [mm] of the joint's ball, by votes of its surface; the scene with its middle.

    Where the middle is not seen, the head lies at most ``beside_mm`` to the left or right of the point.

    On the surface of a ball of bone the gradient points to the centre: every steep voxel votes for the places
    at a head's radii along its gradient, and the place with most votes is the centre.
    """
    hu = np.clip(scene.grid.array, -50.0, 400.0)
    steps = np.stack([ndimage.gaussian_filter1d(hu, 0.8, axis=a, order=1) for a in range(3)])
    steep = np.linalg.norm(steps, axis=0)
    low, high = number(f"segment.{stem}_lateral_min_mm"), number(f"segment.{stem}_lateral_max_mm")
    if not scene.middle_seen:
        low, high = -beside_mm, beside_mm
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
    found, radius = scene.grid.positions_mm(np.array(centre)), float((share * radii).sum() / share.sum())
    if scene.middle_seen:
        return scene, found, radius
    about = float(scene.lateral_mm[centre]) - number(f"segment.{stem}_from_middle_mm")
    return replace(scene, lateral_mm=scene.lateral_mm - about), found, radius


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
