"""Ablation applicators: zones and where each was printed (``data/applicators``, or a centre's own file),
and what a simulation needs of a probe (``data/devices``).

No zone here was measured in bone.  Whoever shows one says so: ``LABEL`` and ``ZoneRow.cautions`` go with it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator

from osteoplan.errors import BadInput, UnknownName, named
from osteoplan.knowledge.devices import DeviceRow, devices
from osteoplan.knowledge.load import Cited, Strict, all_known, dated, document
from osteoplan.knowledge.marked import read_marked
from osteoplan.knowledge.tissues import heat_tissues
from osteoplan.knowledge.values import number
from osteoplan.model.device import Device
from osteoplan.model.evidence import Known

__all__ = [
    "LABEL", "Applicator", "ApplicatorFile", "ApplicatorTable", "Energy", "Modality", "ZoneRow",
    "applicator_of", "applicators", "is_generic", "load_applicators", "stamps_of_probe",
]  # fmt: skip

Modality = Literal["rfa", "mwa", "cryo", "laser"]
Energy = Literal["rf_monopolar", "rf_bipolar", "microwave", "laser", "cold"]

_ENERGIES: tuple[Energy, ...] = get_args(Energy)
_NEEDED: Mapping[Energy, tuple[str, ...]] = {
    "rf_monopolar": ("power_W",), "rf_bipolar": ("power_W", "gap_mm"), "microwave": ("power_W", "efficiency"),
    "laser": ("power_W",), "cold": ("wall_degC",),
}  # fmt: skip

LABEL = "unverified, not measured in bone"
ZONES = "applicators/zones.yaml"


@dataclass(frozen=True)
class Applicator:
    """What a simulation needs of a probe.  None: not known, or nothing that such a probe has.

    Attributes:
        diameter_mm: of what goes through the tissue.
        active_mm: length of the active part; of each electrode where there is a gap.
        gap_mm: between the two electrodes of one shaft.
        tip_mm: from the tip to where the active part begins.
        power_W: that the generator is set to; its range is the device's.
        set_degC: of the hottest tissue, which the generator holds.
        coolant_degC: what runs through the shaft.
        efficiency: share of the power set that tissue takes up.
        wall_degC, cooling_W, ramp_s: of a cryoprobe: how cold its wall gets, the most heat it takes away,
            and how long the wall needs.
        impedance_max_ohm: at which the generator pauses.
        stamps: what stands on every picture and table of it.
    """

    id: str
    name: str
    energy: Energy
    diameter_mm: float
    active_mm: float
    gap_mm: float = 0.0
    tip_mm: float = 0.0
    power_W: Known | None = None
    set_degC: Known | None = None
    coolant_degC: Known | None = None
    efficiency: Known | None = None
    wall_degC: Known | None = None
    cooling_W: Known | None = None
    ramp_s: float = 0.0
    impedance_max_ohm: Known | None = None
    stamps: tuple[str, ...] = ()

    @property
    def length_mm(self) -> float:
        """Of all that is active: both electrodes and their gap, where there are two on the shaft."""
        return 2.0 * self.active_mm + self.gap_mm if self.energy == "rf_bipolar" else self.active_mm

    def require(self, power_W: float | None, set_degC: float | None = None) -> None:
        """Refuse a setting that the device does not have; a cold wall may be held warmer than its coldest.

        Raises:
            BadInput: outside its range; the message names the range.
        """
        held = self.wall_degC if self.energy == "cold" else self.set_degC
        for value, of, unit in ((power_W, self.power_W, "W"), (set_degC, held, "degC")):
            if value is None or of is None or of.low is None or of.high is None:
                continue
            high = number("heat.body_degC") if of is self.wall_degC else of.high
            if not of.low <= value <= high:
                raise BadInput(
                    f"{self.name}: {value:g} {unit} is outside its {of.low:g} to {high:g} {unit}; "
                    "choose within, or enter the device's own range"
                )


class ZoneRow(Cited):
    """The zone of one applicator at one setting, as charted or measured: an ellipsoid about the probe.

    Attributes:
        device: id of the probe (``data/devices``, or ``devices`` of the same file).
        medium: what it was charted or measured in, in words.
        organ: ``liver``, ``kidney`` ...; ``none`` for a phantom; ``not stated``.
        tissue: id of what the medium is like (``data/tissues``), for a model that is held against the row;
            the organ where it is left out.
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
    tissue: str = ""
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
    zones: tuple[ZoneRow, ...] = ()
    devices: dict[str, DeviceRow] = {}

    @model_validator(mode="after")
    def _not_empty(self) -> ApplicatorFile:
        if not (self.zones or self.devices):
            raise ValueError("neither zones nor devices: name one of either at least")
        return self


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

    @property
    def own_probes(self) -> Mapping[str, Device]:
        """Probes by id that this table describes itself, and well enough to be simulated."""
        return {id: one for id, one in self.devices.items() if id not in _probes() and "energy" in one.values}

    def diameter_mm(self, row: ZoneRow) -> float | None:
        """Outer diameter of the row's probe; None where no device row tells it."""
        known = self.devices[row.device].values.get("outer_diameter_mm")
        value = known.value if known else None
        return float(value) if isinstance(value, int | float) else None

    def placeable(self, modality: Modality | None = None) -> tuple[ZoneRow, ...]:
        """Rows that a probe can be placed by, of one modality or of all."""
        return tuple(row for row in self.rows.values() if row.placeable and modality in (None, row.modality))


