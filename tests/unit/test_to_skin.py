"""The way from a corridor's entry out to the skin: where it ends, what forbids it, what is only told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from osteoplan.model.anatomy import Structure
from osteoplan.model.volume import Volume
from osteoplan.trajectory.corridors.exact import measured_exactly
from osteoplan.trajectory.corridors.search import Axis
from osteoplan.trajectory.corridors.to_skin import OuterWay, nearest_structure, outer_way
from osteoplan.trajectory.surroundings import Surroundings
from tests.corridor_made import Nobody, along_x

SKIN_MM = 40.0
OUT = np.array([1.0, 0.0, 0.0])
TEMPLATE = along_x(20.0, 10.0, margins_mm={"wall": 0.0, "vessel": 4.0, "canal": 2.0})


def region(*structures: tuple[str, str, tuple[float, float], bool], skin_mm: float = SKIN_MM) -> Surroundings:
    """Bone up to x = 0, skin at ``skin_mm``; slabs named, of a kind, from x to x, given or derived."""
    affine = np.diag([1.0, 2.0, 2.5, 1.0])
    affine[:3, 3] = (-19.5, -20.0, -20.0)
    image = Volume(np.zeros((80, 21, 17), np.int16), affine, "HU")
    x = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))[..., 0]
    none = np.zeros(image.shape, dtype=bool)
    slabs = tuple(
        Structure(name, cast(Any, kind), (x > low) & (x < high), given)
        for name, kind, (low, high), given in structures
    )
    return Surroundings(
        anatomy=cast(Any, Nobody()), grid=image, target="hip_left", bones={"hip_left": x < 0.0}, lesion=none,
        parts={}, frames={}, structures=slabs, metal=none, skin=x < skin_mm,
    )  # fmt: skip


def way(around: Surroundings) -> OuterWay:
    return outer_way(around, TEMPLATE, np.zeros(3), OUT, 6.0)


def test_a_free_way_ends_where_the_axis_leaves_the_skin() -> None:
    found = way(region())
    assert found.skin_mm == pytest.approx((SKIN_MM, 0.0, 0.0), abs=1.0)
    assert (found.blocked, found.remarks) == ((), ())


def test_an_image_that_ends_before_the_skin_is_told_and_gives_no_skin() -> None:
    found = way(region(skin_mm=1000.0))
    assert found.skin_mm is None
    assert found.remarks == (
        "the image ends before the skin: the way to the bone is known only as far as that",
    )


@pytest.mark.parametrize(
    ("kind", "given", "blocked"),
    [
        ("vessel", True, True),
        ("vessel", False, False),
        ("canal", True, True),
        ("canal", False, True),
        ("nerve", True, False),
        ("joint", True, None),
    ],
)
def test_a_labelled_organ_or_any_canal_forbids_a_way_and_others_are_told(
    kind: str, given: bool, blocked: bool | None
) -> None:
    found = way(region(("left_thing", kind, (10.0, 14.0), given)))
    name = "left thing" + ("" if given else " (derived)")
    enters = f"the way from the skin enters the {name}, 1"
    through = f"the way from the skin runs through the {name}, 1"
    assert [said.startswith(enters) for said in found.blocked] == ([True] if blocked else [])
    assert [said.startswith(through) for said in found.remarks] == ([True] if blocked is False else [])


def beside(gap_mm: float) -> OuterWay:
    """A way of 6 mm with a vessel so far from its surface (the axis runs along x, the vessel beside it)."""
    around = region()
    y = around.grid.positions_mm(np.moveaxis(np.indices(around.grid.shape), 0, -1))[..., 1]
    vessel = Structure("aorta", "vessel", y - 1.0 >= 3.0 + gap_mm, True)
    return way(replace(around, structures=(vessel,)))


def test_what_is_nearer_than_its_margin_is_told_with_its_gap() -> None:
    assert beside(2.0).remarks == ("the way from the skin passes 2.0 mm from the aorta",)
    assert beside(4.0).remarks == ()


def test_the_nearest_of_a_kind_is_named_and_what_is_not_meant_is_passed_over() -> None:
    around = region(("near", "joint", (4.0, 6.0), True), ("far", "joint", (12.0, 16.0), False))
    here = np.zeros(3)
    assert nearest_structure(around, "joint", here, 4.0) == ("near", False)
    assert nearest_structure(around, "joint", here, 12.0, without=("near",)) == ("far", True)
    assert nearest_structure(around, "joint", here, 4.0, without=("near", "far")) is None
    assert nearest_structure(around, "vessel", here, 4.0) is None


def test_a_corridor_is_no_wider_than_every_brick_beside_it_allows() -> None:
    around = region(("aorta", "vessel", (8.0, 12.0), True))
    axis = Axis(
        score=9.0, bone_mm=9.0, bone_at_mm=5.0, clear_mm=30.0, clear_at_mm=0.0,
        entry_mm=np.array([-10.0, -15.0, 0.0]), exit_mm=np.array([2.0, 15.0, 0.0]), by_bone=True,
    )  # fmt: skip
    place = cast(Any, type("Place", (), {"template": TEMPLATE, "crossed": ()}))
    found = measured_exactly(around, place, axis)
    assert found.clear_mm == pytest.approx(6.0 - 4.0)  # the vessel's face at 8, the axis ends at 2
    assert found.clear_at_mm == pytest.approx(axis.length_mm)
    assert (found.score, found.by_bone) == (pytest.approx(2.0), False)
    broken = replace(axis, whole=False)
    assert measured_exactly(around, place, broken) is broken
    wide = replace(axis, bone_mm=1.0)
    assert measured_exactly(around, place, wide).by_bone
    assert measured_exactly(around, place, wide).score == 1.0


def test_a_joint_that_is_crossed_on_purpose_limits_no_corridor_and_others_do() -> None:
    around = region(
        ("near", "joint", (4.0, 6.0), True), ("aorta", "vessel", (7.0, 9.0), True),
        ("far", "joint", (12.0, 16.0), True),
    )  # fmt: skip
    axis = Axis(
        score=9.0, bone_mm=20.0, bone_at_mm=5.0, clear_mm=30.0, clear_at_mm=0.0,
        entry_mm=np.array([-10.0, 0.0, 0.0]), exit_mm=np.array([2.0, 0.0, 0.0]), by_bone=True,
    )  # fmt: skip
    template = along_x(20.0, 10.0, margins_mm={"wall": 0.0, "joint": 1.0})
    for crossed, gap in (((), 2.0), (("near",), 10.0), (("near", "far"), 31.0)):
        place = cast(Any, type("Place", (), {"template": template, "crossed": crossed}))
        assert measured_exactly(around, place, axis).clear_mm == pytest.approx(gap - 1.0)
