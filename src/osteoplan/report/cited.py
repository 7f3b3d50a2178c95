"""Citation keys as numbers of the page's own list of sources."""

from __future__ import annotations

from collections.abc import Iterable

from osteoplan.model.result import PlanResult
from osteoplan.report.views import Cite

__all__ = ["cites"]


def cites(result: PlanResult, keys: Iterable[str]) -> tuple[Cite, ...]:
    """Each key with its place in the list; 0 for a source that the list does not hold."""
    numbers = {citation.key: n for n, citation in enumerate(result.citations, 1)}
    return tuple(Cite(key, numbers.get(key, 0)) for key in keys)