def applicator_of(device_id: str, shelf: Mapping[str, Device] | None = None) -> Applicator:
    """A probe as a simulation needs it.

    Args:
        shelf: probes by id, where a centre has its own; the package's where None.

    Raises:
        UnknownName: there is no such probe.
        BadInput: it has no energy, or lacks a number that its energy needs.
    """
    probe = named("probe", device_id, _probes() if shelf is None else shelf)
    values = {name: value for name, value in probe.values.items() if value.value is not None}
    said = values["energy"].value if "energy" in values else None
    energy = next((word for word in _ENERGIES if word == said), None)
    if energy is None:
        told = "no row tells its energy" if said is None else f"the energy '{said}' is none of ours"
        raise BadInput(
            f"{probe.name}: {told}, so it cannot be simulated; give the device '{device_id}' an 'energy' "
            f"({', '.join(_ENERGIES)}) and its numbers (docs/applicators.md), or take a generic probe"
        )
    needed = ("outer_diameter_mm", "active_mm", *_NEEDED[energy])
    lacks = [name for name in needed if name not in values]
    if lacks:
        raise BadInput(f"{probe.name}: '{energy}' needs {', '.join(lacks)}; enter it with its source")

    def plain(name: str) -> float:
        return values[name].number if name in values else 0.0

    known_of = values.get
    return Applicator(
        device_id, probe.name, energy, plain("outer_diameter_mm"), plain("active_mm"), plain("gap_mm"),
        plain("tip_mm"), known_of("power_W"), known_of("set_degC"), known_of("coolant_degC"),
        known_of("efficiency"), known_of("wall_degC"), known_of("cooling_W"), plain("ramp_s"),
        known_of("impedance_max_ohm"), stamps_of_probe(device_id),
    )  # fmt: skip


def stamps_of_probe(device_id: str) -> tuple[str, ...]:
    """What stands wherever a probe is shown; *unverified*, for no table of a zone in bone was ever read."""
    return (*(("generic applicator",) if is_generic(device_id) else ()), "unverified")


def is_generic(device_id: str) -> bool:
    """Whether a probe is nobody's product."""
    return device_id.startswith("generic_")


@cache
def applicators(root: Path | None = None) -> ApplicatorTable:
    """The zones that the package ships.

    Raises:
        BadInput: a row of a probe that does not exist, or an id twice.
    """
    file = document(ZONES, ApplicatorFile, root)
    shelf = _probes(root)
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
    shelf = dict(_probes())
    for id, probe in file.devices.items():
        if probe.kind != "probe":
            raise marked.fault(("devices", id, "kind"), f"{id} is a {probe.kind}; here only probes are named")
        shelf[id] = Device(id, probe.kind, probe.name, all_known(probe.values, f"the device '{id}'"))
    for index, row in enumerate(file.zones):
        fault = _fault(row, file.zones[:index], shelf)
        if fault:
            raise marked.fault(("zones", index), f"{row.id}: {fault}")
    return ApplicatorTable(str(path), {row.id: row for row in file.zones}, shelf)


def _probes(root: Path | None = None) -> Mapping[str, Device]:
    return {id: one for id, one in devices(root).items() if one.kind == "probe"}


def _fault(row: ZoneRow, before: Iterable[ZoneRow], shelf: Mapping[str, Device]) -> str:
    """What the schema cannot see in a row; "" if it is sound."""
    if row.id in {other.id for other in before}:
        return "the id stands twice; give each zone its own"
    if row.device not in shelf:
        return str(UnknownName("probe", row.device, shelf))
    if row.tissue and row.tissue not in heat_tissues():
        return str(UnknownName("tissue", row.tissue, heat_tissues()))
    if row.status == "verified":
        return f"a zone is 'unverified' ({LABEL}); write status: unverified"
    return ""
