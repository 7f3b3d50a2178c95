"""Pictures of the procedure sheet: the axial slice at each entry with its distance from the midline, one cut
along the path where there is room, and one view in three dimensions.

One unit of these pictures is one point (1/72 inch) on paper, so that their letters are as large as the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.plan import Place
from osteoplan.report.drawing.colours import NEEDLE
from osteoplan.report.drawing.pictures import (
    BONE_WINDOW,
    DrawnRod,
    Legend,
    Mark,
    Picture,
    Scenery,
    Stroke,
    at_plane,
    in_short,
    stamps_of,
)
from osteoplan.report.drawing.plane import along, fit, widened
from osteoplan.report.drawing.surface import View, scene
from osteoplan.report.sheet.nouns import Asked
from osteoplan.report.sheet.view import marked_paths

__all__ = ["SheetPicture", "SheetPictures", "scenery_of", "sheet_pictures"]

_MARGIN_MM = 18.0
_PIXEL_MM = 0.5
_NAMED_MM = 45.0  # from the tip: where a path's number stands in three dimensions
_STAGGER_MM = 11.0
_MOST_ENTRIES = 3  # pictures of entries that fit beside the view in three dimensions
_WHITE = "#FFFFFF"


@dataclass(frozen=True, eq=False)
class SheetPicture:
    """A picture with what stands below it and what is written along its dimension line."""

    picture: Picture
    caption: str
    dimension: str = ""
    dimension_at: tuple[float, float, str] = (0.0, 0.0, "start")


@dataclass(frozen=True, eq=False)
class SheetPictures:
    """All pictures of a sheet, of one height, and one legend for all of them."""

    pictures: tuple[SheetPicture, ...]
    legend: tuple[Legend, ...]
    note: str


def sheet_pictures(asked: Asked, scenery: Scenery, *, edge: float) -> SheetPictures:
    """Square pictures of ``edge`` points."""
    places = marked_paths(asked.option)
    rods = {mark: _rod(mark, place, asked) for mark, place in places.items()}
    shown = [_at_entry(asked, scenery, mark, rods, edge) for mark in list(places)[:_MOST_ENTRIES]]
    if len(places) == 1:
        shown.append(_along(scenery, *next(iter(rods.items())), edge))
    shown.append(_in_space(scenery, rods, edge))
    legend = [entry for one in shown for entry in one.picture.legend]
    left_out = ", ".join(list(places)[_MOST_ENTRIES:])
    note = f"{BONE_WINDOW.words}; bar 10 mm" + (f"; entry of {left_out}: see the table" if left_out else "")
    return SheetPictures(tuple(shown), in_short(legend), note)


def scenery_of(asked: Asked) -> Scenery:
    """What all pictures share."""
    return Scenery.of(asked.case.ct, asked.anatomy, stamps_of(asked.case, asked.anatomy))


def _rod(mark: str, place: Place, asked: Asked) -> DrawnRod:
    """A device at its true diameter; a screw as long as it is."""
    device = asked.devices.get(place.device)
    known = device is not None and "outer_diameter_mm" in device.values
    entry, tip = np.asarray(place.entry_mm), np.asarray(place.target_mm)
    if place.length_mm is not None:
        entry = tip + place.length_mm * (entry - tip) / np.linalg.norm(entry - tip)
    diameter = device.values["outer_diameter_mm"].number if device is not None and known else None
    return DrawnRod(mark, "device" if device is None else device.kind, entry, tip, diameter)


def _at_entry(
    asked: Asked, scenery: Scenery, mark: str, rods: Mapping[str, DrawnRod], edge: float
) -> SheetPicture:
    """Axial slice through an entry; the way to it from the midline is drawn and measured."""
    place = marked_paths(asked.option)[mark]
    entry, tip = np.asarray(place.entry_mm), np.asarray(place.target_mm)
    middle = asked.midline(place.entry_mm)
    zero = entry - (0.0 if middle is None else middle.offset_mm, 0.0, 0.0)
    hold = np.stack([entry, tip, zero, scenery.bone_mm.min(axis=0), scenery.bone_mm.max(axis=0)])
    plane = fit("axial", scenery.anatomy.level, entry, hold, margin_mm=_MARGIN_MM, pixel_mm=_PIXEL_MM)
    plane = widened(plane)
    picture = at_plane(scenery, plane, window=BONE_WINDOW, width=edge, rods=(rods[mark],))
    unit = edge / plane.cols
    (x0, y0), (x1, y1), (x2, y2) = ((plane.pixel(np.stack([zero, entry, tip])) + 0.5) * unit).tolist()
    axis = Stroke(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}", NEEDLE, width=0.8)
    off = (
        Stroke(f"M{x0:.1f} 0V{edge:.1f}", _WHITE, dash="5 4", width=0.8),
        Stroke(f"M{x0:.1f} {y0:.1f}H{x1:.1f}", _WHITE, width=1.0),
    )
    lines = (axis, *(() if middle is None else off))
    picture = replace(
        picture, outlines=(*lines, *picture.outlines), marks=(Mark(mark, (x1, y1), NEEDLE),), tips=()
    )
    height = f"{place.entry_mm[2]:.1f}".replace("-", "−")
    if middle is None:
        return SheetPicture(picture, f"{mark} axial, z {height} mm")
    beyond = (x0 + 4, y0 + 4, "start") if x1 < x0 else (x0 - 4, y0 + 4, "end")
    return SheetPicture(picture, f"{mark} axial, z {height} mm", f"{abs(middle.offset_mm):.0f} mm", beyond)


def _along(scenery: Scenery, mark: str, rod: DrawnRod, edge: float) -> SheetPicture:
    """The cut that contains the path and leans least from an axial one, or a coronal one if it is steep."""
    hold = np.stack([rod.entry_mm, rod.tip_mm, scenery.bone_mm.min(axis=0), scenery.bone_mm.max(axis=0)])
    steep = abs((rod.tip_mm - rod.entry_mm)[2]) > 0.7 * np.linalg.norm(rod.tip_mm - rod.entry_mm)
    plane = along(
        mark, rod.entry_mm, rod.tip_mm, hold, cut="coronal" if steep else "axial",
        margin_mm=_MARGIN_MM, pixel_mm=_PIXEL_MM,
    )  # fmt: skip
    plane = widened(plane)
    picture = at_plane(scenery, plane, window=BONE_WINDOW, width=edge, rods=(rod,))
    x, y = ((plane.pixel(rod.entry_mm) + 0.5) * (edge / plane.cols)).tolist()
    caption = plane.place
    return SheetPicture(replace(picture, marks=(Mark(mark, (x, y), NEEDLE),)), caption)


def _in_space(scenery: Scenery, rods: Mapping[str, DrawnRod], edge: float) -> SheetPicture:
    """The bone from the side that the devices come from."""
    outward = np.sum([rod.entry_mm - rod.tip_mm for rod in rods.values()], axis=0)
    side, way = ("left" if outward[0] > 0 else "right"), ("behind" if outward[1] > 0 else "in front")
    toward = (0.62 if side == "left" else -0.62, 0.62 if way == "behind" else -0.62, 0.48)
    view = View.of(f"from {way} and {side}", toward)
    points = {mark: _named_at(rod, n) for n, (mark, rod) in enumerate(rods.items())}
    picture = scene(scenery, width=edge, rods=tuple(rods.values()), view=view, points_mm=points)
    return SheetPicture(picture, f"3-D {view.words}")


def _named_at(rod: DrawnRod, n: int) -> F64:
    """A point of the device outside the bone, or its outer end; staggered, so that names stay apart."""
    run = rod.entry_mm - rod.tip_mm
    return rod.tip_mm + run * min(1.0, (_NAMED_MM + _STAGGER_MM * n) / float(np.linalg.norm(run)))
