"""Sections of beams: closed forms, finite elements of prisms, oblique axes and flat voxels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import equilibrium
from osteoplan.kernels.torsion import torsion
from osteoplan.knowledge.materials import Density, modulus_law
from osteoplan.mechanics.beam.section_rigidity import bending, cut, losses, metal, profile, section_tissue
from osteoplan.mechanics.beam.segments import segments
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus, parameter_samples
from osteoplan.model.case import Calibration
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from tests.synthetic_long_bone import AXES, CENTRE, GRIDS, RADIUS, THICK, local, tube

POISSON = 0.3
TO_G = 0.5 / (1 + POISSON)
LAW = "kopperdahl_2002_linear"


def discs(n: int, h: float, *radii_moduli: tuple[float, float], at=(0.0, 0.0)) -> np.ndarray:
    """(n, n) moduli of concentric discs, each painted over the last, by share of area."""
    fine = 8
    x = (np.arange(n * fine) + 0.5) * h / fine - n * h / 2
    r = np.hypot(x[:, None] - at[0], x[None, :] - at[1])
    E = np.zeros_like(r)
    for radius, value in radii_moduli:
        E[r < radius] = value
    return E.reshape(n, fine, n, fine).mean(axis=(1, 3))


# --- torsion -------------------------------------------------------------------------------------------


def test_a_round_tube_twists_as_its_polar_moment():
    """A9: outer radius 12, inner 6, E 17000: J 30536 mm4, 34.85 N m per degree on 100 mm."""
    G = TO_G * discs(26, 1.0, (12.0, 17000.0), (6.0, 0.0))
    GJ, s = torsion(G, 1.0)
    assert pytest.approx(TO_G * 17000 * 30536, rel=0.02) == GJ
    assert GJ / 100 * np.pi / 180 / 1000 == pytest.approx(34.85, rel=0.02)
    assert (G * s).sum() == pytest.approx(GJ)


@pytest.mark.parametrize("offset", [(0.0, 0.0), (2.3, -1.1)])
def test_a_composite_rod_twists_about_its_own_middle_wherever_it_lies(offset):
    G = discs(40, 0.5, (8.0, 1000.0), (4.0, 9000.0), at=offset)
    exact = np.pi / 2 * (1000 * (8.0**4 - 4.0**4) + 9000 * 4.0**4)
    assert torsion(G, 0.5)[0] == pytest.approx(exact, rel=0.015)


def test_a_square_warps_and_converges_from_above():
    exact = 0.1405770 * 8.0**4  # of a square of edge 8
    found = [torsion(np.ones((n, n)), 8.0 / n)[0] for n in (8, 16, 32)]
    errors = np.array(found) / exact - 1
    assert (errors > 0).all()
    assert errors[-1] < 2e-3
    assert np.log2(errors[:-1] / errors[1:]) == pytest.approx([2.0, 2.0], abs=0.15)


def test_a_slit_tube_has_hardly_any_torsion_left():
    whole = discs(40, 0.5, (9.0, 1.0), (7.0, 0.0))
    slit = whole.copy()
    slit[20:, 19:21] = 0.0
    polar_left = slit.sum() / whole.sum()
    assert torsion(slit, 0.5)[0] < 0.1 * polar_left * torsion(whole, 0.5)[0]


def test_pieces_of_a_section_twist_each_on_its_own():
    bar = np.ones((6, 9))
    two = np.zeros((20, 9))
    two[:6], two[14:] = bar, bar
    assert torsion(two, 1.0)[0] == pytest.approx(2 * torsion(bar, 1.0)[0], rel=1e-6)


# --- finite elements of prisms ------------------------------------------------------------------------


def crooked() -> np.ndarray:
    """(7, 9) moduli of an L of two materials with a soft gap: nothing about it is symmetric."""
    E = np.zeros((7, 9))
    E[:, :4], E[:3, 4:] = 900.0, 12000.0
    E[4, 1:3] = 0.5
    return E


def prism(E: np.ndarray, layers: int, edges: tuple[float, float, float]):
    box = np.repeat(E[:, :, None], layers, axis=2)
    mesh = Bricks.of(box > 0)
    return mesh, Stiffness.uniform(
        mesh, brick_stiffness(edges, POISSON), mesh.of_box(box), dtype=np.float64
    ), mesh.nodes * np.array(edges)  # fmt: skip


def test_the_torsion_of_a_section_is_that_of_its_finite_elements_to_rounding():
    E, h, length = crooked(), 0.8, 4
    mesh, A, at = prism(E, length, (h, h, 1.3))
    ends = (mesh.nodes[:, 2] == 0) | (mesh.nodes[:, 2] == length)
    fixed = np.zeros((len(at), 3), dtype=bool)
    fixed[ends, :2] = True
    fixed[0, 2] = True
    twist = np.where(mesh.nodes[:, 2] == length, 1.0, 0.0)
    prescribed = np.stack([-twist * at[:, 1], twist * at[:, 0], 0 * twist], axis=1)
    solved = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-11, max_iterations=500)
    torque = (solved.reaction_N * prescribed).sum()
    assert torque * length * 1.3 == pytest.approx(torsion(TO_G * E, h)[0], rel=1e-7)


# --- sections of bones ---------------------------------------------------------------------------------


def moduli(*densities: float) -> list[float]:
    law = modulus_law(LAW)
    return [float(law(Density.of_mg(np.array([d]), "K2HPO4"))[0]) for d in densities]


def painted(anatomy, *shells):
    """The same bone with densities by radius, beyond its surface too: the mask alone is its outline."""
    left, back, _ = local(anatomy.image)
    r = np.hypot(left, back)
    values = np.full(r.shape, shells[0][1])
    for radius, density in shells[1:]:
        values[r < radius] = density
    image = anatomy.image.with_array(values.astype(np.float32))
    return replace(anatomy, image=image, image_intact=image)


def middle(found):
    return np.abs(found.along_mm) < 40


@pytest.mark.parametrize("name", GRIDS)
def test_a_hollow_tube_on_any_grid_has_its_closed_forms(name):
    anatomy = painted(tube(name), (RADIUS, 900.0), (RADIUS - THICK, 0.0))
    sections = cut(segments(anatomy)[0], 1.0)
    E = modulus(section_tissue(sections, "intact"), central_sample(anatomy.calibration, LAW))
    found = profile(sections, E)
    cortex, R, r = moduli(900.0)[0], RADIUS, RADIUS - THICK
    for values, exact in (
        (found.EA_N, cortex * np.pi * (R**2 - r**2)),
        (found.EI_weak_Nmm2, cortex * np.pi / 4 * (R**4 - r**4)),
        (found.EI_strong_Nmm2, cortex * np.pi / 4 * (R**4 - r**4)),
        (found.GJ_Nmm2, TO_G * cortex * np.pi / 2 * (R**4 - r**4)),
    ):
        assert np.median(values[middle(found)]) == pytest.approx(exact, rel=0.04)
    off = (found.centroid_mm[middle(found)] - CENTRE) @ AXES[:2].T
    assert np.abs(off).max() < 2.0 / 6  # of the coarsest voxel edge


def test_a_core_of_cement_hardly_bends_a_tube_less_and_a_screw_little_more():
    """A10: outer 24 mm, inner 12: cement x 1.0098; with a central 7.3 mm titanium rod x 1.0675."""
    sections, E, core = _a10()
    cement = np.where(core, 2300.0, E)
    rod = Cylinder(tuple(CENTRE - 80 * AXES[2]), tuple(CENTRE + 80 * AXES[2]), 7.3, 0.0, "ti6al4v")
    share, metal_MPa = metal(sections, Effects((rod,)))
    both = cement + share * np.maximum(metal_MPa - cement, 0.0)
    place = np.abs(sections.along_mm) < 40
    bare, filled, screwed = (bending(sections, e)[1][place] for e in (E, cement, both))
    gain = [np.median(filled / bare), np.median(screwed / bare)]
    assert gain[0] == pytest.approx(1 + 2300 * 6**4 / (17000 * (12**4 - 6**4)), abs=2e-3)
    assert gain[0] == pytest.approx(1.0098, abs=2.5e-3)
    assert gain[1] == pytest.approx(1.0675, abs=4e-3)


def _a10():
    anatomy = tube("oblique")
    left, back, up = local(anatomy.image)
    bone = (np.hypot(left, back) < 12.0) & (np.abs(up) < 70)
    anatomy = replace(anatomy, bone_mask=bone)
    sections = cut(segments(anatomy)[0], 0.75)
    i, j = (sections.cells[:, :2] * sections.h + (
        (sections.grid.affine[:3, 3] - CENTRE) @ AXES[:2].T
    )).T  # fmt: skip
    core = np.hypot(i, j) < 6.0
    return sections, np.where(core, 0.1, 17000.0), core


def test_a_section_beside_the_axis_bends_about_its_own_centroid():
    """Parallel axes: a tube moved off the frame's axis keeps its rigidities, and its centroid tells where."""
    there = tube("turned")
    shift = np.array([6.0, -4.0, 0.0]) @ AXES
    moved = replace(there, frame=replace(there.frame, origin_mm=there.frame.origin_mm - shift))
    found = []
    for anatomy in (there, moved):
        sections = cut(segments(painted(anatomy, (RADIUS, 900.0)))[0], 1.0)
        E = modulus(section_tissue(sections, "intact"), central_sample(anatomy.calibration, LAW))
        found.append(profile(sections, E))
    one, two = found
    assert np.median(two.EI_weak_Nmm2[middle(two)]) == pytest.approx(
        np.median(one.EI_weak_Nmm2[middle(one)]), rel=0.01
    )
    off = (two.centroid_mm[middle(two)] - moved.frame.origin_mm) @ AXES[:2].T
    assert np.median(off, axis=0) == pytest.approx([6.0, -4.0], abs=0.1)


