"""Chebyshev smoothing on one grid of a multigrid, whatever the grid is made of.

    z = p(D^-1 A) rest      p: the polynomial that is least on [lambda / ratio, lambda], lambda from above

A grid knows how to take A d off what is left, and how to share its places out over threads.

Source: Adams, Brezina, Hu & Tuminaro 2003.  Tests: tests/analytic/test_multigrid.py, test_composite.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit

from osteoplan.arrays import F32

__all__ = ["Smoother", "chebyshev", "chebyshev_step"]


class Smoother(ABC):
    """One grid of a hierarchy.

    Attributes:
        degree, ratio: of the polynomial.
        inverse: (3, nodes) 1 / D, 0 where nothing may move; bound: of the spectrum of D^-1 A.
        z, d, rest: (3, nodes) correction, last step, what is left of the right-hand side.
    """

    degree: int
    ratio: float
    inverse: F32
    bound: float
    z: F32
    d: F32
    rest: F32

    @abstractmethod
    def take_off(self) -> None:
        """rest -= A d."""

    @abstractmethod
    def each_part(self, work: Callable[[int, int], None]) -> None:
        """Call ``work(first, last)`` on pieces of the nodes' places in memory."""

    @abstractmethod
    def gather(self, above: Smoother) -> None:
        """rest = P^T (rest of the finer grid)."""

    @abstractmethod
    def spread(self, above: Smoother) -> None:
        """On the finer grid: d = P z, and z += d."""

    def smooth(self, *, last: bool) -> None:
        """z += p(D^-1 A) rest; ``last``: nobody asks for what is left of rest."""
        for n, (keep, gain) in enumerate(chebyshev(self.bound, self.degree, self.ratio)):
            if n:
                self.take_off()
            self.step(keep, gain)
        if not last:
            self.take_off()

    def step(self, keep: np.float32, gain: np.float32) -> None:
        """d = keep d + gain D^-1 rest; z += d."""
        self.each_part(lambda a, b: chebyshev_step(a, b, keep, gain, self.inverse, self.rest, self.d, self.z))


@cache
def chebyshev(bound: float, degree: int, ratio: float) -> F32:
    """(degree, 2) of each step: what it keeps of the last one, and what it gains of D^-1 rest."""
    high, low = bound, bound / ratio
    middle, half = (high + low) / 2, (high - low) / 2
    rho = half / middle
    steps = [(0.0, 1.0 / middle)]
    for _ in range(1, degree):
        rho, old = 1 / (2 * middle / half - rho), rho
        steps.append((rho * old, 2 * rho / half))
    return np.array(steps, dtype=np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def chebyshev_step(first, last, keep, gain, inverse, rest, d, z):  # type: ignore[no-untyped-def]
    """d = keep d + gain D^-1 rest; z += d."""
    for c in range(3):
        di, zi = d[c, first:last], z[c, first:last]
        inv, ri = inverse[c, first:last], rest[c, first:last]
        for n in range(last - first):
            v = keep * di[n] + gain * inv[n] * ri[n]
            di[n] = v
            zi[n] += v
