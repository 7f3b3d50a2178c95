"""Strength of a vertebra: caps, states, cement, worlds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import BadInput, Cancelled
from osteoplan.knowledge.values import known
from osteoplan.mechanics.cases.vertebra import build_compression, end_caps_of
from osteoplan.mechanics.load import load, solve, tissue_of
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import (
    Tissue,
    central_sample,
    modulus,
    parameter_samples,
    stiffness_bounds,
    stiffness_in,
)
from osteoplan.model.case import Calibration
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from tests.synthetic_vertebra import vertebra

COARSE = MechanicsSettings(spacing_mm=2.0)
UNSURE = Calibration.line("density", 1.0, 0.0, 0.05, 6.0, calibrated=True)


@pytest.fixture(scope="module")
def anatomy():
    """A large central lesion that leaves 3 mm of bone to either endplate."""
    return replace(vertebra("oblique", lesion_at=(0.0, 0.0, 0.0), lesion_radius=8.0), calibration=UNSURE)


@pytest.fixture(scope="module")
def model(anatomy):
    return build_compression(anatomy, COARSE)


@pytest.fixture(scope="module")
def intact(model):
    return load(model, image="intact", ensemble=Ensemble(1, 20))


@pytest.fixture(scope="module")
def now(model):
    return load(model, image="now", ensemble=Ensemble(1, 20))


def outcome(result, id):
    return next(o for o in result.outcomes if o.id == id)


def stiffness(result):
    return outcome(result, "stiffness_N_per_mm").value


def cement(anatomy, mask):
    return Field("cement_fraction", anatomy.image.with_array(mask.astype(np.float32), "fraction"), "1")


def around_the_axis(anatomy):
    """(left, posterior, superior) of every voxel in the bone's own coordinates."""
    shape = anatomy.image.shape
    positions = anatomy.image.positions_mm(np.moveaxis(np.indices(shape), 0, -1))
    return np.moveaxis(anatomy.frame.local(positions), -1, 0)


# --- the testing machine -------------------------------------------------------------------------------


def test_caps_sit_on_the_endplates_and_leave_the_flanks_bare():
    body = np.zeros((9, 7, 20), dtype=bool)
    body[2:7, 1:6, 6:14] = True
    body[2:7, 1:6, 13] = False
    body[2, 1:6, 13] = True  # a rim one higher than the rest
    body[6, 1:6, 9:] = False  # one column of flank, 5 elements deeper
    caps = end_caps_of(body, body, edge_mm=1.0, thickness_mm=3.0, depth_mm=4.0, percentile=10.0)
    superior, inferior = caps.superior.elements, caps.inferior.elements
    assert (caps.superior.plane, caps.inferior.plane) == (17, 3)
    assert superior[3, 3].nonzero()[0].tolist() == [13, 14, 15, 16]
    assert superior[2, 3].nonzero()[0].tolist() == [14, 15, 16]
    assert not superior[6].any()
    assert inferior[6, 3].nonzero()[0].tolist() == [3, 4, 5]
    assert not (superior & body).any()
    assert caps.height_mm == pytest.approx(8.0)


def test_a_body_without_columns_between_both_endplates_is_refused():
    body = np.zeros((8, 4, 20), dtype=bool)
    body[:4, :, 4:6] = True
    body[4:, :, 14:16] = True
    with pytest.raises(BadInput, match="between both endplates"):
        end_caps_of(body, body, edge_mm=1.0, thickness_mm=3.0, depth_mm=4.0, percentile=10.0)


def test_the_height_is_that_of_the_synthetic_body(model):
    assert model.height_mm == pytest.approx(22.0, abs=2.0)


def test_the_mesh_is_one_piece_without_the_loose_parts_of_the_bone(anatomy, model):
    chip = anatomy.bone_mask.copy()
    left, back, up = around_the_axis(anatomy)
    chip |= (np.abs(left - 35) < 3) & (np.abs(back + 8) < 3) & (np.abs(up) < 3)
    chipped = build_compression(replace(anatomy, bone_mask=chip), COARSE)
    assert chipped.diagnostics["loose_elements_left_out"] > 5
    assert chipped.diagnostics["elements"] == model.diagnostics["elements"]


