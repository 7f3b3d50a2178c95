"""Rods of a calibration phantom: measured where they are pointed at, or found under the patient."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, Mask
from osteoplan.errors import BadInput
from osteoplan.knowledge.values import number
from osteoplan.model.calibration import ReferenceRegion
from osteoplan.model.volume import Volume

__all__ = ["find_rods", "measure_rod"]

_POINT = "point at them: rods: [{at_mm: [x, y, z]}, ...] in the phantom's order"


def measure_rod(ct: Volume, name: str, at_mm: Sequence[float], reference: float) -> ReferenceRegion:
    """CT number of a rod: a cylinder along the patient about a point on its axis (LPS mm), inside its wall.

    Raises:
        BadInput: off the scan, fewer than three slices, or not uniform (the point is beside the rod).
    """
    radius = number("calibration.rod_radius_mm")
    half = max(number("calibration.rod_half_length_mm"), 1.51 * ct.spacing_mm[_axial(ct)])
    at = np.asarray(at_mm, dtype=np.float64)
    reach = np.array([radius, radius, half])
    corners = ct.indices(at + reach * np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T)
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int) + 1
    crop = ct.crop(low, high)
    indices = np.argwhere(np.ones(crop.shape, dtype=bool))
    offset = crop.positions_mm(indices) - at
    inside = (np.hypot(offset[:, 0], offset[:, 1]) <= radius) & (np.abs(offset[:, 2]) <= half)
    slices = np.unique(indices[inside, _axial(ct)]).size
    if slices < number("calibration.rod_slices_min"):
        raise BadInput(
            f"rod {name} at {_point(at)} mm lies in {slices} slices of the scan: three are needed; {_POINT}"
        )
    values = crop.array[tuple(indices[inside].T)].astype(np.float64)
    if values.std() > number("calibration.rod_sd_max_HU"):
        raise BadInput(
            f"rod {name} at {_point(at)} mm is not uniform (sd {values.std():.0f} HU): the point is beside "
            "the rod, or metal streaks cross it; point at its middle"
        )
    return ReferenceRegion(
        name, values.size, float(values.mean()), float(values.std()), reference,
        at_mm=(float(at[0]), float(at[1]), float(at[2])),
    )  # fmt: skip


def find_rods(ct: Volume, patient: Mask, count: int) -> tuple[F64, ...]:
    """Every row of ``count`` circular inserts behind the patient, each (count, 3) LPS mm from right to left.

    Several rows mean that circles were found that are no rods; the caller keeps those that fit.

    Raises:
        BadInput: fewer circles than rods.
    """
    best = 0
    for at in (0.5, 0.25, 0.75):
        circles = _circles(ct, patient, at)
        best = max(best, len(circles))
        rows = [row for row in combinations(circles, count) if _one_line(np.array(row))]
        if rows:
            ordered = (np.array(row) for row in rows)
            return tuple(row[np.argsort(row[:, 0])] for row in ordered)
    raise BadInput(f"of {count} rods of the phantom {best} circles were found behind the patient: {_POINT}")


def _axial(ct: Volume) -> int:
    return int(np.argmax(np.abs(ct.direction[2])))


def _point(at: F64) -> str:
    return ", ".join(f"{x:.0f}" for x in at)


def _circles(ct: Volume, patient: Mask, at: float) -> list[F64]:
    """Middles (LPS mm) of uniform circles behind the patient in a few slices about a share of the scan."""
    from skimage.feature import canny
    from skimage.transform import hough_circle, hough_circle_peaks

    axis = _axial(ct)
    middle = round(at * (ct.shape[axis] - 1))
    wide = max(1, round(number("calibration.rod_half_length_mm") / ct.spacing_mm[axis]))
    chosen = slice(max(0, middle - wide), middle + wide + 1)
    plane = np.moveaxis(ct.array, axis, 0)[chosen].mean(axis=0, dtype=np.float64)
    body: Mask = np.asarray(np.moveaxis(patient, axis, 0)[chosen].any(axis=0))
    spacing = np.delete(ct.spacing_mm, axis)
    fine = float(spacing.min())
    scale = spacing / fine
    flat = ndimage.zoom(np.clip(plane, -300.0, 1200.0), scale, order=1, grid_mode=True, mode="nearest")
    away: Mask = ndimage.zoom(body, scale, order=0, grid_mode=True, mode="nearest")
    low, high = (number(f"calibration.rod_search_radius_{end}_mm") / fine for end in ("low", "high"))
    radii = np.arange(max(2, round(low)), round(high) + 1)
    edges = canny(flat, sigma=1.5, low_threshold=8, high_threshold=20) & ~away
    accumulated = hough_circle(edges, radii)
    apart = int(1.4 * low)
    strength, x, y, r = hough_circle_peaks(
        accumulated, radii, min_xdistance=apart, min_ydistance=apart, threshold=0.45, total_num_peaks=20
    )
    found: list[F64] = []
    for _, row, column, radius in sorted(zip(strength, y, x, r, strict=True), key=lambda c: -float(c[0])):
        in_plane = (np.array([row, column]) + 0.5) / scale - 0.5
        position = ct.positions_mm(np.insert(in_plane, axis, float(middle)))
        # Circles may overlap: one that touches a rod and the phantom's edge must not push the rod out.
        new = all(np.linalg.norm(position - other) > number("calibration.rod_radius_mm") for other in found)
        if new and _is_insert(flat, away, row, column, radius) and _behind(ct, body, position, middle):
            found.append(position)
    return found[:14]


def _is_insert(flat: F64, away: Mask, row: int, column: int, radius: int) -> bool:
    """A uniform disc that is neither air nor patient."""
    inner = max(1, int(0.6 * radius))
    rows, columns = np.ogrid[: flat.shape[0], : flat.shape[1]]
    disc = (rows - row) ** 2 + (columns - column) ** 2 <= inner**2
    values = flat[disc]
    uniform = float(values.std()) < 0.5 * number("calibration.rod_sd_max_HU")
    return bool(uniform and values.mean() > -250.0 and not away[disc].any())


def _behind(ct: Volume, body: Mask, position: F64, middle: int) -> bool:
    """Posterior to the patient's middle."""
    if not body.any():
        return True
    centre = np.insert(np.argwhere(body).mean(axis=0), _axial(ct), float(middle))
    return bool(position[1] > ct.positions_mm(centre)[1])


def _one_line(points: F64) -> bool:
    """On one gently bent line across the patient, evenly spaced within a third."""
    points = points[np.argsort(points[:, 0])]
    x, y = points[:, 0], points[:, 1]
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    if np.ptp(x) < 1.0 or steps.min() < steps.max() / 1.5:
        return False
    bend = np.polyfit(x - x.mean(), y, min(2, len(x) - 2))
    off = y - np.polyval(bend, x - x.mean())
    return bool(np.abs(off).max() <= number("calibration.rod_collinear_mm"))
