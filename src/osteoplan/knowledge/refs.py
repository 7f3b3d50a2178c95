"""Who said so: citation keys and what they stand for (``data/refs``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import Field, RootModel

from osteoplan.errors import BadInput, named
from osteoplan.knowledge.load import Strict, documents
from osteoplan.model.evidence import Citation

__all__ = ["citation", "citations"]


class RefRow(Strict):
    """One source: a sentence that a librarian can find it by, and its identifiers where known."""

    text: str = Field(min_length=8)
    doi: str = ""
    pmid: str = ""
    url: str = ""


class RefFile(RootModel[dict[str, RefRow]]):
    """Sources by key."""


def citation(key: str) -> Citation:
    """The source behind a citation key.

    Raises:
        UnknownName: no file in ``data/refs`` has the key.
    """
    return named("citation key", key, citations(), "knowledge/data/refs")


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
