"""The table of the first page: seven techniques at most, simulated or not, in the order of their tiers.

A technique is one row, its ways beneath it.  What a rule says stands where its technique stands; what fits in
no cell is told in full in the appendix.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from osteoplan.decide.candidates import beneath, candidates, folded
from osteoplan.model.choice import ABOVE_WORDS, TIER_ORDER, Candidate
from osteoplan.model.evidence import Recommendation, tier_words
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.plan import BREACH, Option
from osteoplan.model.result import PlanResult
from osteoplan.report.facts_in_words import label_of
from osteoplan.report.plan.nouns import Linked, NotHere, Row
from osteoplan.report.words import Value, absolute, clause, few_words, joined, name_of, number, value_of

__all__ = [
    "ALONE", "MOST", "bone_lines", "breach_of", "chosen", "in_order", "load_link", "near_to",
    "not_here", "row", "sources_of", "told",
]  # fmt: skip

MOST = 7  # options on the first page
# Characters in a line of a cell, at 8 pt and with room to break; a row has three lines.
_LINES = 3
_TITLE, _TIER, _EVIDENCE, _BONE, _RISK, _BURDEN, _AGAINST, _REASON = 27, 27, 32, 19, 23, 14, 23, 150
_LEAST = 20  # characters below which a sentence is not begun
ALONE = "°"  # beside a figure that no other option left has


def in_order(result: PlanResult) -> tuple[Candidate, ...]:
    """Every technique by tier, within one as the choice places them, else as the comparison orders them."""
    found = candidates(
        result.explanation.recommendations, result.simulations.options, result.comparison.ranking,
        result.published,
    )  # fmt: skip
    if result.choice is None:
        return found
    place = {one.technique: one.place for one in result.choice.placed}
    last = len(place) + 1  # what goes with any other treatment stands in nobody's place

    def at(one: Candidate) -> tuple[bool, int, int]:
        return one.shut, TIER_ORDER[one.recommendation.tier], place.get(one.id, last)

    return folded(sorted(found, key=at))


def chosen(standings: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Rows of the table and those below them: the best tiers first, within one the simulated first.

    A technique that no rule could support is no row, unless it is what the others are compared with.
    """
    open_ = [
        one
        for one in standings
        if not one.shut and (one.recommendation.tier or one.recommendation.family == "support")
    ]
    by_weight = sorted(open_, key=lambda one: (TIER_ORDER[one.recommendation.tier or 2], one.plan is None))
    taken = by_weight[:MOST]
    shut = [
        one
        for one in standings
        if one.shut and (one.options or one.recommendation.prefer or one.recommendation.consider)
    ]
    return tuple(one for one in open_ if one in taken), tuple(shut[: MOST - len(taken)])


def row(result: PlanResult, one: Candidate, aim: Sequence[str], listed: Sequence[Candidate] = ()) -> Row:
    """What the table says of a technique; ``listed`` are all of the table."""
    shown = one.plan or (one.open[0] if one.open else None)
    tier = tier_words(one.recommendation.tier, one.recommendation.family)
    above = tuple(_above(result, one))
    room = _LINES * _TIER - len(tier) - 4 - sum(len(told.text) + 2 for told in above)
    return Row(
        technique=one.recommendation.technique,
        title=one.recommendation.title,
        anchor=f"option-{shown.id}" if shown else "techniques",
        part=any(beneath(one, whole) for whole in listed),
        ways=_cut(_ways(one), _TITLE, _LINES - _lines(one.recommendation.title, _TITLE)),
        tier=tier,
        above=above,
        terms=clause(_terms(result, one.recommendation), room, at="\n") if room > _LEAST else "",
        aim=", ".join(aim),
        evidence=_fitted(_figures(result, one, "evidence"), _EVIDENCE),
        bone=_fitted(bone_lines(result, () if shown is None else shown.outcomes), _BONE),
        risk=_fitted(_risk(result, one), _RISK),
        burden=_fitted(_burden(result, one), _BURDEN),
        against=_whole(_against(result, one), _AGAINST),
    )


def not_here(one: Candidate) -> NotHere:
    """Why a technique is not for this patient, or cannot be done."""
    reasons = one.recommendation.because
    if one.recommendation.tier != 4:
        reasons = tuple(reason.text for option in one.options[:1] for reason in option.reasons)
    text = "; ".join(reasons) or "no reason was recorded"
    anchor = f"option-{one.options[0].id}" if one.options else "techniques"
    return NotHere(
        one.recommendation.technique, one.recommendation.title, anchor, clause(text, _REASON, at="\n")
    )


def told(result: PlanResult, estimate: Estimate) -> Value:
    """An outcome as it is printed: a share in per cent, where its outcome is told so; a level by its word."""
    outcome = result.wordings.outcomes[estimate.id]
    value = value_of(estimate, per_cent=outcome.format == "per_cent")
    return replace(value, text=outcome.levels[int(estimate.value)]) if outcome.levels else value


