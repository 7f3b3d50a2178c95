"""Which of two ways is the safer one, where mechanics cannot tell them apart.

In this order: how often an uncorrected hand breaches anything, how near a device passes the canal, the
pleura, a vessel, how long the ways are, and what the worst hands of twenty leave of the nearest gap.
"""

from __future__ import annotations

import numpy as np

from osteoplan.model.plan import Option, Plan

__all__ = ["SAFETY", "safety"]

SAFETY = ("canal", "pleura", "vessel")  # kinds of structure, in the order in which they are asked
PROBABILITY, MILLIMETRES = 0.01, 0.1  # what is told of a breach and of a gap: less decides nothing
FAR_MM = 30.0  # farther than the distance maps look nothing is near
STEADY_PCT = 5.0


def safety(option: Option) -> tuple[float, ...]:
    """What options are ordered by, the safest first; an unknown breach counts as certain."""
    plan = option.plan
    breach = 1.0 if plan.breach is None else plan.breach
    gap = {one.kind: one.gap_mm for one in plan.gaps}
    return (
        _rounded(breach, PROBABILITY),
        *(-_rounded(min(gap.get(kind, FAR_MM), FAR_MM), MILLIMETRES) for kind in SAFETY),
        _rounded(sum(one.value for one in plan.clearances if one.id == "path_length_mm"), 1.0),
        -_rounded(_steady_mm(plan), MILLIMETRES),
    )


def _rounded(value: float, step: float) -> float:
    return step * round(value / step)


def _steady_mm(plan: Plan) -> float:
    """What strayed devices leave of the nearest gap in the worst draw of twenty [mm]."""
    gaps = [one.draws for one in plan.clearances if one.id == "clearance_mm" and one.draws is not None]
    return min((float(np.percentile(draws, STEADY_PCT)) for draws in gaps), default=FAR_MM)
