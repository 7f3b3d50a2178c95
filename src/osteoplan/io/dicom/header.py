"""What is kept of a DICOM image's header: an allow-list of facts, and pseudonyms instead of identifiers.

Numbers are kept as numbers, words only where they are of a known kind or look like a scanner's own (kernel,
maker, model), and not where they contain a word of a name or number of a person in the same header.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MODALITIES", "Header", "Slice", "pseudonym", "slices_of"]

Numbers = tuple[float, ...]

MODALITIES = frozenset(
    ("CT", "MR", "PT", "NM", "US", "XA", "RF", "CR", "DX", "MG", "OT", "SC", "SR", "PR", "KO", "DOC",
     "SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "RTIMAGE", "REG", "FID", "RWV", "M3D")
)  # fmt: skip
_LOCALIZER = {"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW"}
_PROJECTED = {"MIP", "MINIP", "MIN_IP", "MAX_IP", "PROJECTION IMAGE", "VRT", "SSD", "VOLREN"}
_NO_CONTRAST = {"NONE", "NO", "N", "NO CONTRAST", "WITHOUT", "NATIVE"}
_POSITIONS = frozenset(side + way for side in ("HF", "FF") for way in ("P", "S", "DR", "DL"))
_WORD = re.compile(r"[A-Za-z0-9 ._/+()-]{1,64}")
_PRIVATE = (
    "PatientName", "PatientID", "OtherPatientNames", "OtherPatientIDs", "PatientBirthName",
    "PatientBirthDate", "PatientMotherBirthName",
    "AccessionNumber", "StudyID", "StudyDate", "ReferringPhysicianName",
    "OperatorsName", "PerformingPhysicianName", "RequestingPhysician", "InstitutionName",
)  # fmt: skip

#: What is read of a header at all.
KEYWORDS = (
    "SOPClassUID", "Modality", "ImageType", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID",
    "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "SamplesPerPixel", "PhotometricInterpretation", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "SliceThickness", "RescaleSlope", "RescaleIntercept", "RescaleType", "PixelPaddingValue",
    "KVP", "ConvolutionKernel", "ContrastBolusAgent", "PatientPosition", "Manufacturer",
    "ManufacturerModelName", "LossyImageCompression", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "AcquisitionNumber", "AcquisitionTime", "AcquisitionDateTime",
    "IrradiationEventUID", "TemporalPositionIdentifier", "NominalPercentageOfCardiacPhase", "EchoTime",
    "SeriesDescription", *_PRIVATE,
)  # fmt: skip

#: What slices of one acquisition share: words, functional group of enhanced objects, keywords there or here.
_MADE = {
    "acquisition number": ("FrameContentSequence", "FrameAcquisitionNumber", "AcquisitionNumber"),
    "irradiation event": ("IrradiationEventIdentificationSequence", "IrradiationEventUID"),
    "phase": ("", "TemporalPositionIdentifier"),
    "frame's phase": ("FrameContentSequence", "TemporalPositionIndex"),
    "cardiac phase": ("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
    "tube voltage": ("CTXRayDetailsSequence", "KVP"),
    "kernel": ("CTReconstructionSequence", "ConvolutionKernel"),
    "contrast": ("ContrastBolusUsageSequence", "ContrastBolusAgentAdministered", "ContrastBolusAgent"),
    "echo time": ("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    "kind of image": ("CTImageFrameTypeSequence", "FrameType", "ImageType"),
    "description": ("", "SeriesDescription"),
}


@dataclass(frozen=True)
class Header:
    """Facts of one file that its frames share.

    Attributes:
        file: number of the file below what the user gave.
        series, study, frame: pseudonyms; "" where absent.
        modality: of the known ones, "OT" for any other.
        kind: "image", "localizer" or "projection".
        shape: (rows, columns, frames) as the header says.
        bits: allocated, stored, high.
        photometric: as in DICOM, "?" where unknown.
        padding: stored value that marks pixels outside the scan.
    """

    file: int
    series: str
    study: str
    frame: str
    modality: str
    kind: str
    shape: tuple[int, int, int]
    bits: tuple[int, int, int]
    signed: bool
    samples: int
    photometric: str
    padding: float | None
    lossy: bool
    position: str | None
    manufacturer: str | None
    model: str | None


@dataclass(frozen=True)
class Slice:
    """One frame: where it lies and how its stored values become HU; None where the header does not tell.

    Attributes:
        number: of the frame within its file.
        position_mm: (3,) centre of the first pixel, LPS.
        cosines: (6,) directions along a row and down a column.
        spacing_mm: (2,) distance between rows, between columns.
        unit: rescale type: "HU" also where the header leaves it out, "?" where it is another one.
        time_s: of the acquisition since midnight.
        made: what slices of one acquisition share, by words: a digest of the header's entry, "" where none.
    """

    header: Header
    number: int
    position_mm: Numbers | None
    cosines: Numbers | None
    spacing_mm: Numbers | None
    thickness_mm: float | None
    slope: float | None
    intercept: float | None
    unit: str
    kvp: float | None
    kernel: str | None
    contrast: bool | None
    time_s: float | None
    made: Mapping[str, str]

    @property
    def rescale(self) -> tuple[float, float]:
        """Slope and intercept; 1 and 0 where the header has none, as an MR may: a CT without is refused."""
        return (
            1.0 if self.slope is None else self.slope,
            0.0 if self.intercept is None else self.intercept,
        )


def pseudonym(uid: object, kind: str) -> str:
    """``KIND-`` and 16 hexadecimal digits that stand for an identifier; equal identifiers give equal names.

    An absent identifier gives "": unknown stays unknown.  The digest is SHA-256 of the identifier without the
    padding that DICOM allows at its end.
    """
    text = "" if uid is None else str(uid).strip(" \0")
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}" if text else ""


def slices_of(dataset: Any, file: int) -> list[Slice]:
    """The frames of an image's header (a pydicom data set); one for a plain CT slice."""
    header = _header(dataset, file)
    per_frame = _items(dataset, "PerFrameFunctionalGroupsSequence")
    shared = (_items(dataset, "SharedFunctionalGroupsSequence") or [None])[0]
    frames = per_frame or [None]  # frames without a description of their own have no place
    return [_slice(dataset, header, n, (frame, shared)) for n, frame in enumerate(frames)]


