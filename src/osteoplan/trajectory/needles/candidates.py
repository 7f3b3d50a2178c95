"""Which paths are tried: places in the lesion for the tip, and directions out of it.

Directions lie evenly on a cone of the sphere (Fibonacci lattice) around the approach's own; where it leads
through a waypoint, they are the lines from the tips through a lattice of that disc.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Bool, Indices
from osteoplan.errors import NotAvailable
from osteoplan.knowledge.approaches import NeedleWay, approaches_of
from osteoplan.model.anatomy import BoneFrame
from osteoplan.trajectory.needles.limits import NeedleRules, NeedleTask
from osteoplan.trajectory.pedicle import pedicle
from osteoplan.trajectory.surroundings import DistanceMaps, Surroundings

__all__ = [
    "Candidates",
    "Window",
    "below_cortex_mm",
    "candidates",
    "deep_enough_mm",
    "neighbours",
    "window_of",
]

DISC_MM = 1.5  # between the places in a waypoint's disc
NARROW_MM = 0.75  # where the needle must stay in the bone: few of them keep the wall
NOWHERE_MM = 1000.0  # beside a waypoint that the needle never comes to
THIN = 0.7  # share of a thin lesion's depth that is deep enough for the tip


@dataclass(frozen=True, eq=False)
class Candidates:
    """n paths: tips, and unit vectors from them to the skin; (n, 3) each, LPS mm."""

    tips_mm: F64
    outward: F64

    def __len__(self) -> int:
        return len(self.tips_mm)

    def take(self, rows: Indices) -> Candidates:
        """Some of them, in that order."""
        return Candidates(self.tips_mm[rows], self.outward[rows])


@dataclass(frozen=True, eq=False)
class Window:
    """A waypoint on this bone: a disc that the path must pass.

    Attributes:
        middle_mm: (3,) centre of the disc.
        normal: (3,) unit vector across the disc, outward.
        lateral, upward: (3,) unit vectors in the disc.
        lateral_mm: (lateral from, lateral to), with ``radius_mm`` as half height; None for a round disc.
        behind_mm: how far outward of the disc a needle that must stay in the bone has to be in it.
    """

    middle_mm: F64
    normal: F64
    lateral: F64
    upward: F64
    lateral_mm: tuple[float, float] | None
    radius_mm: float
    behind_mm: float = 0.0

    def crossing_mm(self, tried: Candidates, beyond_mm: float = 0.0) -> F64:
        """(n,) way from each tip to the disc's plane, or so far outward of it; negative if that is behind."""
        slope = tried.outward @ self.normal
        away: F64 = ((self.middle_mm - tried.tips_mm) @ self.normal + beyond_mm) / np.where(
            np.abs(slope) < 1e-9, np.nan, slope
        )
        return np.nan_to_num(away, nan=-1.0)

    def held_mm(self, tried: Candidates) -> F64:
        """(n,) way from each tip on which a needle that must stay inside has to be in the bone."""
        return np.maximum(self.crossing_mm(tried, self.behind_mm), 0.0)

    def missed_mm(self, tried: Candidates) -> F64:
        """(n,) how far beside the disc each path passes; 0 through it."""
        s = self.crossing_mm(tried)
        offset = tried.tips_mm + s[:, None] * tried.outward - self.middle_mm
        across, high = offset @ self.lateral, offset @ self.upward
        if self.lateral_mm is None:
            beside = np.hypot(across, high) - self.radius_mm
        else:
            low, far = self.lateral_mm
            beside = np.maximum.reduce([low - across, across - far, np.abs(high) - self.radius_mm])
        # a hair beside is through: the refinement ends on the rim
        return np.where(s <= 0, NOWHERE_MM, np.where(beside <= 0.05, 0.0, beside))

    def places(self, spacing_mm: float = DISC_MM) -> F64:
        """(m, 3) lattice of the disc."""
        reach = self.radius_mm
        low, far = self.lateral_mm or (-reach, reach)
        across = np.arange(low, far + 1e-9, spacing_mm)
        high = np.arange(-reach, reach + 1e-9, spacing_mm)
        a, h = (grid.ravel() for grid in np.meshgrid(across, high, indexing="ij"))
        keep = np.ones(len(a), dtype=bool) if self.lateral_mm else np.hypot(a, h) <= reach
        places: F64 = self.middle_mm + a[keep, None] * self.lateral + h[keep, None] * self.upward
        return places


