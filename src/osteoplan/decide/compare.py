"""Options side by side: paired differences, an honest ranking, and ties where the uncertainty keeps them.

Differences are taken draw by draw (draw k is the same sample in every option).  A difference is *supported*
where its interval lies beyond what the model resolves (a mesh, a mask's edge), on either side of zero.
Published and simulated outcomes are never subtracted, and an option never wins on an outcome that its rival
lacks: the ranking uses one simulated outcome that every ranked option has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Literal

from osteoplan.errors import BadInput
from osteoplan.knowledge.outcomes import outcome as outcome_of
from osteoplan.knowledge.outcomes import outcomes
from osteoplan.model.comparison import Column, Comparison, Difference
from osteoplan.model.evidence import Verdict
from osteoplan.model.outcome import Estimate
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
    ranking: tuple[str, ...] = ()
    if not blocking:
        rankable = [o for o in options if o.status == "ranked" and o.outcome(ranked_by) is not None]
        ranking = tuple(o.id for o in sorted(rankable, key=lambda o: sign * _value(o, ranked_by)))
    between = _between({o.id: o for o in options}, ranking, ranked_by, resolution)
    return Comparison(
        reference=reference,
        ranked_by=ranked_by,
        ranking=ranking,
        columns=(Column(ranked.short_title, (ranked_by,), "ranked"), *_columns(options)),
        differences=differences,
        ties=_ties(between, ranking),
        between=between,
        emptied_by=", ".join(verdict.rule for verdict in blocking),
        notes=_notes(options, ranking, ranked.short_title, blocking),
    )


def _columns(options: Sequence[Option]) -> Iterator[Column]:
    """Columns beside the ranked one: those that always stand, and those of which anything is known."""
    known = {estimate.id for option in options for estimate in option.outcomes}
    rows = [(one.column, id) for id, one in outcomes().items() if one.column is not None]
    for title in dict.fromkeys(row.title for row, _ in sorted(rows, key=lambda each: each[0].place)):
        own = [(row, id) for row, id in rows if row.title == title]
        if any(row.always or id in known for row, id in own):
            kind: Literal["against", "beside"] = "against" if own[0][0].against else "beside"
            yield Column(title, tuple(id for _, id in own), kind, all(row.plans_only for row, _ in own))


def _value(option: Option, outcome: str) -> float:
    estimate = option.outcome(outcome)
    assert estimate is not None
    return estimate.value


def _differences(
    options: Sequence[Option], base: Option, outcome: str, resolution: float
) -> tuple[Difference, ...]:
    """Paired differences of the ranked outcome to the reference, for every option that was simulated."""
    ours = base.outcome(outcome)
    if ours is None or ours.draws is None:
        return ()
    found = []
    for option in options:
        theirs = option.outcome(outcome)
        if option.id == base.id or theirs is None or theirs.draws is None:
            continue
        gain = theirs.minus(ours)
        found.append(Difference(option.id, base.id, gain, _told_apart(gain, resolution)))
    return tuple(found)


def _told_apart(difference: Estimate, resolution: float) -> bool:
    """True where the whole interval is beyond the resolution, on one side of zero."""
    assert difference.low is not None
    assert difference.high is not None
    return bool(difference.low > resolution or difference.high < -resolution)


def _between(
    options: dict[str, Option], ranking: Sequence[str], outcome: str, resolution: float
) -> tuple[Difference, ...]:
    """Paired differences of every two ranked options, the better one less the worse."""
    found = []
    for better, worse in combinations(ranking, 2):
        one, two = options[better].outcome(outcome), options[worse].outcome(outcome)
        assert one is not None
        assert two is not None
        gap = one.minus(two)
        found.append(Difference(better, worse, gap, _told_apart(gap, resolution)))
    return tuple(found)


def _ties(between: Sequence[Difference], ranking: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Neighbours in the ranking that are not told apart."""
    apart = {(pair.option, pair.reference): pair.supported for pair in between}
    return tuple(pair for pair in pairwise(ranking) if not apart[pair])


def _notes(
    options: Sequence[Option], ranking: Sequence[str], what: str, blocking: Sequence[Verdict]
) -> tuple[str, ...]:
    if blocking:
        return tuple(f"{verdict.rule}: {verdict.text}" for verdict in blocking)
    if not any(option.kind == "plan" for option in options):
        return ("no percutaneous technique of this version covers this bone; the comparators stand",)
    if not ranking:
        return ("no percutaneous option is feasible here; the comparators stand",)
    return (
        f"ranked by simulated {what} alone: pain, tumour control and wishes are not in this order",
        f"comparators without a simulated {what} stand beside the ranking, not in it",
    )
