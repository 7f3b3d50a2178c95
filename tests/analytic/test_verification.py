"""The verification table: every promise of theory, by the functions that ``osteoplan verify`` runs."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.verification.blocks import Block, share_inside, spread_on
from osteoplan.verification.cases import VerificationCase, ids, published_cases, theory_case
from osteoplan.verification.cement_heat import CEMENT_HEAT
from osteoplan.verification.heat import HEAT
from osteoplan.verification.ice import ICE
from osteoplan.verification.potential import POTENTIAL
from osteoplan.verification.radiofrequency import RADIOFREQUENCY
from osteoplan.verification.spheres import Ball

BRICK = (0.7, 1.1, 1.9)


# slow, and asserted in test_plasticity, test_rods and test_bioheat
ELSEWHERE = {
    "A11-cylinder",
    "A11-sphere",
    "A12",
    *(row.id for row in (*HEAT, *ICE, *POTENTIAL, *RADIOFREQUENCY, *CEMENT_HEAT)),
}
PUBLISHED = [case.id for case in published_cases(None)]
THEORY = [id for id in ids() if id not in PUBLISHED]


@pytest.fixture(scope="module")
def theory() -> dict[str, VerificationCase]:
    return {id: theory_case(id) for id in THEORY if id not in ELSEWHERE}


def test_every_case_of_theory_holds(theory):
    assert [f"{case.id}: {case.got} for {case.expected}" for case in theory.values() if not case.ok] == []


def test_the_numbered_cases_stand_complete_and_in_their_order():
    numbered = [id for id in THEORY if id[0] == "A" and "-" not in id]
    assert numbered == [f"A{n}" for n in range(1, 16)]
    assert {"LE10", "L2", "L2-correct", "L4", "L4-ogo"} <= set(ids())
    assert len(set(ids())) == len(ids())


def test_bricks_are_too_stiff_in_bending_and_the_table_says_by_how_much(theory):
    assert theory["A4"].got < 1.0
    assert "shear locking: 13.1, 4.3, 1.7 %" in theory["A4"].note


def test_steps_of_a_curved_wall_cost_more_with_larger_bricks_and_the_table_shows_it(theory):
    assert theory["LE10"].note.startswith("-4.517 and -5.084")
    assert theory["LE1"].note.startswith("78.0 and 88.7")


def test_wires_beside_the_axis_of_a_cemented_tube_bend_as_the_sum_of_their_sections(theory):
    note = theory["order-neutral-axis"].note
    assert "cement 1.0106" in note
    assert "wires 1.0206 (1.0201)" in note


@pytest.mark.parametrize(
    ("contrast", "along", "across"),
    [
        (0.1, 0.1919, 0.0169), (10.0, 1.7685, -0.1234),
        (2500 / 300, 1.7382, -0.1169), (110e3 / 300, 1.9334, -0.1603),
    ],
)  # fmt: skip
def test_the_stress_inside_a_ball_has_the_values_of_the_table(contrast, along, across):
    assert Ball(contrast).stress_inside() == pytest.approx((along, across), abs=6e-5)


@pytest.mark.parametrize("contrast", [0.0, 0.1, 300.0])
def test_the_displacement_around_a_ball_is_whole_at_its_wall_and_in_equilibrium_outside(contrast):
    ball = Ball(contrast)
    way = np.random.default_rng(0).standard_normal((20, 3))
    way /= np.linalg.norm(way, axis=1)[:, None]
    np.testing.assert_allclose(ball.displacement(way * 0.9999999), ball.displacement(way), atol=1e-5)
    # (lambda + mu) grad div u + mu laplace u = 0, by differences around one point
    x, e = np.array([0.9, 0.8, -1.1]), 1e-3
    second = np.zeros((3, 3, 3))  # d2 u_c / dx_a dx_b
    steps = e * np.eye(3)
    for a in range(3):
        for b in range(3):
            at = x + np.array([(s * steps[a] + t * steps[b]) for s in (1, -1) for t in (1, -1)])
            second[a, b] = np.array([1, -1, -1, 1]) @ ball.displacement(at) / (4 * e * e)
    mu, first = 0.5 / 1.3, 0.3 / (1.3 * 0.4)
    rest = (first + mu) * np.array([np.trace(second[c]) for c in range(3)]) + mu * np.einsum("aac->c", second)
    assert np.abs(rest).max() < 1e-3 * np.abs(second).max()


def test_a_force_beside_a_brick_keeps_its_resultant_and_its_moment():
    block = Block(np.ones((2, 3, 5)), BRICK)
    points = np.array([[-0.3, 1.0, 9.7], [1.5, 3.6, 2.0], [0.2, 0.1, 0.3]])
    forces = np.random.default_rng(1).standard_normal((3, 3))
    nodal = spread_on(block, points, forces)
    np.testing.assert_allclose(nodal.sum(axis=0), forces.sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        np.cross(block.nodes_mm, nodal).sum(axis=0), np.cross(points, forces).sum(axis=0), atol=1e-12
    )


def test_stress_of_a_stretched_and_sheared_block_of_bricks_is_that_of_hooke():
    block = Block(np.full((2, 3, 5), 7.0), BRICK, 0.25)
    slope = np.array([[1.0, 0.2, 0.0], [0.4, -0.5, 0.3], [0.0, 0.1, 2.0]])  # du_c / dx_a at [c, a]
    strain = 0.5 * (slope + slope.T)
    G, first = 7.0 / 2.5, 7.0 * 0.25 / (1.25 * 0.5)
    exact = 2 * G * strain + first * np.trace(strain) * np.eye(3)
    found = block.stress(block.nodes_mm @ slope.T)
    np.testing.assert_allclose(
        found, np.tile(exact[(0, 1, 2, 1, 2, 0), (0, 1, 2, 2, 0, 1)], (30, 1)), atol=1e-12
    )


def test_the_share_of_bricks_in_a_ball_adds_up_to_its_volume():
    share = share_inside((9, 7, 4), BRICK, lambda x: np.linalg.norm(x, axis=1) < 6.0)
    assert share.sum() * np.prod(BRICK) == pytest.approx(4 / 3 * np.pi * 6**3 / 8, rel=5e-3)
