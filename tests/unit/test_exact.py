"""Exact distances of an axis to bricks, against closed forms and against the slow checker."""

from __future__ import annotations

import time

import numpy as np
import pytest

from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.paths import path_minima
from osteoplan.model.volume import Volume
from osteoplan.trajectory.exact import distance_along
from tests.slow_checker import Capsule, gap_to
from tests.synthetic_vertebra import rotation

EDGES = np.array([0.7, 1.1, 2.3])
SHAPE = (60, 40, 30)
TURNS = {
    "straight": np.eye(3),
    "oblique": rotation((14.0, -9.0, 21.0)),
    "left_handed": rotation((-8.0, 6.0, -12.0)) @ np.diag([-1.0, 1.0, 1.0]),
}


@pytest.fixture(params=TURNS)
def grid(request: pytest.FixtureRequest) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = TURNS[request.param] * EDGES
    affine[:3, 3] = (12.0, -80.0, 300.0)
    return Volume(np.zeros(SHAPE, dtype=np.uint8), affine, "mask")


def voxels(*indices: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    for index in indices:
        mask[index] = True
    return mask


def test_the_distance_to_a_corner_is_that_of_pythagoras_and_lies_where_the_axis_is_nearest(
    grid: Volume,
) -> None:
    start, end = grid.positions_mm([[40.0, 22.0, 17.0], [20.0, 22.0, 17.0]])
    found, at = distance_along(voxels((30, 20, 15)), grid, start, end, within_mm=10.0)
    assert found == pytest.approx(np.hypot(1.5 * EDGES[1], 1.5 * EDGES[2]))
    assert 9.5 * EDGES[0] - 1e-6 <= at <= 10.5 * EDGES[0] + 1e-6


def test_through_a_brick_is_zero_and_far_away_is_not_told(grid: Volume) -> None:
    start, end = grid.positions_mm([[20.0, 20.0, 15.0], [40.0, 20.2, 15.1]])
    assert distance_along(voxels((30, 20, 15)), grid, start, end, within_mm=3.0)[0] == 0.0
    assert distance_along(voxels((30, 39, 15)), grid, start, end, within_mm=3.0) == (float("inf"), 0.0)
    assert distance_along(voxels(), grid, start, end, within_mm=3.0) == (float("inf"), 0.0)


def test_it_agrees_with_the_slow_checker_on_any_axis(grid: Volume) -> None:
    rng = np.random.default_rng(7)
    mask = rng.random(SHAPE) < 0.002
    for _ in range(25):
        start, end = grid.positions_mm(rng.uniform(0, 1, (2, 3)) * np.array(SHAPE))
        slow = gap_to(mask, grid.affine, Capsule(tuple(start), tuple(end), 0.0))
        found, _ = distance_along(mask, grid, start, end, within_mm=25.0)
        assert slow - 0.06 <= found <= slow + 1e-6


def test_a_distance_between_voxel_centres_is_too_long_at_a_corner_and_this_one_is_not(grid: Volume) -> None:
    mask = voxels((30, 20, 15))
    stack = signed_distance(mask, grid.spacing_mm)[..., None]
    corner = grid.positions_mm([30.5, 20.5, 15.5])
    start, end = corner, corner + 1e-9
    read, _ = path_minima(stack, grid.affine, start, end)
    assert read[0, 0] > 0.5
    assert distance_along(mask, grid, start, end, within_mm=5.0)[0] == pytest.approx(0.0, abs=1e-6)


def test_one_axis_costs_milliseconds() -> None:
    image = Volume(np.zeros((200, 200, 100), dtype=np.uint8), np.diag([0.7, 0.7, 2.5, 1.0]), "mask")
    index = np.moveaxis(np.indices(image.shape), 0, -1)
    tube = np.hypot(index[..., 0] - 100, index[..., 1] - 100) < 15
    start, end = image.positions_mm([[120.0, 20.0, 10.0], [120.0, 180.0, 60.0]])
    begin = time.process_time()
    for _ in range(5):
        distance_along(tube, image, start, end, within_mm=6.0)
    assert (time.process_time() - begin) / 5 < 0.2