def test_a_composite_prism_shortens_as_its_sections_say():
    E, layers, edges = crooked(), 3, (1.0, 1.0, 1.7)
    mesh, A, at = prism(E, layers, edges)
    fixed = np.zeros((len(at), 3), dtype=bool)
    top = mesh.nodes[:, 2] == layers
    fixed[top | (mesh.nodes[:, 2] == 0), 2] = True
    fixed[0, :2] = True
    fixed[np.argmax(mesh.nodes[:, 1]), 0] = True
    prescribed = np.zeros((len(at), 3))
    prescribed[top, 2] = 1.0
    solved = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-11, max_iterations=500)
    assert solved.reaction_N[top, 2].sum() * layers * 1.7 == pytest.approx(E.sum(), rel=1e-7)


# --- what a lesion takes -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notched():
    """A third of the tube's wall gone over 40 mm."""
    return tube("oblique")


def lost(anatomy, n=12, **more):
    part = segments(anatomy)[0]
    sections = cut(part, 1.5)
    tissues = [section_tissue(sections, state) for state in ("intact", "now")]
    central = central_sample(anatomy.calibration, LAW)
    return losses(
        sections, *tissues, central, parameter_samples(anatomy.calibration, (LAW,), Ensemble(1, n)), **more
    )  # fmt: skip


