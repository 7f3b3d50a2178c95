"""Laws, conversions and single numbers of materials."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.materials import (
    Density,
    cavity_modulus,
    composite_modulus,
    conversion,
    conversions,
    modulus_law,
    modulus_laws,
    strength_law,
    strength_laws,
)
from osteoplan.knowledge.refs import citation
from osteoplan.knowledge.values import known, values

FILES = (
    "bone", "cement", "interfaces", "metal", "metal_strength", "rigidity", "uncertainty",
    "vertebra_compression", "yielding",
)  # fmt: skip


@pytest.mark.parametrize(
    ("law", "r", "expected"),
    [
        ("kopperdahl_2002_power", 0.1, 265.59),
        ("kopperdahl_2002_linear", 0.1, 288.3),
        ("keller_1994", 0.3, 666.4),  # 666 in physics-checks
        ("keyak_falkinstein_2003", 0.1, 213.9),
        ("keyak_falkinstein_2003", 0.3, 2061.1),
        ("keyak_falkinstein_2003", 0.6, 3653.3),
        ("morgan_2003_neck", 1.0, 6850.0),
        ("keller_1994_vertebra", 1.0, 1890.0),
    ],
)
def test_a_modulus_law_gives_the_number_worked_by_hand(law, r, expected):
    chosen = modulus_law(law)
    assert chosen(Density(np.array([r]), chosen.argument))[0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("law", "r", "expected"),
    [
        ("kopperdahl_2002_yield", 1.0, 37.4),
        ("keyak_1994_yield", 0.3, 14.25),
        ("keyak_1994_yield", 0.6, 47.35),
    ],
)
def test_a_strength_law_gives_the_number_worked_by_hand(law, r, expected):
    chosen = strength_law(law)
    assert chosen(Density(np.array([r]), chosen.argument))[0] == pytest.approx(expected, rel=2e-3)


def test_a_law_refuses_the_density_that_it_was_not_fitted_to():
    with pytest.raises(BadInput, match="takes app density, not K2HPO4: convert it first"):
        modulus_law("morgan_2003_vertebra")(Density.of_mg([100.0], "K2HPO4"))


def test_a_conversion_refuses_another_density():
    with pytest.raises(BadInput, match="converts K2HPO4 density, not ash"):
        conversion("keyak_1994")(Density(np.array([0.1]), "ash"))


def test_the_conversions_of_every_law_lead_from_k2hpo4_to_its_argument():
    for law in (*modulus_laws().values(), *strength_laws().values()):
        density = Density(np.array([0.1, 0.3, 0.6]), "K2HPO4")
        for step in law.conversions:
            density = conversion(step)(density)
        assert np.all(law(density) > 0), law.id


def test_trabelsi_gives_a_fifth_more_ash_than_keyak():
    density = Density(np.array([0.1, 1.0]), "K2HPO4")
    ratio = conversion("trabelsi_2011")(density).values / conversion("keyak_1994")(density).values
    assert ratio == pytest.approx([1.20, 1.16], abs=0.01)


def test_negative_density_counts_as_none_and_never_goes_below_the_floor():
    values = modulus_law("kopperdahl_2002_linear")(
        Density.of_mg([-100.0, 0.0, 50.0], "K2HPO4"), floor_MPa=0.1
    )
    assert values.tolist()[:2] == [0.1, 0.1]
    assert values[2] == pytest.approx(126.8)


def test_every_law_rises_with_density():
    r = np.linspace(0.02, 1.2, 300)
    for law in modulus_laws().values():
        assert np.all(np.diff(law(Density(r, law.argument))) > 0), law.id


def test_the_composite_is_far_softer_than_cement_and_in_the_stated_range():
    parts = {key: known(f"cement.{key}") for key in ("pmma_modulus", "porosity", "interface_factor")}
    value = float(composite_modulus(*(part.number for part in parts.values())))
    stated = known("cement.composite_modulus")
    assert value == pytest.approx(stated.value, rel=1e-3)
    assert stated.low <= value <= stated.high
    assert float(cavity_modulus(2300.0, 0.0)) == 2300.0


def test_every_material_fact_cites_a_known_source_or_says_that_there_is_none():
    rows = [
        *modulus_laws().values(),
        *strength_laws().values(),
        *conversions().values(),
        *(row for file in FILES for row in values(file).values()),
    ]
    for row in rows:
        from_memory = row.status == "unverified" and "from memory" in getattr(row, "note", "")
        assert row.cite or row.status == "design_default" or from_memory
        for key in row.cite:
            assert citation(key).text


def test_an_unknown_name_is_answered_with_the_nearest_one():
    with pytest.raises(UnknownName, match="did you mean 'kopperdahl_2002_power'"):
        modulus_law("kopperdal_2002_power")
    with pytest.raises(UnknownName, match=r"materials/bone\.yaml; did you mean 'poisson_ratio'"):
        known("bone.poisson")
