"""Matplotlib figures as files that load nothing: SVG inside the page, PNG beside other files."""

from __future__ import annotations

import base64
import io
from typing import Any

__all__ = ["FONT_PT", "figure_of", "png_bytes", "png_uri", "svg_uri"]

_DPI = 160
_INCH = 1 / 2.54
FONT_PT = 8.0


def figure_of(width_cm: float, height_cm: float, *, left: float, bottom_cm: float) -> tuple[Any, Any]:
    """A figure of that size with one pair of axes, from ``left`` (share of the width) on."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_cm * _INCH, height_cm * _INCH), facecolor="white")
    bottom = bottom_cm / height_cm
    axes = figure.add_axes((left, bottom, 0.97 - left, 0.96 - bottom))
    axes.tick_params(labelsize=FONT_PT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def svg_uri(figure: Any) -> str:
    """Data URI of the figure as SVG; the same figure gives the same text."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    target = io.BytesIO()
    with rc_context({"svg.hashsalt": "osteoplan"}):
        FigureCanvasSVG(figure).print_svg(target, metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(target.getvalue()).decode("ascii")


def png_bytes(figure: Any) -> bytes:
    """The figure as PNG, 160 pixels to the inch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    target = io.BytesIO()
    figure.set_dpi(_DPI)
    FigureCanvasAgg(figure).print_png(target, metadata={"Software": None})
    return target.getvalue()


def png_uri(figure: Any) -> str:
    """Data URI of ``png_bytes``: smaller than SVG where there are hundreds of points."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(figure)).decode("ascii")
