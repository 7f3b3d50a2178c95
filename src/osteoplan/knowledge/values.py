"""Single numbers of the data: one name for each, ``file.key``, and one door to them all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import RootModel, model_validator

from osteoplan.errors import UnknownName, named
from osteoplan.knowledge.load import KnownRow, all_known, document, raw
from osteoplan.model.evidence import Known

__all__ = ["known", "number", "values"]

FOLDERS = ("anatomy", "applicators", "cement", "constructs", "heat", "materials", "trajectory", "value")


class ValueFile(RootModel[dict[str, KnownRow]]):
    """Values by name; a ``date`` on top is the date of every value that has none of its own."""

    @model_validator(mode="before")
    @classmethod
    def _without_the_date(cls, content: Any) -> Any:
        if isinstance(content, Mapping):
            return {name: row for name, row in content.items() if name != "date"}
        return content


def number(name: str) -> float:
    """One number, in its unit, as ``file.key``: ``bone.poisson_ratio``, ``needle.hub_allowance_mm``.

    Raises:
        UnknownName: there is none of that name; the message names the nearest.
        BadInput: it is not a number.
    """
    return known(name).number


@cache
def known(name: str) -> Known:
    """The same with its unit, source and status.

    Raises:
        UnknownName: there is none of that name.
    """
    file, _, key = name.partition(".")
    return named("value", key, values(file), _path(file))


@cache
def values(file: str) -> Mapping[str, Known]:
    """Every value of a file by name.

    Raises:
        UnknownName: there is no such file of values.
    """
    path = _path(file)
    return all_known(document(path.removeprefix("knowledge/data/"), ValueFile).root, path)


def _path(file: str) -> str:
    paths = {
        path.split("/")[-1].removesuffix(".yaml"): path for path in raw() if path.split("/")[0] in FOLDERS
    }
    if file not in paths:
        raise UnknownName("file of values", file, paths, "knowledge/data")
    return f"knowledge/data/{paths[file]}"
