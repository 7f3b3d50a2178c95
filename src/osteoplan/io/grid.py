"""An image on the CT's grid, where its voxel centres are the CT's: in any order of axes, flipped or not.

Programs store one scan in different ways: dcm2niix turns the rows of a DICOM series, so a label map made of
its output has every voxel at its place and in another order.  Nothing is interpolated here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["on_grid_of", "rounded_note"]


def on_grid_of(
    ct: Volume, image: Volume, *, what: str, reference: str = "the CT"
) -> tuple[Volume, tuple[str, ...]]:
    """The image with the CT's axes, and a note where its header was rounded.

    Args:
        ct: the grid.
        image: on the same grid, its axes in any order and direction.
        what, reference: their names in messages.

    Raises:
        GeometryMismatch: another frame, or other voxel centres; the difference is named.
    """
    steps = np.linalg.solve(ct.affine[:3, :3], image.affine[:3, :3])  # of the image's axes, in CT voxels
    axis = np.abs(steps).argmax(axis=1)  # of the image, along i, j and k of the CT
    if image.frame == ct.frame and sorted(axis) == [0, 1, 2]:
        image = _reordered(image, axis, backward=steps[np.arange(3), axis] < 0)
    gap_mm = ct.gap_mm(image)
    if gap_mm > number("contours.rounded_header_part") * ct.spacing_mm.min():
        ct.require_same_grid(image, what=what, reference=reference)
    laid = Volume(image.array, ct.affine, image.meaning, image.frame)
    ct.require_same_grid(laid, what=what, reference=reference)
    if gap_mm <= number("contours.same_place_mm"):
        return laid, ()
    return laid, (rounded_note(what, reference, gap_mm),)


def rounded_note(what: str, reference: str, gap_mm: float) -> str:
    """That an image was taken as on a grid from which its header differs a little."""
    said = f"its header differs by up to {gap_mm:.3f} mm (rounded?)"
    return f"{what} was taken as on the grid of {reference}: {said}"


def _reordered(image: Volume, axis: npt.NDArray[np.intp], backward: npt.NDArray[np.bool_]) -> Volume:
    """The same voxels at the same places, along other axes."""
    turned = image.affine[:, [*axis, 3]]
    array = image.array.transpose(axis)
    for along in map(int, np.flatnonzero(backward)):
        array = np.flip(array, along)
        turned[:3, 3] += turned[:3, along] * (array.shape[along] - 1)
        turned[:3, along] *= -1
    return Volume(np.ascontiguousarray(array), turned, image.meaning, image.frame)
