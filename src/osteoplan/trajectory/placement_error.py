"""Placement error: where devices go that nobody corrects, what they touch, which trajectory suffers least.

    place      p' = p + s_lat (z_1 e_1 + z_2 e_2)                    across the axis, at the bone
    direction  u' ~ u + tan(s_ang) (z_3 e_1 + z_4 e_2)               about that place

z are standard normal numbers of one named stream of the ensemble: draw k is the same hand in every option, so
that two ways are compared under the same hands.  The two directions across are carried along from one axis to
a neighbouring one without a twist, so that ways that differ little err alike.

Every draw is a capsule of the device's radius.  Its gap to each kind of structure, and its depth in the bone
that it must stay in, come from the same distance maps as the plan.  A gap below zero is a touch; below zero
in the bone is a breach of the wall, graded by its depth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F32, F64, Bool
from osteoplan.errors import BadInput
from osteoplan.kernels.paths import path_minima
from osteoplan.knowledge.expression import AllOf, Compare, holds, parse
from osteoplan.knowledge.guidance import Guidance
from osteoplan.knowledge.scores import score_table
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.trajectory import ErrorBudget, Trajectory
from osteoplan.trajectory.surroundings import AVOIDED, DistanceMaps, Surroundings, distance_maps
from osteoplan.trajectory.wall import intraosseous_of, own_intraosseous, wall_of

__all__ = [
    "SCALE", "PlacementError", "PlacementGaps", "across", "budgeted", "error_budget", "grades", "most_robust",
    "placement_gaps", "placements",
]  # fmt: skip

SCALE = "gertzbein_robbins"  # id of the score whose classes grade a breach; two scales share the name
DRAWS = 500
STEP_MM = 0.5  # of the samples along a strayed device
BONE_STEP_MM = 0.5  # of the search for the bone's surface


@dataclass(frozen=True)
class PlacementError:
    """Placement error of a device that is put without correction: sd at the bone, sd of direction.

    ``draws`` is how many hands are tried at least; an ensemble that has more tries all of its own.
    """

    lateral_sd_mm: float
    angle_sd_deg: float
    draws: int


@dataclass(frozen=True, eq=False)
class PlacementGaps:
    """Gaps of n trajectories under as many hands as were drawn.

    Attributes:
        gap_mm: kind -> (n, draws) gap of the device's surface; ``wall`` is its depth in the bone.
        permitted: kinds that a way may touch, because it does so as planned and was found to fit all the same
            (an iliosacral screw and its joint).
    """

    gap_mm: Mapping[str, F64]
    permitted: frozenset[str] = frozenset()

    @property
    def breached(self) -> Bool:
        """(n, draws) whether anything is touched that may not be, or the bone is left."""
        touched = [gap < 0 for kind, gap in self.gap_mm.items() if kind not in self.permitted]
        return np.any(touched, axis=0) if touched else np.zeros((1, 1), dtype=bool)


def error_budget(
    around: Surroundings, way: Trajectory, guidance: Guidance, ensemble: Ensemble, *, draws: int = DRAWS
) -> ErrorBudget:
    """Breach probability: how often a device touches each kind of structure or leaves the bone, and how far.

    Args:
        around: the region.
        way: a needle from the skin to its tip, or a screw from the bone's surface along its corridor.
        guidance: whose placement error it has.
        ensemble: of the plan: every way meets the same hands.
        draws: strayed devices at least; the budget keeps those of the ensemble.

    Raises:
        BadInput: the way has no ends or no diameter.
    """
    error = PlacementError(guidance.lateral_sd_mm, guidance.angle_sd_deg, draws)
    found = placement_gaps(around, way, *_ends(way), error, ensemble)
    breached = found.breached[0]
    touched = {kind: float(np.mean(gap < 0)) for kind, gap in found.gap_mm.items()}
    wall = found.gap_mm.get("wall")
    return ErrorBudget(
        guidance=guidance.id, lateral_sd_mm=error.lateral_sd_mm, angle_sd_deg=error.angle_sd_deg,
        draws=max(draws, ensemble.n), breach={**touched, "any": float(np.mean(breached))},
        grades=grades(-wall[0]) if wall is not None else {},
        scale=SCALE if wall is not None else "",
        gap_mm={kind: _percentiles(gap[0]) for kind, gap in found.gap_mm.items()},
        gap_draws_mm={kind: ensemble.drawn(gap[0]) for kind, gap in found.gap_mm.items()},
        breached=ensemble.drawn(breached),
    )  # fmt: skip


def budgeted(
    around: Surroundings, ways: Sequence[Trajectory], guided: Sequence[Guidance], ensemble: Ensemble
) -> tuple[Trajectory, ...]:
    """The trajectories with their breach probabilities; one without ends or diameter is left as it is.

    Each is told under the guidance at hand that can follow it and breaches least, the preferred one first.
    """
    found = []
    for way in ways:
        able = [one for one in guided if not way.reach.get(one.id)]
        if able and way.entry_mm is not None and way.target_mm is not None and way.diameter_mm is not None:
            budgets = [error_budget(around, way, one, ensemble) for one in able]
            way = replace(way, budget=min(budgets, key=lambda budget: budget.breach["any"]))
        found.append(way)
    return tuple(found)


def placement_gaps(
    around: Surroundings,
    way: Trajectory,
    entries_mm: F64,
    targets_mm: F64,
    error: PlacementError,
    ensemble: Ensemble,
) -> PlacementGaps:
    """Gaps of n neighbours of a trajectory, (n, 3) each from entry to target, under the same hands.

    Raises:
        BadInput: the way has no diameter, or an axis no length.
    """
    if way.diameter_mm is None:
        raise BadInput(f"{way.id}: no diameter, so nothing says what it touches; give the way a device")
    length = np.linalg.norm(targets_mm - entries_mm, axis=1)
    if not (length > 0).all():
        raise BadInput(f"{way.id}: entry and target are one point")
    pivot = _pivot(around, way, entries_mm, targets_mm)
    found = _gaps(around, way, entries_mm, targets_mm, pivot, error, ensemble)
    return PlacementGaps(found, _permitted(around, way))


def grades(breach_mm: npt.ArrayLike) -> Mapping[str, float]:
    """Breach depths [mm], positive out of the bone -> share of each grade of the scale ``SCALE``."""
    breach = np.maximum(np.asarray(breach_mm, dtype=np.float64), 0.0)
    return {
        grade: float(
            np.mean(np.all([holds(one.op, cast(Any, breach), one.literal) for one in asked], axis=0))
        )
        for grade, asked in _grade_rows().items()
    }


@cache
def _grade_rows() -> Mapping[str, tuple[Compare, ...]]:
    """Grade -> comparisons of the breach that must all hold."""
    rows = {}
    for grade, row in score_table(SCALE).classes.items():
        tree = parse(row.when)
        parts = tree.parts if isinstance(tree, AllOf) else (tree,)
        asked = tuple(part for part in parts if isinstance(part, Compare) and part.name == "breach_mm")
        if len(asked) != len(parts):
            raise BadInput(f"knowledge/data/scores/{SCALE}.yaml: grade {grade} must compare breach_mm alone")
        rows[grade] = asked
    return rows


def most_robust(ways: Sequence[Trajectory]) -> tuple[Trajectory, ...]:
    """Trajectories that fit, by probability of any breach, least first; ties by the nearest gap, then by id.

    Every structure counts alike.  A way without a budget comes after those that have one.
    """
    return tuple(sorted((way for way in ways if way.ok), key=_order))


def placements(pivot_mm: F64, outward: F64, error: PlacementError, ensemble: Ensemble) -> tuple[F64, F64]:
    """Places and directions of n devices under the same hands, those of the ensemble first.

    Args:
        pivot_mm: (n, 3) where each meets the bone.
        outward: (n, 3) unit vectors from tip to skin.
        error: of their placement.
        ensemble: of the plan; its stream is ``placement``.

    Returns:
        ``(places_mm, outward)``, (n, draws, 3) each; the directions have unit length.
    """
    z = ensemble.stream("placement").standard_normal((max(error.draws, ensemble.n), 4))
    sides = across(outward)
    places = pivot_mm[:, None] + error.lateral_sd_mm * np.einsum("dk,nkx->ndx", z[:, :2], sides)
    turned = outward[:, None] + np.tan(np.radians(error.angle_sd_deg)) * np.einsum(
        "dk,nkx->ndx", z[:, 2:], sides
    )
    return places, turned / np.linalg.norm(turned, axis=-1, keepdims=True)


def across(outward: F64) -> F64:
    """(n, 3) unit vectors -> (n, 2, 3) two unit vectors across each, by the shortest turn from the head."""
    x, y, z = outward.T
    # Turning (0, 0, 1) onto (x, y, z) about their common normal takes e_x and e_y to these; at the feet
    # (z = -1) the normal is not unique, and the turn about x serves.
    free = np.where(z > -1.0 + 1e-9, 1.0 + z, 1.0)
    flipped = z <= -1.0 + 1e-9
    first = np.stack([1.0 - x * x / free, -x * y / free, -x], axis=-1)
    second = np.stack([-x * y / free, 1.0 - y * y / free, -y], axis=-1)
    first[flipped], second[flipped] = (1.0, 0.0, 0.0), (0.0, -1.0, 0.0)
    return np.stack([first, second], axis=1)


def _gaps(
    around: Surroundings, way: Trajectory, entries_mm: F64, targets_mm: F64, pivot_mm: F64,
    error: PlacementError, ensemble: Ensemble,
) -> dict[str, F64]:  # fmt: skip
    """Kind -> (n, draws) gap."""
    radius = (way.diameter_mm or 0.0) / 2.0
    length = np.linalg.norm(targets_mm - entries_mm, axis=1)
    outward = (entries_mm - targets_mm) / length[:, None]
    places, turned = placements(pivot_mm, outward, error, ensemble)
    before = np.linalg.norm(entries_mm - pivot_mm, axis=1)
    starts = places + before[:, None, None] * turned
    ends = starts - length[:, None, None] * turned
    shape = starts.shape[:2]
    kinds, stack = _avoided(distance_maps(around))
    found: dict[str, F64] = {}
    if kinds:
        least, _ = path_minima(
            stack, around.grid.affine, starts.reshape(-1, 3), ends.reshape(-1, 3), step_mm=STEP_MM
        )
        found = {kind: least[:, n].reshape(shape) - radius for n, kind in enumerate(kinds)}
    wall = wall_of(around, way)
    if wall is not None:
        held = intraosseous_of(around, way, wall, entries_mm, targets_mm)
        shift = _shift(starts, -turned, entries_mm, -outward, np.stack([held.first, held.last], axis=1))
        first, last = own_intraosseous(wall, held, radius, starts, -turned, shift)
        a, b = (starts - s[..., None] * turned for s in (first, last))
        found["wall"] = wall.least(a.reshape(-1, 3), b.reshape(-1, 3)).reshape(shape) - radius
    return found


def _permitted(around: Surroundings, way: Trajectory) -> frozenset[str]:
    """Kinds that a trajectory which fits touches as planned."""
    if not way.ok or way.entry_mm is None or way.target_mm is None:
        return frozenset()
    entry, target = _ends(way)
    nobody_strays = PlacementError(0.0, 0.0, 1), Ensemble(0, 1)
    still = _gaps(around, way, entry, target, entry, *nobody_strays)
    return frozenset(kind for kind, gap in still.items() if kind != "wall" and gap[0, 0] < 0)


def _shift(starts: F64, inward: F64, entries: F64, axis: F64, at: F64) -> F64:
    """(n, draws, 2) distance of strayed axes from the planned ones at two places along them [mm]."""
    strayed = starts[:, :, None] + at[:, None, :, None] * inward[:, :, None]
    planned = entries[:, None] + at[..., None] * axis[:, None]
    shift: F64 = np.linalg.norm(strayed - planned[:, None], axis=-1)
    return shift


def _avoided(maps: DistanceMaps) -> tuple[tuple[str, ...], F32]:
    """Kinds that a device may not touch, and their maps; they stand first, so nothing is copied."""
    kinds = tuple(channel for channel in maps.channels if channel in AVOIDED)
    if maps.channels[: len(kinds)] == kinds:
        return kinds, maps.stack[..., : len(kinds)]
    return kinds, maps.stack[..., [maps.channels.index(kind) for kind in kinds]]


def _pivot(around: Surroundings, way: Trajectory, entries_mm: F64, targets_mm: F64) -> F64:
    """(n, 3) where each axis first meets the target bone; the entry of a corridor, or of what misses it."""
    maps = distance_maps(around)
    if way.kind == "corridor" or not maps.has("bone"):
        return entries_mm
    length = np.linalg.norm(targets_mm - entries_mm, axis=1)
    s = np.linspace(0.0, 1.0, int(np.ceil(length.max() / BONE_STEP_MM)) + 1)
    points = entries_mm[:, None] + s[:, None] * (targets_mm - entries_mm)[:, None]
    inside = maps.at("bone", points) < 0
    index = np.where(inside.any(axis=1), inside.argmax(axis=1), 0)
    return points[np.arange(len(points)), index]


def _ends(way: Trajectory) -> tuple[F64, F64]:
    """(1, 3) entry and target."""
    if way.entry_mm is None or way.target_mm is None:
        raise BadInput(f"{way.id}: a way without entry or target strays nowhere; plan it first")
    return np.array([way.entry_mm]), np.array([way.target_mm])


def _percentiles(gap: F64) -> tuple[float, float, float]:
    low, middle, high = (float(value) for value in np.percentile(gap, [5, 50, 95]))
    return low, middle, high


def _order(way: Trajectory) -> tuple[bool, float, float, str]:
    breach = way.budget.breach["any"] if way.budget is not None else 0.0
    nearest = min((gap.gap_mm for gap in way.gaps), default=np.inf)
    return way.budget is None, breach, -nearest, way.id
