"""The smooth body of a heap of bricks: surface, normals, depth, and the gaps that count as bone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from osteoplan.knowledge.values import number
from osteoplan.trajectory.corridors.bone import allowed_bone, bone_field, read_field
from tests.corridor_made import GRIDS, Grid, Made

NAMES = [" x ".join(map(str, grid.edges)) + (" left" if grid.left_handed else "") for grid in GRIDS]
RADIUS, MIDDLE = 11.0, np.array([1.0, -2.0, 0.5])


def ball(points):
    return np.linalg.norm(points - MIDDLE, axis=-1) <= RADIUS


def on(grid, *masks):
    """(positions, masks) on an empty image about the origin."""
    image = grid.volume((16.0, 15.0, 14.0))
    at = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))
    return image, *(mask(at) for mask in masks)


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
def test_the_surface_of_a_ball_is_a_sphere_with_its_normals_outward(grid: Grid) -> None:
    image, mask = on(grid, ball)
    field = read_field(image.with_array(mask, "mask"))
    away = field.points - MIDDLE
    gap = np.linalg.norm(away, axis=1)
    # blurred by half a voxel it is drawn in by s^2 / 2R, and rough by a part of a voxel
    assert np.abs(gap - RADIUS).max() < 0.6 * max(grid.edges)
    assert gap.mean() == pytest.approx(RADIUS, abs=0.12 * max(grid.edges))
    assert gap.mean() < RADIUS + 0.02
    cosine = (field.normals * away).sum(axis=1) / gap
    assert cosine.min() > 0.6
    assert cosine.mean() > 0.94
    assert not field.edge.any()
    assert np.abs(field.at(field.level, field.points)).max() < 1e-5  # linear between two voxels, and 0 there


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
def test_depth_is_a_lower_bound_inside_and_negative_outside(grid: Grid) -> None:
    image, mask = on(grid, ball)
    field = read_field(image.with_array(mask, "mask"))
    assert field.voxel_mm <= max(1.5, min(grid.edges)) + 1e-9  # long voxels are divided
    index = np.moveaxis(np.indices(field.level.shape), 0, -1)
    own = RADIUS - np.linalg.norm(field.positions_mm(index) - MIDDLE, axis=-1)
    assert (np.sign(field.depth) == np.sign(field.level)).mean() > 0.99
    deep = own > 2.0 * max(grid.edges)
    assert (field.depth[deep] < own[deep] + 0.6 * max(grid.edges)).all()
    assert (field.depth[own < -max(grid.edges)] < 0.0).all()
    assert RADIUS - max(grid.edges) < field.depth.max() < RADIUS + 0.2
    np.testing.assert_allclose(
        field.at(field.depth, field.positions_mm(index[3:6, 4:7, 5:8])), field.depth[3:6, 4:7, 5:8], atol=1e-4
    )


def test_the_blur_of_one_brick_is_the_product_of_three_steps() -> None:
    """Level + 1/2 = product over the axes of Phi((x + 1/2) / sd) - Phi((x - 1/2) / sd), in voxels."""
    grid = Grid((1.4, 1.1, 2.9), (12.0, 40.0, -9.0), left_handed=True)
    image = grid.volume((6.0, 6.0, 6.0))
    at = np.array([5, 6, 4])
    mask = np.zeros(image.shape, dtype=bool)
    mask[tuple(at)] = True
    field = read_field(image.with_array(mask, "mask"))
    index = np.moveaxis(np.indices(field.level.shape), 0, -1)
    x = image.indices(field.positions_mm(index)) - at
    sd = number("corridor_search.smooth_voxels")
    share = np.prod(ndtr((x + 0.5) / sd) - ndtr((x - 0.5) / sd), axis=-1)
    np.testing.assert_allclose(field.level + 0.5, share, atol=1e-6)
    assert len(field.points) == 0  # a lone brick is blurred away: no more than a third of it stays


def test_where_the_image_ends_is_no_surface_of_the_bone() -> None:
    grid = Grid((1.0, 1.3, 2.0), (9.0, -14.0, 25.0))
    image, bar = on(grid, lambda p: (np.abs(p[..., 1]) < 6.0) & (np.abs(p[..., 2]) < 5.0))
    field = read_field(image.with_array(bar, "mask"))
    index = image.indices(field.points)
    outermost = ((index < 0.5) | (index > np.array(image.shape) - 1.5)).any(axis=1)
    assert (field.edge == outermost).all()
    assert 0.02 < field.edge.mean() < 0.4
    assert np.abs(field.points[~field.edge, 1]).max() < 6.0 + 2.0


def two_blocks(gap_mm: float) -> Made:
    """The target left of a gap across x, the other bone right of it."""
    return Made(
        lambda p: (p[..., 0] < -gap_mm / 2) & (np.abs(p[..., 1]) < 8.0) & (p[..., 0] > -14.0), (14, 8, 8), 0.0
    )


def test_a_gap_that_is_crossed_on_purpose_counts_as_bone_and_metal_never() -> None:
    gap = 3.0
    for grid in GRIDS[:3]:
        made = two_blocks(gap)
        around = made.on(grid)
        at = around.grid.positions_mm(np.moveaxis(np.indices(around.grid.shape), 0, -1))
        x, y, _ = np.moveaxis(at, -1, 0)
        other = (x > gap / 2) & (x < 14.0) & (np.abs(y) < 8.0)
        metal = np.hypot(y, x + 8.0) < 2.0
        around = replace(around, bones={**around.bones, "sacrum": other}, metal=metal)
        labels = ("hip_left", "sacrum")
        bare = allowed_bone(around, labels)
        assert (bare == ((around.bones["hip_left"] | other) & ~metal)).all()
        assert (allowed_bone(around, ("hip_left",)) == (around.bones["hip_left"] & ~metal)).all()
        bridged = allowed_bone(around, labels, [("hip_left", "sacrum", gap + 1.0)])
        between = (np.abs(x) < gap / 2 - 0.2) & (np.abs(y) < 6.0)
        assert bridged[between].all()
        assert not bridged[(np.abs(y) > 8.0 + gap)].any()
        assert not bridged[metal].any()
        too_far = allowed_bone(around, labels, [("hip_left", "sacrum", gap - 2.0)])
        assert not too_far[(np.abs(x) < 0.3) & (np.abs(y) < 6.0)].any()
        joined = bone_field(around, labels, (("hip_left", "sacrum", gap + 1.0),))
        assert joined.at(joined.depth, np.array([[0.0, 0.0, 0.0]]))[0] > 0.0
        assert bone_field(around, labels, (("hip_left", "sacrum", gap + 1.0),)) is joined
        apart = bone_field(around, labels)
        assert apart.at(apart.depth, np.array([[0.0, 0.0, 0.0]]))[0] < 0.0
