"""What the pages of the knowledge show, as plain nouns, and where each piece of it stands.

A page is made of sections, a section of sentences, a tree and one table; the template only loops over them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from osteoplan.errors import BadInput
from osteoplan.knowledge.expression import Expression, parse
from osteoplan.knowledge.load import Cited
from osteoplan.knowledge.vocabulary import FactRow
from osteoplan.model.evidence import Citation
from osteoplan.report.rule_tree import STATUS_WORDS
from osteoplan.report.rule_words import level_words, listed, outline, with_unit
from osteoplan.report.views import INTENDED_USE

__all__ = [
    "Basis", "Entry", "Page", "Part", "Row", "Table", "Text", "Word", "anchor", "basis_of", "capitalised",
    "cell", "condition", "grouped", "href", "joined", "plain_value", "said", "tag_words", "trimmed",
]  # fmt: skip

_TAG_WORDS = {
    "F": "source read",
    "F~": "secondary source",
    "MH": "from memory, sure",
    "MM": "from memory, fairly sure",
    "ML": "from memory, unsure",
    "D": "our default",
}


@dataclass(frozen=True)
class Word:
    """Words that may lead somewhere; ``hint`` shows when the pointer rests on them."""

    text: str
    href: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Text:
    """One line of a cell: words side by side, indented by ``depth``; ``style`` is plain, soft or strong."""

    words: tuple[Word, ...]
    depth: int = 0
    style: str = ""


@dataclass(frozen=True)
class Entry:
    """A cell of a table; ``effect`` draws the shape of an effect before it."""

    lines: tuple[Text, ...]
    number: bool = False
    effect: str = ""


@dataclass(frozen=True)
class Basis:
    """On whose word: review status in words, how the source was read, sources, caveats, when looked at."""

    status: str
    read_as: str
    sources: tuple[Word, ...]
    note: str
    looked_at: str


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        anchor: where links to it arrive; empty where none does.
        more: sentences that open on demand under ``more_title``.
    """

    cells: tuple[Entry, ...]
    basis: Basis | None = None
    anchor: str = ""
    more_title: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows under headings; a table whose rows have a basis gets a last column for it.

    ``name`` lets the style sheet give its columns their widths.
    """

    head: tuple[str, ...]
    rows: tuple[Row, ...]
    name: str = ""

    @property
    def numbers(self) -> tuple[bool, ...]:
        """Which columns hold numbers."""
        return tuple(one.number for one in self.rows[0].cells) if self.rows else (False,) * len(self.head)

    @property
    def based(self) -> bool:
        """Whether any row says on whose word it stands."""
        return any(row.basis is not None for row in self.rows)


@dataclass(frozen=True)
class Part:
    """A part of a page; a tree is HTML."""

    title: str
    text: tuple[Text, ...] = ()
    table: Table | None = None
    tree: str = ""
    anchor: str = ""
    basis: Basis | None = None


@dataclass(frozen=True)
class Page:
    """A whole page; ``chapter`` is its place in the navigation."""

    file: str
    chapter: str
    title: str
    lead: tuple[Text, ...]
    sections: tuple[Part, ...]
    legend: bool = False
    use: str = INTENDED_USE


def anchor(kind: str, id: str) -> str:
    """The name under which a piece can be reached within its page."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9]+', '-', id)}"


def href(kind: str, id: str, block: str = "") -> str:
    """Where a piece stands: ``block-spine.html#rule-SP4``.

    Args:
        kind: score, technique, block, rule, fact, use, source or order.
        id: of the piece.
        block: the block of a rule.
    """
    if kind in ("score", "technique", "block"):
        return f"{anchor(kind, id)}.html"
    pages = {"fact": "facts", "use": "facts", "source": "sources", "order": "order"}
    return f"{anchor('block', block) if kind == 'rule' else pages[kind]}.html#{anchor(kind, id)}"


def cell(*texts: str | Word | Text, number: bool = False, effect: str = "") -> Entry:
    """A cell of lines; empty ones are left out."""
    lines = [
        one if isinstance(one, Text) else Text((one if isinstance(one, Word) else Word(one),))
        for one in texts
        if one != ""
    ]
    return Entry(tuple(lines), number, effect)


def condition(when: str | Expression, facts: Mapping[str, FactRow]) -> tuple[Text, ...]:
    """A condition as indented lines; every fact in the vocabulary, every word in plain English.

    Raises:
        BadInput: a condition outside the grammar.
    """
    tree = parse(when) if isinstance(when, str) else when
    return tuple(
        Text((Word(one.text),), one.depth, "soft" if one.text in ("at least one of", "all of") else "")
        for one in outline(tree, facts)
    )


def basis_of(piece: Cited, sources: Mapping[str, Citation]) -> Basis:
    """On whose word a piece stands."""
    words = tuple(
        Word(key, href("source", key), sources[key].text) if key in sources else Word(key)
        for key in piece.cite
    )
    looked = [f"looked at {piece.date}"]
    looked += [f"reviewed by {piece.reviewer}"] if piece.reviewer else []
    looked += [f"in force from {piece.since}"] if piece.since else []
    looked += [f"in force until {piece.until}"] if piece.until else []
    return Basis(
        STATUS_WORDS[piece.status], tag_words(piece.tag), words, piece.note.strip(), ", ".join(looked)
    )


def tag_words(tag: str) -> str:
    """How a source was read, in words: *source read; our default*."""
    return "; ".join(_TAG_WORDS[part] for part in tag.split("+")) if tag else ""


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


def grouped(users: Sequence[Word]) -> tuple[Text, ...]:
    """Who uses a piece, a line for each kind of page: rules, scores, techniques, and the rest."""
    if not users:
        return said("nothing yet", style="soft")
    kinds = {"block": "rules", "score": "scores", "technique": "techniques"}
    lines: dict[str, list[Word]] = {}
    for word in users:
        lines.setdefault(kinds.get(word.href.split("-")[0], "other data"), []).append(word)
    return tuple(joined(words, before=f"{kind}: ") for kind, words in lines.items())


def trimmed(table: Table) -> Table:
    """The table without columns that are empty in every row."""
    kept = [n for n in range(len(table.head)) if any(row.cells[n].lines for row in table.rows)]
    rows = tuple(replace(row, cells=tuple(row.cells[n] for n in kept)) for row in table.rows)
    return replace(table, head=tuple(table.head[n] for n in kept), rows=rows)


def capitalised(text: str) -> str:
    """The text with a capital first letter; the rest as it is."""
    return text[:1].upper() + text[1:]


def said(*texts: str, style: str = "") -> tuple[Text, ...]:
    """Sentences as lines; empty ones are left out."""
    return tuple(Text((Word(text),), style=style) for text in texts if text)


def joined(words: Iterable[Word], style: str = "", before: str = "", between: str = ", ") -> Text:
    """Words in one line."""
    found: list[Word] = [Word(before)] if before else []
    for n, word in enumerate(words):
        found += [Word(between), word] if n else [word]
    return Text(tuple(found), style=style)
