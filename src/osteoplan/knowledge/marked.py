"""YAML with its line numbers: a fault in a file that a person wrote is told with file and line.

Plain YAML as everywhere in the data, but that a key is always the word that was written (``off`` stays
``off`` and does not become false).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from osteoplan.errors import BadInput, nearest
from osteoplan.knowledge.load import PlainLoader

__all__ = ["KeyPath", "Marked", "known_keys", "read_marked"]

KeyPath = Sequence[str | int]
Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True, eq=False)
class Marked:
    """The content of a YAML file that knows its lines.

    Attributes:
        name: the file as messages call it.
        content: keys and values.
        node: the same as YAML's own tree, with marks.
    """

    name: str
    content: Mapping[str, Any]
    node: yaml.Node

    def line(self, path: KeyPath) -> int:
        """Line (from 1) of the key at a path; of the deepest part of the path that the file has."""
        node, line = self.node, self.node.start_mark.line
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line + 1

    def fault(self, path: KeyPath, text: str) -> BadInput:
        """What is wrong at a path, as an error to raise: file, line, top key, reason."""
        top = f"{path[0]}: " if path and isinstance(path[0], str) else ""
        return BadInput(f"{self.name}:{self.line(path)}: {top}{text}")

    def checked(self, kind: type[Document], content: Mapping[str, Any] | None = None) -> Document:
        """The content (or what was made of it, every key at its place) as a document of that kind.

        Raises:
            BadInput: the first thing wrong with it, with file and line.
        """
        try:
            return kind.model_validate(self.content if content is None else content)
        except ValidationError as why:
            # a misspelt key also leaves the right one missing: the misspelling says more
            odd = [error for error in why.errors() if error["type"] == "extra_forbidden"]
            first = (odd or why.errors())[0]
            told = _told(kind, first, self._present(first["loc"]))
            raise BadInput(f"{self.name}:{self.line(first['loc'])}: {told}") from why

    def _present(self, path: KeyPath) -> list[str]:
        """The part of a path that the file has: a schema adds words of its own for alternatives."""
        node, found = self.node, []
        for part in path:
            child = _child(node, part)
            if child is None:
                break
            node = child[1]
            found.append(str(part))
        return found


def read_marked(path: Path) -> Marked:
    """The mapping in a YAML file, with its lines.

    Raises:
        BadInput: absent, not YAML, a key twice, or not a mapping; with file and line.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        content = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as why:
        mark = why.problem_mark or why.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise BadInput(f"{path}{line}: not valid YAML: {' '.join(str(why.problem).split())}") from why
    except (yaml.YAMLError, UnicodeDecodeError) as why:
        raise BadInput(f"{path}: not valid YAML ({' '.join(str(why).split())})") from why
    if node is None or not isinstance(content, dict):
        raise BadInput(f"{path}:1: expected 'key: value' lines, found {type(content).__name__}")
    return Marked(str(path), content, node)


def known_keys(kind: type[BaseModel], path: Sequence[str]) -> list[str]:
    """Keys, as written in files, that the nested document at ``path`` knows."""
    for part in path:
        field = next((f for name, f in kind.model_fields.items() if part in (name, f.alias)), None)
        if part.isdigit() or field is None:
            continue
        inner = _model_in(field.annotation)
        if inner is None:
            return []
        kind = inner
    return [field.alias or name for name, field in kind.model_fields.items()]


class _Loader(PlainLoader):
    """Plain YAML whose keys are the words that were written."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be one word", key.start_mark)
            key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    """Line and node of one part of a path."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


def _told(kind: type[BaseModel], first: Any, present: Sequence[str]) -> str:
    """A schema's first complaint: the words of its place (the line tells which entry), and what is wrong."""
    path = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        fault = f"unknown key '{path[-1]}'; {nearest(path[-1], known_keys(kind, path[:-1]))}"
        present = present[:-1]
    elif first["type"] == "missing":
        fault = f"'{path[-1]}' is missing"
    else:
        text, got = first["msg"].removeprefix("Value error, "), first.get("input")
        fault = f"{text[0].lower()}{text[1:]}" + ("" if isinstance(got, dict | list) else f" (found {got!r})")
    return "".join(f"{part}: " for part in present if not part.isdigit()) + fault


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first pydantic model inside an annotation such as ``list[Lesion] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
