"""How a bone was held and loaded: one picture per load case, for the report and as a file.

Held nodes are blue squares, loaded nodes vermilion triangles (Okabe-Ito, told apart by shape too); a force is
an arrow, a moment a bent one where it turns in the plane and a double arrow along its axis where not.
Tests: tests/unit/test_boundary_summary.py.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.boundary_summary import BoundarySummary, LifeLoad
from osteoplan.report.drawing.colours import LESION
from osteoplan.report.drawing.figures import png_bytes, png_uri
from osteoplan.report.drawing.silhouettes import Shadow, shadows
from osteoplan.report.words import number, tag

__all__ = ["boundary_lines", "boundary_png", "boundary_uri", "load_words", "measured_lines"]

HELD, LOADED = "#0072B2", "#D55E00"  # Okabe-Ito blue and vermilion
_BONE, _BODY, _EDGE = "#F0F0F0", "#CFCFCF", "#8C8C8C"
_INCH = 1 / 2.54
_FONT_PT = 8.0
_WIDTH_CM, _LEAST_CM, _MOST_CM = 15.5, 5.0, 10.0
_TOP_CM, _BOTTOM_CM = 0.5, 1.25
_BENT = 0.5  # cosine: a moment whose axis points more at the viewer than this is seen turning
_FLAT = 0.35  # sine: an axis with less of itself in the plane is drawn as a point
_NO_SOURCE = "no size of this load in life was found in a readable source for this bone"


def boundary_uri(anatomy: Anatomy, summary: BoundarySummary) -> str:
    """Data URI of the picture, without words beneath it."""
    return png_uri(_figure(shadows(anatomy, summary), summary, lines=()))


def boundary_png(anatomy: Anatomy, summary: BoundarySummary, stamps: Sequence[str] = ()) -> bytes:
    """The picture as PNG, with everything that a caption would say beneath it."""
    title = f"{anatomy.level}, {summary.title}: how it was held and loaded"
    told = [title, *boundary_lines(summary), *stamps]
    return png_bytes(_figure(shadows(anatomy, summary), summary, lines=_wrapped(told)))


def boundary_lines(summary: BoundarySummary) -> tuple[str, ...]:
    """Held, loaded, and how large the load is, as sentences."""
    shown = f"strain is shown at {number(summary.shown_at, summary.unit)}"
    return (
        f"held (blue squares): {summary.held}",
        f"loaded (vermilion triangles): {summary.loaded}; direction: {summary.direction}",
        *[f"load in life: {load_words(load)}" for load in summary.loads],
        *([] if summary.loads else [f"load in life: {_NO_SOURCE}"]),
        f"arrow: direction alone, its length means nothing; {shown}",
    )


def measured_lines(summary: BoundarySummary) -> tuple[str, ...]:
    """What others measured in cadavers, beside what this program says of a bone like theirs."""
    rows = []
    for m in summary.measured:
        ours = "not reached" if m.ours is None else f"{m.ours:g} {m.unit}"
        note = f"; {m.note}" if m.note else ""
        rows.append(f"{m.title}: measured {m.published:g} {m.unit}, here {ours} ({m.of}){note}")
    return tuple(rows)


def load_words(load: LifeLoad) -> str:
    """Size, range, what it is, its source and review status."""
    size = "not known without the patient's weight or height"
    if load.value is not None:
        size = number(load.value, load.unit)
        if load.low is not None or load.high is not None:
            ends = [load.value if end is None else end for end in (load.low, load.high)]
            size += f" ({number(ends[0])}–{number(ends[1])})"
    said = [*load.cite, *filter(None, [tag(load.status)])]
    words = load.formula.replace("body_weight_N", "body weight").replace("*", "×")
    formula = "" if words.replace(".", "").isdigit() else f" = {words}"
    return f"{size}{formula}, {load.title} [{', '.join(said)}]"


def _figure(planes: tuple[Shadow, Shadow], summary: BoundarySummary, *, lines: Sequence[str]) -> Any:
    from matplotlib.figure import Figure

    boxes = [_framed(plane, summary) for plane in planes]
    gap = 0.06 * max(right - left for left, right, _, _ in boxes)
    wide = gap + sum(right - left for left, right, _, _ in boxes)
    low, high = min(box[2] for box in boxes), max(box[3] for box in boxes)
    tall = high - low
    drawn = float(np.clip(_WIDTH_CM * tall / wide, _LEAST_CM, _MOST_CM))
    below = _BOTTOM_CM + 0.36 * len(lines)
    height = _TOP_CM + drawn + below
    figure = Figure(figsize=(_WIDTH_CM * _INCH, height * _INCH), facecolor="white")
    scale = min(_WIDTH_CM / wide, drawn / tall)  # cm of paper per mm of bone
    at = 0.5 * (_WIDTH_CM - scale * wide)
    for plane, box in zip(planes, boxes, strict=True):
        left, right = box[:2]
        size = (scale * (right - left), scale * tall)
        axes = figure.add_axes((at / _WIDTH_CM, below / height, size[0] / _WIDTH_CM, size[1] / height))
        axes.set(xlim=(left, right), ylim=(low, high))
        axes.set_axis_off()
        _draw(axes, plane, summary)
        at += size[0] + scale * gap
    _keys(figure, planes, summary, (below - 0.15) / height)
    for n, line in enumerate(lines):
        where = (below - _BOTTOM_CM - 0.36 * (n + 0.2)) / height
        figure.text(0.015, where, line, fontsize=_FONT_PT - 1, va="top", weight="bold" if n == 0 else None)
    return figure


def _framed(plane: Shadow, summary: BoundarySummary) -> tuple[float, float, float, float]:
    """The box of everything with room for letters."""
    left, right, bottom, top = plane.box
    room = 0.16 * max(right - left, top - bottom)
    ends = _ends(plane, summary)
    (x0, y0), (x1, y1) = ends.min(axis=0), ends.max(axis=0)
    return min(left, x0) - room, max(right, x1) + room, min(bottom, y0) - room, max(top, y1) + room


def _ends(plane: Shadow, summary: BoundarySummary) -> F64:
    """(2, 2) tail and head: a force ends at the loaded nodes, a moment is centred on them."""
    left, right, bottom, top = plane.box
    length = 0.24 * max(right - left, top - bottom)
    if summary.turns and abs(plane.toward) > _BENT:
        ends: F64 = plane.at + 0.5 * length * np.array([[1.0, 0.0], [-1.0, 0.0]])
        return ends if plane.toward > 0 else ends[::-1]
    step = length * plane.along
    shift = 0.5 * step if summary.turns else 0.0 * step
    return np.stack([plane.at - step, plane.at]) + shift


def _draw(axes: Any, plane: Shadow, summary: BoundarySummary) -> None:
    _filled(axes, plane.bone, facecolor=_BONE, edgecolor=_EDGE, linewidth=0.8)
    _filled(axes, plane.body, facecolor=_BODY, edgecolor=_EDGE, linewidth=0.6)
    _filled(axes, plane.end_cap, facecolor="none", edgecolor="#555555", linewidth=0.5, hatch="....")
    _filled(axes, plane.lesion, facecolor="none", edgecolor=LESION, linewidth=1.6)
    axes.plot(*plane.held.T, linestyle="", marker="s", markersize=2.6, color=HELD)
    axes.plot(
        *plane.loaded.T, linestyle="", marker="^", markersize=3.2, color=LOADED, markeredgecolor="white",
        markeredgewidth=0.25,
    )  # fmt: skip
    _arrow(axes, plane, summary)
    _letters(axes, plane)


def _filled(axes: Any, outlines: Sequence[Any], **style: Any) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if outlines:  # holes are holes: contours run the other way round them
        axes.add_patch(PathPatch(Path.make_compound_path(*[Path(o, closed=True) for o in outlines]), **style))


def _arrow(axes: Any, plane: Shadow, summary: BoundarySummary) -> None:
    """A force, or a moment: bent where it turns in this plane, else a double arrow along its axis."""
    tail, head = _ends(plane, summary)
    if summary.turns and abs(plane.toward) > _BENT:
        _point(axes, tail, head, 0.9 * float(np.sign(plane.toward)))
    elif float(np.linalg.norm(plane.along)) < _FLAT:
        _seen_end_on(axes, plane)
    else:
        _point(axes, tail, head)
        if summary.turns:
            _point(axes, tail, head - 0.22 * (head - tail))


def _point(axes: Any, tail: F64, head: F64, bend: float = 0.0) -> None:
    for colour, width in (("white", 3.4), ("black", 1.7)):
        axes.annotate(
            "", xy=head, xytext=tail, annotation_clip=False,
            arrowprops={
                "arrowstyle": "-|>,head_width=0.28,head_length=0.5", "color": colour, "linewidth": width,
                "shrinkA": 0, "shrinkB": 0, "mutation_scale": 14, "connectionstyle": f"arc3,rad={bend}",
            },
        )  # fmt: skip


def _seen_end_on(axes: Any, plane: Shadow) -> None:
    """A ring with a dot comes out of the page, one with a cross goes into it."""
    ring = {"color": "white", "markeredgecolor": "black", "markeredgewidth": 1.6}
    axes.plot(*plane.at, marker="o", markersize=11, **ring)
    axes.plot(*plane.at, marker="." if plane.toward > 0 else "x", markersize=7, color="black")


def _letters(axes: Any, plane: Shadow) -> None:
    left, right, top, bottom = plane.letters
    places = ((0.03, 0.5, left), (0.97, 0.5, right), (0.5, 0.97, top), (0.5, 0.03, bottom))
    style = {"fontsize": _FONT_PT + 2, "weight": "bold", "ha": "center", "va": "center"}
    for x, y, text in places:
        axes.text(x, y, text, transform=axes.transAxes, **style)
    axes.text(0.03, 1.0, plane.name, transform=axes.transAxes, fontsize=_FONT_PT, ha="left", va="bottom")
    (x0, x1), (y0, _) = axes.get_xlim(), axes.get_ylim()
    bar = 20.0 if x1 - x0 > 60.0 else 10.0
    at_x, at_y = x1 - 0.06 * (x1 - x0), y0 + 0.03 * (x1 - x0)
    axes.plot([at_x - bar, at_x], [at_y, at_y], color="black", linewidth=1.4)
    axes.text(at_x - 0.5 * bar, at_y, f"{bar:.0f} mm", fontsize=_FONT_PT - 1, ha="center", va="bottom")


def _keys(figure: Any, planes: tuple[Shadow, Shadow], summary: BoundarySummary, top: float) -> None:
    """What each sign is, in one or two rows."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    keys = [
        (Line2D([], [], linestyle="", marker="s", markersize=4.5, color=HELD), "held"),
        (Line2D([], [], linestyle="", marker="^", markersize=5, color=LOADED), "loaded"),
        (
            Line2D([], [], linestyle="", marker=r"$\rightarrow$", markersize=11, color="black"),
            "turn (bent), or its axis (right hand)" if summary.turns else "direction of the load",
        ),
        (Patch(facecolor=_BODY, edgecolor=_EDGE), "bone under test"),
        (Patch(facecolor=_BONE, edgecolor=_EDGE), "rest of the bone"),
    ]
    if any(plane.end_cap for plane in planes):
        keys.append(
            (Patch(facecolor="white", edgecolor="#555555", hatch="...."), "added: caps, pots, joints")
        )
    if any(plane.lesion for plane in planes):
        keys.append((Line2D([], [], color=LESION, linewidth=1.6), "lesion"))
    figure.legend(
        *zip(*keys, strict=True), loc="upper center", bbox_to_anchor=(0.5, top), ncols=4, frameon=False,
        fontsize=_FONT_PT - 0.5, handletextpad=0.5, columnspacing=1.4,
    )  # fmt: skip


def _wrapped(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in textwrap.wrap(line, 118, subsequent_indent="    ")]
