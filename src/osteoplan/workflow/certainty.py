"""How sure the answers are: one input at a time, and the bone as a beam beside the finite elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.values import number
from osteoplan.mechanics.beam.section_rigidity import cut, losses, section_tissue
from osteoplan.mechanics.beam.segments import segments
from osteoplan.mechanics.cases.registry import load_case
from osteoplan.mechanics.uncertainty.one_at_a_time import bars
from osteoplan.mechanics.uncertainty.samples import central_sample, parameter_samples
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.certainty import Rigidity, Tornado
from osteoplan.model.comparison import Comparison
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option
from osteoplan.workflow.settings import PlanSettings

__all__ = ["rigidity_of", "tornado_of", "tornadoes"]


def tornadoes(
    now: Sequence[Estimate], options: Sequence[Option], comparison: Comparison, resolution_pct: float
) -> tuple[Tornado, ...]:
    """Of what the lesion leaves of the intact bone, and of what the best option gains over untreated."""
    found = []
    left = next((e for e in now if e.id == comparison.ranked_by and e.one_at_a_time), None)
    if left is not None:
        found.append(tornado_of(left, "now, share of intact", resolution_pct))
    titles = {option.id: option.plan.title for option in options}
    for best in comparison.ranking[:1]:
        for gain in comparison.differences:
            if gain.option == best and gain.estimate.one_at_a_time:
                title = f"gain of {titles[best]} over {titles[gain.reference]}"
                made = tornado_of(gain.estimate, title, resolution_pct)
                found.append(replace(made, option=best, reference=gain.reference))
    return tuple(found)


def tornado_of(outcome: Estimate, title: str, resolution_pct: float) -> Tornado:
    """One tornado; the size of the elements stands in it with what the load case's mesh resolves."""
    ends = (outcome.value - resolution_pct, outcome.value + resolution_pct)
    with_mesh = replace(outcome, one_at_a_time={**outcome.one_at_a_time, "mesh": ends})
    return Tornado(title, "", "", outcome, bars(with_mesh))


def rigidity_of(anatomy: Anatomy, settings: PlanSettings) -> tuple[tuple[Rigidity, ...], tuple[str, ...]]:
    """(sections of every segment that holds some of the lesion, why others were left out).

    The laws are those of the load case that ranks, the samples those of its draws.
    """
    case = load_case(anatomy)
    if case is None:
        return (), ()
    laws = case.laws.use
    h = max(number("rigidity.section_mm"), settings.spacing_mm)
    central = central_sample(anatomy.calibration, laws[0])
    sampled = parameter_samples(anatomy.calibration, laws, settings.ensemble)
    found, left_out = [], []
    for segment in segments(anatomy):
        try:
            sections = cut(segment, h)
        except NotAvailable as why:
            left_out.append(str(why))
            continue
        intact, now = (section_tissue(sections, state) for state in ("intact", "now"))
        outcomes, whole, part = losses(sections, intact, now, central, sampled)
        found.append(Rigidity(outcomes, whole, part))
    return tuple(found), tuple(left_out)
