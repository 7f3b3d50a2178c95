"""The zone of an applicator as a solid: an ellipsoid of revolution about the probe.

With r across and z along the axis, measured from the centre, a the half length and b the half width,

    inside where  (r / b)^2 + (z / a)^2 <= 1

The far pole lies ``tip_offset_mm`` beyond the tip, so the centre lies ``offset - a`` beyond it.  It is the
geometry of a charted or measured zone (``knowledge.applicators``: unverified, not measured in bone), not a
temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64, Bool, Point
from osteoplan.errors import BadInput
from osteoplan.kernels.ellipsoids import held, inside
from osteoplan.knowledge.applicators import ZoneRow
from osteoplan.knowledge.values import number
from osteoplan.trajectory.surroundings import point

__all__ = ["Zone", "contains", "depth_mm", "held_by", "unit", "which_contain", "zone_at"]

HALVINGS = 52  # of the bracket around the nearest point: to the last digit of a float64


@dataclass(frozen=True)
class Zone:
    """An ellipsoid of revolution in the patient; also what a picture needs for its outline.

    Attributes:
        axis: unit vector from the entry to the tip.
        half_length_mm, half_width_mm: semi-axes along and across the probe.
    """

    centre_mm: Point
    axis: Point
    half_length_mm: float
    half_width_mm: float

    @property
    def volume_mL(self) -> float:
        """Its volume."""
        return 4.0 / 3.0 * np.pi * self.half_length_mm * self.half_width_mm**2 / 1000.0


def zone_at(tip_mm: npt.ArrayLike, axis: npt.ArrayLike, row: ZoneRow) -> Zone:
    """The zone of a row for a probe whose tip is there.

    Args:
        tip_mm: (3,) LPS.
        axis: (3,) from the entry to the tip, of any length.

    Raises:
        BadInput: the row has no length, or is of several probes.
    """
    if row.length_mm is None or row.probes != 1:
        raise BadInput(
            f"{row.id}: a zone without a length, or of several probes, cannot be placed; "
            "enter the table of the product (docs/applicators.md)"
        )
    along = unit(axis)
    offset = row.tip_offset_mm
    if offset is None:
        offset = number("placement.tip_offset_when_unknown_mm")
    half = row.length_mm / 2.0
    centre = np.asarray(tip_mm, dtype=np.float64) + (offset - half) * along
    return Zone(point(centre), point(along), half, row.width_mm / 2.0)


def contains(points_mm: npt.ArrayLike, zone: Zone) -> Bool:
    """(...,) which of (..., 3) positions lie in a zone."""
    points = np.asarray(points_mm, dtype=np.float64)
    return which_contain(points.reshape(-1, 3), (zone,)).reshape(points.shape[:-1])


def which_contain(points_mm: F64, zones: Sequence[Zone]) -> Bool:
    """(m, n) which of (m, 3) positions lie in which of n zones."""
    return inside(points_mm, *_arrays(zones))


def held_by(points_mm: F64, weights: F64, zones: Sequence[Zone]) -> F64:
    """(n,) weight of the (m, 3) positions that each of n zones holds."""
    return held(points_mm, weights, *_arrays(zones))


def depth_mm(points_mm: npt.ArrayLike, zone: Zone) -> F64:
    """(...,) distance [mm] of (..., 3) positions from the border of a zone: positive inside.

    The nearest point of an ellipse by halving a bracket (Eberly, *Distance from a point to an ellipse*).
    """
    across, along = _coordinates(points_mm, zone)
    a, b = zone.half_length_mm, zone.half_width_mm
    if a >= b:
        distance = _to_ellipse(np.abs(along), across, a, b)
    else:
        distance = _to_ellipse(across, np.abs(along), b, a)
    within = (across / b) ** 2 + (along / a) ** 2 <= 1.0
    return np.where(within, distance, -distance)


def unit(vector: npt.ArrayLike) -> F64:
    """(3,) the vector with length 1."""
    vector = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-9:
        raise BadInput("a way's entry and tip are one point: it has no direction")
    return np.asarray(vector / length)


def _arrays(zones: Sequence[Zone]) -> tuple[F64, F64, F64, F64]:
    """Centres, axes and semi-axes of zones."""
    return (
        np.array([zone.centre_mm for zone in zones], dtype=np.float64).reshape(-1, 3),
        np.array([zone.axis for zone in zones], dtype=np.float64).reshape(-1, 3),
        np.array([zone.half_length_mm for zone in zones], dtype=np.float64),
        np.array([zone.half_width_mm for zone in zones], dtype=np.float64),
    )


def _coordinates(points_mm: npt.ArrayLike, zone: Zone) -> tuple[F64, F64]:
    """Distance across the axis, and place along it, from the centre."""
    away = np.asarray(points_mm, dtype=np.float64) - np.asarray(zone.centre_mm)
    along = away @ np.asarray(zone.axis)
    across = np.sqrt(np.maximum(np.einsum("...k,...k->...", away, away) - along**2, 0.0))
    return across, along


def _to_ellipse(y0: F64, y1: F64, e0: float, e1: float) -> F64:
    """Distance of points in the first quadrant from an ellipse with semi-axes e0 >= e1.

    The foot is (r y0 / (s + r), y1 / (s + 1)) with r = (e0/e1)^2 and s the greatest root of
    (r z0 / (s + r))^2 + (z1 / (s + 1))^2 = 1, z = y / e.
    """
    y1 = np.maximum(y1, 1e-7 * e1)  # on the long axis the root is double; this far beside it, it is not
    z0, z1 = y0 / e0, y1 / e1
    r = (e0 / e1) ** 2
    low, high = z1 - 1.0, np.hypot(r * z0, z1) - 1.0
    for _ in range(HALVINGS):
        s = 0.5 * (low + high)
        above = (r * z0 / (s + r)) ** 2 + (z1 / (s + 1.0)) ** 2 > 1.0
        low, high = np.where(above, s, low), np.where(above, high, s)
    s = 0.5 * (low + high)
    distance: F64 = np.hypot(r * y0 / (s + r) - y0, y1 / (s + 1.0) - y1)
    return distance
