"""Pathological compression of a vertebra: the image, its labels and masks, with the spine above let down.

In the vertebra's frame, s superior and p posterior, with its endplates near s0 and s1 and its walls at
p_front and p_back, material at x moves to y:

    y = x + tau(s) D(x),   tau = (s - s0) / (s1 - s0),  cut to 0..1

    crush   D = -c (s1 - s0) along s                                   c: share of height lost
    wedge   D = (R - 1)(x - h), R turning forward about the left axis through h = (p_back, s1) by
            sin(angle) = c (s1 - s0) / (p_back - p_front)

Below s0 nothing moves; above s1 everything moves rigidly, so neighbours keep their shape and discs their
height.  Tissue far in front of the wall (beyond _FOLD_MM) only follows down, as a fold would.  The image at y
is read at x, which a fixed point finds (tau D contracts: c < 1).  What comes from above the scan repeats its
last slice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.anatomy.simulate.recipe import Collapse
from osteoplan.arrays import F64, Array
from osteoplan.errors import BadInput, LesionError
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["Compression", "compression"]

_FOLD_MM = 50.0  # before the posterior wall: within it the turn is rigid
_STEPS = 30  # of the fixed point, at most
_SETTLED_MM = 0.02
_CORE_MM = 6.0  # half width of the column in which endplates and walls are looked for


@dataclass(frozen=True, eq=False)
class Compression:
    """A collapse, as a map of space.

    Attributes:
        frame: of the vertebra.
        floor, ceiling: heights s0 and s1 of the endplates [mm].
        front, back: walls of the body p_front and p_back [mm].
    """

    frame: BoneFrame
    kind: str
    share: float
    floor: float
    ceiling: float
    front: float
    back: float

    @property
    def height_mm(self) -> float:
        """Height of the body before."""
        return self.ceiling - self.floor

    @property
    def angle_rad(self) -> float:
        """Turn of what lies above; 0 for a crush."""
        if self.kind == "crush":
            return 0.0
        return float(np.arcsin(min(0.9, self.share * self.height_mm / (self.back - self.front))))

    def loss_mm(self, posterior: float) -> float:
        """Height lost at a posterior coordinate of the body."""
        if self.kind == "crush":
            return self.share * self.height_mm
        return float((self.back - posterior) * np.sin(self.angle_rad))

    def _shift(self, local: F64) -> F64:
        """tau D at (..., 3) bone coordinates [mm]."""
        tau = np.clip((local[..., 2] - self.floor) / self.height_mm, 0.0, 1.0)
        shift = np.zeros_like(local)
        if self.kind == "crush":
            shift[..., 2] = -self.share * self.height_mm * tau
            return shift
        c, s = np.cos(self.angle_rad), np.sin(self.angle_rad)
        p = np.clip(local[..., 1] - self.back, -_FOLD_MM, _FOLD_MM)
        above = np.maximum(local[..., 2] - self.ceiling, 0.0)
        # forward: up goes to the front (-p), the front goes down
        shift[..., 1] = tau * ((c - 1.0) * p - s * above)
        shift[..., 2] = tau * (s * p + (c - 1.0) * above)
        return shift

    def forward_mm(self, positions_mm: npt.ArrayLike) -> F64:
        """Where (..., 3) LPS positions go."""
        local = self.frame.local(positions_mm)
        return self.frame.world(local + self._shift(local))

    def backward_mm(self, positions_mm: npt.ArrayLike) -> F64:
        """Where (..., 3) LPS positions come from."""
        local = self.frame.local(positions_mm)
        if self.kind == "crush":
            found = local.copy()
            kept = 1.0 - self.share
            above = local[..., 2] - self.floor
            found[..., 2] += np.where(
                above > kept * self.height_mm,
                self.share * self.height_mm,
                np.maximum(above, 0.0) * (1.0 / kept - 1.0),
            )
            return self.frame.world(found)
        found = local
        for _ in range(_STEPS):
            before, found = found, local - self._shift(found)
            if np.abs(found - before).max() < _SETTLED_MM:
                break
        return self.frame.world(found)

    def apply(self, *images: Volume) -> tuple[Volume, ...]:
        """Images of one grid after the collapse: linear, or the nearest voxel for labels and masks."""
        grid, made = images[0], [image.array.copy() for image in images]
        k = np.moveaxis(np.indices((1, *grid.shape[1:])), 0, -1).astype(np.float64)
        for i in range(grid.shape[0]):  # slab by slab: a whole scan of positions would not fit
            k[..., 0] = i
            here = grid.positions_mm(k[0])
            moved = (here - self.frame.origin_mm) @ self.frame.superior > self.floor
            if not moved.any():
                continue
            at = grid.indices(self.backward_mm(here[moved])).T
            for image, array in zip(images, made, strict=True):
                array[i][moved] = _read(image, at)
        return tuple(image.with_array(array) for image, array in zip(images, made, strict=True))


def _read(image: Volume, at: F64) -> Array:
    """Values at (3, n) indices, in the image's own type."""
    kept = image.array.dtype
    if image.meaning in ("label", "mask"):
        source = image.array.astype(np.uint8) if kept == np.bool_ else image.array
        nearest: Array = ndimage.map_coordinates(source, at, order=0, mode="nearest").astype(kept)
        return nearest
    values = ndimage.map_coordinates(image.array, at, order=1, mode="nearest", output=np.float64)
    read: Array = (np.rint(values) if np.issubdtype(kept, np.integer) else values).astype(kept)
    return read


def compression(bone: Volume, frame: BoneFrame, collapse: Collapse) -> Compression:
    """The map of a collapse of this vertebra, by the walls and endplates of its mask.

    Raises:
        BadInput: the frame is not a vertebra's.
        LesionError: no body is found around the frame's origin.
    """
    if frame.kind != "vertebra":
        raise BadInput(f"a {frame.kind} does not lose height: a collapse is for a vertebra")
    local = frame.local(bone.positions_mm(np.argwhere(bone.array)))
    half = 0.5 * float(np.abs(frame.axes[2] @ bone.direction) @ bone.spacing_mm)
    core = local[(np.abs(local[:, :2]) < _CORE_MM).all(axis=1)]
    deep = 0.5 * float(np.abs(frame.axes[1] @ bone.direction) @ bone.spacing_mm)
    belt = local[(np.abs(local[:, 2]) < 4.0) & (np.abs(local[:, 0]) < _CORE_MM)]
    if len(core) < 20 or len(belt) < 20:
        raise LesionError("no vertebral body lies around the frame's origin: give the bone's own frame")
    floor, ceiling = (_run(core[:, 2], sign) for sign in (-1.0, 1.0))
    front, back = (_run(belt[:, 1], sign) for sign in (-1.0, 1.0))
    return Compression(
        frame, collapse.kind, collapse.pct / 100.0, floor - half, ceiling + half, front - deep, back + deep
    )


def _run(values: F64, sign: float) -> float:
    """End of the unbroken run of values from 0 on, towards one sign."""
    ordered = np.sort(sign * values[sign * values >= 0.0])
    if len(ordered) == 0:
        return 0.0
    breaks = np.flatnonzero(np.diff(ordered) > 3.0)
    return float(sign * ordered[breaks[0] if len(breaks) else -1])
