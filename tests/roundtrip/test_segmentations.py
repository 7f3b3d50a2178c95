"""Segmentations of other programs equal their truth voxel for voxel, and ours come back from every grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from osteoplan.io.dicom.header import pseudonym
from osteoplan.io.dicom.seg import every_segment, read_segment
from osteoplan.io.itk import found_itk
from osteoplan.model.volume import Volume
from tests.foreign_made import FRAME_UID, GRIDS, ball, make_seg, scan

# Each SEG, where it was drawn, and its truth: segment number -> (label map, value).
TRUTHS: dict[str, tuple[str, dict[int, tuple[str, int]]]] = {
    "liver.dcm": ("ct-3slice", {1: ("liver_seg.nrrd", 1)}),
    "partial_overlaps.dcm": (
        "ct-3slice",
        {
            1: ("partial_overlaps-1.nrrd", 1),
            2: ("partial_overlaps-2.nrrd", 2),
            3: ("partial_overlaps-3.nrrd", 3),
            4: ("partial_overlaps-1.nrrd", 4),
            5: ("partial_overlaps-1.nrrd", 5),
        },
    ),
    "sparse-labelmap-noppv.dcm": ("24x38x3/image", {1: ("sparse_labelmap_noppv_seg.nrrd", 1)}),
    "sparse-labelmap-ppv5.dcm": ("24x38x3/image", {1: ("sparse_labelmap_ppv5_seg.nrrd", 1)}),
    "23x38x3/seg/label.seg": ("23x38x3/image", {1: ("23x38x3/nrrd/label.nrrd", 1)}),
    "24x38x3/seg/label.seg": ("24x38x3/image", {1: ("24x38x3/nrrd/label.nrrd", 1)}),
}


@pytest.mark.data
@pytest.mark.parametrize("file", TRUTHS)
def test_a_foreign_segmentation_equals_its_truth_on_its_ct(file: str, data: Path):
    folder, truths = data / "dicom_seg", TRUTHS[file][1]
    ct = _grid(folder / TRUTHS[file][0])
    read = {found.number: laid for found, laid in every_segment(folder / file, ct)}
    assert set(read) == set(truths)
    for number, (name, value) in truths.items():
        truth = found_itk(folder / name, "label", frame=ct.frame)[0]
        assert truth.same_grid(ct, tolerance_mm=1e-3)
        assert np.array_equal(read[number].mask.array, truth.array == value), number


@pytest.mark.data
def test_a_foreign_segmentation_lies_on_its_ct_as_it_is_read_here(data: Path):
    from osteoplan.io.dicom.image import read_series

    ct = read_series(data / "dicom_seg" / "ct-3slice").volume
    truth = found_itk(data / "dicom_seg" / "liver_seg.nrrd", "label")[0]
    read = read_segment(data / "dicom_seg" / "liver.dcm", "Liver", ct).mask
    positions = [v.positions_mm(np.argwhere(v.array)) for v in (read, truth)]
    assert len(positions[0]) == 107098
    low, high = ([p.min(axis=0), p.max(axis=0), p.mean(axis=0)] for p in positions)
    assert np.abs(np.array(low) - np.array(high)).max() < 1e-3
    # Liver: soft tissue, so the mask is neither mirrored nor shifted.
    assert 0 < np.median(ct.array[read.array]) < 250


def _grid(folder: Path) -> Volume:
    """The grid and the frame of a CT's slices, from their headers alone."""
    slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.iterdir())]
    slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    positions = np.array([one.ImagePositionPatient for one in slices], dtype=float)
    first, affine = slices[0], np.eye(4)
    affine[0, 0], affine[1, 1] = float(first.PixelSpacing[1]), float(first.PixelSpacing[0])
    affine[:3, 2], affine[:3, 3] = positions[1] - positions[0], positions[0]
    shape = (int(first.Columns), int(first.Rows), len(slices))
    return Volume(np.zeros(shape, np.int16), affine, "HU", pseudonym(first.FrameOfReferenceUID, "frame"))


