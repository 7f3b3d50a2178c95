"""A voxel body from arrays alone: moduli, spacing and prescribed displacements in, fields and reactions out.

    div sigma = 0      sigma = E (lambda_1 tr(eps) I + 2 mu_1 eps)      eps = (grad u + grad u^T) / 2

One trilinear brick for each voxel, exactly integrated (2 x 2 x 2 Gauss points); strains are told at its
centroid.

Source of the element: Hughes, The Finite Element Method (2000), ch. 3.
Tests: tests/unit/test_solve_voxels.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64
from osteoplan.errors import OnStep, UnknownName
from osteoplan.kernels.elasticity import (
    CORNERS,
    Bricks,
    Stiffness,
    brick_stiffness,
    element_energy,
    isotropic,
)
from osteoplan.kernels.krylov import require_goal
from osteoplan.kernels.multigrid import Equilibrium, equilibrium
from osteoplan.knowledge.values import number
from osteoplan.mechanics.voxels.problem import Spacing, VoxelProblem, voxel_problem

__all__ = ["VoxelSolution", "solve_voxels"]


@dataclass(frozen=True, eq=False)
class VoxelSolution:
    """A voxel body at rest under its supports and loads.

    Arrays on voxels are (ni, nj, nk, ...), those on their corners (ni + 1, nj + 1, nk + 1, ...); NaN where no
    voxel of the solved body is.  Six components stand in the order xx, yy, zz, yz, zx, xy (Voigt), x along i;
    shear strains are engineering ones (gamma = 2 eps).

    Attributes:
        displacement_mm: (ni + 1, nj + 1, nk + 1, 3).
        reaction_N: (ni + 1, nj + 1, nk + 1, 3) forces of the supports on the body; 0 where free or void.
        iterations: steps of the solver; residual: ||f - A u|| / ||f - A g||, recomputed at the end.
        dropped_pieces, dropped_voxels: floating pieces (by faces) that nothing holds; they were left out.
        warnings: sentences a reader must see.
    """

    problem: VoxelProblem
    displacement_mm: F64
    reaction_N: F64
    iterations: int
    residual: float
    dropped_pieces: int
    dropped_voxels: int
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, problem: VoxelProblem, found: Equilibrium) -> VoxelSolution:
        """The arrays of an equilibrium on the problem's mesh."""
        mesh = problem.mesh
        return cls(
            problem, _on_corners(mesh, found.displacement_mm, np.nan),
            _on_corners(mesh, found.reaction_N, 0.0), found.iterations, found.residual,
            problem.dropped_pieces, problem.dropped_voxels, _warnings(problem),
        )  # fmt: skip

    @property
    def spacing_mm(self) -> Spacing:
        """Edges of a voxel along (i, j, k) [mm]."""
        return self.problem.spacing_mm

    @cached_property
    def modulus_MPa(self) -> F64:
        """(ni, nj, nk) moduli of the body that was solved, 0 elsewhere [MPa]."""
        return self.problem.mesh.box(self.problem.modulus_MPa)

    @cached_property
    def strain(self) -> F64:
        """(ni, nj, nk, 6) strain at the centroid of each voxel [-]."""
        mesh, h = self.problem.mesh, np.array(self.spacing_mm)
        return _on_voxels(mesh, _centroid_strain(mesh, h, self.displacement_mm[tuple(mesh.nodes.T)]))

    @cached_property
    def stress_MPa(self) -> F64:
        """(ni, nj, nk, 6) stress at the centroid of each voxel [MPa]."""
        return (self.strain @ isotropic(self.problem.poisson)) * self.modulus_MPa[..., None]

    @cached_property
    def energy_mJ(self) -> float:
        """Elastic energy of the body, integrated exactly [mJ]."""
        mesh = self.problem.mesh
        K0 = brick_stiffness(self.spacing_mm, self.problem.poisson)
        u = self.displacement_mm[tuple(mesh.nodes.T)]
        return 0.5 * float(self.problem.modulus_MPa @ element_energy(mesh, K0, u))


