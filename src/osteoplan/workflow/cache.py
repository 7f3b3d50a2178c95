"""Nothing is computed twice: nouns on disk by the digest of what they were computed from.

    cache.once(lambda: look(folder), "reading", digests)      # made, or as it was made before

An entry is one file ``<digest>.npz``: the arrays of a noun, and a JSON text that says how they hang together.
Only plain values and the frozen nouns of this package are written and read; nothing is executed.  The
package's own text is part of every key, so an edited line makes everything anew.  What ``once`` hands out has
always been through that form, so a second run works on the same bits as the first.

Entries are written beside and renamed, so two runs never read each other's halves.  The folder is
``OSTEOPLAN_CACHE``, or the user's cache folder; it can be deleted at any time.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import get_ident
from typing import Any, TypeVar, cast

import numpy as np

import osteoplan
from osteoplan.knowledge.load import version as knowledge_version
from osteoplan.provenance import cache_folder, digest

__all__ = ["Cache"]

T = TypeVar("T")
DAMAGED = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError, ImportError,
           zipfile.BadZipFile)  # fmt: skip
QUICK = 1  # level of compression: masks shrink to a hundredth at any, and the next ones take seconds


@dataclass(frozen=True)
class Cache:
    """Nouns by digest, by default in the user's own folder."""

    folder: Path = field(default_factory=lambda: cache_folder() / "results")

    @staticmethod
    def key(*parts: Any) -> str:
        """Digest of everything that a noun depends on; the texts of program and knowledge are added."""
        return digest(_program(), knowledge_version(), *parts)

    def once(self, make: Callable[[], T], *parts: Any) -> T:
        """What was made of the same parts before, else made now and kept."""
        key = self.key(*parts)
        found = self.load(key)
        if found is None:
            found = self.store(key, make())
        return cast("T", found)

    def load(self, key: str) -> Any:
        """The noun of that digest; None where there is none, or where the file was damaged."""
        path = self.folder / f"{key}.npz"
        if not path.is_file():
            return None
        try:
            return _read(path)
        except DAMAGED:
            path.unlink(missing_ok=True)  # damaged, or of another version: compute again
            return None

    def store(self, key: str, noun: Any) -> Any:
        """Keep a noun; returns it as it will be read."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{key}.{os.getpid()}.{get_ident()}.part.npz"
        _write(noun, beside)
        kept = _read(beside)
        beside.replace(self.folder / f"{key}.npz")
        return kept


@functools.cache
def _program() -> str:
    """Digest of this package's own text: code, pages and their styles."""
    root = Path(osteoplan.__file__).parent
    files = sorted(file for file in root.rglob("*") if file.suffix in (".py", ".j2", ".css"))
    return digest(osteoplan.__version__, [(str(file.relative_to(root)), file.read_bytes()) for file in files])


def _write(noun: Any, path: Path) -> None:
    arrays: list[Any] = []
    document = json.dumps(_plain(noun, arrays, {}))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=QUICK) as file:
        file.writestr("document.json", document)
        for n, array in enumerate(arrays):
            with file.open(f"{n}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(cast("Any", entry), array, allow_pickle=False)


def _read(path: Path) -> Any:
    with zipfile.ZipFile(path) as file:
        document = json.loads(file.read("document.json"))
        arrays: dict[int, Any] = {}

        def array(n: int, shape: list[int] | None) -> Any:
            if n not in arrays:
                found = np.lib.format.read_array(io.BytesIO(file.read(f"{n}.npy")), allow_pickle=False)
                if shape is not None:  # bits
                    found = np.unpackbits(found, count=int(np.prod(shape))).astype(bool).reshape(shape)
                arrays[n] = found
            return arrays[n]

        return _noun(document, array)


def _plain(value: Any, arrays: list[Any], known: dict[int, Any]) -> Any:
    """A value as JSON holds it; whatever JSON has no word for becomes ``[word, ...]``."""

    def inside(values: Any) -> list[Any]:
        return [_plain(one, arrays, known) for one in values]

    match value:
        case np.ndarray():
            if id(value) not in known:
                flags = value.dtype == np.bool_
                known[id(value)] = ["array", len(arrays), list(value.shape) if flags else None]
                arrays.append(np.packbits(value) if flags else value)
            return known[id(value)]
        case np.generic():
            return ["scalar", value.dtype.str, value.item()]
        case None | bool() | int() | float() | str():
            return value
        case tuple():
            return ["tuple", *inside(value)]
        case list():
            return ["list", *inside(value)]
        case frozenset():
            return ["set", *inside(sorted(value))]
        case Mapping():
            return ["map", inside(value), inside(value.values())]
        case datetime.date():
            return ["date", value.isoformat()]
    kind = type(value)
    if not dataclasses.is_dataclass(value) or not kind.__module__.startswith("osteoplan."):
        raise TypeError(f"{kind.__name__} cannot be kept: only plain values and nouns of this package can")
    names = [one.name for one in dataclasses.fields(value)]
    return ["noun", kind.__module__, kind.__qualname__, names, inside(getattr(value, n) for n in names)]


def _noun(plain: Any, array: Callable[[int, list[int] | None], Any]) -> Any:
    """The value that ``_plain`` wrote."""
    if not isinstance(plain, list):
        return plain
    word, *rest = plain

    def inside(values: list[Any]) -> list[Any]:
        return [_noun(one, array) for one in values]

    match word:
        case "array":
            return array(*rest)
        case "scalar":
            return np.dtype(rest[0]).type(rest[1])
        case "tuple":
            return tuple(inside(rest))
        case "list":
            return inside(rest)
        case "set":
            return frozenset(inside(rest))
        case "map":
            return dict(zip(inside(rest[0]), inside(rest[1]), strict=True))
        case "date":
            return datetime.date.fromisoformat(rest[0])
    module, name, names, values = rest
    if not module.startswith("osteoplan."):
        raise TypeError(f"{module} is none of this package")
    kind = getattr(import_module(module), name)
    if [one.name for one in dataclasses.fields(kind)] != names:
        raise TypeError(f"{name} has other fields now")
    made = object.__new__(kind)  # checked when it was made first
    for field_name, one in zip(names, inside(values), strict=True):
        object.__setattr__(made, field_name, one)
    return made
