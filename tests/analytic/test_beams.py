"""Rods as beams in a mesh, against beam theory (case A12 of the verification table)."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.kernels.beams import Beam, Tie, interpolation, places, rings, shear_coefficient
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import equilibrium
from osteoplan.mechanics.rods import Section, rods_in
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.volume import Volume
from osteoplan.verification.elements import random_bone
from osteoplan.verification.rods import CLAMPED_MM, DIRECTIONS, LENGTH_MM, bent

EDGES = np.array([0.7, 1.1, 1.9])


def beam(m=6, axis=(0.48, 0.6, 0.64), held_along=None, held_across=None):
    s = np.array([0.0, 2.0, 3.5, 9.0, 11.0, 16.0])[:m]
    e = np.linspace(1.0, 2.0, m - 1)
    yes = np.ones(m, dtype=bool)
    return Beam(
        np.array(axis), s, 3e5 * e, 8e5 * e, 2e4 * e,
        yes if held_along is None else held_along, yes if held_across is None else held_across,
    )  # fmt: skip


def at_nodes(one, start):
    return np.array(start) + one.s[:, None] * one.axis


def tied(one, start, mesh, edges=EDGES, radius=1.0):
    number = np.full((*mesh.shape, 8), -1, dtype=np.int32)
    number[tuple(mesh.cells.T)] = mesh.corners
    around = rings(at_nodes(one, start), one.axis, radius) / edges
    return Tie(*interpolation(around, number), one.stiffness())


@pytest.fixture(scope="module")
def block():
    return Bricks.of(np.ones((19, 15, 9), dtype=bool))


def test_the_shear_coefficient_is_cowpers_for_a_rod_and_for_a_thin_tube():
    assert shear_coefficient(0.3, 0.0) == pytest.approx(6 * 1.3 / (7 + 6 * 0.3))
    assert shear_coefficient(0.3, 1.0) == pytest.approx(2 * 1.3 / (4 + 3 * 0.3))


def tip_error():
    """A rod of unequal elements alone over two supports a apart, loaded c beyond the second.

    Castigliano's theorem: w = P c^2 (a + c) / 3 E I + (c + c^2 / a) P / k G A.
    """
    EI, kGA, a, c = 4.45e6, 1.9e5, 11.0, 70.0
    s = np.array([0.0, a, a + 9.0, a + 17.0, a + 38.0, a + 41.0, a + c])
    one, held = np.ones(len(s) - 1), np.ones(len(s), dtype=bool)
    K = Beam(np.array([0.0, 0.6, 0.8]), s, 1e7 * one, EI * one, kGA * one, held, held).stiffness()
    load = np.zeros(len(K))
    load[-3:] = (1.0, 0.0, 0.0)
    u = np.linalg.solve(K[6:, 6:], load[6:])
    exact = c**2 * (a + c) / (3.0 * EI) + (c + c**2 / a) / kGA
    return float(abs(u[-3] / exact - 1.0))


def test_a_rod_over_two_supports_bends_and_shears_as_castigliano_says():
    assert tip_error() < 1e-10


def test_rigid_motions_cost_a_rod_nothing_and_everything_else_costs_energy():
    one = beam()
    K, at = one.stiffness(), at_nodes(one, (1.0, -2.0, 0.5))
    assert np.array_equal(K, K.T)
    for move in (*(np.tile(axis, (6, 1)) for axis in np.eye(3)), *(np.cross(axis, at) for axis in np.eye(3))):
        assert np.abs(K @ move.ravel()).max() < 1e-9 * np.abs(K).max()
    values = np.linalg.eigvalsh(K)
    assert values[0] > -1e-12 * values[-1]
    # three translations and two turns: a turn about its own axis does not move its nodes
    assert (values > 1e-9 * values[-1]).sum() == 3 * 6 - 5


def test_held_at_both_ends_alone_a_rod_is_one_spring_along_and_nothing_across():
    ends = np.array([True, False, False, False, False, True])
    one = beam(held_along=ends, held_across=ends)
    K = one.stiffness()
    spring = 1.0 / (np.diff(one.s) / one.EA).sum()
    stretch = np.zeros((6, 3))
    stretch[-1] = one.axis
    assert stretch.ravel() @ K @ stretch.ravel() == pytest.approx(spring)
    side = np.zeros((6, 3))
    side[-1] = one.frame[1]
    assert abs(side.ravel() @ K @ side.ravel()) < 1e-9 * spring  # it turns, and turning is free


def test_a_rod_that_slides_resists_bending_but_no_pull():
    none = np.zeros(6, dtype=bool)
    one = beam(held_along=none)
    a = np.outer(one.s**2, one.axis)
    assert abs(a.ravel() @ one.stiffness() @ a.ravel()) < 1e-6
    a = np.outer(one.s**2, one.frame[1])
    assert a.ravel() @ one.stiffness() @ a.ravel() > 1.0


def test_the_less_is_held_the_softer_a_rod_is():
    thread = np.array([False, False, False, False, True, True])
    head = np.array([True, False, False, False, False, False])
    bonded, threaded, sliding = (
        beam(held_along=held).stiffness() for held in (None, thread | head, np.zeros(6, dtype=bool))
    )
    for more, less in ((bonded, threaded), (threaded, sliding)):
        assert np.linalg.eigvalsh(more - less)[0] > -1e-9 * np.abs(more).max()


def test_end_forces_are_those_of_the_bent_rod():
    """A parabola w = c s^2 has the moment 2 c E I everywhere but near the ends, and a stretch its pull."""
    s = np.linspace(0.0, 60.0, 31)
    one, yes = np.ones(30), np.ones(31, dtype=bool)
    rod = Beam(np.array([0.0, 0.6, 0.8]), s, 2e5 * one, 7e5 * one, 1e9 * one, yes, yes)
    c = 1e-3
    forces = rod.forces(np.outer(c * s**2, rod.frame[2]) + np.outer(1e-4 * s, rod.axis))
    assert forces.axial_N == pytest.approx(2e5 * 1e-4)
    assert np.abs(forces.moment_Nmm[10:20, :, 1]) == pytest.approx(2 * c * 7e5, rel=1e-3)
    assert np.abs(forces.moment_Nmm[..., 0]).max() < 1e-6
    assert np.abs(forces.shear_N[10:20]).max() < 1e-2


def test_a_tie_reads_linear_fields_exactly_on_bricks_and_leaves_out_what_lies_outside(block):
    one = beam()
    tie = tied(one, (2.0, 3.0, 3.0), block)
    slope = np.random.default_rng(1).standard_normal((3, 3))
    u = (block.nodes * EDGES) @ slope.T
    assert tie.displacement(u) == pytest.approx(at_nodes(one, (2.0, 3.0, 3.0)) @ slope.T)
    outside = tied(one, (2.0, 3.0, -3.0), block)
    assert outside.weights.sum(axis=1)[0] == 0.0
    assert outside.weights.sum(axis=1)[-1] == pytest.approx(1.0)


def test_a_node_reads_a_ring_of_the_rods_radius_around_the_axis():
    one = beam()
    at = at_nodes(one, (2.0, 3.0, 3.0))
    away = rings(at, one.axis, 2.4) - at[:, None, :]
    assert np.linalg.norm(away, axis=2) == pytest.approx(2.4)
    assert np.abs(away @ one.axis).max() < 1e-12
    assert np.abs(away.mean(axis=1)).max() < 1e-12


def test_operator_diagonal_and_energy_of_a_tied_mesh_agree(block):
    tie = tied(beam(), (2.0, 3.0, 3.0), block)
    E = np.full(len(block.cells), 1e-9)
    A = Stiffness.uniform(block, brick_stiffness(EDGES, 0.3), E, dtype=np.float64, ties=(tie,))
    u = np.random.default_rng(2).standard_normal((len(block.nodes), 3))
    assert (u * A(u)).sum() == pytest.approx(tie.energy(u), rel=1e-6)
    diagonal = A.diagonal()
    for node, c in ((int(tie.nodes[0, 3]), 0), (int(tie.nodes[2, 0]), 2), (0, 1)):
        unit = np.zeros_like(u)
        unit[node, c] = 1.0
        assert diagonal[node, c] == pytest.approx(A(unit)[node, c], rel=1e-9, abs=1e-12)
    order = np.random.default_rng(3).permutation(len(block.nodes))
    other = np.empty_like(u)
    other[order] = u
    assert tie.renumbered(order).energy(other) == pytest.approx(tie.energy(u))


def test_places_lie_in_layers_of_their_own():
    for way in DIRECTIONS.values():
        axis = np.array(way) / np.linalg.norm(way)
        s = places(53.0, axis, EDGES)
        assert (s[0], s[-1]) == (0.0, 53.0)
        layers = np.abs(np.diff(s)[0] * axis / EDGES).max()
        assert 1.0 - 1e-9 <= layers < 1.1


# --- in cubes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("h", "way"), [(1.0, "oblique"), *((h, way) for h in (2.0, 3.0) for way in DIRECTIONS)]
)
def test_a_wire_bends_like_its_section_whatever_the_cubes_and_the_direction(h, way):
    """Blended by volume it would be 33 to 67 % too stiff at 1 mm."""
    one = bent(Cylinder((0, 0, 0), (0, 0, 1), 2.0, 0.0, "316L"), DIRECTIONS[way], h)
    assert one.exact == pytest.approx(193e3 * Section(2.0, 0.0, 193e3).second_moment_mm4)
    assert pytest.approx(one.exact, rel=1e-3) == one.EI
    forces = one.rod.beam.forces(one.rod.tie.displacement(one.displacement_mm))
    middle = len(one.s) // 2
    moment = np.linalg.norm(forces.moment_Nmm[middle, 0])
    assert moment == pytest.approx(LENGTH_MM - one.s[middle], rel=0.02)
    assert one.rod.beam.s[-1] == pytest.approx(CLAMPED_MM + LENGTH_MM)


@pytest.mark.slow
def test_a_rod_never_softens_a_bone_and_a_bonded_one_stiffens_most():
    E = random_bone((16, 15, 18))
    h, affine = 1.5, np.diag([1.5, -1.5, 1.5, 1.0])  # left-handed
    mesh = Bricks.of(E > 0)
    grid = Volume(E > 0, affine, "mask")
    low, high = mesh.nodes[:, 2] == 0, mesh.nodes[:, 2] == mesh.shape[2]
    fixed = np.repeat((low | high)[:, None], 3, axis=1)
    prescribed = np.zeros(fixed.shape)
    prescribed[high, 2] = -1.0
    ends = (7.0, -4.0, 3.0), (15.0, -17.0, 24.0)

    def stiffness(*ties):
        A = Stiffness.uniform(
            mesh, brick_stiffness([h] * 3, 0.3), mesh.of_box(E), dtype=np.float64, ties=ties
        )
        found = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-9, max_iterations=500)
        energy = float((found.displacement_mm * A(found.displacement_mm)).sum())
        assert -found.reaction_N[high, 2].sum() == pytest.approx(energy, rel=1e-7)
        return energy

    made = (
        Cylinder(*ends, 6.5, 3.6, "ti6al4v"),
        Cylinder(*ends, 6.5, 3.6, "ti6al4v", root_diameter_mm=6.5, thread_mm=8.0),
        Cylinder(*ends, 6.5, 3.6, "ti6al4v", root_diameter_mm=6.5),
    )
    rods = [rods_in(Effects(solids=(one,)), grid, mesh)[0] for one in made]
    assert [rod.interface for rod in rods] == ["sliding", "threaded", "threaded"]
    bare, (sliding, threaded, bonded) = stiffness(), (stiffness(rod.tie) for rod in rods)
    assert bare < sliding < threaded < bonded
