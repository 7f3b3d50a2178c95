"""The spine pulled straight: coordinates (left, behind, along) about the canal's middle line [mm].

Along a smooth canal c(s) with tangent t(s), left l(s) and behind p(s),

    x(u, v, s) = c(s) + u l(s) + v p(s)

so that discs lie across and the canal stands upright, whatever the curve of the back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, Indices

__all__ = ["STEP_MM", "Straightened"]

STEP_MM = 1.0
_SMOOTH_MM = 16.0  # along the canal: shorter waves are noise of the path


@dataclass(frozen=True, eq=False)
class Straightened:
    """A curved frame.

    Attributes:
        along_mm: (n,) length along the canal from the seed's height, one per millimetre.
        centre_mm: (n, 3) LPS points of the canal.
        up, left, behind: (n, 3) unit vectors there.
    """

    along_mm: F64
    centre_mm: F64
    up: F64
    left: F64
    behind: F64

    @classmethod
    def along(cls, path_mm: F64, seed_mm: F64) -> Straightened:
        """Of a path of points upwards, one per 2 mm of height."""
        smooth = path_mm.copy()
        sigma = _SMOOTH_MM / max(float(np.diff(path_mm[:2, 2])[0]), 1e-6)
        for axis in (0, 1):
            # the trend is kept and the rest smoothed: a smoothed slope would bend at the scan's ends
            trend = np.polyval(np.polyfit(path_mm[:, 2], path_mm[:, axis], 1), path_mm[:, 2])
            rest = ndimage.gaussian_filter1d(path_mm[:, axis] - trend, sigma, mode="nearest")
            smooth[:, axis] = trend + rest
        length = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(smooth, axis=0), axis=1))]
        length -= np.interp(seed_mm[2], smooth[:, 2], length)
        along = np.arange(np.ceil(length[0]), np.floor(length[-1]) + 1, STEP_MM)
        centre = np.stack([np.interp(along, length, smooth[:, a]) for a in range(3)], axis=1)
        up = _unit(ndimage.gaussian_filter1d(np.gradient(centre, axis=0), 4.0, axis=0, mode="nearest"))
        left = _unit(np.array([1.0, 0.0, 0.0]) - up * up[:, :1])
        return cls(along, centre, up, left, np.cross(up, left))

    def positions_mm(self, left_mm: F64, behind_mm: F64) -> F64:
        """(nu, nv, n, 3) LPS positions of the grid of those offsets over the whole length."""
        return (
            self.centre_mm
            + left_mm[:, None, None, None] * self.left
            + behind_mm[None, :, None, None] * self.behind
        )

    def local(self, positions_mm: F64) -> F64:
        """(m, 3) LPS -> (m, 3) (left, behind, index along) of the nearest cross-section."""
        at = np.interp(positions_mm[:, 2], self.centre_mm[:, 2], np.arange(len(self.along_mm)))
        for _ in range(8):  # halved steps: stable while the curve's radius exceeds the distance to it
            i, gap = self._from_section(positions_mm, at)
            at = (at + i + np.einsum("na,na->n", gap, self.up[i]) / STEP_MM) / 2
        i, gap = self._from_section(positions_mm, at)
        dot = [np.einsum("na,na->n", gap, axes[i]) for axes in (self.left, self.behind, self.up)]
        return np.stack([dot[0], dot[1], i + dot[2] / STEP_MM], axis=1)

    def _from_section(self, positions_mm: F64, at: F64) -> tuple[Indices, F64]:
        i = np.clip(np.round(at).astype(np.intp), 0, len(self.along_mm) - 1)
        return i, positions_mm - self.centre_mm[i]


def _unit(vectors: F64) -> F64:
    unit: F64 = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
