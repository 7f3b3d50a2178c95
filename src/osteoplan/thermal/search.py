"""Power and time that reach the margin within the limits, on the search model.

One run for each power tells every shorter time at once: at every look, how much of the lesion's surface has
the margin, and which structure of canal, roots, skin, joint or bowel first left its limits.  The answer is

    the shortest time at which 95 % of the surface has the margin while every limit holds, else
    the longest time within the limits, with the limit that binds and what margin is reached by then

Of cold the freezes are shortened together, the thaw stays.  Nothing here is told of a plan but the protocol:
the plan is simulated anew with it, on the full model and with the heat that still spreads afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.kernels.bioheat import Bioheat
from osteoplan.knowledge.applicators import Applicator
from osteoplan.knowledge.heat_limits import LethalCriterion, lethal_criteria
from osteoplan.knowledge.values import number
from osteoplan.model.effects import Layer, Source
from osteoplan.model.plan import Segment
from osteoplan.thermal.at_risk import NERVES, AtRisk
from osteoplan.thermal.heat_plan import HeatPlan
from osteoplan.thermal.lethal import lethal_field
from osteoplan.thermal.margins import margins_of
from osteoplan.thermal.shaft import probe_of
from osteoplan.trajectory.surroundings import Surroundings

__all__ = ["FoundProtocol", "find_protocol", "margin_wanted"]

SEARCH_MM = 2.0
LOOK_S = 30.0  # between two judgements of the margin
LEAST_S = 60.0  # a delivery lasts at least that long
COVERED_PCT = 95.0  # of the lesion's surface that is to have the margin
SPARE_K = 1.0  # below a limit: heat spreads on after the end, and the search model is coarse


@dataclass(frozen=True)
class FoundProtocol:
    """What the search chose.

    Attributes:
        segments: of the delivery.
        reached: whether the margin was reached within the limits.
        surface_pct: share of the lesion's surface that has the margin by then.
        binds: the structure whose limit binds, in words; empty where none does.
        needs: what it would come to where the margin was reached all the same, in words.
        criterion: by which the margin was judged.
    """

    segments: tuple[Segment, ...]
    reached: bool
    surface_pct: float
    margin_mm: float
    criterion: str
    binds: str = ""
    needs: str = ""

    @property
    def told(self) -> str:
        """In a sentence."""
        share = min(self.surface_pct, 99.0)  # cubes of 2 mm do not tell a whole surface
        so_far = (
            f"by {self.criterion} {share:.0f} % of the lesion's surface has {self.margin_mm:g} mm "
            "(search model)"
        )
        if self.reached:
            return f"power and time chosen so that the margin is reached: {so_far}"
        why = f"; {self.binds}" if self.binds else "; more power or time reaches no more"
        why += f"; {self.needs}" if self.needs else ""
        return f"the margin is not reached within the limits: {so_far}{why}"


def find_protocol(
    around: Surroundings, source: Source, layers: Sequence[Layer] = (), *, margin_mm: float,
) -> FoundProtocol:  # fmt: skip
    """Power and time of one source, whose probes stay where they are.

    Raises:
        BadInput: a probe that cannot act there.
    """
    one = probe_of(source)
    criterion = lethal_criteria(cold=one.energy == "cold")[0]
    tried = [
        _Trial(
            around, replace(source, segments=segments), tuple(layers), criterion, margin_mm,
            beyond=segments == source.segments,
        ).run()
        for segments in _candidates(one, source.segments)
    ]  # fmt: skip
    within = [trial for trial in tried if trial.reached]
    if within:
        return min(within, key=lambda trial: sum(s.duration_s for s in trial.segments))
    # a freeze that is cut off is no freeze-thaw-freeze: one that runs to its end comes first
    whole = [trial for trial in tried if not trial.binds] if one.energy == "cold" else []
    best = max(whole or tried, key=lambda trial: trial.surface_pct)
    bound = next((trial for trial in tried if trial.binds), best)
    needs = next((trial.needs for trial in tried if trial.needs), "")
    return replace(best, binds=best.binds or bound.binds, needs=needs)


def _candidates(one: Applicator, segments: tuple[Segment, ...]) -> list[tuple[Segment, ...]]:
    """Protocols to try: powers within the device's range; of cold, shorter freezes."""
    if one.energy == "cold":
        return [
            tuple(s if s.passive else replace(s, duration_s=share * s.duration_s) for s in segments)
            for share in (1.0, 0.7, 0.5, 0.35, 0.2)
        ]
    if one.power_W is None or one.power_W.low is None or one.power_W.high is None:
        return [segments]
    stated = one.power_W.number
    if one.set_degC is not None:  # the generator holds a temperature: its power is no choice
        return [segments]
    powers = {max(one.power_W.low, min(share * stated, one.power_W.high)) for share in (0.5, 1.0, 1.5)}
    return [
        tuple(s if s.passive else replace(s, power_W=power) for s in segments) for power in sorted(powers)
    ]


