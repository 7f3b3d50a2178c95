"""What a plan does to the body, without a grid: solids, sources and ports in LPS mm.

Each physics room rasterises them onto its own grid.
"""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.model.plan import Point

__all__ = ["Cylinder", "Effects", "Port", "Source"]


@dataclass(frozen=True)
class Cylinder:
    """A straight rod that stays in the body (a screw, a wire)."""

    start_mm: Point
    end_mm: Point
    outer_diameter_mm: float
    inner_diameter_mm: float
    material: str


@dataclass(frozen=True)
class Source:
    """Where heat or cold enters."""

    at_mm: Point
    direction: Point
    kind: str
    power_W: float | None
    duration_s: float


@dataclass(frozen=True)
class Port:
    """Where an agent leaves a device."""

    at_mm: Point
    agent: str
    volume_mL: float


@dataclass(frozen=True)
class Effects:
    """Everything physical that a plan leaves or brings."""

    solids: tuple[Cylinder, ...] = ()
    sources: tuple[Source, ...] = ()
    ports: tuple[Port, ...] = ()
