"""Draw a lesion where no mask of it is given: from three diameters at a point, or by a threshold around it.

ellipsoid_at(ct, centre, (20, 14, 12))                              as a radiologist measures it
threshold_in_ellipsoid(ct, centre, (30, 24, 20), matrix="lytic")    what differs from the bone around it

The threshold lies half way between the median t of the lesion found so far and the median b of the bone just
outside the ellipsoid, and is repeated until it rests: at half height the edge of a blurred lesion is where
the lesion ends.  Whoever draws like this is shown the result before it counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.arrays import F64, Mask
from osteoplan.boxes import Box, box_of, ends
from osteoplan.errors import LesionError
from osteoplan.kernels.distance import closed, distance_to
from osteoplan.knowledge.values import number
from osteoplan.model.case import Matrix
from osteoplan.model.volume import Volume

__all__ = ["ellipsoid_at", "threshold_in_ellipsoid"]


_LEAST = 30  # voxels that a median is taken of
_ROUNDS = 12  # of the threshold; it rests after three to five
_MAD_TO_SD = 1.4826  # of a normal distribution


def ellipsoid_at(
    ct: Volume, centre_mm: npt.ArrayLike, diameters_mm: npt.ArrayLike, axes: npt.ArrayLike | None = None
) -> Volume:
    """Boolean mask on the CT's grid of an ellipsoid: the voxels whose centre lies in it.

    Args:
        centre_mm: (3,) LPS.
        diameters_mm: (3,) full diameters [mm] along ``axes``.
        axes: (3, 3) unit vectors in rows (a bone's ``frame.axes``, or any); None: the patient's left-right,
            front-back, up-down.

    Raises:
        LesionError: a diameter that is not positive, axes not at right angles, or no voxel inside.
    """
    centre, half, rows = _checked(centre_mm, diameters_mm, axes)
    inside = np.zeros(ct.shape, dtype=bool)
    box = _box(ct, centre, half, rows, beyond_mm=0.0)
    inside[box] = _radius(ct, box, centre, half, rows) <= 1.0
    if not inside.any():
        raise LesionError(
            f"the ellipsoid at {_place(centre)} holds no voxel of the scan, so its mask is empty: "
            "check the centre (LPS, mm) and the diameters"
        )
    return ct.with_array(inside, "mask")


def threshold_in_ellipsoid(
    ct: Volume,
    centre_mm: npt.ArrayLike,
    diameters_mm: npt.ArrayLike,
    *,
    matrix: Matrix,
    bone_mask: Mask | None = None,
    axes: npt.ArrayLike | None = None,
) -> tuple[Volume, str]:
    """The lesion around a point, inside an ellipsoid that is drawn somewhat too large.

    Lytic: what is less dense than half way to the bone around it.  Blastic: what is denser.  Mixed: what
    differs from that bone by more than its own spread to that side.  The piece at the centre is kept, its
    holes are filled.

    Args:
        ct: scan in HU or density.
        bone_mask: (ni, nj, nk) the bone; the lesion is then looked for in it (with small gaps of the mask
            closed), so that soft tissue beyond the bone is not taken for lysis.  None: anywhere inside.

    Returns:
        The mask on the CT's grid, and how it was found, in words.

    Raises:
        LesionError: nothing differs, it differs the other way, or there is no bone around the ellipsoid.
    """
    centre, half, rows = _checked(centre_mm, diameters_mm, axes)
    drawn = ellipsoid_at(ct, centre, 2.0 * half, rows).array
    box = _box(ct, centre, half, rows, beyond_mm=number("measure.draw_ring_mm") + 2.0)
    seen = _seen(ct, box, drawn[box], bone_mask, _radius(ct, box, centre, half, rows))
    if matrix == "mixed":
        candidates, words = _mixed(seen)
    else:
        candidates, words = _one_sided(seen, matrix)
    piece = _piece_at(_opened(candidates, seen.spacing), ct, box, centre, seen.spacing)
    mask = np.zeros(ct.shape, dtype=bool)
    mask[box] = ndimage.binary_fill_holes(piece) & seen.where
    within = "within the bone" if bone_mask is not None else "within the ellipsoid (no bone mask was given)"
    return ct.with_array(mask, "mask"), f"{words}; the piece at {_place(centre)}, {within}, holes filled"


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the threshold works on, all on one box of the scan.

    Attributes:
        values: the scan, slightly blurred.
        where: where lesion may be.
        core: the middle of the ellipsoid.
        bone, below, above: median of the bone around the ellipsoid, and how far its values spread to either
            side (to the 16th and 84th percentile: cortex makes the upper side the wider).
        unit: of the values.
        contrast: smallest difference that counts.
    """

    values: F64
    where: Mask
    core: Mask
    bone: float
    below: float
    above: float
    unit: str
    contrast: float
    spacing: F64


def _seen(ct: Volume, box: Box, drawn: Mask, bone_mask: Mask | None, radius: F64) -> _Seen:
    raw = ct.array[box].astype(np.float64)
    spacing = ct.spacing_mm
    values = ndimage.gaussian_filter(raw, number("measure.draw_blur_mm") / spacing, mode="nearest")
    hounsfield = ct.meaning == "HU"
    where = drawn & (raw > number("measure.air_max_HU")) if hounsfield else drawn.copy()
    away = distance_to(drawn, spacing)
    ring = (away > 0) & (away <= number("measure.draw_ring_mm"))
    if bone_mask is not None:
        whole = _closed(bone_mask[box], spacing)
        where &= whole
        ring &= bone_mask[box]
        # Marrow beside marrow: with the cortex in the ring, sound marrow would read as lysis.
        deep = ring & (distance_to(~whole, spacing) > number("measure.draw_ring_depth_mm"))
        ring = deep if int(deep.sum()) >= _LEAST else ring
    if int(ring.sum()) < _LEAST or not where.any():
        raise LesionError(
            "no bone is found around the ellipsoid: draw it where the lesion is, a little larger than the "
            "lesion, and inside one bone"
        )
    low, bone, high = (float(v) for v in np.percentile(values[ring], (16.0, 50.0, 84.0)))
    core = where & (radius <= number("measure.draw_core_share"))
    contrast = number(f"measure.draw_contrast_min_{'HU' if hounsfield else 'mg_cm3'}")
    unit = "HU" if hounsfield else "mg/cm3"
    return _Seen(values, where, core, bone, bone - low, high - bone, unit, contrast, spacing)


def _one_sided(seen: _Seen, matrix: Matrix) -> tuple[Mask, str]:
    """Voxels on the lesion's side of half way between its median and the bone's."""
    sign = -1.0 if matrix == "lytic" else 1.0
    core = seen.core if seen.core.sum() >= _LEAST else seen.where
    lesion, spread = _median(seen.values[core])
    _require_difference(seen, lesion, spread, matrix, sign)
    chosen = seen.where
    for _ in range(_ROUNDS):
        threshold = 0.5 * (lesion + seen.bone)
        again = seen.where & (sign * (seen.values - threshold) > 0)
        if (again == chosen).all() or not again.any():
            break
        chosen = again
        lesion = float(np.median(seen.values[chosen]))
    words = (
        f"{'below' if sign < 0 else 'above'} {threshold:.0f} {seen.unit}, half way between the lesion "
        f"({lesion:.0f}) and the bone around the ellipsoid ({seen.bone:.0f})"
    )
    return chosen, words


def _require_difference(seen: _Seen, lesion: float, spread: float, matrix: Matrix, sign: float) -> None:
    gap = sign * (lesion - seen.bone)
    told = f"the middle of the ellipsoid reads {lesion:.0f} {seen.unit}, the bone around it {seen.bone:.0f}"
    if gap < -seen.contrast:
        other = "denser" if matrix == "lytic" else "less dense"
        raise LesionError(
            f"{told}: it is {other}, so it is not {matrix}; state the matrix, or move the point"
        )
    towards = seen.below if sign < 0 else seen.above
    least = max(seen.contrast, number("measure.draw_noise_ratio_min") * max(spread, towards))
    if gap < least:
        raise LesionError(
            f"{told}: they differ by less than {least:.0f}, so no threshold tells lesion from bone; "
            "give three diameters, or a mask drawn by hand"
        )


def _mixed(seen: _Seen) -> tuple[Mask, str]:
    """Voxels that differ from the bone around the ellipsoid, near ones joined."""
    ratio = number("measure.draw_mixed_sd")
    least, most = (max(seen.contrast, ratio * side) for side in (seen.below, seen.above))
    gap = seen.values - seen.bone
    differs = seen.where & ((gap < -least) | (gap > most))
    if not differs.any():
        raise LesionError(
            f"nothing in the ellipsoid lies {least:.0f} {seen.unit} below or {most:.0f} above the bone "
            f"around it ({seen.bone:.0f}): give three diameters, or a mask drawn by hand"
        )
    reach = number("measure.draw_mixed_closing_mm")
    joined = seen.where & closed(differs, seen.spacing, reach) | differs
    words = (
        f"more than {least:.0f} {seen.unit} below or {most:.0f} above the bone around the ellipsoid "
        f"({seen.bone:.0f})"
    )
    return joined, words


def _opened(candidates: Mask, spacing: F64) -> Mask:
    """Without spurs and specks thinner than twice the reach: grain of the bone that passes the threshold."""
    reach = number("measure.draw_opening_mm")
    kept: Mask = candidates & (distance_to(distance_to(~candidates, spacing) > reach, spacing) <= reach)
    return kept if kept.any() else candidates


def _piece_at(candidates: Mask, ct: Volume, box: Box, centre: F64, spacing: F64) -> Mask:
    """The connected piece that the centre lies in, or nearly."""
    names, _ = ndimage.label(candidates)
    at = (ct.indices(centre) - ends(box)[0]) * spacing
    found = np.argwhere(candidates)
    away = np.linalg.norm(found * spacing - at, axis=1)
    if len(found) == 0 or away.min() > number("measure.draw_seed_reach_mm"):
        raise LesionError(
            f"what differs from the bone does not reach {_place(centre)}: put the centre into the lesion"
        )
    # Of the pieces within reach, the largest: a speck of noise at the centre is not the lesion.
    near = names[tuple(found[away <= number("measure.draw_seed_reach_mm")].T)]
    sizes = np.bincount(names.ravel())
    piece: Mask = names == max(set(near.tolist()), key=lambda name: int(sizes[name]))
    return piece


def _closed(bone: Mask, spacing: F64) -> Mask:
    """The bone with what its label leaves out of it: a lytic lesion often is."""
    reach = number("vertebra.bone_closing_mm")
    whole: Mask = ndimage.binary_fill_holes(closed(bone, spacing, reach)) | bone
    return whole


def _median(values: F64) -> tuple[float, float]:
    """Median and robust standard deviation."""
    middle = float(np.median(values))
    return middle, _MAD_TO_SD * float(np.median(np.abs(values - middle)))


def _checked(
    centre_mm: npt.ArrayLike, diameters_mm: npt.ArrayLike, axes: npt.ArrayLike | None
) -> tuple[F64, F64, F64]:
    """Centre, half diameters, unit vectors in rows."""
    centre, diameters = np.asarray(centre_mm, dtype=np.float64), np.asarray(diameters_mm, dtype=np.float64)
    rows = np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64)
    if centre.shape != (3,) or not np.isfinite(centre).all():
        raise LesionError(f"the centre of a lesion is three numbers (LPS, mm), got {centre.tolist()}")
    if diameters.shape != (3,) or not np.isfinite(diameters).all() or (diameters <= 0).any():
        raise LesionError(f"an ellipsoid needs three positive diameters in mm, got {diameters.tolist()}")
    if rows.shape != (3, 3) or np.abs(rows @ rows.T - np.eye(3)).max() > 1e-3:
        raise LesionError("the directions of the diameters are not unit vectors at right angles")
    return centre, 0.5 * diameters, rows


def _box(ct: Volume, centre: F64, half: F64, rows: F64, *, beyond_mm: float) -> Box:
    """Slices of the scan around the ellipsoid; empty ones where it lies outside."""
    steps = np.linalg.inv(ct.affine[:3, :3])  # mm -> indices
    reach = np.linalg.norm(steps @ (rows.T * half), axis=1) + beyond_mm / ct.spacing_mm + 1.0
    middle = ct.indices(centre)
    low = np.clip(np.floor(middle - reach), 0, ct.shape).astype(int)
    high = np.clip(np.ceil(middle + reach) + 1, low, ct.shape).astype(int)
    return box_of(low, high)


def _radius(ct: Volume, box: Box, centre: F64, half: F64, rows: F64) -> F64:
    """Distance from the centre in units of the ellipsoid's own radius; 1 on its surface."""
    grid = np.moveaxis(np.mgrid[box], 0, -1)
    radius: F64 = np.linalg.norm(((ct.positions_mm(grid) - centre) @ rows.T) / half, axis=-1)
    return radius


def _place(centre: F64) -> str:
    return "(" + ", ".join(f"{c:.1f}" for c in centre) + ") mm"
