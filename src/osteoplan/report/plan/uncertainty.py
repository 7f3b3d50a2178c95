"""How sure it is: options against each other, one input at a time, and the bone as a beam."""

from __future__ import annotations

from typing import Any

import numpy as np

from osteoplan.model.certainty import Rigidity, Tornado
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.figures import svg_uri
from osteoplan.report.plan.nouns import CertaintyView, ChartView, PairView, RigidityView
from osteoplan.report.plan.rows import told
from osteoplan.report.words import Value, signed_points

__all__ = ["certainty_view", "rigidity_chart", "tornado_chart"]


def certainty_view(result: PlanResult) -> CertaintyView:
    """Everything that the section shows."""
    return CertaintyView(result.comparison.ranked_word, _pairs(result), _tornadoes(result), _rigidity(result))


def _pairs(result: PlanResult) -> tuple[PairView, ...]:
    names = {o.id: o.plan.short_title for o in result.simulations.options}
    found = []
    for pair in (*result.comparison.differences, *result.comparison.between):
        value = signed_points(pair.estimate)
        note = "" if pair.supported else "not told apart"
        gap = Value(value.text, value.interval, value.tag, note, grey=not pair.supported)
        found.append(PairView(names[pair.option], names[pair.reference], gap))
    return tuple(found)


def _tornadoes(result: PlanResult) -> tuple[ChartView, ...]:
    return tuple(
        ChartView(
            tornado.title,
            tornado_chart(tornado),
            "widest first: "
            + "; ".join(f"{bar.title} {bar.low:.1f} to {bar.high:.1f}" for bar in tornado.bars[:3]),
        )
        for tornado in result.tornadoes
    )


def _rigidity(result: PlanResult) -> tuple[RigidityView, ...]:
    return tuple(
        RigidityView(
            part.now.segment,
            tuple(
                (
                    result.wordings.outcomes[e.id].title,
                    told(result, e),
                    "; ".join(why for why in e.because if why not in _shared(part)),
                )
                for e in part.outcomes
            ),
            _shared(part),
            ChartView(
                part.now.segment, rigidity_chart(part), "rigidity that each section keeps of the intact bone"
            ),
        )
        for part in result.rigidity
    )


def _shared(part: Rigidity) -> tuple[str, ...]:
    """What is said of every loss alike."""
    first, *rest = (e.because for e in part.outcomes)
    return tuple(why for why in dict.fromkeys(first) if all(why in others for others in rest))


_LOW, _HIGH = "#0072B2", "#E69F00"  # Okabe-Ito blue and orange
_INCH = 1 / 2.54
_FONT_PT = 8.0
_ROW_CM = 0.52
_MOST = 9  # bars: the rest moves next to nothing


def tornado_chart(tornado: Tornado, *, width_cm: float = 15.5) -> str:
    """Data URI of an SVG: bars left and right of the stated value, widest on top."""
    bars = tornado.bars[:_MOST]
    figure, axes = _figure(width_cm, 1.3 + _ROW_CM * max(1, len(bars)), left=0.37, bottom_cm=0.95)
    value = tornado.estimate.value
    for row, bar in enumerate(bars):
        axes.barh(row, bar.low - value, left=value, height=0.62, color=_LOW)
        axes.barh(row, bar.high - value, left=value, height=0.62, color=_HIGH, hatch="///", edgecolor="white")
        axes.text(bar.low, row, f"{bar.low:.1f} ", ha="right", va="center", fontsize=_FONT_PT - 1)
        axes.text(bar.high, row, f" {bar.high:.1f}", ha="left", va="center", fontsize=_FONT_PT - 1)
    axes.axvline(value, color="black", linewidth=1.0)
    axes.set_yticks(range(len(bars)), [bar.title for bar in bars], fontsize=_FONT_PT)
    axes.invert_yaxis()
    axes.margins(x=0.16)
    what = "difference [points of intact]" if tornado.reference else f"{tornado.title} [% of intact]"
    axes.set_xlabel(what, fontsize=_FONT_PT)
    return svg_uri(figure)


def rigidity_chart(found: Rigidity, *, width_cm: float = 15.5) -> str:
    """Data URI of an SVG: what each section keeps of its intact rigidity, along the bone."""
    figure, axes = _figure(width_cm, 5.6, left=0.09, bottom_cm=1.0)
    beam = found.now.beam
    at = found.now.along_mm
    rows = (
        ("axial", found.now.EA_N, found.intact.EA_N, "black", "-"),
        ("bending, weak axis", found.now.EI_weak_Nmm2, found.intact.EI_weak_Nmm2, _LOW, (0, (5, 2))),
        ("torsion", found.now.GJ_Nmm2, found.intact.GJ_Nmm2, _HIGH, (0, (1.5, 1.5))),
    )
    for name, now, intact, colour, dash in rows:
        left = np.where(beam, 100.0 * now / np.where(intact > 0, intact, 1.0), np.nan)
        axes.plot(at, left, color=colour, linestyle=dash, linewidth=1.8, label=name)
    axes.axhline(100.0, color="#555555", linewidth=0.8)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel(f"place along the {found.now.segment} [mm]", fontsize=_FONT_PT)
    axes.set_ylabel("left of intact [%]", fontsize=_FONT_PT)
    axes.legend(fontsize=_FONT_PT - 1, frameon=False, loc="lower right")
    return svg_uri(figure)


def _figure(width_cm: float, height_cm: float, *, left: float, bottom_cm: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_cm * _INCH, height_cm * _INCH), facecolor="white")
    bottom = bottom_cm / height_cm
    axes = figure.add_axes((left, bottom, 0.97 - left, 0.96 - bottom))
    axes.tick_params(labelsize=_FONT_PT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes
