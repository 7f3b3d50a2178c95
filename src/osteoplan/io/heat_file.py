"""Files of heat: where probes really lie (``ablate --probes``), a block of tissue (``ablate --model``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from osteoplan.io.yaml import checked, read_yaml
from osteoplan.knowledge.load import Strict
from osteoplan.model.plan import Segment

__all__ = ["HeatModelFile", "ProbesFile", "SegmentFile", "read_heat_model", "read_probes"]

Millimetres = tuple[float, float, float]


class SegmentFile(Strict):
    """One stretch of a protocol: minutes, and watts or the temperature that is held; neither: a pause."""

    minutes: float = Field(gt=0.0, le=120.0)
    power_W: float | None = Field(default=None, gt=0.0)
    set_degC: float | None = Field(default=None, ge=-200.0, le=150.0)
    duty: float = Field(default=1.0, gt=0.0, le=1.0)

    @property
    def segment(self) -> Segment:
        """As a plan has it."""
        return Segment(60.0 * self.minutes, self.power_W, self.set_degC, self.duty)


class ProbeFile(Strict):
    """One probe: its tip, and a point farther out on its shaft; LPS mm."""

    tip_mm: Millimetres
    entry_mm: Millimetres


class ProbesFile(Strict):
    """Probes of one kind as they lie, and what was or will be done; without ``segments`` that is searched."""

    device: str
    probes: list[ProbeFile] = Field(min_length=1, max_length=12)
    segments: list[SegmentFile] = []


class HeatModelFile(Strict):
    """A block of one tissue around its probes, and points that are watched; mm from the block's middle.

    Attributes:
        tissue: id of a tissue (``data/tissues``).
        perfused: whether its blood flows.
        watch: name -> point.
    """

    tissue: str
    edge_mm: float = Field(default=1.0, gt=0.1, le=5.0)
    half_mm: float = Field(default=40.0, ge=5.0, le=120.0)
    start_degC: float = Field(default=37.0, ge=-20.0, le=60.0)
    perfused: bool = True
    walls: Literal["held", "insulated"] = "held"
    device: str
    probes: list[ProbeFile] = Field(min_length=1, max_length=12)
    segments: list[SegmentFile] = Field(min_length=1)
    watch: dict[str, Millimetres] = {}


def read_probes(path: Path) -> ProbesFile:
    """Probes as they lie.

    Raises:
        BadInput: anything in the file that cannot be used.
    """
    return checked(ProbesFile, read_yaml(path), str(path))


def read_heat_model(path: Path) -> HeatModelFile:
    """A block of tissue.

    Raises:
        BadInput: anything in the file that cannot be used.
    """
    return checked(HeatModelFile, read_yaml(path), str(path))
