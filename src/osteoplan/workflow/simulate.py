"""Simulate: the bone intact, as it is, and after each feasible option, on one mesh, in the same patients.

Every option is walked through the rooms that have to act on it (``workflow.rooms``), several side by side.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from osteoplan.errors import Cancelled, NotAvailable, OsteoplanError
from osteoplan.kernels.threads import each
from osteoplan.mechanics.outcomes import as_planned, worst_first
from osteoplan.mechanics.state import State
from osteoplan.model.effects import Effects
from osteoplan.model.field import Field
from osteoplan.model.heat import HeatRecord
from osteoplan.model.plan import Option, Reason
from osteoplan.model.result import Reading, Simulations
from osteoplan.model.simulated import Simulated
from osteoplan.techniques.effects import effects
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.explain import explain
from osteoplan.workflow.heat_protocols import fully_simulated
from osteoplan.workflow.inventory import setting_of
from osteoplan.workflow.load_case_runner import LoadCaseRunner, together
from osteoplan.workflow.progress import Progress, Span, quiet, shared
from osteoplan.workflow.rooms import AFTER_ALL, ROOMS, Room, kept, not_simulated, run_rooms, searching
from osteoplan.workflow.settings import PlanSettings

__all__ = ["simulate", "strength"]

UNDONE = ("infeasible", "failed")  # states before anything is simulated: no way, or none that was seen


def strength(
    runner: LoadCaseRunner, setting: Setting, cache: Cache, *, treated: bool = False,
    progress: Progress = quiet, span: Span = (0.2, 0.5),
) -> tuple[Mapping[str, Simulated], ...]:  # fmt: skip
    """For each load case the bone ``intact`` and ``now``: its share of the first, and of known loads.

    Args:
        treated: the bone as it is now stands for one after the scenario of the settings.
    """
    start, end = span
    step = 0.5 * (end - start) / len(runner.cases)

    def answers(
        image: State, before: Sequence[Mapping[str, Simulated]], told: str, at: float
    ) -> list[Simulated]:
        rooms = runner.rooms(image, before, treated=treated and image == "now")
        return [
            kept(
                room, setting, Effects(), (), cache, f"{room.doing} {told}", progress=progress,
                span=(at + n * step, at + (n + 1) * step),
            )
            for n, room in enumerate(rooms)
        ]  # fmt: skip

    intact = answers("intact", (), "the intact bone", start)
    now = answers("now", [{"intact": one} for one in intact], "the bone as it is", 0.5 * (start + end))
    return tuple({"intact": one, "now": two} for one, two in zip(intact, now, strict=True))


def simulate(
    reading: Reading,
    options: Sequence[Option],
    settings: PlanSettings | None = None,
    *,
    setting: Setting | None = None,
    cache: Cache | None = None,
    rooms: Sequence[Room] = ROOMS,
    full: Collection[str] | None = None,
    progress: Progress = quiet,
) -> Simulations:
    """Simulate every option that can be done.

    An option of which a room fails stays listed as *failed* with the reason; the others go on.  Where no load
    case of the bone can be run, what its steps do is simulated all the same, and a warning says why the rest
    is not.

    Args:
        setting: with the memo of what was worked out already; by default one of its own.
        cache: where results are kept; by default the user's own.
        rooms: that act on the steps of a plan; the bone's load cases come after them.
        full: ids of the options whose rooms run their full model, the others their search model alone; by
            default those that are weighed here (``heat_protocols.fully_simulated``).
    """
    settings, cache = settings or PlanSettings(), cache or Cache()
    setting = setting or setting_of(reading, settings)
    runner: LoadCaseRunner | None = None
    before: tuple[Mapping[str, Simulated], ...] = ()
    warnings: tuple[str, ...] = ()
    try:
        runner = LoadCaseRunner(setting.anatomy, settings, patient=reading.case.patient)
        before = strength(runner, setting, cache, progress=progress)
    except NotAvailable as why:
        runner, warnings = None, (str(why),)
    plans = [option for option in options if option.kind == "plan" and option.status not in UNDONE]
    share = 0.4 / max(1, len(plans))
    whole = fully_simulated(options, explain(reading)) if full is None else full
    with shared(progress) as watch:

        def treat(n: int) -> _Treated:
            # rooms of its own: what they keep from one load case to the next is not for two threads
            tests = () if runner is None else runner.rooms("now", before, treated=True)
            part = (0.5 + n * share, 0.5 + (n + 1) * share)
            quick = plans[n].id not in whole
            here = tuple(searching(room) if quick else room for room in rooms)
            return _treated((*here, *tests), plans[n], setting, cache, watch, part)

        treated = each(treat, len(plans), most=0 if runner is None else runner.at_once())
    after = {one.option.id: one.option for one in treated}
    fields = {one.option.id: one.fields for one in treated}
    heat = {one.option.id: one.heat for one in treated if one.heat}
    done = tuple(after.get(option.id, option) for option in options)
    if runner is None:
        return Simulations((), (), done, fields, warnings, heat=heat)
    intact, now = (together([one[state] for one in before], runner.cases) for state in ("intact", "now"))
    return Simulations(
        intact.outcomes, now.outcomes, tuple(_untreated(option, now) for option in done),
        {"intact": intact.fields, "now": now.fields} | fields,
        (*runner.warnings, *now.warnings), runner.case.ratio,
        max(case.ratio_resolution_pct.value for case in runner.cases if case.ratio == runner.case.ratio),
        {**now.diagnostics, "laws": ", ".join(runner.case.laws.use)}, runner.boundary_summaries(),
        heat,
    )  # fmt: skip


def _untreated(option: Option, now: Simulated) -> Option:
    """Best supportive care leaves the bone as it is; no strength is claimed for the other comparators."""
    if option.plan.technique != "best_supportive_care":
        return option
    return replace(option, outcomes=now.outcomes + option.outcomes)


@dataclass(frozen=True, eq=False)
class _Treated:
    """An option after its rooms, with what they leave for pages."""

    option: Option
    fields: tuple[Field, ...] = ()
    heat: tuple[HeatRecord, ...] = ()


def _treated(
    rooms: Sequence[Room], option: Option, setting: Setting, cache: Cache, progress: Progress, span: Span
) -> _Treated:
    """One option through the rooms; outcomes of what carries the load first, then those of the steps."""
    try:
        done = effects(option.plan, setting.inventory.devices)
        results = run_rooms(
            rooms, setting, done, cache, title=option.plan.title, progress=progress, span=span
        )
    except Cancelled:
        raise
    except OsteoplanError as why:
        return _Treated(replace(option, status="failed", reasons=(*option.reasons, Reason(str(why)))))
    steps = sum(room.first_step(done) not in (None, AFTER_ALL) for room in rooms)
    outcomes = worst_first([o for one in (*results[steps:], *results[:steps]) for o in one.outcomes])
    warnings = [*as_planned(outcomes), *(line for one in results for line in one.warnings)]
    return _Treated(
        replace(
            option, outcomes=(*outcomes, *option.outcomes),
            warnings=(*option.warnings, *not_simulated(rooms, done), *warnings),
        ),
        tuple(field for one in results for field in one.fields),
        tuple(record for one in results for record in one.heat),
    )  # fmt: skip
