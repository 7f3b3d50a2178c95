"""What was computed, as files that others read: VTK for the eye, a CalculiX deck for a second opinion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from osteoplan.errors import OnStep
from osteoplan.io.calculix import write_deck
from osteoplan.io.vtk import write_vti, write_vtu
from osteoplan.knowledge.values import number
from osteoplan.mechanics.load import solve, tissue_of
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import State
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.mechanics.voxels.problem import VoxelProblem
from osteoplan.mechanics.voxels.solve import VoxelSolution
from osteoplan.report.drawing.boundary_conditions import boundary_png
from osteoplan.workflow.load_case_runner import LoadCaseRunner
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["solved_body", "write_boundaries", "write_solved"]

CLASS_WIDTH = 0.01  # of the deck's moduli: each is at most half a per cent off


def write_solved(
    runner: LoadCaseRunner, out: Path, *, progress: Progress = quiet, span: tuple[float, float] = (0.0, 1.0)
) -> tuple[Path, ...]:
    """Write ``CASE_STATE.vtu``, ``.vti`` and ``.inp`` of every load case, intact and now; the files.

    Moduli are those of the central sample; displacements and loads those of the case's unit motion or load.
    """
    out.mkdir(parents=True, exist_ok=True)
    jobs = [(case, state) for case in runner.cases for state in get_args(State)]
    start, end = span
    files: list[Path] = []
    for n, (case, state) in enumerate(jobs):
        part = (start + n * (end - start) / len(jobs), start + (n + 1) * (end - start) / len(jobs))
        on_step = stage(progress, f"writing {case.title}, {state}", *part)
        specimen = runner.specimen(case)
        solution = solved_body(specimen, state, on_step=on_step)
        name, affine = f"{case.id}_{state}", specimen.grid.affine
        write_vtu(out / f"{name}.vtu", solution, affine)
        write_vti(out / f"{name}.vti", solution, affine)
        write_deck(out / f"{name}.inp", solution.problem, affine, class_width=CLASS_WIDTH)
        files += [out / f"{name}.{kind}" for kind in ("vtu", "vti", "inp")]
    return tuple(files)


def write_boundaries(runner: LoadCaseRunner, out: Path, stamps: Sequence[str] = ()) -> tuple[Path, ...]:
    """Write ``CASE_supports.png`` of every load case: where the bone is held and loaded; the files."""
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for one in runner.boundary_summaries():
        files.append(out / f"{one.id}_supports.png")
        files[-1].write_bytes(boundary_png(runner.anatomy, one, stamps))
    return tuple(files)


def solved_body(specimen: Specimen, state: State, *, on_step: OnStep | None = None) -> VoxelSolution:
    """A specimen in one state, solved in the central sample."""
    sample = central_sample(specimen.anatomy.calibration, specimen.settings.laws[0])
    E = modulus(tissue_of(specimen, state), sample)
    h, conditions = specimen.settings.spacing_mm, specimen.conditions
    problem = VoxelProblem(
        (h, h, h), number("bone.poisson_ratio"), specimen.mesh, E, conditions.fixed,
        conditions.prescribed_mm, conditions.force_N, 0, 0,
    )  # fmt: skip
    return VoxelSolution.of(problem, solve(specimen, E, on_step=on_step).equilibrium)
