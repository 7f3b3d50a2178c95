"""A bone on cubes, held and loaded in one way, and what it answers in any of its states.

A load case builds a ``Specimen``; everything after that is the same for all of them:

    A(E) u = f,  u = g where held                     E (n_elements,) of the state, f or g of the drive
    w                 1 under a prescribed unit motion, u . f under a given unit load
    s_e = u_e . K0 u_e / w^2                          energies at unit motion, E = 1 MPa
    K = sum E_e s_e                                   stiffness: N/mm, or N mm/rad where the motion turns

Rods in the bone stand behind the elements in E and s, each with E = 1 and its own energy s.

K is a minimum of energy at w = 1, so stiffer material anywhere never lowers it, and the estimates and bounds
of ``worlds`` hold for a moved plane and for a given force alike.  Every state (intact, now, treated) uses one
mesh and one drive: states differ by their materials alone.
Tests: tests/unit/test_specimen.py, test_mechanics.py, test_hemipelvis.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness, element_energy
from osteoplan.kernels.multigrid import Equilibrium, Hierarchy, OnStep, equilibrium
from osteoplan.knowledge.loads import LoadCase, LoadUnit
from osteoplan.knowledge.values import number
from osteoplan.mechanics.cases.nodes import Nodes
from osteoplan.mechanics.checks import require_load_path
from osteoplan.mechanics.existing_metal import alloy_range, existing_metal
from osteoplan.mechanics.memory import Hierarchies, ensure_memory
from osteoplan.mechanics.outcomes import outcomes, strain_field
from osteoplan.mechanics.rods import Rod, rods_in, screw_estimates
from osteoplan.mechanics.scenarios import in_scenario, layered
from osteoplan.mechanics.state import (
    MechanicsSettings,
    Solved,
    State,
    cement_of,
    cement_share,
    relief,
    replaced_by_soft_tissue,
    stiffness_draws,
)
from osteoplan.mechanics.uncertainty.correction import anchors
from osteoplan.mechanics.uncertainty.samples import Tissue, central_world, modulus, worlds
from osteoplan.mechanics.uncertainty.sensitivity import moves
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Effects
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.simulated import Simulated
from osteoplan.model.volume import Volume

__all__ = ["Drive", "Response", "Specimen", "load", "settings_of", "solve", "tissue_of"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
LOOSE = 1e-4  # tolerance of solves of which only energies are kept


@dataclass(frozen=True, eq=False)
class Drive:
    """One way to hold and load a mesh: a prescribed unit motion, or a given unit load.

    Vectors are in the grid's own axes.

    Attributes:
        fixed: (n_nodes, 3) held, or moved by the machine.
        prescribed_mm: (n_nodes, 3) the motion where fixed: 0 where held, 1 mm or 1 rad times a lever where
            moved; 0 everywhere under a given load.
        force_N: (n_nodes, 3) the unit load (1 N, or 1 N mm as forces on levers); None under a motion.
        moved: what moves or presses, in words.
        load_unit: N, or N mm where the motion turns.
        companion_mm: (n_nodes, 3) a second unit motion of the moved nodes, of which only the reaction is told
            (e.g. the axial force that goes with a moment); None where there is none.
        moving: (n_nodes,) the moving part, where some of it lies on the axis and stays; None: whatever moves.
    """

    fixed: Bool
    prescribed_mm: F64
    force_N: F64 | None = None
    moved: str = ""
    load_unit: LoadUnit = "N"
    companion_mm: F64 | None = None
    moving: Bool | None = None

    @property
    def loaded(self) -> Bool:
        """(n_nodes,) nodes that are moved or pressed."""
        if self.moving is not None:
            return self.moving
        given = self.prescribed_mm if self.force_N is None else self.force_N
        found: Bool = (given != 0.0).any(axis=1)
        return found

    @property
    def held(self) -> Bool:
        """(n_nodes,) nodes that the machine holds still in some direction."""
        found: Bool = (self.fixed & (self.prescribed_mm == 0.0)).any(axis=1) & ~self.loaded
        return found


@dataclass(frozen=True, eq=False)
class Specimen:
    """A bone on its testing machine.

    Attributes:
        case: what the knowledge says of this load case.
        grid: box of cubes in patient space, along the bone's axes.
        image: CT value of each element, by state: ``intact`` and ``now``.
        lesion, body, cap: (n_elements,) masks; ``body`` are the elements that a tissue criterion counts,
            ``cap`` what the machine adds.
        height_mm: gauge length of a height criterion; None where the case has none.
        counted: what the builder counted, for the diagnostics; warnings: what every reader must know.
    """

    anatomy: Anatomy
    settings: MechanicsSettings
    case: LoadCase
    grid: Volume
    mesh: Bricks
    image: Mapping[State, F64]
    lesion: Bool
    body: Bool
    cap: Bool
    drive: Drive
    height_mm: float | None = None
    counted: Mapping[str, float | int | str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def diagnostics(self) -> dict[str, float | int | str]:
        """Size of the mesh, where it is held and loaded, and what the builder counted."""
        return {
            "elements": len(self.mesh.cells),
            "nodes": len(self.mesh.nodes),
            "spacing_mm": self.settings.spacing_mm,
            "boundary_condition": f"{self.case.loaded}; {self.case.held}",
            "held_nodes": int(self.drive.held.sum()),
            "loaded_nodes": int(self.drive.loaded.sum()),
            **self.counted,
        }

    @cached_property
    def K0(self) -> F64:
        """(24, 24) element matrix at E = 1 MPa [N/mm]."""
        return brick_stiffness([self.settings.spacing_mm] * 3, number("bone.poisson_ratio"))

    def stiffness(self, E: F64, rods: tuple[Rod, ...] = ()) -> Stiffness:
        """Of a modulus field (as of ``solve``) with rods in it."""
        ties, elements = tuple(rod.tie for rod in rods), E[: len(self.mesh.cells)]
        return Stiffness.uniform(self.mesh, self.K0, elements, dtype=np.float64, ties=ties)

    @cached_property
    def nodes(self) -> Nodes:
        """The mesh's nodes in patient space."""
        return Nodes.of(self.mesh, self.grid)

    @property
    def held_mm(self) -> F64:
        """(n, 3) LPS: where the machine holds the bone."""
        return self.nodes.at_mm[self.drive.held]

    @property
    def loaded_mm(self) -> F64:
        """(n, 3) LPS: where it loads the bone."""
        return self.nodes.at_mm[self.drive.loaded]

    @property
    def push(self) -> F64:
        """(3,) LPS unit vector: mean direction in which the loaded nodes are moved or pressed."""
        given = self.drive.prescribed_mm if self.drive.force_N is None else self.drive.force_N
        mean = given.sum(axis=0) @ self.grid.affine[:3, :3].T
        unit: F64 = mean / max(float(np.linalg.norm(mean)), 1e-12)
        return unit


