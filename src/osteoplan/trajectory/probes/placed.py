"""Probes as placed, what they must keep away from, and the rules between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, Bool, Indices, Point
from osteoplan.errors import BadInput
from osteoplan.knowledge.applicators import Modality, ZoneRow
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Structure
from osteoplan.model.effects import Cylinder
from osteoplan.model.volume import Volume
from osteoplan.trajectory.probes.parallel import segment_distances
from osteoplan.trajectory.probes.zones import Zone, depth_mm

__all__ = [
    "CoverLimits", "Danger", "PlacedProbe", "cover_limits", "dangers", "gap_mm", "pairs", "permitted",
    "shafts", "sound",
]  # fmt: skip


@dataclass(frozen=True)
class CoverLimits:
    """Rules of placing several probes, and what they must keep away from.

    Attributes:
        at_most: how many probes there are.
        entry_gap_mm: least distance of two entries.
        tube_gap_mm: least free space between two probes, and between a probe and a screw.
        spacing_mm: modality -> least, usual greatest and greatest distance of neighbouring active parts.
        metal_gap_mm: modality -> least free space between the active part and metal.
        worth_pct: share of the target for which one more probe is used.
        columns_max: placements that are kept for the choice.
        keep_out: kinds of structures that no zone may reach; the others are only told.
        screws: planned in the same session; no probe may touch them.
        structures: what a zone may reach, to be told or kept out of; those of kind ``metal`` count as metal.
    """

    at_most: int
    entry_gap_mm: float
    tube_gap_mm: float
    spacing_mm: Mapping[Modality, tuple[float, float, float]]
    metal_gap_mm: Mapping[Modality, float]
    worth_pct: float
    columns_max: int
    keep_out: frozenset[str] = frozenset()
    screws: Sequence[Cylinder] = ()
    structures: Sequence[Danger] = ()


@dataclass(frozen=True, eq=False)
class Danger:
    """A structure, or metal that is in the patient, as points.

    Attributes:
        points_mm: (n, 3) middles of its outer voxels.
        reach_mm: half the diagonal of a voxel: so much nearer than its middle a voxel may be.
        derived: nobody labelled it.
    """

    name: str
    kind: str
    points_mm: F64
    reach_mm: float
    derived: bool = False


@dataclass(frozen=True)
class PlacedProbe:
    """A probe as planned; entry and tip as of a trajectory.

    Attributes:
        way: id of the way that it takes, or runs beside.
        zone: where the zone lies; also its outline for pictures.
    """

    way: str
    entry_mm: Point
    tip_mm: Point
    diameter_mm: float
    row: ZoneRow
    zone: Zone


def cover_limits(
    at_most: int, *, keep_out: Iterable[str] = (), screws: Sequence[Cylinder] = (),
    structures: Sequence[Danger] = (),
) -> CoverLimits:  # fmt: skip
    """The rules of ``placement.yaml`` for so many probes."""
    if at_most < 1:
        raise BadInput(f"{at_most} probes cover nothing: give 1 or more")
    spacing = (
        number("placement.cryo_spacing_min_mm"),
        number("placement.cryo_spacing_usual_max_mm"),
        number("placement.cryo_spacing_max_mm"),
    )
    return CoverLimits(
        at_most,
        number("placement.entry_gap_min_mm"),
        number("placement.tube_gap_min_mm"),
        {"cryo": spacing},
        {"rfa": number("placement.rf_metal_gap_min_mm")},
        number("placement.worth_pct"),
        int(number("placement.columns_max")),
        frozenset(keep_out),
        screws,
        structures,
    )


def dangers(structures: Iterable[Structure], grid: Volume) -> tuple[Danger, ...]:
    """Structures of an anatomy as dangers; empty ones are left out."""
    reach = float(np.linalg.norm(grid.spacing_mm)) / 2.0
    made = []
    for structure in structures:
        shell = _shell(structure.mask)
        if len(shell):
            points = grid.positions_mm(shell)
            made.append(Danger(structure.name, structure.kind, points, reach, not structure.given))
    return tuple(made)


def permitted(probes: Sequence[PlacedProbe], limits: CoverLimits) -> Bool:
    """(n,) placements that meet every rule that does not depend on the other probes."""
    may = np.ones(len(probes), dtype=bool)
    if not len(probes):
        return may
    screws, structures = limits.screws, limits.structures
    if screws:
        may &= (_screw_gaps(probes, screws, active=False) >= limits.tube_gap_mm).all(axis=1)
    for modality, least in limits.metal_gap_mm.items():
        of = np.array([probe.row.modality == modality for probe in probes])
        if screws:
            may &= ~of | (_screw_gaps(probes, screws, active=True) >= least).all(axis=1)
        for danger in structures:
            if danger.kind == "metal":
                may &= ~of | (_active_gaps(probes, danger) >= least)
    for danger in structures:
        if danger.kind in limits.keep_out:
            may &= np.array([gap_mm(probe.zone, danger) >= 0 for probe in probes])
    return may


def _screw_gaps(probes: Sequence[PlacedProbe], screws: Sequence[Cylinder], *, active: bool) -> F64:
    """(n, m) free space between probes, or their active parts, and screws."""
    starts, ends, radius = shafts(probes, active=active)
    a, b = (np.array([getattr(screw, name) for screw in screws]) for name in ("start_mm", "end_mm"))
    thick = np.array([screw.outer_diameter_mm for screw in screws]) / 2.0
    return segment_distances(starts, ends, a, b) - radius[:, None] - thick[None]


def _active_gaps(probes: Sequence[PlacedProbe], danger: Danger) -> F64:
    """(n,) free space between the probes' active parts and a danger."""
    starts, ends, radius = shafts(probes, active=True)
    least = np.full(len(probes), np.inf)
    for first in range(0, len(danger.points_mm), 2000):
        points = danger.points_mm[first : first + 2000]
        least = np.minimum(least, segment_distances(starts, ends, points, points).min(axis=1))
    return least - radius - danger.reach_mm


