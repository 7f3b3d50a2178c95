"""Screws and wires in a mesh of cubes: partly filled elements whose modulus is scaled to bend like the rod.

A rod thinner than a few elements, blended by volume, bends too little.  Averaging its section over elements
of edge h adds h^2 A / 12 to its second moment, holding that average over the element adds as much again (a
2 mm wire in 1 mm cubes: + 67 %), and a trilinear brick is too stiff in bending.  One factor undoes all three.
The same rod, on the same lattice and in the same direction, is bent alone as a cantilever:

    E u'' I = P (s_load - s)          u = a + b s + c (s_load s^2 / 2 - s^3 / 6),  c = P / E I

Shear and the give of the clamp lie in a + b s: fitted to the nodes, c alone is the bending stiffness.
Modulus of the filled elements: E* = E I / I_voxel, I_voxel the harmonic mean over both directions of bending.
Pulling stiffness then is E* A_voxel, not E A: ``VoxelRod`` tells both.

    D, d   diameter that carries load (root of a thread) and bore [mm]      s   place along the rod [mm]
    A = pi (D^2 - d^2) / 4                                                 I = pi (D^4 - d^4) / 64

h^2 / 12 is the variance of a square's width; two of them add up (checked over random places in the test).
Tests: tests/analytic/test_screws.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import Hierarchy, equilibrium
from osteoplan.kernels.raster import cylinder_fraction
from osteoplan.knowledge.materials import material
from osteoplan.mechanics.rods import Section, metal_modulus
from osteoplan.model.effects import Cylinder
from osteoplan.model.volume import Volume

__all__ = ["Cantilever", "Embedded", "Section", "VoxelRod", "embed", "section_of", "voxel_rod"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

SLENDER = 14.0  # length of the cantilever in diameters (of the rod, or of two elements where that is more)
ENDS = 2.0  # diameters at both ends whose nodes do not enter the fit
LEAST_SHARE = 1e-3  # elements that a rod fills less than this are left out of the cantilever
TOLERANCE = 1e-9


@dataclass(frozen=True)
class VoxelRod:
    """What partly filled elements of modulus 1 make of a rod.

    Attributes:
        bending_mm4: second moments that the cantilever shows, least and greatest over the directions of load.
        area_mm2: cross-section that it shows when pulled.
        elements: of the cantilever.
    """

    section: Section
    bending_mm4: tuple[float, float]
    area_mm2: float
    elements: int

    @property
    def modulus_MPa(self) -> float:
        """E*: of a full element, so that the mean of the tip's deflection over all directions is right."""
        low, high = self.bending_mm4
        return self.section.modulus_MPa * self.section.second_moment_mm4 * 0.5 * (1.0 / low + 1.0 / high)

    @property
    def unscaled_bending(self) -> float:
        """Bending stiffness without scaling, over the exact one."""
        low, high = self.bending_mm4
        return 2.0 / (1.0 / low + 1.0 / high) / self.section.second_moment_mm4

    @property
    def bending_spread(self) -> tuple[float, float]:
        """Bending stiffness with scaling over the exact one, least and greatest direction."""
        factor = self.modulus_MPa / (self.section.modulus_MPa * self.section.second_moment_mm4)
        return factor * self.bending_mm4[0], factor * self.bending_mm4[1]

    @property
    def axial(self) -> float:
        """Pulling stiffness with scaling over the exact one."""
        return self.modulus_MPa * self.area_mm2 / (self.section.modulus_MPa * self.section.area_mm2)


@dataclass(frozen=True, eq=False)
class Embedded:
    """A rod in a mesh: (n_elements,) share of each element, and the modulus of a full one."""

    share: F64
    rod: VoxelRod

    def stiffen(self, E: F64) -> F64:
        """(n_elements,) moduli with the rod in them; none falls."""
        stiffer: F64 = E + self.share * np.maximum(self.rod.modulus_MPa - E, 0.0)
        return stiffer


def section_of(cylinder: Cylinder) -> Section:
    """The section of a cylinder, with the modulus of its material.

    Raises:
        BadInput: unknown material, or a bore that does not fit.
    """
    diameter = cylinder.root_diameter_mm or cylinder.outer_diameter_mm
    return Section(diameter, cylinder.inner_diameter_mm, metal_modulus(cylinder.material))


def embed(cylinder: Cylinder, grid: Volume, mesh: Bricks) -> Embedded:
    """A cylinder in the elements of a mesh on ``grid`` (cubes)."""
    section = section_of(cylinder)
    start, end = np.array(cylinder.start_mm), np.array(cylinder.end_mm)
    share = mesh.of_box(_share(grid.shape, grid.affine, start, end, section))
    return Embedded(share, voxel_rod(section, grid.affine, start, end - start))


def voxel_rod(section: Section, affine: F64, start_mm: F64, direction: F64) -> VoxelRod:
    """Bend and pull the section's rod alone, on the lattice of ``affine`` (cubes), through ``start_mm``."""
    bent = Cantilever.of(section, affine, start_mm, direction)
    # Under a unit load sideways the curvatures answer through the symmetric matrix 1/I.
    soft = np.array([[bent.curvature(load, seen) for seen in (0, 1)] for load in (0, 1)])
    least, greatest = 1.0 / np.linalg.eigvalsh(0.5 * (soft + soft.T))[::-1]
    return VoxelRod(section, (float(least), float(greatest)), 1.0 / bent.stretch(), len(bent.weight))


