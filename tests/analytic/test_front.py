"""The marching front against distances and layers that are known."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.kernels.front import arrival_times, invade


def distance_from_centre(shape: tuple[int, int, int], spacing: np.ndarray) -> np.ndarray:
    indices = np.moveaxis(np.indices(shape), 0, -1)
    return np.linalg.norm((indices - (np.array(shape) - 1) // 2) * spacing, axis=-1)


def error_at(refine: int) -> float:
    """Largest error [mm] at 4 to 8 mm from a ball of radius 4 in a uniform brick grid."""
    spacing = np.array([1.0, 1.4, 2.0]) / refine
    shape = tuple(int(2 * 9 / h) | 1 for h in spacing)
    d = distance_from_centre(shape, spacing)
    times = arrival_times(np.full(shape, 2.0), spacing, np.where(d < 4.0, d / 2.0, np.inf))
    shell = (d > 4.0) & (d < 8.0)
    return float(np.abs(times - d / 2.0)[shell].max() * 2.0)


def test_the_front_is_first_order_in_the_voxel_edge() -> None:
    coarse, fine = error_at(1), error_at(2)
    assert coarse < 0.8
    assert np.log2(coarse / fine) == pytest.approx(1.0, abs=0.5)


def test_a_plane_front_through_layers_takes_the_sum_of_their_times() -> None:
    spacing, speed = np.array([2.0, 3.0, 5.0]), np.ones((4, 12, 3))
    speed[:, 6:] = 0.25
    start = np.full(speed.shape, np.inf)
    start[:, 0] = 0.0
    times = arrival_times(speed, spacing, start)
    expected = np.concatenate([np.arange(6) * 3.0, 15.0 + np.arange(1, 7) * 12.0])
    assert times == pytest.approx(np.broadcast_to(expected[None, :, None], speed.shape))


def test_a_wall_with_a_hole_is_passed_only_there() -> None:
    speed = np.ones((11, 11, 3))
    speed[5] = 0.0
    speed[5, 9, 1] = 1.0
    start = np.full(speed.shape, np.inf)
    start[0, 1, 1] = 0.0
    times = arrival_times(speed, np.array([1.0, 1.0, 1.0]), start)
    assert np.isinf(times[5, :9]).all()
    assert times[10, 1, 1] > times[10, 9, 1] > times[5, 9, 1] > np.hypot(5, 8)
    speed[5, 9, 1] = 0.0
    assert np.isinf(arrival_times(speed, np.array([1.0, 1.0, 1.0]), start)[6:]).all()


def test_a_front_that_has_reached_enough_voxels_stops() -> None:
    start = np.full((9, 9, 9), np.inf)
    start[4, 4, 4] = 0.0
    times = arrival_times(np.ones(start.shape), np.ones(3), start, enough=50)
    assert np.isfinite(times).sum() == 50


@pytest.mark.parametrize("amount", [0.31, 7.77, 40.0])
def test_invasion_fills_the_amount_exactly_and_in_order(amount: float) -> None:
    rng = np.random.default_rng(3)
    arrival, capacity = rng.random((5, 6, 7)), rng.random((5, 6, 7)) + 0.01
    arrival[0] = np.inf
    share, placed = invade(arrival[None], capacity, np.array([amount]))
    assert (share * capacity).sum() == pytest.approx(amount)
    assert placed == pytest.approx([amount])
    assert arrival[share >= 1.0 - 1e-9].max(initial=0) <= arrival[share <= 0.0].min()
    assert ((share > 0) & (share < 1.0 - 1e-9)).sum() <= 1


def test_invasion_cannot_fill_more_than_can_be_reached() -> None:
    arrival = np.array([[[0.0, 1.0, np.inf]]])
    share, placed = invade(arrival[None], np.ones((1, 1, 3)), np.array([9.0]))
    assert share.sum() == placed[0] == 2.0


def test_two_sources_each_place_their_own_amount_and_pass_over_what_is_full() -> None:
    fast = np.arange(10.0).reshape(10, 1, 1) / 100.0
    slow = np.arange(10.0)[::-1].reshape(10, 1, 1)
    share, placed = invade(np.stack([fast, slow]), np.ones((10, 1, 1)), np.array([2.5, 3.5]))
    assert placed == pytest.approx([2.5, 3.5])
    assert share.ravel() == pytest.approx([1, 1, 0.5, 0, 0, 0, 0.5, 1, 1, 1])
    share, placed = invade(np.stack([fast, fast]), np.ones((10, 1, 1)), np.array([2.0, 2.0]))
    assert share.ravel() == pytest.approx([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])


def test_a_source_stops_before_a_forbidden_voxel_and_the_other_goes_on() -> None:
    one = np.arange(10.0).reshape(10, 1, 1)
    barred = np.zeros((10, 1, 1), dtype=bool)
    barred[2] = True
    share, placed = invade(
        np.stack([one, one[::-1]]), np.ones((10, 1, 1)), np.array([4.0, 4.0]), stop_at=barred
    )
    assert placed == pytest.approx([2.0, 4.0])
    assert share.ravel() == pytest.approx([1, 1, 0, 0, 0, 0, 1, 1, 1, 1])