def shafts(probes: Sequence[PlacedProbe], *, active: bool) -> tuple[F64, F64, F64]:
    """Both ends and the radius of probes, or of the part of their shaft that lies in the zone.

    The active length of a probe is in no source read, so that all of the shaft in the zone counts.
    """
    tips = np.array([probe.tip_mm for probe in probes])
    radius = np.array([probe.diameter_mm for probe in probes]) / 2.0
    if not active:
        return np.array([probe.entry_mm for probe in probes]), tips, radius
    poles = np.array(
        [
            np.subtract(probe.zone.centre_mm, np.multiply(probe.zone.half_length_mm, probe.zone.axis))
            for probe in probes
        ]
    )
    axes = np.array([probe.zone.axis for probe in probes])
    beyond = np.einsum("ij,ij->i", poles - tips, axes) > 0  # a zone wholly beyond the tip
    return np.where(beyond[:, None], tips, poles), tips, radius


def gap_mm(zone: Zone, danger: Danger) -> float:
    """Distance from a zone's border to a danger; negative inside."""
    return float(-depth_mm(danger.points_mm, zone).max()) - danger.reach_mm


def pairs(probes: Sequence[PlacedProbe], limits: CoverLimits) -> tuple[Bool, Bool, Bool]:
    """Which pairs exclude each other, which are near, and which probes need a near one."""
    entries = np.array([probe.entry_mm for probe in probes])
    starts, tips, radius = shafts(probes, active=False)
    active = shafts(probes, active=True)[0]
    n = len(probes)
    conflicts, near = np.zeros((n, n), dtype=bool), np.zeros((n, n), dtype=bool)
    ranges = [limits.spacing_mm.get(probe.row.modality) for probe in probes]
    chained = np.array([found is not None for found in ranges])
    least = np.array([found[0] if found else 0.0 for found in ranges])
    most = np.array([found[2] if found else np.inf for found in ranges])
    for first in range(0, n, 128):
        some = slice(first, first + 128)
        apart = np.linalg.norm(entries[some, None] - entries[None], axis=-1)
        free = segment_distances(starts[some], tips[some], starts, tips) - radius[some, None] - radius[None]
        conflicts[some] = (apart < limits.entry_gap_mm) | (free < limits.tube_gap_mm)
        if chained.any():
            between = segment_distances(active[some], tips[some], active, tips)
            both = chained[some, None] & chained[None]
            conflicts[some] |= both & (between < np.maximum(least[some, None], least[None]))
            near[some] = both & (between <= np.minimum(most[some, None], most[None]))
    return conflicts, near, chained


def sound(probes: Sequence[PlacedProbe], place: int, limits: CoverLimits) -> bool:
    """True where a probe, as it stands now, meets every rule with all the others."""
    if not permitted([probes[place]], limits).all():
        return False
    conflicts, near, chained = pairs(probes, limits)
    np.fill_diagonal(conflicts, False)
    np.fill_diagonal(near, False)
    linked = np.flatnonzero(chained)
    joined = len(linked) < 2 or bool(near[np.ix_(linked, linked)].any(axis=1).all())
    return joined and not conflicts.any()


def _shell(mask: Bool) -> Indices:
    """Indices of the voxels of a mask that have a face to the outside."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask))
