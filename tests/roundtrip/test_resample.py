import numpy as np
import pytest

from osteoplan.boxes import bounding_box
from osteoplan.kernels.resample import gather_linear, gather_nearest
from osteoplan.model.volume import Volume
from tests.synthetic_vertebra import rotation

SHAPE = (14, 17, 11)
SPACING = np.array([1.1, 0.8, 2.0])
DIRECTIONS = {
    "straight": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "left_handed": np.diag([1.0, -1.0, 1.0]),
    "permuted": np.eye(3)[[2, 0, 1]],
    "oblique": rotation((20.0, -15.0, 35.0)),
    "oblique_left_handed": rotation((-10.0, 25.0, 5.0)) @ np.diag([1.0, 1.0, -1.0]),
}


def affine(direction, spacing=SPACING, shape=SHAPE, middle=(12.0, -30.0, 200.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = direction * spacing
    matrix[:3, 3] = np.asarray(middle) - matrix[:3, :3] @ (np.asarray(shape) - 1) / 2
    return matrix


def positions(matrix, shape):
    return Volume(np.zeros(shape), matrix, "HU").positions_mm(np.moveaxis(np.indices(shape), 0, -1))


@pytest.mark.parametrize("source", DIRECTIONS)
@pytest.mark.parametrize("target", DIRECTIONS)
def test_a_linear_field_is_gathered_exactly_whatever_the_grids(source, target):
    def field(at):
        return at @ np.array([0.3, -1.2, 0.5]) + 4.0

    here = affine(DIRECTIONS[source])
    there, small = affine(DIRECTIONS[target], SPACING / 3, (5, 4, 6)), (5, 4, 6)
    found = gather_linear(field(positions(here, SHAPE)), here, there, small, outside=-999.0)
    assert found == pytest.approx(field(positions(there, small)), abs=1e-3)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_labels_come_back_unchanged_from_a_reordered_copy(name):
    labels = np.random.default_rng(5).integers(0, 200, SHAPE).astype(np.uint8)
    here = affine(DIRECTIONS[name])
    moved = np.transpose(labels, (2, 0, 1))[::-1]
    turn = np.zeros((4, 4))
    turn[2, 0], turn[0, 1], turn[1, 2], turn[3, 3] = -1, 1, 1, 1
    turn[2, 3] = SHAPE[2] - 1
    back = gather_nearest(moved, here @ turn, here, SHAPE)
    assert back.dtype == np.uint8
    assert (back == labels).all()


def test_a_mask_stays_a_mask():
    mask = np.random.default_rng(6).random(SHAPE) < 0.5
    here = affine(DIRECTIONS["oblique"])
    assert (gather_nearest(mask, here, here, SHAPE) == mask).all()


def test_beyond_the_source_stands_the_outside_value():
    here = affine(np.eye(3))
    found = gather_linear(np.ones(SHAPE), here, here + np.diag([0, 0, 0, 0]), (20, 17, 11), outside=-7.0)
    assert (found[:14] == 1.0).all()
    assert (found[14:] == -7.0).all()


def test_a_box_holds_the_mask_and_no_more():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:8, 5, 2:10] = True
    low, high = bounding_box(mask)
    assert (low.tolist(), high.tolist()) == ([3, 5, 2], [8, 6, 10])


def test_an_empty_mask_has_no_box():
    with pytest.raises(ValueError, match="empty"):
        bounding_box(np.zeros(SHAPE, dtype=bool))
