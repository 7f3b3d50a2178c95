"""Load a specimen: solve a modulus field under its boundary conditions, and what it answers in any state.

    A(E) u = f,  u = g where held                     E (n_elements,) of the state, f or g of the drive
    w                 1 under a prescribed unit motion, u . f under a given unit load
    s_e = u_e . K0 u_e / w^2                          energies at unit motion, E = 1 MPa
    K = sum E_e s_e                                   stiffness: N/mm, or N mm/rad where the motion turns

K is a minimum of energy at w = 1, so stiffer material anywhere never lowers it, and the estimates and bounds
of ``uncertainty.samples`` hold for a moved plane and for a given force alike.  Every state (intact, now,
treated) uses one mesh and one drive: states differ by their materials alone.
Tests: tests/unit/test_specimen.py, test_mechanics.py, test_hemipelvis.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import OnStep
from osteoplan.kernels.elasticity import element_energy
from osteoplan.kernels.multigrid import Equilibrium, Hierarchy, equilibrium
from osteoplan.knowledge.loads import LoadCase
from osteoplan.mechanics.checks import require_held, require_load_path
from osteoplan.mechanics.existing_metal import alloy_range, existing_metal
from osteoplan.mechanics.memory import Hierarchies, ensure_memory
from osteoplan.mechanics.outcomes import SolvedFill, outcomes, strain_field
from osteoplan.mechanics.rods import Rod, overlaps, rods_in, screw_estimates
from osteoplan.mechanics.sampled_image import cement_of, cement_share, replaced_by_soft_tissue
from osteoplan.mechanics.scenarios import in_scenario, layered
from osteoplan.mechanics.specimen import Response, Specimen
from osteoplan.mechanics.state import MechanicsSettings, State
from osteoplan.mechanics.uncertainty.correction import correction_points
from osteoplan.mechanics.uncertainty.draws import Surrogate, bone_draws, stiffness_draws
from osteoplan.mechanics.uncertainty.samples import (
    ParameterSample,
    Tissue,
    central_sample,
    modulus,
    parameter_samples,
)
from osteoplan.mechanics.uncertainty.sensitivity import sensitivity
from osteoplan.model.effects import Effects
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.simulated import Simulated
from osteoplan.model.volume import Volume

__all__ = ["load", "settings_of", "solve", "tissue_of", "with_rods"]

LOOSE = 1e-4  # tolerance of solves of which only energies are kept


def settings_of(case: LoadCase, spacing_mm: float = 0.0) -> MechanicsSettings:
    """Settings of a load case: its laws, and its own edge of the cubes unless a coarser one is asked for."""
    own = case.spacing_mm.value if case.spacing_mm else 0.0
    return MechanicsSettings(spacing_mm=max(own, spacing_mm), laws=case.laws.use)


def tissue_of(
    specimen: Specimen, state: State, fills: tuple[Volume, ...] = (), rods: tuple[Rod, ...] = ()
) -> Tissue:
    """What fills each element in a state; ``fills`` are cement fractions."""
    image = specimen.image[state]
    replaced = replaced_by_soft_tissue(specimen.anatomy, image, specimen.lesion, state)
    cap_MPa = specimen.case.known(specimen.case.cap_modulus).number if specimen.case.cap_modulus else None
    metal, alloy = _existing(specimen)
    tissue = Tissue(
        image, specimen.end_cap, replaced & ~specimen.end_cap, _cement(specimen, fills), rods,
        cap_MPa=cap_MPa, metal=metal, metal_MPa=alloy,
    )  # fmt: skip
    if state == "now":
        tissue = in_scenario(tissue, specimen.lesion, specimen.settings.scenario)
    return layered(tissue, specimen.mesh) if specimen.settings.bond == "layer" else tissue


def with_rods(tissue: Tissue, specimen: Specimen, effects: Effects | None, sample: ParameterSample) -> Tissue:
    """The same with the rods of a plan, held by what it is in a sample.

    Raises:
        BadInput: as ``rods_in``.
    """
    if effects is None or not effects.solids:
        return tissue
    moduli = modulus(tissue, sample)
    return replace(tissue, rods=rods_in(effects, specimen.grid, specimen.mesh, tissue.cement, moduli))


def solve(
    specimen: Specimen,
    E: F64,
    *,
    tolerance: float | None = None,
    start_mm: F64 | None = None,
    preconditioner: Hierarchy | None = None,
    rods: tuple[Rod, ...] = (),
    on_step: OnStep | None = None,
) -> Response:
    """Displacements, energies and reactions of a modulus field [MPa] under the drive.

    Args:
        E: (n_elements,) or, with the 1 of each rod behind them, (n_elements + n_rods,).

    Raises:
        NotConverged: the solver stopped short.
        Cancelled: ``on_step(iteration, residual)`` returned False.
    """
    conditions, settings = specimen.conditions, specimen.settings
    found = equilibrium(
        specimen.stiffness(E, rods), fixed=conditions.fixed, prescribed_mm=conditions.prescribed_mm,
        force_N=conditions.force_N, tolerance=tolerance or settings.tolerance, start_mm=start_mm,
        preconditioner=preconditioner, max_iterations=settings.max_iterations, on_step=on_step,
    )  # fmt: skip
    return _response(specimen, found, rods)


def load(
    specimen: Specimen,
    *,
    image: State,
    ensemble: Ensemble,
    fields: tuple[Field, ...] = (),
    effects: Effects | None = None,
    hierarchies: Hierarchies | None = None,
    on_step: OnStep | None = None,
) -> Simulated:
    """Load the bone in one state.

    Args:
        specimen: of a builder.
        image: ``intact`` (without the lesion) or ``now``.
        ensemble: the sampled patients.
        fields: what was done to it; ``cement_fraction`` is understood, with its samples.
        effects: its solids are screws and wires.
        hierarchies: kept from other load cases of this bone.

    Raises:
        BadInput: no load can pass, or a rod outside the bone.
        NotConverged: the solver stopped short.
        Cancelled: ``on_step(iteration, residual)`` returned False.
        NotAvailable: more memory is needed than is free; told before anything is solved.
    """
    _require_solvable(specimen)
    fill, sampled_fills = cement_of(fields)
    inputs = next((field.inputs for field in fields if field.inputs), ())
    calibration, laws = specimen.anatomy.calibration, specimen.settings.laws
    central, sampled = central_sample(calibration, laws[0]), parameter_samples(calibration, laws, ensemble)
    tissue = with_rods(tissue_of(specimen, image, fill), specimen, effects, central)
    rods, E = tissue.rods, modulus(tissue, central)
    M = (hierarchies or Hierarchies()).of(specimen.stiffness(E, rods), specimen.conditions.fixed)
    solved = partial(solve, specimen, preconditioner=M, rods=rods, on_step=on_step)
    found = solved(E)
    state = Surrogate(tissue, E, found.s)

    def energies(other: F64) -> F64:
        # Energies are second order in the error of the field: a loose solve is enough.
        return solved(other, tolerance=LOOSE, start_mm=found.equilibrium.displacement_mm).s

    points = correction_points(state, central, laws if specimen.case.anchored else (), energies)
    stated = SolvedFill(tissue, E, found)
    fills = [
        _turned_out(specimen, stated, central, tissue_of(specimen, image, one, rods), on_step)
        for one in sampled_fills
    ]
    surrogates = [Surrogate(one.tissue, one.E, one.found.s) for one in fills] or [state]
    draws = stiffness_draws(surrogates, sampled)
    moved = sensitivity(specimen, state, image, central, found, energies, M)
    draws = draws * np.array([points.factor(sample) * moved.factor(sample) for sample in sampled])
    K, of_tissue = stated.K, specimen.case.of_tissue
    gains = bone_draws(surrogates, ~specimen.end_cap, sampled) if of_tissue else np.ones(ensemble.n)
    told = outcomes(specimen, stated, fills, draws, gains, inputs)
    return Simulated(
        (*moved.on(told, of_tissue), *_screws(specimen, rods, K, found, ensemble)),
        (strain_field(specimen, found.s, K),),
        {
            **specimen.diagnostics, **_diagnostics(specimen, tissue, K, found),
            "fills_solved": sum(one.found is not found for one in fills),
            "anchors_solved": points.solved, "inputs_solved": moved.solved,
        },
        (*specimen.warnings, *overlaps(rods)),
    )  # fmt: skip


def _turned_out(
    specimen: Specimen, stated: SolvedFill, central: ParameterSample, tissue: Tissue, on_step: OnStep | None
) -> SolvedFill:
    """A fill as it may turn out; solved on grids of its own unless it is the one of the plan.

    Grids of another fill take up to ten times the steps, and a strain needs no more than a loose solve.
    """
    E = modulus(tissue, central)
    if np.array_equal(E, stated.E):
        return replace(stated, tissue=tissue)
    start = stated.found.equilibrium.displacement_mm
    found = solve(specimen, E, tolerance=LOOSE, start_mm=start, rods=tissue.rods, on_step=on_step)
    return SolvedFill(tissue, E, found)


def _screws(
    specimen: Specimen, rods: tuple[Rod, ...], K: float, found: Response, ensemble: Ensemble
) -> tuple[Estimate, ...]:
    """What screws bear at the display load."""
    load = specimen.case.display_load.value
    at = f"{load:g} {specimen.case.load_unit}"
    return screw_estimates(rods, found.unit_motion_mm * load / K, specimen.case.title, at, ensemble)


def _existing(specimen: Specimen) -> tuple[Bool | None, float]:
    """(elements of metal that the scan shows, their modulus); None where it is left out or there is none."""
    settings = specimen.settings
    if settings.existing_metal == "left out":
        return None, 0.0
    found = existing_metal(specimen.anatomy, specimen.grid, specimen.mesh) & ~specimen.end_cap
    alloy = alloy_range()[0] if settings.alloy_MPa is None else settings.alloy_MPa
    return (found, alloy) if found.any() else (None, 0.0)


def _require_solvable(specimen: Specimen) -> None:
    """A load can pass, and the memory is there."""
    conditions, bone = specimen.conditions, specimen.anatomy.level
    require_load_path(specimen.mesh, conditions.held, conditions.loaded, bone=bone, case=specimen.case.title)
    require_held(specimen.mesh, conditions.fixed, specimen.grid, bone=bone, case=specimen.case.title)
    ensure_memory(specimen.unknowns, specimen.grid.array.size, specimen.settings.spacing_mm)


def _cement(specimen: Specimen, fills: tuple[Volume, ...]) -> F64:
    """(n_elements,) share of each element that is cement; the caps take none."""
    return np.where(specimen.end_cap, 0.0, cement_share(specimen.grid, specimen.mesh.cells, fills))


def _response(specimen: Specimen, found: Equilibrium, rods: tuple[Rod, ...]) -> Response:
    conditions, u = specimen.conditions, found.displacement_mm
    energy = np.append(element_energy(specimen.mesh, specimen.K0, u), [rod.energy(u) for rod in rods])
    reaction = found.reaction_N
    if conditions.force_N is None:
        w, stiffness = 1.0, float((reaction * conditions.prescribed_mm).sum())
        rest = reaction.sum(axis=0)
    else:
        w = float((found.displacement_mm * conditions.force_N).sum())
        stiffness = 1.0 / w
        rest = (reaction + conditions.force_N).sum(axis=0) * stiffness
    companion = 0.0
    if conditions.companion_mm is not None:
        companion = float((reaction * conditions.companion_mm).sum()) / stiffness
    balance = float(np.linalg.norm(rest)) / stiffness
    return Response(found, energy / w**2, stiffness, companion, balance, w)


def _diagnostics(
    specimen: Specimen, tissue: Tissue, K: float, found: Response
) -> dict[str, float | int | str]:
    voxel_mL = specimen.settings.spacing_mm**3 / 1000.0
    return {
        "iterations": found.equilibrium.iterations,
        "residual": found.equilibrium.residual,
        "reaction_against_energy": abs(found.stiffness - K) / K,
        "reaction_against_load": found.balance,
        "replaced_by_soft_tissue_mL": float(tissue.replaced.sum()) * voxel_mL,
        "cement_in_bone_mL": float(tissue.cement.sum()) * voxel_mL,
        "existing_metal_mL": float(0 if tissue.metal is None else tissue.metal.sum()) * voxel_mL,
        "metal_in_bone_mL": float(sum(rod.share.sum() for rod in tissue.rods)) * voxel_mL,
    }
