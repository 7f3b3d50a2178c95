"""Strength of a specimen by yielding: what must hold from level to level and from state to state."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from osteoplan.cli.strength_tables import ladder_table
from osteoplan.errors import BadInput, NotAvailable
from osteoplan.io.documents import LadderDocument, as_json
from osteoplan.knowledge.materials import Density, modulus_law, modulus_laws, strength_law
from osteoplan.knowledge.values import number
from osteoplan.mechanics import yielding
from osteoplan.mechanics.cases.vertebra import (
    build_compression,
    build_compression_through_discs,
    build_flexion,
)
from osteoplan.mechanics.load import tissue_of
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.mechanics.yielding import _gauge, law_pair, strength, strengths
from osteoplan.model.field import Field
from osteoplan.model.result import YieldingResult
from osteoplan.workflow.yielding import _row
from tests.synthetic_vertebra import vertebra

COARSE = MechanicsSettings(spacing_mm=2.5)


def reached(found):
    """Largest force on the way [N], whether it is told as a strength or still rises."""
    return max(point.force_N for point in found.path.points)


@pytest.fixture(scope="module")
def anatomy():
    return vertebra("left_handed", lesion_at=(2.0, -2.0, 1.0), lesion_radius=7.0)


@pytest.fixture(scope="module")
def specimen(anatomy):
    return build_compression(anatomy, COARSE)


@pytest.fixture(scope="module")
def intact(specimen):
    return strength(specimen, "intact")


@pytest.fixture(scope="module")
def now(specimen):
    return strength(specimen, "now")


def test_a_lesion_weakens_a_yielding_vertebra_and_no_force_exceeds_the_elastic_one(intact, now):
    assert 0.5 < now.estimate.value / intact.estimate.value < 1.0
    for point in now.path.points:
        assert point.force_N <= now.path.stiffness * point.displacement_mm * (1 + 1e-3)


def test_strength_is_read_where_the_bone_has_the_agreed_strain_and_not_its_caps(specimen, intact):
    at = number("yielding.model_strain") * specimen.height_mm
    last = intact.path.points[-1]
    assert last.gauge_mm == pytest.approx(at, rel=2e-2)
    assert last.gauge_mm >= at * (1 - 1e-9)
    assert last.displacement_mm > 1.01 * last.gauge_mm  # the caps give, too
    assert intact.estimate.value == pytest.approx(last.force_N, rel=2e-3)
    assert intact.estimate.low is None  # no interval is claimed


@pytest.fixture(scope="module")
def through_discs(anatomy):
    return build_compression_through_discs(anatomy, COARSE)


@pytest.mark.parametrize("level", ["L1", "L2"])
def test_discs_that_are_squeezed_are_no_strain_of_the_bone(through_discs, level):
    found = strength(through_discs, "now", level=level)
    end = number("yielding.model_strain") * through_discs.height_mm
    last = found.path.points[-1]
    assert last.displacement_mm > 3.0 * end  # nearly all of it is the discs'
    assert last.gauge_mm == pytest.approx(end, rel=0.05)
    assert last.yielded > 0.1
    assert reached(found) > 2.0 * found.path.stiffness * end  # the force at 1.9 % of all, discs too


def test_a_gauge_is_as_long_as_the_bone_whatever_the_load_turns(specimen, anatomy):
    """Of a uniform strain it tells strain times the mean height between the plates; of a motion nothing."""
    weights, end = _gauge(specimen)
    z = specimen.mesh.nodes[:, 2] * COARSE.spacing_mm
    rigid = np.stack([0.3 + 0.01 * z, 0.2 + 0.0 * z, np.full_like(z, -0.4)], axis=1)
    assert (weights * rigid).sum() == pytest.approx(0.0, abs=1e-12)
    squeezed = np.stack([0 * z, 0 * z, -0.01 * z], axis=1)
    assert 0.8 < (weights * squeezed).sum() / (0.01 * specimen.height_mm) <= 1.0  # endplates are hollow
    assert end == pytest.approx(0.019 * specimen.height_mm)
    assert _gauge(build_flexion(anatomy, COARSE)) == (None, None)


def test_a_force_that_still_rises_is_no_strength_and_says_so(specimen, anatomy, intact):
    body = Field("cement_fraction", anatomy.image.with_array(anatomy.parts["body"].astype(float)), "1")
    filled = strength(specimen, "now", fields=(body,))
    end = number("yielding.model_strain") * specimen.height_mm
    for found in (intact, filled):
        force = found.path.force_at(end)
        rises = force - found.path.force_at(end * 5 / 6) > number("yielding.rise_told") * force
        told = [words for words in (found.how, *found.warnings) if "still rising there" in words]
        assert len(told) == (2 if rises else 0)
        assert (found.estimate is None) == rises
    assert filled.estimate is None
    assert filled.how.startswith(f"not known: {filled.path.force_at(end):.0f} N is the force at")
    assert intact.how in intact.estimate.because


@pytest.mark.parametrize("build", [build_compression, build_compression_through_discs, build_flexion])
def test_where_no_bone_yields_no_strength_is_told(anatomy, build):
    """Marrow alone stays elastic, whatever the machine does."""
    bone = anatomy.image.with_array(np.full(anatomy.image.shape, -100.0))
    found = strength(build(replace(anatomy, image=bone), COARSE), "now")
    assert found.estimate is None
    assert found.how.startswith("not known: no bone yields")
    assert found.warnings[-1] == f"L1: {found.how}"


def test_a_strength_that_is_not_known_is_a_dash_and_the_other_state_keeps_its_number(intact):
    unknown = replace(intact, estimate=None, how="not known: no bone yields")
    row = _row("compression", intact, unknown)
    assert row.ratio_pct is None
    assert row.how == f"now {unknown.how}; intact {intact.how}"
    found = as_json(LadderDocument, YieldingResult("L1", (row,), ()))
    assert found["rows"][0]["now"] is None
    console = Console(width=100, record=True, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    console.print(ladder_table(found))
    assert re.search(rf"compression +- +{intact.estimate.value:.0f} +- +N", console.export_text())


def test_cement_strengthens_and_cement_in_a_cavity_yields_later_than_in_bone(specimen, anatomy, now):
    body = Field("cement_fraction", anatomy.image.with_array(anatomy.parts["body"].astype(float)), "1")
    assert reached(strength(specimen, "now", fields=(body,))) > reached(now)
    tissue = tissue_of(specimen, "now", (body.volume,))
    world = central_sample(anatomy.calibration, "kopperdahl_2002_power")
    compression, tension = strengths(tissue, world, modulus(tissue, world))
    full = tissue.cement == 1.0
    alone = number("yielding.pmma_compression")
    cavity = compression[full & tissue.replaced]
    assert cavity == pytest.approx(np.full(cavity.shape, alone * (1 - world.porosity) ** 2))
    assert (compression[full & ~tissue.replaced] < cavity[0]).any()
    assert (tension <= compression).all()


def test_without_a_length_to_strain_the_strength_is_read_on_the_plateau(anatomy):
    bent = strength(build_flexion(anatomy, COARSE), "now")
    assert "slope" in bent.how
    one, two = bent.path.points[-2:]
    slope = (two.force_N - one.force_N) / (two.displacement_mm - one.displacement_mm)
    assert slope < number("yielding.plateau_share") * bent.path.stiffness


def test_a_plateau_that_is_not_reached_gives_no_strength(anatomy, monkeypatch):
    monkeypatch.setattr(yielding, "PLATEAU_STEPS", 2)
    bent = strength(build_flexion(anatomy, COARSE), "now")
    assert bent.estimate is None
    assert re.match(r"not known: after 2 steps the slope is \d+\.\d % of the stiffness$", bent.how)


@pytest.mark.parametrize(("trusted", "known"), [(0.03, True), (1e-3, False)])
def test_most_bone_beyond_small_strains_has_no_strength(intact, specimen, monkeypatch, trusted, known):
    monkeypatch.setattr(yielding, "number", lambda key: trusted if "strain_trusted" in key else number(key))
    counted = specimen.body & ~specimen.end_cap
    law = law_pair(specimen.settings.laws, specimen.case.title)
    found = yielding._level_strength(specimen, "L1", law, counted, intact.path, 1000.0, "as read")
    beyond = found.diagnostics["beyond_small_strain_share"]
    assert beyond > 0.0
    assert (beyond <= 0.5) == known
    told = (
        f"{100 * beyond:.2g} % of the bone is strained beyond {100 * trusted:g} %, where small displacements "
    )
    assert (found.estimate is not None) == known
    assert found.how == ("as read" if known else f"not known: {told}no longer hold")
    assert found.warnings == (f"L1: {told if known else f'not known: {told}'}no longer hold",)


def test_softening_needs_its_energy_and_more_of_it_is_never_weaker(specimen):
    with pytest.raises(NotAvailable, match="no source gives one"):
        strength(specimen, "now", level="L3")
    brittle, tough = (
        reached(strength(specimen, "now", level="L3", energy_N_mm=energy)) for energy in (2.0, 50.0)
    )
    assert brittle < 0.98 * tough
    assert tough <= reached(strength(specimen, "now", level="L2")) * 1.01


def test_cortex_of_a_lesion_weaker_than_its_density_weakens_the_bone(anatomy):
    dense = replace(
        anatomy, image=anatomy.image.with_array(np.where(anatomy.lesion_mask, 900.0, anatomy.image.array))
    )
    specimen = build_compression(dense, COARSE)
    whole, weak = (reached(strength(specimen, "now", weaker_cortex=factor)) for factor in (1.0, 0.3))
    assert weak < 0.995 * whole


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"level": "L7"}, "no level 'L7'"),
        ({"weaker_cortex": 0.0}, "factor above 0"),
        ({"energy_N_mm": -1.0}, "energy per area above 0"),
    ],
)
def test_a_wrong_level_factor_or_energy_is_refused(specimen, wrong, words):
    with pytest.raises(BadInput, match=words):
        strength(specimen, "now", **wrong)


def test_a_law_without_a_strength_law_of_its_own_does_not_yield():
    assert law_pair(("femur_sigmoid", "keyak_falkinstein_2003"), "stance").id == "keyak_falkinstein_2003"
    with pytest.raises(NotAvailable, match="use the linear level L0"):
        law_pair(("femur_sigmoid", "keller_1994_vertebra"), "stance")


def test_every_pair_of_laws_yields_at_a_strain_that_bone_has():
    pairs = [law for law in modulus_laws().values() if law.strength]
    assert len(pairs) >= 4
    for law in pairs:
        density = Density(np.array([0.2, 0.4]), law.argument)
        strain = strength_law(law.strength)(density) / modulus_law(law.id)(density)
        assert (strain > 0.003).all(), law.id
        assert (strain < 0.03).all(), law.id
