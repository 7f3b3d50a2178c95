"""Charts of how sure it is: one input at a time, and the bone as a beam."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.model.certainty import Bar, Rigidity, Tornado
from osteoplan.report.drawing.figures import FONT_PT, figure_of, svg_uri
from osteoplan.report.words import number

__all__ = [
    "HIGH",
    "LOW",
    "ROW_CM",
    "bars_chart",
    "rigidity_chart",
    "shared_words",
    "tornado_chart",
]


def shared_words(part: Rigidity) -> tuple[str, ...]:
    """What is said of every loss alike."""
    first, *rest = (e.because for e in part.outcomes)
    return tuple(why for why in dict.fromkeys(first) if all(why in others for others in rest))


LOW, HIGH = "#0072B2", "#E69F00"  # Okabe-Ito blue and orange
ROW_CM = 0.52
_MOST = 9  # bars: the rest moves next to nothing


def tornado_chart(tornado: Tornado, *, width_cm: float = 15.5) -> str:
    """Data URI of an SVG: bars left and right of the stated value, widest on top."""
    what = "difference [points of intact]" if tornado.reference else f"{tornado.title} [% of intact]"
    return bars_chart(tornado.bars, tornado.estimate.value, what, width_cm=width_cm, digits=".1f")


def bars_chart(
    bars: Sequence[Bar], value: float, what: str, *, width_cm: float = 15.5, digits: str = ""
) -> str:
    """Data URI of an SVG: what each input alone makes of ``value``; ``what`` it is, with its unit."""
    bars = bars[:_MOST]
    figure, axes = figure_of(width_cm, 1.3 + ROW_CM * max(1, len(bars)), left=0.37, bottom_cm=0.95)
    for row, bar in enumerate(bars):
        axes.barh(row, bar.low - value, left=value, height=0.62, color=LOW)
        axes.barh(row, bar.high - value, left=value, height=0.62, color=HIGH, hatch="///", edgecolor="white")
        axes.text(
            bar.low,
            row,
            f"{format(bar.low, digits) if digits else number(bar.low)} ",
            ha="right",
            va="center",
            fontsize=FONT_PT - 1,
        )
        axes.text(
            bar.high,
            row,
            f" {format(bar.high, digits) if digits else number(bar.high)}",
            ha="left",
            va="center",
            fontsize=FONT_PT - 1,
        )
    axes.axvline(value, color="black", linewidth=1.0)
    axes.set_yticks(range(len(bars)), [bar.title for bar in bars], fontsize=FONT_PT)
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.set_xlabel(what, fontsize=FONT_PT)
    return svg_uri(figure)


def rigidity_chart(found: Rigidity, *, width_cm: float = 15.5) -> str:
    """Data URI of an SVG: what each section keeps of its intact rigidity, along the bone."""
    figure, axes = figure_of(width_cm, 5.6, left=0.09, bottom_cm=1.0)
    beam = found.now.beam
    at = found.now.along_mm
    rows = (
        ("axial", found.now.EA_N, found.intact.EA_N, "black", "-"),
        ("bending, weak axis", found.now.EI_weak_Nmm2, found.intact.EI_weak_Nmm2, LOW, (0, (5, 2))),
        ("torsion", found.now.GJ_Nmm2, found.intact.GJ_Nmm2, HIGH, (0, (1.5, 1.5))),
    )
    for name, now, intact, colour, dash in rows:
        left = np.where(beam, 100.0 * now / np.where(intact > 0, intact, 1.0), np.nan)
        axes.plot(at, left, color=colour, linestyle=dash, linewidth=1.8, label=name)
    axes.axhline(100.0, color="#555555", linewidth=0.8)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel(f"place along the {found.now.segment} [mm]", fontsize=FONT_PT)
    axes.set_ylabel("left of intact [%]", fontsize=FONT_PT)
    axes.legend(fontsize=FONT_PT - 1, frameon=False, loc="lower right")
    return svg_uri(figure)
