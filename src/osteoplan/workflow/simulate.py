"""Simulate: the bone intact, as it is, and after each feasible option, on one mesh, in the same worlds.

Every finite-element solve is kept by the digest of what went into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from osteoplan.cement.grow import fill
from osteoplan.errors import Cancelled, NotAvailable, OsteoplanError
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Patient
from osteoplan.model.effects import Effects
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option, Reason
from osteoplan.model.result import Simulations
from osteoplan.techniques.protocol import Shelf
from osteoplan.techniques.registry import techniques
from osteoplan.workflow.bench import Bench
from osteoplan.workflow.cache import Cache, Simulated
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.settings import PlanSettings

__all__ = ["Strength", "simulate", "strength"]


@dataclass(frozen=True, eq=False)
class Strength:
    """Strength before treatment."""

    intact: Simulated
    now: Simulated


def strength(bench: Bench, *, progress: Progress = quiet, span: tuple[float, float] = (0.2, 0.5)) -> Strength:
    """The bone without and with its lesion; the second carries its share of the first, and of known loads."""
    start, end = span
    middle = 0.5 * (start + end)
    doing = bench.case.doing
    intact = bench.load("intact", progress, f"{doing} the intact bone", (start, middle))
    now = bench.load("now", progress, f"{doing} the bone as it is", (middle, end))
    more = (*bench.shares(now, intact, "intact"), *bench.to_load(now))
    return Strength(
        replace(intact, outcomes=intact.outcomes + bench.to_load(intact)),
        replace(now, outcomes=now.outcomes + more),
    )


def simulate(
    anatomy: Anatomy,
    options: Sequence[Option],
    shelves: Mapping[str, Shelf],
    settings: PlanSettings,
    cache: Cache,
    *,
    patient: Patient | None = None,
    progress: Progress = quiet,
) -> Simulations:
    """Simulate every option that is not infeasible, each with its own shelf (by the option's id).

    An option whose simulation fails stays listed as *failed* with the reason; the others go on.
    """
    try:
        bench = Bench(anatomy, settings, cache, patient=patient)
        base = strength(bench, progress=progress)
    except NotAvailable as why:
        return Simulations((), (), tuple(options), {}, (str(why),))
    fields = {"intact": base.intact.fields, "now": base.now.fields}
    warnings = (*bench.warnings, *base.now.warnings)
    done = []
    share = 0.4 / max(1, sum(option.kind == "plan" for option in options))
    start = 0.5
    for option in options:
        if option.kind == "comparator":
            done.append(_untreated(option, base.now))
        elif option.status == "infeasible":
            done.append(option)
        else:
            treated, made = _treated(
                bench, option, shelves[option.id], base, progress, (start, start + share)
            )
            done.append(treated)
            fields[option.id] = made
            start += share
    return Simulations(
        base.intact.outcomes, base.now.outcomes, tuple(done), fields, warnings, bench.case.ratio,
        bench.case.resolution_pct, {**base.now.diagnostics, "laws": ", ".join(bench.case.mechanics.laws)},
        bench.supports(),
    )  # fmt: skip


def _untreated(option: Option, now: Simulated) -> Option:
    """Best supportive care leaves the bone as it is; no strength is claimed for the other comparators."""
    if option.plan.technique != "best_supportive_care":
        return option
    return replace(option, outcomes=now.outcomes + option.outcomes)


def _treated(
    bench: Bench,
    option: Option,
    shelf: Shelf,
    base: Strength,
    progress: Progress,
    span: tuple[float, float],
) -> tuple[Option, tuple[Field, ...]]:
    """One option: its effects, its cement, its strength."""
    start, end = span
    try:
        technique = techniques()[option.plan.technique]
        effects = technique.effects(option.plan, bench.anatomy, shelf)
        grown = start + 0.3 * (end - start)
        cement = _cement(bench, effects, option.plan.title, progress, (start, grown))
        after = bench.load(
            "now", progress, f"{bench.case.doing} after {option.plan.title}", (grown, end),
            fields=cement.fields, fill_worlds=cement.worlds, effects=effects,
        )  # fmt: skip
    except Cancelled:
        raise
    except OsteoplanError as why:
        return replace(option, status="failed", reasons=(*option.reasons, Reason(str(why)))), ()
    shares = (*bench.shares(after, base.intact, "intact"), *bench.shares(after, base.now, "now"))
    outcomes = after.outcomes + shares + bench.to_load(after) + cement.outcomes + option.outcomes
    warnings = option.warnings + cement.warnings + after.warnings
    return replace(option, outcomes=outcomes, warnings=warnings), (*cement.fields, *after.fields)


@dataclass(frozen=True, eq=False)
class _Cement:
    """Cement of one option; empty where it injects none."""

    fields: tuple[Field, ...] = ()
    worlds: tuple[Field, ...] = ()
    outcomes: tuple[Estimate, ...] = ()
    warnings: tuple[str, ...] = ()


def _cement(
    bench: Bench, effects: Effects, title: str, progress: Progress, span: tuple[float, float]
) -> _Cement:
    if not effects.ports:
        return _Cement()
    grown = fill(bench.anatomy, effects, on_step=stage(progress, f"growing cement: {title}", *span))
    return _Cement((grown.field,), grown.worlds, grown.outcomes, grown.warnings)