def solve_voxels(
    moduli_MPa: npt.ArrayLike,
    spacing_mm: npt.ArrayLike,
    prescribed_mm: npt.ArrayLike,
    *,
    poisson_ratio: float | None = None,
    force_N: npt.ArrayLike | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 300,
    device: str = "cpu",
    on_step: OnStep | None = None,
) -> VoxelSolution:
    """Displacement, reaction, strain and stress of a linear elastic voxel body.

    Args:
        moduli_MPa: (ni, nj, nk) Young's modulus of each voxel [MPa]; 0 is a void.
        spacing_mm: edges of a voxel along (i, j, k) [mm], or one number for a cube.
        prescribed_mm: (ni + 1, nj + 1, nk + 1, 3) displacement of the voxels' corners [mm]; NaN is free.
            Corners inside the body may be prescribed; corners of no voxel are passed over.
        poisson_ratio: one for the whole body; that of bone in the knowledge base where None.
        force_N: (ni + 1, nj + 1, nk + 1, 3) outer forces on the corners [N], or None.
        tolerance: of the relative residual, in [1e-15, 1); max_iterations: 1 or more.
        device: ``cpu``, or ``cuda`` for the same operators on a graphics card (``kernels.gpu``), which is
            never chosen for you.
        on_step: called as ``on_step(iteration, residual)``; returning False stops.

    Raises:
        BadInput: an array of the wrong shape or kind, a modulus that is negative or not a number, moduli too
            far apart, a spacing that is not a positive length in mm, displacements or forces of no such size,
            a body that nothing holds or that can still move, no load path, a tolerance that means nothing.
        NotAvailable: more memory is needed than is free, told before anything is solved; or no such device.
        NotConverged: the residual is above the tolerance after ``max_iterations``.
        Cancelled: ``on_step`` returned False.

    Example:
        >>> import numpy as np, osteoplan
        >>> held = np.full((3, 4, 6, 3), np.nan)       # 2 x 3 x 5 voxels
        >>> held[:, :, 0], held[:, :, 5] = 0.0, (0.0, 0.0, -0.05)
        >>> found = osteoplan.solve_voxels(np.full((2, 3, 5), 1000.0), 1.0, held, poisson_ratio=0.0)
        >>> round(float(found.reaction_N[:, :, 5, 2].sum()), 6)
        -60.0
    """
    require_goal(tolerance, max_iterations)
    solve = _solver(device)
    ratio = number("bone.poisson_ratio") if poisson_ratio is None else poisson_ratio
    problem = voxel_problem(moduli_MPa, spacing_mm, prescribed_mm, poisson_ratio=ratio, force_N=force_N)
    mesh = problem.mesh
    K0 = brick_stiffness(problem.spacing_mm, problem.poisson)
    A = Stiffness.uniform(mesh, K0, problem.modulus_MPa, dtype=np.float64)
    found = solve(
        A, fixed=problem.fixed, prescribed_mm=problem.prescribed_mm, force_N=problem.force_N,
        tolerance=tolerance, max_iterations=max_iterations, on_step=on_step,
    )  # fmt: skip
    return VoxelSolution.of(problem, found)


def _solver(device: str) -> Callable[..., Equilibrium]:
    if device == "cpu":
        return equilibrium
    if device == "cuda":
        from osteoplan.kernels.gpu import equilibrium_on_gpu, require_gpu

        require_gpu()
        return equilibrium_on_gpu
    raise UnknownName("device", str(device), ("cpu", "cuda"))


def _warnings(problem: VoxelProblem) -> tuple[str, ...]:
    if not problem.dropped_pieces:
        return ()
    return (
        f"{problem.dropped_voxels} voxels in {problem.dropped_pieces} pieces that nothing holds "
        "were left out",
    )


def _centroid_strain(mesh: Bricks, h: F64, u: F64) -> F64:
    """(n_elements, 6): differences of the means of opposite faces."""
    ends = (2.0 * CORNERS - 1.0) / (4.0 * h)
    slope = np.einsum("eac,ad->ecd", u[mesh.corners], ends)  # du_c / dx_d
    pairs = ((1, 2), (2, 0), (0, 1))
    direct = [slope[:, c, c] for c in range(3)]
    return np.stack(direct + [slope[:, a, b] + slope[:, b, a] for a, b in pairs], axis=1)


def _on_voxels(mesh: Bricks, values: F64) -> F64:
    out = np.full((*mesh.shape, values.shape[1]), np.nan)
    out[tuple(mesh.cells.T)] = values
    return out


def _on_corners(mesh: Bricks, values: F64, elsewhere: float) -> F64:
    out = np.full((*(n + 1 for n in mesh.shape), 3), elsewhere)
    out[tuple(mesh.nodes.T)] = values
    return out
