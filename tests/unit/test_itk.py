"""NRRD and MetaImage: places, orientation, named segments, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from osteoplan.errors import BadInput, GeometryMismatch, LesionError, UnknownName
from osteoplan.io.dicom.limits import limits
from osteoplan.io.itk import every_nrrd_segment, found_itk, read_nrrd_segment
from osteoplan.io.itk_header import parsed
from osteoplan.model.volume import Volume
from tests.foreign_made import GRIDS, ball, scan


def write(volume: Volume, path: Path, layers: list[np.ndarray] | None = None, **said: str) -> Path:
    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    stack = array if layers is None else np.stack(layers, axis=-1)
    image = sitk.GetImageFromArray(stack.swapaxes(0, 2), isVector=layers is not None)
    image.SetSpacing(volume.spacing_mm.tolist())
    image.SetDirection(volume.direction.ravel().tolist())
    image.SetOrigin(volume.affine[:3, 3].tolist())
    for key, value in said.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize(
    ("grid", "suffix"), list(zip(GRIDS, (".nrrd", ".mha", ".mhd", ".nhdr", ".nrrd"), strict=True))
)
def test_an_image_lies_where_it_was_on_every_grid(grid: str, suffix: str, tmp_path: Path):
    ct = scan(grid)
    read = found_itk(write(ct, tmp_path / f"ct{suffix}"), "HU", frame=ct.frame)[0]
    assert read.array.dtype == np.int16
    assert np.array_equal(read.array, ct.array)
    assert read.same_grid(ct)


def test_a_header_in_ras_is_turned_to_lps(tmp_path: Path):
    ct = scan("axial")
    path = write(ct, tmp_path / "ct.nrrd")
    stored = path.read_bytes()
    head, _, rest = stored.partition(b"space: left-posterior-superior")
    path.write_bytes(head + b"space: right-anterior-superior" + rest)
    turned = found_itk(path, "HU")[0].affine
    assert np.allclose(turned, np.diag([-1.0, -1.0, 1.0, 1.0]) @ ct.affine)


NAMES = {
    "Segment0_Name": "tumour", "Segment0_LabelValue": "1", "Segment0_Layer": "0",
    "Segment1_Name": "oedema", "Segment1_LabelValue": "1", "Segment1_Layer": "1",
    "Segment2_Name": "nothing", "Segment2_LabelValue": "4", "Segment2_Layer": "1",
}  # fmt: skip


@pytest.fixture(scope="module")
def ct() -> Volume:
    return scan("oblique left-handed")


def test_overlapping_segments_of_two_layers_are_both_whole(ct: Volume, tmp_path: Path):
    tumour, oedema = ball(ct, (8, 9, 4), 5), ball(ct, (11, 12, 5), 5)
    path = write(ct, tmp_path / "two.seg.nrrd", [tumour.astype(np.uint8), oedema.astype(np.uint8)], **NAMES)
    assert [(s.label, s.layer, s.voxels) for s, _ in every_nrrd_segment(path, ct)] == [
        ("tumour", 0, tumour.sum()), ("oedema", 1, oedema.sum()),
    ]  # fmt: skip
    assert np.array_equal(read_nrrd_segment(path, "tumour", ct).mask.array, tumour)
    laid = read_nrrd_segment(path, "oedema", ct)
    assert np.array_equal(laid.mask.array, oedema)
    assert "NRRD holds no frame of reference" in laid.notes[0]
    with pytest.raises(LesionError, match="segment 3 'nothing' is empty"):
        read_nrrd_segment(path, "nothing", ct)
    with pytest.raises(UnknownName, match="did you mean 'tumour'"):
        read_nrrd_segment(path, "tumor", ct)
    with pytest.raises(BadInput, match="2 values per voxel"):
        found_itk(path, "mask")


def test_a_cut_segmentation_needs_to_say_what_it_was_cut_out_of(ct: Volume, tmp_path: Path):
    mask = ball(ct, (8, 9, 4), 4)
    part = ct.with_array(mask, "mask").crop((3, 4, 1), (14, 16, 8))
    said = {"Segment0_Name": "tumour", "Segment0_LabelValue": "1", "Segment0_Layer": "0"}
    offset = {"Segmentation_ReferenceImageExtentOffset": "3 4 1"}
    path = write(part, tmp_path / "cut.seg.nrrd", **said, **offset)
    assert np.array_equal(read_nrrd_segment(path, "tumour", ct).mask.array, mask)
    bare = write(part, tmp_path / "bare.seg.nrrd", **said)
    with pytest.raises(GeometryMismatch, match="its grid is not the CT's"):
        read_nrrd_segment(bare, "tumour", ct)
    wrong = write(part, tmp_path / "wrong.seg.nrrd", **said, Segmentation_ReferenceImageExtentOffset="2 4 1")
    with pytest.raises(GeometryMismatch, match="its grid is not the CT's"):
        read_nrrd_segment(wrong, "tumour", ct)


def test_several_segments_need_a_name_and_a_rounded_header_is_told(ct: Volume, tmp_path: Path):
    tumour, oedema = ball(ct, (8, 9, 4), 4), ball(ct, (11, 12, 5), 5)
    layers = [tumour.astype(np.uint8), oedema.astype(np.uint8)]
    path = write(ct, tmp_path / "two.seg.nrrd", layers, **NAMES)
    with pytest.raises(
        BadInput, match=r"holds 2 segments: 1 'tumour', 2 'oedema'; say which one with --part"
    ):
        read_nrrd_segment(path, None, ct)
    rounded = ct.affine.copy()
    rounded[:3, 0] *= 0.998
    part = Volume(tumour, rounded, "mask").crop((3, 4, 1), (14, 16, 8))
    said = {"Segment0_Name": "tumour", "Segment0_LabelValue": "1", "Segment0_Layer": "0"}
    whole = write(Volume(tumour, rounded, "mask"), tmp_path / "whole.seg.nrrd", **said)
    cut = write(part, tmp_path / "cut.seg.nrrd", **said, Segmentation_ReferenceImageExtentOffset="3 4 1")
    for path in (whole, cut):
        laid = read_nrrd_segment(path, None, ct)
        assert np.array_equal(laid.mask.array, tumour)
        assert "its header differs by up to 0.02" in laid.notes[0]
        ((_, again),) = every_nrrd_segment(path, ct)
        assert again.notes == laid.notes[:1]


def test_what_is_no_plain_oriented_image_is_refused(ct: Volume, tmp_path: Path):
    def refused(path: Path, sentence: str) -> None:
        with pytest.raises(BadInput, match=sentence):
            parsed(path, "HU", "scan", limits())  # what the child process does

    floats = np.where(ct.array > 0, 1.0, np.nan)
    refused(write(ct.with_array(floats), tmp_path / "nan.nrrd"), "not numbers")
    path = write(ct, tmp_path / "ct.nrrd")
    stored = path.read_bytes()
    (tmp_path / "cut.nrrd").write_bytes(stored[: len(stored) // 2])
    refused(tmp_path / "cut.nrrd", "ends after 3698 of the 7866 bytes")
    (tmp_path / "spaceless.nrrd").write_bytes(
        stored.replace(b"space: left-posterior-superior", b"space dimension: 3")
    )
    refused(tmp_path / "spaceless.nrrd", "left and right are unknown")
    (tmp_path / "ct.txt").write_bytes(stored)
    refused(tmp_path / "ct.txt", "neither NRRD nor MetaImage")
    refused(tmp_path / "absent.mha", "no such file")
