"""What is at hand in the room: devices, hard limits, how the patient lies, what guides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from osteoplan.errors import named
from osteoplan.model.device import Device
from osteoplan.model.evidence import Known
from osteoplan.model.trajectory import Position

__all__ = ["Inventory"]


@dataclass(frozen=True, eq=False)
class Inventory:
    """Devices by id and hard limits by name.

    Attributes:
        position: of the patient; None where nobody said: nothing is then held against a way.
        guidances: ids, the preferred one first; none where nobody said.
        way_limits: the centre's own limits of needle paths.
    """

    devices: Mapping[str, Device]
    limits: Mapping[str, Known]
    position: Position | None = None
    guidances: tuple[str, ...] = ()
    way_limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def conditions(self) -> tuple[object, ...]:
        """What a search for trajectories depends on beside the devices: position, guidance, own limits."""
        return (self.position, self.guidances, *sorted(self.way_limits.items()))

    def limit(self, name: str) -> Known:
        """A limit, in the unit that its name ends with.

        Raises:
            UnknownName: there is no such limit.
        """
        return named("limit", name, self.limits, "the shelf")

    def device(self, name: str) -> Device:
        """A device by id.

        Raises:
            UnknownName: it is not on this shelf.
        """
        return named("device", name, self.devices, "the shelf")

    def of_kind(self, kind: str) -> tuple[Device, ...]:
        """All devices of one kind, by id."""
        return tuple(self.devices[name] for name in sorted(self.devices) if self.devices[name].kind == kind)
