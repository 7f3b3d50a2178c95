"""What heat does to tissue: equivalent minutes at 43 degC and two Arrhenius integrals.

    CEM43 = integral of R^(43 - T) dt      R = 1/2 from 43 degC on, 1/4 between 39 and 43, nothing below 39
    Omega = integral of A exp(-E / R T) dt      1 leaves 37 % of what there was, 4.6 leaves 1 %

Over a step the temperature is taken as linear: then the minutes are exact, and so is Omega as far as the
exponent is linear.  No two of these are one number: each says what dies by its own measurements.

Sources: Sapareto & Dewey 1984 (CEM43); public ablation codes for the Arrhenius pairs, none of bone or nerve.
Tests: tests/unit/test_heat_damage.py.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from types import MappingProxyType

import numpy as np
from numba import njit

from osteoplan.arrays import F64, Real

__all__ = ["ARRHENIUS", "DEAD_CEM43_MIN", "arrhenius", "cem43"]

ARRHENIUS = MappingProxyType(
    {
        # rate [1/s] and energy [J/mol]: the first is used for liver and soft tissue, the second for skin
        "soft_tissue": (7.39e39, 2.577e5),
        "skin": (3.1e98, 6.28e5),
    }
)
DEAD_CEM43_MIN = 240.0  # from here on no blood flows any more (interventional 2.1)
GAS = 8.314462618  # J/(mol K)
ZERO_DEGC = 273.15
HALF, QUARTER = log(2.0), log(4.0)
ALIKE = 1e-6  # where two exponents differ by less, their mean serves


def cem43(times_s: Real, degC: Real) -> F64:
    """Equivalent minutes of temperatures that are linear between times: (t,) and (t, ...) give (...)."""
    return _along(times_s, degC, lambda a, b, dt: float(cem43_step(a, b, dt)))


def arrhenius(times_s: Real, degC: Real, A: float, energy: float) -> F64:
    """Omega of temperatures that are linear between times: (t,) and (t, ...) give (...)."""
    return _along(times_s, degC, lambda a, b, dt: float(arrhenius_step(a, b, dt, log(A), energy)))


def _along(times_s: Real, degC: Real, step: Callable[[float, float, float], float]) -> F64:
    T = np.asarray(degC, dtype=np.float64)
    flat = T.reshape(len(T), -1)
    total = np.zeros(flat.shape[1])
    for n, dt in enumerate(np.diff(np.asarray(times_s, dtype=np.float64))):
        total += [step(a, b, dt) for a, b in zip(flat[n], flat[n + 1], strict=True)]
    return np.asarray(total.reshape(T.shape[1:]))


@njit(cache=True, nogil=True, error_model="numpy")
def cem43_step(a, b, seconds):  # type: ignore[no-untyped-def]
    """Equivalent minutes of one step from a to b degC."""
    low, high = min(a, b), max(a, b)
    minutes = seconds / 60.0
    if high <= 39.0:
        return 0.0
    if high - low < 1e-4:  # flat: the middle of the step, and no small number divided by another
        middle = 0.5 * (low + high)
        base = HALF if middle >= 43.0 else QUARTER
        return minutes * exp((middle - 43.0) * base) if middle >= 39.0 else 0.0
    total = 0.0
    first, last = max(low, 39.0), min(high, 43.0)
    if last > first:
        total += (exp((last - 43.0) * QUARTER) - exp((first - 43.0) * QUARTER)) / QUARTER
    if high > 43.0:
        total += (exp((high - 43.0) * HALF) - exp((max(low, 43.0) - 43.0) * HALF)) / HALF
    return total * minutes / (high - low)


@njit(cache=True, nogil=True, error_model="numpy")
def arrhenius_step(a, b, seconds, log_A, energy):  # type: ignore[no-untyped-def]
    """Omega of one step from a to b degC; log_A of the rate [1/s]."""
    x = log_A - energy / (GAS * (a + ZERO_DEGC))
    y = log_A - energy / (GAS * (b + ZERO_DEGC))
    if abs(y - x) < ALIKE:
        return seconds * exp(0.5 * (x + y))
    return seconds * (exp(y) - exp(x)) / (y - x)
