"""Cement that sets: how much of each cell has set, and the heat that this gives.

    dw/dt = K0 exp(-E / (R T)) w^m (whole - w)^n        whole = 1, or T / T_glass [K/K] at its peak so far

A step never passes ``whole``, so that no more heat comes than the cement holds; steps are cut into
pieces that each set little.  Sources: ``data/curing``.  Tests: tests/analytic/test_curing.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from osteoplan.arrays import F64, Indices, Real

__all__ = ["Curing"]

GAS, ZERO_DEGC = 8.314462618, 273.15
LARGEST, GROWTH = 0.01, 0.05  # of a cell, and of what has set already, that sets in one piece of a step


class Curing:
    """Cement of some cells, setting.

    Args:
        cells: (n,) flat indices.
        rate_1_s, energy_J_mol, m, n: of the rate.
        glass_K: None where all of it sets.
        seed: share that has set at the start.
    """

    def __init__(
        self, cells: Indices, *, rate_1_s: float, energy_J_mol: float, m: float, n: float,
        glass_K: float | None, seed: float,
    ) -> None:  # fmt: skip
        self.cells = cells
        self.w: F64 = np.full(len(cells), seed)
        self.whole: F64 = np.zeros(len(cells)) if glass_K else np.ones(len(cells))
        self._constants = (rate_1_s, energy_J_mol, m, n, glass_K or 0.0)

    def step(self, degC: Real, seconds: float) -> F64:
        """(n,) what sets in so many seconds at the cells' temperatures; ``w`` goes on by it."""
        gain = np.empty(len(self.cells))
        _set(np.asarray(degC, dtype=np.float64).ravel(), seconds, self.w, self.whole, *self._constants, gain)
        return gain


@njit(cache=True, nogil=True, error_model="numpy")
def _set(degC, seconds, w, whole, rate, energy, m, n, glass, gain):  # type: ignore[no-untyped-def]
    for c in range(len(w)):
        kelvin = degC[c] + ZERO_DEGC
        if glass > 0.0:
            whole[c] = max(whole[c], min(kelvin / glass, 1.0))
        speed = rate * np.exp(-energy / (GAS * kelvin))
        start, left = w[c], seconds
        while left > 0.0 and w[c] < whole[c]:
            pace = speed * w[c] ** m * (whole[c] - w[c]) ** n
            if pace * left <= 1e-9:
                w[c] += pace * left
                break
            piece = min(left, min(LARGEST, GROWTH * w[c]) / pace)
            half = min(w[c] + 0.5 * piece * pace, whole[c])  # midpoint: second order
            w[c] = min(w[c] + piece * speed * half**m * (whole[c] - half) ** n, whole[c])
            left -= piece
        gain[c] = w[c] - start
