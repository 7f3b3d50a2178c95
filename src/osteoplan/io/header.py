"""What the header of a NIfTI, NRRD or MetaImage file must state, and what the file must then hold.

Orientation, voxel size and unit are never guessed, and the data end where the header says: a compressed file
is read to its check sum.  All of this runs in the child process that reads a foreign file.
"""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from osteoplan.arrays import F64, U8, Array
from osteoplan.errors import BadInput
from osteoplan.io.dicom.limits import Limits
from osteoplan.model.volume import Meaning, Volume

__all__ = [
    "chunks", "inflated", "length_mm", "numbers", "placed", "readable", "require_claim", "require_edges",
    "whole",
]  # fmt: skip

_CHUNK = 1 << 20
_PADDING = 4096  # bytes of zeros or line ends that a writer may leave behind the data
_LENGTHS_MM = {
    "m": 1e3, "meter": 1e3, "metre": 1e3, "cm": 10.0, "centimeter": 10.0, "centimetre": 10.0,
    "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0,
    "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "micron": 1e-3, "micrometer": 1e-3, "micrometre": 1e-3,
    "": 1.0, "?": 1.0, "???": 1.0,
}  # fmt: skip


def length_mm(path: Path, unit: str) -> float:
    """Millimetres in a header's unit of length; a header that names none means millimetres, as is usual.

    Raises:
        BadInput: it is no length, or one that no scan is measured in.
    """
    word = unit.strip().lower()
    for known in (word, word.removesuffix("s")):
        if known in _LENGTHS_MM:
            return _LENGTHS_MM[known]
    raise BadInput(f"{path.name}: its lengths are in '{word[:20]}', which is not read; export it in mm")


def placed(
    path: Path, array: Array, affine: F64, meaning: Meaning, frame: str, *, unit: str, bound: Limits
) -> tuple[Volume, tuple[str, ...]]:
    """The image in LPS mm, and a note where its header measures in another unit.

    Args:
        path: for messages.
        array: (ni, nj, nk).
        affine: index -> LPS, in the header's unit.
        meaning, frame: as of ``Volume``.
        unit: as the header names it.
        bound: the voxel edges that are believed.

    Raises:
        BadInput: a unit, an affine or voxel edges that no scan has.
    """
    scaled = np.diag([*[length_mm(path, unit)] * 3, 1.0]) @ affine
    spacing_mm = np.linalg.norm(scaled[:3, :3], axis=0)
    stated = f"its header measures in {unit}" if unit.strip("? ") else "its header names no unit"
    require_edges(path, spacing_mm, bound, stated)
    try:
        volume = Volume(array, scaled, meaning, frame)
    except BadInput as why:
        raise BadInput(f"{path.name}: {why}") from None
    note = f"{path.name}: its lengths are in {unit}, read as voxels of {_edges(spacing_mm)}"
    return volume, () if length_mm(path, unit) == 1 else (note,)


def require_edges(path: Path, spacing_mm: F64, bound: Limits, stated: str = "in the header") -> None:
    """Voxels, planes and pixels of every format have edges that a scan has.

    Raises:
        BadInput: they do not; ``stated`` is what the header says of it.
    """
    low, high = bound.voxel_edge_min_mm, bound.voxel_edge_max_mm
    if not ((spacing_mm >= low) & (spacing_mm <= high)).all():
        raise BadInput(
            f"{path.name}: voxels of {_edges(spacing_mm)}, which is not from {low:g} to {high:g} mm "
            f"({stated}): correct unit or spacing, or export it again"
        )


def _edges(spacing_mm: F64) -> str:
    return " x ".join(f"{edge:.3g}" for edge in spacing_mm) + " mm"


