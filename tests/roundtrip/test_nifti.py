import gzip

import nibabel as nib
import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti, write_nifti
from osteoplan.model.volume import Volume
from tests.unit.test_volume import FLIPS, affine

NOISE = np.random.default_rng(1).integers(0, 999, (20, 30, 50), dtype=np.int16)


@pytest.mark.parametrize("flip", FLIPS)
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8])
def test_an_image_comes_back_with_its_values_type_and_place(tmp_path, flip, dtype):
    array = np.arange(2 * 3 * 5).reshape(2, 3, 5).astype(dtype)
    meaning = "label" if dtype == np.uint8 else "HU"
    volume = Volume(array, affine(flip=flip), meaning)
    write_nifti(volume, tmp_path / "ct.nii.gz")
    back = read_nifti(tmp_path / "ct.nii.gz", meaning)
    assert back.array.dtype == dtype
    assert np.array_equal(back.array, array)
    assert volume.same_grid(back, tolerance_mm=1e-4)
    assert list(tmp_path.iterdir()) == [tmp_path / "ct.nii.gz"]


def test_the_patients_left_is_at_larger_x(tmp_path):
    """NIfTI's +x is the patient's right-to-left reversed: RAS +x is right, LPS +x is left."""
    image = nib.Nifti1Image(np.zeros((2, 3, 5), np.int16), np.diag([1.0, 1.0, 1.0, 1.0]))
    nib.save(image, tmp_path / "ras.nii.gz")
    volume = read_nifti(tmp_path / "ras.nii.gz", "HU")
    one_step_right = volume.positions_mm((1, 0, 0)) - volume.positions_mm((0, 0, 0))
    assert np.allclose(one_step_right, (-1, 0, 0))


def test_scaled_integers_become_numbers_in_units(tmp_path):
    image = nib.Nifti1Image(np.arange(30, dtype=np.int16).reshape(2, 3, 5), np.eye(4))
    image.header.set_slope_inter(2.0, -1024.0)
    nib.save(image, tmp_path / "scaled.nii.gz")
    back = read_nifti(tmp_path / "scaled.nii.gz", "HU")
    assert back.array.max() == pytest.approx(2.0 * 29 - 1024.0)


@pytest.mark.parametrize("damage", ["absent", "text", "truncated", "nan"])
def test_a_damaged_file_is_refused_in_one_sentence(tmp_path, damage):
    path = tmp_path / "ct.nii.gz"
    if damage == "text":
        path.write_text("not an image")
    elif damage == "truncated":
        write_nifti(Volume(NOISE, np.eye(4), "HU"), path)
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "nan":
        write_nifti(Volume(np.full((2, 3, 5), np.nan, np.float32), np.eye(4), "HU"), path)
    with pytest.raises(BadInput, match=r"ct\.nii\.gz") as refusal:
        read_nifti(path, "HU")
    assert "\n" not in str(refusal.value)


def test_a_written_image_carries_its_intended_use(tmp_path):
    write_nifti(Volume(np.zeros((2, 3, 5), np.int16), np.eye(4), "HU"), tmp_path / "z.nii.gz")
    assert b"research use only" in bytes(nib.load(tmp_path / "z.nii.gz").header["descrip"])


def test_the_same_image_is_the_same_file(tmp_path):
    for name in ("one.nii.gz", "two.nii.gz"):
        write_nifti(Volume(NOISE, np.eye(4), "HU"), tmp_path / name)
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()


def test_a_written_file_is_compressed(tmp_path):
    write_nifti(Volume(np.zeros((20, 30, 50), np.int16), np.eye(4), "HU"), tmp_path / "z.nii.gz")
    assert len(gzip.decompress((tmp_path / "z.nii.gz").read_bytes())) > 60_000
    assert (tmp_path / "z.nii.gz").stat().st_size < 5_000
