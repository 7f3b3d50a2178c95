"""What is said about the time that is left: scores, models that were run elsewhere, the team's own estimate.

Nothing here is a forecast of ours.  Scores give what was published for their bands; PathFx and SPRING are
typed, because their coefficients are not public.  Where two of them point apart, both are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from osteoplan.knowledge.scores import RiskRow, score_table
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import ScoreResult
from osteoplan.model.survival import Survival, SurvivalRow
from osteoplan.pathway.vocabulary import Value

__all__ = ["survival"]

WEEKS_PER_MONTH = 365.25 / 12.0 / 7.0
_MODELS = {
    "PathFx": {1: "pathfx_1mo_pct", 3: "pathfx_3mo_pct", 6: "pathfx_6mo_pct", 12: "pathfx_12mo_pct",
               18: "pathfx_18mo_pct", 24: "pathfx_24mo_pct"},
    "SPRING": {3: "spring_3mo_pct", 6: "spring_6mo_pct", 12: "spring_12mo_pct"},
}  # fmt: skip
_SCORES = ("katagiri", "tokuhashi", "bauer")


def survival(facts: Mapping[str, Value], scores: Sequence[ScoreResult]) -> Survival:
    """What is known about the time that is left.

    Args:
        facts: checked facts, ``le_weeks`` and the typed answers of models among them.
        scores: results of the scores that apply; a score of which nothing is known says nothing.
    """
    rows = (*_of_scores(scores), *_typed(facts), *_estimated(facts))
    return Survival(rows, tuple(_disagreements(rows, facts.get("le_weeks"))))


def _of_scores(scores: Sequence[ScoreResult]) -> Iterator[SurvivalRow]:
    for result in scores:
        if result.id not in _SCORES or len(result.band) == len(
            score_table(result.id).bands(0, result.maximum)
        ):
            continue  # every band is still possible: it says nothing yet
        span = " to ".join(str(end) for end in dict.fromkeys(result.total))
        said = f"total {span}: {' or '.join(result.band_text)}"
        yield SurvivalRow(result.name, said, "published", cite=result.cite, status=result.status)
        yield from _shares(result)


def _shares(result: ScoreResult) -> Iterator[SurvivalRow]:
    """Published shares, over every band that is still possible; none where a possible band has no figure."""
    table = score_table(result.id)
    times = dict.fromkeys(row.at_months for row in table.risk if row.at_months is not None)
    possible = [band for _, band in table.bands(*result.total)]
    for months in times:
        rows = [row for row in table.risk if row.at_months == months]
        found = [_row_of(rows, band.low) for band in possible]
        values = [float(row.value) for row in found if row is not None and isinstance(row.value, int | float)]
        if len(values) == len(possible):
            first = next(row for row in found if row is not None)
            yield SurvivalRow(
                result.name,
                first.what,
                "published",
                months,
                min(values),
                max(values),
                first.cite,
                first.status,
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
        yield SurvivalRow("the team's estimate", words, "estimate")


def _disagreements(rows: Sequence[SurvivalRow], expected: Value) -> Iterator[str]:
    """Where the team expects a time that a source gives to fewer than half, or the reverse, or sources part.

    Half is the median: an estimate of the time that is left says that about half of such patients live so
    long.
    """
    shares = [
        row for row in rows if row.at_months is not None and row.low is not None and row.high is not None
    ]
    span = _span(expected)
    for row in shares:
        assert row.at_months is not None
        assert row.low is not None
        assert row.high is not None
        weeks, gives = row.at_months * WEEKS_PER_MONTH, f"{row.model} gives {_share(row)} {_at(row)}"
        if span is not None and span[0] > weeks and row.high < 50.0:
            yield f"the team expects {span[0]:g} weeks or more, {gives}"
        if span is not None and span[1] < weeks and row.low > 50.0:
            yield f"the team expects {span[1]:g} weeks or less, {gives}"
    for n, one in enumerate(shares):
        for two in shares[n + 1 :]:
            if one.at_months == two.at_months and one.model != two.model and _apart(one, two):
                yield f"{_at(one)} {one.model} gives {_share(one)}, {two.model} {_share(two)}"


def _apart(one: SurvivalRow, two: SurvivalRow) -> bool:
    """Whether one gives fewer than half and the other more."""
    assert one.low is not None
    assert one.high is not None
    assert two.low is not None
    assert two.high is not None
    return (one.high < 50.0 < two.low) or (two.high < 50.0 < one.low)


def _at(row: SurvivalRow) -> str:
    return f"at {row.at_months:g} months"


def _share(row: SurvivalRow) -> str:
    return f"{row.low:g} % alive" if row.low == row.high else f"{row.low:g} to {row.high:g} % alive"


def _span(value: Value) -> tuple[float, float] | None:
    if isinstance(value, tuple):
        return value
    return (
        (float(value), float(value))
        if isinstance(value, int | float) and not isinstance(value, bool)
        else None
    )