@pytest.mark.data
@pytest.mark.parametrize("file", ["23x38x3", "24x38x3"])
def test_a_multi_frame_ct_shares_the_frame_of_its_segmentation(file: str, data: Path):
    folder = data / "dicom_seg" / file
    frame = pseudonym(pydicom.dcmread(folder / "multiframe" / "mf.dcm").FrameOfReferenceUID, "frame")
    truth = found_itk(folder / "nrrd" / "label.nrrd", "label", frame=frame)[0]
    assert np.array_equal(
        read_segment(folder / "seg" / "label.seg", "Liver", truth).mask.array, truth.array == 1
    )


@pytest.mark.data
def test_our_reader_agrees_with_highdicom(data: Path):
    import highdicom as hd

    path = data / "dicom_seg" / "partial_overlaps.dcm"
    theirs = hd.seg.segread(path).get_volume(combine_segments=False)
    affine = theirs.affine[:, [2, 1, 0, 3]]
    frame = pseudonym(pydicom.dcmread(path, stop_before_pixels=True).FrameOfReferenceUID, "frame")
    grid = Volume(theirs.array[..., 0].transpose(2, 1, 0), affine, "label", frame)
    for found, laid in every_segment(path, grid):
        assert np.array_equal(laid.mask.array, theirs.array[..., found.number - 1].transpose(2, 1, 0) > 0)


WRITTEN = [
    "liver_seg",
    "heart_seg",
    "spine_seg",
    "spine_seg_label5",
    "liver_spine_seg",
    "liver_spine_gapped_seg",
]


@pytest.mark.data
@pytest.mark.parametrize("name", WRITTEN)
def test_a_label_map_written_as_seg_comes_back(name: str, data: Path, tmp_path: Path):
    truth = found_itk(data / "dicom_seg" / f"{name}.nrrd", "label", frame=pseudonym(FRAME_UID, "frame"))[0]
    whole = truth.with_array(truth.array.astype(np.int16))
    masks = {f"value {v}": truth.array == v for v in np.unique(truth.array) if v}
    path = make_seg(tmp_path / "made.dcm", whole, masks)
    read = {found.label: laid.mask.array for found, laid in every_segment(path, whole)}
    assert set(read) == set(masks)
    assert all(np.array_equal(read[label], mask) for label, mask in masks.items())


@pytest.mark.parametrize(
    ("grid", "kind"),
    [*((grid, "BINARY") for grid in GRIDS), ("oblique left-handed", "FRACTIONAL"), ("flipped", "LABELMAP")],
)
def test_masks_come_back_from_every_grid_whole_and_on_a_mirrored_one(grid: str, kind: str, tmp_path: Path):
    ct = scan(grid)
    masks = {"a": ball(ct, (6, 7, 2), 4), "b": ball(ct, (13, 15, 6), 4)}
    masks["a"][:, :, 3] = False  # a slice between others that stays empty
    more = {"max_fractional_value": 255} if kind == "FRACTIONAL" else {}
    path = make_seg(tmp_path / "made.dcm", ct, masks, kind=kind, **more)
    read = {found.label: laid.mask for found, laid in every_segment(path, ct)}
    for label, mask in masks.items():
        assert np.array_equal(read[label].array, mask)
    # The same positions indexed the other way round and in another order of axes.
    turned = Volume(ct.array[::-1].transpose(2, 0, 1), _turned(ct), "HU", ct.frame)
    for found, laid in every_segment(path, turned):
        assert np.array_equal(laid.mask.array, masks[found.label][::-1].transpose(2, 0, 1))
        assert not any("another grid" in note for note in laid.notes)


def _turned(ct: Volume) -> np.ndarray:
    affine = ct.affine[:, [2, 0, 1, 3]].copy()
    affine[:, 1] *= -1
    affine[:3, 3] = ct.positions_mm((ct.shape[0] - 1, 0, 0))
    return affine
