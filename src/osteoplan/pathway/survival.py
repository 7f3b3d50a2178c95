"""What is said about the time that is left: scores, models that were run elsewhere, the team's own estimate.

Nothing here is a forecast of ours.  Scores give what was published for their bands; PathFx and SPRING are
typed, because their coefficients are not public.  Where two of them point apart, both are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from osteoplan.knowledge.expression import parse
from osteoplan.knowledge.scores import RiskRow, outlook, score_table
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import ScoreResult, Survival, SurvivalRow, how_read, worst
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.vocabulary import Value

__all__ = ["survival"]

Months = tuple[float | None, float | None]

# so that 26 weeks are 6 months and 52 a year, as those who write thresholds in weeks mean them
WEEKS_PER_MONTH = 52.0 / 12.0
_MODELS = {
    "PathFx": {1: "pathfx_1mo_pct", 3: "pathfx_3mo_pct", 6: "pathfx_6mo_pct", 12: "pathfx_12mo_pct",
               18: "pathfx_18mo_pct", 24: "pathfx_24mo_pct"},
    "SPRING": {3: "spring_3mo_pct", 6: "spring_6mo_pct", 12: "spring_12mo_pct"},
}  # fmt: skip
_TEAM = "the team's estimate"
_SCORES = ("katagiri", "tokuhashi", "bauer")


def survival(facts: Mapping[str, Value], scores: Sequence[ScoreResult]) -> Survival:
    """What is known about the time that is left.

    Args:
        facts: checked facts, ``le_weeks`` and the typed answers of models among them.
        scores: results of the scores that apply; a score of which nothing is known says nothing.
    """
    rows = (*_of_scores(scores), *_typed(facts), *_estimated(facts), *_series(facts))
    return Survival(rows, tuple(_disagreements(rows)))


def _of_scores(scores: Sequence[ScoreResult]) -> Iterator[SurvivalRow]:
    for result in scores:
        if result.id not in _SCORES or len(result.band) == len(
            score_table(result.id).bands(0, result.maximum)
        ):
            continue  # every band is still possible: it says nothing yet
        span = " to ".join(str(end) for end in dict.fromkeys(result.total))
        said = f"total {span}: {' or '.join(result.band_text)}"
        yield SurvivalRow(
            result.name, said, "published", cite=result.cite, status=result.status, months=_months(result)
        )
        yield from _shares(result)


def _months(result: ScoreResult) -> Months | None:
    """From and to how many months over every band that is still possible; None where a band has no times."""
    spans = [band.months for _, band in score_table(result.id).bands(*result.total)]
    given = [span for span in spans if span is not None]
    if not given or len(given) < len(spans):
        return None
    lows, highs = [low for low, _ in given], [high for _, high in given]
    low = None if None in lows else min(end for end in lows if end is not None)
    high = None if None in highs else max(end for end in highs if end is not None)
    return low, high


def _shares(result: ScoreResult) -> Iterator[SurvivalRow]:
    """Published shares, over every band that is still possible; none where a possible band has no figure."""
    table = score_table(result.id)
    times = dict.fromkeys(row.at_months for row in table.risk if row.at_months is not None)
    possible = [band for _, band in table.bands(*result.total)]
    for months in times:
        found = [
            _row_of([row for row in table.risk if row.at_months == months], band.low) for band in possible
        ]
        rows = [row for row in found if row is not None]
        values = [float(row.value) for row in rows if isinstance(row.value, int | float)]
        if len(values) == len(possible):
            cites = tuple(dict.fromkeys(key for row in rows for key in row.cite))
            status = worst(*(row.status for row in rows))
            yield SurvivalRow(
                result.name, rows[0].what, "published", months, min(values), max(values), cites, status
            )


def _row_of(rows: Sequence[RiskRow], total: float) -> RiskRow | None:
    return next((row for row in rows if row.low_total <= total <= row.high_total), None)


def _typed(facts: Mapping[str, Value]) -> Iterator[SurvivalRow]:
    for model, by_month in _MODELS.items():
        for months, fact in by_month.items():
            span = _span(facts.get(fact))
            if span is not None:
                yield SurvivalRow(model, vocabulary()[fact].label, "typed", float(months), *span)


def _estimated(facts: Mapping[str, Value]) -> Iterator[SurvivalRow]:
    span = _span(facts.get("le_weeks"))
    if span is not None:
        words = f"{span[0]:g} weeks" if span[0] == span[1] else f"{span[0]:g} to {span[1]:g} weeks"
        months = (span[0] / WEEKS_PER_MONTH, span[1] / WEEKS_PER_MONTH)
        yield SurvivalRow(_TEAM, words, "estimate", months=months)


def _series(facts: Mapping[str, Value]) -> Iterator[SurvivalRow]:
    """Medians of published series of patients like this one; too old and too coarse to contradict anybody."""
    for row in outlook():
        if evaluate(parse(row.when), facts) is True:
            interval = "" if row.low is None else f" ({row.low:g} to {row.high:g})"
            said = f"{row.what} {row.value} months{interval}"
            yield SurvivalRow(row.series, said, "published", cite=row.cite, status=row.status)


def _disagreements(rows: Sequence[SurvivalRow]) -> Iterator[str]:
    """Where two sources point apart: two lengths of life, a length and a share, or two shares.

    Half is the median: a length of life says that about half of such patients live so long.
    """
    lengths = [row for row in rows if row.months is not None]
    shares = [row for row in rows if row.at_months is not None]
    for row in reversed(lengths):  # the team's estimate first
        yield from (
            f"{_length(row)}, {share.model} gives {_share(share)} {_at(share)}"
            for share in shares
            if share.model != row.model and _against(row, share)
        )
    for n, one in enumerate(lengths):
        yield from (f"{_length(two)}, {_length(one)}" for two in lengths[n + 1 :] if _disjoint(one, two))
    for n, one in enumerate(shares):
        for two in shares[n + 1 :]:
            if one.at_months == two.at_months and one.model != two.model and _apart(one, two):
                yield f"{_at(one)} {one.model} gives {_share(one)}, {two.model} {_share(two)}"


def _against(length: SurvivalRow, share: SurvivalRow) -> bool:
    """Whether a length goes beyond a time that few live to see, or stops at one that most live to see."""
    assert length.months is not None
    assert share.at_months is not None
    assert share.low is not None
    assert share.high is not None
    shortest, longest = length.months
    few = shortest is not None and shortest >= share.at_months and share.high < 50.0
    most = longest is not None and longest <= share.at_months and share.low > 50.0
    return few or most


def _disjoint(one: SurvivalRow, two: SurvivalRow) -> bool:
    """Whether no length of life fits both."""
    assert one.months is not None
    assert two.months is not None
    return _ends_before(one.months, two.months) or _ends_before(two.months, one.months)


def _ends_before(one: Months, two: Months) -> bool:
    return one[1] is not None and two[0] is not None and one[1] < two[0]


def _apart(one: SurvivalRow, two: SurvivalRow) -> bool:
    """Whether one gives fewer than half and the other more."""
    assert one.low is not None
    assert one.high is not None
    assert two.low is not None
    assert two.high is not None
    return (one.high < 50.0 < two.low) or (two.high < 50.0 < one.low)


def _length(row: SurvivalRow) -> str:
    return f"the team expects {row.text}" if row.model == _TEAM else f"{row.model} says {row.text}"


def _at(row: SurvivalRow) -> str:
    return f"at {row.at_months:g} months"


def _share(row: SurvivalRow) -> str:
    """The share, marked where nobody saw it in its own source: it may contradict, but not in disguise."""
    share = f"{row.low:g} % alive" if row.low == row.high else f"{row.low:g} to {row.high:g} % alive"
    unseen = (row.basis, row.status) == ("published", "unverified")
    return f"{share} ({how_read(row.status)})" if unseen else share


def _span(value: Value) -> tuple[float, float] | None:
    if isinstance(value, tuple):
        return value
    return (
        (float(value), float(value))
        if isinstance(value, int | float) and not isinstance(value, bool)
        else None
    )
