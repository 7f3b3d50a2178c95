"""Rigid registration: a known turn and shift comes back, and a scan of something else is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from osteoplan.anatomy.register import register_rigid
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti
from osteoplan.model.volume import Volume


def turned(degrees, axis, shift):
    """A 4x4 of a turn about an axis and a shift [mm]."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * np.asarray(axis)).as_matrix()
    matrix[:3, 3] = shift
    return matrix


@pytest.fixture(scope="module")
def ct(data):
    whole = read_nifti(data / "thoracic_dicom" / "lidc0314_lower_thoracic_crop.nii.gz", "HU")
    return whole.crop([20, 20, 20], [160, 160, 120])


def like_mr(ct: Volume, seed: int = 3) -> np.ndarray:
    """Another contrast of the same tissue: bone and air dark, fat bright, noise."""
    hu = ct.array.astype(np.float64)
    signal = 400.0 * np.exp(-(((hu + 90.0) / 90.0) ** 2)) + 220.0 * np.exp(-(((hu - 60.0) / 120.0) ** 2))
    noise = np.random.default_rng(seed).normal(0.0, 12.0, hu.shape)
    return (signal + noise).astype(np.float32)


def test_a_turned_and_shifted_scan_of_another_contrast_comes_back_within_a_voxel(ct):
    true = turned(5.0, [0.6, 0.0, 0.8], [6.0, -4.0, 5.0])
    centre = ct.positions_mm((np.array(ct.shape) - 1) / 2)
    about = np.eye(4)
    about[:3, 3] = centre
    away = about @ true @ np.linalg.inv(about)
    mr = Volume(like_mr(ct), away @ ct.affine, "MR", "other")
    found = register_rigid(mr, ct)
    corners = ct.positions_mm([[20, 20, 20], [120, 20, 80], [20, 120, 20], [120, 120, 80]])
    back = corners @ (found.matrix @ away)[:3, :3].T + (found.matrix @ away)[:3, 3]
    assert np.linalg.norm(back - corners, axis=1).max() < 1.0
    assert found.moved.frame == ct.frame
    assert found.residual_mm < 1.0
    assert_allclose(found.turn_deg, 5.0, atol=0.3)
    assert "residual" in found.words


def test_the_same_call_gives_the_same_matrix_to_a_nanometre(ct):
    small = ct.crop([40, 40, 30], [100, 100, 70])
    mr = Volume(like_mr(small), turned(2.0, [0, 0, 1], [1.0, 2.0, 0.0]) @ small.affine, "MR")
    first, second = (register_rigid(mr, small).matrix for _ in range(2))
    assert_allclose(first, second, rtol=0, atol=1e-6)


def test_noise_is_refused_with_the_residual(ct):
    small = ct.crop([40, 40, 30], [100, 100, 70])
    noise = np.random.default_rng(1).normal(0, 1, small.shape).astype(np.float32)
    with pytest.raises(BadInput, match="rigid registration failed"):
        register_rigid(Volume(noise, turned(20, [0, 1, 0], [30.0, 5.0, 9.0]) @ small.affine, "MR"), small)
