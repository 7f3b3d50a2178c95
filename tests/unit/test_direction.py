"""A load that leans: superposition against direct solves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import equilibrium
from osteoplan.mechanics.cases.vertebra import build_compression
from osteoplan.mechanics.load import solve, tissue_of
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.load_direction import (
    LoadDirection,
    across,
    load_direction,
    sheared,
    tilted,
)
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from tests.synthetic_vertebra import vertebra


@pytest.fixture(scope="module")
def block():
    """(A, nodes [mm], mesh) of a 5 x 7 x 9 block of random moduli on flat bricks, with a corner missing."""
    solid = np.ones((5, 7, 9), dtype=bool)
    solid[3:, :2, 4:] = False
    mesh = Bricks.of(solid)
    E = 300.0 * np.exp(np.random.default_rng(3).normal(0.0, 0.8, len(mesh.cells)))
    E[mesh.cells[:, 0] < 2] *= 5.0  # lopsided: it drifts when it is compressed
    edges = (1.5, 1.0, 2.0)
    A = Stiffness.uniform(mesh, brick_stiffness(edges, 0.3), E, dtype=np.float64)
    return A, mesh.nodes * np.array(edges), mesh


def strictly(A, fixed, prescribed, force=None):
    return equilibrium(
        A, fixed=fixed, prescribed_mm=prescribed, force_N=force, tolerance=1e-11, max_iterations=900
    )


def test_the_axes_of_a_tilt_stand_at_right_angles():
    for d in ([0.0, 0.0, -1.0], [1.0, 2.0, -3.0], [1.0, 0.0, 0.0]):
        axis = np.array(d) / np.linalg.norm(d)
        R = np.stack([*across(axis), axis])
        assert np.allclose(R @ R.T, np.eye(3), atol=1e-12)


def test_a_tilted_force_is_the_same_shares_in_another_direction(block):
    _, _, mesh = block
    force = np.zeros((len(mesh.nodes), 3))
    top = mesh.nodes[:, 2] == 9
    force[top, 2] = -np.random.default_rng(1).uniform(0.5, 1.5, top.sum())
    force[top, 0] = np.random.default_rng(2).normal(0, 0.1, top.sum())
    force /= np.linalg.norm(force.sum(axis=0))
    one, two = tilted(force)
    whole = (force + 0.1 * one - 0.2 * two).sum(axis=0) / np.sqrt(1 + 0.05)
    assert np.linalg.norm(whole) == pytest.approx(1.0)
    assert np.degrees(np.arccos(whole @ force.sum(axis=0))) == pytest.approx(
        np.degrees(np.arctan(np.sqrt(0.05)))
    )
    assert tilted(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])) is None


@pytest.mark.parametrize("t", [(0.0, 0.0), (0.17, 0.0), (-0.06, 0.11)])
def test_the_stiffness_under_a_tilted_force_is_that_of_a_solve_with_it(block, t):
    A, at, mesh = block
    fixed = np.repeat((mesh.nodes[:, 2] == 0)[:, None], 3, axis=1)
    none = np.zeros(fixed.shape)
    force = none.copy()
    force[mesh.nodes[:, 2] == 9] = np.array([0.02, 0.0, -0.03])
    force /= np.linalg.norm(force.sum(axis=0))
    u = strictly(A, fixed, none, force).displacement_mm
    lean = load_direction(at, fixed, none, force, u, lambda f: strictly(A, fixed, none, f).displacement_mm)
    one, two = tilted(force)
    other = (force + t[0] * one + t[1] * two) / np.sqrt(1 + t[0] ** 2 + t[1] ** 2)
    direct = 1.0 / (other * strictly(A, fixed, none, other).displacement_mm).sum()
    assert lean.factor(t) / (u * force).sum() == pytest.approx(direct, rel=1e-8)


@pytest.mark.parametrize("t", [(0.17, 0.0), (-0.06, 0.11)])
def test_a_platen_under_a_leaning_load_is_a_solve_with_motion_and_shear(block, t):
    """Solved with the shear T on it, the platen's force N comes out; the lean then is t = T / N."""
    A, at, mesh = block
    bottom, top = mesh.nodes[:, 2] == 0, mesh.nodes[:, 2] == 9
    fixed = np.zeros((len(at), 3), dtype=bool)
    fixed[bottom | top, 2] = True
    pins = np.flatnonzero(bottom)
    fixed[pins[0], :2] = True
    fixed[pins[-1], 1] = True
    down = np.zeros(fixed.shape)
    down[top, 2] = -1.0
    u = strictly(A, fixed, down)
    K = (u.reaction_N * down).sum()
    lean = load_direction(at, fixed, down, None, u.displacement_mm, lambda f: f)
    shears = sheared(at, fixed, down)
    T = K * np.array(t)
    shear = T[0] * shears[0] + T[1] * shears[1]
    with_shear = strictly(A, fixed, down, shear)
    N = (with_shear.reaction_N * down).sum()
    assert abs(N / K - 1) > 0.005, "the block must drift, or nothing is tested"
    assert K * lean.factor(tuple(T / N)) == pytest.approx(N, rel=1e-7)
    # the shears are in balance: the pins, which only stop drifting, bear nothing
    pin_forces = with_shear.reaction_N[:, :2]
    assert np.abs(pin_forces).max() < 1e-6 * abs(N)


def test_what_is_held_sideways_or_turned_has_no_tilt(block):
    _, at, mesh = block
    fixed = np.repeat(((mesh.nodes[:, 2] == 0) | (mesh.nodes[:, 2] == 9))[:, None], 3, axis=1)
    down = np.zeros(fixed.shape)
    down[mesh.nodes[:, 2] == 9, 2] = -1.0
    assert sheared(at, fixed, down) is None
    turn = np.where(fixed & (mesh.nodes[:, 2:] == 9), at[:, :1] * np.array([0, 0, 1.0]), 0.0)
    assert sheared(at, fixed & np.array([False, False, True]), turn) is None
    assert LoadDirection().factor((0.1, 0.2)) == 1.0


def test_a_vertebra_gets_softer_one_way_and_stiffer_the_other():
    bone = vertebra("oblique", lesion_at=(8.0, 0.0, 0.0), lesion_radius=7.0)
    specimen = build_compression(bone, MechanicsSettings(spacing_mm=2.5))
    E = modulus(tissue_of(specimen, "now"), central_sample(bone.calibration, specimen.settings.laws[0]))
    found = solve(specimen, E)
    conditions = specimen.conditions
    lean = load_direction(
        specimen.mesh.nodes * 2.5, conditions.fixed, conditions.prescribed_mm, None,
        found.equilibrium.displacement_mm, lambda f: f,
    )  # fmt: skip
    assert lean.drift is not None
    for axis in np.eye(2) * 0.17:
        up, down = lean.factor(tuple(axis)), lean.factor(tuple(-axis))
        assert (up - 1) * (down - 1) < 0
        assert abs(up - 1) < 0.3
    assert replace(lean, drift=np.zeros(2)).factor((0.17, 0.0)) == 1.0
