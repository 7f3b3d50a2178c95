"""Power and time of the ablations that were proposed, and which of them the full model is run for.

A technique proposes where its probes go and the card's own time; how much of it a lesion needs, and how much
canal, roots, skin and joints allow, is searched for here on the search model (``thermal.search``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from osteoplan.errors import OsteoplanError
from osteoplan.kernels.threads import each
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.effects import Source
from osteoplan.model.plan import Deliver, Option
from osteoplan.model.result import Explanation
from osteoplan.techniques.effects import effects
from osteoplan.thermal.search import FoundProtocol, find_protocol, margin_wanted
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.progress import Progress, Span, quiet, shared, stage

__all__ = ["fully_simulated", "with_protocols"]

WEIGHED = (1, 2, 3)  # tiers whose ablations are run on the full model


def with_protocols(
    options: Sequence[Option], facts: Mapping[str, Any], setting: Setting, cache: Cache, *,
    progress: Progress = quiet, span: Span = (0.18, 0.2),
) -> tuple[Option, ...]:  # fmt: skip
    """The options, their ablations with the power and time that were found; each says how they were.

    An ablation whose probes no simulation knows keeps the card's own protocol.
    """
    margin = margin_wanted(facts.get("intent") == "curative")
    heated = [n for n, one in enumerate(options) if any(isinstance(s.act, Deliver) for s in one.plan.steps)]
    with shared(progress) as watch:

        def searched(n: int) -> Option:
            one = options[heated[n]]
            stage(watch, f"searching power and time: {one.plan.title}", *span)
            return _searched(one, margin, setting, cache)

        found = dict(zip(heated, each(searched, len(heated)), strict=True))
    return tuple(found.get(n, one) for n, one in enumerate(options))


def fully_simulated(options: Sequence[Option], explained: Explanation) -> Collection[str]:
    """Ids of the options whose heat is run on the full model: weighed here, and no part of another."""
    tiers = {one.technique: one.tier for one in explained.recommendations}
    there = {one.plan.technique for one in options if one.status == "ranked"}
    parts = {
        part
        for id, card in technique_cards().items()
        if id in there
        for group in card.parts
        for part in group
    }
    return frozenset(
        one.id
        for one in options
        if tiers.get(one.plan.technique) in WEIGHED and one.plan.technique not in parts
    )


def _searched(option: Option, margin_mm: float, setting: Setting, cache: Cache) -> Option:
    plan, told = option.plan, []
    try:
        done = effects(plan, setting.inventory.devices)
    except OsteoplanError:
        return option  # told where it is simulated
    for source in done.sources:
        before = tuple(one for one in done.layers if one.step < source.step)
        alone = replace(source, step=0)

        def find(alone: Source = alone, before: Any = before) -> FoundProtocol:
            return find_protocol(setting.around, alone, before, margin_mm=margin_mm)

        try:
            found = cache.once(find, "heat_protocol", setting.identity, alone, before, margin_mm)
        except OsteoplanError as why:
            told.append(f"power and time are the card's own, none was searched: {why}")
            continue
        plan = replace(
            plan,
            steps=tuple(
                replace(step, act=replace(step.act, segments=found.segments))
                if step.order == source.step and isinstance(step.act, Deliver)
                else step
                for step in plan.steps
            ),
        )
        told.append(found.told)
    return replace(option, plan=plan, warnings=(*option.warnings, *told))
