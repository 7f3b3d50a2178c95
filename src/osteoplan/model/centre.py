"""What a centre owns, as far as it was stated.

What nobody stated is unknown and narrows nothing; what was stated is the whole truth, an empty list included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osteoplan.model.evidence import Known

__all__ = ["Centre"]


@dataclass(frozen=True, eq=False)
class Centre:
    """A centre.  ``Centre()`` has stated nothing.

    Attributes:
        name: what it calls itself; empty where it is not stated.
        stated: keys that ``centre.yaml`` holds.
        resources: every resource that a stated list decides -> whether the centre has it.
        devices: ids of the devices on its shelf; None where no list was given.
        limits: technique (``ways`` for needle paths) -> limit name (unit in it) -> the centre's own number.
        costs: technique -> its cost here, in the unit that it says.
        knowledge: folder of its own rules; None where it has none.
        corridors: files of its own screw corridors.
        applicators: file of its own ablation zones; None where it has none.
        signed_by, date: who stated this, and when (ISO); empty where not stated.
    """

    name: str = ""
    stated: frozenset[str] = frozenset()
    resources: Mapping[str, bool] = field(default_factory=dict)
    devices: frozenset[str] | None = None
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    costs: Mapping[str, Known] = field(default_factory=dict)
    knowledge: Path | None = None
    corridors: tuple[Path, ...] = ()
    applicators: Path | None = None
    signed_by: str = ""
    date: str = ""

    def has(self, resource: str) -> bool | None:
        """Whether the centre has a resource (an id of the vocabulary); None where it is not stated."""
        return self.resources.get(resource)