def test_a_bone_torn_between_the_endplates_is_refused(anatomy):
    up = around_the_axis(anatomy)[2]
    gap = np.abs(up) < 4.0
    torn = replace(
        anatomy,
        bone_mask=anatomy.bone_mask & ~gap,
        parts={name: part & ~gap for name, part in anatomy.parts.items()},
    )
    with pytest.raises(BadInput, match="torn between the endplates"):
        build_compression(torn, COARSE)


def test_a_bone_at_the_edge_of_the_scan_is_refused(anatomy):
    low = np.argwhere(anatomy.parts["body"]).min(axis=0)
    short = anatomy.image.crop(low, anatomy.image.shape)
    box = tuple(slice(int(a), None) for a in low)
    cut = replace(
        anatomy, image=short, image_intact=short, bone_mask=anatomy.bone_mask[box],
        lesion_mask=anatomy.lesion_mask[box], parts={name: m[box] for name, m in anatomy.parts.items()},
    )  # fmt: skip
    with pytest.raises(BadInput, match="leave the image"):
        build_compression(cut, COARSE)


def test_the_machine_holds_two_planes_and_pins_the_rest_without_force(model):
    solved = solve(model, modulus(tissue_of(model, "now"), _central(model))).equilibrium
    lateral = np.abs(solved.reaction_N[:, :2]).max()
    assert lateral < 1e-5 * np.abs(solved.reaction_N[:, 2]).sum()
    assert np.abs(solved.reaction_N[:, 2].sum()) < 1e-6 * np.abs(solved.reaction_N[:, 2]).sum()


# --- states --------------------------------------------------------------------------------------------


def test_a_lytic_lesion_weakens_and_strength_is_the_linear_criterion(model, intact, now):
    assert stiffness(now) < 0.95 * stiffness(intact)
    factor = known("vertebra_compression.failure_strain").value * model.height_mm
    assert outcome(now, "height_load_N").value == pytest.approx(factor * stiffness(now))
    assert outcome(now, "strength_N").value < outcome(intact, "strength_N").value
    assert now.diagnostics["residual"] <= 1e-8
    assert now.diagnostics["reaction_against_energy"] < 1e-8


@pytest.mark.slow
def test_a_core_in_soft_tissue_gains_little_and_a_bridging_column_of_that_volume_much():
    """Contact with both endplates decides, not the volume of cement."""
    hollow = vertebra("oblique", lesion_at=(0.0, 0.0, 0.0), lesion_radius=9.5)
    fine = build_compression(hollow, MechanicsSettings(spacing_mm=1.2))
    left, back, up = around_the_axis(hollow)
    column = (np.hypot(left, back) < 4.0) & hollow.parts["body"]
    radius = (3 * column.sum() * hollow.image.voxel_volume_mm3 / (4 * np.pi)) ** (1 / 3)
    core = np.sqrt(left**2 + back**2 + up**2) < radius
    before, with_core, with_column = (
        stiffness(load(fine, image="now", fields=fields, ensemble=Ensemble(1, 2)))
        for fields in ((), (cement(hollow, core),), (cement(hollow, column),))
    )
    assert with_core > before
    assert with_column - before > 3 * (with_core - before)


def test_cement_anywhere_never_softens_the_bone(anatomy, model, now):
    everywhere = load(
        model, image="now", fields=(cement(anatomy, anatomy.bone_mask),), ensemble=Ensemble(1, 2)
    )
    assert stiffness(everywhere) > stiffness(now)
    assert everywhere.diagnostics["cement_in_bone_mL"] > now.diagnostics["cement_in_bone_mL"] == 0.0


@pytest.mark.parametrize("grid", ["straight", "left_handed"])
def test_the_answer_does_not_depend_on_how_the_scan_lies(grid, model, intact):
    other = vertebra(grid, lesion_at=(0.0, 0.0, 0.0), lesion_radius=8.0)
    result = load(build_compression(other, COARSE), image="intact", ensemble=Ensemble(1, 2))
    assert stiffness(result) == pytest.approx(stiffness(intact), rel=0.04)


