"""Where the patient's flanks are seen on a scan, and what they tell of his middle and of a point's side.

The edges of an image are no flanks: a scan of one hip ends somewhere in the body.  A flank is where air
begins inside the image.  With both seen the middle lies between them; with one, a point near it is on that
side; with none, nothing is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.arrays import F64
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["Flanks", "flanks"]

Side = Literal["left", "right"]
_AIR_MM = 6.0  # of air inside the image beyond a flank
_TABLE_MM = 5.0  # thinner than that is a table top or a sheet


@dataclass(frozen=True)
class Flanks:
    """x of the patient's flanks in one slice [LPS mm]; None where the image ends before the body does."""

    left_mm: float | None
    right_mm: float | None

    @property
    def middle_mm(self) -> float | None:
        """x half-way between both flanks; None where they are not both seen, or are those of one limb."""
        if self.left_mm is None or self.right_mm is None:
            return None
        wide = self.left_mm - self.right_mm
        return 0.5 * (self.left_mm + self.right_mm) if wide >= number("frames.body_width_min_mm") else None

    def side_of(self, x_mm: float) -> Side | None:
        """The side of the patient's middle on which an x lies; None where the flanks do not tell."""
        middle = self.middle_mm
        if middle is not None:
            return "left" if x_mm > middle else "right"
        if self.left_mm is not None and self.right_mm is None:
            return _told(self.left_mm - x_mm, "left", "right")
        if self.right_mm is not None and self.left_mm is None:
            return _told(x_mm - self.right_mm, "right", "left")
        return None


def _told(away_mm: float, seen: Side, other: Side) -> Side | None:
    """The side of a point so far from the one flank that is seen; None in between."""
    near, far = number("frames.flank_near_mm"), number("frames.flank_far_mm")
    return seen if away_mm < near else other if away_mm > far else None


def flanks(ct: Volume, at_mm: npt.ArrayLike) -> Flanks:
    """The flanks in the slice of a point; both legs, and arms, count as the patient."""
    axial = int(np.argmax(np.abs(ct.direction[2])))
    at = int(np.clip(round(float(ct.indices(np.asarray(at_mm))[axial])), 0, ct.shape[axial] - 1))
    cut = np.take(ct.array, at, axis=axial)
    edges = np.delete(ct.spacing_mm, axial)
    solid = cut > number("vertebra.skin_threshold_HU")
    thin = max(1, round(float(_TABLE_MM / 2.0 / edges.max())))
    names, count = ndimage.label(ndimage.binary_opening(np.pad(solid, thin, mode="edge"), iterations=thin))
    names = names[thin:-thin, thin:-thin]
    if count == 0:
        return Flanks(None, None)
    sizes = np.bincount(names.ravel(), minlength=count + 1)
    sizes[0] = 0
    body = np.argwhere((sizes >= number("frames.flank_piece_pct") / 100.0 * sizes.max())[names])
    places = ct.positions_mm(np.insert(body.astype(np.float64), axial, at, axis=1))
    left, right = (_flank(ct, places, way) for way in (1.0, -1.0))
    return Flanks(left, right)


def _flank(ct: Volume, places_mm: F64, way: float) -> float | None:
    """x of the outermost tissue to one side, where air is seen beyond it; None where the image is cut."""
    x = places_mm[:, 0]
    outermost = float((way * x).max())
    rim = places_mm[way * x > outermost - 2.0]
    beyond = np.rint(ct.indices(rim + np.array([way * _AIR_MM, 0.0, 0.0]))).astype(np.intp)
    inside = ((beyond >= 0) & (beyond < np.array(ct.shape))).all(axis=1)
    seen = np.zeros(len(rim), dtype=bool)
    # what reads below any calibration of air is padding outside of the scanner's field
    seen[inside] = ct.array[tuple(beyond[inside].T)] >= number("frames.padding_below_HU")
    return way * outermost if seen.mean() > 0.5 else None
