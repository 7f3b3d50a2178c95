"""NRRD and MetaImage opened: where the text of the header puts the voxels, and whether the data are whole.

ITK decodes the data.  It fills what a header leaves out (identity, 1 mm), knows no unit and may stop before a
check sum, so place and unit are read here, and the data are counted.  All of it runs in the child process.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from isal import igzip

from osteoplan.arrays import F64, Array
from osteoplan.errors import BadInput
from osteoplan.io.dicom.limits import Limits
from osteoplan.io.header import chunks, inflated, length_mm, numbers, placed, readable, require_claim, whole
from osteoplan.model.volume import Meaning, Volume

__all__ = ["parsed"]

NRRD, META = (".nrrd", ".nhdr"), (".mha", ".mhd")
_HEAD = 1 << 20  # bytes; a header is shorter
_SEGMENTS = r"Segment\d+_(Name|LabelValue|Layer)$|Segmentation_ReferenceImageExtentOffset$"
_LPS = {
    "left-posterior-superior": (1, 1, 1), "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1), "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1), "las": (1, -1, 1),
}  # fmt: skip
# MetaImage names an axis by where it comes from: R is an axis that runs to the left.
_FROM = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "I": (0, 0, 1), "S": (0, 0, -1)}
_NAMED_COSINE = 0.3  # ITK names an axis by the direction it runs along most, at least 0.36 in any rotation


# Unit, index -> LPS in it, notes, and the data as they are stored, decoded: None where they are text, follow
# something that is skipped, or lie in numbered files.
Stated = tuple[str, F64, tuple[str, ...], Iterator[bytes] | None]


def parsed(
    path: Path, meaning: Meaning, frame: str, bound: Limits
) -> tuple[tuple[Volume, ...], dict[str, str], tuple[str, ...]]:
    """One image for each value of a voxel, what the header says of segments, and notes.

    Raises:
        BadInput: absent, another format, damaged, or a header that leaves place or size open.
    """
    if not path.is_file():
        raise BadInput(f"{path.name}: no such file; check the path in case.yaml")
    kind = path.suffix.lower()
    if kind not in NRRD + META:
        raise BadInput(f"{path.name}: neither NRRD nor MetaImage ({', '.join(NRRD + META)}); export it so")
    with readable(path):
        unit, affine, notes, pieces = _nrrd(path) if kind in NRRD else _meta(path, bound)
        array, said = _decoded(path, pieces, bound)
        layers = [numbers(path, array[..., n], meaning) for n in range(array.shape[3])]
        found = [placed(path, one, affine, meaning, frame, unit=unit, bound=bound) for one in layers]
    return tuple(image for image, _ in found), said, (*notes, *found[0][1])


def _decoded(path: Path, pieces: Iterator[bytes] | None, bound: Limits) -> tuple[Array, dict[str, str]]:
    """(ni, nj, nk, values of a voxel), and what is said of segments."""
    import SimpleITK as sitk

    sitk.ProcessObject.GlobalWarningDisplayOff()
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size, values = reader.GetSize(), reader.GetNumberOfComponents()
    if len(size) != 3:
        raise BadInput(f"{path.name}: has {len(size)} axes, an image has 3; give one volume, not a series")
    require_claim(path, size, bound)
    voxel = sitk.Image([1, 1, 1], reader.GetPixelID(), values if values > 1 else 0)
    if pieces is not None:
        whole(path, pieces, math.prod(size) * values * voxel.GetSizeOfPixelComponent())
    image = reader.Execute()
    array = sitk.GetArrayFromImage(image)
    said = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys() if re.match(_SEGMENTS, key)}
    return array.reshape(*array.shape[:3], values).transpose(2, 1, 0, 3), said


def _nrrd(path: Path) -> Stated:
    text, at = _head(path, r"\r?\n\r?\n")
    rows = re.findall(r"^([\w ]+):[ \t]+(.*?)\s*$", text[:at], re.MULTILINE)
    said = {key.lower().replace(" ", ""): value for key, value in rows}
    space = said.get("space", "").lower()
    if space not in _LPS:
        raise BadInput(
            f"{path.name}: does not say in which space it lies (NRRD field 'space'), so left and right "
            "are unknown; export it with its orientation"
        )
    axes = re.findall(r"\(([^)]*)\)", said.get("spacedirections", ""))
    if len(axes) != 3:
        raise _unplaced(path, "NRRD field 'space directions'")
    units = set(re.findall(r'"([^"]*)"', said.get("spaceunits", ""))) or {""}
    if len({length_mm(path, unit) for unit in units}) > 1:
        raise BadInput(f"{path.name}: its axes are measured in different units; export it in mm")
    steps = np.array([_floats(path, axis, 3) for axis in axes])
    affine, notes = _affine(path, steps, said.get("spaceorigin", "").strip("()"))
    files = _data_files(path, said.get("datafile", "LOCAL"), text, at)
    skipped = any(said.get(key, "0") != "0" for key in ("byteskip", "lineskip"))
    encoding = said.get("encoding", "").lower()
    if encoding in ("bz2", "bzip2"):
        raise BadInput(
            f"{path.name}: is compressed with bzip2, which is not read; save it with gzip or without"
        )
    decode = None if skipped else _NRRD_DECODE.get(encoding)
    return units.pop(), np.diag([*_LPS[space], 1.0]) @ affine, notes, _pieces(files, decode)


def _meta(path: Path, bound: Limits) -> Stated:
    text, at = _head(path, r"(?m)^ElementDataFile\s*=.*\n?")
    said = dict(re.findall(r"^(\w+)[ \t]*=[ \t]*(.*?)\s*$", text[:at], re.MULTILINE))

    def first(*names: str) -> str:
        return next((said[name] for name in names if name in said), "")

    if first("NDims") != "3":
        raise BadInput(f"{path.name}: has not 3 axes; give one volume, not a slice or a series")
    turn, edges = first("TransformMatrix", "Rotation", "Orientation"), first("ElementSpacing", "ElementSize")
    if not turn or not edges:
        raise _unplaced(path, "MetaImage fields 'TransformMatrix' and 'ElementSpacing'")
    axes = _floats(path, turn, 9).reshape(3, 3)
    if np.abs(axes @ axes.T - np.eye(3)).max() > bound.cosine_tolerance:
        raise BadInput(f"{path.name}: its TransformMatrix is no rotation; export it again")
    code = first("AnatomicalOrientation").upper()
    if len(code) == 3 and set(code) <= set(_FROM):
        cosines = (axes * [_FROM[letter] for letter in code]).sum(axis=1)
        # Some programs name where an axis runs to instead.
        if cosines.min() < _NAMED_COSINE and cosines.max() > -_NAMED_COSINE:
            raise BadInput(
                f"{path.name}: AnatomicalOrientation {code} contradicts its TransformMatrix, so left and "
                "right are unknown; export it again"
            )
    steps = axes * _floats(path, edges, 3)[:, None]
    affine, notes = _affine(path, steps, first("Offset", "Position", "Origin"))
    files = _data_files(path, first("ElementDataFile"), text, at)
    plain = said.get("BinaryData", "True")[:1] in "Tt1" and said.get("HeaderSize", "0") == "0"
    decode = inflated if said.get("CompressedData", "False")[:1] in "Tt1" else chunks
    if files and decode is inflated:
        held, size = files[0][0].stat().st_size - files[0][1], said.get("CompressedDataSize", "")
        # ITK reads as much as is said, within a file nothing where nothing is said, and fills the rest
        if (size or files[0][1]) and size != str(held):
            raise BadInput(
                f"{path.name}: its compressed data are damaged or cut off ({size[:20] or '0'!a} bytes are "
                f"stated, {held} are there); export it again"
            )
    return said.get("DistanceUnits", ""), affine, notes, _pieces(files, decode if plain else None)


def _unplaced(path: Path, fields: str) -> BadInput:
    return BadInput(
        f"{path.name}: does not say how its voxels lie and how large they are ({fields}); export it with its "
        "orientation and spacing"
    )


def _head(path: Path, end: str) -> tuple[str, int]:
    """The beginning of a file as text, and where its header ends; one character is one byte."""
    with path.open("rb") as file:
        text = file.read(_HEAD).decode("latin-1")
    found = re.search(end, text)
    return text, found.end() if found else len(text)


def _floats(path: Path, text: str, count: int) -> F64:
    found = np.array([float(word) for word in text.replace(",", " ").split()])
    if found.shape != (count,) or not np.isfinite(found).all():
        raise BadInput(
            f"{path.name}: a place, direction or spacing is not {count} finite numbers; export it again"
        )
    return found


def _affine(path: Path, steps: F64, origin: str) -> tuple[F64, tuple[str, ...]]:
    """Rows of ``steps`` are those from voxel to voxel."""
    affine = np.eye(4)
    affine[:3, :3] = steps.T
    if not origin:
        return affine, (f"{path.name}: does not say where its first voxel lies; 0, 0, 0 mm was taken",)
    affine[:3, 3] = _floats(path, origin, 3)
    return affine, ()


Decode = Callable[[IO[bytes]], Iterator[bytes]]
_NRRD_DECODE: dict[str, Decode] = {
    "raw": chunks,
    **dict.fromkeys(("gz", "gzip"), lambda stream: chunks(igzip.IGzipFile(fileobj=stream))),
}


def _data_files(path: Path, name: str, text: str, at: int) -> list[tuple[Path, int]] | None:
    """Where the data are: file and first byte; None for numbered files, which ITK finds.

    Raises:
        BadInput: one of them is not there.
    """
    if name.upper() == "LOCAL":
        return [(path, at)]
    if "%" in name:
        return None
    rows = re.search(r"LIST.*\n((?:.+\n?)*)", text) if name.startswith("LIST") else None
    names = rows[1].split("\n") if rows else [name]
    files = [(path.parent / one.strip(), 0) for one in names if one.strip()]
    for file, _ in files:
        if not file.is_file():
            raise BadInput(
                f"{path.name}: its data file {file.name[:64]!a} is not there; put it beside the header, "
                "or export as one file"
            )
    return files


def _pieces(files: list[tuple[Path, int]] | None, decode: Decode | None) -> Iterator[bytes] | None:
    return None if files is None or decode is None else _decoded_files(files, decode)


def _decoded_files(files: list[tuple[Path, int]], decode: Decode) -> Iterator[bytes]:
    for file, at in files:
        with file.open("rb") as stream:
            stream.seek(at)
            yield from decode(stream)
