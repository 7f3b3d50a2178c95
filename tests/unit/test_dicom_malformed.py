"""Malformed series, each with its sentence.  The parser runs without its child, which is tested apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from osteoplan.errors import BadInput
from osteoplan.io.dicom.image import _parse
from osteoplan.io.dicom.limits import limits
from osteoplan.io.dicom.series import _find
from osteoplan.model.volume import Volume
from tests.dicom_made import affine_of, make_localizer, make_multiframe, make_report, make_series

VOLUME = Volume(
    np.random.default_rng(2).integers(-1000, 1500, (12, 10, 8)).astype(np.int16),
    affine_of((0.7, 0.9, 2.0), turn_deg=(7, -4, 12)),
    "HU",
)
NORMAL = VOLUME.direction[:, 2]


def moved(shift: Callable[[int], np.ndarray]) -> Callable[[int, Dataset], Dataset]:
    """A change that moves slice k."""

    def change(k: int, dataset: Dataset) -> Dataset:
        position = np.array([float(x) for x in dataset.ImagePositionPatient]) + shift(k)
        dataset.ImagePositionPatient = [f"{x:.8f}"[:16] for x in position]
        return dataset

    return change


def at(slice_number: int, **changes: Any) -> Callable[[int, Dataset], Dataset]:
    """A change of one slice's keywords."""

    def change(k: int, dataset: Dataset) -> Dataset:
        for keyword, value in changes.items() if k == slice_number else ():
            setattr(dataset, keyword, value)
        return dataset

    return change


def smaller(k: int, dataset: Dataset) -> Dataset:
    if k == 3:
        dataset.Rows = 9
        dataset.PixelData = dataset.PixelData[: 9 * 12 * 2]
    return dataset


def colour(k: int, dataset: Dataset) -> Dataset:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = bytes(12 * 10 * 3)
    return dataset


TURNED = [f"{x:.10f}" for x in np.roll(VOLUME.direction[:, :2].T.ravel(), 3)]
#: class of mistake -> (arguments of make_series, sentence)
MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "missing slice": (
        {"change": lambda k, d: None if k == 4 else d},
        "slices are missing (1 of 8): they lie 2.00 mm apart, but 4.00 mm after slice 4: copy the whole",
    ),
    "variable spacing": (
        {"change": moved(lambda k: NORMAL * 0.9 * max(k - 4, 0))},
        "the distance between slices varies from 2.00 to 2.90 mm: give a reconstruction of constant distance",
    ),
    "mixed orientations": (
        {"change": at(2, ImageOrientationPatient=TURNED)},
        "the slices lie in different orientations (about 2), so they are several stacks",
    ),
    "too few slices": (
        {"change": lambda k, d: d if k < 2 else None},
        "it has too few slices (2, at least 3 are needed): give the whole series",
    ),
    "not a volume": (
        {"change": moved(lambda k: -2.0 * k * NORMAL)},
        "all 8 slices lie at one position, so they are no volume",
    ),
    "no positions": (
        {"ImagePositionPatient": None},
        "8 of 8 slices have no position, orientation or pixel spacing, so they are no volume",
    ),
    "different slices at one position": (
        {"change": moved(lambda k: -2.0 * (k % 2) * NORMAL)},
        "4 positions hold slices that differ (several phases, echoes or reconstructions in one series)",
    ),
    "shifted slice": (
        {"change": moved(lambda k: VOLUME.direction[:, 0] * 3.0 * (k == 5))},
        "slices are shifted against each other by up to 3.00 mm within their planes",
    ),
    "stacks side by side": (
        {"change": moved(lambda k: (-2.0 * NORMAL + 60 * VOLUME.direction[:, 0]) * (k % 2))},
        "slices of one height lie beside each other, so they are several stacks",
    ),
    "absurd pixel spacing": (
        {"PixelSpacing": ["0.9", "70"]},
        "the pixel spacing in the header is not a number from 0.05 to 10 mm",
    ),
    "pixel spacing that is not finite": (
        {"PixelSpacing": ["0", "0.7"]},
        "the pixel spacing in the header is not a number from 0.05 to 10 mm",
    ),
    "absurd slice distance": (
        {"change": moved(lambda k: 20.0 * k * NORMAL)},
        "the slices lie 22 mm apart, which is not from 0.05 to 10 mm",
    ),
    "cosines not at right angles": (
        {"ImageOrientationPatient": ["1", "0", "0", "0.2", "0.979796", "0"]},
        "the direction cosines are not unit vectors at right angles",
    ),
    "cosines of length 2": (
        {"ImageOrientationPatient": ["2", "0", "0", "0", "1", "0"]},
        "the direction cosines are not unit vectors at right angles",
    ),
    "mixed pixel spacing": (
        {"change": at(3, PixelSpacing=["0.8", "0.7"])},
        "the pixel spacing changes from slice to slice",
    ),
    "mixed sizes": ({"change": smaller}, "the slices have 2 different sizes"),
    "mixed frames of reference": (
        {"change": at(3, FrameOfReferenceUID="1.2.9")},
        "the slices are on 2 frames of reference",
    ),
    "header claims too much": (
        {"Rows": 60000, "Columns": 60000},
        "file 1 of 8 holds another number of bytes than rows x columns x frames need",
    ),
    "header claims too little": (
        {"Rows": 5},
        "file 1 of 8 holds another number of bytes than rows x columns x frames need",
    ),
    "inverted greys": (
        {"PhotometricInterpretation": "MONOCHROME1"},
        "file 1 of 8 is a colour or inverted image, not a grey one (MONOCHROME2)",
    ),
    "colours": (
        {"change": colour},
        "file 1 of 8 is a colour or inverted image, not a grey one (MONOCHROME2)",
    ),
    "no rescale": (
        {"RescaleSlope": None, "RescaleIntercept": None, "RescaleType": None},
        "the CT has no rescale slope and intercept, so its values are not known to be HU",
    ),
    "slope beyond every value": (
        {"RescaleSlope": lambda k: "1e30" if k == 3 else "1"},
        "the rescale slope or intercept is not a usable number",
    ),
    "zero slope": ({"RescaleSlope": "0"}, "the rescale slope or intercept is not a usable number"),
    "not HU": ({"RescaleType": "MGML"}, "the CT says that its values are not HU (rescale type)"),
    "unknown bits": ({"BitsStored": 20}, "file 1 of 8 stores its pixels in an unusual number of bits"),
    "unknown compression": (
        {"transfer_syntax": "1.2.840.10008.1.2.4.201"},
        "file 1 of 8 is compressed in a way that is not read",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_series_is_refused_with_its_sentence(name: str, tmp_path: Path) -> None:
    arguments, sentence = MALFORMED[name]
    if name == "unknown compression":
        _relabelled(tmp_path, arguments["transfer_syntax"])
    else:
        make_series(VOLUME, tmp_path, **arguments)
    (found,) = _find(tmp_path, limits())
    assert found.verdict == "refused"
    assert found.reason.startswith(sentence)
    assert found.shape is None or "positions hold slices" in sentence
    with pytest.raises(BadInput) as refusal:
        _parse(tmp_path, None, True, limits())
    assert sentence in str(refusal.value)


def _relabelled(folder: Path, syntax: str) -> None:
    """Files that name a compression for which there is no decoder."""
    import pydicom

    for path in make_series(VOLUME, folder, transfer_syntax="1.2.840.10008.1.2.5"):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path)


