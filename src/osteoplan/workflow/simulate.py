"""Simulate: the bone intact, as it is, and after each feasible option, on one mesh, in the same worlds.

Every finite-element solve is kept by the digest of what went into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import osteoplan
from osteoplan.cement.grow import fill
from osteoplan.errors import Cancelled, NotAvailable, OsteoplanError
from osteoplan.knowledge.load import version as knowledge_version
from osteoplan.mechanics.specimen import load
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Effects
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option, Reason
from osteoplan.provenance import digest
from osteoplan.techniques.protocol import Shelf
from osteoplan.techniques.registry import techniques
from osteoplan.workflow.cache import Cache, Simulated
from osteoplan.workflow.load_cases import NOT_SIMULATED, load_case
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.settings import PlanSettings

__all__ = ["Simulations", "Strength", "simulate", "strength"]


@dataclass(frozen=True, eq=False)
class Simulations:
    """What the physics said: strength intact and now, options with outcomes, fields by state."""

    intact: tuple[Estimate, ...]
    now: tuple[Estimate, ...]
    options: tuple[Option, ...]
    fields: Mapping[str, tuple[Field, ...]]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Strength:
    """Strength before treatment."""

    intact: Simulated
    now: Simulated


class Bench:
    """One bone on its testing machine: the mesh is built once, and only if some solve is not cached.

    Raises:
        NotAvailable: this bone has no load case.
    """

    def __init__(self, anatomy: Anatomy, settings: PlanSettings, cache: Cache) -> None:
        self.anatomy, self.settings, self.cache = anatomy, settings, cache
        case = load_case(anatomy, settings.spacing_mm)
        if case is None:
            raise NotAvailable(NOT_SIMULATED.format(bone=anatomy.level))
        self.case = case
        self._model: Any = None
        self._key = digest(
            osteoplan.__version__, knowledge_version(), case.mechanics, settings.draws, settings.seed,
            anatomy.image.array, anatomy.image_intact.array, anatomy.image.affine, anatomy.calibration,
            anatomy.bone_mask, dict(anatomy.parts), anatomy.lesion_mask, anatomy.frame, _supports(anatomy),
        )  # fmt: skip

    def load(
        self,
        image: Literal["intact", "now"],
        progress: Progress,
        what: str,
        span: tuple[float, float],
        *,
        fields: tuple[Field, ...] = (),
        fill_worlds: tuple[Field, ...] = (),
        effects: Effects | None = None,
    ) -> Simulated:
        """Load the bone in one state."""
        effects = effects or Effects()
        solids = [(f.quantity, f.volume.array, f.volume.affine) for f in (*fields, *fill_worlds)]
        key = digest(self.case.doing, self._key, image, solids, effects)
        kept = self.cache.load(key)
        if kept is not None:
            stage(progress, f"{what} (kept from before)", *span)
            return kept
        on_step = stage(progress, what, *span)
        if self._model is None:
            self._model = self.case.build(self.anatomy, self.case.mechanics)
        got = load(
            self._model, image=image, fields=fields, fill_worlds=fill_worlds, effects=effects,
            seed=self.settings.seed, n_draws=self.settings.draws, on_step=on_step,
        )  # fmt: skip
        result = Simulated(got.outcomes, got.fields, got.diagnostics, got.warnings)
        self.cache.store(key, result)
        return result

    def ratios(self, state: Simulated, intact: Simulated) -> tuple[Estimate, ...]:
        """Strength, or stiffness where none is claimed, of a state as per cent of intact, paired."""
        ours = next(o for o in state.outcomes if o.id == self.case.outcome)
        whole = next(o for o in intact.outcomes if o.id == self.case.outcome)
        return (ours.ratio_to(whole, self.case.ratio),)


def _supports(anatomy: Anatomy) -> list[Any]:
    """What a load case reads beyond the bone itself: its other frames, and what it is held by."""
    if anatomy.is_vertebra:
        return []
    near = [(one.name, one.mask) for one in anatomy.structures if one.kind in ("joint", "bone")]
    return [dict(anatomy.frames), near]


def strength(bench: Bench, *, progress: Progress = quiet, span: tuple[float, float] = (0.2, 0.5)) -> Strength:
    """The bone without and with its lesion; the second carries the ratio to the first."""
    start, end = span
    middle = 0.5 * (start + end)
    doing = bench.case.doing
    intact = bench.load("intact", progress, f"{doing} the intact bone", (start, middle))
    now = bench.load("now", progress, f"{doing} the bone as it is", (middle, end))
    return Strength(intact, replace(now, outcomes=now.outcomes + bench.ratios(now, intact)))


def simulate(
    anatomy: Anatomy,
    options: Sequence[Option],
    shelves: Mapping[str, Shelf],
    settings: PlanSettings,
    cache: Cache,
    *,
    progress: Progress = quiet,
) -> Simulations:
    """Simulate every option that is not infeasible, each with its own shelf (by the option's id).

    An option whose simulation fails stays listed as *failed* with the reason; the others go on.
    """
    try:
        bench = Bench(anatomy, settings, cache)
        base = strength(bench, progress=progress)
    except NotAvailable as why:
        return Simulations((), (), tuple(options), {}, (str(why),))
    fields = {"intact": base.intact.fields, "now": base.now.fields}
    warnings = list(base.now.warnings)
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
                bench, option, shelves[option.id], base.intact, progress, (start, start + share)
            )
            done.append(treated)
            fields[option.id] = made
            start += share
    return Simulations(base.intact.outcomes, base.now.outcomes, tuple(done), fields, tuple(warnings))


def _untreated(option: Option, now: Simulated) -> Option:
    """Best supportive care leaves the bone as it is; no strength is claimed for the other comparators."""
    if option.plan.technique != "best_supportive_care":
        return option
    return replace(option, outcomes=now.outcomes + option.outcomes)


def _treated(
    bench: Bench,
    option: Option,
    shelf: Shelf,
    intact: Simulated,
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
    outcomes = after.outcomes + bench.ratios(after, intact) + cement.outcomes + option.outcomes
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
