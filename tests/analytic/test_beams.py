"""Rods as beams in a mesh, against beam theory (case A12 of the verification table)."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.kernels.beams import Beam, places, shear_coefficient
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.embedding import Surface, hold, tie
from osteoplan.kernels.multigrid import equilibrium
from osteoplan.mechanics.rods import Section, rods_in
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.volume import Volume
from osteoplan.verification.elements import random_bone
from osteoplan.verification.rods import CLAMPED_MM, DIRECTIONS, LENGTH_MM, bent

EDGES = np.array([0.7, 1.1, 1.9])


def beam(m=6, axis=(0.48, 0.6, 0.64), start=(2.0, 3.0, 3.0)):
    s = np.array([0.0, 2.0, 3.5, 9.0, 11.0, 16.0])[:m]
    e = np.linspace(1.0, 2.0, m - 1)
    return Beam(np.array(start), np.array(axis), s, 1.0, 3e5 * e, 8e5 * e, 2e4 * e)


def field(one, at, slope):
    """(m, 9) motions of the rod's nodes in the linear field u = at + slope x."""
    places = one.start + one.s[:, None] * one.axis
    across = one.frame[1:]
    a = at + places @ slope.T
    g = [np.tile(slope @ way, (len(a), 1)) for way in across]
    return np.concatenate([part @ one.frame.T for part in (a, *g)], axis=1)


def turn(w):
    """(3, 3) slope of a small turn."""
    return np.cross(np.eye(3), -np.array(w))


def tied(one, mesh, edges=EDGES, **how):
    on = Surface.of(one, edges)
    held = hold(one, mesh, edges, along=np.ones(len(on.s), dtype=bool), on=on, poisson=0.3, **how)
    return tie([held])[0][0]


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
    one = np.ones(len(s) - 1)
    K = Beam(np.zeros(3), np.array([0.0, 0.6, 0.8]), s, 2.0, 1e7 * one, EI * one, kGA * one).stiffness()
    load = np.zeros(len(K))
    load[-8] = 1.0  # across, at the last node
    free = np.setdiff1d(np.arange(len(K)), [0, 1, 2, 10, 11, 5])  # 5: it does not spin about its axis
    u = np.linalg.solve(K[np.ix_(free, free)], load[free])
    exact = c**2 * (a + c) / (3.0 * EI) + (c + c**2 / a) / kGA
    return float(abs(load[free] @ u / exact - 1.0))


def test_a_rod_over_two_supports_bends_and_shears_as_castigliano_says():
    assert tip_error() < 1e-10


def test_rigid_motions_cost_a_rod_nothing_and_everything_else_costs_energy():
    one = beam()
    K = one.stiffness()
    assert np.abs(K - K.T).max() < 1e-12 * np.abs(K).max()
    for move in (*((t, np.zeros((3, 3))) for t in np.eye(3)), *((np.zeros(3), turn(w)) for w in np.eye(3))):
        assert np.abs(K @ field(one, *move).ravel()).max() < 1e-9 * np.abs(K).max()
    values = np.linalg.eigvalsh(K)
    assert values[0] > -1e-12 * values[-1]
    assert (values > 1e-9 * values[-1]).sum() == 9 * 6 - 6


def test_a_rod_that_is_free_to_contract_is_one_spring_along_and_twists_by_its_polar_moment():
    one = beam()
    K = one.stiffness()
    ends, free = [0, 45], np.setdiff1d(np.arange(54), [0, 45])
    follow = np.linalg.lstsq(K[np.ix_(free, free)], K[np.ix_(free, ends)], rcond=1e-12)[0]
    pulled = K[np.ix_(ends, ends)] - K[np.ix_(ends, free)] @ follow
    # unequal elements contract unequally: a little stiffer than a chain of springs
    assert pulled[1, 1] == pytest.approx(1.0 / (np.diff(one.s) / one.EA).sum(), rel=1e-3)
    twist = np.zeros((6, 9))
    twist[:, 5], twist[:, 7] = one.s, -one.s
    G = one.EI / (2.0 * (1.0 + one.poisson))
    assert twist.ravel() @ K @ twist.ravel() == pytest.approx((2.0 * G * np.diff(one.s)).sum())