def test_a_finer_mesh_moves_the_ratio_to_intact_by_a_few_per_cent(anatomy, intact, now):
    fine = build_compression(anatomy, MechanicsSettings(spacing_mm=1.2))
    ratio = stiffness(load(fine, image="now", ensemble=Ensemble(1, 2))) / stiffness(
        load(fine, image="intact", ensemble=Ensemble(1, 2))
    )
    assert ratio == pytest.approx(stiffness(now) / stiffness(intact), abs=0.05)


def test_the_strain_field_lies_on_the_bone_and_shows_one_common_load(model, now, anatomy):
    (field,) = now.fields
    assert field.quantity == "effective_strain"
    assert "at 1000 N" in field.because
    volume = field.volume
    centre = np.round(volume.indices(anatomy.frame.origin_mm)).astype(int)
    assert volume.array[tuple(centre)] > 0
    far = np.round(volume.indices(anatomy.frame.world([26.0, -10.0, 0.0]))).astype(int)
    assert volume.array[tuple(far)] == 0
    body = model.mesh.of_box(volume.array)[model.body & ~model.end_cap]
    mean_strain = 1000.0 / stiffness(now) / model.height_mm
    assert np.median(body) == pytest.approx(mean_strain, rel=1.0)


def test_a_field_of_another_room_is_passed_over_and_a_rod_outside_the_bone_refused(anatomy, model, now):
    odd = replace(cement(anatomy, anatomy.lesion_mask), quantity="temperature")
    found = load(model, image="now", fields=(odd,), ensemble=Ensemble(1, 2))
    assert stiffness(found) == stiffness(now)
    rod = Effects(solids=(Cylinder((500, 0, 0), (500, 0, 9), 6.5, 3.6, "ti6al4v"),))
    with pytest.raises(BadInput, match="does not lie in the bone"):
        load(model, image="now", effects=rod, ensemble=Ensemble(1, 2))


def test_the_caller_can_stop_the_solve(model):
    with pytest.raises(Cancelled):
        load(model, image="now", ensemble=Ensemble(1, 2), on_step=lambda step, residual: step < 2)


# --- materials of an element ---------------------------------------------------------------------------


def test_only_soft_tissue_inside_the_lesion_counts_as_replaced(model):
    tissue = tissue_of(model, "now")
    assert tissue.replaced.any()
    assert not (tissue.replaced & ~model.lesion).any()
    assert tissue.image[tissue.replaced].max() <= 50.0
    assert not tissue_of(model, "intact").replaced.any()


def test_an_element_takes_the_modulus_of_what_fills_it():
    def element(density, *, end_cap=False, replaced=False, cement=0.0):
        tissue = Tissue(np.array([density]), np.array([end_cap]), np.array([replaced]), np.array([cement]))
        return float(modulus(tissue, central_sample(UNSURE, "kopperdahl_2002_power"))[0])

    law = 2980 * 0.1**1.05
    assert element(100.0) == pytest.approx(law)
    assert element(30.0, replaced=True) == 3.0
    assert element(-80.0) == 0.1
    assert element(100.0, end_cap=True) == 2500.0
    assert element(100.0, cement=1.0) == pytest.approx(2300 * 0.85**2 * 0.7)
    assert element(30.0, replaced=True, cement=1.0) == pytest.approx(2300 * 0.85**2)
    assert element(100.0, cement=0.5) == pytest.approx((law + 2300 * 0.85**2 * 0.7) / 2)
    assert element(900.0, cement=1.0) == element(900.0)  # cortex is stiffer than the composite: it stays


# --- worlds --------------------------------------------------------------------------------------------


def _central(model):
    return central_sample(model.anatomy.calibration, model.settings.laws[0])


def test_a_world_is_the_same_in_every_state_and_other_streams_do_not_move_it():
    laws = COARSE.laws
    first, again = (
        parameter_samples(UNSURE, laws, Ensemble(5, 8)),
        parameter_samples(UNSURE, laws, Ensemble(5, 8)),
    )
    assert first == again
    assert parameter_samples(UNSURE, laws, Ensemble(6, 8)) != first
    fixed = parameter_samples(
        Calibration.line("density", 1.0, 0.0, 0.0, 0.0, calibrated=True), laws, Ensemble(5, 8)
    )
    assert [w.pmma_MPa for w in fixed] == [w.pmma_MPa for w in first]
    assert {w.law.id for w in first} == set(laws)
    assert all(2000 <= w.pmma_MPa <= 2700 and 0.05 <= w.porosity <= 0.25 for w in first)
    assert all(1 <= w.lytic_MPa <= 10 and 0.6 <= w.interface <= 0.8 for w in first)


