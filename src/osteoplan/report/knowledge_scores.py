"""The pages of the scores: items and points, bands by convention, figures, conflicts, and worked examples."""

from __future__ import annotations

from dataclasses import replace

from osteoplan.knowledge.load import KnownRow
from osteoplan.knowledge.scores import RiskRow, ScoreReading, ScoreTable
from osteoplan.report.knowledge_library import Library
from osteoplan.report.knowledge_views import (
    Page,
    Part,
    Row,
    Table,
    Text,
    Word,
    anchor,
    basis_of,
    capitalised,
    cell,
    condition,
    grouped,
    href,
    joined,
    plain_value,
    said,
    trimmed,
)
from osteoplan.report.rule_words import with_unit

__all__ = ["score_page", "scores_page"]

ScoreValue = bool | int | float | str | list[float] | list[str] | None

_KINDS = {"sum": "points added up", "class": "one of several classes", "table": "every row that holds"}


def scores_page(lib: Library) -> Page:
    """Every score."""
    rows = tuple(
        Row(
            (
                cell(Word(capitalised(table.name), href("score", id)), Text((Word(id),), style="code")),
                cell(_KINDS[table.kind], _span(table)),
                cell("; ".join(reading.name for reading in table.readings.values())),
            ),
            basis_of(table, lib.sources),
            anchor("score", id),
        )
        for id, table in lib.scores.items()
    )
    lead = said(
        "A score with missing items gives a range of totals and every band that the range reaches; nothing "
        "is guessed.",
        "Where sources disagree on how a total is read, each reading stands with its own source.",
    )
    return Page(
        "scores.html", "scores", "Scores", lead,
        (Part("", table=Table(("score", "how", "read by"), rows)),),
    )  # fmt: skip


def score_page(lib: Library, table: ScoreTable) -> Page:
    """One score, whole."""
    sections = [
        _answers(lib, table),
        _classes(lib, table),
        *(_reading(lib, reading) for reading in table.readings.values()),
        _conflicts(lib, table),
        _risk(lib, table),
        _performance(lib, table),
        _examples(lib, table),
    ]
    return Page(
        f"{anchor('score', table.id)}.html", "scores", capitalised(table.name), _lead(lib, table),
        (Part("", basis=basis_of(table, lib.sources)), *(one for one in sections if one is not None)),
    )  # fmt: skip


def _lead(lib: Library, table: ScoreTable) -> tuple[Text, ...]:
    lines = [Text((Word(f"{_KINDS[table.kind].capitalize()}. {_span(table)}".strip()),))]
    if table.start:
        lines.append(*said(f"Points are added to {with_unit(table.start, table.unit)}."))
    if table.per_cent:
        lines.append(*said("The total is also told as per cent of the largest."))
    if table.shown_only:
        lines.append(
            Text((Word("Made for another disease: it is shown, and no rule reads it."),), style="strong")
        )
    if table.applies:
        lines.append(Text((Word("Made for"),), style="soft"))
        lines.extend(Text(one.words, one.depth + 1, one.style) for one in condition(table.applies, lib.facts))
    else:
        lines.append(*said("Worked out when somebody asks for it."))
    readers = lib.users_of_fact.get(table.id, ())
    if table.id in lib.facts:
        fact = Word(lib.facts[table.id].label, href("fact", table.id))
        lines.append(Text((Word("Read as the fact "), fact, Word(" by"))))
        lines.extend(replace(one, depth=1) for one in grouped(readers))
    return tuple(lines)


def _span(table: ScoreTable) -> str:
    if table.kind != "sum":
        return ""
    low, high = table.range
    return f"Total from {with_unit(low, '1')} to {with_unit(high, table.unit)}."


def _answers(lib: Library, table: ScoreTable) -> Part | None:
    """Every item with its answers and points."""
    if not table.items:
        return None
    rows = []
    for name, item in table.items.items():
        for n, (key, level) in enumerate(item.levels.items()):
            first: list[str | Word | Text] = []
            if n == 0:
                first = [Text((Word(item.label),), style="strong"), item.ask]
            missing = [Text((Word(f"while missing: {item.while_missing}"),), style="soft")]
            typed = joined(Word(word) for word in (key, *level.also))
            rows.append(
                Row(
                    (
                        cell(*first, *(missing if n == 0 and item.while_missing else [])),
                        cell(level.text),
                        cell(_points(table, level.points), number=True),
                        cell(*condition(level.when, lib.facts)) if level.when else cell(),
                        cell(Text(typed.words, style="code")),
                    ),
                    anchor=anchor("item", name) if n == 0 else "",
                )
            )
    head = ("item", "answer", "points", "filled in where", "typed as")
    shorthand = tuple(
        Text((Word(f"{word}: one word whose signs are, in this order, "), *joined(
            Word(table.items[item].label) for item in items).words))
        for word, items in table.shorthand.items()
    )  # fmt: skip
    return Part("Items and points", shorthand, trimmed(Table(head, tuple(rows), "items")))


