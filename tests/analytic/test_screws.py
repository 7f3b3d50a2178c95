"""Screws as scaled voxels against beam theory (cases A10 and A12 of the verification table)."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.errors import BadInput, UnknownName
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.raster import cylinder_fraction
from osteoplan.knowledge.materials import material
from osteoplan.mechanics.screws import Section, embed, section_of, voxel_rod
from osteoplan.mechanics.theory_bending import (
    LATTICE,
    START_MM,
    bending_stiffness,
    composite_stiffening,
    lattice,
    rod,
    screw_error,
)
from osteoplan.model.effects import Cylinder
from osteoplan.model.volume import Volume

START = np.array(START_MM)
WIRE = Section(2.0, 0.0, 193e3)


def along(name):
    return np.array(LATTICE[name])


@pytest.mark.parametrize(
    ("outer", "bore", "metal", "I", "A", "EI", "EA"),
    [
        (6.5, 0.0, "ti6al4v", 87.6, 33.2, 9.64, 3.65),
        (6.5, 3.6, "ti6al4v", 79.4, 23.0, 8.73, 2.53),
        (4.8, 2.1, "ti6al4v", 25.1, 14.6, 2.76, 1.61),
        (4.8, 2.8, "316L", 23.0, 11.9, 4.45, 2.30),
        (7.3, 2.8, "316L", 136.0, 35.7, 26.3, 6.89),
        (8.0, 3.2, "ti6al4v", 196.0, 42.2, 21.5, 4.64),
        (2.0, 0.0, "316L", 0.79, 3.14, 0.15, 0.61),
    ],
)
def test_sections_have_the_stiffness_of_the_published_table(outer, bore, metal, I, A, EI, EA):
    section = section_of(Cylinder((0, 0, 0), (0, 0, 90), outer, bore, metal))
    assert section.second_moment_mm4 == pytest.approx(I, rel=0.006)
    assert section.area_mm2 == pytest.approx(A, rel=0.006)
    assert section.bending_Nm2 == pytest.approx(EI, rel=0.02)  # two digits in the table's last row
    assert section.axial_MN == pytest.approx(EA, rel=0.02)


def test_a_thread_bends_like_its_root():
    threaded = Cylinder((0, 0, 0), (0, 0, 90), 6.5, 2.1, "ti6al4v", root_diameter_mm=4.8)
    assert section_of(threaded) == Section(4.8, 2.1, material("metal.ti6al4v").value)


def test_screws_bend_like_their_section_in_every_direction_on_coarse_cubes():
    assert screw_error(2.0) < 0.02  # the verification table asks the same function


@pytest.mark.parametrize("name", LATTICE)
@pytest.mark.parametrize("section", [Section(7.3, 2.8, 193e3), WIRE])
def test_screws_bend_like_their_section_in_every_direction_on_fine_cubes(section, name):
    affine = lattice(1.0)
    modulus = voxel_rod(section, affine, START, along(name)).modulus_MPa
    found = bending_stiffness(modulus * rod(section, affine, LATTICE[name]), affine, LATTICE[name])
    assert found == pytest.approx(section.modulus_MPa * section.second_moment_mm4, rel=0.02)


def test_blending_a_wire_by_volume_smears_its_section_by_a_third_twice():
    """h^2 A / 12 for the average over an element, and again for holding it there."""
    smeared = []
    for x, y in np.random.default_rng(2).uniform(-0.5, 0.5, (40, 2)):
        affine = lattice(1.0, 10.0)
        share = cylinder_fraction(
            (11, 11, 3), affine, start_mm=np.array([x, y, -9.0]), end_mm=np.array([x, y, 9.0]), radius_mm=1.0
        )
        across = affine[0, 3] + np.arange(11) - x
        smeared.append((share[:, :, 1].sum(axis=1) * (across**2 + 1.0 / 12.0)).sum())
    assert np.mean(smeared) / WIRE.second_moment_mm4 == pytest.approx(1.0 + 2 * 0.333, abs=0.06)
    assert voxel_rod(WIRE, lattice(1.0), START, along("along")).unscaled_bending > 1.67  # and bricks


def test_without_scaling_screws_are_too_stiff_and_more_so_on_coarser_cubes():
    screw = Section(7.3, 2.8, 193e3)
    unscaled = [
        voxel_rod(screw, lattice(h), START, along("oblique")).unscaled_bending for h in (1.0, 2.0, 3.0)
    ]
    assert 1.01 < unscaled[0] < unscaled[1] < unscaled[2] < 1.3


def test_scaling_for_bending_costs_stiffness_in_pull():
    """Stated in docs/hemipelvis.md: the factor that mends bending is taken from pulling."""
    for section, h, low, high in ((Section(7.3, 2.8, 193e3), 1.0, 0.93, 0.99), (WIRE, 2.0, 0.1, 0.4)):
        for name in LATTICE:
            assert low < voxel_rod(section, lattice(h), START, along(name)).axial < high


def test_the_factor_follows_the_lattice_not_the_frame_of_the_patient():
    """Turned and mirrored grids are ordinary."""
    section, h = Section(6.5, 3.6, 110e3), 2.0
    c, s = np.cos(0.5), np.sin(0.5)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, -1.0]])  # left-handed
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * h, turn @ lattice(h)[:3, 3]
    straight = voxel_rod(section, lattice(h), START, along("oblique"))
    turned = voxel_rod(section, affine, turn @ START, turn @ along("oblique"))
    assert turned.modulus_MPa == pytest.approx(straight.modulus_MPa, rel=1e-4)
    assert turned.axial == pytest.approx(straight.axial, rel=1e-4)


def test_an_embedded_screw_has_its_volume_and_softens_nothing():
    h = 1.5
    affine = lattice(h, 60.0)
    solid = np.ones((40, 40, 40), dtype=bool)
    mesh = Bricks.of(solid)
    screw = Cylinder((-11.0, -9.0, -14.0), (9.0, 12.0, 16.0), 7.3, 2.8, "316L")
    put = embed(screw, Volume(solid, affine, "mask"), mesh)
    length = np.linalg.norm(np.subtract(screw.end_mm, screw.start_mm))
    assert put.share.sum() * h**3 == pytest.approx(length * section_of(screw).area_mm2, rel=0.01)
    E = np.random.default_rng(1).uniform(0.1, 3e5, len(mesh.cells))  # some of it stiffer than the screw
    assert (put.stiffen(E) >= E).all()
    assert put.stiffen(np.ones(len(E))).max() == pytest.approx(put.rod.modulus_MPa, rel=1e-3)


def test_cement_and_a_screw_on_the_neutral_axis_hardly_stiffen_a_tube():
    cored, screwed = composite_stiffening()
    assert cored == pytest.approx(1.0098, rel=0.02)
    assert screwed == pytest.approx(1.0675, rel=0.02)
    assert 1.0 < cored < screwed


def test_a_screw_of_unknown_metal_or_with_too_wide_a_bore_is_refused():
    with pytest.raises(UnknownName, match="screw material"):
        section_of(Cylinder((0, 0, 0), (0, 0, 9), 6.5, 3.6, "unobtainium"))
    with pytest.raises(BadInput, match="check both diameters"):
        section_of(Cylinder((0, 0, 0), (0, 0, 9), 3.5, 3.6, "316L"))
