"""The cheapest surface: exact where paths suffice, smooth where costs are equal."""

import numpy as np

from osteoplan.kernels.surface import cheapest_surface


def test_a_clear_valley_is_followed_on_a_brick_of_three_edges():
    x, y = np.meshgrid(np.arange(9), np.arange(14), indexing="ij")
    valley = np.rint(5 + 2 * np.sin(x / 3.0) + y / 7.0).astype(int)
    cost = np.minimum(np.abs(np.arange(16) - valley[..., None]), 3).astype(np.float32)
    assert (cheapest_surface(cost) == valley).all()


def test_a_hole_in_the_valley_is_bridged_and_a_lone_lure_beside_it_is_not_taken():
    cost = np.ones((7, 8, 11), np.float32)
    cost[:, :, 4] = 0.0
    cost[3, 4] = 1.0  # nothing to see here
    cost[3, 4, 9] = 0.9  # but a lure far off
    assert (cheapest_surface(cost) == 4).all()
