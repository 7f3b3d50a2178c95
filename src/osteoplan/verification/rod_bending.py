"""What theory promises of rods and tubes in a mesh of cubes, bent as cantilevers.

    A10   a core of cement and a screw on the neutral axis hardly stiffen a tube of cortex
    wires   two wires in the cement of a tube: sum E (I + A d^2)

Screws and wires are beams tied to the cubes; what they push aside is taken off their modulus here.

Read from the deflection at three places along the beam: a + b s + (P / E I) g(s) through them.
Shared by ``verification`` and the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.beams import Tie, places
from osteoplan.kernels.elasticity import Bricks, Stiffness, brick_stiffness
from osteoplan.kernels.embedding import Surface, hold, tie
from osteoplan.kernels.multigrid import Hierarchy, equilibrium
from osteoplan.kernels.raster import cylinder_fraction
from osteoplan.mechanics.rods import Section, beam_of

__all__ = [
    "LATTICE", "bending_stiffness", "bonded_rod", "composite_stiffening", "lattice", "rod",
    "wired_tube",
]  # fmt: skip

Rods = Sequence[tuple[Section, tuple[float, float]]]

LATTICE = {"along": (0.0, 0.0, 1.0), "diagonal": (0.0, 1.0, 1.0), "oblique": (3.0, -2.0, 5.3)}
START_MM = (0.31, -0.42, 0.17)  # no symmetry between rod and lattice
WIRE, WIRES_AT_MM = Section(2.0, 0.0, 193e3), ((2.0, 0.0), (-2.0, 0.0))  # steel, beside the tube's axis
WIRES = tuple((WIRE, at) for at in WIRES_AT_MM)
TUBE = (Section(24.0, 12.0, 17000.0), 2500.0, Section(7.3, 0.0, 110e3))  # cortex, cement, screw

CORE_SCREW = ((TUBE[2], (0.0, 0.0)),)  # on the neutral axis


def composite_stiffening(rods: Rods = CORE_SCREW) -> tuple[float, float]:
    """A10: E I of a tube with a core of cement, and with rods in it too, over that of the bare tube."""
    tube, cement, _ = TUBE
    affine, along, length = lattice(2.0), LATTICE["along"], LENGTH * tube.outer_mm
    wall, core = (
        rod(section, affine, along, length_mm=length)
        for section in (tube, Section(tube.inner_mm, 0.0, cement))
    )
    filled = tube.modulus_MPa * wall + cement * core
    bare, cored, held = (
        bending_stiffness(E, affine, along, length_mm=length, rods=inside)
        for E, inside in ((tube.modulus_MPa * wall, ()), (filled, ()), (filled, rods))
    )
    return cored / bare, held / bare


def wired_tube() -> tuple[float, float, float]:
    """E I over that of the bare tube: with cement, with cement and two wires, and the latter by theory."""
    return *composite_stiffening(WIRES), _wired_by_theory()


def _wired_by_theory() -> float:
    """Harmonic mean over both directions of bending; the wires push cement aside."""
    tube, cement, _ = TUBE
    EI, core = tube.modulus_MPa * tube.second_moment_mm4, Section(tube.inner_mm, 0.0, cement)
    filled, more = EI + cement * core.second_moment_mm4, WIRE.modulus_MPa - cement
    beside = more * WIRE.area_mm2 * np.array([sum(at[c] ** 2 for at in WIRES_AT_MM) for c in (0, 1)])
    ways = filled + len(WIRES_AT_MM) * more * WIRE.second_moment_mm4 + beside
    return float(1.0 / np.mean(1.0 / ways) / EI)


def _ties(mesh: Bricks, moduli: F64, affine: F64, rods: Rods) -> tuple[Tie, ...]:
    """Rods along k through the whole mesh, each so far [mm] beside the axis."""
    h = float(affine[0, 0])
    first, last = (float(end) for end in (mesh.nodes[:, 2].min(), mesh.nodes[:, 2].max()))
    beside = [(one, (np.array(at) + START_MM[:2] - affine[:2, 3]) / h + 0.5) for one, at in rods]
    return tuple(
        bonded_rod(mesh, moduli, h, np.array([*at, first]), np.array([*at, last]), one) for one, at in beside
    )


def bonded_rod(mesh: Bricks, moduli: F64, h: float, start: F64, end: F64, section: Section) -> Tie:
    """A rod of beams held by the cubes of edge h around it; ends in units of the lattice's nodes."""
    way, edges = h * (end - start), np.full(3, h)
    length = float(np.linalg.norm(way))
    s = places(length, way / length, edges, 0.5 * section.outer_mm)
    beam = beam_of(h * start, way / length, s, [section] * (len(s) - 1))
    on = Surface.of(beam, edges)
    along = np.ones(len(on.s), dtype=bool)
    held = hold(beam, mesh, edges, along=along, on=on, poisson=0.3, modulus_MPa=moduli)
    return tie([held])[0][0]


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
    E: F64, affine: F64, direction: tuple[float, float, float], *, length_mm: float = 80.0,
    rods: Rods = (),
) -> float:  # fmt: skip
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
    ties = _ties(mesh, moduli, affine, rods)
    A = Stiffness.uniform(mesh, brick_stiffness([h] * 3, 0.3), moduli, dtype=np.float64, ties=ties)
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
