"""Who said so: citation keys and what they stand for (``data/refs``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import Field, RootModel

from osteoplan.errors import BadInput, named
from osteoplan.knowledge.load import Strict, documents
from osteoplan.model.evidence import Citation

__all__ = ["citation", "citations", "read_sources"]


class RefRow(Strict):
    """One source: a sentence that a librarian can find it by, and its identifiers where known.

    ``read``: the source itself was read, or the page of the body that issued it; not an abstract of it.
    """

    text: str = Field(min_length=8)
    doi: str = ""
    pmid: str = ""
    url: str = ""
    read: bool = False


class RefFile(RootModel[dict[str, RefRow]]):
    """Sources by key."""


def citation(key: str) -> Citation:
    """The source behind a citation key.

    Raises:
        UnknownName: no file in ``data/refs`` has the key.
    """
    return named("citation key", key, citations(), "knowledge/data/refs")


def read_sources(root: Path | None = None) -> frozenset[str]:
    """Keys of the sources that were themselves read: what the tag F needs."""
    files = documents("refs", RefFile, root).values()
    return frozenset(key for file in files for key, row in file.root.items() if row.read)


@cache
def citations(root: Path | None = None) -> Mapping[str, Citation]:
    """Every source by key.

    Raises:
        BadInput: two files define the same key.
    """
    found: dict[str, Citation] = {}
    for stem, file in documents("refs", RefFile, root).items():
        for key, row in file.root.items():
            if key in found:
                raise BadInput(f"knowledge/data/refs/{stem}.yaml: the key '{key}' is already in another file")
            found[key] = Citation(key, row.text, row.doi, row.pmid, row.url)
    return found
