"""Flat cuts through the patient, in patient axes or along a needle, whatever grid the CT was stored on.

A ``Plane`` knows where its pixels are in LPS mm; images and masks are sampled there.  Pictures follow the
radiological convention: the patient's right is on the viewer's left, anterior is up on an axial picture and
on the left of a sagittal one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage
from skimage import measure

from osteoplan.arrays import F64, Indices, Mask
from osteoplan.kernels.distance import signed_distance
from osteoplan.model.volume import Volume

__all__ = [
    "Cut", "Plane", "along", "beside", "contours", "cuts_along", "facing", "fit", "letter", "shape_of",
    "widened",
]  # fmt: skip

Cut = Literal["axial", "sagittal", "coronal"]

_LEFT, _POSTERIOR, _SUPERIOR = np.eye(3)
# cut -> direction of growing columns, direction of growing rows, patient axis that it is a slice of
_AXES: dict[Cut, tuple[F64, F64, int]] = {
    "axial": (_LEFT, _POSTERIOR, 2),
    "sagittal": (_POSTERIOR, -_SUPERIOR, 0),
    "coronal": (_LEFT, -_SUPERIOR, 1),
}
_NORMAL = 0.2  # sine of the least angle between a line and the normal of the cut that is to hold it
_SMOOTH_MM = 0.7  # for show: rounds the corners of voxels, moves a straight edge by nothing
_DEEP_MM = 20.0  # an edge moves by less from slice to slice: what lies deeper need not be told apart
_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))


@dataclass(frozen=True, eq=False)
class Plane:
    """A rectangle of square pixels in patient space.

    Attributes:
        origin_mm: (3,) centre of the top left pixel, LPS.
        right, down: (3,) unit vectors of growing column and row.
        pixel_mm: edge of a pixel.
        rows, cols: size.
        place: where it lies, in words.
    """

    origin_mm: F64
    right: F64
    down: F64
    pixel_mm: float
    rows: int
    cols: int
    place: str

    def positions_mm(self) -> F64:
        """(rows, cols, 3) LPS positions of the pixel centres."""
        column = np.arange(self.cols)[None, :, None] * self.pixel_mm * self.right
        row = np.arange(self.rows)[:, None, None] * self.pixel_mm * self.down
        return self.origin_mm + column + row

    def pixel(self, positions_mm: npt.ArrayLike) -> F64:
        """(..., 3) LPS positions -> (..., 2) (column, row), by projection along the normal."""
        offset = np.asarray(positions_mm, dtype=np.float64) - self.origin_mm
        return np.stack([offset @ self.right, offset @ self.down], axis=-1) / self.pixel_mm

    def sample(self, volume: Volume, *, outside: float) -> F64:
        """(rows, cols) values of an image, linear between voxel centres, ``outside`` beyond them."""
        steps_mm = np.stack([self.down, self.right, np.zeros(3)], axis=1) * self.pixel_mm
        values = np.full((self.rows, self.cols, 1), outside)
        low, high = self._over(volume)
        ndimage.affine_transform(
            volume.array,
            np.linalg.inv(volume.affine[:3, :3]) @ steps_mm,
            volume.indices(self.origin_mm + steps_mm[:, :2] @ low),
            output=values[low[0] : high[0], low[1] : high[1]],
            order=1,
            mode="constant",
            cval=outside,
        )
        return values[..., 0]

    def _over(self, volume: Volume) -> tuple[Indices, Indices]:
        """First (row, column) that may lie over an image, and one past the last."""
        at = self.pixel(_ends_mm(volume))[:, ::-1]
        low, high = (
            np.clip(end, 0, (self.rows, self.cols)) for end in (at.min(axis=0) - 1, at.max(axis=0) + 2)
        )
        return np.floor(low).astype(np.intp), np.ceil(high).astype(np.intp)

    def meets(self, volume: Volume) -> bool:
        """False where the whole image lies on one side of the plane."""
        height = (_ends_mm(volume) - self.origin_mm) @ np.cross(self.right, self.down)
        return bool(height.min() <= 0.0 <= height.max())

    def drawn(self, unit: float) -> tuple[float, ...]:
        """LPS [mm] of the corner of a picture of it, then steps of one picture unit right and down.

        Args:
            unit: picture units to a pixel; pixel (0, 0) has its centre at half of one.
        """
        corner = self.origin_mm - 0.5 * self.pixel_mm * (self.right + self.down)
        steps = np.concatenate([self.right, self.down]) * self.pixel_mm / unit
        return tuple(float(x) for x in (*corner.round(4), *steps.round(7)))

    def letters(self) -> tuple[str, str, str, str]:
        """Patient directions at the left, right, top and bottom edge."""
        return letter(-self.right), letter(self.right), letter(-self.down), letter(self.down)


def _ends_mm(volume: Volume) -> F64:
    """(8, 3) centres of the voxels at an image's corners."""
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in volume.shape])).reshape(3, -1).T
    return volume.positions_mm(ends)


