"""Screws that are shifted within their corridors: how far, in which direction, and when not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.trajectory.constructs.spread import AIM_MM, moved_way, shifts, towards_lesion
from tests.unit.test_constructs import AXES, LIMITS, at, bar, screw, way

CLOSE = replace(LIMITS, between_mm=2.0, spread_mm=0.0, angle_deg=10.0)


def two(apart: float, free: float, *, spread_mm: float = 0.0):
    """Two parallel screws of 7 mm with axes so far apart, in corridors of that free diameter."""
    ends = [((x, 0.0, -40.0), (x, 0.0, 40.0)) for x in (-apart / 2, apart / 2)]
    ways = {
        name: way(name, *pair, measures={"free_diameter_mm": free})
        for name, pair in zip("ab", ends, strict=True)
    }
    screws = [screw(name, at(*head), at(*tip)) for name, (head, tip) in zip("ab", ends, strict=True)]
    return shifts(screws, ways, replace(CLOSE, spread_mm=spread_mm))


def test_screws_far_enough_apart_stay_where_they_are() -> None:
    moved = two(9.1, 20.0)
    assert moved is not None
    assert not np.any(moved)


def test_screws_too_near_are_pushed_apart_by_what_lacks_each_by_one_half() -> None:
    moved = two(7.0, 20.0)  # surfaces touch; 2 mm are asked for
    assert moved is not None
    a, b = (AXES @ shift for shift in moved)
    assert a == pytest.approx((-1.0 - AIM_MM / 2, 0.0, 0.0), abs=1e-2)
    assert b == pytest.approx((1.0 + AIM_MM / 2, 0.0, 0.0), abs=1e-2)


@pytest.mark.parametrize(("free", "possible"), [(7.0, False), (8.8, False), (9.2, True)])
def test_screws_move_no_farther_than_their_corridors_are_wider_than_they(free: float, possible: bool) -> None:
    moved = two(7.0, free)  # each must go 1 mm; there is half of what is free beyond 7 mm
    assert (moved is not None) is possible
    if moved is not None:
        assert max(np.linalg.norm(shift) for shift in moved) <= 0.5 * (free - 7.0) + 1e-9


def test_parallel_screws_are_spread_as_far_as_wanted_and_for_less_they_are_not_refused() -> None:
    wide, narrow = two(10.0, 40.0, spread_mm=14.0), two(10.0, 8.0, spread_mm=14.0)
    assert wide is not None
    assert narrow is not None
    for moved, apart in ((wide, 14.0 + AIM_MM), (narrow, 11.0)):
        assert 10.0 + float((AXES @ (moved[1] - moved[0]))[0]) == pytest.approx(apart, abs=1e-2)


def test_a_screw_beside_the_lesion_is_drawn_to_its_middle_as_far_as_there_is_room() -> None:
    around = bar()  # a ball in the middle
    one = screw("a", at(12.0, 0.0, -40.0), at(12.0, 0.0, 40.0))
    for free, shift in ((11.0, 2.0), (100.0, 12.0)):
        path = way("a", (12, 0, -40), (12, 0, 40), measures={"free_diameter_mm": free})
        assert AXES @ towards_lesion(around, one, path) == pytest.approx((-shift, 0.0, 0.0), abs=0.2)
    short = screw("a", at(12.0, 0.0, -40.0), at(12.0, 0.0, -20.0))  # it ends before the ball
    assert not towards_lesion(around, short, path).any()


def test_a_shifted_way_begins_on_the_bone_beside_and_keeps_what_is_left_of_its_room() -> None:
    around = bar()
    path = way("a", (0, 0, -50), (0, 0, 40), fits=("x", "y"), measures={"free_diameter_mm": 12.0})
    shift = at(3.0, 0.0, 0.0) - at(0.0, 0.0, 0.0)
    moved = moved_way(around, path, shift, "x")
    assert moved is not None
    assert moved.fits == ("x",)
    assert moved.measures["free_diameter_mm"] == pytest.approx(6.0)
    local = [AXES @ (np.array(end) - at(0, 0, 0)) for end in (moved.entry_mm, moved.target_mm)]
    assert local[0] == pytest.approx((3.0, 0.0, -50.0), abs=1.0)
    assert local[1] == pytest.approx((3.0, 0.0, 40.0), abs=1e-9)
    assert AXES @ (np.array(moved.skin_mm) - at(0, 0, 0)) == pytest.approx((3.0, 0.0, -58.0), abs=1.5)
    without = moved_way(around, replace(path, skin_mm=None), shift, "x")
    assert without is not None
    assert without.skin_mm is None
