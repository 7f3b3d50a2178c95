"""The chart of one trajectory: how far its device passes from each kind of structure, from entry to tip."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.trajectory import Trajectory
from osteoplan.report.drawing.colours import IMPLANT, KIND

__all__ = ["WORDS", "profile_chart"]

WORDS = {
    "wall": "bone around it",
    "other_bone": "other bone",
    "bone": "this bone",
    "canal": "canal",
    "nerve": "nerve",
    "vessel": "vessel",
    "pleura": "pleura",
    "bowel": "bowel",
    "organ": "organ",
    "joint": "joint",
    "metal": "metal",
    "skin": "skin",
}
_GREY = "#555555"
_COLOURS: dict[str, str] = {"metal": IMPLANT, **{str(kind): colour for kind, colour in KIND.items()}}
_DASHES: dict[str, Any] = {"nerve": (0, (6, 1.5)), "bowel": (0, (6, 1.5)), "organ": (0, (1.5, 1.5))}
_FAR_MM = 30.0  # a larger gap decides nothing: the axis ends there
_INCH = 1 / 2.54
_FONT_PT = 8.0
_APART_MM = 2.4  # between names at the edge, on the axis of gaps


def profile_chart(way: Trajectory, *, width_cm: float = 16.0, height_cm: float = 6.4) -> str:
    """Data URI of an SVG; empty where it has no profile."""
    if way.profile is None or not way.profile.gap_mm:
        return ""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_cm * _INCH, height_cm * _INCH), facecolor="white")
    axes = figure.add_axes((0.085, 0.19, 0.73, 0.76))
    _draw(axes, way)
    target = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(target, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(target.getvalue()).decode("ascii")


def _draw(axes: Any, way: Trajectory) -> None:
    """Lines with their names at the right edge, limits dashed, the narrowest place marked."""
    assert way.profile is not None
    at = np.asarray(way.profile.at_mm, dtype=np.float64)
    needed: dict[str, float] = {}
    for gap in way.gaps:
        needed[gap.kind] = max(gap.needed_mm, needed.get(gap.kind, 0.0))
    names: list[tuple[float, str, str]] = []
    lowest = 0.0
    for kind, gaps in way.profile.gap_mm.items():
        all_gaps = np.asarray(gaps, dtype=np.float64)
        near = np.where(all_gaps <= _FAR_MM, all_gaps, np.nan)
        if np.isnan(near).all():
            continue
        lowest = min(lowest, float(np.nanmin(near)))
        colour = _COLOURS.get(kind, _GREY)
        axes.plot(at, near, color="black", linewidth=2.4, solid_capstyle="round")  # yellow is lost on white
        axes.plot(at, near, color=colour, linewidth=1.5, linestyle=_DASHES.get(kind, "-"))
        names.append((float(near[~np.isnan(near)][-1]), _words(kind, way), colour))
    for limit in sorted({needed[kind] for kind in way.profile.gap_mm if kind in needed}):
        kinds = ", ".join(WORDS.get(k, k) for k in way.profile.gap_mm if needed.get(k) == limit)
        axes.plot(at[[0, -1]], [limit] * 2, color="black", linestyle=(0, (5, 3)), linewidth=0.8)
        axes.text(at[0], limit, f" {limit:g} mm asked: {kinds}", fontsize=_FONT_PT - 1.0, va="bottom")
    _frame(axes, at, lowest)
    _bottleneck(axes, way, at)
    _names(axes, names, float(at[-1]))


def _words(kind: str, way: Trajectory) -> str:
    """Name of a kind; *derived* where the nearest of that kind was not labelled by anybody."""
    derived = any(gap.kind == kind and gap.derived for gap in way.gaps)
    return WORDS.get(kind, kind.replace("_", " ")) + (" (derived)" if derived else "")


def _frame(axes: Any, at: F64, lowest: float) -> None:
    """Axes with units; what is below zero is inside the structure."""
    axes.set_xlim(float(at[0]), float(at[-1]))
    axes.set_ylim(min(-2.0, lowest - 1.0), _FAR_MM)
    axes.axhspan(axes.get_ylim()[0], 0.0, color="#000000", alpha=0.07, linewidth=0)
    axes.set_xlabel("distance from the entry, mm", fontsize=_FONT_PT)
    axes.set_ylabel("gap of the device's surface, mm", fontsize=_FONT_PT)
    axes.tick_params(labelsize=_FONT_PT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _bottleneck(axes: Any, way: Trajectory, at: F64) -> None:
    """Where a corridor is narrowest, with its width."""
    if way.bottleneck_mm is None or way.entry_mm is None or way.target_mm is None:
        return
    entry, far = np.asarray(way.entry_mm), np.asarray(way.target_mm)
    depth = float((np.asarray(way.bottleneck_mm) - entry) @ (far - entry) / np.linalg.norm(far - entry))
    width = way.measures.get("width_mm")
    words = "narrowest" + ("" if width is None else f": {width:.1f} mm wide")
    axes.axvline(depth, color="black", linewidth=0.9, linestyle=":")
    right = depth > 0.6 * float(at[-1])
    axes.text(depth, _FAR_MM * 0.97, f"{words} " if right else f" {words}", fontsize=_FONT_PT,
              fontweight="bold", va="top", ha="right" if right else "left")  # fmt: skip


def _names(axes: Any, names: list[tuple[float, str, str]], edge: float) -> None:
    """Each line's name beside its end, pushed apart where ends are close."""
    floor = -1e9
    for end, words, colour in sorted(names):
        at = max(end, floor)
        floor = at + _APART_MM
        axes.annotate(
            words, (edge, end), xytext=(edge + 0.03 * edge, at), fontsize=_FONT_PT, va="center",
            annotation_clip=False, arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1.4},
        )  # fmt: skip
