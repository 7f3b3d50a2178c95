"""Clinical scores on what is known: a missing item widens the total, and never counts as nothing.

score("sins", {"location": "T12", "pain": None, "lesion": "lytic"}).total  # (5, 18), four items missing
score("bilsky", {"bilsky": "1b"}).band                                     # ("1b",)
applicable_scores(Facts({"region": "spine", "vertebra": "T12", "matrix": "lytic"}))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.expression import names, parse
from osteoplan.knowledge.scores import Item, RiskRow, ScoreTable, conversions, score_table, score_tables
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import ReviewStatus, ScoreResult, how_read, worst
from osteoplan.model.outcome import none_or_all
from osteoplan.pathway.expression import deciders, evaluate
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.presume import stands_in
from osteoplan.pathway.vocabulary import Value

__all__ = ["Answer", "applicable_scores", "items_from", "risk", "score"]

Answer = str | tuple[str, ...] | None
Number = int | float
Points = Mapping[str, tuple[Number, Number]]


def score(name: str, items: Mapping[str, object], sources: Mapping[str, str] | None = None) -> ScoreResult:
    """A score on its items.

    Args:
        name: id of the score, e.g. ``sins``.
        items: item -> level, None where it is not known, or the levels that are still possible; of a class
            or table: fact -> value.
        sources: item or fact -> where the answer came from.

    Raises:
        UnknownName: a score, item or level that does not exist; the message names the nearest.
        BadInput: an answer that cannot be meant.
    """
    table = score_table(name)
    if table.kind == "sum":
        return _added(table, _spelt_out(table, items), sources or {})
    known = _facts_of(table)
    for fact in items:
        if fact not in known:
            raise UnknownName("item", fact, known, f"the score {name}")
    return _classified(table, Facts(items, where=f"the score {name}"), sources or {})


def applicable_scores(
    facts: Facts, sources: Mapping[str, str] | None = None, *, regions: Sequence[str] = ()
) -> tuple[ScoreResult, ...]:
    """Every score made for this region, worked out on the facts.

    A total that a person gave stands as given; a note says so, and says if the findings contradict it.
    What one scale says of another (Karnofsky of ECOG) fills in for what nobody gave, marked as derived.

    Args:
        facts: what is known.
        sources: fact -> ``given``, ``measured`` or ``derived``; given where nothing is said.
        regions: where the lesion can lie, by its bone, though nobody knows where in it: a score that was
            made for all of them applies.
    """
    known, told, rests_on = _converted(facts, sources or {})
    found = {}
    tables = [table for table in score_tables().values() if _applies(table, known, regions)]
    for table in tables:
        if table.kind == "sum":
            counted = _added(table, items_from(table.id, known), _item_sources(table, known, told))
            found[table.id] = _as_given(table, counted, known.get(table.id))
    # totals are facts to classes and tables: NOMS reads SINS
    totals = {id: result.total for id, result in found.items() if id in vocabulary()}
    told = {**told, **{id: "derived" for id in totals if id not in known}}
    known = known.filled(totals)
    for table in tables:
        if table.kind != "sum":
            own = {fact: known[fact] for fact in _facts_of(table) if fact in known}
            found[table.id] = _classified(table, own, {fact: told.get(fact, "given") for fact in own})
    return tuple(_as_sure_as(found[table.id], table, rests_on) for table in tables)


def items_from(name: str, facts: Mapping[str, Value]) -> dict[str, Answer]:
    """Answers to a score's items that follow from facts of the vocabulary; what does not, stays open."""
    return {item: _answer(row, facts) for item, row in score_table(name).items.items()}


def risk(name: str, low: float, high: float) -> tuple[RiskRow, ...]:
    """Published figures for totals from low to high, each with its review status."""
    return tuple(row for row in score_table(name).risk if row.low_total <= high and row.high_total >= low)


def _converted(
    facts: Facts, sources: Mapping[str, str]
) -> tuple[Facts, dict[str, str], dict[str, ReviewStatus]]:
    """The facts and their sources, with what they say of facts that nobody gave, marked as derived.

    The third is the review status of the conversion behind each fact that was filled in.
    """
    known, told, rests_on = facts, dict(sources), dict[str, ReviewStatus]()
    for row in conversions():
        open_ = [fact for fact in row.gives if fact not in known]
        if row.reads == "scores" and open_ and stands_in(row, known):
            known = known.filled(row.gives)
            told.update(dict.fromkeys(open_, "derived"))
            rests_on.update(dict.fromkeys(open_, row.status))
    return known, told, rests_on


