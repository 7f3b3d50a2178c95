"""A lesion's mask from whatever holds it: an image, a contour, a DICOM segment, an ellipsoid."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from osteoplan.anatomy.lesion_shapes import ellipsoid_at
from osteoplan.arrays import Array
from osteoplan.errors import BadInput, UnknownName
from osteoplan.io.case_file import MaskFile
from osteoplan.io.foreign import ForeignMask
from osteoplan.io.grid import on_grid_of
from osteoplan.io.images import is_dicom, lists_segments, read_image
from osteoplan.model.volume import Volume

__all__ = ["read_mask", "whole_numbers"]


def read_mask(
    folder: Path, spec: str | MaskFile, ct: Volume, *, what: str, part: str | None = None
) -> ForeignMask:
    """The mask that a case names, as True and False on the CT's grid.

    Args:
        part: the number that is meant, where an image holds several; the name of a ``.seg.nrrd`` segment.

    Raises:
        BadInput: unreadable, or a DICOM file without the name of its contour or segment.
        GeometryMismatch: drawn on another grid or in another frame than the CT's.
    """
    if isinstance(spec, MaskFile):
        return _structured(folder, spec, ct)
    path = folder / spec
    if is_dicom(path):
        raise BadInput(
            f"{path}: a DICOM file holds several masks; write {{rtstruct: FILE, roi: NAME}} or "
            "{seg: FILE, segment: NAME}"
        )
    if lists_segments(path):
        from osteoplan.io.itk import read_nrrd_segment

        return read_nrrd_segment(path, part, ct)
    found = read_image(path, "mask", frame=ct.frame)
    given, notes = on_grid_of(ct, found.volume, what=what)
    numbers = whole_numbers(given.array, what=what)
    if part is not None and part not in map(str, numbers):
        raise UnknownName("number of the mask", part, map(str, numbers), path.name)
    if part is None and len(numbers) > 1:
        raise BadInput(
            f"{what} holds several numbers ({', '.join(map(str, numbers[:8]))}): say which one is the lesion "
            "(--part NUMBER), or give a mask of it alone"
        )
    meant = given.array == int(part) if part is not None else given.array != 0
    return ForeignMask(given.with_array(meant), (*found.notes, *notes))


def whole_numbers(array: Array, *, what: str) -> tuple[int, ...]:
    """The numbers other than 0 that stand in a mask or label map.

    Raises:
        BadInput: numbers between whole ones (interpolated, a probability), negative or huge ones (a CT).
    """
    if array.dtype.kind == "f":
        rounded = np.rint(array)
        between = np.abs(array - rounded)
        if between.max(initial=0) > 1e-3:
            odd = array.ravel()[int(between.argmax())]
            raise BadInput(
                f"{what} holds numbers between whole ones (such as {odd:.3g}): it was interpolated, or is a "
                "probability; resample it with the nearest neighbour, or export it as labels"
            )
        array = rounded
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    if low < 0 or high > 65535:
        raise BadInput(
            f"{what} holds values from {low} to {high}, which no label has: is it the CT? give the labels"
        )
    return tuple(int(n) for n in np.flatnonzero(np.bincount(array.ravel().astype(np.int64))) if n)


def _structured(folder: Path, spec: MaskFile, ct: Volume) -> ForeignMask:
    if spec.ellipsoid is not None:
        return ForeignMask(ellipsoid_at(ct, spec.ellipsoid.centre_mm, spec.ellipsoid.axes_mm))
    if spec.rtstruct is not None:
        from osteoplan.io.dicom.rtstruct import read_roi

        return read_roi(folder / spec.rtstruct, spec.roi, ct)
    assert spec.seg is not None, "MaskFile holds one whole form"
    from osteoplan.io.dicom.seg import read_segment

    return read_segment(folder / spec.seg, spec.segment, ct)