def test_what_a_rod_pushes_aside_is_taken_off_it_and_never_more():
    one, r = beam(), 1.0
    less = one.less(np.full(5, 1e4))
    assert pytest.approx(one.EA - 1e4 * np.pi * r**2) == less.EA
    assert pytest.approx(one.EI - 1e4 * np.pi / 4 * r**4) == less.EI
    assert np.linalg.eigvalsh(one.stiffness() - less.stiffness())[0] > -1e-6
    assert np.linalg.eigvalsh(one.less(np.full(5, 1e9)).stiffness())[0] > -1e-6


def test_points_of_a_rod_move_with_its_section():
    one = beam()
    slope = np.random.default_rng(1).standard_normal((3, 3))
    points = one.start + np.array([[3.0, 4.0, 5.0], [-4.0, 1.0, 0.0], [9.0, 12.0, 20.0]])
    moved = one.motion(points) @ field(one, np.ones(3), slope).ravel()
    assert moved.reshape(-1, 3) == pytest.approx(1.0 + points @ slope.T)


def test_end_forces_are_those_of_the_bent_rod():
    """A parabola w = c s^2 has the moment 2 c E I, and a stretch its pull where the rod may contract."""
    s = np.linspace(0.0, 60.0, 31)
    one = np.ones(30)
    rod = Beam(np.zeros(3), np.array([0.0, 0.6, 0.8]), s, 1.0, 2e5 * one, 7e5 * one, 1e9 * one)
    c, e = 1e-3, 1e-4
    q = np.zeros((31, 9))
    q[:, 2], q[:, 6], q[:, 0], q[:, 4], q[:, 8] = c * s**2, -2.0 * c * s, e * s, -0.3 * e, -0.3 * e
    forces = rod.forces(q)
    assert forces.axial_N == pytest.approx(2e5 * e)
    assert np.abs(forces.moment_Nmm[:, :, 1]) == pytest.approx(2 * c * 7e5, rel=1e-6)
    assert np.abs(forces.moment_Nmm[..., 0]).max() < 1e-6
    assert np.abs(forces.shear_N).max() < 1e-2


def test_operator_diagonal_and_energy_of_a_tied_mesh_agree(block):
    tie = tied(beam(), block)
    E = np.full(len(block.cells), 1e-9)
    A = Stiffness.uniform(block, brick_stiffness(EDGES, 0.3), E, dtype=np.float64, ties=(tie,))
    u = np.random.default_rng(2).standard_normal((len(block.nodes), 3))
    assert (u * A(u)).sum() == pytest.approx(tie.energy(u), rel=1e-6)
    diagonal = A.diagonal()
    for node, c in ((int(tie.nodes[0, 3]), 0), (int(tie.nodes[2, 0]), 2), (0, 1)):
        unit = np.zeros_like(u)
        unit[node, c] = 1.0
        assert diagonal[node, c] == pytest.approx(A(unit)[node, c], rel=1e-9, abs=1e-9)
    order = np.random.default_rng(3).permutation(len(block.nodes))
    other = np.empty_like(u)
    other[order] = u
    assert tie.renumbered(order).energy(other) == pytest.approx(tie.energy(u))


def test_places_lie_in_layers_of_their_own_a_radius_apart():
    for way in DIRECTIONS.values():
        axis = np.array(way) / np.linalg.norm(way)
        s = places(53.0, axis, EDGES, 0.2)
        assert (s[0], s[-1]) == (0.0, 53.0)
        layers = np.abs(np.diff(s)[0] * axis / EDGES).max()
        assert 1.0 - 1e-9 <= layers < 1.1
        assert 2.4 <= np.diff(places(53.0, axis, EDGES, 2.4))[0] < 2.6


# --- in cubes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("h", "way"),
    [
        pytest.param(1.0, "oblique", marks=pytest.mark.slow),
        *((h, way) for h in (2.0, 3.0) for way in DIRECTIONS),
    ],
)
def test_a_wire_bends_like_its_section_whatever_the_cubes_and_the_direction(h, way):
    """Blended by volume it would be 33 to 67 % too stiff at 1 mm."""
    one = bent(Cylinder((0, 0, 0), (0, 0, 1), 2.0, 0.0, "316L"), DIRECTIONS[way], h)
    assert one.exact == pytest.approx(193e3 * Section(2.0, 0.0, 193e3).second_moment_mm4)
    assert pytest.approx(one.exact, rel=1e-3) == one.EI
    forces = one.rod.beam.forces(one.rod.motions(one.displacement_mm))
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
