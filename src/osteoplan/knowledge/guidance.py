"""How a device is guided (``guidance``), and what its imaging lets a person follow (``imaging``).

Studies print the mean size of an error; what is drawn is a Gaussian, alike in every direction across the
device.  With s the standard deviation per direction the mean size is

    line    error in one direction            E|e| = s sqrt(2/pi)
    plane   distance across the device        E|e| = s sqrt(pi/2)        (Rayleigh)
    space   distance of the tip in all three  E|e| = s sqrt(8/pi)        (Maxwell)

so s follows from the mean.  Assumed: no error that always points one way, place and direction independent,
error of depth as large as across where a study gives the distance in space.  A published sd of the size is
shown and not used: it says how long the tail is, and a tail longer than Gaussian is then missed.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from osteoplan.errors import named
from osteoplan.knowledge.load import Cited, KnownRow, Strict, all_known, documents
from osteoplan.model.evidence import Known

__all__ = [
    "SD_PER_MEAN", "Guidance", "Imaging", "PublishedError", "guidance", "guidances", "imaging", "imagings",
]  # fmt: skip

ErrorPlace = Literal["entry", "target", "angle"]
ErrorSpan = Literal["line", "plane", "space"]

# standard deviation per direction over the mean size of the error
SD_PER_MEAN: Mapping[ErrorSpan, float] = {
    "line": math.sqrt(math.pi / 2.0), "plane": math.sqrt(2.0 / math.pi), "space": math.sqrt(math.pi / 8.0),
}  # fmt: skip
_UNITS: Mapping[ErrorPlace, str] = {"entry": "mm", "target": "mm", "angle": "deg"}


class PublishedError(KnownRow):
    """The mean size of an error that a study found.

    Attributes:
        at: where: the entry, the target, or the angle between planned and real direction.
        of: the error is in one direction (line), across the device (plane) or in space.
        spread: published sd of the size.
        count: placements.
        setting: phantom, patients ...
        used: the guidance's own error is made from this row.
    """

    at: ErrorPlace
    of: ErrorSpan
    value: float
    spread: float | None = None
    count: int | None = None
    setting: str
    used: bool = False

    @property
    def sd(self) -> float:
        """Standard deviation per direction that gives this mean size, in the row's unit."""
        return self.value * SD_PER_MEAN[self.of]


class GuidanceRow(Cited):
    """One file of ``data/guidance``."""

    id: str
    title: str
    imaging: str
    published: tuple[PublishedError, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_of_each(self) -> GuidanceRow:
        """One place and one angle are used; units are those of the places."""
        used = [row.at == "angle" for row in self.published if row.used]
        if sorted(used) != [False, True]:
            raise ValueError("mark with 'used' exactly one row at entry or target and one at angle")
        wrong = [row for row in self.published if row.unit != _UNITS[row.at]]
        if wrong:
            raise ValueError(
                f"an error at the {wrong[0].at} is in {_UNITS[wrong[0].at]}, not {wrong[0].unit}"
            )
        return self


class ImagingRow(Strict):
    """One file of ``data/imaging``."""

    id: str
    title: str
    kind: Literal["ct", "c_arm"]
    date: datetime.date
    limits: dict[str, KnownRow]

    @model_validator(mode="after")
    def _its_limits(self) -> ImagingRow:
        """Every limit of the kind is given, and no other."""
        if set(self.limits) != set(_LIMITS[self.kind]):
            raise ValueError(f"a {self.kind} has the limits {', '.join(_LIMITS[self.kind])}")
        return self


_LIMITS: Mapping[str, tuple[str, ...]] = {
    "ct": (
        "bore_radius_mm", "bore_clearance_mm", "gantry_tilt_max_deg", "off_plane_max_deg",
        "below_horizontal_max_deg",
    ),
    "c_arm": (
        "orbital_min_deg", "orbital_max_deg", "angulation_max_deg", "outer_end_max_mm",
        "below_horizontal_max_deg",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Imaging:
    """What a device is watched with, and within which limits.

    Attributes:
        kind: ``ct``: slices, a bore and perhaps a tilting gantry; ``c_arm``: a view along the device.
        limits: name with unit -> value with its source.
    """

    id: str
    title: str
    kind: Literal["ct", "c_arm"]
    limits: Mapping[str, Known]

    def limit(self, name: str) -> Known:
        """One limit, in the unit of its name.

        Raises:
            UnknownName: this kind of imaging has no such limit.
        """
        return named("limit", name, self.limits, f"knowledge/data/imaging/{self.id}.yaml")


@dataclass(frozen=True)
class Guidance:
    """A way of guiding a device, with the error that it leaves where nobody corrects.

    Attributes:
        imaging: what its paths must be within reach of.
        place, angle: the published errors that it rests on.
        published: every published error that was read.
    """

    id: str
    title: str
    imaging: Imaging
    place: PublishedError
    angle: PublishedError
    published: tuple[PublishedError, ...]
    note: str = ""

    @property
    def lateral_sd_mm(self) -> float:
        """Standard deviation of the place on the bone, per direction across the device [mm]."""
        return self.place.sd

    @property
    def angle_sd_deg(self) -> float:
        """Standard deviation of the direction, per plane [deg]."""
        return self.angle.sd


def guidance(id: str) -> Guidance:
    """The guidance of that id.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    return named("guidance", id, guidances(), "knowledge/data/guidance")


@cache
def guidances(root: Path | None = None) -> Mapping[str, Guidance]:
    """Every guidance by id."""
    seen = imagings(root)
    return {row.id: _guidance(row, seen) for row in documents("guidance", GuidanceRow, root).values()}


def imaging(id: str) -> Imaging:
    """The imaging of that id.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    return named("imaging", id, imagings(), "knowledge/data/imaging")


@cache
def imagings(root: Path | None = None) -> Mapping[str, Imaging]:
    """Every imaging by id."""
    return {
        row.id: Imaging(
            row.id, row.title, row.kind, all_known(row.limits, f"knowledge/data/imaging/{row.id}.yaml")
        )
        for row in documents("imaging", ImagingRow, root).values()
    }


def _guidance(row: GuidanceRow, seen: Mapping[str, Imaging]) -> Guidance:
    imaging = named("imaging", row.imaging, seen, f"knowledge/data/guidance/{row.id}.yaml")
    used = {published.at == "angle": published for published in row.published if published.used}
    return Guidance(row.id, row.title, imaging, used[False], used[True], row.published, row.note)
