"""DICOM segmentations: what is in them, what is refused and with which sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from osteoplan.errors import BadInput, GeometryMismatch, LesionError, UnknownName
from osteoplan.io.dicom.seg import _everything, _planes, every_segment, read_segment, segments
from osteoplan.model.volume import Volume
from tests.foreign_made import FRAME_UID, ball, make_dose, make_seg, scan


@pytest.fixture(scope="module")
def ct() -> Volume:
    return scan("oblique left-handed")


@pytest.fixture(scope="module")
def masks(ct: Volume) -> dict[str, np.ndarray]:
    return {"tumour": ball(ct, (8, 9, 4), 5), "oedema": ball(ct, (11, 12, 5), 5)}


@pytest.fixture(scope="module")
def seg(ct: Volume, masks: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_seg(tmp_path_factory.mktemp("seg") / "two.dcm", ct, masks)


def test_segments_are_listed_with_their_coded_meaning_and_voxels(seg: Path, masks: dict[str, np.ndarray]):
    found = segments(seg)
    assert [(s.number, s.label, s.kind, s.algorithm) for s in found] == [
        (1, "tumour", "Neoplasm", "MANUAL"),
        (2, "oedema", "Neoplasm", "MANUAL"),
    ]
    assert [s.voxels for s in found] == [int(mask.sum()) for mask in masks.values()]


def test_overlapping_segments_are_both_whole(seg: Path, ct: Volume, masks: dict[str, np.ndarray]):
    assert (masks["tumour"] & masks["oedema"]).any()
    read = {found.label: laid for found, laid in every_segment(seg, ct)}
    for label, mask in masks.items():
        assert np.array_equal(read[label].mask.array, mask)
        assert read[label].notes == ()


@pytest.mark.parametrize("wanted", ["oedema", "OEDEMA ", 2, "2"])
def test_a_segment_is_found_by_label_or_number(
    wanted: str | int, seg: Path, ct: Volume, masks: dict[str, np.ndarray]
):
    assert np.array_equal(read_segment(seg, wanted, ct).mask.array, masks["oedema"])


def test_an_unknown_segment_names_its_neighbour(seg: Path, ct: Volume):
    with pytest.raises(UnknownName, match=r"unknown segment 'tumor'.*did you mean 'tumour'"):
        read_segment(seg, "tumor", ct)


def test_a_segment_on_a_part_of_the_scan_is_placed_where_it_was_drawn(
    seg: Path, ct: Volume, masks: dict[str, np.ndarray]
):
    part = ct.crop((4, 5, 1), (19, 23, 8))
    laid = read_segment(seg, "tumour", part)
    assert np.array_equal(laid.mask.array, masks["tumour"][4:19, 5:23, 1:8])
    lost = masks["tumour"].sum() - laid.mask.array.sum()
    assert lost > 0
    assert f"{lost * ct.voxel_volume_mm3 / 1000:.2f} mL" in laid.notes[0]


def test_another_grid_of_the_same_frame_takes_the_nearest_voxel_and_says_so(
    seg: Path, ct: Volume, masks: dict[str, np.ndarray]
):
    affine = ct.affine.copy()
    affine[:3, :3] /= 2
    affine[:3, 3] = ct.positions_mm((-0.25, -0.25, -0.25))
    fine = Volume(np.zeros(tuple(2 * n for n in ct.shape), np.int16), affine, "HU", ct.frame)
    laid = read_segment(seg, "tumour", fine)
    assert np.array_equal(laid.mask.array, masks["tumour"].repeat(2, 0).repeat(2, 1).repeat(2, 2))
    assert "another grid of the same frame" in laid.notes[0]


def test_one_thick_slice_fills_the_thin_slices_that_it_covers(tmp_path: Path):
    ct = scan()
    one = np.zeros(ct.shape, bool)
    one[5:9, 6:12, 4] = True
    path = make_seg(tmp_path / "one.dcm", ct, {"slab": one})
    affine = ct.affine.copy()
    affine[:3, 2] /= 5
    thin = Volume(np.zeros((19, 23, 41), np.int16), affine, "HU", ct.frame)
    drawn = read_segment(path, "slab", thin).mask.array
    assert np.flatnonzero(drawn.any(axis=(0, 1))).tolist() == [18, 19, 20, 21, 22]


def test_a_fractional_segment_is_in_from_one_half_and_says_so(ct: Volume, tmp_path: Path):
    share = np.clip(1.25 - 0.15 * np.linalg.norm(np.indices(ct.shape).T - [8, 9, 4], axis=-1).T, 0, 1)
    path = make_seg(tmp_path / "f.dcm", ct, {"maybe": share}, kind="FRACTIONAL", max_fractional_value=200)
    laid = read_segment(path, "maybe", ct)
    assert np.array_equal(laid.mask.array, np.rint(share * 200) >= 100)
    assert "probability: voxels of 50 % and more" in laid.notes[0]


def test_a_scan_without_a_frame_takes_only_a_mask_on_its_own_grid(seg: Path, ct: Volume):
    bare = Volume(ct.array, ct.affine, "HU")
    laid = read_segment(seg, "tumour", bare)
    assert "no frame of reference proves it (the CT has none)" in laid.notes[0]
    with pytest.raises(GeometryMismatch, match="cannot be shown to share a frame of reference"):
        read_segment(seg, "tumour", bare.crop((1, 0, 0), (19, 23, 9)))


def test_a_label_that_quotes_the_patient_is_not_repeated(
    ct: Volume, masks: dict[str, np.ndarray], tmp_path: Path
):
    def name(seg: Dataset) -> None:
        seg.PatientName = "Musterfrau^Erika"
        seg.SegmentSequence[0].SegmentLabel = "GTV musterfrau 2024"
        seg.SegmentSequence[1].SegmentLabel = "x" * 63 + "\n\x1b[31mred"

    path = make_seg(tmp_path / "named.dcm", ct, masks, change=name)
    found = segments(path)
    assert [s.label for s in found] == ["", "x" * 63]
    with pytest.raises(UnknownName) as refused:
        read_segment(path, "nothing", ct)
    assert "musterfrau" not in str(refused.value).lower()


def _drop(keyword: str):
    return lambda seg: delattr(seg, keyword)


def _turn(seg: Dataset) -> None:
    group = seg.SharedFunctionalGroupsSequence[0]
    group.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0.6, 0.8, 0]


def _placeless(seg: Dataset) -> None:
    for groups in seg.PerFrameFunctionalGroupsSequence:
        del groups.PlanePositionSequence


def _nan(seg: Dataset) -> None:
    place = seg.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    place["ImagePositionPatient"].value = [float("nan"), 0.0, 0.0]


def _twice(seg: Dataset) -> None:
    first, second = seg.PerFrameFunctionalGroupsSequence[:2]
    second.PlanePositionSequence = first.PlanePositionSequence


def _ownerless(seg: Dataset) -> None:
    for groups in (*seg.PerFrameFunctionalGroupsSequence, seg.SharedFunctionalGroupsSequence[0]):
        groups.pop("SegmentIdentificationSequence", None)


MALFORMED = {
    "no segments": (_drop("SegmentSequence"), "lists no segments"),
    "unknown type": (lambda seg: setattr(seg, "SegmentationType", "SURFACE"), "its type is 'SURFACE'"),
    "frames described": (lambda seg: seg.PerFrameFunctionalGroupsSequence.pop(), "frames and describes"),
    "wrong size": (lambda seg: setattr(seg, "Rows", 500), "its size is wrong"),
    "truncated pixels": (
        lambda seg: setattr(seg, "PixelData", seg.PixelData[:40]),
        "holds 40 bytes of pixels",
    ),
    "no pixels": (_drop("PixelData"), "holds no pixels"),
    "not at right angles": (_turn, "not at right angles"),
    "no positions": (_placeless, "the position of a frame is not 3 finite"),
    "two frames in one place": (_twice, "two frames in one place"),
    "a frame of no segment": (_ownerless, "does not tell whose segment frame 1 is"),
    "not numbers": (_nan, "the position of a frame is not 3 finite"),
    "fractional without maximum": (
        lambda seg: setattr(seg, "SegmentationType", "FRACTIONAL"),
        "does not tell its maximum value",
    ),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_segmentation_is_refused_with_its_sentence(
    fault: str, ct: Volume, masks: dict[str, np.ndarray], tmp_path: Path
):
    change, sentence = MALFORMED[fault]
    path = make_seg(tmp_path / "bad.dcm", ct, {"tumour": masks["tumour"]}, change=change)
    with pytest.raises(BadInput, match=sentence):
        _planes(path, "tumour")  # what the child process does


def test_a_segment_drawn_on_another_study_is_refused_by_its_frame(seg: Path, ct: Volume):
    other = scan("oblique left-handed", frame=FRAME_UID + ".1")
    assert np.array_equal(other.affine, ct.affine)
    with pytest.raises(GeometryMismatch, match=f"is on frame {ct.frame}, the CT on {other.frame}"):
        read_segment(seg, "tumour", other)


def test_an_empty_segment_is_refused(ct: Volume, masks: dict[str, np.ndarray], tmp_path: Path):
    empty = {**masks, "nothing": np.zeros(ct.shape, bool)}
    path = make_seg(tmp_path / "empty.dcm", ct, empty)
    assert [s.voxels for s in segments(path)][2] == 0
    with pytest.raises(LesionError, match="segment 3 'nothing' is empty"):
        read_segment(path, "nothing", ct)


def test_two_segments_of_one_label_need_a_number(ct: Volume, masks: dict[str, np.ndarray], tmp_path: Path):
    def same(seg: Dataset) -> None:
        seg.SegmentSequence[1].SegmentLabel = "tumour"

    path = make_seg(tmp_path / "same.dcm", ct, masks, change=same)
    with pytest.raises(BadInput, match=r"2 segments are called 'tumour'; give its number \(1, 2\)"):
        read_segment(path, "tumour", ct)
    assert np.array_equal(read_segment(path, 2, ct).mask.array, masks["oedema"])


def test_two_segments_of_one_number_are_refused(ct: Volume, masks: dict[str, np.ndarray], tmp_path: Path):
    def same(seg: Dataset) -> None:
        seg.SegmentSequence[1].SegmentNumber = 1

    path = make_seg(tmp_path / "same.dcm", ct, masks, change=same)
    for read in (lambda: _planes(path, 1), lambda: _everything(path)):
        with pytest.raises(BadInput, match="two segments have the number 1"):
            read()


def test_the_only_segment_with_something_drawn_needs_no_name(
    ct: Volume, masks: dict[str, np.ndarray], tmp_path: Path
):
    one = make_seg(tmp_path / "one.dcm", ct, {"nothing": np.zeros(ct.shape, bool), "oedema": masks["oedema"]})
    found = read_segment(one, None, ct)
    assert np.array_equal(found.mask.array, masks["oedema"])
    assert found.called == "segment 2 'oedema'"
    two = make_seg(tmp_path / "two.dcm", ct, masks)
    with pytest.raises(
        BadInput, match=r"holds 2 segments: 1 'tumour', 2 'oedema'; say which one with --part"
    ):
        read_segment(two, None, ct)


def test_a_label_that_is_not_shown_is_still_found(ct: Volume, masks: dict[str, np.ndarray], tmp_path: Path):
    def named(seg: Dataset) -> None:
        seg.PatientName, seg.PatientID = "Tumour^Study", "T12"
        seg.SegmentSequence[1].SegmentLabel = "vertebrae_T12"

    path = make_seg(tmp_path / "named.dcm", ct, masks, change=named)
    assert [s.label for s in segments(path)] == ["", "vertebrae_T12"]
    found = read_segment(path, "tumour", ct)
    assert np.array_equal(found.mask.array, masks["tumour"])
    assert found.called == "segment 1"


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_voxels_of_a_segment_that_is_not_described_are_told(kind: str, ct: Volume, tmp_path: Path):
    apart = {"tumour": ball(ct, (6, 8, 3), 3.0), "other": ball(ct, (14, 16, 6), 3.0)}
    path = make_seg(tmp_path / "more.dcm", ct, apart, kind=kind, change=lambda seg: seg.SegmentSequence.pop())
    ((segment, laid),) = every_segment(path, ct)
    assert segment.label == "tumour"
    assert f"{apart['other'].sum()} voxels are of segments that it does not describe (2)" in laid.notes[0]


def test_a_segment_beside_the_scan_is_refused(seg: Path, ct: Volume):
    with pytest.raises(GeometryMismatch, match="lies wholly outside the CT"):
        read_segment(seg, "tumour", ct.crop((16, 0, 0), (19, 23, 9)))


def test_what_is_no_segmentation_is_named(ct: Volume, tmp_path: Path):
    dose = make_dose(tmp_path / "dose.dcm", Volume(np.ones((3, 4, 5)), ct.affine, "Gy"))
    with pytest.raises(BadInput, match="is RT Dose Storage, not a DICOM segmentation"):
        segments(dose)
    (tmp_path / "note.txt").write_text("not DICOM at all")
    with pytest.raises(BadInput, match="not a readable DICOM file"):
        segments(tmp_path / "note.txt")
    with pytest.raises(BadInput, match="no such file"):
        segments(tmp_path / "absent.dcm")
