"""Estimated stiffness made true in a few samples, and between them.

The estimate of ``samples`` rests on one solved field.  It drifts where samples differ by the density law, or
where a lesion all but severs the bone, so that soft tissue carries the load.  The state is therefore solved
again with each law, each with the softest, the central and the firmest soft tissue:

    K(sample) ~ estimate(sample) c(law, soft tissue)        c = true / estimate at a correction point

c is linear in the logarithm of the tissue's modulus between its correction points.  One that rigorous bounds
leave within 2 % of the estimate is not solved.  Tests: tests/unit/test_hemipelvis.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64
from osteoplan.knowledge.materials import modulus_law
from osteoplan.knowledge.values import known
from osteoplan.mechanics.uncertainty.draws import FILL_TOLERANCE, Surrogate
from osteoplan.mechanics.uncertainty.samples import ParameterSample, modulus, stiffness_bounds

__all__ = ["CorrectionPoints", "correction_points"]


@dataclass(frozen=True, eq=False)
class CorrectionPoints:
    """Factors on the estimate, by law, at each modulus of soft tissue; ``solved`` counts the solves."""

    soft_MPa: tuple[float, ...]
    factors: Mapping[str, tuple[float, ...]]
    solved: int

    def factor(self, sample: ParameterSample) -> float:
        """Of one sample; 1 where nothing was solved for it."""
        if not self.factors:
            return 1.0
        return float(np.interp(np.log(sample.lytic_MPa), np.log(self.soft_MPa), self.factors[sample.law.id]))


def correction_points(
    state: Surrogate, central: ParameterSample, laws: Sequence[str], energies: Callable[[F64], F64]
) -> CorrectionPoints:
    """Solve the correction points of a state.

    Args:
        state: solved in the sample ``central``.
        laws: ids of the density laws; none: the estimate stands as it is.
        energies: element energies of a modulus field, solved anew.
    """
    soft = tuple(sorted({*known("bone.lytic_tissue_modulus").range, central.lytic_MPa}))
    rows: dict[str, tuple[float, ...]] = {}
    solved = 0
    for law in laws:
        row: list[float] = []
        for softness in soft:
            # without soft tissue in the bone one correction point of a law stands for all
            if row and not state.tissue.replaced.any():
                row.append(row[0])
                continue
            sample = replace(central, law=modulus_law(law), lytic_MPa=softness)
            factor = _factor(state, sample, energies)
            solved += factor is not None
            row.append(1.0 if factor is None else factor)
        rows[law] = tuple(row)
    return CorrectionPoints(soft, rows, solved)


def _factor(state: Surrogate, sample: ParameterSample, energies: Callable[[F64], F64]) -> float | None:
    """True over estimated stiffness; None where the bounds say that they are as good as equal."""
    E = modulus(state.tissue, sample)
    low, high = stiffness_bounds(state.E, state.s, E)
    if high <= (1.0 + FILL_TOLERANCE) * low:
        return None
    return float((E * energies(E)).sum()) / state.stiffness_in(sample)
