"""What a physics room answers for one state of a bone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from osteoplan.model.field import Field
from osteoplan.model.heat import HeatRecord
from osteoplan.model.outcome import Estimate

__all__ = ["Simulated"]


@dataclass(frozen=True, eq=False)
class Simulated:
    """Outcomes with their draws, fields that later rooms may read, numbers of the solve, warnings.

    Attributes:
        heat: of each delivery of heat or cold, as pages tell it.
    """

    outcomes: tuple[Estimate, ...]
    fields: tuple[Field, ...] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    heat: tuple[HeatRecord, ...] = ()
