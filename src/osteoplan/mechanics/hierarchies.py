"""The multigrid hierarchies of one bone, kept for whoever solves the same stiffness again.

Load cases of one mesh that hold the same unknowns, and the worlds of a state, ask for one preconditioner: it
is built once.  A preconditioner of a similar modulus field is as good as one of its own where only energies
are wanted (a loose solve): it changes how fast an answer is found, not the answer.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import numpy.typing as npt

from osteoplan.kernels.elasticity import Stiffness
from osteoplan.kernels.multigrid import Hierarchy
from osteoplan.provenance import digest

__all__ = ["Hierarchies"]

Bool = npt.NDArray[np.bool_]


class Hierarchies:
    """The last few hierarchies, by what they were built from; one thread of control at a time."""

    def __init__(self, most: int = 2) -> None:
        self.most, self.built = most, 0
        self._kept: dict[str, Hierarchy] = {}

    def of(self, A: Stiffness, fixed: Bool) -> Hierarchy:
        """The hierarchy of a stiffness with the unknowns ``fixed`` (n_nodes, 3) held."""
        parts = [getattr(A, one.name) for one in fields(A) if one.name not in ("mesh", "threads")]
        key = digest(A.mesh.shape, A.mesh.cells, parts, np.packbits(fixed))
        found = self._kept.pop(key, None)
        if found is None:
            found = Hierarchy.of(A, fixed)
            self.built += 1
        self._kept[key] = found  # last used, last thrown away
        while len(self._kept) > self.most:
            del self._kept[next(iter(self._kept))]
        return found
