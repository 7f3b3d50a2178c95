"""What a user may say about a patient, checked: names, types, levels, ranges.

Nothing is guessed: a word for a number, a number for a level, or a name that nobody defined is refused with a
sentence that says what to write.  ``None`` says "unknown" and stays ``None``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from osteoplan.errors import BadInput, UnknownName, named
from osteoplan.knowledge.vocabulary import FactRow, vocabulary
from osteoplan.model.case import Fact

__all__ = ["Range", "Value", "fact_row", "parse_facts", "parse_text", "parse_value"]

Range = tuple[float, float]
Value = Fact | Range


def fact_row(name: str, where: str = "facts") -> FactRow:
    """Type, unit, levels and question of a fact.

    Raises:
        UnknownName: not in the vocabulary; the message names the nearest that is.
    """
    return named("fact", name, vocabulary(), where)


def parse_facts(given: Mapping[str, object], *, where: str = "facts") -> dict[str, Fact]:
    """A flat mapping of facts, every one checked; None (unknown) is kept.

    Args:
        given: fact name -> what the user wrote.
        where: file and place, for the message.

    Raises:
        UnknownName: a name that is not in the vocabulary.
        BadInput: a value of the wrong type, outside the range or levels.
    """
    return {name: _fact(name, value, fact_row(name, where), where) for name, value in given.items()}


def parse_value(name: str, value: object, *, where: str = "facts") -> Value:
    """As one of ``parse_facts``, but a number may also be a closed range ``[lowest, highest]``.

    A range of one number is that number.
    """
    return _value(name, value, fact_row(name, where), where)


def parse_text(name: str, text: str, *, where: str = "facts") -> Value:
    """A fact typed as one word: ``true``, ``3.5``, ``4..7`` (a range), a level, or levels with commas.

    Raises:
        UnknownName, BadInput: as ``parse_facts``; nothing is guessed.
    """
    row = fact_row(name, where)
    typed: object = text
    if row.kind == "bool":
        typed = {"true": True, "false": False}.get(text, text)
    elif row.kind == "several":
        typed = [word for word in text.split(",") if word]
    elif row.kind != "level":
        typed = [_as_number(part) for part in text.split("..")] if ".." in text else _as_number(text)
    return _value(name, typed, row, where)


def _as_number(text: str) -> object:
    """The number that a text writes; the text itself where it writes none, to be refused by name."""
    try:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return text


def _value(name: str, value: object, row: FactRow, where: str) -> Value:
    if row.kind == "several" or not isinstance(value, list | tuple):
        return _fact(name, value, row, where)
    if row.kind not in ("number", "integer"):
        raise BadInput(f"{where}: {name} cannot be a range; {_wanted(row)}")
    if len(value) != 2:
        raise BadInput(f"{where}: {name}: a range is [lowest, highest], found {list(value)}")
    low, high = (_number(name, end, row, where) for end in value)
    if low > high:
        raise BadInput(f"{where}: {name}: the range {list(value)} runs backwards; write [{high:g}, {low:g}]")
    return low if low == high else (low, high)


def _fact(name: str, value: object, row: FactRow, where: str) -> Fact:
    if value is None:
        return None
    if row.kind == "bool":
        if isinstance(value, bool):
            return value
        raise BadInput(f"{where}: {name} is {value!r}; {_wanted(row)}")
    if row.kind == "level":
        return _level(name, value, row, where)
    if row.kind == "several":
        return _several(name, value, row, where)
    return _number(name, value, row, where)


def _several(name: str, value: object, row: FactRow, where: str) -> frozenset[str]:
    """Levels as a list; an empty list says "none of them"."""
    if isinstance(value, list | tuple | frozenset):
        return frozenset(_level(name, one, row, where) for one in value)
    raise BadInput(f"{where}: {name} is {value!r}; {_wanted(row)}")


def _level(name: str, value: object, row: FactRow, where: str) -> str:
    if isinstance(value, str) and value in row.levels:
        return value
    if isinstance(value, str):
        raise UnknownName(name, value, row.levels, where)
    hint = f" (in quotes: '{value}')" if str(value) in row.levels else ""
    raise BadInput(f"{where}: {name} is {value!r}; {_wanted(row)}{hint}")


def _number(name: str, value: object, row: FactRow, where: str) -> int | float:
    # bool is a kind of int in Python: 'sins: yes' must not become 1
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{where}: {name} is {value!r}; {_wanted(row)}, without quotes and without the unit")
    if not math.isfinite(value):
        raise BadInput(f"{where}: {name} is {value}; leave out what is not known")
    if row.kind == "integer" and value != int(value):
        raise BadInput(f"{where}: {name} is {value}; {_wanted(row)}")
    assert row.range is not None
    low, high = row.range
    if not low <= value <= high:
        raise BadInput(f"{where}: {name} is {value:g}; {_wanted(row)}")
    return int(value) if row.kind == "integer" else value


def _wanted(row: FactRow) -> str:
    """Half a sentence: what to write instead."""
    if row.kind == "bool":
        return "write true or false"
    if row.kind == "level":
        return f"write one of {_listed(row.levels)}"
    if row.kind == "several":
        return f"write a list, [] for none, of {_listed(row.levels)}"
    assert row.range is not None
    whole = "a whole number" if row.kind == "integer" else "a number"
    unit = "" if row.unit == "1" else f" {row.unit}"
    return f"write {whole} from {row.range[0]:g} to {row.range[1]:g}{unit}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
