"""The pages of the techniques: a monograph each, its published outcomes, and the rules about it."""

from __future__ import annotations

from collections.abc import Sequence

from osteoplan.knowledge.evidence import OutcomeRow
from osteoplan.knowledge.expression import parse
from osteoplan.knowledge.monographs import (
    ComplicationRow,
    ContraindicationRow,
    FollowUpRow,
    StatementRow,
)
from osteoplan.knowledge.order import OrderRow, order
from osteoplan.knowledge.outcomes import outcome
from osteoplan.knowledge.techniques import TechniqueFile
from osteoplan.model.technique import Section as SectionName
from osteoplan.report.knowledge_library import Library, rule_word
from osteoplan.report.knowledge_views import (
    Entry,
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
    href,
    joined,
    said,
)
from osteoplan.report.rule_words import level_words, listed, sentence, with_unit
from osteoplan.report.words import name_of

__all__ = ["order_page", "technique_page", "techniques_page"]

_TITLES: dict[SectionName, str] = {
    "indications": "Use when",
    "contraindications": "Do not use when",
    "advantages": "For it",
    "limitations": "Against it",
    "pearls": "Pearls",
    "complications": "Complications",
    "order": "Its place in the order of acts",
    "aftercare": "Aftercare",
    "follow_up": "Follow-up",
}
_ORDER_WORDS = {
    "usual": "the usual order; the other way round is told",
    "legal": "allowed",
    "warn": "allowed, with a caution",
    "forbid": "not this way",
}


def techniques_page(lib: Library) -> Page:
    """Every technique and comparator."""
    rows = tuple(
        Row(
            (
                cell(Word(file.title, href("technique", id)), Text((Word(id),), style="code")),
                cell("compared with" if file.kind == "comparator" else "through the skin", file.family),
                cell(file.what),
                cell(_sentence(lib, file.applies) or "everywhere"),
            ),
            anchor=anchor("technique", id),
        )
        for id, file in sorted(lib.techniques.items(), key=lambda one: (one[1].kind != "plan", one[1].title))
    )
    lead = said(
        "Techniques through the skin, and what they are compared with: all of them, whatever a centre has."
    )
    head = ("technique", "kind", "what it is", "where it is an option")
    return Page(
        "techniques.html",
        "techniques",
        "Techniques",
        lead,
        (Part("", table=Table(head, rows)),),
    )


def technique_page(lib: Library, file: TechniqueFile) -> Page:
    """One technique, whole."""
    sections = [_statements(lib, file, name) for name in _TITLES]
    sections += [_outcomes(lib, file), _limits(lib, file), _rules(lib, file)]
    return Page(
        f"{anchor('technique', file.id)}.html", "techniques", capitalised(file.title),
        _lead(lib, file), tuple(section for section in sections if section is not None),
    )  # fmt: skip


def order_page(lib: Library) -> Page:
    """Which act comes before which."""
    acts = order()
    kinds = {name: kind.meaning for name, kind in acts.kinds.items()}
    rows = tuple(_act(lib, row, kinds) for row in acts.rows)
    words = tuple(
        Row((cell(meaning), cell(Text((Word(name),), style="code")))) for name, meaning in kinds.items()
    )
    lead = said("Treatments of one lesion are often combined. These rows say what comes before what.")
    return Page(
        "order.html", "order of acts", "Order of acts", lead,
        (
            Part("Before and after", table=Table(("row", "first", "then", "says"), rows)),
            Part("Acts", table=Table(("act", "written as"), words)),
        ),
    )  # fmt: skip


def _sentence(lib: Library, when: str) -> str:
    """A condition in one line; empty for none."""
    return sentence(parse(when), lib.facts) if when else ""


def _lead(lib: Library, file: TechniqueFile) -> tuple[Text, ...]:
    lines = [Text((Word(f"{capitalised(file.what)}."),))]
    kind = "A comparator, not planned here" if file.kind == "comparator" else "Through the skin"
    lines.append(Text((Word(f"{kind}; family: {file.family}."),), style="soft"))
    if file.applies:
        lines.append(Text((Word(f"An option where: {_sentence(lib, file.applies)}."),)))
    if file.uses:
        lines.append(joined((lib.called(use) for use in file.uses), before="Uses: "))
    if file.needs:
        groups = [listed([lib.resources.get(one, one) for one in group]) for group in file.needs]
        lines.append(Text((Word(f"A centre needs: {'; and '.join(groups)}."),)))
    return tuple(lines)


def _statements(lib: Library, file: TechniqueFile, name: SectionName) -> Part | None:
    rows: Sequence[StatementRow] = getattr(file, name)
    if not rows:
        none = file.nothing_found.get(name, "")
        return Part(_TITLES[name], (Text((Word(none),), style="soft"),)) if none else None
    head, cells = _shape(lib, rows)
    based = tuple(Row(one, basis_of(row, lib.sources)) for row, one in zip(rows, cells, strict=True))
    return Part(_TITLES[name], table=Table(head, based), anchor=anchor("section", name))


