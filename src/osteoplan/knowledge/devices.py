"""Things from the shelf, with cited properties (``data/devices``)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from osteoplan.errors import named
from osteoplan.knowledge.load import KnownRow, Strict, all_known, documents
from osteoplan.model.device import Device

__all__ = ["device", "devices"]


class DeviceRow(Strict):
    """One device: what it is, what people call it, and its properties by name (unit in the name)."""

    kind: Literal["needle", "cement", "screw", "wire", "probe"]
    name: str
    values: dict[str, KnownRow]


class DeviceFile(Strict):
    """Devices of one trade, by id."""

    date: datetime.date | None = None
    devices: dict[str, DeviceRow]


@cache
def devices(root: Path | None = None) -> Mapping[str, Device]:
    """Every device by id."""
    return {
        id: Device(id, row.kind, row.name, all_known(row.values, f"the device '{id}'"))
        for file in documents("devices", DeviceFile, root).values()
        for id, row in file.devices.items()
    }


def device(id: str) -> Device:
    """The device of that id.

    Raises:
        UnknownName: there is none; the message names the nearest.
    """
    return named("device", id, devices())
