"""Rigidity of a bone's cross sections (CT-based rigidity analysis): a beam beside the finite elements.

A section at right angles to the bone's axis, squares of edge h, each with a share a of bone and a modulus E:

    EA  = sum E a h^2                                    axial [N]
    c   = sum E a h^2 x / EA                             modulus-weighted centroid
    EI  = sum E a h^2 ((x - c)(x - c)^T + h^2 / 12)      about c; eigenvalues: weak and strong axis
    GJ  = Saint-Venant's torsion, G = E / 2 (1 + nu)     exact for the section (``kernels.torsion``)

Loss is that against the same section of the intact twin; the bone's is that of the section that lost most.
A beam knows no ends, no joints and no load path: it is a check of the finite elements, not a second opinion
on an acetabulum.  A third of rigidity lost is often called a limit; no source of it could be read, so none
is used here.

Draws are paired with those of the finite elements.  GJ of a sample is estimated from the energies of the
solved section (power mean, ``samples.stiffness_in``), which is exact for a common factor.
The idea is that of CT-based rigidity analysis (Snyder, Nazarian, Damron), there against the other side.
Tests: tests/analytic/test_rigidity.py, tests/unit/test_rigidity_bones.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from osteoplan.arrays import F64, Bool, Indices
from osteoplan.errors import NotAvailable
from osteoplan.kernels.raster import cylinder_fraction
from osteoplan.kernels.resample import gather_linear
from osteoplan.kernels.torsion import torsion
from osteoplan.knowledge.materials import modulus_law
from osteoplan.knowledge.values import known, number, values
from osteoplan.mechanics.beam.segments import BoneSegment
from osteoplan.mechanics.sampled_image import (
    cement_of,
    cement_share,
    depth_on,
    grid_along_the_bone,
    replaced_by_soft_tissue,
    sample,
)
from osteoplan.mechanics.state import State
from osteoplan.mechanics.uncertainty.samples import ParameterSample, Tissue, modulus
from osteoplan.model.certainty import RigidityProfile
from osteoplan.model.effects import Effects
from osteoplan.model.evidence import worst
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.volume import Volume

__all__ = ["Sections", "bending", "cut", "losses", "metal", "profile", "section_tissue"]

KINDS = ("axial", "bending", "torsional")


@dataclass(frozen=True, eq=False)
class Sections:
    """Squares of the sections of a segment of bone.

    Attributes:
        grid: box of cubes whose k-layers are the sections.
        cells: (n, 3) indices in the box; share: (n,) part of a cube that is bone.
        image: (n,) CT values, by state; lesion: (n,) bool.
        along_mm: (m,) places of the sections on the axis, from the segment's origin.
    """

    segment: BoneSegment
    grid: Volume
    cells: Indices
    share: F64
    image: Mapping[State, F64]
    lesion: Bool
    along_mm: F64

    @property
    def h(self) -> float:
        """Edge of the squares [mm]."""
        return float(self.grid.spacing_mm[0])

    @property
    def section(self) -> Indices:
        """(n,) number of the section of each square."""
        return self.cells[:, 2]


def cut(segment: BoneSegment, h: float) -> Sections:
    """The sections of a segment, with squares of edge ``h`` [mm].

    Raises:
        NotAvailable: nothing of the bone lies in the segment, or it leaves the image.
    """
    anatomy = replace(segment.anatomy, frame=segment.frame, bone_mask=segment.mask)
    if not segment.mask.any():
        raise NotAvailable(f"{anatomy.level}: no bone lies along {segment.title}, so no section can be cut")
    grid = grid_along_the_bone(anatomy, h, margin_mm=(h, h, 0.0))
    part = _share(grid, segment, h)
    cells = np.argwhere(part > 0)
    at = tuple(cells.T)
    images: dict[State, F64] = {
        "now": sample(grid, anatomy.image)[at], "intact": sample(grid, anatomy.image_intact)[at],
    }  # fmt: skip
    if not all(np.isfinite(values).all() for values in images.values()):
        raise NotAvailable(f"{anatomy.level}: {segment.title} leaves the image, so its sections are cut off")
    inside = gather_linear(
        anatomy.lesion_mask.astype(np.float32), anatomy.image.affine, grid.affine, grid.shape, outside=0.0
    )
    layers = grid.affine[:3, 3] + np.arange(grid.shape[2])[:, None] * grid.affine[:3, 2]
    along = (layers - segment.frame.origin_mm) @ segment.frame.superior
    return Sections(segment, grid, cells, part[at], images, inside[at] >= 0.5, along)


def section_tissue(sections: Sections, state: State, fields: Sequence[Field] = ()) -> Tissue:
    """What fills each square in a state; ``cement_fraction`` is understood."""
    image = sections.image[state]
    replaced = replaced_by_soft_tissue(sections.segment.anatomy, image, sections.lesion, state)
    cement = cement_share(sections.grid, sections.cells, cement_of(fields)[0])
    return Tissue(image, np.zeros(len(image), dtype=bool), replaced, cement)


def metal(sections: Sections, effects: Effects | None) -> tuple[F64, F64]:
    """(share, modulus [MPa]) of screws and wires in each square, each (n,)."""
    share, E = np.zeros(len(sections.cells)), np.zeros(len(sections.cells))
    for rod in effects.solids if effects else ():
        outer = rod.root_diameter_mm or rod.outer_diameter_mm
        ends = {"start_mm": np.array(rod.start_mm), "end_mm": np.array(rod.end_mm)}
        part = cylinder_fraction(sections.grid.shape, sections.grid.affine, radius_mm=outer / 2, **ends)
        if rod.inner_diameter_mm > 0:
            part -= cylinder_fraction(
                sections.grid.shape, sections.grid.affine, radius_mm=rod.inner_diameter_mm / 2, **ends
            )
        mine = part[tuple(sections.cells.T)]
        if rod.material not in values("metal"):
            raise NotAvailable(
                f"the modulus of '{rod.material}' is not on file, so its rigidity is left open"
            )
        E = np.where(mine > share, number(f"metal.{rod.material}"), E)
        share = np.maximum(share, mine)
    return share, E


def profile(sections: Sections, E: F64) -> RigidityProfile:
    """Rigidities of every section for moduli E (n,) [MPa], torsion solved."""
    return _profile(sections, E, _twisted(sections, E))


def losses(
    sections: Sections,
    intact: Tissue,
    now: Tissue,
    central: ParameterSample,
    sampled: Sequence[ParameterSample],
    rods: tuple[F64, F64] | None = None,
) -> tuple[tuple[Estimate, ...], RigidityProfile, RigidityProfile]:
    """(losses at the section that lost most [%], profile intact, profile now).

    Args:
        intact, now: what fills the squares in both states.
        central, sampled: the samples of the values and of the draws.
        rods: of ``metal``, in the state ``now``.
    """  # fmt: skip

    def moduli(tissue: Tissue, drawn: ParameterSample) -> F64:
        E = modulus(tissue, drawn)
        return E if rods is None or tissue is intact else E + rods[0] * np.maximum(rods[1] - E, 0.0)

    solved = [_twisted(sections, moduli(tissue, central)) for tissue in (intact, now)]
    whole, part = (_profile(sections, twist.E, twist) for twist in solved)
    beams = whole.area_mm2 >= number("rigidity.least_area_share") * np.median(
        whole.area_mm2[whole.area_mm2 > 0]
    )

    def in_sample(drawn: ParameterSample) -> F64:
        left = _in_sample(sections, moduli(now, drawn), solved[1])
        return _lost(left, _in_sample(sections, moduli(intact, drawn), solved[0]), beams)

    draws = np.array([in_sample(drawn) for drawn in sampled])
    values, rows = _lost(_rows(part), _rows(whole), beams), []
    for n, kind in enumerate(KINDS):
        at = float(sections.along_mm[_weakest(part, whole, beams, n)])
        rows.append(Estimate.from_draws(
            f"{kind}_rigidity_loss_pct", sections.segment.title, value=values[n], draws=draws[:, n], unit="%",
            because=_because(sections, at, rods is not None), status=_status(central),
        ))  # fmt: skip
    return tuple(rows), replace(whole, beam=beams), replace(part, beam=beams)


def _share(grid: Volume, segment: BoneSegment, h: float) -> F64:
    """Part of each cube that is bone, from the distance to its outline."""
    sampled = depth_on(grid.affine, grid.shape, segment.anatomy.image, segment.mask)
    part: F64 = np.clip(0.5 - sampled.astype(np.float64) / h, 0.0, 1.0)
    along = (np.arange(grid.shape[2]) + 0.5) * h
    low_mm, high_mm = segment.between_mm
    first = (grid.affine[:3, 3] - segment.frame.origin_mm) @ segment.frame.superior - 0.5 * h
    outside = (along + first < low_mm) | (along + first > high_mm)
    part[:, :, outside] = 0.0
    if segment.within_mm is not None:
        centre = (segment.frame.origin_mm - grid.affine[:3, 3]) @ grid.affine[:3, :3] / h**2
        i, j = np.ogrid[: grid.shape[0], : grid.shape[1]]
        part[np.hypot(i - centre[0], j - centre[1]) * h > segment.within_mm] = 0.0
    return part


def _area(sections: Sections) -> F64:
    """(m,) area of bone of each section [mm2]."""
    return _total(sections, sections.share) * sections.h**2


def _total(sections: Sections, values: F64) -> F64:
    """(m,) sums over the squares of each section."""
    return np.bincount(sections.section, values, minlength=len(sections.along_mm)).astype(np.float64)


def bending(sections: Sections, E: F64) -> tuple[F64, F64, F64, F64]:
    """(EA, weak EI, strong EI, centroids (m, 2) [mm from the axis]) of every section."""
    h, k = sections.h, sections.section
    w = E * sections.share * h * h
    total = partial(_total, sections)
    x, y = _in_plane(sections)
    EA = total(w)
    safe = np.where(EA > 0, EA, 1.0)
    cx, cy = total(w * x) / safe, total(w * y) / safe
    own = EA * h * h / 12.0
    xx, yy = total(w * (x - cx[k]) ** 2) + own, total(w * (y - cy[k]) ** 2) + own
    xy = total(w * (x - cx[k]) * (y - cy[k]))
    middle, half = 0.5 * (xx + yy), np.hypot(0.5 * (xx - yy), xy)
    return EA, middle - half, middle + half, np.column_stack([cx, cy])


def _in_plane(sections: Sections) -> tuple[F64, F64]:
    """(left, posterior) of every square from the axis [mm]."""
    frame = sections.segment.frame
    origin = (sections.grid.affine[:3, 3] - frame.origin_mm) @ frame.axes[:2].T
    placed = origin + sections.cells[:, :2] * sections.h
    return placed[:, 0], placed[:, 1]


@dataclass(frozen=True, eq=False)
class _Twist:
    """Torsion of every section, solved for moduli E (n,): GJ of a section is the sum of E s."""

    E: F64
    s: F64


def _twisted(sections: Sections, E: F64) -> _Twist:
    per_modulus = sections.share / (2.0 * (1.0 + number("bone.poisson_ratio")))
    s = np.zeros(len(E))
    for k in range(len(sections.along_mm)):
        mine = np.flatnonzero(sections.section == k)
        if mine.size:
            at = sections.cells[mine, :2] - sections.cells[mine, :2].min(axis=0)
            G = np.zeros(tuple(at.max(axis=0) + 1))
            G[tuple(at.T)] = E[mine] * per_modulus[mine]
            s[mine] = torsion(G, sections.h)[1][tuple(at.T)]
    return _Twist(E, s * per_modulus)


def _profile(sections: Sections, E: F64, twist: _Twist) -> RigidityProfile:
    EA, weak, strong, centres = bending(sections, E)
    GJ = _total(sections, twist.E * twist.s)
    where = sections.segment.frame.world(np.column_stack([centres, sections.along_mm]))
    return RigidityProfile(
        sections.segment.title, sections.along_mm, EA, weak, strong, GJ, where, _area(sections)
    )


def _in_sample(sections: Sections, E: F64, solved: _Twist) -> F64:
    """(3, m) axial, weak bending and torsional rigidity of a sample."""
    EA, weak, _, _ = bending(sections, E)
    mixed = _total(sections, solved.s * np.sqrt(solved.E * E))
    central = _total(sections, solved.s * solved.E)
    return np.stack([EA, weak, mixed**2 / np.where(central > 0, central, 1.0)])


def _rows(found: RigidityProfile) -> F64:
    return np.stack([found.EA_N, found.EI_weak_Nmm2, found.GJ_Nmm2])


def _lost(part: F64, whole: F64, beams: Bool) -> F64:
    """(3,) greatest loss over the sections [%]."""
    lost: F64 = 100.0 * (1.0 - (part[:, beams] / whole[:, beams]).min(axis=1))
    return lost


def _weakest(part: RigidityProfile, whole: RigidityProfile, beams: Bool, n: int) -> int:
    """Number of the section that lost most."""
    left = np.where(beams, _rows(part)[n] / np.where(beams, _rows(whole)[n], 1.0), np.inf)
    return int(left.argmin())


def _because(sections: Sections, at_mm: float, rods: bool) -> tuple[str, ...]:
    anatomy = sections.segment.anatomy
    because = [
        f"beam theory on sections every {sections.h:g} mm",
        f"weakest {at_mm:+.0f} mm from {sections.segment.origin}",
        f"against the intact twin: {anatomy.intact_basis}",
        "no source of a limit could be read: none is applied",
    ]
    if rods:
        because.append("screws as bonded parts of the section")
    return tuple(because)


def _status(central: ParameterSample) -> str:
    return worst(modulus_law(central.law.id).status, known("rigidity.section_mm").status)
