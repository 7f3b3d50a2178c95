"""The way that forgives most: chosen by how often a strayed device breaches, not only by the nominal gap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from osteoplan.errors import BadInput
from osteoplan.knowledge.guidance import Guidance
from osteoplan.model.way import Way
from osteoplan.trajectory.errors import astray
from osteoplan.trajectory.strays import Placement
from osteoplan.trajectory.surroundings import Surroundings

__all__ = ["breach_probabilities", "most_robust", "steadiest"]

F64 = npt.NDArray[np.float64]

DRAWS = 200  # for a choice among many; the chosen way gets a full budget


def most_robust(ways: Sequence[Way]) -> tuple[Way, ...]:
    """Ways that fit, by probability of any breach, least first; ties by the nearest gap, then by id.

    Every structure counts alike.  A way without a budget comes after those that have one.
    """
    return tuple(sorted((way for way in ways if way.ok), key=_order))


def breach_probabilities(
    around: Surroundings, way: Way, entries_mm: F64, targets_mm: F64, guidance: Guidance, *,
    draws: int = DRAWS, seed: int = 0,
) -> F64:  # fmt: skip
    """(n,) probability of any breach of n neighbours of a way, (n, 3) each from entry to target.

    Every candidate meets the same draws, so that small differences are differences of the ways.

    Raises:
        BadInput: the way has no diameter, or an axis no length.
    """
    error = Placement(guidance.lateral_sd_mm, guidance.angle_sd_deg, draws)
    return astray(around, way, entries_mm, targets_mm, error, seed=seed).any


def steadiest(
    around: Surroundings, way: Way, entries_mm: F64, targets_mm: F64, guidance: Guidance, *,
    draws: int = DRAWS, seed: int = 0,
) -> tuple[int, F64]:  # fmt: skip
    """Index of the candidate that breaches least, and the probabilities of all; of equals the first.

    Put the candidates in order of preference: the nominal best first.

    Raises:
        BadInput: no candidate; or as ``breach_probabilities``.
    """
    if not len(entries_mm):
        raise BadInput(f"{way.id}: no candidate to choose from")
    found = breach_probabilities(around, way, entries_mm, targets_mm, guidance, draws=draws, seed=seed)
    return int(np.argmin(found)), found


def _order(way: Way) -> tuple[bool, float, float, str]:
    breach = way.budget.breach["any"] if way.budget is not None else 0.0
    nearest = min((gap.gap_mm for gap in way.gaps), default=np.inf)
    return way.budget is None, breach, -nearest, way.id
