"""Write the pages of the knowledge into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from osteoplan.errors import BadInput
from osteoplan.io.yaml import write_text
from osteoplan.knowledge.centre.ruleset import RuleSet
from osteoplan.model.evidence import Citation
from osteoplan.report.knowledge.site import pages

__all__ = ["write_site"]


def write_site(
    folder: Path, rule_set: RuleSet, *, title: str = "", sources: Mapping[str, Citation] | None = None
) -> tuple[Path, ...]:
    """Write every page; all are made before the first is written, and none is ever half-written.

    Args:
        folder: made where it is absent; other files in it are left alone.
        rule_set: the effective rules.
        title: whose pages these are.
        sources: a centre's own sources by key.

    Returns:
        The files, ``index.html`` first.

    Raises:
        BadInput: the folder is a file, or cannot be written.
    """
    made = pages(rule_set, title=title, sources=sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, html in made.items():
            write_text(folder / name, html)
    except OSError as why:
        raise BadInput(
            f"{folder}: the pages cannot be written here ({why.strerror}); give another folder"
        ) from why
    return tuple(folder / name for name in made)
