"""Closed contours in patient space as a mask on the CT's grid.

A contour stands for a slab: half-way to the next contoured plane on either side, half the usual distance at
the ends and beside a gap.  A voxel is in if its centre is in a slab and, seen along the normal, inside an odd
number of that plane's contours.  So a contour within a contour is a hole, on planes of any orientation;
nothing is drawn where planes are missing.

    s       place of a plane along the normal [mm]        u, v    coordinates in the plane [mm]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from osteoplan.arrays import F64, Mask
from osteoplan.errors import BadInput, GeometryMismatch
from osteoplan.io.foreign import ForeignMask
from osteoplan.knowledge import values
from osteoplan.model.volume import Volume

__all__ = ["rasterised"]


def rasterised(contours_mm: Sequence[F64], ct: Volume, *, what: str) -> ForeignMask:
    """Contours as a mask on the CT's grid.

    Args:
        contours_mm: each (n, 3) LPS [mm], closed by its last edge, flat, all parallel; in any order.
        ct: the scan that the plan is made on.
        what: their name in messages, for example "contour 1 'tumour'".

    Raises:
        BadInput: not flat, not parallel, without area, or so small that no voxel's centre is inside.
        GeometryMismatch: they reach outside the CT.
    """
    _require_inside(contours_mm, ct, what)
    basis = _basis(contours_mm, what)
    flat = [contour @ basis.T for contour in contours_mm]
    _require_flat(flat, what)
    flat, repeated = _without_repeats(flat)
    slabs, missing = _slabs(flat, basis, ct)
    array = np.zeros(ct.shape, dtype=bool)
    crossing = sum(_fill(array, ct, basis, slab) for slab in slabs)
    if not array.any():
        raise BadInput(f"{what} is smaller than the CT's voxels: none has its centre inside; draw it larger")
    notes = (
        *_notes(what, slabs, basis, ct, repeated=repeated, missing=missing, crossing=crossing),
        *_volume_note(what, slabs, float(array.sum()) * ct.voxel_volume_mm3),
    )
    return ForeignMask(ct.with_array(array, "mask"), notes)


@dataclass(frozen=True, eq=False)
class _Slab:
    """The contours of one plane, and from where to where along the normal they count [mm]."""

    at: float
    low: float
    high: float
    contours: tuple[Polygon, ...]


def _without_repeats(flat: Sequence[F64]) -> tuple[list[F64], int]:
    """Each contour once: listed twice it would cancel itself.

    A copy may begin elsewhere, run the other way, or be rounded or thinned: what counts is the outline.
    """
    kept: list[tuple[F64, Polygon]] = []
    for contour in flat:
        outline = Polygon(contour[:, :2])
        if not any(_same_outline(contour, outline, *other) for other in kept):
            kept.append((contour, outline))
    return [contour for contour, _ in kept], len(flat) - len(kept)


def _same_outline(a: F64, outline_a: Polygon, b: F64, outline_b: Polygon) -> bool:
    """Whether two contours of one plane lie on each other."""
    beside_mm = values.number("contours.same_outline_mm")
    if abs(a[:, 2].mean() - b[:, 2].mean()) > values.number("contours.contour_plane_mm"):
        return False
    if np.abs(np.subtract(outline_a.bounds, outline_b.bounds)).max() > beside_mm:
        return False
    if shapely.hausdorff_distance(outline_a.exterior, outline_b.exterior) > beside_mm:
        return False
    # Islands of a pixel beside each other are near, but do not lie on each other.
    whole = [shapely.make_valid(outline) for outline in (outline_a, outline_b)]
    return bool(2 * shapely.intersection(*whole).area > max(part.area for part in whole))


def _require_inside(contours: Sequence[F64], ct: Volume, what: str) -> None:
    indices = ct.indices(np.concatenate(contours))
    beyond = np.maximum(-indices, indices - (np.array(ct.shape) - 1)).max(axis=0)
    if (beyond > values.number("contours.outside_scan_voxels")).any():
        raise GeometryMismatch(
            f"{what} reaches {float((beyond * ct.spacing_mm).max()):.0f} mm outside the CT: load the whole "
            "series that it was drawn on"
        )


def _basis(contours: Sequence[F64], what: str) -> F64:
    """(3, 3) rows: two directions in the planes and their normal, from the contour with the largest area."""
    # Newell's vector: its length is twice the area, whatever the plane and the shape.
    vectors = np.array([np.cross(c - c[0], np.roll(c, -1, axis=0) - c[0]).sum(axis=0) for c in contours])
    areas = np.linalg.norm(vectors, axis=1)
    if areas.max() == 0:
        raise BadInput(f"{what} encloses no area: its points lie on a line; draw it again")
    normal = vectors[int(areas.argmax())] / areas.max()
    normal *= np.sign(normal[np.abs(normal).argmax()])
    u = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    u /= np.linalg.norm(u)
    return np.stack([u, np.cross(normal, u), normal])


def _require_flat(flat: Sequence[F64], what: str) -> None:
    most = max(float(np.ptp(contour[:, 2])) for contour in flat)
    if most > values.number("contours.contour_plane_mm"):
        raise BadInput(f"{what} has contours that are not flat or not parallel; draw it on one set of slices")


def _slabs(flat: Sequence[F64], basis: F64, ct: Volume) -> tuple[list[_Slab], int]:
    """Planes in order along the normal, and how many are missing between them."""
    places = np.array([float(contour[:, 2].mean()) for contour in flat])
    order = np.argsort(places, kind="stable")
    together = values.number("contours.contour_plane_mm")
    groups = np.split(order, np.flatnonzero(np.diff(places[order]) > together) + 1)
    at = np.array([places[group].mean() for group in groups])
    gaps = np.diff(at)
    # The lower median: where every other plane is missing, the smaller distance is the usual one.
    usual = float(np.percentile(gaps, 50, method="lower")) if len(gaps) else _thickness(basis[2], ct)
    skipped = gaps > values.number("contours.skipped_plane_ratio") * usual
    half_up = np.append(np.where(skipped, usual, gaps) / 2, usual / 2)
    half_down = np.append(usual / 2, half_up[:-1])
    slabs = [
        _Slab(float(s), float(s - down), float(s + up), tuple(Polygon(flat[n][:, :2]) for n in group))
        for s, down, up, group in zip(at, half_down, half_up, groups, strict=True)
    ]
    return slabs, int((np.rint(gaps[skipped] / usual) - 1).sum())


def _thickness(normal: F64, ct: Volume) -> float:
    """Edge of a voxel along the axis of the CT that is nearest to the normal [mm]."""
    return float(ct.spacing_mm[int(np.abs(ct.direction.T @ normal).argmax())])


def _fill(array: Mask, ct: Volume, basis: F64, slab: _Slab) -> int:
    """Draw one slab; 1 where two of its contours cross, else 0."""
    left, bottom, right, top = shapely.total_bounds(slab.contours)
    low, high = (left, bottom, slab.low), (right, top, slab.high)
    box = np.stack(np.meshgrid(*zip(low, high, strict=True)), axis=-1).reshape(-1, 3)
    corners = ct.indices(box @ basis)
    first = np.clip(np.floor(corners.min(axis=0)), 0, ct.shape).astype(int)
    last = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, ct.shape).astype(int)
    indices = np.stack(np.meshgrid(*map(np.arange, first, last), indexing="ij"), axis=-1).reshape(-1, 3)
    positions = ct.positions_mm(indices) @ basis.T
    near = (positions[:, 2] >= slab.low - _TIE_MM) & (positions[:, 2] < slab.high - _TIE_MM)
    indices, places = indices[near], positions[near, :2]
    each = np.array([_within(places, contour) for contour in slab.contours]).reshape(-1, len(places))
    array[tuple(indices[each.sum(axis=0) % 2 == 1].T)] = True
    return int(any(_cross(a, b) for n, a in enumerate(each) for b in each[:n]))


def _within(places: F64, contour: Polygon) -> Mask:
    """Which (n, 2) places a contour holds (even-odd); a border belongs to one of two neighbours."""
    shapely.prepare(contour)
    inside: Mask = shapely.contains_xy(contour, places + _BORDER_MM)
    return inside


# A voxel half-way between two planes belongs to one of them, not to chance: both borders move by as little.
_TIE_MM = 1e-4
# So far aside is looked, first across, then up: a place on the left or lower border is in, on the others out.
_BORDER_MM = (1e-6, 1e-10)


def _cross(a: Mask, b: Mask) -> bool:
    """True where two contours overlap and neither holds the other."""
    both = a & b
    return bool(both.any() and (a & ~b).any() and (b & ~a).any())


def _notes(
    what: str, slabs: Sequence[_Slab], basis: F64, ct: Volume, *, repeated: int, missing: int, crossing: int
) -> list[str]:
    notes = []
    tilt = float(np.degrees(np.arccos(np.clip(np.abs(ct.direction.T @ basis[2]).max(), 0, 1))))
    thickness, usual = _thickness(basis[2], ct), slabs[0].high - slabs[0].low
    if tilt > 0.1:
        notes.append(f"{what} was drawn on planes tilted by {tilt:.1f} degrees against the CT's slices")
    if len(slabs) == 1:
        notes.append(
            f"{what} lies on one plane: it was taken as {thickness:.2f} mm thick, as the CT's slices"
        )
    elif abs(usual - thickness) > 0.1 * thickness:
        notes.append(
            f"{what} was drawn on planes {usual:.2f} mm apart, the CT's slices are {thickness:.2f} mm: each "
            "slice takes the nearest contour"
        )
    if missing:
        notes.append(f"{what} has no contour on {missing} plane(s) between others: they were left empty")
    if repeated:
        notes.append(f"{what} lists {repeated} contour(s) twice: each was counted once")
    if crossing:
        notes.append(f"{what} has contours that cross on {crossing} plane(s): what two share was left out")
    return notes


def _volume_note(what: str, slabs: Sequence[_Slab], voxels_mm3: float) -> list[str]:
    drawn_mm3 = sum(_area_mm2(slab.contours) * (slab.high - slab.low) for slab in slabs)
    if drawn_mm3 > 0:
        difference_pct = 100 * (voxels_mm3 - drawn_mm3) / drawn_mm3
        if abs(difference_pct) <= values.number("contours.volume_difference_pct"):
            return []
    drawn, mL = drawn_mm3 / 1000, voxels_mm3 / 1000
    return [
        f"{what} encloses {drawn:.2f} mL as drawn and {mL:.2f} mL as voxels of the CT: small against them"
    ]


def _area_mm2(contours: Sequence[Polygon]) -> float:
    """Area by the even-odd rule; a contour inside an odd number of others is a hole."""
    area = 0.0
    for n, contour in enumerate(contours):
        points = shapely.get_coordinates(contour)[1:]
        around = sum(bool(_within(points, other).mean() > 0.5) for m, other in enumerate(contours) if m != n)
        # a keyhole whose hole runs the same way round as its rim would count the hole twice
        area += (-1) ** around * shapely.make_valid(contour).area
    return area
