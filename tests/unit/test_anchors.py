"""Anchors on springs in series, whose stiffness and energies have closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.knowledge.materials import modulus_law
from osteoplan.knowledge.values import known
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.correction import CorrectionPoints, correction_points
from osteoplan.mechanics.uncertainty.draws import FILL_TOLERANCE, Surrogate
from osteoplan.mechanics.uncertainty.samples import Tissue, central_sample, modulus
from osteoplan.model.calibration import Calibration

LAWS = MechanicsSettings().laws
SURE = Calibration.line("density", 1.0, 0.0, 0.0, 0.0, calibrated=True)
SOFT = known("bone.lytic_tissue_modulus")


def energies(E):
    """At unit motion of springs in series: K = 1 / sum(1 / E), each strained by K / E."""
    return ((1.0 / (1.0 / E).sum()) / E) ** 2


def stiffness(E):
    return float((E * energies(E)).sum())


def column(*, gone=1):
    """A state of twelve slices of bone between 60 and 300 mg/cm3, ``gone`` of them soft tissue."""
    nothing = np.zeros(12, dtype=bool)
    replaced = np.arange(12) < gone
    tissue = Tissue(np.linspace(60.0, 300.0, 12), nothing, replaced, np.zeros(12))
    E = modulus(tissue, central_sample(SURE, LAWS[0]))
    return Surrogate(tissue, E, energies(E))


def found_for(state, laws=LAWS):
    asked = []

    def solve(E):
        asked.append(E)
        return energies(E)

    return correction_points(state, central_sample(SURE, LAWS[0]), laws, solve), asked


def at(law, softness):
    return replace(central_sample(SURE, LAWS[0]), law=modulus_law(law), lytic_MPa=softness)


def test_the_estimate_is_true_at_every_anchor():
    state = column()
    found, asked = found_for(state)
    assert found.soft_MPa == tuple(sorted({SOFT.low, SOFT.value, SOFT.high}))
    assert found.solved == len(asked) > 0
    factors = []
    for law in LAWS:
        for softness in found.soft_MPa:
            world = at(law, softness)
            truth = stiffness(modulus(state.tissue, world))
            factors.append(found.factor(world))
            # one that the bounds settled is not solved, and as good
            near = 1e-9 if factors[-1] != 1.0 else FILL_TOLERANCE
            assert state.stiffness_in(world) * factors[-1] == pytest.approx(truth, rel=near)
    assert sum(factor != 1.0 for factor in factors) == found.solved
    assert any(abs(factor - 1.0) > 0.05 for factor in factors), (
        "the estimate must drift, or nothing is tested"
    )


def test_the_central_world_needs_no_solve_and_a_row_for_each_law_is_kept():
    found, asked = found_for(column(), LAWS[:1])
    assert found.factors[LAWS[0]][found.soft_MPa.index(SOFT.value)] == 1.0
    assert len(asked) < len(found.soft_MPa)
    assert set(found.factors) == {LAWS[0]}
    assert set(found_for(column())[0].factors) == set(LAWS)


def test_between_anchors_the_factor_is_linear_in_the_logarithm_of_the_softness():
    made = CorrectionPoints((0.5, 2.0, 32.0), dict.fromkeys(LAWS, (1.3, 1.0, 0.6)), 4)
    assert made.factor(at(LAWS[1], 1.0)) == pytest.approx(1.15)
    assert made.factor(at(LAWS[1], 8.0)) == pytest.approx(0.8)
    assert made.factor(at(LAWS[1], 0.1)) == 1.3  # beyond the last anchor its own factor stands
    assert made.factor(at(LAWS[1], 99.0)) == 0.6


def test_without_soft_tissue_one_anchor_of_a_law_stands_for_all():
    found, asked = found_for(column(gone=0))
    assert found.solved == len(asked) <= 1  # the central law's own anchor is settled
    for row in found.factors.values():
        assert len(set(row)) == 1


def test_a_case_that_asks_for_no_correction_solves_none_and_keeps_its_estimate():
    found, asked = found_for(column(), laws=())
    assert (found.solved, asked) == (0, [])
    assert found.factor(at(LAWS[1], SOFT.low)) == 1.0
