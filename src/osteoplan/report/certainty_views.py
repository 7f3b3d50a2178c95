"""How sure it is: options against each other, one input at a time, and the bone as a beam."""

from __future__ import annotations

from osteoplan.model.result import PlanResult
from osteoplan.model.rigidity import Rigidity
from osteoplan.report.certainty_charts import rigidity_chart, tornado_chart
from osteoplan.report.certainty_parts import CertaintyView, ChartView, PairView, RigidityView
from osteoplan.report.option_views import mark_of, told
from osteoplan.report.words import Value, signed_points

__all__ = ["certainty_view"]


def certainty_view(result: PlanResult) -> CertaintyView:
    """Everything that the section shows."""
    return CertaintyView(result.comparison.ranked_word, _pairs(result), _tornadoes(result), _rigidity(result))


def _pairs(result: PlanResult) -> tuple[PairView, ...]:
    names = {o.id: f"{mark_of(result, o)} {o.plan.title}" for o in result.simulations.options}
    found = []
    for pair in (*result.comparison.between, *result.comparison.differences):
        value = signed_points(pair.estimate)
        note = "" if pair.supported else "not told apart"
        gap = Value(value.text, value.interval, value.tag, note, grey=not pair.supported)
        found.append(PairView(names[pair.option], names[pair.reference], gap))
    return tuple(found)


def _tornadoes(result: PlanResult) -> tuple[ChartView, ...]:
    return tuple(
        ChartView(
            tornado.title,
            tornado_chart(tornado),
            "widest first: "
            + "; ".join(f"{bar.title} {bar.low:.1f} to {bar.high:.1f}" for bar in tornado.bars[:3]),
        )
        for tornado in result.tornadoes
    )


def _rigidity(result: PlanResult) -> tuple[RigidityView, ...]:
    return tuple(
        RigidityView(
            part.now.stretch,
            tuple(
                (
                    result.wordings.outcomes[e.id].title,
                    told(result, e),
                    "; ".join(why for why in e.because if why not in _shared(part)),
                )
                for e in part.outcomes
            ),
            _shared(part),
            ChartView(
                part.now.stretch, rigidity_chart(part), "rigidity that each section keeps of the intact bone"
            ),
        )
        for part in result.rigidity
    )


def _shared(part: Rigidity) -> tuple[str, ...]:
    """What is said of every loss alike."""
    first, *rest = (e.because for e in part.outcomes)
    return tuple(why for why in dict.fromkeys(first) if all(why in others for others in rest))
