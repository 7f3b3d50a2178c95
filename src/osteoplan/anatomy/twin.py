"""The intact twin of a lesioned bone from another bone of the same patient: the other side, or a neighbour.

    z = F.local(x),  mirrored left to right for the other side     F, G  frames of the bone and of its twin
    y = G.world(scale R z + t)                                     R, t  (and a scale between levels) fitted
                                                                   to lay the surfaces on each other
    y <- y + (d(x) - p(y)) grad p                                  d, p  depth below either surface

The last step reads the twin at the depth that the voxel has in its own bone, so shell is filled with shell
where the surfaces do not match.  Only the lesion's part of the bone is replaced.
Tests: tests/unit/test_twin.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, optimize
from scipy.spatial.transform import Rotation

from osteoplan.anatomy.neighbours import frames_on_scan
from osteoplan.anatomy.target import TargetBone, neighbours, without_crumbs
from osteoplan.anatomy.vertebra import read_vertebra
from osteoplan.arrays import F32, F64, Mask
from osteoplan.boxes import around
from osteoplan.errors import BadInput
from osteoplan.kernels.distance import signed_distance
from osteoplan.knowledge.sites import label_of, side_of, thoracolumbar_spine
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.case import Case
from osteoplan.model.volume import Volume

__all__ = ["from_neighbour", "from_other_side"]

MARGIN_MM = 20.0  # around a bone, so that the distance to it is known there
SAMPLES = 3000  # surface voxels that vote on the fit
CLIP_MM = 6.0  # distances beyond it say nothing more
MIRROR = np.array([-1.0, 1.0, 1.0])


def from_other_side(
    case: Case, target: TargetBone, frame: BoneFrame, image: Volume, bone: Mask, lesion: Mask
) -> tuple[Volume, str]:
    """The image with the lesion filled from the same bone of the other side, and how, in words.

    Args:
        frame: of the bone; image, bone, lesion: on the crop.

    Raises:
        BadInput: the bone has no other side, or it is not labelled, not whole here, lesioned, or unlike.
    """
    side = side_of(target.bone)
    if side is None:
        raise _refused(f"{target.bone} has no other side")
    other = target.bone.removesuffix(side) + ("right" if side == "left" else "left")
    label = label_of(other)
    if not target.labels.has(label):
        raise _refused(f"{label} is not labelled on this scan")
    _require_healthy(case, other)
    frames = frames_on_scan(other, target.labels)
    if frame.kind not in frames:
        raise _refused(f"no frame of the {frame.kind.replace('_', ' ')} was found on {other}")
    near = target.labels.near(label, MARGIN_MM)
    near = near.with_array(without_crumbs(near.array, label)[0], "mask")
    twin = _Twin(near, frames[frame.kind], MIRROR, scaled=False)
    array, residual = twin.filled(case.ct, image, frame, bone, lesion, name=other)
    words = f"{'right' if side == 'left' else 'left'} {other.rpartition('_')[0]}"
    return image.with_array(array), (
        f"lesion filled from the {words}, mirrored by its frame (surfaces {residual:.1f} mm apart, median)"
    )


def from_neighbour(
    case: Case, target: TargetBone, frame: BoneFrame, image: Volume, bone: Mask, lesion: Mask, up: F64 | None
) -> tuple[Volume, str]:
    """The image with the lesion filled from the vertebra below, or else the one above, and how, in words.

    Raises:
        BadInput: no vertebra, or neither neighbour is whole, without a lesion and like it.
    """
    if not target.is_vertebra:
        raise _refused(f"{target.bone} has no neighbour level")
    spine = thoracolumbar_spine()
    levels = spine.neighbours(spine.level(target.bone), target.labels)
    said = []
    for level, mask in reversed(list(zip(levels, neighbours(target), strict=True))):
        try:
            if level is None or mask is None:
                raise _refused(f"{level or 'no level'} is not whole on this scan")
            _require_healthy(case, spine.bone_prefix + level)
            near = _with_room(mask)
            twin = _Twin(near, read_vertebra(near, up=up).frame, np.ones(3), scaled=True)
            array, residual = twin.filled(case.ct, image, frame, bone, lesion, name=level)
        except BadInput as why:
            said.append(str(why).partition(": choose")[0])
            continue
        return image.with_array(array), (
            f"lesion filled from the neighbour level {level} (surfaces {residual:.1f} mm apart, median)"
        )
    raise _refused("; ".join(said))


@dataclass(frozen=True, eq=False)
class _Twin:
    """Another bone: its mask with room around it, its frame, and how it maps (mirrored, scaled)."""

    mask: Volume
    frame: BoneFrame
    flip: F64
    scaled: bool

    def filled(
        self, ct: Volume, image: Volume, frame: BoneFrame, bone: Mask, lesion: Mask, *, name: str
    ) -> tuple[npt.NDArray[np.generic], float]:
        """(image values with the lesion filled, median distance of both surfaces [mm])."""
        inside = bone & lesion
        box = around(bone, np.ceil(MARGIN_MM / image.spacing_mm).astype(int))
        own = np.zeros(bone.shape, dtype=np.float32)
        own[box] = signed_distance(bone[box], image.spacing_mm)
        depth = signed_distance(self.mask.array, self.mask.spacing_mm).astype(np.float32)
        fit, residual = self._fitted(depth, image, frame, _surface(own, bone, lesion, image))
        if residual > number("vertebra.twin_residual_max_mm"):
            raise _refused(f"{name} is unlike it: surfaces are {residual:.1f} mm apart (median)")
        at = self._at_own_depth(depth, fit, frame, image.positions_mm(np.argwhere(inside)), own[inside])
        index = ct.indices(at)
        if ((index < 0) | (index > np.array(ct.shape) - 1)).any():
            raise _refused(f"{name} leaves the scan where the lesion's mirror image lies")
        values = ndimage.map_coordinates(ct.array, index.T, order=1, mode="nearest", output=np.float32)
        array = image.array.copy()
        array[inside] = values.astype(array.dtype)
        return array, residual

    def _mapped(self, fit: F64, frame: BoneFrame, at_mm: F64) -> F64:
        """(n, 3) places of the bone -> of the twin."""
        turn = Rotation.from_rotvec(fit[:3]).as_matrix()
        local = frame.local(at_mm) * self.flip
        return self.frame.world(np.exp(fit[6]) * local @ turn.T + fit[3:6])

    def _fitted(self, depth: F32, image: Volume, frame: BoneFrame, at: F64) -> tuple[F64, float]:
        """(turn, shift, log of the scale) that lay the bone's surface on the twin's; median distance [mm]."""
        count = 7 if self.scaled else 6
        clipped = np.clip(depth, -CLIP_MM, CLIP_MM)

        def distances(part: F64) -> F64:
            fit = np.zeros(7)
            fit[:count] = part
            return _sampled(clipped, self.mask, self._mapped(fit, frame, at))

        size = np.array([0.1] * 3 + [5.0] * 3 + [0.1])[:count]
        found = optimize.least_squares(distances, np.zeros(count), x_scale=size, loss="soft_l1", max_nfev=30)
        fit = np.zeros(7)
        fit[:count] = found.x
        return fit, float(np.median(np.abs(distances(found.x))))

    def _at_own_depth(
        self,
        depth: F32,
        fit: F64,
        frame: BoneFrame,
        at_mm: F64,
        own: F32,
    ) -> F64:
        """(n, 3) LPS in the twin, as deep below its surface as each place is below that of its own bone."""
        at = self._mapped(fit, frame, at_mm)
        slopes: list[F32] = list(np.gradient(depth, *self.mask.spacing_mm))
        along = self.mask.affine[:3, :3] / self.mask.spacing_mm
        for _ in range(2):
            grad = np.stack([_sampled(slope, self.mask, at) for slope in slopes], axis=1) @ along.T
            grad /= np.maximum(np.linalg.norm(grad, axis=1, keepdims=True), 0.5)
            at = at + (own - _sampled(depth, self.mask, at))[:, None] * grad
        return at


def _surface(own: F32, bone: Mask, lesion: Mask, image: Volume) -> F64:
    """(n, 3) LPS of voxels at the bone's surface, away from the lesion."""
    shell = bone & (own > -float(image.spacing_mm.max())) & ~ndimage.binary_dilation(lesion, iterations=2)
    at = image.positions_mm(np.argwhere(shell))
    if len(at) < SAMPLES // 10:
        raise _refused("too little of its surface lies away from the lesion")
    # half a voxel out: the surface runs between the outermost voxels and the next
    return at[:: max(1, len(at) // SAMPLES)]


def _sampled(array: F32, grid: Volume, at_mm: F64) -> F64:
    found: F64 = ndimage.map_coordinates(array, grid.indices(at_mm).T, order=1, mode="nearest")
    return found.astype(np.float64)


def _with_room(mask: Volume) -> Volume:
    """The mask on a crop with room around it."""
    return mask.on(around(mask.array, np.ceil(MARGIN_MM / mask.spacing_mm).astype(int)))


def _require_healthy(case: Case, bone: str) -> None:
    diseased = [lesion.id for lesion in case.lesions if lesion.bone == bone]
    if diseased:
        raise _refused(f"{bone} has a lesion itself ({', '.join(diseased)})")


def _refused(why: str) -> BadInput:
    return BadInput(
        f"the intact twin cannot be made as asked: {why}: choose another intact.from (infill, contralateral, "
        "neighbour, scan)"
    )
