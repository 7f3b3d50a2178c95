import numpy as np
import pytest
from numba import njit

from osteoplan.kernels.simd import fill, lanes, load, shifted, some, store


@njit
def _twice_plus(a, b, out, width):
    two = fill(a, 2.0)
    for k in range(0, len(out), width):
        store(out, k, two * load(a, k) + load(b, k) - load(a, k))


@njit
def _moved_up(a, out, width):
    old = fill(a, 0.0)
    for k in range(0, len(out), width):
        v = load(a, k)
        store(out, k, shifted(old, v))
        old = v


@njit
def _some(a, first):
    return some(load(a, first))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lanes_are_added_and_multiplied_one_by_one(dtype):
    width = lanes(dtype)
    a, b = np.arange(3 * width, dtype=dtype), np.linspace(-1, 1, 3 * width).astype(dtype)
    out = np.zeros_like(a)
    _twice_plus(a, b, out, width)
    np.testing.assert_allclose(out, a + b, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_leaves_one_vector_enters_the_next(dtype):
    width = lanes(dtype)
    a = np.arange(1, 4 * width + 1, dtype=dtype)
    out = np.zeros_like(a)
    _moved_up(a, out, width)
    np.testing.assert_array_equal(out, np.concatenate([[0], a[:-1]]))


@pytest.mark.parametrize("place", [0, 7, 8, 15])
def test_one_lane_that_is_not_zero_is_seen(place):
    a = np.zeros(32, dtype=np.float32)
    assert not _some(a, 0)
    a[place] = 1e-30
    assert _some(a, 0)
    assert not _some(a, 16)
