"""Half a pelvis under the hip: supports, contact, states, screws and cement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.phantom import make_phantom
from osteoplan.errors import Cancelled, NotAvailable, NotConverged
from osteoplan.kernels.elasticity import Stiffness
from osteoplan.knowledge.loads import load_case
from osteoplan.mechanics.cases.hemipelvis import build_hemipelvis
from osteoplan.mechanics.cases.socket_contact import Faces, press
from osteoplan.mechanics.load import load, settings_of, solve, tissue_of
from osteoplan.mechanics.rods import rods_in
from osteoplan.mechanics.sampled_image import cement_of
from osteoplan.mechanics.uncertainty.lesion_outline import redrawn
from osteoplan.mechanics.uncertainty.load_direction import tilted
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus, parameter_samples
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.ensemble import Ensemble
from tests.pelvis_made import LINE, cement, hemipelvis, mirrored, screws

COARSE = settings_of(load_case("hemipelvis_hip_contact"), 5.0)


@pytest.fixture(scope="module")
def phantom():
    return make_phantom("pelvis", seed=3, spacing_mm=(3.4, 3.1, 3.6))


@pytest.fixture(scope="module")
def anatomy(phantom):
    return hemipelvis(phantom.ct, phantom.labels, "left")


@pytest.fixture(scope="module")
def model(anatomy):
    return build_hemipelvis(anatomy, COARSE)


def stiffness(model, image="now", *, fields=(), effects=None, on_step=None):
    """Of the central world alone: what ``load`` gives as the value, without its draws."""
    rods = rods_in(effects, model.grid, model.mesh)
    tissue = tissue_of(model, image, tuple(field.volume for field in fields), rods)
    E = modulus(tissue, central_sample(LINE, model.settings.laws[0]))
    return solve(model, E, rods=rods, on_step=on_step).stiffness


def true_stiffness(model, E, on_step=None):
    return solve(model, E, on_step=on_step).stiffness


def leaning_stiffness(model, tissue, image, world):
    """Solved in a world with its outline of the lesion and with its load, which leans."""
    one, two = tilted(model.conditions.force_N)
    t = np.array(world.load_slopes)
    force = (model.conditions.force_N + t[0] * one + t[1] * two) / np.sqrt(1 + t @ t)
    leant = replace(model, conditions=replace(model.conditions, force_N=force))
    return true_stiffness(leant, modulus(redrawn(model, tissue, image, world.edge_mm), world))


@pytest.fixture(scope="module")
def now(model):
    return load(model, image="now", ensemble=Ensemble(3, 6))


@pytest.fixture(scope="module")
def intact(model):
    return load(model, image="intact", ensemble=Ensemble(3, 6))


# --- the ball in the socket ----------------------------------------------------------------------------


def dome(n=4000, reach=70.0, load_slopes=(0.0, 0.0, 1.0)):
    """Directions spread evenly over a cap around ``load_slopes``, each with the same area."""
    k = np.arange(n) + 0.5
    z = 1.0 - (1.0 - np.cos(np.radians(reach))) * k / n
    turn = np.pi * (1.0 + 5.0**0.5) * k
    ring = np.sqrt(1.0 - z**2)
    points = np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
    w = np.asarray(load_slopes) / np.linalg.norm(load_slopes)
    u = np.cross(w, [1.0, 0.0, 0.0])
    u /= np.linalg.norm(u)
    return Faces(np.zeros((n, 4), dtype=np.int64), points @ np.stack([np.cross(u, w), u, w]), np.ones(n))


def test_a_ball_in_an_even_cup_presses_as_the_cosine():
    up = np.array([0.0, 0.0, 1.0])
    pressed = press(dome(), up)
    assert pressed.off_deg == pytest.approx(0.0, abs=0.1)
    assert pressed.force_N.sum(axis=0) == pytest.approx(up, abs=1e-9)
    pressure = (pressed.force_N * pressed.faces.normal).sum(axis=1)
    cosine = pressed.faces.normal @ up
    assert pressure / pressure.max() == pytest.approx(cosine / cosine.max(), abs=0.01)


def test_a_ball_in_a_tilted_cup_moves_aside_until_the_force_is_right():
    up = np.array([0.0, 0.0, 1.0])
    pressed = press(dome(load_slopes=(0.5, 0.1, 1.0)), up)
    assert pressed.force_N.sum(axis=0) == pytest.approx(up, abs=1e-9)
    assert pressed.off_deg > 5.0
    assert ((pressed.force_N * pressed.faces.normal).sum(axis=1) >= 0.0).all()  # a ball pushes, never pulls


def test_a_cup_that_cannot_carry_the_force_is_told():
    assert press(dome(reach=40.0), np.array([0.0, 0.0, -1.0])) is None
    assert press(dome(n=5), np.array([0.0, 0.0, 1.0])) is None


# --- the testing machine -------------------------------------------------------------------------------


def test_the_model_is_held_at_sacrum_and_pubis_and_loaded_on_the_roof(anatomy, model):
    nodes = model.nodes
    held = nodes.at_mm[model.conditions.fixed[:, 0]]
    symphysis = anatomy.frames["hemipelvis"].landmarks_mm["symphysis"]
    joint = anatomy.structures[0]
    places = anatomy.image.positions_mm(np.argwhere(joint.mask))
    to_joint = np.linalg.norm(held[:, None] - places[None, ::7], axis=2).min(axis=1)
    to_pubis = np.linalg.norm(held - symphysis, axis=1)
    assert (np.minimum(to_joint, to_pubis) < 26.0).all()
    assert (to_pubis < 26.0).any()
    assert (to_joint < 6.0).any()
    loaded = np.linalg.norm(model.conditions.force_N, axis=1) > 0
    cup = anatomy.frames["acetabulum"]
    local = cup.local(nodes.at_mm[loaded])
    assert np.linalg.norm(local, axis=1) == pytest.approx(cup.lengths_mm["radius"], abs=6.0)
    assert local[:, 2].mean() > 0.4 * cup.lengths_mm["radius"]
    assert model.conditions.force_N.sum(axis=0) == pytest.approx([0.0, 0.0, 1.0], abs=1e-9)  # the grid's axes
    assert not (loaded & model.conditions.fixed[:, 0]).any()


def test_reactions_balance_the_hip_and_work_is_energy(model, now):
    result = now
    assert result.outcomes[0].value == pytest.approx(stiffness(model), rel=1e-9)
    assert result.diagnostics["residual"] <= COARSE.tolerance
    assert result.diagnostics["reaction_against_load"] < 1e-6
    assert result.diagnostics["reaction_against_energy"] < 1e-7


def test_a_mirrored_patient_is_as_stiff(anatomy, model):
    other = build_hemipelvis(mirrored(anatomy), COARSE)
    assert other.diagnostics["elements"] == model.diagnostics["elements"]
    for image in ("intact", "now"):
        assert stiffness(other, image) == pytest.approx(stiffness(model, image), rel=1e-6)
    assert stiffness(other, effects=screws(other.anatomy)) == pytest.approx(
        stiffness(model, effects=screws(anatomy)), rel=1e-4
    )


def test_the_number_of_threads_changes_no_bit(model, monkeypatch):
    alone, three = [], []
    plain = Stiffness.uniform
    for threads, kept in ((1, alone), (3, three)):
        monkeypatch.setattr(
            Stiffness, "uniform", lambda *a, n=threads, **k: replace(plain(*a, **k), threads=n)
        )
        kept.append(stiffness(model))
    assert alone == three


def test_a_solver_that_stops_short_or_is_stopped_says_so(anatomy, model):
    short = replace(model, settings=replace(COARSE, max_iterations=2))
    with pytest.raises(NotConverged):
        stiffness(short)
    with pytest.raises(Cancelled):
        stiffness(model, on_step=lambda step, residual: step < 2)


def test_without_a_derived_joint_the_sacrum_itself_tells_where_to_hold(anatomy, model):
    bare = build_hemipelvis(replace(anatomy, structures=anatomy.structures[1:]), COARSE)
    assert bare.diagnostics["sacroiliac_nodes"] > 30
    both = model.conditions.fixed[:, 0] & bare.conditions.fixed[:, 0]
    assert both.sum() > 0.8 * bare.conditions.fixed[:, 0].sum()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("acetabulum", "no frame of the acetabulum"),
        ("symphysis", "symphysis is not seen"),
        ("sacrum", "neither sacroiliac joint nor sacrum"),
        ("roof", "roof of the socket"),
    ],
)
def test_what_the_machine_needs_and_the_scan_does_not_show_is_named(anatomy, missing, words):
    frames = dict(anatomy.frames)
    structures = anatomy.structures
    if missing == "acetabulum":
        del frames["acetabulum"]
    elif missing == "symphysis":
        points = {k: v for k, v in frames["hemipelvis"].landmarks_mm.items() if k != "symphysis"}
        frames["hemipelvis"] = replace(frames["hemipelvis"], landmarks_mm=points)
    elif missing == "sacrum":
        structures = ()
    else:
        cup = frames["acetabulum"]
        far = {"centre": cup.origin_mm + 400.0}
        frames["acetabulum"] = replace(cup, landmarks_mm=far)
    with pytest.raises(NotAvailable, match=words) as told:
        build_hemipelvis(replace(anatomy, frames=frames, structures=structures), COARSE)
    assert "\n" not in str(told.value)


# --- states --------------------------------------------------------------------------------------------


def test_screws_and_cement_never_lower_stiffness_wherever_they_lie(anatomy, model):
    before = stiffness(model)
    rng = np.random.default_rng(4)
    at = anatomy.image.positions_mm(np.argwhere(anatomy.bone_mask))
    for _ in range(3):
        start, end = (tuple(float(x) for x in at[rng.integers(len(at))]) for _ in range(2))
        rod = Effects(solids=(Cylinder(start, end, 4.8, 0.0, "ti6al4v"),))
        assert stiffness(model, effects=rod) >= before * (1.0 - 1e-7)
    everywhere = stiffness(model, fields=(cement(anatomy, anatomy.bone_mask),))
    assert everywhere > before


def test_the_outcome_is_a_thin_relative_stiffness_without_a_strength(now, intact):
    (given,) = now.outcomes
    assert (given.id, given.target, given.unit) == ("stiffness_N_per_mm", "hip contact", "N/mm")
    assert given.status == "unverified"
    assert any("relative stiffness only" in reason for reason in given.because)
    assert given.value < intact.outcomes[0].value
    (field,) = now.fields
    assert field.quantity == "effective_strain"
    assert "1000 N" in field.because


def test_screws_are_told_and_their_metal_is_counted(model, anatomy):
    result = load(model, image="intact", effects=screws(anatomy), ensemble=Ensemble(3, 2))
    assert result.diagnostics["metal_in_bone_mL"] > 0.4
    assert any("beams tied to the bone (threaded)" in reason for reason in result.outcomes[0].because)
    borne = result.outcomes[-1]
    assert (borne.id, borne.unit) == ("screw_stress_share_of_yield", "%")
    assert 0.0 < borne.value < 100.0


def test_every_single_word_reason_is_a_citation_key(now):
    from osteoplan.knowledge.refs import citation

    for key in (reason for reason in now.outcomes[0].because if " " not in reason):
        assert citation(key).text


def test_draws_are_near_true_solves_of_their_worlds(model, anatomy, now, intact):
    """Other laws, and soft tissue from 1 to 10 MPa in a lesion that takes half the bone over the roof."""
    sampled = parameter_samples(anatomy.calibration, COARSE.laws, Ensemble(3, 6))
    assert len({world.law.id for world in sampled}) == 2
    true = {}
    for image, found in (("intact", intact), ("now", now)):
        tissue = tissue_of(model, image)
        true[image] = np.array([leaning_stiffness(model, tissue, image, world) for world in sampled])
        assert found.outcomes[0].draws / true[image] == pytest.approx(1.0, abs=0.05)
    ratio = true["now"] / true["intact"]
    assert now.outcomes[0].draws / intact.outcomes[0].draws == pytest.approx(ratio, abs=0.03)
    assert np.ptp(ratio) > 0.1  # of which one field alone missed half


def test_a_field_of_another_room_is_no_matter_of_mechanics(anatomy):
    filled = cement(anatomy, anatomy.lesion_mask)
    odd = replace(filled, quantity="temperature")
    assert cement_of((odd, filled)) == cement_of((filled,)) == ((filled.volume,), ())
    assert cement_of((odd,)) == ((), ())
