"""NIfTI in and out.  NIfTI speaks RAS, the product speaks LPS: x and y change sign here and nowhere else.

A file that this program did not write is parsed in the memory-limited child process.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from osteoplan.arrays import F64
from osteoplan.errors import BadInput
from osteoplan.io.dicom.limits import Limits, limits
from osteoplan.io.header import chunks, length_mm, numbers, placed, readable, require_claim, whole
from osteoplan.model.volume import Meaning, Volume

__all__ = ["found_nifti", "names_within", "read_nifti", "write_nifti"]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_OURS = b"osteoplan: research use only, not a medical device"
_DESCRIBED = slice(148, 148 + len(_OURS))  # where NIfTI-1 keeps what its writer says of it
_UNITS = {0: "", 1: "metres", 2: "mm", 3: "microns"}
_EXTENSION_MAX = 1 << 20  # bytes; names of a hundred structures take 15 kB
_TEMPLATES = (3, 4, 5)  # Talairach, MNI, another


def read_nifti(path: Path, meaning: Meaning, *, frame: str = "scan") -> Volume:
    """The image of ``found_nifti``, without its notes."""
    return found_nifti(path, meaning, frame=frame)[0]


def found_nifti(path: Path, meaning: Meaning, *, frame: str = "scan") -> tuple[Volume, tuple[str, ...]]:
    """Read a NIfTI file; the notes tell what its header leaves open or says in two ways.

    Whole numbers are signed (int16, or int32 where they need it), all others float32.

    Raises:
        BadInput: the file is absent, not NIfTI, damaged, without orientation or with two that differ, of
            implausible size, or holds anything but one real number a voxel.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file; check the path in case.yaml")
    if _is_ours(path):
        return _parsed(path, meaning, frame, limits())
    from osteoplan.io.dicom.opened import apart

    return apart(_parsed, path, meaning, frame, limits())


def names_within(path: Path) -> dict[str, int]:
    """Name -> number, as an extension of the header lists them (TotalSegmentator); empty where none does.

    Raises:
        BadInput: damaged, or one number or name stands there twice.
    """
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        return {}
    with suppress(Exception), _stream(path) as stream:
        if b"<Label" not in stream.read(_EXTENSION_MAX):
            return {}
    from osteoplan.io.dicom.opened import apart

    return apart(_named, path)


def _is_ours(path: Path) -> bool:
    """True for what ``write_nifti`` wrote: it is read in process, 0.5 s faster."""
    with suppress(Exception), _stream(path) as stream:
        return stream.read(_DESCRIBED.stop)[_DESCRIBED] == _OURS
    return False


def write_nifti(volume: Volume, path: Path) -> None:
    """Write a NIfTI file (``.nii.gz``), beside and then renamed, so that none is ever half written."""
    import nibabel as nib
    from isal import igzip

    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    image = nib.Nifti1Image(array, _RAS_TO_LPS @ volume.affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = _OURS
    image.set_sform(image.affine, code=1)
    image.set_qform(image.affine, code=1)
    beside = path.with_name("." + path.name.removesuffix(".nii.gz") + ".part.nii.gz")
    # no name and no time of its own: the same image is the same file
    with beside.open("wb") as file, igzip.IGzipFile("", "wb", 1, file, mtime=0) as stream:
        image.to_stream(stream)
    beside.replace(path)


# --- in the child process; what this program wrote is parsed by the same lines without one


@contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    """The file, inflated where it is a gzip, whatever its name says."""
    from isal import igzip

    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        yield igzip.IGzipFile(fileobj=file) if packed else file


def _parsed(path: Path, meaning: Meaning, frame: str, bound: Limits) -> tuple[Volume, tuple[str, ...]]:
    with readable(path), _stream(path) as stream:
        header, at = _header(path, stream)
        shape = header.get_data_shape()
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) != 3:
            raise BadInput(
                f"{path.name}: has {len(shape)} axes, an image has 3; give one volume, not a series"
            )
        require_claim(path, shape, bound)
        unit, affine = _stated(path, header)
        kind = header.get_data_dtype()
        raw = np.empty(math.prod(shape) * kind.itemsize, np.uint8)
        stream.read(max(int(header["vox_offset"]), at + 4) - at)  # 4 bytes tell of extensions
        whole(path, chunks(stream), len(raw), raw)
        slope, inter = header.get_slope_inter()  # None where the header gives no scale
        scale = (1.0, 0.0) if slope is None else (slope, inter)
        array = numbers(path, raw.view(kind).reshape(shape, order="F"), meaning, *scale)
        volume, notes = placed(path, array, affine, meaning, frame, unit=unit, bound=bound)
        return volume, (*notes, *_told_twice(path, header, volume, length_mm(path, unit), bound))