@dataclass(frozen=True, eq=False)
class Response:
    """A solved modulus field.

    Attributes:
        s: (n_elements + n_rods,) energies at unit motion; of an element at E = 1 MPa.
        motion: what the solved field moves: 1 under a prescribed motion, u . f under a given load.
        stiffness: reaction per unit motion, from the forces (``sum E s`` tells it from the energies).
        companion: reaction of the companion motion per unit load; 0 where there is none.
        balance: what is left of all forces together, in units of the load.
    """

    equilibrium: Equilibrium
    s: F64
    stiffness: float
    companion: float
    balance: float
    motion: float = 1.0

    @property
    def unit_motion_mm(self) -> F64:
        """(n_nodes, 3) displacements at unit motion."""
        found: F64 = self.equilibrium.displacement_mm / self.motion
        return found


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
    cap_MPa = specimen.case.number(specimen.case.cap_modulus) if specimen.case.cap_modulus else None
    metal, alloy = _existing(specimen)
    tissue = Tissue(
        image, specimen.cap, replaced & ~specimen.cap, _cement(specimen, fills), rods, cap_MPa=cap_MPa,
        metal=metal, metal_MPa=alloy,
    )  # fmt: skip
    if state == "now":
        tissue = in_scenario(tissue, specimen.lesion, specimen.settings.scenario)
    return layered(tissue, specimen.mesh) if specimen.settings.bond == "layer" else tissue


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
    drive, settings = specimen.drive, specimen.settings
    found = equilibrium(
        specimen.stiffness(E, rods), fixed=drive.fixed, prescribed_mm=drive.prescribed_mm,
        force_N=drive.force_N, tolerance=tolerance or settings.tolerance, start_mm=start_mm,
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
    _require_load_path(specimen)
    ensure_memory(int((~specimen.drive.fixed).sum()), specimen.grid.array.size, specimen.settings.spacing_mm)
    fill, sampled_fills = cement_of(fields)
    rods = rods_in(effects, specimen.grid, specimen.mesh, _cement(specimen, fill))
    tissue = tissue_of(specimen, image, fill, rods)
    calibration, laws = specimen.anatomy.calibration, specimen.settings.laws
    central, sampled = central_world(calibration, laws[0]), worlds(calibration, laws, ensemble)
    E = modulus(tissue, central)
    M = (hierarchies or Hierarchies()).of(specimen.stiffness(E, rods), specimen.drive.fixed)
    found = solve(specimen, E, preconditioner=M, rods=rods, on_step=on_step)
    state = Solved(tissue, E, found.s)
    start = found.equilibrium.displacement_mm

    def energies(other: F64) -> F64:
        # Energies are second order in the error of the field: a loose solve is enough.
        return solve(
            specimen, other, tolerance=LOOSE, start_mm=start, preconditioner=M, rods=rods, on_step=on_step
        ).s

    factors, anchored = _anchored(specimen, state, energies)
    filled = [tissue_of(specimen, image, one, rods) for one in sampled_fills]
    draws, again = stiffness_draws(state, filled, central, sampled, energies)
    moved = moves(specimen, state, image, central, found, energies, M)
    draws = draws * np.array([factors(world) * moved.factor(world) for world in sampled])
    K = float((E * found.s).sum())
    gains = relief(state, ~specimen.cap, sampled) if specimen.case.of_tissue else np.ones(ensemble.n)
    told = outcomes(specimen, tissue, K, draws, found, gains)
    return Simulated(
        (*moved.on(told, specimen.case.of_tissue), *_screws(specimen, rods, K, found, ensemble)),
        (strain_field(specimen, found.s, K),),
        {
            **specimen.diagnostics,
            **_diagnostics(specimen, tissue, K, found),
            "fills_solved_again": again,
            "anchors_solved": anchored,
            "inputs_solved": moved.solved,
        },
        specimen.warnings,
    )


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
    found = existing_metal(specimen.anatomy, specimen.grid, specimen.mesh) & ~specimen.cap
    alloy = alloy_range()[0] if settings.alloy_MPa is None else settings.alloy_MPa
    return (found, alloy) if found.any() else (None, 0.0)


def _require_load_path(specimen: Specimen) -> None:
    drive = specimen.drive
    require_load_path(
        specimen.mesh, drive.held, drive.loaded, bone=specimen.anatomy.level, case=specimen.case.title
    )


def _cement(specimen: Specimen, fills: tuple[Volume, ...]) -> F64:
    """(n_elements,) share of each element that is cement; the caps take none."""
    return np.where(specimen.cap, 0.0, cement_share(specimen.grid, specimen.mesh, fills))


def _response(specimen: Specimen, found: Equilibrium, rods: tuple[Rod, ...]) -> Response:
    drive, u = specimen.drive, found.displacement_mm
    energy = np.append(element_energy(specimen.mesh, specimen.K0, u), [rod.energy(u) for rod in rods])
    reaction = found.reaction_N
    if drive.force_N is None:
        w, stiffness = 1.0, float((reaction * drive.prescribed_mm).sum())
        rest = reaction.sum(axis=0)
    else:
        w = float((found.displacement_mm * drive.force_N).sum())
        stiffness = 1.0 / w
        rest = (reaction + drive.force_N).sum(axis=0) * stiffness
    companion = 0.0
    if drive.companion_mm is not None:
        companion = float((reaction * drive.companion_mm).sum()) / stiffness
    balance = float(np.linalg.norm(rest)) / stiffness
    return Response(found, energy / w**2, stiffness, companion, balance, w)


def _anchored(
    specimen: Specimen, state: Solved, energies: Callable[[F64], F64]
) -> tuple[Callable[..., float], int]:
    """(factor of a world on its estimate, worlds that were solved for it)."""
    if not specimen.case.anchored:
        return (lambda world: 1.0), 0
    laws = specimen.settings.laws
    central = central_world(specimen.anatomy.calibration, laws[0])
    found = anchors(state, central, laws, energies)
    return found.factor, found.solved


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
