"""Screws and wires in a mesh: beams tied to the bone around them.

    Effects.solids (cylinders) -> Rod: a beam (``kernels.beams``), its tie to the mesh, its share of elements

A thread bends like its root, a smooth shaft like itself; both are hollow by the bore.  A rod's surface moves
with the bone sideways (``kernels.embedding``).  Along its axis, and turning about it, that depends on how it
is held (``materials/interfaces.yaml``): threaded (by thread and head), sliding, or bonded; in cement it is
always bonded.  Rods whose axes come nearer than their radii together overlap: they are one piece of metal
there.  Others meet through the bone alone.

What a rod pushes aside stays in the mesh and is taken off the beam, where the bone's modulus is told.

Tests: tests/analytic/test_beams.py, tests/analytic/test_embedding.py, tests/unit/test_rods.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal, cast

import numpy as np
from scipy.sparse.csgraph import connected_components

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput, named
from osteoplan.kernels.beams import MOTIONS, Beam, Tie, places, shear_coefficient
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.embedding import Held, Surface, hold, nearest, tie
from osteoplan.kernels.raster import cylinder_fraction
from osteoplan.knowledge.values import known, number, values
from osteoplan.mechanics.uncertainty.latin_hypercube import strata, uniform
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Known, worst
from osteoplan.model.outcome import Estimate
from osteoplan.model.volume import Volume

__all__ = [
    "Interface", "Rod", "Section", "Stress", "beam_of", "interface_of", "metal_modulus", "overlaps",
    "rods_in", "screw_estimates", "sections_of", "stress", "yield_of",
]  # fmt: skip

Interface = Literal["bonded", "threaded", "sliding"]

CEMENTED = 0.5  # a ring of a rod lies in cement where more than this of the elements around it is cement


@dataclass(frozen=True)
class Section:
    """A round section, hollow where ``inner_mm`` is not 0, of one material."""

    outer_mm: float
    inner_mm: float
    modulus_MPa: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.inner_mm < self.outer_mm:
            raise BadInput(
                f"a rod of {self.outer_mm:g} mm cannot have a bore of {self.inner_mm:g} mm: "
                "check both diameters"
            )

    @property
    def area_mm2(self) -> float:
        """A [mm2]."""
        return float(np.pi / 4.0 * (self.outer_mm**2 - self.inner_mm**2))

    @property
    def second_moment_mm4(self) -> float:
        """I [mm4]."""
        return float(np.pi / 64.0 * (self.outer_mm**4 - self.inner_mm**4))

    @property
    def section_modulus_mm3(self) -> float:
        """W = 2 I / D [mm3]: moment over stress at the outer fibre."""
        return 2.0 * self.second_moment_mm4 / self.outer_mm

    @property
    def shear_area_mm2(self) -> float:
        """k A [mm2]."""
        poisson = number("metal_strength.poisson_ratio")
        return shear_coefficient(poisson, self.inner_mm / self.outer_mm) * self.area_mm2

    @property
    def shear_N(self) -> float:
        """k G A [N]."""
        poisson = number("metal_strength.poisson_ratio")
        return self.modulus_MPa / (2.0 * (1.0 + poisson)) * self.shear_area_mm2


@dataclass(frozen=True, eq=False)
class Rod:
    """A rod in a mesh.

    Attributes:
        sections: of each element of the beam, by the root where it is threaded.
        share: (n_elements,) part of each element of the mesh that lies inside the rod.
        points_mm: (m, 3) LPS, nodes of the beam from head to tip.
        rings_mm: (k,) places of rings around it, from the head; along: (k,) those that bone or cement holds
            along the axis too.
        motion: (9 m, w) motions of the beam's nodes from the readings of its tie.
        touches: rods of the plan (from 1) that it overlaps with.
    """

    cylinder: Cylinder
    interface: Interface
    sections: tuple[Section, ...]
    beam: Beam
    tie: Tie
    share: F64
    points_mm: F64
    rings_mm: F64
    along: Bool
    motion: F64
    touches: tuple[int, ...] = ()

    def motions(self, u: F64) -> F64:
        """(m, 9) motions of the beam's nodes under (n_nodes, 3) displacements."""
        return (self.motion @ self.tie.displacement(u).ravel()).reshape(-1, MOTIONS)

    def energy(self, u: F64) -> float:
        """Twice the energy of the rod under (n_nodes, 3) displacements [N mm]."""
        return self.tie.energy(u)


