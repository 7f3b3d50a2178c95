"""How a screw lies in its corridor, measured afresh on its own two ends.

The wall is measured as the search for corridors defines it: the least distance rho of a point of the bone's
surface from the axis, less the radius, where a point within tan(cone) rho of a face that the axis goes
through is that face, and no wall.  Everything else keeps the margins of the corridor's template.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.paths import path_values
from osteoplan.knowledge.corridors import Template, templates
from osteoplan.knowledge.values import number
from osteoplan.trajectory.corridors.bone import BoneField
from osteoplan.trajectory.corridors.regions import Missing
from osteoplan.trajectory.corridors.search import CorridorOnScan, place_of
from osteoplan.trajectory.surroundings import AVOIDED, Surroundings, distance_maps

__all__ = ["SAME_MM", "Fit", "corridor_of", "fit_of"]

SAME_MM = 0.05  # two measurements of one screw differ by less
STEP_MM = 0.5
BEYOND_MM = 30.0  # past both ends: where the faces of the bone are looked for


@dataclass(frozen=True)
class Fit:
    """One screw in its corridor.

    Attributes:
        wall_mm: bone between its surface and that of the bone.
        wall_needed_mm: asked for by the corridor.
        clear_mm: least gap to a structure, less the margin that is asked for; negative where one is broken.
        clear_to: name of that structure, or its kind.
        clear_needed_mm: that margin.
        tip_depth_mm: of the middle of its tip below the bone's surface.
    """

    wall_mm: float
    wall_needed_mm: float
    clear_mm: float
    clear_to: str
    clear_needed_mm: float
    tip_depth_mm: float

    @property
    def ok(self) -> bool:
        """True where every margin is kept."""
        kept = self.wall_mm >= self.wall_needed_mm - SAME_MM and self.clear_mm >= -SAME_MM
        return kept and self.tip_depth_mm > 0.0


def corridor_of(way: str) -> tuple[Template, str] | None:
    """Template and side of a corridor's id, e.g. ``lc2_left``; None for no corridor of the package."""
    for id, template in templates().items():
        for side in template.sides:
            if way == (id if side == "midline" else f"{id}_{side}"):
                return template, side
    return None


def fit_of(around: Surroundings, way: str, head_mm: F64, tip_mm: F64, diameter_mm: float) -> Fit | None:
    """How a screw lies in the corridor of that id; None where the corridor is not on this scan."""
    found = corridor_of(way)
    if found is None:
        return None
    place = _place(around, *found)
    if place is None:
        return None
    template = place.template
    clear, kind, needed, at = _clear(around, place, head_mm, tip_mm, 0.5 * diameter_mm)
    depth = float(place.field.at(place.field.depth, tip_mm[None])[0])
    named = _name(around, kind, at)
    wall = _wall_mm(place, head_mm, tip_mm) - 0.5 * diameter_mm
    return Fit(wall, template.margins_mm["wall"], clear, named, needed, depth)


def _place(around: Surroundings, template: Template, side: str) -> CorridorOnScan | None:
    """A corridor on this scan; None where the scan lacks what bounds it."""

    def make() -> CorridorOnScan | None:
        try:
            return place_of(around, template, template.names(side))
        except Missing:
            return None

    return around.memo.once(("place", template.id, side), make)


def _wall_mm(place: CorridorOnScan, head: F64, tip: F64) -> float:
    """Least distance of the bone's surface from the axis between its ends, faces left out [mm]."""
    field, length = place.field, float(np.linalg.norm(tip - head))
    axis = (tip - head) / length
    way = field.points - head
    along = way @ axis
    rho = np.linalg.norm(way - along[:, None] * axis, axis=1)
    slope = float(np.tan(np.radians(number("corridor_search.end_cone_deg"))))
    face = np.maximum(place.template.end_skip_mm, slope * rho)
    near, far = _faces(field, head, axis, length)
    wall = (along > 0.0) & (along < length) & (np.abs(along - near) > face) & (np.abs(along - far) > face)
    wall &= ~field.edge
    return float(rho[wall].min()) if wall.any() else number("corridor_search.lateral_reach_mm")


def _faces(field: BoneField, head: F64, axis: F64, length: float) -> tuple[float, float]:
    """Where the axis goes into the bone and leaves it, from the head [mm]."""
    s = np.arange(-BEYOND_MM, length + BEYOND_MM, STEP_MM)
    inside = field.at(field.level, head + s[:, None] * axis) > 0.0
    middle = int(np.argmin(np.abs(s - 0.5 * length)))
    before, after = np.flatnonzero(~inside[:middle]), np.flatnonzero(~inside[middle:])
    near = s[before[-1]] if len(before) else s[0]
    far = s[middle + after[0]] if len(after) else s[-1]
    return float(near), float(far)


def _clear(
    around: Surroundings, place: CorridorOnScan, head: F64, tip: F64, radius: float
) -> tuple[float, str, float, F64]:
    """Least clearance less its margin, the kind that limits it, that margin, and where."""
    n = max(int(np.ceil(np.linalg.norm(tip - head) / STEP_MM)), 1)
    track = head + np.linspace(0.0, 1.0, n + 1)[:, None] * (tip - head)
    clear = path_values(place.clear.field[..., None], place.clear.affine, track)[..., 0] - radius
    at = track[int(np.argmin(clear))]
    margins, maps = place.template.margins_mm, distance_maps(around)
    kinds = [kind for kind in AVOIDED if kind in margins and maps.has(kind)]
    kinds = [kind for kind in kinds if not (kind == "joint" and place.crossed)] or kinds
    if not kinds:
        return float(clear.min()), "", 0.0, at
    near = {kind: float(maps.at(kind, at)) - margins[kind] for kind in kinds}
    kind = min(near, key=near.__getitem__)
    return float(clear.min()), kind, float(margins[kind]), at


def _name(around: Surroundings, kind: str, at: F64) -> str:
    """The structure that is meant, in words."""
    if kind in ("", "metal"):
        return "metal that is there" if kind else "nothing that is known here"
    structure = distance_maps(around).nearest(kind, at)
    return structure.name.replace("_", " ") + ("" if structure.given else " (derived)")