def frame_of(around: Surroundings, way: NeedleWay) -> BoneFrame:
    """The frame in which an approach's directions are told.

    Raises:
        NotAvailable: the scan does not show enough of the bone for it.
    """
    own = around.frames[around.target]
    if not way.frame:
        return next(iter(own.values()))
    if way.frame not in own:
        raise NotAvailable(
            f"no {way.frame.replace('_', ' ')} frame of {around.target}: the scan does not show enough of it"
        )
    return own[way.frame]


def window_of(around: Surroundings, task: NeedleTask) -> Window | None:
    """The waypoint of a task's approach on this bone; None where it has none.

    Raises:
        NotAvailable: the bone has no such part or landmark on this scan.
    """
    way = task.approach.needle
    if way is None or way.through is None:
        return None
    frame, behind = frame_of(around, way), 0.0
    normal = outward_axis(frame, way, task.side)
    if way.through.part:
        narrow = pedicle(around, "left" if task.side == "left" else "right")
        middle, normal, behind = np.asarray(narrow.isthmus_mm), np.asarray(narrow.backward), narrow.behind_mm
    elif way.through.landmark in frame.landmarks_mm:
        middle = frame.landmarks_mm[way.through.landmark]
    else:
        raise NotAvailable(f"{around.target}: no {way.through.landmark} on this scan, so no way through it")
    lateral = _lateral(frame, task.side)
    lateral = lateral - (lateral @ normal) * normal
    if np.linalg.norm(lateral) < 1e-6:
        lateral = frame.posterior - (frame.posterior @ normal) * normal
    lateral /= np.linalg.norm(lateral)
    return Window(
        middle,
        normal,
        lateral,
        np.cross(normal, lateral),
        way.through.lateral_mm,
        way.through.radius_mm,
        behind,
    )


def named_so(around: Surroundings, task: NeedleTask, outward: F64) -> Bool:
    """(n,) True where a direction has this approach's name: of those that reach it, the nearest one's."""
    own = task.approach.needle
    assert own is not None
    nearest = np.ones(len(outward), dtype=bool)
    mine = outward @ outward_axis(frame_of(around, own), own, task.side)
    for other in approaches_of(around.anatomy.bone):
        way = other.needle
        if other.id == task.approach.id or way is None or way.through is not None:
            continue
        if way.frame and way.frame not in around.frames[around.target]:
            continue
        theirs = outward @ outward_axis(frame_of(around, way), way, task.side)
        nearest &= (theirs <= mine) | (theirs < np.cos(np.radians(way.within_deg)))
    return nearest


def outward_axis(frame: BoneFrame, way: NeedleWay, side: str) -> F64:
    """(3,) middle of an approach's directions in patient space."""
    lateral, posterior, superior = way.outward
    axis = lateral * _lateral(frame, side) + posterior * frame.posterior + superior * frame.superior
    return axis / np.linalg.norm(axis)


