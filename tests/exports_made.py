"""Scans, label maps and lesions as other programs write them, all valid: a small phantom in every dress.

Each maker takes a ``Phantom`` and a folder, and returns what ``init`` is given.  The forms are those of
dcm2niix, 3D Slicer, TotalSegmentator, ITK-SNAP, OHIF, dcmqi, highdicom, Eclipse, RayStation and MIM as their
documentation and public examples show them; the voxels are made here.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from osteoplan.io.dicom.header import pseudonym
from osteoplan.model.volume import Volume
from tests.ct_made import body_HU
from tests.dicom_made import affine_of, make_localizer, make_multiframe, make_report, make_series
from tests.foreign_made import FRAME_UID, GRIDS, make_rtstruct, make_seg

SHAPE = (40, 34, 18)
EDGES_mm = (0.9, 1.2, 2.5)
# As TotalSegmentator numbers them, version 2.
NUMBERS = {"vertebrae_T12": 32, "vertebrae_T11": 33, "aorta": 52}
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
Arguments = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Phantom:
    """A CT with two blocks of bone and a vessel, and a lesion in the lower block."""

    ct: Volume
    masks: dict[str, np.ndarray]
    lesion: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        return sum(NUMBERS[name] * mask for name, mask in self.masks.items()).astype(np.uint8)


def phantom(grid: str) -> Phantom:
    image = body_HU(SHAPE)
    masks = {name: np.zeros(SHAPE, bool) for name in NUMBERS}
    masks["vertebrae_T12"][12:28, 12:24, 2:8] = True
    masks["vertebrae_T11"][12:28, 12:24, 9:15] = True
    masks["aorta"][30:34, 8:12, 1:16] = True
    lesion = np.zeros(SHAPE, bool)
    lesion[15:22, 14:20, 3:6] = True
    image[masks["vertebrae_T12"] | masks["vertebrae_T11"]] += 400
    image[lesion] -= 350
    image = image.clip(-1024, None)  # what a scanner stores
    affine = affine_of(EDGES_mm, **GRIDS[grid])
    return Phantom(Volume(image, affine, "HU", pseudonym(FRAME_UID, "frame")), masks, lesion)


def axes(image: Volume, order: Sequence[int] = (0, 1, 2), backward: Sequence[int] = ()) -> Volume:
    """The same voxels at the same places, stored along other axes."""
    array, affine = image.array, image.affine.copy()
    for axis in backward:
        array = np.flip(array, axis)
        affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
        affine[:3, axis] *= -1
    turned = np.ascontiguousarray(array.transpose(order))
    return Volume(turned, affine[:, [*order, 3]], image.meaning, image.frame)


# --- scans


def dcm2niix(phantom: Phantom, folder: Path) -> Path:
    """Rows from back to front, both forms, mm and seconds, a sidecar beside it."""
    (folder / "ct.json").write_text('{"Modality": "CT", "ConversionSoftwareVersion": "v1.0.20220720"}')
    return _nifti(axes(phantom.ct, backward=[1]), folder / "ct.nii.gz", descrip=b"TE=0;Time=101112.000")


def dcm2niix_scaled(phantom: Phantom, folder: Path) -> Path:
    """Stored as the scanner did, with the rescale in the header."""
    image = axes(phantom.ct, backward=[1])
    stored = image.with_array((image.array + 1024).astype(np.uint16))
    return _nifti(stored, folder / "ct.nii.gz", slope=1.0, inter=-1024.0)


def fslreorient(phantom: Phantom, folder: Path) -> Path:
    """The axes exchanged, floats, no gzip."""
    image = axes(phantom.ct, order=[2, 0, 1], backward=[0])
    return _nifti(image.with_array(image.array.astype(np.float32)), folder / "ct.nii")


def itk_nifti(phantom: Phantom, folder: Path) -> Path:
    """What 3D Slicer and ITK-SNAP write."""
    return _itk(phantom.ct, folder / "ct.nii.gz")


def slicer_nrrd(phantom: Phantom, folder: Path) -> Path:
    return _nrrd([phantom.ct], folder / "ct.nrrd", encoding="gzip")


def nrrd_ras(phantom: Phantom, folder: Path) -> Path:
    return _nrrd([phantom.ct], folder / "ct.nrrd", space="right-anterior-superior", encoding="raw")


def nrrd_detached(phantom: Phantom, folder: Path) -> Path:
    return _nrrd([phantom.ct], folder / "ct.nhdr", encoding="raw", units=True)


def metaimage(phantom: Phantom, folder: Path) -> Path:
    return _itk(phantom.ct, folder / "ct.mha")


def metaimage_detached(phantom: Phantom, folder: Path) -> Path:
    return _itk(phantom.ct, folder / "ct.mhd")


def dicom(phantom: Phantom, folder: Path) -> Path:
    """An archive's export: slices in any order, a scout and a dose report beside them."""
    study = {"study_uid": "1.2.3.4", "frame_uid": FRAME_UID}
    make_series(phantom.ct, folder / "dicom" / "SE1", **study, tilt_deg=0)
    make_localizer(folder / "dicom" / "SE1", study_uid="1.2.3.4")
    make_report(folder / "dicom" / "SR" / "report.dcm")
    return folder / "dicom"


