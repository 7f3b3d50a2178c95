"""The frames of a DICOM segmentation: whose they are, where they lie, what is drawn in them.

right, down   steps to the next column and the next row [mm]; their cross product points across the planes
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.arrays import F64, U8, Array, Mask
from osteoplan.boxes import bounding_box
from osteoplan.errors import BadInput
from osteoplan.io.dicom.limits import limits
from osteoplan.io.dicom.opened import finite, frame_of
from osteoplan.io.foreign import Masks
from osteoplan.io.header import require_edges
from osteoplan.knowledge import values

__all__ = ["counted", "drawn"]


def counted(path: Path, dataset: Any) -> Counter[int]:
    """Voxels by segment number; those of a label map's background under 0."""
    counts: Counter[int] = Counter()
    if dataset.SegmentationType == "LABELMAP":
        for frame in _pixels(dataset, range(_count(dataset))):
            for number, voxels in zip(*np.unique(frame, return_counts=True), strict=True):
                counts[int(number)] += int(voxels)
        return counts
    owners, least = _owners(path, dataset), _least(path, dataset)
    for owner, frame in zip(owners, _pixels(dataset, range(len(owners))), strict=True):
        counts[owner] += int((frame >= least).sum())
    return counts


def drawn(path: Path, dataset: Any, numbers: Collection[int]) -> tuple[dict[int, Masks], tuple[str, ...]]:
    """The planes of some segments, without those in which nothing is drawn, and what must be said of them.

    Raises:
        BadInput: frames without place, with different orientations, or two in one place.
    """
    corners, right, down = _placed(path, dataset)
    pieces: dict[int, list[tuple[int, int, int, Mask]]] = {number: [] for number in numbers}
    for n, number, mask in _masks(path, dataset, corners, numbers):
        if mask.any():
            (_, top, left), (_, bottom, end) = bounding_box(mask[None])
            pieces[number].append((n, int(top), int(left), mask[top:bottom, left:end].copy()))
    step_mm = _step_mm(dataset, corners, np.cross(right, down))
    shape = (int(dataset.Rows), int(dataset.Columns))
    frame = frame_of(dataset.get("FrameOfReferenceUID"))
    planes = {}
    for number, found in pieces.items():
        if found:
            first, masks = _together(found)
            places = corners[[n for n, *_ in found]]
            planes[number] = Masks(masks, first, shape, places, right, down, step_mm, frame)
    return planes, _notes(dataset)


def _masks(
    path: Path, dataset: Any, corners: F64, numbers: Collection[int]
) -> Iterator[tuple[int, int, Mask]]:
    """Frame, segment number and what is drawn, frame after frame."""
    everything = range(len(corners))
    if dataset.SegmentationType == "LABELMAP":
        _require_apart(path, min(numbers), corners)
        for n, frame in zip(everything, _pixels(dataset, everything), strict=True):
            for number in set(numbers) & set(np.unique(frame).tolist()):
                yield n, number, frame == number
        return
    owners, least = _owners(path, dataset), _least(path, dataset)
    for number in numbers:
        _require_apart(path, number, corners[[n for n in everything if owners[n] == number]])
    mine = [n for n in everything if owners[n] in numbers]
    for n, frame in zip(mine, _pixels(dataset, mine), strict=True):
        yield n, owners[n], frame >= least


def _together(pieces: Sequence[tuple[int, int, int, Mask]]) -> tuple[tuple[int, int], Mask]:
    """Row and column where the smallest rectangle around all pieces starts, and the pieces in it."""
    top, left = min(piece[1] for piece in pieces), min(piece[2] for piece in pieces)
    bottom = max(row + mask.shape[0] for _, row, _, mask in pieces)
    end = max(column + mask.shape[1] for _, _, column, mask in pieces)
    masks = np.zeros((len(pieces), bottom - top, end - left), dtype=bool)
    for into, (_, row, column, mask) in zip(masks, pieces, strict=True):
        into[row - top : row - top + mask.shape[0], column - left : column - left + mask.shape[1]] = mask
    return (top, left), masks


def _placed(path: Path, dataset: Any) -> tuple[F64, F64, F64]:
    """(n, 3) corners, and the steps right and down that all frames share."""
    corners, axes = [], []
    for n in range(_count(dataset)):
        position = _attribute(dataset, n, "PlanePositionSequence", "ImagePositionPatient")
        corners.append(finite(path, position, 3, "the position of a frame"))
        cosines = _attribute(dataset, n, "PlaneOrientationSequence", "ImageOrientationPatient")
        spacing = _attribute(dataset, n, "PixelMeasuresSequence", "PixelSpacing")
        turn = finite(path, cosines, 6, "the orientation of a frame")
        axes.append(np.r_[turn, finite(path, spacing, 2, "the pixel spacing")])
    if np.ptp(axes, axis=0).max() > 1e-4:
        raise BadInput(f"{path.name}: its frames have different orientations or spacings; export them apart")
    across, along, spacing = axes[0][:3], axes[0][3:6], axes[0][6:]
    lengths = np.linalg.norm(across), np.linalg.norm(along)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(across @ along)) > 1e-3:
        raise BadInput(f"{path.name}: its row and column directions are not at right angles; export it again")
    require_edges(path, spacing, limits())
    # PixelSpacing is the distance of rows first, that of columns second.
    return np.stack(corners), across / lengths[0] * spacing[1], along / lengths[1] * spacing[0]