def candidates(around: Surroundings, maps: DistanceMaps, task: NeedleTask) -> Candidates:
    """Every path that is tried.

    Raises:
        NotAvailable: the lesion has no place for a tip here, or the approach no frame or waypoint.
    """
    way, rules = task.approach.needle, task.rules
    assert way is not None, "only approaches with a needle are searched"
    window = window_of(around, task)
    axis = outward_axis(frame_of(around, way), way, task.side)
    tips = _tips(around, maps, rules)
    if window is None:
        outward = _cone(axis, way.within_deg, rules.direction_spacing_deg)
        outward = outward[named_so(around, task, outward)]
        tips = _thinned(tips, rules.candidates // max(len(outward), 1))
        return Candidates(np.repeat(tips, len(outward), axis=0), np.tile(outward, (len(tips), 1)))
    places = window.places()
    if way.inside:  # what leaves the bone there keeps no wall: it is tried only where nothing else is
        fine = window.places(NARROW_MM)
        deep = -maps.at("bone", fine) > task.diameter_mm / 2.0 + rules.wall_mm
        places = fine[deep] if deep.any() else places
    tips = _thinned(tips, rules.candidates // len(places))
    line = np.tile(places, (len(tips), 1)) - np.repeat(tips, len(places), axis=0)
    length = np.linalg.norm(line, axis=1, keepdims=True)
    tried = Candidates(np.repeat(tips, len(places), axis=0), line / np.maximum(length, 1e-9))
    keep = (tried.outward @ axis >= np.cos(np.radians(way.within_deg))) & (length[:, 0] > 1.0)
    return tried.take(np.flatnonzero(keep))


def neighbours(tried: Candidates, step_mm: float, turn_deg: float) -> Candidates:
    """All paths one step or none from the given ones: tips along three axes, directions about two."""
    three = np.array([-1.0, 0.0, 1.0])
    moves = step_mm * np.stack(np.meshgrid(three, three, three, indexing="ij"), -1).reshape(-1, 3)
    turns = np.tan(np.radians(turn_deg)) * np.stack(np.meshgrid(three, three, indexing="ij"), -1).reshape(
        -1, 2
    )
    tips, outward = [], []
    for tip, u in zip(tried.tips_mm, tried.outward, strict=True):
        across = np.linalg.svd(u[None])[2][1:]
        aims = u + turns @ across
        aims /= np.linalg.norm(aims, axis=1, keepdims=True)
        tips.append(np.repeat(tip + moves, len(aims), axis=0))
        outward.append(np.tile(aims, (len(moves), 1)))
    return Candidates(np.concatenate(tips), np.concatenate(outward))


def _lateral(frame: BoneFrame, side: str) -> F64:
    return -frame.left if side == "right" else frame.left


def _tips(around: Surroundings, maps: DistanceMaps, rules: NeedleRules) -> F64:
    """(m, 3) places in the lesion and deep in the bone: one voxel for each cell of a lattice, the deepest."""
    depth = -maps.of("lesion") if maps.has("lesion") else np.full(around.grid.shape, -1.0)
    near = around.lesion if rules.tip_depth_mm >= 0 else depth > rules.tip_depth_mm
    at = np.argwhere(near)
    deep = depth[tuple(at.T)]
    if not len(at):
        raise NotAvailable("the lesion lies outside this region: no needle can be aimed at it")
    enough = deep >= deep_enough_mm(maps, rules.tip_depth_mm)
    enough &= -maps.of("bone")[tuple(at.T)] >= below_cortex_mm(around, maps, rules.tip_bone_mm)
    at, deep = at[enough], deep[enough]
    places = around.grid.positions_mm(at)
    cell = np.floor((places - places.min(axis=0)) / rules.tip_spacing_mm).astype(int)
    order = np.lexsort((np.arange(len(at)), -deep, *cell.T))
    _, first = np.unique(cell[order], axis=0, return_index=True)
    return places[np.sort(order[first])]


def deep_enough_mm(maps: DistanceMaps, depth_mm: float) -> float:
    """How deep in the lesion a tip must lie: as asked, or less where the lesion is thinner [mm]."""
    return min(depth_mm, THIN * -float(maps.of("lesion").min())) if maps.has("lesion") else 0.0


def below_cortex_mm(around: Surroundings, maps: DistanceMaps, depth_mm: float) -> float:
    """How deep in the bone a tip must lie: as asked, or less where the lesion lies nowhere so deep [mm]."""
    inside = -maps.of("bone")[around.lesion & (maps.of("lesion") < 0)] if maps.has("lesion") else np.zeros(0)
    return min(depth_mm, THIN * float(inside.max())) if inside.size and inside.max() > 0 else -np.inf


def _thinned(tips: F64, most: int) -> F64:
    """At most so many tips, spread over the whole list."""
    if len(tips) <= max(most, 1):
        return tips
    kept: F64 = tips[np.linspace(0, len(tips) - 1, max(most, 1)).round().astype(int)]
    return kept


def _cone(axis: F64, within_deg: float, spacing_deg: float) -> F64:
    """(m, 3) unit vectors within an angle of an axis, about ``spacing_deg`` apart, the axis among them."""
    whole = int(np.ceil(4.0 * np.pi / np.radians(spacing_deg) ** 2))
    n = np.arange(whole) + 0.5
    z = 1.0 - 2.0 * n / whole
    turn = np.pi * (1.0 + np.sqrt(5.0)) * n
    flat = np.sqrt(1.0 - z**2)
    lattice = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    inside = lattice[z >= np.cos(np.radians(within_deg))]
    across = np.linalg.svd(axis[None])[2][1:]
    turned: F64 = inside @ np.stack([across[0], np.cross(axis, across[0]), axis])
    return np.vstack([axis, turned])
