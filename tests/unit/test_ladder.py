"""Strength of a specimen by yielding: what must hold from level to level and from state to state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import BadInput, NotAvailable
from osteoplan.knowledge.materials import Density, modulus_law, modulus_laws, strength_law
from osteoplan.knowledge.values import number
from osteoplan.mechanics.cases.vertebra import build_compression, build_flexion
from osteoplan.mechanics.load import tissue_of
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.mechanics.yielding import law_pair, strength, strengths
from osteoplan.model.field import Field
from tests.synthetic_vertebra import vertebra

COARSE = MechanicsSettings(spacing_mm=2.5)


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


def test_strength_is_read_at_the_agreed_strain_of_the_height(specimen, intact):
    at = number("yielding.model_strain") * specimen.height_mm
    assert intact.path.points[-1].displacement_mm == pytest.approx(at)
    assert intact.estimate.value == intact.path.points[-1].force_N
    assert intact.estimate.low is None  # no interval is claimed


def test_cement_strengthens_and_cement_in_a_cavity_yields_later_than_in_bone(specimen, anatomy, now):
    body = Field("cement_fraction", anatomy.image.with_array(anatomy.parts["body"].astype(float)), "1")
    assert strength(specimen, "now", fields=(body,)).estimate.value > now.estimate.value
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


def test_softening_needs_its_energy_and_more_of_it_is_never_weaker(specimen):
    with pytest.raises(NotAvailable, match="no source gives one"):
        strength(specimen, "now", level="L3")
    brittle, tough = (
        strength(specimen, "now", level="L3", energy_N_mm=energy).estimate.value for energy in (2.0, 50.0)
    )
    assert brittle < 0.98 * tough
    assert tough <= strength(specimen, "now", level="L2").estimate.value * 1.01


def test_cortex_of_a_lesion_weaker_than_its_density_weakens_the_bone(anatomy):
    dense = replace(
        anatomy, image=anatomy.image.with_array(np.where(anatomy.lesion_mask, 900.0, anatomy.image.array))
    )
    specimen = build_compression(dense, COARSE)
    whole, weak = (strength(specimen, "now", weaker_cortex=factor).estimate.value for factor in (1.0, 0.3))
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