def _lines(text: str, per_line: int) -> int:
    return math.ceil(len(text) / per_line)


def load_link(load_case: str) -> str:
    """Id of the place that tells how a load case was held, loaded and solved."""
    return "load-" + re.sub(r"\W+", "-", load_case.partition(": ")[0]).strip("-")


def sources_of(result: PlanResult, because: Iterable[str]) -> tuple[int, ...]:
    """Numbers in the list of the sources among what something rests on."""
    place = {citation.key: n for n, citation in enumerate(result.citations, 1)}
    return tuple(place[key] for key in because if key in place)


def _published(result: PlanResult, estimate: Estimate, text: str) -> Linked:
    """A figure of a study, beside its source; of an answer, beside the answers."""
    numbers = sources_of(result, estimate.because)
    return Linked(text, f"source-{numbers[0]}" if numbers else "evidence", numbers)


def _fitted(parts: Iterable[Linked], per_line: int, lines: int = _LINES) -> tuple[Linked, ...]:
    """As many numbers as a cell holds, each whole and on lines of its own."""
    shown: list[Linked] = []
    for part in parts:
        lines -= _lines(part.text, per_line)
        if lines >= 0:
            shown.append(part)
    return tuple(shown)


def _cut(text: str, per_line: int, lines: int = _LINES) -> str:
    """As many words as a cell holds."""
    return clause(text, lines * per_line - 2, at="\n") if lines > 0 else ""


def _whole(items: Iterable[Linked], per_line: int, lines: int = _LINES) -> tuple[Linked, ...]:
    """As many whole items as a cell holds; one that would be cut is left to the page behind."""
    shown: list[Linked] = []
    for item in items:
        if len("; ".join(one.text for one in [*shown, item])) <= lines * per_line - 2:
            shown.append(item)
    return tuple(shown)


def bone_lines(result: PlanResult, outcomes: Sequence[Estimate]) -> tuple[Linked, ...]:
    """Per cent of intact with its interval; then the worst by how the bone was held.  Newtons never."""
    known = next((e for e in outcomes if e.id == result.comparison.ranked_by and not absolute(e)), None)
    if known is None:
        return ()
    cases = {known.target: known.value, **known.beside}
    worst = {
        word: min(value for title, value in cases.items() if ("discs" in title) == (word == "discs"))
        for word in ("discs", "caps")
        if any(("discs" in title) == (word == "discs") for title in cases)
    }
    told_apart = sorted(worst.items(), key=lambda one: one[1])
    held = " – ".join(f"{number(value)} {word}" for word, value in told_apart)
    half = []
    if known.draws is not None and known.value > np.percentile(known.draws, 75.0):
        half = [f"half below {number(float(np.median(known.draws)))}"]
    texts = (joined(told(result, known)).replace(" %", ""), *([held] if len(worst) > 1 else []), *half)
    return tuple(Linked(text, load_link(known.target)) for text in texts)


def breach_of(option: Option) -> tuple[float, str] | None:
    """Probability that a plan's devices breach anything, as a share of 1, and what most often."""
    share = option.plan.breach
    found = [e for e in option.plan.clearances if e.id == "breach_probability" and near_to(e) != "any"]
    if share is None:
        return None
    return share, near_to(max(found, key=lambda e: e.value)) if found else ""


def near_to(estimate: Estimate) -> str:
    """What a clearance, a breach or a margin is of, without the path that it is on."""
    return name_of(estimate.target.partition(",")[0]).replace("degC", "°C")


def _ways(one: Candidate) -> str:
    """What tells the ways of a technique apart: their short titles without what they share with it."""
    own = [o for o in one.open if o.kind == "plan"]
    words = [o.plan.short_title.removeprefix(one.recommendation.title).strip(" ,") for o in own]
    first, *others = [word for word in words if word] or [""]
    return first + (f"; also {', '.join(others)}" if others else "")


def _terms(result: PlanResult, said: Recommendation) -> str:
    """On what the tier stands: by which rules, what it waits for, what was presumed, on which conditions."""
    labels, supposed = result.wordings.labels, {one.fact: one for one in result.explanation.presumed}
    waits = [label_of(fact, labels) for fact in said.open]
    leans = [supposed[f].because if f in supposed else label_of(f, labels) for f in said.presumed]
    told_already, supports = ("waits for", "reasonable if"), said.prefer or said.consider
    return "; ".join(
        [
            *([f"by {few_words(supports, 12)}"] if supports else []),
            *([f"{'if' if said.tier == 2 else 'waits for'}: {few_words(waits, 60)}"] if waits else []),
            *([f"presumed: {few_words(leans, 60)}"] if leans else []),
            *(text for text in said.because if not text.startswith(told_already)),
        ]
    )


def _firsts(result: PlanResult, one: Candidate, cell: str) -> Iterator[Estimate]:
    """Of each outcome of a cell the first that was published on these patients and this procedure."""
    for id in (id for id, outcome in result.wordings.outcomes.items() if outcome.cell == cell):
        own = (e for e in one.published if e.id == id and not (e.study and e.study.population))
        yield from list(own)[:1]


