"""The smooth surface z(x, y) of least cost through a volume of costs, one height per column.

    minimise  sum C(x, y, z(x, y))  +  sum over neighbours of  min(step |z - z'|, jump)

is hard in two dimensions; paths along the four directions are exact in one and are summed.

Source: Hirschmueller 2008, stereo processing by semi-global matching and mutual information.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from osteoplan.arrays import F32, Indices

__all__ = ["cheapest_surface"]

_STEP_COST, _JUMP_COST, _REACH = np.float32(0.12), np.float32(2.0), 3


def cheapest_surface(cost: npt.ArrayLike) -> Indices:
    """(nx, ny) chosen index along the last axis of (nx, ny, nz) costs."""
    chosen: Indices = _aggregated(np.ascontiguousarray(cost, dtype=np.float32)).argmin(axis=-1)
    return chosen


@njit(cache=True)
def _aggregated(cost: F32) -> F32:
    """Cost of every height with what its neighbours along four directions would pay to follow."""
    nu, nv, nh = cost.shape
    total = np.zeros_like(cost)
    for way in range(4):
        du, dv = (1, -1, 0, 0)[way], (0, 0, 1, -1)[way]
        path = np.zeros_like(cost)
        for a in range(nu):
            i = a if du >= 0 else nu - 1 - a
            for b in range(nv):
                j = b if dv >= 0 else nv - 1 - b
                pi, pj = i - du, j - dv
                if pi < 0 or pj < 0 or pi >= nu or pj >= nv:
                    path[i, j] = cost[i, j]
                    continue
                least = path[pi, pj].min()
                for h in range(nh):
                    best = least + _JUMP_COST
                    for e in range(-_REACH, _REACH + 1):
                        if 0 <= h + e < nh:
                            best = min(best, path[pi, pj, h + e] + _STEP_COST * abs(e))
                    path[i, j, h] = cost[i, j, h] + best - least
        total += path
    return total
