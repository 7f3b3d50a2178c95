"""Metal that the scan already shows: never read by a density law; left out, or bonded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.implants import excluded_zone, find_implants
from osteoplan.anatomy.intact import filled_in
from osteoplan.io.nifti import read_nifti
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import equilibrium
from osteoplan.knowledge.materials import Density, conversion, modulus_law
from osteoplan.knowledge.structures import kind_of, scheme
from osteoplan.mechanics.cases.vertebra import build_compression
from osteoplan.mechanics.existing_metal import alloy_range, existing_metal
from osteoplan.mechanics.load import solve, tissue_of
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.mechanics.yielding import strengths
from osteoplan.model.anatomy import Implant
from osteoplan.model.labels import LabelMap
from tests.synthetic_vertebra import vertebra

COARSE = MechanicsSettings(spacing_mm=2.0)


@pytest.fixture(scope="module")
def anatomy():
    """A rod of metal from front to back through a body."""
    plain = vertebra("left_handed")
    at = plain.image.positions_mm(np.moveaxis(np.indices(plain.image.shape), 0, -1))
    left, _, up = np.moveaxis(plain.frame.local(at), -1, 0)
    mask = (np.hypot(left - 6.0, up) < 4.0) & plain.parts["body"]
    return replace(plain, implants=(Implant("metal", mask, 3000.0, 1.0), Implant("stent", ~mask, 900.0, 9.0)))


def test_the_alloy_lies_between_the_metals_on_file():
    assert alloy_range() == (110e3, 193e3)


def test_metal_of_the_scan_is_left_out_unless_it_is_asked_for(anatomy):
    specimen = build_compression(anatomy, COARSE)
    assert tissue_of(specimen, "now").metal is None
    found = existing_metal(anatomy, specimen.grid, specimen.mesh)
    voxel = abs(np.linalg.det(anatomy.image.affine[:3, :3]))
    assert found.sum() * 8.0 == pytest.approx(anatomy.implants[0].mask.sum() * voxel, rel=0.15)  # no stent


def test_bonded_metal_stiffens_and_a_stiffer_alloy_more_and_it_does_not_yield_like_bone(anatomy):
    K = []
    for settings in (
        COARSE,
        replace(COARSE, existing_metal="bonded"),
        replace(COARSE, existing_metal="bonded", alloy_MPa=alloy_range()[1]),
    ):
        specimen = build_compression(anatomy, settings)
        tissue = tissue_of(specimen, "now")
        world = central_sample(anatomy.calibration, COARSE.laws[0])
        E = modulus(tissue, world)
        K.append(solve(specimen, E).stiffness)
    assert 1.01 * K[0] < K[1] < K[2]
    compression, tension = strengths(tissue, world, E)
    assert np.isinf(compression[tissue.metal]).all()
    assert np.isinf(tension[tissue.metal]).all()
    assert (E[tissue.metal] == 193e3).all()


@pytest.mark.data
def test_a_real_nail_read_by_a_density_law_would_be_bone_of_impossible_stiffness(data):
    """The left femur of the coarse scan: raw, filled from beside it, and as metal."""
    ct = read_nifti(data / "pelvis_hip" / "example_ct.nii.gz", "HU")
    names = scheme("totalsegmentator")
    labels = LabelMap(read_nifti(data / "pelvis_hip" / "example_seg_fast_force_split.nii.gz", "label"), names)
    bones = labels.any_of(n for n in names if kind_of(n) == "bone")
    (nail,) = find_implants(
        ct, bones=bones, vessels=labels.any_of(n for n in names if kind_of(n) == "vessel")
    )
    zone = excluded_zone([nail], ct)
    femur = labels.mask("femur_left") | (nail.mask & bones)
    filled = filled_in(ct, femur, zone)
    raw, beside = (_keller(np.asarray(image.array, dtype=np.float64)) for image in (ct, filled))
    sound = femur & ~zone
    assert raw[nail.mask & femur].max() > 2.0 * raw[sound].max()
    assert beside[nail.mask & femur].max() < 1.01 * raw[sound].max()
    bent = [_bent(np.where(femur, E, 0.0), ct) for E in (
        beside, np.where(nail.mask, alloy_range()[0], beside), np.where(nail.mask, alloy_range()[1], beside),
    )]  # fmt: skip
    assert 1.2 * bent[0] < bent[1] < bent[2]


def _keller(HU):
    law = modulus_law("keller_1994")
    density = Density(np.clip(HU, 0.0, None) / 1000.0, "K2HPO4")
    for step in law.conversions:
        density = conversion(step)(density)
    return law(density, floor_MPa=0.1)


def _bent(E, ct):
    """Stiffness [N/mm] of the femur's stump: held at the lower end, pushed sideways at the upper one."""
    h = tuple(float(x) for x in ct.spacing_mm)
    mesh = Bricks.of(E > 0)
    axis = int(np.argmax(np.abs(ct.affine[2, :3])))
    k = mesh.nodes[:, axis]
    fixed = np.zeros((len(k), 3), dtype=bool)
    low, high = k <= k.min() + 2, k >= k.max() - 6
    fixed[low] = True
    side = (axis + 1) % 3
    fixed[high, side] = True
    prescribed = np.zeros(fixed.shape)
    prescribed[high, side] = 1.0
    A = Stiffness.uniform(mesh, brick_stiffness(h, 0.3), mesh.of_box(E), dtype=np.float64)
    found = equilibrium(A, fixed=fixed, prescribed_mm=prescribed, tolerance=1e-6, max_iterations=500)
    return float(found.reaction_N[high, side].sum())
