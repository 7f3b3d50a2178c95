"""The view in three dimensions: what is where, what hides what, and which letters the cube shows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from osteoplan.report.drawing.pictures import DrawnRod, Scenery
from osteoplan.report.drawing.surface import FROM_BEHIND, View, scene
from tests.png_read import pixels_of
from tests.synthetic_vertebra import Grid, vertebra

SKY = (0x56, 0xB4, 0xE9)


@cache
def _scenery(grid: Grid) -> Scenery:
    anatomy = vertebra(grid)
    return Scenery.of(anatomy.image, anatomy)


def _rod(start: tuple[float, float, float], end: tuple[float, float, float]) -> DrawnRod:
    frame = vertebra().frame
    a, b = frame.world([start, end])
    return DrawnRod("needle", "needle", a, b, 4.0)


def _bluest(picture_image: str) -> tuple[float, float, int]:
    """Mean column and row of what looks like the needle, as shares, and how many pixels."""
    pixels = pixels_of(picture_image)[..., :3].astype(float)
    likeness = pixels @ np.array(SKY) / (np.linalg.norm(pixels, axis=-1) * np.linalg.norm(SKY) + 1e-9)
    rows, cols = np.nonzero((likeness > 0.995) & (pixels[..., 2] > 90))
    if not rows.size:
        return 0.0, 0.0, 0
    return float(cols.mean() / pixels.shape[1]), float(rows.mean() / pixels.shape[0]), rows.size


@pytest.mark.parametrize(
    ("towards", "letters", "left_is_on_the_right"),
    [((0.0, -1.0, 0.2), "AH", True), ((0.0, 1.0, 0.2), "PH", False), ((0.62, 0.62, 0.48), "LPH", False)],
)
def test_cube_and_sides_follow_the_view(
    towards: tuple[float, float, float], letters: str, left_is_on_the_right: bool
) -> None:
    view = View.of("test", towards)
    assert np.linalg.det(view.axes) == pytest.approx(1.0)
    assert (view.axes[0, 0] > 0) == left_is_on_the_right
    assert view.axes[1, 2] > 0
    picture = scene(_scenery("left_handed"), width=200.0, view=view)
    assert {face.letter for face in picture.cube} == set(letters)


@pytest.mark.parametrize("grid", ["straight", "oblique", "left_handed"])
def test_a_rod_on_the_left_is_on_the_viewers_left_when_seen_from_behind(grid: Grid) -> None:
    rod = _rod((25.0, 45.0, -8.0), (25.0, 45.0, 10.0))
    view = View.of("from behind", (0.0, 1.0, 0.0))
    column, _, count = _bluest(scene(_scenery(grid), width=200.0, rods=(rod,), view=view).image)
    assert count > 50
    assert column < 0.4


def test_bone_is_a_ghost_before_a_rod_and_hides_nothing_that_is_in_front() -> None:
    scenery = _scenery("oblique")
    view = View.of("from the front", (0.0, -1.0, 0.0))
    before = _bluest(scene(scenery, width=200.0, rods=(_rod((0, -40, -6), (0, -40, 6)),), view=view).image)
    behind = _bluest(scene(scenery, width=200.0, rods=(_rod((0, 60, -6), (0, 60, 6)),), view=view).image)
    assert before[2] > 100
    assert behind[2] < before[2] / 2


def test_stamps_reach_the_view() -> None:
    scenery = replace(_scenery("oblique"), stamps=("GENERATED PHANTOM",))
    picture = scene(scenery, width=200.0)
    assert picture.stamps == ("GENERATED PHANTOM",)
    assert FROM_BEHIND.words in picture.title
