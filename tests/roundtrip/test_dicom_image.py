"""A volume written as DICOM slices and read again holds the same values at the same positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.io.dicom.image import _parse, read_series
from osteoplan.io.dicom.limits import limits
from osteoplan.io.nifti import read_nifti
from osteoplan.model.volume import Volume
from tests.dicom_made import affine_of, make_multiframe, make_series

SHAPE = (23, 17, 9)
SPACING = (0.7, 0.9, 2.5)
GRIDS = {
    "axial": affine_of(SPACING),
    "flipped": affine_of(SPACING, flip=(True, True, False)),
    "left-handed, stored head to feet": affine_of(SPACING, flip=(False, False, True)),
    "mirrored within the slice": affine_of(SPACING, flip=(True, False, False)),
    "sagittal": affine_of(SPACING, turn_deg=(90, 0, 90)),
    "oblique": affine_of(SPACING, turn_deg=(17, -8, 31)),
    "oblique and left-handed": affine_of(SPACING, turn_deg=(-12, 40, 5), flip=(False, True, False)),
}
SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big endian": "1.2.840.10008.1.2.2",
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG lossless": "1.2.840.10008.1.2.4.70",
    "JPEG lossless, any predictor": "1.2.840.10008.1.2.4.57",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
}


def noise(affine: np.ndarray, shape: tuple[int, int, int] = SHAPE) -> Volume:
    return Volume(np.random.default_rng(5).integers(-1024, 3000, shape).astype(np.int16), affine, "HU")


def require_same_field(read: Volume, written: Volume, tolerance_mm: float = 1e-4) -> None:
    """Every written voxel is found at its own position, and there is no other voxel."""
    indices = np.moveaxis(np.indices(written.shape), 0, -1).reshape(-1, 3)
    at = read.indices(written.positions_mm(indices))
    nearest = np.rint(at).astype(int)
    assert np.abs((at - nearest) * read.spacing_mm).max() < tolerance_mm
    assert np.array_equal(read.array[tuple(nearest.T)], written.array[tuple(indices.T)])
    assert read.array.size == written.array.size


@pytest.mark.parametrize("name", GRIDS)
def test_slices_of_any_grid_come_back_at_their_positions(name: str, tmp_path: Path) -> None:
    written = noise(GRIDS[name])
    make_series(written, tmp_path)
    read = read_series(tmp_path)
    require_same_field(read.volume, written)
    assert read.volume.array.dtype == np.int16
    assert not read.volume.left_handed
    assert read.volume.frame == read.acquisition.frame
    assert read.notes == ()


@pytest.mark.parametrize("name", ["axial", "oblique and left-handed"])
@pytest.mark.parametrize("shared", [True, False])
def test_an_enhanced_ct_comes_back_at_its_positions(name: str, shared: bool, tmp_path: Path) -> None:
    written = noise(GRIDS[name])
    path = make_multiframe(written, tmp_path / "enhanced.dcm", shared=shared)
    require_same_field(read_series(path).volume, written)


@pytest.mark.parametrize("name", SYNTAXES)
def test_every_transfer_syntax_gives_the_same_voxels(name: str, tmp_path: Path) -> None:
    written = noise(GRIDS["oblique"])
    make_series(written, tmp_path / "slices", transfer_syntax=SYNTAXES[name])
    parsed = _parse(tmp_path / "slices", None, False, limits())  # without its child, which is tested apart
    read = Volume(parsed.values.transpose(2, 1, 0), parsed.affine, "HU")
    require_same_field(read, written)


@pytest.mark.parametrize("name", ["RLE", "JPEG 2000", "deflated"])
def test_a_compressed_enhanced_ct_gives_the_same_voxels(name: str, tmp_path: Path) -> None:
    written = noise(GRIDS["axial"])
    path = make_multiframe(written, tmp_path / "enhanced.dcm", transfer_syntax=SYNTAXES[name])
    require_same_field(read_series(path).volume, written)


def test_a_rescale_that_differs_from_slice_to_slice_is_applied_to_each(tmp_path: Path) -> None:
    written = noise(GRIDS["oblique"])

    def shifted(k: int, dataset: object) -> object:
        stored = written.array[:, :, k].T.astype(np.int32) + 1024 + 10 * k
        dataset.PixelData = stored.astype(np.uint16).tobytes()  # type: ignore[attr-defined]
        dataset.RescaleIntercept = str(-1024 - 10 * k)  # type: ignore[attr-defined]
        return dataset

    make_series(written, tmp_path, change=shifted)  # type: ignore[arg-type]
    require_same_field(read_series(tmp_path).volume, written)


def test_a_fractional_slope_reads_as_float_and_a_large_value_is_not_wrapped(tmp_path: Path) -> None:
    stored = np.random.default_rng(5).integers(0, 4000, SHAPE)
    half = Volume(stored * 0.5 - 1024, GRIDS["axial"], "HU")
    make_series(half, tmp_path / "half", RescaleSlope="1")
    make_series(Volume(stored.astype(np.int32), GRIDS["axial"], "HU"), tmp_path / "x")

    def halved(k: int, dataset: object) -> object:
        dataset.RescaleSlope = "0.5"  # type: ignore[attr-defined]
        dataset.PixelData = stored[:, :, k].T.astype(np.uint16).tobytes()  # type: ignore[attr-defined]
        return dataset

    make_series(half, tmp_path / "float", change=halved)  # type: ignore[arg-type]
    read = read_series(tmp_path / "float").volume
    assert read.array.dtype == np.float32
    require_same_field(read, half)
    metal = np.full(SHAPE, 40, np.int32)
    metal[3, 4, 5] = 60000  # an extended CT scale; int16 would read it as -5536
    make_series(Volume(metal, GRIDS["axial"], "HU"), tmp_path / "metal")
    read = read_series(tmp_path / "metal").volume
    assert read.array[3, 4, 5] == 60000


def field(positions_mm: np.ndarray) -> np.ndarray:
    """HU that are linear in space, so that linear interpolation is exact."""
    return 30 + positions_mm @ np.array([3.0, -5.0, 2.0])


@pytest.mark.parametrize("tilt", [15.0, -18.5])
@pytest.mark.parametrize("turn", [(0, 0, 0), (9, -6, 20)])
def test_a_tilted_stack_is_refused_and_straightened_on_request(
    tilt: float, turn: tuple[float, float, float], tmp_path: Path
) -> None:
    affine = affine_of((0.7, 0.9, 2.5), turn_deg=turn, origin_mm=(3, -8, 40))
    grid = Volume(np.zeros((25, 30, 12), np.int16), affine, "HU")
    drift = np.tan(np.radians(tilt)) * grid.spacing_mm[2] * grid.direction[:, 1]
    indices = np.moveaxis(np.indices(grid.shape), 0, -1)
    values = field(grid.positions_mm(indices) + indices[..., 2:] * drift)
    make_series(Volume(np.rint(values * 4), affine, "HU"), tmp_path, tilt_deg=tilt)

    with pytest.raises(BadInput, match=rf"tilted by {abs(tilt):.1f} degrees.*--straighten"):
        read_series(tmp_path)
    read = read_series(tmp_path, straighten=True)
    straight = read.volume
    assert f"{abs(tilt):.1f} degrees was straightened" in read.notes[0]
    assert read.acquisition.repaired == read.notes
    inside = straight.array > -2048
    assert inside.sum() > 0.9 * values.size * (25 - 1) / 25 * (30 - 1) / 30
    everywhere = np.moveaxis(np.indices(straight.shape), 0, -1)
    truth = 4 * field(straight.positions_mm(everywhere))
    assert np.abs(straight.array - truth)[inside].max() <= 1.01  # rounded when written and when moved


@pytest.mark.data
def test_the_thoracic_series_equals_its_nifti_crop_voxel_for_voxel(data: Path) -> None:
    crop = read_nifti(data / "thoracic_dicom" / "lidc0314_lower_thoracic_crop.nii.gz", "HU")
    series = read_series(data / "thoracic_dicom" / "series").volume
    assert series.shape == (512, 512, 90)
    shared = np.moveaxis(np.indices((180, 180, 90)), 0, -1)
    at = series.positions_mm(shared + np.array((166, 230, 0)))
    indices = crop.indices(at[::20, ::20, ::10])
    nearest = np.rint(crop.indices(at)).astype(int)
    assert np.abs(indices - np.rint(indices)).max() * crop.spacing_mm.max() < 1e-3
    assert set(np.unique(nearest[..., 2])) == set(range(20, 110))
    mine = series.array[166:346, 230:410, :]
    assert np.array_equal(mine, crop.array[tuple(np.moveaxis(nearest, -1, 0))])