def test_the_estimate_for_a_world_lies_in_rigorous_bounds_and_near_the_true_solve(anatomy, model):
    left, back, _ = around_the_axis(anatomy)
    column = (np.hypot(left, back) < 6) & anatomy.parts["body"]
    for fields in ((), (cement(anatomy, column),)):
        tissue = tissue_of(model, "now", tuple(field.volume for field in fields))
        E = modulus(tissue, _central(model))
        s = solve(model, E).s
        for world in parameter_samples(UNSURE, COARSE.laws, Ensemble(3, 6)):
            other = modulus(tissue, world)
            true = -solve(model, other).equilibrium.reaction_N[model.conditions.loaded, 2].sum()
            low, high = stiffness_bounds(E, s, other)
            assert low <= true * (1 + 1e-6)
            assert true * (1 - 1e-6) <= high
            assert low <= stiffness_in(E, s, other) <= high
            assert stiffness_in(E, s, other) == pytest.approx(true, rel=0.01)


def test_a_common_factor_on_the_modulus_is_exact():
    E, s = np.array([1.0, 10.0, 3.0]), np.array([0.2, 0.1, 0.7])
    assert stiffness_in(E, s, 2.5 * E) == pytest.approx(2.5 * (E * s).sum())
    assert stiffness_bounds(E, s, 2.5 * E) == pytest.approx((2.5 * (E * s).sum(),) * 2)


def test_states_are_paired_so_their_ratio_is_surer_than_either(intact, now):
    ratio = outcome(now, "strength_N").ratio_to(outcome(intact, "strength_N"), "strength_ratio_to_intact")
    alone = outcome(now, "strength_N")
    assert (ratio.high - ratio.low) / ratio.value < 0.5 * (alone.high - alone.low) / alone.value
    assert len(alone.draws) == 20


def test_an_uncalibrated_scan_says_ratios_only(anatomy, model):
    doubtful = replace(model, anatomy=replace(anatomy, calibration=replace(UNSURE, calibrated=False)))
    result = load(doubtful, image="now", ensemble=Ensemble(1, 2))
    for given in result.outcomes:
        assert any("ratios" in reason for reason in given.because)
        assert given.status == "unverified"


def test_every_single_word_reason_is_a_citation_key(now):
    from osteoplan.knowledge.refs import citation

    for given in now.outcomes:
        for key in (reason for reason in given.because if " " not in reason):
            assert citation(key).text


def test_a_draw_of_another_fill_is_that_of_the_bone_with_that_fill(anatomy, model, monkeypatch):
    """Draw k takes fill k; a fill that moves the answer is solved again, one that does not is not.

    Outline and direction enter as factors of the first fill, so they stay as drawn here.
    """
    monkeypatch.setattr(
        "osteoplan.mechanics.load.parameter_samples",
        lambda *given: tuple(
            replace(world, load_slopes=(0.0, 0.0), edge_mm=0.0) for world in parameter_samples(*given)
        ),
    )
    left, back, up = around_the_axis(anatomy)
    body = anatomy.parts["body"]
    masks = [(np.hypot(left, back) < 5) & body, (np.hypot(left - 9, back) < 5) & body & (up < 4)]
    fills = tuple(cement(anatomy, mask) for mask in (masks[0], masks[0], masks[1]))
    sampled = replace(fills[0], samples=tuple(fill.volume for fill in fills))
    mixed = load(model, image="now", fields=(sampled,), ensemble=Ensemble(1, 6))
    alone = [load(model, image="now", fields=(fill,), ensemble=Ensemble(1, 6)) for fill in fills]
    expected = [outcome(alone[k % 3], "stiffness_N_per_mm").draws[k] for k in range(6)]
    np.testing.assert_allclose(outcome(mixed, "stiffness_N_per_mm").draws, expected, rtol=1e-3)
    assert mixed.diagnostics["fills_solved"] == 1
    assert stiffness(mixed) == stiffness(alone[0])
