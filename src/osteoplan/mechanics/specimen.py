"""A bone on cubes, held and loaded in one way: the nouns that every load case builds and every solve fills.

A load case builds a ``Specimen``; ``load`` solves it.  Rods in the bone stand behind the elements in E and s,
each with E = 1 and its own energy s.
Tests: tests/unit/test_specimen.py, test_mechanics.py, test_hemipelvis.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import Equilibrium
from osteoplan.knowledge.loads import LoadCase, LoadUnit
from osteoplan.knowledge.values import number
from osteoplan.mechanics.cases.nodes import Nodes
from osteoplan.mechanics.rods import Rod
from osteoplan.mechanics.state import MechanicsSettings, State
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.volume import Volume

__all__ = ["BoundaryConditions", "Response", "Specimen"]


@dataclass(frozen=True, eq=False)
class BoundaryConditions:
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
        lesion, body, end_cap: (n_elements,) masks; ``body`` are the elements that a tissue criterion counts,
            ``end_cap`` what the machine adds.
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
    end_cap: Bool
    conditions: BoundaryConditions
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
            "held_nodes": int(self.conditions.held.sum()),
            "loaded_nodes": int(self.conditions.loaded.sum()),
            **self.counted,
        }

    @property
    def unknowns(self) -> int:
        """Components of displacement that move."""
        return int((~self.conditions.fixed).sum())

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
        return self.nodes.at_mm[self.conditions.held]

    @property
    def loaded_mm(self) -> F64:
        """(n, 3) LPS: where it loads the bone."""
        return self.nodes.at_mm[self.conditions.loaded]

    @property
    def push(self) -> F64:
        """(3,) LPS unit vector: mean direction in which the loaded nodes are moved or pressed."""
        given = self.conditions.prescribed_mm if self.conditions.force_N is None else self.conditions.force_N
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
        return self.equilibrium.displacement_mm / self.motion