def _shape(lib: Library, rows: Sequence[StatementRow]) -> tuple[tuple[str, ...], list[tuple[Entry, ...]]]:
    """Headings and cells by the kind of statement; the column *for whom* only where it says something."""
    whom = any(row.when for row in rows)
    head = {ContraindicationRow: ("kind",), FollowUpRow: ("when",), ComplicationRow: ()}.get(
        type(rows[0]), ()
    )
    rate = ("rate", "n") if isinstance(rows[0], ComplicationRow) else ()
    cells = [
        (*_before(lib, row), cell(row.text), *_rate(row), *((_whom(lib, row),) if whom else ()))
        for row in rows
    ]
    return (*head, "what", *rate, *(("for whom",) if whom else ())), cells


def _before(lib: Library, row: StatementRow) -> tuple[Entry, ...]:
    if isinstance(row, ContraindicationRow):
        rule = lib.rule_set.rule(row.rule)
        return (cell(row.kind, Text((Word("rule "), rule_word(rule)), style="soft") if rule else ""),)
    return (cell(row.at),) if isinstance(row, FollowUpRow) else ()


def _rate(row: StatementRow) -> tuple[Entry, ...]:
    if not isinstance(row, ComplicationRow):
        return ()
    n = "" if row.n is None else str(row.n)
    if row.value is None:
        return (cell("no rate", number=True), cell(n, number=True))
    span = "" if row.low is None or row.high is None else _span(row.low, row.high)
    return (cell(with_unit(row.value, row.unit), span, number=True), cell(n, number=True))


def _whom(lib: Library, row: StatementRow) -> Entry:
    return (
        cell(*condition(row.when, lib.facts)) if row.when else cell(Text((Word("everybody"),), style="soft"))
    )


def _span(low: float, high: float) -> str:
    return f"({with_unit(low, '1')} to {with_unit(high, '1')})"


def _outcomes(lib: Library, file: TechniqueFile) -> Part | None:
    """What was published on the outcome of the technique."""
    found = lib.outcomes.get(file.id)
    if found is None:
        return None
    if not found.outcomes:
        return Part("Published outcomes", (Text((Word(found.nothing_found),), style="soft"),))
    rows = tuple(_outcome(lib, row) for row in found.outcomes)
    return Part("Published outcomes", table=Table(("outcome", "value", "n", "where", "what was done"), rows))


def _outcome(lib: Library, row: OutcomeRow) -> Row:
    span = "" if row.low is None or row.high is None else _span(row.low, row.high)
    where = (
        "any"
        if row.sites == ("any",)
        else listed([level_words(lib.facts["region"], one) for one in row.sites])
    )
    return Row(
        (
            cell(outcome(row.id).title, Text((Word(f"of the {name_of(row.target)}"),), style="soft")),
            cell(with_unit(row.value, row.unit), span, number=True),
            cell("" if row.n is None else str(row.n), number=True),
            cell(where),
            cell(row.regimen),
        ),
        basis_of(row, lib.sources),
    )


def _limits(lib: Library, file: TechniqueFile) -> Part | None:
    if not file.limits:
        return None
    rows = []
    for name, row in file.limits.items():
        if isinstance(row.value, int | float) and not isinstance(row.value, bool):
            value = with_unit(float(row.value), row.unit)
        else:
            value = "not given" if row.value is None else str(row.value)
        span = "" if row.low is None or row.high is None else _span(row.low, row.high)
        rows.append(
            Row((cell(_plain(name, row.unit)), cell(value, span, number=True)), basis_of(row, lib.sources))
        )
    note = Text((Word("Numbers that a plan is held to."),))
    return Part("Limits", (note,), Table(("limit", "value"), tuple(rows)))


def _plain(name: str, unit: str) -> str:
    return name.removesuffix(f"_{unit}").replace("_", " ")


def _rules(lib: Library, file: TechniqueFile) -> Part | None:
    rows = tuple(
        Row(
            (
                cell(Text((rule_word(rule),), style="strong"), rule.row.effect, effect=rule.row.effect),
                cell(sentence(rule.when, lib.facts)),
                cell(rule.row.then),
                cell(*(lib.called(id) for id in rule.row.about if id == file.id or id in file.uses)),
            )
        )
        for rule in lib.rules_about(file.id)
    )
    head = ("rule", "if", "then", "because it is about")
    return Part("Rules that speak about it", table=Table(head, rows)) if rows else None


def _act(lib: Library, row: OrderRow, kinds: dict[str, str]) -> Row:
    unless = f"unless {listed([kinds[one] for one in row.unless])} comes between" if row.unless else ""
    return Row(
        (
            cell(Text((Word(row.id),), style="strong"), _ORDER_WORDS[row.effect]),
            cell(*(kinds[one] for one in row.first)),
            cell(*(kinds[one] for one in row.second), Text((Word(unless),), style="soft") if unless else ""),
            cell(row.then, *(said("if", style="soft") + condition(row.when, lib.facts) if row.when else ())),
        ),
        basis_of(row, lib.sources),
        anchor("order", row.id),
    )
