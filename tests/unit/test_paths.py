"""What straight paths meet in distance maps: against dense sampling, on grids of every kind."""

import time

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.paths import first_crossing, path_minima, path_values

BRICK = np.diag([0.7, 1.3, 2.5, 1.0])


def turned(left_handed: bool) -> np.ndarray:
    """An oblique affine with bricks of three different edges."""
    axis, angle = np.array([0.3, -0.5, 0.81]), 0.6
    axis = axis / np.linalg.norm(axis)
    K = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    R = np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K
    affine = np.eye(4)
    affine[:3, :3] = R @ BRICK[:3, :3] @ (np.diag([-1.0, 1.0, 1.0]) if left_handed else np.eye(3))
    affine[:3, 3] = [12.0, -30.0, 400.0]
    return affine


def stack_of(masks: list[np.ndarray]) -> np.ndarray:
    return np.stack([signed_distance(m, (0.7, 1.3, 2.5)) for m in masks], axis=-1)


@pytest.fixture(scope="module")
def maps() -> np.ndarray:
    rng = np.random.default_rng(3)
    masks = [np.zeros((40, 30, 20), dtype=bool) for _ in range(3)]
    for mask in masks:
        for low in rng.integers(0, 15, (3, 3)):
            mask[tuple(slice(a, a + 4) for a in low)] = True
    return stack_of(masks)


@pytest.mark.parametrize("affine", [BRICK, turned(False), turned(True)])
def test_the_least_value_along_a_path_is_that_of_dense_sampling(maps, affine):
    rng = np.random.default_rng(5)
    ends = rng.uniform([0, 0, 0], np.array(maps.shape[:3]) - 1, (60, 2, 3))
    ends = ends @ affine[:3, :3].T + affine[:3, 3]
    found, at = path_minima(maps, affine, ends[:, 0], ends[:, 1], step_mm=0.5)
    s = np.linspace(0, 1, 1500)
    dense = ends[:, :1] + s[None, :, None] * (ends[:, 1:] - ends[:, :1])
    index = (dense - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    for m in range(maps.shape[3]):
        values = map_coordinates(maps[..., m], index.reshape(-1, 3).T, order=1, mode="nearest")
        exact = values.reshape(len(ends), -1).min(axis=1)
        assert (found[:, m] >= exact - 0.03).all()  # the dense samples are 0.06 mm apart
        assert (found[:, m] <= exact + 0.26).all()  # half a step
        where = ends[:, 0] + at[:, m, None] * (ends[:, 1] - ends[:, 0]) / np.linalg.norm(
            ends[:, 1] - ends[:, 0], axis=1, keepdims=True
        )
        assert path_values(maps, affine, where)[:, m] == pytest.approx(found[:, m], abs=1e-6)


def test_values_beyond_the_grid_are_those_of_its_edge(maps):
    outside = np.array([[-50.0, 3.9, 10.0]])
    assert path_values(maps, BRICK, outside) == pytest.approx(maps[0, 3, 4][None])


def test_what_is_far_may_be_told_as_the_bound(maps):
    starts, ends = np.zeros((1, 3)), np.array([[25.0, 30.0, 40.0]])
    plain, _ = path_minima(maps, BRICK, starts, ends)
    bound, _ = path_minima(maps, BRICK, starts, ends, beyond_mm=2.0)
    assert bound == pytest.approx(np.minimum(plain, 2.0), abs=0.5)


def test_the_numbers_do_not_depend_on_the_count_of_threads(maps):
    rng = np.random.default_rng(8)
    a, b = rng.uniform(0, 25, (2, 3000, 3))
    one, two = (path_minima(maps, BRICK, a, b, threads=n) for n in (1, 4))
    assert (one[0] == two[0]).all()
    assert (one[1] == two[1]).all()


def test_a_path_of_no_length_is_its_point(maps):
    at = np.array([[7.0, 13.0, 10.0]])
    assert path_minima(maps, BRICK, at, at)[0] == pytest.approx(path_values(maps, BRICK, at))


def test_a_hundred_thousand_paths_against_ten_maps_take_about_a_second_of_work():
    rng = np.random.default_rng(1)
    masks = [np.zeros((150, 150, 60), dtype=bool) for _ in range(10)]
    for mask in masks:
        low = rng.integers(0, 40, 3)
        mask[tuple(slice(a, a + 10) for a in low)] = True
    maps = np.stack([signed_distance(m, (0.7, 0.7, 2.5)) for m in masks], axis=-1)
    affine = np.diag([0.7, 0.7, 2.5, 1.0])
    starts = rng.uniform([40, 40, 60], [60, 60, 90], (100_000, 3))
    ends = rng.uniform([0, 90, 0], [104, 104, 148], (100_000, 3))
    path_minima(maps, affine, starts[:10], ends[:10])
    began = time.process_time()
    path_minima(maps, affine, starts, ends, beyond_mm=30.0)
    assert time.process_time() - began < 4.0  # of all cores together; benchmarks/ways.py tells the rest


@pytest.mark.parametrize("affine", [BRICK, turned(False), turned(True)])
def test_a_path_out_of_a_slab_ends_at_its_face(affine):
    mask = np.zeros((40, 30, 20), dtype=bool)
    mask[:, :, :12] = True
    field = signed_distance(mask, (0.7, 1.3, 2.5))
    inside = np.array([[20.0, 15.0, 4.0]]) @ affine[:3, :3].T + affine[:3, 3]
    normal = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    tilted = normal + 0.3 * affine[:3, 0] / np.linalg.norm(affine[:3, 0])
    tilted /= np.linalg.norm(tilted)
    for way in (normal, tilted):
        exact = 2.5 * (11.5 - 4.0) / (way @ normal)
        got = first_crossing(field, affine, inside, way[None], rising=True, longest_mm=100.0)
        assert got == pytest.approx([exact], abs=0.05)
        back = first_crossing(
            field, affine, inside + 1.4 * exact * way, -way[None], rising=False, longest_mm=100.0
        )
        assert back == pytest.approx([0.4 * exact], abs=0.05)
    along = affine[:3, 0] / np.linalg.norm(affine[:3, 0])
    assert first_crossing(field, affine, inside, along[None], rising=True, longest_mm=100.0) == np.inf