@dataclass(eq=False)
class _Trial:
    """One run of the search model, and the best time in it."""

    around: Surroundings
    source: Source
    layers: tuple[Layer, ...]
    criterion: LethalCriterion
    margin_mm: float
    beyond: bool = False  # go on beyond the limit that binds, to say what the margin would take

    def run(self) -> FoundProtocol:
        plan = HeatPlan(self.around, (self.source,), self.layers, None)
        plan.require_possible()
        self.plan, self.risks = plan, plan.risks(SEARCH_MM)
        here = plan.scene(SEARCH_MM)
        self.grid, self.lesion = here.grid, here.grid.with_array(here.lesion, "mask")
        self.last = (0, 0.0)  # segment and seconds into it up to which all limits held
        self.share, self.binds, self.done, self.needs = 0.0, "", False, ""
        self.bound: AtRisk | None = None
        self.next_look = LOOK_S
        plan.run(SEARCH_MM, canal="csf", checkpoint=self._judge, tail=False)
        return FoundProtocol(
            self._cut(), self.done, self.share, self.margin_mm, self.criterion.title, self.binds, self.needs
        )

    def _judge(self, segment: int, into_s: float, heat: Bioheat) -> bool:
        """True where there is no use in going on."""
        if not self.binds:
            self.binds = self._bound(heat)
            if not self.binds:
                self.last = (segment, into_s)
            elif self.plan.cold or not self.beyond:
                self.done = False  # cold that passes a limit while it thaws has passed it
                return True
        if heat.time_s + 1e-6 >= self.next_look:
            self.next_look += LOOK_S
            dead = lethal_field(
                self.criterion,
                heat.T_max,
                heat.T_min,
                heat.cem43,
                dict(zip(heat.sets, heat.omega, strict=True)),
            )
            found = margins_of(dead, self.grid, self.lesion, self.plan.surface_mm)
            share = 100.0 * float(np.mean(found.margin_mm >= self.margin_mm))
            enough = share >= COVERED_PCT and heat.time_s >= LEAST_S
            if not self.binds:
                self.share, self.done = share, enough
            elif enough and self.bound is not None:
                hottest = float(heat.T_max[self.bound.mask].max())
                self.needs = (
                    f"where the margin is reached, after {heat.time_s / 60.0:.0f} min, "
                    f"{self.bound.name.replace('_', ' ')} has come to {hottest:.0f} degC"
                )
            return enough and (segment == len(self.source.segments) - 1 or not self.plan.cold)
        return False

    def _bound(self, heat: Bioheat) -> str:
        """The structure that has just left its limits."""
        worst, said = 0.0, ""
        for risk in self.risks:
            over, words = _over(risk, heat)
            if over > worst:
                worst, said, self.bound = over, words, risk
        return said

    def _cut(self) -> tuple[Segment, ...]:
        """The segments up to the last moment at which all limits held."""
        at, into = self.last
        kept = [*self.source.segments[:at]]
        if into > 0.0:
            kept.append(replace(self.source.segments[at], duration_s=max(round(into / 5.0) * 5.0, 5.0)))
        while len(kept) > 1 and kept[-1].passive:
            kept.pop()
        return tuple(kept) or (replace(self.source.segments[0], duration_s=5.0),)


def _over(risk: AtRisk, heat: Bioheat) -> tuple[float, str]:
    """By how many kelvin (or doublings of the dose) a structure is beyond its limits, and in words."""
    limit, name = risk.limit, risk.name.replace("_", " ")
    T = heat.T[risk.mask]
    spare = SPARE_K if risk.kind in NERVES else 0.0
    if limit.high_degC is not None and (over := float(T.max()) - (limit.high_degC.number - spare)) > 0.0:
        return over, f"{name} would pass its {limit.high_degC.number:g} degC"
    if limit.low_degC is not None and (over := limit.low_degC.number + spare - float(T.min())) > 0.0:
        return over, f"{name} would fall below its {limit.low_degC.number:g} degC"
    dose = float(heat.cem43[risk.mask].max())
    if limit.cem43_min is not None and dose > limit.cem43_min.number:
        return (
            1.0,
            f"{name} would take more than its {limit.cem43_min.number:g} equivalent minutes at 43 degC",
        )
    return 0.0, ""


def margin_wanted(curative: bool) -> float:
    """Margin [mm] by the aim of the treatment."""
    return number(f"placement.margin_{'curative' if curative else 'palliative'}_mm")
