"""Contours as masks: the even-odd rule at voxel centres, slabs, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from shapely import Polygon

from osteoplan.errors import BadInput, GeometryMismatch, UnknownName
from osteoplan.io.dicom.contours import _within, rasterised
from osteoplan.io.dicom.rtstruct import _contours, read_roi, rois
from osteoplan.io.nifti import read_nifti, write_nifti
from osteoplan.model.volume import Volume
from tests.foreign_made import FRAME_UID, GRIDS, make_rtstruct, scan

SQUARE = np.array([[2.5, 3.5], [11.5, 3.5], [11.5, 13.5], [2.5, 13.5]])  # columns 3-11, rows 4-13
INNER = np.array([[4.5, 5.5], [7.5, 5.5], [7.5, 9.5], [4.5, 9.5]])


def on_slice(ct: Volume, outline: np.ndarray, k: float) -> np.ndarray:
    """An outline in indices (i, j) of slice k as LPS [mm]."""
    return ct.positions_mm(np.column_stack([outline, np.full(len(outline), k)]))


def prism(ct: Volume, outline: np.ndarray, slices: Sequence[float]) -> list[np.ndarray]:
    return [on_slice(ct, outline, k) for k in slices]


def box(ct: Volume, i: slice, j: slice, k: slice) -> np.ndarray:
    array = np.zeros(ct.shape, bool)
    array[i, j, k] = True
    return array


@pytest.mark.parametrize("grid", GRIDS)
def test_a_prism_with_a_hole_fills_its_voxels_on_every_grid(grid: str):
    ct = scan(grid)
    contours = [*prism(ct, SQUARE, (2, 3, 4)), *prism(ct, INNER, (4, 3, 2))]
    laid = rasterised(contours, ct, what="it")
    expected = box(ct, slice(3, 12), slice(4, 14), slice(2, 5))
    expected[5:8, 6:10, 2:5] = False
    assert np.array_equal(laid.mask.array, expected)
    assert laid.notes == ()
    assert laid.mask.frame == ct.frame


@pytest.mark.parametrize("inner", [INNER, INNER[::-1]])
def test_a_keyhole_is_the_same_hole(inner: np.ndarray):
    ct = scan("oblique")
    # In by a channel, around the hole, out by the same channel.
    keyhole = np.concatenate([SQUARE[:1], inner, inner[:1], SQUARE[:1], SQUARE[1:]])
    holed = rasterised([*prism(ct, SQUARE, (2, 3)), *prism(ct, INNER, (2, 3))], ct, what="it")
    keyed = rasterised(prism(ct, keyhole, (2, 3)), ct, what="it")
    assert np.array_equal(keyed.mask.array, holed.mask.array)
    assert keyed.notes == holed.notes == ()


def test_contours_between_slices_go_to_the_nearest():
    ct = scan("left-handed")
    laid = rasterised(prism(ct, SQUARE, (2.4, 3.4, 4.4)), ct, what="it")
    assert np.flatnonzero(laid.mask.array.any(axis=(0, 1))).tolist() == [2, 3, 4]


def test_a_contour_on_every_second_slice_stands_for_both_and_says_so():
    ct = scan()
    laid = rasterised(prism(ct, SQUARE, (1, 3, 5)), ct, what="it")
    assert len(np.flatnonzero(laid.mask.array.any(axis=(0, 1)))) == 6
    assert "planes 5.00 mm apart, the CT's slices are 2.50 mm" in laid.notes[0]


def test_slices_skipped_inside_stay_empty_and_are_told():
    ct = scan()
    laid = rasterised(prism(ct, SQUARE, (1, 2, 3, 6, 7)), ct, what="it")
    assert np.flatnonzero(laid.mask.array.any(axis=(0, 1))).tolist() == [1, 2, 3, 6, 7]
    assert "no contour on 2 plane(s) between others: they were left empty" in laid.notes[0]


def test_two_contours_on_a_slice_are_both_drawn_and_a_repeated_one_counts_once():
    ct = scan()
    apart = INNER + np.array([8, 8])
    laid = rasterised([*prism(ct, INNER, (3, 3)), on_slice(ct, apart, 3)], ct, what="it")
    assert laid.mask.array.sum() == 24
    assert any("lists 1 contour(s) twice" in note for note in laid.notes)
    assert any("lies on one plane: it was taken as 2.50 mm thick" in note for note in laid.notes)


def test_contours_that_cross_are_told():
    ct = scan()
    laid = rasterised(
        [*prism(ct, SQUARE, (3, 4)), *prism(ct, INNER + np.array([5, 0]), (3, 4))], ct, what="it"
    )
    assert any("cross on 2 plane(s)" in note for note in laid.notes)


def test_contours_on_planes_tilted_against_the_ct_keep_their_volume():
    ct = Volume(np.zeros((40, 44, 36), np.int16), np.diag([0.8, 1.1, 0.9, 1]), "HU", scan().frame)
    tilted = scan("oblique", origin_mm=(10.0, 12.0, 6.0))
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    disc = np.column_stack([np.cos(angle), np.sin(angle)]) * 7
    base, u, v, n = ct.positions_mm((20, 22, 12)), *tilted.direction.T
    contours = [base + disc @ np.stack([u, v]) + s * n for s in np.arange(0, 12, 1.0)]
    laid = rasterised(contours, ct, what="it")
    volume_mm3 = Polygon(disc).area * 12
    assert laid.mask.array.sum() * ct.voxel_volume_mm3 == pytest.approx(volume_mm3, rel=0.02)
    filled = ct.positions_mm(np.argwhere(laid.mask.array)).mean(axis=0)
    assert filled == pytest.approx(base + 5.5 * n, abs=0.1)
    assert "tilted by" in laid.notes[0]


def test_a_border_belongs_to_one_of_two_neighbours():
    points = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), axis=-1).reshape(-1, 2)
    corners = np.array([[0, 0], [3, 0], [3, 5], [0, 5]])
    left, right = Polygon(corners), Polygon(corners + np.array([3, 0]))
    assert not (_within(points, left) & _within(points, right)).any()
    assert _within(points, left).sum() == 15


def test_a_place_on_a_slope_belongs_to_one_of_two_neighbours():
    rng = np.random.default_rng(2)
    points = np.stack(np.meshgrid(np.arange(13.0), np.arange(13.0)), axis=-1).reshape(-1, 2)
    for _ in range(200):
        a, b = rng.integers(0, 13, 2), rng.integers(0, 13, 2)
        below = Polygon([(0, 0), (12, 0), (12, a[0]), (0, b[0])])
        above = Polygon([(0, b[0]), (12, a[0]), (12, 14), (0, 14)])
        whole = _within(points, Polygon([(0, 0), (12, 0), (12, 14), (0, 14)]))
        assert np.array_equal(_within(points, below).astype(int) + _within(points, above), whole.astype(int))


@pytest.mark.parametrize("turn", [0, 1, 3])
@pytest.mark.parametrize("way", [1, -1])
def test_a_contour_that_begins_elsewhere_or_runs_the_other_way_is_the_same(turn: int, way: int):
    ct = scan("oblique")
    again = np.roll(SQUARE, turn, axis=0)[::way]
    laid = rasterised([on_slice(ct, SQUARE, 3), on_slice(ct, again, 3)], ct, what="it")
    assert laid.mask.array.sum() == 90
    assert any("lists 1 contour(s) twice" in note for note in laid.notes)


def _midpoints(outline: np.ndarray) -> np.ndarray:
    return np.stack([outline, (outline + np.roll(outline, -1, axis=0)) / 2], axis=1).reshape(-1, 2)


@pytest.mark.parametrize("grid", ["axial", "oblique", "oblique left-handed"])
@pytest.mark.parametrize(
    "copied",
    [
        lambda outline, ct: on_slice(ct, outline, 3).round(2)[::-1],
        lambda outline, ct: on_slice(ct, np.roll(outline, 2, axis=0), 3).round(1),
        lambda outline, ct: on_slice(ct, _midpoints(outline), 3),
        lambda outline, ct: on_slice(ct, outline + 0.3, 3),
        lambda outline, ct: on_slice(ct, np.concatenate([outline, outline[:1]]), 3),
    ],
    ids=["reversed and rounded", "rotated and rounded", "with more points", "beside", "closed twice"],
)
def test_a_copy_is_known_by_its_outline(grid: str, copied, tmp_path: Path):
    ct = scan(grid)
    laid = rasterised([on_slice(ct, SQUARE, 3), copied(SQUARE, ct), on_slice(ct, INNER, 3)], ct, what="it")
    assert laid.mask.array.sum() == 90 - 12
    assert any("lists 1 contour(s) twice" in note for note in laid.notes)


def test_islands_beside_each_other_are_no_copies():
    ct = scan()
    pixel = np.array([[4.5, 5.5], [5.5, 5.5], [5.5, 6.5], [4.5, 6.5]])
    beside = on_slice(ct, pixel, 3) + np.array([0.7, 0, 0])
    laid = rasterised([on_slice(ct, pixel, 3), beside], ct, what="it")
    assert not any("twice" in note for note in laid.notes)


def test_a_volume_that_voxels_cannot_hold_is_told():
    ct = scan()
    laid = rasterised(prism(ct, INNER * 0.45 + [2.2, 1.9], (3, 4)), ct, what="it")
    assert any("mL as drawn and" in note for note in laid.notes)
    with pytest.raises(BadInput, match="none has its centre inside"):
        rasterised(prism(ct, INNER * 0.05, (3, 4)), ct, what="it")


def test_regions_are_listed_and_read_by_name_or_number(tmp_path: Path):
    ct = scan("flipped")
    path = make_rtstruct(tmp_path / "rs.dcm", {"GTV": prism(ct, SQUARE, (2, 3)), "Cord": []})
    assert [(r.number, r.name, r.contours, r.kind) for r in rois(path)] == [
        (1, "GTV", 2, "GTV"),
        (2, "Cord", 0, "GTV"),
    ]
    by_name, by_number = (read_roi(path, roi, ct).mask.array for roi in ("gtv", 1))
    assert np.array_equal(by_name, box(ct, slice(3, 12), slice(4, 14), slice(2, 4)))
    assert np.array_equal(by_name, by_number)
    with pytest.raises(UnknownName, match=r"unknown region 'GTW'.*did you mean 'GTV'"):
        read_roi(path, "GTW", ct)
    with pytest.raises(BadInput, match="contour 2 'Cord' is listed and has no contours"):
        read_roi(path, "Cord", ct)


def test_a_region_of_another_study_is_refused_by_its_frame(tmp_path: Path):
    ct = scan()
    path = make_rtstruct(tmp_path / "rs.dcm", {"GTV": prism(ct, SQUARE, (2, 3))}, frame_uid=FRAME_UID + ".1")
    with pytest.raises(GeometryMismatch, match=f"the CT on {ct.frame}: it was drawn on another study"):
        read_roi(path, "GTV", ct)
    write_nifti(ct, tmp_path / "ct.nii.gz")
    with pytest.raises(GeometryMismatch, match="the CT has none"):
        read_roi(path, "GTV", read_nifti(tmp_path / "ct.nii.gz", "HU"))


def test_a_region_without_any_frame_is_refused(tmp_path: Path):
    ct = scan()
    path = make_rtstruct(tmp_path / "rs.dcm", {"GTV": prism(ct, SQUARE, (2, 3))}, frame_uid=None)
    with pytest.raises(BadInput, match="has no frame of reference"):
        read_roi(path, "GTV", ct)


@pytest.mark.parametrize(
    ("contours", "sentence"),
    [
        (lambda ct: prism(ct, SQUARE + np.array([12, 0]), (2, 3)), "outside the CT"),
        (lambda ct: prism(ct, SQUARE, (2, 12)), "outside the CT"),
        (lambda ct: prism(ct, SQUARE[[0, 2, 0]], (2, 3)), "encloses no area"),
        (lambda ct: [on_slice(ct, SQUARE, 2) + np.outer([0, 0, 1, 0], [0, 0, 2])], "not flat"),
        (lambda ct: [*prism(ct, SQUARE, (2, 3)), on_slice(ct, SQUARE, 4) + np.outer([0, 1, 1, 0], [0, 0, 3])],
         "not flat or not parallel"),
    ],
)  # fmt: skip
def test_contours_that_are_no_solid_on_this_scan_are_refused(contours, sentence: str):
    ct = scan()
    with pytest.raises(BadInput, match=sentence):
        rasterised(contours(ct), ct, what="it")


def _each(keyword: str, value: object):
    def change(dataset: Dataset) -> None:
        for contour in dataset.ROIContourSequence[0].ContourSequence:
            setattr(contour, keyword, value)

    return change


MALFORMED = {
    "points": (_each("ContourGeometricType", "POINT"), "is of type 'POINT', not a closed planar"),
    "two points": (_each("ContourData", ["0", "0", "0", "1", "1", "0"]), r"has 2 point\(s\) and encloses"),
    "points cut off": (_each("NumberOfContourPoints", 5), "announces 5 points and holds 4: it was cut off"),
    "half a point": (_each("ContourData", ["0"] * 10), "a point without three coordinates"),
    "nothing listed": (lambda d: delattr(d, "StructureSetROISequence"), "lists no regions"),
    "no contours": (lambda d: delattr(d, "ROIContourSequence"), "is listed and has no contours"),
    "shifted": (_each("ContourOffsetVector", ["0", "0", "5"]), "contour offset vector"),
    "an unknown object": (
        lambda d: setattr(d, "SOPClassUID", "1.2.3.4711"),
        "is an object of an unknown class, not a radiotherapy structure set",
    ),
    "another object": (
        lambda d: setattr(d, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"),
        "is CT Image Storage",
    ),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_structure_set_is_refused_with_its_sentence(fault: str, tmp_path: Path):
    change, sentence = MALFORMED[fault]
    path = make_rtstruct(tmp_path / "rs.dcm", {"GTV": prism(scan(), SQUARE, (2, 3))}, change=change)
    with pytest.raises(BadInput, match=sentence) as refused:
        _contours(path, "GTV")  # what the child process does
    assert "Musterfrau" not in str(refused.value)


@pytest.mark.parametrize("bad", ["nan", "inf", "abc"])
def test_coordinates_that_are_not_numbers_are_refused(bad: str, tmp_path: Path):
    path = make_rtstruct(tmp_path / "rs.dcm", {"GTV": prism(scan(), SQUARE, (2,))})
    stored = path.read_bytes()
    first = f"{on_slice(scan(), SQUARE, 2)[0, 0]:.6f}".encode()
    assert first in stored
    path.write_bytes(stored.replace(first, bad.encode().ljust(len(first)), 1))
    with pytest.raises(BadInput, match="not numbers"):
        _contours(path, "GTV")


def test_a_contour_beyond_64_kB_is_read_as_the_standard_writes_it(tmp_path: Path):
    ct = scan("oblique")
    many = np.concatenate(
        [np.linspace(a, b, 600, endpoint=False) for a, b in zip(SQUARE, np.roll(SQUARE, -1, 0), strict=True)]
    )
    path = make_rtstruct(tmp_path / "rs.dcm", {"GTV": prism(ct, many, (2, 3))})
    assert b"UN\0\0" in path.read_bytes()
    assert np.array_equal(
        read_roi(path, "GTV", ct).mask.array, rasterised(prism(ct, SQUARE, (2, 3)), ct, what="it").mask.array
    )


@pytest.mark.parametrize("packed", [False, True])
def test_the_only_structure_set_of_a_folder_or_zip_is_read(packed: bool, tmp_path: Path):
    ct = scan()
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "VERSION").write_text("not DICOM")
    make_rtstruct(folder / "rs.dcm", {"GTV": prism(ct, SQUARE, (2, 3))})
    path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder)) if packed else folder
    assert read_roi(path, None, ct).mask.array.sum() == 180
    make_rtstruct(folder / "other.dcm", {"GTV": prism(ct, SQUARE, (2, 3))})
    with pytest.raises(
        BadInput, match="export: of 3 files 2 are a radiotherapy structure set; give one file"
    ):
        read_roi(folder, None, ct)


def test_two_regions_of_one_number_are_refused_and_one_listed_twice_is_read(tmp_path: Path):
    ct = scan()
    regions = {"GTV": prism(ct, SQUARE, (2, 3)), "Bladder": prism(ct, INNER, (5, 6))}

    def one(dataset: Dataset) -> None:
        dataset.StructureSetROISequence[1].ROINumber = dataset.ROIContourSequence[1].ReferencedROINumber = 1

    def again(dataset: Dataset) -> None:
        dataset.StructureSetROISequence.append(dataset.StructureSetROISequence[0])

    for roi in ("GTV", "Bladder", 1, None):
        with pytest.raises(BadInput, match="two regions have the number 1, so what is drawn cannot be told"):
            _contours(make_rtstruct(tmp_path / "one.dcm", regions, change=one), roi)

    def nameless(dataset: Dataset) -> None:
        one(dataset)
        dataset.StructureSetROISequence.pop()

    with pytest.raises(BadInput, match="contour 1 'GTV' has 2 lists of contours, which may be of as many"):
        _contours(make_rtstruct(tmp_path / "nameless.dcm", regions, change=nameless), "GTV")
    path = make_rtstruct(tmp_path / "again.dcm", regions, change=again)
    assert read_roi(path, 1, ct).mask.array.sum() == 180


def test_a_name_that_quotes_the_patient_is_found_and_not_shown(tmp_path: Path):
    ct = scan()

    def named(dataset: Dataset) -> None:
        dataset.PatientName = "Lesion^Study"
        dataset.PatientID = "T12"

    regions = {"Lesion T12": prism(ct, SQUARE, (2, 3)), "Bladder": prism(ct, INNER, (2, 3)),
               "Vertebra T12": prism(ct, INNER, (5, 6))}  # fmt: skip
    path = make_rtstruct(tmp_path / "rs.dcm", regions, change=named)
    assert [r.name for r in rois(path)] == ["", "Bladder", "Vertebra T12"]  # a bone is no secret
    for roi in ("Lesion T12", "lesion t12", 1, "1"):
        found = read_roi(path, roi, ct)
        assert found.mask.array.sum() == 180
        assert found.called == "contour 1"
    with pytest.raises(UnknownName, match=r"1 \(its name quotes a person and is not shown\)"):
        read_roi(path, "x", ct)
    with pytest.raises(
        BadInput, match=r"holds 3 regions: 1 \(its name .*\), 2 'Bladder', 3 'Vertebra T12'; say which"
    ):
        read_roi(path, None, ct)


def test_a_file_of_a_planning_system_is_read_without_saying_which_when_one_is_drawn(tmp_path: Path):
    """As RayStation and Eclipse write: numbers with gaps, in another order, a point, empty regions."""
    ct = scan("left-handed")

    def as_exported(dataset: Dataset) -> None:
        for number, (roi, drawn) in enumerate(
            zip(dataset.StructureSetROISequence, dataset.ROIContourSequence, strict=True)
        ):
            roi.ROINumber = drawn.ReferencedROINumber = 11 - 4 * number
            drawn.ROIDisplayColor = [255, 0, 0]
            for contour in drawn.ContourSequence:
                contour.ContourImageSequence = [Dataset()]
                contour.ContourNumber = 3
        for seen, roi in zip(dataset.RTROIObservationsSequence, dataset.StructureSetROISequence, strict=True):
            seen.ReferencedROINumber = roi.ROINumber
        dataset.ROIContourSequence = dataset.ROIContourSequence[::-1]
        del dataset.ROIContourSequence[0]  # a region without an item of its own
        frame = Dataset()
        frame.FrameOfReferenceUID = FRAME_UID
        dataset.ReferencedFrameOfReferenceSequence = [frame]
        dataset.ApprovalStatus = "UNAPPROVED"

    path = make_rtstruct(
        tmp_path / "rs.dcm", {"GTV_1": prism(ct, SQUARE, (2, 3)), "BODY": [], "iso": []}, change=as_exported
    )
    assert [r.number for r in rois(path)] == [11, 7, 3]
    found = read_roi(path, None, ct)
    assert (found.mask.array.sum(), found.called) == (180, "contour 11 'GTV_1'")


# Volumes as published with the scans (shared/data/README.md), cm3.
@pytest.mark.data
@pytest.mark.parametrize(("patient", "volume_mL"), [("STS_007", 544), ("STS_018", 116), ("STS_044", 641)])
@pytest.mark.slow
def test_real_tumours_have_the_published_volume(patient: str, volume_mL: float, data: Path):
    from osteoplan.io.dicom.image import read_series

    folder = data / "sarcoma_near_bone" / patient / "CT"
    ct = read_series(folder / "image").volume
    laid = read_roi(folder / "mask" / "RS.dcm", "GTV_Mass_CT", ct)
    assert laid.mask.array.sum() * ct.voxel_volume_mm3 / 1000 == pytest.approx(volume_mL, abs=0.6)
    assert laid.notes == ()
    # Drawn on the tumour: soft tissue, not air and not cortex.
    assert 0 < np.median(ct.array[laid.mask.array]) < 80