def test_not_a_number_in_a_position_is_refused(tmp_path: Path) -> None:
    for path in make_series(VOLUME, tmp_path, ImagePositionPatient=["12345678", "12345678", "12345678"]):
        path.write_bytes(path.read_bytes().replace(b"12345678", b"nan     ", 1))
    (found,) = _find(tmp_path, limits())
    assert found.reason.startswith("a position or direction in the header is not a finite number")


def test_pixels_that_end_early_are_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    path = make_series(VOLUME, tmp_path)[3]
    path.write_bytes(path.read_bytes()[:-100])
    (found,) = _find(tmp_path, limits())
    assert found.verdict == "refused"
    assert "ends before its pixels do" in found.reason


def test_compressed_pixels_that_are_damaged_are_refused(tmp_path: Path) -> None:
    path = make_series(VOLUME, tmp_path, transfer_syntax="1.2.840.10008.1.2.4.90")[3]
    content = path.read_bytes()
    path.write_bytes(content[:-120] + bytes(120))
    with pytest.raises(BadInput, match=r"file \d of 8 (cannot be decoded|decodes to another size)"):
        _parse(tmp_path, None, False, limits())


def test_values_beyond_the_stored_bits_are_not_guessed(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path, BitsStored=10, HighBit=9)
    with pytest.raises(BadInput, match="holds values beyond its 10 stored bits"):
        _parse(tmp_path, None, False, limits())


def test_identical_copies_of_slices_are_dropped_with_a_note(tmp_path: Path) -> None:
    for n, path in enumerate(make_series(VOLUME, tmp_path)):
        if n in (2, 5):
            (tmp_path / f"copy{n}.dcm").write_bytes(path.read_bytes())
    (found,) = _find(tmp_path, limits())
    assert (found.verdict, found.files) == ("repairable", 10)
    parsed = _parse(tmp_path, None, False, limits())
    assert parsed.values.shape == (8, 10, 12)
    assert parsed.notes[0] == "2 slices are there twice, pixel for pixel: one of each is taken"


def test_an_enhanced_ct_that_announces_more_frames_than_it_describes_is_refused(tmp_path: Path) -> None:
    make_multiframe(VOLUME, tmp_path / "x.dcm", change=lambda d: setattr(d, "NumberOfFrames", 2_000_000_000))
    (found,) = _find(tmp_path, limits())
    assert found.reason.startswith("file 1 of 1 announces another number of frames than it describes")


@pytest.mark.parametrize("k", [0, 7])
def test_a_slice_lost_at_an_end_is_told(k: int, tmp_path: Path) -> None:
    files = make_series(VOLUME, tmp_path / "cut", shuffle_names=False)
    files[k].write_bytes(files[k].read_bytes()[: 700 + 40 * k])
    make_series(VOLUME, tmp_path / "strayed", change=at(k, SeriesInstanceUID="1.2.3"))
    make_localizer(tmp_path / "strayed")
    for name, said in (
        ("cut", "1 file(s) beside the scan are damaged"),
        ("strayed", "1 slice(s) that would"),
    ):
        parsed = _parse(tmp_path / name, None, False, limits())
        assert len(parsed.values) == 7
        assert parsed.notes[-1].startswith(said)
        assert parsed.notes[-1].endswith("its end is missing")


def test_a_damaged_object_beside_the_scan_does_not_hide_it(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path)
    report = make_report(tmp_path / "report.dcm")
    stored = report.read_bytes()
    study = b"\x20\x00\x0d\x00"
    report.write_bytes(stored.replace(study + b"UI", study + b"UM"))
    assert report.read_bytes() != stored
    whole, rest = _find(tmp_path, limits())
    assert (whole.verdict, whole.shape) == ("usable", VOLUME.shape)
    assert (rest.verdict, rest.files) == ("refused", 1)
    assert "damaged header" in rest.reason
    assert np.array_equal(_parse(tmp_path, None, False, limits()).values.transpose(2, 1, 0), VOLUME.array)
