"""Charts of the choice: what a tier trades against what, how often each is first, at which price it pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np

from osteoplan.report.drawing.figures import FONT_PT, figure_of, svg_uri
from osteoplan.report.plan.uncertainty import LOW, ROW_CM

__all__ = ["Point2", "acceptability_chart", "bar_chart", "front", "trade_chart"]

# Okabe-Ito, and a mark and a dash of its own for each, so that none needs its colour
_LINES = (
    ("#0072B2", "-", "o"), ("#E69F00", (0, (5, 2)), "s"), ("#009E73", (0, (1.5, 1.5)), "^"),
    ("#CC79A7", "-.", "D"), ("#56B4E9", (0, (8, 3)), "v"), ("#000000", (0, (3, 1, 1, 1)), "P"),
)  # fmt: skip


@dataclass(frozen=True)
class Point2:
    """A technique between two outcomes: (value, low, high) of each; low and high None where not known."""

    title: str
    x: tuple[float, float | None, float | None]
    y: tuple[float, float | None, float | None]


def front(points: Sequence[Point2], better: tuple[bool, bool]) -> tuple[Point2, ...]:
    """Those that no other one is as good as on both and better on one; ``better``: more is better."""
    sign = [1.0 if more else -1.0 for more in better]

    def at(one: Point2) -> tuple[float, float]:
        return sign[0] * one.x[0], sign[1] * one.y[0]

    def beaten(one: Point2) -> bool:
        a, b = at(one)
        return any(x >= a and y >= b and (x, y) != (a, b) for x, y in map(at, points))

    return tuple(sorted((one for one in points if not beaten(one)), key=lambda one: one.x[0]))


def trade_chart(
    points: Sequence[Point2], heads: tuple[str, str], better: tuple[bool, bool], *, width_cm: float = 15.5
) -> str:
    """Data URI of an SVG: each technique with its intervals; filled where none beats it on both."""
    figure, axes = figure_of(width_cm, 8.0, left=0.1, bottom_cm=1.1)
    first = front(points, better)
    for n, one in enumerate(points):
        colour, _, mark = _LINES[n % len(_LINES)]
        for along, (value, low, high) in (("xerr", one.x), ("yerr", one.y)):
            if low is not None and high is not None:
                span = [[value - low], [high - value]]
                axes.errorbar(one.x[0], one.y[0], **{along: span}, color=colour, linewidth=0.9, capsize=2)
        axes.plot(
            one.x[0],
            one.y[0],
            mark,
            color=colour,
            markersize=6,
            markerfacecolor=colour if one in first else "white",
        )
        axes.annotate(
            f"{n + 1}  {one.title}", (one.x[0], one.y[0]), xytext=(6, 5), textcoords="offset points",
            fontsize=FONT_PT - 1, color="black",
        )  # fmt: skip
    axes.plot([p.x[0] for p in first], [p.y[0] for p in first], color="#555555", linewidth=0.7, linestyle=":")
    axes.margins(0.16)
    ways = ["more is better" if more else "less is better" for more in better]
    axes.set_xlabel(f"{heads[0]}; {ways[0]}", fontsize=FONT_PT)
    axes.set_ylabel(f"{heads[1]}; {ways[1]}", fontsize=FONT_PT)
    return svg_uri(figure)


def bar_chart(shares: Mapping[str, float], what: str, *, width_cm: float = 15.5) -> str:
    """Data URI of an SVG: a bar from 0 to 100 % for each, its number beside it."""
    figure, axes = figure_of(width_cm, 1.3 + ROW_CM * max(1, len(shares)), left=0.37, bottom_cm=0.95)
    for row, share in enumerate(shares.values()):
        axes.barh(row, 100.0 * share, height=0.62, color=LOW)
        axes.text(100.0 * share, row, f" {100.0 * share:.0f}", va="center", fontsize=FONT_PT - 1)
    axes.set_yticks(range(len(shares)), [fill(one, 34) for one in shares], fontsize=FONT_PT - 1)
    axes.invert_yaxis()
    axes.set_xlim(0.0, 108.0)
    axes.set_xlabel(what, fontsize=FONT_PT)
    return svg_uri(figure)


def acceptability_chart(
    thresholds: Sequence[float], shares: Mapping[str, Sequence[float]], money: str, *, width_cm: float = 15.5
) -> str:
    """Data URI of an SVG: how often each has the highest net benefit, over the price of a year."""
    figure, axes = figure_of(width_cm, 6.0, left=0.09, bottom_cm=1.1)
    ends = []
    for n, (title, line) in enumerate(shares.items()):
        colour, dash, mark = _LINES[n % len(_LINES)]
        axes.plot(
            thresholds, 100.0 * np.asarray(line), color=colour, linestyle=dash, marker=mark, markersize=3
        )
        ends.append([100.0 * line[-1], title])
    for at, title in _apart(ends):
        axes.text(thresholds[-1], at, f"  {title}", va="center", fontsize=FONT_PT - 1)
    axes.set_ylim(0.0, 104.0)
    axes.set_xlim(right=thresholds[-1] + 0.45 * (thresholds[-1] - min(0.0, thresholds[0])))
    axes.set_xticks(list(thresholds))
    axes.set_xlabel(f"what a quality-adjusted year may cost [{money}]", fontsize=FONT_PT)
    axes.set_ylabel("highest net benefit in [% of draws]", fontsize=FONT_PT)
    return svg_uri(figure)


def _apart(ends: Sequence[Sequence[object]]) -> list[tuple[float, str]]:
    """Labels at the ends of lines, moved up where they would stand on another one."""
    found: list[tuple[float, str]] = []
    for at, title in sorted(ends, key=lambda one: float(str(one[0]))):
        place = max(float(str(at)), found[-1][0] + 6.0 if found else -1.0)
        found.append((place, str(title)))
    return found
