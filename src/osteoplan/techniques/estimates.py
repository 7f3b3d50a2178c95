"""What a trajectory tells about a plan: how close it passes, how long it is, how often it breaches."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.trajectory import ErrorBudget, Gap, Trajectory

__all__ = ["breach_of", "nearest_gaps", "nearest_of", "way_estimates"]


def way_estimates(
    way: Trajectory | None, name: str, breach: float | None, ensemble: Ensemble
) -> list[Estimate]:
    """Gaps of a trajectory, and the probability of a breach where it was worked out; nothing without one.

    Args:
        name: of the device in the way, in words.
        breach: probability of any breach; draws are those of the way's budget.
    """
    found, budget = [], None if way is None else way.budget
    because = ("geometry of the plan",) if budget is None else (_error_words(budget),)
    for gap in () if way is None else way.gaps:
        id = "wall_depth_mm" if gap.kind == "wall" else "clearance_mm"
        thing = gap.structure.replace("_", " ")
        draws = None if budget is None else budget.gap_draws_mm.get(gap.kind)
        target = f"{thing}, {name}"
        if draws is None:
            found.append(Estimate.of_geometry(id, target, gap.gap_mm, "mm", ensemble))
        else:
            found.append(
                Estimate.from_draws(
                    id, target, value=gap.gap_mm, draws=draws, unit="mm", because=because,
                    status="design_default", ensemble=ensemble,
                )
            )  # fmt: skip
    if way is not None and "length_mm" in way.measures and way.kind == "needle":
        length = way.measures["length_mm"]
        found.append(Estimate.of_geometry("path_length_mm", f"skin to tip, {name}", length, "mm", ensemble))
        if draws is not None and (share := float(np.mean(draws < 0))) > 0.0:
            what = f"{'bone' if gap.kind == 'wall' else thing}, {name}"
            found.append(
                Estimate.of_geometry(
                    "breach_probability", what, share, "1", ensemble, draws=draws < 0, because=because,
                    status="design_default",
                )
            )  # fmt: skip
    if breach is not None:
        draws = None if budget is None else budget.breached
        found.append(
            Estimate.of_geometry(
                "breach_probability", f"any, {name}", breach, "1", ensemble, draws=draws, because=because,
                status="design_default",
            )
        )  # fmt: skip
    return found


def _error_words(budget: ErrorBudget) -> str:
    """Whose hand strays by how much, in words."""
    return (
        f"{budget.guidance.replace('_', ' ')}, a hand that strays {budget.lateral_sd_mm:.1f} mm and "
        f"{budget.angle_sd_deg:.1f} deg (sd) uncorrected, {budget.draws} draws"
    )


def breach_of(ways: Iterable[Trajectory]) -> float:
    """Probability that one device or more breaches anything, strays being independent; 1 where unknown."""
    free = 1.0
    for way in ways:
        free *= 1.0 - (1.0 if way.budget is None else way.budget.breach["any"])
    return 1.0 - free


def nearest_gaps(ways: Iterable[Trajectory]) -> tuple[Gap, ...]:
    """The nearest structure of each kind over all devices of a plan, the nearest of all first."""
    return nearest_of(gap for way in ways for gap in way.gaps)


def nearest_of(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """The nearest of each kind, the nearest of all first."""
    nearest: dict[str, Gap] = {}
    for gap in sorted(gaps, key=lambda gap: gap.gap_mm):
        nearest.setdefault(gap.kind, gap)
    return tuple(nearest.values())
