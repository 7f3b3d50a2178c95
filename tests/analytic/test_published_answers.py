"""Vertebrae whose stiffness others published, solved again (the files are development scans)."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteoplan.errors import NotAvailable
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.materials import modulus_laws
from osteoplan.mechanics.published_vertebrae import solve, verse_l2
from osteoplan.mechanics.verification import cases

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def load(data: Path):
    return lambda name: read_nifti(data / name, "MPa").array


@pytest.fixture(scope="module")
def table(load):
    return {case.id: case for case in cases(load)}


def test_the_l2_vertebra_has_its_published_stiffness_with_the_published_slip(table):
    assert table["L2"].got == pytest.approx(12362.0, rel=1e-3)


def test_the_l2_vertebra_is_15_per_cent_softer_with_the_table_as_meant(table):
    assert table["L2-correct"].got == pytest.approx(10442.0, rel=5e-3)


def test_the_linear_failure_load_follows_from_stiffness_and_height(table):
    assert table["L2-linear-failure"].got == pytest.approx(2438.0, rel=1e-3)


def test_the_l4_vertebra_has_the_stiffness_that_parosol_found(table):
    assert table["L4"].got == pytest.approx(23358.64, rel=1e-3)


def test_the_l4_vertebra_from_material_ids_has_the_stiffness_that_faim_found(table):
    assert table["L4-ogo"].got == pytest.approx(23296.85, rel=1e-3)


def test_every_case_of_the_table_holds(table):
    assert [case.id for case in table.values() if not case.ok] == []


def test_multigrid_solves_the_l2_vertebra_in_thirty_steps(load):
    _, found, mesh = solve(verse_l2(load, shift=0), clamped=False)
    assert len(mesh.cells) == 67126
    assert found.iterations <= 30
    assert found.residual <= 1e-8


def test_without_data_a_published_case_stays_open_with_its_reason():
    def nothing(name: str):
        raise NotAvailable(f"{name} is not here")

    open_cases = [case for case in cases(nothing) if case.id.startswith("L")]
    assert len(open_cases) == 5
    assert all(case.ok is None and "is not here" in case.reason for case in open_cases)
    assert all(case.ok is None for case in cases(None) if case.id.startswith("L"))


def test_the_slip_of_the_published_table_is_in_no_law():
    assert not any("shift" in (law.id + law.note).lower() for law in modulus_laws().values())
