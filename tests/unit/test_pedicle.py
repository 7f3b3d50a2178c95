"""The pedicle's region in a vertebra of known shape, and the maps that are kept with a neighbourhood."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import NotAvailable
from osteoplan.model.anatomy import Anatomy
from osteoplan.trajectory.pedicle import PedicleSide, pedicle
from osteoplan.trajectory.surroundings import distance_maps, surroundings
from tests.synthetic_vertebra import Grid, vertebra

GRIDS: tuple[Grid, ...] = ("straight", "oblique", "left_handed")


@pytest.fixture(scope="module", params=GRIDS)
def anatomy(request: pytest.FixtureRequest) -> Anatomy:
    return vertebra(request.param)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_isthmus_is_as_wide_as_the_pedicle_and_on_its_side(anatomy: Anatomy, side: PedicleSide) -> None:
    found = pedicle(surroundings(anatomy), side)
    left, _, up = anatomy.frame.local(found.isthmus_mm)
    # Bricks 1.0 x 1.2 x 2.0 mm across a slanted wall take up to half their diagonal from either side.
    assert 9.0 - 2.6 <= 2 * found.radius_mm <= 9.0 + 0.5
    assert left == pytest.approx(14.5 if side == "left" else -14.5, abs=1.0)
    assert up == pytest.approx(3.0, abs=2.5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_pedicle_runs_straight_back_as_it_was_made_and_ends_behind_its_isthmus(
    anatomy: Anatomy, side: PedicleSide
) -> None:
    found = pedicle(surroundings(anatomy), side)
    along = np.array(found.backward) @ anatomy.frame.axes.T
    assert np.degrees(np.arccos(np.clip(along[1], -1, 1))) < 6.0
    back = anatomy.frame.local(np.array(found.isthmus_mm) + found.behind_mm * np.array(found.backward))
    parts = anatomy.frame.local(anatomy.image.positions_mm(np.argwhere(anatomy.parts[f"pedicle_{side}"])))
    assert back[1] == pytest.approx(parts[:, 1].max(), abs=2.0)


def test_a_missing_pedicle_is_not_invented() -> None:
    whole = vertebra("straight")
    parts = {name: mask for name, mask in whole.parts.items() if name != "pedicle_left"}
    with pytest.raises(NotAvailable, match="no left pedicle"):
        pedicle(surroundings(replace(whole, parts=parts)), "left")


def test_distance_maps_are_made_once_and_let_go_with_their_surroundings() -> None:
    around = surroundings(vertebra("straight"))
    maps = distance_maps(around)
    assert distance_maps(around) is maps
    gone = weakref.ref(around)
    del around, maps
    gc.collect()
    assert gone() is None
