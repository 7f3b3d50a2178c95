"""What theory promises of rods and tubes in a mesh of cubes, bent as cantilevers.

    A10   a core of cement and a screw on the neutral axis hardly stiffen a tube of cortex
    A12   a screw of scaled voxels has the bending stiffness E I of its section

Read from the deflection at three places along the beam (a + b s + (P / E I) g(s) through them), not by the
fit that ``screws`` scales with.  Shared by ``verification`` and the tests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.multigrid import Hierarchy, equilibrium
from osteoplan.kernels.raster import cylinder_fraction
from osteoplan.mechanics.screws import Section, voxel_rod

__all__ = ["LATTICE", "SCREWS", "bending_stiffness", "composite_stiffening", "lattice", "rod", "screw_error"]

F64 = npt.NDArray[np.float64]

# Diameter and bore [mm], modulus [MPa]: rows of the published geometries (biomechanics of hollow screws).
SCREWS = (Section(7.3, 2.8, 193e3), Section(6.5, 3.6, 110e3), Section(4.8, 2.1, 110e3))
LATTICE = {"along": (0.0, 0.0, 1.0), "diagonal": (0.0, 1.0, 1.0), "oblique": (3.0, -2.0, 5.3)}
START_MM = (0.31, -0.42, 0.17)  # no symmetry between rod and lattice
TUBE = (Section(24.0, 12.0, 17000.0), 2500.0, Section(7.3, 0.0, 110e3))  # cortex, cement, screw


def screw_error(h: float = 2.0) -> float:
    """A12: worst error of the mean bending stiffness, over three screws and three directions."""
    worst = 0.0
    for section in SCREWS:
        for direction in LATTICE.values():
            affine = lattice(h)
            modulus = voxel_rod(section, affine, np.array(START_MM), np.array(direction)).modulus_MPa
            found = bending_stiffness(modulus * rod(section, affine, direction), affine, direction)
            worst = max(worst, abs(found / (section.modulus_MPa * section.second_moment_mm4) - 1.0))
    return worst


def composite_stiffening(h: float = 2.0) -> tuple[float, float]:
    """A10: E I of a tube with a core of cement, and with a screw in it too, over that of the bare tube."""
    tube, cement, screw = TUBE
    affine, along, length = lattice(h), LATTICE["along"], LENGTH * tube.outer_mm
    wall, core, metal = (
        rod(section, affine, along, length_mm=length)
        for section in (tube, Section(tube.inner_mm, 0.0, cement), screw)
    )
    modulus = voxel_rod(screw, affine, np.array(START_MM), np.array(along)).modulus_MPa
    filled = tube.modulus_MPa * wall + cement * core
    bare, cored, screwed = (
        bending_stiffness(E, affine, along, length_mm=length)
        for E in (tube.modulus_MPa * wall, filled, filled + (modulus - cement) * metal)
    )
    return cored / bare, screwed / bare


LENGTH = 5.0  # of the tube, in diameters
MARGIN_MM = 16.0  # beyond the end of a beam


def lattice(h: float, span_mm: float = 144.0) -> F64:
    """(4, 4) affine of cubes of edge h whose box starts half the span before the rod's start."""
    affine = np.eye(4)
    affine[:3, :3] *= h
    affine[:3, 3] = -span_mm / 2.0
    return affine


def rod(
    section: Section, affine: F64, direction: tuple[float, float, float], *, length_mm: float = 80.0
) -> F64:
    """Share of each cube in the rod, from a little before ``START_MM`` to its end."""
    axis = np.array(direction) / np.linalg.norm(direction)
    start, end = START_MM - 8.0 * axis, START_MM + length_mm * axis
    h = float(affine[0, 0])
    n = int(np.ceil((length_mm - affine[:3, 3].min() + MARGIN_MM) / h))
    full, bore = (
        cylinder_fraction((n, n, n), affine, start_mm=start, end_mm=end, radius_mm=0.5 * d) if d > 0 else 0.0
        for d in (section.outer_mm, section.inner_mm)
    )
    return np.asarray(full - bore, dtype=np.float64)


def bending_stiffness(
    E: F64, affine: F64, direction: tuple[float, float, float], *, length_mm: float = 80.0
) -> float:
    """E I [N mm2] of a beam of moduli E [MPa] from ``START_MM`` on: harmonic mean of two ways to bend it."""
    axis = np.array(direction) / np.linalg.norm(direction)
    h = float(affine[0, 0])
    mesh = Bricks.of(E / E.max() > 1e-3)
    moduli: F64 = mesh.of_box(E).astype(np.float64)
    weight = np.bincount(mesh.corners.ravel(), np.repeat(moduli, 8), len(mesh.nodes))
    s = ((mesh.nodes - 0.5) * h + affine[:3, 3] - START_MM) @ axis
    fixed = np.repeat((s <= 0.0)[:, None], 3, axis=1)
    pulled = np.where(s > length_mm - 2.0 * h, weight, 0.0)
    pulled /= pulled.sum()
    g = (pulled @ s) * s**2 / 2.0 - s**3 / 6.0
    A = Stiffness.uniform(mesh, brick_stiffness([h] * 3, 0.3), moduli, dtype=np.float64)
    M = Hierarchy.of(A, fixed)
    side = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    side /= np.linalg.norm(side)
    soft = []
    for way in (side, np.cross(axis, side)):
        u = equilibrium(
            A, fixed=fixed, prescribed_mm=np.zeros(fixed.shape), force_N=pulled[:, None] * way,
            preconditioner=M, max_iterations=1000,
        ).displacement_mm @ way  # fmt: skip
        places = [np.abs(s - share * length_mm) < 1.5 * h for share in (0.25, 0.5, 0.75)]
        means = [[np.average(v[at], weights=weight[at]) for v in (s, u, g)] for at in places]
        soft.append(_second(means, 1) / _second(means, 2))
    return float(1.0 / np.mean(soft))


def _second(means: list[list[float]], column: int) -> float:
    """Second divided difference of a column over the first one."""
    (s0, f0), (s1, f1), (s2, f2) = ((row[0], row[column]) for row in means)
    return ((f2 - f1) / (s2 - s1) - (f1 - f0) / (s1 - s0)) / (s2 - s0)
