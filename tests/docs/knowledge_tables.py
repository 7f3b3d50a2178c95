"""Tables of the data for the documentation, so that docs cannot lag behind facts.

A page of the documentation holds blocks

    <!-- table: rules -->
    ... written by this module ...
    <!-- end -->

A test compares them with the data; ``python -m tests.docs.knowledge_tables docs/facts.md`` writes them anew.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from osteoplan.errors import named
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.evidence import evidence, study_of
from osteoplan.knowledge.expression import names, parse
from osteoplan.knowledge.heat_limits import lethal_criteria, structure_limits
from osteoplan.knowledge.load import Cited
from osteoplan.knowledge.loads import load_cases
from osteoplan.knowledge.outcomes import outcomes
from osteoplan.knowledge.rules import blocks, rules
from osteoplan.knowledge.scores import ScoreTable, score_tables
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import FactRow, resources, uses, vocabulary
from osteoplan.model.evidence import Known, how_read
from osteoplan.model.outcome import none_or_all

__all__ = ["TABLES", "refreshed"]

_BLOCK = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def refreshed(page: str) -> str:
    """A page with every table in it written anew.

    Raises:
        UnknownName: the page asks for a table that does not exist.
    """
    return _BLOCK.sub(lambda found: f"<!-- table: {found[1]} -->\n{_table(found[1])}\n<!-- end -->", page)


def facts_table() -> str:
    """Every fact: what may be written, and the question that asks for it."""
    parts = []
    for group in dict.fromkeys(row.group for row in vocabulary().values()):
        rows = [
            (f"`{n}`", row.label, _may_be(row), row.ask)
            for n, row in vocabulary().items()
            if row.group == group
        ]
        parts.append(f"### {group}\n\n" + _markdown(("fact", "is", "write", "question"), rows))
    return "\n\n".join(parts)


def uses_table() -> str:
    """What a technique can depend on."""
    return _markdown(("use", "is"), [(f"`{name}`", text) for name, text in uses().items()])


def scores_table() -> str:
    """Every score: range, readings, status."""
    rows = [
        (f"`{t.id}`", t.name, t.kind, _span(t), _readings(t), _read(t), _cited(t))
        for t in score_tables().values()
    ]
    return _markdown(("score", "is", "kind", "total", "read as", "checked", "source"), rows)


def items_table() -> str:
    """Every item of every score: what ``osteoplan score`` takes."""
    rows = [
        (
            f"`{table.id}`",
            f"`{name}`",
            ", ".join(f"`{key}` {level.points}" for key, level in item.levels.items()),
        )
        for table in score_tables().values()
        for name, item in table.items.items()
    ]
    rows += [
        (f"`{table.id}`", f"`{fact}`", "the fact of that name")
        for table in score_tables().values()
        for fact in dict.fromkeys(name for row in table.classes.values() for name in names(parse(row.when)))
    ]
    return _markdown(("score", "item", "levels and points"), rows)


def rules_table() -> str:
    """Every rule: when, effect, on whose word."""
    rows = [
        (r.id, r.block, f"`{r.row.when}`", r.row.effect, r.row.then, _read(r.row), _cited(r.row))
        for r in rules()
    ]
    return _markdown(("rule", "block", "when", "effect", "then", "checked", "source"), rows)


def techniques_table() -> str:
    """Every technique: where it is an option, what it carries and needs, and its statements by status."""
    rows = []
    for card in technique_cards().values():
        counts = Counter(how_read(one.status, one.tag) for one in card.statements)
        said = "; ".join(f"{number} × {words}" for words, number in counts.most_common())
        needs = "; ".join(" or ".join(group) for group in card.needs)
        where = f"`{card.applies}`" if card.applies else "everywhere"
        uses = ", ".join(f"`{use}`" for use in card.uses)
        rows.append((f"`{card.id}`", card.title, card.family, where, uses, needs, said))
    head = ("technique", "is", "family", "where", "carries", "needs", "statements")
    return _markdown(head, rows)


def resources_table() -> str:
    """What a centre can have."""
    rows = [(kind, f"`{name}`", text) for kind, words in resources().items() for name, text in words.items()]
    return _markdown(("key of centre.yaml", "word", "is"), rows)


def blocks_table() -> str:
    """Blocks of rules in order of precedence, with the number of rules in each."""
    counts = Counter(rule.block for rule in rules())
    return _markdown(
        ("block", "is", "rules"), [(f"`{id}`", title, str(counts[id])) for id, title in blocks().items()]
    )


def devices_table() -> str:
    """Every device and its properties."""
    rows: list[tuple[str, ...]] = [
        (f"`{device.id}`", device.name, f"`{name}`", _number(known), known.unit, how_read(known.status))
        for device in devices().values()
        for name, known in device.values.items()
    ]
    rows += [
        (f"`{device.id}`", device.name, "nothing was found", "", "", "")
        for device in devices().values()
        if not device.values
    ]
    return _markdown(("device", "is", "property", "value", "unit", "checked"), rows)


def limits_table() -> str:
    """Every limit of every technique."""
    rows = [
        (f"`{card.id}`", f"`{name}`", _number(known), known.unit, how_read(known.status), known.note)
        for card in technique_cards().values()
        for name, known in card.limits.items()
    ]
    return _markdown(("technique", "limit", "value", "unit", "checked", "note"), rows)


def evidence_table() -> str:
    """Every published outcome, and where none was found."""
    rows: list[Sequence[str]] = []
    for technique, file in evidence().items():
        if not file.outcomes:
            rows.append((f"`{technique}`", "none found", "", "", file.nothing_found, "", "", ""))
        for row in file.outcomes:
            value, sites = f"{row.value:g} {row.unit}", ", ".join(row.sites)
            value = none_or_all(row.value, row.unit, row.n, row.of) or value
            value += f", against {row.against}" if row.against else ""
            study = study_of(row)
            told = ", ".join(filter(None, [study.design, f"n {row.n}" if row.n else "", study.certainty]))
            done = f"other population ({row.population}): {row.regimen}" if row.population else row.regimen
            rows.append((f"`{technique}`", f"`{row.id}`", sites, value, done, told, _read(row), _cited(row)))
    heads = ("technique", "outcome", "site", "value", "what was done", "certainty", "checked", "source")
    return _markdown(heads, rows)


def outcomes_table() -> str:
    """Every outcome: what it is, its unit, which way is better, who computes it, where it is told."""
    rows = [
        (
            f"`{id}`", one.title, " or ".join(one.units), one.better, ", ".join(one.by),
            one.cell,
        )
        for id, one in outcomes().items()
    ]  # fmt: skip
    return _markdown(("outcome", "is", "unit", "better", "computed by", "first page"), rows)


def load_cases_table() -> str:
    """Every load case: how the bone is held and loaded, and what ranks."""
    rows = [
        (
            f"`{case.id}`", case.title, ", ".join(case.bones), case.held, case.loaded, case.direction,
            f"`{case.rank_by}`", ", ".join(case.laws.use),
        )
        for case in load_cases().values()
    ]  # fmt: skip
    return _markdown(("load case", "told as", "bones", "held", "loaded", "direction", "ranks", "laws"), rows)


def loads_table() -> str:
    """How large each load is in life."""
    rows = [
        (
            f"`{case.id}`", one.title, f"{one.value} {one.unit}",
            " to ".join(end or one.value for end in (one.low, one.high)) if any((one.low, one.high)) else "",
            ", ".join(one.bones) or "all", _read(one), _cited(one),
        )
        for case in load_cases().values()
        for one in case.magnitudes
    ]  # fmt: skip
    return _markdown(("load case", "activity", "load", "range", "for", "checked", "source"), rows)


def thresholds_table() -> str:
    """Limits that others published for their own models: shown, never used to decide."""
    rows = [
        (f"`{case.id}`", f"`{one.outcome}`", one.title, f"{one.value:g} {one.unit}", _read(one), _cited(one))
        for case in load_cases().values()
        for one in case.thresholds
    ]
    return _markdown(("load case", "outcome", "is", "value", "checked", "source"), rows)


def lethal_table() -> str:
    """What is called dead, by each criterion."""
    rows = [
        (
            one.title.replace("degC", "°C"), "cold" if cold else "heat", _number(one.level), one.level.unit,
            how_read(one.level.status), ", ".join(one.level.cite) or one.level.note,
        )
        for cold in (False, True)
        for one in lethal_criteria(cold=cold)
    ]  # fmt: skip
    return _markdown(("criterion", "of", "level", "unit", "checked", "source"), rows)


def heat_limits_table() -> str:
    """Between what structures are to stay."""
    rows = [
        (
            one.title, name, _number(known), known.unit, how_read(known.status),
            ", ".join(known.cite) or known.note,
        )
        for one in structure_limits()
        for name, known in (
            ("not colder than", one.low_degC), ("not hotter than", one.high_degC),
            ("CEM43 below", one.cem43_min), ("strictly below", one.strict_cem43_min),
        )
        if known is not None
    ]  # fmt: skip
    return _markdown(("structure", "limit", "value", "unit", "checked", "source"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "facts": facts_table,
    "uses": uses_table,
    "scores": scores_table,
    "items": items_table,
    "rules": rules_table,
    "blocks": blocks_table,
    "techniques": techniques_table,
    "resources": resources_table,
    "devices": devices_table,
    "limits": limits_table,
    "evidence": evidence_table,
    "outcomes": outcomes_table,
    "load_cases": load_cases_table,
    "loads": loads_table,
    "thresholds": thresholds_table,
    "lethal": lethal_table,
    "heat_limits": heat_limits_table,
}


def _table(name: str) -> str:
    return named("table", name, TABLES, "a page of the documentation")()


def _may_be(row: FactRow) -> str:
    if row.range is not None:
        whole = "whole number " if row.kind == "integer" else ""
        unit = "" if row.unit == "1" else f" {row.unit}"
        return f"{whole}{row.range[0]:g} to {row.range[1]:g}{unit}"
    if row.kind == "bool":
        return "true, false"
    return ", ".join(f"`{level}`" for level in row.levels)


def _span(table: ScoreTable) -> str:
    return f"{table.range[0]} to {table.range[1]}" if table.kind == "sum" else f"{len(table.classes)} rows"


def _readings(table: ScoreTable) -> str:
    if table.kind != "sum":
        return "; ".join(f"{id}: {row.text}" for id, row in table.classes.items())
    return "; ".join(
        f"{reading.name}: " + ", ".join(f"{band.low}-{band.high} {band.text}" for band in reading.bands)
        for reading in table.readings.values()
    )


def _number(known: Known) -> str:
    span = "" if known.low is None or known.high is None else f"{known.low:g} to {known.high:g}"
    if known.value is None:
        return span
    return f"{known.value} ({span})" if span else str(known.value)


def _read(piece: Cited) -> str:
    return how_read(piece.status, piece.tag)


def _cited(piece: Cited) -> str:
    return ", ".join(piece.cite) or piece.note


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        page = Path(argument)
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
