"""What is wrong with a score, in sentences: ranges, bands, conditions, examples (part of ``lint``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from osteoplan.knowledge.lint.checks import expression_findings, twice
from osteoplan.knowledge.scores import ScoreExample, ScoreTable
from osteoplan.knowledge.vocabulary import FactRow

__all__ = ["score_findings"]


def score_findings(table: ScoreTable, facts: Mapping[str, FactRow]) -> Iterator[str]:
    """Faults of one score against the vocabulary."""
    place = f"score {table.id}"
    found = [
        f"{key}: {fault}"
        for key, text in (("applies", table.applies), ("unless", table.unless))
        if text
        for fault in expression_findings(text, facts)
    ]
    found += _sum_findings(table, facts) if table.kind == "sum" else _class_findings(table, facts)
    yield from (f"{place}: {fault}" for fault in found)


def _sum_findings(table: ScoreTable, facts: Mapping[str, FactRow]) -> Iterator[str]:
    points = [[level.points for level in item.levels.values()] for item in table.items.values()]
    ends = tuple(round(table.start + sum(map(end, points)), table.digits) for end in (min, max))
    if ends != tuple(float(end) for end in table.range):
        yield f"the points add up to {ends[0]:g}..{ends[1]:g}, the range says {table.range}"
    for key, reading in table.readings.items():
        totals = [total for band in reading.bands for total in range(int(band.low), int(band.high) + 1)]
        if totals != list(range(int(table.range[0]), int(table.range[1]) + 1)):
            yield f"the bands of {key} leave a gap, overlap, or run beyond the range"
    yield from _item_findings(table, facts)
    yield from _sum_example_findings(table)


def _class_findings(table: ScoreTable, facts: Mapping[str, FactRow]) -> Iterator[str]:
    for id, row in table.classes.items():
        yield from (f"{id}: {fault}" for fault in expression_findings(row.when, facts))
    used = {band for example in table.examples for band in example.bands if not example.missing}
    yield from (f"no example of {id}" for id in table.classes if id not in used)
    if not any(example.missing for example in table.examples):
        yield "no example with a fact missing"


def _item_findings(table: ScoreTable, facts: Mapping[str, FactRow]) -> Iterator[str]:
    for name, item in table.items.items():
        typed = [word for key, level in item.levels.items() for word in (key, *level.also)]
        yield from twice(f"way to type {name}", typed)
        for key, level in item.levels.items():
            if level.when:
                yield from (f"{name}.{key}: {fault}" for fault in expression_findings(level.when, facts))
            elif table.applies:
                yield f"{name}.{key} can be reached by no fact: give 'when', or leave 'applies' empty"


def _sum_example_findings(table: ScoreTable) -> Iterator[str]:
    """Examples must use every level, stand on both ends of every band, and leave something out."""
    used = {(item, level) for example in table.examples for item, level in _answers(table, example)}
    for name, item in table.items.items():
        for key, level in item.levels.items():
            if not any((name, word) in used for word in (key, *level.also)):
                yield f"no example has {name} = {key}"
    exact = {e.total[0] for e in table.examples if e.total and e.total[0] == e.total[1]}
    ends = {
        end for reading in table.readings.values() for band in reading.bands for end in (band.low, band.high)
    }
    yield from (f"no example has a total of {end}, the edge of a band" for end in sorted(ends - exact))
    if not any(example.missing for example in table.examples):
        yield "no example with an item missing"
    if any(example.total is None for example in table.examples):
        yield "an example of a sum without its total"


def _answers(table: ScoreTable, example: ScoreExample) -> Iterator[tuple[str, Any]]:
    """Items and levels of an example, a shorthand spelt out."""
    for name, answer in example.items.items():
        if name in table.shorthand and isinstance(answer, str):
            yield from zip(table.shorthand[name], answer, strict=False)
        else:
            yield name, answer
