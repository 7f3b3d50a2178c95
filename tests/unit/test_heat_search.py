"""The search for power and time: what binds is named, what is needed is told, cold is not cut in silence."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.model.effects import Source
from osteoplan.model.plan import Segment
from osteoplan.thermal import search as searching
from osteoplan.thermal.search import FoundProtocol, find_protocol
from osteoplan.trajectory.surroundings import Surroundings, surroundings
from tests.synthetic_vertebra import vertebra


@pytest.fixture(scope="module")
def around() -> Surroundings:
    return surroundings(vertebra())


def source(around: Surroundings, device: str, kind: str, *segments: Segment, off: float = 0.0) -> Source:
    """A probe whose tip lies 8 mm beyond the lesion's middle, from behind."""
    middle = around.grid.positions_mm(np.argwhere(around.lesion)).mean(axis=0)
    tip, entry = middle + np.array([off, -8.0, 0.0]), middle + np.array([off, 45.0, 0.0])
    return Source(kind, device, (tuple(tip.tolist()),), (tuple(entry.tolist()),), segments, 2)


def test_the_protocol_stops_where_a_limit_binds_and_says_which(around: Surroundings) -> None:
    found = find_protocol(
        around, source(around, "generic_microwave", "microwave", Segment(600.0, power_W=30.0)), margin_mm=5.0
    )
    seconds = sum(one.duration_s for one in found.segments)
    assert 0.0 < seconds <= 600.0
    assert 0.0 <= found.surface_pct <= 100.0
    if not found.reached:
        assert found.binds or seconds == 600.0
        assert "not reached" in found.told
    assert "100 %" not in found.told


def test_cold_keeps_its_thaw_or_is_told_as_cut(around: Surroundings) -> None:
    freeze = Segment(300.0, set_degC=-100.0)
    found = find_protocol(
        around,
        source(around, "generic_cryoprobe_1_7mm", "cold", freeze, Segment(240.0), freeze),
        margin_mm=0.0,
    )
    assert found.criterion == "-20 degC"
    passive = [one.passive for one in found.segments]
    assert passive == [False, True, False] or found.binds


def test_a_power_that_the_device_has_not_is_refused(around: Surroundings) -> None:
    asked = source(around, "generic_microwave", "microwave", Segment(60.0, power_W=900.0))
    with pytest.raises(BadInput, match="900 W is outside"):
        searching.HeatPlan(around, (asked,), (), None).require_possible()


def test_what_is_told_names_the_criterion_and_never_all_of_a_surface() -> None:
    whole = FoundProtocol((Segment(60.0, power_W=5.0),), True, 100.0, 0.0, "60 degC")
    assert "99 %" in whole.told
    assert "60 degC" in whole.told
    assert "100" not in whole.told
    bound = FoundProtocol(
        (), False, 40.0, 5.0, "60 degC", "nerve would pass its 45 degC", "it comes to 60 degC"
    )
    assert bound.told.endswith("nerve would pass its 45 degC; it comes to 60 degC")
