"""Sixty-four paired worlds of five options, every one solved: seconds, and how far the estimate was off.

    python benchmarks/draws.py [--data FOLDER] [--draws 64] [--spacing 1.0] [--tolerance 1e-4]

A real T12 with a simulated lytic lesion: as it is, after cement through the left, the right and both
pedicles, and with its whole body filled.  Each world has its own calibration, density law, tissue, cement,
outline of the lesion and direction of the load; every solve starts from the field of the central world and
uses its multigrid grids.
``estimate`` is what a plan shows: energies of few solved fields.  Ratios are to the intact bone.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from osteoplan.anatomy.read import bone_on_scan, build_anatomy
from osteoplan.anatomy.simulate import Recipe, simulate
from osteoplan.cement.grow import fill
from osteoplan.io.nifti import read_nifti
from osteoplan.kernels.elasticity import Stiffness
from osteoplan.kernels.multigrid import Hierarchy
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.techniques import limits
from osteoplan.mechanics.cases.vertebra import build_compression
from osteoplan.mechanics.load import load, solve, tissue_of
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.lesion_outline import redrawn
from osteoplan.mechanics.uncertainty.load_direction import load_direction
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus, parameter_samples
from osteoplan.model.case import Case, Lesion
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from osteoplan.model.findings import Findings
from osteoplan.model.inventory import Inventory
from osteoplan.techniques.effects import effects
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from osteoplan.trajectory.setting import Setting

SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("OSTEOPLAN_DATA", "../shared/data")))
    parser.add_argument("--draws", type=int, default=64)
    parser.add_argument("--spacing", type=float, default=1.0)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    given = parser.parse_args()
    anatomy = t12(given.data / "chest_spine")
    specimen = build_compression(anatomy, MechanicsSettings(spacing_mm=given.spacing))
    print(f"{len(specimen.mesh.cells)} elements, {3 * len(specimen.mesh.nodes) / 1e6:.3f} M unknowns")
    states = {"intact": (), "untreated": (), **cemented(anatomy)}
    true, told = {}, {}
    load(specimen, image="now", ensemble=Ensemble(SEED, 2))  # compile
    print("state          solved s  CPU s  steps a solve  estimate s  fields solved for it")
    for name, fields in states.items():
        image = "intact" if name == "intact" else "now"
        began, cpu = time.perf_counter(), time.process_time()
        true[name], steps = solved(specimen, image, fields, given.draws, given.tolerance)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        began = time.perf_counter()
        found = load(specimen, image=image, fields=fields, ensemble=Ensemble(SEED, given.draws))
        told[name] = found.outcomes[0].draws
        extra = found.diagnostics["inputs_solved"] + found.diagnostics["anchors_solved"]
        spent = time.perf_counter() - began
        print(f"{name:14} {seconds:8.1f} {cpu:6.1f} {steps:14.1f} {spent:11.1f} {extra:21d}", flush=True)
    errors(true, told)


def solved(specimen, image, fields, n, tolerance):
    """(stiffness of every world, mean steps of a solve), nothing estimated."""
    calibration, laws, conditions = specimen.anatomy.calibration, specimen.settings.laws, specimen.conditions
    tissue = tissue_of(specimen, image, fields)
    E = modulus(tissue, central_sample(calibration, laws[0]))
    A = Stiffness.uniform(specimen.mesh, specimen.K0, E, dtype=np.float64)
    M = Hierarchy.of(A, conditions.fixed)
    start = solve(specimen, E, preconditioner=M).equilibrium.displacement_mm
    at_mm = specimen.mesh.nodes * specimen.settings.spacing_mm
    K, steps = [], []
    for world in parameter_samples(calibration, laws, Ensemble(SEED, n)):
        other = modulus(redrawn(specimen, tissue, image, world.edge_mm), world)
        found = solve(specimen, other, tolerance=tolerance, start_mm=start, preconditioner=M)
        u = found.equilibrium.displacement_mm
        lean = load_direction(
            at_mm, conditions.fixed, conditions.prescribed_mm, conditions.force_N, u, lambda f: f
        )
        K.append(float((other * found.s).sum()) * lean.factor(world.load_slopes))
        steps.append(found.equilibrium.iterations)
    return np.array(K), float(np.mean(steps))


def errors(true, told) -> None:
    """How far estimates are from solves: stiffness, ratio to intact, gain over untreated."""
    print(
        "\nstate          stiffness error %: worst, rms   ratio error, points   gain error, points   gain sd"
    )
    for name in true:
        off = told[name] / true[name] - 1
        ratio = [100 * draws[name] / draws["intact"] for draws in (told, true)]
        base = [100 * draws["untreated"] / draws["intact"] for draws in (told, true)]
        gains = [one - two for one, two in zip(ratio, base, strict=True)]
        print(
            f"{name:14} {100 * np.abs(off).max():20.2f} {100 * np.sqrt((off**2).mean()):8.2f} "
            f"{np.abs(ratio[0] - ratio[1]).max():21.2f} {np.abs(gains[0] - gains[1]).max():20.2f} "
            f"{gains[1].std():9.2f}"
        )


def t12(folder: Path):
    """T12 of the chest scan with a lytic lesion at its posterior wall."""
    with (folder / "structures.csv").open() as table:
        names = {row["structure"]: int(row["id"]) for row in csv.DictReader(table)}
    ct, labels = read_nifti(folder / "cxr.nii.gz", "HU"), read_nifti(folder / "mask.nii.gz", "label")
    case = Case("chest", ct, (), {"kind": "fixed", "kvp": 120}, labels=labels, structures=names)
    bone = bone_on_scan(case, "vertebra_T12")
    frame = bone.vertebra.frame
    back = frame.local(bone.vertebra.wall_mm())[:, 1].mean()
    recipe = Recipe(tuple(frame.world([0.0, back - 9.0, 0.0]).tolist()), (22.0, 18.0, 17.0), "lytic")
    made = simulate(ct, bone.mask, recipe, frame=frame, seed=12)
    lesion = Lesion("L1", "vertebra_T12", "midline", ct.with_array(made.mask, "mask"), simulated=True)
    return build_anatomy(replace(case, ct=made.ct, lesions=(lesion,)), lesion)[0]


def cemented(anatomy) -> dict[str, tuple[Field, ...]]:
    """Cement of every vertebroplasty, and a body full of it."""
    setting = Setting.of(anatomy, Inventory(devices(), limits("vertebroplasty")), Ensemble(SEED, 200))
    found = {}
    for plan in Vertebroplasty().propose(setting, Findings())[:3]:
        grown = fill(setting.around, effects(plan, devices()), setting.ensemble)
        found[plan.id.removeprefix("vertebroplasty_")] = grown.fields
    body = anatomy.image.with_array(anatomy.parts["body"].astype(np.float32), "fraction")
    return {**found, "body full": (Field("cement_fraction", body, "1"),)}


if __name__ == "__main__":
    main()
