"""Why nothing of a technique is simulated in a plan: one sentence for each of the comparison set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from osteoplan.knowledge.sites import label_of
from osteoplan.knowledge.techniques import unsimulated
from osteoplan.model.plan import Option
from osteoplan.model.result import Explanation
from osteoplan.techniques.registry import techniques

__all__ = ["with_reasons"]

NO_WAY = "no way in fits, so there is nothing to simulate"
NOT_SEEN = "the scan stops short of its ways"
NO_STRENGTH = "its ways are planned, but the strength of this bone is not modelled"


def with_reasons(explained: Explanation, options: Sequence[Option], bone: str) -> Explanation:
    """The explanation whose recommendations say why nothing of them was simulated, where nothing was.

    Args:
        options: after they were simulated.
    """
    own: dict[str, list[Option]] = {}
    for option in options:
        own.setdefault(option.plan.technique, []).append(option)
    return replace(
        explained,
        recommendations=tuple(
            replace(one, not_simulated=_why(one.technique, own.get(one.technique, []), bone))
            for one in explained.recommendations
        ),
    )


def _why(technique: str, options: Sequence[Option], bone: str) -> str:
    """The first reason that holds; empty where any option has a simulated outcome."""
    if any(outcome.basis == "simulated" for option in options for outcome in option.outcomes):
        return ""
    known = techniques().get(technique)
    if not any(option.kind == "plan" for option in options) and (known is None or known.kind == "comparator"):
        return unsimulated(technique, planned=False)
    kind = label_of(bone).split("_")[0]
    if not options or kind not in getattr(known, "bones", (kind,)):
        return unsimulated(technique, planned=True)
    broken = [option for option in options if option.status == "failed" and not option.not_judged]
    if broken:
        return f"its simulation failed: {broken[0].reasons[-1].text}"
    if all(option.not_judged or option.status == "infeasible" for option in options):
        return NOT_SEEN if any(option.not_judged for option in options) else NO_WAY
    return NO_STRENGTH