def rods_in(
    effects: Effects | None, grid: Volume, mesh: Bricks, cement: F64 | None = None,
    modulus_MPa: F64 | None = None,
) -> tuple[Rod, ...]:  # fmt: skip
    """The rods of a plan in the elements of a mesh on ``grid`` (cubes, as every load case's).

    Args:
        cement: (n_elements,) share of each element that is cement; None: there is none.
        modulus_MPa: (n_elements,) of the elements without rods, in the central sample: how much they give
            around a rod, and what it pushes aside.  None: they give nothing beyond their mesh.

    Raises:
        BadInput: a rod lies nowhere in the mesh, has no length, or its bore does not fit.
        UnknownName: unknown metal.
    """
    solids = effects.solids if effects else ()
    made = [_held(solid, grid, mesh, cement, modulus_MPa) for solid in solids]
    joints = _joints([held.beam for _, held in made])
    rods = [rod for rod, _ in made]
    for group in _groups(len(rods), joints):
        inner = [(group.index(a), group.index(b), at) for a, b, at in joints if a in group]
        for n, (own, motion) in zip(group, tie([made[n][1] for n in group], inner), strict=True):
            touches = tuple(sorted(a + b - n + 1 for a, b, _ in joints if n in (a, b)))
            rods[n] = replace(rods[n], tie=own, motion=motion, touches=touches)
    return tuple(rods)


def overlaps(rods: Sequence[Rod]) -> tuple[str, ...]:
    """A warning where rods of a plan run into each other."""
    pairs = [f"{n} and {other}" for n, rod in enumerate(rods, 1) for other in rod.touches if other > n]
    words = "of the plan run into each other: solved as one piece of metal, so move one"
    return (f"screws {', '.join(pairs)} {words}",) if pairs else ()


def interface_of(cylinder: Cylinder) -> Interface:
    """How a cylinder is held in bone: by its thread where it has one (a root diameter tells)."""
    row = known("interfaces.wire" if cylinder.root_diameter_mm is None else "interfaces.screw")
    return cast(Interface, row.value)


def sections_of(cylinder: Cylinder, axis: F64, edges_mm: F64, length_mm: float) -> tuple[F64, list[Section]]:
    """(places of the beam's nodes [mm from the head], section of each of its elements).

    ``axis``: unit vector along the lattice of ``edges_mm``.
    """
    modulus, bore = metal_modulus(cylinder.material), cylinder.inner_diameter_mm
    root = cylinder.root_diameter_mm or cylinder.outer_diameter_mm
    threaded = Section(root, bore, modulus)
    shaft = Section(cylinder.shaft_diameter_mm or root, bore, modulus)
    s = places(length_mm, axis, edges_mm, 0.5 * max(root, shaft.outer_mm))
    middle = 0.5 * (s[1:] + s[:-1])
    return s, [threaded if at >= length_mm - _thread(cylinder, length_mm) else shaft for at in middle]


def metal_modulus(name: str) -> float:
    """Young's modulus [MPa].

    Raises:
        UnknownName: no such metal.
    """
    return named("screw material", name, values("metal"), "knowledge/data/materials/metal.yaml").number


