"""Matplotlib figures as files that load nothing: SVG inside the page, PNG beside other files."""

from __future__ import annotations

import base64
import io
from typing import Any

__all__ = ["png_bytes", "png_uri", "svg_uri"]

_DPI = 160


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
