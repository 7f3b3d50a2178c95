"""Small words of the pages of the knowledge: values, spans, figures, answers, and examples of rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from osteoplan.errors import BadInput
from osteoplan.knowledge.load import KnownRow
from osteoplan.knowledge.monographs import ComplicationRow
from osteoplan.knowledge.rules import RuleExample
from osteoplan.knowledge.scores import RiskRow, ScoreTable
from osteoplan.knowledge.vocabulary import FactRow
from osteoplan.model.outcome import none_or_all
from osteoplan.report.knowledge.library import Word
from osteoplan.report.knowledge.rule_words import level_words, listed, with_unit

__all__ = [
    "answer", "band_words", "counted", "figure", "filled_by_facts", "grouped", "interval", "labels",
    "limit_words", "may_be", "plain_value", "points", "risk_words", "rule_example", "span_of",
    "totals",
]  # fmt: skip

Facts = Mapping[str, FactRow]

_LONG = 8  # levels; more of them run on instead of standing one by one
_ANSWERS = {True: "yes", False: "no"}


def counted(words: Iterable[str], called: Mapping[str, str] | None = None) -> str:
    """*3 warn, 2 prefer*, in the order in which they come first; each word as it is ``called``."""
    return ", ".join(f"{n} {(called or {}).get(word, word)}" for word, n in Counter(words).items())


def grouped(users: Sequence[Word]) -> Mapping[str, Sequence[Word]]:
    """Who uses a piece, by the kind of page: rules, scores, techniques, and the rest."""
    kinds = {"block": "rules", "score": "scores", "technique": "techniques"}
    found: dict[str, list[Word]] = {}
    for word in users:
        found.setdefault(kinds.get(word.href.split("-")[0], "other data"), []).append(word)
    return found


def plain_value(value: object, row: FactRow | None) -> str:
    """A value of an example as people say it; a pair is a range, None is unknown."""
    unit = "1" if row is None else row.unit
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return with_unit(value, unit)
        case str():
            return value if row is None else level_words(row, value)
        case [int() | float() as low, int() | float() as high]:
            return f"{with_unit(low, '1')} to {with_unit(high, unit)}"
        case list() | tuple():
            return listed([plain_value(one, row) for one in value], "and") if value else "none"
    raise BadInput(f"a value of an example cannot be a {type(value).__name__}")


def may_be(row: FactRow) -> tuple[str, ...]:
    """What a fact can be, in lines."""
    if row.range is not None:
        whole = "whole number, " if row.kind == "integer" else ""
        low, high = row.range
        return (f"{whole}{with_unit(low, '1')} to {with_unit(high, row.unit)}",)
    if row.kind == "bool":
        return ("yes, no",)
    several = "any of these, or none: " if row.kind == "several" else ""
    if all(level == text for level, text in row.levels.items()):
        return (several + ", ".join(row.levels),)
    if len(row.levels) > _LONG:
        words = [level if level == text else f"{level} ({text})" for level, text in row.levels.items()]
        return (several + ", ".join(words),)
    lines = (level if level == text else f"{level}: {text}" for level, text in row.levels.items())
    return (several.strip(), *lines) if several else tuple(lines)


def rule_example(example: RuleExample, facts: Facts) -> str:
    """*with SINS total 13: yes*; *...: asks for SINS total*."""
    given = [
        f"{facts[name].label}: {plain_value(value, facts[name])}" if name in facts else name
        for name, value in example.given.items()
    ]
    said = f"With {'; '.join(given)}" if given else "With nothing known"
    if isinstance(example.fires, bool):
        return f"{said} → {_ANSWERS[example.fires]}"
    asked = ", ".join(facts[name].label for name in example.ask)
    return f"{said} → cannot say" + (f", asks for {asked}" if asked else "")


def totals(low: float, high: float) -> str:
    """One total of a score, or from which to which."""
    return with_unit(low, "1") if low == high else f"{with_unit(low, '1')} to {with_unit(high, '1')}"


def span_of(table: ScoreTable) -> str:
    """The totals that a sum can have; nothing of a class or table."""
    if table.kind != "sum":
        return ""
    low, high = table.range
    return f"Total from {with_unit(low, '1')} to {with_unit(high, table.unit)}."


def filled_by_facts(table: ScoreTable) -> bool:
    """Whether a fact fills in any answer."""
    return any(level.when for item in table.items.values() for level in item.levels.values())


def points(table: ScoreTable, points: float) -> str:
    """Points with the decimals of the total."""
    return f"{points:.{table.digits}f}".replace("-", "−") if table.digits else with_unit(points, "1")


def labels(table: ScoreTable, names: Iterable[str], facts: Facts) -> list[str]:
    """What items, or the facts that a class reads, are called."""
    return [
        table.items[name].label
        if name in table.items
        else facts[name].label
        if name in facts
        else name.replace("_", " ")
        for name in names
    ]


def answer(table: ScoreTable, name: str, value: object, facts: Facts) -> str:
    """*pain: mechanical*; a shorthand as it is typed."""
    (label,) = labels(table, [name], facts)
    if name in table.items and isinstance(value, str):
        levels = table.items[name].levels
        found = next((level for key, level in levels.items() if value in (key, *level.also)), None)
        return f"{label}: {found.text if found else value}"
    return f"{label}: {plain_value(value, facts.get(name))}"


def band_words(table: ScoreTable, id: str) -> str:
    """A band or class in words; the reading before it where there are several."""
    if id in table.classes:
        return f"{id}: {table.classes[id].text}"
    reading, _, bare = id.rpartition("/")
    readings = [table.readings[reading]] if reading in table.readings else list(table.readings.values())
    text = next((band.text for one in readings for band in one.bands if band.id == bare), bare)
    return f"{readings[0].name}: {text}" if reading else text


def risk_words(table: ScoreTable, row: RiskRow) -> str:
    """What a published figure is the share or length of, and when."""
    what = row.what or table.risk_of
    if row.at_months is None or any(sign.isdigit() for sign in what):  # the words tell the time themselves
        return what
    return f"{what} at {with_unit(row.at_months, '1')} months"


def figure(row: KnownRow) -> str:
    """A published number with its interval; without a value, the interval alone."""
    span = ""
    if row.low is not None and row.high is not None:
        span = f"{with_unit(row.low, '1')} to {with_unit(row.high, row.unit)}"
    if row.value is None:
        return span or "not given"
    if isinstance(row.value, bool | str):
        return plain_value(row.value, None)
    value = none_or_all(row.value, row.unit, None) or with_unit(row.value, row.unit)
    return f"{value} ({span})" if span else value


def interval(row: KnownRow | ComplicationRow) -> str:
    """*(3 to 7)*; empty where the source gives none."""
    return "" if row.low is None or row.high is None else f"({totals(row.low, row.high)})"


def limit_words(row: KnownRow) -> str:
    """A limit of a technique."""
    if isinstance(row.value, int | float) and not isinstance(row.value, bool):
        return with_unit(float(row.value), row.unit)
    return "not given" if row.value is None else str(row.value)
