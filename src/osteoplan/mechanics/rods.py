"""Screws and wires in a mesh: beams tied to the bone around them.

    Effects.solids (cylinders) -> Rod: a beam (``kernels.beams``), its tie to the mesh, its share of elements

A thread bends like its root, a smooth shaft like itself; both are hollow by the bore.  A rod moves with the
bone sideways.  Along its axis that depends on how it is held (``materials/interfaces.yaml``): threaded (by
thread and head), sliding, or bonded; in cement it is always bonded.

The bone that a rod pushes aside stays in the mesh.  So a rod never lowers a stiffness; it counts for too much
by the bone's modulus over the metal's, a few thousandths in trabecular bone, up to a sixth in dense cortex.

Tests: tests/analytic/test_beams.py, tests/unit/test_rods.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput, named
from osteoplan.kernels.beams import Beam, Tie, interpolation, places, rings, shear_coefficient
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.raster import cylinder_fraction
from osteoplan.knowledge.values import known, number, values
from osteoplan.mechanics.uncertainty.latin_hypercube import strata, uniform
from osteoplan.model.effects import Cylinder, Effects
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Known, worst
from osteoplan.model.outcome import Estimate
from osteoplan.model.volume import Volume

__all__ = [
    "Interface", "Rod", "Section", "Stress", "beam_of", "interface_of", "metal_modulus", "rods_in",
    "screw_estimates", "stress", "yield_of",
]  # fmt: skip

Interface = Literal["bonded", "threaded", "sliding"]

CEMENTED = 0.5  # a node of a rod lies in cement where more than this of the elements around it is cement


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
    """

    cylinder: Cylinder
    interface: Interface
    sections: tuple[Section, ...]
    beam: Beam
    tie: Tie
    share: F64
    points_mm: F64

    def energy(self, u: F64) -> float:
        """Twice the energy of the rod under (n_nodes, 3) displacements [N mm]."""
        return self.tie.energy(u)


def rods_in(
    effects: Effects | None, grid: Volume, mesh: Bricks, cement: F64 | None = None
) -> tuple[Rod, ...]:
    """The rods of a plan in the elements of a mesh on ``grid`` (cubes, as every load case's).

    Args:
        cement: (n_elements,) share of each element that is cement; None: there is none.

    Raises:
        BadInput: a rod lies nowhere in the mesh, has no length, or its bore does not fit.
        UnknownName: unknown metal.
    """
    return tuple(_rod(solid, grid, mesh, cement) for solid in (effects.solids if effects else ()))


def interface_of(cylinder: Cylinder) -> Interface:
    """How a cylinder is held in bone: by its thread where it has one (a root diameter tells)."""
    row = known("interfaces.wire" if cylinder.root_diameter_mm is None else "interfaces.screw")
    return cast(Interface, row.value)


def beam_of(
    cylinder: Cylinder, axis: F64, edges_mm: F64, length_mm: float
) -> tuple[F64, tuple[Section, ...]]:
    """(places of the beam's nodes [mm from the head], section of each of its elements).

    ``axis``: unit vector along the lattice of ``edges_mm``.
    """
    s = places(length_mm, axis, edges_mm)
    modulus, bore = metal_modulus(cylinder.material), cylinder.inner_diameter_mm
    root = cylinder.root_diameter_mm or cylinder.outer_diameter_mm
    threaded = Section(root, bore, modulus)
    shaft = Section(cylinder.shaft_diameter_mm or root, bore, modulus)
    middle = 0.5 * (s[1:] + s[:-1])
    return s, tuple(threaded if at >= length_mm - _thread(cylinder, length_mm) else shaft for at in middle)


def metal_modulus(name: str) -> float:
    """Young's modulus [MPa].

    Raises:
        UnknownName: no such metal.
    """
    return named("screw material", name, values("metal"), "knowledge/data/materials/metal.yaml").number


def _rod(cylinder: Cylinder, grid: Volume, mesh: Bricks, cement: F64 | None) -> Rod:
    start, end = np.array(cylinder.start_mm), np.array(cylinder.end_mm)
    length = float(np.linalg.norm(end - start))
    if not length > 0.0:
        raise BadInput("a screw or wire needs two different ends: check its plan")
    edges = grid.spacing_mm
    way = (grid.affine[:3, :3] / edges).T @ (end - start) / length  # along the lattice's own axes
    s, sections = beam_of(cylinder, way, edges, length)
    points = start + s[:, None] * (end - start) / length
    around = rings(points, (end - start) / length, 0.5 * max(section.outer_mm for section in sections))
    at = (around - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T + 0.5
    nodes, weights = interpolation(at, mesh.corner_numbers)
    inside = np.asarray(weights.sum(axis=1) > 0.5)
    if inside.sum() < 2:
        raise BadInput("a screw or wire of the plan does not lie in the bone: check its ends")
    interface = interface_of(cylinder)
    along = _held_along(interface, s, inside, _thread(cylinder, length), _in_cement(at, mesh, cement))
    beam = _beam(way, s, sections, along, inside)
    return Rod(
        cylinder, interface, sections, beam, Tie(nodes, weights, beam.stiffness()),
        _share(cylinder, grid, mesh), points,
    )  # fmt: skip


def _beam(axis: F64, s: F64, sections: Sequence[Section], along: Bool, across: Bool) -> Beam:
    E = np.array([one.modulus_MPa for one in sections])
    A = np.array([one.area_mm2 for one in sections])
    I = np.array([one.second_moment_mm4 for one in sections])
    kGA = np.array([one.shear_N for one in sections])
    return Beam(axis, s, E * A, E * I, kGA, along, across)


def _held_along(interface: Interface, s: F64, inside: Bool, thread_mm: float, cemented: Bool) -> Bool:
    """(m,) nodes that move with the bone along the axis; its head is the outermost node in bone."""
    if interface == "bonded":
        return inside
    held = cemented.copy()
    if interface == "threaded":
        held |= s >= s[-1] - thread_mm
        held[np.argmax(inside)] = True
    return held & inside


def _thread(cylinder: Cylinder, length_mm: float) -> float:
    if cylinder.root_diameter_mm is None:
        return 0.0
    return length_mm if cylinder.thread_mm is None else min(cylinder.thread_mm, length_mm)


def _in_cement(at: F64, mesh: Bricks, cement: F64 | None) -> Bool:
    """(m,) nodes of a rod whose ring (m, q, 3), in bricks, lies in cement."""
    if cement is None or not cement.any():
        return np.zeros(len(at), dtype=bool)
    cell = np.floor(at).astype(np.intp)
    inside: Bool = np.asarray(((cell >= 0) & (cell < np.array(mesh.shape))).all(axis=-1))
    cell = np.where(np.expand_dims(inside, -1), cell, 0)
    share = mesh.box(cement)[cell[..., 0], cell[..., 1], cell[..., 2]] * inside
    return np.asarray(share.mean(axis=1) > CEMENTED)


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
    forces = rod.beam.forces(rod.tie.displacement(u))
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
