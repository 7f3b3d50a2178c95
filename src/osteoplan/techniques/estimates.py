"""What a trajectory tells about a plan: how close it passes, how long it is, how often it breaches."""

from __future__ import annotations

from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.trajectory import Trajectory

__all__ = ["way_estimates"]


def way_estimates(
    way: Trajectory | None, name: str, breach: float | None, ensemble: Ensemble, *, wall: bool = True
) -> list[Estimate]:
    """Gaps of a trajectory, and the probability of a breach where it was worked out; nothing without one.

    Args:
        name: of the device in the way, in words.
        breach: probability of any breach; draws are those of the way's budget.
        wall: tell the bone around the device too.
    """
    found, budget = [], None if way is None else way.budget
    for gap in () if way is None else way.gaps:
        if gap.kind == "wall" and not wall:
            continue
        id = "wall_depth_mm" if gap.kind == "wall" else "clearance_mm"
        thing = gap.structure.replace("_", " ")
        draws = None if budget is None else budget.gap_draws_mm.get(gap.kind)
        found.append(Estimate.of_geometry(id, f"{thing}, {name}", gap.gap_mm, "mm", ensemble, draws=draws))
    if way is not None and "length_mm" in way.measures and way.kind == "needle":
        length = way.measures["length_mm"]
        found.append(Estimate.of_geometry("path_length_mm", f"skin to tip, {name}", length, "mm", ensemble))
    if breach is not None:
        draws = None if budget is None else budget.breached
        found.append(
            Estimate.of_geometry("breach_probability", f"any, {name}", breach, "1", ensemble, draws=draws)
        )
    return found
