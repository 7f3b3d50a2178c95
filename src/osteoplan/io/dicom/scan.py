"""Every file below a path looked at once: image slices with their headers, and what else is there, counted.

This runs in the child process (``child.py``).  No sentence here holds what a header or a file name says.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import Any, BinaryIO

from osteoplan.errors import BadInput, OnStep
from osteoplan.io.dicom.archive import HEAD, Files, inflated, is_bare
from osteoplan.io.dicom.header import KEYWORDS, MODALITIES, Slice, pseudonym, slices_of
from osteoplan.io.dicom.limits import Limits

__all__ = ["INDEX", "NATIVE", "Aside", "Pixels", "Scan", "marked", "plain", "scan"]

_DEFLATED = "1.2.840.10008.1.2.1.99"
#: Transfer syntaxes without compression: pixels are words in the file.
NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
_COMPRESSED = frozenset(
    {
        "1.2.840.10008.1.2.5",  # RLE
        "1.2.840.10008.1.2.4.50",  # JPEG baseline
        "1.2.840.10008.1.2.4.51",  # JPEG extended
        "1.2.840.10008.1.2.4.57",  # JPEG lossless
        "1.2.840.10008.1.2.4.70",
        "1.2.840.10008.1.2.4.80",  # JPEG-LS
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.90",  # JPEG 2000
        "1.2.840.10008.1.2.4.91",
    }
)
INDEX = "an index of files (DICOMDIR)"
_OBJECTS = {
    "SR": "a report (dose or measurements), not an image",
    "PR": "a presentation state, not an image",
    "KO": "a list of key images, not an image",
    "DOC": "a document, not an image",
    "SEG": "a segmentation: give it as labels or as the lesion",
    "RTSTRUCT": "contours: give them as the lesion or as structures",
    "RTDOSE": "a dose: give it as the prior dose",
    "RTPLAN": "a radiotherapy plan, not an image",
    "REG": "a registration, not an image",
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_DICOMDIR = "1.2.840.10008.1.3.10"


@dataclass(frozen=True)
class Pixels:
    """Where the pixels of a file are.

    Attributes:
        syntax: transfer syntax.
        offset: of the first pixel's byte in the plain stream; None where the pixels are compressed.
        problem: why they cannot be read, in words.
    """

    syntax: str
    offset: int | None
    problem: str = ""


@dataclass(frozen=True)
class Aside:
    """A DICOM object that is no slice, and what it is."""

    series: str
    study: str
    modality: str
    reason: str


@dataclass(frozen=True, eq=False)
class Scan:
    """What lies below a path.

    Attributes:
        slices: of all images.
        pixels: by file number, of images.
        asides: one for each other DICOM object.
        rest: how many files were something else, by reason.
    """

    slices: list[Slice]
    pixels: dict[int, Pixels]
    asides: list[Aside]
    rest: Counter[str]


def scan(files: Files, on_step: OnStep | None = None) -> Scan:
    """Look at every file; ``on_step`` is told (files done, share done).

    Raises:
        BadInput: an archive's member or a deflated file grows beyond the limits.
    """
    found = Scan([], {}, [], Counter())
    if files.passed:
        found.rest["links or devices, which are not followed"] = files.passed
    for n in range(len(files)):
        with files.open(n) as stream:
            _look(stream, n, f"{files.root}: file {n + 1} of {len(files)}", found, files.limits)
        if on_step is not None and n % 25 == 0:
            on_step(n + 1, (n + 1) / len(files))
    return found


def plain(stream: BinaryIO, where: str, limits: Limits) -> BinaryIO:
    """The stream with its mark, or its data set inflated, under the caps on size and ratio; at its beginning.

    Raises:
        BadInput: it grows beyond the limits.
        Exception: whatever pydicom raises on what is not DICOM.
    """
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset, read_preamble
    from pydicom.uid import ExplicitVRLittleEndian

    stream = marked(stream)
    read_preamble(stream, False)
    meta = FileMetaDataset(
        read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
    )
    if str(meta.get("TransferSyntaxUID", "")) != _DEFLATED:
        stream.seek(0)
        return stream
    grown = inflated(stream.read(), where, limits)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return _begun(meta, grown)


def marked(stream: BinaryIO) -> BinaryIO:
    """The stream; a bare one gets preamble and mark, and the transfer syntax that it is written in."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    head = stream.read(HEAD)
    stream.seek(0)
    if not is_bare(head):
        return stream
    if head[0] == 2:  # its own meta information tells the syntax
        return io.BytesIO(_PREAMBLE + stream.read())
    meta = FileMetaDataset()
    explicit = ExplicitVRBigEndian if head[0] == 0 else ExplicitVRLittleEndian
    meta.TransferSyntaxUID = explicit if head[4:6].isalpha() else ImplicitVRLittleEndian
    return _begun(meta, stream.read())


