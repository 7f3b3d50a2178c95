"""What bounds a needle's path and how paths are searched (``data/trajectory/needle.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import RootModel

from osteoplan.knowledge.load import KnownRow, document
from osteoplan.model.evidence import Known

__all__ = ["NeedleFile", "needle_limits"]


class NeedleFile(RootModel[dict[str, KnownRow]]):
    """Limits by name, the unit at the end of the name."""


def needle_limits() -> Mapping[str, Known]:
    """Every limit and every setting of the search by name."""
    return {name: row.known() for name, row in document("trajectory/needle.yaml", NeedleFile).root.items()}
