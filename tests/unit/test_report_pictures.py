"""Pictures: the patient's left is on the viewer's right, whatever grid the scan was stored on."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from osteoplan.model.volume import Volume
from osteoplan.report.drawing.pictures import (
    BONE_WINDOW,
    DrawnRod,
    Legend,
    Picture,
    Scenery,
    along_needle,
    grouped,
    rods_of,
    slices,
    strain_top,
)
from osteoplan.report.drawing.plane import Plane, along, cuts_along, letter, shape_of
from tests.png_read import pixels_of
from tests.report_fixture import DEVICES, needle, plan_result
from tests.synthetic_vertebra import Grid, rotation, vertebra

F64 = npt.NDArray[np.float64]
SPACING = np.array([0.9, 1.3, 2.5])
SHAPE = (120, 90, 50)
MIDDLE = np.array([31.0, -5.0, 240.0])

# Directions of the index axes in patient space, in columns.
GRIDS = {
    "straight": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "left_handed": np.diag([-1.0, 1.0, 1.0]),
    "upside_down": np.diag([1.0, -1.0, -1.0]),
    "axes_exchanged": np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]),
    "oblique": rotation((12.0, -9.0, 17.0)),
    "oblique_left_handed": rotation((-10.0, 7.0, 21.0)) @ np.diag([1.0, 1.0, -1.0]),
}


def _scan_with_a_marker(direction: F64, offset_mm: tuple[float, float, float]) -> Scenery:
    """A dark scan on that grid with one bright ball beside the lesion of the synthetic vertebra."""
    scenery = _scenery("oblique")
    affine = np.eye(4)
    affine[:3, :3] = direction * SPACING
    affine[:3, 3] = MIDDLE - affine[:3, :3] @ (np.asarray(SHAPE) - 1) / 2
    grid = Volume(np.zeros(SHAPE, dtype=np.int16), affine, "HU")
    positions = grid.positions_mm(np.moveaxis(np.indices(SHAPE), 0, -1))
    ball = np.linalg.norm(positions - scenery.lesion_centre_mm - offset_mm, axis=-1) < 4.0
    return replace(scenery, ct=grid.with_array(np.where(ball, 3000, -500).astype(np.int16)))


@cache
def _scenery(grid: Grid) -> Scenery:
    anatomy = vertebra(grid)
    return Scenery.of(anatomy.image, anatomy)


def _bright(picture: Picture) -> tuple[float, float]:
    """Column and row of the bright ball, as shares of the picture."""
    grey = pixels_of(picture.image)[..., 0]
    rows, cols = np.nonzero(grey > 200)
    assert rows.size, f"nothing bright in {picture.title}"
    return float(cols.mean() / grey.shape[1]), float(rows.mean() / grey.shape[0])


@pytest.mark.parametrize("grid", GRIDS)
def test_a_marker_on_the_patients_left_is_on_the_viewers_right(grid: str) -> None:
    scenery = _scan_with_a_marker(GRIDS[grid], (22.0, 0.0, 0.0))
    axial, _, coronal = slices(scenery, window=BONE_WINDOW, width=200.0)
    assert _bright(axial)[0] > 0.6
    assert _bright(coronal)[0] > 0.6
    assert axial.letters == ("R", "L", "A", "P")
    assert coronal.letters == ("R", "L", "H", "F")


@pytest.mark.parametrize("grid", GRIDS)
def test_posterior_is_below_on_axial_and_right_on_sagittal_and_head_is_up(grid: str) -> None:
    behind = _scan_with_a_marker(GRIDS[grid], (0.0, 22.0, 0.0))
    axial, sagittal, _ = slices(behind, window=BONE_WINDOW, width=200.0)
    beside = _scan_with_a_marker(GRIDS[grid], (0.0, 0.0, 0.0))
    middle = slices(beside, window=BONE_WINDOW, width=200.0)
    assert _bright(axial)[1] > _bright(middle[0])[1] + 0.1
    assert _bright(sagittal)[0] > _bright(middle[1])[0] + 0.1
    assert sagittal.letters == ("A", "P", "H", "F")
    above = _scan_with_a_marker(GRIDS[grid], (0.0, 0.0, 22.0))
    _, sagittal, coronal = slices(above, window=BONE_WINDOW, width=200.0)
    assert _bright(sagittal)[1] < _bright(middle[1])[1] - 0.1
    assert _bright(coronal)[1] < _bright(middle[2])[1] - 0.1


def test_thick_slices_are_not_squashed() -> None:
    """25 mm up is as far as 26 mm back says, although slices are 2.5 mm apart (whole voxels both)."""
    sagittal = {
        name: slices(_scan_with_a_marker(np.eye(3), at), window=BONE_WINDOW, width=200.0)[1]
        for name, at in (("here", (0.0, 0.0, 0.0)), ("up", (0.0, 0.0, 25.0)), ("back", (0.0, 26.0, 0.0)))
    }
    here = np.array(_bright(sagittal["here"]))
    up = np.linalg.norm(np.array(_bright(sagittal["up"])) - here)
    back = np.linalg.norm(np.array(_bright(sagittal["back"])) - here)
    assert up / 25.0 == pytest.approx(back / 26.0, rel=0.02)
    assert up * 200.0 == pytest.approx(2.5 * sagittal["here"].scale_bar, rel=0.02)


@pytest.mark.parametrize("grid", ["straight", "oblique", "left_handed"])
def test_the_outline_of_the_lesion_lies_on_the_lesion(
    grid: Grid,
) -> None:
    for picture in slices(_scenery(grid), window=BONE_WINDOW, width=200.0):
        lesion = next(o for o in picture.outlines if o.colour == "#E69F00")
        points = _points(lesion.path)
        per_mm = picture.scale_bar / 10.0
        assert np.ptp(points, axis=0) / per_mm == pytest.approx(12.0, abs=1.6)  # a ball of radius 6 mm
        assert lesion.width == 1.5
        assert lesion.dash == ""


def test_a_derived_structure_is_dotted_and_says_so() -> None:
    axial, _, _ = slices(_scenery("oblique"), window=BONE_WINDOW, width=200.0)
    words = {entry.words: entry for entry in axial.legend}
    assert words["spinal canal (derived)"].dash
    assert words["aorta"].dash == ""
    assert all(outline.fill_opacity <= 0.35 for outline in axial.outlines)


@pytest.mark.parametrize("cut", ["axial", "sagittal"])
def test_a_needle_is_drawn_at_its_true_diameter_in_a_cut_that_contains_it(
    cut: Literal["axial", "sagittal"],
) -> None:
    entry, tip = (np.asarray(point) for point in needle(vertebra(), 1.0))
    rod = DrawnRod("left pedicle needle", "needle", entry, tip, 3.05)
    picture = along_needle(_scenery("oblique"), rod, cut=cut, window=BONE_WINDOW, width=300.0)
    line, shaft = (_points(o.path) for o in picture.outlines if o.colour == "#56B4E9")
    axis = (line[1] - line[0]) / np.linalg.norm(line[1] - line[0])
    across = np.ptp(shaft @ np.array([-axis[1], axis[0]]))
    assert across / (picture.scale_bar / 10.0) == pytest.approx(3.05, abs=0.15)
    assert re.fullmatch(rf"along the left pedicle needle, \d+° off {cut}", picture.title)
    assert picture.tips == (tuple(line[1].tolist()),)


def test_a_needle_without_a_known_diameter_is_an_axis_and_says_so() -> None:
    entry, tip = (np.asarray(point) for point in needle(vertebra(), 1.0))
    rod = DrawnRod("needle", "needle", entry, tip, None)
    picture = along_needle(_scenery("oblique"), rod, cut="axial", window=BONE_WINDOW, width=300.0)
    assert not [o for o in picture.outlines if o.fill_opacity == 0.35]
    assert any("diameter not known" in entry.words for entry in picture.legend)


def test_a_cut_cannot_contain_a_line_along_its_own_normal() -> None:
    hold = np.zeros((1, 3))
    with pytest.raises(ValueError, match="almost along the normal"):
        along("x", np.zeros(3), np.array([0.0, 0.0, 9.0]), hold, cut="axial", margin_mm=1.0, pixel_mm=1.0)


def test_an_oblique_cut_contains_its_line_and_keeps_left_on_the_right() -> None:
    entry, tip = np.array([40.0, 60.0, 30.0]), np.array([5.0, -10.0, 5.0])
    plane = along("it", entry, tip, np.stack([entry, tip]), cut="axial", margin_mm=5.0, pixel_mm=0.5)
    normal = np.cross(plane.right, plane.down)
    assert abs((entry - plane.origin_mm) @ normal) < 1e-9
    assert abs((tip - plane.origin_mm) @ normal) < 1e-9
    assert plane.right[0] > 0.9
    assert plane.down[1] > 0.8
    assert plane.right @ plane.down == pytest.approx(0.0, abs=1e-12)


def test_pixels_and_positions_are_inverse() -> None:
    turn = rotation((20.0, 10.0, -30.0))
    plane = Plane(np.array([3.0, -4.0, 9.0]), turn[:, 0], turn[:, 1], 0.7, 5, 8, "somewhere")
    found = plane.pixel(plane.positions_mm())
    rows, cols = np.indices((5, 8))
    assert found == pytest.approx(np.stack([cols, rows], axis=-1), abs=1e-9)


def test_letters_name_the_strongest_directions() -> None:
    assert letter(np.array([1.0, 0.0, 0.0])) == "L"
    assert letter(np.array([-0.9, 0.3, 0.1])) == "R"
    assert letter(np.array([0.0, -0.6, 0.8])) == "HA"


def test_a_smoothed_shape_keeps_its_place_and_size() -> None:
    """A half-space between slices: the edge stays halfway; a single voxel does not vanish."""
    affine = np.diag([0.8, 1.1, 2.5, 1.0])
    mask = np.zeros((20, 20, 9), dtype=bool)
    mask[:, :, :4] = True
    shape = shape_of(mask, Volume(mask, affine, "mask"))
    assert shape is not None
    heights = np.linspace(6.0, 11.0, 501)
    plane = Plane(
        np.array([8.0, 11.0, 6.0]), np.array([0.0, 0.0, 1.0]), np.array([1.0, 0, 0]), 0.01, 1, 501, ""
    )
    edge = heights[np.argmin(np.abs(plane.sample(shape, outside=-1.0)[0]))]
    assert edge == pytest.approx(3.5 * 2.5, abs=0.05)
    one = np.zeros((5, 6, 7), dtype=bool)
    one[2, 3, 4] = True
    alone = shape_of(one, Volume(one, affine, "mask"))
    assert alone is not None
    assert alone.array.max() > 0
    assert shape_of(~one & one, Volume(one, affine, "mask")) is None


def test_the_range_of_strain_holds_99_of_100_voxels_of_every_state() -> None:
    result = plan_result()
    scenery = Scenery.of(result.reading.case.ct, result.reading.anatomy)
    fields = [
        f for group in result.simulations.fields.values() for f in group if f.quantity == "effective_strain"
    ]
    top = strain_top(scenery, fields)
    worst = max(float(f.volume.array.max()) for f in fields)
    assert 0.5 * worst <= top <= 2.5 * worst
    assert top in (0.008, 0.01, 0.02)


def test_device_files_give_the_diameter() -> None:
    both = plan_result().simulations.options[0].plan
    assert [rod.diameter_mm for rod in rods_of(both, DEVICES)] == [3.05, 3.05]
    assert [rod.diameter_mm for rod in rods_of(both, {})] == [None, None]
    assert [rod.words for rod in rods_of(both, DEVICES)] == ["left pedicle needle", "right pedicle needle"]


def _points(path: str) -> F64:
    return np.array([[float(x), float(y)] for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)])


def test_both_sides_of_a_derived_thing_are_its_plural_before_the_bracket():
    names = [f"{side} pleural recess (derived)" for side in ("left", "right")] + ["left lung", "right lung"]
    shown = grouped([Legend(name, "#CC79A7") for name in names])
    assert shown[0].words == "pleural recesses (derived), lungs"


@pytest.mark.parametrize(
    "line", [(1.0, 0.0, 0.0), (0.98, 0.15, 0.1), (0.0, -1.0, 0.05), (0.1, 0.1, 1.0), (1.0, 1.0, 1.0)]
)
def test_a_line_in_any_direction_lies_in_two_cuts(line: tuple[float, float, float]) -> None:
    cuts = cuts_along(np.array(line))
    assert len(cuts) >= 2
    for cut in cuts:
        plane = along(
            "a rod",
            np.zeros(3),
            50.0 * np.array(line),
            np.zeros((1, 3)),
            cut=cut,
            margin_mm=5.0,
            pixel_mm=1.0,
        )
        assert abs(np.array(line) @ np.cross(plane.right, plane.down)) < 1e-9
