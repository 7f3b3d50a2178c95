"""Zones of ablation applicators and where each was printed (``data/applicators``, or a centre's own file).

No zone here was measured in bone.  Whoever shows one says so: ``LABEL`` and ``ZoneRow.cautions`` go with it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from osteoplan.errors import BadInput, UnknownName, named
from osteoplan.knowledge.devices import DeviceRow, devices
from osteoplan.knowledge.load import Cited, Strict, all_known, dated, document
from osteoplan.knowledge.marked import read_marked
from osteoplan.model.device import Device

__all__ = [
    "LABEL", "ApplicatorFile", "ApplicatorTable", "Modality", "ZoneRow", "applicators", "load_applicators",
]  # fmt: skip

Modality = Literal["rfa", "mwa", "cryo", "laser"]

LABEL = "unverified, not measured in bone"
ZONES = "applicators/zones.yaml"


class ZoneRow(Cited):
    """The zone of one applicator at one setting, as charted or measured: an ellipsoid about the probe.

    Attributes:
        device: id of the probe (``data/devices``, or ``devices`` of the same file).
        medium: what it was charted or measured in, in words.
        organ: ``liver``, ``kidney`` ...; ``none`` for a phantom; ``not stated``.
        setting: how: a vendor's chart, in the living, in tissue outside the body, in a phantom.
        edge: what the border of the zone is, in words.
        isotherm_degC: the border's temperature, where it is one.
        width_mm, length_mm: across and along the probe; no length where the source tells none.
        tip_offset_mm: how far the zone reaches beyond the tip; None where the source does not tell.
        probes, probe_spacing_mm: of a zone made by several probes together.
        document, page: where it is printed, with the edition.
        caution: what to know about this row, in half a sentence.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9_]+$")
    device: str
    modality: Modality
    medium: str = Field(min_length=3)
    organ: str = Field(min_length=3)
    setting: Literal["chart", "in vivo", "ex vivo", "phantom"]
    edge: str = Field(min_length=3)
    isotherm_degC: float | None = Field(default=None, ge=-200, le=150)
    start_temperature_degC: float | None = Field(default=None, ge=-20, le=60)
    power_W: float | None = Field(default=None, gt=0)
    time_min: float = Field(gt=0, le=120)
    width_mm: float = Field(gt=0)
    length_mm: float | None = Field(default=None, gt=0)
    tip_offset_mm: float | None = None
    width_sd_mm: float | None = Field(default=None, ge=0)
    length_sd_mm: float | None = Field(default=None, ge=0)
    probes: int = Field(default=1, ge=1)
    probe_spacing_mm: float | None = Field(default=None, gt=0)
    document: str = Field(min_length=3)
    page: str = ""
    caution: str = ""

    @model_validator(mode="after")
    def _plausible(self) -> ZoneRow:
        """What a slip of the unit or of the columns looks like."""
        for name, value in (("width_mm", self.width_mm), ("length_mm", self.length_mm)):
            if value is not None and not 5 <= value <= 150:
                raise ValueError(f"{name} {value:g} is no zone in mm (5 to 150): is it in cm?")
        offset, length = self.tip_offset_mm, self.length_mm
        if offset is not None and length is not None and abs(offset) > length:
            raise ValueError(
                f"tip_offset_mm {offset:g} is more than the zone's length of {length:g} mm: it is how far "
                "the zone reaches beyond the tip"
            )
        if self.isotherm_degC is not None and (self.modality == "cryo") != (self.isotherm_degC <= 37):
            raise ValueError(f"an isotherm of {self.isotherm_degC:g} degC is not one of '{self.modality}'")
        return self

    @property
    def placeable(self) -> bool:
        """True where one probe's width and length are known; the others are only shown."""
        return self.length_mm is not None and self.probes == 1

    @property
    def energy(self) -> str:
        """The setting in words, e.g. ``65 W, 10 min``."""
        power = "" if self.power_W is None else f"{self.power_W:g} W, "
        return f"{power}{self.time_min:g} min"

    @property
    def cautions(self) -> tuple[str, ...]:
        """Sentences that go wherever the zone is shown; never empty."""
        organ = self.organ if self.organ not in ("none", "not stated") else f"organ {self.organ}"
        said = [
            f"{self.id}: zone from {self.medium} ({organ}, {self.setting}), {LABEL}; a zone in bone differs"
        ]
        if self.caution:
            said.append(f"{self.id}: {self.caution}")
        if self.tip_offset_mm is None:
            said.append(f"{self.id}: the source does not tell how far the zone reaches beyond the tip")
        return tuple(said)