def _owners(path: Path, dataset: Any) -> list[int]:
    """Segment number of each frame."""
    owners = []
    for n in range(_count(dataset)):
        number = _attribute(dataset, n, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
        if number is None:
            raise BadInput(f"{path.name}: does not tell whose segment frame {n + 1} is; export it again")
        owners.append(int(number))
    return owners


def _least(path: Path, dataset: Any) -> float:
    """Stored value from which on a voxel is in the segment."""
    if dataset.SegmentationType == "BINARY":
        return 1.0
    most = dataset.get("MaximumFractionalValue")
    if not most or int(most) < 1:
        raise BadInput(f"{path.name}: is fractional and does not tell its maximum value; export it as binary")
    return max(1.0, values.number("contours.fraction_inside") * int(most))


def _notes(dataset: Any) -> tuple[str, ...]:
    if dataset.SegmentationType == "FRACTIONAL":
        kind = {"PROBABILITY": "a probability", "OCCUPANCY": "an occupancy"}.get(
            str(dataset.get("SegmentationFractionalType", "")), "a fraction of unknown kind"
        )
        percent = 100 * values.number("contours.fraction_inside")
        return (f"is drawn as {kind}: voxels of {percent:.0f} % and more are in it",)
    padding = dataset.get("PixelPaddingValue")
    if dataset.SegmentationType == "LABELMAP" and padding:
        return (f"lies in a file with voxels not assessed (value {int(padding)}): they count as outside",)
    return ()


def _require_apart(path: Path, number: int, corners: F64) -> None:
    rounded = np.round(corners / values.number("contours.same_place_mm"))
    if len(np.unique(rounded, axis=0)) < len(rounded):
        raise BadInput(f"{path.name}: segment {number} has two frames in one place; export one of them alone")


def _step_mm(dataset: Any, corners: F64, across: F64) -> float | None:
    """Distance of neighbouring planes [mm]: as told, else the smallest, if it divides all distances."""
    offsets = np.unique(np.round(corners @ (across / np.linalg.norm(across)), 3))
    measures = "PixelMeasuresSequence"
    told = _attribute(dataset, 0, measures, "SpacingBetweenSlices")
    if told is None:
        told = _attribute(dataset, 0, measures, "SliceThickness")
    seen = float(np.diff(offsets).min()) if len(offsets) > 1 else None
    for step in (abs(float(told)) if told is not None else None, seen):
        if step and np.isfinite(step):
            steps = (offsets - offsets[0]) / step
            even = np.abs(steps - np.rint(steps)).max() < _UNEVEN
            if even and np.diff(np.rint(steps)).min(initial=1) > 0:
                return step
    return None


_UNEVEN = 0.1  # of a step: positions are rounded to a hundredth of a millimetre by some exporters


def _attribute(dataset: Any, frame: int, group: str, keyword: str) -> Any:
    """An attribute of a frame's own functional groups, else of the shared ones; None where neither has it."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [{}]
    for groups in (dataset.PerFrameFunctionalGroupsSequence[frame], shared[0]):
        items = groups.get(group)
        if items and items[0].get(keyword) is not None:
            return items[0].get(keyword)
    return None


def _count(dataset: Any) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _pixels(dataset: Any, frames: Sequence[int]) -> Iterator[Array]:
    """(rows, columns) stored values of the frames, one after the other."""
    from pydicom.pixels import iter_pixels

    packed = dataset.BitsAllocated == 1 and not dataset.file_meta.TransferSyntaxUID.is_compressed
    if packed:
        yield from (_unpacked(dataset, n) for n in frames)
    elif frames:
        yield from iter_pixels(dataset, indices=list(frames), raw=True)


def _unpacked(dataset: Any, frame: int) -> U8:
    """One frame of single bits.  Frames need not start on a byte: asked singly, pydicom 3.0 loses bits."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    first, last = frame * rows * columns, (frame + 1) * rows * columns
    stored = np.frombuffer(dataset.PixelData[first // 8 : (last + 7) // 8], dtype=np.uint8)
    bits = np.unpackbits(stored, bitorder="little")[first % 8 :]
    return bits[: rows * columns].reshape(rows, columns)
