"""NIfTI in and out.  NIfTI speaks RAS, the product speaks LPS: x and y change sign here and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.errors import BadInput
from osteoplan.model.volume import Meaning, Volume

__all__ = ["read_nifti", "write_nifti"]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_nifti(path: Path, meaning: Meaning, *, frame: str = "scan") -> Volume:
    """Read a NIfTI file.

    Integer storage without scaling stays integer; scaled or floating data become float32.

    Raises:
        BadInput: the file is absent, not NIfTI, truncated, or has no usable affine.
    """
    import nibabel as nib  # imported late: 0.2 s that `import osteoplan` need not pay
    from isal import igzip
    from isal.igzip_lib import IsalError
    from nibabel.filebasedimages import ImageFileError, SerializableImage

    if not path.is_file():
        raise BadInput(f"{path}: no such file; check the path in case.yaml")
    try:
        image: Any = nib.load(path)
        with igzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            if isinstance(image, SerializableImage):
                image = type(image).from_stream(stream)
            slope, inter = image.dataobj.slope, image.dataobj.inter
            scaled = (slope, inter) != (1.0, 0.0) or not np.issubdtype(image.get_data_dtype(), np.integer)
            array = image.get_fdata(dtype=np.float32) if scaled else np.asanyarray(image.dataobj)
    except (ImageFileError, IsalError, OSError, EOFError, ValueError, AttributeError) as why:  # type: ignore[misc]
        raise BadInput(f"{path}: not a readable NIfTI image ({why}); export it again") from why
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if scaled and not np.isfinite(array).all():
        raise BadInput(f"{path}: holds values that are not numbers; export it again")
    affine = _RAS_TO_LPS @ np.asarray(image.affine, dtype=np.float64)
    try:
        return Volume(array, affine, meaning, frame)
    except BadInput as why:
        raise BadInput(f"{path}: {why}") from why


def write_nifti(volume: Volume, path: Path) -> None:
    """Write a NIfTI file (``.nii.gz``), beside and then renamed, so that none is ever half written."""
    import nibabel as nib
    from isal import igzip

    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    image = nib.Nifti1Image(array, _RAS_TO_LPS @ volume.affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"osteoplan: research use only, not a medical device"
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    beside = path.with_name("." + path.name.removesuffix(".nii.gz") + ".part.nii.gz")
    # no name and no time of its own: the same image is the same file
    with beside.open("wb") as file, igzip.IGzipFile("", "wb", 1, file, mtime=0) as stream:
        image.to_stream(stream)
    beside.replace(path)
