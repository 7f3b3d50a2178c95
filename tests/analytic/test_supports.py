"""Supports of every kind, well posed, on small bodies: ``solve_voxels`` against a direct factorisation."""

from __future__ import annotations

import numpy as np
import pytest

import osteoplan
from tests.supports_made import KINDS, MARGIN, Direct, least_stopped, made, supports

SMALL = (4, 8)
SEEDS = {
    "clamped patches": 3000, "clamp and pad": 3001, "rollers and pads": 3026, "pins 3-2-1": 3003,
    "pins": 3016, "three lines": 3005, "edge": 3006, "symmetry": 3007, "sliding faces": 3008, "forces": 3009,
    "mixed": 3022, "inside": 3011,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_support_of_each_kind_gives_the_displacements_of_a_direct_factorisation(kind):
    case = made(kind, seed=SEEDS[kind], size=SMALL)
    direct = Direct(case)
    for held, force in case.loads:
        found = osteoplan.solve_voxels(
            case.moduli, case.spacing, held, poisson_ratio=case.poisson, force_N=force, tolerance=1e-10
        )
        assert direct.deviation(found, held, force) < 1e-6, case.name


def test_every_kind_is_well_posed_with_a_margin_and_comes_again_from_its_seed():
    for case, again in zip(*(supports(2 * len(KINDS), seed=9, size=SMALL) for _ in range(2)), strict=True):
        assert case.name == again.name
        np.testing.assert_array_equal(case.held, again.held)
        assert least_stopped(case.moduli > 0, np.array(case.spacing), case.held) >= MARGIN
        assert case.moduli.max() <= 1.2e5 * case.moduli[case.moduli > 0].min()


def test_three_pins_in_one_line_are_not_well_posed():
    """They leave the turn about their line."""
    held = np.full((5, 6, 7, 3), np.nan)
    solid, spacing = np.ones((4, 5, 6), dtype=bool), np.array([0.7, 0.7, 2.5])
    for k in (0, 3, 6):
        held[2, 1, k] = 0.0
    assert least_stopped(solid, spacing, held) < 1e-12
    held[4, 1, 3] = 0.0
    assert least_stopped(solid, spacing, held) > MARGIN
