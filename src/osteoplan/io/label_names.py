"""A table of label numbers and names, as people and programs write it: CSV in any common encoding, a 3D
Slicer
colour table, an ITK-SNAP label description.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Mapping
from pathlib import Path

from osteoplan.errors import BadInput

__all__ = ["read_names", "write_names"]

NUMBER_WORDS = ("id", "number", "index", "idx", "value", "labelvalue", "label_value", "label")
NAME_WORDS = ("structure", "name", "label_name", "labelname", "label", "segment", "class")
_LONGEST = csv.field_size_limit()  # bytes of a table; no cell is longer then, and 2000 rows fit
_SEPARATORS = (",", ";", "\t", "|")
Row = list[str]


def read_names(path: Path) -> dict[str, int]:
    """Name -> number.

    The columns are found by what they hold: one of whole numbers, one of words.  Headers decide between
    several.

    Raises:
        BadInput: absent, no such table, one number with two names, or one name with two numbers.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file; it should list label numbers and names")
    with path.open("rb") as file:
        raw = file.read(_LONGEST + 1)
    rows = _rows(_decoded(raw)) if len(raw) <= _LONGEST else []
    head, body = ([], rows) if rows and any(map(_number, rows[0])) else (rows[:1], rows[1:])
    words = [cell.lower() for cell in head[0]] if head else []
    width = max(map(len, body), default=0)
    cells = [[row[n] for row in body if n < len(row) and row[n]] for n in range(width)]
    numeric = [n for n, column in enumerate(cells) if column and all(map(_number, column))]
    text = [n for n, column in enumerate(cells) if column and n not in numeric]
    if not numeric or not text:
        raise BadInput(
            f"{path}: no label numbers and names found; give 'number,name' rows or columns id,structure"
        )
    number, name = _called(words, numeric, NUMBER_WORDS), _called(words, text, NAME_WORDS)
    names: dict[str, int] = {}
    numbers: dict[int, str] = {}
    for row in body:
        if len(row) <= max(number, name) or not row[name] or not row[number]:
            continue
        told, value = row[name], int(float(row[number]))
        if value == 0:
            continue  # the background has a row in most tables
        if names.get(told, value) != value:
            raise BadInput(f"{path}: '{told}' stands for {names[told]} and for {value}: give it one number")
        if numbers.get(value, told) != told:
            raise BadInput(f"{path}: {value} is '{numbers[value]}' and '{told}': give each its own number")
        names[told], numbers[value] = value, told
    return names


def write_names(names: Mapping[str, int], path: Path) -> None:
    """Names as a CSV file with columns id and structure."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", "structure"])
        writer.writerows(sorted((number, name) for name, number in names.items()))


def _decoded(raw: bytes) -> str:
    """The text of a table from any spreadsheet: UTF-8, UTF-16 with or without its mark, else Windows'
    Latin."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    if b"\0" in raw:
        return raw.decode("utf-16-be" if raw[:1] == b"\0" else "utf-16-le", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _rows(text: str) -> list[Row]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "sep="))]
    counts = {mark: lines[0].count(mark) for mark in _SEPARATORS} if lines else {}
    mark = max(counts, key=lambda m: counts[m], default=",")
    mark = mark if counts.get(mark) else " "  # Slicer and ITK-SNAP part by spaces and quote names
    # line by line: a quotation mark that nobody closed swallows no row
    read = (next(csv.reader([line], delimiter=mark, skipinitialspace=True)) for line in lines)
    return [[cell.strip() for cell in row] for row in read]


def _number(cell: str) -> bool:
    try:
        return float(cell).is_integer()
    except ValueError:
        return False


def _called(words: Row, columns: list[int], wanted: tuple[str, ...]) -> int:
    """The column whose header comes first in ``wanted``; else the first."""
    named = [n for word in wanted for n in columns if n < len(words) and words[n] == word]
    return (named or columns)[0]
