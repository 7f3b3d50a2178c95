"""Any image that a case may name: NIfTI, NRRD, MetaImage, a DICOM folder or zip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osteoplan.errors import BadInput
from osteoplan.io.dicom.archive import is_marked
from osteoplan.io.nifti import found_nifti
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.volume import Meaning, Volume

__all__ = ["ReadImage", "is_dicom", "is_image", "lists_segments", "read_image", "stem"]

NIFTI, ITK = (".nii", ".nii.gz"), (".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass(frozen=True, eq=False)
class ReadImage:
    """An image, how it was taken where the file tells, and what was noticed or repaired on reading."""

    volume: Volume
    acquisition: Acquisition | None = None
    notes: tuple[str, ...] = ()


def is_dicom(path: Path) -> bool:
    """True for a folder, a zip, and a single file that says so by its name or its first bytes."""
    if path.is_dir() or path.suffix.lower() in (".zip", ".dcm", ".ima"):
        return True
    return path.is_file() and is_marked(path)


def is_image(path: Path) -> bool:
    """True for a file that is called like a NIfTI, NRRD or MetaImage."""
    return path.is_file() and not path.name.startswith(".") and path.name.lower().endswith((*NIFTI, *ITK))


def lists_segments(path: Path) -> bool:
    """True for an NRRD file whose header names segments, as 3D Slicer writes it."""
    if not path.name.lower().endswith((".nrrd", ".nhdr")) or not path.is_file():
        return False
    with path.open("rb") as file:
        return b"Segment0_Name" in file.read(1 << 16)


def stem(path: Path) -> str:
    """Name of an image file without its ending, both parts of ``.nii.gz``."""
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name


def read_image(
    path: Path, meaning: Meaning, *, series: str | None = None, straighten: bool = False, frame: str = "scan"
) -> ReadImage:
    """Read an image by what it is.

    Args:
        path: file or DICOM folder.
        meaning: of the values where the file does not tell (everything but DICOM).
        series: pseudonym of the series, where a DICOM folder holds several.
        straighten: resample a series with gantry tilt instead of refusing it.
        frame: frame of reference of files that hold none.

    Raises:
        BadInput: absent, of a kind that is not read, or damaged.
    """
    if not path.exists():
        raise BadInput(f"{path}: no such file; check the path")
    name = path.name.lower()
    if is_dicom(path):
        from osteoplan.io.dicom.image import read_series

        found = read_series(path, series=series, straighten=straighten)
        return ReadImage(found.volume, found.acquisition, found.notes)
    if name.endswith(NIFTI):
        volume, notes = found_nifti(path, meaning, frame=frame)
        return ReadImage(volume, notes=notes)
    if name.endswith(ITK):
        from osteoplan.io.itk import found_itk

        volume, notes = found_itk(path, meaning, frame=frame)
        return ReadImage(volume, notes=notes)
    if name.endswith((".hdr", ".img")):
        raise BadInput(
            f"{path}: one of a pair of files (.hdr, .img); save both as one .nii.gz with orientation"
        )
    raise BadInput(
        f"{path}: not an image that is read here; give NIfTI (.nii.gz), NRRD, MHA, or a DICOM folder or zip"
    )
