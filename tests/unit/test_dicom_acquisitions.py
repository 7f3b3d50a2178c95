"""One acquisition per series, its rescale and preamble, and what is drawn in a DICOM object at init."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, generate_uid
from scipy.ndimage import gaussian_filter

from osteoplan.cli import main
from osteoplan.errors import BadInput
from osteoplan.io.dicom.image import _parse
from osteoplan.io.dicom.limits import limits
from osteoplan.io.dicom.series import _find
from osteoplan.io.images import is_dicom
from osteoplan.model.volume import Volume
from tests.dicom_made import affine_of, make_multiframe, make_series, store
from tests.foreign_made import FRAME_UID, make_rtstruct

N = 12
GRIDS = {
    "axial": {},
    "oblique": {"turn_deg": (11, -23, 37)},
    "left-handed": {"flip": (True, False, True)},
}


def body(grid: str = "oblique") -> Volume:
    """A smooth body with a bone, of three different edges, in air."""
    i, j, k = np.indices((26, 22, N))
    inside = ((i - 12) / 9) ** 2 + ((j - 11) / 7) ** 2 < 1
    soft = gaussian_filter(np.random.default_rng(5).normal(0, 400, (26, 22, N)), 2)
    bone = ((i - 12) / 3) ** 2 + ((j - 8) / 2) ** 2 < 1
    array = np.where(inside, 40 + 600 * bone + soft + 3 * k, -1000).astype(np.int16)
    return Volume(array, affine_of((0.7, 0.9, 2.0), **GRIDS[grid]), "HU")


def heights(volume: Volume) -> Callable[[int], int]:
    """Slice number from below along the normal, which is the order of the read stack."""
    right_handed = np.linalg.det(volume.affine[:3, :3]) > 0
    return lambda k: k if right_handed else N - 1 - k


def refusal(folder: Path) -> str:
    (found,) = _find(folder, limits())
    assert found.verdict == "refused"
    with pytest.raises(BadInput) as refused:
        _parse(folder, None, False, limits())
    assert found.reason in str(refused.value)
    return found.reason


ALTERNATING: dict[str, tuple[dict[str, Any], str]] = {
    "acquisition number": ({"AcquisitionNumber": lambda k: 1 + k % 2}, "acquisition number"),
    "three phases": ({"AcquisitionNumber": lambda k: 1 + k % 3}, "acquisition number"),
    "two by two": ({"AcquisitionNumber": lambda k: 1 + k // 2 % 2}, "acquisition number"),
    "kernel": ({"ConvolutionKernel": lambda k: ("B30f", "B70f")[k % 2]}, "kernel"),
    "tube voltage": ({"KVP": lambda k: ("80", "140")[k % 2]}, "tube voltage"),
    "contrast": ({"ContrastBolusAgent": lambda k: ("", "an agent")[k % 2]}, "contrast"),
    "phase": ({"TemporalPositionIdentifier": lambda k: str(1 + k % 2)}, "phase"),
    "cardiac phase": ({"NominalPercentageOfCardiacPhase": lambda k: 30 + 40.0 * (k % 2)}, "cardiac phase"),
    "time": ({"AcquisitionTime": lambda k: f"1000{k // 2 + 30 * (k % 2):02d}"}, "time of acquisition"),
    "date and time": (
        {"AcquisitionDateTime": lambda k: f"202001021000{k // 2 + 30 * (k % 2):02d}.5"},
        "time of acquisition",
    ),
    "kind": (
        {"ImageType": lambda k: ["DERIVED", "PRIMARY", "AXIAL", ("VMI40", "VMI90")[k % 2]]},
        "kind of image",
    ),
}


@pytest.mark.parametrize("name", ALTERNATING)
def test_stacks_pushed_into_one_another_are_refused(name: str, tmp_path: Path) -> None:
    overrides, word = ALTERNATING[name]
    make_series(body(), tmp_path, **overrides)
    assert "several acquisitions whose slices lie between each other" in (said := refusal(tmp_path))
    assert f"stack: {word})" in said


def test_stacks_at_uneven_distances_are_called_what_they_are(tmp_path: Path) -> None:
    def nearer(k: int, dataset: Dataset) -> Dataset:
        moved = body().positions_mm((0, 0, k - 0.4 * (k % 2)))
        dataset.ImagePositionPatient = [f"{x:.8f}"[:16] for x in moved]
        dataset.AcquisitionNumber = 1 + k % 2
        return dataset

    make_series(body(), tmp_path, change=nearer)
    assert "several acquisitions" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("group", "keyword", "entries", "word"),
    [
        ("FrameContentSequence", "FrameAcquisitionNumber", (1, 2), "acquisition number"),
        ("FrameContentSequence", "TemporalPositionIndex", (1, 2), "frame's phase"),
        ("CTXRayDetailsSequence", "KVP", (80.0, 140.0), "tube voltage"),
        ("CTReconstructionSequence", "ConvolutionKernel", ("B30f", "B70f"), "kernel"),
    ],
)
def test_frames_of_an_enhanced_ct_are_held_to_the_same(group, keyword, entries, word, tmp_path: Path) -> None:
    ct = body()
    along = heights(ct)

    def each(entry: Callable[[int], object]) -> Callable[[Dataset], None]:
        def change(dataset: Dataset) -> None:
            for frame in dataset.PerFrameFunctionalGroupsSequence:
                item = Dataset()
                position = [float(x) for x in frame.PlanePositionSequence[0].ImagePositionPatient]
                setattr(item, keyword, entry(along(round(float(ct.indices(position)[2])))))
                setattr(frame, group, Sequence([item]))

        return change

    make_multiframe(ct, tmp_path / "a" / "x.dcm", change=each(lambda k: entries[k % 2]))
    assert word in refusal(tmp_path / "a")
    make_multiframe(ct, tmp_path / "b" / "x.dcm", change=each(lambda k: entries[k >= 7]))
    parsed = _parse(tmp_path / "b", None, False, limits())
    assert any(f"joined, after slice 7 of 12 (what changes there: {word})" in note for note in parsed.notes)


def test_tube_voltage_and_kernel_of_an_enhanced_ct_are_known(tmp_path: Path) -> None:
    def told(dataset: Dataset) -> None:
        del dataset.KVP, dataset.ConvolutionKernel
        rays, made = Dataset(), Dataset()
        rays.KVP, made.ConvolutionKernel = 100.0, "B40s"
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.CTXRayDetailsSequence, shared.CTReconstructionSequence = Sequence([rays]), Sequence([made])

    make_multiframe(body(), tmp_path / "x.dcm", change=told)
    acquisition = _parse(tmp_path, None, False, limits()).acquisition
    assert (acquisition.kvp, acquisition.kernel) == (100.0, "B40s")


@pytest.mark.parametrize("grid", GRIDS)
def test_joined_passes_are_read_with_the_place_where_they_join(grid: str, tmp_path: Path) -> None:
    ct = body(grid)
    along = heights(ct)
    make_series(
        ct, tmp_path,
        AcquisitionNumber=lambda k: 1 + (along(k) >= 5),
        AcquisitionTime=lambda k: ("100000", "101500")[along(k) >= 5],
    )  # fmt: skip
    parsed = _parse(tmp_path, None, False, limits())
    assert parsed.notes == (
        "2 acquisitions were joined, after slice 5 of 12 (what changes there: acquisition number, time of "
        "acquisition): the patient may have moved in between, look at the pictures",
    )


HARMLESS: dict[str, dict[str, Any]] = {
    "one pass with its own times": {"AcquisitionTime": lambda k: f"1000{k:02d}.25", "AcquisitionNumber": 4},
    "no times at all": {"AcquisitionNumber": None},
    "reconstructed in any order": {"ContentTime": lambda k: f"10{k * 7 % 12:02d}00"},
    "tube current that follows the body": {"XRayTubeCurrent": lambda k: 200 + 30 * (k % 2)},
    "number of bits in use": {"BitsStored": lambda k: 12 + k % 2, "HighBit": lambda k: 11 + k % 2},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_one_acquisition_is_read_without_a_word(name: str, tmp_path: Path) -> None:
    ct = body()
    make_series(ct, tmp_path, **HARMLESS[name])
    parsed = _parse(tmp_path, None, False, limits())
    assert parsed.notes == ()
    assert np.array_equal(parsed.values.transpose(2, 1, 0), ct.array)


def test_a_single_odd_slice_is_a_note(tmp_path: Path) -> None:
    make_series(body(), tmp_path, ConvolutionKernel=lambda k: "B70f" if k == 6 else "B30f")
    notes = _parse(tmp_path, None, False, limits()).notes
    assert any("joined, after slice 6, 7 of 12 (what changes there: kernel)" in note for note in notes)


def test_a_step_and_shoot_scan_says_that_each_slice_stands_alone(tmp_path: Path) -> None:
    make_series(body(), tmp_path, AcquisitionNumber=lambda k: k + 1)
    (note,) = _parse(tmp_path, None, False, limits()).notes
    assert note.startswith("every slice has an entry of its own for acquisition number")


def test_slices_of_an_mr_are_taken_in_turns_and_its_echoes_are_not(tmp_path: Path) -> None:
    turns = {"AcquisitionNumber": lambda k: 1 + k % 2, "AcquisitionTime": lambda k: f"10{k % 2:02d}00"}
    make_series(body(), tmp_path / "turns", Modality="MR", **turns)
    assert [found.verdict for found in _find(tmp_path / "turns", limits())] == ["usable"]
    make_series(body(), tmp_path / "echoes", Modality="MR", EchoTime=lambda k: ("12", "90")[k % 2])
    assert "several acquisitions" in _find(tmp_path / "echoes", limits())[0].reason


def test_two_phases_that_were_split_are_two_series(tmp_path: Path) -> None:
    for phase in (1, 2):
        make_series(body(), tmp_path / str(phase), AcquisitionNumber=phase, study_uid="1.2.3")
    assert [found.verdict for found in _find(tmp_path, limits())] == ["usable", "usable"]


# --- rescale -------------------------------------------------------------------------------------------


def own_rescale(scale: Callable[[int], tuple[float, float]]) -> Callable[[int, Dataset], Dataset]:
    """A change that stores each slice by its own slope and intercept, as DICOM allows."""

    def change(k: int, dataset: Dataset) -> Dataset:
        slope, intercept = scale(k)
        dataset.RescaleSlope, dataset.RescaleIntercept = str(slope), str(intercept)
        store(dataset, body().array[:, :, k])
        return dataset

    return change


@pytest.mark.parametrize(
    "scale", [lambda k: (1, -1024 + 24 * (k % 3)), lambda k: (round(0.05 + 0.01 * k, 2), -1024)]
)
def test_a_rescale_of_its_own_is_applied_to_each_slice(scale, tmp_path: Path) -> None:
    make_series(body(), tmp_path, change=own_rescale(scale))
    parsed = _parse(tmp_path, None, False, limits())
    assert parsed.values.transpose(2, 1, 0) == pytest.approx(body().array, abs=0.1)
    assert parsed.notes == ()


@pytest.mark.parametrize("where", [{6}, {0}, {11}, {4, 5}, {7, 8, 9, 10, 11}])
@pytest.mark.parametrize(
    ("keyword", "right", "wrong"), [("RescaleIntercept", "-1024", "0"), ("RescaleSlope", "1", "2")]
)
def test_slices_whose_rescale_does_not_fit_their_values_are_refused(
    where: set[int], keyword: str, right: str, wrong: str, tmp_path: Path
) -> None:
    make_series(body(), tmp_path, **{keyword: lambda k: wrong if k in where else right})
    with pytest.raises(BadInput, match=r"between slices \d+ and \d+ of 12 the rescale changes"):
        _parse(tmp_path, None, False, limits())


# --- without preamble ----------------------------------------------------------------------------------


@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_files_without_preamble_are_read(meta: bool, syntax: str | None, tmp_path: Path) -> None:
    ct = body()
    more = {} if syntax is None else {"transfer_syntax": syntax}
    for path in make_series(ct, tmp_path, series_uid=generate_uid(), **more):
        skipped = 132
        if not meta:
            skipped += 12 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
        path.write_bytes(path.read_bytes()[skipped:])
        assert is_dicom(path.rename(path.with_suffix("")))
    assert np.array_equal(_parse(tmp_path, None, False, limits()).values.transpose(2, 1, 0), ct.array)


def test_what_is_no_dicom_is_counted(tmp_path: Path) -> None:
    for n, text in enumerate((b"\x08\0 a text", b"GIF89a", b"", b"\2\0\0\0")):
        (tmp_path / f"{n}.dcm").write_bytes(text)
    with pytest.raises(BadInput, match=r"4 file\(s\) of no modality, not DICOM \(no DICM mark\)"):
        _parse(tmp_path, None, False, limits())


# --- init: what is drawn in a DICOM object -------------------------------------------------------------


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT as DICOM with a contour of a name that quotes the patient, alone, and with a second one."""
    folder = tmp_path_factory.mktemp("scanned")
    ct = body()
    make_series(ct, folder / "ct", frame_uid=FRAME_UID)
    square = np.array([[6, 6], [16, 6], [16, 14], [6, 14]])
    drawn = [ct.positions_mm(np.column_stack([square, np.full(4, k)])) for k in (4, 5, 6)]
    make_rtstruct(folder / "one.dcm", {"Lesion Musterfrau": drawn})
    make_rtstruct(folder / "two.dcm", {"Lesion Musterfrau": drawn, "GTV": drawn[:2]})
    (folder / "bare.dcm").write_bytes((folder / "one.dcm").read_bytes()[132:])
    return folder


@pytest.mark.parametrize("file", ["one.dcm", "bare.dcm"])
def test_init_takes_the_only_contour_without_a_name(file: str, scanned: Path, tmp_path: Path) -> None:
    arguments = ("--ct", scanned / "ct", "--lesion", scanned / file, "--bone", "vertebra_T12", "--side")
    assert main(["init", str(tmp_path / "case"), *map(str, arguments), "midline"]) == 0
    written = (tmp_path / "case" / "case.yaml").read_text()
    assert "contour 1 of a DICOM object" in written
    assert "Musterfrau" not in written


def test_init_lists_what_could_be_meant(scanned: Path, tmp_path: Path, capsys) -> None:
    arguments = ("--ct", scanned / "ct", "--lesion", scanned / "two.dcm", "--bone", "vertebra_T12", "--side")
    assert main(["init", str(tmp_path / "case"), *map(str, arguments), "midline"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "holds 2 regions: 1 (its name quotes a person and is not shown), 2 'GTV'; say which one" in said
    assert "Musterfrau" not in said
    assert not (tmp_path / "case").exists()
