"""A coarse grid that is solved exactly, by a sparse factor.

    A = L U      columns in the order of least degree; shift D for what hardly anything resists

Where a body is made of thin struts a composite brick must bend like a strut, which it does too stiffly; the
coarser, the worse.  There the factor is cheap too: few bricks touch, and little fills in.  A vertebra's fills
in much, and its coarse grids serve well.  So ``thin`` tells whether the next finer grid is worth a try.

Source: George 1973 (fill of a box); Liu 1985 (minimum degree); Li 2005 (SuperLU).
Tests: tests/analytic/test_composite.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import splu

from osteoplan.arrays import Indices
from osteoplan.kernels.smoother import Smoother

__all__ = ["Factored"]

# The factor of a box of n unknowns has 18 to 35 n^(4/3) entries, that of struts and walls 8 to 16; beyond,
# the next finer grid takes longer than the steps it saves.  A few hundred unknowns tell nothing yet.
THIN, FEW = 16.0, 700


@dataclass(frozen=True, eq=False)
class Factored:
    """The factor of a grid: ``at`` (n,) places of its unknowns in memory; ``thin``: it is a sparse one."""

    at: Indices
    factor: Any
    thin: bool

    @classmethod
    def of(cls, at: Indices, A: csc_array, *, shift: float = 0.0) -> Factored:
        """Of the stiffness A (n, n) of the unknowns at these places; ``shift``: of its diagonal."""
        shifted = csc_array(A + shift * diags_array(A.diagonal()))
        factor = splu(
            shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        return cls(at, factor, factor.nnz <= THIN * max(len(at), FEW) ** (4 / 3))

    def __call__(self, level: Smoother) -> None:
        """z = A^-1 rest."""
        level.z.reshape(-1)[self.at] = self.factor.solve(level.rest.reshape(-1)[self.at].astype("f8"))