class ApplicatorFile(Strict):
    """Zones, and in a centre's own file the probes that the package does not know.

    ``date`` holds for every row that has none of its own.
    """

    date: datetime.date | None = None
    zones: tuple[ZoneRow, ...] = Field(min_length=1)
    devices: dict[str, DeviceRow] = {}


@dataclass(frozen=True)
class ApplicatorTable:
    """Zones by id and the probes that they are of.

    Attributes:
        name: where the table comes from, as messages call it.
    """

    name: str
    rows: Mapping[str, ZoneRow]
    devices: Mapping[str, Device]

    def row(self, id: str) -> ZoneRow:
        """The zone of that id.

        Raises:
            UnknownName: there is none; the message names the nearest.
        """
        return named("zone of an applicator", id, self.rows, self.name)

    def diameter_mm(self, row: ZoneRow) -> float | None:
        """Outer diameter of the row's probe; None where no device row tells it."""
        known = self.devices[row.device].values.get("outer_diameter_mm")
        value = known.value if known else None
        return float(value) if isinstance(value, int | float) else None

    def placeable(self, modality: Modality | None = None) -> tuple[ZoneRow, ...]:
        """Rows that a probe can be placed by, of one modality or of all."""
        return tuple(row for row in self.rows.values() if row.placeable and modality in (None, row.modality))


@cache
def applicators(root: Path | None = None) -> ApplicatorTable:
    """The zones that the package ships.

    Raises:
        BadInput: a row of a probe that does not exist, or an id twice.
    """
    file = document(ZONES, ApplicatorFile, root)
    shelf = {id: row for id, row in devices(root).items() if row.kind == "probe"}
    for index, row in enumerate(file.zones):
        fault = _fault(row, file.zones[:index], shelf)
        if fault:
            raise BadInput(f"knowledge/data/{ZONES}: {row.id}: {fault}")
    return ApplicatorTable(f"knowledge/data/{ZONES}", {row.id: row for row in file.zones}, shelf)


def load_applicators(path: Path) -> ApplicatorTable:
    """A centre's own zones; they replace the package's, the package's probes stay known.

    Raises:
        BadInput: anything wrong with the file, in one line with file, line and what to do.
    """
    marked = read_marked(path)
    file = marked.checked(ApplicatorFile, dated(marked.content))
    shelf = {id: row for id, row in devices().items() if row.kind == "probe"}
    for id, probe in file.devices.items():
        if probe.kind != "probe":
            raise marked.fault(("devices", id, "kind"), f"{id} is a {probe.kind}; here only probes are named")
        shelf[id] = Device(id, probe.kind, probe.name, all_known(probe.values, f"the device '{id}'"))
    for index, row in enumerate(file.zones):
        fault = _fault(row, file.zones[:index], shelf)
        if fault:
            raise marked.fault(("zones", index), f"{row.id}: {fault}")
    return ApplicatorTable(str(path), {row.id: row for row in file.zones}, shelf)


def _fault(row: ZoneRow, before: Iterable[ZoneRow], shelf: Mapping[str, Device]) -> str:
    """What the schema cannot see in a row; "" if it is sound."""
    if row.id in {other.id for other in before}:
        return "the id stands twice; give each zone its own"
    if row.device not in shelf:
        return str(UnknownName("probe", row.device, shelf))
    if row.status == "verified":
        return f"a zone is 'unverified' ({LABEL}); write status: unverified"
    return ""