def dicom_multiframe(phantom: Phantom, folder: Path) -> Path:
    return make_multiframe(phantom.ct, folder / "enhanced.dcm", FrameOfReferenceUID=FRAME_UID)


SCANS = {made.__name__: made for made in (
    dcm2niix, dcm2niix_scaled, fslreorient, itk_nifti, slicer_nrrd, nrrd_ras, nrrd_detached, metaimage,
    metaimage_detached, dicom, dicom_multiframe,
)}  # fmt: skip


# --- label maps


def totalsegmentator(phantom: Phantom, folder: Path) -> Arguments:
    """``--ml``: one map of the converted scan, the names of all numbers in an extension of its header."""
    image = axes(_labels(phantom), backward=[1])
    named = _caret([(number, name) for name, number in NUMBERS.items()])
    return {"labels": _nifti(image, folder / "labels.nii.gz", qform=0, extension=named)}


def totalsegmentator_other_task(phantom: Phantom, folder: Path) -> Arguments:
    """Numbers of their own, which only the header explains: in the task "total" 3 is the left kidney."""
    return {
        "labels": _nifti(
            _counted(phantom, np.uint8), folder / "labels.nii.gz", extension=_caret(_numbered(phantom))
        )
    }


def totalsegmentator_folder(phantom: Phantom, folder: Path) -> Arguments:
    """One file a structure, most of them empty."""
    (folder / "segmentations").mkdir()
    empty = dict.fromkeys(("spleen", "heart", "vertebrae_L1"), np.zeros(SHAPE, bool))
    for name, mask in {**phantom.masks, **empty}.items():
        image = axes(phantom.ct.with_array(mask.astype(np.uint8), "mask"), backward=[1])
        _nifti(image, folder / "segmentations" / f"{name}.nii.gz", qform=0)
    return {"labels": folder / "segmentations"}


def totalsegmentator_v1(phantom: Phantom, folder: Path) -> Arguments:
    numbers = {"vertebrae_T12": 23, "vertebrae_T11": 24, "aorta": 7}
    array = sum(numbers[name] * mask for name, mask in phantom.masks.items()).astype(np.uint8)
    path = _nifti(phantom.ct.with_array(array, "label"), folder / "labels.nii.gz", qform=0)
    return {"labels": path, "scheme": "totalsegmentator_v1"}


def itksnap(phantom: Phantom, folder: Path) -> Arguments:
    """Numbers from 1, described in a text file beside it."""
    rows = [f'{n:5}   {80 * n:3}    0    0        1  1  1    "{name}"' for n, name in _numbered(phantom)]
    text = "################\n# ITK-SnAP Label Description File\n" + 18 * "# more\n"
    clear = '    0     0    0    0        0  0  0    "Clear Label"\n'
    (folder / "labels.txt").write_text(text + clear + "\n".join(rows) + "\n")
    path = _itk(_counted(phantom, np.uint16), folder / "labels.nii.gz")
    return {"labels": path, "names": folder / "labels.txt"}


