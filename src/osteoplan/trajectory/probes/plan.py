"""What a choice of probes covers: geometry of zones, told with the words that belong to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.set_cover import Solution
from osteoplan.knowledge.applicators import LABEL
from osteoplan.trajectory.probes.parallel import segment_distances
from osteoplan.trajectory.probes.placed import CoverLimits, Danger, PlacedProbe, gap_mm, shafts
from osteoplan.trajectory.probes.target import Target
from osteoplan.trajectory.probes.zones import Zone, depth_mm, which_contain

__all__ = ["COVERAGE_WORDS", "CoverPlan", "Reached", "Spacing", "margins", "measured"]


COVERAGE_WORDS = f"geometric, zones {LABEL}"
MARGINS_MM = (0.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Spacing:
    """How far apart two probes are.

    Attributes:
        a, b: places in ``CoverPlan.probes``.
        entries_mm: on the skin.
        surfaces_mm: free space between the two tubes.
        active_mm: between the axes, within the zones.
    """

    a: int
    b: int
    entries_mm: float
    surfaces_mm: float
    active_mm: float


@dataclass(frozen=True)
class Reached:
    """A structure that a zone overlaps.

    Attributes:
        probe: place in ``CoverPlan.probes``.
        gap_mm: from the zone's border to the structure's nearest point; negative inside the zone.
    """

    structure: str
    kind: str
    probe: int
    gap_mm: float
    derived: bool


@dataclass(frozen=True)
class CoverPlan:
    """Probes that cover a target, and how well; geometry of zones that nobody measured in bone.

    Attributes:
        coverage_pct: share of the lesion with its margin that lies in a zone; say ``words`` with it.
        lesion_pct: share of the lesion alone.
        uncovered_points, points: cells of the target outside every zone, and all.
        margin_min_mm: least, from the lesion's surface outward to the border of a zone; negative where the
            surface is bare.  Of the best single zone, so the zones together reach at least as far.
        margin_reached_pct: margin in mm -> share of the lesion's surface that has it.
        spacing: each pair of probes.
        reached: structures that a zone overlaps, the deepest first.
        gap: of the choice, before tips were moved (``set_cover``): how much better the best could be.
        columns: placements that were weighed.
        status: ``optimal`` or ``greedy`` (``set_cover``); ``none`` where no probe could be placed.
        cautions: sentences that go with it wherever it is shown.
    """

    probes: tuple[PlacedProbe, ...]
    coverage_pct: float
    lesion_pct: float
    uncovered_points: int
    points: int
    margin_min_mm: float
    margin_reached_pct: Mapping[float, float]
    spacing: tuple[Spacing, ...]
    reached: tuple[Reached, ...]
    gap: float
    columns: int
    status: Literal["optimal", "greedy", "none"]
    cautions: tuple[str, ...]
    words: str = COVERAGE_WORDS


def measured(
    target: Target,
    probes: tuple[PlacedProbe, ...],
    solution: Solution,
    columns: int,
    limits: CoverLimits,
    said: Sequence[str],
) -> CoverPlan:
    """The plan with everything that is measured on it."""
    zones = [probe.zone for probe in probes]
    inside = np.asarray(which_contain(target.bricks_mm, zones).any(axis=1))
    covered = which_contain(target.cells_mm, zones).any(axis=1)
    margin = margins(target.surface_mm, zones)
    spacing = _spacing(probes)
    cautions = [*said, *_cautions(probes, spacing, limits)]
    if solution.status != "optimal":
        cautions.append(f"not proven to be the fewest: fewer probes may do (gap {100 * solution.gap:.0f} %)")
    return CoverPlan(
        probes=probes,
        coverage_pct=100.0 * float(inside.mean()),
        lesion_pct=100.0 * float(inside[target.in_lesion].mean()),
        uncovered_points=int((~covered).sum()),
        points=len(target.cells_mm),
        margin_min_mm=float(margin.min()),
        margin_reached_pct={m: 100.0 * float((margin >= m).mean()) for m in MARGINS_MM},
        spacing=spacing,
        reached=_reached(probes, limits.structures),
        gap=solution.gap,
        columns=columns,
        status=solution.status if columns else "none",
        cautions=tuple(dict.fromkeys(cautions)),
    )


def margins(surface_mm: F64, zones: Sequence[Zone]) -> F64:
    """(k,) from points of the lesion's surface to the border of the best zone [mm]; -inf without a zone."""
    depths = [depth_mm(surface_mm, zone) for zone in zones]
    return np.max(depths, axis=0) if depths else np.full(len(surface_mm), -np.inf)


def _spacing(probes: Sequence[PlacedProbe]) -> tuple[Spacing, ...]:
    """Distances of every pair."""
    if len(probes) < 2:
        return ()
    starts, tips, radius = shafts(probes, active=False)
    active = shafts(probes, active=True)[0]
    free = segment_distances(starts, tips, starts, tips) - radius[:, None] - radius[None]
    between = segment_distances(active, tips, active, tips)
    return tuple(
        Spacing(a, b, float(np.linalg.norm(starts[a] - starts[b])), float(free[a, b]), float(between[a, b]))
        for a in range(len(probes))
        for b in range(a + 1, len(probes))
    )


def _reached(probes: Sequence[PlacedProbe], structures: Sequence[Danger]) -> tuple[Reached, ...]:
    """Structures that zones overlap, the deepest first."""
    found = [
        Reached(danger.name, danger.kind, place, gap_mm(probe.zone, danger), danger.derived)
        for place, probe in enumerate(probes)
        for danger in structures
    ]
    inside = [reached for reached in found if reached.gap_mm < 0]
    return tuple(sorted(inside, key=lambda reached: (reached.gap_mm, reached.structure, reached.probe)))


def _cautions(probes: Sequence[PlacedProbe], spacing: Sequence[Spacing], limits: CoverLimits) -> list[str]:
    """Sentences that the chosen zones and their distances ask for."""
    said = [f"coverage is {COVERAGE_WORDS}; zones are added up as solids and interact in the patient"]
    for row in {probe.row.id: probe.row for probe in probes}.values():
        said += row.cautions
        if row.modality in ("mwa", "rfa", "laser"):
            said.append(f"{row.modality}: metal or wet cement in the field changes the zone")
    for place, probe in enumerate(probes):
        usual = limits.spacing_mm.get(probe.row.modality)
        nearest = min((s.active_mm for s in spacing if place in (s.a, s.b)), default=None)
        if usual and nearest is not None and nearest > usual[1]:
            said.append(
                f"probe {place + 1}: its neighbour is {nearest:.0f} mm away; "
                f"{usual[0]:g} to {usual[1]:g} mm is usual"
            )
    return said
