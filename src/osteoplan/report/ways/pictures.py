"""Pictures of one trajectory: down from its entry, cut along it twice, cut across it where it matters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.trajectory import Trajectory
from osteoplan.report.drawing.colours import NEEDLE
from osteoplan.report.drawing.pictures import (
    BONE_WINDOW,
    DrawnRod,
    Greys,
    Legend,
    Mark,
    Picture,
    Scenery,
    Stroke,
    at_plane,
    grouped,
    looking_down,
)
from osteoplan.report.drawing.plane import along, beside, facing

__all__ = ["WayPictures", "rod_of_way", "stamps_of_way", "way_pictures"]

MEAN_WINDOW = Greys("mean along the way", 900.0, 150.0)
_MARGIN_MM = 30.0
_HALF_MM = 32.0
_PIXEL_MM = 0.5
_STACK_MM = 2.0
_RINGS_MM = (5.0, 10.0)
_STEEP = 0.9


@dataclass(frozen=True, eq=False)
class WayPictures:
    """Every picture of one trajectory; all empty where it has no place."""

    down: Picture | None
    along: tuple[Picture, ...]
    across: tuple[Picture, ...]


def way_pictures(scenery: Scenery, way: Trajectory, *, width: float) -> WayPictures:
    """All pictures of a trajectory that has two ends."""
    if way.entry_mm is None or way.target_mm is None:
        return WayPictures(None, (), ())
    own = replace(scenery, stamps=(*scenery.stamps, *stamps_of_way(way)))
    rod = rod_of_way(way)
    return WayPictures(
        down=_bulls_eye(own, way, rod, width),
        along=_in_line(own, rod, width),
        across=tuple(_across(own, way, rod, place, at, width) for place, at in _stations(way).items()),
    )


def rod_of_way(way: Trajectory) -> DrawnRod:
    """The device of a trajectory at its true diameter."""
    assert way.entry_mm is not None
    assert way.target_mm is not None
    kind = "screw" if way.kind == "corridor" else "needle"
    return DrawnRod(way.name, kind, np.asarray(way.entry_mm), np.asarray(way.target_mm), way.diameter_mm)


def stamps_of_way(way: Trajectory) -> tuple[str, ...]:
    """What must be read with every picture of this trajectory."""
    found = [] if way.ok else ["DOES NOT FIT"]
    found += [f"unchecked against {name.replace('_', ' ')}" for name in way.unchecked]
    return (*found, *(["gap to a derived structure"] if any(gap.derived for gap in way.gaps[:1]) else []))


def _bulls_eye(scenery: Scenery, way: Trajectory, rod: DrawnRod, width: float) -> Picture:
    """The stack from entry to tip, seen along the axis; the device is a circle, with rings about it."""
    outward = rod.entry_mm - rod.tip_mm
    steps = max(2, int(np.ceil(np.linalg.norm(outward) / _STACK_MM)))
    places = [rod.entry_mm - share * outward for share in np.linspace(0.0, 1.0, steps)]
    planes = [facing("", at, outward, half_mm=_HALF_MM, pixel_mm=_PIXEL_MM) for at in places]
    title = f"looking down {way.name}, entry to {'tip' if way.kind == 'needle' else 'far end'}"
    picture = looking_down(scenery, planes, window=MEAN_WINDOW, width=width, title=title)
    return _with_rings(picture, planes[0].cols, rod)


def _with_rings(picture: Picture, cols: int, rod: DrawnRod) -> Picture:
    """The device's circle at its true diameter, and rings that far outside its surface."""
    unit = picture.width / (cols * _PIXEL_MM)  # picture units in a mm
    middle, radius = picture.width / 2, (rod.diameter_mm or 0.0) / 2
    rings = [Stroke(_circle(middle, (radius + gap) * unit), NEEDLE, "4 3", 0.9) for gap in _RINGS_MM]
    device = [Stroke(_circle(middle, max(radius, 0.3) * unit), NEEDLE, fill_opacity=0.35)]
    names = [
        Mark(f"{gap:g}", (middle, middle - (radius + gap) * unit), NEEDLE) for gap in _RINGS_MM
    ]  # fmt: skip
    words = (
        "axis only: diameter not known" if rod.diameter_mm is None else f"{rod.kind} {rod.diameter_mm:g} mm"
    )
    legend = (Legend(words, NEEDLE), Legend("5 and 10 mm from its surface", NEEDLE, "4 3"))
    return replace(
        picture,
        outlines=(*picture.outlines, *rings, *device),
        marks=(*picture.marks, *names),
        legend=grouped([*picture.legend, *legend]),
    )


def _circle(middle: float, radius: float) -> str:
    """SVG path of a circle about the middle of a square picture."""
    left, turn = middle - radius, f"{radius:.1f} {radius:.1f} 0 1 0"
    return f"M{left:.1f} {middle:.1f}a{turn} {2 * radius:.1f} 0a{turn} {-2 * radius:.1f} 0Z"


def _in_line(scenery: Scenery, rod: DrawnRod, width: float) -> tuple[Picture, Picture]:
    """Two cuts at right angles to each other that contain the axis."""
    ends = np.stack([rod.entry_mm, rod.tip_mm])
    line = (rod.tip_mm - rod.entry_mm) / np.linalg.norm(rod.tip_mm - rod.entry_mm)
    first = along(
        "the way", rod.entry_mm, rod.tip_mm, ends,
        cut="coronal" if abs(line[2]) > _STEEP else "axial", margin_mm=_MARGIN_MM, pixel_mm=_PIXEL_MM,
    )  # fmt: skip
    second = beside(
        "the way", first, rod.entry_mm, rod.tip_mm, ends, margin_mm=_MARGIN_MM, pixel_mm=_PIXEL_MM
    )
    one, two = (
        at_plane(scenery, plane, window=BONE_WINDOW, width=width, rods=(rod,)) for plane in (first, second)
    )
    return one, two


def _stations(way: Trajectory) -> dict[str, F64]:
    """Places along a trajectory that are cut across, outermost first, each once."""
    named = [
        ("at the skin", way.skin_mm if way.kind == "needle" else None),
        ("at the bone", way.bone_mm),
        ("where it is narrowest", way.bottleneck_mm or (way.gaps[0].at_mm if way.gaps else None)),
        ("at the tip" if way.kind == "needle" else "at the far end", way.target_mm),
    ]
    return {name: np.asarray(at, dtype=np.float64) for name, at in named if at is not None}


def _across(
    scenery: Scenery, way: Trajectory, rod: DrawnRod, place: str, at_mm: F64, width: float
) -> Picture:
    """A cut across the axis, at the point of the axis that is nearest to a place."""
    outward = (rod.entry_mm - rod.tip_mm) / np.linalg.norm(rod.entry_mm - rod.tip_mm)
    depth = float((rod.entry_mm - at_mm) @ outward)
    on_axis = rod.entry_mm - depth * outward
    wide = ""
    if way.bottleneck_mm is not None and place == "where it is narrowest" and "width_mm" in way.measures:
        wide = f", {way.measures['width_mm']:.1f} mm wide"
    title = f"across the way {place}{wide}, {depth:.0f} mm from the entry"
    plane = facing(title, on_axis, outward, half_mm=_HALF_MM, pixel_mm=_PIXEL_MM)
    picture = at_plane(scenery, plane, window=BONE_WINDOW, width=width)
    return _with_rings(picture, plane.cols, rod)