def slicer_table(phantom: Phantom, folder: Path) -> Arguments:
    """An exported label map with its colour table."""
    rows = [f"{n} {name} 128 174 128 255" for n, name in _numbered(phantom)]
    head = "# Color table file /x/labels.ctbl\n# 4 values\n0 Background 0 0 0 0\n"
    (folder / "labels.ctbl").write_text(head + "\n".join(rows) + "\n")
    path = _nrrd([_counted(phantom, np.int16)], folder / "labels.nrrd", encoding="gzip")
    return {"labels": path, "names": folder / "labels.ctbl"}


def slicer_segments(phantom: Phantom, folder: Path) -> Arguments:
    """One layer, cropped to what is drawn."""
    low, high = (11, 7, 1), (35, 25, 16)
    said = _segments([(n, name, 0) for n, name in _numbered(phantom)], low)
    path = _nrrd([_counted(phantom, np.uint8).crop(low, high)], folder / "labels.seg.nrrd", **said)
    return {"labels": path}


def slicer_layers(phantom: Phantom, folder: Path) -> Arguments:
    """Overlapping segments in layers, cropped; the axis of the layers is no direction."""
    spine = phantom.masks["vertebrae_T12"] | phantom.masks["vertebrae_T11"]
    layers = [_counted(phantom, np.uint8), phantom.ct.with_array(spine.astype(np.uint8), "label")]
    low, high = (11, 7, 1), (35, 25, 16)
    rows = [*[(n, name, 0) for n, name in _numbered(phantom)], (1, "Spine", 1)]
    said = _segments(rows, low)
    path = _nrrd([one.crop(low, high) for one in layers], folder / "labels.seg.nrrd", **said)
    return {"labels": path}


def slicer_before_4_11(phantom: Phantom, folder: Path) -> Arguments:
    """A layer for each segment, and no word of values and layers."""
    low, high = (11, 7, 1), (35, 25, 16)
    layers = [
        phantom.ct.with_array(m.astype(np.uint8), "label").crop(low, high) for m in phantom.masks.values()
    ]
    said = _segments([(n, name, 0) for n, name in _numbered(phantom)], low)
    kept = {key: value for key, value in said.items() if not key.endswith(("_LabelValue", "_Layer"))}
    return {"labels": _nrrd(layers, folder / "labels.seg.nrrd", **kept)}


def metaimage_labels(phantom: Phantom, folder: Path) -> Arguments:
    return {"labels": _itk(_labels(phantom), folder / "labels.mha"), "scheme": "totalsegmentator"}


def dicom_seg(phantom: Phantom, folder: Path) -> Arguments:
    """highdicom and dcmqi: binary, backwards, frames without anything left out."""
    return {"labels": make_seg(folder / "labels.dcm", phantom.ct, phantom.masks)}


def dicom_seg_whole(phantom: Phantom, folder: Path) -> Arguments:
    """As OHIF writes: every frame of every segment, and no distance between slices."""

    def thin(seg: Dataset) -> None:
        measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        if "SpacingBetweenSlices" in measures:
            del measures.SpacingBetweenSlices

    more = {"omit_empty_frames": False, "change": thin}
    return {"labels": make_seg(folder / "labels.dcm", phantom.ct, phantom.masks, **more)}


def dicom_seg_map(phantom: Phantom, folder: Path) -> Arguments:
    """A label map, compressed, as newer OHIF writes."""
    more = {"kind": "LABELMAP", "transfer_syntax_uid": RLELossless}
    return {"labels": make_seg(folder / "labels.dcm", phantom.ct, phantom.masks, **more)}


LABELS = {made.__name__: made for made in (
    totalsegmentator, totalsegmentator_other_task, totalsegmentator_folder, totalsegmentator_v1, itksnap,
    slicer_table, slicer_segments, slicer_layers, slicer_before_4_11, metaimage_labels, dicom_seg,
    dicom_seg_whole, dicom_seg_map,
)}  # fmt: skip


