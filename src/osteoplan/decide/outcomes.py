"""Outcomes of each technique for this patient: what is published on it, how near, and what can be compared.

Published figures get their distance (``docs/decisions/0017``), and the nearest of an outcome comes first.
The time of a combination is the sum of its parts where only theirs are published.  No outcome that a rival
lacks is compared; no simulated newton becomes a probability of fracture.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from osteoplan.knowledge.evidence import published_outcomes
from osteoplan.knowledge.outcomes import outcome as outcome_of
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.choice import Candidate
from osteoplan.model.evidence import Survival
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.outcome_table import Compared, Lasts, OutcomeTable, Verdict

__all__ = ["distance", "lasting", "outcome_table", "published_on", "summed"]

_SURE = ("", "very low", "low", "moderate", "high")
# what holds at a time: True of the share in whom it holds, False of the share in whom it fails
_HOLDS = {
    "implant_survival_probability": True, "local_control_probability": True,
    "consolidation_probability": True, "implant_failure_probability": False,
    "local_failure_probability": False,
}  # fmt: skip
_HALF = 50.0  # per cent: what holds in half is how long it lasts in the middle


def published_on(technique: str, facts: Mapping[str, Any]) -> tuple[Estimate, ...]:
    """Published outcomes of a technique for this patient, of each outcome the nearest and surest first.

    With the least anaesthesia by its card, and the time of a combination where it is the sum of its parts.

    Args:
        facts: settled facts by name; what is missing is unknown.
    """
    site, card = str(facts.get("region") or ""), technique_cards().get(technique)
    found = list(published_outcomes(technique, site))
    if card is not None:
        timed = [e for e in found if e.id == "procedure_time_min" and not (e.study and e.study.population)]
        if card.parts and not timed:
            whole = summed([_times(group, site) for group in card.parts])
            found += [whole] if whole is not None else []
    placed = [replace(e, study=_placed(e.study or Study(), facts)) for e in found]
    placed += [] if card is None else [_anaesthesia(card.anaesthesia)]
    at = {id: n for n, id in enumerate(dict.fromkeys(e.id for e in placed))}
    return tuple(sorted(placed, key=lambda e: (at[e.id], *_worth(e.study or Study()))))


def distance(study: Study, facts: Mapping[str, Any]) -> tuple[tuple[str, ...], int | None]:
    """(words, count): in what a study's patients differ from this one, or may.

    What differs counts 2; what was not told, taken together or is unknown 1; the same nothing.  None for
    another population or procedure, which stands apart from every count.
    """
    if study.population:
        return (f"other patients or procedure: {study.population}",), None
    items = [
        _same(study.sites, facts.get("region"), "site", "any bone"),
        _same(study.kinds, facts.get("lesion_kind"), "kind of lesion", "kinds of lesion not told"),
    ]
    if study.primaries:
        items.append(_same(study.primaries, facts.get("primary"), "primary tumour", ""))
    if study.intent:
        items.append(_same((study.intent,), facts.get("intent"), "aim", ""))
    return tuple(words for words, _ in items), sum(count for _, count in items)


def summed(times: Sequence[Estimate | None]) -> Estimate | None:
    """Time of acts one after the other in one session; None where a part's time is not known.

    Ends of intervals add up as those of independent numbers do; without an interval of each there is none.
    """
    known = [one for one in times if one is not None]
    if not known or len(known) < len(times) or len({one.unit for one in known}) > 1:
        return None
    value, low, high = sum(one.value for one in known), None, None
    below = [one.value - one.low for one in known if one.low is not None]
    above = [one.high - one.value for one in known if one.high is not None]
    if len(below) == len(above) == len(known):
        low, high = value - math.hypot(*below), value + math.hypot(*above)
    parts = " and ".join(f"{one.value:g} {one.unit} ({one.because[0]})" for one in known)
    keys = dict.fromkeys(key for one in known for key in one.because if " " not in key)
    tags = "+".join(dict.fromkeys([*(one.study.tag for one in known if one.study and one.study.tag), "D"]))
    study = Study(tag=tags, design="model", certainty="very low", certainty_because=("sum of parts",))
    return replace(
        known[0], value=value, low=low, high=high, because=(f"sum of {parts}", *keys), study=study, draws=None
    )


def outcome_table(candidates: Sequence[Candidate], survival: Survival) -> OutcomeTable:
    """What holds of the outcomes of all techniques that are left."""
    left = [one for one in candidates if one.left]
    return OutcomeTable(
        compared=tuple(_compared(left)),
        lasts=tuple(told for one in left for told in lasting(one, survival)),
        notes=tuple(note for one in left for note in _notes(one)),
    )


def lasting(one: Candidate, survival: Survival) -> Iterator[Lasts]:
    """Whether what holds of a technique holds as long as this patient may live.

    It *outlasts* the patient where at least half held, by the lower limit, at or after the longest time that
    any source gives; it *does not* where fewer than half did, by the upper limit, within the shortest.
    """
    lives = [row.months for row in survival.rows if row.months is not None]
    shortest = min((0.0 if low is None else low for low, _ in lives), default=0.0)
    longest = max((math.inf if high is None else high for _, high in lives), default=math.inf)
    for id, holds in _HOLDS.items():
        own = [e for e in one.outcomes if e.id == id]
        told = sorted((e.study.months, n) for n, e in enumerate(own) if e.study and e.study.months)
        if not told:
            continue
        months, at = next((x for x in told if x[0] >= longest), told[-1])
        found = own[at]
        low = found.value if found.low is None else found.low
        high = found.value if found.high is None else found.high
        low, high = (low, high) if holds else (100.0 - high, 100.0 - low)
        verdict: Verdict = "cannot say"
        if lives and months >= longest and low > _HALF:
            verdict = "outlasts"
        elif lives and months <= shortest and high < _HALF:
            verdict = "does not"
        until = "or more" if math.isinf(longest) else f"to {longest:.0f}"
        span = f"{shortest:.0f}" if shortest == longest else f"{shortest:.0f} {until}"
        time = f"{span} months are left" if lives else "the time that is left is not known"
        held = f"held in {found.value if holds else 100.0 - found.value:g} % at {months:g} months"
        alone = "" if found.low is not None else ", no interval"
        yield Lasts(one.id, id, verdict, float(months), f"{held}{alone}; {time}")


def _placed(study: Study, facts: Mapping[str, Any]) -> Study:
    words, apart = distance(study, facts)
    return replace(study, distance=words, apart=apart)


def _worth(study: Study) -> tuple[bool, int, int, int]:
    """Own figures first; of these the nearest, then the surest, then the largest."""
    return bool(study.population), study.apart or 0, -_SURE.index(study.certainty), -(study.n or 0)


def _same(theirs: tuple[str, ...], ours: Any, what: str, mixed: str) -> tuple[str, int]:
    if not theirs:
        return mixed, 1
    told = " or ".join(theirs).replace("_", " ")
    if ours is None or isinstance(ours, tuple):
        return f"{what}: {told}, this one not known", 1
    if ours not in theirs:
        return f"other {what}: {told}", 2
    return (f"same {what}", 0) if len(theirs) == 1 else (f"{what} among several", 1)


def _times(group: Sequence[str], site: str) -> Estimate | None:
    """The first published time of its own of alternatives."""
    times = (e for part in group for e in published_outcomes(part, site) if e.id == "procedure_time_min")
    return next((e for e in times if not (e.study and e.study.population)), None)


def _anaesthesia(least: str) -> Estimate:
    level = outcome_of("anaesthesia_level").levels.index(least)
    return Estimate(
        "anaesthesia_level", "procedure", float(level), None, None, "1", "published",
        (f"{least}: the least it can be done under, by the technique's card",),
        status="design_default",
        study=Study(tag="D", certainty="very low", certainty_because=("our default",)),
    )  # fmt: skip


def _compared(left: Sequence[Candidate]) -> Iterator[Compared]:
    rows = {one.id: {e.id: e for e in reversed((*one.outcomes, *_of_way(one)))} for one in left}
    for id in dict.fromkeys(e.id for one in left for e in (*one.outcomes, *_of_way(one))):
        told = {technique: row[id] for technique, row in rows.items() if id in row}
        if outcome_of(id).better == "neither":
            continue
        kinds = Counter((e.target, e.unit, e.basis) for e in told.values())
        kind = kinds.most_common(1)[0][0]
        have = [t for t, e in told.items() if (e.target, e.unit, e.basis) == kind]
        studies = [told[t].study or Study() for t in have]
        months = sorted({study.months for study in studies if study.months is not None})
        sure = [word for word in _SURE[1:] if any(study.certainty == word for study in studies)]
        notes = []
        if len(have) > 1 and len(months) > 1:
            notes.append("told at " + ", ".join(f"{m:g}" for m in months) + " months")
        if len(have) > 1 and sure:
            notes.append("certainty " + " to ".join(dict.fromkeys([sure[0], sure[-1]])))
        yield Compared(id, tuple(have), tuple(o.id for o in left if o.id not in have), tuple(notes))


def _of_way(one: Candidate) -> Iterator[Estimate]:
    """The least clearance and the whole breach of the way that stands for a technique."""
    plan = None if one.plan is None else one.plan.plan
    near = [] if plan is None else [e for e in plan.clearances if e.id == "clearance_mm"]
    if near:
        yield replace(min(near, key=lambda e: e.value), target="nearest structure")
    if plan is not None and plan.breach is not None:
        yield Estimate("breach_probability", "bone", plan.breach, None, None, "1", "simulated")


def _notes(one: Candidate) -> Iterator[tuple[str, str]]:
    card = technique_cards().get(one.id)
    if card is not None and card.parts and one.outcome("procedure_time_min") is None:
        yield one.id, "no time: neither its own nor that of each of its parts is published"
    strength = one.outcome("strength_ratio_to_now")
    rate = one.outcome("fracture_probability")
    if strength is not None:
        beside = f"published {rate.value:g} %" if rate is not None else "no rate is published"
        scenario = f"simulated strength is {strength.value:.0f} % of untreated, a scenario beside it"
        yield one.id, f"fracture: {beside}; {scenario}: no source maps it to a probability"
