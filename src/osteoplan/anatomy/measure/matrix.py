"""Is a lesion lytic, mixed or blastic?  Each voxel against the intact bone at the same place.

With b the intact bone, s soft tissue, v the image (a median over the nearest voxels of the lesion):

    lytic        b - s above the least contrast of bone, and v < (b + s) / 2
    sclerotic    v > max(b, s) + the least rise
    not judged   b is hardly above s (fatty marrow): its loss cannot be seen
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.anatomy.measure.result import Result, by_meaning, measured, soft_tissue, unmeasured
from osteoplan.arrays import F64, Mask
from osteoplan.boxes import around
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy

__all__ = ["matrix"]


def matrix(anatomy: Anatomy) -> Result:
    """Shares of lytic and sclerotic voxels, and the matrix where they are clear."""
    inside = anatomy.lesion_mask & anatomy.bone_mask
    if not inside.any():
        return unmeasured("matrix is not measured: no part of the lesion lies in the bone")
    image, soft = anatomy.image, soft_tissue(anatomy.image)
    now = _calm(anatomy, anatomy.image.array, inside)
    intact = _calm(anatomy, anatomy.image_intact.array, inside)
    bony = intact - soft >= by_meaning(image, "bone_contrast_min")
    lytic = bony & (now < 0.5 * (intact + soft))
    sclerotic = now > np.maximum(intact, soft) + by_meaning(image, "sclerotic_min")
    judged = int(np.count_nonzero(bony | sclerotic))
    if 100.0 * judged / len(now) < number("measure.matrix_judged_min_pct"):
        return unmeasured(
            "matrix is not measured: the lesion replaces marrow that is hardly denser than soft tissue, "
            "where the loss of bone cannot be seen"
        )
    return _said(anatomy, 100.0 * float(lytic.sum()) / judged, 100.0 * float(sclerotic.sum()) / judged)


def _said(anatomy: Anatomy, lytic: float, sclerotic: float) -> Result:
    basis = f"of the lesion's bone voxels, against the intact bone ({anatomy.intact_basis})"
    shares = (
        measured("lytic_pct", lytic, "%", f"share {basis}, that read below half of its height"),
        measured(
            "sclerotic_pct", sclerotic, "%",
            f"share {basis}, that read {by_meaning(anatomy.image, 'sclerotic_min'):.0f} or more above it",
        ),
    )  # fmt: skip
    told = f"{lytic:.0f} % lytic, {sclerotic:.0f} % sclerotic {basis}"
    kind = _kind(lytic, sclerotic)
    if kind is None:
        stated = anatomy.lesion.matrix
        then = f"{stated} is as stated, look at the pictures" if stated else "state it"
        return Result(shares, (f"matrix is not clear: {told}; {then}",))
    return Result((measured("matrix", kind, "1", told), *shares))


def _kind(lytic: float, sclerotic: float) -> str | None:
    main, other = number("measure.matrix_main_min_pct"), number("measure.matrix_other_max_pct")
    if lytic >= other and sclerotic >= other:
        return "mixed"
    if lytic >= main:
        return "lytic"
    return "blastic" if sclerotic >= main else None


def _calm(anatomy: Anatomy, array: npt.NDArray[np.generic], inside: Mask) -> F64:
    """Values of the lesion's voxels, each the median of those around it in the lesion.

    A median keeps noise from counting as lysis or sclerosis, and unlike a mean does not spread dense patches.
    """
    spacing = anatomy.image.spacing_mm
    box = around(inside)
    held = array[box].astype(np.float64)
    # Outside the lesion stands the nearest value inside, so that nothing bleeds in from beside it.
    nearest = ndimage.distance_transform_edt(
        ~inside[box], sampling=spacing, return_distances=False, return_indices=True
    )
    reach = number("measure.matrix_median_mm")
    half = np.floor(reach / spacing + 1e-6).astype(int)
    steps = np.meshgrid(
        *(np.arange(-n, n + 1) * h for n, h in zip(half, spacing, strict=True)), indexing="ij"
    )
    ball = sum(step**2 for step in steps) <= reach**2
    calm: F64 = ndimage.median_filter(held[tuple(nearest)], footprint=ball, mode="nearest")[inside[box]]
    return calm