def _header(dataset: Any, file: int) -> Header:
    private = _private_words(dataset)
    modality = str(dataset.get("Modality", "")).strip()
    return Header(
        file=file,
        series=pseudonym(dataset.get("SeriesInstanceUID"), "series"),
        study=pseudonym(dataset.get("StudyInstanceUID"), "study"),
        frame=pseudonym(dataset.get("FrameOfReferenceUID"), "frame"),
        modality=modality if modality in MODALITIES else "OT",
        kind=_kind(dataset),
        shape=(_count(dataset, "Rows"), _count(dataset, "Columns"), _count(dataset, "NumberOfFrames", 1)),
        bits=(_count(dataset, "BitsAllocated"), _count(dataset, "BitsStored"), _count(dataset, "HighBit")),
        signed=_count(dataset, "PixelRepresentation") == 1,
        samples=_count(dataset, "SamplesPerPixel", 1),
        photometric=_photometric(dataset),
        padding=_number(dataset, "PixelPaddingValue"),
        lossy=str(dataset.get("LossyImageCompression", "")).strip() == "01",
        position=_one_of(dataset, "PatientPosition", _POSITIONS),
        manufacturer=_word(dataset, "Manufacturer", private),
        model=_word(dataset, "ManufacturerModelName", private),
    )


def _slice(dataset: Any, header: Header, number: int, groups: tuple[Any, Any]) -> Slice:
    position = _macro(dataset, groups, "PlanePositionSequence")
    orientation = _macro(dataset, groups, "PlaneOrientationSequence")
    measures = _macro(dataset, groups, "PixelMeasuresSequence")
    values = _macro(dataset, groups, "PixelValueTransformationSequence")
    kernel = _macro(dataset, groups, "CTReconstructionSequence")
    return Slice(
        header=header,
        number=number,
        position_mm=_numbers(position, "ImagePositionPatient", 3),
        cosines=_numbers(orientation, "ImageOrientationPatient", 6),
        spacing_mm=_numbers(measures, "PixelSpacing", 2),
        thickness_mm=_number(measures, "SliceThickness"),
        slope=_number(values, "RescaleSlope"),
        intercept=_number(values, "RescaleIntercept"),
        unit=_one_of(values, "RescaleType", frozenset({"HU", "US"})) or _absent(values, "RescaleType", "HU"),
        kvp=_kvp(_macro(dataset, groups, "CTXRayDetailsSequence")),
        kernel=_word(kernel, "ConvolutionKernel", _private_words(dataset)),
        contrast=_contrast(dataset),
        time_s=_time_s(dataset, _macro(dataset, groups, "FrameContentSequence")),
        made={word: _made(_macro(dataset, groups, *where[:1]), *where[1:]) for word, where in _MADE.items()},
    )


