"""Removed and killed tissue: what changes at once, and what only as a scenario."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.knowledge.values import known
from osteoplan.mechanics.scenarios import in_scenario, killed, removed
from osteoplan.mechanics.uncertainty.samples import Tissue, central_sample, modulus
from osteoplan.model.case import Calibration

LINE = Calibration.line("density", 1.0, 0.0, 0.05, 6.0, calibrated=True)
WORLD = central_sample(LINE, "kopperdahl_2002_power")
CAP, SOFT, FILLED, BONE, METAL = range(5)


@pytest.fixture
def tissue():
    one = np.eye(5, dtype=bool)
    return Tissue(
        np.full(5, 200.0), one[CAP], one[SOFT], one[FILLED].astype(float), metal=one[METAL], metal_MPa=1e5
    )


def test_only_bone_dies_and_only_when_it_is_asked_for(tissue):
    E = modulus(tissue, WORLD)
    later = modulus(killed(tissue, np.ones(5, dtype=bool)), WORLD)
    assert np.flatnonzero(later != E).tolist() == [BONE]
    assert later[BONE] == pytest.approx(0.8 * E[BONE])
    some = modulus(killed(tissue, np.ones(5, dtype=bool), 0.7), WORLD)
    assert some[BONE] == pytest.approx(0.7 * E[BONE])
    assert np.array_equal(modulus(killed(tissue, np.zeros(5, dtype=bool)), WORLD), E)
    row = known("bone.necrosed_factor")
    assert (row.status, row.low, row.high) == ("unverified", 0.7, 0.9)


def test_what_was_removed_is_soft_and_cement_in_it_fills_a_cavity(tissue):
    zone = np.ones(5, dtype=bool)
    E = modulus(removed(tissue, zone), WORLD)
    assert E[BONE] == WORLD.lytic_MPa
    assert E[CAP] == modulus(tissue, WORLD)[CAP]
    assert E[FILLED] == pytest.approx(WORLD.pmma_MPa * (1 - WORLD.porosity) ** 2)
    assert not replace(tissue).replaced[BONE]


def test_a_scenario_is_nothing_killed_or_removed(tissue):
    zone = np.ones(5, dtype=bool)
    assert in_scenario(tissue, zone, "none") is tissue
    for name, by_hand in (("killed", killed), ("removed", removed)):
        E = modulus(in_scenario(tissue, zone, name), WORLD)
        assert np.array_equal(E, modulus(by_hand(tissue, zone), WORLD))
