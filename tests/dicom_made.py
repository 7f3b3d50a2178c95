"""DICOM files made for tests: a series on any grid, tilted, multi-frame, compressed, malformed.

``make_series`` writes one file per slice of a ``Volume`` (whole numbers of HU), ``make_multiframe`` one
enhanced CT.  ``overrides`` are DICOM keywords; a value that is callable is called with the slice's number.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from osteoplan.model.volume import Volume

__all__ = ["affine_of", "ct_header", "make_localizer", "make_multiframe", "make_report", "make_series"]

INTERCEPT = -1024
GDCM_ONLY = {"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.90"}


def affine_of(
    spacing_mm: tuple[float, float, float],
    *,
    turn_deg: tuple[float, float, float] = (0, 0, 0),
    flip: tuple[bool, bool, bool] = (False, False, False),
    origin_mm: tuple[float, float, float] = (-31.5, 12.25, -640.0),
) -> np.ndarray:
    """(4, 4) index -> LPS [mm]: axes turned about x, y, z in this order, some of them reversed."""
    from scipy.spatial.transform import Rotation

    axes = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = axes * np.where(flip, -1.0, 1.0) * np.asarray(spacing_mm)
    affine[:3, 3] = origin_mm
    return affine


def make_series(
    volume: Volume,
    folder: Path,
    *,
    frame_uid: str | None = None,
    study_uid: str | None = None,
    series_uid: str | None = None,
    tilt_deg: float = 0,
    shuffle_names: bool = True,
    transfer_syntax: str = ExplicitVRLittleEndian,
    change: Callable[[int, Dataset], Dataset | None] | None = None,
    **overrides: Any,
) -> list[Path]:
    """Write one CT series and return its files in slice order k = 0, 1, ...

    Args:
        tilt_deg: the gantry's tilt: every slice drifts along its columns by tan(tilt) times the spacing.
        shuffle_names: file names (and InstanceNumber) say nothing about the order.
        change: called with the slice's number and data set; may change it, or return None to leave it out.
        overrides: DICOM keywords for every slice; a callable gets the slice's number, None removes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = list(range(1, volume.shape[2] + 1))
    if shuffle_names:
        random.Random(4).shuffle(numbers)
    identity = {
        "FrameOfReferenceUID": frame_uid or generate_uid(),
        "StudyInstanceUID": study_uid or generate_uid(),
        "SeriesInstanceUID": series_uid or generate_uid(),
    }
    drift = np.tan(np.radians(tilt_deg)) * volume.spacing_mm[2] * volume.direction[:, 1]
    files = []
    for k, number in enumerate(numbers):
        position = volume.positions_mm((0, 0, k)) + k * drift
        dataset: Dataset | None = ct_header(volume, position, number, identity)
        store(dataset, volume.array[:, :, k])
        for keyword, value in overrides.items():
            _set(dataset, keyword, value(k) if callable(value) else value)
        if change is not None:
            dataset = change(k, dataset)
        if dataset is None:
            continue
        path = folder / f"IM{number:05d}.dcm"
        write(dataset, path, transfer_syntax)
        files.append(path)
    return files


def ct_header(volume: Volume, position: np.ndarray, number: int, identity: dict[str, str]) -> Dataset:
    """The header of one slice of a volume."""
    dataset = _common(CTImageStorage, identity)
    dataset.InstanceNumber = number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient = [_ds(x) for x in position]
    dataset.ImageOrientationPatient = [_ds(x) for x in volume.direction[:, :2].T.ravel()]
    dataset.PixelSpacing = [_ds(volume.spacing_mm[1]), _ds(volume.spacing_mm[0])]
    dataset.SliceThickness = _ds(volume.spacing_mm[2])
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "1", str(INTERCEPT), "HU"
    return dataset


def store(dataset: Dataset, pixels: np.ndarray) -> None:
    """Put (ni, nj) HU into a data set as 16-bit integers, by its slope and intercept."""
    slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    stored = np.rint((pixels.T.astype(np.float64) - intercept) / slope)
    signed = bool(stored.min() < 0)
    dataset.Rows, dataset.Columns = stored.shape
    _pixel_module(dataset, signed)
    dataset.PixelData = stored.astype(np.int16 if signed else np.uint16).tobytes()


def write(dataset: Dataset, path: Path, transfer_syntax: str = ExplicitVRLittleEndian) -> None:
    """Write a data set, compressed or not."""
    syntax = pydicom.uid.UID(transfer_syntax)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax in (RLELossless, JPEGLSLossless):
        dataset.compress(syntax, generate_instance_uid=False)
    elif str(syntax) not in GDCM_ONLY:
        dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ImplicitVRLittleEndian:
        dataset = pydicom.Dataset(dataset)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:  # pydicom writes pixel words as they are
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    if str(syntax) in GDCM_ONLY:
        _gdcm_compress(path, str(syntax))


