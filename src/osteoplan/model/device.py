"""From the shelf: needles, cements, screws, wires, probes.  Values live in ``knowledge/data/devices``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from osteoplan.model.evidence import Known

__all__ = ["Device"]


@dataclass(frozen=True)
class Device:
    """One device and its cited properties, e.g. ``outer_diameter_mm``."""

    id: str
    kind: Literal["needle", "cement", "screw", "wire", "probe"]
    name: str
    values: Mapping[str, Known]
