"""NIfTI, NRRD and MetaImage: what a header must state, in which unit, and what its file must hold."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from osteoplan.cli import main
from osteoplan.errors import BadInput
from osteoplan.io import nifti
from osteoplan.io.dicom.dose import found_dose
from osteoplan.io.dicom.limits import limits
from osteoplan.io.dicom.seg import read_segment
from osteoplan.io.header import numbers
from osteoplan.io.images import read_image
from osteoplan.io.itk_header import parsed
from osteoplan.io.nifti import write_nifti
from osteoplan.model.volume import Volume
from tests.ct_made import body_HU
from tests.foreign_made import GRIDS, ball, make_dose, make_seg, scan

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
GRID = "oblique left-handed"  # edges 0.8, 1.1, 2.5 mm
CODES = [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (3, 1)]


@pytest.fixture(scope="module")
def ct() -> Volume:
    return scan(GRID)


def read(path: Path, meaning: str = "HU") -> tuple[Volume, tuple[str, ...]]:
    """What the child process does, here."""
    if path.name.endswith((".nii", ".nii.gz")):
        return nifti._parsed(path, meaning, "scan", limits())
    layers, _, notes = parsed(path, meaning, "scan", limits())
    return layers[0], notes


def refused(path: Path, sentence: str, meaning: str = "HU") -> None:
    with pytest.raises(BadInput, match=sentence) as refusal:
        read(path, meaning)
    assert "\n" not in str(refusal.value)
    assert path.name in str(refusal.value)


def write(ct: Volume, path: Path, *, qform: int = 1, sform: int = 1, change: Callable | None = None) -> Path:
    """NIfTI with nibabel, NRRD and MetaImage with ITK."""
    if path.name.endswith((".nii", ".nii.gz")):
        image = nib.Nifti1Image(ct.array, LPS @ ct.affine)
        image.set_qform(image.affine, code=qform)
        image.set_sform(image.affine, code=sform)
        if change:
            change(image.header)
        nib.save(image, path)
        return path
    image = sitk.GetImageFromArray(np.ascontiguousarray(ct.array.T))
    image.SetSpacing(ct.spacing_mm.tolist())
    image.SetDirection(ct.direction.ravel().tolist())
    image.SetOrigin(ct.affine[:3, 3].tolist())
    sitk.WriteImage(image, str(path))
    return path


def edited(path: Path, *changes: tuple[str, str]) -> Path:
    """A file whose header in text reads otherwise; the data after it are untouched."""
    stored = path.read_bytes()
    for old, new in changes:
        assert old.encode() in stored
        stored = stored.replace(old.encode(), new.encode(), 1)
    path.write_bytes(stored)
    return path


def line(path: Path, key: str) -> str:
    """The line of a header that begins so."""
    lines = path.read_bytes().decode("latin-1").split("\n")
    return next(one for one in lines if one.startswith(key)) + "\n"


# --- what others write is read


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("grid", GRIDS)
def test_an_image_lies_where_it_was_in_every_format(grid: str, suffix: str, tmp_path: Path):
    image = scan(grid, frame="scan")
    found, notes = read(write(image, tmp_path / f"ct{suffix}"))
    assert np.array_equal(found.array, image.array)
    assert found.array.dtype == np.int16
    assert np.allclose(found.affine, image.affine, atol=1e-4)
    assert notes == ()


@pytest.mark.parametrize(("qform", "sform"), CODES)
def test_each_way_to_state_an_orientation_in_nifti_will_do(
    ct: Volume, qform: int, sform: int, tmp_path: Path
):
    found, notes = read(write(ct, tmp_path / "ct.nii.gz", qform=qform, sform=sform))
    assert np.allclose(found.affine, ct.affine, atol=1e-4)
    assert notes == ()


def test_nifti_in_the_other_byte_order_and_of_the_second_version_is_read(ct: Volume, tmp_path: Path):
    swapped = nib.Nifti1Image(ct.array, LPS @ ct.affine).header.as_byteswapped()
    nib.save(nib.Nifti1Image(ct.array, LPS @ ct.affine, swapped), tmp_path / "swapped.nii.gz")
    nib.save(nib.Nifti2Image(ct.array, LPS @ ct.affine), tmp_path / "two.nii.gz")
    nib.save(nib.Nifti1Image(ct.array[..., None], LPS @ ct.affine), tmp_path / "four.nii.gz")
    for name in ("swapped", "two", "four"):
        found, _ = read(tmp_path / f"{name}.nii.gz")
        assert np.array_equal(found.array, ct.array)
        assert np.allclose(found.affine, ct.affine, atol=1e-4)


def test_itks_own_nifti_is_read(ct: Volume, tmp_path: Path):
    image = sitk.ReadImage(str(write(ct, tmp_path / "ct.nrrd")))
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    found, notes = read(tmp_path / "ct.nii.gz")
    assert np.allclose(found.affine, ct.affine, atol=1e-4)
    assert notes == ()


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_every_encoding_of_nrrd_is_read_beside_its_header_and_in_it(
    ct: Volume, encoding: str, tmp_path: Path
):
    raw = ct.array.tobytes(order="F")
    packed = {"raw": raw, "gzip": gzip.compress(raw)}[encoding]
    path = write(ct, tmp_path / "ct.nrrd")
    head = path.read_bytes()[: -len(raw)].replace(b"encoding: raw", f"encoding: {encoding}".encode())
    path.write_bytes(head + packed)
    assert np.array_equal(read(path)[0].array, ct.array)
    (tmp_path / "ct.bin").write_bytes(packed)
    (tmp_path / "ct.nhdr").write_bytes(head.strip() + b"\ndata file: ct.bin\n\n")
    assert np.array_equal(read(tmp_path / "ct.nhdr")[0].array, ct.array)
    refused(edited(path, (f"encoding: {encoding}", "encoding: bzip2")), "compressed with bzip2")


def test_data_in_several_files_are_read(ct: Volume, tmp_path: Path):
    for n in range(ct.shape[2]):
        (tmp_path / f"slice{n}.raw").write_bytes(ct.array[..., n].tobytes(order="F"))
    names = [f"slice{n}.raw" for n in range(ct.shape[2])]
    mhd = write(ct, tmp_path / "ct.mhd")
    edited(mhd, (line(mhd, "ElementDataFile"), "ElementDataFile = LIST\n" + "\n".join(names) + "\n"))
    assert np.array_equal(read(mhd)[0].array, ct.array)
    nhdr = write(ct, tmp_path / "ct.nhdr")
    edited(nhdr, (line(nhdr, "data file"), "data file: LIST\n" + "\n".join(names) + "\n"))
    assert np.array_equal(read(nhdr)[0].array, ct.array)
    (tmp_path / "slice3.raw").unlink()
    refused(mhd, "data file 'slice3.raw' is not there")
    refused(nhdr, "data file 'slice3.raw' is not there")


def test_an_image_may_be_compressed_by_itk(ct: Volume, tmp_path: Path):
    for suffix in (".mha", ".mhd", ".nrrd", ".nhdr"):
        path = write(ct, tmp_path / f"ct{suffix}")
        sitk.WriteImage(sitk.ReadImage(str(path)), str(tmp_path / f"small{suffix}"), True)
        assert np.array_equal(read(tmp_path / f"small{suffix}")[0].array, ct.array)


# --- orientation and spacing are stated, once or alike


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_without_orientation_is_refused(ct: Volume, suffix: str, tmp_path: Path):
    refused(write(ct, tmp_path / f"ct{suffix}", qform=0, sform=0), "left and right are unknown")


def test_a_qform_against_the_sform_is_refused_and_a_rounded_one_told(ct: Volume, tmp_path: Path):
    def mirrored(header: nib.Nifti1Header) -> None:
        header.set_qform(np.diag([-1.0, 1.0, 1.0, 1.0]) @ LPS @ ct.affine, code=1)

    def moved(mm: float) -> Callable:
        return lambda header: header.set_qform(LPS @ ct.affine + np.eye(4)[:, 3:] * 0 + _shift(mm), code=1)

    refused(
        write(ct, tmp_path / "m.nii.gz", change=mirrored), "sform and qform put the image up to .* mm apart"
    )
    refused(write(ct, tmp_path / "far.nii.gz", change=moved(0.5)), "up to 0.5 mm apart")
    found, notes = read(write(ct, tmp_path / "near.nii.gz", change=moved(0.2)))
    assert "up to 0.2 mm apart; the sform was taken" in notes[0]
    assert np.allclose(found.affine, ct.affine, atol=1e-4)
    assert read(write(ct, tmp_path / "same.nii.gz", change=moved(0.01)))[1] == ()


def _shift(mm: float) -> np.ndarray:
    shift = np.zeros((4, 4))
    shift[0, 3] = mm
    return shift


def test_pixdim_against_the_sform_is_told_with_both(ct: Volume, tmp_path: Path):
    def ones(header: nib.Nifti1Header) -> None:
        header["pixdim"][1:4] = 1

    found, notes = read(write(ct, tmp_path / "ct.nii.gz", qform=0, change=ones))
    assert "pixdim says voxels of 1 x 1 x 1 mm, the sform 0.8 x 1.1 x 2.5 mm" in notes[0]
    assert np.allclose(found.spacing_mm, (0.8, 1.1, 2.5))
    refused(write(ct, tmp_path / "both.nii.gz", change=ones), "sform and qform")


def test_an_image_on_a_template_is_told(ct: Volume, tmp_path: Path):
    _, notes = read(write(ct, tmp_path / "ct.nii.gz", qform=0, sform=4))
    assert "space of a template (sform_code 4)" in notes[0]


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
def test_nrrd_without_space_or_directions_is_refused(ct: Volume, suffix: str, tmp_path: Path):
    for n, (key, instead, sentence) in enumerate(
        [
            ("space:", "space dimension: 3\n", "left and right are unknown"),
            ("space directions", "", "'space directions'"),
            ("space directions", "spacings: 0.8 1.1 2.5\n", "'space directions'"),
            ("space directions", "space directions: none none none\n", "'space directions'"),
            ("space directions", "space directions: (1,0,0) (0,nan,0) (0,0,1)\n", "not 3 finite numbers"),
        ]
    ):
        path = write(ct, tmp_path / f"ct{n}{suffix}")
        refused(edited(path, (line(path, key), instead)), sentence)
    path = write(ct, tmp_path / f"origin{suffix}")
    _, notes = read(edited(path, (line(path, "space origin"), "")))
    assert "does not say where its first voxel lies" in notes[0]


@pytest.mark.parametrize(("space", "turn"), [("right-anterior-superior", (-1, -1, 1)), ("LAS", (1, -1, 1))])
def test_nrrd_in_another_space_is_turned_to_lps(ct: Volume, space: str, turn: tuple, tmp_path: Path):
    path = write(ct, tmp_path / "ct.nrrd")
    edited(path, ("left-posterior-superior", space))
    assert np.allclose(read(path)[0].affine, np.diag([*turn, 1]) @ ct.affine)


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_metaimage_without_matrix_or_spacing_is_refused(ct: Volume, suffix: str, tmp_path: Path):
    for n, (key, instead, sentence) in enumerate(
        [
            ("TransformMatrix", "", "'TransformMatrix'"),
            ("ElementSpacing", "", "'ElementSpacing'"),
            ("TransformMatrix", "TransformMatrix = 1 0 0 0 1 0 0 0 2\n", "no rotation"),
            ("TransformMatrix", "TransformMatrix = 1 0 0 0 1 0 0 0\n", "not 9 finite numbers"),
            ("NDims", "NDims = 4\n", "has not 3 axes"),
        ]
    ):
        path = write(ct, tmp_path / f"ct{n}{suffix}")
        refused(edited(path, (line(path, key), instead)), sentence)
    path = write(ct, tmp_path / f"offset{suffix}")
    _, notes = read(edited(path, (line(path, "Offset"), "")))
    assert "does not say where its first voxel lies" in notes[0]


@pytest.mark.parametrize("grid", GRIDS)
def test_an_anatomical_orientation_against_the_matrix_is_refused(grid: str, tmp_path: Path):
    path = write(scan(grid), tmp_path / "ct.mha")
    code = line(path, "Anatomical").split()[-1]
    opposite = str.maketrans("RLAPIS", "LRPASI")
    stored = path.read_bytes()
    for other in (code[0].translate(opposite) + code[1:], code[1] + code[0] + code[2]):
        path.write_bytes(stored)
        refused(edited(path, (f"Orientation = {code}", f"Orientation = {other}")), "contradicts")
    for other in ("???", code.translate(opposite)):  # nothing, or where the axes run to
        path.write_bytes(stored)
        assert read(edited(path, (f"Orientation = {code}", f"Orientation = {other}")))[1] == ()


# --- units and voxel edges


UNITS = [(1, "metres", 1e-3), (3, "microns", 1e3)]


@pytest.mark.parametrize(("code", "word", "factor"), UNITS)
def test_nifti_in_another_unit_is_read_in_mm(ct: Volume, code: int, word: str, factor: float, tmp_path: Path):
    scaled = Volume(ct.array, np.diag([factor, factor, factor, 1]) @ ct.affine, "HU")

    def change(header: nib.Nifti1Header) -> None:
        header["xyzt_units"] = code | 8

    found, notes = read(write(scaled, tmp_path / "ct.nii.gz", change=change))
    assert np.allclose(found.affine, ct.affine, atol=1e-3)
    assert f"its lengths are in {word}, read as voxels of 0.8 x 1.1 x 2.5 mm" in notes[0]
    refused(write(ct, tmp_path / "wrong.nii.gz", change=change), f"its header measures in {word}")
    bare = write(scaled, tmp_path / "bare.nii.gz", change=lambda header: header.set_xyzt_units("unknown"))
    refused(bare, "its header names no unit")


def test_a_unit_that_nifti_does_not_know_is_refused(ct: Volume, tmp_path: Path):
    def change(header: nib.Nifti1Header) -> None:
        header["xyzt_units"] = 5

    refused(write(ct, tmp_path / "ct.nii.gz", change=change), "xyzt_units 5")


@pytest.mark.parametrize(("word", "factor"), [("m", 1e-3), ("cm", 0.1), ("um", 1e3), ("microns", 1e3)])
def test_nrrd_and_metaimage_in_another_unit_are_read_in_mm(
    ct: Volume, word: str, factor: float, tmp_path: Path
):
    scaled = Volume(ct.array, np.diag([factor, factor, factor, 1]) @ ct.affine, "HU")
    for suffix in (".nrrd", ".mhd"):
        for image, name in ((scaled, "ct"), (ct, "wrong")):
            path = write(image, tmp_path / f"{name}{suffix}")
            said = (
                f'space units: "{word}" "{word}" "{word}"\n'
                if suffix == ".nrrd"
                else f"DistanceUnits = {word}\n"
            )
            before = "kinds" if suffix == ".nrrd" else "ElementSpacing"
            edited(path, (line(path, before), said + line(path, before)))
        found, notes = read(tmp_path / f"ct{suffix}")
        assert np.allclose(found.affine, ct.affine, atol=1e-6)
        assert f"its lengths are in {word}" in notes[0]
        if word != "cm":
            refused(tmp_path / f"wrong{suffix}", f"its header measures in {word}")


@pytest.mark.parametrize(
    ("units", "sentence"),
    [
        ('"furlong" "furlong" "furlong"', "in 'furlong', which is not read"),
        ('"mm" "mm" "cm"', "different units"),
    ],
)
def test_units_that_are_not_read_are_named(ct: Volume, units: str, sentence: str, tmp_path: Path):
    path = write(ct, tmp_path / "ct.nrrd")
    refused(edited(path, ("kinds", f"space units: {units}\nkinds")), sentence)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("factor", [0.01, 10.0])
def test_voxels_of_a_size_that_no_scan_has_are_refused(
    ct: Volume, suffix: str, factor: float, tmp_path: Path
):
    scaled = Volume(ct.array, np.diag([factor, factor, factor, 1]) @ ct.affine, "HU")
    refused(write(scaled, tmp_path / f"ct{suffix}"), "which is not from 0.05 to 10 mm")


def test_a_dose_or_a_segmentation_of_such_edges_is_refused(tmp_path: Path):
    image = scan(GRID)

    def tenfold(dataset: Dataset) -> None:
        measures = dataset
        if "SharedFunctionalGroupsSequence" in dataset:
            measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.PixelSpacing = [11.0, 8.0]

    dose = image.with_array(image.array.astype(np.float32) + 1, "Gy")
    with pytest.raises(BadInput, match=r"voxels of 11 x 8 x 2\.5 mm, which is not from 0\.05 to 10 mm"):
        found_dose(make_dose(tmp_path / "dose.dcm", dose, change=tenfold))
    seg = make_seg(tmp_path / "seg.dcm", image, {"tumour": image.array > 400}, change=tenfold)
    with pytest.raises(BadInput, match="voxels of 11 x 8 mm, which is not"):
        read_segment(seg, "tumour", image)


# --- one real number a voxel


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_complex_numbers_colours_and_vectors_are_refused(ct: Volume, suffix: str, tmp_path: Path):
    path = tmp_path / f"ct{suffix}"
    if suffix.startswith(".nii"):
        nib.save(nib.Nifti1Image(ct.array.astype(np.complex64), np.eye(4)), path)
        refused(path, "complex numbers")
        rgb = np.zeros(ct.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
        nib.save(nib.Nifti1Image(rgb, np.eye(4)), path)
        refused(path, "colours", "label")
        nib.save(nib.Nifti1Image(np.zeros((*ct.shape, 3), np.int16), np.eye(4)), path)
        refused(path, "has 4 axes")
        nib.save(nib.Nifti1Image(np.zeros((*ct.shape, 1, 3), np.int16), np.eye(4)), path)
        refused(path, "has 5 axes")
    else:
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((*ct.shape, 3), np.uint8), isVector=True), str(path))
        with pytest.raises(BadInput, match="3 values per voxel"):
            read_image(path, "HU")


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (np.array([0, 255], np.uint8), np.int16), (np.array([0, 32767], np.uint16), np.int16),
        (np.array([0, 32768], np.uint16), np.int32), (np.array([-5, 7], np.int64), np.int16),
        (np.array([0, 70_000], np.uint64), np.int32), (np.array([-1024, 3071], ">i2"), np.int16),
        (np.array([0.5, 7], np.float64), np.float32),
    ],
)  # fmt: skip
def test_whole_numbers_become_signed_and_keep_their_value(stored: np.ndarray, kind: type):
    found = numbers(Path("ct.nrrd"), stored, "HU")
    assert found.dtype == kind
    assert found.dtype.isnative
    assert np.array_equal(found, stored.astype(np.float64))
    assert (found[:1] - found[1:] == float(stored[0]) - float(stored[1])).all()


@pytest.mark.parametrize(("slope", "inter"), [(1, -1024), (-3, 7), (16383, -16383), (20_000, 5), (1, 2**20)])
def test_scaled_whole_numbers_stay_whole_and_do_not_wrap(slope: int, inter: int):
    stored = np.array([0, 1, 65_535], np.uint16)
    if slope * 65_535 + inter > 2**31:
        stored = stored[:2]
    found = numbers(Path("ct.nii"), stored, "HU", float(slope), float(inter))
    assert found.tolist() == [int(one) * slope + inter for one in stored]
    assert found.dtype in (np.int16, np.int32)


def test_numbers_that_no_image_holds_are_refused():
    for stored, sentence in (([2**40], "as 16 bit"), ([1e300], "not numbers"), ([np.nan], "not numbers")):
        with pytest.raises(BadInput, match=sentence):
            numbers(Path("ct.nrrd"), np.array(stored), "HU")


def test_stored_numbers_are_scaled(ct: Volume, tmp_path: Path):
    for slope, inter, kind in ((1, -1024, np.int16), (2, 5, np.int16), (0.5, 1, np.float32)):

        def change(header: nib.Nifti1Header, slope=slope, inter=inter) -> None:
            header["scl_slope"], header["scl_inter"] = slope, inter

        path = write(ct, tmp_path / "ct.nii")
        stored = bytearray(path.read_bytes())
        stored[112:120] = np.array([slope, inter], "<f4").tobytes()
        path.write_bytes(stored)
        found, _ = read(path)
        assert found.array.dtype == kind
        assert np.array_equal(found.array, ct.array * float(slope) + inter)


# --- the file holds what its header says


@pytest.mark.parametrize("size", [(30_000,) * 3, (19, 23, 0), (-19, 23, 9)])
def test_a_header_that_claims_too_much_or_nothing_is_refused(ct: Volume, size: tuple, tmp_path: Path):
    path = write(ct, tmp_path / "ct.nii")
    stored = bytearray(path.read_bytes())
    stored[42:48] = np.array(size, "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(stored)))
    refused(path.rename(tmp_path / "ct.nii.gz"), "claims")
    if min(size) > 0:
        for suffix, key, old in ((".nrrd", "sizes: ", "19 23 9"), (".mha", "DimSize = ", "19 23 9")):
            text = write(ct, tmp_path / f"ct{suffix}")
            refused(edited(text, (key + old, key + " ".join(map(str, size)))), "claims")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("by", [-1, 1])
def test_a_header_that_claims_a_row_more_or_less_is_refused(
    ct: Volume, suffix: str, axis: int, by: int, tmp_path: Path
):
    size = [n + by * (n_axis == axis) for n_axis, n in enumerate(ct.shape)]
    path = write(ct, tmp_path / f"ct{suffix}")
    if suffix.startswith(".nii"):
        stored = bytearray(gzip.decompress(path.read_bytes()) if suffix == ".nii.gz" else path.read_bytes())
        stored[42:48] = np.array(size, "<i2").tobytes()
        path.write_bytes(gzip.compress(stored) if suffix == ".nii.gz" else stored)
    else:
        key = "sizes: " if suffix in (".nrrd", ".nhdr") else "DimSize = "
        edited(path, (key + "19 23 9", key + " ".join(map(str, size))))
    refused(path, "ends after" if by > 0 else "holds more than")


def test_padding_behind_the_data_and_several_gzip_members_are_harmless(ct: Volume, tmp_path: Path):
    stored = write(ct, tmp_path / "ct.nii").read_bytes()
    (tmp_path / "padded.nii.gz").write_bytes(gzip.compress(stored + bytes(512)))
    (tmp_path / "members.nii.gz").write_bytes(gzip.compress(stored[:1000]) + gzip.compress(stored[1000:]))
    for name in ("padded", "members"):
        assert np.array_equal(read(tmp_path / f"{name}.nii.gz")[0].array, ct.array)


def packed(ct: Volume, kind: str, folder: Path) -> Path:
    """The same image compressed in each way that has a check sum."""
    noise = ct.with_array(np.random.default_rng(3).integers(-900, 900, ct.shape, dtype=np.int16))
    if kind == "nii.gz":
        return write(noise, folder / "ct.nii.gz")
    path = write(noise, folder / f"ct.{kind}")
    if kind == "mha":
        sitk.WriteImage(sitk.ReadImage(str(path)), str(path), True)
        return path
    raw = noise.array.tobytes(order="F")
    edited(path, ("encoding: raw", "encoding: gzip"))
    path.write_bytes(path.read_bytes()[: -len(raw)] + gzip.compress(raw))
    return path


@pytest.mark.parametrize("kind", ["nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("damage", ["a byte", "the check sum", "cut", "cut by 4"])
def test_compressed_data_are_read_to_their_check_sum(ct: Volume, kind: str, damage: str, tmp_path: Path):
    path = packed(ct, kind, tmp_path)
    stored = bytearray(path.read_bytes())
    if damage == "a byte":
        stored[len(stored) // 2] ^= 0x55
    elif damage == "the check sum":
        stored[-6] ^= 0x55
        stored[-2] ^= 0x55
    else:
        stored = stored[: len(stored) // 2] if damage == "cut" else stored[:-4]
    path.write_bytes(stored)
    refused(path, "damaged|cut off|ends after|holds more")


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("change", [-100, 100])
def test_compressed_data_are_as_long_as_they_say(ct: Volume, suffix: str, change: int, tmp_path: Path):
    path = write(ct, tmp_path / f"ct{suffix}")
    sitk.WriteImage(sitk.ReadImage(str(path)), str(path), useCompression=True)
    assert np.array_equal(read(path)[0].array, ct.array)
    said = line(path, "CompressedDataSize")
    size = int(said.split("=")[1])
    stored = path.read_bytes()
    refused(edited(path, (said, f"CompressedDataSize = {size + change}\n")), f"{size} are there")
    path.write_bytes(stored)
    edited(path, (said, ""))
    if suffix == ".mha":
        refused(path, f"{size} are there")
    else:
        assert np.array_equal(read(path)[0].array, ct.array)


def test_a_missing_data_file_is_named(ct: Volume, tmp_path: Path):
    for name, data in (("ct.mhd", "ct.raw"), ("other.nhdr", "other.raw")):
        path = write(ct, tmp_path / name)
        (tmp_path / data).unlink()
        refused(path, f"its data file '{data}' is not there; put it beside the header")


@pytest.mark.parametrize("name", ["ct.hdr", "ct.img"])
def test_a_pair_of_files_is_refused(ct: Volume, name: str, tmp_path: Path):
    nib.save(nib.Nifti1Pair(ct.array, LPS @ ct.affine), tmp_path / "ct.hdr")
    with pytest.raises(BadInput, match=r"one of a pair of files \(\.hdr, \.img\)"):
        read_image(tmp_path / name, "HU")
    refused((tmp_path / "ct.hdr").rename(tmp_path / "ct.nii"), "header of a pair")


def test_a_gzip_is_known_by_its_first_bytes(ct: Volume, tmp_path: Path):
    plain, small = tmp_path / "a.nii", tmp_path / "b.nii.gz"
    write(ct, plain)
    write(ct, small)
    plain.rename(tmp_path / "a.nii.gz")
    small.rename(tmp_path / "b.nii")
    for name in ("a.nii.gz", "b.nii"):
        assert np.array_equal(read(tmp_path / name)[0].array, ct.array)


@pytest.mark.parametrize("offset", [1e30, np.nan, -1e9, 5e8])
def test_data_that_begin_nowhere_are_refused(ct: Volume, offset: float, tmp_path: Path):
    stored = bytearray(write(ct, tmp_path / "ct.nii").read_bytes())
    stored[108:112] = np.array([offset], "<f4").tobytes()
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(stored))
    refused(tmp_path / "ct.nii.gz", "damaged|ends after|memory")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_mutated_header_is_read_or_refused_in_one_sentence(
    ct: Volume, suffix: str, seed: int, tmp_path: Path
):
    path = write(ct, tmp_path / f"ct{suffix}")
    stored = bytearray(gzip.decompress(path.read_bytes()) if suffix == ".nii.gz" else path.read_bytes())
    head = min(len(stored), 352 if suffix.startswith(".nii") else 400)
    rng = np.random.default_rng(seed)
    for _ in range(rng.integers(1, 6)):
        one, other = rng.integers(head, size=2)
        match rng.integers(4):
            case 0:
                stored[one] = rng.integers(256)
            case 1:
                stored[one], stored[other] = stored[other], stored[one]
            case 2:
                stored[one : one + 8] = bytes(8)
            case 3:
                del stored[rng.integers(len(stored)) + 1 :]
                head = min(head, len(stored))
    path.write_bytes(gzip.compress(stored) if suffix == ".nii.gz" else stored)
    try:
        outcome: Volume | str = read(path)[0]
    except BadInput as refusal:
        outcome = str(refusal)
    assert "\n" not in outcome if isinstance(outcome, str) else outcome.shape == ct.shape


# --- at the first door, wherever an image is given


@pytest.mark.parametrize("place", ["--ct", "--labels", "--lesion", "--mr"])
@pytest.mark.parametrize("fault", ["no orientation", "complex", "damaged", "a size of none"])
def test_init_refuses_and_leaves_nothing(place: str, fault: str, tmp_path: Path, capsys):
    image = scan(GRID).with_array(body_HU((19, 23, 9)))
    given = {
        "--ct": write(image, tmp_path / "ct.nii.gz"),
        "--labels": write(image.with_array(np.full(image.shape, 32, np.uint8)), tmp_path / "labels.nii.gz"),
        "--lesion": write(
            image.with_array(ball(image, (9, 9, 4), 4).astype(np.uint8)), tmp_path / "l.nii.gz"
        ),
        "--mr": write(image, tmp_path / "mr.nii.gz"),
    }
    path = given[place]
    if fault == "no orientation":
        write(image, path, qform=0, sform=0)
    elif fault == "complex":
        nib.save(nib.Nifti1Image(image.array.astype(np.complex64), LPS @ image.affine), path)
    elif fault == "damaged":
        path.write_bytes(path.read_bytes()[:-6] + b"damage")
    else:
        write(image, path, change=lambda header: header.set_xyzt_units("meter"))
    before = sorted(one.name for one in tmp_path.iterdir())
    images = [word for option, file in given.items() for word in (option, str(file))]
    drawn = ("--bone", "vertebra_T12", "--side", "midline", "--kvp", "120", "--register")
    assert main(["init", str(tmp_path / "case"), *images, *drawn]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert path.name in told[-1]
    assert sorted(one.name for one in tmp_path.iterdir()) == before


# --- in which process


def test_only_what_this_program_wrote_is_parsed_in_process(ct: Volume, tmp_path: Path, monkeypatch):
    def told(path: Path, meaning: str, frame: str, bound: object) -> tuple[Volume, tuple[str, ...]]:
        return ct.with_array(np.full(ct.shape, os.getpid())), ()

    monkeypatch.setattr(nifti, "_parsed", told)
    write_nifti(ct, tmp_path / "ours.nii.gz")
    assert nifti.read_nifti(tmp_path / "ours.nii.gz", "HU").array.max() == os.getpid()
    monkeypatch.undo()
    seen = []
    monkeypatch.setattr(
        "osteoplan.io.dicom.opened.apart", lambda function, path, *rest: seen.append(path) or (ct, ())
    )
    for suffix in (".nii", ".nii.gz"):
        nifti.read_nifti(write(ct, tmp_path / f"theirs{suffix}"), "HU")
    (tmp_path / "broken.nii.gz").write_bytes(b"broken")
    nifti.read_nifti(tmp_path / "broken.nii.gz", "HU")
    assert [path.name for path in seen] == ["theirs.nii", "theirs.nii.gz", "broken.nii.gz"]


def test_a_foreign_image_comes_back_from_the_child_with_its_notes(ct: Volume, tmp_path: Path):
    for suffix in (".nii.gz", ".mha"):
        path = write(ct, tmp_path / f"ct{suffix}", qform=0, sform=4)
        if suffix == ".mha":
            edited(path, (line(path, "Offset"), ""))
        found = read_image(path, "HU")
        assert np.array_equal(found.volume.array, ct.array)
        assert found.volume.array.flags.writeable
        assert len(found.notes) == 1
