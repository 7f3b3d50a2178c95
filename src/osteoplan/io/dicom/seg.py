"""DICOM segmentations (binary, fractional, label map) as masks on the CT's grid.

Every frame is placed by its own position, in whatever order they come; slices without a frame are empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from osteoplan.errors import BadInput, LesionError
from osteoplan.io.dicom.opened import apart, opened, private_words
from osteoplan.io.dicom.seg_frames import counted, drawn
from osteoplan.io.foreign import ForeignMask, Masks, chosen, clean_label, lay_on, matching, unique
from osteoplan.io.header import readable
from osteoplan.model.volume import Volume

__all__ = ["SegmentFound", "every_segment", "read_segment", "segments"]

# Segmentation Storage, Label Map Segmentation Storage
_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_TYPES = ("BINARY", "FRACTIONAL", "LABELMAP")


@dataclass(frozen=True)
class SegmentFound:
    """One segment of a segmentation.

    Attributes:
        number: as in the file.
        label: what its maker called it; 64 characters at most, empty where it quotes the patient.
        category, kind: category and type in words; empty where the file does not tell.
        algorithm: AUTOMATIC, SEMIAUTOMATIC, MANUAL or empty.
        voxels: voxels of the segmentation's own grid that are in it.
    """

    number: int
    label: str
    category: str
    kind: str
    algorithm: str
    voxels: int


def segments(path: Path) -> tuple[SegmentFound, ...]:
    """What a segmentation holds, without the background.

    Raises:
        BadInput: the file is absent, no segmentation, or malformed.
    """
    return apart(_segments, Path(path))


def read_segment(path: Path, segment: str | int | None, ct: Volume) -> ForeignMask:
    """One segment as a mask on the CT's grid.

    Args:
        path: a DICOM SEG file.
        segment: its label or its number; None for the only one in which something is drawn.
        ct: the scan that the plan is made on.

    Raises:
        BadInput: the file is absent, no segmentation, or malformed.
        UnknownName: it holds no such segment; the nearest is named.
        LesionError: the segment is empty.
        GeometryMismatch: it was drawn on another study, or lies outside the CT.
    """
    path = Path(path)
    labels, meant, planes, notes = apart(_planes, path, segment)
    number = chosen("segment", segment, labels, meant, path.name)
    if number not in planes:
        raise LesionError(
            f"{path.name}: {_called(number, labels[number])} is empty, no voxel is in it; choose another"
        )
    return _laid(number, labels[number], planes[number], notes, ct)


def every_segment(path: Path, ct: Volume) -> Iterator[tuple[SegmentFound, ForeignMask]]:
    """Each segment in which something is drawn, with its mask; the file is read once.

    Raises:
        BadInput: the file is absent, no segmentation, or malformed.
        GeometryMismatch: it was drawn on another study, or a segment lies outside the CT.
    """
    found, planes, notes, unnamed = apart(_everything, Path(path))
    for segment in found:
        if segment.number in planes:
            laid = _laid(segment.number, segment.label, planes.pop(segment.number), notes, ct)
            yield segment, replace(laid, notes=unnamed + laid.notes)
            unnamed = ()


def _called(number: int, label: str) -> str:
    return f"segment {number} '{label}'" if label else f"segment {number}"


def _laid(number: int, label: str, planes: Masks, notes: tuple[str, ...], ct: Volume) -> ForeignMask:
    what = _called(number, label)
    laid = lay_on(planes, ct, what=what)
    return ForeignMask(laid.mask, tuple(f"{what} {note}" for note in notes) + laid.notes, what)


# --- in the child process


def _segments(path: Path) -> tuple[SegmentFound, ...]:
    with readable(path):
        dataset = _checked(path)
        return _listed(dataset, counted(path, dataset))


Everything = tuple[tuple[SegmentFound, ...], dict[int, Masks], tuple[str, ...], tuple[str, ...]]


def _everything(path: Path) -> Everything:
    """Segments, planes, what is to be said of each, and of the whole file."""
    with readable(path):
        dataset = _checked(path)
        counts = counted(path, dataset)
        found = _listed(dataset, counts)
        numbers = [segment.number for segment in found]
        nobody = sorted(set(counts) - {0, dataset.get("PixelPaddingValue"), *numbers})
        unnamed = (
            f"{path.name}: {sum(counts[n] for n in nobody)} voxels are of segments that it does not describe "
            f"({', '.join(map(str, nobody))}): they are left out"
        )
        return found, *drawn(path, dataset, numbers), (unnamed,) if nobody else ()


Meant = tuple[dict[int, str], tuple[int, ...], dict[int, Masks], tuple[str, ...]]


def _planes(path: Path, segment: str | int | None) -> Meant:
    """Labels, numbers that are meant, and the planes of the segment; none where it is empty or not one."""
    with readable(path):
        dataset = _checked(path)
        private = private_words(dataset)
        names = {_number(item): clean_label(item.get("SegmentLabel")) for item in _items(dataset)}
        labels = {number: clean_label(name, private) for number, name in names.items()}
        if segment is None:
            counts = counted(path, dataset)
            found = tuple(number for number in labels if counts.get(number))
        else:
            found = matching(segment, names)  # a label that is not shown is still its label
        return labels, found, *(drawn(path, dataset, found) if len(found) == 1 else ({}, ()))


def _listed(dataset: Any, counts: Mapping[int, int]) -> tuple[SegmentFound, ...]:
    private = private_words(dataset)
    return tuple(_described(item, counts.get(_number(item), 0), private) for item in _items(dataset))


def _checked(path: Path) -> Any:
    """The data set, with as many frames, pixels and segments as it claims."""
    dataset = opened(path, _CLASSES, "a DICOM segmentation")
    if not dataset.get("SegmentSequence"):
        raise BadInput(f"{path.name}: lists no segments; export the segmentation again")
    kind = dataset.get("SegmentationType")
    if kind not in _TYPES:
        raise BadInput(
            f"{path.name}: its type is '{clean_label(kind)}', not {', '.join(_TYPES)}; export it again"
        )
    frames = int(dataset.get("NumberOfFrames") or 1)
    described = len(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    if described != frames:
        raise BadInput(f"{path.name}: claims {frames} frames and describes {described}; export it again")
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if rows < 1 or columns < 1 or "PixelData" not in dataset:
        raise BadInput(f"{path.name}: holds no pixels; export it again")
    # their places in the list tell them apart where their labels do not
    unique(((_number(item), str(n)) for n, item in enumerate(dataset.SegmentSequence)), "segment", path.name)
    needed = (rows * columns * frames * int(dataset.BitsAllocated) + 7) // 8
    if not dataset.file_meta.TransferSyntaxUID.is_compressed and len(dataset.PixelData) < needed:
        raise BadInput(
            f"{path.name}: holds {len(dataset.PixelData)} bytes of pixels where {frames} frames of "
            f"{rows} x {columns} need {needed}: it was cut off or its size is wrong; copy or export it again"
        )
    return dataset


def _items(dataset: Any) -> list[Any]:
    """Descriptions of the segments; 0 is the background of a label map."""
    return [item for item in dataset.SegmentSequence if _number(item) != 0]


def _number(item: Any) -> int:
    return int(item.SegmentNumber)


def _described(item: Any, voxels: int, private: tuple[str, ...]) -> SegmentFound:
    def meaning(keyword: str) -> str:
        codes = item.get(keyword)
        return clean_label(codes[0].get("CodeMeaning"), private) if codes else ""

    return SegmentFound(
        number=_number(item),
        label=clean_label(item.get("SegmentLabel"), private),
        category=meaning("SegmentedPropertyCategoryCodeSequence"),
        kind=meaning("SegmentedPropertyTypeCodeSequence"),
        algorithm=clean_label(item.get("SegmentAlgorithmType"), private),
        voxels=voxels,
    )
