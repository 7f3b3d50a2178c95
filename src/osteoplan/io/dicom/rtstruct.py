"""Contours of radiotherapy structure sets (RTSTRUCT) as masks on the CT's grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.arrays import F64
from osteoplan.errors import BadInput, GeometryMismatch
from osteoplan.io.dicom.opened import apart, frame_of, opened, private_words
from osteoplan.io.foreign import ForeignMask, chosen, clean_label, matching, require_frame, unique
from osteoplan.io.header import readable
from osteoplan.model.volume import Volume

__all__ = ["RoiFound", "read_roi", "rois"]

_CLASSES = ("1.2.840.10008.5.1.4.1.1.481.3",)  # RT Structure Set Storage
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_DRAW_AGAIN = "draw it as a closed contour on slices"


@dataclass(frozen=True)
class RoiFound:
    """One region of interest of a structure set.

    Attributes:
        number: as in the file.
        name: what its maker called it; 64 characters at most, empty where it quotes the patient.
        contours: how many there are.
        kind: interpreted type (GTV, CTV, ORGAN, ...), empty where the file does not tell.
    """

    number: int
    name: str
    contours: int
    kind: str


def rois(path: Path) -> tuple[RoiFound, ...]:
    """What a structure set holds.

    Raises:
        BadInput: the file is absent, no structure set, or malformed.
    """
    return apart(_rois, Path(path))


def read_roi(path: Path, roi: str | int | None, ct: Volume) -> ForeignMask:
    """One region of interest as a mask on the CT's grid.

    Args:
        path: a DICOM RTSTRUCT file.
        roi: its name or its number; None for the only one with contours.
        ct: the scan that the plan is made on.

    Raises:
        BadInput: the file is absent, no structure set or malformed, or its contours are not closed and flat.
        UnknownName: it holds no such region; the nearest is named.
        GeometryMismatch: it was drawn on another study, or reaches outside the CT.
    """
    from osteoplan.io.dicom.contours import rasterised  # imported late: the child process needs no compiler

    path = Path(path)
    names, meant, contours, frame = apart(_contours, path, roi)
    number = chosen("region", roi, names, meant, path.name)
    what = f"contour {number} '{names[number]}'" if names[number] else f"contour {number}"
    if frame is None:
        raise BadInput(f"{path.name}: {what} has no frame of reference; export the structure set again")
    if not require_frame(what, frame, ct):
        raise GeometryMismatch(
            f"{what} is on frame {frame} and the CT has none, so nothing shows that they belong together: "
            "give the CT as the DICOM series that it was drawn on"
        )
    return replace(rasterised(contours, ct, what=what), called=what)


# --- in the child process


Parsed = tuple[dict[int, str], tuple[int, ...], list[F64], str | None]


def _rois(path: Path) -> tuple[RoiFound, ...]:
    with readable(path):
        dataset = _checked(path)
        private = private_words(dataset)
        kinds = {
            int(item.ReferencedROINumber): clean_label(item.get("RTROIInterpretedType"), private)
            for item in dataset.get("RTROIObservationsSequence") or ()
        }
        return tuple(
            RoiFound(number, name, len(_items(dataset, number)), kinds.get(number, ""))
            for number, name in _shown(path, dataset).items()
        )


def _contours(path: Path, roi: str | int | None) -> Parsed:
    """Names, numbers that are meant, and if it is one, the points of that region and its frame."""
    with readable(path):
        dataset = _checked(path)
        names = _shown(path, dataset)
        if roi is None:
            found = tuple(number for number in names if _items(dataset, number))
        else:
            found = matching(roi, _names(path, dataset))  # a name that is not shown is still its name
        if len(found) != 1:
            return names, found, [], None
        number = found[0]
        lists = _lists(dataset, number)
        items = [contour for drawn in lists for contour in drawn]
        what = f"{path.name}: contour {number} '{names[number]}'"
        if not items:
            raise BadInput(f"{what} is listed and has no contours; choose another or draw it")
        if any(drawn != lists[0] for drawn in lists[1:]):
            raise BadInput(
                f"{what} has {len(lists)} lists of contours, which may be of as many regions; "
                "export it again with a number for each"
            )
        points = [_points(item, n, what) for n, item in enumerate(items, 1)]
        return names, found, points, _frame(dataset, number)


def _checked(path: Path) -> Any:
    dataset = opened(path, _CLASSES, "a radiotherapy structure set")
    if not dataset.get("StructureSetROISequence"):
        raise BadInput(f"{path.name}: lists no regions of interest; export the structure set again")
    return dataset


def _names(path: Path, dataset: Any) -> dict[int, str]:
    listed = dataset.StructureSetROISequence
    pairs = ((int(item.ROINumber), clean_label(item.get("ROIName"))) for item in listed)
    return unique(pairs, "region", path.name)


def _shown(path: Path, dataset: Any) -> dict[int, str]:
    """Names by number; "" for one that quotes the patient."""
    private = private_words(dataset)
    return {number: clean_label(name, private) for number, name in _names(path, dataset).items()}


def _items(dataset: Any, number: int) -> list[Any]:
    """The contours of a region."""
    return [contour for drawn in _lists(dataset, number) for contour in drawn]


def _lists(dataset: Any, number: int) -> list[Any]:
    """The contours of a region, as often as it is listed with some: once in a good file."""
    return [
        item.ContourSequence
        for item in dataset.get("ROIContourSequence") or ()
        if int(item.ReferencedROINumber) == number and item.get("ContourSequence")
    ]


def _frame(dataset: Any, number: int) -> str | None:
    """The frame of reference of a region, else of the whole structure set if that is only one."""
    own = [
        frame_of(item.get("ReferencedFrameOfReferenceUID"))
        for item in dataset.StructureSetROISequence
        if int(item.ROINumber) == number
    ]
    if own[0]:
        return own[0]
    whole = [dataset, *(dataset.get("ReferencedFrameOfReferenceSequence") or ())]
    different = {frame_of(item.get("FrameOfReferenceUID")) for item in whole} - {None}
    return different.pop() if len(different) == 1 else None


def _points(item: Any, n: int, what: str) -> F64:
    """(points, 3) LPS [mm] of one contour.

    Raises:
        BadInput: not closed and planar, shifted, fewer than 3 points, or not numbers.
    """
    kind = clean_label(item.get("ContourGeometricType"))
    if kind not in _CLOSED:
        raise BadInput(f"{what} is of type '{kind}', not a closed planar contour; {_DRAW_AGAIN}")
    if any(float(shift) for shift in item.get("ContourOffsetVector") or ()):
        raise BadInput(f"{what} is shifted by a contour offset vector; export it without the offset")
    try:
        told = item.get("ContourData") or ()
        if isinstance(
            told, bytes
        ):  # of more than 64 kB: explicit VR has no length for it but as UN (PS3.5 6.2.2)
            told = told.strip(b" \0").split(b"\\")
        numbers = np.asarray(told, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.full(3, np.nan)
    if not np.isfinite(numbers).all():
        raise BadInput(f"{what}, number {n}, has coordinates that are not numbers; export it again")
    if len(numbers) % 3:
        raise BadInput(f"{what}, number {n}, has a point without three coordinates; export it again")
    if len(numbers) < 9:
        raise BadInput(
            f"{what}, number {n}, has {len(numbers) // 3} point(s) and encloses nothing: delete it there"
        )
    if int(item.get("NumberOfContourPoints") or 0) > len(numbers) // 3:
        raise BadInput(
            f"{what}, number {n}, announces {item.NumberOfContourPoints} points and holds "
            f"{len(numbers) // 3}: it was cut off; export it again"
        )
    return numbers.reshape(-1, 3)