def _as_sure_as(result: ScoreResult, table: ScoreTable, rests_on: Mapping[str, ReviewStatus]) -> ScoreResult:
    """The result, no surer than the conversions behind the facts that it read."""
    conditions = [level.when for item in table.items.values() for level in item.levels.values()]
    conditions += [row.when for row in table.classes.values()]
    read = {name for text in conditions if text for name in names(parse(text))}
    weakest = worst(result.status, *(status for fact, status in rests_on.items() if fact in read))
    return replace(result, status=weakest)


def _applies(table: ScoreTable, facts: Mapping[str, Value], regions: Sequence[str] = ()) -> bool:
    """Whether the score was made for this patient; what is unknown does not rule it out."""
    if not table.applies:
        return False
    known = facts.get("region") is not None
    places = [facts] if known or not regions else [{**facts, "region": region} for region in regions]
    if any(evaluate(parse(table.applies), at) is not True for at in places):
        return False
    return not table.unless or evaluate(parse(table.unless), facts) is not True


def _added(table: ScoreTable, items: Mapping[str, object], sources: Mapping[str, str]) -> ScoreResult:
    """The points of the answers, added up; an open item counts with its lowest and its highest."""
    for item in items:
        if item not in table.items:
            raise UnknownName("item", item, table.items, f"the score {table.id}")
    possible = {item: _levels(table, item, items.get(item)) for item in table.items}
    points = {
        item: (min(_points(table.items[item], levels)), max(_points(table.items[item], levels)))
        for item, levels in possible.items()
    }
    missing = tuple(item for item, levels in possible.items() if len(levels) > 1)
    total = (
        _total(table, [low for low, _ in points.values()]),
        _total(table, [high for _, high in points.values()]),
    )
    notes = tuple(table.items[item].while_missing for item in missing if table.items[item].while_missing)
    notes += tuple(_level_notes(table, possible))
    known = {item: source for item, source in sources.items() if item not in missing}
    return _result(table, total, missing, points, notes, known)


