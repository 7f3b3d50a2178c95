"""A bone on a grid along its own axes, where "above" and "behind" are array directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F32, F64
from osteoplan.boxes import around
from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.resample import gather_linear
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["Aligned", "depth_map"]

MARGIN_MM = 8.0  # kept around a mask, so that its surface is well inside the grid


@dataclass(frozen=True, eq=False)
class Aligned:
    """Signed distance to a bone's surface on the bone's own grid, indices (left, posterior, superior).

    Attributes:
        frame: axes and origin.
        depth: (nl, np, ns) signed distance [mm], negative in bone.
        low: (3,) bone coordinates of voxel (0, 0, 0) [mm].
        step: voxel edge [mm].
    """

    frame: BoneFrame
    depth: F32
    low: F64
    step: float

    @classmethod
    def of(
        cls, depth: Volume, frame: BoneFrame, low: npt.ArrayLike, high: npt.ArrayLike, step: float
    ) -> Aligned:
        """Resample a signed distance map onto the box low..high [mm] of the bone's axes."""
        start = np.asarray(low, dtype=np.float64)
        counts = np.maximum(np.ceil((np.asarray(high) - start) / step).astype(int) + 1, 2)
        shape = (int(counts[0]), int(counts[1]), int(counts[2]))
        onto = _affine(frame, start, step)
        far = float(np.abs(depth.array).max())
        return cls(frame, gather_linear(depth.array, depth.affine, onto, shape, outside=far), start, step)

    @property
    def affine(self) -> F64:
        """(4, 4) index -> LPS [mm]."""
        return _affine(self.frame, self.low, self.step)

    def axis(self, a: int) -> F64:
        """Bone coordinates [mm] of the voxel centres along one axis."""
        along: F64 = self.low[a] + self.step * np.arange(self.depth.shape[a])
        return along

    def nearest(self, a: int, value_mm: float) -> int:
        """Index of the voxel nearest to a bone coordinate."""
        return int(np.clip(round((value_mm - self.low[a]) / self.step), 0, self.depth.shape[a] - 1))


def _affine(frame: BoneFrame, low: F64, step: float) -> F64:
    affine = np.eye(4)
    affine[:3, :3] = frame.axes.T * step
    affine[:3, 3] = frame.world(low)
    return affine


def depth_map(mask: Volume) -> Volume:
    """Signed distance [mm] of a mask, negative inside, on a crop that leaves a margin around it."""
    near = mask.on(around(mask.array, np.ceil(MARGIN_MM / mask.spacing_mm).astype(int)))
    return near.with_array(signed_distance(near.array, near.spacing_mm), "mm")
