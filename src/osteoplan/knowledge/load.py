"""Read the package's data: YAML files become checked, cached documents.

Every file below ``knowledge/data`` is clinical or material fact, written so that a clinician can read it.
This module knows where the files are, refuses a key that nobody defined or that stands twice, and gives the
digest that stamps every result.  What the documents mean is told by the modules beside it.
"""

from __future__ import annotations

import contextlib
import datetime
import marshal
import os
import sys
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from osteoplan.errors import BadInput
from osteoplan.model.evidence import Known, ReviewStatus
from osteoplan.provenance import cache_folder, digest

__all__ = [
    "Cited", "KnownRow", "NumberRow", "PlainLoader", "Release", "Strict", "all_known", "data_root", "dated",
    "document", "documents", "raw", "release", "status_of", "version",
]  # fmt: skip


class Strict(BaseModel):
    """A piece of data that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cited(Strict):
    """Anything that rests on somebody's word: whose, how well checked, when it was looked at, when it holds.

    Attributes:
        tag: how the reference was read: F seen in the source, F~ in a secondary one, MH, MM, ML from memory
            (how sure), D our own default; joined with ``+``.  The status follows from it.
        status: ``verified``, ``unverified`` or ``design_default``.
        date: when it was last looked at; a file may say it once for all.
        reviewer: who checked it against the primary source; empty where nobody did.
        since, until: first day in force, and first day no longer in force; None is open.
    """

    cite: tuple[str, ...] = ()
    tag: str = ""
    status: ReviewStatus
    date: datetime.date
    reviewer: str = ""
    since: datetime.date | None = None
    until: datetime.date | None = None
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _status_follows(cls, content: Any) -> Any:
        """A tag settles the status; both may stand only if they agree."""
        if isinstance(content, Mapping) and content.get("tag"):
            settled = status_of(str(content["tag"]))
            if content.get("status", settled) != settled:
                raise ValueError(f"the tag {content['tag']} means '{settled}', not '{content['status']}'")
            return {**content, "status": settled}
        return content

    def in_force(self, day: datetime.date) -> bool:
        """Whether it holds on a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


class KnownRow(Cited):
    """One value as written in YAML; ``low`` and ``high`` only where the source gives a range."""

    value: bool | int | float | str | None
    unit: str
    low: float | None = None
    high: float | None = None

    def known(self, name: str = "") -> Known:
        """The same as a noun of the model, ``name`` for its messages."""
        return Known(
            self.value, self.unit, self.cite, self.status, self.date.isoformat(), self.low, self.high,
            self.note, name,
        )  # fmt: skip


class NumberRow(KnownRow):
    """A value that is a number wherever it stands."""

    value: float = Field(strict=True)


def all_known(rows: Mapping[str, KnownRow], where: str) -> Mapping[str, Known]:
    """Rows by name as nouns of the model; ``where`` they stand is told in their messages."""
    return {name: row.known(f"'{name}' in {where}") for name, row in rows.items()}


_TAGS = frozenset({"F", "F~", "MH", "MM", "ML", "D"})

Document = TypeVar("Document", bound=BaseModel)


def status_of(tag: str) -> ReviewStatus:
    """Review status of a tag: its weakest part.  Memory or a secondary source outweighs all, then a default.

    Raises:
        ValueError: a part that is no tag.
    """
    parts = tag.split("+")
    for part in parts:
        if part not in _TAGS:
            raise ValueError(f"the tag '{part}' is none of {', '.join(sorted(_TAGS))}")
    if set(parts) & {"F~", "MH", "MM", "ML"}:
        return "unverified"
    return "design_default" if "D" in parts else "verified"


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
    if root is None:
        inside = [name.removeprefix(f"{folder}/") for name in _bytes() if name.startswith(f"{folder}/")]
    else:
        inside = [file.name for file in (root / folder).iterdir()]
    names = sorted(name for name in inside if name.endswith(".yaml") and "/" not in name)
    return {name.removesuffix(".yaml"): document(f"{folder}/{name}", kind, root) for name in names}


