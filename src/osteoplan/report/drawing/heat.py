"""Pictures of heat and cold: isotherms on the scan, temperature against time, the margin on the lesion.

Everything is drawn from a ``HeatRecord``; its stamps (*generic applicator*, *unverified*) stand on every one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from osteoplan.arrays import F64, Bool, Point, Real
from osteoplan.model.heat import HeatClock, HeatRecord
from osteoplan.model.volume import Volume
from osteoplan.report.drawing.colours import ABLATION
from osteoplan.report.drawing.figures import FONT_PT, figure_of, svg_uri
from osteoplan.report.drawing.pictures import (
    BONE_WINDOW,
    DrawnRod,
    Legend,
    Mark,
    Picture,
    Scenery,
    Stroke,
    at_plane,
    grouped,
    outline,
    three_cuts,
)
from osteoplan.report.drawing.plane import Plane
from osteoplan.report.drawing.surface import FROM_BEHIND, FROM_IN_FRONT, margin_map
from osteoplan.report.words import name_of, number

__all__ = ["clock_chart", "farthest", "isotherms", "margins", "middle_of", "reaches_edge"]

_DASH = "4 3"
_MARGIN_MM = 8.0
_BODY_DEGC = 37.0  # beyond the grid nothing changed
# of structures, told apart without colour
_LINES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 2, 1, 2)), (0, (9, 2)), (0, (3, 1, 1, 1, 1, 1)))
_MOST_LINES = len(_LINES)
_NEAR_K = 5.0
_NAMES = 0.28  # of the time, beside the lines: their names
_NAME_SHARE = 0.075  # of the chart's height: a line of names


def isotherms(
    scenery: Scenery, record: HeatRecord, degC: Volume, through_mm: Sequence[float], *, width: float,
    rods: Sequence[DrawnRod] = (), named: str = "",
) -> tuple[Picture, Picture, Picture]:  # fmt: skip
    """Three cuts through a point, with the isotherms of one moment.

    Args:
        degC: of the record, e.g. its ``end``.
        named: what stands at the point, e.g. its temperature; empty for nothing.
    """
    scenery = replace(scenery, stamps=(*scenery.stamps, *_stamps(record)))
    through = np.asarray(through_mm, dtype=np.float64)
    lesion = scenery.anatomy.image.positions_mm(np.argwhere(scenery.anatomy.lesion_mask))
    zones = [
        degC.positions_mm(np.argwhere(_beyond(degC.array, level, record.cold))) for level in _levels(record)
    ]
    hold = np.concatenate([through[None], lesion, *zones])
    planes = three_cuts(scenery, through, hold, margin_mm=_MARGIN_MM)
    first, second, third = (
        _cut(scenery, record, degC, plane, width, rods, (named, through)) for plane in planes
    )
    return first, second, third


def reaches_edge(record: HeatRecord, degC: Volume) -> bool:
    """Whether a field has anything that a picture would show."""
    return bool(_beyond(degC.array, record.edge_degC, record.cold).any())


def middle_of(record: HeatRecord, otherwise_mm: Point) -> Point:
    """The middle of what was warmed or frozen; the other point where nothing was."""
    most = record.coldest if record.cold else record.hottest
    found = np.argwhere(_beyond(most.array, record.edge_degC, record.cold))
    if not len(found):
        return otherwise_mm
    x, y, z = most.positions_mm(found.mean(axis=0)).tolist()
    return x, y, z


def margins(scenery: Scenery, record: HeatRecord, criterion: str, *, width: float) -> tuple[Picture, Picture]:
    """The lesion's surface from two opposite sides, coloured by the margin that one criterion leaves."""
    dead, stamps = record.lethal[criterion], _stamps(record)
    one, other = (
        margin_map(scenery, dead, width=width, view=view, stamps=stamps)
        for view in (FROM_BEHIND, FROM_IN_FRONT)
    )
    return one, other


def _stamps(record: HeatRecord) -> tuple[str, ...]:
    """What must be read with every picture of this delivery."""
    return "cold simulated" if record.cold else "heat simulated", *record.stamps


def _levels(record: HeatRecord) -> tuple[float, ...]:
    """Those that kill, then that of the edge."""
    return (*record.lethal_degC, record.edge_degC)


def _beyond(values: Real, level: float, cold: bool) -> Bool:
    found: Bool = values <= level if cold else values >= level
    return found


