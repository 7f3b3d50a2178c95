"""An ablation and a stabilisation as one plan: ablate, then fix, then cement.

Nothing is proposed here: the acts of two plans are put into one order (``order/acts.yaml``).  A cannula of
the ablation that stands on the axis of a needle of the stabilisation stays for the cement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from osteoplan.model.plan import Deliver, Inject, Measure, Place, Plan, Remove, Step, Wait, short_of
from osteoplan.techniques.estimates import nearest_of

__all__ = ["COOLING", "joined", "needles_of"]

SAME_MM = 1.0  # two needles are one where no end lies farther from the other's axis
COOLING = "cooling"


def needles_of(plan: Plan) -> tuple[Place, ...]:
    """What a plan injects through and takes out again."""
    return tuple(act for _, act in _needles(plan))


def joined(technique: str, ablation: Plan, stabilisation: Plan) -> Plan:
    """One plan of both, for the combination of that id.

    All of the ablation comes first, a thaw included; then the stabilisation in its own order, screws before
    cement.  After heat the first cement waits until it has gone.
    """
    one = _one_way(ablation, stabilisation)  # order of a needle's step -> order of its cannula's
    kept = {n: step for n, step in enumerate(stabilisation.steps) if step.order not in one}
    cannulas = {step.order: step for step in ablation.steps}
    needles = {step.order: step for step in stabilisation.steps}
    stays = [_what(cannulas[order].act) for order in one.values()]
    first: list[Step] = []
    for step in ablation.steps:
        if isinstance(step.act, Remove) and step.act.what in stays:
            stays.remove(step.act.what)
        else:
            first.append(step)
    delivered = [step.act for step in ablation.steps if isinstance(step.act, Deliver)]
    hot = any(act.source != "cold" for act in delivered)
    probes = sum(len(act.tips_mm) for act in delivered)
    deep = {c: _deeper(cannulas[c], needles[n]) for n, c in one.items()}
    back = [_back_mm(deep[c].act, needles[n].act) for n, c in one.items()]
    rest: list[Step] = []
    for step in kept.values():
        if isinstance(step.act, Inject) and max(back, default=0.0) > SAME_MM:
            far = " and ".join(f"{mm:.0f} mm" for mm in back)
            why = "the probe went deeper than the cement is to begin"
            rest.append(Step(0, Measure(f"CT: cannula drawn back {far} for the cement"), why=why))
            back = []
        if isinstance(step.act, Inject) and hot:
            why = "until the heat has gone: that of the cement must not add to it at the canal or a nerve"
            rest.append(Step(0, Wait(COOLING), why=why))
            hot = False
        rest.append(_taken_out(step, [(needles[n].act, cannulas[c].act) for n, c in one.items()]))
    approach = [*ablation.approach.split("; "), *stabilisation.approach.split("; ")]
    uses = [*ablation.uses, *stabilisation.uses, ablation.technique, stabilisation.technique]
    again = tuple(f", {_named(needles[n])}" for n in one)  # ends of the targets of what is told already
    return replace(
        stabilisation,
        id=f"{technique}_{ablation.technique}_{stabilisation.id}" + (f"_{probes}" if probes > 1 else ""),
        technique=technique,
        title=f"{ablation.title}, then {stabilisation.title}",
        steps=_renumbered([deep.get(step.order, step) for step in first], rest),
        approach="; ".join(dict.fromkeys(approach)),
        uses=tuple(dict.fromkeys(uses)),
        clearances=(
            *ablation.clearances,
            *(e for e in stabilisation.clearances if not e.target.endswith(again)),
        ),
        remarks=(*ablation.remarks, *stabilisation.remarks),
        gaps=nearest_of((*ablation.gaps, *stabilisation.gaps)),
        short_title=_short(ablation, stabilisation, probes),
    )


def _needles(plan: Plan) -> tuple[tuple[Step, Place], ...]:
    """Steps that place what a plan injects through and takes out again."""
    at = [step.act.at_mm for step in plan.steps if isinstance(step.act, Inject)]
    return tuple(
        (step, step.act)
        for step in plan.steps
        if isinstance(step.act, Place)
        and not step.act.stays
        and any(np.linalg.norm(np.subtract(point, step.act.target_mm)) <= SAME_MM for point in at)
    )


def _one_way(ablation: Plan, stabilisation: Plan) -> dict[int, int]:
    """Order of a needle's step -> order of the step of the ablation's cannula on the same axis."""
    found: dict[int, int] = {}
    for needle, place in _needles(stabilisation):
        for cannula in ablation.steps:
            if (
                isinstance(cannula.act, Place)
                and cannula.order not in found.values()
                and max(_off_mm(place, cannula.act), _off_mm(cannula.act, place)) <= SAME_MM
            ):
                found[needle.order] = cannula.order
                break
    return found


def _off_mm(place: Place, other: Place) -> float:
    """The farther end of one from the axis of the other."""
    entry, tip = np.array(other.entry_mm), np.array(other.target_mm)
    axis = (tip - entry) / np.linalg.norm(tip - entry)
    away = np.array([place.entry_mm, place.target_mm]) - entry
    return float(np.linalg.norm(away - (away @ axis)[:, None] * axis, axis=1).max())


def _deeper(cannula: Step, needle: Step) -> Step:
    """The cannula, as deep as either needs it."""
    assert isinstance(cannula.act, Place)
    assert isinstance(needle.act, Place)
    depth = [
        float(np.linalg.norm(np.subtract(one.target_mm, cannula.act.entry_mm)))
        for one in (cannula.act, needle.act)
    ]
    target = needle.act.target_mm if depth[1] > depth[0] else cannula.act.target_mm
    why = f"{cannula.why}; for the probe first, then for the cement"
    return replace(cannula, act=replace(cannula.act, target_mm=target), why=why)


def _back_mm(cannula: object, needle: object) -> float:
    """How far a cannula goes beyond the tip of the needle that it stands for."""
    assert isinstance(cannula, Place)
    assert isinstance(needle, Place)
    return float(np.linalg.norm(np.subtract(cannula.target_mm, needle.target_mm)))


def _what(act: object) -> str:
    """As a placed cannula is called where it comes out."""
    assert isinstance(act, Place)
    return f"{act.device}, {act.through}"


def _taken_out(step: Step, one: Sequence[tuple[object, object]]) -> Step:
    """A step that takes out a needle takes out the cannula that stands for it."""
    for needle, cannula in one:
        if isinstance(step.act, Remove) and isinstance(needle, Place) and isinstance(cannula, Place):
            side = needle.through.rpartition("_")[2]
            if step.act.what in (_what(needle), f"{needle.device}, {side}"):
                return replace(step, act=Remove(_what(cannula)))
    return step


def _named(needle: Step) -> str:
    """The name of a needle's way, as its estimates have it: the first clause of its reason."""
    return needle.why.partition(";")[0]


def _renumbered(first: Sequence[Step], rest: Sequence[Step]) -> tuple[Step, ...]:
    """Steps from 1, with the ways of the probes of the first ones under their new numbers."""
    new = {step.order: n for n, step in enumerate(first, start=1)}
    found: list[Step] = []
    for n, step in enumerate((*first, *rest), start=1):
        act = step.act
        if isinstance(act, Deliver):
            act = replace(act, access=tuple(new[order] for order in act.access))
        found.append(replace(step, order=n, act=act))
    return tuple(found)


def _short(ablation: Plan, stabilisation: Plan, probes: int) -> str:
    """``microwave + cement, left pedicle``; of several probes how many."""
    how = ablation.short_title.partition(",")[0] + (f" ×{probes}" if probes > 1 else "")
    what = stabilisation.short_title.replace("vertebroplasty", "cement").replace("sacroplasty", "cement")
    return short_of(f"{how} + {what}", f"{how} + {what.partition(',')[0]}")