# --- lesions


def mask_of_one(phantom: Phantom, folder: Path) -> Arguments:
    return {"lesion": _itk(_drawn(phantom, np.uint8), folder / "tumour.nii.gz")}


def mask_of_255(phantom: Phantom, folder: Path) -> Arguments:
    image = _drawn(phantom, np.uint8)
    return {"lesion": _nifti(axes(image.with_array(255 * image.array), backward=[0, 2]), folder / "m.nii")}


def mask_in_floats(phantom: Phantom, folder: Path) -> Arguments:
    return {"lesion": _itk(_drawn(phantom, np.float64), folder / "tumour.mha")}


def mask_of_two(phantom: Phantom, folder: Path) -> Arguments:
    """ITK-SNAP with the rim as another number."""
    image = _drawn(phantom, np.uint16)
    image = image.with_array(image.array + (image.array + np.roll(image.array, 3, axis=0) == 1))
    kept = image.with_array(np.where(phantom.lesion, 1, np.where(image.array > 0, 2, 0)).astype(np.uint16))
    return {"lesion": _itk(kept, folder / "tumour.nrrd"), "part": "1"}


def slicer_segment(phantom: Phantom, folder: Path) -> Arguments:
    low, high = (14, 13, 2), (24, 22, 7)
    image = _drawn(phantom, np.uint8).crop(low, high)
    path = _nrrd([image], folder / "tumour.seg.nrrd", **_segments([(1, "Tumour T12", 0)], low))
    return {"lesion": path, "part": "Tumour T12"}


def slicer_only_segment(phantom: Phantom, folder: Path) -> Arguments:
    """Nobody says which one; a second is empty."""
    low, high = (14, 13, 2), (24, 22, 7)
    image = _drawn(phantom, np.uint8).crop(low, high)
    rows = [(2, "Segment_2", 0), (1, "Tumour", 0)]
    return {"lesion": _nrrd([image], folder / "tumour.seg.nrrd", **_segments(rows, low))}


def dicom_segment(phantom: Phantom, folder: Path) -> Arguments:
    masks = {"Oedema": np.roll(phantom.lesion, 1, axis=1), "Tumour T12": phantom.lesion}
    return {"lesion": make_seg(folder / "tumour.dcm", phantom.ct, masks), "part": "Tumour T12"}


def dicom_fraction(phantom: Phantom, folder: Path) -> Arguments:
    masks = {"Tumour": phantom.lesion.astype(np.float64)}
    return {"lesion": make_seg(folder / "tumour.dcm", phantom.ct, masks, kind="FRACTIONAL")}


def eclipse(phantom: Phantom, folder: Path) -> Arguments:
    """Many structures, some empty, coordinates with two digits, an isocentre as a point."""
    body = _outlines(phantom, np.ones(SHAPE, bool))
    regions = {"BODY": body, "GTV T12 L ": _outlines(phantom, phantom.lesion), "Isocenter": [], "Couch": []}

    def exported(dataset: Dataset) -> None:
        for row in list(dataset.ROIContourSequence):
            for contour in row.get("ContourSequence", []):
                contour.ContourData = [f"{float(value):.2f}" for value in contour.ContourData]
            if row.ReferencedROINumber == 3:
                point = Dataset()
                point.ContourGeometricType, point.NumberOfContourPoints = "POINT", 1
                point.ContourData = ["0.00", "0.00", "0.00"]
                row.ContourSequence = [point]
            elif row.ReferencedROINumber == 4:
                del row.ContourSequence

    path = make_rtstruct(folder / "rs.dcm", regions, change=exported)
    return {"lesion": path, "part": "GTV T12 L"}


def raystation(phantom: Phantom, folder: Path) -> Arguments:
    """Closed by repeating the first point; the way round changes from slice to slice."""
    drawn = [
        np.concatenate([outline, outline[:1]])[:: (-1) ** n]
        for n, outline in enumerate(_outlines(phantom, phantom.lesion))
    ]
    return {"lesion": make_rtstruct(folder / "rs.dcm", {"GTV": drawn})}


