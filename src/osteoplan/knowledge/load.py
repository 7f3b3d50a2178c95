"""Read the package's data: YAML files become checked, cached documents.

Every file below ``knowledge/data`` is clinical or material fact, written so that a clinician can read it.
This module knows where the files are, refuses a key that nobody defined or that stands twice, and gives the
digest that stamps every result.  What the documents mean is told by the modules beside it.
"""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from osteoplan.errors import BadInput
from osteoplan.model.evidence import Known, ReviewStatus
from osteoplan.provenance import digest

__all__ = ["Cited", "KnownRow", "Strict", "data_root", "document", "documents", "raw", "version"]


class Strict(BaseModel):
    """A piece of data that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cited(Strict):
    """Anything that rests on somebody's word: whose, how well checked, and when it was looked at."""

    cite: tuple[str, ...] = ()
    status: ReviewStatus
    date: datetime.date
    note: str = ""


class KnownRow(Cited):
    """One value as written in YAML; ``low`` and ``high`` only where the source gives a range."""

    value: bool | int | float | str | None
    unit: str
    low: float | None = None
    high: float | None = None

    def known(self) -> Known:
        """The same as a noun of the model."""
        return Known(
            self.value,
            self.unit,
            self.cite,
            self.status,
            self.date.isoformat(),
            self.low,
            self.high,
            self.note,
        )


Document = TypeVar("Document", bound=BaseModel)


def data_root() -> Traversable:
    """The folder of the package's data."""
    return resources.files("osteoplan.knowledge") / "data"


def document(name: str, kind: type[Document], root: Path | None = None) -> Document:
    """The file ``name`` (a path below the data folder) as a document of that kind.

    Raises:
        BadInput: absent, not YAML, a key twice, or not of that kind; the sentence names file and place.
    """
    found = _document(name, kind, root)
    assert isinstance(found, kind)
    return found


def documents(folder: str, kind: type[Document], root: Path | None = None) -> Mapping[str, Document]:
    """Every YAML file of a data folder by its stem, in the order of the names."""
    names = sorted(f.name for f in ((root or data_root()) / folder).iterdir() if f.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): document(f"{folder}/{name}", kind, root) for name in names}


def raw(root: Path | None = None) -> Mapping[str, Any]:
    """The bare content of every data file by its path, for checks that hold for all of them."""
    top = root or data_root()
    return {name: _yaml(top.joinpath(*name.split("/")), name) for name, _ in _files(top, "")}


@cache
def version() -> str:
    """Digest (hex) of all data files, by path and bytes: the knowledge version of a stamp."""
    return digest(dict(_files(data_root(), "")))


@cache
def _document(name: str, kind: type[BaseModel], root: Path | None) -> BaseModel:
    file = (root or data_root()).joinpath(*name.split("/"))
    if not file.is_file():
        raise BadInput(f"knowledge/data/{name}: no such file; the package is damaged, install it again")
    return _checked(kind, _yaml(file, name), name)


def _files(folder: Traversable | Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield f"{prefix}{entry.name}", entry.read_bytes()


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that refuses a key written twice; plain YAML would keep the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' stands twice", key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def _yaml(file: Traversable | Path, name: str) -> Any:
    try:
        return yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as why:
        raise BadInput(f"knowledge/data/{name}: not valid YAML ({' '.join(str(why).split())})") from why


def _checked(kind: type[Document], content: Any, name: str) -> Document:
    try:
        return kind.model_validate(content)
    except ValidationError as why:
        first = why.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(
            f"knowledge/data/{name}: {place}: {first['msg'][0].lower()}{first['msg'][1:]}"
        ) from why
