"""Pieces of knowledge as tables and lines for a terminal of 100 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from rich.table import Table
from rich.text import Text

from osteoplan.cli.console import plain_table
from osteoplan.model.evidence import NO_CLINICIAN, READ_WORDS, how_read
from osteoplan.model.outcome import none_or_all

__all__ = ["catalogue_table", "difference_lines", "shown_lines", "status_line"]

Json = dict[str, Any]
_WIDTH = 98
# Fields that a reader wants first, in this order; the rest follows as written.
_FIRST = (
    "title", "name", "text", "what", "label", "ask", "when", "effect", "then", "about", "status", "tag",
    "cite",
)  # fmt: skip


def catalogue_table(pieces: Sequence[Json]) -> Table:
    """Kind, id, title, status, date."""
    table = plain_table()
    table.add_column("kind", no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column("is", overflow="ellipsis", no_wrap=True, max_width=46)
    table.add_column("status", no_wrap=True)
    table.add_column("seen", no_wrap=True)
    for piece in pieces:
        status = READ_WORDS.get(piece["status"], "").partition(",")[0]  # the line below says the rest
        table.add_row(piece["kind"], piece["id"], Text(piece["title"]), status, piece["date"])
    return table


def status_line(found: Json) -> str:
    """How many of each status, and which release this is."""
    counts = Counter(how_read(piece["status"]) for piece in found["pieces"] if piece["status"])
    said = ", ".join(f"{number} {status}" for status, number in counts.most_common())
    reviewed = sum(bool(piece["reviewer"]) for piece in found["pieces"])
    by = f"{reviewed} reviewed by a named person" if reviewed else NO_CLINICIAN
    return f"knowledge {found['release']}: {len(found['pieces'])} pieces; {said or 'none has a status'}\n{by}"


def shown_lines(found: Json) -> Iterator[str]:
    """One piece: its fields indented, then other versions, overrides and where it is used."""
    yield f"{found['kind']} {found['id']}"
    if found["content"] is None:
        yield "  not in force on this day"
    else:
        yield from _lines(found["content"], 1)
    for version in found.get("other_versions", ()):
        span = f"{version.get('since', 'the beginning')} to {version.get('until', 'now')}"
        yield f"another version, in force from {span}:"
        yield from _lines(version, 1)
    for text in found.get("overrides", ()):
        yield f"changed here: {text}"
    if found.get("used_by"):
        yield from _wrapped("used by: " + ", ".join(found["used_by"]), 0)
    if found["also"]:
        yield "the same name also stands for: " + ", ".join(found["also"])


def difference_lines(found: Json) -> Iterator[str]:
    """Added, removed and changed pieces, field by field."""
    changes = found["changes"]
    for change in changes:
        yield f"{change['change']}: {change['kind']} {change['id']}"
        told = [field for field in change["fields"] if not field["field"].startswith("examples[")]
        if len(told) < len(change["fields"]):
            yield "  examples changed too (--json lists them)"
        for field in told:
            yield from _wrapped(f"{field['field']}: {_short(field['before'])} -> {_short(field['after'])}", 1)
    yield f"{len(changes)} pieces differ between {found['before']} and {found['after']}"


def _lines(content: Any, depth: int) -> Iterator[str]:
    if isinstance(content, dict):
        told = _told(content)
        for key in sorted(told, key=_order):
            yield from _field(key, told[key], depth)
    elif isinstance(content, list):
        for inner in content:
            if isinstance(inner, dict | list):
                yield "  " * depth + "-"
                yield from _lines(inner, depth + 1)
            else:
                yield from _wrapped(f"- {_short(inner)}", depth)
    else:
        yield from _wrapped(_short(content), depth)


def _told(content: Json) -> Json:
    """The same, where a bare value would say more than it can: a review status, and none of a few."""
    status, few = content.get("status"), ""
    if "value" in content:
        few = none_or_all(content["value"], content.get("unit", ""), content.get("n"), content.get("of", ""))
    return {
        **content,
        **({"status": how_read(str(status), content.get("tag", ""))} if status in READ_WORDS else {}),
        **({"value": few} if few else {}),
    }


def _field(key: str, value: Any, depth: int) -> Iterator[str]:
    words = key.replace("_", " ")
    flat = _flat(value)
    if flat is not None and len(flat) + len(words) + 2 * depth < _WIDTH:
        yield "  " * depth + f"{words}: {flat}"
    elif isinstance(value, dict | list):
        yield "  " * depth + f"{words}:"
        yield from _lines(value, depth + 1)
    else:
        yield from _wrapped(f"{words}: {_short(value)}", depth)


def _flat(value: Any) -> str | None:
    """A value on one line; None where it has parts of its own."""
    if isinstance(value, list):
        return (
            None if any(isinstance(inner, dict | list) for inner in value) else ", ".join(map(_short, value))
        )
    if isinstance(value, dict):
        if any(isinstance(inner, dict | list) for inner in value.values()):
            return None
        return ", ".join(f"{key} {_short(inner)}" for key, inner in value.items())
    return _short(value)


def _wrapped(text: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    yield from wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)


def _order(key: str) -> tuple[int, str]:
    return (_FIRST.index(key), "") if key in _FIRST else (len(_FIRST), "")
