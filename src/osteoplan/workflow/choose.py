"""Choose: tiers, simulation and the patient's answers together, and what would change what stands first.

An open fact is answered in every way that the rules tell apart, a presumed one the other way; an input of the
physics is put at its ends; where nobody was asked what matters, all weights are tried.  Each is counted the
same way: in how many of the cases tried something else stands first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from osteoplan.decide.choice import choose as side_by_side
from osteoplan.decide.choice import first_of
from osteoplan.knowledge.centre.ruleset import rule_set
from osteoplan.knowledge.outcomes import outcome as outcome_of
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.choice import Candidate, Choice, NextQuestion
from osteoplan.model.comparison import Comparison, Difference
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.preference import PreferenceResult
from osteoplan.model.result import Explanation, Reading
from osteoplan.pathway.assess import Assessor
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.questions import answered
from osteoplan.workflow.knowledge import local_rule_set

__all__ = ["choose"]


def choose(
    reading: Reading, explained: Explanation, candidates: Sequence[Candidate], comparison: Comparison,
    preference: PreferenceResult | None, ensemble: Ensemble, resolution: float,
) -> Choice:  # fmt: skip
    """The choice, with the three questions that would change it most often.

    Args:
        resolution: smallest difference of the ranked outcome that the model can tell.
    """
    made = side_by_side(candidates, comparison, ensemble, preference)
    asked = [
        *_facts(reading, explained, candidates),
        *_physics(candidates, made, comparison, resolution),
        *_preference(made, preference),
    ]
    return side_by_side(candidates, comparison, ensemble, preference, asked)


def _facts(
    reading: Reading, explained: Explanation, candidates: Sequence[Candidate]
) -> Iterator[NextQuestion]:
    """Open facts, then presumed ones: the answers that bring other techniques to the best tier."""
    centre = reading.case.centre
    assessor = Assessor(local_rule_set(centre.knowledge) or rule_set(), centre)
    known = Facts({name: value for name, value in explained.facts.items() if name in vocabulary()})
    # what no path allows stays shut whatever is answered
    undone = {one.id for one in candidates if one.options and not one.open and one.recommendation.tier != 4}
    can = [one.id for one in candidates if one.id not in undone and not one.beside]
    now = first_of({one.id: one.recommendation.tier for one in candidates}, can)
    for question in explained.questions:
        yield from _asked(
            assessor, known, question.fact, question.weighed_as or question.fact, question.text, can, now
        )
    for one in explained.presumed:
        if one.kind == "presumed":
            yield from _asked(
                assessor, known, one.fact, one.fact, f"taken for granted: {one.because}", can, now, one.value
            )


def _asked(
    assessor: Assessor, known: Facts, fact: str, tried: str, text: str, can: Sequence[str],
    now: frozenset[str], presumed: object = None,
) -> Iterator[NextQuestion]:  # fmt: skip
    """Nothing where no answer changes what stands first."""
    answers = [(value, tiers) for value, tiers in answered(assessor, known, tried) if value != presumed]
    others = [then for _, tiers in answers if (then := first_of(tiers, can)) != now]
    if others:
        instead = tuple(sorted(frozenset[str]().union(*others) - now))
        lost = tuple(sorted(now - frozenset[str].intersection(*others)))
        kind: Literal["fact", "presumed"] = "fact" if presumed is None else "presumed"
        yield NextQuestion(kind, fact, text, len(others) / len(answers), len(answers), instead, lost)


def _physics(
    candidates: Sequence[Candidate], made: Choice, comparison: Comparison, resolution: float
) -> Iterator[NextQuestion]:
    """Inputs of the physics that, at an end, no longer tell the first above one of its tier."""
    ways: Mapping[str, str] = {one.plan.id: one.id for one in candidates if one.plan is not None}
    pairs = {(told.better, told.worse) for told in made.above if told.by == "strength"}
    changing: dict[str, list[str]] = {}
    ends: dict[str, int] = {}
    for gap in comparison.between:
        pair = (ways.get(gap.option, ""), ways.get(gap.reference, ""))
        better = pair if pair in pairs else pair[::-1]
        if better not in pairs or better[0] not in made.first:
            continue
        for input, values in gap.estimate.one_at_a_time.items():
            lost = sum(not _still(gap, value, comparison, resolution) for value in values)
            if lost:
                changing.setdefault(input, []).append(better[1])
                ends[input] = max(ends.get(input, 0), len(values))
    for input, others in changing.items():
        text = f"how sure is the {input.replace('_', ' ')} that the simulation assumes?"
        yield NextQuestion(
            "physics", input, text, 1.0 / ends[input], ends[input], tuple(dict.fromkeys(others))
        )


def _still(gap: Difference, value: float, comparison: Comparison, resolution: float) -> bool:
    """Whether a difference still tells the same one above, beyond what the model resolves."""
    sign = 1.0 if outcome_of(comparison.ranked_by).better == "more" else -1.0
    way = 1.0 if sign * gap.estimate.value > 0.0 else -1.0
    return way * sign * value > resolution


def _preference(made: Choice, preference: PreferenceResult | None) -> Iterator[NextQuestion]:
    """What matters to the patient, where nobody has asked and it decides among those that share a place."""
    if preference is None or preference.answers is not None or not preference.asked:
        return
    shares = {one.technique: one.first for one in preference.options if one.technique in made.first}
    best = max(shares, key=lambda id: shares[id], default="")
    others = tuple(id for id, share in shares.items() if id != best and share > 0.0)
    if others:
        text = "what matters most to the patient? Nobody has asked yet"
        yield NextQuestion("preference", "preferences", text, 1.0 - shares[best], preference.samples, others)