def _level_notes(table: ScoreTable, possible: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What must be known of the points of an answer that is settled."""
    for item, levels in possible.items():
        level = table.items[item].levels[levels[0]]
        if len(levels) == 1 and level.note:
            yield f"{table.items[item].label} {level.text}: {level.note}"


def _total(table: ScoreTable, points: Sequence[Number]) -> Number:
    found = table.start + sum(points)
    return round(found, table.digits) if table.digits else int(found)


def _classified(table: ScoreTable, facts: Mapping[str, Value], sources: Mapping[str, str]) -> ScoreResult:
    """The classes (of a table: rows) that hold, and those that still may."""
    truths = {id: evaluate(parse(row.when), facts) for id, row in table.classes.items()}
    holds = [id for id, truth in truths.items() if truth is True]
    open_ = [id for id, truth in truths.items() if truth is None]
    if table.kind == "class" and holds:
        open_ = []  # exactly one class holds on complete facts: the others' unknowns change nothing
    ranks = [place for place, id in enumerate(truths) if id in (*holds, *open_)]
    asked = [fact for id in open_ for fact in deciders(parse(table.classes[id].when), facts)]
    if table.kind == "class":
        total, shown, notes = (ranks[0], ranks[-1]), (*holds, *open_), []
    else:
        total, shown = (len(holds), len(holds) + len(open_)), tuple(holds)
        notes = [f"possible: {table.classes[id].text}" for id in open_]
    return ScoreResult(
        id=table.id, name=table.name, total=total,
        maximum=len(table.classes) - (table.kind == "class"),
        band=tuple(id for id in table.classes if id in shown),
        band_text=tuple(row.text for id, row in table.classes.items() if id in shown),
        missing=tuple(dict.fromkeys(asked)), items={}, cite=table.cite, status=table.status,
        notes=(*notes, *_told(table), *_figures(table, total)), kind=table.kind, sources=dict(sources),
        conflicts=_conflicts(table), shown_only=table.shown_only,
        silent=len(shown) == len(table.classes) if table.kind == "class" else not shown,
    )  # fmt: skip


def _facts_of(table: ScoreTable) -> tuple[str, ...]:
    """Facts that a class or table reads, in order of appearance."""
    return tuple(dict.fromkeys(name for row in table.classes.values() for name in names(parse(row.when))))


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


def _item_sources(table: ScoreTable, facts: Mapping[str, Value], told: Mapping[str, str]) -> dict[str, str]:
    """Where the facts behind each item came from."""
    found = {}
    for item, row in table.items.items():
        read = [name for level in row.levels.values() if level.when for name in names(parse(level.when))]
        known = [told.get(name, "given") for name in dict.fromkeys(read) if facts.get(name) is not None]
        if known:
            found[item] = " and ".join(dict.fromkeys(known))
    return found


def _spelt_out(table: ScoreTable, items: Mapping[str, object]) -> dict[str, object]:
    """The items, with a shorthand such as ``profile: 21232`` as one level for each of its items."""
    found: dict[str, object] = {}
    for name, answer in items.items():
        if name not in table.shorthand:
            found[name] = answer
            continue
        parts = table.shorthand[name]
        if answer is None:
            continue
        twice = next((part for part in parts if part in items), None)
        if twice:
            raise BadInput(f"{table.id}: {twice} is given twice, once in {name}; give it once")
        if not isinstance(answer, str) or len(answer) != len(parts):
            raise BadInput(
                f"{table.id}: {name} is {answer!r}; write {len(parts)} signs, for {', '.join(parts)}"
            )
        found.update(zip(parts, answer, strict=True))
    return found


def _levels(table: ScoreTable, item: str, answer: object) -> tuple[str, ...]:
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


def _points(item: Item, levels: Iterable[str]) -> list[Number]:
    return [item.levels[level].points for level in levels]


def _as_given(table: ScoreTable, counted: ScoreResult, given: Value) -> ScoreResult:
    """The total that a person gave in place of the counted one."""
    if given is None or isinstance(given, str | bool | frozenset):
        return counted
    low, high = given if isinstance(given, tuple) else (given, given)
    notes = ["total as given, not added up here"]
    if high < counted.total[0] or low > counted.total[1]:
        notes.append(f"the findings contradict it: they allow {counted.total[0]} to {counted.total[1]}")
    return _result(table, (int(low), int(high)), (), counted.items, tuple(notes), counted.sources)


def _result(
    table: ScoreTable,
    total: tuple[Number, Number],
    missing: tuple[str, ...],
    points: Points,
    notes: tuple[str, ...],
    sources: Mapping[str, str],
) -> ScoreResult:
    """The result with every band that the total reaches, in every reading, and the figures for it."""
    bands = table.bands(*total)
    several = len(table.readings) > 1
    called = {key: reading.name for key, reading in table.readings.items()}
    texts = tuple(f"{called[id.split('/')[0]]}: {band.text}" if several else band.text for id, band in bands)
    readings = table.readings.values()
    share = (_per_cent(table, total),) if table.per_cent else ()
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
        notes=(*notes, *share, *_told(table), *_figures(table, total)),
        sources=dict(sources),
        conflicts=_conflicts(table),
        shown_only=table.shown_only,
        silent=bool(missing) and len(bands) == len(table.bands(*table.range)),
    )


def _told(table: ScoreTable) -> tuple[str, ...]:
    """What must be known with every result: notes, and that no rule reads it."""
    shown = ("made for another disease: shown, and no rule reads it",) if table.shown_only else ()
    notes = (*(reading.note for reading in table.readings.values()), table.note)
    return (*shown, *(note for note in notes if note))


def _conflicts(table: ScoreTable) -> tuple[str, ...]:
    return tuple(f"{row.text} ({how_read(row.status, row.tag)})" for row in table.conflicts)


def _per_cent(table: ScoreTable, total: tuple[Number, Number]) -> str:
    low, high = (100.0 * end / table.range[1] for end in total)
    return (
        f"{low:.0f} % of the largest total"
        if low == high
        else f"{low:.0f} to {high:.0f} % of the largest total"
    )


def _figures(table: ScoreTable, total: tuple[Number, Number]) -> tuple[str, ...]:
    """Published figures for the totals reached, as sentences that say how they were read."""
    return tuple(
        f"{row.what or table.risk_of} at a total of {_span(row.low_total, row.high_total)}: "
        f"{none_or_all(row.value, row.unit, None) or f'{row.value} {row.unit}'} "
        f"({how_read(row.status, row.tag)}{': ' + row.note if row.note else ''})"
        for row in risk(table.id, *total)
    )


def _span(low: Number, high: Number) -> str:
    return str(low) if low == high else f"{low} to {high}"