def _begun(meta: Any, content: bytes) -> BinaryIO:
    """A file in memory: preamble, mark, meta information, data set."""
    from pydicom.filewriter import write_file_meta_info

    again = io.BytesIO()
    again.write(_PREAMBLE)
    write_file_meta_info(again, meta, enforce_standard=False)
    again.write(content)
    again.seek(0)
    return again


_PREAMBLE = b"\0" * 128 + b"DICM"


def _look(stream: BinaryIO, n: int, where: str, found: Scan, limits: Limits) -> None:
    """Add one file to what was found."""
    head = stream.read(HEAD)
    if head[128:] != b"DICM" and not is_bare(head):
        found.rest["not DICOM (no DICM mark)"] += 1
        return
    stream.seek(0)
    try:
        stream = plain(stream, where, limits)
        dataset, pixels = _read(stream)
        modality, sop_class = str(dataset.get("Modality", "")), str(dataset.get("SOPClassUID", ""))
        image = modality in ("CT", "MR") and not sop_class.startswith(_SECONDARY_CAPTURE)
        if pixels is not None and image:
            slices = slices_of(dataset, n)
            found.pixels[n] = _checked(pixels, slices)
            found.slices.extend(slices)
        else:
            found.asides.append(_aside(dataset, modality, sop_class))
    except (BadInput, MemoryError):
        raise
    except Exception:  # pydicom raises what the broken bytes happen to hit; the text may quote them
        found.rest["DICOM with a damaged header"] += 1


def _read(stream: BinaryIO) -> tuple[Any, tuple[Pixels, int] | None]:
    """The header's kept keywords, and the pixels with their length in bytes; None where there are none."""
    from pydicom.filereader import read_partial
    from pydicom.tag import Tag

    at: list[tuple[int, int, int]] = []

    def at_pixels(tag: int, vr: str | None, length: int) -> bool:
        if tag in (0x7FE00008, 0x7FE00009, 0x7FE00010):
            at.append((int(tag), stream.tell(), length))
        return bool(at)

    dataset = read_partial(stream, stop_when=at_pixels, specific_tags=[Tag(key) for key in KEYWORDS])
    if not at:
        return dataset, None
    (tag, offset, length), size = at[0], stream.seek(0, io.SEEK_END)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if tag != 0x7FE00010:
        return dataset, (Pixels(syntax, None, "holds pixels as floating numbers"), 0)
    if syntax in NATIVE:
        short = "ends before its pixels do" if offset + length > size else ""
        return dataset, (Pixels(syntax, offset, short), length)
    known = "" if syntax in _COMPRESSED else "is compressed in a way that is not read"
    return dataset, (Pixels(syntax, None, known), size - offset)


def _checked(read: tuple[Pixels, int], slices: list[Slice]) -> Pixels:
    """The pixels, or their problem: what the header says about their size is held against the file."""
    pixels, length = read
    rows, columns, frames = slices[0].header.shape
    allocated, stored, high = slices[0].header.bits
    problem = pixels.problem
    if slices[0].header.samples != 1 or slices[0].header.photometric != "MONOCHROME2":
        problem = problem or "is a colour or inverted image, not a grey one (MONOCHROME2)"
    if allocated not in (8, 16, 32) or not 0 < stored <= allocated or high != stored - 1:
        problem = problem or "stores its pixels in an unusual number of bits"
    if frames != len(slices):
        problem = problem or "announces another number of frames than it describes"
    expected = rows * columns * frames * allocated // 8
    wrong = length not in (expected, expected + 1) if pixels.syntax in NATIVE else length < frames
    if expected == 0 or wrong:
        problem = problem or "holds another number of bytes than rows x columns x frames need"
    return Pixels(pixels.syntax, pixels.offset, problem)


def _aside(dataset: Any, modality: str, sop_class: str) -> Aside:
    if sop_class == _DICOMDIR or "DirectoryRecordSequence" in dataset:
        reason = INDEX
    elif sop_class.startswith(_SECONDARY_CAPTURE):
        reason = "a screen save or secondary capture, not a scan"
    elif modality in ("CT", "MR"):
        reason = "an object of the scanner without pixels, not an image"
    else:
        reason = _OBJECTS.get(modality, "neither CT nor MR")
    known = modality if modality in MODALITIES else "OT"
    series = pseudonym(dataset.get("SeriesInstanceUID"), "series")
    study = pseudonym(dataset.get("StudyInstanceUID"), "study")
    return Aside(series, study, known, reason)
