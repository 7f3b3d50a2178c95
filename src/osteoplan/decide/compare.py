"""Options side by side: paired differences, an honest ranking, and ties where the uncertainty keeps them.

Differences are taken draw by draw (draw k is the same sample in every option), load case by load case; the
interval is that of all load cases together.  A difference is *supported* where it lies beyond what the model
resolves (a mesh, a mask's edge), on either side of zero.  The ranking is cut where all before is told above
all behind; within such a group nothing is above anything else, and safety orders (``safety``).
Published and simulated outcomes are never subtracted, and an option never wins on an outcome that its rival
lacks: the ranking uses one simulated outcome that every ranked option has.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import combinations, pairwise

from osteoplan.decide.safety import safety
from osteoplan.errors import BadInput
from osteoplan.knowledge.outcomes import outcome as outcome_of
from osteoplan.model.comparison import Comparison, Difference
from osteoplan.model.evidence import Verdict
from osteoplan.model.outcome import pooled
from osteoplan.model.plan import Option

__all__ = ["compare"]


def compare(
    options: Sequence[Option],
    *,
    reference: str,
    ranked_by: str,
    resolution: float = 0.0,
    blocking: Sequence[Verdict] = (),
) -> Comparison:
    """Compare options.

    Args:
        reference: id of the option that differences are against.
        ranked_by: outcome id of the ranking, best first: ``knowledge.outcomes`` says which way is better.
        resolution: smallest difference of that outcome that the model can tell, in its unit.
        blocking: true stop and route verdicts; any of them empties the ranking.

    Raises:
        BadInput: of ``ranked_by`` neither more nor less is better.
        UnknownName: ``ranked_by`` is no outcome.
    """
    ranked = outcome_of(ranked_by)
    if ranked.better == "neither":
        raise BadInput(f"neither more nor less of '{ranked.title}' is better: rank by another outcome")
    sign = -1.0 if ranked.better == "more" else 1.0
    base = next(option for option in options if option.id == reference)
    differences = _differences(options, base, ranked_by, resolution)
    rankable = [] if blocking else [o for o in options if o.status == "ranked" and o.outcome(ranked_by)]
    rankable.sort(key=lambda o: sign * _value(o, ranked_by))
    between = _between(rankable, ranked_by, resolution)
    groups = _groups(rankable, between, sign)
    ranking = tuple(id for group in groups for id in group)
    return Comparison(
        reference=reference,
        ranked_by=ranked_by,
        ranking=ranking,
        groups=groups,
        ranked_word=ranked.short_title,
        differences=differences,
        ties=_ties(between, ranking),
        between=between,
        emptied_by=", ".join(verdict.rule for verdict in blocking),
        notes=_notes(options, ranking, ranked.short_title, blocking),
    )


def _value(option: Option, outcome: str) -> float:
    estimate = option.outcome(outcome)
    assert estimate is not None
    return estimate.value


def _differences(
    options: Sequence[Option], base: Option, outcome: str, resolution: float
) -> tuple[Difference, ...]:
    """Paired differences of the ranked outcome to the reference, for every option that was simulated."""
    found = (_difference(option, base, outcome, resolution) for option in options if option.id != base.id)
    return tuple(one for one in found if one is not None)


def _between(options: Sequence[Option], outcome: str, resolution: float) -> tuple[Difference, ...]:
    """Paired differences of every two ranked options, the better one less the worse."""
    found = (_difference(one, two, outcome, resolution) for one, two in combinations(options, 2))
    return tuple(one for one in found if one is not None)


def _difference(one: Option, two: Option, outcome: str, resolution: float) -> Difference | None:
    """One option less another, by every load case that both have; the first option's worst case is named."""
    ours, theirs = (
        {e.target: e for e in option.outcomes if e.id == outcome and e.draws is not None}
        for option in (one, two)
    )
    gaps = [estimate.minus(theirs[target]) for target, estimate in ours.items() if target in theirs]
    if not gaps:
        return None
    low, high = pooled(gaps)
    beside = {gap.target: gap.value for gap in gaps[1:]}
    told = replace(gaps[0], low=low, high=high, beside=beside)
    return Difference(one.id, two.id, told, low > resolution or high < -resolution)


def _groups(
    options: Sequence[Option], between: Sequence[Difference], sign: float
) -> tuple[tuple[str, ...], ...]:
    """Options, best first, cut where every one before is told above every one behind; inside by safety."""
    above = {(d.option, d.reference) for d in between if d.supported and sign * d.estimate.value < 0.0}
    groups: list[list[Option]] = []
    for n, option in enumerate(options):
        apart = all((one.id, two.id) in above for one in options[:n] for two in options[n:])
        if apart:
            groups.append([])
        groups[-1].append(option)
    return tuple(_inside(group, above) for group in groups)


def _inside(group: Sequence[Option], above: Set[tuple[str, str]]) -> tuple[str, ...]:
    """The safest first; one that another is told above comes after it."""
    left, found = sorted(group, key=safety), []
    while left:
        free = [o for o in left if not any((other.id, o.id) in above for other in left)] or left
        found.append(free[0].id)
        left.remove(free[0])
    return tuple(found)


def _ties(between: Sequence[Difference], ranking: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Neighbours in the ranking that are not told apart."""
    apart = {frozenset((pair.option, pair.reference)): pair.supported for pair in between}
    return tuple(pair for pair in pairwise(ranking) if not apart.get(frozenset(pair), False))


def _notes(
    options: Sequence[Option], ranking: Sequence[str], what: str, blocking: Sequence[Verdict]
) -> tuple[str, ...]:
    if blocking:
        return tuple(f"{verdict.rule}: {verdict.text}" for verdict in blocking)
    if not any(option.kind == "plan" for option in options):
        return ("no percutaneous technique of this version covers this bone; the other treatments stand",)
    if not ranking:
        return ("no percutaneous option fits here; the other treatments stand",)
    return (
        f"ordered by simulated {what} alone, relative to the same bone and one load case at a time: "
        "pain, tumour control and wishes are not in this order",
        f"other treatments without a simulated {what} stand beside this order, not in it",
    )