def mim(phantom: Phantom, folder: Path) -> Arguments:
    """Points along the edges of the pixels, hundreds of them, slices in any order."""
    drawn = [_dense(outline) for outline in _outlines(phantom, phantom.lesion)]
    regions = {"CTV": _outlines(phantom, phantom.masks["vertebrae_T12"]), "GTV_1": drawn[::-1]}
    return {"lesion": make_rtstruct(folder / "rs.dcm", regions), "part": "2"}


def keyhole(phantom: Phantom, folder: Path) -> Arguments:
    """A hole reached by a channel of no width; the lesion is the ring."""
    drawn = []
    for k in range(3, 6):
        outer, inner = _rectangle((15, 22), (14, 20)), _rectangle((17, 20), (16, 18))
        outline = np.concatenate([outer[:1], inner, inner[:1], outer[:1], outer[1:]])
        drawn.append(_on_slice(phantom, outline, k))
    phantom.lesion[17:20, 16:18, 3:6] = False
    return {"lesion": make_rtstruct(folder / "rs.dcm", {"GTV": drawn})}


# What needs no frame of reference, and what has one.
DRAWN = {made.__name__: made for made in (
    mask_of_one, mask_of_255, mask_in_floats, mask_of_two, slicer_segment, slicer_only_segment,
)}  # fmt: skip
LESIONS = DRAWN | {made.__name__: made for made in (
    dicom_segment, dicom_fraction, eclipse, raystation, mim, keyhole,
)}  # fmt: skip


# --- how the files are written


def _caret(rows: Sequence[tuple[int, str]]) -> str:
    """Numbers and names as TotalSegmentator writes them into a header."""
    table = "".join(
        f'<Label Key="{number}" Red="1" Green="0" Blue="0" Alpha="1"><![CDATA[{name}]]></Label>'
        for number, name in rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>  <Date><![CDATA[2013-07-14]]></Date>'
        f'   <VolumeInformation Index="0">   <LabelTable>{table}</LabelTable>  <StudyMetaDataLinkSet>  '
        "</StudyMetaDataLinkSet>  <VolumeType><![CDATA[Label]]></VolumeType>   </VolumeInformation>"
        "</CaretExtension>"
    )


def _labels(phantom: Phantom) -> Volume:
    return phantom.ct.with_array(phantom.labels, "label")


def _numbered(phantom: Phantom) -> list[tuple[int, str]]:
    return list(enumerate(phantom.masks, start=1))


def _counted(phantom: Phantom, kind: type) -> Volume:
    """The label map with numbers from 1."""
    array = sum(n * phantom.masks[name] for n, name in _numbered(phantom)).astype(kind)
    return phantom.ct.with_array(array, "label")


def _drawn(phantom: Phantom, kind: type) -> Volume:
    return phantom.ct.with_array(phantom.lesion.astype(kind), "mask")


def _nifti(
    image: Volume,
    path: Path,
    *,
    qform: int = 1,
    slope: float = 1.0,
    inter: float = 0.0,
    descrip: bytes = b"",
    extension: str = "",
) -> Path:
    """With nibabel; a rescale is written for what is stored already."""
    made = nib.Nifti1Image(image.array, RAS @ image.affine)
    made.set_qform(made.affine, code=qform)
    made.set_sform(made.affine, code=1)
    made.header.set_xyzt_units("mm", "sec")
    made.header["descrip"] = descrip
    if extension:
        made.header.extensions.append(nib.nifti1.Nifti1Extension(0, extension.encode()))
    nib.save(made, path)
    if (slope, inter) != (1.0, 0.0):
        raw = bytearray(gzip.decompress(path.read_bytes()))
        raw[112:120] = np.array([slope, inter], "<f4").tobytes()
        path.write_bytes(gzip.compress(bytes(raw)))
    return path


def _itk(image: Volume, path: Path) -> Path:
    made = sitk.GetImageFromArray(np.ascontiguousarray(image.array.T))
    made.SetSpacing(image.spacing_mm.tolist())
    made.SetDirection(image.direction.ravel().tolist())
    made.SetOrigin(image.affine[:3, 3].tolist())
    sitk.WriteImage(made, str(path), useCompression=True)
    return path


