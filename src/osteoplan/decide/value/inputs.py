"""A number that a model of value reads, as sure as its source: fixed, or drawn by its quantiles.

Draws come from named streams (``model.ensemble``): inputs of one source share theirs, so that what is equal
draws equal, and a better figure of the same size never draws worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import special

from osteoplan.arrays import F64
from osteoplan.model.ensemble import Ensemble

__all__ = ["KINDS", "Input", "Kind", "drawn"]

Kind = Literal["fixed", "beta", "normal", "lognormal", "gamma", "uniform"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Input:
    """One number and how it is spread.

    Attributes:
        kind, a, b: beta: a of b (Jeffreys' prior added); normal, gamma: mean and standard deviation;
            lognormal, uniform: from a to b (of a lognormal: its central 95 %).
        stream: what it is drawn from; its own id where empty.
        ends: of an assumption: what it is set to in one-way sensitivity, without being drawn.
        fact: of the vocabulary that would settle it; empty where only a study would.
    """

    id: str
    title: str
    value: float
    kind: Kind = "fixed"
    a: float = 0.0
    b: float = 0.0
    stream: str = ""
    ends: tuple[float, float] | None = None
    fact: str = ""
    because: str = ""

    def at(self, u: F64) -> F64:
        """Its quantiles at u in (0, 1)."""
        if self.kind == "fixed":
            return np.full(np.shape(u), self.value)
        if self.kind == "beta":
            return np.asarray(special.betaincinv(self.a + 0.5, self.b - self.a + 0.5, u))
        if self.kind == "uniform":
            return self.a + (self.b - self.a) * u
        if self.kind == "gamma":
            return np.asarray(special.gammaincinv((self.a / self.b) ** 2, u)) * self.b**2 / self.a
        z = special.ndtri(u)
        if self.kind == "normal":
            return np.asarray(self.a + self.b * z)
        middle, spread = np.log(self.a * self.b) / 2.0, np.log(self.b / self.a) / (2.0 * special.ndtri(0.975))
        return np.asarray(np.exp(middle + spread * z))

    def swing(self, level: float = 0.9) -> tuple[float, float]:
        """What it is set to, low and high, in one-way sensitivity."""
        low, high = self.at(np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0]))
        return self.ends or (float(low), float(high))


def drawn(inputs: Mapping[str, Input], ensemble: Ensemble) -> dict[str, F64]:
    """(n,) draws of each input that is not fixed."""
    return {
        id: one.at(ensemble.strata(f"value/{one.stream or id}")[:, 0])
        for id, one in inputs.items()
        if one.kind != "fixed"
    }
