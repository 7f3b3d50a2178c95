"""A cohort that moves between states, cycle by cycle, in many draws at once.

    x_0 = start;   y = x_t P_t;   x_(t+1) = s_t y for the living,  dead = what is left of 1

    symbol   meaning                                                      shape
    x        share of the cohort in each state; the last state is dead    (S,)
    P        probability of going from a state to another in a cycle      (n or 1, phases, S, S)
    phase    which P rules in a cycle                                     (T,)
    s        share of the living that outlives the cycle, beside P        (n or 1, T)
    w        weights of the T + 1 points in time, K sets                  (K, T + 1)

What is paid in a state (utility, cost) is linear in its share, so all that a model needs of a draw are the
weighted times  L_ks = sum over t of  w_kt x_ts:  no trace has to be kept.  A set of weights carries the rule
of integration, the discount, and what fades.

Source: Alarid-Escudero et al. 2023, cohort state-transition tutorial.  Tests: tests/analytic/test_cohort.py.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numba import njit

from osteoplan.arrays import F64, I64
from osteoplan.errors import BadInput
from osteoplan.kernels.threads import shared_out

__all__ = ["WEIGHTS", "Weights", "cycle_weights", "discount", "state_times", "traces"]

Weights = Literal["half_cycle", "simpson", "tutorial", "none"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)
LEAST = 500  # draws that are worth a thread


def cycle_weights(cycles: int, rule: Weights = "half_cycle") -> F64:
    """(cycles + 1,) weights of the points in time, in cycles.

    ``half_cycle``: trapezoids.  ``simpson``: 1/3, 4/3, 2/3 ... 1/3, for an even number of cycles.
    ``tutorial``: what the tutorial's code has, ends 1/3 and 2/3 where Simpson has 4/3, for any number.
    ``none``: every point counts whole.

    Raises:
        BadInput: Simpson's rule with an odd number of cycles.
    """
    w = np.ones(cycles + 1)
    if rule == "half_cycle":
        w[[0, -1]] = 0.5
    elif rule != "none":
        if rule == "simpson" and cycles % 2:
            raise BadInput(f"Simpson's rule needs an even number of cycles, not {cycles}: use half_cycle")
        odd = 4 / 3 if rule == "simpson" else 2 / 3
        w[1::2], w[2::2] = odd, 2.0 - odd
        w[[0, -1]] = 1 / 3
    return w


def discount(cycles: int, yearly: float, cycle_years: float) -> F64:
    """(cycles + 1,) present worth of one unit at each point in time."""
    return np.asarray((1.0 + yearly) ** -(cycle_years * np.arange(cycles + 1)))


def state_times(
    P: F64, start: F64, weights: F64, *, phase: I64 | None = None, alive: F64 | None = None
) -> F64:
    """(n, K, S) weighted times in each state.

    Args:
        P: (n or 1, phases, S, S), rows that sum to 1; the last state is the dead.
        start: (n or 1, S).
        weights: (K, cycles + 1).
        phase: (cycles,) which P; the first where None.
        alive: (n or 1, cycles) share of the living that outlives each cycle; all where None.
    """
    n, phase, alive = _told(P, start, weights.shape[1] - 1, phase, alive)
    found = np.zeros((n, len(weights), P.shape[-1]))
    shared_out(
        lambda a, b: _times(P, start, np.ascontiguousarray(weights), phase, alive, a, b, found),
        n,
        least=LEAST,
    )
    return found


def traces(P: F64, start: F64, cycles: int, *, phase: I64 | None = None, alive: F64 | None = None) -> F64:
    """(n, cycles + 1, S) share in each state at each point in time; arguments as of ``state_times``."""
    n, phase, alive = _told(P, start, cycles, phase, alive)
    found = np.zeros((n, cycles + 1, P.shape[-1]))
    for draw in range(n):
        _trace(P, start, phase, alive, draw, found)
    return found


def _told(P: F64, start: F64, cycles: int, phase: I64 | None, alive: F64 | None) -> tuple[int, I64, F64]:
    phase = np.zeros(cycles, dtype=np.int64) if phase is None else phase
    alive = np.ones((1, cycles)) if alive is None else alive
    return max(len(P), len(start), len(alive)), phase, alive


@njit(cache=True, nogil=True, error_model="numpy")
def _step(P: F64, alive: float, x: F64, y: F64) -> None:  # pragma: no cover
    """y = x after one cycle."""
    S = x.size
    living = 0.0
    for j in range(S - 1):
        share = 0.0
        for i in range(S - 1):  # the dead do not come back
            share += x[i] * P[i, j]
        y[j] = alive * share
        living += y[j]
    total = 0.0
    for i in range(S):
        total += x[i]
    y[S - 1] = total - living


@njit(cache=True, nogil=True, error_model="numpy")
def _times(
    P: F64, start: F64, w: F64, phase: I64, alive: F64, first: int, last: int, found: F64
) -> None:  # pragma: no cover
    S, K, cycles = P.shape[3], w.shape[0], phase.size
    x, y = np.empty(S), np.empty(S)
    for n in range(first, last):
        x[:] = start[n % start.shape[0]]
        here, lives = P[n % P.shape[0]], alive[n % alive.shape[0]]
        for t in range(cycles + 1):
            for k in range(K):
                for s in range(S):
                    found[n, k, s] += w[k, t] * x[s]
            if t < cycles:
                _step(here[phase[t]], lives[t], x, y)
                x, y = y, x


@njit(cache=True, nogil=True, error_model="numpy")
def _trace(P: F64, start: F64, phase: I64, alive: F64, n: int, found: F64) -> None:  # pragma: no cover
    found[n, 0] = start[n % start.shape[0]]
    for t in range(phase.size):
        here = P[n % P.shape[0], phase[t]]
        _step(here, alive[n % alive.shape[0], t], found[n, t], found[n, t + 1])
