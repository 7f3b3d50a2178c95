"""What is called dead, by each criterion apart: models of damage disagree, and are never mixed in one number.

A criterion is a smooth field s, positive where tissue is dead; its isosurface s = 0 is found below the edge
of a cube.  Doses grow exponentially with temperature, so their logarithms are taken:

    heat     CEM43 of 240 min       log2(CEM43 / 240 min)
             60 degC                T_max - 60 degC
             Arrhenius integrals    ln(omega), 1 is dead (63 % of cells)
    cold     -20, -40 degC          -20 degC - T_min, -40 degC - T_min

Which ones there are, with their sources: ``data/heat_limits``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from osteoplan.arrays import F32, Real
from osteoplan.knowledge.heat_limits import LethalCriterion, lethal_criteria
from osteoplan.thermal.run import HeatRun

__all__ = ["lethal_field", "lethal_fields"]

_LEAST = 1e-9  # of a dose, so that its logarithm is a number where nothing was warmed


def lethal_fields(run: HeatRun, *, cold: bool) -> Mapping[str, F32]:
    """Title of each criterion of heat (or cold) -> (ni, nj, nk), positive where it calls tissue dead."""
    return {
        one.title: lethal_field(one, run.T_max, run.T_min, run.cem43, run.omega)
        for one in lethal_criteria(cold=cold)
    }


def lethal_field(
    one: LethalCriterion, T_max: Real, T_min: Real, cem43: Real, omega: Mapping[str, Real]
) -> F32:
    """(ni, nj, nk) of one criterion, positive where it calls tissue dead."""
    level = one.level.number
    match one.kind:
        case "CEM43":
            found = np.log2(np.maximum(cem43, _LEAST) / level)
        case "Arrhenius":
            found = np.log(np.maximum(omega[one.set], _LEAST) / level)
        case "above":
            found = T_max - level
        case _:
            found = level - T_min
    return found.astype(np.float32)
