"""The sampled patients of a plan: who they are does not depend on the room that asks.

Draw k is the same patient and the same operator's hand in every option, room and outcome, so that any
difference is taken draw by draw.  Each input has a named stream of its own: a new input moves no other one.
A room that affords m < n samples repeats them, draw k being sample k mod m, and says m; one that draws more
than n has the shared ones first.  Tests: tests/unit/test_ensemble.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Array
from osteoplan.errors import BadInput
from osteoplan.provenance import rng

__all__ = ["Ensemble"]


@dataclass(frozen=True)
class Ensemble:
    """n sampled patients under one seed.

    Raises:
        BadInput: fewer than one draw, or a seed below 0.
    """

    seed: int
    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise BadInput(f"an ensemble of {self.n} draws holds nobody: ask for 1 or more")
        if self.seed < 0:
            raise BadInput(f"a seed of {self.seed}: give 0 or more")

    def stream(self, *names: str) -> np.random.Generator:
        """The random stream of that name, from its beginning."""
        return rng(self.seed, *names)

    def strata(self, name: str, columns: int = 1) -> F64:
        """(n, columns) Latin hypercube in (0, 1) of the stream ``name``: each of n strata holds one draw.

        The numbers are those of ``scipy.stats.qmc.LatinHypercube`` (a test holds it), whose module takes a
        second to import.
        """
        stream = self.stream(name).spawn(1)[0]
        within = stream.uniform(size=(self.n, columns))
        strata = np.tile(np.arange(1, self.n + 1), (columns, 1))
        for column in strata:
            stream.shuffle(column)
        u: F64 = (strata.T - within) / self.n
        return u

    def drawn(self, samples: Array) -> Array:
        """(m, ...) samples of a room -> (n, ...): the first n of more, or sample k mod m of fewer."""
        return samples[np.arange(self.n) % len(samples)]