def _held(
    cylinder: Cylinder, grid: Volume, mesh: Bricks, cement: F64 | None, modulus_MPa: F64 | None
) -> tuple[Rod, Held]:
    """A rod whose tie is still to be made, and how bricks hold it."""
    start, end = np.array(cylinder.start_mm), np.array(cylinder.end_mm)
    length = float(np.linalg.norm(end - start))
    if not length > 0.0:
        raise BadInput("a screw or wire needs two different ends: check its plan")
    edges, A = grid.spacing_mm, grid.affine
    way = (A[:3, :3] / edges).T @ (end - start) / length  # along the lattice's own axes
    s, sections = sections_of(cylinder, way, edges, length)
    corner = (np.linalg.inv(A[:3, :3]) @ (start - A[:3, 3]) + 0.5) * edges
    beam = beam_of(corner, way, s, sections)
    surface = Surface.of(beam, edges)
    cell, inside = surface.cells(mesh.shape, edges)
    inside &= mesh.solid[cell]
    in_bone = np.asarray(inside.mean(axis=1) > 0.5)
    if in_bone.sum() < 2:
        raise BadInput("a screw or wire of the plan does not lie in the bone: check its ends")
    interface = interface_of(cylinder)
    along = _held_along(interface, surface.s, in_bone, length - _thread(cylinder, length), beam.radius)
    along |= _in_cement(cell, inside, mesh, cement)
    held = hold(
        beam, mesh, edges, along=along, on=surface, poisson=number("bone.poisson_ratio"),
        modulus_MPa=modulus_MPa,
    )  # fmt: skip
    points = start + s[:, None] * (end - start) / length
    nothing = Tie(np.zeros((0, 0), dtype=np.int32), np.zeros((0, 0)), np.zeros((0, 0)))
    return Rod(
        cylinder, interface, tuple(sections), beam, nothing, _share(cylinder, grid, mesh), points, surface.s,
        along & in_bone, np.zeros((0, 0)),
    ), held  # fmt: skip


def beam_of(start: F64, axis: F64, s: F64, sections: Sequence[Section]) -> Beam:
    """The beam of some sections; its surface is that of the widest."""
    E = np.array([one.modulus_MPa for one in sections])
    A = np.array([one.area_mm2 for one in sections])
    I = np.array([one.second_moment_mm4 for one in sections])
    kGA = np.array([one.shear_N for one in sections])
    radius = 0.5 * max(one.outer_mm for one in sections)
    return Beam(start, axis, s, radius, E * A, E * I, kGA, number("metal_strength.poisson_ratio"))


def _joints(beams: Sequence[Beam]) -> list[tuple[int, int, F64]]:
    """(first, second, where) of rods that overlap."""
    pairs = [(a, b, *nearest(beams[a], beams[b])) for a, b in combinations(range(len(beams)), 2)]
    return [(a, b, at) for a, b, apart, at in pairs if apart < beams[a].radius + beams[b].radius]


def _groups(count: int, joints: Sequence[tuple[int, int, F64]]) -> list[list[int]]:
    """Rods that touch, directly or through others."""
    touch = np.zeros((count, count), dtype=bool)
    for a, b, _ in joints:
        touch[a, b] = True
    groups, label = connected_components(touch, directed=False)
    return [np.flatnonzero(label == n).tolist() for n in range(groups)]


def _held_along(interface: Interface, s: F64, in_bone: Bool, thread_from_mm: float, head_mm: float) -> Bool:
    """(k,) rings that move with the bone along the axis; the head is the first radius's length in bone."""
    if interface == "bonded":
        return np.ones_like(in_bone)
    if interface == "sliding":
        return np.zeros_like(in_bone)
    return np.asarray((s >= thread_from_mm) | (s <= s[in_bone].min() + head_mm))


def _thread(cylinder: Cylinder, length_mm: float) -> float:
    if cylinder.root_diameter_mm is None:
        return 0.0
    return length_mm if cylinder.thread_mm is None else min(cylinder.thread_mm, length_mm)


def _in_cement(cell: Any, inside: Bool, mesh: Bricks, cement: F64 | None) -> Bool:
    """(k,) rings of a rod that lie in cement, from the brick of each point."""
    if cement is None:
        return np.zeros(len(inside), dtype=bool)
    return np.asarray((mesh.box(cement)[cell] * inside).mean(axis=1) > CEMENTED)


