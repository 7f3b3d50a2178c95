"""YAML and pydantic at the edge: a file becomes a checked document, or one sentence about what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.load import PlainLoader
from osteoplan.knowledge.marked import known_keys

__all__ = ["checked", "read_yaml", "write_text", "write_yaml"]


Document = TypeVar("Document", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        BadInput: absent, unreadable, not a mapping, a key that stands twice, or one that is no word.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), PlainLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as why:
        raise BadInput(f"{path}: not valid YAML ({' '.join(str(why).split())})") from why
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise BadInput(f"{path}: expected 'key: value' lines, found {found}")
    for key in content:
        if not isinstance(key, str):
            raise BadInput(f"{path}: the key {key!r} is no word; if it is meant as one, put it in quotes")
    return content


def checked(kind: type[Document], content: dict[str, Any], where: str) -> Document:
    """The content as a document of that kind; the first thing wrong with it as one sentence."""
    try:
        return kind.model_validate(content)
    except ValidationError as why:
        first = why.errors()[0]
        path = [str(part) for part in first["loc"]]
        if first["type"] == "extra_forbidden":
            raise UnknownName("key", path[-1], known_keys(kind, path[:-1]), where) from why
        place = ".".join(path) or "the file"
        got = first.get("input")
        shown = "" if isinstance(got, dict) else f" (found {got!r})"
        raise BadInput(f"{where}: {place}: {first['msg'][0].lower()}{first['msg'][1:]}{shown}") from why


def write_text(path: Path, text: str) -> None:
    """Write beside, then rename: a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def write_yaml(path: Path, content: dict[str, Any]) -> None:
    """Write a mapping in the order it has."""
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110))