def _cut(
    scenery: Scenery, record: HeatRecord, degC: Volume, plane: Plane, width: float,
    rods: Sequence[DrawnRod], named: tuple[str, F64],
) -> Picture:  # fmt: skip
    """One cut: the scan and its outlines, then the isotherms above them."""
    picture = at_plane(scenery, plane, window=BONE_WINDOW, width=width, rods=rods)
    unit, sign = width / plane.cols, -1.0 if record.cold else 1.0
    values = plane.sample(degC, outside=_BODY_DEGC)
    lines: list[Stroke] = []
    legend: list[Legend] = []
    for level in _levels(record):
        path = outline(sign * values, sign * level, unit)
        if path:
            dash = _DASH if level == record.edge_degC else ""
            fill = 0.0 if dash or lines else 0.18
            lines.append(Stroke(path, ABLATION, dash, fill_opacity=fill))
            legend.append(Legend(number(level, "degC"), ABLATION, dash))
    name, at = named
    x, y = ((plane.pixel(at) + 0.5) * unit).tolist()
    marks = (Mark(name, (x, y), ABLATION),) if name else ()
    return replace(
        picture,
        outlines=(*picture.outlines, *lines),
        legend=(*grouped(legend), *picture.legend),
        marks=marks,
    )


def clock_chart(record: HeatRecord, *, width_cm: float = 15.5) -> str:
    """Data URI of an SVG: temperature of the watched structures that strayed most, their limits dashed."""
    figure, axes = figure_of(width_cm, 6.0, left=0.09, bottom_cm=1.0)
    clock = record.clock
    minutes = clock.times_s / 60.0
    shown = farthest(clock)[:_MOST_LINES]
    for style, n in zip(_LINES, shown, strict=False):
        axes.plot(minutes, clock.degC[:, n], color="black", linewidth=1.2, linestyle=style)
    for bound, names in _bounds(record, shown).items():
        axes.hlines(bound, 0.0, minutes[-1], color=ABLATION, linewidth=1.0, linestyle=(0, (4, 3)))
        of = "" if 2 * len(names) > len(shown) else f", {', '.join(names)}"  # of the others it is said
        axes.text(0.0, bound, f" limit {number(bound, 'degC')}{of}", fontsize=FONT_PT - 1, va="bottom")
    axes.margins(y=0.09)
    axes.set_xlim(0.0, minutes[-1] * (1.0 + _NAMES))
    low, high = axes.get_ylim()
    heights = _apart(clock.degC[-1, shown], (high - low) * _NAME_SHARE, high)
    for n, at in zip(shown, heights, strict=True):
        ends = minutes[-1] * np.array([1.005, 1.035])
        axes.plot(ends, (clock.degC[-1, n], at), color="#555555", linewidth=0.6)
        axes.text(1.04 * minutes[-1], at, name_of(clock.names[n]), fontsize=FONT_PT - 1, va="center")
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= minutes[-1]])
    axes.set_xlabel("time [min]", fontsize=FONT_PT)
    axes.set_ylabel("temperature [°C]", fontsize=FONT_PT)
    return svg_uri(figure)


def _bounds(record: HeatRecord, shown: Sequence[int]) -> dict[float, list[str]]:
    """Limit -> whose it is: on the side to which the source drives, and wherever a structure comes near."""
    found: dict[float, list[str]] = {}
    for n in shown:
        limit, own = record.clock.limits[n], record.clock.degC[:, n]
        low, high = limit.low_degC, limit.high_degC
        if low is not None and (record.cold or own.min() < low + _NEAR_K):
            found.setdefault(low, []).append(name_of(record.clock.names[n]))
        if high is not None and (not record.cold or own.max() > high - _NEAR_K):
            found.setdefault(high, []).append(name_of(record.clock.names[n]))
    return found


def farthest(clock: HeatClock, *, least_K: float = 0.0) -> list[int]:
    """Numbers of the structures, that which strays most from where it began first; without those below."""
    strays = np.abs(clock.degC - clock.degC[:1]).max(axis=0) if len(clock.degC) else np.zeros(0)
    return [int(n) for n in np.argsort(-strays, kind="stable") if strays[n] >= least_K]


def _apart(ends: F64, gap: float, top: float) -> F64:
    """Heights of names beside the ends of their lines, moved up, and from the top down, to stand apart."""
    heights = ends.copy()
    order = np.argsort(ends, kind="stable")
    for below, above in pairwise(order):
        heights[above] = max(heights[above], heights[below] + gap)
    for n, place in enumerate(reversed(order)):
        heights[place] = min(heights[place], top - gap * (n + 0.5))
    return heights
