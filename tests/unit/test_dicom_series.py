"""What lies in a folder: every series has a verdict, the real oddities have the expected one."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from osteoplan.errors import BadInput, Cancelled, UnknownName
from osteoplan.io.dicom.header import pseudonym
from osteoplan.io.dicom.image import _parse, read_series
from osteoplan.io.dicom.limits import limits
from osteoplan.io.dicom.series import _find, find_series
from osteoplan.model.volume import Volume
from tests.dicom_made import affine_of, make_localizer, make_multiframe, make_report, make_series

VOLUME = Volume(
    np.random.default_rng(1).integers(-1000, 1500, (12, 10, 6)).astype(np.int16),
    affine_of((0.7, 0.9, 2)),
    "HU",
)
ODDITIES = {
    "gantry_tilt_4slices": ("repairable", "the gantry was tilted by 14.0 degrees"),
    "ge_gantry_tilt_variable_spacing": (
        "refused",
        "the distance between slices varies from 1.08 to 7.00 mm: give a reconstruction of constant "
        "distance; also, the gantry was tilted by 18.5 degrees",
    ),
    "missing_slice": (
        "refused",
        "slices are missing (1 of 5): they lie 0.75 mm apart, but 1.50 mm after slice 3: copy the whole "
        "series again; also, the gantry was tilted by 15.5 degrees",
    ),
    "not_a_volume": ("refused", "all 4 slices lie at one position"),
    "slice_count": ("refused", "it has too few slices (2, at least 3 are needed)"),
    "slice_increment": (
        "refused",
        "slices are missing (1 of 5): they lie 5.00 mm apart, but 10.00 mm after slice 3",
    ),
    "slice_orientation": ("refused", "the slices lie in different orientations (about 2)"),
}
SARCOMAS = {"STS_007": (249, 215, 70), "STS_018": (172, 160, 55), "STS_044": (234, 216, 53)}
SEG_IMAGES = {
    "ct-3slice": ("usable", ""),
    "23x38x3/image": ("refused", "the CT says that its values are not HU (rescale type)"),
    "23x38x3/multiframe": ("refused", "the CT says that its values are not HU (rescale type)"),
    "24x38x3/image": ("refused", "the CT says that its values are not HU (rescale type)"),
    "24x38x3/multiframe": ("refused", "the CT says that its values are not HU (rescale type)"),
}


@pytest.mark.data
@pytest.mark.parametrize("name", ODDITIES)
def test_a_real_oddity_has_its_verdict_and_sentence(name: str, data: Path) -> None:
    (found,) = _find(data / "dicom_oddities" / name, limits())
    verdict, sentence = ODDITIES[name]
    assert found.verdict == verdict
    assert found.reason.startswith(sentence)
    with pytest.raises(BadInput) as refusal:
        _parse(data / "dicom_oddities" / name, found.series, False, limits())
    assert sentence in str(refusal.value)


@pytest.mark.data
def test_the_real_tilted_scan_is_straightened_on_request(data: Path) -> None:
    read = read_series(data / "dicom_oddities" / "gantry_tilt_4slices", straighten=True)
    assert read.volume.shape[0] == 512
    assert read.volume.shape[2] == 4
    assert "14.0 degrees was straightened" in " ".join(read.notes)
    assert (read.volume.array == -2048).any()


@pytest.mark.data
@pytest.mark.parametrize("name", SARCOMAS)
def test_a_real_sarcoma_is_usable_and_its_contours_stand_aside(name: str, data: Path) -> None:
    ct, contours = _find(data / "sarcoma_near_bone" / name, limits())
    assert (ct.verdict, ct.shape, ct.reason) == ("usable", SARCOMAS[name], "")
    assert ct.spacing_mm == pytest.approx((0.976562, 0.976562, 3.27), abs=1e-6)
    assert (contours.verdict, contours.modality) == ("aside", "RTSTRUCT")
    image = read_series(data / "sarcoma_near_bone" / name / "CT" / "image")
    assert image.volume.shape == SARCOMAS[name]
    assert image.volume.frame == image.acquisition.frame == ct.frame
    assert image.acquisition.kvp == 140
    assert image.acquisition.contrast is None


@pytest.mark.data
@pytest.mark.parametrize("name", SEG_IMAGES)
def test_the_images_beside_segmentations_have_their_verdicts(name: str, data: Path) -> None:
    (found,) = _find(data / "dicom_seg" / name, limits())
    verdict, sentence = SEG_IMAGES[name]
    assert found.verdict == verdict
    assert found.reason.startswith(sentence)


@pytest.mark.data
def test_an_anonymiser_that_gave_every_slice_a_frame_is_seen(data: Path) -> None:
    (found,) = find_series(data / "thoracic_dicom" / "series")
    assert (found.verdict, found.frame, found.shape) == ("repairable", "", (512, 512, 90))
    assert found.reason.startswith("every slice names a frame of reference of its own")


def test_everything_in_a_folder_is_accounted_for(tmp_path: Path) -> None:
    files = make_series(VOLUME, tmp_path / "deep" / "er", study_uid="1.2.3", frame_uid="1.2.4")
    make_localizer(tmp_path / "scout")
    make_report(tmp_path / "dose.dcm")
    make_report(tmp_path / "pr.dcm", modality="PR", sop_class="1.2.840.10008.5.1.4.1.1.11.1")
    make_series(VOLUME, tmp_path / "save", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    make_series(VOLUME, tmp_path / "mip", ImageType=["DERIVED", "SECONDARY", "MIP"])
    make_series(VOLUME, tmp_path / "pet", Modality="PT")
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / "cut.dcm").write_bytes(files[0].read_bytes()[:200])
    found = find_series(tmp_path)
    assert sum(one.files for one in found) == sum(path.is_file() for path in tmp_path.rglob("*"))
    usable, *others = found
    assert (usable.verdict, usable.files, usable.shape) == ("usable", 6, (12, 10, 6))
    assert (usable.study, usable.frame) == (pseudonym("1.2.3", "study"), pseudonym("1.2.4", "frame"))
    told = {one.reason.split(":")[0].split(" (")[0] for one in others if one.verdict == "aside"}
    assert {
        "a scout",
        "a report",
        "a presentation state, not an image",
        "not DICOM",
        "neither CT nor MR",
    } <= told
    assert "a screen save or secondary capture, not a scan" in told
    assert any(reason.startswith("a projection") for reason in told)
    assert read_series(tmp_path).volume.shape == (12, 10, 6)


def test_a_scout_in_the_series_itself_stands_aside_with_a_note(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path, series_uid="1.2.5")
    make_localizer(tmp_path, series_uid="1.2.5")
    read = read_series(tmp_path)
    assert read.volume.shape == VOLUME.shape
    assert any("set aside: a scout" in note for note in read.notes)


def test_between_two_usable_series_nothing_is_guessed(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path / "a", series_uid="1.2.5")
    make_series(VOLUME, tmp_path / "b", series_uid="1.2.6")
    wanted = pseudonym("1.2.6", "series")
    with pytest.raises(BadInput, match="2 CT series could be meant; choose with --series") as refusal:
        read_series(tmp_path)
    assert wanted in str(refusal.value)
    assert "12x10x6 at 0.70 x 0.90 x 2.00 mm" in str(refusal.value)
    assert read_series(tmp_path, series=wanted).acquisition.series == wanted
    with pytest.raises(UnknownName, match="unknown series 'series-0000'"):
        read_series(tmp_path, series="series-0000")


def test_an_mr_series_is_read_only_when_asked_for(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path, Modality="MR", RescaleType=None)
    (found,) = find_series(tmp_path)
    assert (found.modality, found.verdict) == ("MR", "usable")
    with pytest.raises(BadInput, match="no CT series is there"):
        read_series(tmp_path)
    assert read_series(tmp_path, series=found.series).volume.meaning == "MR"


def test_a_zip_reads_as_its_folder_does(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path / "folder")
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "folder"))
    assert np.array_equal(read_series(packed).volume.array, read_series(tmp_path / "folder").volume.array)


def test_a_multiframe_file_inside_a_zip_is_found(tmp_path: Path) -> None:
    path = make_multiframe(VOLUME, tmp_path / "mf.dcm")
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.write(path, "mf.dcm")
    (found,) = find_series(tmp_path / "one.zip")
    assert (found.files, found.shape, found.verdict) == (1, (12, 10, 6), "usable")


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path)
    with pytest.raises(Cancelled):
        read_series(tmp_path, on_step=lambda done, share: False)


def test_the_acquisition_tells_what_all_slices_agree_on(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path, KVP=lambda k: "100" if k == 2 else "120", ContrastBolusAgent="Iomeron 400")
    read = read_series(tmp_path)
    assert read.acquisition.kvp is None
    assert read.acquisition.contrast is True
    assert read.acquisition.kernel == "B30f"
    assert any("disagree about the tube voltage" in note for note in read.notes)


def test_padding_and_unscanned_gaps_are_told(tmp_path: Path) -> None:
    make_series(VOLUME, tmp_path, PixelPaddingValue=24, SliceThickness="1")
    notes = read_series(tmp_path).notes
    assert any("marks -1000 HU as padding, not air" in note for note in notes)
    assert any("1.00 mm thick but 2.00 mm apart" in note for note in notes)
