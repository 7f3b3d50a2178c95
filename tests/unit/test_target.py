"""What probes must cover, on bricks with three edges: volumes, cells, margins and surfaces."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.errors import BadInput, LesionError
from osteoplan.trajectory.probes.parallel import across
from osteoplan.trajectory.probes.target import target_of
from tests.corridor_made import GRIDS, Grid

NAMES = [" x ".join(map(str, grid.edges)) + (" left" if grid.left_handed else "") for grid in GRIDS]
RADIUS = 9.0


def ball(grid, radius=RADIUS, half=20.0):
    image = grid.volume((half, half, half))
    at = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))
    return image, at, np.linalg.norm(at, axis=-1) <= radius


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
@pytest.mark.parametrize("margin", [0.0, 5.0])
def test_bricks_and_cells_hold_the_volume_of_the_lesion_and_its_margin(grid: Grid, margin: float) -> None:
    image, _, mask = ball(grid)
    target = target_of(mask, image, margin, cell_mm=2.5)
    volume = len(target.bricks_mm) * target.brick_volume_mm3
    least, most = (
        4 / 3 * np.pi * (RADIUS + margin + more) ** 3 for more in (0.0, 0.5 * np.linalg.norm(grid.edges))
    )
    assert 0.97 * least < volume < most  # distances are to bricks, whose corners stand out
    assert target.in_lesion.sum() * target.brick_volume_mm3 == pytest.approx(
        mask.sum() * image.voxel_volume_mm3
    )
    assert target.cell_volumes_mm3.sum() == pytest.approx(volume)
    assert (target.cell_volumes_mm3 > 0).all()
    # bricks and cells have one middle, and no cell is wider than it was asked to be
    middle = (target.cells_mm * target.cell_volumes_mm3[:, None]).sum(axis=0) / volume
    np.testing.assert_allclose(middle, target.bricks_mm.mean(axis=0), atol=1e-9)
    edges = np.asarray(grid.edges) / np.maximum(1, np.ceil(np.asarray(grid.edges) / 2.5 - 1e-9))
    assert target.brick_volume_mm3 == pytest.approx(np.prod(edges))
    assert target.cell_volumes_mm3.max() <= np.prod(edges * np.ceil(2.5 / edges + 1e-9)) + 1e-9
    away = np.linalg.norm(target.bricks_mm, axis=1)
    assert away[target.in_lesion].max() <= RADIUS + 0.5 * max(grid.edges)
    assert away.max() <= RADIUS + margin + np.linalg.norm(grid.edges)


@pytest.mark.parametrize("grid", GRIDS, ids=NAMES)
def test_the_surface_lies_between_the_lesion_and_what_it_is_not(grid: Grid) -> None:
    image, _, mask = ball(grid)
    target = target_of(mask, image, 3.0)
    index = image.indices(target.surface_mm)
    half = np.abs(index - np.rint(index)) > 0.4
    assert (half.sum(axis=1) == 1).all()  # the middle of a face lies half way along one axis
    normal = np.eye(3)[half.argmax(axis=1)]
    sides = [mask[tuple(np.rint(index + sign * 0.5 * normal).astype(int).T)] for sign in (-1, 1)]
    assert (sides[0] != sides[1]).all()
    # each voxel face of the lesion once: as many as a plain count
    count = sum(int(np.abs(np.diff(np.pad(mask, 1).astype(int), axis=axis)).sum()) for axis in range(3))
    assert len(target.surface_mm) == len(np.unique(index.round(6), axis=0)) == count


def test_a_margin_goes_beyond_the_image_and_never_where_it_is_spared() -> None:
    grid = Grid((1.0, 1.4, 2.2), (20.0, -11.0, 35.0), left_handed=True)
    image, at, mask = ball(grid)
    low = np.argwhere(mask).min(axis=0)
    image, mask, at = (image.crop(low, image.shape), *(a[low[0] :, low[1] :, low[2] :] for a in (mask, at)))
    free = target_of(mask, image, 6.0)
    assert (image.indices(free.bricks_mm) < -0.5).any()
    behind = at[..., 1] > 2.0
    spared = target_of(mask, image, 6.0, sparing=behind)
    margin = spared.bricks_mm[~spared.in_lesion]
    index = np.rint(image.indices(margin)).astype(int)
    inside = ((index >= 0) & (index < image.shape)).all(axis=1)
    assert not behind[tuple(index[inside].T)].any()
    assert spared.in_lesion.sum() == free.in_lesion.sum()  # the lesion itself is never cut
    assert len(spared.bricks_mm) < len(free.bricks_mm)


def test_what_is_no_target_is_refused() -> None:
    image, _, mask = ball(GRIDS[1])
    with pytest.raises(BadInput, match="one shape"):
        target_of(mask[1:], image, 2.0)
    with pytest.raises(BadInput, match="one shape"):
        target_of(mask, image, 2.0, sparing=mask[1:])
    for margin in (-1.0, float("nan"), float("inf")):
        with pytest.raises(BadInput, match="give 0 or more"):
            target_of(mask, image, margin)
    with pytest.raises(LesionError, match="no voxel"):
        target_of(np.zeros_like(mask), image, 2.0)


@pytest.mark.parametrize("axis", [(0.3, -0.5, 0.8), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.05, -0.05, 0.99)])
def test_across_an_axis_lies_a_level_way_and_one_at_right_angles(axis: tuple[float, float, float]) -> None:
    way = np.array(axis) / np.linalg.norm(axis)
    one, two = across(way)
    np.testing.assert_allclose(np.stack([one, two, way]) @ np.stack([one, two, way]).T, np.eye(3), atol=1e-12)
    level = 1 if abs(way[2]) >= 0.9 else 2  # along an upright axis: at right angles to front and back
    assert one[level] == pytest.approx(0.0, abs=1e-12)
