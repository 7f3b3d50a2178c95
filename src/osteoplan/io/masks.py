"""A lesion's mask from whatever holds it: an image, a contour, a DICOM segment, an ellipsoid."""

from __future__ import annotations

from pathlib import Path

from osteoplan.anatomy.lesion_shapes import ellipsoid_at
from osteoplan.errors import BadInput
from osteoplan.io.case_file import MaskFile
from osteoplan.io.foreign import ForeignMask
from osteoplan.io.images import is_dicom, read_image
from osteoplan.model.volume import Volume

__all__ = ["read_mask"]


def read_mask(folder: Path, spec: str | MaskFile, ct: Volume, *, what: str) -> ForeignMask:
    """The mask that a case names, as True and False on the CT's grid.

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
    found = read_image(path, "mask", frame=ct.frame)
    ct.require_same_grid(found.volume, what=what)
    return ForeignMask(found.volume.with_array(found.volume.array > 0.5), found.notes)


def _structured(folder: Path, spec: MaskFile, ct: Volume) -> ForeignMask:
    if spec.ellipsoid is not None:
        return ForeignMask(ellipsoid_at(ct, spec.ellipsoid.centre_mm, spec.ellipsoid.axes_mm))
    if spec.rtstruct is not None:
        from osteoplan.io.dicom.rtstruct import read_roi

        return read_roi(folder / spec.rtstruct, spec.roi, ct)
    assert spec.seg is not None, "MaskFile holds one whole form"
    from osteoplan.io.dicom.seg import read_segment

    return read_segment(folder / spec.seg, spec.segment, ct)