def _nrrd(
    layers: Sequence[Volume],
    path: Path,
    *,
    space: str = "left-posterior-superior",
    encoding: str = "gzip",
    units: bool = False,
    **said: str,
) -> Path:
    """As 3D Slicer writes: several layers are a first axis that is no direction."""
    affine = (RAS if space.startswith("right") else np.eye(4)) @ layers[0].affine
    vectors = ["(" + ",".join(f"{x:.17g}" for x in column) + ")" for column in affine[:3].T]
    types = {"int16": "short", "uint8": "unsigned char"}
    several = len(layers) > 1
    array = np.stack([one.array for one in layers]) if several else layers[0].array
    lines = [
        "NRRD0004", "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html", f"type: {types[array.dtype.name]}",
        f"dimension: {array.ndim}", f"space: {space}", "sizes: " + " ".join(map(str, array.shape)),
        "space directions: " + "none " * several + " ".join(vectors[:3]),
        "kinds: " + "list " * several + "domain domain domain", "endian: little", f"encoding: {encoding}",
        *(['space units: "mm" "mm" "mm"'] if units else []), f"space origin: {vectors[3]}",
    ]  # fmt: skip
    raw = array.tobytes(order="F")
    packed = gzip.compress(raw) if encoding == "gzip" else raw
    if path.suffix == ".nhdr":
        lines.append("data file: ct.raw")
        (path.parent / "ct.raw").write_bytes(packed)
        packed = b""
    lines += [f"{key}:={value}" for key, value in said.items()]
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + packed)
    return path


def _segments(rows: Sequence[tuple[int, str, int]], offset: Sequence[int]) -> dict[str, str]:
    """What Slicer says of (value, name, layer)."""
    said = {
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|Closed surface|",
        "Segmentation_ConversionParameters": "Smoothing factor|0.5|Range: 0.0 (none) to 1.0 (strong).&",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": " ".join(map(str, offset)),
    }
    for n, (value, name, layer) in enumerate(rows):
        said |= {
            f"Segment{n}_Color": "0.5 0.68 0.5", f"Segment{n}_ColorAutoGenerated": "1",
            f"Segment{n}_Extent": "0 9 0 8 0 4", f"Segment{n}_ID": f"Segment_{n + 1}",
            f"Segment{n}_LabelValue": str(value), f"Segment{n}_Layer": str(layer), f"Segment{n}_Name": name,
            f"Segment{n}_NameAutoGenerated": "0",
            f"Segment{n}_Tags": "TerminologyEntry:Segmentation category~SCT^85756007^Tissue~~^^~^^|",
        }  # fmt: skip
    return said


def _rectangle(i: tuple[int, int], j: tuple[int, int]) -> np.ndarray:
    """Around voxels i[0] to i[1] - 1, half a voxel out."""
    (a, b), (c, d) = ((low - 0.5, high - 0.5) for low, high in (i, j))
    return np.array([[a, c], [b, c], [b, d], [a, d]])


def _on_slice(phantom: Phantom, outline: np.ndarray, k: int) -> np.ndarray:
    return phantom.ct.positions_mm(np.column_stack([outline, np.full(len(outline), k)]))


def _outlines(phantom: Phantom, block: np.ndarray) -> list[np.ndarray]:
    """The rectangle of a block on each of its slices, LPS [mm]."""
    i, j, k = (np.flatnonzero(block.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3))
    rectangle = _rectangle((i[0], i[-1] + 1), (j[0], j[-1] + 1))
    return [_on_slice(phantom, rectangle, n) for n in k]


def _dense(outline: np.ndarray, each: int = 60) -> np.ndarray:
    """The same outline with more points on every side."""
    share = np.linspace(0, 1, each, endpoint=False)[:, None]
    ends = np.roll(outline, -1, axis=0)
    return np.concatenate([a + share * (b - a) for a, b in zip(outline, ends, strict=True)])