def _made(item: Any, *keywords: str) -> str:
    """A digest of the first keyword that is there."""
    told = (_several(item.get(keyword)) for keyword in keywords)
    return next((pseudonym("/".join(map(str, values)), "made") for values in told if values), "")


def _time_s(dataset: Any, frame: Any) -> float | None:
    """Time of day of the acquisition [s]; None where the header does not tell."""
    whole = frame.get("FrameAcquisitionDateTime") or dataset.get("AcquisitionDateTime")
    text = str(whole)[8:] if whole else str(dataset.get("AcquisitionTime") or "")
    found = re.match(r"(\d\d)(\d\d)(\d\d(?:\.\d+)?)", text)
    return None if found is None else 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])


def _macro(dataset: Any, groups: tuple[Any, Any], keyword: str) -> Any:
    """The functional group of a frame, else the shared one, else the data set itself (a plain slice)."""
    for group in groups:
        items = _items(group, keyword) if group is not None else []
        if items:
            return items[0]
    return dataset


def _items(dataset: Any, keyword: str) -> list[Any]:
    value = dataset.get(keyword)
    return [] if value is None else list(value)


def _kind(dataset: Any) -> str:
    words = {str(word).strip().upper() for word in _several(dataset.get("ImageType"))}
    if words & _LOCALIZER:
        return "localizer"
    return "projection" if words & _PROJECTED else "image"


def _kvp(dataset: Any) -> float | None:
    kvp = _number(dataset, "KVP")
    return kvp if kvp is not None and math.isfinite(kvp) and kvp > 0 else None


def _contrast(dataset: Any) -> bool | None:
    agent = str(dataset.get("ContrastBolusAgent") or "").strip().upper()
    return None if not agent else agent not in _NO_CONTRAST


def _photometric(dataset: Any) -> str:
    known = {
        "MONOCHROME1",
        "MONOCHROME2",
        "RGB",
        "PALETTE COLOR",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_RCT",
        "YBR_ICT",
    }
    return _one_of(dataset, "PhotometricInterpretation", frozenset(known)) or "?"


def _one_of(dataset: Any, keyword: str, known: frozenset[str]) -> str | None:
    text = str(dataset.get(keyword) or "").strip()
    return text if text in known else None


def _absent(dataset: Any, keyword: str, value: str) -> str:
    """``value`` where the header leaves the keyword out, "?" where it says what is not known here."""
    return "?" if str(dataset.get(keyword) or "").strip() else value


def _word(dataset: Any, keyword: str, private: frozenset[str]) -> str | None:
    text = "/".join(str(part).strip() for part in _several(dataset.get(keyword)))
    if not _WORD.fullmatch(text) or any(word in text.lower() for word in private):
        return None
    return text


def _private_words(dataset: Any) -> frozenset[str]:
    """Words of at least 3 letters of what names a person, place or day in this header."""
    text = " ".join(str(part) for key in _PRIVATE for part in _several(dataset.get(key)))
    return frozenset(word.lower() for word in re.findall(r"\w{3,}", text))


def _several(value: Any) -> list[Any]:
    if value is None or isinstance(value, str | bytes):
        return [] if not value else [value]
    try:
        return list(value) if not hasattr(value, "components") else [value]
    except TypeError:
        return [value]


def _count(dataset: Any, keyword: str, absent: int = 0) -> int:
    value = _number(dataset, keyword)
    return int(value) if value is not None and math.isfinite(value) else absent


def _number(dataset: Any, keyword: str) -> float | None:
    """None where absent, not-a-number where it is written but is no number."""
    found = _numbers(dataset, keyword, 1)
    return None if found is None else found[0]


def _numbers(dataset: Any, keyword: str, count: int) -> Numbers | None:
    try:
        value = dataset.get(keyword)
        values = _several(value) if not isinstance(value, int | float) else [value]
        if not values or (len(values) == 1 and str(values[0]).strip() == ""):
            return None
        return tuple(float(v) for v in values) if len(values) == count else (math.nan,) * count
    except (TypeError, ValueError, OverflowError):
        return (math.nan,) * count
