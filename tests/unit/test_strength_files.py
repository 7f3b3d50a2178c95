"""``osteoplan strength``: per cent of intact first, and files with which a sceptic can compute again."""

from __future__ import annotations

import os
import re
import subprocess

import meshio
import numpy as np
import pytest
from rich.console import Console

from osteoplan.cli.strength_tables import share_table, technical_table
from osteoplan.errors import NotAvailable, UnknownName
from osteoplan.mechanics import load, memory
from osteoplan.model.ensemble import Ensemble
from osteoplan.workflow import load_case_runner
from osteoplan.workflow.load_case_runner import LoadCaseRunner
from osteoplan.workflow.settings import PlanSettings
from osteoplan.workflow.solved_files import solved_body, write_solved
from tests.synthetic_vertebra import vertebra

COARSE = PlanSettings(spacing_mm=3.0, draws=10)


@pytest.fixture(scope="module")
def runner():
    return LoadCaseRunner(vertebra("oblique"), COARSE, which="vertebra_compression")


@pytest.fixture(scope="module")
def files(runner, tmp_path_factory):
    folder = tmp_path_factory.mktemp("solved")
    told = []
    written = write_solved(runner, folder, progress=lambda done, what: told.append((done, what)) or True)
    return folder, written, told


def test_every_state_is_written_as_mesh_image_and_deck(files):
    folder, written, told = files
    names = {
        f"vertebra_compression_{state}.{kind}"
        for state in ("intact", "now")
        for kind in ("vtu", "vti", "inp")
    }
    assert {file.name for file in written} == names == {file.name for file in folder.iterdir()}
    assert all(file.stat().st_size > 1000 for file in written)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_mesh_lies_on_the_bone_in_patient_space(runner, files):
    folder, _, _ = files
    read = meshio.read(folder / "vertebra_compression_now.vtu")
    bone = runner.anatomy.image.positions_mm(np.argwhere(runner.anatomy.bone_mask))
    centres = read.points[read.cells_dict["hexahedron"]].mean(axis=1)
    np.testing.assert_allclose(centres.mean(axis=0), bone.mean(axis=0), atol=12.0)
    outside = np.linalg.norm(centres[:, None] - bone[None, ::7], axis=-1).min(axis=1)
    assert np.quantile(outside, 0.5) < 3.0


def test_the_reaction_in_the_file_is_the_stiffness_of_the_specimen(runner, files):
    """The upper end is moved by 1 mm along the vertebra's own axis."""
    folder, _, _ = files
    found = solved_body(runner.specimen(runner.case), "now")
    read = meshio.read(folder / "vertebra_compression_now.vtu")
    force = read.point_data["reaction_N"]
    axis = runner.specimen(runner.case).grid.affine[:3, 2] / 3.0
    along = force @ axis
    assert along[along < 0].sum() == pytest.approx(-2.0 * found.energy_mJ, rel=1e-6)  # 2 W = K at 1 mm
    np.testing.assert_allclose(force.sum(axis=0), 0.0, atol=1e-4 * found.energy_mJ)


@pytest.mark.services
def test_calculix_finds_the_same_stiffness_of_the_bone(runner, files, ccx):
    """Moduli stand in classes of 1 %: the answers differ by less."""
    folder, _, _ = files
    name = "vertebra_compression_now"
    subprocess.run(
        [ccx, "-i", name], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True,
        capture_output=True, timeout=300,
    )  # fmt: skip
    told = (folder / f"{name}.dat").read_text(encoding="ascii")
    row = re.search(r"for set MOVED.*\n\s*\n(.*)\n", told)[1]
    found = solved_body(runner.specimen(runner.case), "now")
    assert abs(float(row.split()[2])) == pytest.approx(2.0 * found.energy_mJ, rel=5e-3)


def test_a_load_case_that_the_bone_does_not_have_is_named_with_its_neighbour():
    with pytest.raises(UnknownName, match="did you mean 'vertebra_compression'"):
        LoadCaseRunner(vertebra("straight"), COARSE, which="vertebra_compresion")


def outcome(id, target, value, unit, spread=0.1):
    low, high = value * (1 - spread), value * (1 + spread)
    return {"id": id, "for": target, "value": value, "low": low, "high": high, "unit": unit}


FOUND = {
    "now": [
        outcome("strength_N", "compression", 2163.0, "N"),
        outcome("stiffness_Nmm_per_deg", "forward flexion through discs", 66864.7, "N mm/deg"),
        outcome("strength_ratio_to_intact", "compression", 75.7, "%"),
        outcome("stiffness_ratio_to_intact", "forward flexion through discs", 57.0, "%"),
        outcome("strength_to_load", "compression: lifting 10 kg", 1.31, "1"),
    ],
    "intact": [outcome("strength_N", "compression", 2859.0, "N")],
}


def shown(table, width=80):
    console = Console(width=width, record=True, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    console.print(table)
    return console.export_text()


def test_per_cent_of_intact_stands_first_and_newtons_in_the_technical_part():
    first, technical = shown(share_table(FOUND)), shown(technical_table(FOUND))
    assert re.search(r"compression +strength +76 \(68-83\) +1\.31 \(1\.18-1\.44\)", first)
    assert re.search(r"through discs +stiffness +57 \(51-63\) +-", first)
    assert "N/mm" not in first
    assert "2163" not in first
    assert re.search(r"compression +strength_N +2859 \(2573-3145\) +2163 \(1947-2379\) +N\b", technical)
    assert "%" not in technical


@pytest.mark.parametrize("table", [share_table, technical_table])
def test_the_tables_fit_a_terminal_of_eighty_columns(table):
    assert max(map(len, shown(table(FOUND)).splitlines())) <= 80
    assert "…" not in shown(table(FOUND))


def test_as_many_states_are_solved_side_by_side_as_the_free_memory_holds(runner, monkeypatch):
    specimen = runner.specimen(runner.case)
    needed = memory.needed_bytes(specimen.unknowns, specimen.grid.array.size)
    for free, most in ((None, 0), (0.5 * needed, 1), (2.5 * needed, 2)):
        monkeypatch.setattr(load_case_runner, "available_bytes", lambda free=free: free)
        assert runner.at_once() == most


def test_states_that_may_be_solved_side_by_side_share_no_hierarchy(runner):
    (one,), (other,) = (runner.rooms("now", treated=True) for _ in range(2))
    assert one.hierarchies is not other.hierarchies


def test_a_bone_too_fine_for_this_machine_is_refused_before_it_is_solved(runner, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 1e5)
    monkeypatch.setattr(load, "solve", None)
    with pytest.raises(NotAvailable, match=r"needs .* GB are free: take voxels of .* instead of 3 mm"):
        load.load(runner.specimen(runner.case), image="now", ensemble=Ensemble(1, 10))
