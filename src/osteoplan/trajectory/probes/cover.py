"""Which applicators, where and how deep, cover a lesion with its margin.

Every way, depth of the tip, applicator and setting that may be used is one column; the cells of the target
are the points; ``set_cover`` chooses.  Then each chosen tip is moved along its axis where that covers more.

Zones are charted or measured solids, unverified and not measured in bone.  They are added up as geometry:
heat adds non-linearly, so the sum is optimistic near a nerve and pessimistic between cold probes.  What is
covered here says nothing about tissue, and enters no ranking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.set_cover import SetCover, Solution, solve
from osteoplan.knowledge.applicators import ApplicatorTable, ZoneRow
from osteoplan.knowledge.values import number
from osteoplan.trajectory.probes.parallel import Allowed, ProbePath
from osteoplan.trajectory.probes.placed import CoverLimits, PlacedProbe, pairs, permitted, sound
from osteoplan.trajectory.probes.plan import CoverPlan, margins, measured
from osteoplan.trajectory.probes.target import Target
from osteoplan.trajectory.probes.zones import contains, depth_mm, held_by, which_contain, zone_at
from osteoplan.trajectory.surroundings import point

__all__ = ["cover"]

SURFACE = 1500  # points of the lesion's surface that refinement looks at
SAMPLE = 200  # cells for which the best placements are kept, wherever they lie


def cover(
    target: Target,
    candidates: Sequence[ProbePath],
    table: ApplicatorTable,
    rows: Sequence[ZoneRow],
    limits: CoverLimits,
    *,
    allowed: Allowed | None = None,
) -> CoverPlan:
    """The fewest probes that cover a target, and what they leave bare.

    Args:
        candidates: ways with a tip; ``parallel.beside`` makes more of them.
        table, rows: the probes' diameters, and the zones that may be used.
        limits: see ``cover_limits``.
        allowed: asked again for every tip that is moved; None moves no tip.

    Raises:
        BadInput: a row that cannot be placed.
    """
    columns, said = _columns(target, candidates, table, rows, limits)
    if not columns:
        nothing = Solution((), 0.0, 0.0)
        return measured(target, (), nothing, 0, limits, [*said, "no probe can be placed"])
    solution = solve(_problem(target, columns, limits))
    probes = tuple(columns[j] for j in solution.chosen)
    if allowed is not None:
        probes = _refined(target, probes, limits, allowed)
    return measured(target, probes, solution, len(columns), limits, said)


def _columns(
    target: Target,
    candidates: Sequence[ProbePath],
    table: ApplicatorTable,
    rows: Sequence[ZoneRow],
    limits: CoverLimits,
) -> tuple[list[PlacedProbe], list[str]]:
    """Placements that may be used and cover something, and sentences on those that were left out."""
    possible, said = [], []
    for row in rows:
        diameter = table.diameter_mm(row)
        if diameter is None:
            diameter = number("placement.probe_diameter_when_unknown_mm")
            said.append(f"{row.device}: diameter not known, {diameter:g} mm taken")
        for candidate in candidates:
            zone = zone_at(candidate.tip_mm, candidate.direction, row)
            possible.append(
                PlacedProbe(candidate.way, candidate.entry_mm, candidate.tip_mm, diameter, row, zone)
            )
    useful = _kept(target, possible, limits.columns_max)
    if 0 < len(useful) == limits.columns_max < len(possible):
        said.append(f"{len(possible)} placements were possible, {len(useful)} were weighed")
    may = permitted(useful, limits)
    if not may.all():
        said.append(
            f"{int((~may).sum())} of {len(may)} placements were left out: too near to a screw or metal, "
            "or reaching a structure to keep out of"
        )
    return [probe for probe, kept in zip(useful, may, strict=True) if kept], said


def _kept(target: Target, possible: list[PlacedProbe], most: int) -> list[PlacedProbe]:
    """Placements that cover something: for cells all over the target the best, then the best of all."""
    if not possible:
        return []
    weights = target.cell_volumes_mm3
    share = held_by(target.cells_mm, weights, [probe.zone for probe in possible])
    order = np.argsort(-share, kind="stable")
    order = order[share[order] > 0]
    if len(order) <= most:
        return [possible[j] for j in np.sort(order)]
    sample = target.cells_mm[:: max(1, len(weights) // SAMPLE)]
    covers = which_contain(sample, [possible[j].zone for j in order])
    each = max(1, most // len(sample))
    kept = {int(j) for row in covers for j in order[np.flatnonzero(row)[:each]]}
    for j in order:
        if len(kept) >= most:
            break
        kept.add(int(j))
    return [possible[j] for j in sorted(kept)]


def _problem(target: Target, columns: Sequence[PlacedProbe], limits: CoverLimits) -> SetCover:
    """The set cover that a target and its placements make."""
    weights = target.cell_volumes_mm3 / target.cell_volumes_mm3.sum()
    solids = [probe.zone for probe in columns]
    covers = which_contain(target.cells_mm, solids)
    covered = held_by(target.cells_mm, target.cell_volumes_mm3, solids) / 1000.0
    zones = np.array([probe.zone.volume_mL for probe in columns])
    healthy = np.clip(1.0 - covered / zones, 0.0, 1.0)
    costs = 1.0 + number("placement.healthy_weight") * healthy
    conflicts, near, chained = pairs(columns, limits)
    np.fill_diagonal(conflicts, False)
    worth = limits.worth_pct / 100.0
    return SetCover(covers, weights, costs, conflicts, limits.at_most, worth, chained, near)


def _refined(
    target: Target,
    probes: tuple[PlacedProbe, ...],
    limits: CoverLimits,
    allowed: Allowed,
) -> tuple[PlacedProbe, ...]:
    """Probes with tips moved along the axes while that covers more, or gives more margin, by the rules."""
    reach, step = number("placement.refine_shift_mm"), number("placement.refine_step_mm")
    shifts = np.arange(step, reach + step / 2, step)
    shifts = np.stack([shifts, -shifts], axis=1).ravel()
    origin = probes
    for _ in range(3):  # a probe moved may leave room for another
        before = probes
        for place in range(len(probes)):
            rest = _left_by(target, (*probes[:place], *probes[place + 1 :]))
            best = _worth(rest, probes[place])
            for moved in _moved(origin[place], shifts, allowed):
                tried = (*probes[:place], moved, *probes[place + 1 :])
                worth = _worth(rest, moved)
                if worth > best and sound(tried, place, limits):
                    probes, best = tried, worth
        if probes is before:
            break
    return probes


def _moved(probe: PlacedProbe, shifts_mm: F64, allowed: Allowed) -> list[PlacedProbe]:
    """A probe with its tip at each shift along its axis that may be."""
    axis = np.asarray(probe.zone.axis)
    tips = np.asarray(probe.tip_mm) + shifts_mm[:, None] * axis
    entries = np.tile(np.asarray(probe.entry_mm), (len(tips), 1))
    may = np.asarray(allowed(entries, tips), dtype=bool)
    return [replace(probe, tip_mm=point(tip), zone=zone_at(tip, axis, probe.row)) for tip in tips[may]]


@dataclass(frozen=True, eq=False)
class _Rest:
    """What the other probes leave to one: bare bricks, and the margin of points of the lesion's surface."""

    bare_mm: F64
    surface_mm: F64
    margin_mm: F64


def _left_by(target: Target, probes: Sequence[PlacedProbe]) -> _Rest:
    """What these probes leave."""
    surface = target.surface_mm[:: max(1, len(target.surface_mm) // SURFACE)]
    zones = [probe.zone for probe in probes]
    bare = ~which_contain(target.bricks_mm, zones).any(axis=1)
    return _Rest(target.bricks_mm[bare], surface, margins(surface, zones))


def _worth(rest: _Rest, probe: PlacedProbe) -> tuple[int, float]:
    """What refinement raises: bare bricks that a probe covers, then the least margin."""
    margin = np.maximum(rest.margin_mm, depth_mm(rest.surface_mm, probe.zone))
    return int(contains(rest.bare_mm, probe.zone).sum()), round(float(margin.min()), 3)