def raw(root: Path | None = None) -> Mapping[str, Any]:
    """The bare content of every data file by its path, for checks that hold for all of them."""
    if root is None:
        return _contents()
    return {name: _yaml_of(content, name) for name, content in _files(root, "")}


def dated(content: Any) -> Any:
    """The content with the file's own ``date`` in every cited piece that has none."""
    if not isinstance(content, dict) or not isinstance(content.get("date"), datetime.date):
        return content
    return {key: _inherited(value, content["date"]) for key, value in content.items()}


class Release(Strict):
    """``release.yaml``: the content's own version, apart from the program's."""

    version: str = Field(pattern=r"^\d{4}\.\d{2}(\.\d+)?$")
    date: datetime.date
    note: str
    changes: tuple[str, ...] = ()


def release(root: Path | None = None) -> Release:
    """Version and date of the content."""
    return document("release.yaml", Release, root)


@cache
def version() -> str:
    """The content's release and the digest of all its files, by path and bytes: what goes into a stamp."""
    return f"{release().version}+{_digest()}"


@cache
def _document(name: str, kind: type[BaseModel], root: Path | None) -> BaseModel:
    if root is None:
        contents = _contents()
        if name not in contents:
            raise BadInput(f"knowledge/data/{name}: no such file; the package is damaged, install it again")
        return _checked(kind, contents[name], name)
    file = root.joinpath(*name.split("/"))
    if not file.is_file():
        raise BadInput(f"knowledge/data/{name}: no such file; the package is damaged, install it again")
    return _checked(kind, _yaml(file, name), name)


@cache
def _bytes() -> Mapping[str, bytes]:
    return dict(_files(data_root(), ""))


@cache
def _digest() -> str:
    return digest(_bytes())


@cache
def _contents() -> Mapping[str, Any]:
    """Every file of the package, parsed; kept on disk by digest: parsing takes longer than a pathway."""
    found = _kept()
    if found is not None:
        return found
    parsed = {name: _plain(_yaml_of(content, name)) for name, content in _bytes().items()}
    with contextlib.suppress(OSError):  # a folder that cannot be written costs time, not truth
        place = _place()
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_suffix(f".{os.getpid()}")
        beside.write_bytes(marshal.dumps(parsed))
        beside.replace(place)
    return parsed


def _kept() -> Mapping[str, Any] | None:
    """What an earlier run parsed; None where there is nothing readable, and all is parsed again."""
    with contextlib.suppress(OSError, ValueError, EOFError, TypeError):
        found: Mapping[str, Any] = marshal.loads(_place().read_bytes())
        return found
    return None


def _place() -> Path:
    return cache_folder() / "knowledge" / f"{_digest()}.{sys.implementation.cache_tag}.marshal"


def _plain(content: Any) -> Any:
    """Days as text, which ``marshal`` can keep and the schemas read back."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_plain(value) for value in content]
    return content.isoformat() if isinstance(content, datetime.date) else content


def _files(folder: Traversable | Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield f"{prefix}{entry.name}", entry.read_bytes()


class PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that refuses a key written twice; plain YAML would keep the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node, its keys looked at one by one."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' stands twice", key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def _yaml(file: Path, name: str) -> Any:
    return _yaml_of(file.read_bytes(), name)


def _yaml_of(content: bytes, name: str) -> Any:
    try:
        return dated(yaml.load(content.decode("utf-8"), PlainLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as why:
        raise BadInput(f"knowledge/data/{name}: not valid YAML ({' '.join(str(why).split())})") from why


def _inherited(content: Any, date: datetime.date) -> Any:
    if isinstance(content, list):
        return [_inherited(inner, date) for inner in content]
    if not isinstance(content, dict):
        return content
    inner = {key: _inherited(value, date) for key, value in content.items()}
    cited = {"cite", "tag", "status"} & set(inner)
    return {**inner, "date": date} if cited and "date" not in inner else inner


def _checked(kind: type[Document], content: Any, name: str) -> Document:
    try:
        return kind.model_validate(content)
    except ValidationError as why:
        first = why.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(
            f"knowledge/data/{name}: {place}: {first['msg'][0].lower()}{first['msg'][1:]}"
        ) from why
