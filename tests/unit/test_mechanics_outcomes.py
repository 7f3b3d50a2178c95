"""From a solved specimen to newtons, on a brick of elements whose strains are chosen."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import Bricks, effective_strain
from osteoplan.knowledge.loads import load_case
from osteoplan.mechanics.outcomes import (
    SolvedFill,
    as_planned,
    outcomes,
    strain_field,
    units_per_motion,
    worst_first,
)
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import Tissue
from osteoplan.model.calibration import Calibration
from osteoplan.model.field import SampledInput
from osteoplan.model.outcome import Estimate
from osteoplan.model.volume import Volume

EDGE = 1.7
SHAPE = (3, 4, 5)
N = 60
SURE = Calibration.line("density", 1.0, 0.0, 0.0, 0.0, calibrated=True)
DRAWS = np.array([90.0, 100.0, 130.0])
RELIEF = np.array([1.0, 1.1, 0.9])


def brick(case, *, body=None, end_cap=None, height_mm=None, calibration=SURE, is_vertebra=True):
    """A specimen of sixty elements on an oblique grid."""
    affine = np.eye(4)
    affine[:3, :3] = EDGE * np.linalg.qr(np.array([[2.0, 1.0, -0.3], [-0.4, 1.7, 0.9], [0.5, -0.8, 2.2]]))[0]
    affine[:3, 3] = (12.0, -40.0, 310.0)
    return SimpleNamespace(
        case=load_case(case),
        mesh=Bricks.of(np.ones(SHAPE, dtype=bool)),
        grid=Volume(np.zeros(SHAPE, dtype=bool), affine, "mask"),
        settings=MechanicsSettings(spacing_mm=EDGE),
        body=np.ones(N, dtype=bool) if body is None else body,
        end_cap=np.zeros(N, dtype=bool) if end_cap is None else end_cap,
        height_mm=height_mm,
        anatomy=SimpleNamespace(calibration=calibration, level="T12", is_vertebra=is_vertebra),
    )


def tissue(**changed):
    whole = Tissue(np.full(N, 200.0), np.zeros(N, dtype=bool), np.zeros(N, dtype=bool), np.zeros(N))
    return replace(whole, **changed)


def response(strain, *, u=None, companion=0.0):
    """Energies of elements that are strained so much at unit motion."""
    s = np.asarray(strain) ** 2 * EDGE**3
    assert effective_strain(s, EDGE**3) == pytest.approx(strain)
    return SimpleNamespace(s=s, companion=companion, unit_motion_mm=u)


def solved(found, made=None, K=100.0):
    return SolvedFill(made or tissue(), np.full(N, K / found.s.sum()), found)


def told(specimen, found, *, made=None, K=100.0):
    stated = solved(found, made, K)
    rows = outcomes(specimen, stated, (), DRAWS, RELIEF)
    return {row.id: row for row in rows}


def number(case, name):
    return load_case(case).known(name).number


def test_a_height_criterion_is_strain_times_stiffness_times_height():
    found = told(brick("vertebra_compression", height_mm=24.0), response(np.linspace(0.001, 0.02, N)))
    limit = number("vertebra_compression", "vertebra_compression.failure_strain")
    assert found["height_load_N"].value == pytest.approx(limit * 100.0 * 24.0)
    assert found["height_load_N"].draws == pytest.approx(limit * 24.0 * DRAWS)  # the whole column: no relief
    assert found["stiffness_N_per_mm"].value == 100.0
    with pytest.raises(BadInput, match="needs a gauge length"):
        told(brick("vertebra_compression"), response(np.full(N, 0.01)))


def test_a_tissue_criterion_is_the_load_at_which_a_share_of_the_bone_is_strained_too_far():
    strain = np.random.default_rng(3).permutation(np.linspace(0.0, 0.059, N))
    found = told(brick("vertebra_compression", height_mm=24.0), response(strain))
    limit, share = (
        number("vertebra_compression", f"vertebra_compression.pistoia_{name}")
        for name in ("strain", "volume_fraction")
    )
    # of strains spread evenly from 0 to 0.059, that share lies above this one
    critical = 0.059 * (1.0 - share)
    assert found["strength_N"].value == pytest.approx(100.0 * limit / critical)
    assert found["strength_N"].draws == pytest.approx(DRAWS * RELIEF * limit / critical)
    assert found["strength_N"].criterion.startswith("2 % of the body's bone outside cement above 0.7 %")
    assert found["stiffness_N_per_mm"].criterion == ""


def test_every_draw_has_the_strength_of_its_own_fill_and_inputs_of_the_fills_move_it_alone():
    """Fills twice and half as strained as the plan: the load at failure is half and twice of it."""
    specimen, strain = brick("vertebra_compression", height_mm=24.0), np.full(N, 0.01)
    stated = solved(response(strain))
    weak, firm = solved(response(2.0 * strain)), solved(response(0.5 * strain))
    fills = (weak, firm, weak, firm)
    one = SampledInput("cement_volume", 4.0, (2.0, 6.0), (2.0, 6.0, 2.0, 6.0))
    draws = np.full(6, 100.0)
    found = {row.id: row for row in outcomes(specimen, stated, fills, draws, np.ones(6), (one,))}
    strength = found["strength_N"]
    assert strength.draws / strength.value == pytest.approx([0.5, 2.0, 0.5, 2.0, 0.5, 2.0])
    assert strength.one_at_a_time["cement_volume"] == pytest.approx(
        (0.5 * strength.value, 2.0 * strength.value)
    )
    assert strength.one_at_a_time["cement_place"] == pytest.approx((strength.value,) * 2)  # nothing is left
    assert found["stiffness_N_per_mm"].one_at_a_time["cement_volume"] == pytest.approx((100.0, 100.0))


def share(target, value, spread=0.0):
    draws = np.linspace(value - spread, value + spread, 41)
    return Estimate.from_draws("strength_ratio_to_intact", target, value=value, draws=draws, unit="%")


def test_the_worst_load_case_comes_first_and_its_interval_holds_the_others():
    stiffness = replace(share("caps", 144.0), id="stiffness_ratio_to_intact")
    first, second, third = worst_first([share("caps", 118.0, 5.0), stiffness, share("discs", 97.0, 5.0)])
    assert (first.target, first.value, first.beside) == ("discs", 97.0, {"caps": 118.0})
    assert first.low == pytest.approx(93.0, abs=0.1)
    assert first.high == pytest.approx(122.0, abs=0.1)
    assert "118 % in caps" in first.because[0]
    assert (second.target, second.high) == ("caps", pytest.approx(122.5))
    assert third == stiffness  # a stiffness stands beside strengths and is none
    assert worst_first([share("caps", 118.0)])[0].beside == {}


def test_a_plan_that_most_injections_fall_short_of_says_so():
    short = replace(share("discs", 97.0), draws=np.linspace(55.0, 98.0, 41))
    (told,) = as_planned([short])
    assert told.startswith("97 % is the plan as drawn; as injections turn out, half stay below 76 %")
    assert as_planned([share("discs", 97.0, 20.0)]) == ()


@pytest.mark.parametrize("what", ["outside the body", "cap", "soft tissue", "cement", "metal"])
def test_what_is_no_bone_does_not_count_however_it_is_strained(what):
    strain, odd = np.full(N, 0.01), np.arange(N) < 20
    strain[odd] = 0.5
    specimen = brick(
        "vertebra_compression",
        height_mm=24.0,
        body=~odd if what == "outside the body" else None,
        end_cap=odd if what == "cap" else None,
    )
    share = np.where(odd, 0.6, 0.0)
    made = tissue(
        replaced=odd if what == "soft tissue" else np.zeros(N, dtype=bool),
        cement=share if what == "cement" else np.zeros(N),
        rods=(SimpleNamespace(share=share, interface="osseointegrated"),) if what == "metal" else (),
    )
    limit = number("vertebra_compression", "vertebra_compression.pistoia_strain")
    found = told(specimen, response(strain), made=made)["strength_N"]
    assert found.value == pytest.approx(100.0 * limit / 0.01)
    if what == "metal":
        assert found.status == "unverified"
        assert any("osseointegrated" in why for why in found.because)
    nothing = replace(made, replaced=np.ones(N, dtype=bool))
    with pytest.raises(BadInput, match="T12, compression: no bone is left"):
        told(specimen, response(strain), made=nothing)


def test_a_strain_limit_counts_dense_bone_and_fails_in_tension_or_compression_first():
    """Uniform uniaxial strain: every element fails at once, at its own limit over the strain."""
    specimen = brick("femur_stance", is_vertebra=False)
    nodes = specimen.mesh.nodes * EDGE
    tension, compression = (
        number("femur_stance", f"bone.strain_limit_{way}") for way in ("tension", "compression")
    )
    dense = tissue(image=np.full(N, number("femur_stance", "dense_mg_cm3") + 1.0))
    for strain, limit in ((0.004, tension), (-0.004, compression)):
        u = np.stack([0.0 * nodes[:, 0], 0.0 * nodes[:, 1], strain * nodes[:, 2]], axis=1)
        found = told(specimen, response(np.full(N, 1.0), u=u), made=dense)["strength_N"]
        assert found.value == pytest.approx(100.0 * limit / abs(strain))
    light = replace(dense, image=np.full(N, number("femur_stance", "dense_mg_cm3") - 1.0))
    with pytest.raises(BadInput, match="too little bone"):
        told(specimen, response(np.full(N, 1.0), u=u), made=light)


def test_a_moment_is_told_per_degree_and_its_companion_in_newtons():
    assert units_per_motion("N") == (1.0, "N/mm")
    per, unit = units_per_motion("N mm")
    assert (per, unit) == (pytest.approx(np.pi / 180), "N mm/deg")
    found = told(brick("vertebra_flexion"), response(np.full(N, 0.01), companion=-0.05))
    assert found["stiffness_Nmm_per_deg"].value == pytest.approx(100.0 * np.pi / 180)
    assert (found["strength_Nmm"].unit, found["strength_N"].unit) == ("N mm", "N")
    assert found["strength_N"].value == pytest.approx(0.05 * found["strength_Nmm"].value)


def test_strain_is_shown_at_the_display_load_in_its_own_place():
    specimen, strain = brick("vertebra_compression", height_mm=24.0), np.linspace(0.001, 0.02, N)
    field = strain_field(specimen, np.append(response(strain).s, 9e9), 250.0)  # a rod's energy stands behind
    load = specimen.case.display_load.value
    assert field.volume.array.ravel() == pytest.approx(strain * load / 250.0, rel=1e-6)
    assert (field.volume.affine == specimen.grid.affine).all()
    assert field.quantity == "effective_strain"


def test_a_density_that_nobody_calibrated_says_so_with_every_number():
    loose = replace(SURE, calibrated=False)
    for calibration, said in ((SURE, False), (loose, True)):
        specimen = brick("vertebra_compression", height_mm=24.0, calibration=calibration)
        for row in told(specimen, response(np.full(N, 0.01))).values():
            assert any("uncalibrated density" in why for why in row.because) is said
