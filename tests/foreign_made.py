"""Segmentations, contours and doses made for tests, as other programs would write them.

``make_seg`` goes through highdicom and a CT series on the same grid; ``make_rtstruct`` and ``make_dose``
write the attributes themselves.  ``change`` may break the data set before it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from osteoplan.io.dicom.header import pseudonym
from osteoplan.model.volume import Volume
from tests.dicom_made import affine_of, make_series

__all__ = ["FRAME_UID", "GRIDS", "ball", "make_dose", "make_rtstruct", "make_seg", "scan"]

FRAME_UID = "1.2.826.0.1.3680043.8.498.77"
GRIDS = {
    "axial": {},
    "flipped": {"flip": (True, True, False)},
    "left-handed": {"flip": (False, False, True)},
    "oblique": {"turn_deg": (11, -23, 37)},
    "oblique left-handed": {"turn_deg": (-17, 8, 100), "flip": (False, True, False)},
}
Change = Callable[[Dataset], None]


def scan(
    grid: str = "axial", shape: tuple[int, int, int] = (19, 23, 9), *, frame: str = FRAME_UID, **where: Any
) -> Volume:
    """A CT with three different voxel edges and no symmetry."""
    array = (np.arange(np.prod(shape)) % 977).astype(np.int16).reshape(shape)
    affine = affine_of((0.8, 1.1, 2.5), **{**GRIDS[grid], **where})
    return Volume(array, affine, "HU", pseudonym(frame, "frame"))


def ball(ct: Volume, centre: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    """Voxels whose centre lies in a ball about an index."""
    away = ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1)) - ct.positions_mm(centre)
    return np.linalg.norm(away, axis=-1) <= radius_mm


def make_seg(
    path: Path,
    ct: Volume,
    masks: dict[str, np.ndarray],
    *,
    kind: str = "BINARY",
    frame_uid: str | None = FRAME_UID,
    change: Change | None = None,
    **more: Any,
) -> Path:
    """Write masks (bool, 0..1 for FRACTIONAL) on the CT's grid as a DICOM SEG, frames backwards."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    files = make_series(ct, path.parent / f"{path.stem}-ct", frame_uid=frame_uid)
    sources = [pydicom.dcmread(file) for file in files][::-1]
    for source in sources:  # highdicom copies these and asks for them
        for keyword in _COPIED:
            if keyword not in source:
                setattr(source, keyword, "")
    described = [
        hd.seg.SegmentDescription(
            number, label, codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Neoplasm,
            hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, label in enumerate(masks, 1)
    ]  # fmt: skip
    stack = np.stack([mask.transpose(2, 1, 0)[::-1] for mask in masks.values()], axis=-1)
    seg = hd.seg.Segmentation(
        sources, stack.astype(np.float32 if kind == "FRACTIONAL" else np.uint8), kind, described,
        series_instance_uid=generate_uid(), series_number=7,
        sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="tests", manufacturer_model_name="tests", software_versions="0",
        device_serial_number="0", **more,
    )  # fmt: skip
    if change is not None:
        change(seg)
    seg.save_as(path)
    return path


def make_rtstruct(
    path: Path,
    regions: dict[str, Sequence[np.ndarray]],
    *,
    frame_uid: str | None = FRAME_UID,
    kind: str = "CLOSED_PLANAR",
    change: Change | None = None,
) -> Path:
    """Write contours, each (n, 3) LPS [mm], as an RTSTRUCT."""
    dataset = _new("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT")
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = (
        [],
        [],
        [],
    )
    for number, (name, contours) in enumerate(regions.items(), 1):
        roi, drawn, seen = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        if frame_uid:
            roi.ReferencedFrameOfReferenceUID = frame_uid
        drawn.ReferencedROINumber, drawn.ContourSequence = number, [_contour(c, kind) for c in contours]
        seen.ReferencedROINumber, seen.RTROIInterpretedType = number, "GTV"
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(drawn)
        dataset.RTROIObservationsSequence.append(seen)
    return _written(dataset, path, change)


def make_dose(
    path: Path,
    dose: Volume,
    *,
    frame_uid: str | None = FRAME_UID,
    absolute: bool = False,
    change: Change | None = None,
) -> Path:
    """Write a field as an RTDOSE with 32-bit values; ``absolute``: plane positions along z, not distances."""
    dataset = _new("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE")
    if frame_uid:
        dataset.FrameOfReferenceUID = frame_uid
    scaling = float(dose.array.max()) / 2**31
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    dataset.DoseGridScaling = f"{scaling:.9e}"
    columns, rows, planes = dose.shape
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = rows, columns, planes
    dataset.ImagePositionPatient = _numbers(dose.affine[:3, 3])
    dataset.ImageOrientationPatient = _numbers(dose.direction[:, :2].T.ravel())
    dataset.PixelSpacing = _numbers(dose.spacing_mm[[1, 0]])
    # Distances count along rows x columns, whichever way the array's planes run.
    along = float(np.cross(dose.direction[:, 0], dose.direction[:, 1]) @ dose.affine[:3, 2])
    offsets = along * np.arange(planes)
    if absolute:
        offsets = dose.affine[2, 3] + dose.affine[2, 2] * np.arange(planes)
    dataset.GridFrameOffsetVector = _numbers(offsets)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 32, 32, 31, 0
    dataset.PixelData = (
        np.rint(dose.array.transpose(2, 1, 0) / float(dataset.DoseGridScaling)).astype("<u4").tobytes()
    )
    return _written(dataset, path, change)


_COPIED = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip


def _contour(points_mm: np.ndarray, kind: str) -> Dataset:
    contour = Dataset()
    contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(points_mm)
    contour.ContourData = _numbers(np.asarray(points_mm).ravel())
    return contour


def _numbers(values: np.ndarray) -> list[str]:
    return [f"{value:.6f}"[:16] for value in values]


def _new(sop_class: str, modality: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, generate_uid(), modality
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientName, dataset.PatientID = "Musterfrau^Erika", "PID4711"
    return dataset


def _written(dataset: Dataset, path: Path, change: Change | None) -> Path:
    if change is not None:
        change(dataset)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path
