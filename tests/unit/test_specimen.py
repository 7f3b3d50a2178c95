"""What a bone must be before it is loaded: every bad input is one clear line."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import BadInput, LesionError
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.loads import load_case
from osteoplan.mechanics.cases.hemipelvis import build_hemipelvis
from osteoplan.mechanics.cases.vertebra import build_compression, build_flexion
from osteoplan.mechanics.checks import largest_piece, require_load_path, require_sound, require_spacing
from osteoplan.mechanics.load import load, settings_of, solve, tissue_of
from osteoplan.mechanics.memory import Hierarchies
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.model.ensemble import Ensemble
from tests.synthetic_vertebra import vertebra

COARSE = MechanicsSettings(spacing_mm=2.5)


@pytest.fixture(scope="module")
def anatomy():
    return vertebra("left_handed", lesion_at=(2.0, -2.0, 1.0), lesion_radius=7.0)


def refused(anatomy, words, *, settings=COARSE, kind=BadInput):
    with pytest.raises(kind, match=words) as told:
        build_compression(anatomy, settings)
    assert "\n" not in str(told.value)


def test_an_empty_bone_is_refused(anatomy):
    refused(
        replace(anatomy, bone_mask=np.zeros_like(anatomy.bone_mask)), "T12: the mask of the bone is empty"
    )


@pytest.mark.parametrize("which", ["image", "image_intact"])
def test_a_density_that_is_no_number_inside_the_bone_is_refused_and_outside_it_is_not(anatomy, which):
    image = getattr(anatomy, which)
    inside, outside = image.array.copy(), image.array.copy()
    inside[tuple(np.argwhere(anatomy.parts["body"])[5])] = np.nan
    word = "scan" if which == "image" else "intact twin"
    refused(replace(anatomy, **{which: image.with_array(inside)}), f"{word} holds no number in 1 of")
    outside[0, 0, 0] = np.nan
    require_sound(replace(anatomy, **{which: image.with_array(outside)}))


def test_a_lesion_outside_the_bone_is_refused(anatomy):
    away = np.roll(anatomy.lesion_mask, 45, axis=0)
    assert away.any()
    assert not (away & anatomy.bone_mask).any()
    refused(replace(anatomy, lesion_mask=away), "lesion L1 lies wholly outside the T12", kind=LesionError)


@pytest.mark.parametrize("edge", [0.0, -1.0, 0.001, 300.0, float("nan")])
def test_an_edge_that_is_no_edge_in_millimetres_is_refused(anatomy, edge):
    refused(anatomy, "edge of the finite elements", settings=MechanicsSettings(spacing_mm=edge))


def test_metres_are_recognised_as_such(anatomy):
    with pytest.raises(BadInput, match="is it in metres"):
        require_spacing(0.001, what="the edge")
    scale = np.diag([0.001, 0.001, 0.001, 1.0])
    small = replace(anatomy.image, affine=scale @ anatomy.image.affine)
    refused(replace(anatomy, image=small), "edge of the scan's voxels is .* metres")


def test_a_bone_in_two_large_pieces_is_disconnected_and_debris_is_not():
    solid = np.zeros((9, 7, 12), dtype=bool)
    solid[2:7, 1:6, :5] = True
    solid[2:7, 1:6, 6:] = True
    with pytest.raises(BadInput, match="left femur: the bone is disconnected: a second piece holds 45 %"):
        largest_piece(solid, bone="left femur")
    solid[2:7, 1:6, 7:] = False
    solid[2:7, 1:6, 6] = [[True, False, False, False, False]] * 5
    assert largest_piece(solid, bone="left femur").sum() == 5 * 5 * 5
    with pytest.raises(BadInput, match="no element"):
        largest_piece(np.zeros((3, 4, 5), dtype=bool), bone="left femur")


def test_a_load_that_cannot_reach_what_is_held_is_told_before_the_solve_with_its_load_case():
    """Two blocks that touch along one edge only: nodes are shared, no face is."""
    solid = np.zeros((4, 3, 5), dtype=bool)
    solid[:2, :, :2] = True
    solid[2:, :, 2:] = True
    mesh = Bricks.of(solid)
    top, bottom = mesh.nodes[:, 2] == 5, mesh.nodes[:, 2] == 0
    with pytest.raises(BadInput, match="left femur, stance: no load can pass"):
        require_load_path(mesh, bottom, top, bone="left femur", case="stance")
    with pytest.raises(BadInput, match="stance: no node of the mesh is held"):
        require_load_path(mesh, top & bottom, top, bone="left femur", case="stance")
    with pytest.raises(BadInput, match="1 loose piece"):
        require_load_path(mesh, bottom, bottom, bone="left femur", case="stance")
    solid[1, :, 2] = True
    joined = Bricks.of(solid)
    require_load_path(
        joined, joined.nodes[:, 2] == 0, joined.nodes[:, 2] == 5, bone="left femur", case="stance"
    )


def test_a_loaded_specimen_whose_support_is_elsewhere_is_refused(anatomy):
    specimen = build_compression(anatomy, COARSE)
    free = replace(specimen.conditions, fixed=specimen.conditions.fixed & specimen.conditions.loaded[:, None])
    with pytest.raises(BadInput, match="T12, compression: no node of the mesh is held"):
        load(replace(specimen, conditions=free), image="now", ensemble=Ensemble(1, 2))


def test_a_support_that_leaves_a_motion_is_refused_by_its_name_in_patient_space(anatomy):
    """Plates that hold their height alone: the bone slides across its axis and turns about it."""
    specimen = build_compression(anatomy, COARSE)
    fixed = specimen.conditions.fixed.copy()
    fixed[:, :2] = False
    loose = replace(specimen, conditions=replace(specimen.conditions, fixed=fixed))
    with pytest.raises(
        BadInput, match=r"T12, compression: .*holds 3 of 6.*slides along .* turns about "
    ) as told:
        load(loose, image="now", ensemble=Ensemble(1, 2))
    axis, point = re.findall(r"\(([^)]*)\)", str(told.value))[-3:-1]
    assert np.abs(np.fromstring(axis, sep=",") @ anatomy.frame.superior) == pytest.approx(1.0, abs=0.01)
    left, posterior, _ = anatomy.frame.local(np.fromstring(point, sep=","))
    assert abs(left) < 0.01
    assert 10.0 < posterior < 30.0  # the middle of body and arch


def test_every_builder_refuses_a_bad_bone_before_it_looks_for_frames(anatomy):
    empty = replace(anatomy, bone="hemipelvis_left", bone_mask=np.zeros_like(anatomy.bone_mask))
    with pytest.raises(BadInput, match="left hemipelvis: the mask of the bone is empty"):
        build_hemipelvis(empty, settings_of(load_case("hemipelvis_hip_contact"), 5.0))


# --- what a specimen tells ------------------------------------------------------------------------------


def test_where_it_is_held_and_loaded_is_told_in_patient_space(anatomy):
    specimen = build_flexion(anatomy, COARSE)
    held, loaded = (anatomy.frame.local(at) for at in (specimen.held_mm, specimen.loaded_mm))
    assert held[:, 2].max() < -11.0
    assert loaded[:, 2].min() > 11.0
    assert np.ptp(loaded[:, 2]) < 1e-6
    assert anatomy.frame.axes @ specimen.push == pytest.approx([0.0, 0.0, -1.0], abs=1e-9)
    assert len(specimen.loaded_mm) == specimen.diagnostics["loaded_nodes"]


def test_one_hierarchy_serves_both_load_cases_of_one_mesh_and_all_worlds(anatomy):
    kept = Hierarchies()
    results = [
        load(build(anatomy, COARSE), image="now", ensemble=Ensemble(1, 6), hierarchies=kept)
        for build in (build_compression, build_flexion)
    ]
    assert kept.built == 1
    alone = load(build_flexion(anatomy, COARSE), image="now", ensemble=Ensemble(1, 6))
    for one, two in zip(results[1].outcomes, alone.outcomes, strict=True):
        assert one.value == pytest.approx(two.value, rel=1e-7)
        assert one.draws == pytest.approx(two.draws, rel=1e-6)


def test_stiffness_from_forces_is_that_from_energies_and_forces_balance(anatomy):
    for build in (build_compression, build_flexion):
        specimen = build(anatomy, COARSE)
        E = modulus(tissue_of(specimen, "now"), central_sample(anatomy.calibration, COARSE.laws[0]))
        found = solve(specimen, E)
        assert found.stiffness == pytest.approx((E * found.s).sum(), rel=1e-9)
        assert found.balance < 1e-6
