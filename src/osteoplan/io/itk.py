"""NRRD and MetaImage: images, and segmentations whose segments have names (3D Slicer's ``.seg.nrrd``).

These formats hold no frame of reference.  An image takes the one it is given; a segment is taken as drawn on
the CT only where the grids are equal, or where the file says which part of an equal grid it was cut out of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osteoplan.arrays import F64
from osteoplan.errors import BadInput, GeometryMismatch, LesionError
from osteoplan.io.dicom.limits import limits
from osteoplan.io.dicom.opened import apart
from osteoplan.io.foreign import ForeignMask, chosen, clean_label, matching
from osteoplan.io.grid import on_grid_of, rounded_note
from osteoplan.io.itk_header import parsed
from osteoplan.knowledge import values
from osteoplan.model.volume import Meaning, Volume

__all__ = [
    "NrrdSegment", "every_nrrd_segment", "found_itk", "read_nrrd_segment",
]  # fmt: skip


def found_itk(path: Path, meaning: Meaning, *, frame: str = "scan") -> tuple[Volume, tuple[str, ...]]:
    """Read an NRRD or MetaImage file; the notes tell what its header leaves open.

    Whole numbers are signed (int16, or int32 where they need it), all others float32.

    Raises:
        BadInput: the file or its data file is absent, of another format, damaged, a vector or colour image,
            without a stated orientation or voxel size, or holds values that are not numbers.
    """
    path = Path(path)
    drawn, _, notes = apart(parsed, path, meaning, frame, limits())
    if len(drawn) != 1:
        raise BadInput(
            f"{path.name}: has {len(drawn)} values per voxel; give an image with one or name a segment"
        )
    return drawn[0], notes


@dataclass(frozen=True)
class NrrdSegment:
    """One segment of a ``.seg.nrrd`` file.

    Attributes:
        number: as listed, from 1.
        label: what its maker called it; 64 characters at most.
        value, layer: its voxels have this value in this layer (overlapping segments lie in several).
        voxels: how many.
    """

    number: int
    label: str
    value: int
    layer: int
    voxels: int


def read_nrrd_segment(path: Path, segment: str | int | None, ct: Volume) -> ForeignMask:
    """One segment as a mask on the CT's grid.

    Args:
        path: a ``.seg.nrrd`` file.
        segment: its name or its number in the list; None for the only one in which something is drawn.
        ct: the scan that the plan is made on.

    Raises:
        BadInput: as ``found_itk``, it names no segments, or several are drawn and none is named.
        UnknownName: it holds no such segment; the nearest is named.
        LesionError: the segment is empty.
        GeometryMismatch: its grid is not the CT's.
    """
    path = Path(path)
    layers, said, notes = apart(parsed, path, "label", ct.frame, limits())
    found = {row.number: row for row in _listed(path, layers, said)}
    labels = {n: row.label for n, row in found.items()}
    drawn = tuple(n for n, row in found.items() if row.voxels) or tuple(found)
    meant = drawn if segment is None else matching(segment, labels)
    number = chosen("segment", segment, labels, meant, path.name)
    row = found[number]
    what = f"segment {number} '{row.label}'"
    if row.voxels == 0:
        raise LesionError(f"{path.name}: {what} is empty, no voxel is in it; choose another or draw it again")
    laid, more = _laid(row, layers, said, ct)
    return ForeignMask(laid, (*notes, *more, _unproven(what)), what)


def every_nrrd_segment(path: Path, ct: Volume) -> Iterator[tuple[NrrdSegment, ForeignMask]]:
    """Each segment in which something is drawn, with its mask on the CT's grid; the file is read once.

    Raises:
        BadInput: as ``found_itk``, or the file names no segments.
        GeometryMismatch: its grid is not the CT's.
    """
    layers, said, notes = apart(parsed, path, "label", ct.frame, limits())
    for row in _listed(path, layers, said):
        if row.voxels:
            laid, more = _laid(row, layers, said, ct)
            yield row, ForeignMask(laid, (*notes, *more))
            notes = ()


def _laid(
    row: NrrdSegment, layers: tuple[Volume, ...], said: dict[str, str], ct: Volume
) -> tuple[Volume, tuple[str, ...]]:
    """The mask on the CT's grid, which its own grid equals or was cut out of; a note where it was rounded."""
    what, layer = f"segment {row.number} '{row.label}'", layers[row.layer]
    drawn = layer.with_array(layer.array == row.value, "mask")
    if sorted(drawn.shape) == sorted(ct.shape):
        return on_grid_of(ct, drawn, what=what)
    turn = np.linalg.solve(ct.affine[:3, :3], drawn.affine[:3, :3])
    step = np.rint(turn)
    first = np.rint(ct.indices(drawn.positions_mm((0, 0, 0))))
    far = np.array(np.meshgrid(*[(0, n - 1) for n in drawn.shape])).reshape(3, -1).T
    gap = ct.positions_mm(far @ step.T + first) - drawn.positions_mm(far)
    gap_mm = float(np.linalg.norm(gap, axis=1).max())
    same = gap_mm <= values.number("contours.rounded_header_part") * ct.spacing_mm.min()
    unit = bool((np.abs(step).sum(axis=0) == 1).all() and (np.abs(step).sum(axis=1) == 1).all())
    places = far @ step.T + first
    inside = bool((places >= 0).all() and (places < ct.shape).all())
    if not (same and unit and inside and _cut_out_of(said, step, first, ct)):
        raise GeometryMismatch(
            f"{what} has no frame of reference and its grid is not the CT's: save it on the CT's grid, or "
            "as DICOM SEG"
        )
    index = np.argwhere(drawn.array) @ step.T.astype(int) + first.astype(int)
    array = np.zeros(ct.shape, dtype=bool)
    array[tuple(index.T)] = True
    rounded = gap_mm > values.number("contours.same_place_mm")
    return ct.with_array(array, "mask"), (rounded_note(what, "the CT", gap_mm),) if rounded else ()