def letter(direction: F64) -> str:
    """L R A P H F of a direction; two letters, the stronger first, where it is oblique by over 25 degrees."""
    order = np.argsort(-np.abs(direction))
    strong = [int(axis) for axis in order if abs(direction[axis]) > np.sin(np.deg2rad(25.0))]
    return "".join(_LETTERS[axis][0 if direction[axis] > 0 else 1] for axis in strong[:2])


def fit(cut: Cut, level: str, through_mm: F64, hold_mm: F64, *, margin_mm: float, pixel_mm: float) -> Plane:
    """The patient-axis cut through a point that holds all of (n, 3) ``hold_mm`` plus a margin."""
    right, down, axis = _AXES[cut]
    name = "xyz"[axis]
    place = f"{cut}, {level}, {name} {_signed(float(through_mm[axis]))} mm"
    return _around(right, down, through_mm, hold_mm, margin_mm, pixel_mm, place)


def along(
    what: str, entry_mm: F64, tip_mm: F64, hold_mm: F64, *, cut: Cut, margin_mm: float, pixel_mm: float
) -> Plane:
    """The oblique cut that contains the line from entry to tip and leans least from ``cut``.

    The line's direction d and the normal n = a - (a.d) d span the choice, a being the patient axis that
    ``cut`` is a slice of; columns keep to the patient direction of the straight cut.

    Raises:
        ValueError: the line runs along the normal of the cut, which then cannot contain it.
    """
    straight_right, straight_down, axis = _AXES[cut]
    line = (tip_mm - entry_mm) / np.linalg.norm(tip_mm - entry_mm)
    normal = np.eye(3)[axis] - line[axis] * line
    if np.linalg.norm(normal) < _NORMAL:
        raise ValueError(f"{what} runs almost along the normal of a {cut} cut")
    normal /= np.linalg.norm(normal)
    right = straight_right - (straight_right @ normal) * normal
    right /= np.linalg.norm(right)
    down = np.cross(normal, right)
    down *= np.sign(down @ straight_down)
    tilt = float(np.rad2deg(np.arccos(np.clip(normal[axis], -1.0, 1.0))))
    place = f"along {what}, {tilt:.0f}° off {cut}"
    return _around(right, down, tip_mm, hold_mm, margin_mm, pixel_mm, place)


def beside(
    what: str, plane: Plane, entry_mm: F64, tip_mm: F64, hold_mm: F64, *, margin_mm: float, pixel_mm: float
) -> Plane:
    """The cut through the same line that stands at right angles to a plane which contains the line."""
    line = (tip_mm - entry_mm) / np.linalg.norm(tip_mm - entry_mm)
    normal = np.cross(line, np.cross(plane.right, plane.down))
    cut = max(_AXES, key=lambda name: abs(float(normal[_AXES[name][2]])))
    straight_right, straight_down, axis = _AXES[cut]
    normal *= np.sign(normal[axis]) / np.linalg.norm(normal)
    right = straight_right - (straight_right @ normal) * normal
    right /= np.linalg.norm(right)
    down = np.cross(normal, right)
    down *= np.sign(down @ straight_down)
    tilt = float(np.rad2deg(np.arccos(np.clip(normal[axis], -1.0, 1.0))))
    place = f"along {what}, {tilt:.0f}° off {cut}"
    return _around(right, down, tip_mm, hold_mm, margin_mm, pixel_mm, place)


def facing(place: str, at_mm: F64, outward: F64, *, half_mm: float, pixel_mm: float) -> Plane:
    """A square across a line, as it is seen from its outer end; the patient's head is up, else the front."""
    toward = outward / np.linalg.norm(outward)
    up = _SUPERIOR if abs(toward[2]) < 0.9 else -_POSTERIOR
    up = up - (up @ toward) * toward
    up /= np.linalg.norm(up)
    right = np.cross(up, toward)
    count = 2 * round(half_mm / pixel_mm) + 1
    first = at_mm - (count - 1) / 2 * pixel_mm * (right - up)
    return Plane(first, right, -up, pixel_mm, count, count, place)


