"""Options: every technique proposes; hard limits and rules say what becomes of each proposal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from osteoplan.decide.outcomes import published_on
from osteoplan.errors import NotAvailable, UnknownName
from osteoplan.knowledge.order import order
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.findings import Findings
from osteoplan.model.plan import OFF_SCAN, Option, OptionStatus, Plan, Reason, Violation
from osteoplan.model.result import Explanation, Reading
from osteoplan.model.technique import TechniqueCard
from osteoplan.pathway.monographs import applies
from osteoplan.pathway.order import check_order, sequence_of
from osteoplan.pathway.resources import refer
from osteoplan.pathway.rules import excluding
from osteoplan.techniques.protocol import Technique
from osteoplan.techniques.registry import planned_for, techniques
from osteoplan.techniques.violations import violations
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.combine import combined
from osteoplan.workflow.heat_protocols import with_protocols
from osteoplan.workflow.inventory import (
    inventory_elsewhere,
    inventory_for,
    own_probes,
    position_of,
    setting_of,
)
from osteoplan.workflow.progress import Progress, quiet

__all__ = ["comparators_alone", "embolised_first", "facts_of", "options"]


def options(
    reading: Reading,
    explained: Explanation | None = None,
    setting: Setting | None = None,
    *,
    cache: Cache | None = None,
    progress: Progress = quiet,
) -> tuple[Option, ...]:
    """All options of a case: percutaneous plans first, then the comparators.

    Each technique proposes with what the centre has for it.

    A plan that breaks a hard limit stays listed as *infeasible*, one that the scan stops short of as *failed*
    with the words *not judged*; one that a rule removes as
    *excluded_by_rule*; one that this centre cannot do as *refer_elsewhere*, drawn with what others have on
    their shelves.  Other treatments are known by their cards alone, and a rule can exclude them as well.

    Args:
        explained: whose rules exclude, and for whose aim power and time of an ablation are searched; without
            it no rule speaks, and each keeps its card's own time.
        setting: with the memo of what was worked out already; by default one of its own.
        cache: keeps what the techniques of this package propose; those of others propose every time.
    """
    setting = setting or setting_of(reading)
    facts = reading.findings.facts() if explained is None else explained.facts
    cards, found = technique_cards(), list[Option]()
    known = techniques()
    for technique in known.values():
        if technique.id in cards and applies(cards[technique.id], facts) is False:
            continue  # no option of this region, as a comparator would be none
        proposals, elsewhere = _proposed(technique, reading, setting, cache)
        found += [_option(technique, one, reading, elsewhere, explained) for one in proposals]
    for card in cards.values():
        if len(card.parts) == 2 and applies(card, facts) is not False:
            found += _combined(card, found, known, reading, setting, cache, explained)
    proposed = (*sorted(found, key=lambda one: one.kind == "comparator"), *_comparators(reading, explained))
    if explained is None:
        return proposed
    return with_protocols(proposed, explained.facts, setting, cache or Cache(), progress=progress)


def _comparators(reading: Reading, explained: Explanation | None) -> list[Option]:
    """Treatments without a needle: one option a card that this region allows, by what is published."""
    facts = reading.findings.facts() if explained is None else explained.facts
    found = []
    for card in technique_cards().values():
        if card.kind != "comparator" or applies(card, facts) is False:
            continue
        plan = Plan(id=card.id, technique=card.id, title=card.title, lesion=reading.lesion.id)
        shut = _shut(card.id, (), explained)
        reasons = shut or tuple(Reason(text) for text in refer(card.needs, reading.case.centre))
        status: OptionStatus = "excluded_by_rule" if shut else "comparator"
        published = published_on(card.id, facts_of(reading, explained))
        found.append(Option(plan, "comparator", status, reasons, outcomes=published))
    return found


def facts_of(reading: Reading, explained: Explanation | None) -> dict[str, Any]:
    """Facts of this patient: what is known, and what is presumed of the rest."""
    if explained is None:
        return dict(reading.findings.facts())
    region = reading.findings.value("region")
    return {"region": region, **{one.fact: one.value for one in explained.presumed}, **explained.facts}


def _shut(technique: str, uses: Sequence[str], explained: Explanation | None) -> tuple[Reason, ...]:
    """Why the rules take a technique out, or what a plan of it uses; empty where they do not."""
    if explained is None:
        return ()
    said = {verdict.rule: verdict for verdict in explained.verdicts}
    one = next((one for one in explained.recommendations if one.technique == technique), None)
    rules = [said[rule] for rule in one.exclude] if one is not None and one.tier == 4 else []
    rules += [rule for rule in excluding(explained.verdicts, uses) if rule not in rules]
    return tuple(Reason(rule.text, rule.rule) for rule in rules)


def comparators_alone(bone: str) -> str:
    """What is known of a bone before anything is read, where nothing is planned for it; else empty."""
    if not bone or planned_for(bone):
        return ""
    return (
        f"{bone}: no technique of this version is planned for it; a plan compares radiotherapy, open surgery "
        "and supportive care alone, by what is published"
    )


def _combined(
    card: TechniqueCard, options: Sequence[Option], known: Mapping[str, Technique], reading: Reading,
    setting: Setting, cache: Cache | None, explained: Explanation | None,
) -> list[Option]:  # fmt: skip
    """Options of a combination of an ablation and a stabilisation, from those of its parts."""

    def propose() -> tuple[tuple[_Proposal, tuple[str, ...]], ...]:
        return tuple(
            (_Proposal(one.plan, violations(one.plan, setting.with_inventory(one.inventory))), one.elsewhere)
            for one in combined(card, options, known, reading, setting)
        )

    parts = [
        (o.plan, o.status, o.reasons)
        for o in options
        if any(o.plan.technique in group for group in card.parts)
    ]
    centre = reading.case.centre
    shelf = (centre.resources, centre.devices, centre.limits, own_probes(reading.case))
    here = (setting.identity, setting.ensemble, shelf, position_of(reading.case))
    ours = all(type(known[o.plan.technique]).__module__.startswith("osteoplan.") for o in options)
    made = propose() if cache is None or not ours else cache.once(propose, "combined", card.id, here, parts)
    found = [
        _option(card, one, reading, elsewhere or refer(card.needs, reading.case.centre), explained)
        for one, elsewhere in made
    ]
    facts = reading.findings.facts() if explained is None else explained.facts
    return [replace(one, warnings=(*one.warnings, *embolised_first(one.plan, facts))) for one in found]


def embolised_first(plan: Plan, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """That this patient's tumour is embolised before the plan, where a rule of the order says so of patients
    like this one."""
    of_some = {row.id for row in order().rows if row.when}
    remarks = check_order(("embolise", *sequence_of(plan.steps)), facts)
    return tuple(f"before it: {one.text}" for one in remarks if one.first == 0 and one.row in of_some)


@dataclass(frozen=True)
class _Proposal:
    """A plan and the hard limits that it breaks."""

    plan: Plan
    broken: tuple[Violation, ...]


def _proposed(
    technique: Technique, reading: Reading, setting: Setting, cache: Cache | None
) -> tuple[tuple[_Proposal, ...], tuple[str, ...]]:
    """(what a technique proposes, why it is for another centre), drawn there with what others have."""
    card, centre = technique_cards().get(technique.id), reading.case.centre
    elsewhere = () if card is None else refer(card.needs, centre)
    if not elsewhere:
        here = setting.with_inventory(inventory_for(reading.case, technique.id))
        try:
            return _proposals(technique, here, reading.findings, cache), ()
        except (NotAvailable, UnknownName) as why:
            if centre.devices is None:
                raise
            elsewhere = (f"not on this centre's shelf: {why}; refer elsewhere",)
    there = setting.with_inventory(inventory_elsewhere(technique.id))
    return _proposals(technique, there, reading.findings, cache), elsewhere


def _proposals(
    technique: Technique, setting: Setting, findings: Findings, cache: Cache | None
) -> tuple[_Proposal, ...]:
    """Plans with what they break; those of this package follow from the setting alone (a test holds it)."""

    def propose() -> tuple[_Proposal, ...]:
        return tuple(
            _Proposal(plan, (*violations(plan, setting), *technique.violations(plan, setting)))
            for plan in technique.propose(setting, findings)
        )

    if cache is None or not type(technique).__module__.startswith("osteoplan."):
        return propose()
    parts = (technique.id, setting.identity, setting.ensemble, setting.inventory)
    return cache.once(propose, "proposals", *parts)


def _option(
    technique: Technique | TechniqueCard,
    proposal: _Proposal,
    reading: Reading,
    elsewhere: Sequence[str],
    explained: Explanation | None,
) -> Option:
    plan, published = proposal.plan, published_on(technique.id, facts_of(reading, explained))
    if technique.kind == "comparator":
        return Option(plan, "comparator", "comparator", outcomes=published)
    status, reasons = _status(technique, proposal, elsewhere, explained)
    return Option(
        plan, "plan", status, reasons, outcomes=published, warnings=(*_order_warnings(plan), *plan.remarks)
    )


def _status(
    technique: Technique | TechniqueCard,
    proposal: _Proposal,
    elsewhere: Sequence[str],
    explained: Explanation | None,
) -> tuple[OptionStatus, tuple[Reason, ...]]:
    """Hard limits first (about this path), then rules (about this patient), then the centre.

    Nobody is sent elsewhere for what no path allows, or what a rule forbids.
    """
    plan, broken = proposal.plan, proposal.broken
    if broken and all(one.limit == OFF_SCAN for one in broken):
        return "failed", tuple(Reason(one.text, OFF_SCAN) for one in broken)
    if broken:
        return "infeasible", tuple(Reason(violation.text, violation.limit) for violation in broken)
    shut = _shut(technique.id, (technique.id, *plan.uses), explained)
    if shut:
        return "excluded_by_rule", shut
    if elsewhere:
        return "refer_elsewhere", tuple(Reason(text) for text in elsewhere)
    return "ranked", ()


def _order_warnings(plan: Plan) -> tuple[str, ...]:
    """What speaks against the order of a plan's acts: cement into ice, ablation after cement ..."""
    remarks = check_order(sequence_of(plan.steps))
    return tuple(
        f"order of acts: {remark.text}"
        for remark in remarks
        if remark.effect in ("warn", "forbid", "unusual")
    )