def _share(cylinder: Cylinder, grid: Volume, mesh: Bricks) -> F64:
    """(n_elements,) share of each element inside the rod's outer surface, less its bore."""
    ends = {"start_mm": np.array(cylinder.start_mm), "end_mm": np.array(cylinder.end_mm)}
    outer = cylinder.root_diameter_mm or cylinder.outer_diameter_mm
    full, bore = (
        cylinder_fraction(grid.shape, grid.affine, **ends, radius_mm=0.5 * d) if d > 0 else 0.0
        for d in (outer, cylinder.inner_diameter_mm)
    )
    return mesh.of_box(np.clip(full - bore, 0.0, 1.0))


@dataclass(frozen=True)
class Stress:
    """The most that a rod bears under a load.

    Attributes:
        von_mises_MPa: at ``at_mm`` (LPS); axial_N (pull is positive), moment_Nmm: there.
        share_of_yield, share_of_fatigue: of the metal's yield, and of the part of it that repeated loading
            is taken to bear.
    """

    von_mises_MPa: float
    axial_N: float
    moment_Nmm: float
    at_mm: tuple[float, float, float]
    share_of_yield: float
    share_of_fatigue: float


def yield_of(metal: str) -> Known:
    """Yield strength of a metal [MPa]."""
    return known(f"metal_strength.{metal}_yield")


def stress(rod: Rod, u: F64) -> Stress:
    """The most that the rod bears under (n_nodes, 3) displacements [mm] in the grid's own axes."""
    forces = rod.beam.forces(rod.motions(u))
    A = np.array([one.area_mm2 for one in rod.sections])
    W = np.array([one.section_modulus_mm3 for one in rod.sections])
    kA = np.array([one.shear_area_mm2 for one in rod.sections])
    moment = np.linalg.norm(forces.moment_Nmm, axis=2)  # (m - 1, start and end)
    pull = np.abs(forces.axial_N) / A
    shear = np.linalg.norm(forces.shear_N, axis=1) / kA
    mises = np.maximum(pull[:, None] + moment / W[:, None], np.sqrt(pull**2 + 3.0 * shear**2)[:, None])
    e, end = (int(n) for n in np.unravel_index(int(mises.argmax()), mises.shape))
    most = float(mises[e, end])
    share = most / yield_of(rod.cylinder.material).number
    x, y, z = (float(v) for v in rod.points_mm[e + end])
    return Stress(
        most, float(forces.axial_N[e]), float(moment[e, end]), (x, y, z), share,
        share / number("metal_strength.fatigue_share"),
    )  # fmt: skip


def screw_estimates(
    rods: Sequence[Rod], u: F64, case: str, load: str, ensemble: Ensemble
) -> tuple[Estimate, ...]:
    """The rod that is nearest to its yield, under displacements at a stated ``load``; none without rods.

    The interval is that of the metal's yield alone, where it has one.
    """
    if not rods:
        return ()
    borne = [stress(rod, u) for rod in rods]
    n = max(range(len(rods)), key=lambda at: borne[at].share_of_yield)
    rod, worst_one = rods[n], borne[n]
    known = yield_of(rod.cylinder.material)
    x, y, z = worst_one.at_mm
    because = (
        f"rod {n + 1} of {len(rods)} at {load}: {worst_one.von_mises_MPa:.0f} MPa (von Mises; "
        f"axial {worst_one.axial_N:.0f} N, moment {worst_one.moment_Nmm / 1000.0:.2f} N m) at "
        f"({x:.0f}, {y:.0f}, {z:.0f}) mm",
        f"{rod.cylinder.material}, yield {known.number:.0f} MPa; {known.note}",
        f"{100.0 * worst_one.share_of_fatigue:.0f} % of what repeated loading is taken to bear",
        "end forces of the beam; a smooth round root, no notch of the thread",
    )
    value = 100.0 * worst_one.share_of_yield
    low, high = (None if end is None else value * known.number / end for end in (known.high, known.low))
    draws = np.full(ensemble.n, value)
    if known.low is not None and known.high is not None:
        draws *= known.number / uniform(strata(ensemble, "metal_yield")[:, 0], *known.range)
    return (
        Estimate(
            "screw_stress_share_of_yield", case, value, low, high, "%", "simulated", because,
            draws=draws, status=worst(known.status, "unverified"),
        ),
    )  # fmt: skip
