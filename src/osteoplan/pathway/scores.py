"""Clinical scores on what is known: a missing item widens the total, and never counts as nothing.

score("sins", {"location": "T12", "pain": None, "lesion": "lytic"}).total  # (5, 18), four items missing
applicable_scores({"region": "spine", "vertebra": "T12", "matrix": "lytic"})
"""

from __future__ import annotations

from collections.abc import Mapping

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.expression import parse
from osteoplan.knowledge.scores import Item, RiskRow, ScoreTable, score_table, score_tables
from osteoplan.model.evidence import ScoreResult, worst
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.vocabulary import Value, parse_values

__all__ = ["Answer", "applicable_scores", "items_from", "mirels_items", "risk", "score", "sins_items"]

Answer = str | tuple[str, ...] | None


def score(name: str, items: Mapping[str, Answer]) -> ScoreResult:
    """A score on its items.

    Args:
        name: id of the score, e.g. ``sins``.
        items: item -> level, None where it is not known, or the levels that are still possible.

    Raises:
        UnknownName: a score, item or level that does not exist; the message names the nearest.
    """
    table = score_table(name)
    for item in items:
        if item not in table.items:
            raise UnknownName("item", item, table.items, f"the score {name}")
    possible = {item: _levels(table, item, items.get(item)) for item in table.items}
    points = {
        item: (min(_points(table.items[item], levels)), max(_points(table.items[item], levels)))
        for item, levels in possible.items()
    }
    missing = tuple(item for item, levels in possible.items() if len(levels) > 1)
    total = (sum(low for low, _ in points.values()), sum(high for _, high in points.values()))
    notes = tuple(table.items[item].while_missing for item in missing if table.items[item].while_missing)
    return _result(table, total, missing, points, notes)


def applicable_scores(facts: Mapping[str, object]) -> tuple[ScoreResult, ...]:
    """Every score made for this region, added up on the facts.

    A total that a person gave stands as given; a note says so, and says if the findings contradict it.

    Raises:
        UnknownName, BadInput: a fact that cannot be what it says.
    """
    known = parse_values(facts)
    found = []
    for name, table in score_tables().items():
        if evaluate(parse(table.applies), known) is True:
            counted = score(name, items_from(name, known))
            found.append(_as_given(table, counted, known.get(name)))
    return tuple(found)


def items_from(name: str, facts: Mapping[str, Value]) -> dict[str, Answer]:
    """Answers to a score's items that follow from facts of the vocabulary; what does not, stays open."""
    return {item: _answer(row, facts) for item, row in score_table(name).items.items()}


def sins_items(facts: Mapping[str, Value]) -> dict[str, Answer]:
    """SINS items from vertebra, pain_type, matrix, alignment, collapse, involvement, posterolateral."""
    return items_from("sins", facts)


def mirels_items(facts: Mapping[str, Value]) -> dict[str, Answer]:
    """Mirels items from findings: region, limb_pain, matrix, size_fraction and its definition."""
    return items_from("mirels", facts)


def risk(name: str, low: int, high: int) -> tuple[RiskRow, ...]:
    """Published figures for totals from low to high, each with its review status."""
    return tuple(row for row in score_table(name).risk if row.low_total <= high and row.high_total >= low)


def _answer(item: Item, facts: Mapping[str, Value]) -> Answer:
    """The level whose condition holds; else those that are not ruled out; None when none is."""
    truths = {level: evaluate(parse(row.when), facts) for level, row in item.levels.items() if row.when}
    certain = [level for level, truth in truths.items() if truth is True]
    if len(certain) == 1:
        return certain[0]
    possible = tuple(level for level in item.levels if truths.get(level) is not False)
    if len(possible) in (0, len(item.levels)):
        return None
    return possible[0] if len(possible) == 1 else possible


def _levels(table: ScoreTable, item: str, answer: Answer) -> tuple[str, ...]:
    """Ids of the levels that an answer leaves possible."""
    if answer is None:
        return tuple(table.items[item].levels)
    given = (answer,) if isinstance(answer, str) else answer
    if not isinstance(given, tuple) or not given:
        raise BadInput(
            f"{table.id}: {item} is {answer!r}; write one of {', '.join(table.items[item].levels)}"
        )
    return tuple(_level(table, item, level) for level in given)


def _level(table: ScoreTable, item: str, typed: str) -> str:
    levels = table.items[item].levels
    for id, level in levels.items():
        if typed == id or typed in level.also:
            return id
    raise UnknownName(f"level of {item}", typed, levels, f"the score {table.id}")


def _points(item: Item, levels: tuple[str, ...]) -> list[int]:
    return [item.levels[level].points for level in levels]


def _as_given(table: ScoreTable, counted: ScoreResult, given: Value) -> ScoreResult:
    """The total that a person gave in place of the counted one."""
    if given is None or isinstance(given, str | bool):
        return counted
    low, high = given if isinstance(given, tuple) else (given, given)
    notes = ["total as given, not added up here"]
    if high < counted.total[0] or low > counted.total[1]:
        notes.append(f"the findings contradict it: they allow {counted.total[0]} to {counted.total[1]}")
    return _result(table, (int(low), int(high)), (), counted.items, tuple(notes))


def _result(
    table: ScoreTable,
    total: tuple[int, int],
    missing: tuple[str, ...],
    points: Mapping[str, tuple[int, int]],
    notes: tuple[str, ...],
) -> ScoreResult:
    """The result with every band that the total reaches, in every reading, and the figures for it."""
    bands = table.bands(*total)
    several = len(table.readings) > 1
    names = {key: reading.name for key, reading in table.readings.items()}
    texts = tuple(f"{names[id.split('/')[0]]}: {band.text}" if several else band.text for id, band in bands)
    readings = table.readings.values()
    return ScoreResult(
        id=table.id,
        name=table.name,
        total=total,
        maximum=table.range[1],
        band=tuple(id for id, _ in bands),
        band_text=texts,
        missing=missing,
        items=points,
        cite=tuple(dict.fromkeys([*table.cite, *(key for reading in readings for key in reading.cite)])),
        status=worst(table.status, *(reading.status for reading in readings)),
        notes=(*notes, *(reading.note for reading in readings if reading.note), *_figures(table, total)),
    )


def _figures(table: ScoreTable, total: tuple[int, int]) -> tuple[str, ...]:
    """Published figures for the totals reached, as sentences with their status."""
    return tuple(
        f"{table.risk_of} at a total of {_span(row.low_total, row.high_total)}: {row.value} {row.unit} "
        f"({row.status}{': ' + row.note if row.note else ''})"
        for row in risk(table.id, *total)
    )


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