def _points(table: ScoreTable, points: float) -> str:
    """Points with the decimals of the total."""
    return f"{points:.{table.digits}f}".replace("-", "−") if table.digits else with_unit(points, "1")


def _classes(lib: Library, table: ScoreTable) -> Part | None:
    if not table.classes:
        return None
    rows = tuple(
        Row((cell(Text((Word(id),), style="strong")), cell(one.text), cell(*condition(one.when, lib.facts))))
        for id, one in table.classes.items()
    )
    title = "Classes: exactly one holds" if table.kind == "class" else "Rows: every one that holds is given"
    return Part(title, table=Table(("class", "is", "if"), rows))


def _reading(lib: Library, reading: ScoreReading) -> Part:
    rows = tuple(
        Row((cell(_totals(band.low, band.high), number=True), cell(band.text))) for band in reading.bands
    )
    basis = basis_of(reading, lib.sources)
    return Part(f"Read by: {reading.name}", table=Table(("total", "is taken to mean"), rows), basis=basis)


def _conflicts(lib: Library, table: ScoreTable) -> Part | None:
    if not table.conflicts:
        return None
    rows = tuple(Row((cell(one.text),), basis_of(one, lib.sources)) for one in table.conflicts)
    return Part("Where sources disagree", table=Table(("what",), rows))


def _risk(lib: Library, table: ScoreTable) -> Part | None:
    if not table.risk:
        return None
    rows = tuple(
        Row(
            (
                cell(_totals(one.low_total, one.high_total), number=True),
                cell(_what(table, one)),
                cell(_figure(one), number=True),
            ),
            basis_of(one, lib.sources),
        )
        for one in table.risk
    )
    note = Text((Word("Shown beside the score; nothing is computed from them."),))
    return Part("Published figures by total", (note,), Table(("total", "what", "figure"), rows))


def _what(table: ScoreTable, row: RiskRow) -> str:
    what = row.what or table.risk_of
    if row.at_months is None or any(sign.isdigit() for sign in what):  # the words tell the time themselves
        return what
    return f"{what} at {with_unit(row.at_months, '1')} months"


def _performance(lib: Library, table: ScoreTable) -> Part | None:
    if not table.performance:
        return None
    rows = tuple(
        Row((cell(one.what), cell(_figure(one), number=True)), basis_of(one, lib.sources))
        for one in table.performance
    )
    return Part("How well it did", table=Table(("what", "figure"), rows))


def _examples(lib: Library, table: ScoreTable) -> Part | None:
    if not table.examples:
        return None
    rows = tuple(
        Row(
            (
                cell(*(_given(lib, table, name, value) for name, value in example.items.items())),
                cell("" if example.total is None else _totals(*example.total), number=True),
                cell(*(_band(table, id) for id in example.bands)),
                cell(", ".join(_label(lib, table, name) for name in example.missing)),
            )
        )
        for example in table.examples
    )
    note = Text((Word("Every one is run as a test."),))
    return Part("Examples", (note,), trimmed(Table(("answers", "total", "gives", "missing"), rows)))


def _given(lib: Library, table: ScoreTable, name: str, value: ScoreValue) -> str:
    """*pain: mechanical*; a shorthand as it is typed."""
    label = _label(lib, table, name)
    if name in table.items and isinstance(value, str):
        levels = table.items[name].levels
        found = next((level for key, level in levels.items() if value in (key, *level.also)), None)
        return f"{label}: {found.text if found else value}"
    return f"{label}: {plain_value(value, lib.facts.get(name))}"


def _label(lib: Library, table: ScoreTable, name: str) -> str:
    if name in table.items:
        return table.items[name].label
    return lib.facts[name].label if name in lib.facts else name.replace("_", " ")


def _band(table: ScoreTable, id: str) -> str:
    """A band or class in words; the reading before it where there are several."""
    if id in table.classes:
        return f"{id}: {table.classes[id].text}"
    reading, _, bare = id.rpartition("/")
    readings = [table.readings[reading]] if reading in table.readings else list(table.readings.values())
    text = next((band.text for one in readings for band in one.bands if band.id == bare), bare)
    return f"{readings[0].name}: {text}" if reading else text


def _totals(low: float, high: float) -> str:
    return with_unit(low, "1") if low == high else f"{with_unit(low, '1')} to {with_unit(high, '1')}"


def _figure(row: KnownRow) -> str:
    """A published number with its interval; without a value, the interval alone."""
    span = ""
    if row.low is not None and row.high is not None:
        span = f"{with_unit(row.low, '1')} to {with_unit(row.high, row.unit)}"
    if row.value is None:
        return span or "not given"
    if isinstance(row.value, bool | str):
        return plain_value(row.value, None)
    value = with_unit(row.value, row.unit)
    return f"{value} ({span})" if span else value
