"""What a technique is: three methods over an anatomy, and the shelf that it may take things from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from osteoplan.errors import UnknownName
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.device import Device
from osteoplan.model.effects import Effects
from osteoplan.model.evidence import Known
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Plan, Violation
from osteoplan.model.way import Position

__all__ = ["Shelf", "Technique"]


@dataclass(frozen=True, eq=False)
class Shelf:
    """What is at hand in the room: devices by id, hard limits by name, how the patient lies, what guides.

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

    def limit(self, name: str) -> float:
        """A numeric limit, in the unit that its name ends with.

        Raises:
            UnknownName: there is no such limit.
            BadInput: it is there, but it is not a number.
        """
        if name not in self.limits:
            raise UnknownName("limit", name, self.limits, "the shelf")
        return self.limits[name].number

    def device(self, name: str) -> Device:
        """A device by id.

        Raises:
            UnknownName: it is not on this shelf.
        """
        if name not in self.devices:
            raise UnknownName("device", name, self.devices, "the shelf")
        return self.devices[name]

    def of_kind(self, kind: str) -> tuple[Device, ...]:
        """All devices of one kind, by id."""
        return tuple(self.devices[name] for name in sorted(self.devices) if self.devices[name].kind == kind)


@runtime_checkable
class Technique(Protocol):
    """Something that can be done for a bone lesion.

    The three methods are pure: the same arguments give the same answer, and nothing is changed.  A technique
    whose ``kind`` is ``comparator`` proposes one plan without steps and has no violations and no effects.
    """

    @property
    def id(self) -> str:
        """Name of the technique in files, e.g. ``vertebroplasty``."""
        ...

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    @property
    def kind(self) -> Literal["plan", "comparator"]:
        """Whether it is planned here, or stands beside the plans with published outcomes."""
        ...

    def propose(self, anatomy: Anatomy, findings: Findings, shelf: Shelf) -> tuple[Plan, ...]:
        """Every way to do it here; plans that break a limit are proposed too, ``violations`` says why."""
        ...

    def violations(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> tuple[Violation, ...]:
        """Hard limits that a plan breaks, measured afresh on the plan's own geometry."""
        ...

    def effects(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> Effects:
        """What the plan does to the body, without a grid."""
        ...
