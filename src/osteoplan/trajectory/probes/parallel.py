"""Trajectories beside each other: how far apart they run, and more of them beside a given one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool, Point
from osteoplan.errors import BadInput
from osteoplan.knowledge.values import number
from osteoplan.model.trajectory import Trajectory
from osteoplan.trajectory.probes.zones import unit
from osteoplan.trajectory.surroundings import point

__all__ = ["Allowed", "ProbePath", "beside", "probe_path_of", "segment_distances"]

Allowed = Callable[[F64, F64], Bool]
"""(n, 3) entries and (n, 3) tips -> (n,) True where a probe may go that way."""


@dataclass(frozen=True)
class ProbePath:
    """A trajectory that a probe may take.

    Attributes:
        way: id of the way that it came from; shifted ones share it.
        entry_mm, tip_mm: on the skin, and the tip.
    """

    way: str
    entry_mm: Point
    tip_mm: Point

    @property
    def direction(self) -> Point:
        """Unit vector from the entry to the tip."""
        return point(unit(np.subtract(self.tip_mm, self.entry_mm)))


def probe_path_of(way: Trajectory) -> ProbePath:
    """The candidate that a needle's trajectory is.

    Raises:
        BadInput: the way does not fit, or has no entry or tip.
    """
    if not way.ok or way.entry_mm is None or way.target_mm is None:
        why = way.reasons[0] if way.reasons else "it has no entry or no tip"
        raise BadInput(f"{way.id}: no probe can go there: {why}")
    return ProbePath(way.id, way.entry_mm, way.target_mm)


def beside(
    candidates: Iterable[ProbePath],
    *,
    allowed: Allowed,
    reach_mm: float,
    depths_mm: Sequence[float],
    shift_mm: float | None = None,
) -> tuple[ProbePath, ...]:
    """Candidates parallel to the given ones, on a square grid across each axis, at several depths of the tip.

    Args:
        allowed: asked for each of them; who calls re-checks every hard limit there.
        reach_mm: how far across the axis.
        depths_mm: of the tip, along the axis from the given tip; negative is shallower.
        shift_mm: pitch of the grid; None for the default of ``placement.yaml``.

    A shifted entry lies beside the given one, not on the skin: the skin there may be nearer or further.
    """
    pitch = number("placement.shift_mm") if shift_mm is None else shift_mm
    if pitch <= 0:
        raise BadInput(f"a grid of {pitch:g} mm has no ways: give a pitch above 0")
    steps = np.arange(-np.floor(reach_mm / pitch), np.floor(reach_mm / pitch) + 1) * pitch
    u, v, depth = (x.ravel() for x in np.meshgrid(steps, steps, np.asarray(depths_mm, float), indexing="ij"))
    keep = np.hypot(u, v) <= reach_mm + 1e-9
    u, v, depth = u[keep], v[keep], depth[keep]
    made: list[ProbePath] = []
    for given in candidates:
        axis = np.asarray(given.direction)
        right, up = across(axis)
        moved = u[:, None] * right + v[:, None] * up
        entries = np.asarray(given.entry_mm) + moved
        tips = np.asarray(given.tip_mm) + moved + depth[:, None] * axis
        deep = (tips - entries) @ axis > 0
        entries, tips = entries[deep], tips[deep]
        may = np.asarray(allowed(entries, tips), dtype=bool)
        made += [
            ProbePath(given.way, point(entry), point(tip))
            for entry, tip in zip(entries[may], tips[may], strict=True)
        ]
    return tuple(made)


def across(axis: F64) -> tuple[F64, F64]:
    """Two unit vectors at right angles to an axis and to each other; the first lies level where it can."""
    level = np.array([0.0, 0.0, 1.0]) if abs(axis[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    right = unit(np.cross(level, axis))
    return right, np.cross(axis, right)


def segment_distances(a0: F64, a1: F64, b0: F64, b1: F64) -> F64:
    """(n, m) least distances [mm] between n segments a0-a1 and m segments b0-b1, each (., 3).

    The lines' nearest points, moved into both segments in turn (Ericson, *Real-time collision detection*,
    5.1.9).  A segment may be a point.
    """
    u, v = (a1 - a0)[:, None], (b1 - b0)[None]
    w = a0[:, None] - b0[None]
    uu, vv = _dot(u, u), _dot(v, v)
    uv, uw, vw = _dot(u, v), _dot(u, w), _dot(v, w)
    uu_, vv_ = np.maximum(uu, 1e-12), np.maximum(vv, 1e-12)
    slack = uu * vv - uv * uv
    parallel = slack <= 1e-12 * uu_ * vv_
    s = np.where(parallel, 0.0, np.clip((uv * vw - uw * vv) / np.where(parallel, 1.0, slack), 0.0, 1.0))
    t = np.clip((uv * s + vw) / vv_, 0.0, 1.0)
    s = np.clip((uv * t - uw) / uu_, 0.0, 1.0)
    away = w + s[..., None] * u - t[..., None] * v
    return np.sqrt(_dot(away, away))


def _dot(p: F64, q: F64) -> F64:
    product: F64 = np.einsum("...k,...k->...", p, q)
    return product
