"""A dose grid (RTDOSE) as a field in Gy: what earlier radiotherapy gave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.arrays import F32, F64
from osteoplan.errors import BadInput
from osteoplan.io.dicom.limits import limits
from osteoplan.io.dicom.opened import apart, finite, frame_of, opened
from osteoplan.io.foreign import UNKNOWN_FRAME, clean_label
from osteoplan.io.header import readable, require_edges
from osteoplan.knowledge import values
from osteoplan.model.volume import Volume

__all__ = ["ForeignDose", "found_dose", "read_dose"]

_CLASSES = ("1.2.840.10008.5.1.4.1.1.481.2",)  # RT Dose Storage
_WHOLE = ("PLAN", "MULTI_PLAN")
_SAID = {
    "PHYSICAL": "is physical dose",
    "EFFECTIVE": "is effective dose: the physical one times a factor that the file does not tell",
}


@dataclass(frozen=True)
class ForeignDose:
    """A dose on its own grid, and what its maker says of it.

    Attributes:
        dose: float32 Gy on the dose's own grid, in its frame of reference.
        notes: sentences for the report.
    """

    dose: Volume
    notes: tuple[str, ...]


def read_dose(path: Path) -> Volume:
    """The dose of a whole plan [Gy], on its own grid and in its own frame; errors as ``found_dose``."""
    return found_dose(path).dose


def found_dose(path: Path) -> ForeignDose:
    """The dose of a whole plan with what its maker says of it.

    Raises:
        BadInput: the file is absent, no dose grid or malformed, not in Gy, or the dose of a part of a plan.
    """
    array, affine, frame, notes = apart(_dose, Path(path))
    if frame is None:
        notes += ("the dose has no frame of reference: nothing shows that it belongs to the CT",)
    return ForeignDose(Volume(array, affine, "Gy", frame or UNKNOWN_FRAME), notes)


# --- in the child process


Parsed = tuple[F32, F64, str | None, tuple[str, ...]]


def _dose(path: Path) -> Parsed:
    with readable(path):
        dataset = opened(path, _CLASSES, "a radiotherapy dose")
        kind = _kind(path, dataset)
        planes, rows, columns = _size(path, dataset)
        scaling = float(finite(path, dataset.get("DoseGridScaling"), 1, "the dose grid scaling")[0])
        if scaling <= 0:
            raise BadInput(f"{path.name}: its dose grid scaling is not positive; export it again")
        stored = dataset.pixel_array.reshape(planes, rows, columns)
        gray = np.ascontiguousarray((stored * scaling).astype(np.float32).transpose(2, 1, 0))
        affine = _affine(path, dataset, planes)
        notes = (f"the dose {_SAID[kind]}; its highest value is {gray.max():.1f} Gy",)
        return gray, affine, frame_of(dataset.get("FrameOfReferenceUID")), notes


def _kind(path: Path, dataset: Any) -> str:
    """PHYSICAL or EFFECTIVE, of a whole plan in Gy."""
    units, kind = clean_label(dataset.get("DoseUnits")), clean_label(dataset.get("DoseType"))
    summed = clean_label(dataset.get("DoseSummationType"))
    if units != "GY":
        raise BadInput(f"{path.name}: its dose is in '{units}', not in GY; export it as absolute dose")
    if kind not in _SAID:
        raise BadInput(
            f"{path.name}: its dose is of type '{kind}', not {' or '.join(_SAID)}; export it again"
        )
    if summed not in _WHOLE:
        raise BadInput(
            f"{path.name}: holds the dose of '{summed}', not of a whole plan; export it summed (PLAN)"
        )
    return kind


def _size(path: Path, dataset: Any) -> tuple[int, int, int]:
    """Planes, rows and columns, for which there are enough bytes."""
    planes = int(dataset.get("NumberOfFrames") or 1)
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if min(planes, rows, columns) < 1 or "PixelData" not in dataset:
        raise BadInput(f"{path.name}: holds no dose values; export it again")
    needed = planes * rows * columns * int(dataset.BitsAllocated) // 8
    if not dataset.file_meta.TransferSyntaxUID.is_compressed and len(dataset.PixelData) < needed:
        raise BadInput(
            f"{path.name}: holds {len(dataset.PixelData)} bytes where {planes} planes of {rows} x {columns} "
            f"need {needed}: it was cut off or its size is wrong; copy or export it again"
        )
    return planes, rows, columns


def _affine(path: Path, dataset: Any, planes: int) -> F64:
    """Index (column, row, plane) -> LPS [mm]."""
    corner = finite(path, dataset.get("ImagePositionPatient"), 3, "its position")
    cosines = finite(path, dataset.get("ImageOrientationPatient"), 6, "its orientation").reshape(2, 3)
    spacing = finite(path, dataset.get("PixelSpacing"), 2, "its pixel spacing")
    if np.abs(cosines @ cosines.T - np.eye(2)).max() > 1e-3:
        raise BadInput(f"{path.name}: its axes are not at right angles; export it again")
    normal = np.cross(*cosines)
    offsets = _offsets_mm(path, dataset, planes, corner, normal)
    require_edges(path, np.array([*spacing, abs(offsets[1] - offsets[0])]), limits())
    affine = np.eye(4)
    # PixelSpacing is the distance of rows first, that of columns second.
    affine[:3, 0], affine[:3, 1] = cosines[0] * spacing[1], cosines[1] * spacing[0]
    affine[:3, 2] = normal * (offsets[1] - offsets[0])
    affine[:3, 3] = corner + normal * offsets[0]
    return affine


def _offsets_mm(path: Path, dataset: Any, planes: int, corner: F64, normal: F64) -> F64:
    """Distance of each plane from the corner along the normal; evenly spaced.

    The vector starts with 0 (distances from the first plane) or, on axial grids, with the first plane's own z
    (positions along z); DICOM PS3.3 C.8.8.3.2.
    """
    if planes == 1:
        thickness = finite(path, dataset.get("SliceThickness"), 1, "the thickness of its only plane")
        if thickness[0] <= 0:
            raise BadInput(f"{path.name}: its only plane has no thickness; export it again")
        return np.array([0.0, thickness[0]])
    offsets = finite(path, dataset.get("GridFrameOffsetVector"), planes, "the grid frame offset vector")
    even = values.number("contours.contour_plane_mm")
    if abs(offsets[0]) > even or (offsets[0] != 0 and abs(offsets[0] - corner[2]) < 1e-3):
        if abs(offsets[0] - corner[2]) > even or abs(normal[2]) < 0.999:
            raise BadInput(f"{path.name}: its planes start neither at 0 nor at its position; export it again")
        offsets = (offsets - corner[2]) * np.sign(normal[2])
    steps = np.diff(offsets)
    if np.ptp(steps) > even or abs(steps.mean()) < 1e-3:
        raise BadInput(f"{path.name}: its planes are not evenly spaced; export it on an even grid")
    evenly: F64 = offsets[0] + steps.mean() * np.arange(planes)
    return evenly