@dataclass(frozen=True, eq=False)
class Cantilever:
    """A rod alone in its elements (modulus: the share that is rod), clamped up to s = 0, loaded at its end.

    Attributes:
        along: (n_nodes,) s; weight: (n_nodes,) share of the rod around each node.
        moved: (3, 3, n_nodes) displacement [mm] in the directions (sideways, sideways, along) under 1 N in
            each of them.
        load_at_mm: mean s of the loaded nodes.
    """

    section: Section
    along: F64
    weight: F64
    moved: F64
    load_at_mm: float

    @classmethod
    def of(cls, section: Section, affine: F64, start_mm: F64, direction: F64) -> Cantilever:
        """Build and solve it."""
        h = float(np.linalg.norm(affine[:3, 0]))
        width = max(section.outer_mm, 2.0 * h)
        axes = _across(np.asarray(direction, dtype=np.float64))
        a, b = -width * axes[2], SLENDER * width * axes[2]
        shape, local = _lattice_around(affine, start_mm, a, b, 0.5 * section.outer_mm)
        share = _share(shape, local, a, b, section)
        mesh = Bricks.of(share > LEAST_SHARE)
        E = mesh.of_box(share)
        weight: F64 = np.bincount(mesh.corners.ravel(), np.repeat(E, 8), len(mesh.nodes)).astype(np.float64)
        # the lattice's nodes lie half an edge before its voxels' centres
        at = (mesh.nodes - 0.5) @ local[:3, :3].T + local[:3, 3]
        along = at @ axes[2]
        fixed = np.repeat((along <= 0.0)[:, None], 3, axis=1)
        pulled = np.where(along >= (SLENDER - 0.5) * width, weight, 0.0)
        pulled /= pulled.sum()
        K0 = brick_stiffness([h] * 3, float(material("bone.poisson_ratio").value or 0.0))
        A = Stiffness.uniform(mesh, K0, E, dtype=np.float64)
        M = Hierarchy.of(A, fixed)
        turn = axes @ (local[:3, :3] / h)  # solved along the lattice's own axes
        moved = []
        for way in range(3):
            u = equilibrium(
                A, fixed=fixed, prescribed_mm=np.zeros(fixed.shape), force_N=pulled[:, None] * turn[way],
                preconditioner=M, tolerance=TOLERANCE, max_iterations=1000,
            ).displacement_mm  # fmt: skip
            moved.append(turn @ u.T)
        return cls(section, along, weight, np.array(moved), float(pulled @ along))

    def curvature(self, load: int, seen: int) -> float:
        """1 / I [1/mm4] towards ``seen`` under 1 N towards ``load``."""
        s, L = self.along, self.load_at_mm
        return self._fit(self.moved[load, seen], L * s**2 / 2.0 - s**3 / 6.0)

    def stretch(self) -> float:
        """1 / A [1/mm2] under 1 N along the rod."""
        return self._fit(self.moved[2, 2], None)

    def tip_mm(self, load: int) -> float:
        """Deflection under the load [mm] at E = 1 MPa."""
        end = self.along > self.load_at_mm - 0.25 * self.section.outer_mm
        return float(np.average(self.moved[load, load][end], weights=self.weight[end]))

    def _fit(self, u: F64, shape: F64 | None) -> float:
        """Coefficient of ``shape`` (of s where None) in u = a + b s + c shape, away from both ends."""
        margin = ENDS * self.along.max() / SLENDER
        inner = (self.along > margin) & (self.along < self.load_at_mm - margin)
        s = self.along[inner]
        columns = [np.ones_like(s), s] + ([] if shape is None else [shape[inner]])
        root = np.sqrt(self.weight[inner])
        found, *_ = np.linalg.lstsq(np.stack(columns, axis=1) * root[:, None], u[inner] * root, rcond=None)
        return float(found[-1])


def _share(shape: tuple[int, int, int], affine: F64, start: F64, end: F64, section: Section) -> F64:
    """Share of each voxel that is wall of the rod."""
    full, bore = (
        cylinder_fraction(shape, affine, start_mm=start, end_mm=end, radius_mm=0.5 * d) if d > 0 else 0.0
        for d in (section.outer_mm, section.inner_mm)
    )
    wall: F64 = np.clip(full - bore, 0.0, 1.0)
    return wall


def _across(direction: F64) -> F64:
    """(3, 3) rows: two unit vectors across, then along."""
    along = direction / np.linalg.norm(direction)
    first = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(along, first), along])


def _lattice_around(
    affine: F64, start_mm: F64, a: F64, b: F64, radius: float
) -> tuple[tuple[int, int, int], F64]:
    """(shape, affine) of a box of the lattice's voxels around a rod; positions count from ``start_mm``."""
    inverse = np.linalg.inv(affine[:3, :3])
    ends = (np.stack([a, b]) + start_mm - affine[:3, 3]) @ inverse.T
    reach = radius * np.linalg.norm(inverse, axis=1) + 1.0
    low = np.floor(ends.min(axis=0) - reach)
    size = np.ceil(ends.max(axis=0) + reach) - low + 1
    local = affine.copy()
    local[:3, 3] = affine[:3, :3] @ low + affine[:3, 3] - start_mm
    return (int(size[0]), int(size[1]), int(size[2])), local