def _cut_out_of(said: dict[str, str], step: F64, first: F64, ct: Volume) -> bool:
    """True where the grid it says it was cut out of starts where the CT starts."""
    offset = re.findall(r"-?\d+", said.get("Segmentation_ReferenceImageExtentOffset", ""))
    if len(offset) != 3:
        return False
    origin = first - step @ np.array(offset, dtype=np.float64)
    # An axis that runs against the CT's starts at its end.
    backward = step.sum(axis=1) < 0
    return bool((origin == np.where(backward, np.array(ct.shape) - 1, 0)).all())


def _unproven(what: str) -> str:
    return (
        f"{what} was taken as drawn on this CT because the grids are equal: NRRD holds no frame of reference"
    )


def _listed(path: Path, layers: tuple[Volume, ...], said: dict[str, str]) -> tuple[NrrdSegment, ...]:
    rows: list[NrrdSegment] = []
    # 3D Slicer before 4.11 stored each segment as 1 in a layer of its own.
    old = "Segment0_Name" in said and "Segment0_LabelValue" not in said
    listed = "Name" if old else "LabelValue"
    while f"Segment{(n := len(rows))}_{listed}" in said:
        value, layer = (said.get(f"Segment{n}_{key}", "0").strip() for key in ("LabelValue", "Layer"))
        value, layer = ("1", str(n)) if old else (value, layer)
        if not value.isdecimal() or not layer.isdecimal() or int(layer) >= len(layers):
            raise BadInput(f"{path.name}: segment {n + 1} names no layer or value of the file; save it again")
        voxels = int((layers[int(layer)].array == int(value)).sum())
        label = clean_label(said.get(f"Segment{n}_Name"))
        rows.append(NrrdSegment(n + 1, label, int(value), int(layer), voxels))
    if not rows:
        raise BadInput(f"{path.name}: names no segments; give it as a label map, or save it as .seg.nrrd")
    return tuple(rows)
