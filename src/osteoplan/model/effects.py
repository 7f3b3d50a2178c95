"""What a plan does to the body, without a grid: solids, sources and ports in LPS mm.

Each physics room rasterises them onto its own grid.  ``step`` is the order of the step that brings a thing:
rooms act in the order of the steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.arrays import Point
from osteoplan.model.device import Device
from osteoplan.model.plan import Segment

__all__ = ["Cavity", "Cylinder", "Effects", "Layer", "Port", "Source"]


@dataclass(frozen=True)
class Cylinder:
    """A straight rod that stays in the body (a screw, a wire).

    Attributes:
        start_mm, end_mm: head end and tip.
        inner_diameter_mm: of the bore; 0 where solid.
        root_diameter_mm: of the core under the thread, which bending stiffness follows; None for a smooth
            rod, or where it is not known (the outer diameter then counts, which is too stiff for a thread).
        thread_mm: length of the thread from the tip; None: a rod with a root is threaded up to its head.
        shaft_diameter_mm: of the part without thread; None: the root's.
    """

    start_mm: Point
    end_mm: Point
    outer_diameter_mm: float
    inner_diameter_mm: float
    material: str
    root_diameter_mm: float | None = None
    thread_mm: float | None = None
    shaft_diameter_mm: float | None = None


@dataclass(frozen=True)
class Source:
    """Where heat or cold enters: one probe, or several that run together.

    Attributes:
        kind: a word of the order of acts, e.g. ``rf_bipolar``, ``cold``.
        device: id of the probe.
        tips_mm: of each probe.
        entries_mm: outer end of each probe's way; with the tip it is the probe's axis.
        segments: of the protocol, in time.
        probe: as it stands on the shelf; None where only its id is known.
    """

    kind: str
    device: str
    tips_mm: tuple[Point, ...]
    entries_mm: tuple[Point, ...]
    segments: tuple[Segment, ...]
    step: int = 0
    probe: Device | None = None


@dataclass(frozen=True)
class Port:
    """Where an agent leaves a device."""

    at_mm: Point
    agent: str
    volume_mL: float
    step: int = 0


@dataclass(frozen=True)
class Layer:
    """Gas or fluid that is put between tissues to part them, or an embolic that closes vessels."""

    at_mm: Point
    agent: str
    volume_mL: float
    step: int = 0


@dataclass(frozen=True)
class Cavity:
    """A space that was opened in the bone."""

    at_mm: Point
    volume_mL: float
    step: int = 0


@dataclass(frozen=True)
class Effects:
    """Everything physical that a plan leaves or brings."""

    solids: tuple[Cylinder, ...] = ()
    sources: tuple[Source, ...] = ()
    ports: tuple[Port, ...] = ()
    cavities: tuple[Cavity, ...] = ()
    layers: tuple[Layer, ...] = ()
