"""Whether the rescale of each slice of a CT is the right one, seen against its neighbour.

Each slice has its own rescale by right (PS3.3 C.11.1), and it is believed as long as the values agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.arrays import Array
from osteoplan.io.dicom.header import Slice
from osteoplan.io.dicom.limits import Limits

__all__ = ["rescale_problem"]

_PIXELS = 64  # rows and columns that are compared, of how many there are


def rescale_problem(kept: Sequence[Slice], values: Array, limits: Limits) -> str:
    """Where the rescale changes between two slices and makes a step that one rescale for both would not make.

    Args:
        kept: the slices in the order of ``values``.
        values: (k, rows, columns) [HU].
    """
    scales = [s.rescale for s in kept]
    for k in range(1, len(kept)):
        (slope, intercept), before = scales[k], scales[k - 1]
        if scales[k] == before:
            continue
        below, above = _seen(values, k - 1), _seen(values, k)
        alike = (above - intercept) / slope * before[0] + before[1]
        own, other = (float(np.abs(one - below).mean()) for one in (above, alike))
        if own > other + limits.rescale_step_HU:
            return (
                f"between slices {k} and {k + 1} of {len(kept)} the rescale changes (intercept {before[1]:g} "
                f"and {intercept:g}, slope {before[0]:g} and {slope:g}) and the values jump by {own:.0f} HU, "
                f"with one rescale for both by {other:.0f}: one of them is wrong, export the series again"
            )
    return ""


def _seen(values: Array, k: int) -> Array:
    """Some pixels of a slice, evenly spread; float32, in which differences do not wrap."""
    rows, columns = (max(1, n // _PIXELS) for n in values.shape[1:])
    return values[k, ::rows, ::columns].astype(np.float32)
