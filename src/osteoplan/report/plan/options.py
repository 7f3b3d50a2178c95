"""Everything on one option, behind the first page: status, steps, clearances, outcomes, monograph."""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import Point
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Act, Deliver, Expand, Inject, Measure, Option, Place, Remove, Sample, Wait
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.pictures import Picture
from osteoplan.report.plan.nouns import Followed, OptionDetail, OutcomeView, cites
from osteoplan.report.plan.rows import told
from osteoplan.report.words import Value, absolute, joined, name_of, number, way_words

__all__ = ["act_words", "details", "followed"]

WITHHELD = "withheld: uncalibrated"
_STATUS = {
    "ranked": "can be done", "excluded_by_rule": "not here", "refer_elsewhere": "refer elsewhere",
    "infeasible": "no way in", "exceeds_limit": "exceeds a limit", "failed": "simulation failed",
    "comparator": "other treatment",
}  # fmt: skip


def details(result: PlanResult) -> tuple[OptionDetail, ...]:
    """Every option; a technique's monograph stands beside the first option that uses it."""
    cards = dict(result.wordings.cards)
    return tuple(
        OptionDetail(
            option=option,
            anchor=f"option-{option.id}",
            status=_STATUS[option.status],
            reasons=tuple(
                f"{reason.text} [{reason.rule.replace('_', ' ')}]" if reason.rule else reason.text
                for reason in option.reasons
            ),
            clearances=tuple(_outcome(result, estimate) for estimate in option.plan.clearances),
            clearances_because=tuple(dict.fromkeys(why for e in option.plan.clearances for why in e.because)),
            outcomes=tuple(_outcome(result, estimate) for estimate in option.outcomes),
            card=cards.pop(option.plan.technique, None),
        )
        for option in result.simulations.options
    )


def followed(result: PlanResult, option: Option, pictures: tuple[Picture, ...]) -> Followed:
    """A way as it is walked: its steps, and what is near it."""
    near = [
        f"{e.target}: {joined(told(result, e))}" + (" breach" if e.id == "breach_probability" else "")
        for e in option.plan.clearances
        if e.id in ("clearance_mm", "breach_probability")
    ]
    steps = tuple(act_words(step.act) for step in option.plan.steps)
    return Followed(option.plan.title, pictures, steps, tuple(near))


def act_words(act: Act) -> str:
    """An act as a sentence; every act has one."""
    match act:
        case Place():
            length = float(np.linalg.norm(np.subtract(act.target_mm, act.entry_mm)))
            way = f" {way_words(act.through)}" if act.through else ""
            long = "" if act.length_mm is None else f", {number(act.length_mm, 'mm')} long"
            stays = f"{long}, it stays in" if act.stays else long
            return (
                f"place {name_of(act.device)}{way}: entry {_point(act.entry_mm)}, "
                f"tip {_point(act.target_mm)}, {length:.0f} mm from entry to tip{stays}"
            )
        case Remove():
            return f"remove {name_of(act.what)}"
        case Expand():
            return f"expand {name_of(act.device)} to {number(act.volume_mL, 'mL')} at {_point(act.at_mm)}"
        case Deliver():
            power = "" if act.power_W is None else f" at {number(act.power_W, 'W')}"
            time = number(act.duration_s, "s")
            return f"deliver {name_of(act.source)}{power} for {time} at {_point(act.at_mm)}"
        case Inject():
            return f"inject {number(act.volume_mL, 'mL')} {name_of(act.agent)} at {_point(act.at_mm)}"
        case Wait():
            minutes = "" if act.minutes is None else f", {number(act.minutes, 'min')}"
            return f"wait: {name_of(act.for_what)}{minutes}"
        case Sample():
            return f"sample with {name_of(act.device)} at {_point(act.at_mm)}"
        case Measure():
            place = "" if act.at_mm is None else f" at {_point(act.at_mm)}"
            return f"measure: {name_of(act.what)}{place}"


def _point(point: Point) -> str:
    """LPS position with letters instead of signs, e.g. ``L 12.0 P 95.3 F 512.5``."""
    letters = (("L", "R"), ("P", "A"), ("H", "F"))
    return " ".join(
        f"{plus if value >= 0 else minus} {abs(value):.1f}"
        for value, (plus, minus) in zip(point, letters, strict=True)
    )


def _outcome(result: PlanResult, estimate: Estimate) -> OutcomeView:
    hidden = absolute(estimate) and not result.reading.anatomy.calibration.calibrated
    keys = {citation.key for citation in result.citations}
    return OutcomeView(
        name=result.wordings.outcomes[estimate.id].title,
        target=name_of(estimate.target),
        value=Value("", note=WITHHELD) if hidden else told(result, estimate),
        level=f"{100 * estimate.level:.0f} %" if estimate.low is not None else "",
        basis=estimate.basis,
        because=tuple(text for text in estimate.because if text not in keys),
        cites=cites(result, [text for text in estimate.because if text in keys]),
    )
