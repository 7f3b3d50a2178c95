"""Whether neighbouring slices of a CT fit one another in HU: a slice with a wrong rescale jumps as a whole.

Each slice has its own rescale by right (PS3.3 C.11.1), and it is believed as long as the values agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.arrays import Array
from osteoplan.io.dicom.header import Slice
from osteoplan.io.dicom.limits import Limits

__all__ = ["jump_problem", "rescale_problem", "step_notes"]

_PIXELS = 64  # rows and columns that are compared, of how many there are
_ENOUGH = 16  # pixels of tissue, below which nothing is said


def rescale_problem(kept: Sequence[Slice], values: Array, limits: Limits) -> str:
    """Where the rescale changes between two slices and makes a step that one rescale for both would not make.

    Args:
        kept: the slices in the order of ``values``.
        values: (k, rows, columns) [HU].
    """
    scales = [(s.slope or 1.0, s.intercept or 0.0) for s in kept]
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


def jump_problem(values: Array, limits: Limits) -> str:
    """A slice that lies far above or far below both its neighbours, nearly everywhere in the body."""
    for k in range(1, len(values) - 1):
        below, above = _seen(values, k - 1), _seen(values, k + 1)
        tissue = np.minimum(below, above) > limits.tissue_min_HU
        if tissue.sum() >= _ENOUGH:
            away = _seen(values, k)[tissue]
            jump = _shared(np.stack([away - below[tissue], away - above[tissue]]))
            if abs(jump) > limits.slice_jump_HU:
                side = "above" if jump > 0 else "below"
                return (
                    f"slice {k + 1} of {len(values)} lies {abs(jump):.0f} HU {side} both its neighbours: it "
                    "was rescaled otherwise or is damaged, export the series again"
                )
    return ""


def step_notes(values: Array, limits: Limits) -> list[str]:
    """Where the picture as a whole steps from one slice to the next."""
    notes = []
    for k in range(1, len(values)):
        step = _shared((_seen(values, k) - _seen(values, k - 1)).ravel())
        if abs(step) > limits.slice_jump_HU:
            notes.append(
                f"between slices {k} and {k + 1} of {len(values)} the values step by {step:.0f} HU as a "
                "whole: look at the pictures, a part may have been rescaled otherwise"
            )
    return notes


def _seen(values: Array, k: int) -> Array:
    """Some pixels of a slice, evenly spread; float32, in which differences do not wrap."""
    rows, columns = (max(1, n // _PIXELS) for n in values.shape[1:])
    return values[k, ::rows, ::columns].astype(np.float32)


def _shared(differences: Array) -> float:
    """By how much three quarters of each row differ at least, all to one side; 0 where they do not agree."""
    low, high = np.percentile(differences, [25, 75], axis=-1)
    return float(low.min() if low.min() > 0 else min(high.max(), 0.0))
