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


@pytest.mark.parametrize("kind", KINDS)
def test_steps_do_not_depend_on_how_supports_fall_on_the_coarse_grids(kind):
    """At most 1.5 times the steps of whole faces, and at most 20, on cubes and on flat and short bricks."""
    for seed in range(3):
        case = made(kind, seed=seed, size=(9, 17), moduli=("even", "cancellous"), voids=("solid", "cavity"))
        steps, faces = (
            osteoplan.solve_voxels(
                case.moduli, case.spacing, held, poisson_ratio=0.3, force_N=force, tolerance=1e-8
            ).iterations
            for held, force in (case.loads[0], (case.whole_faces, None))
        )
        assert steps <= min(20, max(1.5 * faces, 9)), case.name


@pytest.mark.parametrize("n", [12, 24])
def test_pads_and_pins_on_an_even_cube_take_the_steps_of_whole_faces(n):
    """A femur's fall: rollers below, pads on two sides; and rollers on patches with three pins."""
    E, free = np.full((n, n, n), 1000.0), np.full((n + 1,) * 3 + (3,), np.nan)
    fall, rollers = free.copy(), free.copy()
    fall[1:4, 5:9, 0, 0] = fall[1:4, 5:9, 0, 2] = fall[6:9, 0, 2:5, 1] = 0.0
    fall[3:6, n, 7:11, 1] = -1.0
    rollers[2:5, 1:5, 0, 2] = rollers[0, 0, 0, :2] = rollers[n, 0, 0, 1] = 0.0
    rollers[5:9, 4:7, n, 2] = -1.0
    for held in (fall, rollers):
        assert osteoplan.solve_voxels(E, 1.0, held, poisson_ratio=0.3, tolerance=1e-8).iterations <= 10


@pytest.mark.slow
def test_of_a_hundred_and_twenty_random_bodies_all_solve_and_are_right():
    """Contrast up to 1e5, voids, islands hinged to each other; other seeds than the benchmark's."""
    failed = []
    for case in supports(120, seed=7):
        direct = Direct(case)
        for held, force in case.loads:
            for tolerance in (1e-8, 1e-12):  # where the contrast asks for it
                try:
                    found = osteoplan.solve_voxels(
                        case.moduli, case.spacing, held, poisson_ratio=case.poisson, force_N=force,
                        tolerance=tolerance,
                    )  # fmt: skip
                except osteoplan.OsteoplanError as why:
                    failed.append((case.name, str(why)))
                    break
                if direct.deviation(found, held, force) < 1e-6:
                    break
            else:
                failed.append((case.name, "not the direct factorisation's"))
    assert not failed


def test_a_body_that_is_hard_for_grids_and_small_is_factorised():
    """Blobs of metal hinged in marrow: no geometric grid knows their motions."""
    case = made("pins", seed=16, size=(5, 12), moduli=("islands",))
    found = osteoplan.solve_voxels(
        case.moduli, case.spacing, case.held, poisson_ratio=case.poisson, force_N=case.force, tolerance=1e-8
    )
    assert found.iterations <= 6
    assert Direct(case).deviation(found, case.held, case.force) < 1e-6


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