def test_an_open_section_loses_more_torsion_than_area(notched):
    found, whole, now = lost(notched)
    axial, bending, twist = (e.value for e in found)
    assert axial == pytest.approx(100 / 3, abs=3.0)
    assert twist > 75.0
    assert axial < bending < twist
    at = np.abs(whole.along_mm) < 15
    away = (np.abs(whole.along_mm) > 25) & whole.beam
    assert (now.EA_N[at] < 0.72 * whole.EA_N[at]).all()
    assert now.EA_N[away] == pytest.approx(whole.EA_N[away])
    assert [e.id for e in found] == [
        f"{kind}_rigidity_loss_pct" for kind in ("axial", "bending", "torsional")
    ]


def test_calibration_cancels_in_the_loss_of_a_linear_law_and_the_draws_are_paired(notched):
    unsure = Calibration.line("density", 1.0, 0.0, 0.2, 0.0, calibrated=True)
    found, _, _ = lost(replace(notched, calibration=unsure))
    assert all(e.high - e.low < 1.5 for e in found)
    assert all(len(e.draws) == 12 for e in found)


def test_the_torsion_of_a_world_is_near_that_solved_in_it(notched):
    sections = cut(segments(notched)[0], 1.5)
    tissue = section_tissue(sections, "now")
    unsure = Calibration.line("density", 1.0, 0.0, 0.1, 8.0, calibrated=True)
    from osteoplan.mechanics.beam.section_rigidity import _in_sample, _twisted

    solved = _twisted(sections, modulus(tissue, central_sample(unsure, "keller_1994")))
    for world in parameter_samples(unsure, ("keller_1994",), Ensemble(2, 3)):
        E = modulus(tissue, world)
        true = profile(sections, E).GJ_Nmm2
        estimate = _in_sample(sections, E, solved)[2]
        assert estimate[true > 0] == pytest.approx(true[true > 0], rel=0.02)


def test_cement_in_the_gap_gives_some_of_it_back(notched):
    fill = Field(
        "cement_fraction", notched.image.with_array(notched.lesion_mask.astype(np.float32), "f"), "1"
    )
    part = segments(notched)[0]
    sections = cut(part, 1.5)
    central = central_sample(notched.calibration, LAW)
    sampled = parameter_samples(notched.calibration, (LAW,), Ensemble(1, 2))
    intact, now = (section_tissue(sections, state) for state in ("intact", "now"))
    filled = section_tissue(sections, "now", (fill,))
    before = losses(sections, intact, now, central, sampled)[0]
    after = losses(sections, intact, filled, central, sampled)[0]
    assert all(b.value < a.value for a, b in zip(before, after, strict=True))