def widened(plane: Plane, aspect: float = 1.0) -> Plane:
    """The same cut about the same middle, its shorter side grown until width over height is ``aspect``."""
    cols, rows = max(plane.cols, round(aspect * plane.rows)), max(plane.rows, round(plane.cols / aspect))
    shift = (cols - plane.cols) / 2 * plane.right + (rows - plane.rows) / 2 * plane.down
    return replace(plane, origin_mm=plane.origin_mm - shift * plane.pixel_mm, rows=rows, cols=cols)


def cuts_along(line: F64) -> tuple[Cut, ...]:
    """The cuts that can be leaned to hold a line: two or three of axial, sagittal, coronal, in that order."""
    axis = line / np.linalg.norm(line)
    return tuple(cut for cut, (_, _, n) in _AXES.items() if np.sqrt(1.0 - axis[n] ** 2) >= _NORMAL)


def contours(values: F64, level: float, *, within: float) -> list[F64]:
    """(n, 2) points (row, column) of each line at a level, thinned (Douglas, Peucker) to ``within`` px."""
    lines = (shapely.LineString(line) for line in measure.find_contours(values, level))
    return [shapely.get_coordinates(line.simplify(within, preserve_topology=False)) for line in lines]


def shape_of(mask: Mask, grid: Volume, *, around: tuple[F64, F64] | None = None) -> Volume | None:
    """A mask as signed distance to its edge [mm], positive inside, for smooth edges between thick slices.

    Interpolating distance instead of the mask itself makes the outline change evenly from slice to slice.
    ``around`` (two opposite LPS corners) limits the work; None where nothing of the mask is there.

    Source: Raya and Udupa 1990, shape-based interpolation of multidimensional objects.
    """
    box = _box(mask, grid, around)
    if box is None:
        return None
    inside = np.pad(mask[box], 2)
    spacing = grid.spacing_mm
    distance = -signed_distance(inside, spacing, reach_mm=_DEEP_MM)
    smooth = ndimage.gaussian_filter(distance, _SMOOTH_MM / spacing)
    if smooth.max() > 0.0:  # a single voxel would be smoothed away
        distance = smooth
    affine = grid.affine.copy()
    affine[:3, 3] = grid.positions_mm([axis.start - 2 for axis in box])
    return Volume(distance.astype(np.float32), affine, "mm", grid.frame)


def _box(mask: Mask, grid: Volume, around: tuple[F64, F64] | None) -> tuple[slice, slice, slice] | None:
    """Index box of the mask, cut to the neighbourhood of interest."""
    low, high = np.zeros(3, dtype=int), np.asarray(mask.shape)
    if around is not None:
        ends = np.array(np.meshgrid(*zip(*around, strict=True))).reshape(3, -1).T
        indices = grid.indices(ends)
        low = np.clip(np.floor(indices.min(axis=0)).astype(int), 0, mask.shape)
        high = np.clip(np.ceil(indices.max(axis=0)).astype(int) + 1, low, mask.shape)
    part = mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    if not part.any():
        return None
    found = ndimage.find_objects(part.astype(np.uint8))[0]
    i, j, k = (slice(int(s.start + a), int(s.stop + a)) for s, a in zip(found, low, strict=True))
    return i, j, k


def _around(
    right: F64, down: F64, through_mm: F64, hold_mm: F64, margin_mm: float, pixel_mm: float, place: str
) -> Plane:
    """The rectangle in the plane (through, right, down) that holds the points and a margin."""
    offset = hold_mm - through_mm
    across, along_rows = offset @ right, offset @ down
    first = through_mm + (across.min() - margin_mm) * right + (along_rows.min() - margin_mm) * down
    cols = int(np.ceil((np.ptp(across) + 2 * margin_mm) / pixel_mm)) + 1
    rows = int(np.ceil((np.ptp(along_rows) + 2 * margin_mm) / pixel_mm)) + 1
    return Plane(first, right, down, pixel_mm, rows, cols, place)


def _signed(value: float) -> str:
    """One decimal with a true minus sign."""
    return f"{value:.1f}".replace("-", "−")
