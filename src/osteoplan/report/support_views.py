"""The section that shows how the bone was held and loaded, with what came out beside each picture."""

from __future__ import annotations

from osteoplan.model.result import PlanResult
from osteoplan.report.option_views import WITHHELD, told
from osteoplan.report.support_parts import SupportView
from osteoplan.report.support_pictures import support_lines, support_uri
from osteoplan.report.words import Value, absolute

__all__ = ["support_views"]


def support_views(result: PlanResult) -> tuple[SupportView, ...]:
    """Every load case that was run, the one that ranks first."""
    return tuple(
        SupportView(
            one.title,
            support_uri(result.reading.anatomy, one),
            support_lines(one),
            _outcomes(result, one.title),
        )
        for one in result.simulations.supports
    )


def _outcomes(result: PlanResult, title: str) -> tuple[tuple[str, Value], ...]:
    """Of the bone now, shares of intact first; a ratio to a load of life says which load."""
    found = []
    for estimate in sorted(result.simulations.now, key=lambda one: one.unit != "%"):
        case, _, load = estimate.target.partition(": ")
        if case != title:
            continue
        name = ", ".join(filter(None, (result.wordings.outcomes[estimate.id].title, load)))
        hidden = absolute(estimate) and not result.reading.anatomy.calibration.calibrated
        found.append((name, Value("", note=WITHHELD) if hidden else told(result, estimate)))
    return tuple(found)
