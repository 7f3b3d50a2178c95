"""The CalculiX deck, solved by CalculiX: the same reactions and displacements as ours."""

from __future__ import annotations

import os
import re
import subprocess

import numpy as np
import pytest

import osteoplan
from osteoplan.errors import BadInput
from osteoplan.io.calculix import deck, write_deck
from osteoplan.mechanics.voxels.problem import voxel_problem
from tests.solved_made import H, affine, mixed_body


def run_ccx(ccx, folder, solution, **how):
    """Solve in ``folder``; {set: (3,) sum of reactions}, {node: (3,) displacement}."""
    write_deck(folder / "body.inp", solution.problem, affine("straight"), **how)
    text = (folder / "body.inp").read_text(encoding="utf-8")
    # for this test: every node's displacement with all its digits
    (folder / "body.inp").write_text(text.replace("*NODE FILE\n", "*NODE PRINT, NSET=ALL\nU\n*NODE FILE\n"))
    done = subprocess.run(
        [ccx, "-i", "body"], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    told = (folder / "body.dat").read_text(encoding="ascii")
    sums = {
        name: np.array(numbers.split(), dtype=float)
        for name, numbers in re.findall(r"total force .* for set (\w+) and time.*\n\s*\n(.*)\n", told)
    }
    listed = told.split("displacements")[1].split("total")[0].split("\n", 1)[1]
    rows = np.array([line.split() for line in listed.splitlines() if len(line.split()) == 4], dtype=float)
    return sums, {int(row[0]): row[1:] for row in rows}


@pytest.mark.services
def test_calculix_finds_our_reactions_and_displacements(ccx, tmp_path):
    """2 x 3 x 5 bricks of 0.7 x 1.1 x 1.9 mm, moduli over three decades, squeezed and sheared."""
    solution = mixed_body()
    sums, displaced = run_ccx(ccx, tmp_path, solution)
    moved = solution.reaction_N[:, :, -1].reshape(-1, 3).sum(axis=0)
    np.testing.assert_allclose(sums["MOVED"], moved, rtol=2e-6)
    np.testing.assert_allclose(sums["HELD"], -moved, rtol=2e-6)
    ours = solution.displacement_mm[tuple(solution.problem.mesh.nodes.T)]
    theirs = np.array([displaced[n + 1] for n in range(len(ours))])
    np.testing.assert_allclose(theirs, ours, atol=2e-6 * np.abs(ours).max())


@pytest.mark.services
def test_calculix_carries_a_force_as_we_do(ccx, tmp_path):
    held = np.full((3, 4, 6, 3), np.nan)
    held[:, :, 0] = 0.0
    force = np.zeros(held.shape)
    force[:, :, -1] = (1.0, -2.0, 3.0)
    E = 10.0 ** np.random.default_rng(3).uniform(1, 4, (2, 3, 5))
    solution = osteoplan.solve_voxels(E, H, held, poisson_ratio=0.3, force_N=force, tolerance=1e-11)
    sums, displaced = run_ccx(ccx, tmp_path, solution)
    np.testing.assert_allclose(sums["HELD"], [-12.0, 24.0, -36.0], rtol=1e-6)
    ours = solution.displacement_mm[-1, -1, -1]
    np.testing.assert_allclose(displaced[len(displaced)], ours, rtol=1e-5)


def test_moduli_gathered_in_classes_are_off_by_half_their_width_at_most():
    solution = mixed_body()
    text = deck(solution.problem, affine("straight"), class_width=0.2)
    told = float(re.search(r"at most ([\d.e+-]+) % off", text)[1])
    assert 1.0 < told <= 10.0
    materials = [float(E) for E in re.findall(r"\*ELASTIC\n(\S+),", text)]
    assert len(materials) < 25
    off = np.abs(np.array(materials)[:, None] / solution.problem.modulus_MPa - 1).min(axis=0)
    assert off.max() <= 0.1
    exact = deck(solution.problem, affine("straight"))
    assert "25 materials, at most 0 % off" in exact
    with pytest.raises(BadInput, match="width -1"):
        deck(solution.problem, affine("straight"), class_width=-1)


def test_no_number_is_longer_than_calculix_reads():
    """It takes 20 characters of a field and drops the rest in silence."""
    fields = [field.strip() for line in deck(mixed_body().problem, affine("oblique")).splitlines()
              if not line.startswith("*") for field in line.split(",")]  # fmt: skip
    assert max(map(len, fields)) <= 20


def test_what_is_held_and_what_is_moved_are_sets_of_nodes():
    held = np.full((3, 4, 6, 3), np.nan)
    held[:, :, 0], held[:, :, -1, 2], held[0, 0, -1, :2] = 0.0, -0.1, 0.0
    problem = voxel_problem(np.ones((2, 3, 5)), 1.0, held, poisson_ratio=0.3, force_N=None)
    text = deck(problem, np.eye(4))
    sets = {name: [int(n) for n in body.replace("\n", "").split(",") if n]
            for name, body in re.findall(r"\*NSET, NSET=(\w+)\n([\d,\s]+)", text)}  # fmt: skip
    k = problem.mesh.nodes[:, 2]
    assert sets == {
        "MOVED": (np.flatnonzero(k == 5) + 1).tolist(),
        "HELD": (np.flatnonzero(k == 0) + 1).tolist(),
    }
    assert text.count(", 3, 3, -1.000000000000e-01") == 12