def _above(result: PlanResult, one: Candidate) -> Iterator[Linked]:
    """*above kyphoplasty by safety*: of its tier, those that it is told above."""
    names = {said.technique: said.title for said in result.explanation.recommendations}
    for by, words in ABOVE_WORDS.items():
        pairs = result.choice.above if result.choice else ()
        worse = [names[pair.worse] for pair in pairs if pair.better == one.id and pair.by == by]
        if worse:
            yield Linked(f"above {few_words(worse, 22)} {words}", "choice")


def _burden(result: PlanResult, one: Candidate) -> Iterator[Linked]:
    """*43 min*, *stay 1 day*, *general anaesthesia*; what is none is no burden."""
    before = {"stay_days": "stay ", "days_to_walking": "walks after "}
    for estimate in _firsts(result, one, "burden"):
        outcome, words = result.wordings.outcomes[estimate.id], told(result, estimate).text
        if not outcome.levels:
            yield _published(result, estimate, before.get(estimate.id, "") + words)
        elif estimate.value > 0.0:
            named = words if words == "sedation" else f"{words} {outcome.short_title}"
            yield _published(result, estimate, named)


def _figures(result: PlanResult, one: Candidate, cell: str) -> Iterator[Linked]:
    """*pain better 60 % at 3 months, n 5 000, low certainty*."""
    compared = () if result.outcome_table is None else result.outcome_table.compared
    alone = {found.outcome for found in compared if found.words(one.id)}
    for estimate in _firsts(result, one, cell):
        study = estimate.study or Study()
        parts = [
            f"at {study.months:g} mo" if study.months is not None else "",
            f"n {study.n}" if study.n is not None else "",
            # beside the nearest structure a harm has two lines: how sure it is stands in the evidence table
            f"{study.certainty} certainty" if study.certainty and cell == "evidence" else "",
        ]
        text = f"{result.wordings.outcomes[estimate.id].title} {joined(told(result, estimate))}"
        text += ALONE if estimate.id in alone else ""
        yield _published(result, estimate, ", ".join(filter(None, [text, *parts])))


def _risk(result: PlanResult, one: Candidate) -> Iterator[Linked]:
    """What is warmed or cooled most, the likeliest breach, what is nearest, and the harm that was published.

    Without heat or cold what is nearest comes first.
    """
    if one.plan is not None:
        breach, link = breach_of(one.plan), f"option-{one.plan.id}"
        near, likely = list[Linked](), list[Linked]()
        if gaps := [e for e in one.plan.plan.clearances if e.id == "clearance_mm"]:
            least = min(gaps, key=lambda e: e.value)
            near.append(Linked(f"{near_to(least)} {number(least.value, 'mm')}", link))
        if breach is not None and breach[0] <= BREACH:
            most = f" ({breach[1]})" if breach[1] else ""
            likely.append(Linked(f"breach {number(100.0 * breach[0])} %{most}", link))
        felt = list(_felt(result, one.plan))
        yield from (*felt, *likely, *near) if felt else (*near, *likely)
    yield from list(_figures(result, one, "risk"))[:1]


def _felt(result: PlanResult, option: Option) -> Iterator[Linked]:
    """The structure that heat or cold brings nearest to its limit, or farthest beyond it."""
    peaks = [peak for record in result.simulations.heat.get(option.id, ()) for peak in record.peaks]
    own = {(e.id, e.target): e for e in option.outcomes}
    for one in sorted(peaks, key=lambda peak: peak.room_K):
        e = own.get(("coldest_degC" if one.colder else "hottest_degC", one.structure))
        if e is not None:
            yield Linked(f"{near_to(e)} {told(result, e).text}", f"heat-{option.id}")
            return


def _against(result: PlanResult, one: Candidate) -> Iterator[Linked]:
    """What beats it, a likely breach, then what the rules warn of, then what the plan says itself."""
    names = {said.technique: said.title for said in result.explanation.recommendations}
    for beaten in result.choice.dominated if result.choice else ():
        if beaten.technique == one.id:
            yield Linked(f"dominated by {names[beaten.by]}", "choice")
    if one.plan is not None and (breach := breach_of(one.plan)) and breach[0] > BREACH:
        most = f", mostly of the {breach[1]}" if breach[1] else ""
        yield Linked(f"breach in {number(100.0 * breach[0])} %{most}", f"option-{one.plan.id}")
    cautions = {v.rule: v.text for v in result.explanation.verdicts if v.rule in one.recommendation.caution}
    yield from (Linked(f"{rule}: {clause(text, 70)}", f"rule-{rule}") for rule, text in cautions.items())
    if one.plan is not None:
        # how far it may fall short stands beside the bone
        told = (warning for warning in one.plan.warnings if "the plan as drawn" not in warning)
        yield from (Linked(clause(warning, 70, at=";:"), f"option-{one.plan.id}") for warning in told)