def make_multiframe(
    volume: Volume,
    path: Path,
    *,
    shared: bool = True,
    shuffle_frames: bool = True,
    transfer_syntax: str = ExplicitVRLittleEndian,
    change: Callable[[Dataset], None] | None = None,
    **identity: str,
) -> Path:
    """Write a volume as one enhanced CT; ``shared`` puts what frames share into one group."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = ("FrameOfReferenceUID", "StudyInstanceUID", "SeriesInstanceUID")
    dataset = _common(EnhancedCTImageStorage, {key: identity.get(key) or generate_uid() for key in keys})
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    order = list(range(volume.shape[2]))
    if shuffle_frames:
        random.Random(7).shuffle(order)
    stored = np.stack([volume.array[:, :, k].T for k in order]).astype(np.int64) - INTERCEPT
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = stored.shape
    _pixel_module(dataset, signed=False)
    groups = [_frame_groups(volume, k) for k in order]
    common = ("PlaneOrientationSequence", "PixelMeasuresSequence", "PixelValueTransformationSequence")
    if shared:
        group = Dataset()
        for keyword in common:
            setattr(group, keyword, getattr(groups[0], keyword))
            for frame in groups:
                delattr(frame, keyword)
        dataset.SharedFunctionalGroupsSequence = Sequence([group])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    dataset.PixelData = stored.astype(np.uint16).tobytes()
    if change is not None:
        change(dataset)
    write(dataset, path, transfer_syntax)
    return path


def make_localizer(folder: Path, *, series_uid: str | None = None, **identity: str) -> Path:
    """Write one scout."""
    volume = Volume(np.zeros((20, 30, 1), np.int16), affine_of((1.0, 1.0, 1.0), turn_deg=(90, 0, 0)), "HU")
    image_type = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    apart = folder / "scout-being-made"
    (file,) = make_series(volume, apart, series_uid=series_uid, ImageType=image_type, **identity)
    file = file.rename(folder / "SCOUT.dcm")
    apart.rmdir()
    return file


def make_report(
    path: Path, *, modality: str = "SR", sop_class: str = "1.2.840.10008.5.1.4.1.1.88.67"
) -> Path:
    """Write a radiation dose report, or another object without slices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = _common(sop_class, {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()})
    dataset.Modality = modality
    write(dataset, path)
    return path


def _common(sop_class: str, identity: dict[str, str]) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, generate_uid()
    dataset.PatientName, dataset.PatientID = "Invented^Person", "X-0"
    dataset.StudyDate, dataset.Modality = "20200102", "CT"
    dataset.Manufacturer, dataset.ManufacturerModelName = "MADE", "Generator"
    dataset.KVP, dataset.ConvolutionKernel, dataset.PatientPosition = "120", "B30f", "HFS"
    for keyword, value in identity.items():
        setattr(dataset, keyword, value)
    return dataset


def _pixel_module(dataset: Dataset, signed: bool) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(signed)


def _frame_groups(volume: Volume, k: int) -> Dataset:
    frame, position, orientation, measures, values = (Dataset() for _ in range(5))
    position.ImagePositionPatient = [_ds(x) for x in volume.positions_mm((0, 0, k))]
    orientation.ImageOrientationPatient = [_ds(x) for x in volume.direction[:, :2].T.ravel()]
    measures.PixelSpacing = [_ds(volume.spacing_mm[1]), _ds(volume.spacing_mm[0])]
    measures.SliceThickness = _ds(volume.spacing_mm[2])
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = "1", str(INTERCEPT), "HU"
    frame.PlanePositionSequence = Sequence([position])
    frame.PlaneOrientationSequence = Sequence([orientation])
    frame.PixelMeasuresSequence = Sequence([measures])
    frame.PixelValueTransformationSequence = Sequence([values])
    return frame


def _gdcm_compress(path: Path, syntax: str) -> None:
    import gdcm

    kinds = {
        "1.2.840.10008.1.2.4.57": gdcm.TransferSyntax.JPEGLosslessProcess14,
        "1.2.840.10008.1.2.4.70": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
        "1.2.840.10008.1.2.4.90": gdcm.TransferSyntax.JPEG2000Lossless,
    }
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(kinds[syntax]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    beside = path.with_suffix(".gdcm")
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(beside))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    dataset = pydicom.dcmread(path)  # only the pixels are taken: GDCM writes other functional groups
    dataset.PixelData = pydicom.dcmread(beside).PixelData
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path)
    beside.unlink()


def _set(dataset: Dataset, keyword: str, value: Any) -> None:
    if value is None:
        if keyword in dataset:
            delattr(dataset, keyword)
    else:
        setattr(dataset, keyword, value)


def _ds(value: float) -> str:
    """A decimal string of at most 16 characters."""
    for digits in range(14, 5, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{value:.6g}"
