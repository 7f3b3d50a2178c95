"""docs/glossary.md against the code: what it replaces names nothing public; a class name means one thing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "osteoplan"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

# The word means something else there, or is a key of a document or a command that people type.
OTHERWISE = {
    "trajectory: sound",
    "model: budget",
    "trajectory: way",
    "model: way",
    "anatomy: anchors",
    "io: ladder",
    "io: standings",
    "io: stretch",
    "io: changes",
    "knowledge: changes",
    "workflow: existing",
}

# Class names that two or more rooms still use: one goes from here when it means one thing.
DOUBLED: set[str] = set()


def test_no_word_that_the_glossary_replaces_names_anything_public():
    found = {f"{room}: {word}" for word in replaced() for room in rooms_of(word)}
    assert sorted(found - OTHERWISE) == []


def test_the_exceptions_are_still_there():
    found = {f"{room}: {word}" for word in replaced() for room in rooms_of(word)}
    assert sorted(OTHERWISE - found) == []
    assert sorted(DOUBLED - doubled().keys()) == []


def test_a_class_name_means_one_thing():
    assert {name: where for name, where in doubled().items() if name not in DOUBLED} == {}


def replaced() -> list[str]:
    """The words of the first column."""
    rows = re.findall(r"^\| (`.*?) \| ", GLOSSARY, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`(\w+)`", row)]


def rooms_of(word: str) -> set[str]:
    """Rooms in which it is the name of a public module, class, function or field."""
    return public()[word]


def doubled() -> dict[str, list[str]]:
    """Public classes whose name stands in more than one file."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(SOURCE)))
    return {name: where for name, where in places.items() if len(where) > 1}


@cache
def public() -> dict[str, set[str]]:
    """The rooms of every name of a module, class, function or field."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for path, tree in trees():
        module = path.parent.name if path.name == "__init__.py" else path.stem
        for name in (module, *_named(tree)):
            rooms[name].add(path.relative_to(SOURCE).parts[0])
    return rooms


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    """Every file, read once."""
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(SOURCE.rglob("*.py"))]


def _named(holder: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in holder.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield node.name
            yield from _named(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
