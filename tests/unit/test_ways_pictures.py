"""Pictures of ways: circles of the true diameter, cuts along and across the axis, words that must be read."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from osteoplan.model.trajectory import ErrorBudget, Gap, Profile, Trajectory, WaysResult
from osteoplan.report.drawing.pictures import Scenery
from osteoplan.report.drawing.plane import along, beside, facing
from osteoplan.report.ways.page import render_ways
from osteoplan.report.ways.pictures import way_pictures
from osteoplan.report.ways.profile import profile_chart
from tests.report_fixture import DEVICES, NASTY, needle, plan_result

WIDTH = 260.0
HALF_MM = 32.0  # of the cuts across a way


@cache
def _result() -> WaysResult:
    made = plan_result()
    return WaysResult(
        made.reading.case, made.reading.anatomy, (_way(), _none()),
        {"transpedicular": {"too near the canal": 812}}, made.stamp, DEVICES, ("a warning",), ("a credit",),
    )  # fmt: skip


@cache
def _way() -> Trajectory:
    entry, tip = needle(plan_result().reading.anatomy, 1.0)
    middle = tuple(float(x) for x in 0.4 * np.array(entry) + 0.6 * np.array(tip))
    run = tuple(float(x) for x in np.linspace(0.0, 60.0, 30))
    canal = Gap("spinal_canal", "canal", 2.1, middle, 2.0, derived=True)  # type: ignore[arg-type]
    return Trajectory(
        id="left_1", name="through the left pedicle, 1", kind="needle", approach="transpedicular",
        status="fits", side="left", entry_mm=entry, target_mm=tip, skin_mm=entry,
        bone_mm=middle,  # type: ignore[arg-type]
        device="needle_11g", diameter_mm=3.05, unchecked=("segmental_vessels",),
        gaps=(canal, Gap("aorta", "vessel", 9.0, tip, 2.0)),
        measures={"length_mm": 78.6, "in_plane_deg": 8.0, "cranio_caudal_deg": -7.0, "skin_angle_deg": 12.0},
        budget=ErrorBudget(
            "freehand_ct", 2.0, 2.0, 500, {"any": 0.44}, {"A": 0.6}, "modified A-E", {"canal": (-1, 2, 5)}
        ),
        profile=Profile(
            run, {"canal": tuple(abs(x - 40.0) + 2.1 for x in run), "vessel": tuple(99.0 for _ in run)}
        ),
    )  # fmt: skip


@cache
def _none() -> Trajectory:
    entry, tip = needle(plan_result().reading.anatomy, -1.0)
    at = tuple(float(x) for x in 0.5 * (np.array(entry) + np.array(tip)))
    return Trajectory(
        id="screw_right", name="right pedicle screw", kind="corridor", approach="pedicle", status="none",
        reasons=("no straight corridor: 3.1 mm wide",), entry_mm=entry, target_mm=tip, bottleneck_mm=at,  # type: ignore[arg-type]
        diameter_mm=4.5, measures={"width_mm": 3.1}, profile=Profile((0.0, 40.0), {"wall": (2.0, -1.0)}),
    )  # fmt: skip


@cache
def _pictures(id: str):  # type: ignore[no-untyped-def]
    result = _result()
    way = next(way for way in result.ways if way.id == id)
    scenery = Scenery.of(result.case.ct, result.anatomy, ("lesion simulated",))
    return way_pictures(scenery, way, width=WIDTH)


def _radii_mm(picture) -> list[float]:  # type: ignore[no-untyped-def]
    """Radii of the circles drawn about the middle, in mm."""
    unit = WIDTH / (2 * HALF_MM + 0.5)
    found = [re.match(r"M[\d.]+ [\d.]+a([\d.]+) ", outline.path) for outline in picture.outlines]
    return sorted(float(match[1]) / unit for match in found if match)


def test_the_device_is_a_circle_of_its_true_diameter_with_rings_at_5_and_10_mm_of_its_surface() -> None:
    down = _pictures("left_1").down
    assert _radii_mm(down) == pytest.approx([1.525, 6.525, 11.525], abs=0.05)


def test_a_needle_is_cut_across_at_skin_bone_narrowest_and_tip() -> None:
    titles = [picture.title for picture in _pictures("left_1").across]
    assert [title.split(",")[0] for title in titles] == [
        "across the way at the skin", "across the way at the bone",
        "across the way where it is narrowest", "across the way at the tip",
    ]  # fmt: skip
    assert titles[0].endswith("0 mm from the entry")


def test_a_corridor_says_its_bottleneck_and_its_width() -> None:
    pictures = _pictures("screw_right")
    assert any("narrowest, 3.1 mm wide" in picture.title for picture in pictures.across)
    assert all("DOES NOT FIT" in picture.stamps for picture in (pictures.down, *pictures.across))


def test_what_must_be_read_stands_on_every_picture() -> None:
    pictures = _pictures("left_1")
    for picture in (pictures.down, *pictures.along, *pictures.across):
        assert picture.stamps == (
            "lesion simulated", "unchecked against segmental vessels", "gap to a derived structure"
        )  # fmt: skip
        assert picture.scale_bar > 0
        assert picture.window
        assert all(picture.letters)


@pytest.mark.parametrize("line", [(0.3, 0.9, 0.2), (0.1, 0.05, 1.0), (-0.9, 0.1, 0.4), (0.5, -0.5, -0.7)])
def test_two_cuts_along_a_line_contain_it_and_stand_at_right_angles(line: tuple[float, float, float]) -> None:
    tip = np.array([3.0, -8.0, 120.0])
    entry = tip + 70.0 * np.array(line) / np.linalg.norm(line)
    ends = np.stack([entry, tip])
    cut = "coronal" if abs(line[2]) > 0.9 else "axial"
    first = along("it", entry, tip, ends, cut=cut, margin_mm=20.0, pixel_mm=0.5)  # type: ignore[arg-type]
    second = beside("it", first, entry, tip, ends, margin_mm=20.0, pixel_mm=0.5)
    normals = [np.cross(plane.right, plane.down) for plane in (first, second)]
    assert normals[0] @ normals[1] == pytest.approx(0.0, abs=1e-9)
    for plane, normal in zip((first, second), normals, strict=True):
        assert (ends - plane.origin_mm) @ normal == pytest.approx([0.0, 0.0], abs=1e-9)
        assert np.linalg.norm(normal) == pytest.approx(1.0)
        column, row = plane.pixel(ends).T
        assert ((column > 0) & (column < plane.cols) & (row > 0) & (row < plane.rows)).all()


@pytest.mark.parametrize(
    ("outward", "letters"),
    [((0.0, -1.0, 0.0), ("R", "L", "H", "F")), ((0.0, 1.0, 0.0), ("L", "R", "H", "F")),
     ((1.0, 0.0, 0.0), ("A", "P", "H", "F")), ((0.0, 0.0, -1.0), ("R", "L", "A", "P"))],
)  # fmt: skip
def test_a_cut_across_is_seen_from_the_outer_end(
    outward: tuple[float, float, float], letters: tuple[str, ...]
) -> None:
    plane = facing("", np.array([1.0, 2.0, 3.0]), np.array(outward) * 7.0, half_mm=10.0, pixel_mm=0.5)
    assert plane.letters() == letters
    assert np.cross(plane.right, -plane.down) @ outward == pytest.approx(1.0)
    assert plane.pixel((1.0, 2.0, 3.0)) == pytest.approx([20.0, 20.0])


def _svg(way: Trajectory) -> str:
    return base64.b64decode(profile_chart(way).partition(",")[2]).decode()


def test_the_profile_names_kinds_limits_and_units_and_leaves_out_what_is_far() -> None:
    svg = _svg(_way())
    for words in ("canal (derived)", "2 mm asked: canal", "distance from the entry, mm", "gap of the device"):
        assert words in svg, words
    assert "<!-- vessel" not in svg


def test_the_profile_of_a_corridor_marks_the_bottleneck_with_its_width() -> None:
    assert "narrowest: 3.1 mm wide" in _svg(_none())


def test_a_way_without_a_profile_has_no_chart() -> None:
    assert profile_chart(replace(_way(), profile=None)) == ""


def test_a_way_without_a_place_has_no_picture() -> None:
    result = _result()
    lost = Trajectory(id="x", name="x", kind="needle", approach="x", status="none")
    found = way_pictures(Scenery.of(result.case.ct, result.anatomy), lost, width=WIDTH)
    assert (found.down, found.along, found.across) == (None, (), ())


@cache
def _html() -> str:
    result = _result()
    rude = replace(_way(), name=NASTY, profile=None)
    return render_ways(replace(result, ways=(_none(), rude)))


def test_the_page_lists_fitting_ways_first_and_none_with_its_reason() -> None:
    html = _html()
    assert html.index("79 mm") < html.index("none fits:</b> no straight corridor")
    for words in (
        "Research use only", "44 % (freehand ct)", "spinal canal, derived: 2.1 mm", "−7°", "needle 11 G",
        "812", "too near the canal", "a warning", "a credit",
    ):  # fmt: skip
        assert words in html, words


def test_unchecked_stands_out_on_the_page() -> None:
    html = _html()
    assert html.count('class="unchecked"') == 2
    assert 'class="banner">Unchecked against segmental vessels' in html


def test_what_somebody_typed_is_escaped_and_the_page_loads_nothing() -> None:
    html = _html()
    assert "<script>" not in html
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", html)