def numbers(path: Path, stored: Array, meaning: Meaning, slope: float = 1.0, inter: float = 0.0) -> Array:
    """One real number a voxel: slope * stored + inter.

    Whole numbers are signed, int16 where all fit and else int32, so that a difference cannot wrap; label
    numbers of one byte stay so.  All others are float32.

    Raises:
        BadInput: colours, complex numbers, whole numbers beyond 32 bits, or values that are not finite.
    """
    if stored.dtype.kind not in "biuf":
        what = "complex numbers" if stored.dtype.kind == "c" else "colours"
        raise BadInput(f"{path.name}: holds {what}, not one real number a voxel; export plain grey values")
    scaled = (slope, inter) != (1.0, 0.0)
    if stored.dtype.kind == "f" or not (slope.is_integer() and inter.is_integer()):
        with np.errstate(over="ignore", invalid="ignore"):
            array = stored.astype(np.float32)
            if scaled:
                array *= np.float32(slope)
                array += np.float32(inter)
        if not np.isfinite(array).all():
            raise BadInput(f"{path.name}: holds values that are not numbers; export it again")
        return array
    if meaning in ("label", "mask") and stored.dtype == np.uint8 and not scaled:
        return stored
    ends = sorted(int(end) * int(slope) + int(inter) for end in (stored.min(), stored.max()))
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= ends[0] and ends[1] <= np.iinfo(kind).max:
            if not scaled:
                return stored.astype(kind, copy=False)
            short = stored.itemsize <= 2 and max(abs(slope), abs(inter)) < 2**14  # no product leaves 32 bits
            return (stored.astype(np.int32 if short else np.int64) * int(slope) + int(inter)).astype(kind)
    raise BadInput(f"{path.name}: holds values up to {max(map(abs, ends)):.3g}; export it as 16 bit numbers")


def require_claim(path: Path, shape: Sequence[int], bound: Limits) -> None:
    """No room is made for more voxels than a scan has.

    Raises:
        BadInput: the header claims none, or too many.
    """
    if not 1 <= math.prod(shape) <= bound.series_voxels_max or min(shape) < 1:
        raise BadInput(
            f"{path.name}: its header claims {' x '.join(map(str, shape))} voxels, at least 1 and at most "
            f"{bound.series_voxels_max:.2g} are read; crop it, or export it again"
        )


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """What is left of a stream, a megabyte at a time."""
    return iter(lambda: stream.read(_CHUNK), b"")


def inflated(stream: IO[bytes]) -> Iterator[bytes]:
    """The same of a deflated stream (zlib, as in MetaImage), to its check sum."""
    inflate = zlib.decompressobj(47)  # 32 + 15: with zlib's or gzip's head
    for chunk in chunks(stream):
        yield inflate.decompress(chunk)
    if not inflate.eof:
        raise EOFError("cut off")


def whole(path: Path, pieces: Iterable[bytes], count: int, into: U8 | None = None) -> None:
    """Data of exactly ``count`` bytes, kept in ``into`` where it is given.

    Raises:
        BadInput: fewer, or more than padding: then sizes or type in the header are wrong.
    """
    at = 0
    for piece in pieces:
        mine = piece[: max(count - at, 0)]
        if into is not None:
            into[at : at + len(mine)] = np.frombuffer(mine, np.uint8)
        at += len(piece)
        if piece[len(mine) :].strip(b"\0\r\n ") or at > count + _PADDING:
            raise BadInput(
                f"{path.name}: holds more than the {count} bytes that its header needs, so sizes or type "
                "are wrong; export it again"
            )
    if at < count:
        raise BadInput(
            f"{path.name}: ends after {at} of the {count} bytes that its header needs; export it again"
        )


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever a broken file makes a library raise into one sentence.

    Raises:
        BadInput: what was raised.
    """
    from gzip import BadGzipFile

    from isal.igzip_lib import IsalError

    try:
        yield
    except BadInput:
        raise
    except MemoryError:
        raise BadInput(f"{path.name}: needs more memory than there is; crop it, or export it again") from None
    except (EOFError, IsalError, BadGzipFile, zlib.error) as why:  # type: ignore[misc]
        raise BadInput(
            f"{path.name}: its compressed data are damaged or cut off ({why}); copy or export it again"
        ) from None
    except PermissionError:
        raise BadInput(f"{path.name}: may not be read by this user; change its permissions") from None
    except NotImplementedError:
        raise BadInput(
            f"{path.name}: is compressed in a way that is not read here; export it uncompressed"
        ) from None
    except Exception as why:  # its text is left out because it may quote the header
        raise BadInput(
            f"{path.name}: its contents are damaged or incomplete ({type(why).__name__}); export it again"
        ) from None
