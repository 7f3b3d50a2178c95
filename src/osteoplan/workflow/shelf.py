"""What is on the shelf at this centre: devices and limits from knowledge, narrowed by ``centre.yaml``."""

from __future__ import annotations

from dataclasses import replace

from osteoplan.errors import UnknownName
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.techniques import limits
from osteoplan.model.case import Case
from osteoplan.techniques.protocol import Shelf

__all__ = ["shelf_for"]


def shelf_for(case: Case) -> Shelf:
    """Devices and limits for a case.

    ``centre.yaml`` may hold ``devices: [ids]`` (what is available) and ``limits: {name: value}``.

    Raises:
        UnknownName: the centre names a device or limit that does not exist.
    """
    shelf = Shelf(devices(), limits("vertebroplasty"))
    wanted = case.centre.get("devices")
    if wanted is not None:
        for name in wanted:
            if name not in shelf.devices:
                raise UnknownName("device", name, shelf.devices, "centre.yaml")
        shelf = replace(shelf, devices={name: shelf.devices[name] for name in wanted})
    own = case.centre.get("limits", {})
    for name in own:
        if name not in shelf.limits:
            raise UnknownName("limit", name, shelf.limits, "centre.yaml")
    if own:
        changed = {
            name: replace(shelf.limits[name], value=value, note="set by this centre")
            for name, value in own.items()
        }
        shelf = replace(shelf, limits={**shelf.limits, **changed})
    return shelf
