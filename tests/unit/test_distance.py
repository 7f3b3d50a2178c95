import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteoplan.kernels.distance import distance_to, signed_distance

SPACING = np.array([0.7, 1.3, 2.5])


def to_bricks(mask, spacing):
    """Every voxel centre against every brick, the slow way."""
    bricks, centres = np.argwhere(mask), np.argwhere(np.ones_like(mask))
    gaps = np.maximum((np.abs(centres[:, None] - bricks[None]) - 0.5) * spacing, 0.0)
    return np.sqrt((gaps**2).sum(axis=-1)).min(axis=1).reshape(mask.shape)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), share=st.floats(0.02, 0.95))
def test_distance_is_the_least_over_all_bricks(seed, share):
    mask = np.random.default_rng(seed).random((4, 6, 5)) < share
    mask[1, 2, 3] = True
    assert distance_to(mask, SPACING) == pytest.approx(to_bricks(mask, SPACING), abs=1e-5)


def test_a_surface_lies_on_the_faces_of_voxels():
    mask = np.zeros((5, 7, 9), dtype=bool)
    mask[:, :, :4] = True
    along = signed_distance(mask, SPACING)[2, 3]
    assert along == pytest.approx(2.5 * (np.arange(9) - 3.5))


def test_inside_is_negative_and_grows_by_one_mm_per_mm():
    radius, centre = 9.0, np.array([14.0, 15.6, 25.0])
    at = np.moveaxis(np.indices((40, 24, 20)), 0, -1) * SPACING
    exact = np.linalg.norm(at - centre, axis=-1) - radius
    depth = signed_distance(exact < 0, SPACING)
    assert (depth[exact < -1.5] < 0).all()
    assert (depth[exact > 1.5] > 0).all()
    assert np.abs(depth - exact).max() < 0.5 * np.linalg.norm(SPACING)


def test_the_edge_of_the_image_is_no_surface():
    mask = np.ones((3, 4, 5), dtype=bool)
    mask[0, 0, 0] = False
    assert signed_distance(mask, SPACING)[2, 3, 4] == pytest.approx(-np.sqrt(1.05**2 + 3.25**2 + 8.75**2))


def test_an_empty_mask_is_infinitely_far_and_a_full_one_infinitely_deep():
    empty = np.zeros((2, 3, 5), dtype=bool)
    assert (signed_distance(empty, SPACING) == np.inf).all()
    assert (signed_distance(~empty, SPACING) == -np.inf).all()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), reach=st.floats(0.5, 9.0))
def test_within_reach_nothing_changes_and_beyond_it_the_reach_is_told(seed, reach):
    mask = np.random.default_rng(seed).random((9, 7, 6)) < 0.04
    mask[4, 3, 2] = True
    whole = signed_distance(mask, SPACING)
    near = signed_distance(mask, SPACING, reach_mm=reach)
    assert near == pytest.approx(np.clip(whole, -reach, reach), abs=1e-5)
