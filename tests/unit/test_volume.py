import numpy as np
import pytest

from osteoplan.errors import BadInput, GeometryMismatch
from osteoplan.model.volume import Volume


def affine(spacing=(0.7, 1.1, 2.5), origin=(-30.0, 12.0, 400.0), *, flip=(1, 1, 1), angle=0.3):
    """Oblique (turned about z, then x), with any axes flipped; one flip makes it left-handed."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn * (np.asarray(flip) * np.asarray(spacing))
    matrix[:3, 3] = origin
    return matrix


FLIPS = [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (-1, -1, 1), (1, 1, -1)]


@pytest.mark.parametrize("flip", FLIPS)
def test_positions_and_indices_are_inverse_on_any_grid(flip):
    volume = Volume(np.zeros((2, 3, 5)), affine(flip=flip), "HU")
    indices = np.array([[0, 0, 0], [1, 2, 4], [0.5, 1.25, -3.0]])
    assert np.allclose(volume.indices(volume.positions_mm(indices)), indices, atol=1e-12)
    assert np.allclose(volume.spacing_mm, (0.7, 1.1, 2.5))
    assert volume.voxel_volume_mm3 == pytest.approx(0.7 * 1.1 * 2.5)
    assert volume.left_handed == (np.prod(flip) < 0)


@pytest.mark.parametrize("flip", FLIPS)
def test_a_crop_keeps_every_position(flip):
    volume = Volume(np.arange(2 * 3 * 5).reshape(2, 3, 5), affine(flip=flip), "HU")
    part = volume.crop((1, 1, 2), (2, 3, 9))
    assert part.shape == (1, 2, 3)
    assert part.array[0, 1, 2] == volume.array[1, 2, 4]
    assert np.allclose(part.positions_mm((0, 1, 2)), volume.positions_mm((1, 2, 4)))


def test_a_mirrored_grid_is_not_the_same_grid():
    volume = Volume(np.zeros((2, 3, 5)), affine(), "HU")
    mirrored = Volume(np.zeros((2, 3, 5)), affine(flip=(-1, 1, 1)), "mask")
    assert not volume.same_grid(mirrored)
    with pytest.raises(GeometryMismatch, match=r"the mask is on another grid .* resample it"):
        volume.require_same_grid(mirrored, what="the mask")


def test_two_frames_do_not_combine():
    volume = Volume(np.zeros((2, 3, 5)), affine(), "HU", frame="1.2.9")
    other = Volume(np.zeros((2, 3, 5)), affine(), "mask", frame="1.2.3")
    with pytest.raises(GeometryMismatch, match=r"lesion is on frame 1\.2\.3, the CT on 1\.2\.9: register"):
        volume.require_same_grid(other, what="lesion")


@pytest.mark.parametrize("damage", ["shear", "nan", "singular", "four_axes"])
def test_an_image_that_cannot_be_placed_is_refused(damage):
    matrix, array = affine(), np.zeros((2, 3, 5))
    if damage == "shear":
        matrix[:3, 2] += 0.2 * matrix[:3, 1]
    elif damage == "nan":
        matrix[0, 3] = np.nan
    elif damage == "singular":
        matrix[:3, 0] = 0
    else:
        array = np.zeros((2, 3, 5, 2))
    with pytest.raises(BadInput):
        Volume(array, matrix, "HU")
