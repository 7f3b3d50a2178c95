"""A point as somebody read it off a screen: LPS or RAS millimetres, or voxel indices.

Spot((40, 60, 12), "ijk").on(ct)     # LPS mm
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from osteoplan.arrays import Point
from osteoplan.errors import BadInput
from osteoplan.model.volume import Volume

__all__ = ["Spot", "System"]

System = Literal["lps", "ras", "ijk"]


@dataclass(frozen=True)
class Spot:
    """Three numbers and what they count.

    Attributes:
        at: ``lps`` to the patient's left, back and head [mm] (DICOM, and everything here); ``ras`` to the
            right, front and head [mm] (3D Slicer, NIfTI); ``ijk`` along the axes of the CT's array from 0.
    """

    at: Point
    system: System = "lps"

    def __str__(self) -> str:
        return f"{self.system}:" + ",".join(f"{x:g}" for x in self.at)

    def on(self, ct: Volume) -> Point:
        """The point in LPS mm.

        Raises:
            BadInput: no finite numbers, or a voxel that the scan does not have.
        """
        if not np.isfinite(self.at).all():
            raise BadInput(f"{self}: a point is three plain numbers")
        a, b, c = self.at
        if self.system == "lps":
            return self.at
        if self.system == "ras":
            return -a, -b, c
        last = np.array(ct.shape) - 0.5
        if (np.array(self.at) < -0.5).any() or (np.array(self.at) > last).any():
            size = " x ".join(map(str, ct.shape))
            raise BadInput(f"{self}: the scan has {size} voxels, counted from 0: this one is not among them")
        x, y, z = (round(float(mm), 3) for mm in ct.positions_mm(self.at))
        return x, y, z
