"""The appendix and what folds away: a result as the template asks for it, word by word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from osteoplan.arrays import Point
from osteoplan.model.boundary_summary import BoundarySummary
from osteoplan.model.choice import Candidate
from osteoplan.model.evidence import Effect, ScoreResult, Verdict
from osteoplan.model.outcome import Estimate
from osteoplan.model.outcome_table import NOTHING_COMPARABLE, OutcomeTable
from osteoplan.model.plan import Act, Deliver, Expand, Inject, Measure, Option, Place, Remove, Sample, Wait
from osteoplan.model.result import PlanResult
from osteoplan.report.facts_in_words import Labels, calibration_words
from osteoplan.report.plan.meeting import total_words
from osteoplan.report.plan.nouns import Cite
from osteoplan.report.plan.rows import chosen, in_order, load_link, told
from osteoplan.report.protocol import energy_words, source_words
from osteoplan.report.views import Line
from osteoplan.report.words import (
    Value,
    absolute,
    few_words,
    joined,
    name_of,
    number,
    signed_points,
    way_words,
)

__all__ = ["Appendix", "act_words", "bands"]

WITHHELD = "withheld: uncalibrated"
_WEIGHT: tuple[Effect, ...] = (
    "stop", "route", "exclude", "require", "prefer", "consider", "caution", "info",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Appendix:
    """A result, and what the template asks of it."""

    result: PlanResult

    @property
    def labels(self) -> Labels:
        """What facts are called."""
        return self.result.wordings.labels

    @cached_property
    def listed(self) -> tuple[Candidate, ...]:
        """The techniques of the first page."""
        return tuple(one for part in chosen(in_order(self.result)) for one in part)

    def value(self, estimate: Estimate) -> Value:
        """An outcome as it is printed; nothing absolute of an uncalibrated scan."""
        if absolute(estimate) and not self.result.reading.anatomy.calibration.calibrated:
            return Value("", note=WITHHELD)
        return told(self.result, estimate)

    def title(self, estimate: Estimate) -> str:
        """What an outcome is called; of a ratio to a load of life, which load."""
        load = estimate.target.partition(": ")[2]
        return ", ".join(filter(None, (self.result.wordings.outcomes[estimate.id].title, load)))

    def texts(self, estimate: Estimate) -> str:
        """What it rests on, without its sources."""
        return "; ".join(why for why in estimate.because if why not in self._numbers)

    def cites(self, keys: Iterable[str], *, all: bool = True) -> tuple[Cite, ...]:
        """Each key with its place in the list; of what is none only where all were asked for."""
        return tuple(Cite(key, self._numbers.get(key, 0)) for key in keys if all or key in self._numbers)

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {citation.key: n for n, citation in enumerate(self.result.citations, 1)}

    @property
    def printed_sources(self) -> frozenset[int]:
        """Numbers of the sources that stand on paper."""
        rows = [e.because for one in self.listed for e in one.published]
        rows += [verdict.cite for verdict in self.rules(True) if self.about(verdict)]
        return frozenset(c.number for keys in rows for c in self.cites(keys, all=False))

    @property
    def loads(self) -> Mapping[str, BoundarySummary | None]:
        """Every load case that an outcome is of, with how it held and loaded the bone where that was kept."""
        told = {one.title: one for one in self.result.simulations.boundary_summaries}
        by = self.result.comparison.ranked_by
        own = [
            *self.result.simulations.now,
            *(e for o in self.result.simulations.options for e in o.outcomes),
        ]
        names = {load_link(e.target): e.target.partition(": ")[0] for e in own if e.id == by}
        others = {name: None for link, name in names.items() if link not in map(load_link, told)}
        return {**told, **others}

    def now(self, load_case: str) -> tuple[Estimate, ...]:
        """Of the bone before treatment in one load case, shares of intact first."""
        own = (e for e in self.result.simulations.now if e.target.partition(": ")[0] == load_case)
        return tuple(sorted(own, key=lambda e: e.unit != "%"))

    def rules(self, truth: bool | None) -> tuple[Verdict, ...]:
        """The rules that say so, the weightiest effect first."""
        said = [
            verdict
            for verdict in self.result.explanation.verdicts
            if (verdict.spoke if truth else verdict.truth is truth and not verdict.spoke)
        ]
        return tuple(sorted(said, key=lambda verdict: _WEIGHT.index(verdict.effect)))

    def about(self, verdict: Verdict) -> str:
        """Techniques of the first page on which a rule spoke; *everything* for what stops."""
        named = [one.recommendation.title for one in self.listed if verdict.rule in _spoke(one)]
        stops = verdict.effect in ("stop", "route") and verdict.spoke
        return few_words(named, 60) or ("everything" if stops else "")

    def near(self, option: Option) -> str:
        """What a way passes, and how likely it touches it."""
        kinds = {"clearance_mm": "", "breach_probability": " breach"}
        found = [e for e in option.plan.clearances if e.id in kinds]
        return "; ".join(f"{e.target}: {joined(told(self.result, e))}{kinds[e.id]}" for e in found)

    def pairs(self) -> tuple[tuple[str, str, Value], ...]:
        """One option less another one, in points of intact; those against untreated first."""
        names = {o.id: o.plan.short_title for o in self.result.simulations.options}
        compared = self.result.comparison
        found = []
        for pair in (*compared.differences, *compared.between):
            value = signed_points(pair.estimate)
            note = "" if pair.supported else "not told apart"
            gap = Value(value.text, value.interval, value.tag, note, grey=not pair.supported)
            found.append((names[pair.option], names[pair.reference], gap))
        return tuple(found)

    @property
    def scores(self) -> tuple[ScoreResult, ...]:
        """Those that a rule reads first."""
        read = {name for verdict in self.result.explanation.verdicts for name in verdict.trace}
        return tuple(sorted(self.result.explanation.scores, key=lambda one: one.id not in read))

    @property
    def compared(self) -> tuple[Line, ...]:
        """Each outcome of the techniques left and who has it; then what lasts, and what cannot be told."""
        table = self.result.outcome_table or OutcomeTable()
        name = {one.technique: one.title for one in self.result.explanation.recommendations}
        titles = {id: outcome.title for id, outcome in self.result.wordings.outcomes.items()}
        lines = []
        ranked = self.result.comparison.ranked_by
        for one in table.compared:
            if "mechanics" in self.result.wordings.outcomes[one.outcome].by and one.outcome != ranked:
                continue  # the physics of a way stands with its numbers
            have, lack = (few_words((name[t] for t in ids), 200) for ids in (one.have, one.lack))
            both = f"{have}{' (' + '; '.join(one.notes) + ')' if one.notes else ''}"
            alone = f"{NOTHING_COMPARABLE}: told of {have} alone"
            rest = f"; {NOTHING_COMPARABLE}: {lack}" if lack else ""
            lines.append(Line(titles[one.outcome], both + rest if len(one.have) > 1 else alone))
        lines += [
            Line(f"{name[lasts.technique]}: {titles[lasts.outcome]}", f"{lasts.verdict}: {lasts.because}")
            for lasts in table.lasts
        ]
        return (*lines, *(Line(name[technique], note) for technique, note in table.notes))

    @property
    def stamp(self) -> tuple[Line, ...]:
        """What made the plan, in words."""
        return _stamp(self.result)

    @property
    def digests(self) -> tuple[Line, ...]:
        """What a replay is checked against."""
        return _digests(self.result)


def _spoke(one: Candidate) -> frozenset[str]:
    """Ids of the rules that spoke about a technique."""
    said = one.recommendation
    return frozenset((*said.prefer, *said.consider, *said.require, *said.exclude, *said.caution))


def bands(score: ScoreResult) -> str:
    """A total and what it means: neighbouring bands from first to last, conventions of reading one by one."""
    if score.kind != "sum" or score.silent:
        return total_words(score)
    several, texts = any("/" in band for band in score.band), score.band_text or score.band
    ends = texts if several else dict.fromkeys((texts[0], texts[-1]))
    return f"{total_words(score)}: " + ("; " if several else " to ").join(ends)


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
            tips = "; ".join(_point(tip) for tip in act.tips_mm)
            return (
                f"deliver {source_words(act.source)} by {name_of(act.device)}: {energy_words(act)}; "
                f"tip{'s' * (len(act.tips_mm) > 1)} {tips}"
            )
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


def _stamp(result: PlanResult) -> tuple[Line, ...]:
    """What made the plan, in words."""
    stamp = result.stamp
    return (
        Line("plan", result.id[:16]),
        Line("program", f"osteoplan {stamp.program}"),
        Line("knowledge", stamp.knowledge[:24]),
        Line("overrides", _overrides(result)),
        Line("seed", str(stamp.seed)),
        Line("made", stamp.created or "date not recorded"),
        Line("calibration", calibration_words(result.reading.anatomy.calibration)),
        *_numerics(result.simulations.numerics),
    )


def _digests(result: PlanResult) -> tuple[Line, ...]:
    """What a replay is checked against."""
    stamp = result.stamp
    return (
        Line("plan", result.id),
        Line("knowledge", stamp.knowledge),
        *(Line(f"input {name}", value) for name, value in stamp.inputs.items()),
        *(Line(f"setting {name}", str(value)) for name, value in stamp.settings.items()),
    )


def _numerics(found: Mapping[str, Any]) -> list[Line]:
    """How the strength before treatment was computed; nothing where it was not."""
    if "elements" not in found:
        return []
    mesh = f"{found['elements']} cubes of {found['spacing_mm']:g} mm, {3 * found['nodes']} unknowns"
    solver = f"relative residual {found['residual']:.1e} after {found['iterations']} steps"
    balance = (
        f"forces balance to {found['reaction_against_load']:.1e} of the load, reaction and energy agree to "
        f"{found['reaction_against_energy']:.1e}"
    )
    return [
        Line("strength, mesh", mesh),
        Line("strength, held and loaded", str(found["boundary_condition"])),
        Line("strength, density laws", str(found["laws"])),
        Line("strength, solver", f"{solver}; {balance}"),
    ]


def _overrides(result: PlanResult) -> str:
    used = result.explanation.knowledge
    if not used.local:
        return "none"
    return f"{used.local}, signed by {used.signed_by or 'nobody'}: {len(used.overrides)}"