def _header(path: Path, stream: IO[bytes]) -> tuple[Any, int]:
    """NIfTI-1 or NIfTI-2, in either byte order, and its length [bytes]."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    block = stream.read(Nifti1Header.sizeof_hdr)
    kind: Any = Nifti1Header
    if Nifti2Header.sizeof_hdr in (int.from_bytes(block[:4], order) for order in ("little", "big")):
        kind, block = Nifti2Header, block + stream.read(Nifti2Header.sizeof_hdr - len(block))
    if not kind.may_contain_header(block):
        raise BadInput(f"{path.name}: not a NIfTI image; give .nii or .nii.gz, NRRD, MetaImage or DICOM")
    header = kind(block)
    if header["magic"].item() != kind.single_magic:
        raise BadInput(f"{path.name}: is the header of a pair (.hdr and .img); save both as one .nii.gz")
    return header, len(block)


def _stated(path: Path, header: Any) -> tuple[str, F64]:
    """The unit of length and index -> LPS in it, by the sform where there is one, else by the qform."""
    code = int(header["xyzt_units"]) & 7
    if code not in _UNITS:
        raise BadInput(
            f"{path.name}: its unit of length (xyzt_units {code}) is none of NIfTI's; export it again"
        )
    for form in ("sform", "qform"):
        if header[f"{form}_code"] > 0:
            return _UNITS[code], _RAS_TO_LPS @ getattr(header, f"get_{form}")()
    raise BadInput(
        f"{path.name}: does not say where it lies (qform_code and sform_code are 0), so left and right are "
        "unknown; export it with its orientation"
    )


def _told_twice(path: Path, header: Any, volume: Volume, unit_mm: float, bound: Limits) -> tuple[str, ...]:
    """Notes on what the header says again, or of another space.

    Raises:
        BadInput: the qform puts the image elsewhere; other programs may follow that one.
    """
    notes = []
    codes = {form: int(header[f"{form}_code"]) for form in ("sform", "qform")}
    taken = "sform" if codes["sform"] > 0 else "qform"
    if codes[taken] in _TEMPLATES:
        notes.append(
            f"{path.name}: lies in the space of a template ({taken}_code {codes[taken]}): places and sizes "
            "are the template's, not the patient's"
        )
    if min(codes.values()) > 0:
        other = _RAS_TO_LPS @ np.diag([*[unit_mm] * 3, 1.0]) @ header.get_qform()
        corners = np.array(np.meshgrid(*[(0, n - 1, 1) for n in volume.shape])).reshape(3, -1).T
        moved = volume.positions_mm(corners) - replace(volume, affine=other).positions_mm(corners)
        gap = float(np.linalg.norm(moved, axis=1).max())
        said = f"{path.name}: sform and qform put the image up to {gap:.3g} mm apart"
        if gap > volume.spacing_mm.min() / 2:
            raise BadInput(f"{said}, and programs follow the one or the other; save it with one orientation")
        if gap > bound.header_rounding_mm:
            notes.append(f"{said}; the sform was taken")
    elif taken == "sform":
        zooms = np.asarray(header["pixdim"][1:4], dtype=np.float64) * unit_mm
        if (np.abs(zooms - volume.spacing_mm) * volume.shape).max() > bound.header_rounding_mm:
            told, used = (" x ".join(f"{edge:.3g}" for edge in edges) for edges in (zooms, volume.spacing_mm))
            notes.append(
                f"{path.name}: pixdim says voxels of {told} mm, the sform {used} mm; the sform was taken"
            )
    return tuple(notes)


def _named(path: Path) -> dict[str, int]:
    with readable(path), _stream(path) as stream:
        header, at = _header(path, stream)
        size = min(max(int(header["vox_offset"]) - at, 0), _EXTENSION_MAX)
        text = stream.read(size).decode("utf-8", errors="replace")
        rows = re.findall(r'<Label\b[^>]*\bKey="([1-9]\d{0,4})"[^>]*>\s*<!\[CDATA\[(.*?)\]\]>', text)
        names = {name: int(number) for number, name in rows}
        if len(names) != len(set(rows)) or len(set(names.values())) != len(names):
            raise BadInput(
                f"{path.name}: its header lists a name or a number twice; give --names FILE.csv instead"
            )
        return names
